//! Fidelity as text and as a document.

use serde_json::{Value, json};

use super::{Difference, FirstBatches, RunFidelity, Spread, Summary};
use crate::kernel::words::counted;
use crate::report::table::{Align, Table};

/// Late events that the text lists of one run.
const LISTED: usize = 12;

/// What differs, run by run, structure first.
#[must_use]
pub fn text(runs: &[RunFidelity]) -> String {
    let mut text = String::new();
    for run in runs {
        let late = run.late().count();
        let verdict = match (run.same_structure(), late) {
            (false, _) => "other structure".to_owned(),
            (true, 0) => format!("{} within tolerance", counted(run.times.len(), "event")),
            (true, late) => format!(
                "{late} of {} out of tolerance",
                counted(run.times.len(), "event")
            ),
        };
        let order = match &run.coordinator {
            None => "",
            Some(_) => ", coordinator in another order",
        };
        text.push_str(&format!(
            "{} (Kafka {}): {verdict}{order}\n",
            run.run, run.kafka
        ));
        for difference in run.structure.iter().chain(&run.coordinator) {
            text.push_str(&said(difference));
        }
        if let Some(parting) = &run.parting {
            text.push_str(&format!(
                "  parted at {:.1} ms ({}): {}, simulated {}\n",
                parting.recorded_ms,
                parting.race.words(),
                parting.what,
                parting
                    .simulated_ms
                    .map_or_else(|| "never".to_owned(), |at| format!("at {at:.1} ms")),
            ));
        }
        for event in run.late().take(LISTED) {
            text.push_str(&format!(
                "  {:>9.1} ms  {} {}: {:+.1} ms (tolerance {:.0})\n",
                event.recorded_ms,
                event.who,
                event.what,
                event.error_ms(),
                event.tolerance_ms,
            ));
        }
        if late > LISTED {
            text.push_str(&format!("  and {} more\n", late - LISTED));
        }
        let FirstBatches { missing, late, .. } = run.first_batches;
        if missing + late > 0 {
            text.push_str(&format!(
                "  first batches: {missing} missing, {late} late\n"
            ));
        }
        if run.positions_missing {
            text.push_str("  no positions\n");
        }
    }
    text
}

/// A row for each recording: what of it is matched and how far its times are off.
#[must_use]
pub fn table(runs: &[RunFidelity]) -> Table {
    let mut table = Table::new(&[
        ("recording", Align::Left),
        ("Kafka", Align::Left),
        ("structure", Align::Right),
        ("order", Align::Right),
        ("late", Align::Right),
        ("p50 ms", Align::Right),
        ("p95 ms", Align::Right),
        ("max ms", Align::Right),
        ("positions p95 s", Align::Right),
    ]);
    for repeats in runs.chunk_by(|run, next| (&run.trace, &run.kafka) == (&next.trace, &next.kafka))
    {
        let (Some(first), summary) = (repeats.first(), Summary::of(repeats, 0)) else {
            continue;
        };
        let (count, all) = (summary.all.runs, summary.all);
        let spread = if first.consumer_protocol {
            summary.consumer_ms
        } else {
            summary.classic_ms
        };
        let figure = |of: fn(Spread) -> f64| {
            spread.map_or_else(String::new, |spread| format!("{:.0}", of(spread)))
        };
        table.row(vec![
            first.trace.clone(),
            first.kafka.clone(),
            format!("{}/{count}", all.structure),
            format!("{}/{count}", all.coordinator),
            format!("{}/{}", all.late, all.events),
            figure(|spread| spread.p50),
            figure(|spread| spread.p95),
            figure(|spread| spread.max),
            summary
                .positions_s
                .map_or_else(String::new, |spread| format!("{:.2}", spread.p95)),
        ]);
    }
    table
}

/// A row for each run with another structure or order, and what it goes back to.
#[must_use]
pub fn misses(runs: &[RunFidelity]) -> Table {
    let mut table = Table::new(&[
        ("run", Align::Left),
        ("other", Align::Left),
        ("race", Align::Left),
        ("what", Align::Left),
        ("recorded ms", Align::Right),
        ("simulated ms", Align::Right),
    ]);
    for run in runs {
        let other = match (run.same_structure(), &run.coordinator) {
            (true, None) => continue,
            (true, Some(_)) => "order",
            (false, None) => "structure",
            (false, Some(_)) => "structure, order",
        };
        let mut row = vec![run.run.clone(), other.to_owned()];
        match &run.parting {
            Some(parting) => row.extend([
                parting.race.words().to_owned(),
                parting.what.clone(),
                format!("{:.0}", parting.recorded_ms),
                parting
                    .simulated_ms
                    .map_or_else(|| "never".to_owned(), |at| format!("{at:.0}")),
            ]),
            None => row.extend([const { String::new() }; 4]),
        }
        table.row(row);
    }
    table
}

fn said(difference: &Difference) -> String {
    let or_end = |side: &Option<String>| side.clone().unwrap_or_else(|| "nothing more".to_owned());
    format!(
        "  {}, after {} alike: recorded {}, simulated {}\n",
        difference.of,
        difference.after,
        or_end(&difference.recorded),
        or_end(&difference.simulated),
    )
}

impl Summary {
    /// In one line.
    #[must_use]
    pub fn line(&self) -> String {
        let all = self.all;
        let mut parts = vec![
            format!("structure {}/{} runs", all.structure, all.runs),
            format!("coordinator order {}/{}", all.coordinator, all.runs),
            format!("{}/{} events out of tolerance", all.late, all.events),
        ];
        for (protocol, spread) in [("classic", self.classic_ms), ("consumer", self.consumer_ms)] {
            parts.extend(spread.map(|spread| {
                let Spread { p50, p95, max, .. } = spread;
                format!("{protocol} timing error p50 {p50:.0} p95 {p95:.0} max {max:.0} ms")
            }));
        }
        if let Some(spread) = self.first_batches_s {
            let (missing, late) = (self.first_batches_missing, self.first_batches_late);
            parts.push(format!(
                "first offsets p95 {:.2} s of load ({missing} of {} missing, {late} late)",
                spread.p95,
                self.first_batches + missing
            ));
        }
        if self.positions_runs > 0 {
            let missing = format!(
                "{} of {} missing",
                self.positions_missing, self.positions_runs
            );
            parts.push(match self.positions_s {
                Some(Spread { p50, p95, max, .. }) => {
                    format!(
                        "positions p50 {p50:.2} p95 {p95:.2} max {max:.2} s of load ({missing})"
                    )
                }
                None => format!("positions {missing}"),
            });
        }
        if self.not_modelled > 0 {
            let recordings = counted(self.not_modelled, "recording");
            parts.push(format!("{recordings} not modelled"));
        }
        parts.join("; ")
    }
}

fn spread(spread: Option<Spread>) -> Value {
    spread.map_or(Value::Null, |spread| {
        json!({ "count": spread.count, "p50": spread.p50, "p95": spread.p95, "max": spread.max })
    })
}

fn difference(difference: &Difference) -> Value {
    json!({
        "of": difference.of,
        "after": difference.after,
        "recorded": difference.recorded,
        "simulated": difference.simulated,
    })
}

/// Everything as one document, schema `rebsim/replay/1`.
#[must_use]
pub fn document(runs: &[RunFidelity], summary: &Summary) -> Value {
    let described: Vec<Value> = runs
        .iter()
        .map(|run| {
            let late = run.late().map(|event| {
                json!({
                    "who": event.who,
                    "what": event.what,
                    "recorded_ms": event.recorded_ms,
                    "simulated_ms": event.simulated_ms,
                    "tolerance_ms": event.tolerance_ms,
                })
            });
            let errors = run.times.iter().map(|event| event.error_ms().abs());
            json!({
                "trace": run.trace,
                "kafka": run.kafka,
                "run": run.run,
                "protocol": if run.consumer_protocol { "consumer" } else { "classic" },
                "same_structure": run.same_structure(),
                "structure": run.structure.iter().map(difference).collect::<Vec<_>>(),
                "coordinator": run.coordinator.as_ref().map(difference),
                "parting": run.parting.as_ref().map(|parting| json!({
                    "race": parting.race.words(),
                    "what": parting.what,
                    "recorded_ms": parting.recorded_ms,
                    "simulated_ms": parting.simulated_ms,
                })),
                "events": run.times.len(),
                "late": late.collect::<Vec<_>>(),
                "error_ms": spread(Spread::of(errors.collect())),
                "first_batches": run.first_batches.compared,
                "first_batches_s": spread(Spread::of(run.first_batches.errors_s.clone())),
                "first_batches_missing": run.first_batches.missing,
                "first_batches_late": run.first_batches.late,
                "positions_s": spread(run.positions_s.clone().and_then(Spread::of)),
                "positions_missing": run.positions_missing,
            })
        })
        .collect();
    json!({
        "schema": "rebsim/replay/1",
        "runs": described,
        "summary": {
            "runs": summary.all.runs,
            "same_structure": summary.all.structure,
            "coordinator_in_order": summary.all.coordinator,
            "events": summary.all.events,
            "late": summary.all.late,
            "classic_ms": spread(summary.classic_ms),
            "consumer_ms": spread(summary.consumer_ms),
            "first_batches": summary.first_batches,
            "first_batches_s": spread(summary.first_batches_s),
            "first_batches_missing": summary.first_batches_missing,
            "first_batches_late": summary.first_batches_late,
            "positions_s": spread(summary.positions_s),
            "positions_missing": summary.positions_missing,
            "not_modelled": summary.not_modelled,
            "within_marks": summary.is_within_marks(),
        },
    })
}
