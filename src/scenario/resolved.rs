//! The resolved scenario: what was read, with parents, variants and overrides laid over each other, as canonical JSON. Keys are
//! sorted, durations in whole units, sizes in bytes, so that comments, key order, spelling and YAML against JSON make
//! no difference. It is a scenario again, and gives the same. Variants are what they change of the base: maps merge, lists replace, null removes (RFC 7396).

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::platform::quantity::IntOrPercent;

use super::shape::{Item, Typed};
use super::units;

/// A checked document as JSON with sorted keys.
#[must_use]
pub fn json(item: &Item) -> Value {
    match &item.value {
        Typed::Duration(span) => json!(span.to_string()),
        Typed::Ago(span) => json!(format!("-{span}")),
        Typed::Rate(rate) => json!(units::rate_text(*rate)),
        Typed::Size(bytes) => json!(format!("{bytes}B")),
        Typed::Integer(number) => json!(number),
        Typed::Flow(bytes) => json!(format!("{bytes}B/s")),
        Typed::Share(share) => json!(units::share_text(*share)),
        Typed::Negative(number) => json!(number),
        Typed::Number(number) => json!(number),
        Typed::Factor(thousandths) => factor(*thousandths),
        Typed::Quantity(thousandths) => json!(units::quantity_text(*thousandths)),
        Typed::IntOrPercent(IntOrPercent::Count(count)) => json!(count),
        Typed::IntOrPercent(IntOrPercent::Percent(percent)) => json!(format!("{percent}%")),
        Typed::Boolean(value) => json!(value),
        Typed::Text(text) => json!(text),
        Typed::Unset | Typed::Wrong => Value::Null,
        Typed::List(items) => items.iter().map(json).collect(),
        Typed::Map(pairs) => sorted(pairs.iter().map(|pair| (&*pair.key, json(&pair.item)))),
    }
}

/// A factor as the number that it was written as.
fn factor(thousandths: u64) -> Value {
    let (whole, rest) = (thousandths / 1_000, thousandths % 1_000);
    if rest == 0 {
        return json!(whole);
    }
    serde_json::from_str(&format!("{whole}.{rest:03}")).unwrap_or(Value::Null)
}

fn sorted<'k>(entries: impl Iterator<Item = (&'k str, Value)>) -> Value {
    let mut entries: Vec<(&str, Value)> = entries.collect();
    entries.sort_by(|a, b| a.0.cmp(b.0));
    let map: Map<String, Value> = entries
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect();
    Value::Object(map)
}

/// The whole: the base and what each variant changes of it.
#[must_use]
pub fn whole(base: &Item, variants: &[(String, Item)]) -> Value {
    // What a document says of variants is in none of them.
    let alone = |item: &Item| {
        let mut document = json(item);
        if let Value::Object(map) = &mut document {
            map.remove("variants");
        }
        document
    };
    let below = alone(base);
    let changes = variants
        .iter()
        .map(|(name, item)| (&**name, difference(&below, &alone(item))));
    let changes = sorted(changes);
    let Value::Object(map) = &below else {
        return below;
    };
    let mut entries: Vec<(&str, Value)> = map
        .iter()
        .filter(|(key, _)| !matches!(&***key, "extends" | "matrix"))
        .map(|(key, value)| (&**key, value.clone()))
        .collect();
    if !variants.is_empty() {
        entries.push(("variants", changes));
    }
    sorted(entries.into_iter())
}

/// The merge patch that makes `after` of `before`.
fn difference(before: &Value, after: &Value) -> Value {
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        return after.clone();
    };
    let mut entries: Vec<(&str, Value)> = Vec::new();
    for (key, value) in new {
        match old.get(key) {
            Some(same) if same == value => {}
            Some(other) => entries.push((key, difference(other, value))),
            None => entries.push((key, value.clone())),
        }
    }
    let gone = old.keys().filter(|key| !new.contains_key(*key));
    entries.extend(gone.map(|key| (&**key, Value::Null)));
    sorted(entries.into_iter())
}

/// Where the value at `pointer` of a variant's document stands in the whole: in the base, or in what the variant changes.
#[must_use]
pub fn pointer(whole: &Value, variant: &str, pointer: &str) -> String {
    let list = pointer.split('/').nth(1).unwrap_or("");
    let changed = whole
        .get("variants")
        .and_then(|variants| variants.get(variant))
        .is_some_and(|variant| variant.get(list).is_some());
    if changed {
        format!("/variants/{variant}{pointer}")
    } else {
        pointer.to_owned()
    }
}

/// Where `after` is not what `before` was: pointer, what was there, what is there; by pointer.
#[must_use]
pub fn changes(before: &Value, after: &Value) -> Vec<(String, Option<Value>, Option<Value>)> {
    let mut all = Vec::new();
    compare("", Some(before), Some(after), &mut all);
    all
}

fn compare(
    pointer: &str,
    before: Option<&Value>,
    after: Option<&Value>,
    all: &mut Vec<(String, Option<Value>, Option<Value>)>,
) {
    match (before, after) {
        (Some(before), Some(after)) if before == after => {}
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            let keys: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for key in keys {
                let below = format!("{pointer}/{}", token(key));
                compare(&below, old.get(key), new.get(key), all);
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) if old.len() == new.len() => {
            for (index, (old, new)) in old.iter().zip(new).enumerate() {
                compare(&format!("{pointer}/{index}"), Some(old), Some(new), all);
            }
        }
        (before, after) => {
            all.push((pointer.to_owned(), before.cloned(), after.cloned()));
        }
    }
}

/// A key as a token of a JSON pointer (RFC 6901).
#[must_use]
pub fn token(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The scenario hash: SHA-256, in hexadecimal digits, of the canonical JSON without blanks.
#[must_use]
pub fn canonical_hash(resolved: &Value) -> String {
    let digest = Sha256::digest(resolved.to_string().as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
