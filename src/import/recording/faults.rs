//! What is wrong with a recording: every fault, each with its place.

use serde_json::{Map, Value};

/// A reader of JSON that goes on after a fault, so that all of them can be told at once.
#[derive(Debug, Default)]
pub(super) struct Faults(pub(super) Vec<String>);

impl Faults {
    /// Notes that `place` is not what it should be.
    pub(super) fn note(&mut self, place: &str, problem: &str) {
        self.0.push(format!("`{place}` {problem}"));
    }

    fn want<'v, T>(
        &mut self,
        value: &'v Value,
        (place, key): (&str, &str),
        kind: &str,
        read: impl Fn(&'v Value) -> Option<T>,
    ) -> Option<T> {
        let found = value.get(key).and_then(read);
        if found.is_none() {
            let problem = match value.get(key) {
                None => "is missing".to_owned(),
                Some(_) => format!("is not {kind}"),
            };
            self.note(&join(place, key), &problem);
        }
        found
    }

    pub(super) fn text<'v>(&mut self, value: &'v Value, place: &str, key: &str) -> Option<&'v str> {
        self.want(value, (place, key), "a text", Value::as_str)
    }

    /// A whole number from 0 to 2^32: milliseconds, partitions, microseconds.
    pub(super) fn number(&mut self, value: &Value, place: &str, key: &str) -> Option<u64> {
        let whole = |value: &Value| value.as_u64().filter(|&number| number <= 1 << 32);
        self.want(value, (place, key), "a whole number up to 2^32", whole)
    }

    /// Like [`Faults::number`], but the key may be absent.
    pub(super) fn maybe_number(&mut self, value: &Value, place: &str, key: &str) -> Option<u64> {
        value.get(key)?;
        self.number(value, place, key)
    }

    pub(super) fn object<'v>(
        &mut self,
        value: &'v Value,
        place: &str,
        key: &str,
    ) -> Option<&'v Map<String, Value>> {
        self.want(value, (place, key), "an object", Value::as_object)
    }

    pub(super) fn list<'v>(
        &mut self,
        value: &'v Value,
        place: &str,
        key: &str,
    ) -> Option<&'v [Value]> {
        let list = |value: &'v Value| value.as_array().map(Vec::as_slice);
        self.want(value, (place, key), "a list", list)
    }
}

/// The place of `key` in the object at `place`.
pub(super) fn join(place: &str, key: &str) -> String {
    if place.is_empty() {
        key.to_owned()
    } else {
        format!("{place}.{key}")
    }
}
