//! What a comparison comes to, in sentences that are true.
//!
//! Under one seed: the variant with the least downtime against the one with the most. Under several: each variant against the first, seed by
//! seed, for only pairs meet the same draws.

use std::cmp::Ordering;

use super::deaths;
use super::figures::{self, Style};
use super::model::{Report, Variant};
use crate::metrics::registry::{self, Better};
use crate::metrics::statistics::{self, Paired};
use crate::metrics::{Decimal, Name, Value};

/// A ratio below this would be told as 1.0 times.
pub(super) const CLEAR: Decimal = Decimal::from_millionths(1_050_000);

/// The sentences below a comparison; nothing when there is nothing to compare.
pub(super) fn closing(report: &Report, style: Style) -> Vec<String> {
    if report.seeds() > 1 && !report.is_deterministic() {
        return against_the_first(report, style);
    }
    let sentence = best_against_worst(report, style);
    if sentence.is_empty() {
        Vec::new()
    } else {
        vec![sentence]
    }
}

fn downtime() -> Name {
    Name::bare(registry::get("downtime_partition_s"))
}

/// The variant with the least downtime against the one with the most, and their longest downtimes.
fn best_against_worst(report: &Report, style: Style) -> String {
    let downtime = downtime();
    let longest = Name::bare(registry::get("longest_downtime_s"));
    let number = |variant: &Variant, name: &Name| variant.central(name)?.number();
    let mut ranked: Vec<(Decimal, &Variant)> = report
        .variants
        .iter()
        .filter_map(|variant| Some((number(variant, &downtime)?, variant)))
        .collect();
    ranked.sort_by_key(|(downtime, _)| *downtime);
    let [(least, best), .., (most, worst)] = ranked.as_slice() else {
        return String::new();
    };
    debug_assert!(
        downtime.metric.better == Better::Lower,
        "the least is called best"
    );
    let unit = downtime.metric.unit;
    let say = |number: Decimal| figures::human(&Value::Number(number), unit, style);
    if least == most {
        let same = format!("All variants have the same downtime: {}.", say(*least));
        return with_deaths(same, report.variants.iter());
    }
    let mut sentence = match most.over(*least) {
        _ if say(*least) == say(*most) => format!(
            "{} and {} have practically the same downtime, {}",
            best.name,
            worst.name,
            say(*least)
        ),
        Some(ratio) if ratio < CLEAR => format!(
            "{} has less downtime than {} ({} against {})",
            best.name,
            worst.name,
            say(*least),
            say(*most)
        ),
        Some(ratio) => format!(
            "{} has {} times less downtime than {} ({} against {})",
            best.name,
            ratio.fixed(1),
            worst.name,
            say(*least),
            say(*most)
        ),
        None => format!(
            "{} has no downtime at all, {} {}",
            best.name,
            worst.name,
            say(*most)
        ),
    };
    if let (Some(ours), Some(theirs)) = (number(best, &longest), number(worst, &longest)) {
        let say = |number| figures::human(&Value::Number(number), longest.metric.unit, style);
        let relation = match ours.cmp(&theirs) {
            Ordering::Less => "shorter",
            Ordering::Equal => "the same",
            Ordering::Greater => "longer",
        };
        if say(ours) == say(theirs) {
            let same = if ours == theirs { "" } else { "practically " };
            sentence.push_str(&format!(
                "; the longest single downtime is {same}the same, {}",
                say(ours)
            ));
        } else {
            sentence.push_str(&format!(
                "; its longest single downtime is {relation}, {} against {}",
                say(ours),
                say(theirs)
            ));
        }
    }
    sentence.push('.');
    with_deaths(sentence, [*best].into_iter())
}

/// The sentence, and of which of the variants that it praises members have died: what nobody is there to lose is no downtime.
fn with_deaths<'v>(mut sentence: String, praised: impl Iterator<Item = &'v Variant>) -> String {
    for but in praised.filter_map(deaths::but) {
        sentence.push(' ');
        sentence.push_str(&but);
    }
    sentence
}

/// A sentence for each variant but the first.
fn against_the_first(report: &Report, style: Style) -> Vec<String> {
    let Some((first, others)) = report.variants.split_first() else {
        return Vec::new();
    };
    let name = downtime();
    let all = |variant: &Variant| {
        variant
            .numbers(&name)
            .into_iter()
            .collect::<Option<Vec<_>>>()
    };
    let Some(theirs) = all(first) else {
        return Vec::new();
    };
    let sentences = others.iter().filter_map(|variant| {
        let ours = all(variant)?;
        let paired = statistics::paired(&ours, &theirs)?;
        let medians = (
            statistics::quantile(&ours, 1, 2)?,
            statistics::quantile(&theirs, 1, 2)?,
        );
        let sentence = pair(&variant.name, &first.name, &paired, medians, style);
        let praised = match paired.lower.cmp(&paired.higher) {
            Ordering::Greater => vec![variant],
            Ordering::Less => vec![first],
            Ordering::Equal => vec![first, variant],
        };
        Some(with_deaths(sentence, praised.into_iter()))
    });
    sentences.collect()
}

/// `cooperative loses fewer partition-seconds than eager in 30 of 30 seeds: 5.5 times fewer by the medians, 144 against 792; …`
fn pair(
    this: &str,
    other: &str,
    paired: &Paired,
    (ours, theirs): (Decimal, Decimal),
    style: Style,
) -> String {
    let seeds = paired.seeds;
    let say = |number: Decimal| figures::grouped(&number.fixed(3), style);
    let fewer = match (paired.lower, paired.higher) {
        (0, 0) => {
            return format!(
                "{this} loses exactly as many partition-seconds as {other} in {seeds} of {seeds} seeds."
            );
        }
        (lower, higher) if lower == higher => {
            return format!(
                "{this} loses fewer partition-seconds than {other} in {lower} of {seeds} seeds and more in as many."
            );
        }
        (lower, higher) => lower > higher,
    };
    let (word, wins) = match fewer {
        true => ("fewer", paired.lower),
        false => ("more", paired.higher),
    };
    let mut sentence =
        format!("{this} loses {word} partition-seconds than {other} in {wins} of {seeds} seeds: ");
    let ratio = match fewer {
        true => theirs.over(ours),
        false => ours.over(theirs),
    };
    // Of medians that are the other way round, or all but the same, nothing is said in times.
    let ratio = ratio.filter(|ratio| *ratio >= CLEAR);
    match ratio {
        Some(ratio) => sentence.push_str(&format!(
            "{} times {word} by the medians, {} against {}",
            ratio.fixed(1),
            say(ours),
            say(theirs)
        )),
        None if ours != theirs && say(ours) == say(theirs) => sentence.push_str(&format!(
            "the medians are practically the same, {}",
            say(ours)
        )),
        None => sentence.push_str(&format!("medians {} against {}", say(ours), say(theirs))),
    }
    sentence.push_str(&format!("; median difference {}", say(paired.median)));
    if let Some((low, high)) = paired.median_interval {
        sentence.push_str(&format!(", 95 % interval {} to {}", say(low), say(high)));
        if low <= Decimal::ZERO && Decimal::ZERO <= high {
            sentence.push_str(", which holds zero: it may be chance");
        }
    }
    sentence.push('.');
    sentence
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(ours: &[u64], theirs: &[u64]) -> String {
        let numbers = |list: &[u64]| list.iter().copied().map(Decimal::whole).collect::<Vec<_>>();
        let (ours, theirs) = (numbers(ours), numbers(theirs));
        let paired = statistics::paired(&ours, &theirs).expect("pairs");
        let median = |list: &[Decimal]| statistics::quantile(list, 1, 2).expect("values");
        let medians = (median(&ours), median(&theirs));
        pair("b", "a", &paired, medians, Style { ascii: true })
    }

    #[test]
    fn a_clear_win_says_how_often_and_how_much() {
        assert_eq!(
            said(&[10, 11, 12, 13, 14, 15], &[55, 60, 66, 71, 77, 83]),
            "b loses fewer partition-seconds than a in 6 of 6 seeds: 5.5 times fewer by the medians, 12.500 against 68.500; \
             median difference -56.000, 95 % interval -68.000 to -45.000."
        );
    }

    #[test]
    fn a_loss_a_tie_and_equality_are_told_as_such() {
        let loss = said(&[3, 3, 1], &[1, 1, 3]);
        assert!(
            loss.starts_with(
                "b loses more partition-seconds than a in 2 of 3 seeds: 3.0 times more"
            ),
            "{loss}"
        );
        let tie = said(&[1, 2], &[2, 1]);
        assert_eq!(
            tie,
            "b loses fewer partition-seconds than a in 1 of 2 seeds and more in as many."
        );
        let equal = said(&[4, 5], &[4, 5]);
        assert_eq!(
            equal,
            "b loses exactly as many partition-seconds as a in 2 of 2 seeds."
        );
    }

    #[test]
    fn what_may_be_chance_is_called_so() {
        let text = said(&[1, 9, 1, 9, 1, 9, 1], &[5; 7]);
        assert!(
            text.contains("which holds zero: it may be chance"),
            "{text}"
        );
    }

    #[test]
    fn values_that_are_printed_alike_are_called_practically_the_same() {
        let told = |list: [i128; 2]| list.map(Decimal::from_millionths).to_vec();
        let (ours, theirs) = (
            told([89_219_100, 89_219_100]),
            told([89_219_200, 89_219_200]),
        );
        let paired = statistics::paired(&ours, &theirs).expect("pairs");
        let text = pair(
            "b",
            "a",
            &paired,
            (ours[0], theirs[0]),
            Style { ascii: true },
        );
        assert!(
            text.contains("in 2 of 2 seeds: the medians are practically the same, 89.219"),
            "{text}"
        );
    }

    #[test]
    fn no_ratio_is_told_that_contradicts_the_count() {
        // Lower in four of six seeds, yet the medians say nothing of the kind.
        let text = said(&[9, 9, 0, 4, 5, 6], &[1, 2, 3, 5, 6, 7]);
        assert!(
            text.contains("in 4 of 6 seeds: medians 5.500 against 4.000"),
            "{text}"
        );
    }
}
