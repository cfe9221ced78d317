//! `close()`: how long it may take, what it waits for, and when a consumer that is told to stop gets to it (`wakeup()`).

use super::support::{Story, attempt, ideal, ms};
use rebsim::cluster::Calibration;
use rebsim::timeline::{CallbackKind, Observation, RemovalReason};

const PROTOCOLS: [&str; 2] = ["classic", "consumer"];

/// Members a and b on two partitions, ten records wait; of the group also `more`.
fn text(protocol: &str, more: &str, config: &str, events: &str) -> String {
    format!(
        "version: 1\nname: closing\nduration: 120s\nbrokers: {{ latency: 100ms }}\n\
         topics: {{ t: {{ partitions: 2, backlog: 10, rate_per_partition: 1/s }} }}\n\
         groups:\n  g:\n    topics: [t]\n    members: [{{ name: a }}, {{ name: b }}]\n{more}    \
         config: {{ group.protocol: {protocol}{config} }}\nevents: [{events}]\n"
    )
}

fn closing(story: &Story, who: &str) -> Vec<rebsim::kernel::SimTime> {
    let who = story.who(who);
    story.when(|seen| matches!(seen, Observation::ConsumerClosing { consumer } if *consumer == who))
}

/// `ConsumerUtils.DEFAULT_CLOSE_TIMEOUT_MS` is cut to `request.timeout.ms`.
#[test]
fn close_has_no_more_time_than_a_request() {
    for protocol in PROTOCOLS {
        let away =
            "{ at: 20s, coordinator: restart, unavailable: 40s }, { at: 22500ms, stop: g/a }";
        let story = ideal(&text(protocol, "", ", request.timeout.ms: 5000", away));
        assert_eq!(story.closed("a"), [ms(27_500)], "{protocol}");
        let story = ideal(&text(protocol, "", ", request.timeout.ms: 60000", away));
        assert_eq!(story.closed("a"), [ms(52_500)], "{protocol}");
    }
}

/// `wakeup()` is remembered: the commit after the batch is sent and not waited for.
#[test]
fn a_stop_in_a_batch_ends_the_commit_after_it() {
    let slow = "    commit: { after_batch: sync }\n    processing: { per_record: 1s }\n";
    for protocol in PROTOCOLS {
        let away = "{ at: 1s, coordinator: restart, unavailable: 60s }, { at: 3s, stop: g/a }";
        let story = ideal(&text(protocol, slow, "", away));
        assert_eq!(closing(&story, "a"), [ms(5_000)], "{protocol}");
        assert!(story.closed("a")[0] < ms(6_000), "{protocol}");
    }
}

/// Whether its answer is on its way makes no difference.
#[test]
fn a_stop_ends_a_commit_sync_whose_answer_is_on_its_way() {
    let slow = "    commit: { after_batch: sync }\n    processing: { per_record: 1s }\n";
    for protocol in PROTOCOLS {
        let cut = "{ at: 2s, disconnect: g/a, for: 40s }, { at: 6s, stop: g/a }";
        let story = ideal(&text(protocol, slow, "", cut));
        assert_eq!(closing(&story, "a"), [ms(6_000)], "{protocol}");
    }
}

/// What comes after the callback is sent, and `poll()` throws where it would wait for the answer: it neither joins nor gets anything.
#[test]
fn a_stop_in_a_callback_ends_the_poll_after_it() {
    let listener = "    processing: { per_record: 1ms, poll_timeout: 5s }\n    \
                    listener: { on_revoked: { flush: 4s } }\n";
    let events = "{ at: 10s, stop: g/b }, { at: 16s, stop: g/a }";
    let range = ", partition.assignment.strategy: range";
    let story = ideal(&text("classic", listener, range, events));
    let called = story.called("a", ms(10_000));
    assert_eq!(called.len(), 1, "{called:?}");
    let begun = story.callbacks("a").last().map(|called| called.0);
    let over = begun.map(|begun| begun + rebsim::kernel::SimDuration::from_secs(4));
    assert_eq!(closing(&story, "a"), over.as_slice());
    assert_eq!(story.removed("a")[0].1, RemovalReason::Leave);
    assert_eq!(story.completed(), ["0.000 1 a,b"]);
}

/// `LeaveGroupOnCloseEvent`, as a classic client's LeaveGroup is waited for.
#[test]
fn close_waits_for_the_answer_to_its_leaving() {
    for protocol in PROTOCOLS {
        let stop = "{ at: 20s, stop: g/a }";
        let timeline = attempt(&text(protocol, "", "", stop), Calibration::of_scenario());
        let story = Story {
            timeline: timeline.expect("it ends"),
        };
        let left = story.removed("a")[0].0;
        let back = left + rebsim::kernel::SimDuration::from_millis(100);
        let closed = story.closed("a")[0];
        assert!(closed >= back, "{protocol}: left {left}, closed {closed}");
    }
}

/// A static member comes back while its predecessor's leaving has not been heard of, and is refused. The next one's turn comes when the coordinator has missed it.
#[test]
fn a_roll_goes_on_when_somebody_does_not_come_through() {
    let of_four = text(
        "consumer",
        "    static_membership: true\n    commit: none\n",
        ", enable.auto.commit: false",
        "{ at: 20s, coordinator: restart, unavailable: 5s }, { at: 21s, restart: g/*, one_by_one: true, down: 2s }",
    );
    let story = ideal(&of_four);
    assert_eq!(story.failed("a").len(), 1, "{:?}", story.failed("a"));
    assert_eq!(story.closed("b").len(), 1, "{}", story.tell());
}

/// When a, which closes at 20 s, is out, and why; `None`: it never is.
fn out(protocol: &str, more: &str, config: &str) -> Option<(u64, RemovalReason)> {
    let story = ideal(&text(protocol, more, config, "{ at: 20s, stop: g/a }"));
    let removed = story.removed("a");
    assert_eq!(story.closed("a").len(), 1, "{protocol} {more}");
    assert!(removed.len() <= 1, "{removed:?}");
    removed
        .first()
        .map(|(at, why)| (at.as_micros() / 1_000_000, *why))
}

/// `CloseOptions.GroupMembershipOperation` (KIP-1092). `AbstractCoordinator.shouldSendLeaveGroupRequest`: static members say nothing unless they are to leave, and nobody does who is to
/// stay. `ConsumerMembershipManager.leaveGroupEpoch`, `ConsumerHeartbeatRequestManager.shouldSendLeaveHeartbeatNow`: static members say that they will be back (-2), or that they are gone
/// (-1); only dynamic ones that are to stay say nothing. Sessions are 45 s, and begin with the last word.
#[test]
fn close_leaves_the_group_or_stays_as_it_is_told() {
    let leaves =
        |told: &Option<(u64, RemovalReason)>| matches!(told, Some((20 | 21, RemovalReason::Leave)));
    let stays = |told: &Option<(u64, RemovalReason)>| {
        matches!(told, Some((60..=67, RemovalReason::SessionExpired)))
    };
    for protocol in PROTOCOLS {
        for (is_static, operation, is_to_leave) in [
            (false, "default", true),
            (false, "leave_group", true),
            (false, "remain_in_group", false),
            (true, "default", false),
            (true, "leave_group", true),
            (true, "remain_in_group", false),
        ] {
            let more = format!(
                "    static_membership: {is_static}\n    group_membership_operation: {operation}\n"
            );
            let told = out(protocol, &more, "");
            let as_wanted = if is_to_leave {
                leaves(&told)
            } else {
                stays(&told)
            };
            assert!(as_wanted, "{protocol} {more} {told:?}");
        }
    }
}

/// A static member of the consumer protocol that is to remain says -2 all the same, a dynamic one nothing.
#[test]
fn who_remains_in_a_consumer_group_says_so_if_it_is_static() {
    let away = |is_static: bool| {
        let more = format!(
            "    static_membership: {is_static}\n    group_membership_operation: remain_in_group\n"
        );
        let story = ideal(&text("consumer", &more, "", "{ at: 20s, stop: g/a }"));
        story
            .when(|seen| matches!(seen, Observation::StaticMemberAway { .. }))
            .len()
    };
    assert_eq!((away(true), away(false)), (1, 0));
}

/// `internal.leave.group.on.close: false` is read by `AbstractCoordinator` until 4.1, and by nobody since (recorded on 4.4.0: z-range-noleave, z-k848-noleave).
#[test]
fn only_classic_clients_until_4_1_read_that_they_are_not_to_leave() {
    for (protocol, version, is_read) in [
        ("classic", "2.3", true),
        ("classic", "3.9", true),
        ("classic", "4.1", true),
        ("classic", "4.2", false),
        ("classic", "4.4", false),
        ("consumer", "4.0", false),
        ("consumer", "4.4", false),
    ] {
        let more = format!("    client_version: \"{version}\"\n");
        let told = out(protocol, &more, ", internal.leave.group.on.close: false");
        let left = matches!(told, Some((_, RemovalReason::Leave)));
        assert_eq!(left, !is_read, "{protocol} {version} {told:?}");
    }
}

/// A supervisor starts no second process beside one that is still closing: it waits for its exit.
#[test]
fn who_is_started_while_it_closes_starts_at_its_exit() {
    let flush = "    listener: { on_revoked: { flush: 4s } }\n";
    for protocol in PROTOCOLS {
        let events = "{ at: 20s, stop: g/a }, { at: 21s, start: g/a }";
        let story = ideal(&text(protocol, flush, "", events));
        let who = story.who("a");
        let started = story.when(
            |seen| matches!(seen, Observation::ConsumerStarted { consumer } if *consumer == who),
        );
        assert_eq!(started[1..], story.closed("a"), "{protocol}");
    }
}

/// `runRebalanceCallbacksOnClose` asks the group's metadata for the epoch, and these keep the last one that the member had: what it still holds it revokes in `close()`, although it is
/// no member any more. A classic client has no generation then (`onLeavePrepare`).
#[test]
fn who_was_removed_and_closes_before_it_polls_loses_its_partitions_as_a_classic_client_only() {
    let absence = "{ at: 20s, stall: g/b, for: 39s }, { at: 50s, stop: g/b }";
    for (protocol, kind) in [
        ("classic", CallbackKind::Lost),
        ("consumer", CallbackKind::Revoked),
    ] {
        let story = ideal(&text(
            protocol,
            "",
            ", max.poll.interval.ms: 20000",
            absence,
        ));
        assert_eq!(story.removed("b").len(), 1, "{protocol}");
        let calls = story.callbacks("b");
        let last = calls.last().expect("it had partitions");
        assert_eq!((last.0, last.1), (ms(59_000), kind), "{protocol}");
    }
}
