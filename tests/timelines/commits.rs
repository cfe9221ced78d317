//! Commits while the coordinator is away: `commitSync` and `close()` wait for it and try again, a client of the consumer protocol keeps what it has to commit until it is
//! found. Nothing costs anything; waits before a retry are 100, 200, 400, 800 ms and then 1,000 ms, without chance.
//!
//! Of what is due at one instant messages come first, then timers, then the script: a coordinator that is back at 8,000 is found by what looks for it later.

use super::support::{Story, ms, text_of};
use rebsim::cluster::{Calibration, Options, simulate};
use rebsim::kernel::{Seed, SimTime};
use rebsim::scenario::{NoFiles, Overrides, load};
use rebsim::timeline::{Observation, RemovalReason};

/// A group on a topic of one partition (as many as `partitions` says), of which ten records wait and one a second comes; each takes 100 ms.
struct Hand<'a> {
    protocol: &'a str,
    members: &'a str,
    partitions: u32,
    per_record: &'a str,
    /// How long the coordinator writes.
    append: &'a str,
    /// Of the group: commit mode, listener.
    group: &'a str,
    config: &'a str,
    events: &'a str,
}

const HAND: Hand<'static> = Hand {
    protocol: "classic",
    members: "[{ name: a }, { name: b }]",
    partitions: 1,
    per_record: "100ms",
    append: "0ms",
    group: "",
    config: "",
    events: "",
};

const AFTER_BATCH: &str = "    commit: { after_batch: sync }\n";

impl Hand<'_> {
    fn play(&self) -> Story {
        let Self {
            protocol,
            members,
            partitions,
            per_record,
            append,
            group,
            config,
            events,
        } = self;
        let text = format!(
            "version: 1\nname: commits\nduration: 120s\nbrokers: {{ append: {append} }}\ntopics: {{ t: {{ partitions: {partitions}, backlog: 10, rate: 1/s }} }}\n\
             groups:\n  g:\n    topics: [t]\n    members: {members}\n    processing: {{ per_record: {per_record} }}\n{group}    \
             config: {{ group.protocol: {protocol}{config} }}\nevents: [{events}]\n"
        );
        let scenario = load("test.yaml", &text, &mut NoFiles, &Overrides::default())
            .unwrap_or_else(|rejected| panic!("{rejected}\n{text}"));
        let options = Options {
            check_invariants: true,
            observe_polls: true,
            calibration: Calibration {
                append: None,
                ..Calibration::ideal()
            },
            ..Options::default()
        };
        let timeline = simulate(&scenario.plans[0], Seed(1), &options).expect("it ends");
        Story { timeline }.told()
    }
}

/// Both protocols, and when their clients find a coordinator again that went away at 500 and is back at 5,700. Both look for it in `commitSync`, from the end of the batch at 1,000
/// on: 1,100, 1,300, 1,700, 2,500, ... The background thread of the consumer protocol, which waited for no answer at 500, does not know better before (`CoordinatorRequestManager`).
const FOUND: [(&str, u64); 2] = [("classic", 6_500), ("consumer", 6_500)];
const AWAY: &str = "{ at: 500ms, coordinator: restart, unavailable: 5200ms }";

/// Commits that failed: when, and with what.
fn failed(story: &Story) -> Vec<String> {
    let failed = story.find(|seen| match seen {
        Observation::CommitFailed { error, .. } => Some(*error),
        _ => None,
    });
    let text = |(at, error): (SimTime, &str)| format!("{} {error}", text_of(at));
    failed.into_iter().map(text).collect()
}

/// Commits of partition 0 that the coordinator stored: when, and which offset.
fn stored(story: &Story) -> Vec<(SimTime, u64)> {
    story.find(|seen| match seen {
        Observation::OffsetsCommitted { offsets, .. } => {
            let mut of_0 = offsets.iter().filter(|(place, _)| place.partition == 0);
            of_0.next().map(|&(_, offset)| offset)
        }
        _ => None,
    })
}

/// When `poll()` returned records to `who`.
fn polled(story: &Story, who: &str) -> Vec<SimTime> {
    let who = story.who(who);
    story.when(|seen| matches!(seen, Observation::Polled { consumer, .. } if *consumer == who))
}

fn duplicated(story: &Story) -> u64 {
    let partitions = story.timeline.partitions.iter();
    partitions.map(|(_, totals)| totals.duplicated).sum()
}

#[test]
fn commit_sync_waits_for_the_coordinator_and_the_application_stands_still() {
    for (protocol, found) in FOUND {
        let story = Hand {
            protocol,
            group: AFTER_BATCH,
            events: AWAY,
            ..HAND
        }
        .play();
        assert_eq!(failed(&story), [""; 0], "{protocol}");
        assert_eq!(stored(&story)[0], (ms(found), 10), "{protocol}");
        assert_eq!(polled(&story, "a")[..2], [ms(0), ms(found)], "{protocol}");
    }
}

/// The answer is NOT_COORDINATOR, not a broken connection: another broker takes the group over while the commit is on its way to the old one.
#[test]
fn commit_sync_to_a_broker_that_coordinates_no_more_is_tried_again() {
    for protocol in ["classic", "consumer"] {
        let story = Hand {
            protocol,
            group: AFTER_BATCH,
            events: "{ at: 500ms, coordinator: move, unavailable: 5200ms }",
            ..HAND
        }
        .play();
        assert_eq!(failed(&story), [""; 0], "{protocol}");
        // 1,000 to the old one, then to the new one, which loads: 100, 200, 400, 800 and 1,000 ms apart.
        assert_eq!(stored(&story)[0], (ms(6_500), 10), "{protocol}");
    }
}

/// The application catches the TimeoutException, goes on, and its next commit covers what this one did not.
#[test]
fn commit_sync_gives_up_after_default_api_timeout() {
    for (protocol, _) in FOUND {
        let story = Hand {
            protocol,
            group: AFTER_BATCH,
            config: ", default.api.timeout.ms: 3000",
            events: AWAY,
            ..HAND
        }
        .play();
        assert_eq!(failed(&story), ["4000.000 TimeoutException"], "{protocol}");
        // A classic `poll()` looks for the coordinator for its 100 ms before it returns records.
        let next = if protocol == "classic" { 4_100 } else { 4_000 };
        assert_eq!(polled(&story, "a")[..2], [ms(0), ms(next)], "{protocol}");
        assert!(stored(&story)[0].0 > ms(5_700), "{protocol}");
    }
}

/// A client of the consumer protocol has the commit in its queue still when the application has given up on it, and sends it once there is a coordinator, before the next. Not so the
/// first, which was tried at 1,000 and is not tried again when its time is over (`RetriableRequestState.maybeExpire`).
#[test]
fn a_commit_sync_given_up_before_it_was_sent_is_sent_all_the_same() {
    let story = Hand {
        protocol: "consumer",
        group: AFTER_BATCH,
        config: ", default.api.timeout.ms: 1500",
        events: AWAY,
        ..HAND
    }
    .play();
    // The second batch is of two records, those after it of one each.
    let found = ms(6_500);
    let sent = [(found, 12), (found, 13), (found, 14)];
    assert_eq!(stored(&story)[..3], sent);
}

/// Who waits in `commitSync` does not poll. As long as there is no coordinator the heartbeat thread looks for that, and sees what it has missed when it is found: the commit is through by
/// then.
#[test]
fn the_poll_interval_goes_by_while_commit_sync_waits() {
    let story = Hand {
        group: AFTER_BATCH,
        config: ", session.timeout.ms: 6000, max.poll.interval.ms: 6000",
        events: "{ at: 500ms, coordinator: restart, unavailable: 10s }",
        ..HAND
    }
    .play();
    assert_eq!(failed(&story), [""; 0]);
    assert_eq!(stored(&story)[0], (ms(11_500), 10));
    let removed = story.removed("a");
    assert_eq!(removed[0].1, RemovalReason::PollTimeout);
    assert!(removed[0].0 >= ms(11_500) && removed[0].0 < ms(11_700));
}

/// `wakeup()` ends a `commitSync` that gets nowhere. Without automatic commits `close()` looks for no coordinator, and says nothing to it.
#[test]
fn a_stop_ends_a_commit_sync_that_waits() {
    for (protocol, _) in FOUND {
        let story = Hand {
            protocol,
            group: AFTER_BATCH,
            events: &format!("{AWAY}, {{ at: 3s, stop: g/a }}"),
            ..HAND
        }
        .play();
        assert_eq!(story.closed("a"), [ms(3_000)], "{protocol}");
        let removed = story.removed("a");
        assert_eq!(removed[0].1, RemovalReason::SessionExpired, "{protocol}");
        assert_eq!(duplicated(&story), 10, "{protocol}");
    }
}

/// In a callback nothing wakes it, and `close()` waits for the callback: then there is a coordinator to take leave of.
#[test]
fn a_commit_sync_in_a_callback_of_close_waits() {
    let group = "    commit: none\n    listener: { on_revoked: { commit: sync } }\n";
    let classic = Hand {
        group,
        events: &format!("{AWAY}, {{ at: 3500ms, stop: g/a }}"),
        ..HAND
    }
    .play();
    assert_eq!(failed(&classic), [""; 0]);
    let closed = classic.closed("a");
    assert!(closed[0] > ms(5_700) && closed[0] < ms(7_500), "{closed:?}");
    assert_eq!(classic.removed("a"), [(closed[0], RemovalReason::Leave)]);
    // `AsyncKafkaConsumer.close` lets nothing wait: "Coordinator unknown and consumer is closing".
    let modern = Hand {
        protocol: "consumer",
        group,
        events: &format!("{AWAY}, {{ at: 3500ms, stop: g/a }}"),
        ..HAND
    }
    .play();
    assert_eq!(failed(&modern), ["3500.000 CommitFailedException"]);
    // Its fetch is answered then.
    assert_eq!(modern.closed("a"), [ms(4_000)]);
}

/// With automatic commits `close()` looks for the coordinator, commits, and leaves.
#[test]
fn close_waits_for_the_coordinator_and_leaves() {
    for protocol in ["classic", "consumer"] {
        let story = Hand {
            protocol,
            events: "{ at: 20s, coordinator: restart, unavailable: 10s }, { at: 22s, stop: g/a }",
            ..HAND
        }
        .play();
        // The automatic commit of the other is the first to find that there is no connection any more.
        let lost: &[&str] = match protocol {
            "classic" => &[],
            _ => &["20100.000 COORDINATOR_NOT_AVAILABLE"],
        };
        assert_eq!(failed(&story), lost, "{protocol}");
        let closed = story.closed("a")[0];
        assert!(closed > ms(30_000) && closed <= ms(31_000), "{closed:?}");
        assert_eq!(
            story.removed("a"),
            [(closed, RemovalReason::Leave)],
            "{protocol}"
        );
        assert_eq!(duplicated(&story), 0, "{protocol}");
    }
}

/// It waits for 30 s. The member is missed when its session is over, which begins anew with the coordinator.
#[test]
fn close_has_thirty_seconds_for_its_commit() {
    for protocol in ["classic", "consumer"] {
        let story = Hand {
            protocol,
            events: "{ at: 20s, coordinator: restart, unavailable: 40s }, { at: 22500ms, stop: g/a }",
            ..HAND
        }
        .play();
        let failed = failed(&story);
        assert_eq!(
            failed[failed.len() - 1],
            "52500.000 TimeoutException",
            "{protocol}"
        );
        assert_eq!(story.closed("a"), [ms(52_500)], "{protocol}");
        let missed = (ms(105_000), RemovalReason::SessionExpired);
        assert_eq!(story.removed("a"), [missed], "{protocol}");
    }
}

/// `commitAsync` of a classic client waits for one lookup and fails with it; the other's waits until it can be sent.
#[test]
fn commit_async_without_a_coordinator() {
    let group = "    commit: { after_batch: async }\n";
    let classic = Hand {
        group,
        events: AWAY,
        ..HAND
    }
    .play();
    let refused = failed(&classic);
    assert_eq!(refused[0], "1000.000 COORDINATOR_NOT_AVAILABLE");
    assert!(stored(&classic)[0].0 >= ms(5_700));
    let modern = Hand {
        protocol: "consumer",
        group,
        events: AWAY,
        ..HAND
    }
    .play();
    // The first finds that there is no connection any more, and is not repeated.
    assert_eq!(failed(&modern), ["1000.000 COORDINATOR_NOT_AVAILABLE"]);
    // In the order in which they were made: one more than the ten at 1,100, and so on.
    let sent: Vec<u64> = stored(&modern)
        .into_iter()
        .filter(|(at, _)| *at == ms(6_000))
        .map(|(_, offset)| offset)
        .collect();
    assert_eq!(sent[0], 11);
    assert!(sent.len() > 3 && sent.is_sorted(), "{sent:?}");
}

/// The automatic commit due at 5,000 waits until 13,000, alone; the next `poll()` commits what was done since.
#[test]
fn an_automatic_commit_of_the_consumer_protocol_waits_for_the_coordinator() {
    let story = Hand {
        protocol: "consumer",
        events: "{ at: 4s, coordinator: restart, unavailable: 8s }",
        ..HAND
    }
    .play();
    assert_eq!(failed(&story), [""; 0]);
    let stored = stored(&story);
    // Looked for 100, 200, 400, 800, then 1,000 ms after each answer, which waits for the fetch that is parked, and found at 13,000.
    assert_eq!(stored[0].0, ms(13_000), "{stored:?}");
    assert!(stored[0].1 < 17, "as of then: {stored:?}");
    assert!(stored[1].0 <= ms(13_200) && stored[1].1 > 20, "{stored:?}");
}

/// The connection breaks at 5,200, before the automatic commit of 5,000 is written. The application hears of that in `poll()` and tries again 100 ms later (`retry.backoff.ms`), as soon as
/// it has found the coordinator again, not after another `auto.commit.interval.ms` (`ConsumerCoordinator.autoCommitOffsetsAsync`).
#[test]
fn an_automatic_commit_of_a_classic_client_that_is_lost_is_made_again() {
    let story = Hand {
        members: "[{ name: a }]",
        append: "400ms",
        events: "{ at: 5200ms, coordinator: restart, unavailable: 50ms }",
        ..HAND
    }
    .play();
    assert_eq!(failed(&story), ["5200.000 DisconnectException"]);
    let stored = stored(&story);
    // The answer of FindCoordinator comes at 5,500, behind the fetch that is parked.
    assert_eq!(stored[0].0, ms(5_900), "{stored:?}");
    assert!(stored[1].0 >= ms(10_300), "{stored:?}");
}

/// a learns at 5,000, while it stands still until 10,500, that it is to give up a partition; the coordinator goes away meanwhile. The next `poll()` marks the partition, and nothing is
/// revoked before its offset is committed. With the heartbeat of 10,100 the background thread has found that the connection is gone; it looks for the coordinator at 10,200, 10,400,
/// 10,800, 11,600, 12,600 and so on.
#[test]
fn a_revocation_waits_for_its_commit() {
    let story = Hand {
        protocol: "consumer",
        partitions: 2,
        members: "[{ name: a }, { name: b, at: 4s }]",
        group: "    start: cold\n    commit: auto\n",
        config: ", auto.offset.reset: earliest, auto.commit.interval.ms: 60000",
        per_record: "100ms",
        append: "0ms",
        events: "{ at: 4500ms, stall: g/a, for: 6s }, { at: 6s, coordinator: restart, unavailable: 14s }",
    }
    .play();
    let revoked = story.called("a", ms(5_000));
    assert_eq!(revoked[0], "20700.000 revoked [1]", "{revoked:?}");
    assert_eq!(failed(&story), [""; 0]);
    assert_eq!(duplicated(&story), 0);
}

/// Batches are longer than `max.poll.interval.ms`: the member is out of the group when it commits, and nobody else is in it. The coordinator takes the commit as an
/// administrator's, and the next batch goes on from there.
#[test]
fn a_member_that_is_out_of_an_empty_group_commits_all_the_same() {
    let story = Hand {
        protocol: "consumer",
        members: "[{ name: a }]",
        per_record: "1s",
        group: AFTER_BATCH,
        config: ", max.poll.interval.ms: 4000",
        ..HAND
    }
    .play();
    assert_eq!(story.removed("a")[0].1, RemovalReason::PollTimeout);
    assert_eq!(failed(&story), [""; 0]);
    assert_eq!(duplicated(&story), 0);
    let totals = &story.timeline.partitions[0].1;
    assert!(totals.processed > 80, "{}", totals.processed);
}

/// The same with somebody else in the group.
#[test]
fn a_member_that_is_out_of_a_group_of_others_is_refused() {
    let story = Hand {
        protocol: "consumer",
        per_record: "1s",
        group: AFTER_BATCH,
        config: ", max.poll.interval.ms: 4000",
        ..HAND
    }
    .play();
    assert!(failed(&story)[0].ends_with(" UNKNOWN_MEMBER_ID"));
    assert!(duplicated(&story) > 0);
}
