//! Random clients, well behaved or not, against what must hold at every step and in the end.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use rebsim::assignor::{AssignorKind, MemberId};
use rebsim::protocol::config::BrokerConfig;
use rebsim::protocol::effect::CoordinatorFact;
use rebsim::protocol::message::{
    ErrorCode, HeartbeatRequest, LeaveCause, LeaveGroupRequest, OffsetCommitRequest, Request,
    RequestToken, Response,
};
use rebsim::timeline::GroupState;

use crate::group::{Group, Join, broker, id, ms, share};

const LISTS: [&[AssignorKind]; 4] = [
    &[AssignorKind::Range],
    &[AssignorKind::Range, AssignorKind::CooperativeSticky],
    &[AssignorKind::CooperativeSticky, AssignorKind::Range],
    &[AssignorKind::CooperativeSticky],
];

/// One thing that a client, the log, the clock or the broker does. Clients 0 to 3 are dynamic, 4 and 5 static.
#[derive(Clone, Copy, Debug)]
enum Step {
    Enter {
        client: usize,
        list: usize,
    },
    Rejoin {
        client: usize,
        list: usize,
        changed: bool,
    },
    Sync {
        client: usize,
        stale: bool,
    },
    Heartbeat {
        client: usize,
        stale: bool,
    },
    Leave {
        client: usize,
    },
    Commit {
        client: usize,
        stale: bool,
    },
    /// Whoever has an id joins again, then all sync, the leader last.
    Round,
    Wait {
        millis: u64,
    },
    Write,
    Unload,
    Load,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let client = 0..6_usize;
    // Mostly one list, or the lists would keep everybody out.
    let list = prop_oneof![8 => Just(1_usize), 2 => 0..4_usize];
    let stale = prop::bool::weighted(0.1);
    let step = prop_oneof![
        8 => (client.clone(), list.clone()).prop_map(|(client, list)| Step::Enter { client, list }),
        8 => (client.clone(), list, any::<bool>())
            .prop_map(|(client, list, changed)| Step::Rejoin { client, list, changed }),
        8 => (client.clone(), stale).prop_map(|(client, stale)| Step::Sync { client, stale }),
        4 => (client.clone(), stale)
            .prop_map(|(client, stale)| Step::Heartbeat { client, stale }),
        1 => client.clone().prop_map(|client| Step::Leave { client }),
        3 => (client, stale).prop_map(|(client, stale)| Step::Commit { client, stale }),
        10 => Just(Step::Round),
        12 => (0..2_000_u64).prop_map(|millis| Step::Wait { millis }),
        1 => (0..70_000_u64).prop_map(|millis| Step::Wait { millis }),
        16 => Just(Step::Write),
        1 => Just(Step::Unload),
        12 => Just(Step::Load), // no effect unless the coordinator is away
    ];
    prop::collection::vec(step, 1..120)
}

/// What a request was and whose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Join,
    Sync,
    Other,
}

struct World {
    group: Group,
    ids: [String; 6],
    issued: usize,
    sent: BTreeMap<RequestToken, Kind>,
    forgotten: BTreeSet<RequestToken>,
    /// Members as the facts tell of them.
    told: BTreeSet<MemberId>,
    told_state: GroupState,
    told_generation: i32,
    completed: u32,
}

impl World {
    fn new(max_size: u32) -> Self {
        let mut group = Group::with(BrokerConfig {
            initial_rebalance_delay: ms(1_000),
            max_size,
            ..broker()
        });
        group.hold_appends = true;
        Self {
            group,
            ids: std::array::from_fn(|_| String::from("nobody")),
            issued: 0,
            sent: BTreeMap::new(),
            forgotten: BTreeSet::new(),
            told: BTreeSet::new(),
            told_state: GroupState::Empty,
            told_generation: 0,
            completed: 0,
        }
    }

    fn instance(client: usize) -> Option<String> {
        (client >= 4).then(|| format!("i{client}"))
    }

    fn join(&mut self, client: usize, member: &str, list: usize) -> Join {
        self.issued += 1;
        let mut join = Join::new(member).assignors(LISTS[list]);
        join.0.proposed_member_id = id(&format!("c{client}-{}", self.issued));
        join.0.instance_id = Self::instance(client).map(Into::into);
        join
    }

    fn send(&mut self, kind: Kind, request: Request) -> RequestToken {
        let token = self.group.send(request);
        self.sent.insert(token, kind);
        token
    }

    fn generation(&self, stale: bool) -> i32 {
        self.group.coordinator.generation() - i32::from(stale)
    }

    /// Does one step; the member whose parked requests it may make the coordinator forget, and of which kinds.
    fn act(&mut self, step: Step) -> (Option<MemberId>, &'static [Kind]) {
        match step {
            // A client that is a member seldom starts anew: what it leaves behind holds the others up.
            Step::Enter { client, list } => {
                if !self.group.has(&self.ids[client]) || self.issued.is_multiple_of(8) {
                    self.enter(client, list);
                } else {
                    self.issued += 1;
                }
            }
            Step::Rejoin {
                client,
                list,
                changed,
            } => {
                let member = self.ids[client].clone();
                let mut join = self.join(client, &member, list);
                if changed {
                    join = join.owned_in(self.group.coordinator.generation());
                }
                self.send(Kind::Join, Request::JoinGroup(join.0));
                return (Some(id(&member)), &[Kind::Join]);
            }
            Step::Sync { client, stale } => {
                let member = self.ids[client].clone();
                let mut request = self.group.sync_request(&member, &[(member.as_str(), &[0])]);
                request.instance_id = Self::instance(client).map(Into::into);
                request.generation = self.generation(stale);
                self.send(Kind::Sync, Request::SyncGroup(request));
                return (Some(id(&member)), &[Kind::Sync]);
            }
            Step::Heartbeat { client, stale } => {
                let request = HeartbeatRequest {
                    member_id: id(&self.ids[client]),
                    instance_id: Self::instance(client).map(Into::into),
                    generation: self.generation(stale),
                };
                self.send(Kind::Other, Request::Heartbeat(request));
            }
            Step::Leave { client } => {
                let member_id = id(&self.ids[client]);
                let request = LeaveGroupRequest {
                    member_id: member_id.clone(),
                    instance_id: Self::instance(client).map(Into::into),
                    cause: LeaveCause::Closed,
                };
                self.send(Kind::Other, Request::LeaveGroup(request));
                return (Some(member_id), &[Kind::Sync]);
            }
            Step::Commit { client, stale } => {
                let request = OffsetCommitRequest {
                    member_id: id(&self.ids[client]),
                    instance_id: Self::instance(client).map(Into::into),
                    generation: self.generation(stale),
                    offsets: share(&[0])
                        .iter()
                        .map(|&partition| (partition, 1))
                        .collect(),
                };
                self.send(Kind::Other, Request::OffsetCommit(request));
            }
            Step::Round => unreachable!("taken apart by play"),
            Step::Wait { millis } => {
                let until = self.group.now + ms(millis);
                while self.group.fire_next(until) {}
                self.group.now = until;
            }
            Step::Write => {
                if !self.group.appends.is_empty() {
                    self.group.commit_write();
                }
            }
            Step::Unload => self.group.unload(),
            Step::Load => self.group.load(),
        }
        (None, &[])
    }

    /// A first join; a dynamic client comes back with the id at once, or not at all (now and then).
    fn enter(&mut self, client: usize, list: usize) {
        let join = self.join(client, "", list);
        let proposed = join.0.proposed_member_id.to_string();
        let token = self.send(Kind::Join, Request::JoinGroup(join.0));
        let refused = match self.group.replies.get(&token) {
            Some(Response::JoinGroup(answer)) => Some(answer.error),
            _ => None,
        };
        if refused.is_none() {
            self.ids[client] = proposed;
        } else if refused == Some(ErrorCode::MemberIdRequired) && !self.issued.is_multiple_of(8) {
            let back = self.join(client, &proposed, list);
            self.send(Kind::Join, Request::JoinGroup(back.0));
            self.ids[client] = proposed;
        }
    }

    /// Does a step of the generator.
    fn play(&mut self, step: Step) -> Result<(), TestCaseError> {
        let Step::Round = step else {
            return self.step(step);
        };
        for client in 0..6 {
            self.step(Step::Rejoin {
                client,
                list: 1,
                changed: true,
            })?;
        }
        let leader = self
            .group
            .coordinator
            .leader()
            .map(|leader| leader.to_string());
        let leads = |client: &usize| Some(&self.ids[*client]) == leader.as_ref();
        let (leaders, followers): (Vec<usize>, Vec<usize>) = (0..6).partition(leads);
        for client in followers.into_iter().chain(leaders) {
            self.step(Step::Sync {
                client,
                stale: false,
            })?;
        }
        Ok(())
    }

    fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        let parked_before: BTreeMap<RequestToken, MemberId> = self
            .group
            .coordinator
            .parked()
            .map(|(member, token)| (token, member.clone()))
            .collect();
        let generation = self.group.coordinator.generation();
        let (sender, forgettable) = self.act(step);
        let parked: BTreeSet<RequestToken> = self
            .group
            .coordinator
            .parked()
            .map(|(_, token)| token)
            .collect();

        let failover = matches!(step, Step::Load);
        prop_assert!(failover || self.group.coordinator.generation() >= generation);
        for (token, member) in parked_before {
            if parked.contains(&token) || self.group.replies.contains_key(&token) {
                continue;
            }
            let kind = self.sent[&token];
            prop_assert!(
                sender.as_ref() == Some(&member) && forgettable.contains(&kind),
                "{kind:?} {token:?} of {member} was dropped by {step:?}"
            );
            self.forgotten.insert(token);
        }
        for token in self.sent.keys() {
            let behind_a_write = self.sent[token] == Kind::Other && !self.group.appends.is_empty();
            prop_assert!(
                self.group.replies.contains_key(token)
                    || parked.contains(token)
                    || behind_a_write
                    || self.forgotten.contains(token),
                "{token:?} is nowhere after {step:?}"
            );
        }
        self.read_facts(step)
    }

    /// The facts alone must give the same picture as the coordinator.
    fn read_facts(&mut self, step: Step) -> Result<(), TestCaseError> {
        for fact in std::mem::take(&mut self.group.facts) {
            match fact {
                CoordinatorFact::MemberJoined { .. }
                | CoordinatorFact::GroupEpoch { .. }
                | CoordinatorFact::TargetAssignment { .. }
                | CoordinatorFact::MemberEpoch { .. }
                | CoordinatorFact::StaticMemberAway { .. } => {
                    return Err(TestCaseError::fail(format!(
                        "no fact of a classic group: {fact:?}"
                    )));
                }
                CoordinatorFact::GroupState {
                    from,
                    to,
                    generation,
                    reason,
                    ..
                } => {
                    prop_assert_eq!(from, self.told_state);
                    prop_assert_ne!(from, to);
                    prop_assert_eq!(reason.is_some(), to == GroupState::PreparingRebalance);
                    self.told_state = to;
                    self.told_generation = generation;
                }
                CoordinatorFact::MemberAdded { member_id, .. } => {
                    prop_assert!(self.told.insert(member_id));
                }
                CoordinatorFact::MemberRemoved { member_id, .. } => {
                    prop_assert!(self.told.remove(&member_id));
                }
                CoordinatorFact::StaticMemberReplaced { old, new, .. } => {
                    prop_assert!(self.told.remove(&old) && self.told.insert(new));
                }
                CoordinatorFact::MemberRejoined { member_id } => {
                    prop_assert!(self.told.contains(&member_id));
                    prop_assert_eq!(self.told_state, GroupState::PreparingRebalance);
                }
                CoordinatorFact::JoinComplete {
                    generation,
                    members,
                    ..
                } => {
                    prop_assert_eq!(generation, self.told_generation);
                    prop_assert_eq!(&members.into_iter().collect::<BTreeSet<_>>(), &self.told);
                    let by_clock = matches!(step, Step::Wait { .. });
                    let pending = (0..6).any(|client| {
                        (0..=self.issued).any(|n| {
                            self.group
                                .coordinator
                                .is_pending(&id(&format!("c{client}-{n}")))
                        })
                    });
                    prop_assert!(by_clock || !pending, "an issued id is awaited");
                    self.completed += 1;
                }
                CoordinatorFact::AssignmentReceived { generation, .. } => {
                    prop_assert_eq!(generation, self.told_generation);
                    prop_assert_eq!(self.told_state, GroupState::CompletingRebalance);
                }
                CoordinatorFact::MemberIdIssued { .. } => {}
            }
        }
        if self.group.state() == GroupState::Dead {
            return Ok(());
        }
        let members: BTreeSet<MemberId> = self.group.coordinator.members().cloned().collect();
        if matches!(step, Step::Load) {
            prop_assert!(self.told.is_subset(&members), "who is lost is told");
            self.told = members; // Members that had left may be back with the log.
        } else {
            prop_assert_eq!(&self.told, &members);
        }
        prop_assert_eq!(self.told_state, self.group.state());
        Ok(())
    }

    /// Everybody is silent for good: in the end nobody is a member, nobody waits and no timer runs.
    fn end(&mut self) -> Result<(), TestCaseError> {
        self.step(Step::Load)?;
        for _ in 0..6 {
            while !self.group.appends.is_empty() {
                self.step(Step::Write)?;
            }
            self.step(Step::Wait { millis: 400_000 })?;
        }
        while !self.group.appends.is_empty() {
            self.step(Step::Write)?;
        }
        prop_assert_eq!(self.group.state(), GroupState::Empty);
        prop_assert!(
            !self.group.fire_next(rebsim::kernel::SimTime::NEVER),
            "a timer is armed"
        );
        for token in self.sent.keys() {
            let answered = self.group.replies.contains_key(token);
            prop_assert_ne!(answered, self.forgotten.contains(token), "{:?}", token);
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_clients_do_the_coordinator_stays_sound_and_comes_to_rest(
        steps in steps(),
        max_size in prop_oneof![3 => Just(100_u32), 1 => 1..4_u32],
    ) {
        let mut world = World::new(max_size);
        for step in steps {
            world.play(step)?;
        }
        world.end()?;
    }
}

/// The generator is no use if its groups never get anywhere.
#[test]
fn the_random_clients_do_reach_stable_groups_and_many_generations() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let (mut generations, mut stable, mut lost) = (0, 0, 0);
    for _ in 0..300 {
        let steps = steps()
            .new_tree(&mut runner)
            .expect("steps have no filter")
            .current();
        let mut world = World::new(100);
        for step in steps {
            world.play(step).expect("sound");
            stable += u32::from(world.group.state() == GroupState::Stable);
        }
        generations += world.completed;
        lost += world.forgotten.len();
    }
    assert!(generations > 1_000, "{generations} generations");
    assert!(stable > 500, "{stable} steps end in Stable");
    assert!(lost > 300, "{lost} requests were superseded");
}
