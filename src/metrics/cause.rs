//! What a partition of a group is waiting for: one pure function of what is known at an instant.

use crate::timeline::GroupState;

/// Why nobody can process a partition, in order of precedence: the first unmet need is the cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The coordinator does not know yet that the owner is gone or stuck.
    Detect,
    /// A rebalance listener's callback (or the commit before it) of the old or new owner is at work.
    Callback,
    /// The new owner restores state.
    Restore,
    /// The new owner looks up its offset and waits for its first fetch.
    Fetch,
    /// The join is complete, the assignment not yet delivered.
    Assign,
    /// A follow-up round is due, or no target names the partition yet; in a consumer group also: the member that the target names has not been
    /// given it, because another one has not let go or because no heartbeat has brought it.
    Reconcile,
    /// The coordinator waits for members to join.
    Barrier,
    /// No running member subscribes to the topic, or the static member whose it is has left for a while.
    Absent,
}

impl Cause {
    /// Every cause, in order of precedence.
    pub const ALL: [Self; 8] = [
        Self::Detect,
        Self::Callback,
        Self::Restore,
        Self::Fetch,
        Self::Assign,
        Self::Reconcile,
        Self::Barrier,
        Self::Absent,
    ];

    /// The word in results.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Detect => "detect",
            Self::Callback => "callback",
            Self::Restore => "restore",
            Self::Fetch => "fetch",
            Self::Assign => "assign",
            Self::Reconcile => "reconcile",
            Self::Barrier => "barrier",
            Self::Absent => "absent",
        }
    }

    /// The base name of its share of the downtime.
    #[must_use]
    pub const fn metric(self) -> &'static str {
        match self {
            Self::Detect => "downtime_detect_partition_s",
            Self::Callback => "downtime_callback_partition_s",
            Self::Restore => "downtime_restore_partition_s",
            Self::Fetch => "downtime_fetch_partition_s",
            Self::Assign => "downtime_assign_partition_s",
            Self::Reconcile => "downtime_reconcile_partition_s",
            Self::Barrier => "downtime_barrier_partition_s",
            Self::Absent => "downtime_absent_partition_s",
        }
    }
}

/// State of a partition of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// A live member owns it and can process it.
    Serving,
    /// Nobody can.
    Down(Cause),
}

impl State {
    /// `serving` or `down`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Serving => "serving",
            Self::Down(_) => "down",
        }
    }

    /// Why it is down; `None` when it is served.
    #[must_use]
    pub const fn cause(self) -> Option<Cause> {
        match self {
            Self::Serving => None,
            Self::Down(cause) => Some(cause),
        }
    }
}

/// What is known about a partition, the members concerned and the group at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// A process that the coordinator counts as a member can process it (a zombie does not count).
    pub served: bool,
    /// Whoever the coordinator believes to own it is gone, frozen, cut off or past its poll deadline.
    pub owner_lost: bool,
    /// The old owner gives it up or the new one takes it over: commit before a rejoin, callback.
    pub in_callback: bool,
    /// Its owner restores state.
    pub restoring: bool,
    /// A live member has it installed.
    pub installed: bool,
    /// A running process subscribes to its topic and is not closing.
    pub wanted: bool,
    /// State of the group.
    pub group: GroupState,
    /// It is a consumer group: members go from epoch to epoch one by one, nobody waits for others to join.
    pub incremental: bool,
    /// It is the share of a static member that said it would be back.
    pub away: bool,
    /// The assignment in force names a member for it.
    pub targeted: bool,
    /// That member gave it up since.
    pub given_up: bool,
    /// The assignment in force kept it back, because another member still held it.
    pub withheld: bool,
}

/// The state that follows from the facts.
#[must_use]
pub fn state(facts: &Facts) -> State {
    if facts.served {
        return State::Serving;
    }
    let group = facts.group;
    let assigning = group == GroupState::CompletingRebalance
        || (group == GroupState::Stable && facts.targeted && !facts.given_up);
    let reconciling =
        facts.withheld || (group == GroupState::Stable && !facts.targeted && !facts.given_up);
    let joining =
        group == GroupState::PreparingRebalance || (group == GroupState::Stable && facts.given_up);
    let cause = if facts.owner_lost {
        Cause::Detect
    } else if facts.in_callback {
        Cause::Callback
    } else if facts.restoring {
        Cause::Restore
    } else if facts.installed {
        Cause::Fetch
    } else if !facts.wanted || facts.away {
        Cause::Absent
    } else if facts.incremental {
        match group {
            GroupState::Empty | GroupState::Dead => Cause::Absent,
            GroupState::Assigning
            | GroupState::Reconciling
            | GroupState::Stable
            | GroupState::PreparingRebalance
            | GroupState::CompletingRebalance => Cause::Reconcile,
        }
    } else if assigning {
        Cause::Assign
    } else if reconciling {
        Cause::Reconcile
    } else if joining {
        Cause::Barrier
    } else {
        Cause::Absent
    };
    State::Down(cause)
}

#[cfg(test)]
mod tests {
    use super::*;
    use GroupState::{CompletingRebalance, Dead, Empty, PreparingRebalance, Stable};

    const NOTHING: Facts = Facts {
        served: false,
        owner_lost: false,
        in_callback: false,
        restoring: false,
        installed: false,
        wanted: true,
        group: Stable,
        incremental: false,
        away: false,
        targeted: true,
        given_up: false,
        withheld: false,
    };

    fn check(rows: &[(&str, Facts, State)]) {
        for (why, facts, expected) in rows {
            assert_eq!(state(facts), *expected, "{why}");
        }
    }

    #[test]
    fn the_first_unmet_need_is_the_cause() {
        let all = Facts {
            served: true,
            owner_lost: true,
            in_callback: true,
            restoring: true,
            installed: true,
            group: CompletingRebalance,
            withheld: true,
            given_up: true,
            ..NOTHING
        };
        let no_server = Facts {
            served: false,
            ..all
        };
        let known = Facts {
            owner_lost: false,
            ..no_server
        };
        let no_callback = Facts {
            in_callback: false,
            ..known
        };
        let restored = Facts {
            restoring: false,
            ..no_callback
        };
        let not_installed = Facts {
            installed: false,
            ..restored
        };
        let joining = Facts {
            group: PreparingRebalance,
            ..not_installed
        };
        let not_withheld = Facts {
            withheld: false,
            ..joining
        };
        check(&[
            ("a live server is enough", all, State::Serving),
            (
                "detect before callback",
                no_server,
                State::Down(Cause::Detect),
            ),
            (
                "callback before restore",
                known,
                State::Down(Cause::Callback),
            ),
            (
                "restore before fetch",
                no_callback,
                State::Down(Cause::Restore),
            ),
            ("fetch before assign", restored, State::Down(Cause::Fetch)),
            (
                "assign before reconcile",
                not_installed,
                State::Down(Cause::Assign),
            ),
            (
                "reconcile before barrier",
                joining,
                State::Down(Cause::Reconcile),
            ),
            (
                "barrier before absent",
                not_withheld,
                State::Down(Cause::Barrier),
            ),
        ]);
    }

    #[test]
    fn the_group_and_its_target_decide_the_rest() {
        let at = |group, targeted, given_up, withheld| Facts {
            group,
            targeted,
            given_up,
            withheld,
            ..NOTHING
        };
        check(&[
            (
                "delivery under way",
                at(Stable, true, false, false),
                State::Down(Cause::Assign),
            ),
            (
                "the leave is under way",
                at(Stable, true, true, false),
                State::Down(Cause::Barrier),
            ),
            (
                "a new partition, no target yet",
                at(Stable, false, false, false),
                State::Down(Cause::Reconcile),
            ),
            (
                "kept back for the follow-up",
                at(Stable, false, false, true),
                State::Down(Cause::Reconcile),
            ),
            (
                "the follow-up's own barrier",
                at(PreparingRebalance, false, false, true),
                State::Down(Cause::Reconcile),
            ),
            (
                "the leader assigns",
                at(CompletingRebalance, false, false, false),
                State::Down(Cause::Assign),
            ),
            (
                "nobody has joined",
                at(Empty, false, false, false),
                State::Down(Cause::Absent),
            ),
            (
                "the group is being removed",
                at(Dead, false, false, false),
                State::Down(Cause::Absent),
            ),
        ]);
    }

    #[test]
    fn in_a_consumer_group_nobody_waits_for_joins_or_for_a_leader() {
        for group in GroupState::ALL.iter().copied() {
            let expected = match group {
                Empty | Dead => Cause::Absent,
                _ => Cause::Reconcile,
            };
            for bits in 0..8 {
                let facts = Facts {
                    group,
                    incremental: true,
                    targeted: bits & 1 != 0,
                    given_up: bits & 2 != 0,
                    withheld: bits & 4 != 0,
                    ..NOTHING
                };
                assert_eq!(state(&facts), State::Down(expected), "{facts:?}");
                let away = Facts {
                    away: true,
                    ..facts
                };
                assert_eq!(state(&away), State::Down(Cause::Absent), "{away:?}");
            }
        }
        let reconciling = Facts {
            group: GroupState::Reconciling,
            incremental: true,
            ..NOTHING
        };
        let first = |facts: Facts, cause| assert_eq!(state(&facts), State::Down(cause));
        first(
            Facts {
                installed: true,
                ..reconciling
            },
            Cause::Fetch,
        );
        first(
            Facts {
                installed: true,
                in_callback: true,
                ..reconciling
            },
            Cause::Callback,
        );
        first(
            Facts {
                owner_lost: true,
                in_callback: true,
                ..reconciling
            },
            Cause::Detect,
        );
        first(
            Facts {
                wanted: false,
                ..reconciling
            },
            Cause::Absent,
        );
    }

    #[test]
    fn nobody_waits_for_a_rebalance_when_no_running_member_subscribes() {
        for group in GroupState::ALL.iter().copied() {
            for targeted in [false, true] {
                let facts = Facts {
                    wanted: false,
                    group,
                    targeted,
                    ..NOTHING
                };
                assert_eq!(state(&facts), State::Down(Cause::Absent), "{group:?}");
            }
        }
        let crashed = Facts {
            wanted: false,
            owner_lost: true,
            ..NOTHING
        };
        assert_eq!(
            state(&crashed),
            State::Down(Cause::Detect),
            "unless the owner's loss is not yet known"
        );
    }
}
