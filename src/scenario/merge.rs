//! Laying documents over each other: maps merge, everything else replaces, null removes.

use super::code::Code;
use super::diagnostic::Diagnostic;
use super::node::{Entry, Node, Span, Value};

/// `over` laid over `base`.
#[must_use]
pub fn merge(base: &Node, over: &Node) -> Node {
    lay(base, over, Nulls::Remove)
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
                value: lay(&entry.value, &other.value, Nulls::Keep),
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

fn lay(base: &Node, over: &Node, nulls: Nulls) -> Node {
    let (Value::Map(below), Value::Map(above)) = (&base.value, &over.value) else {
        return match nulls {
            Nulls::Remove => without_nulls(over),
            Nulls::Keep => over.clone(),
        };
    };
    let gone = |entry: &Entry| nulls == Nulls::Remove && entry.value.value == Value::Null;
    let mut entries: Vec<Entry> = Vec::with_capacity(below.len() + above.len());
    for entry in below {
        match above.iter().find(|other| other.key == entry.key) {
            None => entries.push(entry.clone()),
            Some(other) if gone(other) => {}
            Some(other) => entries.push(Entry {
                value: lay(&entry.value, &other.value, nulls),
                ..other.clone()
            }),
        }
    }
    for entry in above {
        let known = below.iter().any(|other| other.key == entry.key);
        if !known && !gone(entry) {
            let value = match nulls {
                Nulls::Remove => without_nulls(&entry.value),
                Nulls::Keep => entry.value.clone(),
            };
            let entry = entry.clone();
            entries.push(Entry { value, ..entry });
        }
    }
    Node {
        span: base.span,
        value: Value::Map(entries),
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
