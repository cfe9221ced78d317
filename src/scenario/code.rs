//! Every kind of finding: its code, a title, and what `rebsim explain` says about it.

use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $title:literal, $text:literal;)*) => {
        /// The kind of a finding.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = $title] $name,)*
        }

        impl Code {
            /// All of them, in order of their codes.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code: `E0007`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// What it is about, in a few words.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// What it means, why it is refused, and what to do.
            #[must_use]
            pub const fn explanation(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

codes! {
    Syntax = "E0001", "not YAML",
        "The text is not well-formed YAML (or JSON, which is YAML). Usual causes: a tab for indentation, a \
         missing space after a colon, a bracket that is not closed, a value that starts with one of `@ % * & ! |` \
         without quotes, or a key that is a list. Tags such as `!include` are not part of the language.";
    NotText = "E0002", "not a text file",
        "A scenario is UTF-8 text. This file holds control characters or bytes that no UTF-8 text can hold: it \
         may be compressed, a picture, or in another encoding such as UTF-16.";
    TooLarge = "E0003", "too large or too deep",
        "The file is larger than 4 MiB, nests deeper than 64 levels, holds more than 250,000 values, or repeats \
         itself through aliases beyond reason. Long load curves and measured service times belong into CSV files, \
         which `trace:` reads.";
    NotFound = "E0004", "file not found",
        "A file that the scenario names does not exist. `extends` and `trace` are relative to the file that names \
         them, not to the current folder.";
    Unreadable = "E0005", "file cannot be read",
        "The file exists but reading it failed: permissions, a folder in place of a file, a fault of the disk. \
         The command ends with exit code 3, because trying again may help.";
    Extends = "E0006", "`extends` goes round in circles or too deep",
        "A scenario extends one parent, which may extend another, up to 8 deep. Going round in circles would \
         never end.";
    UnknownKey = "E0007", "unknown key",
        "The key is none of those that may stand here. Nothing is ignored: a misspelt key that was skipped would \
         leave the default in force and the result would answer another question. Kafka's own keys belong under \
         `config:`.";
    DuplicateKey = "E0008", "key given twice",
        "The same key stands twice in one map. YAML parsers differ in which one they take, so neither is taken \
         here.";
    MissingKey = "E0009", "required key missing",
        "A key that has no default is not there. The smallest complete scenario has `version`, `name`, \
         `duration`, `topics` with `partitions`, and `groups` with `topics` and `members`. Some verbs of events \
         need a key too: `restart` needs `down`, `freeze` needs `for`.";
    WrongKind = "E0010", "value of the wrong kind",
        "A map, a list or a single value stands where another of the three belongs: `topics: [orders]` at the top \
         level, for instance, where a map from name to topic belongs.";
    NoUnit = "E0011", "number without a unit",
        "A bare number stands where a unit is due. 300 could be seconds or milliseconds; write `300s` or `300ms`. \
         Rates are `1200/s` or `90/m`, sizes `64KiB` or `1MB`, shares `20%`. Only Kafka's own keys under \
         `config:` take bare numbers, because their names end with the unit.";
    BadUnit = "E0012", "not a duration, rate, size or share",
        "The value is not of the kind that belongs here. Durations: us, ms, s, m, h, d, combinable from large to \
         small (`1m30s`), decimals allowed (`1.5s`), exact to the microsecond. Rates: /s, /m, /h. Sizes: B, kB, \
         MB, GB, KiB, MiB, GiB. Shares: %. Capitals matter and there are no blanks inside.";
    NotANumber = "E0013", "not a plain number",
        "A number is written in decimal digits. `0x10`, `1_000`, `010` and `1e6` mean different things to \
         different YAML parsers, so they are refused; numbers in quotes are texts.";
    NotABoolean = "E0014", "neither true nor false",
        "Only `true` and `false` are truth values. `yes`, `no`, `on` and `off` are truth values in YAML 1.1 and \
         texts in YAML 1.2, so they are refused.";
    NotFinite = "E0015", "not a finite number",
        "NaN and infinity are no numbers that a simulation can use: no rate, span or share is one of them, and what is \
         computed with them is nothing.";
    Limit = "E0016", "beyond the limits",
        "The value is finite and well written but beyond what the language accepts: spans up to 366 days, rates \
         up to 1,000,000,000/s, 200,000 partitions, 100,000 members, 1,000 brokers, records up to 1 GiB, shares \
         up to 100 %, nothing below zero. The limits keep a slip of the keyboard from running for days.";
    UnknownWord = "E0017", "none of the words that may stand here",
        "Only certain words may stand here. They are written in small letters, as listed in the message.";
    BadName = "E0018", "not a legal name",
        "Names of scenarios, topics, groups and members follow Kafka's rule for topics: letters, digits, `.`, `_` \
         and `-`, at most 249 of them, not `.` or `..` alone. Names of variants are small letters, digits and \
         `-`, because they become columns and file names.";
    NotModelled = "E0019", "not modelled yet",
        "The key belongs to the language (or is Kafka's) and would change what happens, but its model is not \
         built yet. It is refused rather than accepted in silence: every key that is accepted has an effect or a \
         note.";
    Exclusive = "E0020", "keys that exclude each other",
        "These keys say the same thing in different ways, or one changes nothing beside the other. Keep one.";
    Workload = "E0021", "impossible distribution or load",
        "No random variable has this shape: quantiles that go down, a p99 below the median, `uniform` backwards, \
         a Pareto tail index of 1 or less (which has no mean), a mean of nothing, steps that do not follow each \
         other, or a draw where only a fixed duration can stand.";
    BadTrace = "E0022", "trace file that cannot be used",
        "A trace is a CSV file with a first line of column names. A load trace has the columns `at` and `rate` \
         with values of the language (`30s,1200/s`), ascending. A trace of durations names its column, and the \
         column's name is or ends with its unit: `ms`, `service_ms`, `restore_s`. Lines that start with `#` are \
         skipped.";
    NotFluid = "E0023", "not for the fluid mode",
        "`--fidelity fluid` moves partitions on evenly and tells no record from another. What depends on single \
         records (worker threads, attempts that fail, shared resources, poisoned records, commits of the application \
         between its batches) is played in the exact mode only.";
    UnknownKafkaKey = "E0101", "unknown Kafka key",
        "No setting of Kafka's consumer or broker is called so. Keys are verbatim and whole, as in a .properties \
         file. A key of the other side (a broker key under a group, for instance) is refused too, because Kafka \
         would ignore it there.";
    KafkaType = "E0102", "Kafka value of the wrong type",
        "Under `config:` values are what Kafka takes, so that a block can be pasted both ways: plain integers for \
         `.ms` and `.bytes`, true or false, texts. Write 45000, not 45s.";
    HeartbeatNotBelowSession = "E0103", "heartbeat.interval.ms is not lower than session.timeout.ms",
        "A member that speaks less often than the coordinator is patient would be removed in between. Kafka's \
         consumer refuses to start (`IllegalArgumentException` in the constructor of `Heartbeat`). Kafka's advice \
         is a heartbeat of at most a third of the session, so that two heartbeats may get lost.";
    SessionBounds = "E0104", "session.timeout.ms outside the brokers' bounds",
        "The coordinator answers a JoinGroup whose session timeout lies outside `group.min.session.timeout.ms` \
         (default 6000) and `group.max.session.timeout.ms` (default 1800000) with INVALID_SESSION_TIMEOUT, which \
         is fatal to the consumer.";
    UnknownAssignor = "E0105", "unknown assignor",
        "Kafka ships `range`, `roundrobin`, `sticky` and `cooperative-sticky` for the classic protocol; the full \
         Java class, such as org.apache.kafka.clients.consumer.RangeAssignor, is accepted too. Names are those on \
         the wire: `roundrobin` has no hyphen. Custom assignors are prefixed `x-`: \
         `x-lag-aware` and `x-weighted`, which are no part of Kafka and for the classic protocol alone. In the \
         consumer protocol the brokers assign: `group.remote.assignor` asks for `uniform` or `range`, and only for \
         one that `group.consumer.assignors` lists (else UNSUPPORTED_ASSIGNOR).";
    ClassicKeyWithConsumer = "E0106", "setting of the classic protocol with group.protocol: consumer",
        "With `group.protocol: consumer` the brokers decide session, heartbeat and assignment. Kafka 4.0 and \
         later refuse to start a consumer that sets `partition.assignment.strategy`, `session.timeout.ms` or \
         `heartbeat.interval.ms` beside it (`CONSUMER_PROTOCOL_UNSUPPORTED_CONFIGS` in `ConsumerConfig`). Where a \
         group, a parent or an earlier deploy sets such a key, `null` takes it back. Session and heartbeat of one \
         group stand under `brokers.group_config`.";
    KafkaRange = "E0107", "Kafka value out of range",
        "Kafka itself refuses this value (`ConfigException`): its definition of the key has a range or a set of \
         words.";
    BrokerBounds = "E0108", "broker settings that contradict each other",
        "A broker with these settings would not start (`GroupCoordinatorConfig`): the highest allowed value of a \
         setting is lower than the lowest, or the setting itself lies outside the two. By default the session \
         timeout of consumer groups lies from 45000 to 60000, the heartbeat interval from 5000 to 15000 and the \
         assignment interval from 0 to 15000 ms.";
    NotInVersion = "E0109", "not in this Kafka version",
        "The setting or assignor came with a later Kafka release than the one that applies. `cooperative-sticky` \
         came with 2.4, `retry.backoff.max.ms` with 3.7, `auto.offset.reset: by_duration:` and the consumer \
         protocol (on both sides) with 4.0, its assignment interval with 4.3; brokers whose \
         `group.coordinator.rebalance.protocols` does not name `consumer` are like those before 4.0. Change \
         `brokers.version` or the group's `client_version`.";
    UnknownVersion = "E0110", "unknown Kafka version",
        "Profiles exist for 2.3, 3.0, 3.9, 4.0, 4.1, 4.2, 4.3 and 4.4; a release between two takes the lower one with \
         a note, an older or newer one is refused. A version is text: 4.10 is not 4.1.";
    SharedInstanceId = "E0111", "one group.instance.id for several members",
        "`group.instance.id` names one member (KIP-345). If several use the same, the coordinator fences the one \
         before as each next one joins, and they take turns for ever. Give every member its own with \
         `static_membership: true`, or write the id into a member entry of its own. Two separate entries may \
         carry one id: that is how fencing is studied.";
    CommitConflict = "E0112", "`commit` contradicts enable.auto.commit",
        "`commit` says when the application commits and `enable.auto.commit` says whether Kafka does. `commit: \
         auto` means true, every other mode means false; when both are there they must agree. Where `commit` is \
         absent, the Kafka key decides.";
    StartConflict = "E0113", "`start_at` contradicts auto.offset.reset",
        "`start_at: earliest` and `latest` are other words for `auto.offset.reset`; when both are there they must \
         agree. Where `start_at` is absent, the Kafka key decides.";
    GroupBounds = "E0114", "setting of a group outside the brokers' bounds",
        "The brokers refuse a dynamic setting of a group that lies outside their own bounds (`GroupConfig`, \
         `InvalidConfigurationException`): `consumer.session.timeout.ms` outside \
         `group.consumer.min.session.timeout.ms` (45000) and `group.consumer.max.session.timeout.ms` (60000), \
         `consumer.heartbeat.interval.ms` outside 5000 and 15000, `consumer.assignment.interval.ms` outside 0 and \
         15000. Move the bound under `brokers.config` if you mean it.";
    ConsumerKeyWithClassic = "E0115", "setting of the consumer protocol with group.protocol: classic",
        "`group.remote.assignor` asks the brokers for an assignor. With `group.protocol: classic`, the default, the \
         leader of the group assigns, and Kafka refuses to start the consumer \
         (`CLASSIC_PROTOCOL_UNSUPPORTED_CONFIGS` in `ConsumerConfig`).";
    UnknownTopic = "E0201", "unknown topic",
        "A group subscribes to, or an event or member names, a topic that `topics` does not have, or refuses one \
         that it does not subscribe to.";
    UnknownGroup = "E0202", "unknown group",
        "An event, an option, a Deployment or StatefulSet, or what an autoscaler watches names a group that `groups` does \
         not have.";
    UnknownMember = "E0203", "unknown member",
        "Members are `group/2` (by index, from 0), `group/name`, `group/*` (all, the same as the bare group) or \
         `group/random` (one of the living, drawn from a stream of the event's own).";
    DuplicateMember = "E0204", "two members of one name",
        "Two members of one group have the same name, so that no event could tell them apart. Entries with \
         `count` number their members: `name-0`, `name-1`, …";
    AfterEnd = "E0205", "after the end",
        "An event, member start, load step or measured window lies at or after `duration`: it would change \
         nothing.";
    Window = "E0206", "empty measured window",
        "`measure` begins at or after its end, so nothing would be measured.";
    Verb = "E0207", "event without a verb, or with two",
        "An entry of `events` has exactly one verb: start, stop, crash, restart, freeze, stall, slow, disconnect, \
         pause, poison, partitions, load, coordinator, broker, config, reset_offsets, deploy, rollback, scale, drain \
         or kill_node. `at` goes with every verb, `every`, `times` and `jitter` with those that happen while the run goes on.";
    Modifier = "E0208", "key that does not go with this verb",
        "The key is one of the language of events but changes nothing beside this verb, or only together with \
         another key: `spacing` needs `one_by_one: true`, and `times` needs `every`. What changes the load, the \
         partitions or settings is known before the run begins, so no draw can move it.";
    Partitions = "E0209", "partitions that cannot be",
        "Partitions are numbered from 0 and are only ever added, as in Kafka. Lists with one value for each \
         partition (`weights`, `backlog`) have as many values as the topic has partitions.";
    UnknownResource = "E0211", "unknown resource",
        "`processing.downstream` names one of `resources`. Variants may bring resources of their own; what a variant \
         takes away with `null` is not there.";
    UnknownWorkload = "E0212", "unknown Deployment, StatefulSet or node",
        "An event, a disruption budget or an autoscaler names a workload or a node by its name under `deployments`, \
         `statefulsets` or `nodes`. Variants may bring their own; what a variant takes away with `null` is not there.";
    UnknownRelease = "E0213", "unknown Kubernetes release",
        "`kubernetes: { version }` is the minor release whose controllers and autoscalers apply, as text: \"1.34\" (the \
         default). Those from 1.30 to 1.36 have a model; a patch release (\"1.34.2\") is taken as its minor release.";
    InvalidPattern = "E0214", "invalid regular expression",
        "`pattern` and `subscription_pattern` take a regular expression in RE2 syntax that must match the whole name of a topic, as \
         `java.util.regex.Matcher.matches` does: `orders-.*`, `(orders|payments)`. Look-around and back references, which only the \
         client's own `java.util.regex.Pattern` knows, are not modelled.";
    NoRevision = "E0215", "nothing to roll back to",
        "`rollback` gives a Deployment or StatefulSet the pod template that it had before, so it must have had another: a `deploy` of it \
         comes earlier. `kubectl rollout undo` would say `no rollout history found`.";
    UnknownVariant = "E0301", "unknown variant",
        "`expect` or --variant names a variant that the scenario does not have.";
    OverlayKey = "E0302", "key that variants cannot change",
        "Variants are compared under the same name, seed and expectations, so these keys cannot differ between \
         them. Expectations of one variant stand in `expect` under the variant's name.";
    Override = "E0303", "override that cannot be applied",
        "--config takes KEY=VALUE for all groups or GROUP:KEY=VALUE for one; --set takes PATH=VALUE with a dotted \
         path into the scenario, such as duration=2m, topics.orders.partitions=24 or events.0.at=90s. Values are \
         written as in the scenario, `null` removes. A field of a topic, group, workload or resource that is not there \
         makes none: topics.new={ partitions: 6 } does.";
    Condition = "E0304", "impossible expectation",
        "An expectation is a metric's name and a condition on it: `longest_downtime_s: \"< 5s\"`, `records_lost: \
         \"== 0\"`, `downtime_partition_s: \"<= 50% of eager\"`.";
    Matrix = "E0305", "impossible matrix",
        "`matrix` maps parameters to lists that `rebsim sweep` crosses; `exclude` and `include` are lists of combinations. A \
         parameter is a Kafka key (of every group, or of one as GROUP:KEY, or of the brokers), a dotted path such as \
         groups.checkout.members, or `variant`. --vary KEY=V1,V2 and --vary KEY=A..B:STEP say the same on the command line.";
    Ignored = "N0001", "accepted, but changes nothing here",
        "Kafka or Kubernetes knows the key, and the scenario may carry it so that real files can be pasted, but nothing in \
         this model depends on it; or a topic has no group that subscribes to it, a resource nobody that calls it. \
         --strict makes this an error.";
    BetweenVersions = "N0002", "version between two profiles",
        "The release has no profile of its own; the profile of the nearest older one applies. --strict makes this \
         an error.";
}

impl Code {
    /// The kind that `name` codes, in any case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let wanted = |code: &&Self| code.name().eq_ignore_ascii_case(name);
        Self::ALL.iter().find(wanted).copied()
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
