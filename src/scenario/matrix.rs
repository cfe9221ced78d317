//! `matrix` and `--vary`: which parameters a sweep crosses, and which combinations come of it.
//!
//! A parameter is a Kafka key (of every group, of one as `GROUP:KEY`, or of the brokers), a dotted path into the scenario, or `variant`.
//! Combinations are the product, less what `exclude` names, and what `include` names besides: as in the matrices of CI systems. What a
//! combination comes to is for [`super::grid`] to say.

mod vary;

pub use vary::vary;

use super::code::Code;
use super::diagnostic::Diagnostic;
use super::kafka;
use super::near::did_you_mean;
use super::node::{Entry, Node, Span, Value};
use super::overlay::{FIXED, Override};
use super::shape::Side;
use super::vocabulary::SCENARIO;

/// As many combinations as one sweep may have, variants included.
pub const MAX_CELLS: usize = 100_000;

/// The parameter that names variants.
const VARIANT: &str = "variant";

/// One parameter and its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axis {
    /// As written; the column of result tables.
    pub key: String,
    /// Where it stands.
    pub key_span: Span,
    /// What it takes, in the order in which it was written.
    pub values: Vec<Node>,
}

/// What is crossed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matrix {
    /// The parameters, `variant` among them.
    axes: Vec<Axis>,
    exclude: Vec<Vec<Entry>>,
    include: Vec<Vec<Entry>>,
}

/// One variant under one setting of the parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Combination {
    /// Name of the variant.
    pub variant: String,
    /// The value of each parameter; `None` where it stays what the scenario says.
    pub values: Vec<Option<Node>>,
}

/// A value as it is shown: a scalar's text, else in flow style.
#[must_use]
pub fn label(node: &Node) -> String {
    match &node.value {
        Value::Null => "null".to_owned(),
        Value::Scalar { text, .. } => text.clone(),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(label).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Map(entries) => {
            let entry = |entry: &Entry| format!("{}: {}", entry.key, label(&entry.value));
            let entries: Vec<String> = entries.iter().map(entry).collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

/// Reads `matrix`.
pub fn read(node: &Node, found: &mut Vec<Diagnostic>) -> Matrix {
    let mut matrix = Matrix::default();
    let Value::Map(entries) = &node.value else {
        found.push(
            refusal(node.span, "`matrix` is not a map")
                .help("a map of parameters to lists, such as session.timeout.ms: [6000, 10000]"),
        );
        return matrix;
    };
    for entry in entries {
        let Value::List(items) = &entry.value.value else {
            let message = format!("`{}` is {}", entry.key, entry.value.describe());
            let finding = refusal(entry.value.span, message);
            found.push(finding.help("write a list, such as [6000, 10000]"));
            continue;
        };
        match &*entry.key {
            "exclude" => matrix.exclude = combinations(items, found),
            "include" => matrix.include = combinations(items, found),
            _ => {
                let axis = Axis {
                    key: entry.key.clone(),
                    key_span: entry.key_span,
                    values: items.clone(),
                };
                if axis.is_legal(found) {
                    matrix.axes.push(axis);
                }
            }
        }
    }
    for (list, must_be_listed) in [(&matrix.exclude, true), (&matrix.include, false)] {
        for entry in list.iter().flatten() {
            matrix.check_named(entry, must_be_listed, found);
        }
    }
    matrix
}

fn refusal(span: Span, message: impl Into<String>) -> Diagnostic {
    Diagnostic::error(Code::Matrix, span, message)
}

/// The entries of `exclude` or `include`.
fn combinations(items: &[Node], found: &mut Vec<Diagnostic>) -> Vec<Vec<Entry>> {
    let mut all = Vec::new();
    for item in items {
        if item.entries().is_empty() {
            let message = format!("{} names no combination", item.describe());
            let help = "write { variant: eager, session.timeout.ms: 6000 }";
            found.push(refusal(item.span, message).help(help));
        } else {
            all.push(item.entries().to_vec());
        }
    }
    all
}

/// What a parameter changes.
enum Target {
    /// Which variants are played.
    Variant,
    /// A Kafka key of one group or of all.
    Consumer(Option<String>, String),
    /// A place.
    Path(String),
}

/// What `key` changes; the finding, when there is nothing of that name.
fn target(key: &str, span: Span) -> Result<Target, Box<Diagnostic>> {
    if key == VARIANT {
        return Ok(Target::Variant);
    }
    if let Some((group, key)) = key.split_once(':') {
        return Ok(Target::Consumer(Some(group.to_owned()), key.to_owned()));
    }
    if kafka::key(Side::Consumer, key).is_some() {
        return Ok(Target::Consumer(None, key.to_owned()));
    }
    if kafka::key(Side::Broker, key).is_some() {
        return Ok(Target::Path(format!("brokers.config.{key}")));
    }
    let head = key.split('.').next().unwrap_or(key);
    if head == "seed" {
        let finding = refusal(span, "seeds are not varied like this");
        return Err(Box::new(finding.help("--seeds N plays every cell N times")));
    }
    if FIXED.contains(&head) {
        let message = format!("a sweep cannot change `{head}`");
        return Err(Box::new(refusal(span, message)));
    }
    if SCENARIO.fields.iter().any(|field| field.name == head) {
        return Ok(Target::Path(key.to_owned()));
    }
    let consumer = kafka::keys(Side::Consumer).iter().map(|key| key.name);
    let broker = kafka::keys(Side::Broker).iter().map(|key| key.name);
    let fields = SCENARIO.fields.iter().map(|field| field.name);
    let near = did_you_mean(key, consumer.chain(broker).chain(fields));
    let message = format!("`{key}` is neither a Kafka key nor a path into the scenario");
    let finding = refusal(span, message)
        .help("write a Kafka key, GROUP:KEY, a path such as groups.checkout.members, or variant")
        .maybe_help(near);
    Err(Box::new(finding))
}

impl Axis {
    /// Whether the parameter exists and every value stands once; what is wrong is reported.
    fn is_legal(&self, found: &mut Vec<Diagnostic>) -> bool {
        let before = found.len();
        if let Err(finding) = target(&self.key, self.key_span) {
            found.push(*finding);
        }
        if self.values.is_empty() {
            let message = format!("`{}` has no values: nothing would be played", self.key);
            found.push(refusal(self.key_span, message));
        }
        let mut seen: std::collections::BTreeMap<String, Span> = std::collections::BTreeMap::new();
        for value in &self.values {
            if let Some(twin) = seen.insert(label(value), value.span) {
                let message = format!("`{}` takes {} twice", self.key, label(value));
                found.push(refusal(value.span, message).related(twin, "here before"));
            }
        }
        found.len() == before
    }

    /// The change that makes the parameter `value`; `None` for `variant`.
    #[must_use]
    pub fn change(&self, value: &Node) -> Option<Override> {
        match target(&self.key, self.key_span).ok()? {
            Target::Variant => None,
            Target::Consumer(group, key) => Some(Override::Config {
                group,
                entry: Entry {
                    key,
                    key_span: self.key_span,
                    value: value.clone(),
                },
            }),
            Target::Path(path) => Some(Override::Set {
                path,
                span: self.key_span,
                value: value.clone(),
            }),
        }
    }

    /// The option of `rebsim run` that does the same, and its value.
    #[must_use]
    pub fn option(&self, value: &Node) -> Option<(&'static str, String)> {
        let value = label(value);
        match target(&self.key, self.key_span).ok()? {
            Target::Variant => None,
            Target::Consumer(_, _) => Some(("--config", format!("{}={value}", self.key))),
            Target::Path(path) => Some(("--set", format!("{path}={value}"))),
        }
    }
}

impl Matrix {
    /// Lays `--vary` over the scenario's own: a parameter of the same key gets the new values, others are added.
    pub fn vary(&mut self, axes: Vec<Axis>) {
        for axis in axes {
            match self.axes.iter_mut().find(|known| known.key == axis.key) {
                Some(known) => *known = axis,
                None => self.axes.push(axis),
            }
        }
    }

    /// True when nothing is varied.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.axes.is_empty() && self.include.is_empty()
    }

    /// The parameters, in order; `variant` is none of them, it has a column anyway.
    #[must_use]
    pub fn parameters(&self) -> Vec<&Axis> {
        let axes = self.axes.iter();
        axes.filter(|axis| axis.key != VARIANT).collect()
    }

    fn check_named(&self, entry: &Entry, must_be_listed: bool, found: &mut Vec<Diagnostic>) {
        if entry.key == VARIANT {
            return;
        }
        let Some(axis) = self.axes.iter().find(|axis| axis.key == entry.key) else {
            let message = format!("`{}` is not a parameter of this matrix", entry.key);
            let near = did_you_mean(&entry.key, self.axes.iter().map(|axis| &*axis.key));
            found.push(refusal(entry.key_span, message).maybe_help(near));
            return;
        };
        let known: Vec<String> = axis.values.iter().map(label).collect();
        if must_be_listed && !known.contains(&label(&entry.value)) {
            let message = format!("`{}` never is {}", entry.key, label(&entry.value));
            let finding = refusal(entry.value.span, message);
            found.push(finding.help(format!("it is one of {}", known.join(", "))));
        }
    }

    /// The names of variants that the matrix itself mentions, where they stand.
    pub fn named_variants(&self) -> impl Iterator<Item = (String, Span)> {
        let axis = self.axes.iter().filter(|axis| axis.key == VARIANT);
        let listed = axis.flat_map(|axis| &axis.values);
        let entries = self.exclude.iter().chain(&self.include).flatten();
        let named = entries.filter(|entry| entry.key == VARIANT);
        let nodes = listed.chain(named.map(|entry| &entry.value));
        nodes.map(|node| (label(node), node.span))
    }

    /// How many combinations the product has with `variants` variants; stops at the largest number.
    #[must_use]
    pub fn size(&self, variants: usize) -> usize {
        let parameters = self.parameters();
        let product = parameters.iter().fold(1_usize, |product, axis| {
            product.saturating_mul(axis.values.len())
        });
        let all = product.saturating_add(self.include.len());
        all.saturating_mul(variants)
    }

    /// Every combination once: by variant in the order of `variants`, the last parameter turning first, then what is included.
    #[must_use]
    pub fn combinations(&self, variants: &[String]) -> Vec<Combination> {
        let parameters = self.parameters();
        let wanted = self.axes.iter().find(|axis| axis.key == VARIANT);
        let wanted: Option<Vec<String>> =
            wanted.map(|axis| axis.values.iter().map(label).collect());
        let is_wanted = |name: &&String| wanted.as_ref().is_none_or(|list| list.contains(name));
        let mut product: Vec<Vec<Option<Node>>> = vec![Vec::new()];
        for axis in &parameters {
            let longer = |values: &Vec<Option<Node>>| {
                let values = values.clone();
                let with = move |value: &Node| [&values[..], &[Some(value.clone())]].concat();
                axis.values.iter().map(with).collect::<Vec<_>>()
            };
            product = product.iter().flat_map(longer).collect();
        }
        let mut all: Vec<Combination> = Vec::new();
        let mut seen: std::collections::BTreeSet<(String, Vec<Option<String>>)> =
            std::collections::BTreeSet::new();
        for variant in variants {
            let of = |values: Vec<Option<Node>>| Combination {
                variant: variant.clone(),
                values,
            };
            let crossed = product.iter().cloned().map(of);
            let crossed = crossed.filter(|one| !self.is_excluded(one, &parameters));
            let crossed = crossed.filter(|_| is_wanted(&variant));
            let named = |entries: &&Vec<Entry>| {
                let own = entries.iter().find(|entry| entry.key == VARIANT);
                own.map_or(is_wanted(&variant), |entry| label(&entry.value) == *variant)
            };
            let included = self.include.iter().filter(named).map(|entries| {
                let value = |axis: &&Axis| {
                    let entry = entries.iter().find(|entry| entry.key == axis.key);
                    entry.map(|entry| entry.value.clone())
                };
                of(parameters.iter().map(value).collect())
            });
            for one in crossed.chain(included) {
                let labels = one.values.iter().map(|value| value.as_ref().map(label));
                if seen.insert((one.variant.clone(), labels.collect())) {
                    all.push(one);
                }
            }
        }
        all
    }

    fn is_excluded(&self, one: &Combination, parameters: &[&Axis]) -> bool {
        self.exclude.iter().any(|entries| {
            entries.iter().all(|entry| {
                if entry.key == VARIANT {
                    return label(&entry.value) == one.variant;
                }
                let at = parameters.iter().position(|axis| axis.key == entry.key);
                let value = at.and_then(|at| one.values[at].as_ref());
                value.is_some_and(|value| label(value) == label(&entry.value))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::yaml;

    fn matrix(text: &str) -> (Matrix, Vec<String>) {
        let mut found = Vec::new();
        let node = yaml::parse(text, 0).expect("a test's matrix is YAML");
        let matrix = read(&node, &mut found);
        (matrix, found.into_iter().map(|one| one.message).collect())
    }

    fn shown(matrix: &Matrix, variants: &[&str]) -> Vec<String> {
        let variants: Vec<String> = variants.iter().map(|name| (*name).to_owned()).collect();
        let text = |value: &Option<Node>| value.as_ref().map_or("-".to_owned(), label);
        let all = matrix.combinations(&variants).into_iter().map(|one| {
            let values: Vec<String> = one.values.iter().map(text).collect();
            format!("{} {}", one.variant, values.join(" "))
        });
        all.collect()
    }

    #[test]
    fn the_product_less_what_is_excluded_and_what_is_included_besides() {
        let text = "
session.timeout.ms: [6000, 10000]
groups.g.members: [2, 3]
exclude: [ { variant: b, session.timeout.ms: 6000 }, { groups.g.members: 3, session.timeout.ms: 10000 } ]
include: [ { variant: a, session.timeout.ms: 45000 }, { session.timeout.ms: 6000, groups.g.members: 2 } ]
";
        let (matrix, found) = matrix(text);
        assert_eq!(found, Vec::<String>::new());
        let expected = [
            "a 6000 2",
            "a 6000 3",
            "a 10000 2",
            "a 45000 -",
            "b 10000 2",
            "b 6000 2",
        ];
        assert_eq!(shown(&matrix, &["a", "b"]), expected);
    }

    #[test]
    fn variants_are_a_parameter_without_a_column() {
        let (matrix, found) = matrix("{ variant: [b], max.poll.records: [1, 500] }");
        assert_eq!(found, Vec::<String>::new());
        assert_eq!(shown(&matrix, &["a", "b"]), ["b 1", "b 500"]);
        assert_eq!(matrix.parameters().len(), 1);
    }

    #[test]
    fn what_cannot_be_varied_is_refused() {
        for (text, word) in [
            ("{ session.timeout.mss: [1] }", "neither a Kafka key"),
            ("{ seed: [1, 2] }", "seeds are not varied"),
            ("{ name: [a] }", "cannot change `name`"),
            ("{ max.poll.records: [] }", "no values"),
            ("{ max.poll.records: [1, 1] }", "twice"),
            ("{ max.poll.records: 1 }", "a single value"),
            ("[ 1 ]", "not a map"),
            (
                "{ max.poll.records: [1], exclude: [ { max.poll.records: 2 } ] }",
                "never is 2",
            ),
            (
                "{ max.poll.records: [1], include: [ { duration: 2m } ] }",
                "not a parameter",
            ),
            (
                "{ max.poll.records: [1], exclude: [ 3 ] }",
                "names no combination",
            ),
        ] {
            let (_, found) = matrix(text);
            assert!(
                found.iter().any(|one| one.contains(word)),
                "{text}: {found:?}"
            );
        }
    }
}
