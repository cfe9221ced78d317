//! Scripts played anew on a real broker with the member ids of a recording: how far a real group agrees with itself when nothing but chance differs.

use rebsim::experiment::replay::Replayed;
use rebsim::import::recording::{RecordedRun, Recording};
use rebsim::report::fidelity::{RunFidelity, Sides, compare};
use rebsim::report::table::{Align, Table};

use super::recordings::{folder, play_folder, read_folder};

/// Pairs of runs, and how many of them are alike.
#[derive(Debug, Default)]
struct Agreement {
    pairs: usize,
    structure: usize,
    order: usize,
}

impl Agreement {
    fn count(&mut self, judged: &RunFidelity) {
        self.pairs += 1;
        self.structure += usize::from(judged.same_structure());
        self.order += usize::from(judged.coordinator.is_none());
    }

    fn share(&self, part: usize) -> String {
        format!("{part}/{} ({} %)", self.pairs, part * 100 / self.pairs)
    }
}

/// Judges `run` as if it were a simulation of `recorded`.
fn judge(recording: &Recording, recorded: &RecordedRun, run: &RecordedRun) -> RunFidelity {
    compare(&Sides {
        trace: &recording.name,
        kafka: &recording.kafka,
        run: &recorded.name,
        consumer_protocol: recording.consumer_protocol,
        rates: &recording.rates,
        recorded: &recorded.events,
        positions: None,
        simulated: &run.events,
    })
}

/// The table of `docs/fidelity.md`.
pub(crate) fn table() -> Table {
    let (again, played) = play_folder("traces-same-ids");
    let given = read_folder(&folder("traces-consumer"));
    let [mut among_themselves, mut with_the_given, mut simulated] =
        [(); 3].map(|()| Agreement::default());
    let mut played = played.iter();
    for recording in &again {
        let first = given.iter().find(|given| given.name == recording.name);
        let first = &first.expect("it was recorded before").runs[0];
        for (number, run) in recording.runs.iter().enumerate() {
            with_the_given.count(&judge(recording, first, run));
            for other in &recording.runs[..number] {
                among_themselves.count(&judge(recording, other, run));
            }
            let Replayed { fidelity, .. } = played.next().expect("every run is played");
            simulated.count(fidelity);
        }
    }
    let mut table = Table::new(&[
        ("the same script and ids, 4.4.0", Align::Left),
        ("structure", Align::Right),
        ("order", Align::Right),
    ]);
    for (what, met) in [
        ("a real run and another real run", &among_themselves),
        ("a real run and the given recording", &with_the_given),
        ("a real run and its simulation", &simulated),
    ] {
        table.row(vec![
            what.to_owned(),
            met.share(met.structure),
            met.share(met.order),
        ]);
    }
    table
}
