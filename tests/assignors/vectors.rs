//! Published vectors: small groups with the result of Kafka's own classes.

use rebsim::assignor::{
    AssignmentInput, AssignorKind, AssignorMemory, MemberDescription, MemberId, ServerAssignorKind,
    TopicDescription, TopicId, TopicPartition, TopicUuid, assign, assign_on_server,
};

/// A small group in words.
#[derive(Clone)]
struct Group(AssignmentInput);

/// Topics as `t1x4 t2x3`; their ids are 1/1, 2/2 and so on.
fn topics(text: &str) -> Group {
    let topics = (1..).zip(text.split(' ')).map(|(number, topic)| {
        let (name, partitions) = topic.split_once('x').expect("name x partitions");
        TopicDescription {
            name: name.to_owned(),
            id: TopicUuid {
                most_significant: number,
                least_significant: number,
            },
            partitions: partitions.parse().expect("a number"),
            racks: Vec::new(),
        }
    });
    Group(AssignmentInput {
        mixed_patterns: false,
        topics: topics.collect(),
        members: Vec::new(),
        loads: Vec::new(),
    })
}

impl Group {
    fn topic(&self, name: &str) -> TopicId {
        let position = self.0.topics.iter().position(|topic| topic.name == name);
        TopicId(position.expect("a topic of the group") as u32)
    }

    /// Replica racks of the first topic's partitions: `12` stands for r1 and r2.
    fn racks(mut self, text: &str) -> Self {
        let partitions = text
            .split(' ')
            .map(|racks| racks.chars().map(|rack| format!("r{rack}")).collect());
        self.0.topics[0].racks = partitions.collect();
        self
    }

    /// A member `id`, `id(instance)` or `id@rack` that subscribes to `subscription` and owns nothing.
    fn member(mut self, id: &str, subscription: &str) -> Self {
        let (rest, rack) = id
            .split_once('@')
            .map_or((id, None), |(id, rack)| (id, Some(rack)));
        let (id, instance) = rest.split_once('(').map_or((rest, None), |(id, instance)| {
            (id, Some(instance.trim_end_matches(')')))
        });
        let topics = subscription
            .split(' ')
            .map(|name| self.topic(name))
            .collect();
        self.0.members.push(MemberDescription {
            id: MemberId::new(id),
            instance: instance.map(str::to_owned),
            rack: rack.map(str::to_owned),
            topics,
            owned: Vec::new(),
            generation: -1,
            subscription_generation: -1,
        });
        self
    }

    /// What the last member owns, as `t1:0 t1:1`, and since which generation.
    fn owns(mut self, owned: &str, generation: i32) -> Self {
        let owned = owned
            .split(' ')
            .filter(|text| !text.is_empty())
            .map(|text| {
                let (topic, partition) = text.split_once(':').expect("topic:partition");
                TopicPartition {
                    topic: self.topic(topic),
                    partition: partition.parse().expect("a number"),
                }
            });
        let owned = owned.collect();
        let member = self.0.members.last_mut().expect("a member");
        member.owned = owned;
        member.generation = generation;
        member.subscription_generation = generation;
        self
    }

    fn written(&self, lists: &[Vec<TopicPartition>]) -> String {
        let members = self.0.members.iter().zip(lists).map(|(member, list)| {
            let list = list.iter().map(|held| {
                format!(
                    "{}:{}",
                    self.0.topics[held.topic.index()].name,
                    held.partition
                )
            });
            format!("{}=[{}]", member.id, list.collect::<Vec<_>>().join(" "))
        });
        members.collect::<Vec<_>>().join(" ")
    }

    fn client(&self, kind: AssignorKind) -> String {
        self.written(&assign(kind, &self.0, &mut AssignorMemory::default()))
    }

    fn server(&self, kind: ServerAssignorKind) -> String {
        self.written(&assign_on_server(kind, &self.0))
    }
}

use AssignorKind::{CooperativeSticky, Range, RoundRobin, Sticky};
use ServerAssignorKind::Uniform;

#[test]
fn v1_range_gives_the_first_member_the_rest_of_every_topic() {
    let group = topics("t1x3 t2x3")
        .member("C0", "t1 t2")
        .member("C1", "t1 t2");
    assert_eq!(
        group.client(Range),
        "C0=[t1:0 t1:1 t2:0 t2:1] C1=[t1:2 t2:2]"
    );
}

#[test]
fn v2_range_with_unequal_subscriptions() {
    let group = topics("t1x7 t2x2")
        .member("C0", "t1 t2")
        .member("C1", "t1")
        .member("C2", "t1 t2");
    assert_eq!(
        group.client(Range),
        "C0=[t1:0 t1:1 t1:2 t2:0] C1=[t1:3 t1:4] C2=[t1:5 t1:6 t2:1]"
    );
}

#[test]
fn v3_range_puts_static_members_first() {
    let group = topics("t1x3 t2x3")
        .member("A", "t1 t2")
        .member("B(zz)", "t1 t2");
    assert_eq!(group.client(Range), "A=[t1:2 t2:2] B=[t1:0 t1:1 t2:0 t2:1]");
}

#[test]
fn v4_range_with_racks() {
    let group = topics("tx6")
        .racks("12 23 31 12 23 31")
        .member("A@r1", "t")
        .member("B@r2", "t")
        .member("C@r3", "t");
    assert_eq!(group.client(Range), "A=[t:0 t:2] B=[t:1 t:3] C=[t:4 t:5]");
    let without = topics("tx6")
        .member("A", "t")
        .member("B", "t")
        .member("C", "t");
    assert_eq!(without.client(Range), "A=[t:0 t:1] B=[t:2 t:3] C=[t:4 t:5]");
}

#[test]
fn v5_round_robin_skips_who_does_not_subscribe() {
    let group = topics("t0x1 t1x2 t2x3")
        .member("C0", "t0")
        .member("C1", "t0 t1")
        .member("C2", "t0 t1 t2");
    assert_eq!(
        group.client(RoundRobin),
        "C0=[t0:0] C1=[t1:0] C2=[t1:1 t2:0 t2:1 t2:2]"
    );
}

/// Three members on seven partitions; `owned` in the order A, B, C.
fn three(owned: [&str; 3], generation: i32) -> Group {
    ["A", "B", "C"]
        .into_iter()
        .zip(owned)
        .fold(topics("t1x4 t2x3"), |group, (id, owned)| {
            group.member(id, "t1 t2").owns(owned, generation)
        })
}

const V6: [&str; 3] = ["t1:0 t1:3 t2:2", "t1:1 t2:0", "t1:2 t2:1"];

#[test]
fn v6_cooperative_sticky_fresh() {
    assert_eq!(
        three(["", "", ""], -1).client(CooperativeSticky),
        "A=[t1:0 t1:3 t2:2] B=[t1:1 t2:0] C=[t1:2 t2:1]"
    );
}

#[test]
fn v7_cooperative_sticky_withholds_what_changes_hands() {
    let group = three(V6, 1).member("D", "t1 t2");
    assert_eq!(
        group.client(CooperativeSticky),
        "A=[t1:0 t2:2] B=[t2:0 t1:1] C=[t2:1 t1:2] D=[]"
    );
}

#[test]
fn v7s_sticky_hands_it_over_at_once() {
    let group = three(V6, 1).member("D", "t1 t2");
    assert_eq!(
        group.client(Sticky),
        "A=[t1:0 t2:2] B=[t2:0 t1:1] C=[t2:1 t1:2] D=[t1:3]"
    );
}

#[test]
fn v8_cooperative_sticky_second_round() {
    let group = three(["t1:0 t2:2", "t2:0 t1:1", "t2:1 t1:2"], 2)
        .member("D", "t1 t2")
        .owns("", 2);
    assert_eq!(
        group.client(CooperativeSticky),
        "A=[t1:0 t2:2] B=[t2:0 t1:1] C=[t2:1 t1:2] D=[t1:3]"
    );
}

#[test]
fn v9_cooperative_sticky_needs_one_round_when_a_member_is_gone() {
    let group = topics("t1x4 t2x3")
        .member("B", "t1 t2")
        .owns(V6[1], 1)
        .member("C", "t1 t2")
        .owns(V6[2], 1);
    assert_eq!(
        group.client(CooperativeSticky),
        "B=[t2:0 t1:1 t1:0 t2:2] C=[t2:1 t1:2 t1:3]"
    );
}

#[test]
fn v10_cooperative_sticky_takes_the_highest_partitions() {
    let all = (0..12).map(|partition| format!("t:{partition}"));
    let all = all.collect::<Vec<_>>().join(" ");
    let group = topics("tx12")
        .member("A", "t")
        .owns(&all, 1)
        .member("B", "t");
    assert_eq!(
        group.client(CooperativeSticky),
        "A=[t:0 t:1 t:2 t:3 t:4 t:5] B=[]"
    );
}

fn double_claim(generation_of_a: i32) -> Group {
    topics("tx4")
        .member("A", "t")
        .owns("t:0 t:1 t:2", generation_of_a)
        .member("B", "t")
        .owns("t:2 t:3", 3)
}

#[test]
fn v11_double_claim_of_one_generation_is_void() {
    assert_eq!(
        double_claim(3).client(CooperativeSticky),
        "A=[t:0 t:1] B=[t:3]"
    );
}

#[test]
fn v12_double_claim_goes_to_the_higher_generation() {
    assert_eq!(
        double_claim(2).client(CooperativeSticky),
        "A=[t:0 t:1] B=[t:2 t:3]"
    );
}

#[test]
fn v12g_general_builder_withholds() {
    let group = topics("t1x6 t2x2")
        .member("A", "t1")
        .member("B", "t1 t2")
        .owns("t1:0 t1:1 t1:2 t1:3 t1:4 t1:5 t2:0 t2:1", 4)
        .member("C", "t2");
    assert_eq!(
        group.client(CooperativeSticky),
        "A=[] B=[t1:4 t1:5 t1:0] C=[]"
    );
}

#[test]
fn v12h_general_builder_fresh() {
    let group = topics("t1x6 t2x2")
        .member("A", "t1")
        .member("B", "t1 t2")
        .member("C", "t2");
    assert_eq!(
        group.client(CooperativeSticky),
        "A=[t1:0 t1:2 t1:4] B=[t1:1 t1:3 t1:5] C=[t2:0 t2:1]"
    );
}

/// 4.0.0 returned A=[0 2] B=[1], because A iterates first and extras went to the first. 4.0.1 and later keep the input:
/// who fills the larger quota has the extra partition (KAFKA-18688).
#[test]
fn v13_uniform_is_stable_since_4_0_1() {
    let group = topics("tx3")
        .member("A", "t")
        .owns("t:0", 1)
        .member("B", "t")
        .owns("t:1 t:2", 1);
    assert_eq!(group.server(Uniform), "A=[t:0] B=[t:1 t:2]");
}

#[test]
fn v14_uniform_fresh() {
    assert_eq!(
        three(["", "", ""], -1).server(Uniform),
        "A=[t1:0 t1:1] B=[t1:2 t1:3] C=[t2:0 t2:1 t2:2]"
    );
}

#[test]
fn v15_uniform_with_one_more() {
    let group = three(["t1:0 t1:1 t1:2", "t1:3 t2:0", "t2:1 t2:2"], 1).member("D", "t1 t2");
    assert_eq!(
        group.server(Uniform),
        "A=[t1:0 t1:1] B=[t1:3 t2:0] C=[t2:1 t2:2] D=[t1:2]"
    );
}

#[test]
fn v16_uniform_with_one_less() {
    let group = topics("t1x4 t2x3")
        .member("B", "t1 t2")
        .owns("t1:3 t2:0", 1)
        .member("C", "t1 t2")
        .owns("t2:1 t2:2", 1);
    assert_eq!(
        group.server(Uniform),
        "B=[t1:0 t1:3 t2:0] C=[t1:1 t1:2 t2:1 t2:2]"
    );
}

#[test]
fn v17_uniform_heterogeneous() {
    let group = topics("t1x6 t2x4")
        .member("A", "t1")
        .member("B", "t1 t2")
        .member("C", "t2");
    assert_eq!(
        group.server(Uniform),
        "A=[t1:0 t1:2 t1:4] B=[t1:1 t1:3 t1:5] C=[t2:0 t2:1 t2:2 t2:3]"
    );
}

#[test]
fn v18_server_range_puts_static_members_first() {
    let group = topics("t1x7 t2x7")
        .member("A", "t1 t2")
        .member("B(zz)", "t1 t2")
        .member("C(aa)", "t1 t2");
    assert_eq!(
        group.server(ServerAssignorKind::Range),
        "A=[t1:5 t1:6 t2:5 t2:6] B=[t1:3 t1:4 t2:3 t2:4] C=[t1:0 t1:1 t1:2 t2:0 t2:1 t2:2]"
    );
}

#[test]
fn v19_server_range_heterogeneous() {
    let group = topics("t1x5 t2x4")
        .member("A", "t1")
        .member("B", "t1 t2")
        .member("C", "t2");
    assert_eq!(
        group.server(ServerAssignorKind::Range),
        "A=[t1:0 t1:1 t1:2] B=[t1:3 t1:4 t2:0 t2:1] C=[t2:2 t2:3]"
    );
}

/// `maxGeneration` is a field of the assignor object: a claim is old or not by the highest generation ever seen.
#[test]
fn the_leader_remembers_the_highest_generation() {
    let group = double_claim(2);
    let mut memory = AssignorMemory::default();
    let _ = assign(Sticky, &group.0, &mut memory);
    assert_eq!(memory.max_generation, 3);
    let _ = assign(Sticky, &three(V6, 1).0, &mut memory);
    assert_eq!(memory.max_generation, 3);
}

/// `ConsumerGroup.subscriptionType`: a group in which only some subscribe by an expression is heterogeneous, whatever the topics.
#[test]
fn uniform_spreads_each_topic_where_expressions_and_names_are_mixed() {
    let mut group = topics("ax3 bx3").member("a", "a b").member("b", "a b");
    let lists = |group: &Group| -> Vec<Vec<(u32, u32)>> {
        let lists = assign_on_server(ServerAssignorKind::Uniform, &group.0);
        let pair = |partition: TopicPartition| (partition.topic.0, partition.partition);
        lists
            .into_iter()
            .map(|list| list.into_iter().map(pair).collect())
            .collect()
    };
    assert_eq!(
        lists(&group),
        [[(0, 0), (0, 1), (0, 2)], [(1, 0), (1, 1), (1, 2)]]
    );
    group.0.mixed_patterns = true;
    assert_eq!(
        lists(&group),
        [[(0, 0), (0, 2), (1, 2)], [(0, 1), (1, 0), (1, 1)]]
    );
}
