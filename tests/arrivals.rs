//! Arrivals against lists of all records made by slow, independent methods, through the public interface alone.

use proptest::prelude::*;
use rebsim::kernel::{Seed, SimDuration, SimTime};
use rebsim::workload::arrivals::{
    LoadFactor, LoadTerm, PartitionArrivals, Rate, Skew, TopicArrivals, TopicLoad,
};

fn micros(at: u64) -> SimTime {
    SimTime::from_micros(at)
}

fn load<'a>(terms: &'a [LoadTerm], partitions: &'a [(SimTime, u32)], until: u64) -> TopicLoad<'a> {
    TopicLoad {
        topic: "orders",
        terms,
        per_partition: false,
        skew: &Skew::Even,
        partitions,
        factors: &[],
        backlog: &[],
        until: micros(until),
    }
}

/// Checks every answer against the sorted list of due times, backlog included; instants are asked in the order given.
fn agrees(
    arrivals: &PartitionArrivals,
    dues: &[u64],
    instants: &[u64],
    until: u64,
) -> Result<(), TestCaseError> {
    let count = |at: u64| dues.partition_point(|due| *due <= at) as u64;
    let area = |from: u64, to: u64| -> u128 {
        let before = dues.iter().filter(|due| **due < to);
        before.map(|due| u128::from(to - from.max(*due))).sum()
    };
    for pair in instants.windows(2) {
        let (from, to) = (pair[0].min(pair[1]), pair[0].max(pair[1]));
        prop_assert_eq!(
            arrivals.count(micros(pair[0])),
            count(pair[0]),
            "count({})",
            pair[0]
        );
        prop_assert_eq!(
            arrivals.area(micros(from), micros(to)),
            area(from, to),
            "area({}, {})",
            from,
            to
        );
        prop_assert_eq!(
            arrivals.produced(micros(from), micros(to)),
            count(to) - count(from)
        );
        let next = dues.iter().find(|due| **due > pair[0]);
        match next {
            Some(due) => prop_assert_eq!(arrivals.next_after(micros(pair[0])), micros(*due)),
            None => prop_assert!(arrivals.next_after(micros(pair[0])) > micros(until)),
        }
    }
    for (offset, due) in dues.iter().enumerate().rev() {
        prop_assert_eq!(arrivals.due(offset as u64), micros(*due), "due({})", offset);
    }
    Ok(())
}

const UNTIL: u64 = 3_000;

fn rate() -> impl Strategy<Value = Rate> {
    let per = prop_oneof![Just(1_000_u64), Just(100), Just(7), Just(250)];
    (0_u64..9, per).prop_map(|(records, per_micros)| Rate {
        records,
        per_micros,
    })
}

fn stairs() -> impl Strategy<Value = Vec<(SimTime, Rate)>> {
    prop::collection::btree_map(0..UNTIL, rate(), 1..5).prop_map(|rows| {
        rows.into_iter()
            .map(|(at, rate)| (micros(at), rate))
            .collect()
    })
}

fn factor() -> impl Strategy<Value = LoadFactor> {
    (
        0..UNTIL,
        0..UNTIL,
        prop_oneof![Just(0_u64), Just(500), Just(2_500), Just(3_000)],
    )
        .prop_map(|(from, length, thousandths)| LoadFactor {
            from: micros(from),
            to: micros(from + length),
            thousandths,
        })
}

/// Records of one partition by adding up, microsecond for microsecond, a share of the sum of rates, in whole parts of
/// 1 / (7000 * 1e6 * 24) record. A record due in the microsecond that ends at `UNTIL` is left out.
fn slow_dues(
    constant: Rate,
    rows: &[(SimTime, Rate)],
    factors: &[LoadFactor],
    share_at: impl Fn(u64) -> (u128, u128),
    created: u64,
) -> Vec<u64> {
    const RECORD: u128 = 7_000 * 1_000_000 * 24;
    let part = |rate: Rate| u128::from(rate.records) * RECORD / u128::from(rate.per_micros);
    let (mut come, mut dues) = (0, Vec::new());
    for at in created..UNTIL - 1 {
        let step = rows.iter().rev().find(|(from, _)| *from <= micros(at));
        let mut now = part(constant) + step.map_or(0, |(_, rate)| part(*rate));
        for factor in factors {
            if factor.from <= micros(at) && micros(at) < factor.to {
                now = now * u128::from(factor.thousandths) / 1_000;
            }
        }
        let (numerator, denominator) = share_at(at);
        come += now * numerator / denominator;
        while come >= RECORD * (dues.len() as u128 + 1) {
            dues.push(at + 1);
        }
    }
    dues
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn steps_and_factors_agree_with_adding_up(
        constant in rate(), rows in stairs(), factors in prop::collection::vec(factor(), 0..3), backlog in 0_u64..4,
        partition in 0_u32..12, grows_at in 1..UNTIL, grows_to in prop_oneof![Just(6_u32), Just(8), Just(12)],
        instants in prop::collection::vec(0..UNTIL, 8),
    ) {
        prop_assume!(partition < grows_to);
        let terms = [LoadTerm::Constant(constant), LoadTerm::Steps(rows.clone())];
        let partitions = [(micros(0), 4), (micros(grows_at), grows_to)];
        let mut load = load(&terms, &partitions, UNTIL);
        load.factors = &factors;
        let waiting = vec![backlog; 4];
        load.backlog = &waiting;
        let topic = TopicArrivals::new(&load).unwrap();
        let created = if partition < 4 { 0 } else { grows_at };
        prop_assert_eq!(topic.created(partition), micros(created));
        let share = |at| (1, if at < grows_at { 4 } else { u128::from(grows_to) });
        let mut dues = vec![0; if partition < 4 { backlog as usize } else { 0 }];
        dues.extend(slow_dues(constant, &rows, &factors, share, created));
        agrees(&topic.partition(Seed(1), partition), &dues, &instants, UNTIL - 1)?;
    }

    /// Weights, and shares that meet no common fraction: no outside list, but the laws must hold at every instant.
    #[test]
    fn the_laws_hold_for_odd_fractions(
        records in 1_u64..5_000, per in 1_u64..100_000, weights in prop::collection::vec(0.1_f64..9.0, 3..11), at in 1_000_u64..900_000_000,
        ramp_to in 0_u64..900,
    ) {
        prop_assume!(records < per * 1_000);
        let rate = Rate { records, per_micros: per };
        let to = Rate { records: ramp_to, per_micros: 7_919 };
        let terms = [LoadTerm::Ramp { from: rate, to, start: micros(at / 3), end: micros(at) }];
        let partitions = [(micros(0), 3), (micros(at / 2), weights.len() as u32 + 2)];
        let skew = Skew::Weights(weights);
        let mut load = load(&terms, &partitions, 900_000_000);
        load.skew = &skew;
        let topic = TopicArrivals::new(&load).unwrap();
        let parts: Vec<_> = (0..partitions[1].1).map(|p| topic.partition(Seed(1), p)).collect();
        for arrivals in &parts {
            let count = arrivals.count(micros(at));
            for offset in [count.saturating_sub(1), count, count + 1, count + 1_000_003] {
                let due = arrivals.due(offset);
                if due < SimTime::NEVER {
                    prop_assert!(arrivals.count(due) > offset);
                    prop_assert!(arrivals.count(micros(due.as_micros() - 1)) <= offset);
                }
            }
            let (a, b, c) = (micros(at / 5), micros(at), micros(2 * at));
            prop_assert_eq!(arrivals.area(a, b) + arrivals.area(b, c), arrivals.area(a, c));
            let next = micros(at + 1);
            prop_assert_eq!(arrivals.area(b, next), u128::from(count));
        }
        // Together the partitions get the topic's records, each rounding down by less than one.
        let all: u64 = parts.iter().map(|arrivals| arrivals.count(micros(at))).sum();
        let first = records as f64 * at as f64 / per as f64 / 3.0;
        let ramp = (records as f64 / per as f64 + ramp_to as f64 / 7_919.0) / 3.0 * at as f64;
        let exact = first + ramp;
        prop_assert!((all as f64) <= exact * 1.000_01 + 1.0 && all as f64 + parts.len() as f64 + 1.0 >= exact * 0.999_99, "{} of {}", all, exact);
    }
}

/// A change of partitions thins the others out at once; per-partition loads do not notice.
#[test]
fn adding_partitions_changes_the_shares_of_a_whole_topic_only() {
    let terms = [LoadTerm::Constant(Rate {
        records: 1_200,
        per_micros: 1_000_000,
    })];
    let partitions = [(micros(0), 12), (SimTime::from_millis(10_000), 24)];
    let mut load = load(&terms, &partitions, 20_000_000);
    let topic = TopicArrivals::new(&load).unwrap();
    let old = topic.partition(Seed(1), 0);
    let new = topic.partition(Seed(1), 12);
    assert_eq!(old.count(SimTime::from_millis(20_000)), 1_000 + 500);
    assert_eq!(new.count(SimTime::from_millis(20_000)), 500);
    assert_eq!(new.due(0), SimTime::from_millis(10_020));
    load.per_partition = true;
    let topic = TopicArrivals::new(&load).unwrap();
    assert_eq!(
        topic
            .partition(Seed(1), 0)
            .count(SimTime::from_millis(20_000)),
        24_000
    );
    assert_eq!(
        topic
            .partition(Seed(1), 12)
            .count(SimTime::from_millis(20_000)),
        12_000
    );
    assert!(matches!(
        topic.partition(Seed(1), 12),
        PartitionArrivals::Constant(_)
    ));
}

/// Two changes at one instant are the later one, and a factor of a million is played.
#[test]
fn changes_at_one_instant_and_large_factors() {
    let rate = |records| Rate {
        records,
        per_micros: 1_000_000,
    };
    let terms = [LoadTerm::Constant(rate(60))];
    let partitions = [
        (micros(0), 3),
        (micros(0), 4),
        (micros(9), 5),
        (micros(9), 6),
    ];
    let topic = TopicArrivals::new(&load(&terms, &partitions, 1_000_000)).unwrap();
    assert_eq!(
        (topic.created(3), topic.created(4), topic.created(5)),
        (micros(0), micros(9), micros(9))
    );
    assert_eq!(topic.created(6), SimTime::NEVER);
    assert_eq!(topic.partition(Seed(1), 5).due(0), micros(100_009));
    for term in [LoadTerm::Constant(rate(1)), LoadTerm::Poisson(rate(1))] {
        let terms = [term];
        let mut load = load(&terms, &[(SimTime::ZERO, 1)], 1_000_000);
        let factors = [LoadFactor {
            from: micros(0),
            to: micros(1_000_000),
            thousandths: 1_000_000_000,
        }];
        load.factors = &factors;
        let count = TopicArrivals::new(&load)
            .unwrap()
            .partition(Seed(1), 0)
            .count(micros(1_000_000));
        assert!(count.abs_diff(1_000_000) <= 4_000, "{count}");
    }
}

/// Every refusal names a reason and a remedy.
#[test]
fn what_makes_no_sense_is_refused() {
    let rate = |records| Rate {
        records,
        per_micros: 1_000_000,
    };
    let hour = SimDuration::from_secs(3_600);
    let bad = [
        LoadTerm::Constant(rate(1_000_000_001)),
        LoadTerm::Poisson(Rate {
            records: 1,
            per_micros: 0,
        }),
        LoadTerm::Diurnal {
            mean: rate(1),
            amplitude: rate(2),
            peak: hour,
        },
        LoadTerm::Diurnal {
            mean: rate(2),
            amplitude: rate(1),
            peak: hour.times(24),
        },
        LoadTerm::Bursts {
            low: rate(1),
            high: rate(2),
            low_for: hour,
            high_for: SimDuration::from_micros(999),
        },
        LoadTerm::Steps(vec![]),
        LoadTerm::Trace(vec![(micros(2), rate(1)), (micros(2), rate(3))]),
        LoadTerm::Ramp {
            from: rate(1),
            to: rate(2),
            start: micros(5),
            end: micros(5),
        },
        LoadTerm::Spike {
            at: micros(1),
            length: SimDuration::ZERO,
            factor_thousandths: 3_000,
        },
        LoadTerm::Spike {
            at: micros(1),
            length: hour,
            factor_thousandths: 1_000_000_001,
        },
    ];
    for term in bad {
        let refusal = term.check().unwrap_err();
        assert!(!refusal.reason.is_empty() && !refusal.fix.is_empty());
        let terms = [term];
        assert_eq!(
            TopicArrivals::new(&load(&terms, &[(micros(0), 1)], 1)).unwrap_err(),
            refusal
        );
    }
    let spike = [LoadTerm::Spike {
        at: micros(1),
        length: hour,
        factor_thousandths: 2_000,
    }];
    assert!(TopicArrivals::new(&load(&spike, &[(micros(0), 1)], 1)).is_err());
    let endless = SimTime::NEVER.as_micros();
    assert!(TopicArrivals::new(&load(&[], &[(micros(0), 1)], endless)).is_err());
    let fine = [LoadTerm::Constant(rate(1))];
    for partitions in [
        &[][..],
        &[(micros(0), 0)],
        &[(micros(1), 3)],
        &[(micros(0), 3), (micros(1), 3)],
        &[(micros(0), 3), (micros(2), 4), (micros(1), 5)],
    ] {
        assert!(
            TopicArrivals::new(&load(&fine, partitions, 1)).is_err(),
            "{partitions:?}"
        );
    }
}

/// A load with every kind of randomness and a steady part.
fn mixed() -> Vec<LoadTerm> {
    let rate = |records| Rate {
        records,
        per_micros: 1_000_000,
    };
    vec![
        LoadTerm::Poisson(rate(400)),
        LoadTerm::Bursts {
            low: rate(50),
            high: rate(3_000),
            low_for: SimDuration::from_millis(300),
            high_for: SimDuration::from_millis(40),
        },
        LoadTerm::Ramp {
            from: rate(0),
            to: rate(700),
            start: micros(2_000_000),
            end: micros(4_000_000),
        },
    ]
}

const LONG: u64 = 20_000_000;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// One instance walks the whole path once; another is asked at random, with few slots in memory.
    #[test]
    fn a_random_path_is_the_same_in_whatever_order_it_is_asked(
        seed in any::<u64>(), partition in 0_u32..6, backlog in 0_u64..3,
        instants in prop::collection::vec(0..LONG + 1_000_000, 40), offsets in prop::collection::vec(0.0_f64..1.0, 40),
    ) {
        let terms = mixed();
        let partitions = [(micros(0), 4), (micros(7_654_321), 6)];
        let factors = [LoadFactor { from: micros(9_000_000), to: micros(12_345_678), thousandths: 4_000 }];
        let waiting = vec![backlog; 4];
        let mut load = load(&terms, &partitions, LONG);
        (load.factors, load.backlog) = (&factors, &waiting);
        let topic = TopicArrivals::new(&load).unwrap();
        let walked = topic.partition(Seed(seed), partition);
        let total = walked.count(micros(LONG));
        let dues: Vec<u64> = (0..total).map(|offset| walked.due(offset).as_micros()).collect();
        prop_assert!(dues.is_sorted());
        prop_assert_eq!(walked.due(total), SimTime::NEVER);
        let asked = topic.partition(Seed(seed), partition);
        for offset in offsets {
            let offset = (offset * total as f64) as usize;
            prop_assert_eq!(asked.due(offset as u64), micros(dues[offset]));
        }
        agrees(&asked, &dues[..dues.len().min(50)], &[], LONG)?;
        let fresh = topic.partition(Seed(seed), partition);
        agrees(&fresh, &dues, &instants, LONG)?;
    }

    /// A later factor, other partitions and other topics leave what came before alone.
    #[test]
    fn what_happens_later_or_elsewhere_does_not_move_the_dice(seed in any::<u64>()) {
        let terms = mixed();
        let one = [(micros(0), 3)];
        let plain = TopicArrivals::new(&load(&terms, &one, LONG)).unwrap().partition(Seed(seed), 1);
        let mut later = load(&terms, &one, LONG);
        let factors = [LoadFactor { from: micros(5_000_000), to: micros(6_000_000), thousandths: 3_000 }];
        later.factors = &factors;
        let later = TopicArrivals::new(&later).unwrap().partition(Seed(seed), 1);
        let grown = [(micros(0), 3), (micros(5_000_000), 5)];
        let grown = TopicArrivals::new(&load(&terms, &grown, LONG)).unwrap().partition(Seed(seed), 1);
        let count = plain.count(micros(4_900_000));
        for offset in 0..count {
            prop_assert_eq!(plain.due(offset), later.due(offset));
            prop_assert_eq!(plain.due(offset), grown.due(offset));
        }
        let mut each = load(&terms, &one, LONG);
        each.per_partition = true;
        let narrow = TopicArrivals::new(&each).unwrap().partition(Seed(seed), 1);
        let two = [(micros(0), 40)];
        let mut each = load(&terms, &two, LONG);
        each.per_partition = true;
        let wide = TopicArrivals::new(&each).unwrap().partition(Seed(seed), 1);
        for at in [1_000_000, 9_000_000, LONG] {
            prop_assert_eq!(narrow.count(micros(at)), wide.count(micros(at)));
            prop_assert_ne!(narrow.count(micros(at)), plain.count(micros(at)));
        }
    }
}
