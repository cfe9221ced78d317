//! OffsetFetch of a member of a consumer group: in whose name, and what becomes of it when it is refused (`CommitRequestManager.OffsetFetchRequestState`). When it is sent is its
//! driver's affair.

use super::member::Member;
use crate::assignor::MemberId;
use crate::kernel::{SimDuration, SimTime};
use crate::protocol::backoff::Backoff;
use crate::protocol::effect::{MemberEffect, Positions};
use crate::protocol::message::ErrorCode;

impl Member {
    /// Its id and epoch; `None` while it has no epoch.
    #[must_use]
    pub fn asks_as(&self) -> Option<(MemberId, i32)> {
        (self.epoch > 0).then(|| (self.member_id.clone(), self.epoch))
    }

    /// An OffsetFetch was refused, once more after `failures` in a row: how long to wait before the next, in the name that it has by then. From another broker, the coordinator
    /// is looked for again. `None`: it is not sent again, and `poll()` throws.
    pub fn on_offsets_refused(
        &mut self,
        now: SimTime,
        error: ErrorCode,
        failures: &mut Backoff,
        positions: &dyn Positions,
        out: &mut Vec<MemberEffect>,
    ) -> Option<SimDuration> {
        let thrown = match error {
            ErrorCode::UnknownMemberId => Some("UnknownMemberIdException"),
            // `isStaleEpochErrorAndValidEpochAvailable`
            ErrorCode::StaleMemberEpoch if self.epoch <= 0 => Some("StaleMemberEpochException"),
            _ => None,
        };
        if let Some(thrown) = thrown {
            out.push(MemberEffect::Throw(thrown));
            return None;
        }
        if error.means_elsewhere() {
            self.lose_coordinator(now);
            self.on_wake(now, positions, out);
        }
        Some(failures.fail(&self.config, &mut self.jitter))
    }

    /// An OffsetFetch was lost with its connection, once more after `failures` in a row: how long to wait before the next.
    pub fn on_offsets_lost(&mut self, failures: &mut Backoff) -> SimDuration {
        failures.fail(&self.config, &mut self.jitter)
    }
}
