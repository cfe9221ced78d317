//! Racks that change nothing: of replicas that no assignor looks at, of brokers that nobody is far from. Said in notes, for the same keys
//! matter as soon as a member has a rack.

use crate::assignor::{AssignorKind, TopicId};
use crate::protocol::config::{ConsumerConfig, GroupProtocol};
use crate::scenario::code::Code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::plan::{Consumer, Plan, Verb};
use crate::scenario::shape::Item;

use super::Builder;

/// Whether the leader looks at racks when it is to assign so: since KIP-881 `AbstractPartitionAssignor.useRackAwareAssignment`.
/// On the brokers' side neither `uniform` nor `range` does.
const fn is_rack_aware(kind: AssignorKind) -> bool {
    match kind {
        AssignorKind::Range | AssignorKind::Sticky | AssignorKind::CooperativeSticky => true,
        AssignorKind::RoundRobin | AssignorKind::LagAware | AssignorKind::Weighted => false,
    }
}

/// Every setting that a member may ever run with, and the member.
fn settings(plan: &Plan) -> impl Iterator<Item = (&Consumer, &ConsumerConfig)> {
    let made = plan
        .platform
        .workloads
        .iter()
        .map(|workload| &workload.member);
    let members = plan.consumers.iter().map(|member| &**member).chain(made);
    let later = plan.events.iter().flat_map(|event| match &event.verb {
        Verb::Configure(_, settings) => settings
            .iter()
            .map(|(id, config)| (&*plan.consumers[id.index()], config))
            .collect(),
        Verb::ConfigurePods(settings) => settings
            .iter()
            .map(|(id, config)| (&plan.platform.workloads[id.index()].member, config))
            .collect(),
        _ => Vec::new(),
    });
    members.map(|member| (member, &*member.config)).chain(later)
}

/// Whether some member that `is_meant` has a rack, its own or that of a node.
fn have_racks(plan: &Plan, is_meant: impl Fn(&Consumer) -> bool) -> bool {
    let has_node = plan.platform.nodes.iter().any(|node| node.rack.is_some());
    let made = plan
        .platform
        .workloads
        .iter()
        .map(|workload| &workload.member);
    let mut made = made.filter(|member| is_meant(member));
    let mut all = settings(plan).filter(|(member, _)| is_meant(member));
    all.any(|(_, config)| config.client_rack.is_some()) || has_node && made.next().is_some()
}

/// Why it does not matter where the replicas of `topic` are; `None` when it does. Of one variant among several the assignors are left
/// aside: they may be what is compared.
fn why_not(plan: &Plan, topic: TopicId, is_alone: bool) -> Option<&'static str> {
    let reads = |member: &Consumer| member.topics.contains(&topic);
    if plan.topics[topic.index()].racks.is_empty() && plan.brokers.racks.is_empty() {
        return Some("the brokers have no racks");
    }
    if !have_racks(plan, reads) {
        return Some("no member that reads the topic has a rack");
    }
    let looks = |(member, config): (&Consumer, &ConsumerConfig)| {
        let is_classic = config.group_protocol == GroupProtocol::Classic;
        is_classic && reads(member) && config.assignors.iter().any(|kind| is_rack_aware(*kind))
    };
    let is_looked_at = !is_alone || settings(plan).any(looks);
    (!is_looked_at).then_some("no assignor of who reads the topic looks at racks")
}

impl Builder<'_, '_> {
    /// Notes what says where replicas are and changes nothing; more replicas than brokers are refused.
    pub(super) fn racks(&mut self, root: &Item, plan: &Plan, is_alone: bool) {
        let topics = root
            .get("topics")
            .map_or_else(Vec::new, Item::pairs_by_name);
        let mut matter = false;
        let mut verbs = plan.events.iter().map(|event| &event.verb);
        let rolls = verbs.any(|verb| matches!(verb, Verb::BrokerRoll { .. }));
        for (id, pair) in (0..).map(TopicId).zip(topics) {
            let Some(topic) = plan.topics.get(id.index()) else {
                continue;
            };
            let why = why_not(plan, id, is_alone);
            matter |= why.is_none();
            let count = plan.brokers.count;
            let most = topic.racks.iter().map(Vec::len).max().unwrap_or(0);
            for (key, replicas) in [("replicas", topic.replicas as usize), ("racks", most)] {
                let Some(item) = pair.item.get(key).filter(|item| !item.is_wrong()) else {
                    continue;
                };
                if replicas > count as usize {
                    let message =
                        format!("{replicas} replicas need as many brokers; there are {count}");
                    self.error(Code::Limit, item, message);
                } else if let Some(why) = why.filter(|_| match key {
                    // What a roll asks for.
                    "replicas" => replicas > 1 && !rolls,
                    _ => true,
                }) {
                    let message = format!("`{key}` changes nothing here: {why}");
                    self.report(Diagnostic::note(Code::Ignored, item.span, message));
                }
            }
        }
        let brokers = root.get("brokers").and_then(|brokers| brokers.get("racks"));
        if let Some(item) = brokers.filter(|racks| !racks.items().is_empty()) {
            let is_far = !plan.brokers.cross_rack_latency.is_zero();
            let why = match (have_racks(plan, |_| true), is_far || matter) {
                (false, _) => Some("no member has a rack"),
                (true, false) => {
                    Some("there is no `cross_rack_latency`, and no assignor looks at them")
                }
                (true, true) => None,
            };
            if let Some(why) = why {
                let message = format!("`racks` changes nothing here: {why}");
                self.report(Diagnostic::note(Code::Ignored, item.span, message));
            }
        }
    }
}
