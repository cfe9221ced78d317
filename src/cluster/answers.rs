//! What a client finds at its sockets, and what it does with each of them.

use std::sync::Arc;

use super::client::Client;
use super::ground::Ground;
use crate::assignor::TopicPartition;
use crate::protocol::effect::CommitPurpose;
use crate::protocol::message::{ErrorCode, Response};

/// The committed offset of each partition asked for, where there is one.
pub(super) type CommittedOffsets = Arc<[(TopicPartition, Option<u64>)]>;

/// An answer at the client's socket.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Group(Response),
    Commit(CommitPurpose, ErrorCode),
    Offsets(CommittedOffsets),
    /// Those of these partitions were not given.
    OffsetsRefused(Vec<TopicPartition>, ErrorCode),
    /// The broker that coordinates the group, if one does.
    Coordinator(Option<u32>),
    /// The connection to the coordinator broke.
    Disconnected,
}

impl Client {
    /// Handles the answers at the socket.
    pub(super) fn drain(&mut self, ground: &mut Ground<'_>) {
        if self.inbox.is_empty() {
            return self.time_out(ground);
        }
        let was_heartbeating = self.member.is_heartbeating();
        let mut inbox = std::mem::take(&mut self.inbox);
        for answer in inbox.drain(..) {
            let mut effects = std::mem::take(&mut self.effects);
            match answer {
                Answer::Group(response) => {
                    let at = &self.fetcher;
                    self.member
                        .on_response(ground.now, response, at, &mut effects);
                }
                Answer::Commit(purpose, error) => {
                    let at = &self.fetcher;
                    self.member
                        .on_commit(ground.now, purpose, error, at, &mut effects);
                }
                Answer::Offsets(offsets) => self.on_offsets(&offsets, ground),
                Answer::OffsetsRefused(partitions, error) => {
                    self.on_offsets_refused(&partitions, error, &mut effects, ground);
                }
                Answer::Coordinator(found) => {
                    if let Some(broker) = found {
                        self.reconnects.find(broker);
                    }
                    let connects =
                        self.member.modern().is_some() || self.reconnects.reach(ground.now);
                    let (at, is_found) = (&self.fetcher, found.is_some() && connects);
                    self.member
                        .on_coordinator(ground.now, is_found, at, &mut effects);
                    let age = ground.spec.config.metadata_max_age;
                    self.metadata.begin(ground.now, age); // The first came just before.
                    let waits = self.member.modern().is_none() && self.handles_answers();
                    if waits && found.is_none() {
                        self.doubt_metadata(ground); // `ensureCoordinatorReady`
                    }
                }
                Answer::Disconnected => {
                    self.doubt_metadata(ground);
                    // The background thread hears of it from those who wait for an answer.
                    if self.member.modern().is_none() || self.requests.await_coordinator() {
                        let at = &self.fetcher;
                        self.member.on_disconnected(ground.now, at, &mut effects);
                    }
                    self.hang_up(ground);
                }
            }
            self.apply(effects, ground);
        }
        self.time_out(ground);
        self.end_close(ground.now);
        debug_assert!(self.inbox.is_empty(), "answers come from outside");
        self.inbox = inbox; // Its room is used again.
        if !was_heartbeating && self.member.is_heartbeating() {
            self.heartbeat_pass = ground.now;
        }
    }
}
