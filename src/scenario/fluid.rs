//! What the fluid mode has no model of: records that are told apart. It is refused by its place, like anything else that cannot be played.

use super::code::Code;
use super::diagnostic::Diagnostic;
use super::load::Scenario;
use super::shape::{Item, Pair, Typed};

/// Keys of `processing` for which every record has to be played: key, what it does.
const PROCESSING: [(&str, &str); 3] = [
    (
        "threads",
        "which thread takes which record decides when a batch ends",
    ),
    (
        "failures",
        "which records fail, and how often, is drawn record by record",
    ),
    (
        "downstream",
        "each record calls a resource that others share",
    ),
];

const HELP: &str = "leave out --fidelity fluid: the exact mode plays it";

/// Everything in `scenario` that the fluid mode cannot play, each place once.
#[must_use]
pub fn refused(scenario: &Scenario) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = Vec::new();
    for document in scenario.documents() {
        look(document, &mut found);
    }
    found
}

/// Adds everything in one document that is played, each place once.
pub(super) fn look(document: &Item, found: &mut Vec<Diagnostic>) {
    let mut add = |finding: Diagnostic| {
        if found.iter().all(|known| known.span != finding.span) {
            found.push(finding);
        }
    };
    let pairs = document.pairs().iter();
    pairs.for_each(|pair| visit(pair, &mut add));
}

fn visit(pair: &Pair, add: &mut impl FnMut(Diagnostic)) {
    let refuse = |pair: &Pair, why: &str| {
        let message = format!("the fluid mode has no model of `{}`: {why}", pair.key);
        Diagnostic::error(Code::NotFluid, pair.key_span, message).help(HELP)
    };
    match pair.key.as_str() {
        "processing" => {
            for (key, why) in PROCESSING {
                let matters = |pair: &&Pair| pair.item.value != Typed::Integer(1);
                if let Some(pair) = pair.item.pair(key).filter(matters) {
                    add(refuse(pair, why));
                }
            }
        }
        "commit" if !commits_by_itself(&pair.item) => {
            add(refuse(pair, "the application commits between its batches"));
        }
        "poison" => add(refuse(
            pair,
            "a record that cannot be processed is one record",
        )),
        // Callbacks commit at their ends, whatever moves records.
        "listener" | "expect" | "variants" => {}
        _ => each_below(&pair.item, add),
    }
}

fn each_below(item: &Item, add: &mut impl FnMut(Diagnostic)) {
    item.pairs().iter().for_each(|pair| visit(pair, add));
    item.items().iter().for_each(|item| each_below(item, add));
}

/// Kafka's automatic commits, or none at all.
fn commits_by_itself(item: &Item) -> bool {
    matches!(item.text(), Some("auto" | "none"))
}
