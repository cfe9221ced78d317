//! The assignors that are not Kafka's: tables by hand, and properties on random groups and weights.

use proptest::collection::vec;
use proptest::prelude::*;
use rebsim::assignor::{
    AssignmentInput, AssignorKind, AssignorMemory, MemberDescription, MemberId, TopicDescription,
    TopicId, TopicPartition, TopicUuid, assign,
};
use rebsim::import::assignor_cases::parse_line;
use rebsim::report::assignment::json_line;

use AssignorKind::{LagAware, Weighted};

/// What the assignor of a case answers.
fn answer(case: &str) -> String {
    let case = parse_line(1, case.as_bytes())
        .expect("a sound case")
        .expect("not blank");
    let line = json_line(&case.input, &case.run());
    line.strip_prefix(r#"{"assignment":"#)
        .and_then(|rest| rest.strip_suffix('}'))
        .expect("an assignment")
        .replace('"', "")
}

fn refusal(case: &str) -> String {
    parse_line(1, case.as_bytes())
        .expect_err("no sound case")
        .reason
}

#[test]
fn lag_aware_by_hand() {
    let two = r#"[{"id":"c0","topics":["t0"]},{"id":"c1","topics":["t0"]}]"#;
    let one_topic = |lags: &str, count: u32, members: &str| {
        answer(&format!(
            r#"{{"assignor":"x-lag-aware","topics":[{{"name":"t0","partitions":{count},"lag":{lags}}}],"members":{members}}}"#
        ))
    };
    // The example in the documentation of LagBasedPartitionAssignor.
    assert_eq!(
        one_topic("[100000,50000,60000]", 3, two),
        "{c0:[t0-0],c1:[t0-2,t0-1]}"
    );
    // Without lag: by number, in turn.
    assert_eq!(
        one_topic("[0,0,0,0,0]", 5, two),
        "{c0:[t0-0,t0-2,t0-4],c1:[t0-1,t0-3]}"
    );
    // The number of partitions comes before the lag: 1,000 and 1 against 3 and 2.
    assert_eq!(
        one_topic("[1,2,3,1000]", 4, two),
        "{c0:[t0-3,t0-0],c1:[t0-2,t0-1]}"
    );
    // Of equals the lowest member id as Java compares texts, wherever it stands in the case and whatever its instance id.
    let back = r#"[{"id":"c9","topics":["t0"],"instance":"a"},{"id":"c10","topics":["t0"]}]"#;
    assert_eq!(one_topic("[7,7,7]", 3, back), "{c9:[t0-1],c10:[t0-0,t0-2]}");
    // Each topic is dealt by itself; what a member has of others does not matter.
    assert_eq!(
        answer(
            r#"{"assignor":"x-lag-aware","topics":[{"name":"b","partitions":1,"lag":[9]},{"name":"a","partitions":1,"lag":[900]},
                {"name":"only","partitions":2,"lag":[1,2]}],
                "members":[{"id":"m","topics":["a","b"]},{"id":"n","topics":["a","b","only"],"owned":["a-0","b-0"],"generation":4}]}"#
        ),
        "{m:[a-0,b-0],n:[only-1,only-0]}"
    );
}

#[test]
fn weighted_by_hand() {
    let case = |topics: &str, members: &str| {
        answer(&format!(
            r#"{{"assignor":"x-weighted","topics":[{topics}],"members":[{members}]}}"#
        ))
    };
    // Graham's example, the bound met: 5 5 4 4 3 3 3 on three members end at 11, where 9 is possible.
    let three = r#"{"id":"a","topics":["t"]},{"id":"b","topics":["t"]},{"id":"c","topics":["t"]}"#;
    assert_eq!(
        case(
            r#"{"name":"t","partitions":7,"weight":[3,4,5,3,5,4,3]}"#,
            three
        ),
        "{a:[t-2,t-0,t-6],b:[t-4,t-3],c:[t-1,t-5]}"
    );
    // A hot partition stays alone.
    assert_eq!(
        case(
            r#"{"name":"t","partitions":5,"weight":[90,10,10,10,10]}"#,
            three
        ),
        "{a:[t-0],b:[t-1,t-3],c:[t-2,t-4]}"
    );
    // Without weights they are dealt in turn, over all topics together.
    assert_eq!(
        case(
            r#"{"name":"u","partitions":2,"weight":[0,0]},{"name":"t","partitions":2,"weight":[0,0]}"#,
            r#"{"id":"b","topics":["t","u"]},{"id":"a","topics":["u","t"]},{"id":"c","topics":["t","u"]}"#
        ),
        "{b:[t-1],a:[t-0,u-1],c:[u-0]}"
    );
    // What a member has of one topic counts for the other, where subscriptions differ too.
    assert_eq!(
        case(
            r#"{"name":"t","partitions":2,"weight":[50,40]},{"name":"u","partitions":3,"weight":[30,20,10]}"#,
            r#"{"id":"both","topics":["t","u"]},{"id":"late","topics":["u"]}"#
        ),
        "{both:[t-0,t-1],late:[u-0,u-1,u-2]}"
    );
}

#[test]
fn a_case_gives_what_its_assignor_goes_by() {
    let members = r#""members":[{"id":"a","topics":["t"]}]"#;
    let case = |assignor: &str, fields: &str| {
        format!(
            r#"{{"assignor":"{assignor}","topics":[{{"name":"t","partitions":2{fields}}}],{members}}}"#
        )
    };
    for (assignor, field, other) in [
        ("x-lag-aware", "lag", "weight"),
        ("x-weighted", "weight", "lag"),
    ] {
        let missing = format!("topic `t`: no `{field}`, and the assignor goes by it");
        assert_eq!(refusal(&case(assignor, "")), missing);
        assert_eq!(
            refusal(&case(assignor, &format!(r#","{other}":[1,2]"#))),
            missing
        );
        assert_eq!(
            refusal(&case(assignor, &format!(r#","{field}":[1,2,3]"#))),
            format!("topic `t`: `{field}` of 3 partitions, but it has 2")
        );
        let huge = format!(r#","{field}":[{max},{max}]"#, max = u64::MAX);
        assert_eq!(answer(&case(assignor, &huge)), "{a:[t-0,t-1]}");
    }
}

/// Topics by their partitions' loads; members by the topics that they subscribe to, as bits (none: all).
fn group(loads: Vec<Vec<u64>>, members: &[u8]) -> AssignmentInput {
    let topics = (0_u64..)
        .zip(&loads)
        .map(|(number, loads)| TopicDescription {
            name: format!("topic-{number}"),
            id: TopicUuid {
                most_significant: number,
                least_significant: number,
            },
            partitions: loads.len() as u32,
            racks: Vec::new(),
        });
    let topics: Vec<TopicDescription> = topics.collect();
    let all = || (0..topics.len() as u32).map(TopicId);
    let members = (0..).zip(members).map(|(number, &bits): (u32, &u8)| {
        let mut wanted: Vec<TopicId> = all().filter(|topic| bits >> topic.0 & 1 == 1).collect();
        if wanted.is_empty() {
            wanted = all().collect();
        }
        MemberDescription {
            id: MemberId::new(&format!("consumer-{number}")),
            instance: None,
            rack: None,
            topics: wanted,
            owned: Vec::new(),
            generation: -1,
            subscription_generation: -1,
        }
    });
    AssignmentInput {
        mixed_patterns: false,
        members: members.collect(),
        topics,
        loads,
    }
}

/// Few different loads, so that there are ties, and some beyond 32 bits.
fn loads() -> impl Strategy<Value = Vec<Vec<u64>>> {
    let load = prop_oneof![0..6_u64, 0..2_000_u64, Just(1 << 40)];
    vec(vec(load, 1..12), 1..5)
}

fn run(kind: AssignorKind, input: &AssignmentInput) -> Vec<Vec<TopicPartition>> {
    assign(kind, input, &mut AssignorMemory::default())
}

fn load_of(input: &AssignmentInput, list: &[TopicPartition]) -> u128 {
    let load = |held: &TopicPartition| input.loads[held.topic.index()][held.partition as usize];
    list.iter().map(|held| u128::from(load(held))).sum()
}

/// The rules word by word: all partitions in order, all subscribers compared for each. Ids and names are in order of position here
/// (no more than ten).
fn by_the_words(kind: AssignorKind, input: &AssignmentInput) -> Vec<Vec<TopicPartition>> {
    let mut all = Vec::new();
    for (topic, loads) in (0..).map(TopicId).zip(&input.loads) {
        for (partition, &load) in (0..).zip(loads) {
            all.push((load, TopicPartition { topic, partition }));
        }
    }
    // stable: of equals the first
    all.sort_by_key(|&(load, _)| std::cmp::Reverse(load));
    if kind == LagAware {
        all.sort_by_key(|(_, held)| held.topic);
    }
    let mut lists: Vec<Vec<TopicPartition>> = vec![Vec::new(); input.members.len()];
    for (_, held) in all {
        let standing = |&member: &usize| {
            let of_topic: Vec<TopicPartition> = lists[member]
                .iter()
                .copied()
                .filter(|other| kind == Weighted || other.topic == held.topic)
                .collect();
            let load = load_of(input, &of_topic);
            let count = of_topic.len() as u128;
            if kind == LagAware {
                (count, load)
            } else {
                (load, count)
            }
        };
        let subscribers = (0..input.members.len())
            .filter(|&member| input.members[member].topics.contains(&held.topic));
        if let Some(next) = subscribers.min_by_key(standing) {
            lists[next].push(held);
        }
    }
    lists
}

/// The least that the busiest member can have: every way to deal the loads is tried.
fn best(loads: &[u64], members: usize) -> u128 {
    fn deal(loads: &[u64], sums: &mut Vec<u128>, least: &mut u128) {
        let Some((&first, rest)) = loads.split_first() else {
            *least = (*least).min(sums.iter().copied().max().unwrap_or(0));
            return;
        };
        for member in 0..sums.len() {
            sums[member] += u128::from(first);
            deal(rest, sums, least);
            sums[member] -= u128::from(first);
        }
    }
    let mut least = u128::MAX;
    deal(loads, &mut vec![0; members], &mut least);
    least
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn nobody_is_forgotten_and_nothing_given_twice(loads in loads(), members in vec(0..16_u8, 1..10)) {
        let input = group(loads, &members);
        let mut wanted: Vec<TopicPartition> = Vec::new();
        for (topic, loads) in (0..).map(TopicId).zip(&input.loads) {
            if input.members.iter().any(|member| member.topics.contains(&topic)) {
                wanted.extend((0..loads.len() as u32).map(|partition| TopicPartition { topic, partition }));
            }
        }
        for kind in [LagAware, Weighted] {
            let lists = run(kind, &input);
            let mut given = lists.concat();
            given.sort_unstable();
            prop_assert_eq!(&given, &wanted);
            prop_assert_eq!(&lists, &by_the_words(kind, &input), "{}", kind.name());
            // whoever stands where in the list, the same ids get the same
            let mut turned = input.clone();
            turned.members.reverse();
            let mut same = run(kind, &turned);
            same.reverse();
            prop_assert_eq!(same, lists);
        }
    }

    #[test]
    fn lag_aware_gives_each_subscriber_of_a_topic_as_many(loads in loads(), members in vec(0..16_u8, 1..10)) {
        let input = group(loads, &members);
        let lists = run(LagAware, &input);
        for topic in (0..input.topics.len() as u32).map(TopicId) {
            let counts = input.members.iter().zip(&lists).filter(|(member, _)| member.topics.contains(&topic));
            let counts: Vec<usize> = counts.map(|(_, list)| list.iter().filter(|held| held.topic == topic).count()).collect();
            let (least, most) = (counts.iter().min(), counts.iter().max());
            prop_assert!(most.unwrap_or(&0) - least.unwrap_or(&0) <= 1, "{counts:?}");
        }
    }

    /// Graham 1969: (4/3 - 1/(3 m)) of the best; the mere sum of 4/3 of the best and the largest follows.
    #[test]
    fn weighted_stays_within_grahams_bound(loads in vec(0..50_u64, 1..9), members in 1..4_usize) {
        let optimum = best(&loads, members);
        let input = group(vec![loads], &vec![0; members]);
        let lists = run(Weighted, &input);
        let busiest = lists.iter().map(|list| load_of(&input, list)).max().unwrap_or(0);
        let m = members as u128;
        prop_assert!(busiest >= optimum);
        prop_assert!(3 * m * busiest <= (4 * m - 1) * optimum, "{busiest} where {optimum} is possible");
    }
}
