//! The machine of the HPA in the recorded worlds of the real controller, and a run of its own given back to it.

use rebsim::experiment::hpa_replay;
use rebsim::experiment::platform_replay::Replayed;
use rebsim::import::platform::hpa::{self, HpaWorld};
use rebsim::platform::hpa::{Hpa, Reconcile};
use rebsim::report::hpa_world;

use serde_json::Value;

/// The worlds of 1.34.4, as they were recorded.
const WORLDS: &str = include_str!("../golden/hpa/worlds.jsonl");

fn values() -> Vec<Value> {
    let lines = WORLDS.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("a line is JSON"))
        .collect()
}

fn worlds() -> Vec<HpaWorld> {
    let worlds = values().into_iter().enumerate();
    worlds
        .map(|(number, value)| hpa::read(value).unwrap_or_else(|fault| panic!("{number}: {fault}")))
        .collect()
}

fn replayed(worlds: &[HpaWorld]) -> Vec<Replayed> {
    let worlds = worlds.iter().enumerate();
    worlds
        .map(|(number, world)| hpa_replay::replay(number, world))
        .collect()
}

#[test]
fn every_step_of_the_recorded_controller_is_ours() {
    let replayed = replayed(&worlds());
    assert_eq!(replayed.len(), 40);
    for world in replayed {
        assert_eq!((world.units, world.compared), (80, 80));
        assert_eq!(world.differences, [""; 0]);
    }
}

#[test]
fn where_the_recorded_controller_wrote_no_status_ours_has_not_changed() {
    let mut silent = 0;
    for (number, (world, replayed)) in worlds().iter().zip(replayed(&worlds())).enumerate() {
        let conditions = replayed.line["conditions"]
            .as_array()
            .expect("a list")
            .clone();
        for (index, step) in world.steps.iter().enumerate() {
            let recorded = step.recorded.as_ref().expect("every step is recorded");
            if recorded.conditions.is_none() {
                silent += 1;
                assert_eq!(
                    conditions[index],
                    conditions[index - 1],
                    "{number}, {index}"
                );
            }
        }
    }
    assert_eq!(silent, 101);
}

#[test]
fn a_line_has_the_number_and_every_step() {
    let worlds = worlds();
    let line = hpa_replay::replay(7, &worlds[3]).line;
    assert_eq!(line["world"], 7);
    let first = &line["conditions"][0];
    assert_eq!(first, &values()[3]["steps"][0]["conditions"]);
    for key in ["desired", "conditions"] {
        assert_eq!(line[key].as_array().map(Vec::len), Some(80));
    }
}

#[test]
fn a_changed_recording_is_told_once_for_each_step() {
    let mut value = values().remove(2);
    value["steps"][5]["desired"] = Value::from(99);
    value["steps"][6]["conditions"]["AbleToScale"] = Value::from("True Whatever");
    let world = hpa::read(value).expect("it is still a world");
    let differences = hpa_replay::replay(0, &world).differences;
    assert_eq!(differences.len(), 2);
    assert!(differences[0].starts_with("world 0, step 5: recorded 99 replicas"));
    assert!(differences[1].contains("AbleToScale: recorded True Whatever"));
}

/// Every recorded world, written anew from what our machine saw and said, and given back.
#[test]
fn what_a_run_writes_down_is_played_again_without_a_difference() {
    for (number, world) in worlds().into_iter().enumerate() {
        let mut hpa = Hpa::new(world.spec.clone(), world.controller);
        let steps = world.steps.iter().map(|step| Reconcile {
            at: step.now,
            observed: step.observed.clone(),
            outcome: hpa.reconcile(step.now, &step.observed),
        });
        let steps: Vec<Reconcile> = steps.collect();
        let written = hpa_world::world(&world.spec, &world.controller, &steps);
        let again = hpa::read(written).unwrap_or_else(|fault| panic!("{number}: {fault}"));
        assert_eq!(
            (&again.spec, again.controller),
            (&world.spec, world.controller)
        );
        for (one, other) in again.steps.iter().zip(&world.steps) {
            assert_eq!(
                (one.now, &one.observed),
                (other.now, &other.observed),
                "{number}"
            );
        }
        let replayed = hpa_replay::replay(number, &again);
        assert_eq!(replayed.differences, [""; 0]);
        assert_eq!(replayed.compared, 80);
    }
}

#[test]
fn what_is_no_world_is_refused_with_a_reason() {
    let broken = [
        ("/steps/3/t", Value::from(-1), "step 3"),
        ("/steps/3/t", Value::from(0), "does not come after"),
        ("/steps/0/pods/0/1", Value::from("Happy"), "no phase"),
        ("/steps/0/spec_replicas", Value::from(-1), "below zero"),
        ("/spec/maxReplicas", Value::Null, "maxReplicas"),
        ("/spec/minReplicas", Value::from(50), "below minReplicas"),
        ("/controller/tolerance", Value::from(-0.5), "no tolerance"),
        ("/steps", Value::from("none"), "invalid type"),
    ];
    for (pointer, value, reason) in broken {
        let mut world = values().remove(0);
        *world.pointer_mut(pointer).expect("it is there") = value;
        let fault = hpa::read(world).expect_err(pointer);
        assert!(fault.contains(reason), "{pointer}: {fault}");
    }
}
