//! How far the clocks of a member are into their periods when a steady start begins.
//!
//! A group that has run for long is not in step: each client's timers count from its own last heartbeat, commit and refresh of metadata, and these
//! were when its own history had them. So each is a uniform fraction of its period old, drawn from a stream of its own. The fraction is the consumer's, whatever
//! the period: variants with other intervals or another protocol meet the same one under the same seed.

use super::client::Client;
use super::world::World;
use crate::assignor::{ConsumerId, GroupId};
use crate::kernel::{Draw, SimDuration, SimTime, Stream};
use crate::scenario::plan::{CommitMode, Consumer};

/// What has passed of the period of each clock of one member.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Phases {
    /// Since the last heartbeat.
    pub(super) heartbeat: Phase,
    /// Since the last automatic commit, or the application's own.
    pub(super) commit: Phase,
    /// Since the last refresh of metadata.
    pub(super) metadata: Phase,
    /// Since `poll()` was called.
    pub(super) poll: Phase,
}

/// A fraction, in 2^64ths; the default is nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Phase(u64);

impl Phase {
    /// That fraction of `whole`, rounded down, so that some of it is always left.
    pub(super) fn share_of(self, whole: u64) -> u64 {
        ((u128::from(self.0) * u128::from(whole)) >> 64) as u64
    }

    /// That fraction of `period`.
    pub(super) fn of(self, period: SimDuration) -> SimDuration {
        SimDuration::from_micros(self.share_of(period.as_micros()))
    }
}

impl Client {
    /// Its clocks stand at `phases` at `now`.
    pub(super) fn set_clocks(&mut self, now: SimTime, phases: &Phases, spec: &Consumer) {
        let config = &spec.config;
        let interval = self.member.heartbeat_interval(config);
        self.member
            .last_heartbeat(now, phases.heartbeat.of(interval));
        let left = |phase: Phase, period: SimDuration| now + (period - phase.of(period));
        self.member
            .commits_passed(left(phases.commit, config.auto_commit_interval));
        let returned = match spec.commit {
            CommitMode::After { records, .. } => phases.commit.share_of(records),
            _ => 0,
        };
        self.commits
            .go_on(returned, left(phases.commit, spec.commit.period()));
        let age = config.metadata_max_age;
        self.metadata.begin(now, age - phases.metadata.of(age));
        self.polled_before = phases.poll.of(spec.processing.poll_timeout);
    }
}

impl World<'_> {
    /// The phases with which a member of a steady group begins; none where everything is to be in step.
    pub(super) fn phases(&self, consumer: ConsumerId) -> Phases {
        Phases {
            heartbeat: self.heartbeat_phase(consumer),
            commit: self.commit_phase(consumer),
            metadata: self.phase(consumer, "metadata phase"),
            poll: self.phase(consumer, "poll phase"),
        }
    }

    /// That of its heartbeats alone.
    pub(super) fn heartbeat_phase(&self, consumer: ConsumerId) -> Phase {
        self.phase(consumer, "heartbeat phase")
    }

    /// That of its commits alone.
    pub(super) fn commit_phase(&self, consumer: ConsumerId) -> Phase {
        self.phase(consumer, "commit phase")
    }

    fn phase(&self, consumer: ConsumerId, purpose: &str) -> Phase {
        let process = &self.processes[consumer.index()];
        if !self.has_phases(process.group) {
            return Phase::default();
        }
        let stream = Stream::new(&process.name, purpose);
        Phase(Draw::new(self.seed, stream).word())
    }

    /// True when the members that a group starts with have phases of their own, which another seed draws otherwise.
    pub(super) fn has_phases(&self, group: GroupId) -> bool {
        let group = &self.plan.groups[group.index()];
        !group.cold && !group.in_step && self.options.calibration.steady_phases
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_is_the_same_fraction_of_every_period_and_never_all_of_it() {
        let half = Phase(1 << 63);
        for seconds in [1, 3, 45, 300] {
            let period = SimDuration::from_secs(seconds);
            assert_eq!(half.of(period).times(2), period);
            assert!(Phase(u64::MAX).of(period) < period);
            assert_eq!(Phase::default().of(period), SimDuration::ZERO);
        }
        assert_eq!(half.share_of(7), 3);
        assert_eq!(Phase(u64::MAX).of(SimDuration::ZERO), SimDuration::ZERO);
    }
}
