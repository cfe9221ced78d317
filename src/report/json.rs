//! `rebsim/summary/1`: the results as one JSON document, and the schema of that document.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Number};

use super::deaths;
use super::model::{Report, Run, Variant};
use super::text::KEY;
use crate::kernel::SimTime;
use crate::metrics::{Decimal, NOT_DRAINED, Name, Value, registry, statistics};
use crate::timeline::Fidelity;

/// The document.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Summary {
    /// `rebsim/summary/1`
    schema: &'static str,
    /// Name of the scenario.
    scenario: String,
    /// `fluid` when records were played approximately; absent when every record was played.
    #[serde(skip_serializing_if = "Option::is_none")]
    fidelity: Option<&'static str>,
    /// True when no run drew anything but the ids of members and topics, and those made no difference between the seeds played.
    deterministic: bool,
    /// Results by variant.
    variants: Vec<VariantSummary>,
    /// Each variant against the first one, on the same seeds; only with several variants and seeds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    comparisons: Vec<Comparison>,
    /// What was required and what became of it.
    expectations: Vec<Judged>,
}

/// One variant.
#[derive(Debug, Serialize, JsonSchema)]
struct VariantSummary {
    /// Its name.
    name: String,
    /// Results by seed.
    seeds: Vec<SeedSummary>,
    /// Over seeds, of every metric that is a number or `not drained` under each; only with several seeds.
    #[serde(skip_serializing_if = "Map::is_empty")]
    #[schemars(with = "BTreeMap<String, Spread>")]
    aggregates: Map<String, serde_json::Value>,
}

/// One run.
#[derive(Debug, Serialize, JsonSchema)]
struct SeedSummary {
    /// The seed.
    seed: u64,
    /// Metrics by name.
    #[schemars(with = "BTreeMap<String, Figure>")]
    metrics: Map<String, serde_json::Value>,
    /// Who died of an error by the end of the measured time, in order; absent when nobody did.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    deaths: Vec<Death>,
    /// Pods that found no node with room when they were made and are not ready at the end of the measured time; absent when there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pending_pods: Vec<PendingPod>,
}

/// A process whose `poll()` threw what it does not survive.
#[derive(Debug, Serialize, JsonSchema)]
struct Death {
    /// The member, with its group.
    member: String,
    /// Simple name of the Java exception.
    error: &'static str,
    /// When, in seconds.
    at_s: Figure,
    /// When it was started again, in seconds; null: never.
    started_again_at_s: Option<Figure>,
}

/// A pod without a node.
#[derive(Debug, Serialize, JsonSchema)]
struct PendingPod {
    /// Its name.
    pod: String,
    /// When it was made, in seconds.
    created_at_s: Figure,
}

/// A metric's value.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
enum Figure {
    /// In the metric's unit.
    Number(Number),
    /// Yes or no.
    Flag(bool),
    /// A word; `not drained` and `no data` where there is no number.
    Word(&'static str),
}

/// A metric over seeds. `not drained` ranks above every number.
#[derive(Debug, Serialize, JsonSchema)]
struct Spread {
    /// Mean.
    mean: Figure,
    /// Smallest.
    min: Figure,
    /// 5th percentile, nearest rank.
    p5: Figure,
    /// Median.
    median: Figure,
    /// 95th percentile, nearest rank.
    p95: Figure,
    /// Largest.
    max: Figure,
    /// Seeds under which it was not drained; absent when there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_drained: Option<usize>,
}

/// One variant against another, one metric, seed by seed.
#[derive(Debug, Serialize, JsonSchema)]
struct Comparison {
    /// The metric.
    metric: String,
    /// The variant.
    variant: String,
    /// The variant that it is compared with.
    against: String,
    /// Seeds compared.
    seeds: u64,
    /// Mean of the differences (variant - against).
    mean_difference: Figure,
    /// Their median.
    median_difference: Figure,
    /// 95 % interval of the mean difference: percentile bootstrap of 2,000 resamples.
    interval: (Figure, Figure),
    /// 95 % interval of the median difference by order statistics; null with fewer than six seeds.
    median_interval: Option<(Figure, Figure)>,
    /// Seeds in which the variant is lower.
    lower: u64,
    /// Seeds in which it is higher.
    higher: u64,
    /// Mean of the variant divided by mean of the other; null when that is zero.
    ratio: Option<Figure>,
}

/// A requirement and what became of it.
#[derive(Debug, Serialize, JsonSchema)]
struct Judged {
    /// The variant judged.
    variant: String,
    /// The metric.
    metric: String,
    /// What is required.
    condition: String,
    /// Whether it holds.
    met: bool,
    /// The value that decided.
    actual: Figure,
    /// The limit, when it is a number.
    limit: Option<Figure>,
    /// Room left (missed by so much when negative).
    room: Option<Figure>,
    /// The seed that decided.
    seed: Option<u64>,
    /// JSON pointer of the requirement in the resolved scenario; empty for one of the command line.
    pointer: String,
}

/// The number as JSON writes it: whole numbers without a point, others as the shortest decimal that is this number.
fn number(decimal: Decimal) -> Figure {
    let whole = i64::try_from(decimal.millionths() / 1_000_000).ok();
    let exact = match whole {
        Some(whole) if decimal.is_whole() => Some(Number::from(whole)),
        _ => Number::from_f64(decimal.to_f64()),
    };
    exact.map_or(Figure::Word(crate::metrics::NO_DATA), Figure::Number)
}

fn figure(value: Value) -> Figure {
    match value {
        Value::Number(decimal) => number(decimal),
        Value::Flag(flag) => Figure::Flag(flag),
        Value::Word(word) => Figure::Word(word),
    }
}

/// A value as JSON writes it.
pub(super) fn value(value: Value) -> serde_json::Value {
    to_json(figure(value))
}

fn to_json(value: impl Serialize) -> serde_json::Value {
    // Numbers, flags, words and lists of them: nothing that JSON could refuse.
    serde_json::to_value(value).unwrap_or(serde_json::Value::Null)
}

/// What documents say of results that are not exact.
pub(super) fn fidelity(fidelity: Fidelity) -> Option<&'static str> {
    (fidelity != Fidelity::Exact).then(|| fidelity.name())
}

/// What documents mean by that; `None` when it is none of ours.
pub(super) fn fidelity_of(word: &serde_json::Value) -> Option<Fidelity> {
    match word {
        serde_json::Value::Null => Some(Fidelity::Exact),
        word => (*word == Fidelity::Fluid.name()).then_some(Fidelity::Fluid),
    }
}

/// The document of a report.
#[must_use]
pub fn summary(report: &Report) -> Summary {
    Summary {
        schema: "rebsim/summary/1",
        scenario: report.scenario.clone(),
        fidelity: fidelity(report.fidelity),
        deterministic: report.is_deterministic(),
        variants: report.variants.iter().map(variant_summary).collect(),
        comparisons: comparisons(report),
        expectations: report
            .expectations_by_pointer()
            .into_iter()
            .map(|expectation| Judged {
                variant: expectation.variant.clone(),
                metric: expectation.condition.name.to_string(),
                condition: expectation.condition.requirement(),
                met: expectation.verdict.met,
                actual: figure(expectation.verdict.actual),
                limit: expectation.verdict.limit.map(number),
                room: expectation.verdict.room.map(number),
                seed: expectation.seed,
                pointer: expectation.origin.pointer().to_owned(),
            })
            .collect(),
    }
}

/// The document as text: two blanks of indent, a line feed at the end.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut text = serde_json::to_string_pretty(&summary(report)).unwrap_or_default();
    text.push('\n');
    text
}

/// Several documents as one: the only one, or a list of them.
#[must_use]
pub fn documents(documents: &[String]) -> String {
    match documents {
        [one] => one.clone(),
        several => format!("[\n{}\n]\n", several.join(",\n").replace("\n,", ",")),
    }
}

/// The JSON schema of the document: two blanks of indent, a line feed at the end.
#[must_use]
pub fn schema_text() -> String {
    let schema = to_json(schemars::schema_for!(Summary));
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

fn variant_summary(variant: &Variant) -> VariantSummary {
    VariantSummary {
        name: variant.name.clone(),
        seeds: variant.runs.iter().map(seed_summary).collect(),
        aggregates: if variant.runs.len() > 1 {
            aggregates(variant)
        } else {
            Map::new()
        },
    }
}

fn seed_summary(run: &Run) -> SeedSummary {
    let metrics = run.metrics.values.iter();
    let cast = &run.metrics.cast;
    let instant = |at: SimTime| number(Decimal::seconds(at.as_micros()));
    SeedSummary {
        seed: run.seed,
        metrics: metrics
            .map(|(name, value)| (name.to_string(), to_json(figure(*value))))
            .collect(),
        deaths: deaths::known(&run.metrics)
            .into_iter()
            .map(|failure| Death {
                member: cast.consumers[failure.consumer.index()].name.clone(),
                error: failure.error,
                at_s: instant(failure.at),
                started_again_at_s: failure.again.map(instant),
            })
            .collect(),
        pending_pods: run
            .metrics
            .pending_pods()
            .into_iter()
            .map(|(pod, at)| PendingPod {
                pod: cast.pods[pod.index()].name.clone(),
                created_at_s: instant(at),
            })
            .collect(),
    }
}

fn aggregates(variant: &Variant) -> Map<String, serde_json::Value> {
    let Some(first) = variant.runs.first() else {
        return Map::new();
    };
    let mut all = Map::new();
    for (name, _) in &first.metrics.values {
        let Some(spread) = spread(&variant.values(name)) else {
            continue;
        };
        all.insert(name.to_string(), to_json(spread));
    }
    all
}

fn spread(values: &[Value]) -> Option<Spread> {
    let ranked = statistics::ranked(values).ok()?;
    let numbers: Option<Vec<Decimal>> = values.iter().map(Value::number).collect();
    let mean = numbers.map(|numbers| statistics::mean(&numbers).map(Value::Number));
    let at = |percent| statistics::quantile_of(values, percent, 100).map(figure);
    Some(Spread {
        mean: figure(mean.unwrap_or(Some(Value::Word(NOT_DRAINED)))?),
        min: figure(*ranked.first()?),
        p5: at(5)?,
        median: at(50)?,
        p95: at(95)?,
        max: figure(*ranked.last()?),
        not_drained: Some(statistics::undrained(values)).filter(|count| *count > 0),
    })
}

fn comparisons(report: &Report) -> Vec<Comparison> {
    let mut all = Vec::new();
    let Some((first, others)) = report.variants.split_first() else {
        return all;
    };
    if report.seeds() < 2 {
        return all;
    }
    for (_, base) in KEY {
        let name = Name::bare(registry::get(base));
        let Some(against) = first.numbers(&name).into_iter().collect::<Option<Vec<_>>>() else {
            continue;
        };
        for variant in others {
            let these: Option<Vec<_>> = variant.numbers(&name).into_iter().collect();
            let Some(paired) = these.and_then(|these| statistics::paired(&these, &against)) else {
                continue;
            };
            all.push(Comparison {
                metric: (*base).to_owned(),
                variant: variant.name.clone(),
                against: first.name.clone(),
                seeds: paired.seeds,
                mean_difference: number(paired.mean),
                median_difference: number(paired.median),
                interval: (number(paired.interval.0), number(paired.interval.1)),
                median_interval: paired
                    .median_interval
                    .map(|(low, high)| (number(low), number(high))),
                lower: paired.lower,
                higher: paired.higher,
                ratio: paired.ratio.map(number),
            });
        }
    }
    all
}
