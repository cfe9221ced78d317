//! `rebsim run` and `rebsim compare`: play, judge, write down, print. The two differ in what they print.
//!
//! Everything is understood before anything is played, and the folder for results is tried before that too.

use std::num::NonZeroUsize;
use std::time::Duration;

use super::again;
use super::args::{Play, PlayFormat, Selection, Series};
use super::baseline::{self, Baseline, Kind};
use super::exit::{Exit, Failure};
use super::export;
use super::halted;
use super::manifest::{Identity, manifest, volatile, with_lines};
use super::output::{self, Look, Outcome};
use super::panic::{self, Context};
use super::progress::Progress;
use super::results::{Listed, Place, Written, folder_name};
use super::seeds::{refuse_both, seeds};
use super::source::{self, Input};
use super::streams::Streams;
use super::{surroundings, understand};
use crate::cluster;
use crate::experiment::idle::{Idle, idle};
use crate::experiment::verdict::{self, Requirement};
use crate::experiment::{self, Played};
use crate::kernel::Seed;
use crate::metrics;
use crate::report::baseline::{Against, Cell, Content};
use crate::report::model::Report;
use crate::report::verdict::not_judged;
use crate::report::{json, ndjson};
use crate::scenario::{Scenario, canonical_hash};

/// `rebsim run`
pub(crate) fn run(args: &Play, streams: &mut Streams) -> Result<(), Failure> {
    play_all("run", args, streams)
}

/// `rebsim compare`
pub(crate) fn compare(args: &Play, streams: &mut Streams) -> Result<(), Failure> {
    play_all("compare", args, streams)
}

fn play_all(verb: &'static str, args: &Play, streams: &mut Streams) -> Result<(), Failure> {
    refuse_both(args.selection.first.seed, args.selection.seeds)?;
    let inputs = source::gather(&args.scenarios, streams)?;
    if inputs.is_empty() {
        return Err(Failure::Nothing(
            "no scenario selected; rebsim init --list shows the shipped examples".to_owned(),
        ));
    }
    let scenarios = understand_all(&inputs, args, streams)?;
    for scenario in &scenarios {
        understand::refuse_unless_fluid(scenario, args.work.fidelity, streams)?;
    }
    refuse_what_cannot_be_shown(verb, args, &scenarios)?;
    let requirements = scenarios
        .iter()
        .map(|scenario| verdict::requirements(scenario, &args.gate.require))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|message| Failure::usage(format!("--fail-on: {message}"), None))?;
    let baselines = scenarios
        .iter()
        .map(|scenario| stored(args, scenario, streams))
        .collect::<Result<Vec<_>, _>>()?;
    let mut exports = export::probe(&args.gate.export, scenarios.len())?;
    let place = match args.output.no_out {
        true => None,
        false => Some(Place::probe(&args.output.out)?),
    };
    let (mut documents, mut pages) = (Vec::new(), Vec::new());
    let mut is_met = true;
    let asked = requirements.iter().zip(&baselines);
    for ((input, scenario), (requirements, baseline)) in inputs.iter().zip(&scenarios).zip(asked) {
        let experiment = Experiment {
            verb,
            args,
            input,
            scenario,
            requirements,
            baseline: baseline.as_ref(),
            hash: canonical_hash(&scenario.resolved),
            seeds: asked_seeds(args, scenario)?,
            jobs: args.work.jobs.unwrap_or_else(experiment::processors),
        };
        let (report, against) = experiment.play(place.as_ref(), &mut documents, streams)?;
        is_met &= report.unmet().next().is_none();
        is_met &= against
            .as_ref()
            .is_none_or(|against| against.worse().next().is_none());
        for export in &mut exports {
            export.add(|format| output::exported(&report, against.as_ref(), format));
        }
        pages.push(output::page(&report, against.as_ref()));
    }
    if args.output.format == PlayFormat::Json {
        // One document on stdout, also for several scenarios.
        streams.result(&json::documents(&documents))?;
    }
    for export in exports {
        export.finish(streams)?;
    }
    // The last thing, so that a page that cannot be written costs nothing else.
    for page in pages {
        surroundings::step_summary(&page)?;
    }
    if is_met { Ok(()) } else { Err(Failure::Unmet) }
}

fn asked_seeds(args: &Play, scenario: &Scenario) -> Result<Vec<Seed>, Failure> {
    let Selection { first, seeds } = args.selection;
    self::seeds(Seed(scenario.seed), first.seed, seeds)
}

/// The stored results that `scenario` is to be compared with.
fn stored(
    args: &Play,
    scenario: &Scenario,
    streams: &Streams,
) -> Result<Option<Baseline>, Failure> {
    let seeds: Vec<u64> = asked_seeds(args, scenario)?
        .iter()
        .map(|seed| seed.0)
        .collect();
    let plans = scenario.plans.iter();
    let content = Content {
        scenario: scenario.name.clone(),
        fidelity: args.work.fidelity.into(),
        cells: plans
            .map(|plan| Cell::variant(&plan.variant, seeds.clone()))
            .collect(),
    };
    let now = baseline::Now {
        kind: Kind::Run,
        content: &content,
        resolved: &scenario.resolved,
        place: &|pointer| {
            scenario
                .place(pointer)
                .map(|place| (place.file, place.line))
        },
    };
    baseline::read(&args.gate, &now, streams)
}

/// Every scenario understood, or every diagnostic of all of them told.
fn understand_all(
    inputs: &[Input],
    args: &Play,
    streams: &Streams,
) -> Result<Vec<Scenario>, Failure> {
    let mut scenarios = Vec::new();
    let mut refused = None;
    for input in inputs {
        match understand::understand(input, &args.overrides) {
            Ok(scenario) => scenarios.push(scenario),
            Err(rejected) => {
                let exit = understand::told(&rejected, streams).exit();
                if refused != Some(Exit::Refused) {
                    refused = Some(exit);
                }
            }
        }
    }
    match refused {
        Some(exit) => Err(Failure::Told(exit)),
        None => Ok(scenarios),
    }
}

fn refuse_what_cannot_be_shown(
    verb: &str,
    args: &Play,
    scenarios: &[Scenario],
) -> Result<(), Failure> {
    if args.output.format == PlayFormat::Csv && scenarios.len() > 1 {
        return Err(Failure::usage(
            "--format csv is one table of one scenario",
            Some("name one scenario, or read summary.csv in their results folders".to_owned()),
        ));
    }
    for scenario in scenarios {
        if scenario.plans.is_empty() {
            return Err(Failure::Nothing(format!(
                "{}: no variant selected",
                scenario.name
            )));
        }
        if verb == "compare" && scenario.plans.len() < 2 {
            return Err(Failure::usage(
                format!(
                    "{} has one variant here: nothing to compare it with",
                    scenario.name
                ),
                Some("rebsim run plays it alone".to_owned()),
            ));
        }
    }
    Ok(())
}

/// One scenario about to be played.
struct Experiment<'a> {
    verb: &'static str,
    args: &'a Play,
    input: &'a Input,
    scenario: &'a Scenario,
    requirements: &'a [Requirement],
    baseline: Option<&'a Baseline>,
    hash: String,
    seeds: Vec<Seed>,
    jobs: NonZeroUsize,
}

impl Experiment<'_> {
    fn play(
        &self,
        place: Option<&Place>,
        documents: &mut Vec<String>,
        streams: &mut Streams,
    ) -> Result<(Report, Option<Against>), Failure> {
        let (notes, sources) = (&self.scenario.notes, &self.scenario.sources);
        if streams.verbose && !notes.is_empty() {
            streams.note(&understand::text(notes, sources, true, streams.color_err));
        }
        let (played, wall) = self.simulate(streams)?;
        self.tell_idle(&played, streams);
        let mut events = String::new();
        let measured = played.into_iter().map(|played| {
            events.extend(played.outcome.events);
            Played {
                variant: played.variant,
                seed: played.seed,
                outcome: played.outcome.metrics,
            }
        });
        let measured = measured.collect();
        let mut report = verdict::judge(self.scenario, measured, self.requirements)
            .map_err(|message| Failure::usage(message, None))?;
        report.fidelity = self.args.work.fidelity.into();
        if let Some(words) = not_judged(&report.skipped) {
            streams.note(&words);
        }
        let against = self
            .baseline
            .map(|baseline| baseline.compare(&report))
            .transpose()?;
        if self.seeds.len() > 1 && report.is_deterministic() {
            let seeds = self.seeds.len();
            streams.note(&format!("all {seeds} seeds give the same"));
        }
        let written = place
            .map(|place| self.write(place, &report, wall))
            .transpose()?;
        let look = Look {
            color: streams.color_out,
            ascii: streams.ascii,
            side_by_side: self.verb == "compare",
            verbose: streams.verbose,
        };
        let (format, against_it) = (self.args.output.format, against.as_ref());
        let text = output::render(&report, against_it, &events, format, look);
        if self.args.output.format == PlayFormat::Json {
            documents.push(text);
        } else {
            streams.result(&text)?;
        }
        self.tell(written, &report, streams)?;
        Ok((report, against))
    }

    fn again(&self) -> String {
        let required = &self.args.gate.require;
        again::command(
            "run",
            &self.input.operand,
            &self.args.overrides,
            required,
            &self.args.work,
        )
    }

    /// Plays every replication.
    fn simulate(&self, streams: &Streams) -> Result<(Vec<Played<Outcome>>, Duration), Failure> {
        let total = self.scenario.plans.len() * self.seeds.len();
        let progress = Progress::new(streams, self.args.work.progress, total);
        panic::simulating(Some(Context {
            hash: self.hash.clone(),
            again: self.again(),
        }));
        let options = cluster::Options {
            check_invariants: self.args.work.check_invariants,
            event_limit: self.args.work.event_limit.get(),
            fidelity: self.args.work.fidelity.into(),
            ..cluster::Options::default()
        };
        let is_stream = self.args.output.format == PlayFormat::Ndjson;
        let all_series = self.args.output.series == Series::All;
        let engine = |replication: experiment::Replication<'_>| {
            let (plan, seed) = (replication.plan, replication.seed);
            match cluster::simulate(plan, seed, &options) {
                Ok(timeline) => {
                    let with_series = replication.is_first || all_series;
                    Ok(Outcome {
                        idle: idle(plan, &timeline),
                        metrics: if with_series {
                            metrics::evaluate(&timeline)
                        } else {
                            metrics::evaluate_without_series(&timeline)
                        },
                        events: is_stream.then(|| {
                            ndjson::head(&plan.variant, seed.0, options.fidelity)
                                + &ndjson::events(&plan.variant, seed.0, &timeline)
                        }),
                    })
                }
                Err(halt) => Err((halt, plan.variant.clone(), seed)),
            }
        };
        let watch = |finished| progress.finished(finished);
        let played = experiment::play(&self.scenario.plans, &self.seeds, self.jobs, engine, &watch);
        let wall = progress.elapsed();
        drop(progress);
        panic::simulating(None);
        match played {
            Ok(played) => Ok((played, wall)),
            Err((halt, variant, seed)) => Err(halted::failure(
                halt,
                &halted::Who {
                    scenario: &self.scenario.name,
                    variant: &variant,
                    seed,
                    hash: &self.hash,
                    again: &self.again(),
                    event_limit: self.args.work.event_limit,
                },
            )),
        }
    }

    /// Writes the results folder; returns its name and what became of it.
    fn write(
        &self,
        place: &Place,
        report: &Report,
        wall: Duration,
    ) -> Result<(String, Written), Failure> {
        let identity = Identity {
            scenario: self.scenario.name.clone(),
            hash: self.hash.clone(),
            variants: self
                .scenario
                .plans
                .iter()
                .map(|plan| plan.variant.clone())
                .collect(),
            seeds: self.seeds.clone(),
            series: match self.args.output.series {
                Series::First => "first",
                Series::All => "all",
            },
            requirements: self.args.gate.require.clone(),
            fidelity: self.args.work.fidelity.into(),
        };
        let files = output::files(self.scenario, report);
        let name = folder_name(&self.scenario.name, &identity.value().to_string());
        let volatile = volatile(wall, self.jobs.get());
        let volatile = with_lines(volatile, self.scenario, &self.input.name);
        let manifest = |files: &[Listed]| manifest(&identity.value(), files, &volatile);
        let written = place.write(&name, &files, &manifest, self.args.output.force)?;
        Ok((name, written))
    }

    /// Names the events that did nothing under any seed, each once.
    fn tell_idle(&self, played: &[Played<Outcome>], streams: &Streams) {
        let mut told: Vec<&Idle> = Vec::new();
        for one in played {
            let same = || played.iter().filter(|other| other.variant == one.variant);
            for idle in &one.outcome.idle {
                if told.contains(&idle) || !same().all(|other| other.outcome.idle.contains(idle)) {
                    continue;
                }
                told.push(idle);
                let place = self.scenario.places.get(&idle.pointer);
                let place = place.map_or(&*idle.pointer, String::as_str);
                streams.note(&format!("{place}: this event did nothing: {}", idle.why));
            }
        }
    }

    /// What became of it, on stderr.
    fn tell(
        &self,
        written: Option<(String, Written)>,
        report: &Report,
        streams: &Streams,
    ) -> Result<(), Failure> {
        if let Some(unmet) = report.unmet().next() {
            let seed = unmet.seed.map_or(self.seeds[0], Seed);
            let again = again::one(&self.again(), &unmet.variant, seed);
            streams.note(&format!("again: {again}"));
        }
        let Some((name, written)) = written else {
            return Ok(());
        };
        let folder = self.args.output.out.join(name);
        output::tell(&folder, &written, streams)
    }
}
