//! What Kafka's own system tests hold of the classic protocol, in our words: bounces, failures, one by one.

use super::support::*;
use rebsim::cluster::Calibration;
use rebsim::kernel::SimTime;
use rebsim::timeline::{CallbackKind, Observation};

/// Three members, one partition unless said, 500 records/s, session 10 s.
fn group(
    version: &str,
    members: &str,
    config: &str,
    partitions: u32,
    events: &str,
    duration: &str,
) -> Story {
    ideal(&format!(
        "version: 1\nname: system\nduration: {duration}\nbrokers: {version}\ntopics: {{ t: {{ partitions: {partitions}, rate: 500/s }} }}\n\
         groups:\n  g:\n    topics: [t]\n    processing: {{ per_record: 100us }}\n    members: {members}\n    config: {{ session.timeout.ms: 10000{config} }}\n\
         events: [{events}]\n"
    ))
    .told()
}

const THREE: &str = "[{ name: a }, { name: b }, { name: c }]";
const STATIC: &str = "[{ name: a, config: { group.instance.id: a } }, { name: b, config: { group.instance.id: b } }, { name: c, config: { group.instance.id: c } }]";

fn duplicated(story: &Story) -> u64 {
    story
        .timeline
        .partitions
        .iter()
        .map(|(_, totals)| totals.duplicated)
        .sum()
}

fn lost(story: &Story) -> u64 {
    story
        .timeline
        .partitions
        .iter()
        .map(|(_, totals)| totals.lost + totals.skipped)
        .sum()
}

/// S1 and S7: brokers restart one after the other, five rounds; and one of two dies.
#[test]
fn restarts_of_brokers_cause_no_rebalance() {
    let roll = group(
        "{ count: 2 }",
        THREE,
        "",
        1,
        "{ at: 10s, broker: roll, spacing: 10s, every: 30s, times: 5 }",
        "3m",
    );
    assert_eq!(roll.completed().len(), 1, "{:?}", roll.completed());
    assert_eq!((duplicated(&roll), lost(&roll)), (0, 0));
    let failure = group(
        "{ count: 2 }",
        THREE,
        "",
        1,
        "{ at: 10s, coordinator: move, unavailable: 6s }",
        "60s",
    );
    assert_eq!(failure.completed().len(), 1);
    assert_eq!((duplicated(&failure), lost(&failure)), (0, 0));
}

/// S2: all members bounce in turn, cleanly, three rounds: each is back in the group within two sessions, nothing is done twice.
#[test]
fn a_clean_rolling_bounce_does_nothing_twice() {
    let story = group(
        "{}",
        THREE,
        "",
        6,
        "{ at: 20s, restart: g, down: 2s, one_by_one: true, spacing: 20s, every: 60s, times: 3 }",
        "220s",
    );
    assert_eq!((duplicated(&story), lost(&story)), (0, 0));
    for who in ["a", "b", "c"] {
        let consumer = story.who(who);
        let started = story.when(|seen| matches!(seen, Observation::ConsumerStarted { consumer: started } if *started == consumer));
        assert_eq!(started.len(), 4);
        // The first start is the steady one, without callbacks.
        for at in started.into_iter().skip(1) {
            let back = story
                .callbacks(who)
                .into_iter()
                .find(|call| call.0 >= at && call.1 == CallbackKind::Assigned);
            assert!(
                back.is_some_and(|call| call.0.since(at) <= ms(20_000).since(ms(0))),
                "{who} from {at}"
            );
        }
    }
}

/// S2: bounced by kill, records are done again but none is left out.
#[test]
fn an_unclean_bounce_leaves_nothing_out() {
    let story = group(
        "{}",
        THREE,
        "",
        6,
        "{ at: 22s, restart: g, how: crash, down: 2s, one_by_one: true, spacing: 25s }",
        "150s",
    );
    assert!(duplicated(&story) > 0);
    assert_eq!(lost(&story), 0);
}

/// S3: two of three bounce, the third survives: with static membership it is never asked to give anything up, without it is.
#[test]
fn a_static_bounce_takes_nothing_from_the_survivor() {
    let events = "{ at: 20s, restart: g/b, down: 4s, every: 40s, times: 3 }, { at: 30s, restart: g/c, down: 4s, every: 40s, times: 3 }";
    for (members, is_static) in [(STATIC, true), (THREE, false)] {
        let story = group(
            "{}",
            members,
            ", partition.assignment.strategy: range",
            6,
            events,
            "3m",
        );
        let revoked = story
            .callbacks("a")
            .into_iter()
            .filter(|call| call.1 == CallbackKind::Revoked)
            .count();
        assert_eq!(revoked == 0, is_static, "{revoked} revocations");
        assert_eq!(story.completed().len() == 1, is_static);
    }
}

/// S4: the id that a static member got when it came back is known to the next coordinator.
#[test]
fn the_new_id_of_a_static_member_survives_the_coordinator() {
    let story = group(
        "{}",
        STATIC,
        "",
        6,
        "{ at: 20s, restart: g/b, down: 3s }, { at: 30s, coordinator: move, unavailable: 1s }",
        "90s",
    );
    assert_eq!(story.completed().len(), 1);
    let replaced = story.when(|seen| matches!(seen, Observation::StaticMemberReplaced { .. }));
    assert_eq!(replaced.len(), 1);
    let failed = story.when(|seen| matches!(seen, Observation::ConsumerFailed { .. }));
    assert_eq!(failed, []);
}

/// S6: the owner is killed: somebody else has its partition within two sessions and 5 s.
#[test]
fn a_killed_owner_is_replaced_within_two_sessions() {
    let story = group("{}", THREE, "", 1, "{ at: 20s, crash: g/a }", "90s");
    assert_eq!(
        story.service(0)[0].2,
        "a",
        "the first owns the only partition"
    );
    let gaps = story.gaps(0);
    assert_eq!(gaps.len(), 1);
    assert!(gaps[0].1.since(gaps[0].0) <= ms(25_000).since(ms(0)));
}

/// S8: members come one by one and go one by one; after every step the partition is read.
#[test]
fn the_partition_is_read_after_every_step() {
    let story = group(
        "{}",
        "[{ name: a }, { name: b, at: 20s }, { name: c, at: 40s }]",
        "",
        1,
        "{ at: 60s, stop: g/a }, { at: 80s, stop: g/b }",
        "100s",
    );
    for step in [0, 20, 40, 60, 80] {
        let settled = ms(step * 1_000 + 15_000);
        let readers = story
            .service(0)
            .iter()
            .filter(|(from, to, _)| *from <= settled && settled < *to)
            .count();
        assert_eq!(readers, 1, "15 s after {step} s");
    }
}

/// S9: with each assignor, after each join, every partition has exactly one owner.
#[test]
fn assignments_are_complete_and_disjoint_after_each_join() {
    for assignor in ["range", "roundrobin", "sticky", "cooperative-sticky"] {
        let story = group(
            "{}",
            "[{ name: a }, { name: b, at: 20s }, { name: c, at: 40s }]",
            &format!(", partition.assignment.strategy: {assignor}"),
            6,
            "",
            "60s",
        );
        for (at, living) in [(19_000, 1), (39_000, 2), (59_000, 3)] {
            let mut all: Vec<u32> = ["a", "b", "c"]
                .iter()
                .flat_map(|who| story.holds(who, ms(at)))
                .collect();
            all.sort_unstable();
            // What a steady start gave was given without a callback.
            if at > 19_000 {
                assert_eq!(
                    story.holds("b", ms(at)).len(),
                    6 / living,
                    "{assignor} at {at}"
                );
            }
            let serving: Vec<usize> = (0..6)
                .map(|partition| {
                    let spans = story.service(partition);
                    spans
                        .iter()
                        .filter(|(from, to, _)| *from <= ms(at) && ms(at) < *to)
                        .count()
                })
                .collect();
            assert_eq!(serving, [1; 6], "{assignor} at {at}");
        }
    }
}

/// S14, KAFKA-14016: newcomers come while the others wait for their assignments, so that SyncGroup is answered with
/// REBALANCE_IN_PROGRESS. Nobody loses what it owns for that: who gives a partition up gives it to somebody else, once, and at the end every
/// partition is served. (The endless loop of librdkafka#4783, the rack-aware mistake of KAFKA-15170 and the single owner of KAFKA-16147 are
/// held by the properties of the assignors and by the invariants that every run here checks.)
#[test]
fn a_refused_sync_takes_nothing_away() {
    let mut refused = 0;
    for late in (21_000..21_200).step_by(10) {
        let text = format!(
            "version: 1\nname: history\nduration: 60s\nbrokers: {{ latency: 40ms }}\ntopics: {{ t: {{ partitions: 12, rate: 500/s }} }}\n\
             groups:\n  g:\n    topics: [t]\n    start: in_step\n    processing: {{ per_record: 100us }}\n    members: [{{ name: a }}, {{ name: b }}, {{ name: d, at: 20s }}, {{ name: e, at: {late}ms, config: {{ group.instance.id: e }} }}]\n\
             \u{20}   config: {{ partition.assignment.strategy: cooperative-sticky }}\n"
        );
        let timeline = attempt(&text, Calibration::of_scenario()).expect("it ends");
        let story = Story { timeline }.told();
        let joined = story.find(|seen| match seen {
            Observation::Joined {
                consumer,
                generation,
            } => Some((*consumer, *generation)),
            _ => None,
        });
        let synced = story.find(|seen| match seen {
            Observation::Synced {
                consumer,
                generation,
            } => Some((*consumer, *generation)),
            _ => None,
        });
        let in_vain = |(_, join): &&(SimTime, _)| synced.iter().all(|(_, sync)| sync != join);
        refused += joined.iter().filter(in_vain).count();
        for who in ["a", "b", "d", "e"] {
            let mut given: Vec<u32> = Vec::new();
            for (at, kind, partitions) in story.callbacks(who) {
                assert_ne!(kind, CallbackKind::Lost, "{who} at {}", text_of(at));
                if kind == CallbackKind::Revoked {
                    given.extend(partitions);
                }
            }
            let held = story.holds(who, ms(59_000));
            assert!(
                given.iter().all(|partition| !held.contains(partition)),
                "{who} gave {given:?} up and has {held:?}, e at {late} ms"
            );
        }
        for partition in 0..12 {
            let spans = story.service(partition);
            let readers = spans
                .iter()
                .filter(|(from, to, _)| *from <= ms(59_000) && ms(59_000) < *to);
            assert_eq!(readers.count(), 1, "{partition}, e at {late} ms");
        }
    }
    assert!(refused > 8, "{refused} refusals");
}
