//! How a topic's load falls on its partitions, as exact fractions.
//!
//! When partitions are added, the shares are computed afresh for the new number from that instant on: `even` and the
//! cold side of `hot` thin out, Zipf keys are hashed again (as producers do once they know of the partitions; that
//! delay is not modelled), `weights` beyond the list's end get the mean of the list.

use libm::pow;

use super::murmur2::partition_for_key;
use super::refusal::Refusal;
use crate::kernel::words::counted;

/// How a topic's load falls on its partitions.
#[derive(Clone, Debug, PartialEq)]
pub enum Skew {
    /// Evenly.
    Even,
    /// Keys with Zipf popularity (the key of rank i is i^-exponent times as popular as the first), hashed to partitions
    /// by Kafka's default partitioner. The key of rank i is the text `<topic>-key-<i>`, ranks from 1.
    Zipf {
        /// Number of keys.
        keys: u64,
        /// Exponent.
        exponent: f64,
    },
    /// In proportion to these weights, one for each partition.
    Weights(Vec<f64>),
    /// Some partitions get a share among themselves, evenly, the others the rest, evenly.
    Hot {
        /// The hot ones.
        partitions: Vec<u32>,
        /// Their share in 0..=1.
        share: f64,
    },
}

/// Shares are fractions over at most this.
const FINEST: u64 = 1 << 30;

/// The shares of all partitions of a topic: integer parts of a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shares {
    parts: Vec<u64>,
    whole: u64,
}

impl Shares {
    /// Everything to each: the load is that of each partition.
    #[must_use]
    pub fn undivided(partitions: u32) -> Self {
        Self {
            parts: vec![1; partitions as usize],
            whole: 1,
        }
    }

    /// Numerator and denominator of the share of `partition`; the denominator is between 1 and 2^30.
    #[must_use]
    pub fn of(&self, partition: u32) -> (u64, u64) {
        (self.parts[partition as usize], self.whole)
    }

    /// The denominator of all shares.
    #[must_use]
    pub fn whole(&self) -> u64 {
        self.whole
    }

    /// Number of partitions.
    #[must_use]
    pub fn partitions(&self) -> u32 {
        self.parts.len() as u32
    }

    /// The share of the partition that gets most, in 0..=1.
    #[must_use]
    pub fn hottest(&self) -> f64 {
        self.parts
            .iter()
            .max()
            .map_or(0.0, |most| *most as f64 / self.whole as f64)
    }

    /// Exactly in these proportions when they fit, else rounded.
    fn in_proportion(parts: Vec<u64>) -> Self {
        let common = parts
            .iter()
            .copied()
            .fold(0, greatest_common_divisor)
            .max(1);
        let whole: u64 = parts.iter().map(|part| part / common).sum();
        if whole > FINEST {
            let weights: Vec<f64> = parts.iter().map(|part| *part as f64).collect();
            return Self::rounded(&weights);
        }
        Self {
            parts: parts.into_iter().map(|part| part / common).collect(),
            whole,
        }
    }

    /// In multiples of 2^-30; what rounding down leaves goes to the largest remainders, lower partitions first.
    fn rounded(weights: &[f64]) -> Self {
        let sum: f64 = weights.iter().sum();
        let exact: Vec<f64> = weights
            .iter()
            .map(|weight| weight / sum * FINEST as f64)
            .collect();
        let mut parts: Vec<u64> = exact.iter().map(|part| *part as u64).collect();
        let left = FINEST.saturating_sub(parts.iter().sum()) as usize;
        let mut by_remainder: Vec<usize> = (0..parts.len()).collect();
        let remainder = |at: &usize| exact[*at] - parts[*at] as f64;
        by_remainder.sort_by(|a, b| remainder(b).total_cmp(&remainder(a)).then(a.cmp(b)));
        for at in by_remainder.into_iter().take(left) {
            parts[at] += 1;
        }
        let whole = parts.iter().sum();
        Self { parts, whole }
    }
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 {
        a
    } else {
        greatest_common_divisor(b, a % b)
    }
}

impl Skew {
    /// Whether this makes sense for a topic that starts with `initial` partitions and ends with `most`.
    ///
    /// # Errors
    /// Names the value and the remedy.
    pub fn check(&self, initial: u32, most: u32) -> Result<(), Refusal> {
        match self {
            Self::Even => Ok(()),
            Self::Zipf { keys, exponent } => check_zipf(*keys, *exponent),
            Self::Weights(weights) => check_weights(weights, initial, most),
            Self::Hot { partitions, share } => check_hot(partitions, *share, initial, most),
        }
    }

    /// The shares of `partitions` partitions of `topic`. [`Skew::check`] passed.
    #[must_use]
    pub fn shares(&self, topic: &str, partitions: u32) -> Shares {
        match self {
            Self::Even => Shares::in_proportion(vec![1; partitions as usize]),
            Self::Zipf { keys, exponent } => {
                let mut weights = vec![0.0; partitions as usize];
                for rank in 1..=*keys {
                    let key = format!("{topic}-key-{rank}");
                    let partition = partition_for_key(key.as_bytes(), partitions);
                    weights[partition as usize] += popularity(rank, *exponent);
                }
                Shares::rounded(&weights)
            }
            Self::Weights(weights) => weighted(weights, partitions as usize),
            Self::Hot {
                partitions: hot,
                share,
            } => hot_and_cold(hot, *share, partitions),
        }
    }
}

/// Of the key of this rank, up to a common factor.
fn popularity(rank: u64, exponent: f64) -> f64 {
    pow(rank as f64, -exponent)
}

fn weighted(weights: &[f64], partitions: usize) -> Shares {
    let mean = weights.iter().sum::<f64>() / weights.len() as f64;
    let all: Vec<f64> = (0..partitions)
        .map(|at| weights.get(at).copied().unwrap_or(mean))
        .collect();
    let integral = all
        .iter()
        .all(|weight| *weight < FINEST as f64 && *weight == (*weight as u64) as f64);
    if integral {
        Shares::in_proportion(all.into_iter().map(|weight| weight as u64).collect())
    } else {
        Shares::rounded(&all)
    }
}

/// The share counts in millionths.
fn hot_and_cold(hot: &[u32], share: f64, partitions: u32) -> Shares {
    const WHOLE: u64 = 1_000_000;
    let hot_share = (share * WHOLE as f64 + 0.5) as u64;
    let is_hot = |partition: &u32| hot.contains(partition);
    let hot_ones = (0..partitions).filter(is_hot).count() as u64;
    let cold_ones = u64::from(partitions) - hot_ones;
    if hot_ones == 0 || cold_ones == 0 {
        return Skew::Even.shares("", partitions);
    }
    let part = |partition| {
        if is_hot(&partition) {
            hot_share * cold_ones
        } else {
            (WHOLE - hot_share) * hot_ones
        }
    };
    Shares::in_proportion((0..partitions).map(part).collect())
}

fn check_zipf(keys: u64, exponent: f64) -> Result<(), Refusal> {
    if !(1..=10_000_000).contains(&keys) {
        return Err(Refusal::new(
            format!("{keys} keys cannot be hashed one by one"),
            "write a number from 1 to 10000000",
        ));
    }
    if !(0.0..=10.0).contains(&exponent) {
        return Err(Refusal::new(
            format!("exponent {exponent} is out of range"),
            "write a number from 0 (all keys alike) to 10, such as 1.1",
        ));
    }
    Ok(())
}

fn check_weights(weights: &[f64], initial: u32, most: u32) -> Result<(), Refusal> {
    if let Some(bad) = weights
        .iter()
        .find(|weight| !(0.0..=1e12).contains(*weight))
    {
        return Err(Refusal::new(
            format!("{bad} is no weight"),
            "write numbers from 0 to 1e12",
        ));
    }
    if weights.len() < initial as usize || weights.len() > most as usize {
        return Err(Refusal::new(
            format!(
                "{} for {}",
                counted(weights.len(), "weight"),
                counted(initial, "partition")
            ),
            "write one weight for each partition",
        ));
    }
    if weights[..initial as usize]
        .iter()
        .all(|weight| *weight == 0.0)
    {
        return Err(Refusal::new(
            "no partition gets anything",
            "write at least one weight above 0",
        ));
    }
    Ok(())
}

fn check_hot(hot: &[u32], share: f64, initial: u32, most: u32) -> Result<(), Refusal> {
    if !(0.0..=1.0).contains(&share) {
        return Err(Refusal::new(
            format!("a share of {share} is not between nothing and everything"),
            "write a share from 0% to 100%",
        ));
    }
    if let Some(beyond) = hot.iter().find(|partition| **partition >= most) {
        return Err(Refusal::new(
            format!("there is no partition {beyond}"),
            format!("write partitions from 0 to {}", most.saturating_sub(1)),
        ));
    }
    let mut distinct = hot.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() != hot.len() {
        return Err(Refusal::new(
            "a hot partition is listed twice",
            "list each once",
        ));
    }
    let at_start = hot.iter().filter(|partition| **partition < initial).count();
    if at_start == 0 || at_start == initial as usize {
        return Err(Refusal::new(
            "the share needs partitions on both sides",
            "list at least one partition, and leave at least one out",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ZIPF-1 to ZIPF-4: share of the top key and of the top ten.
    #[test]
    fn zipf_1_to_4() {
        for (keys, exponent, top, top_ten) in [
            (100, 1.0, 19.28, 56.46),
            (1_000, 1.0, 13.36, 39.13),
            (1_000, 1.2, 23.06, 56.92),
            (10_000, 0.8, 3.69, 13.15),
        ] {
            let sum = |ranks: u64| {
                (1..=ranks)
                    .map(|rank| popularity(rank, exponent))
                    .sum::<f64>()
            };
            let percent = |ranks| 100.0 * sum(ranks) / sum(keys);
            assert!(
                (percent(1) - top).abs() < 0.005,
                "{keys}, {exponent}: {}",
                percent(1)
            );
            assert!(
                (percent(10) - top_ten).abs() < 0.005,
                "{keys}, {exponent}: {}",
                percent(10)
            );
        }
    }

    /// The hottest of 12 partitions under ZIPF-2 carries about 20 %; in 95 of 100 hashings at most about 27 %.
    #[test]
    fn hashing_a_zipf_topic_makes_a_hot_partition() {
        let skew = Skew::Zipf {
            keys: 1_000,
            exponent: 1.0,
        };
        let mut hottest: Vec<f64> = (0..400)
            .map(|topic| skew.shares(&format!("topic-{topic}"), 12).hottest())
            .collect();
        hottest.sort_by(f64::total_cmp);
        assert!((0.185..0.215).contains(&hottest[200]), "{}", hottest[200]);
        assert!((0.25..0.29).contains(&hottest[380]), "{}", hottest[380]);
    }

    #[test]
    fn shares_are_exact_where_they_can_be() {
        assert_eq!(Skew::Even.shares("t", 12).of(11), (1, 12));
        let weights = Skew::Weights(vec![2.0, 4.0, 2.0]);
        assert_eq!(
            weights.shares("t", 3),
            Shares {
                parts: vec![1, 2, 1],
                whole: 4
            }
        );
        let hot = Skew::Hot {
            partitions: vec![3],
            share: 0.4,
        };
        let shares = hot.shares("t", 7);
        assert_eq!((shares.of(3), shares.of(0)), ((4, 10), (1, 10)));
    }

    /// Every part of the whole goes somewhere, to the nearest 2^-30.
    #[test]
    fn rounded_shares_add_up() {
        let weights = vec![0.1, 0.7, 1.0 / 3.0, 5.5, 0.0];
        let shares = Skew::Weights(weights.clone()).shares("t", 5);
        assert_eq!(shares.whole, FINEST);
        let sum: f64 = weights.iter().sum();
        for (part, weight) in shares.parts.iter().zip(&weights) {
            assert!((*part as f64 - weight / sum * FINEST as f64).abs() <= 1.0);
        }
        assert_eq!(shares.parts[4], 0);
    }

    #[test]
    fn partitions_added_later_get_the_mean_weight_or_the_cold_rest() {
        let weights = Skew::Weights(vec![1.0, 3.0]);
        assert_eq!(weights.shares("t", 4).parts, [1, 3, 2, 2]);
        let hot = Skew::Hot {
            partitions: vec![0],
            share: 0.5,
        };
        assert_eq!(hot.shares("t", 3).parts, [2, 1, 1]);
        assert_eq!(hot.shares("t", 6).parts, [5, 1, 1, 1, 1, 1]);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let hot = |partitions: &[u32], share| Skew::Hot {
            partitions: partitions.to_vec(),
            share,
        };
        let zipf = |keys, exponent| Skew::Zipf { keys, exponent };
        for skew in [
            zipf(0, 1.0),
            zipf(10, f64::NAN),
            zipf(10, -1.0),
            Skew::Weights(vec![1.0; 3]),
            Skew::Weights(vec![1.0; 7]),
            Skew::Weights(vec![0.0; 4]),
            Skew::Weights(vec![1.0, 1.0, 1.0, f64::NAN]),
            hot(&[], 0.4),
            hot(&[6], 0.4),
            hot(&[1, 1], 0.4),
            hot(&[0, 1, 2, 3], 0.4),
            hot(&[1], 1.5),
        ] {
            assert!(skew.check(4, 6).is_err(), "{skew:?}");
        }
        for skew in [
            Skew::Even,
            zipf(1, 0.0),
            Skew::Weights(vec![1.0; 5]),
            hot(&[0, 5], 0.0),
        ] {
            assert_eq!(skew.check(4, 6), Ok(()), "{skew:?}");
        }
    }
}
