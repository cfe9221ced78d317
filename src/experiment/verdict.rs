//! What is required of an experiment: understood before anything is played, judged afterwards.
//!
//! Requirements come from the scenario's `expect` and from the command line; both are judged alike, over all seeds.

use super::replication::Played;
use crate::metrics::RunMetrics;
use crate::metrics::condition::Condition;
use crate::report::model::{Origin, Report, Run, Skipped, Variant};
use crate::scenario::near::did_you_mean;
use crate::scenario::subjects::{self, Unknown};
use crate::scenario::{Expectation, Scenario};

/// One requirement.
#[derive(Clone, Debug, PartialEq)]
pub struct Requirement {
    /// What must hold.
    pub condition: Condition,
    /// Where it was written.
    pub origin: Origin,
}

/// The requirements of a scenario in the order of its `expect`, then `asked` of the command line. A requirement of the
/// scenario that concerns a variant that was not selected is left out: [`skipped`] has it.
///
/// # Errors
/// What is wrong with one of `asked`: no such metric, no such variant, group, topic or partition, no condition, nothing that is judged by it.
pub fn requirements(scenario: &Scenario, asked: &[String]) -> Result<Vec<Requirement>, String> {
    let mut all = expected(scenario)?;
    all.retain(|requirement| judges_one(scenario, &requirement.condition));
    for condition in self::asked(scenario, asked)? {
        all.push(Requirement {
            condition,
            origin: Origin::CommandLine,
        });
    }
    Ok(all)
}

/// What the scenario expects and nobody judges, because a variant that it names is not played.
///
/// # Errors
/// As [`requirements`].
pub fn skipped(scenario: &Scenario) -> Result<Vec<Skipped>, String> {
    let all = expected(scenario)?.into_iter();
    let skipped = all.filter_map(|requirement| {
        let missing = not_played(scenario, &requirement.condition)?.to_owned();
        Some(Skipped {
            missing,
            condition: requirement.condition,
            origin: requirement.origin,
        })
    });
    Ok(skipped.collect())
}

/// All that the scenario expects, of whatever variant.
fn expected(scenario: &Scenario) -> Result<Vec<Requirement>, String> {
    let read = |expectation: &Expectation| {
        let mut condition = Condition::parse(&expectation.metric, &expectation.condition)
            .map_err(|error| error.to_string())?;
        if expectation.variant.is_some() {
            condition.variant.clone_from(&expectation.variant);
        }
        Ok(Requirement {
            condition,
            origin: Origin::Scenario {
                pointer: expectation.pointer.clone(),
                file: expectation.file.clone(),
                line: expectation.line,
            },
        })
    };
    scenario.expectations.iter().map(read).collect()
}

/// The first variant that a condition names and that is not played.
fn not_played<'c>(scenario: &Scenario, condition: &'c Condition) -> Option<&'c str> {
    variants_of(condition).find(|name| !is_played(scenario, name))
}

/// What is `asked` of the command line.
///
/// # Errors
/// As [`requirements`].
pub fn asked(scenario: &Scenario, asked: &[String]) -> Result<Vec<Condition>, String> {
    let understood = |text: &String| {
        let condition = Condition::parse_whole(text).map_err(|error| error.to_string())?;
        refuse_unknown(scenario, &condition)?;
        Ok(condition)
    };
    asked.iter().map(understood).collect()
}

fn variants_of(condition: &Condition) -> impl Iterator<Item = &str> {
    let own = condition.variant.as_deref();
    own.into_iter().chain(condition.other_variant())
}

fn is_played(scenario: &Scenario, variant: &str) -> bool {
    scenario.plans.iter().any(|plan| plan.variant == variant)
}

/// Whether some variant that is played is judged by it: a variant is not compared with itself, nor with one that is not played.
fn judges_one(scenario: &Scenario, condition: &Condition) -> bool {
    let other = condition.other_variant();
    let mut plans = scenario.plans.iter();
    variants_of(condition).all(|name| is_played(scenario, name))
        && plans.any(|plan| match &condition.variant {
            Some(own) => *own == plan.variant,
            None => other != Some(&plan.variant),
        })
}

/// Whether what a condition names is in the scenario, and something is judged by it.
fn refuse_unknown(scenario: &Scenario, condition: &Condition) -> Result<(), String> {
    let plans = &scenario.plans;
    let played: Vec<&str> = plans.iter().map(|plan| &*plan.variant).collect();
    for name in variants_of(condition) {
        refuse_unless(name, &played)?;
    }
    let own = condition.variant.as_deref();
    let judged = plans.iter();
    let judged = judged.filter(|plan| own.is_none_or(|own| own == plan.variant));
    let unknown: Vec<Vec<Unknown>> = judged
        .map(|plan| subjects::unknown(&condition.name.labels, plan, |_| false))
        .collect();
    // What one variant has may be asked of all.
    if unknown.iter().all(|unknown| !unknown.is_empty())
        && let Some(first) = unknown.into_iter().flatten().next()
    {
        return Err(first.words());
    }
    if !judges_one(scenario, condition) && !plans.is_empty() {
        return Err(format!(
            "`{condition}`: nothing to judge: only `{}` is played",
            played.join("`, `")
        ));
    }
    Ok(())
}

fn refuse_unless(name: &str, played: &[&str]) -> Result<(), String> {
    if played.contains(&name) {
        return Ok(());
    }
    let help = did_you_mean(name, played.iter().copied());
    let help = help.map_or_else(String::new, |help| format!("; {help}"));
    Err(format!(
        "no variant `{name}` is played; there are: {}{help}",
        played.join(", ")
    ))
}

/// Everything that was played, by variant and seed, with what became of the requirements.
///
/// # Errors
/// When a requirement names a variant that was not played.
pub fn judge(
    scenario: &Scenario,
    played: Vec<Played<RunMetrics>>,
    requirements: &[Requirement],
) -> Result<Report, String> {
    let mut variants: Vec<Variant> = scenario
        .plans
        .iter()
        .map(|plan| Variant {
            name: plan.variant.clone(),
            runs: Vec::new(),
        })
        .collect();
    for replication in played {
        variants[replication.variant].runs.push(Run {
            seed: replication.seed.0,
            metrics: replication.outcome,
        });
    }
    let mut report = Report::new(&scenario.name, variants);
    report.skipped = skipped(scenario)?;
    for requirement in requirements {
        report.expect(&requirement.condition, &requirement.origin)?;
    }
    Ok(report)
}
