//! What a stretch of work costs: processor time of this thread, so that neighbours on the machine do not count.

use std::time::Instant;

/// Nanoseconds that this thread has been on a processor; `None` where the system does not say (only Linux does).
fn on_processor() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

/// Nanoseconds of processor time of `work`, or of wall-clock time where the system does not say, and what it gave.
pub fn measured<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let (began, wall) = (on_processor(), Instant::now());
    let result = work();
    let ended = on_processor();
    let nanos = match (began, ended) {
        (Some(began), Some(ended)) => (ended - began) as f64,
        _ => wall.elapsed().as_nanos() as f64,
    };
    (nanos, result)
}

/// Nanoseconds that a round takes at least: the system counts processor time in steps of some milliseconds.
const ROUND: f64 = 200e6;

/// The least of some rounds, by what one unit of work costs. A round repeats work that is too short to be measured.
pub fn least(rounds: usize, units: f64, mut work: impl FnMut() -> u64) -> f64 {
    let began = Instant::now();
    let digest = work();
    let once = began.elapsed().as_nanos() as f64;
    let repetitions = (ROUND / once.max(1.0)).ceil().max(1.0);
    let costs = (0..rounds).map(|_| {
        let (nanos, same) = measured(|| (0..repetitions as u64).all(|_| work() == digest));
        assert!(same, "rounds of the same work differ");
        nanos / repetitions / units
    });
    costs.fold(f64::INFINITY, f64::min)
}

/// Most memory that this process has held so far, in bytes; 0 where the system does not say.
pub fn peak_memory() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: u64 = line
        .and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok())
        .unwrap_or(0);
    kib * 1024
}
