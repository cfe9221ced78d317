//! The judge judged: a recording against itself is perfect, and against a spoiled copy of itself it is not.

use rebsim::report::fidelity::{RunFidelity, Sides, Summary, compare};
use serde_json::{Value, json};

use super::recordings::{golden, read};

/// A run of `name` compared with what `spoil` makes of a copy of its own events.
fn against(name: &str, spoil: impl Fn(&mut Vec<Value>)) -> RunFidelity {
    let recording = read(&golden().join(format!("{name}.json")));
    let run = &recording.runs[0];
    let mut copy = run.events.clone();
    if let Some(positions) = &run.positions {
        copy.push(json!({ "positions": positions }));
    }
    spoil(&mut copy);
    compare(&Sides {
        trace: &recording.name,
        kafka: &recording.kafka,
        run: &run.name,
        consumer_protocol: recording.consumer_protocol,
        rates: &recording.rates,
        recorded: &run.events,
        positions: run.positions.as_ref(),
        simulated: &copy,
    })
}

fn is_within_marks(run: &RunFidelity) -> bool {
    Summary::of([run], 0).is_within_marks()
}

/// The events of that kind.
fn of_kind<'e>(events: &'e mut [Value], what: &str) -> impl Iterator<Item = &'e mut Value> {
    events.iter_mut().filter(move |event| event["what"] == what)
}

#[test]
fn a_recording_against_itself_is_perfect() {
    let run = against("coop-load-crash-catch-up", |_| {});
    let summary = Summary::of([&run], 0);
    assert!(run.same_structure() && run.coordinator.is_none() && summary.is_within_marks());
    assert!(summary.all.events > 5 && summary.all.late == 0);
    assert_eq!(summary.classic_ms.map(|spread| spread.max), Some(0.0));
    assert_eq!(summary.first_batches_s.map(|spread| spread.max), Some(0.0));
    assert_eq!(summary.positions_s.map(|spread| spread.max), Some(0.0));
}

#[test]
fn another_partition_is_another_structure() {
    let run = against("range-crash", |events| {
        for event in of_kind(events, "assigned").take(1) {
            event["partitions"] = json!(["orders-99"]);
        }
    });
    assert!(!run.same_structure() && run.times.is_empty() && !is_within_marks(&run));
}

#[test]
fn a_generation_too_many_is_another_structure() {
    let run = against("range-crash", |events| {
        events.push(json!({ "t": 1, "at": "coordinator", "what": "join_complete", "generation": 99, "members": 1 }));
    });
    assert_eq!(run.structure.len(), 1);
    assert_eq!(run.structure[0].of, "generations");
    assert_eq!(run.structure[0].recorded, None);
    assert!(run.coordinator.is_some());
}

#[test]
fn an_exception_is_told_by_its_name() {
    let run = against("range-static-fenced", |events| {
        for event in of_kind(events, "error") {
            event["error"] = json!("SomeOtherException");
        }
    });
    assert!(!run.same_structure());
}

/// 50 ms, or 5 % of the time since the last action.
#[test]
fn the_tolerance_is_fifty_milliseconds_or_five_percent() {
    let shifted = |by: f64| {
        let run = against("range-crash", move |events| {
            for event in of_kind(events, "assigned").take(1) {
                event["t"] = json!(event["t"].as_f64().unwrap_or_default() + by);
            }
        });
        run.late().count()
    };
    let run = against("range-crash", |_| {});
    let first = run
        .times
        .iter()
        .min_by(|one, other| one.recorded_ms.total_cmp(&other.recorded_ms));
    let tolerance = first.map_or(0.0, |event| event.tolerance_ms);
    assert!(
        tolerance > 50.0,
        "the first round waits for seconds: {tolerance}"
    );
    assert_eq!((shifted(tolerance - 1.0), shifted(tolerance + 1.0)), (0, 1));
    assert_eq!(
        (shifted(1.0 - tolerance), shifted(-1.0 - tolerance)),
        (0, 1)
    );
    assert!(run.times.iter().all(|event| event.tolerance_ms >= 50.0));
}

/// A recording of the consumer protocol with ten events of a member, every one off by the same.
fn consumer_run(off_ms: f64, order: &[i32]) -> RunFidelity {
    let side = |off: f64, epochs: &[i32]| {
        let assigned = (0..10).map(|nth| {
            json!({ "t": f64::from(nth) * 100.0 + off, "at": "member", "what": "assigned", "who": "m0", "partitions": [] })
        });
        let epochs = epochs.iter().map(
            |epoch| json!({ "t": 1, "at": "coordinator", "what": "group_epoch", "epoch": epoch }),
        );
        let state = json!({
            "t": 2, "at": "coordinator", "what": "member_state", "member_id": "x", "epoch": 2,
            "state": "STABLE", "assigned": ["b-0", "a-0"], "revoked": [],
        });
        // Generations are nobody's: classic members of a mixed group have none in common.
        let joint =
            json!({ "t": off, "at": "coordinator", "what": "member_left", "member_id": off });
        assigned
            .chain(epochs)
            .chain([state, joint])
            .collect::<Vec<Value>>()
    };
    compare(&Sides {
        trace: "kip848",
        kafka: "4.1.1",
        run: "kip848.r0",
        consumer_protocol: true,
        rates: &[],
        recorded: &side(0.0, &[2, 3]),
        positions: None,
        simulated: &side(off_ms, order),
    })
}

#[test]
fn the_consumer_protocol_has_marks_of_its_own() {
    let near = consumer_run(149.0, &[2, 3]);
    assert!(near.same_structure() && near.coordinator.is_none() && is_within_marks(&near));
    assert_eq!(consumer_run(151.0, &[2, 3]).late().count(), 10);
    let disordered = consumer_run(0.0, &[3, 2]);
    assert!(disordered.coordinator.is_some());
    let of = |disordered_runs: usize, late_runs: usize| {
        let far = consumer_run(151.0, &[2, 3]);
        let bad = vec![disordered.clone(); disordered_runs];
        let far = vec![far; late_runs];
        let good = vec![near.clone(); 10 - disordered_runs - late_runs];
        let runs: Vec<RunFidelity> = bad.into_iter().chain(far).chain(good).collect();
        Summary::of(&runs, 0).is_within_marks()
    };
    assert!(of(2, 1), "one in ten late, two in ten in another order");
    assert!(!of(3, 0) && !of(0, 2));
    // In a mixed folder each protocol has to reach its own.
    let classic = against("range-crash", |_| {});
    let mixed = Summary::of([&near, &classic], 0);
    assert!(mixed.is_within_marks() && mixed.consumer.runs == 1 && mixed.classic.runs == 1);
    assert!(!Summary::of([&disordered, &classic, &classic, &classic], 0).is_within_marks());
}

#[test]
fn another_order_of_the_coordinator_is_told() {
    let run = against("range-crash", |events| {
        for event in of_kind(events, "assignment_received").take(1) {
            event["leader"] = json!("someone-else");
        }
    });
    assert!(run.same_structure() && run.coordinator.is_some() && !is_within_marks(&run));
}

#[test]
fn positions_that_are_missing_or_far_off_are_out_of_the_marks() {
    let missing = against("range-load-saturated", |events| {
        events.pop();
    });
    assert!(missing.positions_missing && !is_within_marks(&missing));
    let frozen = against("range-load-saturated", |events| {
        events.pop();
        events.push(json!({ "positions": {} }));
    });
    assert!(!frozen.positions_missing && !is_within_marks(&frozen));
}

#[test]
fn a_first_batch_may_be_off_by_a_poll_timeout_more() {
    let late = |by: f64| {
        let run = against("range-crash", move |events| {
            for event in of_kind(events, "first_batch") {
                event["t"] = json!(event["t"].as_f64().unwrap_or_default() + by);
            }
        });
        (run.first_batches.compared, run.first_batches.late)
    };
    let (compared, none) = late(149.0);
    assert!(compared > 5 && none == 0, "{compared} {none}");
    assert!(late(1_000.0).1 > 0);
}

#[test]
fn a_first_batch_elsewhere_is_measured_in_seconds_of_load() {
    let run = against("range-crash", |events| {
        for event in of_kind(events, "first_batch").take(1) {
            for (_, range) in event["offsets"].as_object_mut().into_iter().flatten() {
                range[0] = json!(range[0].as_f64().unwrap_or_default() + 25.0);
            }
        }
    });
    let worst = run
        .first_batches
        .errors_s
        .iter()
        .copied()
        .fold(0.0, f64::max);
    assert!((worst - 2.5).abs() < 1e-9, "25 records at 10/s: {worst}");
}
