//! From the end of a downtime until the lag is back.

use super::{measure, value};
use crate::kernel::SimTime;
use crate::metrics::testing::Play;
use crate::timeline::RemovalReason;

type Told = (u64, Option<u64>);

/// A partition whose owner crashes at 10 s and whose next one serves at 40 s; another that is assigned it at 26 s dies at that instant.
fn after_a_service_that_does_not_last(told: &[Told]) -> Play {
    let mut play = Play::steady(&[&[0], &[]], 60_000);
    play.at(10_000).crash(0, &[0]);
    play.at(26_000)
        .remove(0, RemovalReason::SessionExpired)
        .take(1, &[0])
        .crash(1, &[0]);
    play.at(40_000).start(0).add(0).take(0, &[0]);
    let at = SimTime::from_millis;
    let told = told.iter().map(|(from, to)| (at(*from), to.map(at)));
    play.timeline.partitions[0].1.catch_ups = told.collect();
    play
}

fn both(play: &Play) -> [String; 2] {
    let metrics = measure(play);
    ["catch_up_s", "catch_up_s_sum"].map(|name| value(&metrics, name))
}

#[test]
fn a_service_that_does_not_last_starts_none_but_the_lag_before_the_downtime_is_what_counts() {
    let play =
        after_a_service_that_does_not_last(&[(26_000, Some(50_000)), (40_000, Some(41_000))]);
    assert_eq!(value(&measure(&play), "longest_downtime_s"), "30");
    assert_eq!(both(&play), ["10", "10"]);
    let play = after_a_service_that_does_not_last(&[(26_000, None), (40_000, Some(41_000))]);
    assert_eq!(both(&play), ["20", "20"]);
}

#[test]
fn nobody_catches_up_in_a_downtime_without_end() {
    let mut play = Play::steady(&[&[0]], 60_000);
    play.at(10_000).crash(0, &[0]);
    play.at(26_000).take(0, &[0]).crash(0, &[0]);
    play.timeline.partitions[0].1.catch_ups = vec![(SimTime::from_millis(26_000), None)];
    assert_eq!(value(&measure(&play), "longest_downtime_s"), "50");
    assert_eq!(both(&play), ["0", "0"]);
}

#[test]
fn the_downtime_must_end_within_the_window() {
    let mut play = after_a_service_that_does_not_last(&[(26_000, Some(50_000))]);
    play.timeline.measured.1 = SimTime::from_millis(39_000);
    assert_eq!(both(&play), ["0", "0"]);
    play.timeline.measured.1 = SimTime::from_millis(40_000);
    assert_eq!(both(&play), ["10", "10"]);
}

#[test]
fn a_later_downtime_neither_ends_nor_stops_one() {
    let mut play = Play::steady(&[&[0]], 60_000);
    play.at(10_000).crash(0, &[0]);
    play.at(20_000).start(0).take(0, &[0]);
    play.at(22_000).crash(0, &[0]);
    play.at(30_000).start(0).take(0, &[0]);
    let at = SimTime::from_millis;
    play.timeline.partitions[0].1.catch_ups = vec![
        (at(20_000), Some(at(36_000))),
        (at(30_000), Some(at(33_000))),
    ];
    assert_eq!(both(&play), ["16", "19"]);
}
