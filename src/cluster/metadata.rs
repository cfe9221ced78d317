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
    /// Topics that it knows, in order, with their partitions as of then.
    topics: Vec<(TopicId, u32)>,
    /// When metadata came last.
    came: SimTime,
    /// They are asked for then; never: none have come yet.
    due: SimTime,
    /// Those that have been asked for.
    asked: Option<Asked>,
    /// They came, and the application has not looked since.
    unseen: bool,
}

/// A request for metadata on its way.
#[derive(Debug)]
struct Asked {
    topics: Vec<TopicId>,
    comes: SimTime,
}

impl Metadata {
    /// Of `topics`, before anything was heard of a broker.
    pub(super) fn of(topics: &[TopicId], topology: &Topology) -> Self {
        let mut metadata = Self {
            topics: Vec::new(),
            came: SimTime::ZERO,
            due: SimTime::NEVER,
            asked: None,
            unseen: true,
        };
        metadata.learn(topics, SimTime::NEVER, topology);
        metadata
    }

    /// It knows of `topics` as they were at `at`, and of no others any more (`Metadata.retainTopic`).
    fn learn(&mut self, topics: &[TopicId], at: SimTime, topology: &Topology) {
        let known = |&topic: &TopicId| (topic, topology.partitions_at(topic, at));
        self.topics.clear();
        self.topics.extend(topics.iter().map(known));
        self.topics.sort_unstable();
    }

    /// What it knows: topics in order, with their partitions.
    pub(super) fn topics(&self) -> &[(TopicId, u32)] {
        &self.topics
    }

    fn knows(&self, topics: &[TopicId]) -> bool {
        let known = |topic: &TopicId| self.topics.iter().any(|(known, _)| known == topic);
        self.topics.len() == topics.len() && topics.iter().all(known)
    }

    pub(super) fn is_awaited(&self) -> bool {
        self.asked.is_some()
    }

    /// The application has not looked at what came last.
    pub(super) fn is_unseen(&self) -> bool {
        self.unseen
    }

    /// When the next come, or are to be asked for.
    pub(super) fn next(&self) -> SimTime {
        self.asked.as_ref().map_or(self.due, |asked| asked.comes)
    }

    fn have_come(&self, now: SimTime) -> bool {
        self.asked.as_ref().is_some_and(|asked| asked.comes <= now)
    }

    /// Those that were asked for come at `at` and are good for `age`. They say what there was when they were answered, of topics that were wanted then and are now.
    fn take_in(&mut self, at: SimTime, age: SimDuration, wanted: &[TopicId], topology: &Topology) {
        let Some(Asked { mut topics, comes }) = self.asked.take() else {
            return;
        };
        topics.retain(|topic| wanted.contains(topic));
        self.came = at;
        self.due = at + age;
        self.learn(&topics, comes, topology);
        self.unseen = true;
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
    pub(super) fn refresh_metadata(&mut self, ground: &mut Ground<'_>) -> bool {
        if !self.metadata.have_come(ground.now) {
            return self.ask_metadata(ground);
        }
        self.take_metadata_in(ground.now, ground);
        true
    }

    /// The application looks at metadata that came since it did last: of those, what it wants to know of at this instant is what its member goes by
    /// (`ConsumerCoordinator.maybeUpdateSubscriptionMetadata`).
    pub(super) fn look_at_metadata(&mut self, effects: &mut Vec<MemberEffect>) {
        if std::mem::take(&mut self.metadata.unseen) {
            let wanted = self.member.metadata_topics();
            let known = self.metadata.topics.iter().copied();
            let snapshot = known.filter(|(topic, _)| wanted.contains(topic)).collect();
            self.member.on_metadata(snapshot, effects);
        }
    }

    fn take_metadata_in(&mut self, at: SimTime, ground: &Ground<'_>) {
        let mut age = ground.spec.config.metadata_max_age;
        if self.member.modern().is_none() {
            // The age counts from when the answer has been taken in, a little after the `poll()` that found it began.
            age += ground.calibration.request_service;
        }
        let topics = self.member.metadata_topics();
        self.metadata.take_in(at, age, topics, ground.topology);
    }

    /// It leads a group of these `topics`, and watches them from now on. Before it assigns it waits for metadata that are due or on their way, and for new ones always
    /// where its group has topics that it has not subscribed to itself (`updateGroupSubscription`, `ensureFreshMetadata`). Those that were on their way were asked for before: what it lacks then
    /// comes after it has assigned, and has it rejoin. Returns when it knows what `Metadata::topics` says, and has looked at that.
    pub(super) fn lead_topics(&mut self, topics: Vec<TopicId>, ground: &mut Ground<'_>) -> SimTime {
        // The look at the network that found JoinGroup's answer had asked for what was due.
        self.ask_metadata(ground);
        let own = self.member.metadata_topics();
        let lacks = topics.iter().any(|topic| !own.contains(topic));
        self.member.on_elected(topics);
        let was_asked = self.metadata.is_awaited();
        if lacks && !was_asked {
            self.metadata.request_update(ground.now);
            self.ask_metadata(ground);
        }
        let mut at = ground.now;
        if let Some(asked) = &self.metadata.asked {
            at = asked.comes;
            self.take_metadata_in(at, ground);
            if lacks && was_asked {
                self.metadata.request_update(at);
            }
        }
        let mut effects = std::mem::take(&mut self.effects);
        self.look_at_metadata(&mut effects);
        self.apply(effects, ground);
        at
    }

    /// It knows of the topics of which it wants to know, and of no others.
    pub(super) fn knows_its_topics(&self) -> bool {
        self.metadata.knows(self.member.metadata_topics())
    }

    /// Asks for metadata that are due for a refresh; true when it did.
    pub(super) fn ask_metadata(&mut self, ground: &mut Ground<'_>) -> bool {
        let asks = !self.metadata.is_awaited() && self.metadata.due <= ground.now;
        if asks {
            self.metadata.asked = Some(Asked {
                topics: self.member.metadata_topics().to_vec(),
                comes: self.fetcher.metadata_answer(ground),
            });
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
            self.refresh_metadata(ground);
            self.look_at_metadata(&mut effects);
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
