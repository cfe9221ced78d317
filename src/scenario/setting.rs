//! Puts a value at a dotted path of a document. Owns what a path means; that keys and values are legal is for the checker to say.
//!
//! Keys may hold dots themselves: of several that fit, the longest counts. The tables of the language say where the rest of a path
//! is one key (Kafka's settings), and where a key names a thing: a thing that is not there is not made by one of its fields.

use super::kafka;
use super::near::did_you_mean;
use super::node::{Entry, Node, Span, Value};
use super::overlay::put;
use super::shape::{Shape, Side};
use super::vocabulary::SCENARIO;
use crate::kernel::words::ordinal;

/// What became of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// It stands at its place.
    Done,
    /// The path leads through something that holds nothing.
    NoPlace,
    /// The path leads through a thing that is not there.
    NoEntry {
        /// Its kind.
        what: &'static str,
        /// Its name.
        name: String,
        /// What was probably meant.
        help: String,
    },
}

/// Puts `value`, which was given at `span`, at `path` of `document`; null removes what is there.
pub(super) fn set(document: &mut Node, path: &str, value: &Node, span: Span) -> Reach {
    let setting = Setting { value, span };
    setting.at(document, Some(&Shape::Record(&SCENARIO)), path, false)
}

struct Setting<'v> {
    value: &'v Node,
    span: Span,
}

impl Setting<'_> {
    /// Below `node`, which is of `shape`; `is_overlay` in a variant, which may change what the base has.
    fn at(&self, node: &mut Node, shape: Option<&Shape>, path: &str, is_overlay: bool) -> Reach {
        match &mut node.value {
            Value::Null | Value::Scalar { .. } => Reach::NoPlace,
            Value::List(items) => {
                let (head, rest) = split(path);
                let item = ordinal(head).and_then(|index: usize| items.get_mut(index));
                match (item, rest) {
                    (None, _) => Reach::NoPlace,
                    (Some(item), Some(rest)) => {
                        self.at(item, shape.and_then(Shape::element), rest, is_overlay)
                    }
                    (Some(item), None) => {
                        *item = self.value.clone();
                        Reach::Done
                    }
                }
            }
            Value::Map(entries) => {
                let is_overlay = is_overlay || matches!(shape, Some(Shape::Overlay));
                match known(entries, path) {
                    Some((at, Some(rest))) if !is_flat(shape) => {
                        let rest = rest.to_owned();
                        let entry = &mut entries[at];
                        let below = shape.and_then(|shape| shape.below(&entry.key));
                        self.at(&mut entry.value, below, &rest, is_overlay)
                    }
                    Some(_) | None => self.put_new(node, shape, path, is_overlay),
                }
            }
        }
    }

    /// In the map `node`, at a path of which nothing is there, or all of it.
    fn put_new(
        &self,
        node: &mut Node,
        shape: Option<&Shape>,
        path: &str,
        is_overlay: bool,
    ) -> Reach {
        let is_there = node.get(path).is_some();
        let (head, rest) = match shape {
            _ if is_there || is_flat(shape) => (path, None),
            Some(Shape::Named(Shape::Kafka(side))) => owner_and_key(path, *side),
            _ => split(path),
        };
        let Some(rest) = rest else {
            put(node, self.entry(head, self.value.clone()));
            return Reach::Done;
        };
        if let Some(Shape::Named(Shape::Record(of))) = shape
            && !is_overlay
        {
            let names: Vec<&str> = node.entries().iter().map(|entry| &*entry.key).collect();
            return Reach::NoEntry {
                what: of.what,
                name: head.to_owned(),
                help: meant(path, &names).unwrap_or_else(|| match &names[..] {
                    [] => format!(
                        "the scenario has none; give the whole of it: {head} in a map of its keys"
                    ),
                    _ => format!("there are: {}", names.join(", ")),
                }),
            };
        }
        let mut inner = Node {
            span: self.span,
            value: Value::Map(Vec::new()),
        };
        let below = shape.and_then(|shape| shape.below(head));
        let reach = self.at(&mut inner, below, rest, is_overlay);
        if reach == Reach::Done && !inner.entries().is_empty() {
            put(node, self.entry(head, inner));
        }
        reach
    }

    fn entry(&self, key: &str, value: Node) -> Entry {
        Entry {
            key: key.to_owned(),
            key_span: self.span,
            value,
        }
    }
}

/// True where what is left of a path is one key.
const fn is_flat(shape: Option<&Shape>) -> bool {
    matches!(shape, Some(Shape::Kafka(_) | Shape::Matrix))
}

fn split(path: &str) -> (&str, Option<&str>) {
    path.split_once('.')
        .map_or((path, None), |(head, rest)| (head, Some(rest)))
}

/// The longest key that `path` is or goes through, and what is left of the path.
fn known<'p>(entries: &[Entry], path: &'p str) -> Option<(usize, Option<&'p str>)> {
    let fits = entries.iter().enumerate().filter_map(|(at, entry)| {
        let rest = path.strip_prefix(&*entry.key)?;
        match rest.strip_prefix('.') {
            Some(rest) => Some((at, entry.key.len(), Some(rest))),
            None => rest.is_empty().then_some((at, entry.key.len(), None)),
        }
    });
    let longest = fits.max_by_key(|(_, length, _)| *length)?;
    Some((longest.0, longest.2))
}

/// `checkout.v2.consumer.session.timeout.ms`: the name of what has settings, and the setting.
fn owner_and_key(path: &str, side: Side) -> (&str, Option<&str>) {
    let keys = kafka::keys(side).iter().map(|key| key.name);
    let owners = keys.filter_map(|key| {
        let owner = path.strip_suffix(key)?.strip_suffix('.')?;
        Some((owner, Some(&path[owner.len() + 1..])))
    });
    owners
        .min_by_key(|(owner, _)| owner.len())
        .unwrap_or_else(|| split(path))
}

/// The name of which `path` begins with a misspelling.
fn meant(path: &str, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| {
        let parts = name.split('.').count();
        let head: Vec<&str> = path.split('.').take(parts).collect();
        did_you_mean(&head.join("."), [*name])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::matrix::label;
    use crate::scenario::yaml;

    fn after(text: &str, path: &str, value: &str) -> Result<String, Reach> {
        let node = |text| yaml::parse(text, 0).expect("a test's text is YAML");
        let mut document = node(text);
        match set(&mut document, path, &node(value), Span::default()) {
            Reach::Done => Ok(label(&document)),
            other => Err(other),
        }
    }

    #[test]
    fn of_several_keys_that_fit_the_longest_counts() {
        let text = "topics: { orders: { rate: 1/s }, orders.dlq: { rate: 2/s } }";
        let dlq = after(text, "topics.orders.dlq.rate", "3/s");
        let expected = "{topics: {orders: {rate: 1/s}, orders.dlq: {rate: 3/s}}}";
        assert_eq!(dlq, Ok(expected.to_owned()));
        let gone = after(text, "topics.orders.dlq", "null");
        assert_eq!(gone, Ok("{topics: {orders: {rate: 1/s}}}".to_owned()));
    }

    #[test]
    fn a_setting_of_kafka_is_one_key_whatever_is_there() {
        let path = "brokers.group_config.a.b.consumer.session.timeout.ms";
        let expected = "{brokers: {group_config: {a.b: {consumer.session.timeout.ms: 5}}}}";
        assert_eq!(after("{}", path, "5"), Ok(expected.to_owned()));
        let text = "brokers: { group_config: { a.b: {} } }";
        assert_eq!(after(text, path, "5"), Ok(expected.to_owned()));
    }

    #[test]
    fn what_is_not_there_is_not_made_by_a_field_of_it() {
        let text = "topics: { orders: { partitions: 3 } }";
        let lost = after(text, "topics.order.partitions", "4");
        let Err(Reach::NoEntry { what, name, help }) = lost else {
            panic!("{lost:?}");
        };
        assert_eq!((what, &*name), ("topic", "order"));
        assert_eq!(help, "did you mean `orders`?");
        let whole = after(text, "topics.more", "{ partitions: 4 }");
        let expected = "{topics: {orders: {partitions: 3}, more: {partitions: 4}}}";
        assert_eq!(whole, Ok(expected.to_owned()));
        let over = after(
            "variants: { a: {} }",
            "variants.a.topics.orders.partitions",
            "4",
        );
        let expected = "{variants: {a: {topics: {orders: {partitions: 4}}}}}";
        assert_eq!(over, Ok(expected.to_owned()));
    }

    #[test]
    fn nothing_lies_below_a_single_value() {
        assert_eq!(
            after("duration: 1m", "duration.x", "1"),
            Err(Reach::NoPlace)
        );
    }
}
