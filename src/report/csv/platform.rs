//! Tables of processes, pods and autoscalers: `members.csv`, `scaling.csv`.

use super::{cell, group_name, key, runs, seconds, table};
use crate::kernel::SimTime;
use crate::metrics::registry::Unit;
use crate::metrics::{Decimal, Value};
use crate::report::model::Report;
use crate::timeline::{Cast, PlatformFact, WorkloadId};

/// `members.csv`: one row a process: what it did within the measured window, and when and why it ended first and last.
#[must_use]
pub fn members(report: &Report) -> String {
    let mut table = table(&[
        "member",
        "alive_s",
        "busy_s",
        "utilization",
        "polls",
        "records",
        "started_at_s",
        "starts",
        "first_ended_at_s",
        "first_end",
        "last_ended_at_s",
        "last_end",
        "oom_kills",
    ]);
    for (variant, run) in runs(report) {
        let metrics = &run.metrics;
        let members = metrics.cast.consumers.iter().zip(&metrics.members);
        for ((facts, totals), lives) in members.zip(&metrics.lives) {
            let busy = crate::metrics::latency::utilization(totals).map(Value::Number);
            let end = |end: Option<(SimTime, &str)>| {
                let (at, word) = end.unzip();
                [
                    at.map_or_else(String::new, seconds),
                    word.unwrap_or("").to_owned(),
                ]
            };
            let mut row = key(variant, run, group_name(metrics, facts.group));
            row.extend([
                facts.name.clone(),
                Decimal::seconds(totals.alive_us).fixed(6),
                Decimal::seconds(totals.busy_us).fixed(6),
                cell(busy, Unit::Share),
                totals.polls.to_string(),
                totals.records.to_string(),
                lives.started.map_or_else(String::new, seconds),
                lives.starts.to_string(),
            ]);
            row.extend(end(lives.first_end));
            row.extend(end(lives.last_end));
            row.push(lives.oom_kills.to_string());
            table.row(row);
        }
    }
    table.csv()
}

/// `scaling.csv`: one row for every decision of an autoscaler, every change of the wanted replicas and every change of the ready ones.
#[must_use]
pub fn scaling(report: &Report) -> String {
    let mut table = table(&[
        "at_s", "workload", "event", "by", "metric", "value", "target", "current", "desired",
        "ready", "reason",
    ]);
    for (variant, run) in runs(report) {
        let cast = &run.metrics.cast;
        let mut ready = vec![0_u32; cast.workloads.len()];
        let mut wanted = vec![0_u32; cast.workloads.len()];
        for (at, fact) in &run.metrics.platform {
            let Some((workload, cells)) = scaling_cells(cast, fact, &mut wanted, &mut ready) else {
                continue;
            };
            let facts = &cast.workloads[workload.index()];
            let mut row = key(variant, run, group_name(&run.metrics, facts.group));
            row.extend([seconds(*at), facts.name.clone()]);
            row.extend(cells);
            table.row(row);
        }
    }
    table.csv()
}

/// The cells after the workload's name; nothing for facts that say nothing about sizes.
fn scaling_cells(
    cast: &Cast,
    fact: &PlatformFact,
    wanted: &mut [u32],
    ready: &mut [u32],
) -> Option<(WorkloadId, [String; 9])> {
    let milli = |value: i64| Decimal::from_millionths(i128::from(value) * 1_000).fixed(3);
    let none = String::new;
    match fact {
        PlatformFact::Decision {
            scaler,
            current,
            desired,
            metric,
            value_milli,
            target_milli,
            reason,
        } => {
            let facts = &cast.scalers[scaler.index()];
            let known = !metric.is_empty();
            let cells = [
                "decision".to_owned(),
                facts.name.clone(),
                metric.to_string(),
                if known { milli(*value_milli) } else { none() },
                if known { milli(*target_milli) } else { none() },
                current.to_string(),
                desired.to_string(),
                ready[facts.workload.index()].to_string(),
                (*reason).to_owned(),
            ];
            Some((facts.workload, cells))
        }
        PlatformFact::Replicas {
            workload,
            from,
            to,
            by,
        } => {
            wanted[workload.index()] = *to;
            let by = by.name(cast).to_owned();
            let ready = ready[workload.index()].to_string();
            let (from, to) = (from.to_string(), to.to_string());
            let event = "replicas".to_owned();
            Some((
                *workload,
                [event, by, none(), none(), none(), from, to, ready, none()],
            ))
        }
        PlatformFact::PodReady { pod, ready: is } => {
            let workload = cast.pods[pod.index()].workload;
            let count = &mut ready[workload.index()];
            *count = if *is {
                *count + 1
            } else {
                count.saturating_sub(1)
            };
            let count = count.to_string();
            let wanted = wanted[workload.index()].to_string();
            let event = "ready".to_owned();
            let cells = [
                event,
                none(),
                none(),
                none(),
                none(),
                none(),
                wanted,
                count,
                none(),
            ];
            Some((workload, cells))
        }
        PlatformFact::PodCreated { .. }
        | PlatformFact::PodTerminating { .. }
        | PlatformFact::PodGone { .. }
        | PlatformFact::ContainerEnded { .. }
        | PlatformFact::MemoryExceeded { .. }
        | PlatformFact::Template { .. }
        | PlatformFact::EvictionRefused { .. }
        | PlatformFact::Node { .. } => None,
    }
}
