//! What is refused, and what is said about it.

use super::*;

#[test]
fn what_the_api_server_would_refuse_of_an_hpa_is_refused() {
    let metric = |text: &str| hpa(&format!("{{ maxReplicas: 4, metrics: [{text}] }}"));
    let rules = |text: &str| {
        hpa(&format!(
            "{{ maxReplicas: 4, behavior: {{ scaleUp: {{ {text} }} }} }}"
        ))
    };
    let external = |text: &str| metric(&format!("{{ type: External, external: {text} }}"));
    let cases = [
        (hpa("{ minReplicas: 3 }"), "lacks `maxReplicas`"),
        (
            hpa("{ minReplicas: 0, maxReplicas: 3 }"),
            "beyond the limits",
        ),
        (
            hpa("{ minReplicas: 5, maxReplicas: 3 }"),
            "below minReplicas",
        ),
        (hpa("{ maxReplica: 3 }"), "did you mean `maxReplicas`?"),
        (metric("{ type: Resource }"), "lacks `resource`"),
        (metric("{ type: Object, object: {} }"), "not modelled"),
        (metric("{ type: Pods, pods: {} }"), "not modelled"),
        (
            metric("{ type: Resource, resource: { name: cpu, target: { type: Utilization } } }"),
            "either",
        ),
        (
            metric(
                "{ type: Resource, resource: { name: gpu, target: { type: Utilization, averageUtilization: 1 } } }",
            ),
            "none of",
        ),
        (
            metric(
                "{ type: Resource, resource: { name: cpu, target: { type: Value, value: 1 } } }",
            ),
            "does not go with",
        ),
        (
            external(
                "{ metric: { name: lag_records }, target: { type: AverageValue, averageValue: 0 } }",
            ),
            "above zero",
        ),
        (
            external("{ metric: { name: lag_record }, target: { type: Value, value: 1 } }"),
            "lag_records",
        ),
        (
            external("{ metric: { name: rebalances }, target: { type: Value, value: 1 } }"),
            "no autoscaler can watch",
        ),
        (
            external(
                "{ metric: { name: lag_records, selector: { matchLabels: { group: chekout } } }, target: { type: Value, value: 1 } }",
            ),
            "did you mean `checkout`?",
        ),
        (
            external(
                "{ metric: { name: lag_records, selector: { matchLabels: { zone: a } } }, target: { type: Value, value: 1 } }",
            ),
            "no series",
        ),
        (
            external(
                "{ metric: { name: lag_records, selector: { matchExpressions: [] } }, target: { type: Value, value: 1 } }",
            ),
            "not modelled",
        ),
        (rules("policies: []"), "at least one"),
        (
            rules("stabilizationWindowSeconds: 3601"),
            "beyond the limits",
        ),
        (
            rules("policies: [{ type: Pods, value: 1, periodSeconds: 1801 }]"),
            "beyond the limits",
        ),
        (rules("selectPolicy: Highest"), "none of"),
    ];
    for (text, reason) in cases {
        let said = error(&text);
        assert!(said.contains(reason), "{text}: {said}");
    }
}

#[test]
fn what_keda_would_refuse_is_refused() {
    let cases = [
        (keda("{ triggers: [] }"), "at least one"),
        (
            keda("{ triggers: [{ type: cron, metadata: {} }] }"),
            "triggers of type cron are not modelled",
        ),
        (
            keda("{ triggers: [{ type: cpu, metadata: { value: '60' } }] }"),
            "metricType",
        ),
        (
            keda(
                "{ triggers: [{ type: cpu, metricType: Utilization, metadata: { value: '60', topic: orders } }] }",
            ),
            "does not go with",
        ),
        (
            keda("{ triggers: [{ type: kafka, metricType: Utilization, metadata: {} }] }"),
            "AverageValue or Value",
        ),
        (
            keda(
                "{ idleReplicaCount: 2, minReplicaCount: 2, triggers: [{ type: kafka, metadata: {} }] }",
            ),
            "must be below",
        ),
        (
            keda(
                "{ minReplicaCount: 9, maxReplicaCount: 3, triggers: [{ type: kafka, metadata: {} }] }",
            ),
            "is below minReplicaCount",
        ),
        (
            keda(
                "{ advanced: { scalingModifiers: {} }, triggers: [{ type: kafka, metadata: {} }] }",
            ),
            "not modelled",
        ),
        (trigger("{ lagThreshold: '0' }"), "at least 1"),
        (
            trigger("{ lagTreshold: '5' }"),
            "did you mean `lagThreshold`?",
        ),
        (trigger("{ activationLagThreshold: '-1' }"), "at least 0"),
        (trigger("{ topic: order }"), "there is no topic `order`"),
        (
            trigger("{ consumerGroup: nobody }"),
            "there is no group `nobody`",
        ),
        (
            trigger("{ allowIdleConsumers: 'yes' }"),
            "\"true\" or \"false\"",
        ),
        (
            trigger(
                "{ topic: orders, allowIdleConsumers: 'true', limitToPartitionsWithLag: 'true' }",
            ),
            "exclude each other",
        ),
        (
            trigger(
                "{ topic: orders, ensureEvenDistributionOfPartitions: 'true', limitToPartitionsWithLag: 'true' }",
            ),
            "exclude each other",
        ),
        (
            trigger("{ limitToPartitionsWithLag: 'true' }"),
            "needs a `topic`",
        ),
        (
            trigger("{ ensureEvenDistributionOfPartitions: 'true' }"),
            "needs a `topic`",
        ),
        (
            trigger("{ topic: orders, partitionLimitation: '1-a' }"),
            "no range",
        ),
        (
            trigger("{ topic: orders, partitionLimitation: '4,12' }"),
            "no partition 12",
        ),
        (trigger("{ partitionLimitation: '4' }"), "without a `topic`"),
    ];
    for (text, reason) in cases {
        let said = error(&text);
        assert!(said.contains(reason), "{text}: {said}");
    }
}

#[test]
fn an_autoscaler_has_one_rule_and_a_target_of_its_own() {
    let rule = "threshold: { above: 9, below: 1, max: 9 }";
    let cases = [
        (
            format!("a: {{ target: chekout, {rule} }}"),
            "did you mean `checkout`?",
        ),
        ("a: { target: checkout }".to_owned(), "is one of"),
        (
            format!("a: {{ target: checkout, {rule}, hpa: {{ maxReplicas: 4 }} }}"),
            "is one of",
        ),
        (
            format!("a: {{ target: checkout, {rule} }}, b: {{ target: checkout, {rule} }}"),
            "`a` scales this workload already",
        ),
        (
            "a: { target: checkout, threshold: { above: 1, below: 9, max: 9 } }".to_owned(),
            "both ways",
        ),
        (
            "a: { target: checkout, threshold: { above: 9, below: 1, min: 9, max: 3 } }".to_owned(),
            "below `min`",
        ),
        (
            "a: { target: checkout, threshold: { above: 9, below: 1, max: 3, every: 0s } }"
                .to_owned(),
            "longer than nothing",
        ),
    ];
    for (text, reason) in cases {
        let said = error(&format!("{{ autoscalers: {{ {text} }} }}"));
        assert!(said.contains(reason), "{text}: {said}");
    }
}
