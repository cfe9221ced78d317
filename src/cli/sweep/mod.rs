//! `rebsim sweep`: every cell under every seed, or a shard of that, or what is left of it.
//!
//! Everything is understood before anything is played. Results are the same bytes for any number of jobs, after an interruption, and when
//! merged from shards.

mod finished;
mod journal;
mod merge;
mod output;
mod rehearsal;
mod shard;

use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};

use super::again;
use super::args::{Sweep as Args, SweepFormat};
use super::baseline::{Kind, Now};
use super::exit::Failure;
use super::panic::{self, Context};
use super::progress::Progress;
use super::results::{Listed, Place, Written, folder_name, sha256};
use super::seeds::{refuse_both, seeds};
use super::source::{self, Input};
use super::streams::Streams;
use super::{halted, understand};
use crate::cluster;
use crate::experiment::sweep::{self, Shard, Task};
use crate::experiment::{self, verdict};
use crate::kernel::Seed;
use crate::kernel::words::counted;
use crate::metrics;
use crate::metrics::condition::Condition;
use crate::metrics::registry::Better;
use crate::metrics::{Decimal, Name};
use crate::report::figures::{self, Style};
use crate::report::sweep::{self as tables, Outline, Row, Sweep, files, gate};
use crate::scenario::grid::Cell;
use crate::scenario::{Grid, canonical_hash};
use journal::{Finished, Journal, Start};
use output::Demands;

pub(crate) use merge::merge;

/// `rebsim sweep`
pub(crate) fn sweep(args: &Args, streams: &mut Streams) -> Result<(), Failure> {
    refuse_both(args.selection.first.seed, args.selection.seeds)?;
    let inputs = source::gather(std::slice::from_ref(&args.scenario), streams)?;
    let [input] = &inputs[..] else {
        return Err(Failure::usage(
            "sweep takes one scenario, not a folder",
            None,
        ));
    };
    let grid = understand::grid(input, &args.overrides, &args.vary, streams)?;
    let shard = shard::chosen(&args.parts)?;
    refuse_what_cannot_be_shown(args, shard)?;
    let requirements = verdict::asked(&grid.scenario, &args.gate.require)
        .and_then(|conditions| checked(&conditions))
        .map_err(|message| Failure::usage(format!("--fail-on: {message}"), None))?;
    let seeds = seeds(
        Seed(grid.scenario.seed),
        args.selection.first.seed,
        args.selection.seeds,
    )?;
    let numbers: Vec<u64> = seeds.iter().map(|seed| seed.0).collect();
    understand::refuse_unless_all_fluid(&grid, args.work.fidelity, streams)?;
    let outline = Outline::of(&grid, &numbers, args.work.fidelity.into());
    if outline.cells.is_empty() {
        let why = outline.refused.first().map_or("", |one| &one.why);
        return Err(Failure::Nothing(match why {
            "" => "no combination is left to play".to_owned(),
            why => format!("Kafka would refuse every combination: {why}"),
        }));
    }
    let now = Now {
        kind: Kind::Sweep,
        content: &outline.content(),
        resolved: &grid.scenario.resolved,
        place: &|pointer| {
            let place = grid.scenario.place(pointer)?;
            Some((place.file, place.line))
        },
    };
    let demands = Demands::read(&args.gate, requirements, &now, streams)?;
    let sweeping = Sweeping {
        args,
        input,
        grid: &grid,
        tasks: sweep::tasks(outline.cells.len(), &seeds, shard.unwrap_or(Shard::WHOLE)),
        outline,
        shard,
        jobs: args.work.jobs.unwrap_or_else(experiment::processors),
    };
    if args.parts.dry_run {
        return sweeping.rehearse(streams);
    }
    sweeping.tell_refused(streams);
    sweeping.run(demands, streams)
}

fn checked(conditions: &[Condition]) -> Result<Vec<Condition>, String> {
    conditions.iter().try_for_each(gate::check)?;
    Ok(conditions.to_vec())
}

fn refuse_what_cannot_be_shown(args: &Args, shard: Option<Shard>) -> Result<(), Failure> {
    let format = args.format;
    if format == SweepFormat::Ndjson && !args.parts.dry_run {
        return Err(Failure::usage(
            "--format ndjson lists replications, with --dry-run",
            Some("--format csv prints their results".to_owned()),
        ));
    }
    if args.parts.dry_run && !matches!(format, SweepFormat::Text | SweepFormat::Ndjson) {
        return Err(Failure::usage(
            "--dry-run plays nothing that --format could show",
            Some("leave it out, or list every replication by --format ndjson".to_owned()),
        ));
    }
    let gate = &args.gate;
    let needs_all = [
        (
            matches!(
                format,
                SweepFormat::Json | SweepFormat::Md | SweepFormat::Github
            ),
            "--format",
        ),
        (!gate.require.is_empty(), "--fail-on"),
        (gate.baseline.is_some(), "--baseline"),
        (!gate.export.is_empty(), "--export"),
    ];
    match needs_all.iter().find(|(is_asked, _)| *is_asked) {
        Some((_, option)) if shard.is_some() => Err(Failure::usage(
            format!(
                "{option}: a shard alone can neither be judged nor shown side by side, most of its cells are elsewhere"
            ),
            Some(format!(
                "rebsim merge takes {option}, when all shards are there"
            )),
        )),
        _ => Ok(()),
    }
}

/// Replications by number, each with its rows.
type Played = Vec<(usize, Vec<Row>)>;

/// What has been played.
enum Done {
    /// The replications of one shard.
    Shard(Shard, Played),
    /// All.
    Whole(Sweep),
}

/// What is said when a journal stays.
const KEPT: &str = "what was played is kept: --resume goes on with it";

/// A sweep about to be played.
struct Sweeping<'a> {
    args: &'a Args,
    input: &'a Input,
    grid: &'a Grid,
    outline: Outline,
    shard: Option<Shard>,
    tasks: Vec<Task>,
    jobs: NonZeroUsize,
}

/// Everything that decides the files of a sweep; the same in every shard but for `shard`.
pub(super) fn inputs(outline: &Outline, hash: &str, shard: Option<Shard>) -> Value {
    let shard = shard.map(|shard| json!({ "number": shard.number(), "count": shard.count() }));
    json!({
        "sweep": true,
        "scenario": outline.scenario,
        "scenario_sha256": hash,
        "grid_sha256": sha256(files::grid_value(outline).to_string().as_bytes()),
        "shard": shard,
    })
}

/// The name of the folder of the whole sweep.
pub(super) fn folder_of(outline: &Outline, hash: &str) -> String {
    let inputs = inputs(outline, hash, None);
    folder_name(&format!("{}-sweep", outline.scenario), &inputs.to_string())
}

impl Sweeping<'_> {
    /// What is left out, on stderr: how many combinations, with `-v` which and why.
    fn tell_refused(&self, streams: &Streams) {
        let refused = &self.outline.refused;
        if refused.is_empty() {
            return;
        }
        let more = if streams.verbose {
            ""
        } else {
            " (-v lists them)"
        };
        let number = counted(refused.len(), "combination");
        streams.note(&format!("{number} left out that Kafka would refuse{more}"));
        if streams.verbose {
            for one in self.outline.left_out() {
                streams.note(&format!("  {one}"));
            }
        }
    }

    fn run(&self, demands: Demands<'_>, streams: &mut Streams) -> Result<(), Failure> {
        let output = &self.args.output;
        let place = match output.no_out {
            true => None,
            false => Some(Place::probe(&output.out)?),
        };
        let hash = canonical_hash(&self.grid.scenario.resolved);
        let mut folder = folder_of(&self.outline, &hash);
        if let Some(shard) = self.shard {
            folder = format!("{folder}-{}", shard::suffix(shard));
        }
        let inputs = inputs(&self.outline, &hash, self.shard);
        let start = match self.args.parts.resume {
            true => Start::Resume,
            false => Start::Anew,
        };
        let (journal, finished) = match &place {
            None => (None, Finished::new()),
            Some(_) => match self.finished(&folder, &inputs) {
                Some(finished) => (None, finished),
                None => {
                    let (journal, finished) = Journal::open(&output.out, &folder, &inputs, start)?;
                    (Some(journal), finished)
                }
            },
        };
        self.tell_finished(finished.len(), streams);
        let (played, wall) = self.play(finished, journal.as_ref(), &hash, streams)?;
        let done = self.done(played);
        let mut written = None;
        if let Some(place) = &place {
            let files = self.files(&done);
            let volatile = super::manifest::volatile(wall, self.jobs.get());
            let manifest = |files: &[Listed]| super::manifest::manifest(&inputs, files, &volatile);
            written = Some(place.write(&folder, &files, &manifest, output.force)?);
        }
        if let Some(journal) = journal {
            match &written {
                // Whoever plays again with --force needs to play nothing.
                Some(Written::Refused(_)) => streams.note(KEPT),
                _ => journal.remove()?,
            }
        }
        let outcome = match &done {
            Done::Shard(shard, played) => self.show_shard(*shard, played, streams),
            Done::Whole(sweep) => output::show(sweep, output, self.args.format, demands, streams),
        };
        if let Some(written) = written {
            super::output::tell(&output.out.join(folder), &written, streams)?;
        }
        outcome
    }

    /// With `--resume`: all replications of a sweep whose results are in place, where none was interrupted since.
    fn finished(&self, folder: &str, inputs: &Value) -> Option<Finished> {
        let out = &self.args.output.out;
        if !self.args.parts.resume || Journal::is_there(out, folder) {
            return None;
        }
        let file = self.cells_file();
        finished::read(&out.join(folder), &file, inputs, &self.outline, &self.tasks)
    }

    /// How much of it there is already.
    fn tell_finished(&self, done: usize, streams: &Streams) {
        let all = self.tasks.len();
        let how = if done == all {
            "nothing is left to play"
        } else {
            "going on"
        };
        if done > 0 {
            let all = counted(all, "replication");
            streams.note(&format!("{how}: {done} of {all} are there already"));
        }
    }

    /// The name of the table of its rows.
    fn cells_file(&self) -> String {
        match self.shard {
            Some(shard) => format!("cells-{}.csv", shard::suffix(shard)),
            None => output::CELLS.to_owned(),
        }
    }

    /// Plays what is not `finished`; every replication of the shard with its rows, in order.
    fn play(
        &self,
        mut finished: Finished,
        journal: Option<&Journal>,
        hash: &str,
        streams: &Streams,
    ) -> Result<(Played, Duration), Failure> {
        let left: Vec<Task> = self
            .tasks
            .iter()
            .filter(|task| !finished.contains_key(&task.index))
            .copied()
            .collect();
        let progress = Progress::new(streams, self.args.work.progress, left.len());
        panic::simulating(Some(Context {
            hash: hash.to_owned(),
            again: self.again(),
        }));
        let worst = Mutex::new(None);
        let engine = |task: Task, cell: &Cell| {
            let rows = self.one(task, cell)?;
            self.watch_worst(&worst, task, &rows, &progress, streams.ascii);
            if let Some(journal) = journal {
                journal.keep(task.index, &rows)?;
            }
            Ok::<_, Failure>(rows)
        };
        let watch = |done| progress.finished(done);
        let played = sweep::play(&self.grid.cells, &left, self.jobs, engine, &watch);
        let wall = progress.elapsed();
        drop(progress);
        panic::simulating(None);
        let played = played.inspect_err(|_| {
            if journal.is_some() {
                streams.note(KEPT);
            }
        })?;
        finished.extend(left.iter().map(|task| task.index).zip(played));
        let wanted = self.tasks.iter();
        let rows = wanted.filter_map(|task| Some((task.index, finished.remove(&task.index)?)));
        Ok((rows.collect(), wall))
    }

    /// Plays one replication.
    fn one(&self, task: Task, cell: &Cell) -> Result<Vec<Row>, Failure> {
        let options = cluster::Options {
            check_invariants: self.args.work.check_invariants,
            event_limit: self.args.work.event_limit.get(),
            fidelity: self.args.work.fidelity.into(),
            ..cluster::Options::default()
        };
        match cluster::simulate(&cell.plan, task.seed, &options) {
            Ok(timeline) => Ok(tables::rows(&metrics::evaluate_groups(&timeline))),
            Err(halt) => Err(halted::failure(
                halt,
                &halted::Who {
                    scenario: &self.outline.scenario,
                    variant: &cell.plan.variant,
                    seed: task.seed,
                    hash: &canonical_hash(&self.grid.scenario.resolved),
                    again: &format!("{}{}", self.again(), again::options(&cell.options)),
                    event_limit: self.args.work.event_limit,
                },
            )),
        }
    }

    fn again(&self) -> String {
        let work = &self.args.work;
        again::command("run", &self.input.operand, &self.args.overrides, &[], work)
    }

    /// Shows the worst replication so far by the first metric that is printed.
    fn watch_worst(
        &self,
        worst: &Mutex<Option<Decimal>>,
        task: Task,
        rows: &[Row],
        progress: &Progress<'_>,
        ascii: bool,
    ) {
        let Some(name) = self.args.output.metrics.first().map(|metric| &metric.0) else {
            return;
        };
        let Some(number) = figure(rows, name) else {
            return;
        };
        let Ok(mut worst) = worst.lock() else { return };
        let is_worse = match name.metric.better {
            Better::Lower | Better::Neither => worst.is_none_or(|known| number > known),
            Better::Higher => worst.is_none_or(|known| number < known),
        };
        if is_worse {
            *worst = Some(number);
            let value = metrics::Value::Number(number);
            let value = figures::human(&value, name.metric.unit, Style { ascii });
            let cell = self.outline.words(&self.outline.cells[task.cell]);
            progress.worst(&format!("{cell}, seed {} ({value})", task.seed.0));
        }
    }

    fn done(&self, played: Played) -> Done {
        match self.shard {
            Some(shard) => Done::Shard(shard, played),
            None => Done::Whole(Sweep {
                outline: self.outline.clone(),
                replications: played.into_iter().map(|(_, rows)| rows).collect(),
            }),
        }
    }

    /// The files of the results folder.
    fn files(&self, done: &Done) -> super::results::Files<'static> {
        let resolved = &self.grid.scenario.resolved;
        match done {
            Done::Shard(_, played) => {
                let rows = played.iter().map(|(index, rows)| (*index, &rows[..]));
                let cells = (self.cells_file(), files::cells(&self.outline, rows));
                output::with_common(resolved, &self.outline, [cells])
            }
            Done::Whole(sweep) => output::whole(resolved, sweep),
        }
    }

    fn show_shard(
        &self,
        shard: Shard,
        played: &[(usize, Vec<Row>)],
        streams: &mut Streams,
    ) -> Result<(), Failure> {
        let (number, count) = (shard.number(), shard.count());
        let (own, all) = (played.len(), self.outline.replications());
        let text = match self.args.format {
            SweepFormat::Csv => {
                let rows = played.iter().map(|(index, rows)| (*index, &rows[..]));
                files::cells(&self.outline, rows)
            }
            SweepFormat::Text
            | SweepFormat::Json
            | SweepFormat::Md
            | SweepFormat::Github
            | SweepFormat::Ndjson => {
                format!(
                    "shard {number} of {count}: {own} of {}\n",
                    counted(all, "replication")
                )
            }
        };
        streams.result(&text)
    }
}

/// The number that `rows` have for `name` over all groups.
fn figure(rows: &[Row], name: &Name) -> Option<Decimal> {
    let at = tables::columns().iter().position(|known| known == name)?;
    let text = rows.first()?.figures.get(at)?;
    tables::value(text, name.metric.unit).number()
}
