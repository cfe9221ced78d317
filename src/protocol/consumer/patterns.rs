//! Subscriptions by regular expression (`maybeUpdateRegularExpressions`, `handleRegularExpressionsResult`).
//!
//! A heartbeat that brings an expression which nobody had before has another thread look through the topics. Until that is done the member
//! subscribes to nothing: its first answer is empty, and it hears of its partitions in the answer to a later heartbeat. Whoever comes with an expression that is resolved
//! gets its topics at once. All are resolved anew when `group.consumer.regex.refresh.interval.ms` has passed. That finds nothing new, because topics neither come nor go;
//! but who brings a new expression in the ten seconds after it has to wait.

use std::sync::Arc;

use super::coordinator::Coordinator;
use super::group::{Change, GroupMember};
use crate::kernel::SimDuration;
use crate::protocol::effect::{CoordinatorEffect, CoordinatorTimer};
use crate::timeline::RebalanceReason;

/// `REGEX_BATCH_REFRESH_MIN_INTERVAL_MS`: topics are looked through again only when this has passed since the last time.
const REFRESH_AFTER: SimDuration = SimDuration::from_millis(10_000);

impl Coordinator {
    /// `member`, who was `before` until its heartbeat, is in the group. Has expressions resolved, if there are any that are not and none are being
    /// resolved.
    pub(super) fn refresh_patterns(
        &mut self,
        before: &GroupMember,
        member: &GroupMember,
        out: &mut Vec<CoordinatorEffect>,
    ) {
        let patterns = self.group.patterns().len();
        if patterns == 0 || self.timers.contains(&CoordinatorTimer::Patterns) {
            return;
        }
        let resolved = self.group.resolved();
        let last = resolved.values().max();
        if last.is_some_and(|&last| self.now <= last + REFRESH_AFTER) {
            return;
        }
        let brings = member
            .pattern
            .as_ref()
            .filter(|_| member.pattern != before.pattern);
        let is_new = brings.is_some_and(|pattern| !resolved.contains_key(pattern));
        let interval = self.config.consumer.regex_refresh_interval;
        let is_old = last
            .zip(interval)
            .is_some_and(|(&last, interval)| self.now > last + interval);
        if is_new || is_old || patterns != resolved.len() {
            self.arm(CoordinatorTimer::Patterns, SimDuration::ZERO, out);
        }
    }

    /// The topics have been looked through.
    pub(super) fn on_patterns_resolved(&mut self, out: &mut Vec<CoordinatorEffect>) {
        let patterns: Vec<_> = self.group.patterns().cloned().collect();
        let mut changed = false;
        for pattern in patterns {
            let known = self.group.resolved().contains_key(&pattern);
            changed |= !known && !pattern.topics.is_empty();
            self.record(Change::Resolved(Arc::clone(&pattern), self.now));
        }
        let metadata = self.current_metadata();
        if changed || metadata != self.group.metadata {
            self.refresh_due = false;
            self.bump(metadata, RebalanceReason::SubscriptionChange, None, out);
        }
        self.finish(Vec::new(), out);
    }
}
