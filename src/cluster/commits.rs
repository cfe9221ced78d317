//! The application's own commits: `commitSync`, in which it stands still until that returns, and `commitAsync`.
//!
//! What `commitSync` throws (`CommitFailedException`, `RebalanceInProgressException`, `TimeoutException`) the application catches and logs, and goes on: the records count as not committed,
//! so that its next commit covers them.

use super::client::{App, Client};
use super::ground::Ground;
use super::membership::Membership;
use crate::kernel::SimTime;
use crate::protocol::effect::Positions;
use crate::scenario::plan::{CommitMode, CommitStyle};

/// The application's own commits.
#[derive(Debug, Default)]
pub(super) struct OwnCommits {
    /// What `poll()` has returned since the last.
    since_last: Uncommitted,
    /// The same before the `commitSync` under way.
    before_sync: Uncommitted,
    /// The `commitSync` under way has returned (or thrown: true), and the application has not gone on yet.
    pub(super) returned: Option<bool>,
}

/// What was returned since a commit.
#[derive(Clone, Copy, Debug)]
struct Uncommitted {
    records: u64,
    /// When it commits again if it goes by time.
    due: SimTime,
}

impl Default for Uncommitted {
    fn default() -> Self {
        Self {
            records: 0,
            due: SimTime::NEVER,
        }
    }
}

impl OwnCommits {
    /// So many records have been returned since the last commit, and the next by time is due at `due`.
    pub(super) fn go_on(&mut self, records: u64, due: SimTime) {
        self.since_last = Uncommitted { records, due };
    }

    /// `poll()` has returned so many records more.
    pub(super) fn add_returned(&mut self, records: u64) {
        self.since_last.records += records;
    }

    /// How it commits after a batch, if it is time to.
    pub(super) fn due(&self, mode: CommitMode, now: SimTime) -> Option<CommitStyle> {
        let Uncommitted { records, due } = self.since_last;
        let (is_due, style) = match mode {
            CommitMode::AfterBatch(style) => (true, style),
            CommitMode::Every(_, style) => (due <= now, style),
            CommitMode::After {
                records: many,
                style,
                ..
            } => (records >= many || due <= now, style),
            CommitMode::Auto | CommitMode::BeforeProcessing(_) | CommitMode::None => return None,
        };
        (is_due && records > 0).then_some(style)
    }

    /// All that was returned counts as committed from now on; gives what it was.
    fn begin(&mut self, mode: CommitMode, now: SimTime) -> Uncommitted {
        let due = now + mode.period();
        std::mem::replace(&mut self.since_last, Uncommitted { records: 0, due })
    }

    /// `commitSync` threw: what it was to commit is uncommitted.
    fn take_back(&mut self) {
        self.since_last.records += self.before_sync.records;
        self.since_last.due = self.before_sync.due;
    }
}

impl Client {
    /// Commits all positions. True when the application is in `commitSync` now, which is what `waiting` says, or was and has gone on already.
    pub(super) fn commit(
        &mut self,
        style: CommitStyle,
        waiting: App,
        ground: &mut Ground<'_>,
    ) -> bool {
        let offsets = self.fetcher.consumed();
        let before = self.commits.begin(ground.spec.commit, ground.now);
        if offsets.is_empty() {
            return false; // `commitOffsetsSync` with nothing to commit asks nobody.
        }
        match style {
            CommitStyle::Sync => {
                self.commits.before_sync = before;
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
            self.commits.take_back();
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
