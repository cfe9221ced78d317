//! Built-in examples: scenarios that run by name and that `init` writes out.

/// A built-in example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Example {
    /// Its name, also that of its file without the ending.
    pub name: &'static str,
    /// The scenario, commented.
    pub text: &'static str,
}

macro_rules! examples {
    ($($name:literal)*) => {
        &[$(Example {
            name: $name,
            text: include_str!(concat!("../../scenarios/", $name, ".yaml")),
        },)*]
    };
}

/// All of them, by name.
pub static EXAMPLES: &[Example] = examples! {
    "batch-longer-than-session"
    "checkout-deploy"
    "commit-modes"
    "common-claims"
    "coordinator-restart"
    "crash"
    "fast-and-slow-records"
    "four-partitions"
    "graceful-leave"
    "hot-partition"
    "hundred-partitions"
    "inc-01-rolling-eager"
    "inc-02-drain-deadlock"
    "inc-03-deploy-drops"
    "inc-04-static-on-deployment"
    "inc-05-drain-deadline"
    "inc-06-slow-assignor"
    "inc-08-streams-no-leave"
    "inc-10-rollout-restart"
    "inc-11-never-polls"
    "inc-12-never-stable"
    "inc-13-long-records"
    "inc-14-lag-spiral"
    "inc-15-one-owns-all"
    "inc-16-two-subscriptions"
    "join-burst"
    "metadata-1000-partitions"
    "migrate-online"
    "nightly-deploy"
    "offset-reset"
    "partition-increase"
    "protocol-shootout"
    "rolling-deploy"
    "scale-out"
    "six-partitions-three-consumers"
    "slow-poll-storm"
    "static-fencing"
    "two-groups"
};

/// The example called `name`.
#[must_use]
pub fn find(name: &str) -> Option<&'static Example> {
    EXAMPLES.iter().find(|example| example.name == name)
}
