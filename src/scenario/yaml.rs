//! From text to [`Node`]s: the one place that uses the YAML parser. JSON is YAML here.
//!
//! The parser's own typing is never trusted: a plain scalar is taken as spelt from the text, so that `no`, `010`, `0x10` and
//! `1_000` reach the vocabulary unchanged. Repeated keys are passed through, to be reported with everything else.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};
use serde_saphyr::{Location, Spanned};

use super::node::{Entry, Node, Span, Value};

/// Most values in one document, what aliases repeat included.
const MAX_NODES: usize = 250_000;

/// Deepest nesting.
const MAX_DEPTH: usize = 64;

/// The parser's objection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// What is wrong.
    pub message: String,
    /// Where, in bytes of the text.
    pub start: u32,
    /// Whether a limit against hostile documents (aliases, nodes, depth) was met.
    pub limit: bool,
}

/// The tree of `text`, which is source `source`.
///
/// # Errors
/// When the text is no single YAML document of mappings with plain keys.
pub fn parse(text: &str, source: u32) -> Result<Node, SyntaxError> {
    let options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        strict_booleans: true,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        reject_unsupported_tags: true,
        with_snippet: false,
        budget: serde_saphyr::budget! { max_depth: MAX_DEPTH, max_nodes: MAX_NODES },
    };
    let raw: Raw =
        serde_saphyr::from_str_with_options(text, options).map_err(|error| refuse(&error, text))?;
    Ok(Located { text, source }.node(raw, None))
}

fn refuse(error: &serde_saphyr::Error, text: &str) -> SyntaxError {
    let error = error.without_snippet();
    let start = error.location().map_or(0, |at| start_of(at, text));
    let full = error.render();
    let message = full
        .split(" at line ")
        .next()
        .unwrap_or(&full)
        .trim_start_matches("error: ")
        .lines()
        .next()
        .unwrap_or("not YAML")
        .to_owned();
    // Limits met inside of an alias arrive as plain text.
    let limit = [
        "budget breached",
        "alias expansion",
        "alias replay",
        "recursion limit",
    ]
    .iter()
    .any(|word| message.contains(word));
    let message = if limit {
        format!("at most {MAX_NODES} values, {MAX_DEPTH} levels deep, aliases counted each time")
    } else {
        in_our_words(&message).map_or(message, str::to_owned)
    };
    SyntaxError {
        message,
        start,
        limit,
    }
}

/// What the parser says, by how it begins, and how that is better said in words of the language, with what helps.
const WORDS: [(&str, &str); 9] = [
    (
        "multiple YAML documents",
        "a second document begins here: a file holds one scenario, so leave out the `---` and what follows",
    ),
    (
        "recursive references",
        "an alias cannot stand within what it repeats: there would be no end of it; write out what is meant here",
    ),
    (
        "alias references unknown anchor",
        "no anchor of this name stands before: write `&name` where the value is first given",
    ),
    // `>` and `|` begin a block of text.
    (
        "while scanning a block scalar",
        "a plain value cannot begin with `>` or `|`: put the condition in quotes, such as \"> 5\"",
    ),
    (
        "unexpected character",
        "a plain value cannot begin with this character: put it in quotes",
    ),
    (
        "mapping values are not allowed",
        "no key can stand here: indent it as the keys beside it, or put a text with a colon in quotes",
    ),
    (
        "simple key expected ':'",
        "a key lacks its colon: write `key: value`",
    ),
    (
        "while scanning a plain scalar, found a tab",
        "a tab stands where blanks belong: indent with blanks",
    ),
    (
        "invalid indentation in multiline quoted scalar",
        "the quotes do not end on their line: close them",
    ),
];

fn in_our_words(message: &str) -> Option<&'static str> {
    let mut words = WORDS.iter();
    let found = words.find(|(begin, _)| message.starts_with(begin));
    found.map(|(_, words)| *words)
}

fn start_of(at: Location, text: &str) -> u32 {
    let offset = at.span().byte_offset().unwrap_or_else(|| {
        let before = |count: u64| usize::try_from(count.max(1) - 1).unwrap_or(0);
        let mut lines = text.split_inclusive('\n');
        let above: usize = lines.by_ref().take(before(at.line())).map(str::len).sum();
        let line = lines.next().unwrap_or("");
        let letters = line.chars().take(before(at.column())).map(char::len_utf8);
        (above + letters.sum::<usize>()) as u64
    });
    u32::try_from(offset.min(text.len() as u64)).unwrap_or(u32::MAX)
}

/// A value with the parser's locations, before its text is looked up.
type Raw = Spanned<Content>;

enum Content {
    Null,
    Typed,
    Text(String),
    List(Vec<Raw>),
    Map(Vec<(Raw, Raw)>),
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Collect)
    }
}

struct Collect;

impl<'de> Visitor<'de> for Collect {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Ok(Content::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Content, E> {
        Ok(Content::Typed)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Content, E> {
        Ok(Content::Typed)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Content, E> {
        Ok(Content::Typed)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Content, E> {
        Ok(Content::Typed)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Content, E> {
        Ok(Content::Typed)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Content, E> {
        Ok(Content::Typed)
    }

    fn visit_str<E>(self, text: &str) -> Result<Content, E> {
        Ok(Content::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Content, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element::<Raw>()? {
            items.push(item);
        }
        Ok(Content::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Content, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, value)) = access.next_entry::<Raw, Raw>()? {
            if matches!(key.value, Content::List(_) | Content::Map(_)) {
                return Err(A::Error::custom("a key must be a single word"));
            }
            entries.push((key, value));
        }
        Ok(Content::Map(entries))
    }
}

/// The text that locations refer to.
struct Located<'t> {
    text: &'t str,
    source: u32,
}

impl Located<'_> {
    fn node(&self, raw: Raw, holder: Option<Span>) -> Node {
        let own = self.span(raw.defined);
        match raw.value {
            Content::Null => Node {
                span: if own.start == own.end {
                    holder.unwrap_or(own)
                } else {
                    own
                },
                value: Value::Null,
            },
            Content::Typed => Node::scalar(self.spelt(own), false, own),
            Content::Text(text) => {
                let quoted = self.spelt(own).starts_with(['"', '\'']) || text.contains('\n');
                Node::scalar(&text, quoted, own)
            }
            Content::List(items) => {
                let items: Vec<Node> = items
                    .into_iter()
                    .map(|item| self.node(item, None))
                    .collect();
                let span = holder.or_else(|| items.first().map(|item| item.span));
                Node {
                    span: span.unwrap_or(own),
                    value: Value::List(items),
                }
            }
            Content::Map(entries) => {
                let entries: Vec<Entry> =
                    entries.into_iter().map(|pair| self.entry(pair)).collect();
                let span = holder.or_else(|| entries.first().map(|entry| entry.key_span));
                Node {
                    span: span.unwrap_or(own),
                    value: Value::Map(entries),
                }
            }
        }
    }

    fn entry(&self, (key, value): (Raw, Raw)) -> Entry {
        let key_span = self.span(key.defined);
        let key = match key.value {
            Content::Text(text) => text,
            Content::Null | Content::Typed | Content::List(_) | Content::Map(_) => {
                self.spelt(key_span).to_owned()
            }
        };
        Entry {
            key,
            key_span,
            value: self.node(value, Some(key_span)),
        }
    }

    fn span(&self, at: Location) -> Span {
        let start = start_of(at, self.text);
        let length = u32::try_from(at.span().byte_len().unwrap_or(0)).unwrap_or(0);
        let end = start
            .saturating_add(length)
            .min(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
        let written = self.text.get(start as usize..end as usize).unwrap_or("");
        let end = start + u32::try_from(written.trim_end().len()).unwrap_or(0);
        Span {
            source: self.source,
            start,
            end,
        }
    }

    fn spelt(&self, span: Span) -> &str {
        self.text
            .get(span.start as usize..span.end as usize)
            .unwrap_or("")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(node: &Node, text: &str, out: &mut String) {
        let at = |span: Span| text[span.start as usize..span.end as usize].to_owned();
        match &node.value {
            Value::Null => out.push_str("null"),
            Value::Scalar {
                text: value,
                quoted,
            } => {
                out.push_str(&format!("<{value}|{}|{quoted}>", at(node.span)));
            }
            Value::List(items) => {
                out.push_str(&format!("[{}: ", at(node.span)));
                items.iter().for_each(|item| show(item, text, out));
                out.push(']');
            }
            Value::Map(entries) => {
                out.push('{');
                for entry in entries {
                    out.push_str(&format!("{}({})=", entry.key, at(entry.key_span)));
                    show(&entry.value, text, out);
                }
                out.push('}');
            }
        }
    }

    #[test]
    fn scalars_keep_their_spelling_and_place() {
        let text = "a: no\nb: 0x10\nc: 010\nd: 1_000\ne: 'x y' # c\nf: [1, .nan, ~, é, 2ms]\ng: &q 5\nh: *q\na: 2\n1: \"a\\nb\"\ni:\nj: {k: {}, l: []}\nm: |\n  some\n  text\n";
        let tree = parse(text, 0).expect("a document");
        let mut out = String::new();
        show(&tree, text, &mut out);
        assert_eq!(
            out,
            concat!(
                "{a(a)=<no|no|false>b(b)=<0x10|0x10|false>c(c)=<010|010|false>d(d)=<1_000|1_000|false>",
                "e(e)=<x y|'x y'|true>f(f)=[f: <1|1|false><.nan|.nan|false>null<é|é|false><2ms|2ms|false>]",
                "g(g)=<5|5|false>h(h)=<5|5|false>a(a)=<2|2|false>1(1)=<a\nb|\"a\\nb\"|true>i(i)=null",
                "j(j)={k(k)={}l(l)=[l: ]}m(m)=<some\ntext\n|some\n  text|true>}"
            )
        );
    }
}
