//! Kubernetes objects, verbatim: keys with a model are checked, all others are accepted with a note that says where they
//! stand, so that real files can be pasted. A slip of a key that has a model is an error.

use super::check::{self, Checker};
use super::code::Code;
use super::diagnostic::Diagnostic;
use super::near::nearest;
use super::node::{Entry, Node, Span, Value};
use super::shape::{Field, Item, Manifest, Pair, Shape, Typed};

/// Checks and types a Kubernetes object; `path` leads to it from the outermost one, with a dot at the end.
pub(super) fn check(
    checker: &mut Checker,
    node: &Node,
    manifest: &Manifest,
    path: &str,
) -> Option<Item> {
    let mut pairs: Vec<Pair> = Vec::new();
    let mut named: Vec<(&str, Span)> = Vec::new();
    for entry in checker.entries(node)? {
        // In Kubernetes, null is the same as nothing.
        if entry.value.value == Value::Null {
            continue;
        }
        let fields = manifest.record.fields;
        let Some(field) = fields.iter().find(|field| field.name == entry.key) else {
            let slip = unlisted(checker, entry, manifest, path);
            if let Some(name) = slip.filter(|name| node.get(name).is_none()) {
                named.push((name, entry.key_span));
            }
            continue;
        };
        named.push((field.name, entry.key_span));
        let item = value(checker, entry, field, path);
        pairs.push(check::pair(
            entry,
            item.unwrap_or(Item::wrong(entry.value.span)),
        ));
    }
    checker.presence(node, &manifest.record, &named);
    Some(Item {
        span: node.span,
        value: Typed::Map(pairs),
    })
}

fn value(checker: &mut Checker, entry: &Entry, field: &Field, path: &str) -> Option<Item> {
    let (path, node) = (format!("{path}{}", entry.key), &entry.value);
    match (&field.shape, &node.value) {
        (Shape::Manifest(inner), _) => check(checker, node, inner, &format!("{path}.")),
        (Shape::List(Shape::Manifest(inner)), Value::List(items)) => {
            let items = items.iter().enumerate().map(|(index, item)| {
                let checked = check(checker, item, inner, &format!("{path}[{index}]."));
                checked.unwrap_or(Item::wrong(item.span))
            });
            Some(Item {
                value: Typed::List(items.collect()),
                span: node.span,
            })
        }
        _ => checker.field(entry, field),
    }
}

/// Reports a key without a model; which one was meant, when it is a slip of one that has.
fn unlisted(
    checker: &mut Checker,
    entry: &Entry,
    manifest: &Manifest,
    path: &str,
) -> Option<&'static str> {
    let meant = nearest(
        &entry.key,
        manifest.record.fields.iter().map(|field| field.name),
    )
    .filter(|_| !manifest.others.contains(&&*entry.key));
    let key = format!("{path}{}", entry.key);
    checker.found.push(match meant {
        Some(name) => {
            let what = check::with_article(manifest.record.what);
            let message = format!("unknown key `{key}` in {what}");
            Diagnostic::error(Code::UnknownKey, entry.key_span, message)
                .help(format!("did you mean `{name}`?"))
        }
        None => {
            let message = format!("`{key}` is accepted but changes nothing here");
            Diagnostic::note(Code::Ignored, entry.key_span, message)
        }
    });
    meant
}
