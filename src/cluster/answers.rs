//! What a client finds at its sockets, and what it does with each of them.

use std::sync::Arc;

use super::client::Client;
use super::ground::Ground;
use crate::assignor::TopicPartition;
use crate::kernel::SimTime;
use crate::protocol::effect::CommitPurpose;
use crate::protocol::message::{ErrorCode, Response};

/// An answer at the client's socket.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Group(Response),
    Commit(CommitPurpose, ErrorCode),
    Offsets(Arc<[(TopicPartition, Option<u64>)]>),
    /// Whether the coordinator was found.
    Coordinator(bool),
    /// The connection to the coordinator broke.
    Disconnected,
}

impl Client {
    /// Handles the answers at the socket.
    pub(super) fn drain(&mut self, ground: &mut Ground<'_>) {
        let was_heartbeating = self.member.is_heartbeating();
        if self.inbox.is_empty() {
            return;
        }
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
                Answer::Offsets(offsets) => {
                    let later = self.member.modern().is_some();
                    self.fetcher.on_committed(&offsets, later, ground);
                    if later {
                        self.on_positions(ground);
                    }
                }
                Answer::Coordinator(found) => {
                    let at = &self.fetcher;
                    self.member
                        .on_coordinator(ground.now, found, at, &mut effects);
                    if self.metadata_due == SimTime::NEVER {
                        // The first metadata came just before.
                        self.metadata_at = ground.now;
                        self.metadata_due = ground.now + ground.spec.config.metadata_max_age;
                    }
                }
                Answer::Disconnected => {
                    self.fetcher.on_disconnected();
                    let at = &self.fetcher;
                    self.member.on_disconnected(ground.now, at, &mut effects);
                }
            }
            self.apply(effects, ground);
        }
        self.end_close(ground.now);
        debug_assert!(self.inbox.is_empty(), "answers come from outside");
        self.inbox = inbox; // Its room is used again.
        if !was_heartbeating && self.member.is_heartbeating() {
            self.heartbeat_pass = ground.now;
        }
    }
}
