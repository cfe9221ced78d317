//! The whole way from a text to the plans of its variants.

use std::collections::BTreeMap;
use std::fmt;

use super::build::{self, Room, Used};
use super::check::Checker;
use super::code::Code;
use super::diagnostic::{Diagnostic, Severity};
use super::files::{Files, LoadError, Loader};
use super::matrix;
use super::near::did_you_mean;
use super::node::{Entry, Node, Span};
use super::overlay::{self, Lost, Override, Overrides};
use super::places;
use super::plan::Plan;
use super::render;
use super::resolved;
use super::shape::{Item, Shape, Typed};
use super::source::{Place, Sources};
use super::vocabulary::SCENARIO;

/// A valid scenario.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Name.
    pub name: String,
    /// The question.
    pub about: Option<String>,
    /// Root of all randomness.
    pub seed: u64,
    /// One plan for each variant that is played.
    pub plans: Vec<Plan>,
    /// What must hold, also of variants that are not selected.
    pub expectations: Vec<Expectation>,
    /// What was read, all laid over each other, as canonical JSON; see [`super::resolved`].
    pub resolved: serde_json::Value,
    /// Where its parts stand, for people: `file:line` by JSON pointer into `resolved`.
    pub places: BTreeMap<String, String>,
    /// What is worth knowing.
    pub notes: Vec<Diagnostic>,
    /// The texts that it was made of.
    pub sources: Sources,
    /// True when it says what `rebsim sweep` is to cross.
    pub has_matrix: bool,
    /// Where what is resolved was written.
    pub(super) located: Located,
}

/// The documents that a scenario came to, with their places.
#[derive(Clone, Debug, Default)]
pub(super) struct Located {
    base: Option<Item>,
    variants: Vec<(String, Item)>,
}

impl Scenario {
    /// The documents that are played: that of each variant, or the base.
    pub(super) fn documents(&self) -> impl Iterator<Item = &Item> {
        let located = &self.located;
        let played = |name: &str| self.plans.iter().any(|plan| plan.variant == name);
        let variants = located.variants.iter();
        let variants = variants.filter(move |(name, _)| played(name));
        let base = located.base.iter().filter(|_| located.variants.is_empty());
        variants.map(|(_, item)| item).chain(base)
    }

    /// Where the value at `pointer` of the resolved scenario was written, or what holds it; `None` for a default.
    #[must_use]
    pub fn place(&self, pointer: &str) -> Option<Place> {
        let mut tokens = pointer.split('/').skip(1).peekable();
        let mut item = self.located.base.as_ref()?;
        if tokens.next_if_eq(&"variants").is_some() {
            let name = tokens.next()?;
            let mut variants = self.located.variants.iter();
            item = &variants.find(|(known, _)| known == name)?.1;
        }
        let mut span = None;
        for token in tokens {
            let key = token.replace("~1", "/").replace("~0", "~");
            let index = key.parse::<usize>().ok();
            let element = index.and_then(|index| item.items().get(index));
            let below = element.or_else(|| item.get(&key));
            let Some(below) = below else { break };
            item = below;
            span = Some(item.span);
        }
        span.map(|span| self.sources.place(span))
    }
}

/// A condition that must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// For this variant; `None`: for all.
    pub variant: Option<String>,
    /// Name of the metric.
    pub metric: String,
    /// Condition on it.
    pub condition: String,
    /// JSON pointer into the resolved scenario.
    pub pointer: String,
    /// Where it stands, for people.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
}

/// A refused scenario.
#[derive(Clone, Debug)]
pub struct Rejected {
    /// What is wrong, in order of place; notes included.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts.
    pub sources: Sources,
}

/// Everything that is wrong, with the text around it.
impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&render::text(&self.diagnostics, &self.sources, false))
    }
}

impl Rejected {
    /// The refusal of a scenario whose own text cannot be had.
    #[must_use]
    pub fn unloaded(file: &str, error: &LoadError) -> Self {
        let mut sources = Sources::default();
        let source = sources.add(file, "");
        let span = Span {
            source,
            start: 0,
            end: 0,
        };
        Self {
            diagnostics: vec![error.at(file, span)],
            sources,
        }
    }

    /// True when nothing is wrong but that a file exists and cannot be read: worth another try.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        let mut errors = self
            .diagnostics
            .iter()
            .filter(|finding| finding.severity == Severity::Error);
        errors.all(|finding| finding.code == Code::Unreadable)
    }
}

/// Reads the scenario `text`, which stands in `file`.
///
/// # Errors
/// With everything that is wrong with it.
pub fn load(
    file: &str,
    text: &str,
    loader: &mut dyn Loader,
    overrides: &Overrides,
) -> Result<Scenario, Rejected> {
    let mut files = Files::new(loader);
    let mut found = Vec::new();
    let scenario = match files.document(file, text, &mut found) {
        Some((document, true)) => Some(play(&document, overrides, &mut files, &mut found)),
        Some((document, false)) => {
            checked(document, false, &mut found);
            None
        }
        None => None,
    };
    let (found, refused) = settled(found, overrides.strict);
    let sources = files.sources;
    match scenario {
        Some(scenario) if !refused => Ok(Scenario {
            notes: found,
            sources,
            ..scenario
        }),
        Some(_) | None => Err(Rejected {
            diagnostics: found,
            sources,
        }),
    }
}

/// By place, each once (variants share most of their text), and whether the scenario is refused for them.
pub(super) fn settled(mut found: Vec<Diagnostic>, strict: bool) -> (Vec<Diagnostic>, bool) {
    found.sort_by(|a, b| (a.span, a.code, &a.message).cmp(&(b.span, b.code, &b.message)));
    found.dedup_by(|a, b| (a.span, a.code, &a.message) == (b.span, b.code, &b.message));
    if strict {
        for finding in &mut found {
            finding.severity = Severity::Error;
        }
    }
    let refused = |finding: &Diagnostic| finding.severity == Severity::Error;
    let refused = found.iter().any(refused);
    (found, refused)
}

pub(super) fn play(
    document: &Node,
    overrides: &Overrides,
    files: &mut Files<'_>,
    found: &mut Vec<Diagnostic>,
) -> Scenario {
    let changes = overlay::read(overrides, &mut files.sources, found);
    let mut lost = Lost::default();
    let changed = overlay::apply(document.clone(), &changes, &mut lost, found);
    let variants = changed.get("variants").cloned();
    let variants = variants.as_ref().map_or(&[][..], Node::entries);
    let matrix = changed.get("matrix");
    let has_matrix = matrix.is_some_and(|node| !matrix::read(node, found).is_empty());
    let names: Vec<String> = variants.iter().map(|entry| entry.key.clone()).collect();
    let base = checked(changed, variants.is_empty(), found);
    let mut documents = Vec::new();
    let below = overlay::without_variants(document, &changes);
    for entry in variants {
        check_name(entry, found);
        let item = variant(&below, entry, &changes, &mut lost, found);
        documents.push((entry.key.clone(), item));
    }
    lost.report(documents.len() + 1, found);
    let mut scenario = Scenario {
        name: base
            .get("name")
            .and_then(Item::text)
            .unwrap_or("")
            .to_owned(),
        about: base.get("about").and_then(Item::text).map(str::to_owned),
        seed: base.get("seed").and_then(Item::integer).unwrap_or(1),
        plans: Vec::new(),
        expectations: Vec::new(),
        resolved: resolved::whole(&base, &documents),
        places: BTreeMap::new(),
        notes: Vec::new(),
        sources: Sources::default(),
        has_matrix,
        located: Located {
            base: Some(base.clone()),
            variants: documents.clone(),
        },
    };
    places::add_variants(&mut scenario.places, &base, &files.sources);
    let mut names = names;
    if documents.is_empty() {
        documents.push(("base".to_owned(), base));
        names.push("base".to_owned());
    }
    let wanted = &overrides.variants;
    let mut room = Room::WHOLE;
    let mut used = Vec::new();
    for (name, item) in &documents {
        let built = build::build(item, name, &names, found, files, &mut room);
        let whole = (&scenario.resolved, &**name);
        places::add(&mut scenario.places, whole, item, &files.sources);
        used.push(built.used);
        expect(&mut scenario, built.expectations);
        if wanted.is_empty() || wanted.contains(name) {
            add(&mut scenario, built.plan);
        }
    }
    selection(overrides, &names, files, found);
    if !found
        .iter()
        .any(|finding| finding.severity == Severity::Error)
    {
        for (_, item) in &documents {
            note_idle(item, &used, found);
        }
    }
    scenario
}

/// Notes the topics and resources of a document that have no part in any variant.
fn note_idle(document: &Item, used: &[Used], found: &mut Vec<Diagnostic>) {
    let mut note = |list: &str, is_used: &dyn Fn(&Used, &str) -> bool, why: &str, help: &str| {
        for pair in document.get(list).map_or(&[][..], Item::pairs) {
            if !used.iter().any(|used| is_used(used, &pair.key)) {
                let message = format!("{why} `{}`: it changes nothing here", pair.key);
                found.push(Diagnostic::note(Code::Ignored, pair.key_span, message).help(help));
            }
        }
    };
    note(
        "topics",
        &|used, name| used.topics.contains(name),
        "no group subscribes to",
        "name it under `topics` of a group",
    );
    note(
        "resources",
        &|used, name| used.resources.contains(name),
        "no group calls",
        "name it as `downstream` in the `processing` of a group",
    );
}

pub(super) fn variant(
    document: &Node,
    entry: &Entry,
    changes: &[Override],
    lost: &mut Lost,
    found: &mut Vec<Diagnostic>,
) -> Item {
    let document = overlay::variant(document, entry, found);
    checked(overlay::apply(document, changes, lost, found), true, found)
}

/// The typed document.
pub(super) fn checked(document: Node, complete: bool, found: &mut Vec<Diagnostic>) -> Item {
    let mut checker = Checker {
        found: Vec::new(),
        complete,
    };
    let item = checker.check(&document, &Shape::Record(&SCENARIO));
    found.append(&mut checker.found);
    item.unwrap_or(Item {
        span: document.span,
        value: Typed::Map(Vec::new()),
    })
}

fn check_name(entry: &Entry, found: &mut Vec<Diagnostic>) {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if entry.key.is_empty() || !entry.key.bytes().all(legal) {
        let message = format!("`{}` is not a legal name of a variant", entry.key);
        let finding = Diagnostic::error(Code::BadName, entry.key_span, message);
        found.push(finding.help("small letters, digits and `-`"));
    }
}

fn add(scenario: &mut Scenario, mut plan: Plan) {
    let events = plan.events.iter_mut().map(|event| &mut event.pointer);
    let faults = plan.faults.iter_mut().map(|fault| &mut fault.pointer);
    let platform = &mut plan.platform;
    let scalers = platform.autoscalers.iter_mut();
    let scalers = scalers.map(|autoscaler| &mut autoscaler.pointer);
    let workloads = platform.workloads.iter_mut();
    let workloads = workloads.map(|workload| &mut workload.pointer);
    for pointer in events.chain(faults).chain(scalers).chain(workloads) {
        *pointer = resolved::pointer(&scenario.resolved, &plan.variant, pointer);
    }
    scenario.plans.push(plan);
}

/// Takes in what is expected, also of variants that are not selected: that it is not judged can be told then.
fn expect(scenario: &mut Scenario, expectations: Vec<Expectation>) {
    for expectation in expectations {
        if !scenario.expectations.contains(&expectation) {
            scenario.expectations.push(expectation);
        }
    }
}

/// Refuses `--variant` of names that there are not.
fn selection(
    overrides: &Overrides,
    names: &[String],
    files: &mut Files<'_>,
    found: &mut Vec<Diagnostic>,
) {
    for wanted in &overrides.variants {
        if !names.contains(wanted) {
            let source = files.sources.add("--variant", wanted);
            let end = u32::try_from(wanted.len()).unwrap_or(u32::MAX);
            let message = format!("there is no variant `{wanted}`");
            let known = format!("variants: {}", names.join(", "));
            found.push(
                Diagnostic::error(
                    Code::UnknownVariant,
                    Span {
                        source,
                        start: 0,
                        end,
                    },
                    message,
                )
                .help(known)
                .maybe_help(did_you_mean(wanted, names.iter().map(String::as_str))),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::NoFiles;
    #[test]
    fn checkout_deploy_gives_two_plans() {
        let text = include_str!("../../scenarios/checkout-deploy.yaml");
        let scenario = load(
            "checkout-deploy.yaml",
            text,
            &mut NoFiles,
            &Overrides::default(),
        );
        let scenario = scenario.unwrap_or_else(|rejected| panic!("{rejected}"));
        assert_eq!(scenario.plans.len(), 2);
        assert_eq!(scenario.plans[0].consumers.len(), 6);
        assert!(!scenario.plans[0].consumers[0].config.is_cooperative());
        assert!(scenario.plans[1].consumers[0].config.is_cooperative());
        assert_eq!(scenario.expectations.len(), 2);
    }

    /// Each of thousands of variants once held all the others: time and memory grew with the square of their number.
    #[test]
    fn a_variant_knows_nothing_of_the_others_and_each_has_its_place() {
        let lines = (0..3_000).map(|number| {
            let timeout = 6_000 + number;
            format!("  v{number}: {{ config: {{ session.timeout.ms: {timeout} }} }}\n")
        });
        let text = "version: 1\nname: many\nduration: 1m\ntopics: { t: { partitions: 1 } }\n\
                    groups: { g: { topics: [t], members: 1 } }\nvariants:\n"
            .to_owned()
            + &lines.collect::<String>();
        let scenario = load("many.yaml", &text, &mut NoFiles, &Overrides::default());
        let scenario = scenario.unwrap_or_else(|rejected| panic!("{rejected}"));
        assert_eq!(scenario.plans.len(), 3_000);
        for document in scenario.documents() {
            let variants = document.get("variants").map_or(&[][..], Item::pairs);
            assert!(variants.is_empty());
        }
        let change = &scenario.resolved["variants"]["v7"];
        let config = serde_json::json!({ "session.timeout.ms": 6_007 });
        assert_eq!(
            *change,
            serde_json::json!({ "groups": { "g": { "config": config } } })
        );
        assert_eq!(scenario.places["/variants/v7"], "many.yaml:14");
        assert_eq!(scenario.places["/variants/v7/groups/g"], "many.yaml:5");
    }
}
