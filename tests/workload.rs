//! Samplers, service times and random arrivals: against frozen values, textbook formulas and statistics with fixed seeds.
//!
//! Tolerances are those of the statistic (a Kolmogorov-Smirnov bound at one in a thousand, four standard errors), so a test
//! that passes says something about the sampler and one that fails is no accident.

use libm::{erf, exp, log, pow, sqrt};
use rebsim::kernel::{Draw, Seed, SimDuration, SimTime, Stream};
use rebsim::workload::arrivals::{LoadTerm, Rate, Skew, TopicArrivals, TopicLoad};
use rebsim::workload::distribution::{Distribution, LONGEST};
use rebsim::workload::service::ServiceTimes;

fn micros(micros: u64) -> SimDuration {
    SimDuration::from_micros(micros)
}

fn millis(millis: u64) -> SimDuration {
    SimDuration::from_millis(millis)
}

fn quantiles() -> Distribution {
    let points = [(0.5, 2), (0.9, 4), (0.99, 20), (1.0, 1_000)];
    Distribution::quantiles(points.map(|(share, value)| (share, millis(value))).to_vec()).unwrap()
}

/// Everything that draws.
fn random_distributions() -> Vec<Distribution> {
    vec![
        Distribution::uniform(millis(1), millis(3)).unwrap(),
        Distribution::exponential(millis(10)).unwrap(),
        Distribution::lognormal(millis(2), millis(20)).unwrap(),
        Distribution::lognormal_of_mean(micros(20), 0.5).unwrap(),
        Distribution::pareto(millis(2), 2.5).unwrap(),
        quantiles(),
    ]
}

/// Words 0 to 4 of stream (1, orders-7, service), and the least and the largest word there is; the values were computed
/// apart, from the formulas, in double precision.
#[test]
fn words_become_these_values_for_ever() {
    let expected = [
        [2_267, 2_802, 1_706, 2_431, 1_913, 1_000, 3_000],
        [10_040, 23_119, 4_353, 12_574, 6_097, 0, 367_368],
        [2_804, 7_148, 1_377, 3_515, 1_795, 1, 6_760_323],
        [21, 33, 15, 23, 17, 0, 865],
        [1_793, 3_026, 1_428, 1_984, 1_531, 1_200, 2_890_794_063],
        [2_668, 4_165, 1_412, 3_078, 1_826, 0, 1_000_000],
    ];
    for (distribution, expected) in random_distributions().iter().zip(expected) {
        let mut draw = Draw::new(Seed(1), Stream::new("orders-7", "service"));
        let mut values: Vec<SimDuration> = (0..5).map(|_| distribution.sample(&mut draw)).collect();
        values.extend([0, u64::MAX].map(|word| distribution.value(0, word)));
        assert_eq!(values, expected.map(micros), "{distribution:?}");
        let mut by_offset = ServiceTimes::new(Seed(1), "orders", 7);
        assert_eq!(by_offset.time(distribution, 3), micros(expected[3]));
    }
}

/// The table of service times with mean 10 ms: cv, quantile, milliseconds.
#[test]
fn quantiles_are_those_of_the_formulas() {
    let mean = millis(10);
    let lognormal = |cv| Distribution::lognormal_of_mean(mean, cv).unwrap();
    let pareto = |alpha| Distribution::pareto(mean, alpha).unwrap();
    for (distribution, share, expected) in [
        (Distribution::Constant(mean), 0.5, 10.0),
        (Distribution::exponential(mean).unwrap(), 0.99, 46.05),
        (lognormal(1.0), 0.5, 7.07),
        (lognormal(1.0), 0.99, 49.05),
        (lognormal(0.5), 0.99, 26.84),
        (pareto(2.5), 1e-9, 6.0),
        (pareto(2.5), 0.5, 7.92),
        (pareto(2.5), 0.99, 37.86),
        (pareto(1.5), 1e-9, 3.33),
        (pareto(1.5), 0.99, 71.81),
        (
            Distribution::lognormal(millis(2), millis(20)).unwrap(),
            0.99,
            20.0,
        ),
        (quantiles(), 0.25, 1.0),
        (quantiles(), 0.9, 4.0),
        (quantiles(), 0.995, 510.0),
        (
            Distribution::uniform(millis(10), millis(20)).unwrap(),
            0.25,
            12.5,
        ),
        (
            Distribution::trace(vec![millis(3), millis(1), millis(2)]).unwrap(),
            0.5,
            2.0,
        ),
    ] {
        let got = distribution.quantile(share).as_micros() as f64 / 1_000.0;
        assert!(
            (got - expected).abs() < 0.0051,
            "{distribution:?} at {share}: {got}"
        );
    }
    let Distribution::LogNormal {
        median_micros,
        sigma,
    } = lognormal(1.0)
    else {
        panic!("not log-normal");
    };
    assert!((sigma - 0.8326).abs() < 5e-5, "{sigma}");
    assert!(
        (log(median_micros / 1_000.0) - 1.9560).abs() < 5e-5,
        "{median_micros}"
    );
}

/// The share of values at or below `x` microseconds, written down apart from the samplers.
fn below(distribution: &Distribution, x: f64) -> f64 {
    match distribution {
        Distribution::Uniform { min, max } => {
            let (min, max) = (min.as_micros() as f64, max.as_micros() as f64 + 1.0);
            ((x - min) / (max - min)).clamp(0.0, 1.0)
        }
        Distribution::Exponential { mean } => 1.0 - exp(-x / mean.as_micros() as f64),
        Distribution::LogNormal {
            median_micros,
            sigma,
        } => 0.5 * (1.0 + erf(log(x / median_micros) / sigma / sqrt(2.0))),
        Distribution::Pareto { mean, alpha } => {
            let least = mean.as_micros() as f64 * (alpha - 1.0) / alpha;
            if x < least {
                0.0
            } else {
                1.0 - pow(least / x, *alpha)
            }
        }
        Distribution::Quantiles(points) => {
            let place = points.partition_point(|(_, value)| value.as_micros() as f64 <= x);
            if place == points.len() {
                return 1.0;
            }
            let ((from, low), (to, high)) = (points[place - 1], points[place]);
            let (low, high) = (low.as_micros() as f64, high.as_micros() as f64);
            from + (to - from) * (x - low) / (high - low)
        }
        Distribution::Constant(_) | Distribution::Trace(_) => panic!("nothing is drawn"),
    }
}

/// The largest distance between the shares seen and the shares expected.
fn distance(values: &mut [f64], expected: impl Fn(f64) -> f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let count = values.len() as f64;
    let apart = |(rank, value): (usize, &f64)| {
        let share = expected(*value);
        (share - rank as f64 / count).max((rank + 1) as f64 / count - share)
    };
    values.iter().enumerate().map(apart).fold(0.0, f64::max)
}

const SAMPLES: usize = 40_000;

#[test]
fn samples_follow_their_distribution() {
    for (place, distribution) in random_distributions().iter().enumerate() {
        // Whole microseconds make steps in what is short; there the frozen values and the mean must do.
        let mean = distribution.mean().as_micros() as f64;
        let mut draw = Draw::new(Seed(11), Stream::new(&place.to_string(), "sampling"));
        let mut values: Vec<f64> = (0..SAMPLES)
            .map(|_| distribution.sample(&mut draw).as_micros() as f64)
            .collect();
        let sum: f64 = values.iter().sum();
        let got = sum / SAMPLES as f64;
        let square: f64 = values
            .iter()
            .map(|value| (value - got) * (value - got))
            .sum();
        let error = sqrt(square) / SAMPLES as f64;
        assert!(
            (got - mean).abs() < 4.0 * error,
            "{distribution:?}: mean {got}, not {mean} +- {error}"
        );
        if mean > 1_000.0 {
            let apart = distance(&mut values, |x| below(distribution, x));
            assert!(
                apart < 1.95 / sqrt(SAMPLES as f64),
                "{distribution:?}: {apart} apart"
            );
        }
    }
}

/// Larger words never give smaller values, and the ends of the words give values within the stated clamp.
#[test]
fn values_grow_with_their_words_and_stay_within_bounds() {
    let mut distributions = random_distributions();
    distributions.extend([
        Distribution::pareto(LONGEST, 1.000_001).unwrap(),
        Distribution::pareto(micros(1), 1_000.0).unwrap(),
        Distribution::lognormal_of_mean(LONGEST, 1_000.0).unwrap(),
        Distribution::lognormal(micros(1), LONGEST).unwrap(),
        Distribution::exponential(LONGEST).unwrap(),
        Distribution::exponential(SimDuration::ZERO).unwrap(),
        Distribution::uniform(SimDuration::ZERO, LONGEST).unwrap(),
        Distribution::quantiles(vec![(1.0, LONGEST)]).unwrap(),
    ]);
    for distribution in &distributions {
        let mut last = SimDuration::ZERO;
        for step in 0..=2_000_u64 {
            let value = distribution.value(0, (u64::MAX / 2_000).saturating_mul(step));
            assert!(value >= last, "{distribution:?} at step {step}");
            last = value;
        }
        assert!(
            distribution.value(0, u64::MAX) <= LONGEST,
            "{distribution:?}"
        );
    }
    assert_eq!(distributions[6].value(0, u64::MAX), LONGEST);
}

#[test]
fn what_is_always_the_same_is_known_to_be() {
    let two = millis(2);
    for distribution in [
        Distribution::Constant(two),
        Distribution::uniform(two, two).unwrap(),
        Distribution::lognormal(two, two).unwrap(),
        Distribution::lognormal_of_mean(two, 0.0).unwrap(),
        Distribution::quantiles(vec![(0.0, two), (1.0, two)]).unwrap(),
        Distribution::trace(vec![two; 3]).unwrap(),
    ] {
        assert_eq!(distribution.as_constant(), Some(two), "{distribution:?}");
        assert_eq!(distribution.mean(), two, "{distribution:?}");
        for word in [0, 1 << 63, u64::MAX] {
            assert_eq!(distribution.value(5, word), two, "{distribution:?}");
        }
    }
    assert!(
        random_distributions()
            .iter()
            .all(|distribution| !distribution.is_constant())
    );
    assert!(
        Distribution::exponential(SimDuration::ZERO)
            .unwrap()
            .is_constant()
    );
}

#[test]
fn distributions_that_make_no_sense_are_refused() {
    let (one, two, none) = (millis(1), millis(2), SimDuration::ZERO);
    let too_long = micros(LONGEST.as_micros() + 1);
    for refused in [
        Distribution::uniform(two, one),
        Distribution::uniform(two, too_long),
        Distribution::exponential(too_long),
        Distribution::lognormal(none, one),
        Distribution::lognormal(two, one),
        Distribution::lognormal_of_mean(none, 1.0),
        Distribution::lognormal_of_mean(one, -0.1),
        Distribution::lognormal_of_mean(one, f64::NAN),
        Distribution::pareto(none, 2.0),
        Distribution::pareto(one, 1.0),
        Distribution::pareto(one, f64::NAN),
        Distribution::pareto(one, f64::INFINITY),
        Distribution::quantiles(vec![]),
        Distribution::quantiles(vec![(0.5, one)]),
        Distribution::quantiles(vec![(0.5, two), (1.0, one)]),
        Distribution::quantiles(vec![(0.5, one), (0.5, two), (1.0, two)]),
        Distribution::quantiles(vec![(-0.5, one), (1.0, two)]),
        Distribution::quantiles(vec![(f64::NAN, one), (1.0, two)]),
        Distribution::trace(vec![]),
    ] {
        let refusal = refused.unwrap_err();
        assert!(
            !refusal.reason.is_empty() && !refusal.fix.is_empty(),
            "{refusal}"
        );
    }
}

/// A record's time is its own: whoever asks, in whatever order, one by one or in a batch.
#[test]
fn service_times_belong_to_offsets() {
    let mut distributions = random_distributions();
    distributions.push(Distribution::Constant(millis(2)));
    distributions.push(Distribution::trace((1..=7).map(millis).collect()).unwrap());
    for distribution in &distributions {
        let mut forward = ServiceTimes::new(Seed(5), "orders", 3);
        let times: Vec<SimDuration> = (0..300)
            .map(|offset| forward.time(distribution, offset))
            .collect();
        let mut jumping = ServiceTimes::new(Seed(5), "orders", 3);
        for offset in [299, 0, 150, 151, 31, 32, 33, 298] {
            assert_eq!(
                jumping.time(distribution, offset),
                times[offset as usize],
                "{distribution:?}"
            );
        }
        let total = times[40..90]
            .iter()
            .fold(SimDuration::ZERO, |sum, time| sum + *time);
        assert_eq!(jumping.batch(distribution, 40..90), total);
        assert_eq!(jumping.within(distribution, 40..90, total), (50, total));
        let just_short = total - micros(1);
        assert_eq!(
            jumping.within(distribution, 40..90, just_short),
            (49, total - times[89])
        );
        assert_eq!(
            jumping.within(distribution, 40..90, SimDuration::ZERO),
            (0, SimDuration::ZERO)
        );
        let mut elsewhere = ServiceTimes::new(Seed(5), "orders", 4);
        let other: Vec<SimDuration> = (0..300)
            .map(|offset| elsewhere.time(distribution, offset))
            .collect();
        let drawn = !matches!(
            distribution,
            Distribution::Constant(_) | Distribution::Trace(_)
        );
        assert_eq!(other != times, drawn, "{distribution:?}");
    }
    let mut traced = ServiceTimes::new(Seed(5), "orders", 3);
    assert_eq!(
        traced.time(&distributions[7], 7 * 1_000_000_007 + 4),
        millis(5)
    );
}

/// A zero service time fits any number of times into no time at all.
#[test]
fn records_that_take_no_time_all_fit() {
    let mut service = ServiceTimes::new(Seed(5), "orders", 3);
    let nothing = Distribution::Constant(SimDuration::ZERO);
    assert_eq!(
        service.within(&nothing, 5..9, SimDuration::ZERO),
        (4, SimDuration::ZERO)
    );
}

fn topic(terms: &[LoadTerm], partitions: u32, until_seconds: u64) -> TopicArrivals {
    TopicArrivals::new(&TopicLoad {
        topic: "orders",
        terms,
        per_partition: false,
        skew: &Skew::Even,
        partitions: &[(SimTime::ZERO, partitions)],
        factors: &[],
        backlog: &[],
        until: SimTime::from_millis(until_seconds * 1_000),
    })
    .unwrap()
}

fn per_second(records: u64) -> Rate {
    Rate {
        records,
        per_micros: 1_000_000,
    }
}

/// Mean and variance of the counts of windows of this many seconds.
fn counts(topic: &TopicArrivals, partition: u32, window: u64, windows: u64) -> (f64, f64) {
    let arrivals = topic.partition(Seed(21), partition);
    let end = |window_number: u64| SimTime::from_millis(window_number * window * 1_000);
    let counted: Vec<f64> = (0..windows)
        .map(|number| arrivals.produced(end(number), end(number + 1)) as f64)
        .collect();
    let mean = counted.iter().sum::<f64>() / windows as f64;
    let square: f64 = counted
        .iter()
        .map(|count| (count - mean) * (count - mean))
        .sum();
    (mean, square / (windows - 1) as f64)
}

/// Gaps are exponential, counts have the variance of their mean, at 20 records/s on each of 5 partitions.
#[test]
fn poisson_arrivals_are_poisson() {
    let topic = topic(&[LoadTerm::Poisson(per_second(100))], 5, 4_000);
    let arrivals = topic.partition(Seed(21), 3);
    let dues: Vec<u64> = (0..SAMPLES as u64)
        .map(|offset| arrivals.due(offset).as_micros())
        .collect();
    let mut gaps: Vec<f64> = dues
        .windows(2)
        .map(|pair| (pair[1] - pair[0]) as f64)
        .collect();
    let apart = distance(&mut gaps, |gap| 1.0 - exp(-gap / 50_000.0));
    assert!(apart < 1.95 / sqrt(SAMPLES as f64), "{apart}");
    let (mean, variance) = counts(&topic, 3, 1, 4_000);
    assert!((mean - 20.0).abs() < 4.0 * sqrt(20.0 / 4_000.0), "{mean}");
    assert!(
        (variance / mean - 1.0).abs() < 4.0 * sqrt(2.0 / 4_000.0),
        "{}",
        variance / mean
    );
}

/// MMP-1 at a thousandth of its rates (1 and 10 records/s, 600 s and 60 s): mean 1.8182/s, and the dispersion
/// 401,654 becomes 1 + 401,653 / 1000. The window of 10,000 s is 183 times the time in which phases are forgotten.
#[test]
fn mmp_1_bursts_have_their_mean_and_dispersion() {
    let terms = [LoadTerm::Bursts {
        low: per_second(1),
        high: per_second(10),
        low_for: SimDuration::from_secs(600),
        high_for: SimDuration::from_secs(60),
    }];
    let (window, windows) = (10_000, 800);
    let topic = topic(&terms, 1, window * windows);
    let (mean, variance) = counts(&topic, 0, window, windows);
    let expected = 1.818_18 * window as f64;
    let error = sqrt(402.65 * expected / windows as f64);
    assert!(
        (mean - expected).abs() < 4.0 * error,
        "{mean}, not {expected} +- {error}"
    );
    let dispersion = variance / mean;
    assert!(
        (dispersion / 402.65 - 1.0).abs() < 4.0 * sqrt(2.0 / windows as f64),
        "{dispersion}"
    );
}

/// Partitions of one topic burst together: the topic's total has the dispersion that was written for the topic.
#[test]
fn partitions_of_a_topic_burst_together() {
    let terms = [LoadTerm::Bursts {
        low: per_second(0),
        high: per_second(200),
        low_for: SimDuration::from_secs(10),
        high_for: SimDuration::from_secs(10),
    }];
    let topic = topic(&terms, 2, 2_000);
    let [one, other] = [0, 1].map(|partition| topic.partition(Seed(4), partition));
    let (mut both, mut either) = (0, 0);
    for second in 0..2_000 {
        let (from, to) = (
            SimTime::from_millis(second * 1_000),
            SimTime::from_millis(second * 1_000 + 1_000),
        );
        let counted = [one.produced(from, to), other.produced(from, to)];
        both += u32::from(counted.iter().all(|count| *count > 0));
        either += u32::from(counted.iter().any(|count| *count > 0));
    }
    assert!(both > 500 && both * 100 > either * 98, "{both} of {either}");
}

/// Frozen: the first records of a random path, and its count after a minute, computed apart from the words.
#[test]
fn random_paths_are_frozen() {
    let terms = [
        LoadTerm::Poisson(per_second(10)),
        LoadTerm::Bursts {
            low: per_second(1),
            high: per_second(100),
            low_for: SimDuration::from_secs(5),
            high_for: SimDuration::from_secs(1),
        },
        LoadTerm::Constant(per_second(2)),
    ];
    let arrivals = topic(&terms, 2, 60).partition(Seed(1), 1);
    let first: Vec<u64> = (0..5)
        .map(|offset| arrivals.due(offset).as_micros())
        .collect();
    assert_eq!(first, [67_339, 324_847, 448_109, 709_678, 823_148]);
    assert_eq!(arrivals.count(SimTime::from_millis(60_000)), 691);
}
