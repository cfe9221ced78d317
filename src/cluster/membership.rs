//! A client's membership in its group, whichever protocol it speaks: one name for what both machines can be asked.
//!
//! A member of the consumer protocol leads nobody, joins no generation and has no heartbeat thread of its own: what only a classic member can be told is
//! nothing to it.

use std::sync::Arc;

use super::fetch::Fetcher;
use crate::assignor::{MemberId, TopicId, TopicPartition};
use crate::kernel::{SimDuration, SimTime};
use crate::protocol::backoff::{Backoff, Jitter};
use crate::protocol::config::ConsumerConfig;
use crate::protocol::effect::{CommitPurpose, MemberEffect};
use crate::protocol::message::{ErrorCode, Response};
use crate::protocol::{classic, consumer};
use crate::timeline::{ClientState, Partitions};

/// See the module.
#[derive(Debug)]
pub(super) enum Membership {
    /// `ClassicKafkaConsumer`
    Classic(Box<classic::Member>),
    /// `AsyncKafkaConsumer`
    Consumer(Box<consumer::Member>),
}

impl Membership {
    /// The machine of the consumer protocol, if that is what the client speaks.
    pub(super) fn modern(&self) -> Option<&consumer::Member> {
        match self {
            Self::Classic(_) => None,
            Self::Consumer(member) => Some(member),
        }
    }

    pub(super) fn member_id(&self) -> &MemberId {
        match self {
            Self::Classic(member) => member.member_id(),
            Self::Consumer(member) => member.member_id(),
        }
    }

    /// Generation or member epoch.
    pub(super) fn generation(&self) -> i32 {
        match self {
            Self::Classic(member) => member.generation(),
            Self::Consumer(member) => member.epoch(),
        }
    }

    pub(super) fn owned(&self) -> &Partitions {
        match self {
            Self::Classic(member) => member.owned(),
            Self::Consumer(member) => member.owned(),
        }
    }

    /// In the group, as far as it knows.
    pub(super) fn is_joined(&self) -> bool {
        match self {
            Self::Classic(member) => member.state() == classic::member::MemberState::Stable,
            Self::Consumer(member) => match member.state() {
                ClientState::Stable | ClientState::Reconciling | ClientState::Acknowledging => true,
                ClientState::Unsubscribed
                | ClientState::Joining
                | ClientState::Fenced
                | ClientState::PrepareLeaving
                | ClientState::Leaving
                | ClientState::Stale
                | ClientState::Fatal => false,
            },
        }
    }

    /// How often it is to heartbeat: as the coordinator has said, or as its own settings say.
    pub(super) fn heartbeat_interval(&self, config: &ConsumerConfig) -> SimDuration {
        self.modern()
            .and_then(consumer::Member::heartbeat_interval)
            .unwrap_or(config.heartbeat_interval)
    }

    /// The last heartbeat was sent, and answered, that long before `now` (steady start).
    pub(super) fn last_heartbeat(&mut self, now: SimTime, before: SimDuration) {
        match self {
            Self::Classic(member) => member.last_heartbeat(now, before),
            Self::Consumer(member) => member.last_heartbeat(now, before),
        }
    }

    pub(super) fn is_rejoining(&self) -> bool {
        match self {
            Self::Classic(member) => member.is_rejoining(),
            Self::Consumer(member) => !member.is_settled(),
        }
    }

    pub(super) fn knows_coordinator(&self) -> bool {
        match self {
            Self::Classic(member) => member.knows_coordinator(),
            Self::Consumer(member) => member.knows_coordinator(),
        }
    }

    /// The heartbeat thread runs.
    pub(super) fn is_heartbeating(&self) -> bool {
        match self {
            Self::Classic(member) => member.is_heartbeating(),
            Self::Consumer(_) => false,
        }
    }

    /// When it next does something for its membership without being asked.
    pub(super) fn heartbeat_due(&self) -> SimTime {
        match self {
            Self::Classic(member) => member.heartbeat_due(),
            Self::Consumer(member) => member.wake_due(),
        }
    }

    /// When a pass of the heartbeat thread next has something to do.
    pub(super) fn pass_due(&self) -> SimTime {
        match self {
            Self::Classic(member) => member.pass_due(),
            Self::Consumer(member) => member.wake_due(),
        }
    }

    /// When the heartbeat thread gives the coordinator up.
    pub(super) fn session_deadline(&self) -> SimTime {
        match self {
            Self::Classic(member) => member.session_deadline(),
            Self::Consumer(_) => SimTime::NEVER,
        }
    }

    /// When the poll interval is exceeded; the heartbeat thread or the background thread sees it when it next looks.
    pub(super) fn poll_deadline(&self) -> SimTime {
        match self {
            Self::Classic(member) => member.poll_deadline(),
            Self::Consumer(member) => member.poll_deadline(),
        }
    }

    /// Heartbeats passed that changed nothing: see the machines.
    pub(super) fn heartbeats_passed(&mut self, due: SimTime, answered: Option<SimTime>) {
        match self {
            Self::Classic(member) => member.heartbeats_passed(due, answered),
            Self::Consumer(member) => member.heartbeats_passed(due),
        }
    }

    /// Automatic commits passed; the next is due at `due`.
    pub(super) fn commits_passed(&mut self, due: SimTime) {
        match self {
            Self::Classic(member) => member.commits_passed(due),
            Self::Consumer(member) => member.commits_passed(due),
        }
    }

    pub(super) fn poll_due(&self) -> SimTime {
        match self {
            Self::Classic(member) => member.poll_due(),
            Self::Consumer(member) => member.poll_due(),
        }
    }

    /// Waits before retries are longer or shorter by these factors from now on.
    pub(super) fn wait_by(&mut self, jitter: Jitter) {
        match self {
            Self::Classic(member) => member.wait_by(jitter),
            Self::Consumer(member) => member.wait_by(jitter),
        }
    }

    /// The application calls `poll()`.
    pub(super) fn on_call(&mut self) {
        match self {
            Self::Classic(member) => member.on_call(),
            Self::Consumer(_) => {}
        }
    }

    pub(super) fn on_poll_started(&mut self, now: SimTime) {
        match self {
            Self::Classic(member) => member.on_poll_started(now),
            Self::Consumer(_) => {}
        }
    }

    pub(super) fn on_poll(&mut self, now: SimTime, at: &Fetcher, out: &mut Vec<MemberEffect>) {
        match self {
            Self::Classic(member) => member.on_poll(now, at, out),
            Self::Consumer(member) => member.on_poll(now, at, out),
        }
    }

    /// A pass of the heartbeat thread, a round of the background thread.
    pub(super) fn on_pass(&mut self, now: SimTime, at: &Fetcher, out: &mut Vec<MemberEffect>) {
        match self {
            Self::Classic(member) => member.on_pass(now, out),
            Self::Consumer(member) => member.on_wake(now, at, out),
        }
    }

    pub(super) fn on_response(
        &mut self,
        now: SimTime,
        response: Response,
        at: &Fetcher,
        out: &mut Vec<MemberEffect>,
    ) {
        match self {
            Self::Classic(member) => member.on_response(now, response, out),
            Self::Consumer(member) => member.on_response(now, response, at, out),
        }
    }

    pub(super) fn on_commit(
        &mut self,
        now: SimTime,
        purpose: CommitPurpose,
        error: ErrorCode,
        at: &Fetcher,
        out: &mut Vec<MemberEffect>,
    ) {
        match self {
            Self::Classic(member) => member.on_commit(now, purpose, error, out),
            Self::Consumer(member) => member.on_commit(now, purpose, error, at, out),
        }
    }

    /// An OffsetFetch was refused, once more after so many: how long to wait before the next, if there is to be one.
    pub(super) fn on_offsets_refused(
        &mut self,
        now: SimTime,
        error: ErrorCode,
        failures: &mut Backoff,
        at: &Fetcher,
        out: &mut Vec<MemberEffect>,
    ) -> Option<SimDuration> {
        match self {
            Self::Classic(member) => Some(member.on_offsets_refused(now, error, failures)),
            Self::Consumer(member) => member.on_offsets_refused(now, error, failures, at, out),
        }
    }

    /// An OffsetFetch was lost with its connection, once more after so many: how long to wait before the next, if it is repeated by itself.
    pub(super) fn on_offsets_lost(&mut self, failures: &mut Backoff) -> Option<SimDuration> {
        match self {
            Self::Classic(_) => None,
            Self::Consumer(member) => Some(member.on_offsets_lost(failures)),
        }
    }

    pub(super) fn on_coordinator(
        &mut self,
        now: SimTime,
        found: bool,
        at: &Fetcher,
        out: &mut Vec<MemberEffect>,
    ) {
        match self {
            Self::Classic(member) => member.on_coordinator(now, found, out),
            Self::Consumer(member) => member.on_coordinator(now, found, at, out),
        }
    }

    pub(super) fn on_disconnected(
        &mut self,
        now: SimTime,
        at: &Fetcher,
        out: &mut Vec<MemberEffect>,
    ) {
        match self {
            Self::Classic(member) => member.on_disconnected(now, out),
            Self::Consumer(member) => member.on_disconnected(now, at, out),
        }
    }

    pub(super) fn on_callback_done(
        &mut self,
        now: SimTime,
        at: &Fetcher,
        out: &mut Vec<MemberEffect>,
    ) {
        match self {
            Self::Classic(member) => member.on_callback_done(now, out),
            Self::Consumer(member) => member.on_callback_done(now, at, out),
        }
    }

    /// The topics of which it wants metadata.
    pub(super) fn metadata_topics(&self) -> &[TopicId] {
        match self {
            Self::Classic(member) => member.metadata_topics(),
            Self::Consumer(member) => member.topics(),
        }
    }

    pub(super) fn on_elected(&mut self, topics: Vec<TopicId>) {
        match self {
            Self::Classic(member) => member.on_elected(topics),
            Self::Consumer(_) => {}
        }
    }

    pub(super) fn on_metadata(&mut self, known: Vec<(TopicId, u32)>, out: &mut Vec<MemberEffect>) {
        match self {
            Self::Classic(member) => member.on_metadata(known, out),
            Self::Consumer(member) => member.on_metadata(),
        }
    }

    pub(super) fn on_assigned_by_leader(
        &mut self,
        assignments: Vec<(MemberId, Partitions)>,
        out: &mut Vec<MemberEffect>,
    ) {
        match self {
            Self::Classic(member) => member.on_assigned_by_leader(assignments, out),
            Self::Consumer(_) => {}
        }
    }

    pub(super) fn on_watching(&mut self) {
        match self {
            Self::Classic(member) => member.on_watching(),
            Self::Consumer(_) => {}
        }
    }

    pub(super) fn close(
        &mut self,
        now: SimTime,
        deadline: SimTime,
        at: &Fetcher,
        out: &mut Vec<MemberEffect>,
    ) {
        match self {
            Self::Classic(member) => member.close(now, deadline, at, out),
            Self::Consumer(member) => member.close(now, deadline, at, out),
        }
    }

    pub(super) fn commit_sync(
        &mut self,
        now: SimTime,
        offsets: Arc<[(TopicPartition, u64)]>,
        at: &Fetcher,
        out: &mut Vec<MemberEffect>,
    ) {
        match self {
            Self::Classic(member) => member.commit_sync(now, offsets, out),
            Self::Consumer(member) => member.commit_sync(now, offsets, at, out),
        }
    }

    pub(super) fn commit_async(
        &mut self,
        now: SimTime,
        offsets: Arc<[(TopicPartition, u64)]>,
        at: &Fetcher,
        out: &mut Vec<MemberEffect>,
    ) {
        match self {
            Self::Classic(member) => member.commit_async(now, offsets, out),
            Self::Consumer(member) => member.commit_async(now, offsets, at, out),
        }
    }

    /// When `commitSync` goes on by itself on the application's thread; in the consumer protocol the background thread sees to it.
    pub(super) fn commit_due(&self) -> SimTime {
        match self {
            Self::Classic(member) => member.commit_due(),
            Self::Consumer(_) => SimTime::NEVER,
        }
    }

    pub(super) fn on_commit_due(
        &mut self,
        now: SimTime,
        at: &Fetcher,
        out: &mut Vec<MemberEffect>,
    ) {
        match self {
            Self::Classic(member) => member.on_commit_due(now, out),
            Self::Consumer(member) => member.on_wake(now, at, out),
        }
    }
}
