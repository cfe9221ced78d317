//! `rebsim replay` of cases of Kubernetes' controllers: what ours do differently.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::args::{Replay as Args, ReplayFormat};
use super::exit::Failure;
use super::streams::Streams;
use crate::experiment::platform_replay::{self, Unit};
use crate::import::platform::PlatformCase;

/// Differences of one file that the text lists.
const LISTED: usize = 20;

/// A file of cases.
pub(super) struct File {
    /// As the operand names it.
    pub(super) name: String,
    /// Line by line.
    pub(super) cases: Vec<PlatformCase>,
}

/// What a file came to.
#[derive(Default)]
struct Tally {
    /// Of each unit: how many there are, how many were compared, how many differ.
    units: BTreeMap<Unit, [usize; 3]>,
    differences: Vec<String>,
}

impl Tally {
    fn differ(&self) -> usize {
        self.units.values().map(|[_, _, differ]| differ).sum()
    }

    /// `1000 cases of Deployments, 0 differ`
    fn line(&self) -> String {
        let part = |(unit, [all, compared, differ]): (&Unit, &[usize; 3])| {
            let silent = match all - compared {
                0 => String::new(),
                silent => format!(", {silent} without a result to compare with"),
            };
            format!("{all} {}, {differ} differ{silent}", unit.name())
        };
        self.units.iter().map(part).collect::<Vec<_>>().join("; ")
    }

    fn document(&self, name: &str) -> Value {
        let part = |(unit, [all, compared, differ]): (&Unit, &[usize; 3])| json!({ "of": unit.name(), "all": all, "compared": compared, "differ": differ });
        let units: Vec<Value> = self.units.iter().map(part).collect();
        json!({ "file": name, "units": units, "differences": self.differences })
    }
}

/// Replays every file and says what differs.
pub(super) fn replay(files: &[File], args: &Args, streams: &mut Streams) -> Result<(), Failure> {
    if args.run.is_some() {
        let message = "--run picks a repeat of a recording; cases of controllers have none";
        return Err(Failure::usage(message, None));
    }
    let mut tallies: Vec<Tally> = Vec::new();
    for file in files {
        let mut tally = Tally::default();
        for (number, case) in file.cases.iter().enumerate() {
            let replayed = platform_replay::replay(number, case);
            let units = tally.units.entry(replayed.unit).or_default();
            units[0] += replayed.units;
            units[1] += replayed.compared;
            units[2] += replayed.differences.len();
            tally.differences.extend(replayed.differences);
            if args.format == ReplayFormat::Ndjson {
                streams.result(&format!("{}\n", replayed.line))?;
            }
        }
        tallies.push(tally);
    }
    let mut all = Tally::default();
    for (unit, counts) in tallies.iter().flat_map(|tally| &tally.units) {
        let sums = all.units.entry(*unit).or_default();
        for (sum, count) in sums.iter_mut().zip(counts) {
            *sum += count;
        }
    }
    let named = || files.iter().map(|file| &*file.name).zip(&tallies);
    match args.format {
        ReplayFormat::Text => {
            for (name, tally) in named() {
                streams.result(&text(name, tally))?;
            }
            if args.summary {
                streams.result(&format!("{}\n", all.line()))?;
            }
        }
        ReplayFormat::Json => {
            let documents: Vec<Value> = named().map(|(name, tally)| tally.document(name)).collect();
            let document = json!({ "files": documents, "summary": all.line() });
            streams.result(&format!("{document:#}\n"))?;
        }
        ReplayFormat::Ndjson if args.summary => {
            let line = json!({ "summary": all.line() });
            streams.result(&format!("{line}\n"))?;
        }
        ReplayFormat::Ndjson => {}
    }
    match all.differ() {
        0 => Ok(()),
        _ => Err(Failure::Unmet),
    }
}

fn text(name: &str, tally: &Tally) -> String {
    let mut text = format!("{name}: {}\n", tally.line());
    for difference in tally.differences.iter().take(LISTED) {
        text.push_str(&format!("  {difference}\n"));
    }
    if tally.differences.len() > LISTED {
        let more = tally.differences.len() - LISTED;
        text.push_str(&format!("  and {more} more\n"));
    }
    text
}
