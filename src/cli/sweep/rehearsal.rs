//! `sweep --dry-run`: what would be played, and how long that would take, measured on up to three replications.

use std::num::NonZeroUsize;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::Sweeping;
use crate::cli::args::{ProgressChoice, SweepFormat};
use crate::cli::exit::Failure;
use crate::cli::progress::Progress;
use crate::cli::streams::Streams;
use crate::experiment::sweep::{self, Task};
use crate::kernel::words::counted;

/// Work that takes longer on this machine is worth several.
const SHARDS_PAY_AFTER: Duration = Duration::from_secs(120);

impl Sweeping<'_> {
    /// Prints what would be played on stdout, how long it would take on stderr.
    pub(super) fn rehearse(&self, streams: &mut Streams) -> Result<(), Failure> {
        let text = match self.args.format {
            SweepFormat::Ndjson => {
                self.tell_refused(streams);
                self.list()
            }
            // The others have been refused.
            SweepFormat::Text
            | SweepFormat::Json
            | SweepFormat::Csv
            | SweepFormat::Md
            | SweepFormat::Github => self.counts(streams.verbose),
        };
        streams.result(&text)?;
        if self.tasks.is_empty() {
            return Ok(());
        }
        let last = self.tasks.len() - 1;
        let mut samples = vec![0, last / 2, last];
        samples.dedup();
        let samples = samples.into_iter().map(|at| self.tasks[at]);
        let mut times = Vec::new();
        for task in samples {
            let watch = Progress::new(streams, ProgressChoice::None, 1);
            let one = |task: Task, cell: &_| self.one(task, cell);
            sweep::play(&self.grid.cells, &[task], NonZeroUsize::MIN, one, &|_| {})?;
            times.push(watch.elapsed());
        }
        let left = self.tasks.len();
        streams.note(&estimate(&times, left, self.jobs.get()));
        Ok(())
    }

    fn counts(&self, is_verbose: bool) -> String {
        let outline = &self.outline;
        let mut text = format!(
            "{}   {} x {}: {}\n",
            outline.scenario,
            counted(outline.cells.len(), "cell"),
            counted(outline.seeds.len(), "seed"),
            counted(outline.replications(), "replication"),
        );
        for (at, key) in outline.parameters.iter().enumerate() {
            let mut values: Vec<&str> = Vec::new();
            for cell in &outline.cells {
                let value = match &*cell.values[at] {
                    "" => "(as the scenario says)",
                    value => value,
                };
                if !values.contains(&value) {
                    values.push(value);
                }
            }
            text.push_str(&format!("  {key}: {}\n", values.join(", ")));
        }
        if !outline.refused.is_empty() {
            let refused = outline.refused.len();
            let more = if is_verbose { "" } else { " (-v lists them)" };
            text.push_str(&format!(
                "  left out, Kafka would refuse them: {refused}{more}\n"
            ));
        }
        if is_verbose {
            for one in outline.left_out() {
                text.push_str(&format!("    {one}\n"));
            }
        }
        if let Some(shard) = self.shard {
            let (number, count) = (shard.number(), shard.count());
            let own = counted(self.tasks.len(), "replication");
            text.push_str(&format!("  shard {number} of {count}: {own}\n"));
        }
        text
    }

    /// Every replication, one object a line.
    fn list(&self) -> String {
        let lines = self.tasks.iter().map(|task| {
            let cell = &self.outline.cells[task.cell];
            let keys = self.outline.parameters.iter().cloned();
            let values = cell.values.iter().map(|value| json!(value));
            let parameters: Map<String, Value> = keys.zip(values).collect();
            let line = json!({
                "index": task.index,
                "variant": cell.variant,
                "seed": task.seed.0,
                "parameters": parameters,
            });
            format!("{line}\n")
        });
        lines.collect()
    }
}

/// How long `left` replications take on `jobs` workers, when some took `times`.
fn estimate(times: &[Duration], left: usize, jobs: usize) -> String {
    let seconds = |time: Duration| time.as_secs_f64();
    let count = u32::try_from(times.len().max(1)).unwrap_or(u32::MAX);
    let all = times.iter().sum::<Duration>() / count;
    let workers = jobs.min(left.max(1));
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let total = |one: Duration| seconds(one) * left as f64 / workers as f64;
    let least = times.iter().min().copied().unwrap_or_default();
    let most = times.iter().max().copied().unwrap_or_default();
    let mut text = format!(
        "measured {count} of {left}: {:.3} s to {:.3} s each; about {:.1} s with {workers} jobs ({:.1} s to {:.1} s)",
        seconds(least),
        seconds(most),
        total(all),
        total(least),
        total(most),
    );
    if total(all) > seconds(SHARDS_PAY_AFTER) {
        text.push_str("; shards on several machines would pay (--shard K/N)");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estimate_is_the_mean_times_what_is_left_over_the_workers() {
        let times = [100, 200, 300].map(Duration::from_millis);
        let text = estimate(&times, 10, 2);
        let expected =
            "measured 3 of 10: 0.100 s to 0.300 s each; about 1.0 s with 2 jobs (0.5 s to 1.5 s)";
        assert_eq!(text, expected);
        assert!(estimate(&times, 10_000, 2).contains("--shard"));
    }
}
