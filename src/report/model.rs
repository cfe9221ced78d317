//! What a report is made of: runs by variant and seed, and what was required of them with what became of it.

use crate::metrics::condition::{Condition, Verdict};
use crate::metrics::{Decimal, Name, RunMetrics, Value};
use crate::timeline::Fidelity;

/// One variant under one seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// The seed.
    pub seed: u64,
    /// What was measured.
    pub metrics: RunMetrics,
}

/// One variant under all seeds.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// Its name.
    pub name: String,
    /// Its runs, by seed; every variant has the same seeds.
    pub runs: Vec<Run>,
}

/// A requirement and what became of it for one variant.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// The variant judged; of a sweep, the combination in words.
    pub variant: String,
    /// What is required.
    pub condition: Condition,
    /// What became of it.
    pub verdict: Verdict,
    /// The seed that decided; `None` for a median or percentile.
    pub seed: Option<u64>,
    /// Where the requirement stands.
    pub origin: Origin,
}

/// Where a requirement stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// In `expect`.
    Scenario {
        /// JSON pointer in the resolved scenario.
        pointer: String,
        /// File; only for people, never in a result file.
        file: String,
        /// Line, from 1; as `file`.
        line: u32,
    },
    /// In an option.
    CommandLine,
}

impl Origin {
    /// The JSON pointer; empty for one of the command line.
    #[must_use]
    pub fn pointer(&self) -> &str {
        match self {
            Self::Scenario { pointer, .. } => pointer,
            Self::CommandLine => "",
        }
    }

    /// `file:line`, or the option.
    #[must_use]
    pub fn place(&self) -> String {
        match self {
            Self::Scenario { file, line, .. } => format!("{file}:{line}"),
            Self::CommandLine => "--fail-on".to_owned(),
        }
    }
}

/// A requirement that was not judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Skipped {
    /// The variant that it names and that was not played.
    pub missing: String,
    /// What should hold.
    pub condition: Condition,
    /// Where it was written.
    pub origin: Origin,
}

/// Everything to be reported.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Name of the scenario.
    pub scenario: String,
    /// By variant.
    pub variants: Vec<Variant>,
    /// Judged requirements, in the order in which they were given, then by variant.
    pub expectations: Vec<Expectation>,
    /// Requirements that were not judged, in the order in which they were given.
    pub skipped: Vec<Skipped>,
    /// How closely records were played.
    pub fidelity: Fidelity,
}

/// What a title says of results that are not exact; nothing of those that are.
#[must_use]
pub const fn mark(fidelity: Fidelity) -> &'static str {
    match fidelity {
        Fidelity::Exact => "",
        Fidelity::Fluid => " (fluid: approximate)",
    }
}

impl Report {
    /// A report without requirements.
    #[must_use]
    pub fn new(scenario: &str, variants: Vec<Variant>) -> Self {
        Self {
            scenario: scenario.to_owned(),
            variants,
            expectations: Vec::new(),
            skipped: Vec::new(),
            fidelity: Fidelity::Exact,
        }
    }

    /// True when pods make the members of some group.
    #[must_use]
    pub fn has_pods(&self) -> bool {
        let mut runs = self.variants.iter().flat_map(|variant| &variant.runs);
        runs.any(|run| !run.metrics.cast.workloads.is_empty())
    }

    /// Judges `condition` for the variant that it names, or for every one (but the one that the limit refers to).
    ///
    /// # Errors
    /// When a variant that the condition names is not among the runs.
    pub fn expect(&mut self, condition: &Condition, origin: &Origin) -> Result<(), String> {
        for name in condition
            .variant
            .iter()
            .map(String::as_str)
            .chain(condition.other_variant())
        {
            self.variant(name)?;
        }
        let other = match condition.other_variant() {
            Some(name) => self.variant(name)?.values(&condition.name),
            None => Vec::new(),
        };
        let mut judged = Vec::new();
        for variant in &self.variants {
            let meant = match &condition.variant {
                Some(name) => *name == variant.name,
                None => condition.other_variant() != Some(&variant.name),
            };
            if !meant {
                continue;
            }
            let verdict = condition.judge(&variant.values(&condition.name), &other);
            judged.push(Expectation {
                variant: variant.name.clone(),
                condition: condition.clone(),
                verdict,
                seed: verdict
                    .seed
                    .and_then(|index| Some(variant.runs.get(index)?.seed)),
                origin: origin.clone(),
            });
        }
        self.expectations.append(&mut judged);
        Ok(())
    }

    fn variant(&self, name: &str) -> Result<&Variant, String> {
        let found = self.variants.iter().find(|variant| variant.name == name);
        found.ok_or_else(|| {
            let known: Vec<&str> = self
                .variants
                .iter()
                .map(|variant| variant.name.as_str())
                .collect();
            format!(
                "no variant `{name}` was played; there are {}",
                known.join(", ")
            )
        })
    }

    /// Requirements by their place in the resolved scenario, whose keys are sorted: in result files the order in the scenario's text
    /// says nothing.
    #[must_use]
    pub fn expectations_by_pointer(&self) -> Vec<&Expectation> {
        let mut expectations: Vec<&Expectation> = self.expectations.iter().collect();
        expectations.sort_by(|one, other| one.origin.pointer().cmp(other.origin.pointer()));
        expectations
    }

    /// Requirements that were not judged, in the same order.
    #[must_use]
    pub fn skipped_by_pointer(&self) -> Vec<&Skipped> {
        let mut skipped: Vec<&Skipped> = self.skipped.iter().collect();
        skipped.sort_by(|one, other| one.origin.pointer().cmp(other.origin.pointer()));
        skipped
    }

    /// Requirements that are not met.
    pub fn unmet(&self) -> impl Iterator<Item = &Expectation> {
        self.expectations
            .iter()
            .filter(|expectation| !expectation.verdict.met)
    }

    /// Seeds of a variant.
    #[must_use]
    pub fn seeds(&self) -> usize {
        self.variants
            .first()
            .map_or(0, |variant| variant.runs.len())
    }

    /// True when the seeds that were played are all the same: no run drew anything but the ids of members and topics, and those made no
    /// difference. They decide ties in assignments, so another seed may still differ.
    #[must_use]
    pub fn is_deterministic(&self) -> bool {
        self.variants.iter().all(|variant| {
            let runs = &variant.runs;
            let is_the_first = |run: &Run| run.metrics.values == runs[0].metrics.values;
            runs.iter()
                .all(|run| !run.metrics.drew && is_the_first(run))
        })
    }
}

impl Variant {
    /// The number called `name` under each seed; `None` where it is none.
    #[must_use]
    pub fn numbers(&self, name: &Name) -> Vec<Option<Decimal>> {
        self.values(name).iter().map(Value::number).collect()
    }

    /// The value called `name`: of the only seed, else the median over seeds (the first word, when one has no number).
    #[must_use]
    pub fn central(&self, name: &Name) -> Option<Value> {
        crate::metrics::statistics::central(&self.values(name))
    }

    /// The value of `name` under each seed; `no data` where there is none.
    #[must_use]
    pub fn values(&self, name: &Name) -> Vec<Value> {
        let none = Value::Word(crate::metrics::NO_DATA);
        let values = self.runs.iter().map(|run| run.metrics.lookup(name));
        values.map(|value| value.unwrap_or(none)).collect()
    }
}
