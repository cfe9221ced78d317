//! Restoring state: how long a new owner of a partition reads before it may process (`environment-models.md` 6).
//!
//! A member reads over one way in, which the partitions it restores share evenly; it processes its other partitions meanwhile (the state updater
//! of newer releases has a thread of its own). Who has the state on a disk that survived, or a standby copy, reads what is missing
//! only; where the assignment puts the partition is the assignor's matter, and taken to be where such a copy is (`HighAvailabilityTaskAssignor`).

use crate::kernel::SimDuration;
use crate::workload::arrivals::Rate;

/// `acceptable.recovery.lag`: a standby copy is no further behind than this (`StreamsConfig`).
pub const ACCEPTABLE_RECOVERY_LAG: u64 = 10_000;

/// What is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// So many bytes of each partition, at so many a second.
    Bytes {
        /// Bytes.
        bytes: u64,
        /// Bytes a second; not zero.
        per_second: u64,
    },
    /// So many records of each partition, at this rate.
    Records {
        /// Records.
        records: u64,
        /// At least one.
        rate: Rate,
    },
    /// It takes this long, and nobody says what it is.
    Time(SimDuration),
}

/// `listener.on_assigned.restore` and what goes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestoreSpec {
    /// Of each partition.
    pub state: State,
    /// Copies on other members that are kept up to date (`num.standby.replicas`).
    pub standbys: u32,
    /// The state is on a disk that a restart of the process leaves alone.
    pub resume_after_restart: bool,
}

/// Time to read `bytes` at `per_second`.
#[must_use]
pub fn reading(bytes: u64, per_second: u64) -> SimDuration {
    let micros = u128::from(bytes) * 1_000_000 / u128::from(per_second.max(1));
    SimDuration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}

/// Time to apply `records` at `rate`.
#[must_use]
pub fn applying(records: u64, rate: Rate) -> SimDuration {
    let micros =
        u128::from(records) * u128::from(rate.per_micros) / u128::from(rate.records.max(1));
    SimDuration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}

impl RestoreSpec {
    /// Of a partition alone, of which nothing is there.
    #[must_use]
    pub fn whole(&self) -> SimDuration {
        match self.state {
            State::Bytes { bytes, per_second } => reading(bytes, per_second),
            State::Records { records, rate } => applying(records, rate),
            State::Time(time) => time,
        }
    }

    /// Of a partition alone, of which `missing` records of `record_size` bytes came after the copy that is there; at most the whole. Without a
    /// size of the state nothing is missing.
    #[must_use]
    pub fn part(&self, missing: u64, record_size: u64) -> SimDuration {
        let part = match self.state {
            State::Bytes { per_second, .. } => {
                reading(missing.saturating_mul(record_size), per_second)
            }
            State::Records { rate, .. } => applying(missing, rate),
            State::Time(_) => SimDuration::ZERO,
        };
        part.min(self.whole())
    }

    /// Of a partition alone that comes to a process: `disk` is how many records came since it last held it, where its state outlived it.
    #[must_use]
    pub fn needed(&self, disk: Option<u64>, record_size: u64) -> SimDuration {
        let disk = disk.map_or(self.whole(), |missing| self.part(missing, record_size));
        if self.standbys > 0 {
            disk.min(self.part(ACCEPTABLE_RECOVERY_LAG, record_size))
        } else {
            disk
        }
    }
}

/// Probing rebalances until `tasks` stateful tasks have moved, `warmups` of them warmed up at a time (`max.warmup.replicas`).
#[must_use]
pub fn probing_rounds(tasks: u64, warmups: u64) -> u64 {
    tasks.div_ceil(warmups.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn per_second(records: u64) -> Rate {
        Rate {
            records,
            per_micros: 1_000_000,
        }
    }

    const fn spec(state: State) -> RestoreSpec {
        RestoreSpec {
            state,
            standbys: 0,
            resume_after_restart: false,
        }
    }

    /// RST-1: 40 M records of 1 kB, 50 MB/s, 150 k/s: max(800, 267) = 800 s.
    #[test]
    fn rst_1_the_network_is_slower_than_the_store() {
        let bytes = spec(State::Bytes {
            bytes: 40_000_000 * 1_000,
            per_second: 50_000_000,
        });
        let records = spec(State::Records {
            records: 40_000_000,
            rate: per_second(150_000),
        });
        let both = bytes.whole().max(records.whole());
        assert_eq!(both, SimDuration::from_secs(800));
        assert_eq!(records.whole().as_micros() / 1_000_000, 266);
    }

    /// RST-2: 20 GB at 50 MB/s: 400 s.
    #[test]
    fn rst_2_twenty_gigabytes() {
        let spec = spec(State::Bytes {
            bytes: 20_000_000_000,
            per_second: 50_000_000,
        });
        assert_eq!(spec.whole(), SimDuration::from_secs(400));
        assert_eq!(spec.needed(None, 1_000), SimDuration::from_secs(400));
    }

    /// RST-3: a persistent volume with a checkpoint 60 s old at 2,000 records/s: 120,000 records, less than a second.
    #[test]
    fn rst_3_a_checkpoint_of_a_minute_ago() {
        let state = State::Records {
            records: 40_000_000,
            rate: per_second(150_000),
        };
        let resumed = spec(state).needed(Some(60 * 2_000), 1_000);
        assert_eq!(resumed, SimDuration::from_millis(800));
        // Never more than the whole.
        assert_eq!(
            spec(state).needed(Some(u64::MAX), 1_000),
            spec(state).whole()
        );
    }

    /// WRM-1: 12 of 48 tasks move, two warm-ups at a time, a probing rebalance every ten minutes: 6 rounds, an hour. All at once when
    /// any lag is acceptable.
    #[test]
    fn wrm_1_warm_ups_come_by_twos() {
        let moves = 48 / 6 * 6 - 48 / 8 * 6;
        assert_eq!((moves, probing_rounds(moves, 2)), (12, 6));
        assert_eq!(probing_rounds(moves, 2) * 600, 3_600);
        assert_eq!(probing_rounds(moves, moves), 1);
    }

    /// WRM-2: with a standby at most 10,000 offsets are read, without one all of it.
    #[test]
    fn wrm_2_a_standby_is_nearly_there() {
        let state = State::Records {
            records: 40_000_000,
            rate: per_second(150_000),
        };
        let standby = RestoreSpec {
            standbys: 1,
            ..spec(state)
        };
        assert_eq!(
            standby.needed(None, 1_000),
            SimDuration::from_micros(66_666)
        );
        assert_eq!(spec(state).needed(None, 1_000).as_micros() / 1_000_000, 266);
    }
}
