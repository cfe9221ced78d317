//! Checks a tree against the vocabulary and types it. Finds everything that can be found by looking at one place: what
//! depends on other places is [`super::build`]'s. A part that is wrong is reported and left out.

use crate::kernel::SimDuration;

use super::code::Code;
use super::diagnostic::Diagnostic;
use super::kafka;
use super::manifest;
use super::near::{elsewhere, nearest};
use super::node::{Entry, Node, Span, Value};
use super::scalar;
use super::shape::{Field, Item, Pair, Presence, Record, Rule, Shape, Typed};

/// What has been found, and how strictly to look.
#[derive(Debug)]
pub struct Checker {
    /// Findings so far.
    pub found: Vec<Diagnostic>,
    /// False for a document that variants may still complete: required keys may be missing.
    pub complete: bool,
}

impl Checker {
    /// The typed value of `node`, or `None` when it is wrong.
    pub fn check(&mut self, node: &Node, shape: &Shape) -> Option<Item> {
        let value = match shape {
            Shape::Record(record) => return self.record(node, record),
            Shape::Manifest(manifest) => return manifest::check(self, node, manifest, ""),
            Shape::Named(of) => self.named(node, of)?,
            Shape::List(of) => self.list(node, of)?,
            Shape::Either { scalar, list, map } => {
                return self.either(node, *scalar, *list, *map);
            }
            Shape::Kafka(side) => kafka::check(self, node, *side)?,
            Shape::Expectations => self.expectations(node)?,
            Shape::Overlay | Shape::Matrix => return None,
            Shape::Duration
            | Shape::Ago
            | Shape::Rate
            | Shape::Size
            | Shape::Share
            | Shape::Flow
            | Shape::Integer(..)
            | Shape::Number(..)
            | Shape::Factor
            | Shape::Boolean
            | Shape::Text
            | Shape::Name
            | Shape::Version
            | Shape::Quantity
            | Shape::IntOrPercent
            | Shape::Word(_) => {
                let Value::Scalar { text, quoted } = &node.value else {
                    self.misshapen(node, shape);
                    return None;
                };
                match scalar::read(text, *quoted, shape) {
                    Ok(value) => value,
                    Err(problem) => {
                        self.found.push(problem.at(node.span));
                        return None;
                    }
                }
            }
        };
        Some(Item {
            span: node.span,
            value,
        })
    }

    /// Reports that something else should stand here.
    pub fn kind(&mut self, node: &Node, expected: &str) {
        let message = format!("{} stands where {expected} belongs", node.describe());
        self.found
            .push(Diagnostic::error(Code::WrongKind, node.span, message));
    }

    /// The same, with what the tables say of it.
    fn misshapen(&mut self, node: &Node, shape: &Shape) {
        let message = format!(
            "{} stands where {} belongs",
            node.describe(),
            expected(shape)
        );
        self.found
            .push(Diagnostic::error(Code::WrongKind, node.span, message).maybe_help(sample(shape)));
    }

    /// The entries of a map; `None`, reported, when it is none.
    pub fn entries<'n>(&mut self, node: &'n Node) -> Option<&'n [Entry]> {
        if let Value::Map(entries) = &node.value {
            return Some(entries);
        }
        self.kind(node, "a map");
        None
    }

    fn record(&mut self, node: &Node, record: &'static Record) -> Option<Item> {
        let Value::Map(entries) = &node.value else {
            self.misshapen(node, &Shape::Record(record));
            return None;
        };
        let mut pairs = Vec::new();
        let mut named: Vec<(&str, Span)> = Vec::new();
        for entry in entries {
            let Some(field) = record.fields.iter().find(|field| field.name == entry.key) else {
                // What was probably meant counts as there, so that its absence is not reported as well; so does an unknown verb.
                let meant = self.unknown(entry, record);
                let meant = meant.filter(|name| node.get(name).is_none());
                named.extend(meant.map(|name| (name, entry.key_span)));
                let is_verb = matches!(record.rule, Rule::Verb(_));
                let key = meant.or(is_verb.then_some(&*entry.key));
                pairs.extend(key.map(|key| Pair {
                    key: key.to_owned(),
                    ..pair(entry, Item::wrong(entry.key_span))
                }));
                continue;
            };
            named.push((field.name, entry.key_span));
            let item = self.field(entry, field);
            pairs.push(pair(entry, item.unwrap_or(Item::wrong(entry.value.span))));
        }
        self.presence(node, record, &named);
        Some(Item {
            span: node.span,
            value: Typed::Map(pairs),
        })
    }

    /// Whether the keys that are there are enough and go together.
    pub(super) fn presence(&mut self, node: &Node, record: &Record, named: &[(&str, Span)]) {
        if self.complete {
            for field in record.fields {
                let missing = !named.iter().any(|(name, _)| *name == field.name);
                if field.presence == Presence::Required && missing {
                    let message = format!("{} lacks `{}`", with_article(record.what), field.name);
                    self.found.push(
                        Diagnostic::error(Code::MissingKey, node.span, message)
                            .help(format!("{}: {}", field.name, field.doc)),
                    );
                }
            }
        }
        self.rule(node, record, named);
    }

    pub(super) fn field(&mut self, entry: &Entry, field: &Field) -> Option<Item> {
        if field.presence == Presence::NotModelled {
            let message = format!("`{}` is not modelled yet", field.name);
            let finding = Diagnostic::error(Code::NotModelled, entry.key_span, message);
            self.found.push(
                finding
                    .label("this would change nothing here")
                    .help("leave it out until its model is built"),
            );
            return None;
        }
        if entry.value.value == Value::Null {
            let message = format!("`{}` has no value", field.name);
            self.found.push(Diagnostic::error(
                Code::WrongKind,
                entry.value.span,
                message,
            ));
            return None;
        }
        self.check(&entry.value, &field.shape)
    }

    fn unknown(&mut self, entry: &Entry, record: &Record) -> Option<&'static str> {
        let others: &[(&str, &str)] = match record.rule {
            Rule::Verb(words) => words,
            Rule::Any | Rule::OneOf(_) | Rule::AtMostOne(_) => &[],
        };
        let other = others.iter().find(|(word, _)| *word == entry.key);
        let names = record.fields.iter().map(|field| field.name);
        let meant = other
            .map(|(_, verb)| *verb)
            .or_else(|| nearest(&entry.key, names));
        let help = meant.map(|name| format!("did you mean `{name}`?"));
        let place = || elsewhere(&entry.key).map(|home| format!("it is a key of {home}; "));
        let known: Vec<&str> = record
            .fields
            .iter()
            .filter(|field| field.presence != Presence::NotModelled)
            .map(|field| field.name)
            .collect();
        let message = format!(
            "unknown key `{}` in {}",
            entry.key,
            with_article(record.what)
        );
        self.found.push(
            Diagnostic::error(Code::UnknownKey, entry.key_span, message).help(help.unwrap_or_else(
                || {
                    let place = place().unwrap_or_default();
                    format!("{place}known keys: {}", known.join(", "))
                },
            )),
        );
        meant
    }

    fn rule(&mut self, node: &Node, record: &Record, named: &[(&str, Span)]) {
        let fits = |set: &[&str]| {
            named.len() == set.len() && named.iter().all(|(name, _)| set.contains(name))
        };
        match record.rule {
            Rule::Any | Rule::Verb(_) => {}
            Rule::OneOf(sets) => {
                if !sets.iter().any(|set| fits(set)) {
                    let sets: Vec<String> = sets.iter().map(|set| set.join(" + ")).collect();
                    let span = named
                        .get(1)
                        .or(named.first())
                        .map_or(node.span, |(_, span)| *span);
                    let message = format!(
                        "{} is one of: {}",
                        with_article(record.what),
                        sets.join(", ")
                    );
                    self.found
                        .push(Diagnostic::error(Code::Exclusive, span, message));
                }
            }
            Rule::AtMostOne(names) => {
                let mut there = named.iter().filter(|(name, _)| names.contains(name));
                if let (Some(first), Some(second)) = (there.next(), there.next()) {
                    let message = format!("`{}` and `{}` exclude each other", first.0, second.0);
                    self.found.push(
                        Diagnostic::error(Code::Exclusive, second.1, message)
                            .related(first.1, "already said here")
                            .help(format!(
                                "leave one out; one that a parent or the scenario under a variant says is taken away by null: `{}: null`",
                                first.0
                            )),
                    );
                }
            }
        }
    }

    fn named(&mut self, node: &Node, of: &'static Shape) -> Option<Typed> {
        let Value::Map(entries) = &node.value else {
            self.misshapen(node, &Shape::Named(of));
            return None;
        };
        let mut pairs = Vec::new();
        for entry in entries {
            if let Err(problem) = scalar::read(&entry.key, true, &Shape::Name) {
                self.found.push(problem.at(entry.key_span));
            }
            let item = self.check(&entry.value, of);
            pairs.push(pair(entry, item.unwrap_or(Item::wrong(entry.value.span))));
        }
        Some(Typed::Map(pairs))
    }

    fn list(&mut self, node: &Node, of: &'static Shape) -> Option<Typed> {
        let items = match &node.value {
            Value::List(items) => items
                .iter()
                .map(|item| self.check(item, of).unwrap_or(Item::wrong(item.span)))
                .collect(),
            Value::Scalar { .. } if matches!(of, Shape::Name | Shape::Word(_)) => {
                vec![self.check(node, of)?]
            }
            Value::Null | Value::Scalar { .. } | Value::Map(_) => {
                self.misshapen(node, &Shape::List(of));
                return None;
            }
        };
        Some(Typed::List(items))
    }

    fn either(
        &mut self,
        node: &Node,
        scalar: Option<&'static Shape>,
        list: Option<&'static Shape>,
        map: Option<&'static Shape>,
    ) -> Option<Item> {
        let shape = match node.value {
            Value::Null => None,
            Value::Scalar { .. } => scalar,
            Value::List(_) => list,
            Value::Map(_) => map,
        };
        if let Some(shape) = shape {
            let before = self.found.len();
            let item = self.check(node, shape);
            self.name_the_map(before, map);
            return item;
        }
        self.misshapen(node, &Shape::Either { scalar, list, map });
        None
    }

    /// Where words may stand and maps too, an unknown word is told of both.
    fn name_the_map(&mut self, from: usize, map: Option<&Shape>) {
        let Some(record) = map.and_then(Shape::record) else {
            return;
        };
        let unknown = self.found[from..].iter_mut();
        for finding in unknown.filter(|finding| finding.code == Code::UnknownWord) {
            let keys = names(record).join(", ");
            finding
                .message
                .push_str(&format!("; nor a map with one of: {keys}"));
        }
    }

    fn expectations(&mut self, node: &Node) -> Option<Typed> {
        let mut pairs = Vec::new();
        for entry in self.entries(node)? {
            let item = match &entry.value.value {
                Value::Map(_) => Item {
                    span: entry.value.span,
                    value: self.expectations(&entry.value)?,
                },
                Value::Scalar { text, .. } => Item {
                    span: entry.value.span,
                    value: Typed::Text(text.clone()),
                },
                Value::Null | Value::List(_) => {
                    self.kind(&entry.value, "a condition such as \"< 5s\"");
                    continue;
                }
            };
            pairs.push(pair(entry, item));
        }
        Some(Typed::Map(pairs))
    }
}

pub(super) fn pair(entry: &Entry, item: Item) -> Pair {
    Pair {
        key: entry.key.clone(),
        key_span: entry.key_span,
        item,
    }
}

/// What a shape wants, for people.
fn expected(shape: &Shape) -> String {
    let text = match shape {
        Shape::Duration | Shape::Ago => "a duration such as 30s",
        Shape::Rate => "a rate such as 1200/s",
        Shape::Size => "a size such as 64KiB",
        Shape::Share => "a share such as 20%",
        Shape::Flow => "a rate such as 50MB/s or 150000/s",
        Shape::Integer(..) | Shape::Factor | Shape::Number(..) => "a number",
        Shape::Quantity => "a quantity such as 500m or 1Gi",
        Shape::IntOrPercent => "a count or a share such as 25%",
        Shape::Boolean => "true or false",
        Shape::Text | Shape::Name | Shape::Version => "a text",
        Shape::Word(_) => "a word",
        Shape::List(Shape::Record(_)) => "a list of entries",
        Shape::List(_) => "a list",
        Shape::Either { scalar, list, map } => {
            let shapes = [scalar, list, map].into_iter().flatten();
            let texts: Vec<String> = shapes.map(|shape| expected(shape)).collect();
            return texts.join(" or ");
        }
        Shape::Record(_)
        | Shape::Named(_)
        | Shape::Kafka(_)
        | Shape::Manifest(_)
        | Shape::Expectations
        | Shape::Overlay
        | Shape::Matrix => "a map",
    };
    text.to_owned()
}

/// How something of this shape begins.
fn sample(shape: &Shape) -> Option<String> {
    let entry = |record: &Record| {
        let required = |field: &&Field| field.presence == Presence::Required;
        let first = record
            .fields
            .iter()
            .find(required)
            .or(record.fields.first());
        first.map_or_else(
            || "{ … }".to_owned(),
            |field| format!("{{ {}: … }}", field.name),
        )
    };
    match shape {
        Shape::Record(record) => Some(format!("its keys: {}", names(record).join(", "))),
        Shape::Named(Shape::Record(record)) => {
            Some(format!("by name, such as NAME: {}", entry(record)))
        }
        Shape::List(Shape::Record(record)) => Some(format!("such as [ {} ]", entry(record))),
        Shape::Either { list, map, .. } => map.and_then(sample).or_else(|| list.and_then(sample)),
        _ => None,
    }
}

/// The keys of a record that may be written.
fn names(record: &Record) -> Vec<&'static str> {
    let fields = record.fields.iter();
    let fields = fields.filter(|field| field.presence != Presence::NotModelled);
    fields.map(|field| field.name).collect()
}

pub(super) fn with_article(what: &str) -> String {
    let vowel = what.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {what}", if vowel { "an" } else { "a" })
}

/// The duration of `key`, or `default`.
#[must_use]
pub fn duration_or(item: Option<&Item>, default: SimDuration) -> SimDuration {
    item.and_then(Item::duration).unwrap_or(default)
}
