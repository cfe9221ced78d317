//! The application's own commits: `commitSync`, in which it stands still until that returns, and `commitAsync`.
//!
//! What `commitSync` throws (`CommitFailedException`, `RebalanceInProgressException`, `TimeoutException`) the application catches and logs, and goes on: the records count as not committed,
//! so that its next commit covers them.

use super::client::{App, Client, Pending};
use super::ground::Ground;
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
            std::mem::replace(
                &mut self.next_commit,
                ground.now + ground.spec.commit.period(),
            ),
        );
        if offsets.is_empty() {
            return false; // `commitOffsetsSync` with nothing to commit asks nobody.
        }
        let mut effects = std::mem::take(&mut self.effects);
        let (now, at) = (ground.now, &self.fetcher);
        match style {
            CommitStyle::Sync => {
                self.before_commit = before;
                self.app = waiting;
                self.member.commit_sync(now, offsets, at, &mut effects);
            }
            CommitStyle::Async => self.member.commit_async(now, offsets, at, &mut effects),
        }
        self.apply(effects, ground);
        if matches!(self.app, App::Committing { .. }) {
            self.heed_wakeup(ground);
        }
        style == CommitStyle::Sync
    }

    /// `wakeup()` was called where the application could not notice: what waits for the network next, be it `poll()` or `commitSync`, sends what is to be sent and
    /// throws (`ConsumerNetworkClient.maybeTriggerWakeup`, `WakeupTrigger.setActiveTask`), and it closes. A harness does not call it. True when it closes.
    pub(super) fn heed_wakeup(&mut self, ground: &mut Ground<'_>) -> bool {
        let is_woken = !ground.harness && self.pending.contains(&Pending::Close);
        if is_woken {
            self.close(ground);
        }
        is_woken
    }

    /// Time has passed for `commitSync`, or for the commit in `close()`.
    pub(super) fn on_commit_due(&mut self, ground: &mut Ground<'_>) {
        let mut effects = std::mem::take(&mut self.effects);
        self.member
            .on_commit_due(ground.now, &self.fetcher, &mut effects);
        self.apply(effects, ground);
    }

    /// `commitSync` has returned, or thrown.
    pub(super) fn after_application_commit(&mut self, failed: bool, ground: &mut Ground<'_>) {
        if failed {
            let (records, at) = self.before_commit;
            self.uncommitted_records += records;
            self.next_commit = at;
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
            | App::Callback { .. }
            | App::Assigning { .. }
            | App::Closing
            | App::Exiting { .. }
            | App::Dead => {}
        }
    }

    /// `wakeup()` takes effect at once: in `poll()`, and in a `commitSync`. Within a callback it waits for the callback's end.
    pub(super) fn is_woken_by_wakeup(&self) -> bool {
        match self.app {
            App::Polling | App::Starting { .. } | App::Committing { .. } => true,
            App::Working { .. }
            | App::Callback { .. }
            | App::CallbackCommit { .. }
            | App::Assigning { .. }
            | App::Closing
            | App::Exiting { .. }
            | App::Dead => false,
        }
    }
}
