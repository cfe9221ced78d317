//! `events`: entries become script steps, targets become processes and topics.

use crate::assignor::{ConsumerId, GroupId, TopicId};
use crate::kernel::words::{counted, ordinal};
use crate::kernel::{SimDuration, SimTime};
use crate::scenario::code::Code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::near::did_you_mean;
use crate::scenario::plan::{Ending, Event, Plan, ResetTo, Sequencing, Target, Verb, WorkloadId};
use crate::scenario::shape::{Item, Pair, Typed};
use crate::scenario::verbs::{self, EVENT, Object, VerbRow};

use super::groups::{Draft, count};
use super::pods::number_at;
use super::{Builder, config};

impl Builder<'_, '_> {
    /// The script, in the scenario's order.
    pub(super) fn events(
        &mut self,
        item: Option<&Item>,
        plan: &Plan,
        drafts: &[Draft<'_>],
    ) -> Vec<Event> {
        let mut events = Vec::new();
        let script = item.map_or(&[][..], Item::items);
        let mut rollbacks: Vec<(WorkloadId, SimTime, &Item)> = Vec::new();
        for (index, entry) in script.iter().enumerate() {
            let Some((row, pair)) = self.verb_of(entry) else {
                continue;
            };
            let at = entry.get("at");
            let at = at.map_or(SimTime::ZERO, |at| self.instant(at, "the event"));
            let Some(verb) = self.verb(row, pair, (script, index), plan, drafts) else {
                continue;
            };
            if let Verb::Rollback(workload) = verb {
                rollbacks.push((workload, at, &pair.item));
            }
            events.push(Event {
                at,
                repeat: self.repeat(entry, at),
                jitter: entry.get("jitter").map(|item| self.distribution(item)),
                verb,
                pointer: format!("/events/{index}"),
            });
        }
        self.have_earlier_revisions(&rollbacks, &events);
        events
    }

    /// The one verb of an entry, after a look at the keys beside it.
    fn verb_of<'i>(&mut self, entry: &'i Item) -> Option<(&'static VerbRow, &'i Pair)> {
        let mut there = entry
            .pairs()
            .iter()
            .filter_map(|pair| Some((verbs::verb(&pair.key)?, pair)));
        let Some((row, pair)) = there.next() else {
            let is_reported =
                |pair: &Pair| !EVENT.has(&pair.key) || EVENT.is_not_modelled(&pair.key);
            if entry.is_wrong() || entry.pairs().iter().any(is_reported) {
                return None;
            }
            let names: Vec<&str> = verbs::modelled().map(|row| row.name).collect();
            self.report(
                Diagnostic::error(Code::Verb, entry.span, "an event without a verb")
                    .help(format!("one of: {}", names.join(", "))),
            );
            return None;
        };
        if let Some((_, second)) = there.next() {
            let message = format!(
                "an event with two verbs, `{}` and `{}`",
                pair.key, second.key
            );
            self.report(
                Diagnostic::error(Code::Verb, second.key_span, message)
                    .help("make it two entries")
                    .related(pair.key_span, "the first"),
            );
            return None;
        }
        for other in entry.pairs() {
            let key = other.key.as_str();
            let goes = key == row.name
                || !EVENT.has(key)
                || [row.needs, row.takes, row.timing]
                    .iter()
                    .any(|keys| keys.contains(&key));
            if !goes {
                let mut keys: Vec<&str> = row.needs.to_vec();
                keys.extend(row.takes.iter().chain(row.timing));
                let message = format!("`{key}` does not go with `{}`", row.name);
                let help = format!("`{}` takes: {}", row.name, keys.join(", "));
                self.report(Diagnostic::error(Code::Modifier, other.key_span, message).help(help));
            }
        }
        for key in row.needs {
            if entry.pair(key).is_none() {
                let message = format!("`{}` needs `{key}`", row.name);
                self.report(Diagnostic::error(Code::MissingKey, pair.key_span, message));
            }
        }
        Some((row, pair))
    }

    fn repeat(&mut self, entry: &Item, at: SimTime) -> (SimDuration, u32) {
        let times = entry.get("times");
        let Some(every) = entry.get("every") else {
            if let Some(times) = times {
                self.error(
                    Code::Modifier,
                    times,
                    "`times` changes nothing without `every`",
                );
            }
            return (SimDuration::ZERO, 1);
        };
        let Some(period) = every.duration() else {
            return (SimDuration::ZERO, 1);
        };
        if period.is_zero() {
            self.error(Code::Limit, every, "`every` must be longer than nothing");
            return (SimDuration::ZERO, 1);
        }
        let left = self.duration.as_micros().saturating_sub(at.as_micros() + 1);
        let fit = left / period.as_micros() + 1;
        let wanted = times.and_then(Item::integer).unwrap_or(fit);
        if let Some(times) = times.filter(|_| wanted > fit) {
            let message = format!(
                "only {fit} of {} come before the end, {}",
                counted(wanted, "time"),
                self.duration
            );
            self.error(Code::AfterEnd, times, message);
        }
        if wanted > 1_000_000 {
            self.error(
                Code::Limit,
                every,
                format!("repeats {wanted} times; at most 1000000"),
            );
        }
        (period, u32::try_from(wanted).unwrap_or(u32::MAX))
    }

    fn verb(
        &mut self,
        row: &VerbRow,
        pair: &Pair,
        (script, index): (&[Item], usize),
        plan: &Plan,
        drafts: &[Draft<'_>],
    ) -> Option<Verb> {
        let (item, entry) = (&pair.item, &script[index]);
        match row.object {
            Object::Members => {
                let target = self.target(item, plan)?;
                let in_pods = match &target {
                    Target::Living(group)
                    | Target::LivingAt(group, _)
                    | Target::Named(group, _) => Some(*group),
                    Target::Consumers(_) | Target::Random(_) => None,
                };
                if let Some(group) = in_pods.filter(|_| row.name == "start") {
                    self.only_listed_members(item, group, plan)?;
                }
                self.member_verb(row, target, entry)
            }
            Object::Topic | Object::Partition => self.topic_verb(row, item, entry, plan),
            Object::Workload => self.workload_verb(row, item, entry, plan),
            Object::Node => self.node_verb(row, item, plan),
            Object::Word => Some(self.broker_verb(item, entry, plan)),
            Object::Group => {
                let group = self.group_named(item, item.text()?, plan)?;
                if row.name == "config" {
                    let sets = config::sets_until(script, index);
                    return Some(self.configure(group, &sets, plan, drafts));
                }
                Some(Verb::ResetOffsets(group, self.reset_to(entry.get("to")?)?))
            }
        }
    }

    fn member_verb(&mut self, row: &VerbRow, target: Target, entry: &Item) -> Option<Verb> {
        let sequencing = self.sequencing(entry);
        let span = entry.get("for");
        Some(match row.name {
            "start" => Verb::Start(target),
            "stop" => Verb::Stop(target, sequencing),
            "crash" => Verb::Crash(target, sequencing),
            "restart" => Verb::Restart {
                target,
                how: match entry.get("how").and_then(Item::text) {
                    Some("crash") => Ending::Crash,
                    _ => Ending::Close,
                },
                down: self.distribution(entry.get("down")?),
                sequencing,
            },
            "freeze" => Verb::Freeze(target, self.distribution(span?)),
            "stall" => Verb::Stall(target, self.distribution(span?)),
            "disconnect" => Verb::Disconnect(target, self.distribution(span?)),
            "slow" => {
                let factor = self.some_factor(entry.get("factor")?);
                Verb::Slow(target, factor, self.fixed(span, SimDuration::ZERO))
            }
            _ => return None,
        })
    }

    fn sequencing(&mut self, entry: &Item) -> Sequencing {
        let in_turn = entry.get("one_by_one").is_some_and(Item::is_true);
        let spacing = entry.get("spacing");
        match (in_turn, spacing) {
            (false, None) => Sequencing::Together,
            (false, Some(spacing)) => {
                let message = "`spacing` changes nothing without `one_by_one: true`";
                self.error(Code::Modifier, spacing, message);
                Sequencing::Together
            }
            (true, Some(spacing)) => {
                Sequencing::Spacing(spacing.duration().unwrap_or(SimDuration::ZERO))
            }
            (true, None) => Sequencing::WhenStable,
        }
    }

    fn topic_verb(
        &mut self,
        row: &VerbRow,
        item: &Item,
        entry: &Item,
        plan: &Plan,
    ) -> Option<Verb> {
        let text = item.text()?;
        let (topic, partition) = match row.object {
            Object::Partition => self.partition(item, text, plan)?,
            Object::Topic
            | Object::Members
            | Object::Group
            | Object::Workload
            | Object::Node
            | Object::Word => (self.topic_named(item, &plan.topics)?, None),
        };
        let span = self.fixed(entry.get("for"), SimDuration::ZERO);
        Some(match row.name {
            "pause" => Verb::Pause(topic, partition, span),
            "poison" => Verb::Poison(topic, partition),
            "load" => Verb::Load(topic, entry.get("factor").and_then(Item::factor)?, span),
            _ => {
                let to = entry.get("to")?;
                match number_at(to, 1, 200_000) {
                    Ok(number) => Verb::Partitions(topic, u32::try_from(number).unwrap_or(1)),
                    Err(problem) => {
                        self.report(problem.at(to.span));
                        return None;
                    }
                }
            }
        })
    }

    /// `orders` is a topic, `orders-3` a partition unless a topic is so called.
    fn partition(
        &mut self,
        item: &Item,
        text: &str,
        plan: &Plan,
    ) -> Option<(TopicId, Option<u32>)> {
        let whole = plan.topics.iter().any(|topic| topic.name == text);
        let split = text.rsplit_once('-').filter(|_| !whole);
        let numbered = split.and_then(|(name, number)| Some((name, ordinal::<u32>(number)?)));
        let Some((name, number)) = numbered else {
            return Some((self.topic_named(item, &plan.topics)?, None));
        };
        let topic = self.topic_called(name, item, &plan.topics)?;
        let partitions = plan.topics[topic.index()].partitions;
        if partitions > 0 && number >= partitions {
            let message = format!("topic `{name}` has no partition {number} at the start");
            let help = format!("its partitions are {name}-0 to {name}-{}", partitions - 1);
            self.report(Diagnostic::error(Code::Partitions, item.span, message).help(help));
        }
        Some((topic, Some(number)))
    }

    fn broker_verb(&mut self, item: &Item, entry: &Item, plan: &Plan) -> Verb {
        let word = item.text().unwrap_or("");
        if word == "roll" {
            self.can_roll(item, entry, plan);
            return Verb::BrokerRoll {
                down: self.fixed(entry.get("down"), SimDuration::from_secs(20)),
                spacing: self.fixed(entry.get("spacing"), SimDuration::from_secs(60)),
            };
        }
        Verb::Coordinator {
            unavailable: self.fixed(entry.get("unavailable"), SimDuration::from_secs(5)),
            moved: word == "move",
        }
    }

    /// While a broker is away its partitions have another leader, or nobody can read them: that is not modelled.
    fn can_roll(&mut self, item: &Item, entry: &Item, plan: &Plan) {
        let message = "partitions that wait for their broker are not modelled yet";
        if plan.brokers.count < 2 {
            self.report(
                Diagnostic::error(Code::NotModelled, item.span, message)
                    .label("while an only broker is away, nobody can fetch")
                    .help(
                        "`coordinator: restart` with `unavailable` takes the coordinator away alone; or give `brokers` a `count` of 2 or more",
                    ),
            );
            return;
        }
        if let Some(down) = entry.get("down") {
            self.report(
                Diagnostic::error(Code::NotModelled, down.span, message).help(
                    "leave `down` out: with several brokers, leaders and coordinators move at once",
                ),
            );
        }
        let alone = plan.topics.iter().filter(|topic| {
            let most = topic.racks.iter().map(Vec::len).min();
            most.unwrap_or(topic.replicas as usize) < 2
        });
        let alone: Vec<String> = alone.map(|topic| format!("`{}`", topic.name)).collect();
        if !alone.is_empty() {
            let message = format!(
                "that the leaders of {} move at once takes `replicas: 2` or more: with one replica, partitions wait for their broker, which is \
                 not modelled yet",
                alone.join(", ")
            );
            self.report(Diagnostic::note(Code::Ignored, item.span, message));
        }
    }

    fn some_factor(&mut self, item: &Item) -> u64 {
        let factor = item.factor().unwrap_or(1_000);
        if factor == 0 {
            self.error(Code::Limit, item, "processing cannot take no time at all");
        }
        factor
    }

    fn reset_to(&mut self, item: &Item) -> Option<ResetTo> {
        if let Some(Typed::Ago(span)) = item.get("timestamp").map(|at| &at.value) {
            return Some(ResetTo::TimestampBefore(*span));
        }
        match item.text() {
            Some("earliest") => Some(ResetTo::Earliest),
            Some("latest") => Some(ResetTo::Latest),
            Some(other) => {
                let message = format!("offsets cannot go to `{other}`");
                self.report(
                    Diagnostic::error(Code::UnknownWord, item.span, message)
                        .help("earliest, latest or { timestamp: -1h }"),
                );
                None
            }
            None => None,
        }
    }

    /// A target of members: `group`, `group/*`, `group/2`, `group/name`, `group/random`.
    pub(super) fn target(&mut self, item: &Item, plan: &Plan) -> Option<Target> {
        let text = item.text()?;
        let (name, member) = text.split_once('/').unwrap_or((text, "*"));
        let group = self.group_named(item, name, plan)?;
        let (from, to) = plan.groups[group.index()].consumers;
        let ids = from.0..to.0;
        let named = |id: &u32| plan.consumers[*id as usize].name == member;
        if let Some(id) = ids.clone().find(named) {
            return Some(Target::Consumers(vec![ConsumerId(id)]));
        }
        if let Some(maker) = plan.platform.maker_of(group) {
            return self.target_in_pods(item, (group, member), maker);
        }
        match member {
            "*" => return Some(Target::Consumers(ids.map(ConsumerId).collect())),
            "random" => return Some(Target::Random(group)),
            _ => {}
        }
        if let Some(id) = ordinal(member).and_then(|index| from.0.checked_add(index))
            && ids.contains(&id)
        {
            return Some(Target::Consumers(vec![ConsumerId(id)]));
        }
        if self.vague.contains(&group) {
            return None;
        }
        let names = ids.clone().map(|id| &*plan.consumers[id as usize].name);
        let size = ids.len();
        let last = size.saturating_sub(1);
        self.report(
            Diagnostic::error(
                Code::UnknownMember,
                item.span,
                format!("group `{name}` has no member `{member}`"),
            )
            .help(match size {
                0 => format!("`{name}` has no members at all"),
                _ => format!(
                    "{name}/0 to {name}/{last}, a name ({}), {name}/* or {name}/random",
                    some(names.clone())
                ),
            })
            .maybe_help(did_you_mean(member, names)),
        );
        None
    }

    pub(super) fn group_named(&mut self, item: &Item, name: &str, plan: &Plan) -> Option<GroupId> {
        let position = plan.groups.iter().position(|group| group.name == name);
        if position.is_none() {
            let names = plan.groups.iter().map(|group| &*group.name);
            let known: Vec<&str> = names.clone().collect();
            self.report(
                Diagnostic::error(
                    Code::UnknownGroup,
                    item.span,
                    format!("there is no group `{name}`"),
                )
                .help(format!("groups: {}", known.join(", ")))
                .maybe_help(did_you_mean(name, names)),
            );
        }
        position.map(|position| GroupId(count(position)))
    }

    /// Partitions are only ever added, one change at an instant; how many each topic has in the end.
    pub(super) fn growth(&mut self, item: Option<&Item>, plan: &Plan) -> Vec<u32> {
        let mut order: Vec<&Event> = plan.events.iter().collect();
        order.sort_by_key(|event| event.at);
        let mut now: Vec<u32> = plan.topics.iter().map(|topic| topic.partitions).collect();
        let mut last = vec![SimTime::ZERO; now.len()];
        for event in order {
            let Verb::Partitions(topic, to) = event.verb else {
                continue;
            };
            let before = now[topic.index()];
            let index = event.pointer.rsplit('/').next();
            let index = index.and_then(|text| text.parse::<usize>().ok());
            let entry = index.and_then(|index| item?.items().get(index)?.get("to"));
            let same = last[topic.index()] == event.at;
            if let Some(at) = entry.filter(|_| before > 0 && (to <= before || same)) {
                let name = &plan.topics[topic.index()].name;
                let message = if same {
                    format!("`{name}` changes its partitions at {} already", event.at)
                } else {
                    format!(
                        "`{name}` has {} then; {to} is not more",
                        counted(before, "partition")
                    )
                };
                self.error(Code::Partitions, at, message);
            }
            now[topic.index()] = to.max(before);
            last[topic.index()] = event.at;
        }
        now
    }
}

/// The first few names, and how many more there are.
fn some<'n>(names: impl ExactSizeIterator<Item = &'n str>) -> String {
    const FEW: usize = 6;
    let more = names.len().saturating_sub(FEW);
    let list: Vec<&str> = names.take(FEW).collect();
    match more {
        0 => list.join(", "),
        more => format!("{} and {more} more", list.join(", ")),
    }
}
