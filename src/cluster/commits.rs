//! The application's own commits: `commitSync`, in which it stands still until that returns, and `commitAsync`.
//!
//! What `commitSync` throws (`CommitFailedException`, `RebalanceInProgressException`, `TimeoutException`) the application catches and logs, and goes on: the records count as not committed,
//! so that its next commit covers them.

use super::client::{App, Client};
use super::ground::Ground;
use super::membership::Membership;
use crate::protocol::effect::Positions;
use crate::scenario::plan::CommitStyle;

impl Client {
    /// Commits all positions. True when the application is in `commitSync` now, which is what `waiting` says, or was and has gone on already.
    pub(super) fn commit(
        &mut self,
        style: CommitStyle,
        waiting: App,
        ground: &mut Ground<'_>,
    ) -> bool {
        let offsets = self.fetcher.consumed();
        let before = (
            std::mem::take(&mut self.uncommitted_records),
            std::mem::replace(&mut self.last_commit, ground.now),
        );
        if offsets.is_empty() {
            return false; // `commitOffsetsSync` with nothing to commit asks nobody.
        }
        match style {
            CommitStyle::Sync => {
                self.before_commit = before;
                self.app = waiting;
                self.tell(ground, |member, now, at, out| {
                    member.commit_sync(now, offsets, at, out);
                });
            }
            CommitStyle::Async => self.tell(ground, |member, now, at, out| {
                member.commit_async(now, offsets, at, out);
            }),
        }
        if matches!(self.app, App::Committing { .. }) {
            self.heed_wakeup(ground);
        }
        style == CommitStyle::Sync
    }

    /// Time has passed for `commitSync`, or for the commit in `close()`.
    pub(super) fn on_commit_due(&mut self, ground: &mut Ground<'_>) {
        self.tell(ground, Membership::on_commit_due);
    }

    /// `commitSync` has returned, or thrown.
    pub(super) fn after_application_commit(&mut self, failed: bool, ground: &mut Ground<'_>) {
        if failed {
            let (records, at) = self.before_commit;
            self.uncommitted_records += records;
            self.last_commit = at;
        }
        match self.app {
            App::CallbackCommit { kind } => self.callback_done(kind, ground),
            App::Committing {
                before_processing: true,
            } => self.start_held_back(ground),
            App::Committing {
                before_processing: false,
            } => {
                // Who is asked to close while `commitSync` waits for its answer closes after it, not after the next batch and its commit.
                if !self.take_pending(ground) {
                    self.poll(ground);
                }
            }
            App::Starting { .. }
            | App::Polling
            | App::Working { .. }
            | App::Stalled { .. }
            | App::Callback { .. }
            | App::Assigning { .. }
            | App::Closing
            | App::Exiting { .. }
            | App::Dead => {}
        }
    }
}
