//! Laying documents over each other: maps merge, everything else replaces, null removes.

use super::code::Code;
use super::diagnostic::Diagnostic;
use super::node::{Entry, Node, Span, Value};
use super::shape::{Rule, Shape};
use super::vocabulary::SCENARIO;

/// A whole document.
const DOCUMENT: Shape = Shape::Record(&SCENARIO);

/// `over` laid over `base`, both whole documents.
#[must_use]
pub fn merge(base: &Node, over: &Node) -> Node {
    lay(base, over, Nulls::Remove, Some(&DOCUMENT))
}

/// `over` laid over `base`, maps of any kind.
#[must_use]
pub fn merge_maps(base: &Node, over: &Node) -> Node {
    lay(base, over, Nulls::Remove, None)
}

/// A document laid over the one that it extends. What it says of variants stays an overlay: the nulls in it wait for the
/// document that the variant is laid over.
#[must_use]
pub fn inherit(parent: &Node, child: &Node) -> Node {
    let mut document = merge(parent, child);
    let (Some(below), Some(above)) = (parent.get("variants"), child.get("variants")) else {
        restore(&mut document, parent);
        restore(&mut document, child);
        return document;
    };
    let mut entries = Vec::new();
    for entry in below.entries() {
        match above.entries().iter().find(|other| other.key == entry.key) {
            None => entries.push(entry.clone()),
            Some(other) if other.value.value == Value::Null => {}
            Some(other) => entries.push(Entry {
                value: lay(
                    &entry.value,
                    &other.value,
                    Nulls::Keep,
                    Some(&Shape::Overlay),
                ),
                ..other.clone()
            }),
        }
    }
    let new = |entry: &&Entry| below.get(&entry.key).is_none();
    entries.extend(above.entries().iter().filter(new).cloned());
    put(&mut document, "variants", Value::Map(entries));
    document
}

/// Puts the variants of `source`, if it has any, back as they were written.
fn restore(document: &mut Node, source: &Node) {
    if let Some(variants) = source.get("variants") {
        put(document, "variants", variants.value.clone());
    }
}

fn put(document: &mut Node, key: &str, value: Value) {
    if let Value::Map(entries) = &mut document.value {
        let entry = entries.iter_mut().find(|entry| entry.key == key);
        if let Some(entry) = entry {
            entry.value.value = value;
        }
    }
}

/// What becomes of a null that has removed something.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nulls {
    /// It is gone as well.
    Remove,
    /// It stays, to remove it again further down.
    Keep,
}

fn lay(base: &Node, over: &Node, nulls: Nulls, shape: Option<&Shape>) -> Node {
    let (Value::Map(below), Value::Map(above)) = (&base.value, &over.value) else {
        return alone(over, nulls);
    };
    if is_another_choice(below, above, shape) {
        return alone(over, nulls);
    }
    let gone = |entry: &Entry| nulls == Nulls::Remove && entry.value.value == Value::Null;
    let mut entries: Vec<Entry> = Vec::with_capacity(below.len() + above.len());
    for entry in below {
        match above.iter().find(|other| other.key == entry.key) {
            None => entries.push(entry.clone()),
            Some(other) if gone(other) => {}
            Some(other) => entries.push(Entry {
                value: lay(
                    &entry.value,
                    &other.value,
                    nulls,
                    shape.and_then(|shape| shape.below(&entry.key)),
                ),
                ..other.clone()
            }),
        }
    }
    for entry in above {
        let known = below.iter().any(|other| other.key == entry.key);
        if !known && !gone(entry) {
            let value = alone(&entry.value, nulls);
            let entry = entry.clone();
            entries.push(Entry { value, ..entry });
        }
    }
    Node {
        span: base.span,
        value: Value::Map(entries),
    }
}

/// Where one of several sets of keys must be there: true when what lies above is another one, which goes with nothing below.
fn is_another_choice(below: &[Entry], above: &[Entry], shape: Option<&Shape>) -> bool {
    let Some(Rule::OneOf(sets)) = shape.and_then(Shape::record).map(|record| record.rule) else {
        return false;
    };
    let is_there = |entry: &&Entry| entry.value.value != Value::Null;
    let own: Vec<&str> = above
        .iter()
        .filter(is_there)
        .map(|entry| &*entry.key)
        .collect();
    let kept = below
        .iter()
        .filter(|entry| above.iter().all(|other| other.key != entry.key));
    let both: Vec<&str> = own
        .iter()
        .copied()
        .chain(kept.map(|entry| &*entry.key))
        .collect();
    let fits = |keys: &[&str]| {
        let mut sets = sets.iter();
        sets.any(|set| set.len() == keys.len() && keys.iter().all(|key| set.contains(key)))
    };
    fits(&own) && !fits(&both)
}

/// What is laid over nothing.
fn alone(node: &Node, nulls: Nulls) -> Node {
    match nulls {
        Nulls::Remove => without_nulls(node),
        Nulls::Keep => node.clone(),
    }
}

/// A map laid over nothing: what it removes is not there anyway.
fn without_nulls(node: &Node) -> Node {
    let Value::Map(entries) = &node.value else {
        return node.clone();
    };
    let kept = entries
        .iter()
        .filter(|entry| entry.value.value != Value::Null);
    let entries = kept.map(|entry| Entry {
        value: without_nulls(&entry.value),
        ..entry.clone()
    });
    Node {
        span: node.span,
        value: Value::Map(entries.collect()),
    }
}

/// Reports repeated keys anywhere below `node` and keeps the first of each.
pub fn unique(node: &mut Node, found: &mut Vec<Diagnostic>) {
    match &mut node.value {
        Value::Null | Value::Scalar { .. } => {}
        Value::List(items) => items.iter_mut().for_each(|item| unique(item, found)),
        Value::Map(entries) => {
            let mut seen = std::collections::BTreeMap::<String, Span>::new();
            entries.retain_mut(|entry| {
                unique(&mut entry.value, found);
                let Some(before) = seen.get(&entry.key) else {
                    seen.insert(entry.key.clone(), entry.key_span);
                    return true;
                };
                let message = format!("`{}` stands here twice", entry.key);
                let finding = Diagnostic::error(Code::DuplicateKey, entry.key_span, message);
                found.push(finding.related(*before, "here before"));
                false
            });
        }
    }
}

/// A map of one key, for building overlays.
#[must_use]
pub fn single(key: &str, span: Span, value: Node) -> Node {
    let entry = Entry {
        key: key.to_owned(),
        key_span: span,
        value,
    };
    Node {
        span,
        value: Value::Map(vec![entry]),
    }
}
