//! Groups with everything that consumers feel: threads, quotas, calls downstream, failing and poisoned records, restores, random faults, a
//! node that they share. Whoever runs ahead by itself has to do what the client does that takes each step by itself.

use std::cell::RefCell;
use std::fmt::Write as _;

use rebsim::cluster::Options;
use rebsim::kernel::{Draw, Seed, Stream};
use rebsim::platform::node::NodeSpec;
use rebsim::timeline::Observation;

use crate::groups::{Case, Dice, case, plan_of};
use crate::steps::{CASES, difference, for_all_of, options, play};

/// The random group of this number, in surroundings.
fn felt(number: u64) -> Case {
    let mut dice = Dice(Draw::new(Seed(number), Stream::new("oracle", "feel")));
    let case = case(number);
    let mut processing = String::new();
    if dice.one_in(3) {
        let _ = write!(processing, "threads: {}, ", dice.between(2, 5));
    }
    if dice.one_in(3) {
        let burns = dice.of(&["1us", "{ exponential: 100us }"]);
        let _ = write!(processing, "cpu_per_record: {burns}, ");
    }
    if dice.one_in(3) {
        let backoff = dice.of(&["0s", "3ms"]);
        let _ = write!(
            processing,
            "failures: {{ share: 20%, retries: 2, backoff: {backoff} }}, "
        );
    }
    let downstream = dice.one_in(3);
    if downstream {
        processing.push_str("downstream: db, ");
    }
    let what = dice.of(&["crash", "skip", "retry"]);
    let _ = write!(processing, "on_poison: {what}, ");
    let with = format!("processing: {{ {processing}");
    let mut text = case.text.replace("processing: { ", &with);
    if dice.one_in(2) {
        let restore = dice.of(&[
            "restore: 3s",
            "restore: { bytes_per_partition: 2MB, rate: 1MB/s }, resume_after_restart: true",
            "restore: { records: 90000, rate: 20000/s }, standbys: 1",
        ]);
        if text.contains("on_assigned: { ") {
            text = text.replace("on_assigned: { ", &format!("on_assigned: {{ {restore}, "));
        } else {
            let listener =
                format!("    listener: {{ on_assigned: {{ {restore} }} }}\n    commit: ");
            text = text.replacen("    commit: ", &listener, 1);
        }
    }
    if dice.one_in(3) {
        let at = dice.between(1, 15);
        text = text.replacen(
            "events:\n",
            &format!("events:\n  - {{ at: {at}s, poison: t0-0 }}\n"),
            1,
        );
    }
    if downstream {
        let capacity = dice.of(&["20/s", "400/s"]);
        let _ = writeln!(
            text,
            "resources: {{ db: {{ capacity: {capacity}, latency: 2ms, contention: 5% }} }}"
        );
    }
    let faults: Vec<&str> = [
        "  - { crash: g, mtbf: 20s, repair: { uniform: [1s, 9s] } }\n",
        "  - { freeze: g, every: { exponential: 9s }, for: { lognormal: { median: 300ms, p99: 12s } } }\n",
        "  - { noisy: g, every: { exponential: 10s }, for: { exponential: 5s }, leaves: [0.2, 1] }\n",
        "  - { crash: g/random, mtbf: 15s }\n",
    ]
    .into_iter()
    .filter(|_| dice.one_in(4))
    .collect();
    if !faults.is_empty() {
        let _ = write!(text, "faults:\n{}", faults.concat());
    }
    let mut plan = plan_of(&text);
    if dice.one_in(3) {
        plan.platform.nodes = vec![NodeSpec {
            name: "big".to_owned(),
            cores_m: dice.of(&[200, 1_000, 2_500]),
            rack: None,
        }];
        for consumer in plan.consumers.iter_mut().skip(1) {
            std::sync::Arc::make_mut(consumer).host = Some("big".to_owned());
        }
    }
    Case { text, plan, ..case }
}

#[test]
fn what_consumers_feel_is_the_same_step_by_step() {
    let seen = RefCell::new(Vec::<&'static str>::new());
    for_all_of(felt, |case| {
        let lazy = play(case, &options(case));
        let stepped = Options {
            step_by_step: true,
            ..options(case)
        };
        let steps = play(case, &stepped);
        for entry in &lazy.entries {
            let what = match &entry.observation {
                Observation::Fault { verb, .. } => verb,
                Observation::RestoreEnded { .. } => "restore",
                Observation::Action { verb: "poison", .. } => "poison",
                _ => continue,
            };
            let mut seen = seen.borrow_mut();
            if !seen.contains(&what) {
                seen.push(what);
            }
        }
        difference(&lazy, &steps, |_| false)
    });
    let seen = seen.into_inner();
    let asked = std::env::var_os("ORACLE_CASE").or(std::env::var_os("ORACLE_CASES"));
    if asked.is_none() && CASES >= 100 {
        for what in ["crash", "freeze", "noisy", "restore", "poison"] {
            assert!(seen.contains(&what), "no group saw: {what}");
        }
    }
}
