//! A document as a tree that knows where everything was written. Owns no meaning: a scalar is its text, typed later by the
//! shape that the vocabulary gives its place.

/// A piece of a source text, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// Which text, a position in [`super::source::Sources`].
    pub source: u32,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// A scalar's own text; for a map or list the key that holds it, or its first key.
    pub span: Span,
    /// The value.
    pub value: Value,
}

/// What a document is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// Anything else that is not a container, as spelt (escapes resolved).
    Scalar {
        /// The text.
        text: String,
        /// True when it stood in quotes or in a block: never a number, boolean or null.
        quoted: bool,
    },
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the document's order, repeated keys included.
    Map(Vec<Entry>),
}

/// One key of a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where it stands.
    pub key_span: Span,
    /// What it holds.
    pub value: Node,
}

impl Node {
    /// A scalar in quotes or not.
    #[must_use]
    pub fn scalar(text: &str, quoted: bool, span: Span) -> Self {
        let value = Value::Scalar {
            text: text.to_owned(),
            quoted,
        };
        Self { span, value }
    }

    /// The entries of a map; nothing for any other value.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            Value::Null | Value::Scalar { .. } | Value::List(_) => &[],
        }
    }

    /// The value of `key` in a map.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries()
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.value)
    }

    /// The text of a scalar.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// What the value is, for people.
    #[must_use]
    pub const fn describe(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Scalar { .. } => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }
}
