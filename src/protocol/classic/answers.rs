//! What the member does with answers of the coordinator (`JoinGroupResponseHandler`, `SyncGroupResponseHandler`,
//! `HeartbeatResponseHandler`), and with its being found or lost. Those to commits are in [`super::commit`].

use super::member::{Closing, Member, MemberState};
use super::rejoin::{Attempt, Prepare};
use crate::kernel::SimTime;
use crate::protocol::effect::MemberEffect;
use crate::protocol::message::{ErrorCode, JoinCause, JoinGroupResponse, Response, elsewhere};
use crate::protocol::rules::Rule;
use crate::timeline::{Observation, Partitions};

impl Member {
    /// An answer was handled. Commits have their own [`Member::on_commit`].
    pub fn on_response(&mut self, now: SimTime, response: Response, out: &mut Vec<MemberEffect>) {
        if self.closing == Closing::Done {
            return; // `close()` waits for the answers, and does nothing with them.
        }
        match response {
            Response::JoinGroup(response) => self.on_join(now, response, out),
            Response::SyncGroup(result) => self.on_sync(now, result, out),
            Response::Heartbeat(error) => self.on_heartbeat(now, error, out),
            // Best effort: nobody waits for it. Commits come with their purpose.
            // The other protocol's answer comes to nobody who speaks this one.
            Response::LeaveGroup(_)
            | Response::OffsetCommit(_)
            | Response::ConsumerGroupHeartbeat(_) => {}
        }
    }

    /// The coordinator was found, or not.
    pub fn on_coordinator(&mut self, now: SimTime, found: bool, out: &mut Vec<MemberEffect>) {
        self.lookup_in_flight = false;
        self.coordinator_known = found;
        self.retry_at = if found {
            self.lookups.succeed();
            now
        } else {
            now + self.lookups.fail(&self.config, &mut self.jitter)
        };
        if found {
            // `FindCoordinatorResponseHandler`: it has as long as a session to answer a heartbeat.
            self.session_deadline = now + self.config.session_timeout;
        }
        self.commit_after_lookup(now, out);
    }

    /// The connection to the coordinator broke: what was in flight has failed.
    pub fn on_disconnected(&mut self, now: SimTime, out: &mut Vec<MemberEffect>) {
        self.lose_coordinator(now);
        self.lose_commits(now, out);
        if let Prepare::Committing { deadline, .. } = self.prepare {
            self.prepare = Prepare::Committing {
                deadline,
                in_flight: false,
            };
        }
        if matches!(self.attempt, Attempt::Joining | Attempt::Syncing) {
            self.attempt = Attempt::None;
            // The generation stands (`resetStateAndGeneration` is not called): the known id rejoins.
            self.rejoin = Some(JoinCause::Error);
        }
        self.fail_heartbeats(now);
        self.search_due = now;
    }

    /// It is a member of the generation now: the leader assigns, or watches where it need not (KIP-814), and everybody syncs (`onLeaderElected`, `onJoinFollower`).
    fn on_joined(
        &mut self,
        now: SimTime,
        response: JoinGroupResponse,
        out: &mut Vec<MemberEffect>,
    ) {
        self.state = MemberState::CompletingRebalance;
        self.member_id = response.member_id;
        self.generation = response.generation;
        self.assignor = response.assignor;
        self.rejoin = None;
        self.heartbeat_enabled = true;
        self.reset_timeouts(now);
        out.push(MemberEffect::Observe(Observation::Joined {
            consumer: self.consumer,
            generation: self.generation,
        }));
        self.attempt = Attempt::Syncing;
        let leads = response.leader == self.member_id;
        if leads {
            // What it knows by the time at which it assigns, or need not, takes its place (`onLeaderElected`).
            self.leader_snapshot = None;
        }
        match response.assignor {
            Some(assignor) if leads && !response.skip_assignment => {
                out.push(MemberEffect::Assign(assignor, response.members));
            }
            Some(_) if leads => {
                out.push(MemberEffect::WatchMetadata(response.members));
                self.send_sync(Vec::new(), out);
            }
            Some(_) | None => self.send_sync(Vec::new(), out),
        }
    }

    fn on_join(&mut self, now: SimTime, response: JoinGroupResponse, out: &mut Vec<MemberEffect>) {
        if self.attempt != Attempt::Joining {
            return;
        }
        match response.error {
            ErrorCode::None => self.on_joined(now, response, out),
            ErrorCode::MemberIdRequired => {
                self.member_id = response.member_id;
                self.state = MemberState::Unjoined;
                self.retry(
                    now,
                    JoinCause::New,
                    "need to re-join with the given member-id",
                    out,
                );
            }
            ErrorCode::UnknownMemberId => {
                self.reset_membership(true);
                self.retry(
                    now,
                    JoinCause::Error,
                    "encountered UNKNOWN_MEMBER_ID from JoinGroup response",
                    out,
                );
            }
            ErrorCode::IllegalGeneration => {
                self.reset_membership(false);
                self.retry(
                    now,
                    JoinCause::Error,
                    "encountered ILLEGAL_GENERATION from JoinGroup response",
                    out,
                );
            }
            ErrorCode::RebalanceInProgress => {
                self.retry(
                    now,
                    JoinCause::Rebalancing,
                    "group is already rebalancing",
                    out,
                );
            }
            elsewhere!() => {
                self.lose_coordinator(now);
                self.retry(now, JoinCause::Error, "coordinator unavailable", out);
                self.retry_at = now + self.backoff();
            }
            ErrorCode::CoordinatorLoadInProgress => {
                self.retry(now, JoinCause::Error, "coordinator is loading", out);
                self.retry_at = now + self.backoff();
            }
            ErrorCode::FencedInstanceId => self.fail("FencedInstanceIdException"),
            ErrorCode::InconsistentGroupProtocol => self.fail("InconsistentGroupProtocolException"),
            ErrorCode::InvalidSessionTimeout => self.fail("InvalidSessionTimeoutException"),
            ErrorCode::GroupMaxSizeReached => self.fail("GroupMaxSizeReachedException"),
            ErrorCode::InvalidRequest
            | ErrorCode::UnknownServerError
            | ErrorCode::GroupIdNotFound
            | ErrorCode::FencedMemberEpoch
            | ErrorCode::UnreleasedInstanceId
            | ErrorCode::UnsupportedAssignor
            | ErrorCode::StaleMemberEpoch => self.fail("KafkaException"),
        }
    }

    fn on_sync(
        &mut self,
        now: SimTime,
        result: Result<Partitions, ErrorCode>,
        out: &mut Vec<MemberEffect>,
    ) {
        if self.attempt != Attempt::Syncing {
            return;
        }
        match result {
            Ok(assignment) => {
                self.state = MemberState::Stable;
                self.attempt = Attempt::Complete(assignment);
                out.push(MemberEffect::Observe(Observation::Synced {
                    consumer: self.consumer,
                    generation: self.generation,
                }));
            }
            Err(ErrorCode::RebalanceInProgress) => {
                self.retry(
                    now,
                    JoinCause::Rebalancing,
                    "group is already rebalancing",
                    out,
                );
            }
            Err(ErrorCode::UnknownMemberId) => {
                self.reset_membership(true);
                self.retry(
                    now,
                    JoinCause::Error,
                    "encountered UNKNOWN_MEMBER_ID from SyncGroup response",
                    out,
                );
            }
            Err(ErrorCode::IllegalGeneration) => {
                self.reset_membership(false);
                self.retry(
                    now,
                    JoinCause::Error,
                    "encountered ILLEGAL_GENERATION from SyncGroup response",
                    out,
                );
            }
            Err(elsewhere!()) => {
                self.lose_coordinator(now);
                self.retry(now, JoinCause::Error, "coordinator unavailable", out);
                self.retry_at = now + self.backoff();
            }
            Err(ErrorCode::FencedInstanceId) => self.fail("FencedInstanceIdException"),
            Err(
                ErrorCode::None
                | ErrorCode::CoordinatorLoadInProgress
                | ErrorCode::InconsistentGroupProtocol
                | ErrorCode::InvalidSessionTimeout
                | ErrorCode::MemberIdRequired
                | ErrorCode::GroupMaxSizeReached
                | ErrorCode::InvalidRequest
                | ErrorCode::UnknownServerError
                | ErrorCode::GroupIdNotFound
                | ErrorCode::FencedMemberEpoch
                | ErrorCode::UnreleasedInstanceId
                | ErrorCode::UnsupportedAssignor
                | ErrorCode::StaleMemberEpoch,
            ) => self.fail("KafkaException"),
        }
    }

    /// The attempt failed and is repeated, at once unless `retry_at` says later. The callbacks before the join are not repeated
    /// unless the membership was reset.
    fn retry(
        &mut self,
        now: SimTime,
        cause: JoinCause,
        reason: &'static str,
        out: &mut Vec<MemberEffect>,
    ) {
        self.attempt = Attempt::None;
        self.retry_at = now;
        self.request_rejoin(cause, reason, out);
    }

    fn on_heartbeat(&mut self, now: SimTime, error: ErrorCode, out: &mut Vec<MemberEffect>) {
        self.heartbeats_in_flight = self.heartbeats_in_flight.saturating_sub(1);
        if !self.heartbeat_enabled {
            return;
        }
        match error {
            ErrorCode::None => {
                self.heartbeats.succeed();
                self.session_deadline = now + self.config.session_timeout;
            }
            ErrorCode::RebalanceInProgress => {
                self.heartbeats.succeed();
                self.session_deadline = now + self.config.session_timeout;
                let called = self.config.rules.hold(Rule::NoticeByHeartbeat);
                if called && self.state == MemberState::Stable && self.rejoin.is_none() {
                    self.request_rejoin(
                        JoinCause::Rebalancing,
                        "group is already rebalancing",
                        out,
                    );
                }
            }
            elsewhere!() => {
                self.lose_coordinator(now);
                self.heartbeat_due = now + self.heartbeats.fail(&self.config, &mut self.jitter);
            }
            ErrorCode::IllegalGeneration => {
                self.reset_membership(false);
                self.request_rejoin(
                    JoinCause::Error,
                    "encountered ILLEGAL_GENERATION from Heartbeat response",
                    out,
                );
            }
            ErrorCode::UnknownMemberId => {
                self.reset_membership(true);
                self.request_rejoin(
                    JoinCause::Error,
                    "encountered UNKNOWN_MEMBER_ID from Heartbeat response",
                    out,
                );
            }
            ErrorCode::FencedInstanceId => self.fail("FencedInstanceIdException"),
            ErrorCode::CoordinatorLoadInProgress
            | ErrorCode::InconsistentGroupProtocol
            | ErrorCode::InvalidSessionTimeout
            | ErrorCode::MemberIdRequired
            | ErrorCode::GroupMaxSizeReached
            | ErrorCode::InvalidRequest
            | ErrorCode::UnknownServerError
            | ErrorCode::GroupIdNotFound
            | ErrorCode::FencedMemberEpoch
            | ErrorCode::UnreleasedInstanceId
            | ErrorCode::UnsupportedAssignor
            | ErrorCode::StaleMemberEpoch => self.fail("KafkaException"),
        }
    }

    pub(super) fn fail(&mut self, error: &'static str) {
        self.fatal = Some(error);
        self.reset_membership(true);
        self.rejoin = None;
    }
}
