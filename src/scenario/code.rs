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
    Syntax = "E0001", "not YAML", "";
    NotText = "E0002", "not a text file", "";
    TooLarge = "E0003", "too large or too deep", "";
    NotFound = "E0004", "file not found", "";
    Unreadable = "E0005", "file cannot be read", "";
    Extends = "E0006", "`extends` goes round in circles or too deep", "";
    UnknownKey = "E0007", "unknown key", "";
    DuplicateKey = "E0008", "key given twice", "";
    MissingKey = "E0009", "required key missing", "";
    WrongKind = "E0010", "value of the wrong kind", "";
    NoUnit = "E0011", "number without a unit", "";
    BadUnit = "E0012", "not a duration, rate, size or share", "";
    NotANumber = "E0013", "not a plain number", "";
    NotABoolean = "E0014", "neither true nor false", "";
    NotFinite = "E0015", "not a finite number", "";
    Limit = "E0016", "beyond the limits", "";
    UnknownWord = "E0017", "none of the words that may stand here", "";
    BadName = "E0018", "not a legal name", "";
    NotModelled = "E0019", "not modelled yet", "";
    Exclusive = "E0020", "keys that exclude each other", "";
    BadDistribution = "E0021", "impossible distribution", "";
    BadTrace = "E0022", "trace file that cannot be used", "";
    UnknownKafkaKey = "E0101", "unknown Kafka key", "";
    KafkaType = "E0102", "Kafka value of the wrong type", "";
    HeartbeatNotBelowSession = "E0103", "heartbeat.interval.ms is not lower than session.timeout.ms", "";
    SessionBounds = "E0104", "session.timeout.ms outside the brokers' bounds", "";
    UnknownAssignor = "E0105", "unknown assignor", "";
    ClassicKeyWithConsumer = "E0106", "setting of the classic protocol with group.protocol: consumer", "";
    KafkaRange = "E0107", "Kafka value out of range", "";
    BrokerBounds = "E0108", "broker settings that contradict each other", "";
    NotInVersion = "E0109", "not in this Kafka version", "";
    UnknownVersion = "E0110", "unknown Kafka version", "";
    SharedInstanceId = "E0111", "one group.instance.id for several members", "";
    CommitConflict = "E0112", "`commit` contradicts enable.auto.commit", "";
    StartConflict = "E0113", "`start_at` contradicts auto.offset.reset", "";
    UnknownTopic = "E0201", "unknown topic", "";
    UnknownGroup = "E0202", "unknown group", "";
    UnknownMember = "E0203", "unknown member", "";
    DuplicateMember = "E0204", "two members of one name", "";
    AfterEnd = "E0205", "after the end", "";
    Window = "E0206", "empty measured window", "";
    Verb = "E0207", "event without a verb, or with two", "";
    Modifier = "E0208", "key that does not go with this verb", "";
    Partitions = "E0209", "partitions that cannot be", "";
    UnknownVariant = "E0301", "unknown variant", "";
    OverlayKey = "E0302", "key that variants cannot change", "";
    Override = "E0303", "override that cannot be applied", "";
    Condition = "E0304", "impossible expectation", "";
    Ignored = "N0001", "accepted, but changes nothing here", "";
    BetweenVersions = "N0002", "version between two profiles", "";
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
