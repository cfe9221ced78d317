//! What a member of a consumer group makes of an OffsetFetch that was refused (`CommitRequestManager.OffsetFetchRequestState.onFailure`). The request itself is its driver's.

use super::member::Member;
use crate::kernel::{SimDuration, SimTime};
use crate::protocol::backoff::Backoff;
use crate::protocol::effect::{MemberEffect, Positions};
use crate::protocol::message::ErrorCode;

impl Member {
    /// An OffsetFetch was refused, once more after `failures` in a row: how long to wait before the next. From another broker, the coordinator is looked for again.
    pub fn on_offsets_refused(
        &mut self,
        now: SimTime,
        error: ErrorCode,
        failures: &mut Backoff,
        positions: &dyn Positions,
        out: &mut Vec<MemberEffect>,
    ) -> SimDuration {
        if error.means_elsewhere() {
            self.lose_coordinator(now);
            self.on_wake(now, positions, out);
        }
        failures.fail(&self.config, &mut self.jitter)
    }
}
