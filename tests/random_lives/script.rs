//! Random scenarios of groups: who, with what settings, and what befalls them. A scenario is a list of lines that can be left out
//! one by one, so a failing one can be made smaller.

use rebsim::kernel::{Draw, Seed, Stream};

/// One random scenario.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) seed: u64,
    pub(super) brokers: String,
    pub(super) topics: Vec<String>,
    pub(crate) groups: Vec<Group>,
    /// (when it is over in ms, the entry).
    pub(crate) events: Vec<(u64, String)>,
    /// When the script is over, in ms.
    pub(crate) over: u64,
    /// `Calibration::ideal()` or the scenario's.
    pub(crate) ideal: bool,
    /// Some group speaks the consumer protocol at some time.
    pub(crate) modern: bool,
    pub(super) initial_delay: u64,
    pub(super) metadata_age: u64,
}

/// One group of it.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) name: &'static str,
    pub(super) head: String,
    pub(super) config: String,
    pub(crate) members: Vec<String>,
    pub(super) session: u64,
    pub(super) heartbeat: u64,
    pub(super) rebalance: u64,
    /// What one batch and the callbacks of one rebalance can take.
    pub(super) work: u64,
}

pub(super) struct Dice(pub(super) Draw);

impl Dice {
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0.below(bound)
    }

    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    pub(super) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub(super) fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[usize::try_from(self.below(list.len() as u64)).expect("short list")]
    }
}

/// Assignor lists of the members of one group: any two of a row have a name in common for all.
pub(super) const LISTS: &[&[&str]] = &[
    &["range"],
    &["roundrobin"],
    &["sticky"],
    &["cooperative-sticky"],
    &["[range, cooperative-sticky]"],
    &["[range, cooperative-sticky]", "cooperative-sticky"],
    &["range", "[cooperative-sticky, range]"],
    &["[roundrobin, sticky]", "[sticky, range]", "sticky"],
    &[
        "[sticky, cooperative-sticky]",
        "[cooperative-sticky, sticky]",
    ],
];

pub(super) const TOPICS: [&str; 3] = ["orders", "payments", "audit"];

/// In order, and each topic grows at most once.
pub(super) fn in_order(events: &mut Vec<(u64, String)>) {
    events.sort();
    let mut grown: Vec<&str> = Vec::new();
    events.retain(|(_, event)| {
        let topic = TOPICS
            .into_iter()
            .find(|topic| event.contains(&format!("partitions: {topic}")));
        let again = topic.is_some_and(|topic| grown.contains(&topic));
        grown.extend(topic);
        !again
    });
}

impl Script {
    /// The `seed`-th script of classic groups.
    pub(crate) fn random(seed: u64) -> Self {
        let mut dice = Dice(Draw::new(Seed(seed), Stream::new("classic", "script")));
        let initial_delay = dice.pick(&[0, 500, 3_000]);
        let metadata_age = dice.pick(&[1_000, 5_000, 10_000]);
        let topics: Vec<(usize, u64)> = (0..usize::try_from(dice.between(1, 3)).expect("few"))
            .map(|topic| (topic, dice.between(1, 8)))
            .collect();
        let count = 1 + usize::from(dice.one_in(4));
        let groups: Vec<Group> = (0..count)
            .map(|number| Group::random(number, topics.len(), metadata_age, &mut dice))
            .collect();
        let mut events: Vec<(u64, String)> = (0..dice.below(9))
            .map(|_| event(&groups, &topics, &mut dice))
            .collect();
        in_order(&mut events);
        let mut script = Self {
            seed,
            brokers: brokers(initial_delay, &mut dice),
            topics: topics
                .iter()
                .map(|&(topic, partitions)| topic_line(topic, partitions, &mut dice))
                .collect(),
            groups,
            events,
            over: 0,
            ideal: dice.one_in(3),
            modern: false,
            initial_delay,
            metadata_age,
        };
        script.measure();
        script
    }

    /// Sets the end of the script by its entries.
    pub(crate) fn measure(&mut self) {
        let last = self.events.iter().map(|&(end, _)| end).max();
        let any = |words: &[&str]| {
            self.events
                .iter()
                .any(|(_, event)| words.iter().any(|word| event.contains(word)))
        };
        // Who stands still or cannot reach the coordinator is longer in closing, so a restart is over later.
        let delayed =
            any(&[" restart: "]) && any(&["stall", "freeze", "disconnect", "coordinator"]);
        self.over = last.unwrap_or(0).max(20_000) + if delayed { 45_000 } else { 0 };
    }

    /// How long after the script is over everything is in order again: a session to miss who is gone, a rebalance timeout for who does not come, three
    /// heartbeats to hear of it (and of the follow-up round), the work in hand; the initial delay; the leader's look at its metadata. A group that is converted when a session
    /// ends begins those of its classic members anew (`convertToClassicGroup`): a second session.
    pub(crate) fn settling(&self) -> u64 {
        let sessions = 1 + u64::from(self.modern);
        let slowest = self.groups.iter().map(|group| {
            let session = sessions * group.session;
            session + group.rebalance + 3 * group.heartbeat + 3 * group.work
        });
        slowest.max().unwrap_or(0) + 2 * self.initial_delay + self.metadata_age + 2_000
    }

    /// It commits each record on its own and waits for none of the answers: while it has a backlog a heartbeat stands behind thousands of commits, longer than a session. A connection's
    /// commits are appended one after the other, and each takes as long as the log does, and 5 ms more where brokers wait for more to append (4.0, 4.1): these come as fast or faster.
    pub(crate) fn floods_with_commits(&self) -> bool {
        let text = self.text();
        let is = |words: &str| text.contains(words);
        let log = match (is("append: { uniform: [1ms, 10ms] }"), is("append: 2ms")) {
            (true, _) => 6,
            (false, true) => 2,
            (false, false) => 0,
        };
        let linger = if is("version: \"4.0\"") || is("version: \"4.1\"") {
            5
        } else {
            0
        };
        let is_quick = (0..=log + linger).any(|ms| is(&format!("per_record: {ms}ms")));
        is_quick && is("after_batch: async") && is("max.poll.records: 1,")
    }

    /// The same with half an hour more at its end, and where neither messages nor clients are ideal, so that what goes in step drifts apart.
    pub(crate) fn longer(&self) -> Self {
        let mut script = self.clone();
        script.over += 1_800_000;
        script.ideal = false;
        for same in ["0us", "500us", "5ms"] {
            let (same, varied) = (
                format!("latency: {same},"),
                "latency: { uniform: [200us, 1ms] },",
            );
            script.brokers = script.brokers.replace(&same, varied);
        }
        script
    }

    /// The scenario.
    pub(crate) fn text(&self) -> String {
        let mut text = format!(
            "version: 1\nname: random-{}\nseed: {}\nduration: {}ms\nbrokers: {}\ntopics:\n",
            self.seed,
            self.seed,
            self.over + self.settling(),
            self.brokers
        );
        for topic in &self.topics {
            text += &format!("  {topic}\n");
        }
        text += "groups:\n";
        for group in &self.groups {
            text += &format!(
                "  {}:\n{}    config: {{ {} }}\n    members:\n",
                group.name, group.head, group.config
            );
            for member in &group.members {
                text += &format!("      - {member}\n");
            }
        }
        if !self.events.is_empty() {
            text += "events:\n";
        }
        for (_, event) in &self.events {
            text += &format!("  - {event}\n");
        }
        text
    }
}

fn brokers(initial_delay: u64, dice: &mut Dice) -> String {
    let latency = dice.pick(&[
        "0us",
        "500us",
        "5ms",
        "{ uniform: [100us, 20ms] }",
        "{ lognormal: { median: 1ms, p99: 30ms } }",
    ]);
    let append = dice.pick(&["0us", "2ms", "{ uniform: [1ms, 10ms] }"]);
    let count = dice.between(1, 4);
    let cost = dice.pick(&["", ", assignor_cost: 300ms"]);
    format!(
        "{{ count: {count}, latency: {latency}, append: {append}{cost}, config: {{ group.initial.rebalance.delay.ms: {initial_delay} }} }}"
    )
}

pub(super) fn topic_line(topic: usize, partitions: u64, dice: &mut Dice) -> String {
    let load = match dice.below(5) {
        0 => String::new(),
        1 => format!(", rate: {}/s", dice.pick(&[1, 7, 60])),
        2 => format!(", rate_per_partition: {}/s", dice.pick(&[1, 10])),
        3 => ", load: [{ poisson: 20/s }]".to_owned(),
        _ => ", backlog: 500, rate: 5/s".to_owned(),
    };
    format!("{}: {{ partitions: {partitions}{load} }}", TOPICS[topic])
}

impl Group {
    fn random(number: usize, topics: usize, metadata_age: u64, dice: &mut Dice) -> Self {
        let name = ["g", "h"][number];
        let session = dice.pick(&[6_000, 10_000, 12_000]);
        let heartbeat = dice.pick(&[1_000, 2_000, 3_000]);
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
        let cold = dice.pick(&["", "    start: cold\n"]);
        let subscribed = TOPICS[..topics].join(", ");
        let head = format!(
            "{cold}    topics: [{subscribed}]\n    processing: {{ per_record: {per_record}ms, poll_timeout: {}ms }}\n    commit: {commit}\n    listener: {{ on_revoked: {{ flush: {revoked}ms{flush} }}, on_assigned: {{ work: {assigned}ms }} }}\n",
            dice.pick(&[100, 100, 1_000])
        );
        let config = format!(
            "session.timeout.ms: {session}, heartbeat.interval.ms: {heartbeat}, max.poll.interval.ms: {rebalance}, max.poll.records: {records}, \
             metadata.max.age.ms: {metadata_age}, auto.offset.reset: earliest"
        );
        let lists = dice.pick(LISTS);
        let all_static = dice.one_in(4);
        let members = (0..dice.between(1, 6))
            .map(|member| member_line(member, lists, all_static, topics, dice))
            .collect();
        Self {
            name,
            head,
            config,
            members,
            session,
            heartbeat,
            rebalance,
            work: 3 * records * per_record + revoked + assigned + 500,
        }
    }
}

fn member_line(
    member: u64,
    lists: &[&str],
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
    let list = dice.pick(lists);
    let mut config = format!("partition.assignment.strategy: {list}");
    if all_static || dice.one_in(8) {
        config += &format!(", group.instance.id: i{member}");
    }
    format!("{line}, config: {{ {config} }} }}")
}

/// An entry, with the instant at which it is over.
pub(super) fn event(groups: &[Group], topics: &[(usize, u64)], dice: &mut Dice) -> (u64, String) {
    let at = 250 * dice.between(4, 160) + dice.pick(&[0, 0, 1, 137]);
    let span = dice.pick(&[200, 1_500, 4_000, 8_000, 20_000, 45_000]);
    let group = &groups[usize::try_from(dice.below(groups.len() as u64)).expect("few")];
    let target = match dice.below(5) {
        0 => format!("{}/random", group.name),
        1 => group.name.to_owned(),
        _ => format!("{}/m{}", group.name, dice.below(group.members.len() as u64)),
    };
    let (topic, partitions) = dice.pick(topics);
    let topic = TOPICS[topic];
    match dice.below(15) {
        0 => (
            at,
            format!(
                "{{ at: {at}ms, start: {} }}",
                target.replace("/random", "/*")
            ),
        ),
        1 | 2 => (at, format!("{{ at: {at}ms, stop: {target} }}")),
        3 => (at, format!("{{ at: {at}ms, crash: {target} }}")),
        4 | 5 => {
            let how = dice.pick(&["", ", how: crash"]);
            (
                at + span,
                format!("{{ at: {at}ms, restart: {target}, down: {span}ms{how} }}"),
            )
        }
        6 => {
            let spacing = dice.pick(&[1_000, 5_000]);
            let end = at + spacing * group.members.len() as u64 + 1_000;
            (
                end,
                format!(
                    "{{ at: {at}ms, restart: {}, down: 500ms, one_by_one: true, spacing: {spacing}ms }}",
                    group.name
                ),
            )
        }
        7 => (
            at + span,
            format!("{{ at: {at}ms, freeze: {target}, for: {span}ms }}"),
        ),
        8 | 9 => (
            at + span,
            format!("{{ at: {at}ms, stall: {target}, for: {span}ms }}"),
        ),
        10 => (
            at + span,
            format!("{{ at: {at}ms, disconnect: {target}, for: {span}ms }}"),
        ),
        11 => (
            at + span,
            format!("{{ at: {at}ms, slow: {target}, factor: 2, for: {span}ms }}"),
        ),
        12 => {
            let to = partitions + dice.between(1, 4);
            (
                at,
                format!("{{ at: {at}ms, partitions: {topic}, to: {to} }}"),
            )
        }
        13 => (
            at + span,
            format!(
                "{{ at: {at}ms, coordinator: {}, unavailable: {span}ms }}",
                dice.pick(&["move", "restart"])
            ),
        ),
        _ => (
            at + span,
            format!("{{ at: {at}ms, pause: {topic}, for: {span}ms }}"),
        ),
    }
}

impl Script {
    /// How many things can be left out.
    pub(crate) fn without_count(&self) -> usize {
        let members: usize = self.groups.iter().map(|group| group.members.len()).sum();
        self.events.len() + self.groups.len() + members
    }

    /// The script without the `place`-th of its entries, groups and members, if something is left. The time of its end stays.
    pub(crate) fn without(&self, place: usize) -> Option<Self> {
        let mut script = self.clone();
        if place < script.events.len() {
            script.events.remove(place);
            return Some(script);
        }
        let place = place - script.events.len();
        if place < script.groups.len() {
            let name = script.groups[place].name;
            script.groups.remove(place);
            script.events.retain(|(_, event)| {
                !event.contains(&format!(": {name}/"))
                    && !event.contains(&format!(": {name},"))
                    && !event.contains(&format!(": {name} "))
            });
            return (!script.groups.is_empty()).then_some(script);
        }
        let mut place = place - script.groups.len();
        for group in &mut script.groups {
            if place < group.members.len() {
                let member = group.members.remove(place);
                let name = member
                    .split([' ', ','])
                    .nth(2)
                    .unwrap_or_default()
                    .to_owned();
                let target = format!("{}/{name}", group.name);
                script.events.retain(|(_, event)| {
                    !event.contains(&format!(": {target},"))
                        && !event.contains(&format!(": {target} "))
                });
                return (!group.members.is_empty()).then_some(script);
            }
            place -= group.members.len();
        }
        None
    }
}
