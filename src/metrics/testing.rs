//! A builder of small timelines for tests: one topic `orders`, one group `g`, members `g/0`, `g/1`, …; times in milliseconds.

mod consumer_group;

use std::sync::Arc;

use crate::assignor::{ConsumerId, GroupId, MemberId, TopicId, TopicPartition};
use crate::kernel::{SimDuration, SimTime};
use crate::timeline::{
    CallbackKind, Cast, ConsumerFacts, ConsumerTotals, GroupFacts, GroupState, Observation,
    Offsets, PartitionTotals, Partitions, RebalanceReason, ReleaseReason, RemovalReason, Timeline,
};

pub(crate) const GROUP: GroupId = GroupId(0);

pub(crate) fn partition(number: u32) -> TopicPartition {
    TopicPartition {
        topic: TopicId(0),
        partition: number,
    }
}

pub(crate) fn partitions(numbers: &[u32]) -> Partitions {
    numbers.iter().copied().map(partition).collect()
}

pub(crate) struct Play {
    pub(crate) timeline: Timeline,
    now: SimTime,
}

impl Play {
    /// `members` processes and `partitions` partitions; nothing has happened yet.
    pub(crate) fn new(members: u32, partitions: u32, end_ms: u64) -> Self {
        let cast = Cast {
            topics: vec![("orders".to_owned(), partitions)],
            groups: vec![GroupFacts {
                name: "g".to_owned(),
                topics: vec![TopicId(0)],
                protocol: "classic",
                rebalance: "eager",
                is_static: false,
            }],
            consumers: (0..members)
                .map(|number| ConsumerFacts {
                    name: format!("g/{number}"),
                    group: GROUP,
                    topics: vec![TopicId(0)],
                    heartbeat_interval: SimDuration::from_secs(3),
                    instance: None,
                    closes_silently: false,
                    never_leaves: false,
                })
                .collect(),
            ..Cast::default()
        };
        let end = SimTime::from_millis(end_ms);
        let timeline = Timeline {
            cast,
            measured: (SimTime::ZERO, end),
            horizon: end,
            partitions: (0..partitions)
                .map(|number| ((GROUP, partition(number)), PartitionTotals::default()))
                .collect(),
            consumers: vec![ConsumerTotals::default(); members as usize],
            ..Timeline::default()
        };
        Self {
            timeline,
            now: SimTime::ZERO,
        }
    }

    /// A steady start: member i owns `owned[i]`.
    pub(crate) fn steady(owned: &[&[u32]], end_ms: u64) -> Self {
        let count = owned.iter().map(|list| list.len()).sum::<usize>();
        let count = u32::try_from(count).expect("small");
        let members = u32::try_from(owned.len()).expect("small");
        let mut play = Self::new(members, count, end_ms);
        for member in 0..members {
            play.start(member).add(member);
        }
        play.put(Observation::GroupState {
            group: GROUP,
            from: GroupState::Empty,
            to: GroupState::Stable,
            generation: 1,
            reason: None,
            by: None,
        });
        play.complete(1, &(0..members).collect::<Vec<_>>());
        play.assignment(1, owned);
        for (member, list) in (0..).zip(owned) {
            play.take(member, list);
        }
        play
    }

    /// What follows happens at `ms`.
    pub(crate) fn at(&mut self, ms: u64) -> &mut Self {
        self.now = SimTime::from_millis(ms);
        self
    }

    pub(crate) fn put(&mut self, observation: Observation) -> &mut Self {
        self.timeline.observe(self.now, observation);
        self
    }

    pub(crate) fn member_id(member: u32) -> MemberId {
        MemberId::new(&format!("{member}-uuid"))
    }

    pub(crate) fn start(&mut self, member: u32) -> &mut Self {
        self.put(Observation::ConsumerStarted {
            consumer: ConsumerId(member),
        })
    }

    pub(crate) fn add(&mut self, member: u32) -> &mut Self {
        self.add_as(member, Self::member_id(member))
    }

    pub(crate) fn add_as(&mut self, member: u32, member_id: MemberId) -> &mut Self {
        self.put(Observation::MemberAdded {
            group: GROUP,
            consumer: ConsumerId(member),
            member_id,
            state: GroupState::Stable,
        })
    }

    pub(crate) fn remove(&mut self, member: u32, why: RemovalReason) -> &mut Self {
        self.put(Observation::MemberRemoved {
            group: GROUP,
            consumer: ConsumerId(member),
            member_id: Self::member_id(member),
            why,
        })
    }

    pub(crate) fn state(&mut self, from: GroupState, to: GroupState, generation: i32) -> &mut Self {
        self.put(Observation::GroupState {
            group: GROUP,
            from,
            to,
            generation,
            reason: None,
            by: None,
        })
    }

    /// The group begins to prepare a rebalance.
    pub(crate) fn prepare(
        &mut self,
        from: GroupState,
        reason: RebalanceReason,
        by: u32,
    ) -> &mut Self {
        self.put(Observation::GroupState {
            group: GROUP,
            from,
            to: GroupState::PreparingRebalance,
            generation: 0,
            reason: Some(reason),
            by: Some(ConsumerId(by)),
        })
    }

    pub(crate) fn rejoin(&mut self, member: u32) -> &mut Self {
        self.put(Observation::MemberRejoined {
            group: GROUP,
            consumer: ConsumerId(member),
        })
    }

    pub(crate) fn complete(&mut self, generation: i32, members: &[u32]) -> &mut Self {
        self.put(Observation::JoinComplete {
            group: GROUP,
            generation,
            members: members.iter().copied().map(ConsumerId).collect(),
            leader: Self::member_id(members.first().copied().unwrap_or_default()),
            assignor: "range",
        })
    }

    pub(crate) fn assignment(&mut self, generation: i32, owned: &[&[u32]]) -> &mut Self {
        let assignment: Arc<[(ConsumerId, Partitions)]> = (0..)
            .zip(owned)
            .map(|(member, list)| (ConsumerId(member), partitions(list)))
            .collect();
        self.put(Observation::AssignmentReceived {
            group: GROUP,
            generation,
            leader: Self::member_id(0),
            assignment,
        })
    }

    /// From the end of the join to `Stable`, all at once.
    pub(crate) fn finish(&mut self, generation: i32, owned: &[&[u32]]) -> &mut Self {
        use GroupState::{CompletingRebalance, PreparingRebalance, Stable};
        let members: Vec<u32> = (0..).zip(owned).map(|(member, _)| member).collect();
        self.complete(generation, &members)
            .state(PreparingRebalance, CompletingRebalance, generation)
            .assignment(generation, owned)
            .state(CompletingRebalance, Stable, generation)
    }

    pub(crate) fn assigned(&mut self, member: u32, list: &[u32]) -> &mut Self {
        self.put(Observation::Assigned {
            consumer: ConsumerId(member),
            partitions: list.iter().map(|number| partition(*number)).collect(),
        })
    }

    /// One record a millisecond on each partition.
    fn log_ends(&self, list: &[u32]) -> Offsets {
        let log_end = self.now.as_micros() / 1_000;
        list.iter()
            .map(|number| (partition(*number), log_end))
            .collect()
    }

    pub(crate) fn serve(&mut self, member: u32, list: &[u32]) -> &mut Self {
        let log_ends = self.log_ends(list);
        self.put(Observation::Serving {
            consumer: ConsumerId(member),
            log_ends,
        })
    }

    /// Installed and served at once.
    pub(crate) fn take(&mut self, member: u32, list: &[u32]) -> &mut Self {
        self.assigned(member, list).serve(member, list)
    }

    pub(crate) fn release(&mut self, member: u32, list: &[u32], why: ReleaseReason) -> &mut Self {
        let log_ends = self.log_ends(list);
        self.put(Observation::Released {
            consumer: ConsumerId(member),
            why,
            log_ends,
        });
        self
    }

    /// Enters a callback; revocation and loss release the partitions.
    pub(crate) fn callback(&mut self, member: u32, kind: CallbackKind, list: &[u32]) -> &mut Self {
        match kind {
            CallbackKind::Revoked => self.release(member, list, ReleaseReason::Revoked),
            CallbackKind::Lost => self.release(member, list, ReleaseReason::Lost),
            CallbackKind::Assigned => self,
        };
        self.put(Observation::CallbackStarted {
            consumer: ConsumerId(member),
            kind,
            partitions: partitions(list),
            generation: 1,
            member_id: Self::member_id(member),
        })
    }

    pub(crate) fn returned(&mut self, member: u32, kind: CallbackKind) -> &mut Self {
        self.put(Observation::CallbackEnded {
            consumer: ConsumerId(member),
            kind,
        })
    }

    pub(crate) fn revoked(&mut self, member: u32, list: &[u32]) -> &mut Self {
        self.callback(member, CallbackKind::Revoked, list)
            .returned(member, CallbackKind::Revoked)
    }

    pub(crate) fn crash(&mut self, member: u32, list: &[u32]) -> &mut Self {
        self.put(Observation::ConsumerCrashed {
            consumer: ConsumerId(member),
        })
        .release(member, list, ReleaseReason::Gone)
    }
}
