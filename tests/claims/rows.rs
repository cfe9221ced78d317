//! What is claimed and what was published, with references to our numbers in braces.

/// A claim that many articles repeat.
pub(crate) struct Claim {
    pub(crate) claim: &'static str,
    pub(crate) ours: &'static str,
    pub(crate) causes: &'static str,
    pub(crate) why: &'static str,
}

/// An incident that somebody published.
pub(crate) struct Incident {
    pub(crate) scenario: &'static str,
    pub(crate) published: &'static str,
    pub(crate) ours: &'static str,
}

pub(crate) const CLAIMS: &[Claim] = &[
    Claim {
        claim: "an eager rebalance is a pause of 5 to 30 s",
        ours: "longest standstill {common-claims/eager/longest_stop_the_world_s} s; \
               {common-claims/eager-10s/longest_stop_the_world_s} s; {common-claims/eager-killed/longest_stop_the_world_s} s",
        causes: "idle listeners; listeners that flush for 5 s and start for 5 s; killed pods, away for 10 s",
        why: "the protocol takes milliseconds once everybody has heard of it. The pause is what the slowest listener, the \
              longest batch or the session of a dead member takes: all of them are settings or code of the user's",
    },
    Claim {
        claim: "a cooperative one of 1 to 5 s",
        ours: "the group never stands still ({common-claims/cooperative/stop_the_world_s} s); a partition that moves is down for up to \
               {common-claims/cooperative/longest_downtime_s} s; {common-claims/cooperative-10s/longest_downtime_s} s; \
               {common-claims/cooperative-killed/longest_downtime_s} s",
        causes: "the same three",
        why: "only what moves waits: for a heartbeat (3 s) where nobody works in listeners. A killed member's partitions wait for its session \
              (45 s), whatever the assignor",
    },
    Claim {
        claim: "lag grows 2 to 10 times with eager, 1.2 to 2 times with cooperative",
        ours: "{common-claims/eager/lag_records : common-claims/steady/lag_records} and \
               {common-claims/cooperative/lag_records : common-claims/steady/lag_records} times; \
               {common-claims/eager-10s/lag_records : common-claims/steady/lag_records} and \
               {common-claims/cooperative-10s/lag_records : common-claims/steady/lag_records} times; \
               {common-claims/eager-killed/lag_records : common-claims/steady/lag_records} and \
               {common-claims/cooperative-killed/lag_records : common-claims/steady/lag_records} times",
        causes: "the same three, against the highest lag without a deploy, {common-claims/steady/lag_records} records",
        why: "lag at rest is one record or so a partition, so a factor says more about the load than about the rebalance. \
              Lag at its peak is rate x standstill, less what is worked off between two restarts",
    },
    Claim {
        claim: "20 instances restarted one by one cost 100 to 600 s",
        ours: "eager {common-claims/eager/stop_the_world_s} s; {common-claims/eager-10s/stop_the_world_s} s; \
               {common-claims/eager-killed/stop_the_world_s} s of standstill. Cooperative 0 s in all three",
        causes: "the same three",
        why: "it is 20 x (5 to 30 s), true where each restart stops all for as long. Two rebalances a restart \
              ({common-claims/eager-10s/rebalances}) of 10 s each, or one of 30 s for a killed one",
    },
    Claim {
        claim: "lag 0 → 500,000 → 0 in 15 minutes",
        ours: "{nightly-deploy/eager/lag_records} at {nightly-deploy/eager/lag_records_peak_at_s} s, {nightly-deploy/eager/lag_records_end} \
               at the end (20 min)",
        causes: "`nightly-deploy`: 25 members, 1,333/s, listeners of 7.5 s, standstill {nightly-deploy/eager/stop_the_world_s} s",
        why: "500,000 is 375 s x 1,333/s, as if nothing were worked off between two stops. Consumers with room to catch up, \
              without which it would not be 0 again, use it between the stops too",
    },
];

pub(crate) const INCIDENTS: &[Incident] = &[
    Incident {
        scenario: "inc-01-rolling-eager",
        published: "40 restarts x 3 s = 2 min of stop a deploy; a few seconds with static members",
        ours: "{inc-01-rolling-eager/eager/rebalance_s_sum} s of rebalances, {inc-01-rolling-eager/eager/stop_the_world_s} s of stop; \
               {inc-01-rolling-eager/static-60s/stop_the_world_s} s",
    },
    Incident {
        scenario: "inc-02-drain-deadlock",
        published: "the group freezes for 299 s at a rolling update, and again at the next",
        ours: "{inc-02-drain-deadlock/deadlock/longest_stop_the_world_s} s, {inc-02-drain-deadlock/deadlock/stop_the_world_s} s in all",
    },
    Incident {
        scenario: "inc-03-deploy-drops",
        published: "consumption drops to 0 for a long time at each deploy",
        ours: "share of downtime {inc-03-deploy-drops/cooperative/downtime_share} in {inc-03-deploy-drops/cooperative/rebalances} rebalances",
    },
    Incident {
        scenario: "inc-04-static-on-deployment",
        published: "static ids are of no use on a Deployment, and after a restart in place the client dies of UnreleasedInstanceId",
        ours: "{inc-04-static-on-deployment/static/rebalances} rebalances against {inc-04-static-on-deployment/dynamic/rebalances}, downtime x \
               {inc-04-static-on-deployment/static/downtime_partition_s : inc-04-static-on-deployment/dynamic/downtime_partition_s}, \
               {inc-04-static-on-deployment/static/fenced_members} times UnreleasedInstanceId",
    },
    Incident {
        scenario: "inc-05-drain-deadline",
        published: "60 forced recoveries an hour, each a source of duplicates",
        ours: "{inc-05-drain-deadline/window-20s/records_duplicated} duplicates at {inc-05-drain-deadline/window-20s/rebalances} rebalances an hour; \
               {inc-05-drain-deadline/window-60s/records_duplicated} with a window as long as the tasks, and downtime x \
               {inc-05-drain-deadline/window-60s/downtime_partition_s : inc-05-drain-deadline/window-20s/downtime_partition_s}",
    },
    Incident {
        scenario: "inc-06-slow-assignor",
        published: "6,000 partitions fail at 3 s and work at 10 s, 15,000 fail at 10 s",
        ours: "{inc-06-slow-assignor/p6000-3s/records_processed} records processed; {inc-06-slow-assignor/p6000-10s/records_processed}; \
               {inc-06-slow-assignor/p15000-10s/records_processed}",
    },
    Incident {
        scenario: "inc-08-streams-no-leave",
        published: "over 45 s without a leave (48 s in the example), under 0.1 s with it",
        ours: "{inc-08-streams-no-leave/no-leave/longest_downtime_s} s; {inc-08-streams-no-leave/leave/longest_downtime_s} s \
               ({inc-08-streams-no-leave/leave-100ms/longest_downtime_s} s with heartbeats of 100 ms)",
    },
    Incident {
        scenario: "inc-10-rollout-restart",
        published: "nothing is consumed for 30 min (15 min) after a rollout restart",
        ours: "{inc-10-rollout-restart/killed/stop_the_world_s} s for 40 pods that are killed",
    },
    Incident {
        scenario: "inc-11-never-polls",
        published: "the second consumer waits 5 min; 30 min after the interval was raised to that",
        ours: "{inc-11-never-polls/five-minutes/rebalance_s} s; {inc-11-never-polls/thirty-minutes/rebalance_s} s",
    },
    Incident {
        scenario: "inc-12-never-stable",
        published: "nothing is consumed until all pods are replaced",
        ours: "share of downtime during the rollout {inc-12-never-stable/rolled/downtime_share}; with static members \
               {inc-12-never-stable/static/downtime_share}",
    },
    Incident {
        scenario: "inc-13-long-records",
        published: "rebalances almost every hour, some of them take an hour",
        ours: "{inc-13-long-records/dynamic/rebalances} in 12 h, {inc-13-long-records/dynamic/rebalance_s_mean} s on average, \
               {inc-13-long-records/dynamic/rebalance_s} s at most",
    },
    Incident {
        scenario: "inc-14-lag-spiral",
        published: "scaling by lag never settles",
        ours: "{inc-14-lag-spiral/scaled/scale_ups} steps up and {inc-14-lag-spiral/scaled/scale_downs} down in 55 min, at \
               {inc-14-lag-spiral/scaled/replicas} replicas",
    },
    Incident {
        scenario: "inc-15-one-owns-all",
        published: "five minutes of rejoining, then one pod owns everything",
        ours: "{inc-15-one-owns-all/stuck/longest_stop_the_world_s} s, then one owns {inc-15-one-owns-all/stuck/assigned-partitions} of 48",
    },
    Incident {
        scenario: "inc-16-two-subscriptions",
        published: "a topic without an owner for hours",
        ours: "{inc-16-two-subscriptions/shared/longest_downtime_s} s (all of the run) for half of the partitions; \
               {inc-16-two-subscriptions/apart/longest_downtime_s} s with a group each",
    },
];
