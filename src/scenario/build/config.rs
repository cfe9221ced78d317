//! `config:` events: settings that members get with their next start, each entry on top of those before it.

use crate::assignor::{ConsumerId, GroupId};
use crate::protocol::config::ConsumerConfig;
use crate::scenario::code::Code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::node::Span;
use crate::scenario::plan::{Consumer, Plan, Verb, WorkloadId};
use crate::scenario::shape::Item;

use super::Builder;
use super::groups::Draft;
use super::settings::{self, Keys};

/// What the entries of `script` set for the group of the entry at `index`, until then and by it, in order of time.
pub(super) fn sets_until(script: &[Item], index: usize) -> Vec<&Item> {
    let when = |at: usize| (script[at].get("at").and_then(Item::duration), at);
    let group = |at: usize| script[at].get("config").and_then(Item::text);
    let mut order: Vec<usize> = (0..script.len()).collect();
    order.retain(|at| group(*at) == group(index) && when(*at) <= when(index));
    order.sort_by_key(|at| when(*at));
    let sets = order.into_iter().map(|at| script[at].get("set"));
    sets.flatten().collect()
}

impl Builder<'_, '_> {
    /// The members' settings from their next start on: of those that are listed, or of those that pods are to make. `sets` are those of
    /// the group's entries so far, the last one its own.
    pub(super) fn configure(
        &mut self,
        group: GroupId,
        sets: &[&Item],
        plan: &Plan,
        drafts: &[Draft<'_>],
    ) -> Verb {
        for pair in sets.last().map_or(&[][..], |set| set.pairs()) {
            if matches!(
                &*pair.key,
                "enable.auto.commit" | "auto.offset.reset" | "group.instance.id"
            ) {
                let message = format!("`{}` cannot change in the middle of a run yet", pair.key);
                self.report(Diagnostic::error(Code::NotModelled, pair.key_span, message));
            }
        }
        // Drafts are of the listed members, then of the workloads.
        let (listed, pods) = drafts.split_at(plan.consumers.len());
        if plan.platform.maker_of(group).is_some() {
            let workloads = (0..)
                .map(WorkloadId)
                .zip(&plan.platform.workloads)
                .zip(pods);
            let of_group = workloads.filter(|((_, workload), _)| workload.group == group);
            let settings = of_group.map(|((id, workload), draft)| {
                (id, self.configured(&workload.member, draft, sets, plan))
            });
            return Verb::ConfigurePods(settings.collect());
        }
        let (from, to) = plan.groups[group.index()].consumers;
        let mut settings = Vec::new();
        for id in from.0..to.0 {
            let (draft, consumer) = (&listed[id as usize], &plan.consumers[id as usize]);
            let before = self.found.len();
            let config = self.configured(consumer, draft, sets, plan);
            settings.push((ConsumerId(id), config));
            if self.found.len() > before {
                break;
            }
        }
        Verb::Configure(group, settings)
    }

    /// The settings of `consumer` with `sets` laid over those that its draft was made of.
    fn configured(
        &mut self,
        consumer: &Consumer,
        draft: &Draft<'_>,
        sets: &[&Item],
        plan: &Plan,
    ) -> ConsumerConfig {
        let mut keys: Keys<'_> = draft.keys.clone();
        for set in sets {
            settings::lay(&mut keys, set);
        }
        let span = sets.last().map_or(Span::default(), |set| set.span);
        let mut config = self.consumer_config(&keys, draft.release, &plan.brokers.config, span);
        config.enable_auto_commit = consumer.config.enable_auto_commit;
        config.auto_offset_reset = consumer.config.auto_offset_reset;
        config.subscribed_by = consumer.config.subscribed_by.clone();
        if let Some(operation) = self.membership_operation(draft.operation, draft.release) {
            config.on_close = operation;
        }
        if draft.instance.is_some() {
            config.group_instance_id.clone_from(&draft.instance);
        }
        if draft.rack.is_some() {
            config.client_rack.clone_from(&draft.rack);
        }
        config
    }
}
