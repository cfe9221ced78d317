//! Who looks at the clock, and when: the heartbeat thread and the monitor it needs, requests that nobody answers, deadlines while nobody knows the coordinator.

use super::hand::*;
use super::support::*;
use rebsim::cluster::Calibration;
use rebsim::kernel::SimDuration;
use rebsim::timeline::{GroupState, RemovalReason};
use rebsim::workload::distribution::Distribution;

/// Nothing costs anything but the leader's assignor.
fn with_assignor(hand: &Hand<'_>, seconds: u64) -> Story {
    let calibration = Calibration {
        assignor_cost: Some(Distribution::Constant(SimDuration::from_secs(seconds))),
        ..Calibration::ideal()
    };
    Story {
        timeline: attempt(&hand.text(), calibration).expect("it ends"),
    }
    .told()
}

/// The leader's assignor runs in the handler of the JoinGroup answer, synchronized on the coordinator (`AbstractCoordinator.JoinGroupResponseHandler`), and the heartbeat
/// thread needs that monitor: no heartbeat for 15 s. At the broker the session of a leader begins with the end of the join phase, and nobody waits for its SyncGroup as a
/// sign of life: 10 s after each join phase its leader is out, and so is the next.
#[test]
fn a_leader_that_computes_longer_than_its_session_is_missed() {
    let story = with_assignor(&HAND, 15);
    let completed: Vec<_> = story.generations().iter().map(|each| each.0).collect();
    let every_10_s = [6_000, 16_000, 26_000, 36_000, 46_000, 56_000].map(ms);
    assert_eq!(completed, every_10_s);
    assert_eq!(story.entered(GroupState::Stable), []);
    let mut missed: Vec<_> = ["a", "b", "c"]
        .iter()
        .flat_map(|who| story.removed(who))
        .collect();
    missed.sort_by_key(|removal| removal.0);
    let expired = every_10_s[1..].iter();
    let expired: Vec<_> = expired
        .map(|&at| (at, RemovalReason::SessionExpired))
        .collect();
    assert_eq!(missed, expired);
}

/// The same for 6 s: the heartbeat of the leader that was due 3 s after the join phase goes out behind its SyncGroup, nobody is missed.
#[test]
fn a_leader_that_computes_for_less_than_its_session_heartbeats_afterwards() {
    let story = with_assignor(&HAND, 6);
    assert_eq!(story.entered(GroupState::Stable), [ms(12_000)]);
    for who in ["a", "b", "c"] {
        assert_eq!(story.removed(who), []);
    }
}
