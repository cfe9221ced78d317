//! The end of a pod: when its containers are asked to stop, and when they are killed (`killContainer` of the kubelet).

use crate::kernel::{SimDuration, SimTime};

/// What is left for the application at least (`minimumGracePeriodInSeconds`).
const LEAST: SimDuration = SimDuration::from_secs(2);
const SECOND: u64 = 1_000_000;

/// What happens to the container of a pod that is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Termination {
    /// SIGTERM: the `preStop` hook has ended or was cut off.
    pub sigterm: SimTime,
    /// SIGKILL, unless it has exited before.
    pub sigkill: SimTime,
}

impl Termination {
    /// Of a pod with this grace period that was deleted then.
    #[must_use]
    pub fn of(deleted: SimTime, grace: SimDuration, pre_stop: SimDuration) -> Self {
        let hook = pre_stop.min(grace);
        // Only whole seconds of the hook are charged.
        let charged = SimDuration::from_micros(hook.as_micros() / SECOND * SECOND);
        let sigterm = deleted + hook;
        Self {
            sigterm,
            sigkill: sigterm + (grace - charged).max(LEAST),
        }
    }

    /// When the container is gone, and whether it exited by itself, when the application needs so long after SIGTERM.
    #[must_use]
    pub fn exit(self, needs: SimDuration) -> (SimTime, bool) {
        let done = self.sigterm + needs;
        if done <= self.sigkill {
            (done, true)
        } else {
            (self.sigkill, false)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(grace: u64, pre_stop: u64, needs: u64) -> (u64, u64, bool) {
        let secs = SimDuration::from_secs;
        let termination = Termination::of(SimTime::ZERO, secs(grace), secs(pre_stop));
        let (exit, graceful) = termination.exit(secs(needs));
        let whole = |at: SimTime| at.as_micros() / SECOND;
        (whole(termination.sigterm), whole(exit), graceful)
    }

    #[test]
    fn term_1_the_application_has_time() {
        assert_eq!(seconds(30, 10, 12), (10, 22, true));
    }

    #[test]
    fn term_2_the_hook_takes_most_of_it() {
        assert_eq!(seconds(30, 25, 12), (25, 30, false));
    }

    #[test]
    fn term_3_the_hook_is_cut_and_two_seconds_are_left() {
        assert_eq!(seconds(30, 40, 12), (30, 32, false));
    }

    #[test]
    fn parts_of_a_second_of_the_hook_are_not_charged() {
        let millis = SimDuration::from_millis;
        let termination = Termination::of(SimTime::ZERO, millis(30_000), millis(10_900));
        assert_eq!(termination.sigkill, SimTime::from_millis(30_900));
    }

    #[test]
    fn no_grace_still_leaves_two_seconds() {
        assert_eq!(seconds(0, 5, 12), (0, 2, false));
    }
}
