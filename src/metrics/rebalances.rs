//! Episodes of rebalancing: from leaving `Stable` or `Empty` to the first `Stable` in which no member has a rejoin pending.

use std::collections::{BTreeMap, BTreeSet};

use super::barrier::Watch;
use super::decimal::Decimal;
use super::delivery::{group_label, measured, window_us};
use super::episode::Episode;
use super::moves::{self, Owners};
use super::name::{Aggregate, Labels};
use super::values::{Value, Values};
use super::world::World;
use crate::assignor::{ConsumerId, GroupId};
use crate::kernel::SimTime;
use crate::timeline::{
    CallbackKind, GroupState, Observation, Partitions, RebalanceReason, Timeline,
};

/// A stretch of time with one assignment in force.
#[derive(Clone, Debug)]
pub(super) struct InForce {
    pub(super) since: SimTime,
    pub(super) assignment: Vec<(ConsumerId, Partitions)>,
}

#[derive(Debug, Default)]
struct GroupFold {
    episodes: Vec<Episode>,
    open: bool,
    /// Last known owners when the episode began, and by the assignment in force.
    before: Owners,
    owners: Owners,
    /// Members that must rejoin because something was kept back from them, and those that asked for it themselves.
    pending: BTreeSet<ConsumerId>,
    /// Last instant at which the group became `Stable`; `None` in other states.
    stable: Option<SimTime>,
    /// Who came or went at the last instant, while no episode was open.
    recent: (SimTime, BTreeSet<ConsumerId>),
    /// What members gave up outside episodes: the one that leaves does so before it says so.
    given_up: BTreeMap<ConsumerId, u32>,
    in_force: Vec<InForce>,
    /// Partitions revoked, by instant.
    revocations: Vec<(SimTime, u32)>,
}

/// The fold.
#[derive(Debug)]
pub(super) struct Fold {
    groups: Vec<GroupFold>,
    watch: Watch,
}

/// What the fold leaves of one group.
#[derive(Debug)]
pub(super) struct GroupEpisodes {
    pub(super) episodes: Vec<Episode>,
    pub(super) in_force: Vec<InForce>,
    pub(super) revocations: Vec<(SimTime, u32)>,
}

impl Fold {
    pub(super) fn new(groups: usize, consumers: usize) -> Self {
        Self {
            groups: (0..groups).map(|_| GroupFold::default()).collect(),
            watch: Watch::new(groups, consumers),
        }
    }

    /// Takes in one observation; `world` has not yet.
    pub(super) fn observe(&mut self, at: SimTime, observation: &Observation, world: &World) {
        self.watch
            .observe(at, observation, |consumer| world.group_of(consumer));
        match observation {
            Observation::GroupState {
                group,
                from,
                to,
                generation,
                reason,
                by,
            } => {
                self.group_state(at, *group, (*from, *to), *generation, (*reason, *by));
            }
            Observation::MemberAdded {
                group, consumer, ..
            } => {
                self.groups[group.index()].touch(at, *consumer);
            }
            Observation::MemberRejoined { group, consumer } => {
                self.groups[group.index()].touch(at, *consumer);
                self.watch.came(at, *group, *consumer, None);
            }
            Observation::MemberRemoved {
                group,
                consumer,
                why,
                ..
            } => {
                self.groups[group.index()].touch(at, *consumer);
                self.watch.came(at, *group, *consumer, Some(*why));
            }
            Observation::JoinComplete { group, .. } => {
                let last = self.watch.complete(at, *group);
                if let Some(episode) = self.groups[group.index()].current() {
                    episode.join_completed(last);
                }
            }
            Observation::AssignmentReceived {
                group, assignment, ..
            } => {
                self.groups[group.index()].assigned(at, *group, assignment, world);
            }
            Observation::RejoinRequested { consumer, .. } => {
                let group = world.group_of(*consumer);
                if world.is_member(group, world.life(*consumer)) {
                    self.groups[group.index()].pending.insert(*consumer);
                }
            }
            Observation::ConsumerCrashed { consumer }
            | Observation::ConsumerClosed { consumer }
            | Observation::ConsumerFailed { consumer, .. } => {
                self.groups[world.group_of(*consumer).index()].forget(*consumer);
            }
            Observation::CallbackStarted {
                consumer,
                kind,
                partitions,
                ..
            } => match kind {
                CallbackKind::Revoked | CallbackKind::Lost => {
                    let count = u32::try_from(partitions.len()).unwrap_or(u32::MAX);
                    self.groups[world.group_of(*consumer).index()].revoke(at, *consumer, count);
                }
                CallbackKind::Assigned => {}
            },
            _ => {}
        }
    }

    /// A group goes from one state to another, for a reason and by somebody.
    fn group_state(
        &mut self,
        at: SimTime,
        group: GroupId,
        (from, to): (GroupState, GroupState),
        generation: i32,
        (reason, by): (Option<RebalanceReason>, Option<ConsumerId>),
    ) {
        let fold = &mut self.groups[group.index()];
        fold.stable = (to == GroupState::Stable).then_some(at);
        if let Some(episode) = fold.current() {
            episode.failed +=
                u32::from(from == GroupState::CompletingRebalance && to != GroupState::Stable);
        }
        match to {
            GroupState::PreparingRebalance => {
                self.watch.begin(at, group);
                fold.leave(at, group, from, reason, by);
            }
            GroupState::Stable => fold.settle(at),
            GroupState::Empty | GroupState::Dead => {
                fold.pending.clear();
                let owners = std::mem::take(&mut fold.owners);
                fold.before.extend(owners);
                fold.in_force.push(InForce {
                    since: at,
                    assignment: Vec::new(),
                });
                fold.close(at, 0);
            }
            GroupState::CompletingRebalance | GroupState::Assigning | GroupState::Reconciling => {}
        }
        if let Some(episode) = fold.latest_at(at) {
            episode.generation = generation;
        }
    }

    /// Episodes, assignments and revocations, by group.
    pub(super) fn finish(self) -> Vec<GroupEpisodes> {
        self.groups
            .into_iter()
            .map(|group| GroupEpisodes {
                episodes: group.episodes,
                in_force: group.in_force,
                revocations: group.revocations,
            })
            .collect()
    }
}

impl GroupFold {
    fn current(&mut self) -> Option<&mut Episode> {
        if self.open {
            self.episodes.last_mut()
        } else {
            None
        }
    }

    /// The open episode, or the one that ended at this very instant.
    fn latest_at(&mut self, at: SimTime) -> Option<&mut Episode> {
        let open = self.open;
        self.episodes
            .last_mut()
            .filter(|episode| open || episode.end == Some(at))
    }

    fn touch(&mut self, at: SimTime, consumer: ConsumerId) {
        self.pending.remove(&consumer);
        if let Some(episode) = self.current() {
            episode.touched.insert(consumer);
            return;
        }
        if self.recent.0 != at {
            self.recent = (at, BTreeSet::new());
        }
        self.recent.1.insert(consumer);
    }

    /// The group begins to prepare a rebalance.
    fn leave(
        &mut self,
        at: SimTime,
        group: GroupId,
        from: GroupState,
        reason: Option<RebalanceReason>,
        by: Option<ConsumerId>,
    ) {
        if !self.open && reason == Some(RebalanceReason::FollowUp) && !self.episodes.is_empty() {
            self.open = true;
        }
        if !self.open {
            let number = u32::try_from(self.episodes.len()).unwrap_or(u32::MAX) + 1;
            let came = std::mem::take(&mut self.recent);
            let given_up = std::mem::take(&mut self.given_up);
            self.episodes.push(Episode {
                group,
                number,
                start: at,
                end: None,
                from_state: from,
                reasons: Vec::new(),
                by,
                rounds: 0,
                generation: 0,
                members: 0,
                touched: if came.0 == at {
                    came.1
                } else {
                    BTreeSet::new()
                },
                moved: 0,
                moved_needlessly: 0,
                revoked: by
                    .and_then(|consumer| given_up.get(&consumer).copied())
                    .unwrap_or(0),
                failed: 0,
                last_joiner: None,
            });
            self.open = true;
            let owners = self.owners.clone();
            self.before.extend(owners);
        }
        if let Some(episode) = self.episodes.last_mut() {
            episode.end = None;
            if let Some(reason) = reason
                && !episode.reasons.contains(&reason)
            {
                episode.reasons.push(reason);
            }
        }
    }

    /// The group is `Stable`: the end, unless somebody has to rejoin.
    fn settle(&mut self, at: SimTime) {
        if self.pending.is_empty() {
            let members = self
                .in_force
                .last()
                .map_or(0, |known| known.assignment.len());
            self.close(at, members);
        }
    }

    fn close(&mut self, at: SimTime, members: usize) {
        if let Some(episode) = self.current() {
            episode.end = Some(at);
            episode.members = u32::try_from(members).unwrap_or(u32::MAX);
            self.open = false;
        }
    }

    /// A process is gone: nobody waits for its rejoin, so the last `Stable` may have been the end after all.
    fn forget(&mut self, consumer: ConsumerId) {
        if self.pending.remove(&consumer)
            && let Some(stable) = self.stable
        {
            self.settle(stable);
        }
    }

    fn assigned(
        &mut self,
        at: SimTime,
        group: GroupId,
        assignment: &[(ConsumerId, Partitions)],
        world: &World,
    ) {
        self.owners = assignment
            .iter()
            .flat_map(|(consumer, partitions)| {
                partitions.iter().map(|partition| (*partition, *consumer))
            })
            .collect();
        self.in_force.push(InForce {
            since: at,
            assignment: assignment.to_vec(),
        });
        for (partition, life) in world.installed(group) {
            let stays = self.owners.get(&partition) == Some(&life.consumer);
            if !stays && world.is_member(group, life) && world.is_running(life) {
                self.pending.insert(life.consumer);
            }
        }
        if !self.pending.is_empty() && self.latest_at(at).is_some() {
            self.open = true;
        }
        let members: Vec<ConsumerId> = assignment.iter().map(|(consumer, _)| *consumer).collect();
        let moved = moves::moved(&self.before, &self.owners);
        let least = moves::least(&self.before, &self.owners, &members);
        let open = self.open;
        if let Some(episode) = self.latest_at(at) {
            episode.moved = moved;
            episode.moved_needlessly = moved.saturating_sub(least);
            episode.members = u32::try_from(members.len()).unwrap_or(u32::MAX);
            if open {
                episode.end = None;
            }
        }
    }

    fn revoke(&mut self, at: SimTime, consumer: ConsumerId, count: u32) {
        self.revocations.push((at, count));
        if let Some(episode) = self.current() {
            episode.revoked += count;
        } else {
            *self.given_up.entry(consumer).or_default() += count;
        }
    }
}

/// Adds the values of one group.
pub(super) fn values(
    timeline: &Timeline,
    group: GroupId,
    folded: &GroupEpisodes,
    values: &mut Values,
) {
    let labels = group_label(&timeline.cast.groups[group.index()].name);
    let episodes: Vec<&Episode> = folded
        .episodes
        .iter()
        .filter(|episode| measured(timeline, episode.start))
        .collect();
    let sum = |count: fn(&Episode) -> u64| -> u64 { episodes.iter().map(|e| count(e)).sum() };
    let number = episodes.len() as u64;
    values.put("rebalances", &labels, Value::count(number));
    let rate = Decimal::ratio(
        i128::from(number) * MICROS_PER_HOUR,
        i128::from(window_us(timeline)),
    );
    values.put("rebalance_rate_per_hour", &labels, Value::or_no_data(rate));
    let counts: [(&str, u64); 6] = [
        ("rebalance_rounds", sum(|e| u64::from(e.rounds))),
        ("failed_rebalances", sum(|e| u64::from(e.failed))),
        ("members_touched", sum(|e| e.touched.len() as u64)),
        ("partitions_moved", sum(|e| u64::from(e.moved))),
        (
            "partitions_moved_needlessly",
            sum(|e| u64::from(e.moved_needlessly)),
        ),
        ("partitions_revoked", folded.revoked(timeline)),
    ];
    for (base, count) in counts {
        values.put(base, &labels, Value::count(count));
    }
    values.put("rebalances_by_reason", &labels, Value::count(number));
    for reason in RebalanceReason::ALL {
        let began = episodes
            .iter()
            .filter(|episode| episode.reason() == Some(*reason));
        let labels = Labels {
            reason: Some(reason.word().to_owned()),
            ..labels.clone()
        };
        values.put(
            "rebalances_by_reason",
            &labels,
            Value::count(began.count() as u64),
        );
    }
    let lengths = episodes
        .iter()
        .map(|episode| episode.micros(timeline.horizon));
    let total: u64 = lengths.clone().sum();
    values.put(
        "rebalance_s",
        &labels,
        Value::seconds(lengths.max().unwrap_or(0)),
    );
    values.put_as(
        "rebalance_s",
        Aggregate::Sum,
        &labels,
        Value::seconds(total),
    );
    let mean = Decimal::ratio(i128::from(total), i128::from(number) * 1_000_000);
    values.put_as(
        "rebalance_s",
        Aggregate::Mean,
        &labels,
        Value::or_no_data(mean),
    );
    let fenced = timeline.entries.iter().filter(|entry| {
        let Observation::ConsumerFailed { consumer, error } = &entry.observation else {
            return false;
        };
        *error == "FencedInstanceIdException"
            && measured(timeline, entry.at)
            && timeline.cast.consumers[consumer.index()].group == group
    });
    values.put(
        "fenced_members",
        &labels,
        Value::count(fenced.count() as u64),
    );
}

const MICROS_PER_HOUR: i128 = 3_600_000_000;

impl GroupEpisodes {
    /// Partitions revoked within the window, inside episodes or not.
    fn revoked(&self, timeline: &Timeline) -> u64 {
        self.revocations
            .iter()
            .filter(|(at, _)| measured(timeline, *at))
            .map(|(_, count)| u64::from(*count))
            .sum()
    }
}
