//! What the labels of a name are about: whether the run has such a group, topic or partition, and the group the topic.

use super::code::Code;
use super::near::did_you_mean;
use super::plan::{Consumer, Plan, Topic, Verb};
use crate::assignor::{GroupId, TopicId};
use crate::metrics::Labels;

/// Something that a run does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// What kind of finding it is.
    pub code: Code,
    /// What is missing.
    pub message: String,
    /// What was probably meant.
    pub help: Option<String>,
}

impl Unknown {
    /// Message and help in one.
    #[must_use]
    pub fn words(&self) -> String {
        match &self.help {
            Some(help) => format!("{}; {help}", self.message),
            None => self.message.clone(),
        }
    }
}

/// What of `labels` the run of `plan` does not have; nothing is said of the subscriptions of a group for which `is_vague` holds.
#[must_use]
pub fn unknown(labels: &Labels, plan: &Plan, is_vague: impl Fn(GroupId) -> bool) -> Vec<Unknown> {
    let mut found = Vec::new();
    let (groups, topics) = (&plan.groups, &plan.topics);
    let group = labels.group.as_deref().map(|group| {
        let names = groups.iter().map(|group| &*group.name);
        place(group, names, "group", Code::UnknownGroup)
    });
    let topic = labels.topic.as_deref().map(|topic| {
        let names = topics.iter().map(|topic| &*topic.name);
        place(topic, names, "topic", Code::UnknownTopic)
    });
    let mut at = |place: Option<Result<u32, Unknown>>| match place {
        None => Some(None),
        Some(Ok(place)) => Some(Some(place)),
        Some(Err(unknown)) => {
            found.push(unknown);
            None
        }
    };
    let (group, topic) = (at(group), at(topic));
    let (Some(group), Some(topic)) = (group, topic) else {
        return found;
    };
    let (group, topic) = (group.map(GroupId), topic.map(TopicId));
    let subscribed = |topic: TopicId| match group {
        Some(group) => is_vague(group) || subscribes(plan, group, topic),
        None => true,
    };
    if let (Some(group), Some(topic)) = (group, topic)
        && !subscribed(topic)
    {
        found.push(not_subscribed(plan, group, topic));
        return found;
    }
    if let Some(partition) = labels.partition {
        let meant = (0..).map(TopicId).zip(topics);
        let meant = meant.filter(|(id, _)| topic.map_or_else(|| subscribed(*id), |own| own == *id));
        let most = meant.map(|(id, topic)| most_partitions(plan, id, topic));
        let most = most.max().unwrap_or(0);
        if partition >= most {
            found.push(no_partition(
                partition,
                most,
                topic.map(|id| &topics[id.index()]),
            ));
        }
    }
    found
}

fn place<'p>(
    name: &str,
    known: impl Iterator<Item = &'p str> + Clone,
    what: &str,
    code: Code,
) -> Result<u32, Unknown> {
    let found = (0..).zip(known.clone()).find(|(_, own)| *own == name);
    found.map(|(place, _)| place).ok_or_else(|| Unknown {
        code,
        message: format!("there is no {what} `{name}`"),
        help: did_you_mean(name, known),
    })
}

fn consumers(plan: &Plan) -> impl Iterator<Item = &Consumer> {
    let listed = plan.consumers.iter().map(|consumer| &**consumer);
    let workloads = plan.platform.workloads.iter();
    listed.chain(workloads.map(|workload| &workload.member))
}

fn subscribes(plan: &Plan, group: GroupId, topic: TopicId) -> bool {
    consumers(plan).any(|consumer| consumer.group == group && consumer.topics.contains(&topic))
}

fn not_subscribed(plan: &Plan, group: GroupId, topic: TopicId) -> Unknown {
    let (group_name, topic_name) = (
        &plan.groups[group.index()].name,
        &plan.topics[topic.index()].name,
    );
    let topics = (0..).map(TopicId).zip(&plan.topics);
    let subscribed = topics.filter(|(id, _)| subscribes(plan, group, *id));
    let names: Vec<&str> = subscribed.map(|(_, topic)| &*topic.name).collect();
    let help = did_you_mean(topic_name, names.iter().copied());
    Unknown {
        code: Code::Condition,
        message: format!("no member of `{group_name}` subscribes to `{topic_name}`"),
        help: help
            .or_else(|| (!names.is_empty()).then(|| format!("its topics: {}", names.join(", ")))),
    }
}

/// Partitions that the topic has at most, after the entries of the script that add some.
fn most_partitions(plan: &Plan, id: TopicId, topic: &Topic) -> u32 {
    let grown = plan.events.iter().filter_map(|event| {
        let Verb::Partitions(grown, to) = event.verb else {
            return None;
        };
        (grown == id).then_some(to)
    });
    grown.max().unwrap_or(0).max(topic.partitions)
}

fn no_partition(partition: u32, most: u32, topic: Option<&Topic>) -> Unknown {
    let of = topic.map_or_else(
        || "no topic here".to_owned(),
        |topic| format!("`{}` never", topic.name),
    );
    let help = match most {
        0 => None,
        1 => Some("did you mean 0? that is the only one".to_owned()),
        _ => Some(format!("did you mean {}? that is the last one", most - 1)),
    };
    Unknown {
        code: Code::Condition,
        message: format!("{of} has a partition {partition}"),
        help,
    }
}
