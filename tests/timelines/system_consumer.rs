//! What Kafka's own system tests hold of the consumer protocol and of migrations, in our words.

use super::support::*;
use rebsim::kernel::SimTime;
use rebsim::timeline::{Observation, RemovalReason};

struct Group<'a> {
    brokers: &'a str,
    /// `client_version`; empty: the brokers'.
    clients: &'a str,
    partitions: u32,
    members: &'a str,
    start: &'a str,
    config: &'a str,
    events: &'a str,
    duration: &'a str,
}

const GROUP: Group<'static> = Group {
    brokers: "{}",
    clients: "",
    partitions: 6,
    members: "[{ name: a }, { name: b }, { name: c }]",
    start: "cold",
    config: "group.protocol: consumer",
    events: "",
    duration: "3m",
};

const STATIC: &str = "[{ name: a, config: { group.instance.id: a } }, { name: b, config: { group.instance.id: b } }, { name: c, config: { group.instance.id: c } }]";

impl Group<'_> {
    fn play(&self) -> Story {
        let Self {
            brokers,
            clients,
            partitions,
            members,
            start,
            config,
            events,
            duration,
        } = self;
        let start = if start.is_empty() {
            String::new()
        } else {
            format!("    start: {start}\n")
        };
        let clients = if clients.is_empty() {
            String::new()
        } else {
            format!("    client_version: \"{clients}\"\n")
        };
        ideal(&format!(
            "version: 1\nname: system\nduration: {duration}\nbrokers: {brokers}\ntopics: {{ t: {{ partitions: {partitions}, rate: 500/s }} }}\n\
             groups:\n  g:\n    topics: [t]\n{start}{clients}    processing: {{ per_record: 100us }}\n    members: {members}\n    config: {{ {config} }}\n\
             events: [{events}]\n"
        )).told()
    }
}

/// Each partition is served by exactly one member at `at`, and every one of `living` holds as many as the others.
fn assert_valid(story: &Story, living: &[&str], partitions: u32, at: u64, what: &str) {
    for partition in 0..partitions {
        let service = story.service(partition);
        let servers: Vec<&str> = service
            .iter()
            .filter(|(from, to, _)| *from <= ms(at) && ms(at) < *to)
            .map(|(_, _, who)| who.as_str())
            .collect();
        assert_eq!(servers.len(), 1, "{what}, {partition} at {at}: {servers:?}");
        assert!(living.contains(&servers[0]), "{what}, {partition} at {at}");
    }
    let mut all: Vec<u32> = Vec::new();
    for who in living {
        let held = story.holds(who, ms(at));
        let share = partitions as usize / living.len();
        assert_eq!(held.len(), share, "{what}, {who} at {at}: {held:?}");
        all.extend(held);
    }
    all.sort_unstable();
    assert!(all.iter().copied().eq(0..partitions), "{what}: {all:?}");
}

const TWINS: &str = "[{ name: a, config: { group.instance.id: a } }, { name: b, config: { group.instance.id: b } }, { name: c, config: { group.instance.id: c } }, \
     { name: x, at: 20s, config: { group.instance.id: a } }, { name: y, at: 20s, config: { group.instance.id: b } }]";

/// S5: who comes with an instance id that is in use is refused, and nobody else notices; after a good-bye the id is free at once, after a crash when the session is over.
#[test]
fn newcomers_with_an_instance_id_in_use_are_refused() {
    let session = "group.consumer.session.timeout.ms: 60000";
    for version in ["4.0", "4.1", "4.2", "4.4"] {
        for members in [
            TWINS,
            &TWINS.replace("name: y, at: 20s", "name: y, at: 58s"),
        ] {
            let story = Group {
                brokers: &format!("{{ version: \"{version}\", config: {{ {session} }} }}"),
                members,
                events: "{ at: 30s, stop: g/a }, { at: 40s, start: g/x }, { at: 50s, crash: g/b }, { at: 60s, start: g/y }, { at: 120s, start: g/y }",
                ..GROUP
            }
            .play();
            assert_valid(&story, &["a", "b", "c"], 6, 19_000, version);
            let refused = |who: &str| story.failed(who).len();
            assert_eq!((refused("x"), refused("y")), (1, 2));
            for line in story.failed("x").into_iter().chain(story.failed("y")) {
                assert!(line.ends_with(" UnreleasedInstanceIdException"), "{line}");
            }
            // Nothing is bumped and nobody asked for anything until B's session is over, and that is 60 s after its last heartbeat.
            let bumps = story.bumps();
            let ends = story.removed("b")[0].0;
            assert!(ends > ms(105_000) && ends < ms(110_000), "{bumps:?}");
            let from_then = story.find(|seen| match seen {
                Observation::GroupEpoch { epoch, .. } => Some(*epoch),
                _ => None,
            });
            assert!(
                from_then
                    .iter()
                    .all(|(at, _)| *at < ms(1_000) || *at >= ends),
                "{bumps:?}"
            );
            assert_eq!(story.holds("x", ms(50_000)), story.holds("a", ms(29_000)));
            assert_eq!(story.away("a").len(), 1);
            assert_valid(&story, &["x", "y", "c"], 6, 179_000, version);
        }
    }
}

/// S9: with each server assignor, after each join, every partition has exactly one owner.
#[test]
fn assignments_are_complete_and_disjoint_after_each_join() {
    for version in ["4.0", "4.1", "4.2", "4.4"] {
        for assignor in ["uniform", "range"] {
            let story = Group {
                brokers: &format!("{{ version: \"{version}\" }}"),
                members: "[{ name: a }, { name: b, at: 20s }, { name: c, at: 40s }]",
                config: &format!("group.protocol: consumer, group.remote.assignor: {assignor}"),
                duration: "60s",
                ..GROUP
            }
            .play();
            let used = story.find(|seen| match seen {
                Observation::TargetAssignment { assignor, .. } => Some(*assignor),
                _ => None,
            });
            assert_eq!(used.len(), 3);
            assert!(used.iter().all(|(_, used)| *used == assignor), "{used:?}");
            let what = format!("{assignor} {version}");
            assert_valid(&story, &["a"], 6, 19_000, &what);
            assert_valid(&story, &["a", "b"], 6, 39_000, &what);
            assert_valid(&story, &["a", "b", "c"], 6, 59_000, &what);
        }
    }
}

/// S10: `range` stays in force until every member lists `roundrobin` first.
#[test]
fn an_assignor_is_in_force_when_every_member_supports_it() {
    let story = Group {
        partitions: 4,
        members: "[{ name: a }, { name: b }]",
        config: "partition.assignment.strategy: range",
        events: "{ at: 20s, config: g, set: { partition.assignment.strategy: [roundrobin, range] } }, \
                 { at: 40s, restart: g/b, down: 2s }, { at: 80s, restart: g/a, down: 2s }",
        ..GROUP
    }
    .play();
    let shares = |at| {
        let mut shares = [story.holds("a", ms(at)), story.holds("b", ms(at))];
        shares.sort();
        shares
    };
    assert_eq!(shares(39_000), [[0, 1], [2, 3]]);
    assert_eq!(shares(79_000), [[0, 1], [2, 3]], "b prefers roundrobin");
    assert_eq!(shares(119_000), [[0, 2], [1, 3]]);
    let mut used = story.find(|seen| match seen {
        Observation::JoinComplete { assignor, .. } => Some(*assignor),
        _ => None,
    });
    used.dedup_by_key(|(_, assignor)| *assignor);
    assert_eq!(used.len(), 2, "{used:?}");
    // When A is gone B decides alone.
    assert_eq!((used[1].0 > ms(80_000), used[1].1), (true, "roundrobin"));
}

const STEPS: &str = "{ at: 40s, restart: g/a, down: 2s }, { at: 80s, restart: g/b, down: 2s }, { at: 120s, restart: g/c, down: 2s }";
const UP: &str = "{ at: 20s, config: g, set: { group.protocol: consumer, partition.assignment.strategy: null } }";

/// Versions of the brokers and the clients, members, assignors of the classic members. Clients before 4.0 do not speak the consumer protocol.
fn migrations() -> impl Iterator<Item = ((&'static str, &'static str), &'static str, &'static str)>
{
    [
        ("4.0", "4.0"),
        ("4.1", "4.1"),
        ("4.2", "4.2"),
        ("4.4", "4.4"),
        ("4.4", "4.0"),
        ("4.3", "4.2"),
        ("4.0", "4.4"),
        ("4.1", "4.3"),
    ]
    .into_iter()
    .flat_map(|versions| {
        [GROUP.members, STATIC]
            .into_iter()
            .flat_map(move |members| {
                ["range", "cooperative-sticky"]
                    .into_iter()
                    .map(move |assignor| (versions, members, assignor))
            })
    })
}

fn assert_valid_at_each_step(story: &Story, what: &str) {
    for at in [39_000, 79_000, 119_000, 159_000] {
        assert_valid(story, &["a", "b", "c"], 6, at, what);
    }
    for who in ["a", "b", "c"] {
        assert_eq!(story.failed(who), [] as [&str; 0], "{what}");
    }
}

/// Instants at which something happened that only classic groups know, or only consumer groups.
fn kinds(story: &Story) -> (Vec<SimTime>, Vec<SimTime>) {
    let classic = story.when(|seen| matches!(seen, Observation::JoinComplete { .. }));
    let consumer = story.when(|seen| matches!(seen, Observation::GroupEpoch { .. }));
    (classic, consumer)
}

/// S11, rolling up: with the first member of the consumer protocol the group is one of it, and stays so.
#[test]
fn a_group_migrates_up_member_by_member() {
    for ((version, clients), members, assignor) in migrations() {
        let what = format!("{version} {clients} {assignor} {members}");
        let story = Group {
            brokers: &format!("{{ version: \"{version}\" }}"),
            clients,
            members,
            config: &format!("group.protocol: classic, partition.assignment.strategy: {assignor}"),
            events: &format!("{UP}, {STEPS}, {{ at: 160s, crash: g/a }}"),
            duration: "4m",
            ..GROUP
        }
        .play();
        assert_valid_at_each_step(&story, &what);
        let (classic, consumer) = kinds(&story);
        assert!(classic.iter().all(|&at| at < ms(42_100)), "{what}");
        assert!(consumer.iter().all(|&at| at > ms(42_000)), "{what}");
        let last = story.bumps().pop().unwrap_or_default();
        assert!(last.ends_with(" session_expired a"), "{what}: {last}");
        if members == STATIC {
            // Nobody left, and whoever takes a place reads what was read there: only the crash bumps the epoch (`static-members-roll-to-consumer-*`); before 4.2
            // also the first look at the topics of a converted group.
            let bumps = if ["4.0", "4.1"].contains(&version) {
                2
            } else {
                1
            };
            assert_eq!(story.bumps().len(), bumps, "{what}");
            let removed = ["b", "c"].map(|who| story.removed(who).len());
            assert_eq!(removed, [0, 0], "{what}");
        }
    }
}

/// S11, rolling down: the group is one of the consumer protocol until its last member of it is gone or replaced.
#[test]
fn a_group_migrates_down_member_by_member() {
    for ((version, clients), members, assignor) in migrations() {
        let what = format!("{version} {clients} {assignor} {members}");
        let story = Group {
            brokers: &format!("{{ version: \"{version}\" }}"),
            clients,
            members,
            events: &format!(
                "{{ at: 20s, config: g, set: {{ group.protocol: classic, partition.assignment.strategy: {assignor} }} }}, {STEPS}, {{ at: 160s, crash: g/a }}"
            ),
            duration: "4m",
            ..GROUP
        }
        .play();
        assert_valid_at_each_step(&story, &what);
        let (classic, consumer) = kinds(&story);
        assert!(consumer.iter().all(|&at| at < ms(120_000)), "{what}");
        let crash = classic.last().is_some_and(|&at| at > ms(200_000));
        assert!(
            crash,
            "{what}: the crash ends in a rebalance of a classic group"
        );
        if members == STATIC {
            // Nobody left, and who takes a place of the other protocol causes no rebalance.
            assert!(consumer.iter().all(|&at| at < ms(1_000)), "{what}");
            assert!(classic.iter().all(|&at| at > ms(200_000)), "{what}");
        } else {
            assert!(classic.iter().all(|&at| at >= ms(120_000)), "{what}");
        }
    }
}

/// The group of `migrations` with migration forbidden: `from`, `change` at 20 s, everybody stops at 40 s and starts when `starts` says.
fn offline(
    (version, clients): (&str, &str),
    members: &str,
    from: &str,
    change: &str,
    starts: &[&str],
) -> Story {
    let starts: Vec<String> = starts
        .iter()
        .map(|at| format!("{{ at: {at}, start: g }}"))
        .collect();
    let policy = "group.consumer.migration.policy: disabled";
    Group {
        brokers: &format!("{{ version: \"{version}\", config: {{ {policy} }} }}"),
        clients,
        members,
        config: from,
        events: &format!("{change}, {{ at: 40s, stop: g }}, {}", starts.join(", ")),
        ..GROUP
    }
    .play()
}

/// S11, offline: everybody stops, then everybody starts. Dynamic members have left; of static ones the group is full until their sessions are
/// over, and who comes earlier fails.
#[test]
fn a_group_migrates_up_offline_once_it_is_empty() {
    for ((version, clients), members, assignor) in migrations() {
        let what = format!("{version} {clients} {assignor} {members}");
        let from = format!("group.protocol: classic, partition.assignment.strategy: {assignor}");
        let story = offline((version, clients), members, &from, UP, &["50s", "100s"]);
        assert_valid(&story, &["a", "b", "c"], 6, 39_000, &what);
        assert_valid(&story, &["a", "b", "c"], 6, 179_000, &what);
        let starts = if members == STATIC { 100_000 } else { 50_000 };
        let (classic, consumer) = kinds(&story);
        assert!(classic.iter().all(|&at| at < ms(40_000)), "{what}");
        assert!(consumer.iter().all(|&at| at >= ms(starts)), "{what}");
        for who in ["a", "b", "c"] {
            let why = story.removed(who)[0];
            let failed = story.failed(who);
            if members == STATIC {
                assert_eq!(why.1, RemovalReason::SessionExpired, "{what}");
                assert!(why.0 >= ms(80_000) && why.0 <= ms(85_001), "{what}");
                assert_eq!(failed.len(), 1, "{what}");
                assert!(failed[0].ends_with(" GroupIdNotFoundException"), "{what}");
            } else {
                assert_eq!(why.1, RemovalReason::Leave, "{what}");
                assert_eq!(failed, [] as [&str; 0], "{what}");
            }
        }
    }
}

/// S11, offline and down. Static members that come back as classic ones before their sessions are over have their places, but the group, which may not be
/// converted, stays one of the consumer protocol; since 4.4 it refuses them (KAFKA-20640).
#[test]
fn a_group_migrates_down_offline_once_it_is_empty() {
    for ((version, clients), members, assignor) in migrations() {
        let set = format!("group.protocol: classic, partition.assignment.strategy: {assignor}");
        let change = format!("{{ at: 20s, config: g, set: {{ {set} }} }}");
        let refused = version == "4.4" && members == STATIC;
        for (starts, empty) in [
            (&["50s"][..], members != STATIC),
            (&["50s", "100s"], refused),
            (&["100s"], true),
        ] {
            if refused && starts == ["50s"] || !refused && starts.len() > 1 {
                continue;
            }
            let what = format!("{version} {clients} {assignor} {members} {starts:?}");
            let versions = (version, clients);
            let story = offline(versions, members, GROUP.config, &change, starts);
            assert_valid(&story, &["a", "b", "c"], 6, 39_000, &what);
            assert_valid(&story, &["a", "b", "c"], 6, 179_000, &what);
            let (classic, _) = kinds(&story);
            assert_eq!(classic.is_empty(), !empty, "{what}");
            assert!(classic.iter().all(|&at| at > ms(50_000)), "{what}");
            for who in ["a", "b", "c"] {
                let removed: Vec<_> = story.removed(who).into_iter().map(|(_, why)| why).collect();
                let expected = match (members == STATIC, empty) {
                    (false, _) => vec![RemovalReason::Leave],
                    (true, true) => vec![RemovalReason::SessionExpired],
                    (true, false) => vec![],
                };
                assert_eq!(removed, expected, "{what}");
                let failed = story.failed(who);
                if starts.len() > 1 {
                    let error = " InconsistentGroupProtocolException";
                    assert!(
                        failed.len() == 1 && failed[0].ends_with(error),
                        "{what}: {failed:?}"
                    );
                } else {
                    assert_eq!(failed, [] as [&str; 0], "{what}");
                }
            }
        }
    }
}
