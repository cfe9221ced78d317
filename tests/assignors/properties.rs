//! Properties on random groups: nobody is forgotten, nothing is given twice, and nothing moves without need.

use proptest::collection::vec;
use proptest::prelude::*;
use rebsim::assignor::{
    AssignmentInput, AssignorKind, AssignorMemory, MemberDescription, MemberId, ServerAssignorKind,
    TopicDescription, TopicId, TopicPartition, TopicUuid, assign, assign_on_server,
};
use rebsim::import::assignor_cases::CaseAssignor;

/// How a group may look.
#[derive(Clone, Copy, Debug)]
struct Shape {
    same_subscriptions: bool,
    racks: bool,
}

fn topic_strategy(shape: Shape) -> impl Strategy<Value = (u32, bool, Vec<u8>)> {
    (1..20_u32, any::<bool>(), vec(1..8_u8, 20))
        .prop_map(move |(partitions, has_racks, sets)| (partitions, has_racks && shape.racks, sets))
}

fn racks_of(set: u8) -> Vec<String> {
    (0..3)
        .filter(|rack| set & (1 << rack) != 0)
        .map(|rack| format!("rack{rack}"))
        .collect()
}

/// Per member: id, subscription bits, rack, static.
type RawMember = (u64, u8, u8, bool);

fn group(shape: Shape) -> impl Strategy<Value = AssignmentInput> {
    let topics = vec(topic_strategy(shape), 1..6);
    let members = vec((any::<u64>(), 1..32_u8, 0..5_u8, any::<bool>()), 1..13);
    (topics, members).prop_map(move |(topics, members)| build(shape, &topics, &members))
}

fn build(shape: Shape, topics: &[(u32, bool, Vec<u8>)], members: &[RawMember]) -> AssignmentInput {
    let topics: Vec<TopicDescription> = (0_u64..)
        .zip(topics)
        .map(|(number, (partitions, has_racks, sets))| TopicDescription {
            name: format!("topic-{number}"),
            id: TopicUuid {
                most_significant: number.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ u64::from(sets[0]),
                least_significant: number,
            },
            partitions: *partitions,
            racks: if *has_racks {
                let sets = sets.iter().take(*partitions as usize);
                sets.map(|&set| racks_of(set)).collect()
            } else {
                Vec::new()
            },
        })
        .collect();
    let all: Vec<TopicId> = (0..topics.len() as u32).map(TopicId).collect();
    let members = (0..)
        .zip(members)
        .map(|(number, &(id, bits, rack, is_static))| {
            let wanted = all.iter().copied().filter(|topic| bits >> topic.0 & 1 == 1);
            let mut subscription: Vec<TopicId> = wanted.collect();
            if shape.same_subscriptions || subscription.is_empty() {
                subscription.clone_from(&all);
            }
            let number: usize = number;
            MemberDescription {
                id: MemberId::new(&format!("consumer-{number}-{id:016x}")),
                instance: is_static.then(|| format!("pod-{number}")),
                rack: (shape.racks && rack < 4).then(|| format!("rack{rack}")),
                topics: subscription,
                owned: Vec::new(),
                generation: -1,
                subscription_generation: -1,
            }
        });
    let members = members.collect();
    AssignmentInput {
        mixed_patterns: false,
        topics,
        members,
        loads: Vec::new(),
    }
}

fn run(assignor: CaseAssignor, input: &AssignmentInput) -> Vec<Vec<TopicPartition>> {
    match assignor {
        CaseAssignor::Client(kind) => assign(kind, input, &mut AssignorMemory::default()),
        CaseAssignor::Server(kind) => assign_on_server(kind, input),
    }
}

/// The group after everybody took what it was given.
fn after(
    input: &AssignmentInput,
    lists: &[Vec<TopicPartition>],
    generation: i32,
) -> AssignmentInput {
    let mut next = input.clone();
    for (member, list) in next.members.iter_mut().zip(lists) {
        member.owned.clone_from(list);
        member.generation = generation;
        member.subscription_generation = generation;
    }
    next
}

/// Every partition of a subscribed topic.
fn subscribed(input: &AssignmentInput) -> Vec<TopicPartition> {
    let mut topics: Vec<TopicId> = input
        .members
        .iter()
        .flat_map(|member| &member.topics)
        .copied()
        .collect();
    topics.sort_unstable();
    topics.dedup();
    let partitions = topics.into_iter().flat_map(|topic| {
        let count = input.topics[topic.index()].partitions;
        (0..count).map(move |partition| TopicPartition { topic, partition })
    });
    partitions.collect()
}

fn sorted(lists: &[Vec<TopicPartition>]) -> Vec<Vec<TopicPartition>> {
    let mut lists = lists.to_vec();
    lists.iter_mut().for_each(|list| list.sort_unstable());
    lists
}

fn flat(lists: &[Vec<TopicPartition>]) -> Vec<TopicPartition> {
    let mut all = lists.concat();
    all.sort_unstable();
    all
}

fn spread(lists: &[Vec<TopicPartition>]) -> usize {
    let sizes = lists.iter().map(Vec::len);
    sizes.clone().max().unwrap_or(0) - sizes.min().unwrap_or(0)
}

const SHAPES: [Shape; 4] = [
    Shape {
        same_subscriptions: true,
        racks: false,
    },
    Shape {
        same_subscriptions: true,
        racks: true,
    },
    Shape {
        same_subscriptions: false,
        racks: false,
    },
    Shape {
        same_subscriptions: false,
        racks: true,
    },
];

fn any_group() -> impl Strategy<Value = AssignmentInput> {
    prop::sample::select(SHAPES.to_vec()).prop_flat_map(group)
}

/// Random claims: partitions of any topic by any member, of any generation.
fn with_claims() -> impl Strategy<Value = AssignmentInput> {
    let claims = vec((any::<prop::sample::Index>(), 0..6_u32, 0..25_u32), 0..60);
    let generations = vec((-1..4_i32, -1..4_i32), 13);
    (any_group(), claims, generations).prop_map(|(mut input, claims, generations)| {
        let topics = input.topics.len() as u32;
        for (member, topic, partition) in claims {
            let member = member.index(input.members.len());
            let topic = TopicId(topic % topics);
            let claim = TopicPartition { topic, partition };
            input.members[member].owned.push(claim);
        }
        for (member, (claim, subscription)) in input.members.iter_mut().zip(generations) {
            member.generation = claim;
            member.subscription_generation = subscription;
        }
        input
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_first_assignment_is_complete_and_disjoint(input in any_group()) {
        for assignor in CaseAssignor::ALL {
            let lists = run(assignor, &input);
            prop_assert_eq!(lists.len(), input.members.len());
            prop_assert_eq!(flat(&lists), subscribed(&input), "{}", assignor.name());
            for (member, list) in input.members.iter().zip(&lists) {
                for held in list {
                    prop_assert!(member.topics.contains(&held.topic), "{}", assignor.name());
                }
            }
        }
    }

    #[test]
    fn equal_subscriptions_are_balanced_to_one(input in prop::sample::select(SHAPES[..2].to_vec()).prop_flat_map(group)) {
        for assignor in CaseAssignor::ALL {
            let lists = run(assignor, &input);
            let allowed = match assignor {
                // one for each topic
                CaseAssignor::Client(AssignorKind::Range | AssignorKind::LagAware)
                | CaseAssignor::Server(ServerAssignorKind::Range) => input.topics.len(),
                CaseAssignor::Client(
                    AssignorKind::RoundRobin
                    | AssignorKind::Sticky
                    | AssignorKind::CooperativeSticky
                    // no loads are given, so that all partitions weigh alike
                    | AssignorKind::Weighted,
                )
                | CaseAssignor::Server(ServerAssignorKind::Uniform) => 1,
            };
            prop_assert!(spread(&lists) <= allowed, "{}: {:?}", assignor.name(), lists);
        }
    }

    #[test]
    fn nothing_moves_when_nothing_changed(input in group(SHAPES[0])) {
        for assignor in CaseAssignor::ALL {
            let first = run(assignor, &input);
            let second = run(assignor, &after(&input, &first, 1));
            prop_assert_eq!(sorted(&second), sorted(&first), "{}", assignor.name());
        }
    }

    /// Range and round robin look at nothing but who is there, whatever the subscriptions and racks.
    #[test]
    fn assignors_without_memory_ignore_claims(input in with_claims()) {
        let mut forgotten = input.clone();
        for member in &mut forgotten.members {
            member.owned.clear();
            member.generation = -1;
            member.subscription_generation = -1;
        }
        for assignor in [
            CaseAssignor::Client(AssignorKind::Range),
            CaseAssignor::Client(AssignorKind::RoundRobin),
            CaseAssignor::Server(ServerAssignorKind::Range),
        ] {
            prop_assert_eq!(run(assignor, &input), run(assignor, &forgotten), "{}", assignor.name());
        }
    }

    /// Stale generations, double claims and claims on what does not exist: never a panic, never a partition twice.
    #[test]
    fn wild_claims_do_no_harm(input in with_claims()) {
        let all = subscribed(&input);
        let sticky = run(CaseAssignor::Client(AssignorKind::Sticky), &input);
        prop_assert_eq!(flat(&sticky), all.clone());
        let _ = run(CaseAssignor::Server(ServerAssignorKind::Uniform), &input);

        let kind = CaseAssignor::Client(AssignorKind::CooperativeSticky);
        let first = run(kind, &input);
        let given = flat(&first);
        prop_assert!(given.windows(2).all(|pair| pair[0] != pair[1]));
        let claimed = |held: &TopicPartition| input.members.iter().any(|member| member.owned.contains(held));
        for held in all.iter().filter(|held| given.binary_search(held).is_err()) {
            prop_assert!(claimed(held), "only what somebody claims is withheld: {held:?}");
        }
        // what was withheld is free in the follow-up round
        let second = run(kind, &after(&input, &first, 9));
        if input.members.iter().all(|member| member.topics.len() == input.topics.len() && member.rack.is_none()) {
            prop_assert_eq!(flat(&second), all);
            prop_assert!(spread(&second) <= 1);
        }
    }

    /// A member that joins a balanced group takes its share and nothing else moves.
    #[test]
    fn sticky_moves_only_to_who_joins(input in group(SHAPES[0])) {
        for assignor in [
            CaseAssignor::Client(AssignorKind::Sticky),
            CaseAssignor::Server(ServerAssignorKind::Uniform),
        ] {
            let mut before = input.clone();
            let newcomer = before.members.pop();
            if before.members.is_empty() {
                continue;
            }
            let first = run(assignor, &before);
            let mut joined = after(&before, &first, 1);
            joined.members.extend(newcomer);
            let second = run(assignor, &joined);
            for (had, has) in first.iter().zip(&second) {
                prop_assert!(has.iter().all(|held| had.contains(held)), "{}", assignor.name());
            }
        }
    }
}
