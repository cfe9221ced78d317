//! Consumer settings: Kafka keys laid over a release's defaults, and what Kafka's constructors and coordinator refuse.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::assignor::AssignorKind;
use crate::kernel::SimDuration;
use crate::protocol::config::{
    BrokerConfig, CLIENT_TICK, ConsumerConfig, GroupMembershipOperation, GroupProtocol, OffsetReset,
};
use crate::scenario::code::Code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::near::did_you_mean;
use crate::scenario::node::Span;
use crate::scenario::profile::COOPERATIVE_SINCE;
use crate::scenario::shape::{Item, Pair};

use super::Builder;
use super::brokers::Release;
use super::consumer_groups::server_assignor;

/// Kafka keys in force, whole name to where it was set last.
pub(in crate::scenario) type Keys<'i> = BTreeMap<&'i str, &'i Pair>;

/// Lays maps of Kafka keys over each other, the last on top; what is unset has Kafka's default again.
pub(super) fn keys<'i>(layers: &[Option<&'i Item>]) -> Keys<'i> {
    let mut keys = Keys::new();
    for layer in layers.iter().flatten() {
        lay(&mut keys, layer);
    }
    keys
}

/// Lays one more map of Kafka keys on top.
pub(super) fn lay<'i>(keys: &mut Keys<'i>, layer: &'i Item) {
    for pair in layer.pairs() {
        if pair.item.is_unset() {
            keys.remove(&*pair.key);
        } else {
            keys.insert(&pair.key, pair);
        }
    }
}

/// Kafka's assignors by class. Those that are not Kafka's have a name alone.
const CLASSES: [(AssignorKind, &str); 4] = [
    (AssignorKind::Range, "RangeAssignor"),
    (AssignorKind::RoundRobin, "RoundRobinAssignor"),
    (AssignorKind::Sticky, "StickyAssignor"),
    (AssignorKind::CooperativeSticky, "CooperativeStickyAssignor"),
];

const PACKAGE: &str = "org.apache.kafka.clients.consumer.";

/// The assignor of the classic protocol that `text` names, by its name on the wire or its class.
pub(super) fn client_assignor(text: &str) -> Option<AssignorKind> {
    let by_name = AssignorKind::ALL
        .into_iter()
        .find(|kind| kind.name() == text);
    by_name.or_else(|| {
        let short = text.strip_prefix(PACKAGE)?;
        let (kind, _) = CLASSES.iter().find(|(_, class)| *class == short)?;
        Some(*kind)
    })
}

impl Builder<'_, '_> {
    /// The settings that `keys` make under `release`; findings without a place of their own go to `place`.
    pub(super) fn consumer_config(
        &mut self,
        keys: &Keys<'_>,
        release: Release,
        brokers: &BrokerConfig,
        place: Span,
    ) -> ConsumerConfig {
        let mut config = release.profile.consumer();
        for pair in keys.values() {
            self.apply(&mut config, pair, release);
        }
        if !release.profile.exponential_backoff {
            config.retry_backoff_max = config.retry_backoff;
        }
        match config.group_protocol {
            GroupProtocol::Classic => {
                self.classic_protocol(keys);
                self.liveness(&config, keys, brokers, place);
            }
            GroupProtocol::Consumer => self.consumer_protocol(&config, keys, release, brokers),
        }
        self.leave_on_close(&mut config, keys, release);
        config
    }

    /// `internal.leave.group.on.close` was read by classic clients until 4.1 (`AbstractCoordinator`), and never by those of the consumer protocol.
    fn leave_on_close(&mut self, config: &mut ConsumerConfig, keys: &Keys<'_>, release: Release) {
        let Some(pair) = keys.get("internal.leave.group.on.close") else {
            return;
        };
        let is_classic = config.group_protocol == GroupProtocol::Classic;
        if pair.item.is_true() || (is_classic && release.profile.leave_group_on_close_key) {
            return;
        }
        config.on_close = GroupMembershipOperation::Default;
        let known =
            |finding: &Diagnostic| finding.code == Code::Ignored && finding.span == pair.key_span;
        if self.found.iter().any(known) {
            return;
        }
        let reason = if release.profile.leave_group_on_close_key {
            "clients of the consumer protocol do not read it".to_owned()
        } else {
            format!(
                "clients of Kafka {} do not read it: CloseOptions took its place",
                release.version
            )
        };
        let message = "`internal.leave.group.on.close: false` has no effect here";
        let help = match release.profile.close_options {
            true => {
                "`group_membership_operation: remain_in_group` in the group does it, or in a pod `shutdown: graceful_without_leave`"
            }
            false => "leave it out: members of this protocol leave with this release",
        };
        self.report(
            Diagnostic::note(Code::Ignored, pair.key_span, message)
                .label(reason)
                .help(help),
        );
    }

    /// What the group's `group_membership_operation` says; `None`: nothing.
    pub(super) fn membership_operation(
        &mut self,
        item: Option<&Item>,
        release: Release,
    ) -> Option<GroupMembershipOperation> {
        let item = item?;
        let operation = match item.text()? {
            "leave_group" => GroupMembershipOperation::LeaveGroup,
            "remain_in_group" => GroupMembershipOperation::RemainInGroup,
            _ => GroupMembershipOperation::Default,
        };
        let known =
            |finding: &Diagnostic| finding.code == Code::NotInVersion && finding.span == item.span;
        if !release.profile.close_options
            && operation != GroupMembershipOperation::Default
            && !self.found.iter().any(known)
        {
            let message = "`group_membership_operation` came with Kafka 4.1";
            self.report(
                Diagnostic::error(Code::NotInVersion, item.span, message)
                    .help("a classic client of an earlier release remains in the group with `internal.leave.group.on.close: false`"),
            );
        }
        Some(operation)
    }

    fn apply(&mut self, config: &mut ConsumerConfig, pair: &Pair, release: Release) {
        let item = &pair.item;
        let number = item.integer().unwrap_or(0);
        let millis = SimDuration::from_micros(number.saturating_mul(1_000));
        let text = || item.text().filter(|text| !text.is_empty()).map(Arc::from);
        match pair.key.as_str() {
            "group.protocol" if item.text() == Some("consumer") => {
                config.group_protocol = GroupProtocol::Consumer;
            }
            "group.remote.assignor" => {
                let name = item.text().unwrap_or("");
                config.group_remote_assignor = server_assignor(name);
                if config.group_remote_assignor.is_none() {
                    self.unknown_server_assignor(item, name);
                }
            }
            "group.instance.id" => config.group_instance_id = text(),
            "client.rack" => config.client_rack = text(),
            "session.timeout.ms" => config.session_timeout = millis,
            "heartbeat.interval.ms" => config.heartbeat_interval = millis,
            "max.poll.interval.ms" => config.max_poll_interval = millis,
            "max.poll.records" => {
                config.max_poll_records = u32::try_from(number).unwrap_or(u32::MAX);
            }
            "partition.assignment.strategy" => self.assignors(config, item, release),
            "enable.auto.commit" => config.enable_auto_commit = item.is_true(),
            "auto.commit.interval.ms" => {
                config.auto_commit_interval = millis.max(CLIENT_TICK);
                if number == 0 {
                    let message = "`auto.commit.interval.ms` 0 counts as 1 here";
                    self.report(Diagnostic::note(Code::Ignored, item.span, message).label(
                        "the client commits in every pass of its loop, and one takes a millisecond",
                    ));
                }
            }
            "default.api.timeout.ms" => config.default_api_timeout = millis,
            "auto.offset.reset" => self.offset_reset(config, item, release),
            "fetch.min.bytes" => config.fetch_min_bytes = number,
            "fetch.max.wait.ms" => config.fetch_max_wait = millis,
            "fetch.max.bytes" => config.fetch_max_bytes = number,
            "max.partition.fetch.bytes" => config.max_partition_fetch_bytes = number,
            "retry.backoff.ms" => config.retry_backoff = millis,
            "retry.backoff.max.ms" => {
                config.retry_backoff_max = millis;
                if !release.profile.exponential_backoff {
                    let message = "`retry.backoff.max.ms` came with Kafka 3.7";
                    self.error(Code::NotInVersion, item, message);
                }
            }
            "reconnect.backoff.ms" => config.reconnect_backoff = millis,
            "reconnect.backoff.max.ms" => config.reconnect_backoff_max = millis,
            "request.timeout.ms" => config.request_timeout = millis,
            "metadata.max.age.ms" => config.metadata_max_age = millis,
            "internal.leave.group.on.close" if !item.is_true() => {
                config.on_close = GroupMembershipOperation::RemainInGroup;
            }
            _ => {}
        }
    }

    fn assignors(&mut self, config: &mut ConsumerConfig, item: &Item, release: Release) {
        let mut kinds = Vec::new();
        for at in item.items() {
            let text = at.text().unwrap_or("");
            match client_assignor(text) {
                Some(kind) => kinds.push(kind),
                None => {
                    let names = AssignorKind::ALL.map(AssignorKind::name);
                    let (message, help) = if text.starts_with("x-") {
                        (
                            format!("unknown custom assignor `{text}`"),
                            "x-lag-aware or x-weighted, which are not Kafka's",
                        )
                    } else {
                        (
                            format!("unknown assignor `{text}`"),
                            "range, roundrobin, sticky, cooperative-sticky, or the full Java class",
                        )
                    };
                    self.report(
                        Diagnostic::error(Code::UnknownAssignor, at.span, message)
                            .help(help)
                            .maybe_help(did_you_mean(text, names))
                            .maybe_help(assignor_called(text)),
                    );
                }
            }
            let cooperative = kinds.last() == Some(&AssignorKind::CooperativeSticky);
            if cooperative && release.version < COOPERATIVE_SINCE {
                let message = format!("`cooperative-sticky` came with Kafka {COOPERATIVE_SINCE}");
                self.error(Code::NotInVersion, at, message);
            }
        }
        if item.items().is_empty() {
            let message = "`partition.assignment.strategy` names no assignor";
            self.error(Code::KafkaRange, item, message);
        }
        config.assignors = Arc::from(kinds);
    }

    fn offset_reset(&mut self, config: &mut ConsumerConfig, item: &Item, release: Release) {
        let text = item.text().unwrap_or("");
        let lower = text.to_ascii_lowercase();
        config.auto_offset_reset = match lower.as_str() {
            "latest" => OffsetReset::Latest,
            "earliest" => OffsetReset::Earliest,
            "none" => OffsetReset::None,
            other => {
                let span = other.strip_prefix("by_duration:").and_then(iso_duration);
                let Some(span) = span else {
                    let message = format!("`auto.offset.reset` cannot be `{text}`");
                    self.report(
                        Diagnostic::error(Code::KafkaRange, item.span, message)
                            .help("earliest, latest, none, or by_duration: and an ISO-8601 duration: by_duration:PT1H"),
                    );
                    return;
                };
                if !release.profile.offset_reset_by_duration {
                    self.error(
                        Code::NotInVersion,
                        item,
                        "`by_duration` came with Kafka 4.0",
                    );
                }
                OffsetReset::ByDuration(span)
            }
        };
    }

    /// What only the consumer protocol reads (`CLASSIC_PROTOCOL_UNSUPPORTED_CONFIGS`).
    fn classic_protocol(&mut self, keys: &Keys<'_>) {
        if let Some(set) = keys.get("group.remote.assignor") {
            let message = "`group.remote.assignor` cannot be set with group.protocol: classic";
            self.report(
                Diagnostic::error(Code::ConsumerKeyWithClassic, set.key_span, message)
                    .help("set `group.protocol: consumer` too, or `partition.assignment.strategy` instead"),
            );
        }
    }

    /// What keeps a client of the consumer protocol from starting, or the brokers from taking it in.
    fn consumer_protocol(
        &mut self,
        config: &ConsumerConfig,
        keys: &Keys<'_>,
        release: Release,
        brokers: &BrokerConfig,
    ) {
        let Some(pair) = keys.get("group.protocol") else {
            return;
        };
        let refusal = if release.profile.consumer_protocol {
            self.refuses_consumer.clone()
        } else {
            let version = release.version;
            Some(format!(
                "the client is of Kafka {version}, the consumer protocol came with 4.0"
            ))
        };
        if let Some(reason) = refusal {
            let message = "`group.protocol: consumer` cannot be spoken here";
            self.report(
                Diagnostic::error(Code::NotInVersion, pair.item.span, message).label(reason),
            );
        }
        // `CONSUMER_PROTOCOL_UNSUPPORTED_CONFIGS`
        for key in [
            "partition.assignment.strategy",
            "session.timeout.ms",
            "heartbeat.interval.ms",
        ] {
            if let Some(set) = keys.get(key) {
                let message = format!("`{key}` cannot be set with group.protocol: consumer");
                self.report(
                    Diagnostic::error(Code::ClassicKeyWithConsumer, set.key_span, message)
                        .help("the brokers decide this in the consumer protocol: leave it out, or take it back with `null`")
                        .related(pair.item.span, "the consumer protocol"),
                );
            }
        }
        let remote = keys.get("group.remote.assignor");
        if let (Some(set), Some(kind)) = (remote, config.group_remote_assignor)
            && !brokers.consumer.assignors.contains(&kind)
        {
            let message = format!(
                "`{}` is not among the brokers' group.consumer.assignors",
                kind.name()
            );
            self.report(
                Diagnostic::error(Code::UnknownAssignor, set.item.span, message)
                    .label("the coordinator answers UNSUPPORTED_ASSIGNOR"),
            );
        }
    }

    fn liveness(
        &mut self,
        config: &ConsumerConfig,
        keys: &Keys<'_>,
        brokers: &BrokerConfig,
        place: Span,
    ) {
        let span = |key: &str| keys.get(key).map(|pair| pair.item.span);
        let (session, heartbeat) = (span("session.timeout.ms"), span("heartbeat.interval.ms"));
        let timeout = config.session_timeout;
        if config.heartbeat_interval >= timeout {
            let message = "heartbeat.interval.ms is not lower than session.timeout.ms";
            let at = heartbeat.or(session).unwrap_or(place);
            let third = timeout.as_micros() / 3_000;
            let finding = Diagnostic::error(Code::HeartbeatNotBelowSession, at, message)
                .label(format!(
                    "members speak only every {}",
                    config.heartbeat_interval
                ))
                .help(format!("Kafka's advice is at most one third, here {third}"));
            self.report(match session.filter(|_| heartbeat.is_some()) {
                Some(session) => finding.related(
                    session,
                    format!("members are dropped after {timeout} of silence"),
                ),
                None => finding,
            });
        }
        let (min, max) = (brokers.min_session_timeout, brokers.max_session_timeout);
        if (timeout < min || timeout > max) && min <= max {
            let bound = if timeout < min {
                format!(
                    "below the brokers' group.min.session.timeout.ms, {}",
                    min.as_micros() / 1_000
                )
            } else {
                format!(
                    "above the brokers' group.max.session.timeout.ms, {}",
                    max.as_micros() / 1_000
                )
            };
            let message = format!(
                "session.timeout.ms {} is {bound}",
                timeout.as_micros() / 1_000
            );
            self.report(
                Diagnostic::error(Code::SessionBounds, session.unwrap_or(place), message)
                    .label("the coordinator answers INVALID_SESSION_TIMEOUT")
                    .help("change it, or the bound under `brokers.config`"),
            );
        }
    }
}

/// `PnDTnHnMnS` as Java's `Duration.parse` reads it, without signs; the text is lower case.
fn iso_duration(text: &str) -> Option<SimDuration> {
    let text = text.strip_prefix('p')?;
    let (days, clock) = text.split_once('t').unwrap_or((text, ""));
    if days.contains(['h', 'm', 's'])
        || (text.contains('t') && clock.is_empty())
        || clock.contains('d')
    {
        return None;
    }
    let both = format!("{days}{clock}");
    if both.is_empty() {
        return None;
    }
    crate::scenario::units::duration(&both).ok()
}

/// The assignor that goes by another name among users: a part of its name, its class without the package.
fn assignor_called(text: &str) -> Option<String> {
    let names = [
        ("cooperative", "cooperative-sticky"),
        ("CooperativeStickyAssignor", "cooperative-sticky"),
        ("RangeAssignor", "range"),
        ("RoundRobinAssignor", "roundrobin"),
        ("StickyAssignor", "sticky"),
    ];
    let known = names
        .iter()
        .find(|(theirs, _)| theirs.eq_ignore_ascii_case(text));
    known.map(|(_, name)| format!("did you mean `{name}`?"))
}
