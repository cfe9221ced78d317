//! What a real client's threads and a real machine cost, as named constants: three profiles, one code path.
//!
//! `IDEAL` is the model of the hand timelines: nothing costs anything. `LOOPBACK` is the machine on which the recordings of real Kafka
//! were made (one broker, real Java consumers, loopback network); `default_profile` is what scenarios get: the client's wake-up
//! steps as recorded, with the scenario's own latency and append. Every constant says what was measured; none is fitted to one recording, and
//! each names recordings that would show it wrong.

use crate::kernel::SimDuration;
use crate::workload::distribution::Distribution;

/// The constants of one profile.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// Start of the process → first `poll()`: construction of the consumer. Recorded: first poll about 1 ms after `start`.
    pub construction: SimDuration,
    /// Beyond a round trip, the first FindCoordinator waits for bootstrap and metadata: `start` → `joining` is 2.8 / 4.0 / 8.7 ms
    /// (p5 / p50 / p95, 519 starts). Shown wrong by the first events of any recording.
    pub bootstrap: SimDuration,
    /// Return of an empty `poll()` → next `poll()`: the period of an idle `poll(100)` is 100.1 ms (223 cases).
    pub poll_turnaround: SimDuration,
    /// A sleep per batch takes this much longer than asked for: 120 x 150 ms → 18,001.7 ms. Shown wrong by `*-load-*`.
    pub batch_overhead: SimDuration,
    /// A `poll()` that waits for the heartbeat timer wakes up this much late (timeouts of the selector are whole milliseconds). With
    /// `heartbeat_thread_wakeup` the period of heartbeats is 1,001.9 ms: what counts after many beats is the mean, recorded as 1,001.9 ms
    /// (300 notices two beats and more after a rebalance; the median is 1,001.6 ms, and batches in progress make some longer). Shown
    /// wrong by any recording that runs long after a rebalance, `*-crash` and `*-rolling-dynamic` most of all.
    pub poll_wakeup: SimDuration,
    /// `poll()` finds a heartbeat due and notifies the heartbeat thread; the thread sends it this much later.
    pub heartbeat_thread_wakeup: SimDuration,
    /// While the application is busy the heartbeat thread looks about itself in steps of this length (`retry.backoff.ms` plus 0.1 ms), counted
    /// from the last return of `poll()` (105 busy heartbeats). Shown wrong by `*-rebalance-timeout`, `*-max-poll-exceeded`.
    pub heartbeat_thread_step: SimDuration,
    /// A record due at t can be fetched this much later: record k of a partition at (k + 1) / rate + 2..6 ms. Shown wrong by every `first_batch`.
    pub append_delay: SimDuration,
    /// The harness's producer sends the record of its first partition in a request of its own, and the others' in the next: a parked fetch for
    /// the first is answered with that record alone, and the application polls twice. Of owners of the first partition and two others that give
    /// partitions up, most call `assigned` 2.2 ms after `revoked`, one record's work, those without it at the next tick (`kip848-*`).
    pub append_stagger: SimDuration,
    /// An answer to a fetch takes this much longer for every record that it brings, to be read, sent and parsed: from `assigned` to
    /// `first_batch` it is 2.7 ms with some 100 records (`range-crash`, `range-join-leave`), 5.0 ms with some 2,500 (`*-load-saturated`). Shown
    /// wrong by the second rebalance of `coop-load-saturated`, where the answer to a commit is there before the records.
    pub record_transfer: SimDuration,
    /// A broker answers a request on a data connection (metadata, ListOffsets, OffsetsForLeaderEpoch) this much after it took it up; such a
    /// request behind a parked fetch is taken up when the fetch is answered. A refresh behind a fetch therefore ends after the tick that
    /// ended the fetch, and the next refresh comes due after a tick too: growth is seen at 10,207 ms, not 10,105 ms (5 of 6 runs of
    /// `*-partitions-grow`).
    pub request_service: SimDuration,
    /// The same for a client of the consumer protocol, with its second thread: `start` → `assigned` of a first join is 203 ms, two timeouts of `poll()` after the first
    /// (318 of 342). Shown wrong by the first callbacks of any `kip848-*`.
    pub async_construction: SimDuration,
    /// The first lookup of a client of the consumer protocol takes this much longer than a classic one's: `start` → join at the broker is 8.2 ms (4.4)
    /// or 9 ms (4.1), classic 4.9. Shown wrong by the first events of any `kip848-*`.
    pub background_start: SimDuration,
    /// The background thread of the consumer protocol's client takes up an event of the application within this time: of members without partitions that get an
    /// assignment with the tenth `poll()` after their last acknowledgement, within 1 ms of its start, 57 % reconcile it in that `poll()` (344 cases).
    pub background_handoff: SimDuration,
    /// The background thread of the consumer protocol's client wakes this much late for a heartbeat: heartbeat k comes k·(H + 0.1 ms) after the
    /// last that something else brought about (404 heartbeats).
    pub background_wakeup: SimDuration,
    /// The same of clients before 4.2: k·(H + 0.8 ms).
    pub background_wakeup_before_4_2: SimDuration,
    /// From entry of a callback without work to its return, and from there on: callbacks of one member follow each other by 0.1 ms.
    pub callback_turnaround: SimDuration,
    /// Waits before retries are a fifth longer or shorter at random (`RETRY_BACKOFF_JITTER`); else as long as they say.
    pub backoff_jitter: bool,
    /// Each clock of a member with which a steady group starts is at a phase of its own (heartbeats, commits, metadata, `poll()`); else all begin with the run.
    pub steady_phases: bool,
    /// `close()` → exit when no fetch is in flight: 2..5 ms (201 cases, not scored).
    pub exit: SimDuration,
    /// One way between client and broker; `None`: the scenario's.
    pub latency: Option<Distribution>,
    /// Append of the coordinator's log; `None`: the scenario's.
    pub append: Option<Distribution>,
    /// `group.coordinator.append.linger.ms` of brokers that wait that long for more to append (4.0, 4.1): an append takes 5..6 ms there and
    /// 0..1 ms in 4.4, where the linger adapts (397 cases). Shown wrong by every answer in `traces-4.1.1`.
    pub append_linger: SimDuration,
    /// Time of an assignor where the scenario gives none; `None`: by the cost curve.
    pub assignor_cost: Option<Distribution>,
}

impl Calibration {
    /// Nothing costs anything (`kafka-semantics.md` 7).
    #[must_use]
    pub fn ideal() -> Self {
        let zero = || Some(Distribution::Constant(SimDuration::ZERO));
        Self {
            construction: SimDuration::ZERO,
            bootstrap: SimDuration::ZERO,
            poll_turnaround: SimDuration::ZERO,
            batch_overhead: SimDuration::ZERO,
            poll_wakeup: SimDuration::ZERO,
            heartbeat_thread_wakeup: SimDuration::ZERO,
            heartbeat_thread_step: SimDuration::ZERO,
            append_delay: SimDuration::ZERO,
            append_stagger: SimDuration::ZERO,
            record_transfer: SimDuration::ZERO,
            request_service: SimDuration::ZERO,
            async_construction: SimDuration::ZERO,
            background_start: SimDuration::ZERO,
            background_handoff: SimDuration::ZERO,
            background_wakeup: SimDuration::ZERO,
            background_wakeup_before_4_2: SimDuration::ZERO,
            callback_turnaround: SimDuration::ZERO,
            backoff_jitter: false,
            steady_phases: false,
            exit: SimDuration::ZERO,
            latency: zero(),
            append: zero(),
            append_linger: SimDuration::ZERO,
            assignor_cost: zero(),
        }
    }

    /// Loopback network, one broker, client and broker on one machine.
    #[must_use]
    pub fn loopback() -> Self {
        Self {
            construction: SimDuration::from_micros(1_000),
            bootstrap: SimDuration::from_micros(2_000),
            poll_turnaround: SimDuration::from_micros(100),
            batch_overhead: SimDuration::from_micros(200),
            poll_wakeup: SimDuration::from_micros(500),
            heartbeat_thread_wakeup: SimDuration::from_micros(1_400),
            heartbeat_thread_step: SimDuration::from_micros(100_100),
            append_delay: SimDuration::from_micros(2_500),
            append_stagger: SimDuration::from_micros(1_500),
            record_transfer: SimDuration::from_micros(1),
            request_service: SimDuration::from_micros(500),
            async_construction: SimDuration::from_micros(3_600),
            background_start: SimDuration::from_micros(2_200),
            background_handoff: SimDuration::from_micros(600),
            background_wakeup: SimDuration::from_micros(100),
            background_wakeup_before_4_2: SimDuration::from_micros(800),
            callback_turnaround: SimDuration::from_micros(100),
            backoff_jitter: true,
            steady_phases: true,
            exit: SimDuration::from_micros(3_000),
            latency: Some(Distribution::Constant(SimDuration::from_micros(400))),
            append: Some(Distribution::Constant(SimDuration::from_micros(500))),
            append_linger: SimDuration::from_micros(5_000),
            assignor_cost: Some(Distribution::Constant(SimDuration::from_micros(500))),
        }
    }

    /// What scenarios get: the client's steps of [`Calibration::loopback`], the scenario's network and log.
    #[must_use]
    pub fn of_scenario() -> Self {
        Self {
            batch_overhead: SimDuration::ZERO,
            append_delay: SimDuration::ZERO,
            append_stagger: SimDuration::ZERO,
            record_transfer: SimDuration::ZERO,
            latency: None,
            append: None,
            assignor_cost: None,
            ..Self::loopback()
        }
    }
}
