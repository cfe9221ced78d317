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
    "big-server"
    "cascade-oom"
    "cascade-poll"
    "checkout-deploy"
    "commit-modes"
    "common-claims"
    "coordinator-restart"
    "crash"
    "crash-loop"
    "cross-rack"
    "deploy-during-peak"
    "downstream-saturation"
    "fast-and-slow-records"
    "four-partitions"
    "gc-pauses"
    "graceful-leave"
    "hot-partition"
    "hpa-storm"
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
    "keda-flap"
    "lag-aware-assignor"
    "metadata-1000-partitions"
    "migrate-online"
    "nightly-deploy"
    "node-drain-pdb"
    "offset-reset"
    "partition-increase"
    "protocol-shootout"
    "rolling-deploy"
    "rolling-deploy-k8s"
    "scale-out"
    "six-partitions-three-consumers"
    "slow-poll-storm"
    "spot-instances"
    "stateful-restore"
    "static-fencing"
    "threshold-scaler"
    "two-batches"
    "two-groups"
};

/// The example called `name`.
#[must_use]
pub fn find(name: &str) -> Option<&'static Example> {
    EXAMPLES.iter().find(|example| example.name == name)
}
