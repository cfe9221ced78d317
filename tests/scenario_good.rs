//! Good scenarios as a whole: parents, variants and overrides; that spelling makes no difference; examples and schema.

mod common;

use std::fs;

use rebsim::kernel::SimDuration;
use rebsim::scenario::plan::Plan;
use rebsim::scenario::{Overrides, canonical_hash, examples, schema};
use rebsim::workload::distribution::Distribution;

use common::{accepted, at, good, only, path, secs};

#[test]
fn parents_and_variants_are_laid_over_each_other() {
    let scenario = good("child.yaml");
    assert_eq!((scenario.name.as_str(), scenario.seed), ("child", 7));
    let names: Vec<&str> = scenario.plans.iter().map(|plan| &*plan.variant).collect();
    assert_eq!(names, ["small", "static", "other-events", "same"]);
    for plan in &scenario.plans {
        assert_eq!(plan.duration, secs(600));
        assert_eq!(
            (plan.topics[0].partitions, plan.topics[0].record_size),
            (12, 1_024)
        );
        assert_eq!(plan.groups.len(), 1, "null removes");
    }
    let [small, fixed, other, same] = &scenario.plans[..] else {
        panic!("four variants")
    };
    assert_eq!((small.consumers.len(), same.consumers.len()), (2, 6));
    // The null in a variant waits for the document that the variant is laid over.
    let work = |plan: &Plan| plan.consumers[0].processing.per_record.clone();
    assert_eq!(work(small), Distribution::Constant(SimDuration::ZERO));
    assert_eq!(
        work(same),
        Distribution::Constant(SimDuration::from_millis(2))
    );
    assert_eq!(
        fixed.consumers[5].config.group_instance_id.as_deref(),
        Some("checkout-5")
    );
    assert_eq!(fixed.consumers[5].config.session_timeout, secs(20));
    assert_eq!((other.events.len(), same.events.len()), (2, 1));
    assert_eq!(other.events[1].pointer, "/variants/other-events/events/1");
    assert_eq!(same.events[0].pointer, "/events/0");
    let expected: Vec<(Option<&str>, &str)> = scenario
        .expectations
        .iter()
        .map(|expectation| (expectation.variant.as_deref(), &*expectation.metric))
        .collect();
    assert_eq!(
        expected,
        [(None, "records_lost"), (Some("static"), "rebalances")]
    );
    for pointer in scenario
        .expectations
        .iter()
        .map(|expectation| &expectation.pointer)
    {
        assert!(scenario.resolved.pointer(pointer).is_some(), "{pointer}");
    }
    for event in scenario.plans.iter().flat_map(|plan| &plan.events) {
        assert!(
            scenario.resolved.pointer(&event.pointer).is_some(),
            "{}",
            event.pointer
        );
    }
    assert_eq!(scenario.resolved["variants"]["same"], serde_json::json!({}));
    assert_eq!(scenario.resolved["duration"], "10m");
}

#[test]
fn anchors_stand_for_what_they_name() {
    let plan = only("anchors.yaml");
    let sizes: Vec<u32> = plan
        .groups
        .iter()
        .map(|g| g.consumers.1.0 - g.consumers.0.0)
        .collect();
    assert_eq!(sizes, [2, 2, 3]);
}

#[test]
fn yaml_and_its_json_twin_resolve_to_the_same_hash() {
    let mut twins = 0;
    for entry in fs::read_dir(path("")).expect("the folder is there") {
        let name = entry.expect("it can be listed").file_name();
        let Some(stem) = name.to_str().and_then(|name| name.strip_suffix(".json")) else {
            continue;
        };
        twins += 1;
        let (yaml, json) = (good(&format!("{stem}.yaml")), good(&format!("{stem}.json")));
        assert_eq!(yaml.plans, json.plans, "{stem}");
        assert_eq!(
            canonical_hash(&yaml.resolved),
            canonical_hash(&json.resolved),
            "{stem}"
        );
    }
    assert_eq!(twins, 10);
}

#[test]
fn what_a_scenario_resolves_to_is_a_scenario_that_resolves_to_itself() {
    let shipped = examples::EXAMPLES
        .iter()
        .map(|example| example.text.to_owned());
    let here = fs::read_dir(path("")).expect("the folder is there");
    let here = here.map(|entry| entry.expect("it can be listed").path());
    let here = here.filter(|path| {
        path.extension()
            .is_some_and(|extension| extension == "yaml")
    });
    let here = here.map(|path| fs::read_to_string(path).expect("it is text"));
    let file = path("members.yaml");
    for text in shipped.chain(here) {
        let once = accepted(&file, &text, &Overrides::default());
        let written = once.resolved.to_string();
        let twice = accepted(&path("resolved.json"), &written, &Overrides::default());
        assert_eq!(twice.resolved, once.resolved, "{written}");
        // Keys are sorted, variants too.
        let mut plans = once.plans;
        plans.sort_by(|one, other| one.variant.cmp(&other.variant));
        assert_eq!(twice.plans, plans, "{written}");
    }
}

#[test]
fn the_hash_looks_through_spelling_but_not_through_meaning() {
    let text = fs::read_to_string(path("members.yaml")).expect("it is there");
    let file = path("members.yaml");
    let hash = |text: &str| canonical_hash(&accepted(&file, text, &Overrides::default()).resolved);
    let original = hash(&text);
    assert_eq!(original.len(), 64);
    assert_eq!(
        hash(&text.replace("duration: 30m", "duration: 1800s # half an hour")),
        original
    );
    assert_eq!(
        hash(&text.replace(
            "count: 5\n  racks: [a, b, c]",
            "racks: [a, b, c]\n  count: 5"
        )),
        original
    );
    assert_ne!(hash(&text.replace("count: 5", "count: 4")), original);
}

#[test]
fn overrides_apply_last_and_to_all() {
    let overrides = Overrides {
        config: vec![
            "session.timeout.ms=12000".into(),
            "checkout:max.poll.records=7".into(),
        ],
        set: vec![
            "duration=2m30s".into(),
            "events.0.at=90s".into(),
            "topics.orders.rate=null".into(),
        ],
        variants: vec!["static".into(), "small".into()],
        strict: false,
    };
    let file = path("child.yaml");
    let text = fs::read_to_string(&file).expect("it is there");
    let text = text.replace(
        "{ at: 4m, start: checkout/0 }",
        "{ at: 2m, start: checkout/0 }",
    );
    let scenario = accepted(&file, &text, &overrides);
    let names: Vec<&str> = scenario.plans.iter().map(|plan| &*plan.variant).collect();
    assert_eq!(names, ["small", "static"]);
    for plan in &scenario.plans {
        assert_eq!(plan.duration, secs(150));
        assert_eq!(plan.events[0].at, at(90));
        assert!(plan.topics[0].load.is_empty());
        for consumer in &plan.consumers {
            assert_eq!(consumer.config.session_timeout, secs(12));
            assert_eq!(consumer.config.max_poll_records, 7);
        }
    }
    let members = path("members.yaml");
    let text = fs::read_to_string(&members).expect("it is there");
    let overrides = Overrides {
        config: vec!["max.poll.records=7".into()],
        ..Overrides::default()
    };
    let plan = &accepted(&members, &text, &overrides).plans[0];
    assert!(
        plan.consumers
            .iter()
            .all(|consumer| consumer.config.max_poll_records == 7)
    );
}

#[test]
fn built_in_examples_are_accepted_without_notes() {
    for example in examples::EXAMPLES {
        let scenario = accepted(example.name, example.text, &Overrides::default());
        assert_eq!(scenario.name, example.name);
        assert!(
            scenario.about.is_some() && scenario.notes.is_empty(),
            "{}",
            example.name
        );
        assert!(
            !scenario.expectations.is_empty(),
            "{} expects nothing",
            example.name
        );
        assert_eq!(examples::find(example.name), Some(example));
    }
    assert_eq!(examples::find("nothing"), None);
}

/// Regenerate with `rebsim generate schema > scenarios/scenario.schema.json`.
#[test]
fn the_committed_schema_is_the_one_that_the_tables_give() {
    let committed = include_str!("../scenarios/scenario.schema.json");
    assert!(
        committed == schema::text(),
        "scenarios/scenario.schema.json is not up to date"
    );
}
