//! What must hold of a run, whatever the knobs are.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rebsim::cluster::{Fidelity, Halt, Options, simulate};
use rebsim::kernel::Seed;
use rebsim::metrics::{evaluate, evaluate_without_series};
use rebsim::scenario::fluid::refused;

use super::draw::Case;

/// Events that a run may take, unless `REBSIM_EVENTS` says else.
const LIMIT: u64 = 60_000;

fn options(case: &Case, event_limit: u64) -> Options {
    Options {
        check_invariants: true,
        event_limit,
        fidelity: case.fidelity,
        ..Options::default()
    }
}

/// What is wrong with the run of `case`; `None`: nothing, or the language refuses it.
pub(crate) fn wrong(case: &Case) -> Option<String> {
    let scenario = case.scenario()?;
    let plan = scenario.plans.first()?;
    if case.fidelity == Fidelity::Fluid && !refused(&scenario).is_empty() {
        return None;
    }
    let limit = super::number("REBSIM_EVENTS", LIMIT);
    let run = |limit| simulate(plan, Seed(case.seed), &options(case, limit));
    let judged = catch_unwind(AssertUnwindSafe(|| match run(limit) {
        Ok(timeline) => {
            let whole = evaluate(&timeline);
            let short = evaluate_without_series(&timeline);
            let same = whole.value("rebalances") == short.value("rebalances");
            (!same).then(|| "metrics differ without their series".to_owned())
        }
        Err(Halt::Invariant { at, message }) => Some(format!("invariant: {message} at {at:?}")),
        // Much may happen; but not half of it at one instant.
        Err(Halt::EventLimit {
            at,
            events,
            busiest,
        }) if events < limit => Some(format!("without end at {at:?}: {busiest:?}")),
        Err(Halt::EventLimit { at, busiest, .. }) => match run(limit / 2) {
            Err(Halt::EventLimit { at: before, .. }) if before == at => {
                Some(format!("without end at {at:?}: {busiest:?}"))
            }
            _ => None,
        },
    }));
    judged.unwrap_or_else(|panic| Some(format!("panic: {}", words_of(&*panic))))
}

fn words_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default()
}
