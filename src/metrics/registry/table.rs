//! The table itself.

use super::{Across, Better, Label, Metric, Section, Unit};
use crate::metrics::name::Aggregate;

use Aggregate::{End, Integral, Max, Mean, P50, P95, P99, Sum};

const GROUP: &[Label] = &[Label::Group];
const REASON: &[Label] = &[Label::Group, Label::Reason];
const PARTITION: &[Label] = &[Label::Group, Label::Topic, Label::Partition];

/// A count: lower is better, added over groups.
const fn count(base: &'static str, section: Section, definition: &'static str) -> Metric {
    Metric {
        base,
        unit: Unit::Count,
        better: Better::Lower,
        across: Across::Sum,
        bare: Some(Sum),
        aggregates: &[],
        labels: GROUP,
        words: &[],
        section,
        definition,
    }
}

/// A worst value: lower is better, the worst over groups.
const fn worst(
    base: &'static str,
    unit: Unit,
    section: Section,
    definition: &'static str,
) -> Metric {
    Metric {
        unit,
        across: Across::Worst,
        bare: Some(Max),
        ..count(base, section, definition)
    }
}

impl Metric {
    const fn unit(mut self, unit: Unit) -> Self {
        self.unit = unit;
        self
    }
    const fn better(mut self, better: Better) -> Self {
        self.better = better;
        self
    }
    const fn bare(mut self, bare: Option<Aggregate>) -> Self {
        self.bare = bare;
        self
    }
    const fn across(mut self, across: Across) -> Self {
        self.across = across;
        self
    }
    const fn also(mut self, aggregates: &'static [Aggregate]) -> Self {
        self.aggregates = aggregates;
        self
    }
    const fn labels(mut self, labels: &'static [Label]) -> Self {
        self.labels = labels;
        self
    }
}

const fn word(
    base: &'static str,
    words: &'static [&'static str],
    definition: &'static str,
) -> Metric {
    let metric = count(base, Section::Setting, definition);
    Metric { words, ..metric }
        .unit(Unit::Word)
        .better(Better::Neither)
        .across(Across::Same)
        .bare(None)
}

const fn down(base: &'static str, definition: &'static str) -> Metric {
    count(base, Section::Availability, definition)
        .unit(Unit::PartitionSeconds)
        .labels(PARTITION)
}

const fn records(base: &'static str, definition: &'static str) -> Metric {
    count(base, Section::Delivery, definition)
        .unit(Unit::Records)
        .labels(PARTITION)
}

const fn latency(base: &'static str, definition: &'static str) -> Metric {
    worst(base, Unit::Seconds, Section::Latency, definition)
        .bare(None)
        .labels(PARTITION)
}

const fn kafka(base: &'static str, unit: Unit, definition: &'static str) -> Metric {
    worst(base, unit, Section::Kafka, definition).bare(None)
}

/// As they are called on the wire, those of clients and of brokers.
const ASSIGNORS: &[&str] = &[
    "range",
    "roundrobin",
    "sticky",
    "cooperative-sticky",
    "uniform",
    "x-lag-aware",
    "x-weighted",
    "mixed",
];

const LEVEL: &[Aggregate] = &[Mean, P50, P95, P99, End, Integral];

/// Every metric, in the order in which results list them.
pub static METRICS: &[Metric] = &[
    word("protocol", &["classic", "consumer", "mixed"], "Group protocol in force: `classic` or `consumer`."),
    word("rebalance", &["eager", "cooperative", "incremental", "mixed"], "How partitions move: `incremental` in a consumer group, else `eager` or `cooperative`, as the members were configured at the end."),
    word("assignor", ASSIGNORS, "The assignor in force at the end of the measured time."),
    word("static", &["yes", "no", "mixed"], "`yes` when some member has a `group.instance.id`, else `no`."),
    // ---- availability ----
    down("downtime_partition_s", "Sum over partitions of the time during which nobody could process them."),
    down("downtime_detect_partition_s", "Part of the downtime: the coordinator did not know yet that the owner was gone or stuck."),
    down("downtime_barrier_partition_s", "Part of the downtime: waiting for the last expected member to join (or the initial delay or rebalance timeout to end)."),
    down("downtime_callback_partition_s", "Part of the downtime: `onPartitionsRevoked`, `onPartitionsLost` or `onPartitionsAssigned` at work, the commit before them included."),
    down("downtime_assign_partition_s", "Part of the downtime: from the end of the join to the delivered assignment."),
    down("downtime_reconcile_partition_s", "Part of the downtime: waiting for a follow-up round, for a target that is not computed yet, or in a consumer group for the partition to be revoked, released and delivered."),
    down("downtime_fetch_partition_s", "Part of the downtime: the new owner looked up its offset and waited for its first fetch."),
    down("downtime_restore_partition_s", "Part of the downtime: the new owner restored state."),
    down("downtime_absent_partition_s", "Part of the downtime: no running member subscribed to the topic, or the static member whose partition it was had left a consumer group for a while."),
    worst("longest_downtime_s", Unit::Seconds, Section::Availability, "The longest single interval without service of one partition.").labels(PARTITION),
    worst("longest_downtime_at_s", Unit::Seconds, Section::Availability, "When the longest downtime began.").better(Better::Neither).bare(None),
    worst("downtime_share", Unit::Share, Section::Availability, "`downtime_partition_s` divided by the time that the partitions existed.").bare(None).labels(PARTITION),
    count("stop_the_world_s", Section::Availability, "Time during which every partition of the group was down.").unit(Unit::Seconds),
    worst("longest_stop_the_world_s", Unit::Seconds, Section::Availability, "The longest interval during which every partition of the group was down."),
    count("stalled_records", Section::Availability, "Records whose due time fell into a downtime of their partition.").unit(Unit::Records).labels(PARTITION),
    worst("catch_up_s", Unit::Seconds, Section::Availability, "The longest time from the end of a downtime until the partition's lag was back at or under its level just before it (at most to the end of the run). It begins when a service begins that lasts: one that ends at the instant of its beginning is part of the downtime. A later downtime neither ends nor stops it: the catching up runs on through it, and the later downtime's own begins at its end, back to the lag at which that one began.").also(&[Sum]).labels(PARTITION),
    // ---- lag ----
    worst("lag_records", Unit::Records, Section::Lag, "Log end minus processed position; of a topic or group: the sum over its partitions. The bare name is the peak.").also(LEVEL).labels(PARTITION),
    worst("lag_records_peak_at_s", Unit::Seconds, Section::Lag, "When `lag_records` first stood at its peak.").better(Better::Neither).bare(None),
    worst("committed_lag_records", Unit::Records, Section::Lag, "Log end minus committed offset, as dashboards and `kafka-consumer-groups.sh` show it: of a topic or group the sum over its partitions that have a committed offset, `no data` where none has. The bare name is the peak.").also(LEVEL).labels(PARTITION),
    worst("committed_lag_records_peak_at_s", Unit::Seconds, Section::Lag, "When `committed_lag_records` first stood at its peak.").better(Better::Neither).bare(None),
    worst("lag_s", Unit::Seconds, Section::Lag, "Age of the oldest record not yet processed; of a topic or group: the oldest of its partitions. The bare name is the peak.").also(LEVEL).labels(PARTITION),
    worst("lag_peak_at_s", Unit::Seconds, Section::Lag, "When `lag_s` first stood at its peak.").better(Better::Neither).bare(None),
    worst("hottest_partition_lag_records", Unit::Records, Section::Lag, "Highest `lag_records` of a single partition."),
    worst("hottest_partition_committed_lag_records", Unit::Records, Section::Lag, "Highest `committed_lag_records` of a single partition."),
    worst("hottest_partition_lag_s", Unit::Seconds, Section::Lag, "Highest `lag_s` of a single partition."),
    worst("drain_s", Unit::Seconds, Section::Lag, "From the last action of the script inside the measured time until the group's lag, past the highest point that follows, is back at or under its highest level before the first action; `not drained` when it is not back by the end, `no data` without an action or a sample."),
    // ---- latency ----
    latency("latency_p50_s", "Median, over records that were due within the measured time, of the time from the instant a record was due to the end of its first processing; those still waiting at the end of it count with their age there."),
    latency("latency_p90_s", "90th percentile of the same."),
    latency("latency_p95_s", "95th percentile of the same."),
    latency("latency_p99_s", "99th percentile of the same."),
    latency("latency_p999_s", "99.9th percentile of the same."),
    latency("latency_max_s", "Largest of the same."),
    latency("latency_mean_s", "Mean of the same."),
    records("records_waiting", "Records due but not yet processed at the end of the measured time, those due before it began among them, lost ones not."),
    records("throughput_records_per_s", "Records processed for the first time, a second.").unit(Unit::RecordsPerSecond).better(Better::Higher),
    worst("utilization", Unit::Share, Section::Latency, "Busy share of a member's running time; the bare name is that of the busiest member, the mean is over members.").better(Better::Neither).also(&[Mean]),
    // ---- delivery ----
    records("records_produced", "Records that became due.").better(Better::Neither),
    records("records_processed", "Records processed for the first time.").better(Better::Higher),
    records("records_duplicated", "Records processed again, by zombies too."),
    records("records_lost", "Records that were committed but never processed."),
    records("records_skipped", "Records jumped over by an offset reset."),
    count("commits_failed", Section::Delivery, "Commits refused by the coordinator or given up by the client."),
    records("overlap_partition_s", "Time during which two members processed the same partition.").unit(Unit::PartitionSeconds),
    // ---- rebalances ----
    count("rebalances", Section::Rebalances, "Episodes: from leaving `Stable` or `Empty` to the first `Stable` in which no member has a rejoin pending, or `Empty`; of a consumer group from a bump of its epoch until every member has the newest epoch and is at its target."),
    count("rebalance_rounds", Section::Rebalances, "Generations that those episodes made, the one of a group that everybody has left among them; in a consumer group, bumps of its epoch."),
    count("assignments_computed", Section::Rebalances, "Assignments made in those episodes: accepted from leaders, or targets that the coordinator of a consumer group computed, one for several bumps when they come within `group.consumer.assignment.interval.ms`."),
    count("rebalances_by_reason", Section::Rebalances, "Episodes by what began them; without the label all of them.").labels(REASON),
    worst("rebalance_s", Unit::Seconds, Section::Rebalances, "Length of an episode; the bare name is the longest. An episode that the end of the run cuts counts up to there.").also(&[Sum, Mean]),
    count("failed_rebalances", Section::Rebalances, "Generations that never got an assignment (`CompletingRebalance` left for anything but `Stable`); in a consumer group, members removed because they did not give up partitions in time."),
    count("members_touched", Section::Rebalances, "Members that joined, rejoined, were removed or (consumer group) had to change what they own, summed over episodes."),
    count("partitions_moved", Section::Rebalances, "Partitions whose owner after an episode is another process than before."),
    count("partitions_moved_needlessly", Section::Rebalances, "Moved partitions minus the least that could have moved for the same numbers of partitions per member."),
    count("partitions_revoked", Section::Rebalances, "Partitions that left a member through `onPartitionsRevoked` or `onPartitionsLost`, even if they came back."),
    count("fenced_members", Section::Rebalances, "Members that died of `FencedInstanceIdException` or `UnreleasedInstanceIdException`, and times that a client of the consumer protocol was fenced."),
    count("failed_members", Section::Rebalances, "Times that `poll()` threw an error that ends the process (`InconsistentGroupProtocolException`, `NoOffsetForPartitionException`, …), those of `fenced_members` that died of it among them."),
    worst("imbalance", Unit::Ratio, Section::Rebalances, "Partitions of the member that has most, divided by the mean over members, by the assignment in force; the mean is over time.").also(&[Mean]),
    worst("imbalance_load", Unit::Ratio, Section::Rebalances, "The same with each partition weighing the records due on it.").also(&[Mean]),
    count("rebalance_rate_per_hour", Section::Rebalances, "`rebalances` divided by the measured hours.").unit(Unit::PerHour),
    worst("rebalance_loop", Unit::Flag, Section::Rebalances, "Whether the same chain of causes repeats at least three times without an outside event between: an autoscaler and the group drive each other, or members fall out and come back. The report names the chain.").bare(None),
    worst("rebalance_loop_period_s", Unit::Seconds, Section::Rebalances, "Mean time from one repetition of that chain to the next; `no data` without a loop.").better(Better::Neither),
    // ---- platform ----
    count("scale_ups", Section::Platform, "Times that an autoscaler made a workload larger."),
    count("scale_downs", Section::Platform, "Times that an autoscaler made a workload smaller."),
    worst("replicas", Unit::Count, Section::Platform, "Replicas that the group's workloads are to have.").also(&[Mean, End]).better(Better::Neither).across(Across::Sum),
    worst("replicas_ready", Unit::Count, Section::Platform, "Pods that are ready, terminating ones included.").also(&[Mean, End]).better(Better::Neither).across(Across::Sum),
    count("pod_seconds", Section::Platform, "Pods times the seconds that they existed, from creation until they were gone.").unit(Unit::Seconds),
    count("restarts", Section::Platform, "Containers that ended and were started again in the same pod."),
    count("oom_kills", Section::Platform, "Containers killed because they needed more memory than their limit."),
    count("evictions_refused", Section::Platform, "Evictions that a disruption budget did not allow, each attempt of a drain counted."),
    count("pods_pending", Section::Platform, "Pods that found no node with room when they were made and are not ready at the end of the measured time."),
    count("time_above_target_s", Section::Platform, "Time during which an autoscaler's last reading of its metric was above the target.").unit(Unit::Seconds),
    // ---- Kafka's own names ----
    kafka("rebalance-latency-avg", Unit::Milliseconds, "Mean over members and rebalances of the time from the first JoinGroup sent to the SyncGroup answered, in the consumer protocol from an assignment received to its acknowledgement (`consumer-coordinator-metrics`)."),
    kafka("rebalance-latency-max", Unit::Milliseconds, "Longest of the same."),
    kafka("rebalance-latency-total", Unit::Milliseconds, "Sum of the same over all members.").across(Across::Sum),
    kafka("rebalance-total", Unit::Count, "Rebalances completed, counted by each member.").across(Across::Sum),
    kafka("rebalance-rate-per-hour", Unit::PerHour, "`rebalance-total` of the member that has most, an hour."),
    kafka("failed-rebalance-total", Unit::Count, "Attempts to join that did not end in a SyncGroup answered, counted by each member; as in Kafka the answer MEMBER_ID_REQUIRED is one. In the consumer protocol, members thrown out while they applied an assignment.").across(Across::Sum),
    kafka("partition-revoked-latency-avg", Unit::Milliseconds, "Mean time spent in `onPartitionsRevoked`."),
    kafka("partition-revoked-latency-max", Unit::Milliseconds, "Longest time spent in `onPartitionsRevoked`."),
    kafka("partition-lost-latency-avg", Unit::Milliseconds, "Mean time spent in `onPartitionsLost`."),
    kafka("partition-lost-latency-max", Unit::Milliseconds, "Longest time spent in `onPartitionsLost`."),
    kafka("partition-assigned-latency-avg", Unit::Milliseconds, "Mean time spent in `onPartitionsAssigned`."),
    kafka("partition-assigned-latency-max", Unit::Milliseconds, "Longest time spent in `onPartitionsAssigned`."),
    kafka("assigned-partitions", Unit::Count, "Partitions that the members hold at the end of the measured time, summed over members.").across(Across::Sum).better(Better::Neither),
    kafka("group-completed-rebalance-count", Unit::Count, "Assignments that the coordinator accepted from leaders of classic groups (`group-coordinator-metrics`).").across(Across::Sum),
    kafka("consumer-group-rebalance-count", Unit::Count, "Bumps of the epochs of consumer groups by joins, subscriptions and new partitions; as in Kafka leaves and expiries are none (`group-coordinator-metrics`).").across(Across::Sum),
];
