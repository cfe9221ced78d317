//! `rebsim/show/1`: groups at an instant as one document, with all that the three tables of the command have.

use serde_json::{Value, json};

use super::Described;
use crate::assignor::{MemberId, TopicPartition};
use crate::kernel::SimTime;
use crate::metrics::roster::Seat;
use crate::scenario::plan::Plan;
use crate::timeline::{GroupState, Sample};

/// The document of `groups` at `at`.
#[must_use]
pub fn document(plan: &Plan, seed: u64, at: SimTime, groups: &[Described<'_>]) -> String {
    let groups = groups.iter().map(|one| group(*one));
    let document = json!({
        "schema": "rebsim/show/1",
        "scenario": plan.scenario,
        "variant": plan.variant,
        "seed": seed,
        "t_us": at.as_micros(),
        "groups": groups.collect::<Vec<_>>(),
    });
    format!("{document:#}\n")
}

fn group(described: Described<'_>) -> Value {
    let roster = described.roster;
    let is_told = roster.incremental || roster.state == GroupState::Stable;
    let members = roster.members.iter();
    let members = members.map(|(id, seat)| member(described, id, seat));
    let mut offsets: Vec<&Sample> = described.offsets.iter().collect();
    offsets.sort_by_key(|one| (described.topic(one.partition), one.partition.partition));
    let partitions = offsets.iter().map(|one| partition(described, one));
    json!({
        "group": described.name(),
        "protocol": if roster.incremental { "consumer" } else { "classic" },
        "state": roster.state.word(),
        "available": roster.available,
        "coordinator": described.coordinator,
        "assignor": roster.assignor.filter(|_| is_told),
        "epoch": roster.generation,
        "target_epoch": roster.target_epoch,
        "members": members.collect::<Vec<_>>(),
        "partitions": partitions.collect::<Vec<_>>(),
    })
}

fn member(described: Described<'_>, id: &MemberId, seat: &Seat) -> Value {
    let names = |partitions: &[TopicPartition]| {
        let partitions = described.in_order(partitions).into_iter();
        let name = |one: TopicPartition| format!("{}-{}", described.topic(one), one.partition);
        partitions.map(name).collect::<Vec<_>>()
    };
    let instance = Some(described.instance(seat)).filter(|id| !id.is_empty());
    json!({
        "consumer_id": id.as_str(),
        "group_instance_id": instance,
        "host": described.host(seat),
        "client_id": described.client_id(seat),
        "epoch": seat.epoch,
        "upgraded": seat.upgraded,
        "assigned": names(described.assigned(seat)),
        "target": names(&seat.target),
    })
}

/// A partition; `consumer_id` is who has it as far as the coordinator tells.
fn partition(described: Described<'_>, sample: &Sample) -> Value {
    let mut members = described.roster.members.iter();
    let owner = members.find(|(_, seat)| described.assigned(seat).contains(&sample.partition));
    let lag = sample
        .committed
        .map(|offset| sample.log_end.saturating_sub(offset));
    json!({
        "topic": described.topic(sample.partition),
        "partition": sample.partition.partition,
        "current_offset": sample.committed,
        "log_end_offset": sample.log_end,
        "lag": lag,
        "consumer_id": owner.map(|(id, _)| id.as_str()),
    })
}
