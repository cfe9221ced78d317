//! C1 to C16 of the hand timelines: nothing costs anything, `group.initial.rebalance.delay.ms` 3,000, heartbeats every 3,000 ms, session
//! 10,000 ms, rebalance timeout 300,000 ms. Asserted to the microsecond.
//!
//! Where several things are due at one instant, messages come first, then timers (clients in the order of the scenario, then coordinators),
//! then the script; a test in which this decides says so.

use super::support::{Story, ideal};

/// Three members from the start, six partitions, `range`.
pub(crate) const THREE: &str = "[{ name: a }, { name: b }, { name: c }]";
/// The same, and a fourth from 10,000 ms on.
pub(crate) const AND_X: &str = "[{ name: a }, { name: b }, { name: c }, { name: x, at: 10s }]";

pub(crate) struct Hand<'a> {
    pub(crate) partitions: u32,
    pub(crate) members: &'a str,
    pub(crate) config: &'a str,
    pub(crate) group: &'a str,
    pub(crate) events: &'a str,
    pub(crate) duration: &'a str,
}

pub(crate) const HAND: Hand<'static> = Hand {
    partitions: 6,
    members: THREE,
    config: "",
    group: "",
    events: "",
    duration: "60s",
};

impl Hand<'_> {
    pub(crate) fn text(&self) -> String {
        let Self {
            partitions,
            members,
            config,
            group,
            events,
            duration,
        } = self;
        let unless = |key: &str, default: &str| match config.contains(key) {
            true => String::new(),
            false => format!("{key}: {default}"),
        };
        let strategy = unless("partition.assignment.strategy", "range, ");
        let session = unless("session.timeout.ms", "10000, ");
        let poll_interval = unless("max.poll.interval.ms", "300000, ");
        format!(
            "version: 1\nname: hand\nduration: {duration}\ntopics: {{ t: {{ partitions: {partitions} }} }}\n\
             brokers: {{ config: {{ group.initial.rebalance.delay.ms: 3000 }} }}\n\
             groups:\n  g:\n    topics: [t]\n    start: cold\n    members: {members}\n    \
             config: {{ {session}heartbeat.interval.ms: 3000, {poll_interval}{strategy}{config} }}\n\
             {group}events: [{events}]\n"
        )
    }

    pub(crate) fn play(&self) -> Story {
        ideal(&self.text()).told()
    }
}

pub(crate) const COOPERATIVE: &str = "partition.assignment.strategy: cooperative-sticky";

pub(crate) const FROM_6: &str = "[{ name: a, at: 6s }, { name: b, at: 6s }, { name: c, at: 6s }]";

pub(crate) const STATIC_B: &str =
    "[{ name: a }, { name: b, config: { group.instance.id: b } }, { name: c }]";
