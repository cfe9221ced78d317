//! Variants and overrides: from one document to the documents that are played.

use super::code::Code;
use super::diagnostic::Diagnostic;
use super::merge::{merge, merge_maps, single};
use super::near::did_you_mean;
use super::node::{Entry, Node, Span, Value};
use super::setting::{self, Reach};
use super::source::Sources;
use super::yaml;

/// What the command line lays over every variant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `KEY=VALUE` or `GROUP:KEY=VALUE`, Kafka consumer keys.
    pub config: Vec<String>,
    /// `PATH=VALUE`, dotted.
    pub set: Vec<String>,
    /// Variants to keep; empty: all.
    pub variants: Vec<String>,
    /// Notes are errors.
    pub strict: bool,
}

/// Keys that are the same in every variant.
pub(super) const FIXED: [&str; 8] = [
    "version", "name", "about", "extends", "seed", "variants", "matrix", "expect",
];

/// What variants are laid over: `document` without what it says of variants, which none of them sees. With it, thousands of variants
/// would each hold all the others. Where `overrides` reach into variants, it stays.
pub fn without_variants(document: &Node, overrides: &[Override]) -> Node {
    let mut lean = document.clone();
    let reaches =
        |one: &Override| matches!(one, Override::Set { path, .. } if path.starts_with("variants"));
    if let Value::Map(entries) = &mut lean.value
        && !overrides.iter().any(reaches)
    {
        let of_variants = entries.iter_mut().filter(|entry| entry.key == "variants");
        for entry in of_variants {
            if let Value::Map(variants) = &mut entry.value.value {
                variants.clear();
            }
        }
    }
    lean
}

/// The document of the variant that `overlay` makes of `base`.
pub fn variant(base: &Node, overlay: &Entry, found: &mut Vec<Diagnostic>) -> Node {
    let Value::Map(entries) = &overlay.value.value else {
        let message = format!("variant `{}` is not a map", overlay.key);
        let finding = Diagnostic::error(Code::WrongKind, overlay.value.span, message);
        found.push(finding.help("a variant that changes nothing is {}"));
        return base.clone();
    };
    let mut rest = Vec::new();
    let mut shorthand = None;
    for entry in entries {
        if FIXED.contains(&&*entry.key) {
            let message = format!("a variant cannot change `{}`", entry.key);
            let finding = Diagnostic::error(Code::OverlayKey, entry.key_span, message);
            found.push(finding.help("it is the same in every variant: write it at the top level"));
        } else if entry.key == "config" {
            shorthand = Some(entry);
        } else {
            rest.push(entry.clone());
        }
    }
    let over = Node {
        span: overlay.value.span,
        value: Value::Map(rest),
    };
    let document = merge(base, &over);
    let Some(config) = shorthand else {
        return document;
    };
    // The shorthand lies between the base and what the overlay says of a group itself.
    let for_all = group_configs(&document, &config.value, config.key_span);
    merge(&merge(base, &for_all), &over)
}

/// `{ groups: { g: { config } } }` for every group of `document`.
fn group_configs(document: &Node, config: &Node, span: Span) -> Node {
    let groups = document.get("groups").map_or(&[][..], Node::entries);
    let entries = groups.iter().map(|group| Entry {
        key: group.key.clone(),
        key_span: group.key_span,
        value: single("config", span, config.clone()),
    });
    let groups = Node {
        span,
        value: Value::Map(entries.collect()),
    };
    single("groups", span, groups)
}

/// One override, read.
#[derive(Clone, Debug)]
pub enum Override {
    /// A Kafka key of one group, or of all.
    Config {
        /// The group.
        group: Option<String>,
        /// The key with its value.
        entry: Entry,
    },
    /// A place and its value.
    Set {
        /// Dotted path.
        path: String,
        /// Where the path stands.
        span: Span,
        /// The value.
        value: Node,
    },
}

/// Reads the overrides; each becomes a source of its own, so that findings can point at it.
pub fn read(
    overrides: &Overrides,
    sources: &mut Sources,
    found: &mut Vec<Diagnostic>,
) -> Vec<Override> {
    let mut all = Vec::new();
    for text in &overrides.set {
        if let Some((path, span, value)) = assignment("--set", text, sources, found) {
            all.push(Override::Set { path, span, value });
        }
    }
    for text in &overrides.config {
        if let Some((key, span, value)) = assignment("--config", text, sources, found) {
            let (group, key) = match key.split_once(':') {
                Some((group, key)) => (Some(group.to_owned()), key.to_owned()),
                None => (None, key),
            };
            let entry = Entry {
                key,
                key_span: span,
                value,
            };
            all.push(Override::Config { group, entry });
        }
    }
    all
}

fn assignment(
    option: &str,
    text: &str,
    sources: &mut Sources,
    found: &mut Vec<Diagnostic>,
) -> Option<(String, Span, Node)> {
    let source = sources.add(option, text);
    let end = u32::try_from(text.len()).unwrap_or(u32::MAX);
    let Some((key, value)) = text.split_once('=').filter(|(key, _)| !key.is_empty()) else {
        let span = Span {
            source,
            start: 0,
            end,
        };
        let message = format!("`{text}` is not of the form KEY=VALUE");
        found.push(Diagnostic::error(Code::Override, span, message));
        return None;
    };
    let length = u32::try_from(key.len()).unwrap_or(u32::MAX);
    let span = Span {
        source,
        start: 0,
        end: length,
    };
    if value.trim().is_empty() {
        let message = format!("`{key}` is given no value");
        let finding = Diagnostic::error(Code::Override, span, message);
        found.push(finding.help(format!("{key}=null takes away what the scenario says")));
        return None;
    }
    if option == "--set" && key.split('.').next() == Some("extends") {
        let finding = Diagnostic::error(Code::Override, span, "`extends` is not set from outside");
        found.push(
            finding
                .help("the parent is read before anything is laid over it: write it in the file"),
        );
        return None;
    }
    match yaml::parse(value, source) {
        Ok(mut node) => {
            shift(&mut node, length + 1);
            Some((key.to_owned(), span, node))
        }
        Err(error) => {
            let at = Span {
                source,
                start: length + 1,
                end,
            };
            found.push(Diagnostic::error(Code::Override, at, error.message));
            None
        }
    }
}

/// Moves everything below `node` by so many bytes.
pub(super) fn shift(node: &mut Node, by: u32) {
    node.span.start += by;
    node.span.end += by;
    match &mut node.value {
        Value::Null | Value::Scalar { .. } => {}
        Value::List(items) => items.iter_mut().for_each(|item| shift(item, by)),
        Value::Map(entries) => {
            for entry in entries {
                entry.key_span.start += by;
                entry.key_span.end += by;
                shift(&mut entry.value, by);
            }
        }
    }
}

/// Overrides that found nothing to change in a document, by their position.
#[derive(Debug, Default)]
pub struct Lost(Vec<(usize, Diagnostic)>);

impl Lost {
    /// Reports what was lost in every one of `documents`: a variant may have what another has not.
    pub fn report(self, documents: usize, found: &mut Vec<Diagnostic>) {
        let mut last = None;
        for (index, finding) in &self.0 {
            let times = self.0.iter().filter(|(other, _)| other == index).count();
            if times >= documents && last.is_none_or(|last| last < *index) {
                last = Some(*index);
                found.push(finding.clone());
            }
        }
    }
}

/// `document` with every override applied; an entry that it lacks and that none makes is `lost`.
pub fn apply(
    document: Node,
    overrides: &[Override],
    lost: &mut Lost,
    found: &mut Vec<Diagnostic>,
) -> Node {
    let mut document = document;
    for (index, one) in overrides.iter().enumerate() {
        match one {
            Override::Config { group, entry } => {
                configure(&mut document, group.as_deref(), entry, found);
            }
            Override::Set { path, span, value } => {
                match setting::set(&mut document, path, value, *span) {
                    Reach::Done => {}
                    Reach::NoPlace => {
                        let message = format!("there is no place `{path}` in the scenario");
                        found.push(Diagnostic::error(Code::Override, *span, message));
                    }
                    Reach::NoEntry { what, name, help } => {
                        let message = format!("there is no {what} `{name}`");
                        let finding = Diagnostic::error(Code::Override, *span, message);
                        lost.0.push((index, finding.help(help)));
                    }
                }
            }
        }
    }
    document
}

/// Sets a Kafka key in groups, over what single members say.
fn configure(document: &mut Node, only: Option<&str>, entry: &Entry, found: &mut Vec<Diagnostic>) {
    let Some(groups) = get_mut(document, "groups").and_then(entries_mut) else {
        return;
    };
    if let Some(name) = only.filter(|name| !groups.iter().any(|group| group.key == *name)) {
        let message = format!("there is no group `{name}`");
        let names = groups.iter().map(|group| &*group.key);
        found.push(
            Diagnostic::error(Code::UnknownGroup, entry.key_span, message)
                .maybe_help(did_you_mean(name, names)),
        );
    }
    let wanted = groups
        .iter_mut()
        .filter(|group| only.is_none_or(|name| name == group.key));
    for group in wanted {
        if let Some(Value::List(members)) =
            get_mut(&mut group.value, "members").map(|node| &mut node.value)
        {
            for member in members {
                let config = get_mut(member, "config");
                if let Some(config) = config.filter(|config| config.get(&entry.key).is_some()) {
                    put(config, entry.clone());
                }
            }
        }
        let over = single(
            "config",
            entry.key_span,
            single(&entry.key, entry.key_span, entry.value.clone()),
        );
        group.value = merge_maps(&group.value, &over);
    }
}

/// Puts an entry into a map, over one of the same key; null removes it.
pub(super) fn put(node: &mut Node, entry: Entry) {
    let Value::Map(entries) = &mut node.value else {
        return;
    };
    let position = entries.iter().position(|other| other.key == entry.key);
    match (position, entry.value.value == Value::Null) {
        (Some(position), true) => {
            entries.remove(position);
        }
        (Some(position), false) => entries[position] = entry,
        (None, true) => {}
        (None, false) => entries.push(entry),
    }
}

fn get_mut<'n>(node: &'n mut Node, key: &str) -> Option<&'n mut Node> {
    entries_mut(node)?
        .iter_mut()
        .find(|entry| entry.key == key)
        .map(|entry| &mut entry.value)
}

fn entries_mut(node: &mut Node) -> Option<&mut Vec<Entry>> {
    match &mut node.value {
        Value::Map(entries) => Some(entries),
        Value::Null | Value::Scalar { .. } | Value::List(_) => None,
    }
}
