//! `groups`: groups, their members, and what each member does.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::assignor::{ConsumerId, GroupId, TopicId};
use crate::kernel::SimDuration;
use crate::scenario::check::duration_or;
use crate::scenario::code::Code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::node::Span;
use crate::scenario::plan::{
    Brokers, CommitMode, Consumer, Group, Listener, Processing, Resource, Topic, Work,
};
use crate::scenario::profile::QUICK_STICKY_SINCE;
use crate::scenario::shape::{Item, Pair, Typed};

use crate::workload::assignor_cost::StickyGeneration;
use crate::workload::cpu::CpuBudget;

use super::Builder;
use super::brokers::Release;
use super::commits::style;
use super::settings::{self, Keys};
use super::surroundings;

/// What is needed to change a member's settings later.
#[derive(Debug)]
pub(in crate::scenario) struct Draft<'i> {
    /// Kafka keys in force.
    pub(in crate::scenario) keys: Keys<'i>,
    /// Release of the client.
    pub(in crate::scenario) release: Release,
    /// `group_membership_operation` of the group.
    pub(in crate::scenario) operation: Option<&'i Item>,
    /// `group.instance.id` that the language gave.
    pub(in crate::scenario) instance: Option<Arc<str>>,
    /// `rack` of the entry.
    pub(in crate::scenario) rack: Option<Arc<str>>,
}

/// What groups refer to.
#[derive(Clone, Copy)]
pub(super) struct World<'p> {
    pub(super) topics: &'p [Topic],
    pub(super) brokers: &'p Brokers,
    pub(super) resources: &'p [Resource],
}

/// What one group's members have in common.
pub(super) struct Context<'i, 'p> {
    pub(super) id: GroupId,
    pub(super) name: &'i str,
    pub(super) item: &'i Item,
    pub(super) place: Span,
    pub(super) release: Release,
    pub(super) topics: &'p [Topic],
    pub(super) brokers: &'p Brokers,
    pub(super) resources: &'p [Resource],
}

/// Groups, consumers, and a draft of each consumer.
type Members<'i> = (Vec<Group>, Vec<Arc<Consumer>>, Vec<Draft<'i>>);

/// Of those who are there from the beginning.
fn speak_both_protocols(consumers: &[Arc<Consumer>]) -> bool {
    let initial = consumers.iter().filter(|consumer| consumer.start.is_none());
    let mut protocols = initial.map(|consumer| consumer.config.group_protocol);
    let first = protocols.next();
    protocols.any(|protocol| Some(protocol) != first)
}

impl Builder<'_, '_> {
    /// The groups and their members, in order.
    pub(super) fn groups<'i>(
        &mut self,
        item: Option<&'i Item>,
        group_config: Option<&Item>,
        World {
            topics,
            brokers,
            resources,
        }: World<'_>,
        release: Release,
    ) -> Members<'i> {
        self.groups_configured(group_config, item);
        let (mut groups, mut consumers, mut drafts) = (Vec::new(), Vec::new(), Vec::new());
        let pairs = item.map_or_else(Vec::new, Item::pairs_by_name);
        for (index, pair) in pairs.into_iter().enumerate() {
            let first = count(consumers.len());
            let context = Context {
                id: GroupId(count(index)),
                name: &pair.key,
                item: &pair.item,
                place: pair.key_span,
                release: self.release(pair.item.get("client_version"), release),
                topics,
                brokers,
                resources,
            };
            self.members(&context, &mut consumers, &mut drafts);
            let start = pair.item.get("start").and_then(Item::text);
            let cold = start == Some("cold");
            if !cold && speak_both_protocols(&consumers[first as usize..]) {
                self.report(
                    Diagnostic::error(
                        Code::NotModelled,
                        pair.key_span,
                        "a stable start of a group whose members speak both protocols",
                    )
                    .help(
                        "let the members of one protocol come later (`at`), or write `start: cold`",
                    ),
                );
            }
            groups.push(Group {
                name: pair.key.clone(),
                cold,
                in_step: start == Some("in_step"),
                config: self.group_config(group_config, &pair.key, &brokers.config, release),
                consumers: (ConsumerId(first), ConsumerId(count(consumers.len()))),
            });
        }
        (groups, consumers, drafts)
    }

    fn members<'i>(
        &mut self,
        group: &Context<'i, '_>,
        consumers: &mut Vec<Arc<Consumer>>,
        drafts: &mut Vec<Draft<'i>>,
    ) {
        let first = consumers.len();
        let Some(members) = group.item.get("members") else {
            return;
        };
        let unclear = |entry: &Item| {
            let wrong = |key| entry.get(key).is_some_and(Item::is_wrong);
            entry.is_wrong() || wrong("count") || wrong("name")
        };
        if members.is_wrong() || members.items().iter().any(unclear) {
            self.vague.insert(group.id);
        }
        if let Typed::Integer(number) = members.value {
            let size = usize::try_from(number).unwrap_or(0);
            self.entry(group, None, size, first, consumers, drafts);
        }
        for entry in members.items() {
            let size = entry.get("count").and_then(Item::integer).unwrap_or(1);
            let size = usize::try_from(size).unwrap_or(1);
            self.entry(group, Some(entry), size, first, consumers, drafts);
        }
        self.names(members, &consumers[first..]);
    }

    /// Members alike: `size` of them.
    fn entry<'i>(
        &mut self,
        group: &Context<'i, '_>,
        entry: Option<&'i Item>,
        size: usize,
        first: usize,
        consumers: &mut Vec<Arc<Consumer>>,
        drafts: &mut Vec<Draft<'i>>,
    ) {
        if size > self.room.members {
            let at = entry.or(group.item.get("members")).unwrap_or(group.item);
            let message = "more than 1000000 members in all variants together";
            self.error(Code::Limit, at, message);
            self.vague.insert(group.id);
            return;
        }
        self.room.members -= size;
        let own = |key: &str| entry.and_then(|entry| entry.get(key));
        let layers = [group.item.get("config"), own("config")];
        let keys = settings::keys(&layers);
        let mut model = self.consumer(group, entry, &keys);
        let rack = own("rack").and_then(Item::text).map(Arc::from);
        if let (Some(rack), Some(at)) = (&rack, own("rack")) {
            self.rack(
                at,
                own("config").and_then(|config| config.pair("client.rack")),
            );
            Arc::make_mut(&mut model.config).client_rack = Some(Arc::clone(rack));
        }
        self.shared_instance(&keys, group, own("config"), size);
        let static_membership = group
            .item
            .get("static_membership")
            .is_some_and(Item::is_true);
        let name = own("name").and_then(Item::text);
        for nth in 0..size {
            let index = consumers.len() - first;
            let mut member = model.clone();
            member.name = match name {
                Some(name) if own("count").is_none() => name.to_owned(),
                Some(name) => format!("{name}-{nth}"),
                None => format!("{}-{index}", group.name),
            };
            let given: Option<Arc<str>> = (static_membership
                && member.config.group_instance_id.is_none())
            .then(|| Arc::from(format!("{}-{index}", group.name)));
            if given.is_some() {
                Arc::make_mut(&mut member.config)
                    .group_instance_id
                    .clone_from(&given);
            }
            consumers.push(Arc::new(member));
            drafts.push(Draft {
                keys: keys.clone(),
                release: group.release,
                operation: group.item.get("group_membership_operation"),
                instance: given,
                rack: rack.clone(),
            });
        }
    }

    fn rack(&mut self, item: &Item, key: Option<&Pair>) {
        let differs = |pair: &&Pair| !pair.item.is_unset() && pair.item.text() != item.text();
        if let Some(pair) = key.filter(differs) {
            let message = "`rack` and `client.rack` say different things";
            self.report(
                Diagnostic::error(Code::Exclusive, item.span, message)
                    .related(pair.item.span, "client.rack"),
            );
        }
    }

    /// One id in a config that several members share.
    pub(super) fn shared_instance(
        &mut self,
        keys: &Keys<'_>,
        group: &Context<'_, '_>,
        own: Option<&Item>,
        size: usize,
    ) {
        let Some(pair) = keys.get("group.instance.id") else {
            return;
        };
        let of_entry = own.is_some_and(|own| own.pair("group.instance.id").is_some());
        let entries = group
            .item
            .get("members")
            .map_or(0, |members| members.items().len());
        let sharing = if of_entry { size } else { size.max(entries) };
        let known = |finding: &Diagnostic| {
            finding.code == Code::SharedInstanceId && finding.span == pair.item.span
        };
        if sharing > 1 && !self.found.iter().any(known) {
            let message =
                "one group.instance.id for several members: each would fence the one before";
            self.report(
                Diagnostic::error(Code::SharedInstanceId, pair.item.span, message)
                    .help("static_membership: true gives every member an id of its own"),
            );
        }
    }

    fn names(&mut self, members: &Item, consumers: &[Arc<Consumer>]) {
        let mut seen = BTreeMap::new();
        for (index, consumer) in consumers.iter().enumerate() {
            if seen.insert(&*consumer.name, index).is_some() {
                let entry = members.items().iter().rfind(|entry| {
                    let name = entry.get("name").and_then(Item::text);
                    name.is_some_and(|name| consumer.name.starts_with(name))
                });
                let at = entry.and_then(|entry| entry.get("name")).unwrap_or(members);
                let message = format!("two members are called `{}`", consumer.name);
                self.error(Code::DuplicateMember, at, message);
                return;
            }
        }
    }

    pub(super) fn consumer(
        &mut self,
        group: &Context<'_, '_>,
        entry: Option<&Item>,
        keys: &Keys<'_>,
    ) -> Consumer {
        let own = |key: &str| entry.and_then(|entry| entry.get(key));
        let mut config =
            self.consumer_config(keys, group.release, &group.brokers.config, group.place);
        let operation = group.item.get("group_membership_operation");
        if let Some(operation) = self.membership_operation(operation, group.release) {
            config.on_close = operation;
        }
        let topics = self.subscription(own("topics"), group, &mut config);
        let commit = self.commit(
            group.item.get("commit"),
            keys.get("enable.auto.commit").copied(),
        );
        config.enable_auto_commit = commit == CommitMode::Auto;
        let reset = keys.get("auto.offset.reset").copied();
        let (start_at, override_reset) = self.start_at(group.item.get("start_at"), reset);
        if let Some(reset) = override_reset {
            config.auto_offset_reset = reset;
        }
        let processing = [own("processing"), group.item.get("processing")];
        let listener = [own("listener"), group.item.get("listener")];
        Consumer {
            name: String::new(),
            group: group.id,
            start: own("at").map(|at| self.instant(at, "the start of this member")),
            host: own("host").and_then(Item::text).map(str::to_owned),
            cpu: CpuBudget::default(),
            processing: self.processing(processing, &topics, group),
            topics,
            config: Arc::new(config),
            listener: self.listener(listener),
            commit,
            start_at,
            sticky: match group.release.version < QUICK_STICKY_SINCE {
                true => StickyGeneration::Before26,
                false => StickyGeneration::Since26,
            },
        }
    }

    fn processing(
        &mut self,
        layers: [Option<&Item>; 2],
        subscribed: &[TopicId],
        group: &Context<'_, '_>,
    ) -> Processing {
        let get = |key: &str| layer(layers, key);
        let mut refuses = Vec::new();
        for at in get("refuses").map_or(&[][..], Item::items) {
            if let Some(topic) = self.topic_named(at, group.topics) {
                if !subscribed.contains(&topic) {
                    let message = "refuses a topic that it does not subscribe to";
                    self.error(Code::UnknownTopic, at, message);
                }
                refuses.push(topic);
            }
        }
        let per_record = self.distribution_or_zero(get("per_record"));
        let threads = get("threads").and_then(Item::integer).unwrap_or(1);
        Processing {
            cpu_per_record: self.cpu_per_record(get("cpu_per_record"), &per_record),
            threads: u32::try_from(threads).unwrap_or(1),
            downstream: self.downstream(get("downstream"), group.resources),
            failures: surroundings::failures(get("failures")),
            on_poison: surroundings::on_poison(get("on_poison")),
            per_record,
            per_poll: self.distribution_or_zero(get("per_poll")),
            poll_timeout: duration_or(get("poll_timeout"), SimDuration::from_millis(100)),
            refuses,
        }
    }

    fn listener(&mut self, layers: [Option<&Item>; 2]) -> Listener {
        let mut work = |callback: &str, key: &str| {
            let item = layer(layers, callback);
            Work {
                duration: self.distribution_or_zero(item.and_then(|item| item.get(key))),
                commit: style(item.and_then(|item| item.get("commit"))),
            }
        };
        Listener {
            on_revoked: work("on_revoked", "flush"),
            on_assigned: work("on_assigned", "work"),
            on_lost: work("on_lost", "work"),
            restore: self.restore(layer(layers, "on_assigned")),
        }
    }
}

/// The value of `key` in the first layer that has it.
fn layer<'i>(layers: [Option<&'i Item>; 2], key: &str) -> Option<&'i Item> {
    layers.iter().flatten().find_map(|layer| layer.get(key))
}

/// A position as an identity.
pub(super) fn count(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}
