//! The cells of a sweep: every combination of variant and parameters, understood before anything is played.
//!
//! A combination that Kafka itself would refuse is left out and told; anything else that is wrong with one refuses the whole sweep.

use super::build::{self, Room};
use super::code::Code;
use super::diagnostic::{Diagnostic, Severity};
use super::files::{Files, Loader};
use super::fluid;
use super::load::{self, Rejected, Scenario};
use super::matrix::{self, Axis, Combination, MAX_CELLS, Matrix};
use super::node::{Entry, Node, Span};
use super::overlay::{self, Lost, Override, Overrides};
use super::plan::Plan;

/// A scenario and what a sweep makes of it.
#[derive(Clone, Debug)]
pub struct Grid {
    /// The scenario itself.
    pub scenario: Scenario,
    /// Keys of the parameters, `variant` not among them.
    pub parameters: Vec<String>,
    /// What is played, by variant, then parameters.
    pub cells: Vec<Cell>,
    /// What Kafka would refuse.
    pub refused: Vec<Refused>,
    /// What of the cells the fluid mode has no model of, each place once.
    pub not_fluid: Vec<Diagnostic>,
}

/// One variant under one setting of the parameters.
#[derive(Clone, Debug)]
pub struct Cell {
    /// What is played.
    pub plan: Plan,
    /// The value of each parameter as it is shown; empty where it stays what the scenario says.
    pub values: Vec<String>,
    /// Options of `rebsim run` that play the same: name, value.
    pub options: Vec<(&'static str, String)>,
}

/// A combination that Kafka would refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Name of the variant.
    pub variant: String,
    /// As [`Cell::values`].
    pub values: Vec<String>,
    /// Why.
    pub why: String,
}

/// What Kafka refuses of settings that are each legal alone.
const KAFKA_REFUSES: [Code; 7] = [
    Code::HeartbeatNotBelowSession,
    Code::SessionBounds,
    Code::ClassicKeyWithConsumer,
    Code::ConsumerKeyWithClassic,
    Code::BrokerBounds,
    Code::NotInVersion,
    Code::GroupBounds,
];

/// Reads the scenario `text`, which stands in `file`, crosses its `matrix` with `vary` and builds every cell.
///
/// # Errors
/// With everything that is wrong with it.
pub fn load_grid(
    file: &str,
    text: &str,
    loader: &mut dyn Loader,
    overrides: &Overrides,
    vary: &[String],
) -> Result<Grid, Rejected> {
    let mut files = Files::new(loader);
    let mut found = Vec::new();
    let grid = match files.document(file, text, &mut found) {
        Some((document, true)) => grid(&document, overrides, vary, &mut files, &mut found),
        Some((document, false)) => {
            load::checked(document, false, &mut found);
            None
        }
        None => None,
    };
    let (found, refused) = load::settled(found, overrides.strict);
    let sources = files.sources;
    match grid {
        Some(mut grid) if !refused => {
            grid.scenario.notes = found;
            grid.scenario.sources = sources;
            Ok(grid)
        }
        Some(_) | None => Err(Rejected {
            diagnostics: found,
            sources,
        }),
    }
}

fn grid(
    document: &Node,
    overrides: &Overrides,
    vary: &[String],
    files: &mut Files<'_>,
    found: &mut Vec<Diagnostic>,
) -> Option<Grid> {
    let scenario = load::play(document, overrides, files, found);
    let changes = overlay::read(overrides, &mut files.sources, &mut Vec::new());
    let (mut lost, mut told) = (Lost::default(), Vec::new());
    let changed = overlay::apply(document.clone(), &changes, &mut lost, &mut told);
    // What is wrong with it has been told by `play`.
    let own = changed.get("matrix");
    let mut matrix = own.map_or_else(Matrix::default, |node| matrix::read(node, &mut Vec::new()));
    matrix.vary(matrix::vary(vary, &mut files.sources, found));
    refuse_unknown_variants(&changed, &matrix, found);
    refuse_what_is_set(&matrix, overrides, found);
    if found.iter().any(|one| one.severity == Severity::Error) {
        return None;
    }
    if matrix.is_empty() {
        let source = files.sources.add("sweep", "");
        let span = Span {
            source,
            start: 0,
            end: 0,
        };
        let finding = Diagnostic::error(Code::Matrix, span, "there is nothing to vary");
        found.push(
            finding.help(
                "give the scenario a `matrix`, or write --vary session.timeout.ms=6000,10000",
            ),
        );
        return None;
    }
    let variants: Vec<String> = scenario
        .plans
        .iter()
        .map(|plan| plan.variant.clone())
        .collect();
    let (size, span) = (
        matrix.size(variants.len()),
        own.map_or(document.span, |own| own.span),
    );
    if size > MAX_CELLS {
        let message = format!("{size} combinations are more than {MAX_CELLS}");
        found.push(Diagnostic::error(Code::Matrix, span, message));
        return None;
    }
    let mut grid = Grid {
        scenario,
        parameters: matrix
            .parameters()
            .iter()
            .map(|axis| axis.key.clone())
            .collect(),
        cells: Vec::new(),
        refused: Vec::new(),
        not_fluid: Vec::new(),
    };
    let below = overlay::without_variants(document, &changes);
    let mut maker = Maker {
        document: &below,
        variants: changed.get("variants").cloned(),
        changes,
        matrix: &matrix,
        room: Room::WHOLE,
        strict: overrides.strict,
    };
    refuse_what_leaves_nothing(&maker, own, found);
    maker.refuse_lost(found);
    for one in matrix.combinations(&variants) {
        maker.cell(&one, &mut grid, files, found);
    }
    Some(grid)
}

/// A matrix that excludes all that it lists has nothing to play, whatever is selected.
fn refuse_what_leaves_nothing(maker: &Maker<'_>, own: Option<&Node>, found: &mut Vec<Diagnostic>) {
    let names: Vec<String> = match maker.variants() {
        [] => vec!["base".to_owned()],
        some => some.iter().map(|entry| entry.key.clone()).collect(),
    };
    if let Some(exclude) = own.and_then(|own| own.get("exclude"))
        && maker.matrix.combinations(&names).is_empty()
    {
        let message = "this excludes every combination: nothing would be played";
        found.push(Diagnostic::error(Code::Matrix, exclude.span, message));
    }
}

fn refuse_unknown_variants(document: &Node, matrix: &Matrix, found: &mut Vec<Diagnostic>) {
    let variants = document.get("variants").map_or(&[][..], Node::entries);
    for (name, span) in matrix.named_variants() {
        if variants.iter().all(|entry| entry.key != name) {
            let message = format!("there is no variant `{name}`");
            let names: Vec<&str> = variants.iter().map(|entry| &*entry.key).collect();
            let finding = Diagnostic::error(Code::UnknownVariant, span, message);
            found.push(finding.help(format!("variants: {}", names.join(", "))));
        }
    }
}

/// A parameter that the command line sets to one value is not varied: one of the two is not meant.
fn refuse_what_is_set(matrix: &Matrix, overrides: &Overrides, found: &mut Vec<Diagnostic>) {
    for axis in matrix.parameters() {
        let is_set = |text: &String| text.split('=').next() == Some(&axis.key);
        if overrides.config.iter().chain(&overrides.set).any(is_set) {
            let message = format!("`{}` is varied, and set to one value besides", axis.key);
            let help = format!("--vary {}=VALUE keeps it at one value", axis.key);
            found.push(Diagnostic::error(Code::Matrix, axis.key_span, message).help(help));
        }
    }
}

/// What cells are made of.
struct Maker<'m> {
    document: &'m Node,
    variants: Option<Node>,
    changes: Vec<Override>,
    matrix: &'m Matrix,
    room: Room,
    strict: bool,
}

impl Maker<'_> {
    fn variants(&self) -> &[Entry] {
        self.variants.as_ref().map_or(&[][..], Node::entries)
    }

    /// Refuses parameters that lead through a thing that neither the base nor a variant has.
    fn refuse_lost(&self, found: &mut Vec<Diagnostic>) {
        let parameters = self.matrix.parameters();
        let first = |axis: &&Axis| axis.change(axis.values.first()?);
        let mut changes = self.changes.clone();
        changes.extend(parameters.iter().filter_map(first));
        let mut lost = Lost::default();
        let mut told = Vec::new();
        overlay::apply(self.document.clone(), &changes, &mut lost, &mut told);
        for entry in self.variants() {
            let document = overlay::variant(self.document, entry, &mut told);
            overlay::apply(document, &changes, &mut lost, &mut told);
        }
        lost.report(self.variants().len() + 1, found);
    }

    fn cell(
        &mut self,
        one: &Combination,
        grid: &mut Grid,
        files: &mut Files<'_>,
        found: &mut Vec<Diagnostic>,
    ) {
        let parameters = self.matrix.parameters();
        let pairs = parameters.iter().zip(&one.values);
        let set: Vec<_> = pairs
            .filter_map(|(axis, value)| Some((axis, value.as_ref()?)))
            .collect();
        let mut changes = self.changes.clone();
        changes.extend(set.iter().filter_map(|(axis, value)| axis.change(value)));
        let values = one.values.iter();
        let values = values.map(|value| value.as_ref().map_or_else(String::new, matrix::label));
        let values: Vec<String> = values.collect();
        let (mut own, mut lost) = (Vec::new(), Lost::default());
        let variants = self.variants.as_ref().map_or(&[][..], Node::entries);
        let item = match variants.iter().find(|entry| entry.key == one.variant) {
            Some(entry) => load::variant(self.document, entry, &changes, &mut lost, &mut own),
            None => {
                let document = overlay::apply(self.document.clone(), &changes, &mut lost, &mut own);
                load::checked(document, true, &mut own)
            }
        };
        let names: Vec<String> = match variants {
            [] => vec![one.variant.clone()],
            some => some.iter().map(|entry| entry.key.clone()).collect(),
        };
        let built = build::build(&item, &one.variant, &names, &mut own, files, &mut self.room);
        let is_error = |finding: &&Diagnostic| self.strict || finding.severity == Severity::Error;
        let errors: Vec<&Diagnostic> = own.iter().filter(is_error).collect();
        match errors.first() {
            None => {
                found.append(&mut own);
                fluid::look(&item, &mut grid.not_fluid);
                grid.cells.push(Cell {
                    plan: built.plan,
                    values,
                    options: set
                        .iter()
                        .filter_map(|(axis, value)| axis.option(value))
                        .collect(),
                });
            }
            Some(first)
                if errors
                    .iter()
                    .all(|error| KAFKA_REFUSES.contains(&error.code)) =>
            {
                grid.refused.push(Refused {
                    variant: one.variant.clone(),
                    values,
                    why: first.message.clone(),
                });
            }
            Some(_) => {
                let words = set
                    .iter()
                    .map(|(axis, value)| format!(", {}={}", axis.key, matrix::label(value)));
                let words: String = words.collect();
                found.extend(own.into_iter().map(|finding| Diagnostic {
                    label: match &*finding.label {
                        "" => format!("with variant {}{words}", one.variant),
                        label => format!("{label}; with variant {}{words}", one.variant),
                    },
                    ..finding
                }));
            }
        }
    }
}
