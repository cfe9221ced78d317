//! The verbs of `events`: what each is done to, and which other keys go with it.

use super::shape::Presence::{NotModelled, Optional, Required};
use super::shape::{Field, Record, Rule, Shape, Side};
use super::vocabulary::distribution::DISTRIBUTION;
use super::vocabulary::field;

/// A verb of the language.
#[derive(Clone, Copy, Debug)]
pub struct VerbRow {
    /// The key.
    pub name: &'static str,
    /// What it is done to.
    pub object: Object,
    /// Keys that must go with it.
    pub needs: &'static [&'static str],
    /// Keys that may go with it.
    pub takes: &'static [&'static str],
    /// Keys of time that may go with it.
    pub timing: &'static [&'static str],
}

/// What a verb is done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Object {
    /// Members of a group.
    Members,
    /// A whole group.
    Group,
    /// A topic.
    Topic,
    /// A topic, or one partition of it.
    Partition,
    /// A Deployment or StatefulSet.
    Workload,
    /// A node.
    Node,
    /// A word of the verb's own.
    Word,
}

const fn row(
    name: &'static str,
    object: Object,
    needs: &'static [&'static str],
    takes: &'static [&'static str],
) -> VerbRow {
    VerbRow {
        name,
        object,
        needs,
        takes,
        timing: &["at", "every", "times", "jitter"],
    }
}

/// The row of a verb that goes into the load before the run begins: no draw can move it.
const fn ahead(
    name: &'static str,
    needs: &'static [&'static str],
    timing: &'static [&'static str],
) -> VerbRow {
    VerbRow {
        timing,
        ..row(name, Object::Topic, needs, &[])
    }
}

/// Verbs that have a model.
pub static VERBS: &[VerbRow] = &[
    row("start", Object::Members, &[], &[]),
    row("stop", Object::Members, &[], &["one_by_one", "spacing"]),
    row("crash", Object::Members, &[], &["one_by_one", "spacing"]),
    row(
        "restart",
        Object::Members,
        &["down"],
        &["how", "one_by_one", "spacing"],
    ),
    row("freeze", Object::Members, &["for"], &[]),
    row("stall", Object::Members, &["for"], &[]),
    row("slow", Object::Members, &["factor", "for"], &[]),
    row("disconnect", Object::Members, &["for"], &[]),
    row("pause", Object::Partition, &["for"], &[]),
    row("poison", Object::Partition, &[], &[]),
    ahead("partitions", &["to"], &["at"]),
    ahead("load", &["factor", "for"], &["at", "every", "times"]),
    row("coordinator", Object::Word, &[], &["unavailable"]),
    row("broker", Object::Word, &[], &["down", "spacing"]),
    row("deploy", Object::Workload, &[], &[]),
    row("rollback", Object::Workload, &[], &[]),
    row("scale", Object::Workload, &["to"], &[]),
    row("drain", Object::Node, &[], &[]),
    row("kill_node", Object::Node, &[], &[]),
    VerbRow {
        timing: &["at"],
        ..row("config", Object::Group, &["set"], &[])
    },
    row("reset_offsets", Object::Group, &["to"], &[]),
];

/// The verbs that the language takes.
pub fn modelled() -> impl Iterator<Item = &'static VerbRow> {
    let taken = |row: &&VerbRow| !EVENT.is_not_modelled(row.name);
    VERBS.iter().filter(taken)
}

/// The row of a verb.
#[must_use]
pub fn verb(name: &str) -> Option<&'static VerbRow> {
    VERBS.iter().find(|row| row.name == name)
}

const fn target(name: &'static str, doc: &'static str) -> Field {
    field(name, Optional, Shape::Text, doc)
}

const fn later(name: &'static str, doc: &'static str) -> Field {
    field(name, NotModelled, Shape::Text, doc)
}

const fn with(name: &'static str, shape: Shape, doc: &'static str) -> Field {
    field(name, Optional, shape, doc)
}

/// An entry of `events`.
pub static EVENT: Record = Record {
    what: "event",
    rule: Rule::Verb(&[
        ("kill", "crash"),
        ("die", "crash"),
        ("close", "stop"),
        ("leave", "stop"),
        ("rollout", "deploy"),
        ("upgrade", "deploy"),
    ]),
    fields: &[
        field("at", Required, Shape::Duration, "When, from the start."),
        target(
            "start",
            "Start members: group, group/2, group/name, group/*, group/random. Who is still closing starts at its exit.",
        ),
        target("stop", "close() members: they leave unless static."),
        target("crash", "Kill members."),
        target(
            "restart",
            "End members, keep them `down`, start them again.",
        ),
        target(
            "freeze",
            "The whole process stands still `for` a while: heartbeats stop too.",
        ),
        target(
            "stall",
            "The poll loop stands still `for` a while: heartbeats go on.",
        ),
        target(
            "slow",
            "Processing takes `factor` times as long `for` a while.",
        ),
        target(
            "disconnect",
            "No message passes `for` a while, to or from any process of that name.",
        ),
        target(
            "pause",
            "The application pauses a topic or partition `for` a while.",
        ),
        target("partitions", "The topic gets `to` partitions."),
        target(
            "load",
            "The topic's load is `factor` times as high `for` a while.",
        ),
        with(
            "coordinator",
            Shape::Word(&["restart", "move"]),
            "The coordinator goes away and comes back. `restart`: no broker has it for `unavailable` (default 5s), and its connections break. `move`: another broker is found \
             at once, and loads it for so long.",
        ),
        with(
            "broker",
            Shape::Word(&["roll"]),
            "Brokers restart one after the other, one every `spacing` (default 60s). Leaders and coordinators move at once, and coordinators go home again with \
             the controller's next look at the leaders (`leader.imbalance.check.interval.seconds`). Topics need two replicas for that. An \
             only broker, and `down`, are refused: that partitions wait for their broker is not modelled yet.",
        ),
        target(
            "config",
            "Members of the group get the settings `set` with their next start, on top of what earlier entries set.",
        ),
        target(
            "reset_offsets",
            "The committed offsets of an empty group go `to` a place.",
        ),
        field(
            "deploy",
            Optional,
            Shape::Text,
            "A Deployment or StatefulSet gets a new pod template.",
        ),
        field(
            "scale",
            Optional,
            Shape::Text,
            "The replicas of a Deployment or StatefulSet are set `to` a number.",
        ),
        field(
            "drain",
            Optional,
            Shape::Text,
            "The node takes no more pods, and those on it are evicted as their budgets allow.",
        ),
        field(
            "kill_node",
            Optional,
            Shape::Text,
            "The node is gone with all that runs on it.",
        ),
        field(
            "rollback",
            Optional,
            Shape::Text,
            "A Deployment or StatefulSet gets the pod template that it had before.",
        ),
        target(
            "poison",
            "The next record of a topic or partition cannot be processed.",
        ),
        later("alerts", "Alerts are silenced."),
        with(
            "one_by_one",
            Shape::Boolean,
            "Takes the targets in turn; the next when the one before is back and the group stable.",
        ),
        with(
            "spacing",
            Shape::Duration,
            "With one_by_one: the next this long after the one before began.",
        ),
        with(
            "every",
            Shape::Duration,
            "Repeats the entry this far apart.",
        ),
        with(
            "times",
            Shape::Integer(1, 1_000_000),
            "How often in all; default until the end.",
        ),
        with("jitter", DISTRIBUTION, "Added to each time."),
        with("down", DISTRIBUTION, "From exit to start."),
        with(
            "how",
            Shape::Word(&["close", "crash"]),
            "How a restart ends the process; default close.",
        ),
        with("for", DISTRIBUTION, "How long."),
        with("factor", Shape::Factor, "How many times."),
        with(
            "to",
            TO,
            "The new number of partitions or replicas, or where offsets go.",
        ),
        with(
            "unavailable",
            Shape::Duration,
            "How long the coordinator cannot be reached.",
        ),
        with(
            "set",
            Shape::Kafka(Side::Consumer),
            "Consumer keys, verbatim.",
        ),
    ],
};

const TO: Shape = Shape::Either {
    scalar: Some(&Shape::Text),
    list: None,
    map: Some(&Shape::Record(&TO_MAP)),
};

static TO_MAP: Record = Record {
    what: "to",
    rule: Rule::OneOf(&[&["timestamp"]]),
    fields: &[with(
        "timestamp",
        Shape::Ago,
        "At the first record due that long before: -1h.",
    )],
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::code::Code;

    #[test]
    fn what_is_said_of_verbs_lists_those_that_have_a_model() {
        let text = Code::Verb.explanation();
        let (_, list) = text
            .split_once("exactly one verb: ")
            .expect("it lists them");
        let (list, _) = list.split_once('.').expect("the list ends");
        let mut listed: Vec<&str> = list
            .split([',', ' '])
            .filter(|word| !matches!(*word, "" | "or"))
            .collect();
        let mut modelled: Vec<&str> = modelled().map(|row| row.name).collect();
        listed.sort_unstable();
        modelled.sort_unstable();
        assert_eq!(listed, modelled);
    }

    #[test]
    fn the_words_that_others_have_stand_for_verbs_and_are_none() {
        let Rule::Verb(words) = EVENT.rule else {
            panic!("an event has a verb");
        };
        for (word, meant) in words {
            assert!(verb(word).is_none() && verb(meant).is_some(), "{word}");
        }
    }
}
