//! Service times: how long processing a record takes, a pure function of (seed, topic, partition, offset).
//!
//! The die belongs to the record, not to whom processes it, so moving a partition moves nobody's dice and every group
//! meets the same slow records. The distribution comes with each question, because it is the member's.

use std::ops::Range;

use super::distribution::Distribution;
use crate::kernel::{Draw, Seed, SimDuration, Stream};

/// Words of the records of one partition for one purpose: word `offset` of stream (seed, `<topic>-<partition>`, purpose).
#[derive(Clone, Debug)]
pub(super) struct Words {
    seed: Seed,
    stream: Stream,
    /// Made at the first question that needs a draw: constants never pay for it.
    draw: Option<Box<Draw>>,
}

impl Words {
    pub(super) fn new(seed: Seed, topic: &str, partition: u32, purpose: &str) -> Self {
        Self {
            seed,
            stream: Stream::new(&format!("{topic}-{partition}"), purpose),
            draw: None,
        }
    }

    /// That of the record at `offset`. Cheapest when offsets are asked in order.
    pub(super) fn word(&mut self, offset: u64) -> u64 {
        let (seed, stream) = (self.seed, self.stream);
        let draw = self
            .draw
            .get_or_insert_with(|| Box::new(Draw::new(seed, stream)));
        if draw.position() != offset {
            draw.seek(offset);
        }
        draw.word()
    }
}

/// The dice of the records of one partition: word `offset` of stream (seed, `<topic>-<partition>`, "service").
#[derive(Clone, Debug)]
pub struct ServiceTimes(Words);

impl ServiceTimes {
    /// Those of partition `partition` of `topic`.
    #[must_use]
    pub fn new(seed: Seed, topic: &str, partition: u32) -> Self {
        Self(Words::new(seed, topic, partition, "service"))
    }

    /// How long the record at `offset` takes. Cheapest when offsets are asked in order.
    #[inline]
    pub fn time(&mut self, distribution: &Distribution, offset: u64) -> SimDuration {
        match distribution {
            Distribution::Constant(value) => *value,
            Distribution::Uniform { .. }
            | Distribution::Exponential { .. }
            | Distribution::LogNormal { .. }
            | Distribution::Pareto { .. }
            | Distribution::Quantiles(_) => distribution.value(offset, self.0.word(offset)),
            Distribution::Trace(_) => distribution.value(offset, 0),
        }
    }

    /// How long the records at `offsets` take one after the other.
    pub fn batch(&mut self, distribution: &Distribution, offsets: Range<u64>) -> SimDuration {
        if let Distribution::Constant(value) = distribution {
            return value.times(offsets.end.saturating_sub(offsets.start));
        }
        offsets.fold(SimDuration::ZERO, |sum, offset| {
            sum + self.time(distribution, offset)
        })
    }

    /// How many of the records at `offsets`, processed one after the other, end within `span` (an end at its very last
    /// microsecond counts), and how long these take together.
    pub fn within(
        &mut self,
        distribution: &Distribution,
        offsets: Range<u64>,
        span: SimDuration,
    ) -> (u64, SimDuration) {
        let all = offsets.end.saturating_sub(offsets.start);
        if let Distribution::Constant(value) = distribution {
            let ended = match span.as_micros().checked_div(value.as_micros()) {
                Some(fitting) => fitting.min(all),
                None => all,
            };
            return (ended, value.times(ended));
        }
        let mut total = SimDuration::ZERO;
        for (ended, offset) in (0..).zip(offsets) {
            let next = total + self.time(distribution, offset);
            if next > span {
                return (ended, total);
            }
            total = next;
        }
        (all, total)
    }
}
