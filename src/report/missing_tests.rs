//! What is said of members that died of an error, of pods that could not go, and of pods that could not come.

use super::figures::Style;
use super::model::{Report, Run, Variant};
use super::{csv, json, text};
use crate::assignor::{ConsumerId, GroupId};
use crate::metrics::evaluate;
use crate::metrics::testing::Play;
use crate::timeline::{
    ContainerEnd, NodeId, Observation, PlatformFact, PodEnd, PodFacts, PodId, PodStart,
    WorkloadFacts, WorkloadId,
};

const ASCII: Style = Style { ascii: true };

fn fail(play: &mut Play, at_ms: u64, member: u32, error: &'static str) {
    let consumer = ConsumerId(member);
    play.at(at_ms)
        .put(Observation::ConsumerFailed { consumer, error });
    play.at(at_ms + 3)
        .put(Observation::ConsumerClosed { consumer });
}

fn report(variants: &[(&str, &[&Play])]) -> Report {
    let variants = variants.iter().map(|(name, plays)| Variant {
        name: (*name).to_owned(),
        runs: (1..)
            .zip(*plays)
            .map(|(seed, play)| Run {
                seed,
                metrics: evaluate(&play.timeline),
            })
            .collect(),
    });
    Report::new("missing", variants.collect())
}

fn steady() -> Play {
    Play::steady(&[&[0], &[1]], 60_000)
}

fn run_text(play: &Play) -> String {
    text::summary(&report(&[("base", &[play])]), ASCII)
}

const INCONSISTENT: &str = "InconsistentGroupProtocolException";

#[test]
fn a_member_that_died_of_an_error_is_named_with_it() {
    let mut play = steady();
    fail(&mut play, 30_005, 1, INCONSISTENT);
    let wanted =
        "g/1 died of InconsistentGroupProtocolException at 30.005s and was not started again\n";
    let text = run_text(&play);
    assert!(text.contains(wanted), "{text}");
    let row = text
        .lines()
        .find(|line| line.contains("members dead of an error"));
    assert!(row.is_some_and(|row| row.ends_with(" 1")), "{text}");
    let report = report(&[("base", &[&play])]);
    let document: serde_json::Value =
        serde_json::from_str(&json::render(&report)).expect("it is JSON");
    let run = &document["variants"][0]["seeds"][0];
    assert_eq!(run["metrics"]["failed_members"], 1);
    assert_eq!(
        run["deaths"],
        serde_json::json!([{ "member": "g/1", "error": INCONSISTENT, "at_s": 30.005, "started_again_at_s": null }])
    );
    let members = csv::members(&report);
    let row = members.lines().find(|row| row.contains("g/1"));
    assert!(
        row.is_some_and(|row| row.ends_with("30.005000,failed,30.005000,failed,0")),
        "{members}"
    );
}

#[test]
fn nothing_is_said_where_nobody_died() {
    let mut play = steady();
    play.at(9_000).put(Observation::ConsumerClosed {
        consumer: ConsumerId(1),
    });
    let text = run_text(&play);
    assert!(!text.contains("died") && !text.contains("dead"), "{text}");
    let document = json::render(&report(&[("base", &[&play])]));
    assert!(!document.contains("deaths"), "{document}");
}

#[test]
fn several_deaths_are_counted_and_the_first_is_named() {
    let mut play = steady();
    fail(&mut play, 10_000, 1, INCONSISTENT);
    fail(&mut play, 11_000, 0, "NoOffsetForPartitionException");
    let wanted = "2 members died: g/1 first, of InconsistentGroupProtocolException at 10.000s; none of them was started again\n";
    assert!(run_text(&play).contains(wanted), "{}", run_text(&play));
    play.at(20_000).start(0);
    let wanted = "at 10.000s; 1 of them was not started again\n";
    assert!(run_text(&play).contains(wanted), "{}", run_text(&play));
    let mut again = steady();
    fail(&mut again, 10_000, 1, INCONSISTENT);
    again.at(20_000).start(1);
    fail(&mut again, 21_000, 1, INCONSISTENT);
    let wanted = "g/1 died 2 times, first of InconsistentGroupProtocolException at 10.000s, and was not started again\n";
    assert!(run_text(&again).contains(wanted), "{}", run_text(&again));
}

#[test]
fn a_comparison_does_not_praise_a_variant_in_silence_whose_members_died() {
    let mut dead = steady();
    fail(&mut dead, 30_005, 1, INCONSISTENT);
    let mut down = steady();
    down.at(30_000).crash(1, &[1]);
    let text = text::compare(&report(&[("down", &[&down]), ("dead", &[&dead])]), ASCII);
    let plain = text.replace('\n', " ");
    assert!(plain.contains("dead has less downtime than down"), "{text}");
    assert!(
        plain.contains("But in dead a member died of an error and stayed away."),
        "{text}"
    );
    assert!(
        text.contains("\ndead: g/1 died of InconsistentGroupProtocolException"),
        "{text}"
    );
    let other = steady();
    let pairs: [(&str, &[&Play]); 2] = [("down", &[&down, &other]), ("dead", &[&dead, &other])];
    let text = text::compare(&report(&pairs), ASCII);
    let plain = text.replace('\n', " ");
    let wanted = "But in dead a member died of an error and stayed away under 1 of 2 seeds.";
    assert!(plain.contains(wanted), "{text}");
}

/// Two pods on a node, and a third that finds no room.
fn in_pods() -> Play {
    let mut play = Play::steady(&[&[0], &[1]], 60_000);
    let cast = &mut play.timeline.cast;
    cast.nodes.push("n1".to_owned());
    cast.workloads.push(WorkloadFacts {
        name: "app".to_owned(),
        group: GroupId(0),
    });
    for number in 0..3 {
        cast.pods.push(PodFacts {
            name: format!("app-{number}"),
            workload: WorkloadId(0),
            revision: 1,
            consumers: Vec::new(),
        });
    }
    for pod in 0..2 {
        create(&mut play, pod, Some(NodeId(0)));
    }
    play
}

fn create(play: &mut Play, pod: u32, node: Option<NodeId>) {
    play.put(Observation::Platform(PlatformFact::PodCreated {
        pod: PodId(pod),
        why: PodStart::Initial,
        node,
    }));
}

fn refuse(play: &mut Play, at_ms: u64, pod: u32) {
    let fact = PlatformFact::EvictionRefused { pod: PodId(pod) };
    play.at(at_ms).put(Observation::Platform(fact));
}

#[test]
fn evictions_that_a_budget_refuses_are_told_and_who_stays() {
    let mut play = in_pods();
    for at in [10_000, 15_000] {
        refuse(&mut play, at, 0);
        refuse(&mut play, at, 1);
    }
    play.at(20_000)
        .put(Observation::Platform(PlatformFact::PodTerminating {
            pod: PodId(1),
            why: PodEnd::Evicted,
        }));
    let wanted = "a disruption budget refused evictions 4 times, from 10.000s to 15.000s; never evicted: app-0\n";
    let text = run_text(&play);
    assert!(text.contains(wanted), "{text}");
    let document = json::render(&report(&[("base", &[&play])]));
    assert!(document.contains("\"evictions_refused\": 4"), "{document}");
}

#[test]
fn a_member_in_a_pod_that_fails_has_failed_though_its_container_ends() {
    let mut play = in_pods();
    fail(&mut play, 30_005, 1, INCONSISTENT);
    play.put(Observation::Platform(PlatformFact::ContainerEnded {
        pod: PodId(1),
        consumer: ConsumerId(1),
        why: ContainerEnd::Exited,
        restart_after: None,
    }));
    let members = csv::members(&report(&[("base", &[&play])]));
    let row = members.lines().find(|row| row.contains("g/1"));
    assert!(
        row.is_some_and(|row| row.ends_with("30.005000,failed,30.005000,failed,0")),
        "{members}"
    );
}

#[test]
fn a_pod_that_no_node_has_room_for_is_told() {
    let mut play = in_pods();
    play.at(30_000);
    create(&mut play, 2, None);
    let wanted = "Pending: app-2 found no node with room at 30.000s and is not ready at the end\n";
    let text = run_text(&play);
    assert!(text.contains(wanted), "{text}");
    let report = report(&[("base", &[&play])]);
    let document: serde_json::Value =
        serde_json::from_str(&json::render(&report)).expect("it is JSON");
    let run = &document["variants"][0]["seeds"][0];
    assert_eq!(run["metrics"]["pods_pending"], 1);
    assert_eq!(
        run["pending_pods"],
        serde_json::json!([{ "pod": "app-2", "created_at_s": 30 }])
    );
    play.at(40_000)
        .put(Observation::Platform(PlatformFact::PodReady {
            pod: PodId(2),
            ready: true,
        }));
    assert!(!run_text(&play).contains("Pending"));
}
