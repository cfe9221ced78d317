//! Real manifests, pasted under `spec:`: each of their keys is honoured or named as one that changes nothing.

#[path = "cli/support.rs"]
mod support;

use support::{root, run_in};

/// The keys that the notes on a manifest name.
fn noted(name: &str) -> Vec<String> {
    let file = format!("tests/manifests/{name}.yaml");
    let checked = run_in(root(), &["check", "-v", &file]);
    let said = checked.out + &checked.err;
    assert_eq!(checked.code, 0, "{said}");
    let notes = said.lines().filter_map(|line| {
        let (_, rest) = line.strip_prefix("note[")?.split_once('`')?;
        Some(rest.split_once('`')?.0.to_owned())
    });
    let notes = notes.collect();
    let run = run_in(root(), &["run", &file, "--no-out", "--check-invariants"]);
    assert_eq!(run.code, 0, "{}", run.err);
    notes
}

#[test]
fn the_autoscaler_of_the_walkthrough() {
    let names = [
        "progressDeadlineSeconds",
        "selector",
        "template.metadata",
        "template.spec.containers[0].image",
        "template.spec.containers[0].ports",
        "scaleTargetRef",
    ];
    assert_eq!(noted("hpa-walkthrough"), names);
}

#[test]
fn a_scaled_object_with_its_deployment() {
    let names = [
        "revisionHistoryLimit",
        "selector",
        "template.metadata",
        "template.spec.containers[0].image",
        "template.spec.containers[0].readinessProbe",
        "template.spec.containers[0].lifecycle",
        "scaleTargetRef",
        "triggers[0].metadata.bootstrapServers",
        "triggers[0].metadata.version",
        "triggers[0].metadata.tls",
        "triggers[0].metadata.sasl",
    ];
    assert_eq!(noted("keda-kafka"), names);
}

#[test]
fn a_stateful_set_with_disks() {
    let names = [
        "serviceName",
        "selector",
        "persistentVolumeClaimRetentionPolicy",
        "volumeClaimTemplates",
        "template.metadata",
        "template.spec.containers[0].image",
        "selector",
    ];
    assert_eq!(noted("stateful-streams"), names);
}
