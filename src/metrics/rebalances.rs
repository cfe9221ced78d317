//! Episodes of rebalancing: in a classic group from leaving `Stable` or `Empty` to the first `Stable` in which no member has a rejoin
//! pending; in a consumer group from a bump of its epoch to the end of the first instant at which it is `Stable` (or `Empty`): every member has the
//! newest epoch and is where its target says.

mod consumer_group;
mod values;

use std::collections::{BTreeMap, BTreeSet};

pub(super) use values::values;

use super::barrier::Watch;
use super::episode::Episode;
use super::moves::{self, Owners};
use super::world::World;
use crate::assignor::{ConsumerId, GroupId};
use crate::kernel::SimTime;
use crate::timeline::{CallbackKind, GroupState, Observation, Partitions, RebalanceReason};

/// A stretch of time with one assignment in force.
#[derive(Clone, Debug)]
pub(super) struct InForce {
    pub(super) since: SimTime,
    pub(super) assignment: Vec<(ConsumerId, Partitions)>,
}

#[derive(Debug)]
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
    /// It is a consumer group now.
    incremental: bool,
    state: GroupState,
    /// The newest generation of a classic group, or epoch.
    generation: i32,
    /// What the members of a consumer group have and have to give up.
    shares: BTreeMap<ConsumerId, (Partitions, Partitions)>,
}

/// The fold.
#[derive(Debug)]
pub(super) struct Fold {
    groups: Vec<GroupFold>,
    watch: Watch,
    /// Instant of the last observation.
    now: SimTime,
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
            groups: (0..groups).map(|_| GroupFold::new()).collect(),
            watch: Watch::new(groups, consumers),
            now: SimTime::ZERO,
        }
    }

    /// Takes in one observation; `world` has not yet.
    pub(super) fn observe(&mut self, at: SimTime, observation: &Observation, world: &World) {
        self.instant_ends(at);
        self.watch
            .observe(at, observation, |consumer| world.group_of(consumer));
        if self.observe_consumer_group(at, observation, world) {
            return;
        }
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
                self.watch.came(at, *group, world.life(*consumer), None);
            }
            Observation::MemberRemoved {
                group,
                consumer,
                member_id,
                why,
            } => {
                let fold = &mut self.groups[group.index()];
                fold.touch(at, *consumer);
                fold.removed(*consumer, *why);
                let life = world.life_of(*group, member_id);
                let life = life.unwrap_or_else(|| world.life(*consumer));
                self.watch.came(at, *group, life, Some(*why));
            }
            Observation::JoinComplete {
                group, generation, ..
            } => {
                let fold = &mut self.groups[group.index()];
                fold.incremental = false;
                fold.generation = *generation;
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
                let waits = !self.groups[group.index()].incremental;
                if waits && world.is_member(group, world.life(*consumer)) {
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
        if matches!(to, GroupState::Assigning | GroupState::Reconciling) {
            self.becomes_incremental(group);
        }
        let fold = &mut self.groups[group.index()];
        fold.state = to;
        fold.incremental &= to != GroupState::PreparingRebalance;
        fold.stable = (to == GroupState::Stable && !fold.incremental).then_some(at);
        if let Some(episode) = fold.current() {
            episode.failed +=
                u32::from(from == GroupState::CompletingRebalance && to != GroupState::Stable);
        }
        match to {
            GroupState::PreparingRebalance => {
                self.watch.begin(at, group);
                fold.leave(at, group, from, reason, by);
            }
            GroupState::Stable if fold.incremental => {}
            GroupState::Stable => fold.settle(at),
            GroupState::Empty | GroupState::Dead => {
                fold.pending.clear();
                let owners = std::mem::take(&mut fold.owners);
                fold.before.update(&owners);
                fold.in_force.push(InForce {
                    since: at,
                    assignment: Vec::new(),
                });
                if !fold.incremental {
                    fold.is_left(generation);
                    fold.close(at, 0);
                }
            }
            // A bump of the epoch opens an episode; that a static member is away for a while makes the group reconcile without one.
            GroupState::CompletingRebalance | GroupState::Assigning | GroupState::Reconciling => {}
        }
        fold.generation = fold.generation.max(generation);
        if let Some(episode) = fold.latest_at(at) {
            episode.generation = generation;
        }
    }

    /// Episodes, assignments and revocations, by group.
    pub(super) fn finish(mut self) -> Vec<GroupEpisodes> {
        for group in &mut self.groups {
            group.come_to_rest(self.now);
        }
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
    const fn new() -> Self {
        Self {
            episodes: Vec::new(),
            open: false,
            before: Owners::new(),
            owners: Owners::new(),
            pending: BTreeSet::new(),
            stable: None,
            recent: (SimTime::ZERO, BTreeSet::new()),
            given_up: BTreeMap::new(),
            in_force: Vec::new(),
            revocations: Vec::new(),
            incremental: false,
            state: GroupState::Empty,
            generation: 0,
            shares: BTreeMap::new(),
        }
    }

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
                assignments: 0,
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
                last_to_arrive: None,
            });
            self.open = true;
            self.before.update(&self.owners);
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

    /// Everybody has left a classic group, which makes a generation of nobody (`ClassicGroup.initNextGeneration`).
    fn is_left(&mut self, generation: i32) {
        let is_new = generation > self.generation;
        if let Some(episode) = self.current().filter(|_| is_new) {
            episode.rounds += 1;
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
            if self.incremental {
                break;
            }
            let stays = self.owners.get(partition) == Some(life.consumer);
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
            episode.assignments += 1;
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
