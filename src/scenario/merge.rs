//! Laying documents over each other: maps merge, everything else replaces, null removes.

use super::code::Code;
use super::diagnostic::Diagnostic;
use super::node::{Entry, Node, Span, Value};

/// `over` laid over `base`.
#[must_use]
pub fn merge(base: &Node, over: &Node) -> Node {
    let (Value::Map(below), Value::Map(above)) = (&base.value, &over.value) else {
        return without_nulls(over);
    };
    let mut entries: Vec<Entry> = Vec::with_capacity(below.len() + above.len());
    for entry in below {
        match above.iter().find(|other| other.key == entry.key) {
            None => entries.push(entry.clone()),
            Some(other) if other.value.value == Value::Null => {}
            Some(other) => entries.push(Entry {
                value: merge(&entry.value, &other.value),
                ..other.clone()
            }),
        }
    }
    for entry in above {
        let known = below.iter().any(|other| other.key == entry.key);
        if !known && entry.value.value != Value::Null {
            entries.push(Entry {
                value: without_nulls(&entry.value),
                ..entry.clone()
            });
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
