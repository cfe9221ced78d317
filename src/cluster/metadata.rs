//! What a client knows of topics and brokers, how old that is, and when it asks anew (`Metadata`, `NetworkClient.DefaultMetadataUpdater`).
//!
//! Whoever looks at the network takes metadata in that have come, and asks for them when they are due: because of their age, because a connection broke, or because the
//! membership wants them. A leader that lacks a topic of its group asks by itself (`leader`).

use super::client::Client;
use super::ground::{Ground, Topology};
use crate::assignor::TopicId;
use crate::kernel::{SimDuration, SimTime};
use crate::protocol::config::SubscribedBy;
use crate::protocol::effect::MemberEffect;

/// See the module.
#[derive(Debug)]
pub(super) struct Metadata {
    /// Topics that it knows, with their partitions as of then.
    topics: Vec<(TopicId, u32)>,
    /// When metadata came last.
    came: SimTime,
    /// They are asked for then; never: none have come yet.
    due: SimTime,
    /// They have been asked for and come then.
    answer: Option<SimTime>,
}

impl Metadata {
    /// Of `topics`, before anything was heard of a broker.
    pub(super) fn of(topics: &[TopicId], topology: &Topology) -> Self {
        let mut metadata = Self {
            topics: Vec::new(),
            came: SimTime::ZERO,
            due: SimTime::NEVER,
            answer: None,
        };
        metadata.learn(topics, topology);
        metadata
    }

    /// Metadata of all topics that it knows and of `topics` come.
    pub(super) fn learn(&mut self, topics: &[TopicId], topology: &Topology) {
        for &topic in topics {
            if self.partitions_of(topic).is_none() {
                self.topics.push((topic, 0));
            }
        }
        for (topic, partitions) in &mut self.topics {
            *partitions = topology.partitions_of(*topic);
        }
    }

    /// Partitions of `topic`, as far as it knows.
    pub(super) fn partitions_of(&self, topic: TopicId) -> Option<u32> {
        let mut known = self.topics.iter();
        known
            .find(|(known, _)| *known == topic)
            .map(|&(_, partitions)| partitions)
    }

    /// When those come that it has asked for.
    pub(super) fn answer(&self) -> Option<SimTime> {
        self.answer
    }

    pub(super) fn is_awaited(&self) -> bool {
        self.answer.is_some()
    }

    /// When the next come, or are to be asked for.
    pub(super) fn next(&self) -> SimTime {
        self.answer.unwrap_or(self.due)
    }

    fn have_come(&self, now: SimTime) -> bool {
        self.answer.is_some_and(|at| at <= now)
    }

    /// They come now and are good for `age`.
    fn take_in(&mut self, now: SimTime, age: SimDuration) {
        self.answer = None;
        self.came = now;
        self.due = now + age;
    }

    /// The client hears of a broker: with its first answer, or from the start, it has metadata.
    pub(super) fn begin(&mut self, now: SimTime, age: SimDuration) {
        if self.due == SimTime::NEVER {
            self.came = now;
            self.due = now + age;
        }
    }

    /// `Metadata.requestUpdate`
    pub(super) fn request_update(&mut self, now: SimTime) {
        self.due = now;
    }

    /// Refreshes passed that changed nothing; the next is due at `due`.
    pub(super) fn refreshes_passed(&mut self, due: SimTime) {
        self.due = due;
    }
}

impl Client {
    /// A look at the network takes metadata in that have come, or asks for them when they are due; true when it did either.
    pub(super) fn refresh_metadata(
        &mut self,
        ground: &mut Ground<'_>,
        effects: &mut Vec<MemberEffect>,
    ) -> bool {
        if !self.metadata.have_come(ground.now) {
            return self.ask_metadata(ground);
        }
        let mut age = ground.spec.config.metadata_max_age;
        if self.member.modern().is_none() {
            // The age counts from when the answer has been taken in, a little after the `poll()` that found it began.
            age += ground.calibration.request_service;
        }
        self.metadata.take_in(ground.now, age);
        let topology = ground.topology;
        self.metadata.learn(&[], topology);
        self.member
            .on_metadata(&|topic| topology.partitions_of(topic), effects);
        true
    }

    /// Asks for metadata that are due for a refresh; true when it did.
    pub(super) fn ask_metadata(&mut self, ground: &mut Ground<'_>) -> bool {
        let asks = !self.metadata.is_awaited() && self.metadata.due <= ground.now;
        if asks {
            self.metadata.answer = Some(self.fetcher.metadata_answer(ground));
        }
        asks
    }

    /// A pattern is looked for in fresh metadata before every (re)join, so that new topics bring about one rebalance and not one for each member
    /// (`ConsumerCoordinator.poll`, KAFKA-5154).
    fn refreshes_before_join(&self, ground: &Ground<'_>) -> bool {
        matches!(ground.spec.config.subscribed_by, SubscribedBy::Pattern)
            && self.member.is_rejoining()
            && self.member.knows_coordinator()
    }

    /// True while such metadata are on their way: who waits for them does not join meanwhile.
    pub(super) fn joins_behind_metadata(&self, ground: &Ground<'_>) -> bool {
        self.metadata.is_awaited() && self.refreshes_before_join(ground)
    }

    /// True while it waits for such metadata (`ensureFreshMetadata`), which it asks for here. They are fresh for `retry.backoff.ms`.
    pub(super) fn awaits_metadata(&mut self, ground: &mut Ground<'_>) -> bool {
        if !self.refreshes_before_join(ground) {
            return false;
        }
        if self.metadata.have_come(ground.now) {
            let mut effects = std::mem::take(&mut self.effects);
            self.refresh_metadata(ground, &mut effects);
            self.apply(effects, ground);
            return false;
        }
        let fresh_until = self.metadata.came + ground.spec.config.retry_backoff;
        if !self.metadata.is_awaited() && fresh_until <= ground.now {
            self.metadata.request_update(ground.now);
            self.ask_metadata(ground);
        }
        self.metadata.is_awaited()
    }

    /// A connection broke, maybe because what is known of the brokers holds no longer: metadata are asked for, `retry.backoff.ms` after the last at the earliest
    /// (`DefaultMetadataUpdater.handleServerDisconnect`, `Metadata.timeToAllowUpdate`). Who closes a connection by itself has no doubts.
    pub(super) fn doubt_metadata(&mut self, ground: &Ground<'_>) {
        let allowed = self.metadata.came + ground.spec.config.retry_backoff;
        self.metadata.due = self.metadata.due.min(allowed.max(ground.now));
    }
}
