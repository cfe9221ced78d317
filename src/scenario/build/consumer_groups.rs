//! Consumer groups as the brokers have them: `group.consumer.*`, the dynamic settings of single groups, and the bounds between them
//! (`GroupCoordinatorConfig`, `GroupConfig.validateValues`).

use std::sync::Arc;

use crate::assignor::ServerAssignorKind;
use crate::kernel::SimDuration;
use crate::protocol::config::{BrokerConfig, ConsumerGroupConfig, MigrationPolicy};
use crate::scenario::code::Code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::near::did_you_mean;
use crate::scenario::shape::{Item, Pair};

use super::Builder;
use super::brokers::Release;
use super::settings::{self, Keys};

const SESSION: &str = "session.timeout.ms";
const HEARTBEAT: &str = "heartbeat.interval.ms";
const ASSIGNMENT: &str = "assignment.interval.ms";

/// What a setting of a single group must lie within: least, most.
type Bound = (SimDuration, SimDuration);

/// What the brokers leave to single groups.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    session: Bound,
    heartbeat: Bound,
    assignment: Bound,
}

impl Bounds {
    /// Kafka's own.
    pub(super) const DEFAULT: Self = {
        const fn bound(least: u64, most: u64) -> Bound {
            (
                SimDuration::from_millis(least),
                SimDuration::from_millis(most),
            )
        }
        Self {
            session: bound(45_000, 60_000),
            heartbeat: bound(5_000, 15_000),
            assignment: bound(0, 15_000),
        }
    };

    /// The bounds, the settings in `config` that they bound, and the ends of their names.
    const fn of(&self, config: &ConsumerGroupConfig) -> [(&'static str, SimDuration, Bound); 3] {
        [
            (SESSION, config.session_timeout, self.session),
            (HEARTBEAT, config.heartbeat_interval, self.heartbeat),
            (ASSIGNMENT, config.assignment_interval, self.assignment),
        ]
    }
}

/// The server assignors that Kafka ships, for messages.
pub(super) const SERVER_ASSIGNORS: &str = "uniform or range";

/// The server assignor called `name` on the wire.
pub(super) fn server_assignor(name: &str) -> Option<ServerAssignorKind> {
    ServerAssignorKind::ALL
        .into_iter()
        .find(|kind| kind.name() == name)
}

const PACKAGE: &str = "org.apache.kafka.coordinator.group.assignor.";

fn assignor_class(name: &str) -> Option<ServerAssignorKind> {
    match name.strip_prefix(PACKAGE)? {
        "UniformAssignor" => Some(ServerAssignorKind::Uniform),
        "RangeAssignor" => Some(ServerAssignorKind::Range),
        _ => None,
    }
}

fn millis(span: SimDuration) -> u64 {
    span.as_micros() / 1_000
}

fn span_of(pair: &Pair) -> SimDuration {
    let number = pair.item.integer().unwrap_or(0);
    SimDuration::from_micros(number.saturating_mul(1_000))
}

impl Builder<'_, '_> {
    /// What `keys` of the brokers say of consumer groups, laid over `config`; leaves the bounds for [`Builder::group_config`].
    pub(super) fn consumer_groups(
        &mut self,
        config: &mut ConsumerGroupConfig,
        keys: &Keys<'_>,
        release: Release,
    ) {
        let mut bounds = Bounds::DEFAULT;
        for (key, pair) in keys {
            let Some(name) = key.strip_prefix("group.consumer.") else {
                continue;
            };
            self.since(pair, name, release);
            let span = span_of(pair);
            match name {
                SESSION => config.session_timeout = span,
                HEARTBEAT => config.heartbeat_interval = span,
                ASSIGNMENT => config.assignment_interval = span,
                "min.session.timeout.ms" => bounds.session.0 = span,
                "max.session.timeout.ms" => bounds.session.1 = span,
                "min.heartbeat.interval.ms" => bounds.heartbeat.0 = span,
                "max.heartbeat.interval.ms" => bounds.heartbeat.1 = span,
                "min.assignment.interval.ms" => bounds.assignment.0 = span,
                "max.assignment.interval.ms" => bounds.assignment.1 = span,
                "max.size" => {
                    let size = pair.item.integer().unwrap_or(0);
                    config.max_size = u32::try_from(size).unwrap_or(u32::MAX);
                }
                "assignors" => self.server_assignors(config, &pair.item),
                "migration.policy" => config.migration_policy = policy(pair),
                _ => {}
            }
        }
        self.broker_bounds(config, &bounds, keys);
        self.rebalance_protocols(keys, release);
        self.bounds = bounds;
    }

    /// Reports a setting that the release does not have.
    fn since(&mut self, pair: &Pair, name: &str, release: Release) {
        let profile = release.profile;
        let (there, since) = if name.ends_with(ASSIGNMENT) {
            (profile.batches_assignments(), "4.3")
        } else {
            (profile.consumer_protocol, "4.0")
        };
        // What has no model is noted wherever it stands.
        if !there
            && !matches!(
                name,
                "regex.refresh.interval.ms" | "assignor.offload.enable"
            )
        {
            let message = format!("`{}` came with Kafka {since}", pair.key);
            self.report(
                Diagnostic::error(Code::NotInVersion, pair.key_span, message)
                    .help(format!("the brokers are of {}", release.version)),
            );
        }
    }

    fn server_assignors(&mut self, config: &mut ConsumerGroupConfig, item: &Item) {
        let mut kinds = Vec::new();
        for at in item.items() {
            let text = at.text().unwrap_or("");
            match server_assignor(text).or(assignor_class(text)) {
                Some(kind) if kinds.contains(&kind) => {
                    let message = format!("`{}` stands here twice", kind.name());
                    self.error(Code::KafkaRange, at, message);
                }
                Some(kind) => kinds.push(kind),
                None => self.unknown_server_assignor(at, text),
            }
        }
        if item.items().is_empty() {
            let message = "`group.consumer.assignors` names no assignor";
            self.error(Code::KafkaRange, item, message);
        }
        config.assignors = Arc::from(kinds);
    }

    /// Reports a server assignor that Kafka does not have. The custom ones run in clients alone.
    pub(super) fn unknown_server_assignor(&mut self, item: &Item, text: &str) {
        let names = ServerAssignorKind::ALL.map(ServerAssignorKind::name);
        let custom = super::settings::client_assignor(text).filter(|kind| kind.is_custom());
        if custom.is_some() {
            let message = format!(
                "`{text}` runs in the leader of a classic group; in the consumer protocol the brokers assign"
            );
            let help = "uniform or range here, or group.protocol: classic with partition.assignment.strategy";
            self.report(Diagnostic::error(Code::UnknownAssignor, item.span, message).help(help));
            return;
        }
        let message = format!("unknown server assignor `{text}`");
        self.report(
            Diagnostic::error(Code::UnknownAssignor, item.span, message)
                .help(SERVER_ASSIGNORS)
                .maybe_help(did_you_mean(text, names)),
        );
    }

    /// What keeps a broker from starting.
    fn broker_bounds(&mut self, config: &ConsumerGroupConfig, bounds: &Bounds, keys: &Keys<'_>) {
        for (name, value, (least, most)) in bounds.of(config) {
            let [own, min, max] = ["", "min.", "max."].map(|end| {
                let key = format!("group.consumer.{end}{name}");
                (keys.get(key.as_str()).copied(), key)
            });
            let message = if least > most {
                format!("{} is lower than {}", max.1, min.1)
            } else if value < least || value > most {
                format!(
                    "{} {} is not within {} {} and {} {}",
                    own.1,
                    millis(value),
                    min.1,
                    millis(least),
                    max.1,
                    millis(most)
                )
            } else {
                continue;
            };
            // What the release presumes contradicts nothing that it presumes.
            if let Some(pair) = own.0.or(max.0).or(min.0) {
                self.error(Code::BrokerBounds, &pair.item, message);
            }
        }
        if config.heartbeat_interval >= config.session_timeout {
            let message = "group.consumer.heartbeat.interval.ms is not lower than group.consumer.session.timeout.ms";
            let set = |name: &str| keys.get(name).copied();
            let pair = set("group.consumer.heartbeat.interval.ms")
                .or(set("group.consumer.session.timeout.ms"));
            if let Some(pair) = pair {
                self.error(Code::HeartbeatNotBelowSession, &pair.item, message);
            }
        }
    }

    /// Why the brokers would refuse a member of the consumer protocol, if they would.
    fn rebalance_protocols(&mut self, keys: &Keys<'_>, release: Release) {
        self.refuses_consumer = (!release.profile.consumer_protocol).then(|| {
            format!(
                "the brokers are of Kafka {}, the consumer protocol came with 4.0",
                release.version
            )
        });
        let Some(pair) = keys.get("group.coordinator.rebalance.protocols") else {
            return;
        };
        let mut spoken = false;
        for at in pair.item.items() {
            match at.text().map(str::to_ascii_lowercase).as_deref() {
                Some("consumer") => spoken = true,
                Some("classic" | "share" | "streams") => {}
                other => {
                    let message = format!("there is no protocol `{}`", other.unwrap_or(""));
                    self.report(
                        Diagnostic::error(Code::KafkaRange, at.span, message)
                            .help("classic, consumer, share or streams"),
                    );
                }
            }
        }
        if !spoken {
            self.refuses_consumer = Some(
                "group.coordinator.rebalance.protocols does not name it: the brokers answer UNSUPPORTED_VERSION"
                    .to_owned(),
            );
        }
    }

    /// The settings of the group called `group`: those of `brokers` with its own in their place.
    pub(super) fn group_config(
        &mut self,
        all: Option<&Item>,
        group: &str,
        brokers: &BrokerConfig,
        release: Release,
    ) -> BrokerConfig {
        let mut config = brokers.clone();
        let Some(item) = all.and_then(|all| all.get(group)) else {
            return config;
        };
        let keys = settings::keys(&[Some(item)]);
        for (key, pair) in &keys {
            let name = key.strip_prefix("consumer.").unwrap_or(key);
            self.since(pair, name, release);
            let span = span_of(pair);
            match name {
                SESSION => config.consumer.session_timeout = span,
                HEARTBEAT => config.consumer.heartbeat_interval = span,
                ASSIGNMENT => config.consumer.assignment_interval = span,
                _ => {}
            }
        }
        let bounds = self.bounds;
        for (name, value, (least, most)) in bounds.of(&config.consumer) {
            let key = format!("consumer.{name}");
            let Some(pair) = keys.get(key.as_str()) else {
                continue;
            };
            if value < least || value > most {
                let (side, which, bound) = if value < least {
                    ("below", "min", least)
                } else {
                    ("above", "max", most)
                };
                let message = format!(
                    "{key} {} is {side} the brokers' group.consumer.{which}.{name}, {}",
                    millis(value),
                    millis(bound)
                );
                self.report(
                    Diagnostic::error(Code::GroupBounds, pair.item.span, message)
                        .label("the brokers answer INVALID_CONFIG")
                        .help("change it, or the bound under `brokers.config`"),
                );
            }
        }
        if config.consumer.heartbeat_interval >= config.consumer.session_timeout {
            let message =
                "consumer.heartbeat.interval.ms is not lower than consumer.session.timeout.ms";
            self.error(Code::HeartbeatNotBelowSession, item, message);
        }
        config
    }

    /// Reports settings of groups that there are not.
    pub(super) fn groups_configured(&mut self, all: Option<&Item>, groups: Option<&Item>) {
        let known: Vec<&str> = groups
            .map_or(&[][..], Item::pairs)
            .iter()
            .map(|pair| &*pair.key)
            .collect();
        if groups.is_none_or(Item::is_wrong) {
            return;
        }
        for pair in all.map_or(&[][..], Item::pairs) {
            if !known.contains(&&*pair.key) {
                let message = format!("there is no group `{}`", pair.key);
                self.report(
                    Diagnostic::error(Code::UnknownGroup, pair.key_span, message)
                        .help(format!("groups: {}", known.join(", ")))
                        .maybe_help(did_you_mean(&pair.key, known.iter().copied())),
                );
            }
        }
    }
}

fn policy(pair: &Pair) -> MigrationPolicy {
    match pair.item.text() {
        Some("disabled") => MigrationPolicy::Disabled,
        Some("upgrade") => MigrationPolicy::Upgrade,
        Some("downgrade") => MigrationPolicy::Downgrade,
        _ => MigrationPolicy::Bidirectional,
    }
}
