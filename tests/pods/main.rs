//! Pods in the loop: what their kubelets, controllers and nodes do to the members of a group, in whole runs.

mod containers;
mod control_plane;
mod explained;
mod memory;
mod processors;

use rebsim::cluster::{Options, simulate};
use rebsim::kernel::{Seed, SimTime};
use rebsim::scenario::code::Code;
use rebsim::scenario::{NoFiles, Overrides, load};
use rebsim::timeline::{
    ContainerEnd, Observation, PlatformFact, PodEnd, PodId, PodStart, RemovalReason, Timeline,
};

const fn at(seconds: u64) -> SimTime {
    SimTime::from_millis(seconds * 1_000)
}

/// Plays the only variant of a text.
fn play(text: &str) -> Timeline {
    let scenario = load("pods.yaml", text, &mut NoFiles, &Overrides::default())
        .unwrap_or_else(|rejected| panic!("{rejected}"));
    let options = Options {
        check_invariants: true,
        ..Options::default()
    };
    simulate(&scenario.plans[0], Seed(scenario.seed), &options)
        .unwrap_or_else(|halt| panic!("{halt:?}"))
}

fn facts(timeline: &Timeline) -> impl Iterator<Item = (SimTime, &PlatformFact)> {
    timeline
        .entries
        .iter()
        .filter_map(|entry| match &entry.observation {
            Observation::Platform(fact) => Some((entry.at, fact)),
            _ => None,
        })
}

/// Whole seconds of the facts that `pick` takes.
fn seconds<T>(timeline: &Timeline, pick: impl Fn(&PlatformFact) -> Option<T>) -> Vec<(u64, T)> {
    facts(timeline)
        .filter_map(|(at, fact)| Some((at.as_micros() / 1_000_000, pick(fact)?)))
        .collect()
}

fn scenario(deployment: &str, rest: &str) -> String {
    format!(
        "
version: 1
name: pods
duration: 20m
topics: {{ orders: {{ partitions: 12, rate: 120/s }} }}
groups: {{ checkout: {{ topics: [orders], processing: {{ per_record: 1ms }} }} }}
deployments:
  checkout:
    group: checkout
    {deployment}
{rest}
"
    )
}

/// Four pods that take 15 s until they are ready.
fn four(rest: &str) -> String {
    let deployment = "spec: { replicas: 4 }\n    pod: { startup: 10s, ready_after: 5s }";
    scenario(deployment, rest)
}

#[test]
fn a_container_that_ends_is_started_again_by_its_kubelet_later_each_time() {
    let timeline = play(&four(
        "events: [ { at: 60s, crash: checkout/0, every: 25s, times: 3 } ]",
    ));
    let ends = seconds(&timeline, |fact| match fact {
        PlatformFact::ContainerEnded {
            why, restart_after, ..
        } => Some((
            *why,
            restart_after.map(|after| after.as_micros() / 1_000_000),
        )),
        _ => None,
    });
    // The oldest pod is the same each time, whatever its container.
    let exited = |after| (ContainerEnd::Exited, Some(after));
    assert_eq!(ends, [(60, exited(0)), (85, exited(10)), (110, exited(20))]);
    let timeline = play(&four("faults: [ { crash: checkout, mtbf: 30s } ]"));
    let mut delays = std::collections::BTreeSet::new();
    for (_, fact) in facts(&timeline) {
        if let PlatformFact::ContainerEnded {
            restart_after: Some(after),
            ..
        } = fact
        {
            delays.insert(after.as_micros() / 1_000_000);
        }
    }
    assert!(
        delays.is_superset(&[0, 10, 20, 40].into()),
        "back-off doubles: {delays:?}"
    );
}

#[test]
fn who_does_not_close_within_the_grace_period_is_killed_and_stays_a_ghost_until_its_session_ends() {
    let text = four("events: [ { at: 60s, scale: checkout, to: 3 } ]").replace(
        "processing:",
        "listener: { on_revoked: { flush: 50s } }, processing:",
    );
    let timeline = play(&text);
    let ends = seconds(&timeline, |fact| match fact {
        PlatformFact::ContainerEnded { why, .. } => Some(*why),
        _ => None,
    });
    assert_eq!(ends, [(90, ContainerEnd::GraceOver)]);
    let removed = timeline
        .entries
        .iter()
        .find_map(|entry| match &entry.observation {
            Observation::MemberRemoved { why, .. } => Some((entry.at, *why)),
            _ => None,
        });
    let (when, why) = removed.expect("the coordinator notices");
    assert_eq!(why, RemovalReason::SessionExpired);
    assert!(at(90) < when && when <= at(90 + 45), "{when}");
}

#[test]
fn who_is_always_in_a_batch_or_a_commit_closes_all_the_same() {
    let text = four("events: [ { at: 60s, scale: checkout, to: 3 } ]")
        .replace("rate: 120/s", "rate: 5000/s")
        .replace("processing:", "commit: after_batch, processing:");
    let ends = seconds(&play(&text), |fact| match fact {
        PlatformFact::ContainerEnded { why, .. } => Some(*why),
        _ => None,
    });
    assert_eq!(ends, [(60, ContainerEnd::Terminated)]);
}

#[test]
fn more_partitions_than_fit_into_memory_kill_the_container() {
    let text = four("events: [ { at: 60s, scale: checkout, to: 2 } ]").replace(
        "ready_after: 5s",
        "ready_after: 5s, memory: { limit: 500MiB, base: 100MiB, per_partition: 100MiB }",
    );
    let timeline = play(&text);
    let exceeded = facts(&timeline).find_map(|(_, fact)| match fact {
        PlatformFact::MemoryExceeded {
            needed, partitions, ..
        } => Some((*needed >> 20, *partitions)),
        _ => None,
    });
    assert_eq!(exceeded, Some((700, 6)), "twelve partitions for two");
    let killed = facts(&timeline).any(|(_, fact)| {
        matches!(
            fact,
            PlatformFact::ContainerEnded {
                why: ContainerEnd::OutOfMemory,
                ..
            }
        )
    });
    assert!(killed);
}

#[test]
fn pods_of_a_lost_node_are_replaced_when_their_toleration_is_over() {
    let timeline = play(&four(
        "nodes: { a: { cores: 4 }, b: { cores: 4 } }\nevents: [ { at: 60s, kill_node: a } ]",
    ));
    let replaced = seconds(&timeline, |fact| match fact {
        PlatformFact::PodCreated {
            why: PodStart::Replacement,
            node,
            ..
        } => *node,
        _ => None,
    });
    let times: Vec<u64> = replaced.iter().map(|(time, _)| *time).collect();
    assert_eq!(times, [410, 410], "50 s of silence and 300 s of patience");
    assert!(replaced.iter().all(|(_, node)| node.0 == 1), "{replaced:?}");
}

#[test]
fn a_deploy_in_the_middle_of_a_deploy_ends_with_the_last_template_alone() {
    let timeline = play(&four(
        "events: [ { at: 60s, deploy: checkout }, { at: 70s, deploy: checkout } ]",
    ));
    let mut alive: Vec<PodId> = Vec::new();
    let mut active: Vec<PodId> = Vec::new();
    let mut now = SimTime::ZERO;
    for (at, fact) in facts(&timeline) {
        // At one instant new ones come before old ones go.
        assert!(at == now || active.len() <= 5, "four and a surge of one");
        now = at;
        match fact {
            PlatformFact::PodCreated { pod, .. } => {
                alive.push(*pod);
                active.push(*pod);
            }
            PlatformFact::PodTerminating { pod, .. } => active.retain(|known| known != pod),
            PlatformFact::PodGone { pod } => alive.retain(|known| known != pod),
            _ => {}
        }
    }
    assert_eq!(alive.len(), 4);
    let revision = |pod: &PodId| timeline.cast.pods[pod.index()].revision;
    assert!(alive.iter().all(|pod| revision(pod) == 3));
    let second = timeline.cast.pods.iter().filter(|pod| pod.revision == 2);
    assert!(second.count() > 0, "the second had begun");
}

#[test]
fn a_stateful_set_gives_its_pods_their_names_and_members_back() {
    let text = four("events: [ { at: 60s, deploy: checkout } ]")
        .replace("deployments:", "statefulsets:")
        .replace(
            "groups: { checkout: {",
            "groups: { checkout: { static_membership: true,",
        );
    let timeline = play(&text);
    assert_eq!(timeline.cast.consumers.len(), 4, "no new processes");
    let instance = timeline.cast.consumers[2].instance.as_deref();
    assert_eq!(instance, Some("checkout-2"));
    let order: Vec<String> = facts(&timeline)
        .filter_map(|(_, fact)| match fact {
            PlatformFact::PodTerminating {
                pod,
                why: PodEnd::Rollout,
            } => Some(timeline.cast.pods[pod.index()].name.clone()),
            _ => None,
        })
        .collect();
    let downwards = ["checkout-3", "checkout-2", "checkout-1", "checkout-0"];
    assert_eq!(order, downwards);
    let removed = timeline
        .entries
        .iter()
        .any(|entry| matches!(entry.observation, Observation::MemberRemoved { .. }));
    assert!(!removed, "each was back before its session ended");
}

#[test]
fn a_budget_holds_a_drain_back_and_no_rollout() {
    let budget = "disruption_budgets: { b: { target: checkout, spec: { minAvailable: 4 } } }";
    let nodes = "nodes: { a: { cores: 8 }, b: { cores: 8 } }";
    let drained = play(&four(&format!(
        "{budget}\n{nodes}\nevents: [ {{ at: 60s, drain: a }} ]"
    )));
    let refused = |timeline: &Timeline| {
        facts(timeline).any(|(_, fact)| matches!(fact, PlatformFact::EvictionRefused { .. }))
    };
    assert!(refused(&drained), "four must stay, and there are four");
    let rolled = play(&four(&format!(
        "{budget}\n{nodes}\nevents: [ {{ at: 60s, deploy: checkout }} ]"
    )));
    assert!(!refused(&rolled));
    let gone = facts(&rolled).filter(|(_, fact)| matches!(fact, PlatformFact::PodGone { .. }));
    assert_eq!(gone.count(), 4);
}

/// What happens to the members of one group, each line with its instant.
fn of_group(timeline: &Timeline, group: &str) -> Vec<String> {
    let text = rebsim::report::ndjson::events("v", 1, timeline);
    let of = format!("\"group\":\"{group}\"");
    let by = format!("\"member\":\"{group}/");
    text.lines()
        .filter(|line| line.contains(&of) || line.contains(&by))
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_node_a_fault_or_an_autoscaler_of_others_moves_nobodys_dice() {
    let base = four("").replace(
        "groups: {",
        "groups: { ledger: { topics: [bills], members: 3, processing: { per_record: { exponential: 5ms } } },",
    );
    let base = base
        .replace(
            "topics: {",
            "topics: { bills: { partitions: 6, load: [ { poisson: 90/s } ] },",
        )
        .replace(
            "startup: 10s",
            "startup: { lognormal: { median: 8s, p99: 30s } }",
        );
    let base = format!(
        "{base}events: [ {{ at: 60s, restart: ledger/random, down: {{ exponential: 9s }} }} ]\n"
    );
    let before = of_group(&play(&base), "ledger");
    assert!(before.len() > 20);
    let additions = [
        "nodes: { far: { cores: 2 } }",
        "faults: [ { crash: checkout, mtbf: 3m } ]",
        "autoscalers: { s: { target: checkout, threshold: { every: 60s, metric: 'lag_records{group=checkout}', above: 10, below: 5, step: 1, min: 1, max: 9 } } }",
    ];
    for addition in additions {
        let after = of_group(&play(&format!("{base}{addition}\n")), "ledger");
        assert_eq!(before, after, "{addition}");
    }
    // An autoscaler that never acts changes nothing of the pods that it watches either.
    let idle = "autoscalers: { s: { target: checkout, threshold: { every: 60s, metric: 'lag_records{group=checkout}', above: 1000000, below: 0, step: 1, min: 1, max: 9 } } }";
    let deploy = base.replace("events: [", "events: [ { at: 90s, deploy: checkout },");
    let timeline = |text: &str| {
        let mut lines = of_group(&play(text), "checkout");
        lines.retain(|line| !line.contains("scaler_decision"));
        lines
    };
    assert_eq!(timeline(&deploy), timeline(&format!("{deploy}{idle}\n")));
}

#[test]
fn settings_reach_the_containers_that_start_from_then_on() {
    // First nobody starts after the settings came before it crashes; then all are replaced first.
    let script = "events: [ { at: 60s, config: checkout, set: { session.timeout.ms: 9000 } }, { at: 90s, crash: checkout/0 }, { at: 200s, crash: checkout/1 } ]";
    for kind in ["deployments:", "statefulsets:"] {
        let timeline = play(&four(script).replace("deployments:", kind));
        let expired: Vec<u64> = timeline
            .entries
            .iter()
            .filter_map(|entry| match &entry.observation {
                Observation::MemberRemoved {
                    why: RemovalReason::SessionExpired,
                    ..
                } => Some(entry.at.as_micros() / 1_000_000),
                _ => None,
            })
            .collect();
        // Nobody has restarted since the settings came: both ghosts stay for the 45 s of the beginning.
        let [first, second] = expired[..] else {
            panic!("{kind} {expired:?}")
        };
        assert!((131..=136).contains(&first), "{kind} {expired:?}");
        assert!((241..=246).contains(&second), "{kind} {expired:?}");
    }
    let deploy = script.replace(
        "{ at: 90s, crash: checkout/0 }",
        "{ at: 70s, deploy: checkout }",
    );
    for kind in ["deployments:", "statefulsets:"] {
        let timeline = play(&four(&deploy).replace("deployments:", kind));
        let expired = timeline
            .entries
            .iter()
            .find_map(|entry| match &entry.observation {
                Observation::MemberRemoved {
                    why: RemovalReason::SessionExpired,
                    ..
                } => Some(entry.at.as_micros() / 1_000_000),
                _ => None,
            });
        let when = expired.expect("the ghost is found out");
        assert!((206..=210).contains(&when), "{kind} {when}: 9 s, not 45 s");
    }
}
