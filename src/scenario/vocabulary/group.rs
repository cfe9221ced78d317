//! Keys of a group and of its members.

use super::distribution::DISTRIBUTION;
use super::surroundings::{FAILURES, RESTORE};
use super::{optional, record};
use crate::scenario::shape::{Record, Rule, Shape, Side};

pub(super) static GROUP: Record = record(
    "group",
    &[
        optional("topics", Shape::List(&Shape::Name), "Subscribed topics."),
        optional(
            "pattern",
            Shape::Text,
            "Subscribed topics, by a regular expression that the client looks for: subscribe(Pattern).",
        ),
        optional(
            "subscription_pattern",
            Shape::Text,
            "Subscribed topics, by a regular expression that the coordinator looks for: subscribe(SubscriptionPattern). Consumer protocol only.",
        ),
        optional(
            "config",
            Shape::Kafka(Side::Consumer),
            "Consumer keys, verbatim.",
        ),
        optional(
            "client_version",
            Shape::Version,
            "Kafka release of the client; default the brokers'.",
        ),
        optional(
            "static_membership",
            Shape::Boolean,
            "Member i gets the group.instance.id `<group>-<i>`.",
        ),
        optional(
            "start",
            Shape::Word(&["steady", "in_step", "cold"]),
            "steady: an assigned generation exists at 0, and heartbeats, commits, metadata and polls of each member are at phases drawn from the seed (default). in_step: the same, all phases 0. cold: members join at 0.",
        ),
        optional(
            "members",
            MEMBERS,
            "How many, or a list of entries; left out when pods make the members.",
        ),
        optional(
            "processing",
            Shape::Record(&PROCESSING),
            "What processing costs.",
        ),
        optional(
            "listener",
            Shape::Record(&LISTENER),
            "ConsumerRebalanceListener.",
        ),
        optional(
            "group_membership_operation",
            Shape::Word(&["default", "leave_group", "remain_in_group"]),
            "What close() does about the membership (CloseOptions, Kafka 4.1). default: dynamic members leave, static ones stay. leave_group: all leave. remain_in_group: all stay, the dynamic ones until their session is over.",
        ),
        optional(
            "commit",
            COMMIT,
            "When the application commits; default as enable.auto.commit says.",
        ),
        optional(
            "start_at",
            START_AT,
            "Where a partition without committed offset is read from; default as auto.offset.reset says.",
        ),
    ],
    Rule::AtMostOne(&["topics", "pattern", "subscription_pattern"]),
);

const MEMBERS: Shape = Shape::Either {
    scalar: Some(&Shape::Integer(0, 100_000)),
    list: Some(&Shape::List(&Shape::Record(&MEMBER))),
    map: None,
};

static MEMBER: Record = record(
    "member entry",
    &[
        optional(
            "count",
            Shape::Integer(1, 100_000),
            "How many alike; default 1.",
        ),
        optional(
            "name",
            Shape::Name,
            "Name; with `count` (of 1, too) they are `name-0`, `name-1`, …",
        ),
        optional(
            "at",
            Shape::Duration,
            "When it starts; without, it is there from the beginning.",
        ),
        optional("host", Shape::Name, "Host."),
        optional("rack", Shape::Name, "The same as client.rack."),
        optional(
            "config",
            Shape::Kafka(Side::Consumer),
            "Consumer keys, over the group's.",
        ),
        optional(
            "topics",
            Shape::List(&Shape::Name),
            "Subscribed topics, instead of the group's.",
        ),
        optional(
            "processing",
            Shape::Record(&PROCESSING),
            "Over the group's, key by key.",
        ),
        optional(
            "listener",
            Shape::Record(&LISTENER),
            "Over the group's, key by key.",
        ),
    ],
    Rule::Any,
);

static PROCESSING: Record = record(
    "processing",
    &[
        optional("per_record", DISTRIBUTION, "Time for a record; default 0s."),
        optional(
            "per_poll",
            DISTRIBUTION,
            "Time for a non-empty poll(), once; default 0s.",
        ),
        optional(
            "cpu_per_record",
            DISTRIBUTION,
            "The part of per_record that burns CPU, by the same die; default all of it.",
        ),
        optional(
            "threads",
            Shape::Integer(1, 1_024),
            "Worker threads; the next record of a batch goes to the first that is free; default 1.",
        ),
        optional(
            "downstream",
            Shape::Name,
            "The resource that every record calls.",
        ),
        optional(
            "failures",
            Shape::Record(&FAILURES),
            "Records that fail and are tried again.",
        ),
        optional(
            "on_poison",
            Shape::Word(&["crash", "skip", "retry"]),
            "What a poisoned record does: kills the process at its turn (default), is passed over, is tried again for ever.",
        ),
        optional(
            "poll_timeout",
            Shape::Duration,
            "Argument of poll(); default 100ms.",
        ),
        optional(
            "refuses",
            Shape::List(&Shape::Name),
            "Topics that the member cannot process.",
        ),
    ],
    Rule::Any,
);

static LISTENER: Record = record(
    "listener",
    &[
        optional(
            "on_revoked",
            Shape::Record(&ON_REVOKED),
            "Work in onPartitionsRevoked.",
        ),
        optional(
            "on_assigned",
            Shape::Record(&ON_ASSIGNED),
            "Work in onPartitionsAssigned.",
        ),
        optional(
            "on_lost",
            Shape::Record(&ON_LOST),
            "Work in onPartitionsLost.",
        ),
    ],
    Rule::Any,
);

static ON_REVOKED: Record = record(
    "on_revoked",
    &[
        optional(
            "flush",
            DISTRIBUTION,
            "Time to flush what is in progress; default 0s.",
        ),
        optional(
            "commit",
            STYLE,
            "Commits the positions afterwards, and how.",
        ),
    ],
    Rule::Any,
);

static ON_ASSIGNED: Record = record(
    "on_assigned",
    &[
        optional("work", DISTRIBUTION, "Time it takes; default 0s."),
        optional(
            "restore",
            RESTORE,
            "State that is restored before the new owner may process: how much and how fast, or a duration. It is that of one partition alone: those that a member restores at once share its way in, so two of 10s take 20s.",
        ),
        optional(
            "standbys",
            Shape::Integer(0, 100),
            "Copies of the state on other members, at most 10000 records behind; default 0.",
        ),
        optional(
            "resume_after_restart",
            Shape::Boolean,
            "The state is on a disk that outlives the process; default false.",
        ),
    ],
    Rule::Any,
);

static ON_LOST: Record = record(
    "on_lost",
    &[optional("work", DISTRIBUTION, "Time it takes; default 0s.")],
    Rule::Any,
);

const COMMIT: Shape = Shape::Either {
    scalar: Some(&Shape::Word(&[
        "auto",
        "after_batch",
        "before_processing",
        "none",
    ])),
    list: None,
    map: Some(&Shape::Record(&COMMIT_MAP)),
};

const STYLE: Shape = Shape::Word(&["sync", "async"]);

static COMMIT_MAP: Record = record(
    "commit",
    &[
        optional("after_batch", STYLE, "After each batch: sync or async."),
        optional(
            "before_processing",
            STYLE,
            "Before the batch is processed, so that records may be lost: sync or async.",
        ),
        optional(
            "every",
            Shape::Duration,
            "After a batch, when this long has passed since the last.",
        ),
        optional(
            "after_records",
            Shape::Integer(1, 1_000_000_000),
            "After so many records …",
        ),
        optional(
            "or_after",
            Shape::Duration,
            "… or so much time, at the end of a batch.",
        ),
        optional("style", STYLE, "commitSync (default) or commitAsync."),
    ],
    Rule::OneOf(&[
        &["after_batch"],
        &["before_processing"],
        &["every"],
        &["every", "style"],
        &["after_records", "or_after"],
        &["after_records", "or_after", "style"],
    ]),
);

const START_AT: Shape = Shape::Either {
    scalar: Some(&Shape::Word(&["earliest", "latest"])),
    list: None,
    map: Some(&Shape::Record(&START_AT_MAP)),
};

static START_AT_MAP: Record = record(
    "start_at",
    &[
        optional(
            "committed",
            Shape::Integer(0, 1_000_000_000_000),
            "At this offset, which counts as committed.",
        ),
        optional(
            "timestamp",
            Shape::Ago,
            "At the first record due that long before the start: -1h.",
        ),
    ],
    Rule::OneOf(&[&["committed"], &["timestamp"]]),
);
