//! What readers are told, in the order in which Kafka logs it.

use rebsim::protocol::effect::{CoordinatorFact, CoordinatorFact as Fact};
use rebsim::protocol::message::{JoinCause, LeaveCause};

use crate::group::{Group, Join};

/// One fact in short: the recorded coordinator events carry the same fields.
fn told(fact: &CoordinatorFact) -> String {
    match fact {
        Fact::GroupState {
            from,
            to,
            generation,
            reason,
            by,
        } => {
            let reason = reason
                .map(|reason| format!(" {}", reason.word()))
                .unwrap_or_default();
            let by = by
                .as_ref()
                .map(|by| format!(" by {by}"))
                .unwrap_or_default();
            format!("{}-{} {generation}{reason}{by}", from.word(), to.word())
        }
        Fact::MemberIdIssued { member_id, state } => format!("issued {member_id} {}", state.word()),
        Fact::MemberAdded { member_id, state } => format!("added {member_id} {}", state.word()),
        Fact::StaticMemberReplaced {
            instance_id,
            old,
            new,
        } => {
            format!("replaced {instance_id} {old} {new}")
        }
        Fact::MemberRemoved { member_id, why } => format!("removed {member_id} {}", why.word()),
        Fact::MemberRejoined { member_id } => format!("rejoined {member_id}"),
        Fact::JoinComplete {
            generation,
            members,
            assignor,
            ..
        } => {
            format!("complete {generation} {} {assignor}", members.len())
        }
        Fact::AssignmentReceived {
            generation,
            leader,
            assignment,
        } => {
            format!("assignment {generation} {leader} {}", assignment.len())
        }
        Fact::MemberJoined { .. }
        | Fact::GroupEpoch { .. }
        | Fact::TargetAssignment { .. }
        | Fact::MemberEpoch { .. }
        | Fact::StaticMemberAway { .. } => panic!("no fact of a classic group: {fact:?}"),
    }
}

fn told_by(group: &mut Group) -> Vec<String> {
    group.facts.drain(..).map(|fact| told(&fact)).collect()
}

/// The order of the events of the recordings `range-join-leave` and `coop-join-leave`, with the transitions between them.
#[test]
fn a_group_that_starts_grows_follows_up_and_shrinks() {
    let mut group = Group::new();
    group.enter(Join::new("a"));
    group.advance(200);
    group.enter(Join::new("b"));
    assert_eq!(
        told_by(&mut group),
        [
            "issued a Empty",
            "added a Empty",
            "Empty-PreparingRebalance 0 join by a",
            "rejoined a",
            "issued b PreparingRebalance",
            "added b PreparingRebalance",
            "rejoined b",
        ]
    );
    group.advance(6_000);
    group.sync_all();
    assert_eq!(
        told_by(&mut group),
        [
            "PreparingRebalance-CompletingRebalance 1",
            "complete 1 2 range",
            "assignment 1 a 2",
            "CompletingRebalance-Stable 1",
        ]
    );
    group.enter(Join::new("c"));
    group.join(Join::new("a").owned_in(1).cause(JoinCause::Rebalancing));
    group.join(Join::new("b").owned_in(1).cause(JoinCause::Rebalancing));
    group.sync_all();
    assert_eq!(
        told_by(&mut group),
        [
            "issued c Stable",
            "added c Stable",
            "Stable-PreparingRebalance 1 join by c",
            "rejoined c",
            "rejoined a",
            "rejoined b",
            "PreparingRebalance-CompletingRebalance 2",
            "complete 2 3 range",
            "assignment 2 a 3",
            "CompletingRebalance-Stable 2",
        ]
    );
    group.join(Join::new("a").owned_in(2).cause(JoinCause::FollowUp));
    assert_eq!(
        told_by(&mut group),
        ["Stable-PreparingRebalance 2 follow_up by a", "rejoined a",]
    );
    group.leave("b", LeaveCause::Closed);
    group.join(Join::new("c").owned_in(2));
    assert_eq!(
        told_by(&mut group),
        [
            "removed b leave",
            "rejoined c",
            "PreparingRebalance-CompletingRebalance 3",
            "complete 3 2 range",
        ]
    );
}

/// The order of the recordings `range-crash` and `range-static-gone`, then the end of a group.
#[test]
fn a_member_that_fails_is_removed_before_the_rebalance_begins() {
    let mut group = Group::stable_of(&[Join::new("a"), Join::new("b").session(50_000)]);
    group.facts.clear();
    group.advance(10_000);
    group.join(Join::new("b").owned_in(1));
    assert_eq!(
        told_by(&mut group),
        [
            "removed a session_expired",
            "Stable-PreparingRebalance 1 session_expired by a",
            "rejoined b",
            "PreparingRebalance-CompletingRebalance 2",
            "complete 2 1 range",
        ]
    );
    group.leave("b", LeaveCause::PollTimeout);
    assert_eq!(
        told_by(&mut group),
        [
            "removed b poll_timeout",
            "CompletingRebalance-PreparingRebalance 2 poll_timeout by b",
            "PreparingRebalance-Empty 3",
        ]
    );
}

#[test]
fn members_that_miss_a_deadline_are_removed_where_kafka_logs_it() {
    let mut group = Group::stable_of(&["a", "b"].map(|member| Join::new(member).session(70_000)));
    group.facts.clear();
    group.join(Join::new("b").owned_in(1).session(70_000));
    group.advance(60_000);
    assert_eq!(
        told_by(&mut group),
        [
            "Stable-PreparingRebalance 1 rejoin by b",
            "rejoined b",
            "removed a join_timeout",
            "PreparingRebalance-CompletingRebalance 2",
            "complete 2 1 range",
        ]
    );
    group.advance(60_000);
    assert_eq!(
        told_by(&mut group),
        [
            "removed b sync_timeout",
            "CompletingRebalance-PreparingRebalance 2 rebalance_timeout by b",
            "PreparingRebalance-Empty 3",
        ]
    );
}

/// The event of the recordings `*-static-restart`, and a replacement that needs a rebalance.
#[test]
fn a_replacement_is_told_before_the_rebalance_that_it_may_cause() {
    let mut group = Group::stable_of(&["i-1"].map(|member| Join::new(member).instance("i")));
    group.facts.clear();
    group.enter(Join::new("i-2").instance("i"));
    assert_eq!(told_by(&mut group), ["replaced i i-1 i-2"]);
    group.join(Join::new("i-2").instance("i"));
    group.enter(Join::new("i-3").instance("i"));
    assert_eq!(
        told_by(&mut group),
        [
            "Stable-PreparingRebalance 1 rejoin by i-2",
            "rejoined i-2",
            "PreparingRebalance-CompletingRebalance 2",
            "complete 2 1 range",
            "replaced i i-2 i-3",
            "CompletingRebalance-PreparingRebalance 2 static_replacement by i-3",
            "rejoined i-3",
            "PreparingRebalance-CompletingRebalance 3",
            "complete 3 1 range",
        ]
    );
}
