//! The grammar of the language's tables: what may stand at a place, and what it is once it has been read. The tables
//! themselves are in [`super::vocabulary`]; the checker, the schema and the nearest-name search all read the same ones.

use crate::kernel::SimDuration;
use crate::platform::quantity::IntOrPercent;
use crate::workload::arrivals::Rate;

use super::node::Span;
use super::vocabulary::SCENARIO;

/// What may stand at a place.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// `1m30s`
    Duration,
    /// `-1h`: that long ago.
    Ago,
    /// `1200/s`
    Rate,
    /// `64KiB`
    Size,
    /// `20%`
    Share,
    /// `50MB/s` of bytes, or `150000/s` of records.
    Flow,
    /// A whole number from, to.
    Integer(u64, u64),
    /// A decimal number from, to, both included.
    Number(f64, f64),
    /// A factor with at most three decimals, from 0 to 1000.
    Factor,
    /// `true` or `false`.
    Boolean,
    /// Any text.
    Text,
    /// A name by Kafka's rule for topics: letters, digits, `.`, `_`, `-`; at most 249.
    Name,
    /// A version such as 4.1, which is text.
    Version,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list; a single name or word stands for a list of one.
    List(&'static Shape),
    /// Fixed keys.
    Record(&'static Record),
    /// Keys that the user names by Kafka's rule.
    Named(&'static Shape),
    /// What stands there decides: a single value, a list, a map.
    Either {
        /// For a single value.
        scalar: Option<&'static Shape>,
        /// For a list.
        list: Option<&'static Shape>,
        /// For a map.
        map: Option<&'static Shape>,
    },
    /// Kafka keys of one side, verbatim.
    Kafka(Side),
    /// Kubernetes keys, verbatim.
    Manifest(&'static Manifest),
    /// A Kubernetes quantity: `500m`, `1`, `1.5Gi`.
    Quantity,
    /// A count, or a share in whole percent: `3`, `25%`.
    IntOrPercent,
    /// A metric's name to its condition, or a variant's name to a map of those.
    Expectations,
    /// A document laid over the whole.
    Overlay,
    /// Parameters to lists of values, with `exclude` and `include`; [`super::matrix`] reads it.
    Matrix,
}

impl Shape {
    /// What a map of this shape holds under `key`; `None` where the tables say nothing of it.
    #[must_use]
    pub fn below(&self, key: &str) -> Option<&'static Self> {
        match self {
            Self::Manifest(manifest) => manifest.record.shape(key),
            Self::Named(of) => Some(of),
            Self::Overlay if key == "config" => Some(&Self::Kafka(Side::Consumer)),
            Self::Overlay => SCENARIO.shape(key),
            _ => self.record()?.shape(key),
        }
    }

    /// What a list of this shape holds.
    #[must_use]
    pub const fn element(&self) -> Option<&'static Self> {
        match self {
            Self::List(of)
            | Self::Either {
                list: Some(Self::List(of)),
                ..
            } => Some(of),
            _ => None,
        }
    }

    /// The keys of a map of this shape, where they are fixed.
    #[must_use]
    pub const fn record(&self) -> Option<&'static Record> {
        match self {
            Self::Record(record)
            | Self::Either {
                map: Some(Self::Record(record)),
                ..
            } => Some(record),
            _ => None,
        }
    }
}

/// Whose Kafka keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// `ConsumerConfig`
    Consumer,
    /// `KafkaConfig`
    Broker,
    /// `GroupConfig`
    Group,
}

/// A map with fixed keys.
#[derive(Clone, Copy, Debug)]
pub struct Record {
    /// What it describes, for messages: `topic`.
    pub what: &'static str,
    /// Its keys.
    pub fields: &'static [Field],
    /// How many of the fields may be there.
    pub rule: Rule,
}

/// A map with the keys of a Kubernetes object. Keys beside the record's are accepted with a note.
#[derive(Clone, Copy, Debug)]
pub struct Manifest {
    /// The keys that have a model.
    pub record: Record,
    /// Kubernetes keys without a model that look like a slip of one that has: they are meant.
    pub others: &'static [&'static str],
}

impl Record {
    /// What stands under a key of the language.
    #[must_use]
    pub fn shape(&self, key: &str) -> Option<&'static Shape> {
        let field = self.fields.iter().find(|field| field.name == key)?;
        Some(&field.shape)
    }

    /// True for a key of the language.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.fields.iter().any(|field| field.name == key)
    }

    /// True for a key of the language whose model is not built yet.
    #[must_use]
    pub fn is_not_modelled(&self, key: &str) -> bool {
        self.fields
            .iter()
            .any(|field| field.name == key && field.presence == Presence::NotModelled)
    }
}

/// How many fields of a record may be there.
#[derive(Clone, Copy, Debug)]
pub enum Rule {
    /// Any.
    Any,
    /// One of these sets of keys exactly, and all of it.
    OneOf(&'static [&'static [&'static str]]),
    /// At most one of these.
    AtMostOne(&'static [&'static str]),
    /// One key is a verb, whatever it is. With each word that others have for a verb, the verb.
    Verb(&'static [(&'static str, &'static str)]),
}

/// One key of a record.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The key.
    pub name: &'static str,
    /// What it holds.
    pub shape: Shape,
    /// What it means, for editors and the schema.
    pub doc: &'static str,
    /// Whether it must or may be there.
    pub presence: Presence,
}

/// Whether a key must or may be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// May be left out.
    Optional,
    /// Must be there.
    Required,
    /// A key of the language whose model is not built yet.
    NotModelled,
}

/// A checked value.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Where it stands, as for a node.
    pub span: Span,
    /// The value.
    pub value: Typed,
}

/// A checked value without its place.
#[derive(Clone, Debug, PartialEq)]
pub enum Typed {
    /// A span of time.
    Duration(SimDuration),
    /// That long ago.
    Ago(SimDuration),
    /// A rate.
    Rate(Rate),
    /// A size in bytes.
    Size(u64),
    /// A share in thousandths of a percent.
    Share(u64),
    /// Bytes a second.
    Flow(u64),
    /// A whole number.
    Integer(u64),
    /// A whole number below zero (Kafka keys only).
    Negative(i64),
    /// A decimal number.
    Number(f64),
    /// A factor in thousandths.
    Factor(u64),
    /// A Kubernetes quantity in thousandths.
    Quantity(u64),
    /// A count or share of replicas.
    IntOrPercent(IntOrPercent),
    /// Yes or no.
    Boolean(bool),
    /// A text, name or word.
    Text(String),
    /// Several.
    List(Vec<Item>),
    /// By key.
    Map(Vec<Pair>),
    /// Kafka's default again, whatever a layer below says (Kafka keys only, written `null`).
    Unset,
    /// Something that has been reported and says nothing more.
    Wrong,
}

/// One key of a checked map.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// The key.
    pub key: String,
    /// Where it stands.
    pub key_span: Span,
    /// What it holds.
    pub item: Item,
}

impl Item {
    /// What stands for a value that was reported.
    #[must_use]
    pub const fn wrong(span: Span) -> Self {
        Self {
            span,
            value: Typed::Wrong,
        }
    }

    /// True for a value that was reported.
    #[must_use]
    pub const fn is_wrong(&self) -> bool {
        matches!(self.value, Typed::Wrong)
    }

    /// True for a Kafka key that has its default again.
    #[must_use]
    pub const fn is_unset(&self) -> bool {
        matches!(self.value, Typed::Unset)
    }

    /// The keys of a map; nothing for any other value.
    #[must_use]
    pub fn pairs(&self) -> &[Pair] {
        if let Typed::Map(pairs) = &self.value {
            pairs
        } else {
            &[]
        }
    }

    /// Its keys by name: of things that are known by their names, the order in the file says nothing.
    #[must_use]
    pub fn pairs_by_name(&self) -> Vec<&Pair> {
        let mut pairs: Vec<&Pair> = self.pairs().iter().collect();
        pairs.sort_by(|one, other| one.key.cmp(&other.key));
        pairs
    }

    /// The elements of a list; nothing for any other value.
    #[must_use]
    pub fn items(&self) -> &[Self] {
        if let Typed::List(items) = &self.value {
            items
        } else {
            &[]
        }
    }

    /// The pair of `key`.
    #[must_use]
    pub fn pair(&self, key: &str) -> Option<&Pair> {
        self.pairs().iter().find(|pair| pair.key == key)
    }

    /// What `key` holds.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.pair(key).map(|pair| &pair.item)
    }

    /// The text here.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        if let Typed::Text(text) = &self.value {
            Some(text)
        } else {
            None
        }
    }

    /// The whole number here.
    #[must_use]
    pub const fn integer(&self) -> Option<u64> {
        if let Typed::Integer(number) = self.value {
            Some(number)
        } else {
            None
        }
    }

    /// The duration here.
    #[must_use]
    pub const fn duration(&self) -> Option<SimDuration> {
        if let Typed::Duration(span) = self.value {
            Some(span)
        } else {
            None
        }
    }

    /// The rate here.
    #[must_use]
    pub const fn rate(&self) -> Option<Rate> {
        if let Typed::Rate(rate) = self.value {
            Some(rate)
        } else {
            None
        }
    }

    /// The decimal number here.
    #[must_use]
    pub const fn number(&self) -> Option<f64> {
        if let Typed::Number(number) = self.value {
            Some(number)
        } else {
            None
        }
    }

    /// The factor here, in thousandths.
    #[must_use]
    pub const fn factor(&self) -> Option<u64> {
        if let Typed::Factor(factor) = self.value {
            Some(factor)
        } else {
            None
        }
    }

    /// The Kubernetes quantity here, in thousandths.
    #[must_use]
    pub const fn quantity(&self) -> Option<u64> {
        if let Typed::Quantity(thousandths) = self.value {
            Some(thousandths)
        } else {
            None
        }
    }

    /// The count or share of replicas here.
    #[must_use]
    pub const fn int_or_percent(&self) -> Option<IntOrPercent> {
        if let Typed::IntOrPercent(value) = self.value {
            Some(value)
        } else {
            None
        }
    }

    /// True for `true`.
    #[must_use]
    pub const fn is_true(&self) -> bool {
        matches!(self.value, Typed::Boolean(true))
    }
}
