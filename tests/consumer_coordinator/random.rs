//! Random scripts: members of both protocols come, go, crash, are slow, miss answers; topics grow; the coordinator moves. Whatever happens, no partition is with two
//! members, epochs only go up, targets are whole and even, and once everybody does its part the group comes to rest.

use std::collections::{BTreeMap, BTreeSet};

use rebsim::assignor::{TopicId, TopicPartition};
use rebsim::kernel::{SimDuration, SimTime};
use rebsim::protocol::config::MigrationPolicy;
use rebsim::protocol::effect::CoordinatorFact;
use rebsim::timeline::{GroupState, Partitions};

use crate::clients::{Client, Dice};
use crate::group::{Group, broker};

const SEEDS: u64 = 2_000;
const STEPS: u64 = 120;

struct Script {
    dice: Dice,
    group: Group,
    clients: Vec<Client>,
    partitions: (u32, u32),
    named: u64,
    epoch: i32,
    target_epoch: i32,
    /// Facts so far, and when the last one came.
    observed: usize,
    observed_at: SimTime,
    /// Classic members are called when there is a new target, which only others bring about (4.4).
    classic_follow_target: bool,
    /// The group may go back to the classic protocol.
    downgrades: bool,
    /// Every member subscribes to the same topics, so that the target must be even.
    alike: bool,
}

impl Script {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let version = dice.pick(&["4.0", "4.1", "4.2", "4.3", "4.4"]);
        let mut config = broker(version);
        config.initial_rebalance_delay = crate::group::ms(0);
        config.consumer.migration_policy = dice.pick(&[
            MigrationPolicy::Bidirectional,
            MigrationPolicy::Bidirectional,
            MigrationPolicy::Upgrade,
            MigrationPolicy::Downgrade,
            MigrationPolicy::Disabled,
        ]);
        let alike = dice.one_in(2);
        let classic_follow_target = config.consumer.classic_members_follow_target;
        let downgrades = config.consumer.migration_policy.downgrades();
        Self {
            dice,
            group: Group::with(config),
            clients: Vec::new(),
            partitions: (6, 3),
            named: 0,
            epoch: 0,
            target_epoch: 0,
            observed: 0,
            observed_at: SimTime::ZERO,
            classic_follow_target,
            downgrades,
            alike,
        }
    }

    fn step(&mut self) {
        match self.dice.below(24) {
            0..3 if self.clients.len() < 7 => self.come(),
            3 => self.group.wait(self.dice.below(20_000)),
            4 if self.dice.one_in(4) => {
                let (orders, payments) = &mut self.partitions;
                *orders += self.dice.below(4) as u32;
                *payments += 1;
                self.group.grow(self.partitions.0, self.partitions.1);
            }
            5 if self.dice.one_in(4) => {
                self.group.restart();
                if !self.group.coordinator.is_consumer() {
                    // A generation is written down with its assignment only.
                    (self.epoch, self.target_epoch) = (0, 0);
                }
            }
            _ => {
                self.group.wait(self.dice.below(600));
                if !self.clients.is_empty() {
                    let who = self.dice.below(self.clients.len() as u64) as usize;
                    self.clients[who].act(&mut self.group, &mut self.dice);
                }
            }
        }
        self.look();
    }

    fn come(&mut self) {
        self.named += 1;
        let topics: &[u32] = if self.alike {
            &[0, 1]
        } else {
            self.dice.pick(&[&[0][..], &[1][..], &[0, 1][..]])
        };
        let client = Client::random(self.named, topics, &mut self.dice);
        self.clients.push(client);
    }

    /// What must hold after every step.
    fn look(&mut self) {
        for client in &mut self.clients {
            client.hear(&mut self.group);
        }
        self.clients.retain(|client| !client.is_gone());
        for fact in self.group.take_facts() {
            self.observed += 1;
            self.observed_at = self.group.now;
            match fact {
                CoordinatorFact::GroupEpoch { epoch, .. } => {
                    assert!(epoch > self.epoch, "epoch {epoch} after {}", self.epoch);
                    self.epoch = epoch;
                }
                CoordinatorFact::TargetAssignment {
                    epoch, assignment, ..
                } => {
                    assert!(epoch > self.target_epoch && epoch == self.epoch);
                    self.target_epoch = epoch;
                    self.judge_target(assignment);
                }
                // A new group, of the other kind.
                CoordinatorFact::JoinComplete { generation, .. } => {
                    self.epoch = generation;
                    self.target_epoch = generation;
                }
                CoordinatorFact::GroupState {
                    to: GroupState::Empty,
                    ..
                } => {
                    // It may be a new one when somebody comes.
                    self.epoch = 0;
                    self.target_epoch = 0;
                }
                _ => {}
            }
        }
        self.judge_owners();
    }

    /// Nobody who is a member at its epoch uses what another one does.
    fn judge_owners(&self) {
        let mut owners: BTreeMap<TopicPartition, &str> = BTreeMap::new();
        for client in &self.clients {
            if !client.believes_rightly(&self.group) {
                continue; // A zombie, until it hears of it.
            }
            for &partition in client.owned.difference(&client.outdated) {
                if let Some(other) = owners.insert(partition, &client.id) {
                    panic!("{other} and {} use {partition:?}", client.id);
                }
            }
        }
    }

    fn judge_target(&self, shares: Vec<(rebsim::assignor::MemberId, Partitions)>) {
        let given: BTreeSet<TopicPartition> = shares
            .iter()
            .flat_map(|(_, share)| share.iter().copied())
            .collect();
        let lengths: Vec<usize> = shares.iter().map(|(_, share)| share.len()).collect();
        assert_eq!(
            given.len(),
            lengths.iter().sum::<usize>(),
            "each given once"
        );
        if self.alike {
            let whole = (self.partitions.0 + self.partitions.1) as usize;
            assert_eq!(given.len(), whole, "all given");
            let (least, most) = (lengths.iter().min(), lengths.iter().max());
            assert!(
                most.zip(least)
                    .is_some_and(|(most, least)| most - least <= 1),
                "{lengths:?}"
            );
        }
    }

    /// Everybody does its part until nothing moves any more.
    fn settle(&mut self) {
        self.observed_at = self.group.now;
        let mut quiet = 0;
        for _ in 0..400 {
            let facts = self.observed;
            let mut who = 0;
            while who < self.clients.len() {
                self.group.wait(200);
                self.clients[who].behave(&mut self.group);
                self.look();
                who += 1;
            }
            if self.clients.is_empty() {
                self.group.wait(60_000);
            }
            quiet = if facts == self.observed { quiet + 1 } else { 0 };
            // Longer than any session, so that nobody lingers who is gone.
            if quiet > 20 && self.quiet_since() > crate::group::ms(70_000) {
                break;
            }
        }
    }

    /// A consumer group of which all members speak the classic protocol, all of them where the last target wants them, while the group's epoch has gone on because
    /// somebody went. Nobody computes the new target (4.3, 4.4): `GroupMetadataManager.maybeUpdateTargetAssignment` is called by `consumerGroupHeartbeat` and
    /// `classicGroupJoinToConsumerGroup` alone, and `classicGroupHeartbeatToConsumerGroup` calls a member to join only when its epoch is below the target's
    /// (`assignmentEpoch()`, KAFKA-20272), not the group's. The next who joins ends it. There is such a group only where it may not become a classic one
    /// (`validateOnlineDowngradeWithFencedMembers`).
    fn waits_for_a_join(&self) -> bool {
        let rests = |client: &&Client| client.is_in() && client.is_classic();
        self.classic_follow_target
            && !self.downgrades
            && self.group.coordinator.is_consumer()
            && self.group.state() == GroupState::Assigning
            && self.group.coordinator.awaited().is_empty()
            && self
                .clients
                .iter()
                .filter(rests)
                .all(|client| client.believes_rightly(&self.group))
    }

    fn quiet_since(&self) -> SimDuration {
        self.group.now.since(self.observed_at)
    }

    fn judge_rest(&self) {
        let members: Vec<&Client> = self
            .clients
            .iter()
            .filter(|client| client.is_in())
            .collect();
        if members.is_empty() {
            return;
        }
        let all_classic = members.iter().all(|client| client.is_classic());
        if self.waits_for_a_join() && all_classic {
            return;
        }
        assert_eq!(self.group.state(), GroupState::Stable);
        let mut subscribed: BTreeSet<TopicPartition> = BTreeSet::new();
        for client in &members {
            assert!(client.believes_rightly(&self.group), "{}", client.id);
            assert!(client.outdated.is_empty(), "{}", client.id);
            for &topic in &client.topics {
                let count = if topic == 0 {
                    self.partitions.0
                } else {
                    self.partitions.1
                };
                subscribed.extend((0..count).map(|partition| TopicPartition {
                    topic: TopicId(topic),
                    partition,
                }));
            }
        }
        let owned: BTreeSet<TopicPartition> = members
            .iter()
            .flat_map(|client| client.owned.iter().copied())
            .collect();
        if self.group.coordinator.is_consumer() {
            assert_eq!(owned, subscribed, "somebody reads every partition");
        } else {
            // These leaders do not watch the topics: what has grown waits for the next rebalance.
            assert!(!owned.is_empty() && owned.is_subset(&subscribed));
        }
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// `REBSIM_CASES` says how many, `REBSIM_FIRST` where to begin; all that fail are named.
#[test]
fn whatever_happens_no_partition_is_with_two_and_the_group_comes_to_rest() {
    let first = number("REBSIM_FIRST", 0);
    let mut failed = Vec::new();
    for seed in first..first + number("REBSIM_CASES", SEEDS) {
        let result = std::panic::catch_unwind(|| {
            let mut script = Script::new(seed);
            for _ in 0..STEPS {
                script.step();
            }
            script.settle();
            script.judge_rest();
        });
        if result.is_err() {
            failed.push(seed);
        }
    }
    assert!(failed.is_empty(), "seeds {failed:?}");
}
