//! `brokers`: the cluster, its settings and its version.

use crate::kernel::SimDuration;
use crate::protocol::config::BrokerConfig;
use crate::scenario::check::duration_or;
use crate::scenario::code::Code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::plan::Brokers;
use crate::scenario::profile::{PROFILES, Profile, Version};
use crate::scenario::shape::Item;
use crate::workload::distribution::Distribution;

use super::Builder;
use super::settings;

/// A release as asked for, and the profile that stands for it.
#[derive(Clone, Copy, Debug)]
pub(in crate::scenario) struct Release {
    /// As asked for.
    pub(in crate::scenario) version: Version,
    /// What applies.
    pub(in crate::scenario) profile: &'static Profile,
}

impl Builder<'_, '_> {
    /// The brokers, and their release.
    pub(super) fn brokers(&mut self, item: Option<&Item>) -> (Brokers, Release) {
        let get = |key: &'static str| item.and_then(|item| item.get(key));
        let newest = Profile::newest();
        let newest = Release {
            version: newest.version,
            profile: newest,
        };
        let release = self.release(get("version"), newest);
        let mut constant = |key: &'static str, micros| match get(key) {
            Some(item) => self.distribution(item),
            None => Distribution::Constant(SimDuration::from_micros(micros)),
        };
        let (latency, append) = (constant("latency", 500), constant("append", 2_000));
        let count = get("count").and_then(Item::integer).unwrap_or(3);
        let racks = get("racks").map_or(&[][..], Item::items);
        if racks.is_empty()
            && let Some(item) = get("cross_rack_latency")
        {
            let message = "`cross_rack_latency` changes nothing without `racks`";
            self.error(Code::Exclusive, item, message);
        }
        let brokers = Brokers {
            count: u32::try_from(count).unwrap_or(u32::MAX),
            latency,
            append,
            assignor_cost: get("assignor_cost").map(|item| self.distribution(item)),
            racks: racks
                .iter()
                .filter_map(Item::text)
                .map(str::to_owned)
                .collect(),
            cross_rack_latency: duration_or(get("cross_rack_latency"), SimDuration::ZERO),
            leader_rebalance: leader_rebalance(get("config")),
            config: self.broker_config(get("config"), release),
        };
        (brokers, release)
    }

    /// The release that `item` asks for.
    pub(super) fn release(&mut self, item: Option<&Item>, default: Release) -> Release {
        let Some((item, text)) = item.and_then(|item| Some((item, item.text()?))) else {
            return default;
        };
        let version = Version::parse(text);
        let known = version.and_then(|version| Some((version, Profile::of(version)?)));
        let Some((version, profile)) = known else {
            let names: Vec<String> = PROFILES.iter().map(|p| p.version.to_string()).collect();
            let message = format!("`{text}` is no Kafka version with a profile");
            self.report(
                Diagnostic::error(Code::UnknownVersion, item.span, message).help(format!(
                    "known: {}; a release between two takes the lower",
                    names.join(", ")
                )),
            );
            return default;
        };
        if version != profile.version {
            let message = format!(
                "{version} has no profile of its own: that of {} applies",
                profile.version
            );
            self.report(Diagnostic::note(Code::BetweenVersions, item.span, message));
        }
        Release { version, profile }
    }

    fn broker_config(&mut self, item: Option<&Item>, release: Release) -> BrokerConfig {
        let mut config = release.profile.broker();
        let keys = settings::keys(&[item]);
        for (key, pair) in &keys {
            let number = pair.item.integer().unwrap_or(0);
            let span = SimDuration::from_micros(number.saturating_mul(1_000));
            match *key {
                "group.initial.rebalance.delay.ms" => config.initial_rebalance_delay = span,
                "group.min.session.timeout.ms" => config.min_session_timeout = span,
                "group.max.session.timeout.ms" => config.max_session_timeout = span,
                "group.max.size" => config.max_size = u32::try_from(number).unwrap_or(u32::MAX),
                _ => {}
            }
        }
        if config.min_session_timeout > config.max_session_timeout {
            let max = keys.get("group.max.session.timeout.ms");
            if let Some(pair) = max.or(keys.get("group.min.session.timeout.ms")) {
                let message =
                    "group.max.session.timeout.ms is lower than group.min.session.timeout.ms";
                self.error(Code::BrokerBounds, &pair.item, message);
            }
        }
        self.consumer_groups(&mut config.consumer, &keys, release);
        config
    }
}

/// `auto.leader.rebalance.enable` and `leader.imbalance.check.interval.seconds` (`ReplicationConfigs`).
fn leader_rebalance(config: Option<&Item>) -> Option<SimDuration> {
    let keys = settings::keys(&[config]);
    let enabled = keys.get("auto.leader.rebalance.enable");
    let interval = keys.get("leader.imbalance.check.interval.seconds");
    let seconds = interval.and_then(|pair| pair.item.integer()).unwrap_or(300);
    let is_enabled = enabled.is_none_or(|pair| pair.item.is_true());
    is_enabled.then(|| SimDuration::from_secs(seconds))
}
