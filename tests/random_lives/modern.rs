//! Random scenarios of groups of the consumer protocol, of groups whose members speak either, and of groups that change from one to the other.

use rebsim::kernel::{Draw, Seed, Stream};

use super::script::{Dice, Group, LISTS, Script, TOPICS, event, in_order, topic_line};

/// Who speaks what in a group.
#[derive(Clone, Copy, PartialEq)]
enum Speech {
    /// The consumer protocol.
    Consumer,
    /// Each member one of the two.
    Either,
    /// All the same, and another one from some instant on, with the next start.
    Changing { from_consumer: bool },
}

/// The settings that only one protocol knows.
struct Dialects {
    classic: String,
    consumer: String,
}

impl Dialects {
    fn set(&self, consumer: bool) -> String {
        if consumer {
            let none = "session.timeout.ms: null, heartbeat.interval.ms: null, partition.assignment.strategy: null";
            format!("{}, {none}", self.consumer)
        } else {
            format!("{}, group.remote.assignor: null", self.classic)
        }
    }
}

impl Script {
    /// The `seed`-th script of consumer, mixed and changing groups.
    pub(crate) fn random_modern(seed: u64) -> Self {
        let mut dice = Dice(Draw::new(Seed(seed), Stream::new("modern", "script")));
        let initial_delay = dice.pick(&[0, 0, 3_000]);
        let metadata_age = dice.pick(&[1_000, 5_000]);
        let topics: Vec<(usize, u64)> = (0..usize::try_from(dice.between(1, 3)).expect("few"))
            .map(|topic| (topic, dice.between(1, 8)))
            .collect();
        let session = dice.pick(&[6_000, 10_000, 20_000]);
        let heartbeat = dice.pick(&[1_000, 2_000, 5_000]);
        let count = 1 + usize::from(dice.one_in(4));
        let mut groups = Vec::new();
        let mut events = Vec::new();
        for number in 0..count {
            let (group, change) = group(
                number,
                topics.len(),
                (session, heartbeat),
                metadata_age,
                &mut dice,
            );
            events.extend(change);
            groups.push(group);
        }
        events.extend((0..dice.below(9)).map(|_| event(&groups, &topics, &mut dice)));
        in_order(&mut events);
        let mut script = Self {
            seed,
            brokers: brokers(initial_delay, session, heartbeat, &mut dice),
            topics: topics
                .iter()
                .map(|&(topic, partitions)| topic_line(topic, partitions, &mut dice))
                .collect(),
            groups,
            events,
            over: 0,
            ideal: dice.one_in(3),
            modern: true,
            initial_delay,
            metadata_age,
        };
        script.measure();
        script
    }
}

impl Script {
    /// Its brokers let a consumer group become a classic one.
    pub(crate) fn may_downgrade(&self) -> bool {
        let policy = |name: &str| self.brokers.contains(&format!("migration.policy: {name}"));
        policy("bidirectional") || policy("downgrade")
    }

    /// Clients that die of it do so in Kafka, too: static members that were killed and come back before their session is over; and members that come to, or are back in, a
    /// classic group that cannot be converted: it may not, or it has not chosen an assignor yet, or they had been in it when it was another one.
    pub(crate) fn may_fail_with(&self, error: &str) -> bool {
        match error {
            "UnreleasedInstanceIdException" => self.modern,
            // The group may not be converted, or has chosen no assignor yet.
            "GroupIdNotFoundException" | "UnknownServerException" => {
                self.modern && self.text().contains("group.protocol: classic")
            }
            // A classic member of a group that is one of the consumer protocol already (KAFKA-20640).
            "InconsistentGroupProtocolException" => {
                let text = self.text();
                self.modern
                    && text.contains("version: \"4.4\"")
                    && text.contains("migration.policy: disabled")
            }
            _ => false,
        }
    }
}

fn brokers(initial_delay: u64, session: u64, heartbeat: u64, dice: &mut Dice) -> String {
    let version = dice.pick(&["4.0", "4.1", "4.2", "4.4"]);
    let latency = dice.pick(&["0us", "500us", "5ms", "{ uniform: [100us, 20ms] }"]);
    let append = dice.pick(&["0us", "2ms", "{ uniform: [1ms, 10ms] }"]);
    let count = dice.between(1, 4);
    let cost = dice.pick(&["", ", assignor_cost: 300ms"]);
    let policy = dice.pick(&[
        "bidirectional",
        "bidirectional",
        "bidirectional",
        "upgrade",
        "downgrade",
        "disabled",
    ]);
    format!(
        "{{ version: \"{version}\", count: {count}, latency: {latency}, append: {append}{cost}, config: {{ group.initial.rebalance.delay.ms: {initial_delay}, \
         group.consumer.min.session.timeout.ms: 6000, group.consumer.session.timeout.ms: {session}, \
         group.consumer.min.heartbeat.interval.ms: 1000, group.consumer.heartbeat.interval.ms: {heartbeat}, \
         group.consumer.migration.policy: {policy} }} }}"
    )
}

/// A group, and what changes its protocol.
fn group(
    number: usize,
    topics: usize,
    (session, heartbeat): (u64, u64),
    metadata_age: u64,
    dice: &mut Dice,
) -> (Group, Vec<(u64, String)>) {
    let name = ["g", "h"][number];
    let speech = match dice.below(4) {
        0 | 1 => Speech::Consumer,
        2 => Speech::Either,
        _ => Speech::Changing {
            from_consumer: dice.one_in(2),
        },
    };
    let lists = dice.pick(LISTS);
    let remote = dice.pick(&[
        "",
        ", group.remote.assignor: uniform",
        ", group.remote.assignor: range",
    ]);
    let dialects = Dialects {
        classic: format!(
            "group.protocol: classic, session.timeout.ms: {session}, heartbeat.interval.ms: {}, partition.assignment.strategy: {}",
            dice.pick(&[1_000, 3_000]),
            lists[0]
        ),
        consumer: format!("group.protocol: consumer{remote}"),
    };
    let rebalance = dice.pick(&[6_000, 15_000, 40_000]);
    let records = dice.pick(&[1, 20, 500]);
    let per_record = dice.pick(&[0, 1, 3]);
    let (revoked, assigned) = (dice.pick(&[0, 0, 300, 1_000]), dice.pick(&[0, 0, 200]));
    let commit = dice.pick(&[
        "auto",
        "auto",
        "{ after_batch: sync }",
        "{ after_batch: async }",
        "{ every: 2s }",
        "none",
    ]);
    let flush = dice.pick(&["", ", commit: sync", ", commit: async"]);
    let cold = match speech {
        Speech::Either => "    start: cold\n",
        Speech::Consumer | Speech::Changing { .. } => dice.pick(&["", "    start: cold\n"]),
    };
    let head = format!(
        "{cold}    topics: [{}]\n    processing: {{ per_record: {per_record}ms, poll_timeout: {}ms }}\n    commit: {commit}\n    listener: {{ on_revoked: {{ flush: {revoked}ms{flush} }}, on_assigned: {{ work: {assigned}ms }} }}\n",
        TOPICS[..topics].join(", "),
        dice.pick(&[100, 100, 1_000])
    );
    let common = format!(
        "max.poll.interval.ms: {rebalance}, max.poll.records: {records}, metadata.max.age.ms: {metadata_age}, auto.offset.reset: earliest"
    );
    let config = match speech {
        Speech::Either => common,
        Speech::Consumer => format!("{common}, {}", dialects.consumer),
        Speech::Changing {
            from_consumer: true,
        } => format!("{common}, {}", dialects.consumer),
        Speech::Changing {
            from_consumer: false,
        } => format!("{common}, {}", dialects.classic),
    };
    let all_static = dice.one_in(3);
    let count = dice.between(1, 6);
    let members = (0..count)
        .map(|member| member_line(member, speech, &dialects, all_static, topics, dice))
        .collect();
    let group = Group {
        name,
        head,
        config,
        members,
        session,
        heartbeat: heartbeat.max(3_000),
        rebalance,
        work: 3 * records * per_record + revoked + assigned + 500,
    };
    let change = match speech {
        Speech::Changing { from_consumer } => {
            change(name, count, &dialects.set(!from_consumer), dice)
        }
        Speech::Consumer | Speech::Either => Vec::new(),
    };
    (group, change)
}

fn member_line(
    member: u64,
    speech: Speech,
    dialects: &Dialects,
    all_static: bool,
    topics: usize,
    dice: &mut Dice,
) -> String {
    let mut line = format!("{{ name: m{member}");
    if member > 0 && dice.one_in(3) {
        line += &format!(", at: {}ms", 250 * dice.between(0, 60));
    }
    if topics > 1 && dice.one_in(6) {
        let only = TOPICS[usize::try_from(dice.below(topics as u64)).expect("few")];
        line += &format!(", topics: [{only}]");
    }
    let mut config = match speech {
        Speech::Either if dice.one_in(2) => vec![dialects.classic.clone()],
        Speech::Either => vec![dialects.consumer.clone()],
        Speech::Consumer | Speech::Changing { .. } => Vec::new(),
    };
    if all_static || dice.one_in(8) {
        config.push(format!("group.instance.id: i{member}"));
    }
    format!("{line}, config: {{ {} }} }}", config.join(", "))
}

/// The other protocol from some instant on, and most often a restart of everybody.
fn change(name: &str, members: u64, set: &str, dice: &mut Dice) -> Vec<(u64, String)> {
    let at = 250 * dice.between(4, 60);
    let mut events = vec![(
        at,
        format!("{{ at: {at}ms, config: {name}, set: {{ {set} }} }}"),
    )];
    let from = at + dice.pick(&[1, 2_000, 5_000]);
    let down = dice.pick(&[500, 3_000]);
    match dice.below(4) {
        0 => {}
        1 => events.push((
            from + down + 1_000,
            format!("{{ at: {from}ms, restart: {name}, down: {down}ms }}"),
        )),
        _ => {
            let spacing = dice.pick(&[1_000, 5_000, 12_000]);
            events.push((
                from + members * (spacing + down) + 1_000,
                format!("{{ at: {from}ms, restart: {name}, down: {down}ms, one_by_one: true, spacing: {spacing}ms }}"),
            ));
        }
    }
    events
}
