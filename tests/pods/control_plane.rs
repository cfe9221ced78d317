//! What the control plane knows and counts: pods without a node, pods on nodes that are lost, pods on their way out.

use super::{Code, NoFiles, Overrides, at, facts, four, load, play, seconds};
use rebsim::cluster::{Options, simulate_with_autoscalers};
use rebsim::kernel::Seed;
use rebsim::metrics::evaluate;
use rebsim::platform::hpa::{PodPhase, Reconcile};
use rebsim::report::blind;
use rebsim::timeline::{NodeId, PlatformFact, PodId, PodStart, Timeline};

fn value(timeline: &Timeline, name: &str) -> String {
    let value = evaluate(timeline).value(name);
    value.map_or_else(String::new, |value| value.to_string())
}

fn reconciles(text: &str) -> (Timeline, Vec<Reconcile>) {
    let scenario = load("pods.yaml", text, &mut NoFiles, &Overrides::default())
        .unwrap_or_else(|rejected| panic!("{rejected}"));
    let options = Options {
        record_autoscalers: true,
        ..Options::default()
    };
    let (timeline, kept) =
        simulate_with_autoscalers(&scenario.plans[0], Seed(1), &options).expect("it ends");
    (timeline, kept.into_iter().map(|(_, step)| step).collect())
}

/// Eight pods of one core on four: four run at 40 %, four wait. Half of 80 % for four ready pods is 2 (page 1.4: nothing is filled in for pods that
/// are not ready on the way down), once the 300 s of the beginning are over.
#[test]
fn pods_without_a_node_are_pending_to_an_autoscaler() {
    let (timeline, steps) = reconciles(
        "
version: 1
name: pend
duration: 8m
topics: { orders: { partitions: 24, rate: 1600/s } }
groups: { checkout: { topics: [orders], processing: { per_record: 1ms } } }
nodes: { n-1: { cores: 4 } }
deployments:
  checkout: { group: checkout, spec: { replicas: 8 }, pod: { cpu: { request: 1 } } }
autoscalers:
  cpu: { target: checkout, hpa: { minReplicas: 1, maxReplicas: 20, metrics: [ { type: Resource, resource: { name: cpu, target: { type: Utilization, averageUtilization: 80 } } } ] } }
",
    );
    let first = &steps[0].observed.pods;
    let pending = first
        .iter()
        .filter(|pod| (pod.phase, pod.ready, pod.started) == (PodPhase::Pending, None, None));
    assert_eq!((first.len(), pending.count()), (8, 4));
    let sizes = seconds(&timeline, |fact| match fact {
        PlatformFact::Replicas { from: 8, to, .. } => Some(*to),
        _ => None,
    });
    let [(when, 2)] = sizes[..] else {
        panic!("{sizes:?}")
    };
    assert!((300..=335).contains(&when), "{when}");
}

fn gone(timeline: &Timeline) -> Vec<PodId> {
    let gone = facts(timeline).filter_map(|(_, fact)| match fact {
        PlatformFact::PodGone { pod } => Some(*pod),
        _ => None,
    });
    gone.collect()
}

fn on_node(timeline: &Timeline, node: u32) -> Vec<PodId> {
    let there = facts(timeline).filter_map(|(_, fact)| match fact {
        PlatformFact::PodCreated {
            pod,
            node: Some(found),
            ..
        } if found.0 == node => Some(*pod),
        _ => None,
    });
    there.collect()
}

/// Whoever deletes it, a pod on a lost node terminates for ever: nobody says that its containers have stopped. A StatefulSet waits for it.
#[test]
fn a_pod_on_a_lost_node_that_is_deleted_stays() {
    for (event, deleted) in [
        ("{ at: 3m, deploy: checkout }", 1),
        ("{ at: 3m, scale: checkout, to: 1 }", 1),
    ] {
        for kind in ["deployments:", "statefulsets:"] {
            let text = four(&format!(
                "nodes: {{ a: {{ cores: 4 }}, b: {{ cores: 4 }} }}\nevents: [ {{ at: 60s, kill_node: b }}, {event} ]"
            ))
            .replace("duration: 20m", "duration: 6m")
            .replace("deployments:", kind);
            let timeline = play(&text);
            let lost = on_node(&timeline, 1);
            assert_eq!(
                lost.len(),
                2,
                "two of the first four, and none once it is noticed"
            );
            let terminating = facts(&timeline).filter(|(_, fact)| {
                matches!(fact, PlatformFact::PodTerminating { pod, .. } if lost.contains(pod))
            });
            assert!(terminating.count() >= deleted, "{kind} {event}");
            assert!(
                gone(&timeline).iter().all(|pod| !lost.contains(pod)),
                "{kind} {event}"
            );
            if kind == "statefulsets:" {
                let made = facts(&timeline).filter(|(when, fact)| {
                    *when > at(60) && matches!(fact, PlatformFact::PodCreated { .. })
                });
                assert_eq!(made.count(), 0, "checkout-3 was on b and is waited for");
            }
        }
    }
}

/// For 50 s nobody knows that b is lost: of two more pods one goes there, where nothing starts it. It is given up with the others.
#[test]
fn pods_go_to_a_lost_node_until_it_is_noticed() {
    let timeline = play(&four(
        "nodes: { a: { cores: 16 }, b: { cores: 16 } }\nevents: [ { at: 60s, kill_node: b }, { at: 70s, scale: checkout, to: 6 } ]",
    ));
    let made = |wanted: PodStart| {
        seconds(&timeline, |fact| match fact {
            PlatformFact::PodCreated {
                why,
                node: Some(node),
                ..
            } if *why == wanted => Some(node.0),
            _ => None,
        })
    };
    assert_eq!(made(PodStart::ScaledUp), [(70, 0), (70, 1)]);
    assert_eq!(made(PodStart::Replacement), [(410, 0), (410, 0), (410, 0)]);
    let lost = on_node(&timeline, NodeId(1).0);
    let ready = facts(&timeline).filter(|(when, fact)| {
        *when >= at(60)
            && matches!(fact, PlatformFact::PodReady { pod, ready: true } if lost.contains(pod))
    });
    assert_eq!((lost.len(), ready.count()), (3, 0));
}

/// 1,090 records for ten pods at 100 each are 9 % too many, within the tolerance; for nine they would be 21 %.
#[test]
fn the_status_of_a_stateful_set_counts_pods_on_their_way_out() {
    let text = |kind: &str| {
        format!(
            "
version: 1
name: status
duration: 4m
topics: {{ orders: {{ partitions: 20, backlog: 1090, load: [ {{ steps: [ {{ at: 239s, rate: 1/s }} ] }} ] }} }}
groups: {{ checkout: {{ topics: [orders], processing: {{ per_record: 3h }}, config: {{ max.poll.interval.ms: 36000000, partition.assignment.strategy: cooperative-sticky }} }} }}
{kind}:
  checkout: {{ group: checkout, spec: {{ replicas: 10 }} }}
autoscalers:
  lag: {{ target: checkout, keda: {{ minReplicaCount: 10, maxReplicaCount: 20, triggers: [ {{ type: kafka, metadata: {{ lagThreshold: \"100\" }} }} ] }} }}
events: [ {{ at: 1m, deploy: checkout }} ]
"
        )
    };
    let counted = |kind: &str| {
        let (timeline, steps) = reconciles(&text(kind));
        let leaving = |step: &Reconcile| step.observed.pods.iter().any(|pod| pod.is_deleting);
        let mut steps: Vec<Reconcile> = steps.into_iter().filter(leaving).collect();
        steps.retain(|step| step.observed.spec_replicas == 10);
        let terminating = |step: &Reconcile| {
            step.observed
                .pods
                .iter()
                .filter(|pod| pod.is_deleting)
                .count()
        };
        let counted: Vec<(usize, usize)> = steps
            .iter()
            .map(|step| {
                (
                    step.observed.pods.len()
                        - usize::try_from(step.observed.status_replicas).unwrap_or(0),
                    terminating(step),
                )
            })
            .collect();
        assert!(!counted.is_empty(), "{kind}");
        (value(&timeline, "scale_ups"), counted)
    };
    let (ups, stateful) = counted("statefulsets");
    assert_eq!(ups, "0");
    assert!(
        stateful.iter().all(|(left_out, _)| *left_out == 0),
        "{stateful:?}"
    );
    let (_, others) = counted("deployments");
    assert!(
        others.iter().all(|(left_out, going)| left_out == going),
        "{others:?}"
    );
}

/// Three consumers in each container: when one ends, the container has, once.
#[test]
fn a_container_with_several_consumers_is_counted_once() {
    let text = four("events: [ { at: 1m, crash: checkout/0 } ]").replace(
        "group: checkout\n",
        "group: checkout\n    consumers_per_pod: 3\n",
    );
    assert!(text.contains("consumers_per_pod"));
    let timeline = play(&text);
    let told =
        facts(&timeline).filter(|(_, fact)| matches!(fact, PlatformFact::ContainerEnded { .. }));
    assert_eq!(
        (told.count(), value(&timeline, "restarts")),
        (3, "1".to_owned())
    );
    let killed = text
        .replace("replicas: 4", "replicas: 2")
        .replace(
            "ready_after: 5s",
            "memory: { limit: 1GiB, base: 400MiB, per_partition: 60MiB, per_buffered_byte: 0 }",
        )
        .replace("startup: 10s", "startup: 100s")
        .replace(
            "processing:",
            "config: { session.timeout.ms: 6000 }, processing:",
        )
        .replace("duration: 20m", "duration: 150s");
    let timeline = play(&killed);
    assert_eq!(
        (value(&timeline, "oom_kills"), value(&timeline, "restarts")),
        ("1".to_owned(), "2".to_owned())
    );
}

/// Pods of a steady start have had something to do: the cooldown counts from the beginning. A cold group was never active: the initial cooldown
/// of 0 s is over at the first poll.
#[test]
fn keda_lets_a_steady_group_cool_down() {
    let text = four("autoscalers: { lag: { target: checkout, keda: { triggers: [ { type: kafka, metadata: { lagThreshold: \"100\" } } ] } } }")
        .replace("rate: 120/s", "load: [ { steps: [ { at: 19m, rate: 1/s } ] } ]");
    let zero = |text: &str| {
        let sizes = seconds(&play(text), |fact| match fact {
            PlatformFact::Replicas { to: 0, .. } => Some(()),
            _ => None,
        });
        sizes.first().map(|(when, ())| *when)
    };
    let steady = zero(&text).expect("nothing comes for long");
    assert!((300..=330).contains(&steady), "{steady}");
    let cold = zero(&text.replace("processing:", "start: cold, processing:")).expect("at once");
    assert!(cold <= 30, "{cold}");
}

#[test]
fn an_autoscaler_that_never_gets_its_metric_is_noted_and_told() {
    let text = four("autoscalers: { a: { target: checkout, hpa: { maxReplicas: 5 } } }");
    let notes = |text: &str| {
        let scenario = load("pods.yaml", text, &mut NoFiles, &Overrides::default());
        let scenario = scenario.unwrap_or_else(|rejected| panic!("{rejected}"));
        let notes = scenario.notes.iter().map(|note| note.message.clone());
        notes.collect::<Vec<_>>()
    };
    let lacks = "utilization needs a cpu request, which the pods of `checkout` lack";
    assert_eq!(notes(&text), [lacks]);
    let told = blind::sentences(&evaluate(&play(&text)));
    assert!(
        told.starts_with(
            "autoscaler a never got its metric: FailedGetResourceMetric at every look ("
        ),
        "{told}"
    );
    let keda = four(
        "autoscalers: { a: { target: checkout, keda: { triggers: [ { type: memory, metricType: Utilization, metadata: { value: \"50\" } } ] } } }",
    );
    assert_eq!(notes(&keda), [lacks.replace("cpu", "memory")]);
    let asks = text.replace("ready_after: 5s", "ready_after: 5s, cpu: { request: 1 }");
    assert_eq!(notes(&asks), [""; 0]);
    assert_eq!(blind::sentences(&evaluate(&play(&asks))), "");
}

/// Two of four pods are to go and spend 20 s in their hooks: their containers run, and they are ready until these stop.
#[test]
fn a_pod_is_ready_until_its_container_stops() {
    let text =
        four("measure: { from: 61s, to: 75s }\nevents: [ { at: 1m, scale: checkout, to: 2 } ]")
            .replace("ready_after: 5s", "ready_after: 5s, pre_stop: 20s");
    assert_eq!(value(&play(&text), "replicas_ready"), "4");
    let later = text.replace("from: 61s, to: 75s", "from: 85s, to: 100s");
    assert_eq!(value(&play(&later), "replicas_ready"), "2");
}

#[test]
fn nothing_can_be_rolled_back_before_a_deploy() {
    let codes = |events: &str| {
        let text = four(&format!("events: [ {events} ]"));
        match load("pods.yaml", &text, &mut NoFiles, &Overrides::default()) {
            Ok(_) => Vec::new(),
            Err(rejected) => rejected
                .diagnostics
                .iter()
                .map(|finding| finding.code)
                .collect(),
        }
    };
    let (deploy, back) = (
        "{ at: 2m, deploy: checkout }",
        "{ at: 3m, rollback: checkout }",
    );
    assert_eq!(codes(back), [Code::NoRevision]);
    assert_eq!(codes(&format!("{back}, {deploy}")), []);
    assert_eq!(
        codes(&format!("{deploy}, {}", back.replace("3m", "2m"))),
        [Code::NoRevision]
    );
}
