//! How close a simulated run comes to the recording of the same script on real Kafka.
//!
//! Structure first: per member the sequence of assigned, revoked, lost and error with their partitions, and for the classic
//! protocol the generations. Only where that is the same are times compared. The coordinator's events are compared in order, first
//! batches and positions in seconds of load. [`RunFidelity`] is one run, [`Summary`] folds many; [`text`], [`table`] and [`document`] lay
//! them out. Which events there are is for [`super::recording`] to say.

mod compare;
mod parting;
mod render;

use serde_json::{Map, Value};

pub use compare::{COORDINATOR, KINDS, compare};
pub use render::{document, misses, table, text};

/// What the runs of a protocol must reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Marks {
    /// Least share of runs with the recorded structure.
    pub structure: f64,
    /// Most events out of tolerance, as a share of the events of runs with the recorded structure.
    pub late: f64,
    /// Least share of runs in which the coordinator's events come in the recorded order.
    pub coordinator: f64,
}

/// Of the classic protocol.
pub const CLASSIC_MARKS: Marks = Marks {
    structure: 0.97,
    late: 0.03,
    coordinator: 0.90,
};
/// Of the consumer protocol, whose client wakes in steps of up to 100 ms: which heartbeat comes first is often a matter of one step.
pub const CONSUMER_MARKS: Marks = Marks {
    structure: 0.97,
    late: 0.10,
    coordinator: 0.80,
};
/// Most seconds of load by which positions are off, at the 95th percentile.
pub const POSITIONS_MARK_S: f64 = 0.5;

/// What is compared with what.
#[derive(Clone, Copy, Debug)]
pub struct Sides<'a> {
    /// Name of the recording.
    pub trace: &'a str,
    /// Version of Kafka.
    pub kafka: &'a str,
    /// Name of the run.
    pub run: &'a str,
    /// Some member speaks the consumer protocol: its client wakes in steps of up to 100 ms and there are no joint generations.
    pub consumer_protocol: bool,
    /// Records per second and partition, by topic.
    pub rates: &'a [(String, f64)],
    /// Recorded events.
    pub recorded: &'a [Value],
    /// Recorded positions, when the recording has any.
    pub positions: Option<&'a Map<String, Value>>,
    /// Simulated events in the recording's format, the positions last.
    pub simulated: &'a [Value],
}

/// An event of a member in both worlds.
#[derive(Clone, Debug, PartialEq)]
pub struct TimedEvent {
    /// The member.
    pub who: String,
    /// `assigned`, `revoked`, `lost` or `error`.
    pub what: String,
    /// When it was recorded, ms.
    pub recorded_ms: f64,
    /// When it was simulated, ms.
    pub simulated_ms: f64,
    /// How far the two may lie apart, ms.
    pub tolerance_ms: f64,
}

impl TimedEvent {
    /// Simulated less recorded, ms.
    #[must_use]
    pub fn error_ms(&self) -> f64 {
        self.simulated_ms - self.recorded_ms
    }

    /// True when it is out of tolerance.
    #[must_use]
    pub fn is_late(&self) -> bool {
        self.error_ms().abs() > self.tolerance_ms
    }
}

/// The first difference of two sequences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Whose sequence.
    pub of: String,
    /// How many elements agree before it.
    pub after: usize,
    /// What was recorded there; `None`: the recorded sequence has ended.
    pub recorded: Option<String>,
    /// What was simulated there; `None`: the simulated sequence has ended.
    pub simulated: Option<String>,
}

/// What two threads raced for, so that one course or the other came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Race {
    /// The first callback of a process: with this `poll()` or the next.
    FirstJoin,
    /// `assigned` after `revoked`: with the records of the same instant or with the next.
    AfterRevocation,
    /// A member that owns nothing takes its share up: with this `poll()` or the next.
    WithoutPartitions,
    /// A member that owns something takes an assignment up: with these records or the next.
    Owner,
    /// The first callbacks after the partitions were lost.
    Absence,
    /// Two messages at the coordinator, all members' steps being the recorded ones.
    Messages,
}

/// Where a run parts from its recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Parting {
    /// What decided.
    pub race: Race,
    /// The step, or the coordinator's event.
    pub what: String,
    /// When it was recorded, ms.
    pub recorded_ms: f64,
    /// When it was simulated, ms; `None`: it was not.
    pub simulated_ms: Option<f64>,
}

/// One run against its recording.
#[derive(Clone, Debug, PartialEq)]
pub struct RunFidelity {
    /// Name of the recording.
    pub trace: String,
    /// Version of Kafka.
    pub kafka: String,
    /// Name of the run.
    pub run: String,
    /// Some member speaks the consumer protocol.
    pub consumer_protocol: bool,
    /// Where the structure differs; empty: it is the recorded one.
    pub structure: Vec<Difference>,
    /// Where the order of the coordinator's events first differs.
    pub coordinator: Option<Difference>,
    /// What structure or order go back to where they differ.
    pub parting: Option<Parting>,
    /// Events of members in both worlds; empty when the structure differs.
    pub times: Vec<TimedEvent>,
    /// First batches after an assignment.
    pub first_batches: FirstBatches,
    /// Positions, in seconds of load off, one a recorded grid point; `None`: not recorded.
    pub positions_s: Option<Vec<f64>>,
    /// Positions were recorded and none simulated.
    pub positions_missing: bool,
}

impl RunFidelity {
    /// True when the structure is the recorded one.
    #[must_use]
    pub fn same_structure(&self) -> bool {
        self.structure.is_empty()
    }

    /// Events out of tolerance.
    pub fn late(&self) -> impl Iterator<Item = &TimedEvent> {
        self.times.iter().filter(|event| event.is_late())
    }
}

/// First batches after an assignment, a recorded one each beside its twin.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FirstBatches {
    /// How many are in both worlds.
    pub compared: usize,
    /// Recorded ones that were not simulated.
    pub missing: usize,
    /// Those off by more than the tolerance and a poll timeout.
    pub late: usize,
    /// First offsets, in seconds of load off; only of partitions with load.
    pub errors_s: Vec<f64>,
}

/// Median, 95th percentile and maximum of absolute errors, and how many there are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// How many.
    pub count: usize,
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// Maximum.
    pub max: f64,
}

impl Spread {
    /// Of these; `None` of none. The p-quantile is element ⌊p·n⌋ in ascending order.
    #[must_use]
    pub fn of(mut errors: Vec<f64>) -> Option<Self> {
        errors.sort_by(f64::total_cmp);
        let at = |thousandths: usize| {
            let place = (errors.len() * thousandths / 1_000).min(errors.len().checked_sub(1)?);
            errors.get(place).copied()
        };
        Some(Self {
            count: errors.len(),
            p50: at(500)?,
            p95: at(950)?,
            max: at(1_000)?,
        })
    }
}

/// Runs of one protocol, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Runs compared.
    pub runs: usize,
    /// Runs with the recorded structure.
    pub structure: usize,
    /// Runs with the coordinator's events in the recorded order.
    pub coordinator: usize,
    /// Events of members in runs with the recorded structure.
    pub events: usize,
    /// Those out of tolerance.
    pub late: usize,
}

impl Tally {
    fn add(&mut self, run: &RunFidelity) {
        self.runs += 1;
        self.structure += usize::from(run.same_structure());
        self.coordinator += usize::from(run.coordinator.is_none());
        self.events += run.times.len();
        self.late += run.late().count();
    }

    /// True when there are no runs, or enough of them are as recorded.
    fn reaches(&self, marks: &Marks) -> bool {
        self.runs == 0
            || self.events > 0
                && share(self.structure, self.runs) >= marks.structure
                && share(self.late, self.events) <= marks.late
                && share(self.coordinator, self.runs) >= marks.coordinator
    }
}

/// Many runs together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// All runs.
    pub all: Tally,
    /// Those of the classic protocol.
    pub classic: Tally,
    /// Those in which some member speaks the consumer protocol.
    pub consumer: Tally,
    /// Errors of times under the classic protocol, ms.
    pub classic_ms: Option<Spread>,
    /// Errors of times under the consumer protocol, ms.
    pub consumer_ms: Option<Spread>,
    /// Errors of first offsets, seconds of load.
    pub first_batches_s: Option<Spread>,
    /// First batches in both worlds.
    pub first_batches: usize,
    /// Recorded first batches that were not simulated.
    pub first_batches_missing: usize,
    /// First batches off by more than the tolerance and a poll timeout.
    pub first_batches_late: usize,
    /// Errors of positions, seconds of load.
    pub positions_s: Option<Spread>,
    /// Runs with recorded positions.
    pub positions_runs: usize,
    /// Those without simulated ones.
    pub positions_missing: usize,
    /// Recordings that were not played because their protocol is not modelled.
    pub not_modelled: usize,
}

impl Summary {
    /// Of these runs, with so many recordings left out.
    #[must_use]
    pub fn of<'a>(runs: impl IntoIterator<Item = &'a RunFidelity>, not_modelled: usize) -> Self {
        let mut summary = Self {
            not_modelled,
            ..Self::default()
        };
        let mut times = [Vec::new(), Vec::new()];
        let (mut first_batches, mut positions) = (Vec::new(), Vec::new());
        for run in runs {
            summary.all.add(run);
            if run.consumer_protocol {
                summary.consumer.add(run);
            } else {
                summary.classic.add(run);
            }
            times[usize::from(run.consumer_protocol)]
                .extend(run.times.iter().map(|event| event.error_ms().abs()));
            first_batches.extend_from_slice(&run.first_batches.errors_s);
            summary.first_batches += run.first_batches.compared;
            summary.first_batches_missing += run.first_batches.missing;
            summary.first_batches_late += run.first_batches.late;
            if let Some(errors) = &run.positions_s {
                summary.positions_runs += 1;
                summary.positions_missing += usize::from(run.positions_missing);
                positions.extend_from_slice(errors);
            }
        }
        let [classic, consumer] = times;
        summary.classic_ms = Spread::of(classic);
        summary.consumer_ms = Spread::of(consumer);
        summary.first_batches_s = Spread::of(first_batches);
        summary.positions_s = Spread::of(positions);
        summary
    }

    /// True when every mark is reached, in each protocol by itself: enough runs with the recorded structure and order, few enough events out of tolerance, positions
    /// simulated wherever they were recorded and close enough.
    #[must_use]
    pub fn is_within_marks(&self) -> bool {
        self.all.runs > 0
            && self.classic.reaches(&CLASSIC_MARKS)
            && self.consumer.reaches(&CONSUMER_MARKS)
            && self.positions_missing == 0
            && self
                .positions_s
                .is_none_or(|spread| spread.p95 <= POSITIONS_MARK_S)
    }
}

fn share(part: usize, whole: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "runs and events are few")]
    let share = part as f64 / whole as f64;
    share
}
