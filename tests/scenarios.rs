//! Every shipped scenario is sound; the nightly deploy agrees with a calculation by hand.

use std::collections::BTreeMap;

use rebsim::assignor::{GroupId, TopicPartition};
use rebsim::cluster::{Options, simulate};
use rebsim::kernel::Seed;
use rebsim::metrics::{Cause, RunMetrics, Span, State, evaluate};
use rebsim::scenario::examples::{self, EXAMPLES};
use rebsim::scenario::{NoFiles, Overrides, Scenario, load};
use rebsim::timeline::{RebalanceReason, Timeline};

fn shipped(name: &str) -> Scenario {
    let example = examples::find(name).expect("it is shipped");
    let scenario = load(name, example.text, &mut NoFiles, &Overrides::default());
    let scenario = scenario.unwrap_or_else(|rejected| panic!("{rejected}"));
    assert!(scenario.notes.is_empty(), "{name} has notes");
    scenario
}

/// Plays every variant with one seed.
fn played(scenario: &Scenario, seed: u64) -> BTreeMap<String, Timeline> {
    let options = Options {
        check_invariants: true,
        ..Options::default()
    };
    let play = |plan| simulate(plan, Seed(seed), &options);
    scenario
        .plans
        .iter()
        .map(|plan| {
            let timeline =
                play(plan).unwrap_or_else(|halt| panic!("{} halts: {halt:?}", plan.variant));
            (plan.variant.clone(), timeline)
        })
        .collect()
}

/// Each opens with its question, is a screenful, is on the page, and expects something. That what it expects holds is seen where it is played for its
/// committed results (`cli/reference`).
#[test]
fn every_shipped_scenario_asks_a_question_and_expects_an_answer() {
    let page = include_str!("../docs/scenarios.md");
    for example in EXAMPLES {
        let name = example.name;
        assert!(
            example.text.lines().count() < 60,
            "{name} is longer than a screenful"
        );
        assert!(
            page.contains(&format!("| `{name}` |")),
            "{name} is not on the page"
        );
        let scenario = shipped(name);
        assert!(
            scenario
                .about
                .as_deref()
                .is_some_and(|about| about.ends_with('?')),
            "{name} opens with no question"
        );
        assert!(!scenario.expectations.is_empty(), "{name} expects nothing");
    }
}

const MILLI: u64 = 1_000;
const SECOND: u64 = 1_000 * MILLI;

/// Listener work of a hand-over: flush and start, and 0.1 ms each from the entry of a callback to its return.
const WORK: u64 = 7_500 * MILLI + 2 * 100;
/// `commitSync` before the flush: there, into the log, and back.
const COMMIT: u64 = 500 + 2_000 + 500;
/// One heartbeat interval, the step of the heartbeat thread of a busy application, and its batch of ten records of 10 ms.
const NOTICE: u64 = 3 * SECOND + 101 * MILLI + 100 * MILLI;

/// Microseconds of downtime by cause, over all partitions.
fn causes(run: &RunMetrics) -> BTreeMap<&'static str, u64> {
    let sum = |cause: Cause| {
        let of_each = run.availability.partitions.iter();
        of_each.map(|(_, sums)| sums.causes[cause as usize]).sum()
    };
    Cause::ALL
        .into_iter()
        .map(|cause| (cause.word(), sum(cause)))
        .collect()
}

/// The deploy of 25 members, one after the other, by hand. A restart is a leave (after a flush of 5 s in `close()`) and, 12 s
/// later, a join; both take the other members by surprise at their next heartbeat.
#[test]
fn nightly_deploy_agrees_with_the_hand_calculation() {
    let runs: BTreeMap<String, RunMetrics> = played(&shipped("nightly-deploy"), 1)
        .iter()
        .map(|(variant, timeline)| (variant.clone(), evaluate(timeline)))
        .collect();
    stops_everybody_twice_a_restart(&runs["eager"]);
    moves_one_partition_twice_a_restart(&runs["cooperative"]);
    for variant in ["static", "static-cooperative"] {
        keeps_the_place_of_who_is_away(&runs[variant]);
    }
}

fn reasons_alternate(run: &RunMetrics) {
    assert_eq!(run.rebalances.len(), 50);
    for pair in run.rebalances.chunks(2) {
        assert_eq!(pair[0].reasons, [RebalanceReason::Leave]);
        assert_eq!(pair[1].reasons[0], RebalanceReason::Join);
    }
}

/// How long each downtime of a partition waits at a barrier.
fn barriers(run: &RunMetrics, place: (GroupId, TopicPartition)) -> Vec<u64> {
    let spans: Vec<Span> = run.availability.spans.of(place).collect();
    let downtimes = spans.chunk_by(|left, right| left.member.is_none() && right.member.is_none());
    let downtimes = downtimes.filter(|spans| spans[0].member.is_none());
    let barrier = |spans: &[Span]| {
        let waits = spans
            .iter()
            .filter(|span| span.state == State::Down(Cause::Barrier));
        waits.map(|span| span.to.since(span.from).as_micros()).sum()
    };
    downtimes.map(barrier).collect()
}

/// Eager: in each of the 50 episodes each of the 25 partitions is flushed and started: 50 x 25 x 7.5 s. A member that revokes to
/// rejoin commits first, while its partitions are down already; so does a closing one, which returns no more records.
fn stops_everybody_twice_a_restart(run: &RunMetrics) {
    reasons_alternate(run);
    assert!(run.rebalances.iter().all(|episode| episode.rounds == 1));
    let causes = causes(run);
    assert_eq!(causes["callback"], 1_250 * (WORK + COMMIT));
    // Nobody crashes, nobody follows up, somebody is always there; sync and first fetch take milliseconds.
    for cause in ["detect", "reconcile", "restore", "absent"] {
        assert_eq!(causes[cause], 0, "{cause}");
    }
    assert!(causes["assign"] <= 1_250 * 5 * MILLI && causes["fetch"] <= 1_250 * 5 * MILLI);
    // Barrier: whoever has flushed waits for whoever heard of it last, at most a notice later. The leaver's partition waits from
    // the leave on: for the notice and for the others' commit and flush.
    let places = run.availability.partitions.iter().map(|(place, _)| *place);
    let mut barriers: Vec<u64> = places.flat_map(|place| barriers(run, place)).collect();
    barriers.sort_unstable();
    assert_eq!(barriers.len(), 1_250);
    let (stayed, left) = barriers.split_at(1_250 - 25);
    let flush = COMMIT + 5 * SECOND;
    assert!(
        stayed.iter().all(|&span| span <= NOTICE),
        "{:?}",
        stayed.last()
    );
    assert!(
        left.iter()
            .all(|&span| (flush..flush + NOTICE).contains(&span)),
        "{left:?}"
    );
    // When the group is stable again nobody has finished the work that it begins with: one instant at which all are down.
    for episode in &run.rebalances {
        let at = episode.end.expect("each ends");
        let here = run
            .availability
            .spans
            .iter()
            .filter(|span| (span.from..span.to).contains(&at));
        let (down, served): (Vec<Span>, Vec<Span>) = here.partition(|span| span.member.is_none());
        assert_eq!((down.len(), served.len()), (25, 0), "at {at}");
    }
    assert_eq!(run.availability.stops[0].len(), 50);
}

/// Cooperative: only the partition of the one that restarts moves, away and back: twice flush and start, and once the commit in `close()`. The
/// way back takes a second round, in which the one that had two gives up one.
fn moves_one_partition_twice_a_restart(run: &RunMetrics) {
    reasons_alternate(run);
    for pair in run.rebalances.chunks(2) {
        assert_eq!((pair[0].rounds, pair[1].rounds), (1, 2));
        assert!(pair[1].reasons.contains(&RebalanceReason::FollowUp));
    }
    assert_eq!(causes(run)["callback"], 50 * WORK + 25 * COMMIT);
    assert!(run.availability.stops[0].is_empty());
}

/// Static: nobody hears of it, not even of the commit in `close()`, which counts with the absence. One partition at a time: flush, 12 s away, some milliseconds to come up, start.
fn keeps_the_place_of_who_is_away(run: &RunMetrics) {
    assert!(run.rebalances.is_empty());
    let causes = causes(run);
    assert_eq!(causes["callback"], 25 * WORK);
    assert!((25 * 12 * SECOND..25 * (12 * SECOND + 20 * MILLI)).contains(&causes["detect"]));
    assert_eq!(
        causes["barrier"] + causes["reconcile"] + causes["absent"],
        0
    );
    assert!(run.availability.stops[0].is_empty());
}
