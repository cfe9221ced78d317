//! Seeds as users write them: `7`, `0x3f9a`, a commit id; `20` seeds or `1..20`.

use std::str::FromStr;

use super::exit::Failure;
use crate::kernel::Seed;
use crate::kernel::words::natural;

/// As many seeds as one command may play.
const SEEDS_MAX: u64 = 100_000;

/// `--seed`: a number, or the first 16 digits of a hexadecimal one (a commit id will do).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SeedArg(pub(crate) u64);

impl FromStr for SeedArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text
                .parse()
                .map(Self)
                .map_err(|_| format!("a seed is at most {}", u64::MAX));
        }
        let digits = text.strip_prefix("0x").unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err("write a number or a hexadecimal id, such as 7 or 3f9a1c2e".to_owned());
        }
        let head = &digits[..digits.len().min(16)];
        u64::from_str_radix(head, 16)
            .map(Self)
            .map_err(|error| error.to_string())
    }
}

/// `--seeds`: how many, or from which to which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SeedsArg {
    /// `N`: the seed and the N - 1 after it.
    Count(u64),
    /// `A..B`: both included.
    Range(u64, u64),
}

impl FromStr for SeedsArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |part: &str| {
            natural::<u64>(part)
                .ok_or_else(|| "write how many, such as 20, or a range, such as 1..20".to_owned())
        };
        let (arg, count) = match text.split_once("..") {
            None => {
                let count = number(text)?;
                (Self::Count(count), count)
            }
            Some((from, to)) => {
                let (from, to) = (number(from)?, number(to)?);
                if to < from {
                    return Err(format!("the range {text} is empty: write {to}..{from}"));
                }
                (Self::Range(from, to), (to - from).saturating_add(1))
            }
        };
        match count {
            0 => Err("no seed is no run: write at least 1".to_owned()),
            _ if count > SEEDS_MAX => Err(format!("at most {SEEDS_MAX} seeds at once")),
            _ => Ok(arg),
        }
    }
}

/// Refuses a first seed beside a range, which has one of its own.
pub(crate) fn refuse_both(seed: Option<SeedArg>, seeds: Option<SeedsArg>) -> Result<(), Failure> {
    match (seed, seeds) {
        (Some(SeedArg(seed)), Some(SeedsArg::Range(from, to))) => Err(Failure::usage(
            format!("--seed {seed} and --seeds {from}..{to} both say which seed is the first"),
            Some(format!("--seeds {} counts from --seed on", to - from + 1)),
        )),
        (_, None | Some(SeedsArg::Count(_))) | (None, Some(SeedsArg::Range(..))) => Ok(()),
    }
}

/// The seeds to play: the scenario's own unless the command says otherwise. Refused when they go on beyond the largest.
pub(crate) fn seeds(
    scenario: Seed,
    seed: Option<SeedArg>,
    seeds: Option<SeedsArg>,
) -> Result<Vec<Seed>, Failure> {
    let first = seed.map_or(scenario.0, |seed| seed.0);
    let (first, count) = match seeds {
        None => (first, 1),
        Some(SeedsArg::Count(count)) => (first, count),
        Some(SeedsArg::Range(from, to)) => (from, to - from + 1),
    };
    let Some(last) = first.checked_add(count - 1) else {
        return Err(Failure::usage(
            format!(
                "{count} seeds from {first} on go beyond the largest, {}",
                u64::MAX
            ),
            Some(format!(
                "begin at {} or before, by --seed or --seeds A..B",
                u64::MAX - (count - 1)
            )),
        ));
    };
    Ok((first..=last).map(Seed).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_number_or_a_commit_id() {
        assert_eq!("7".parse(), Ok(SeedArg(7)));
        assert_eq!("0x10".parse(), Ok(SeedArg(16)));
        assert_eq!("3f9a1c2e".parse(), Ok(SeedArg(0x3f9a_1c2e)));
        let commit = "e8edeae0123456789abcdef0123456789abcdef0";
        assert_eq!(commit.parse(), Ok(SeedArg(0xe8ed_eae0_1234_5678)));
        for bad in ["", "-1", "1.5", "seven", "18446744073709551616", "0x", "é"] {
            assert!(bad.parse::<SeedArg>().is_err(), "{bad}");
        }
    }

    #[test]
    fn seeds_are_a_count_or_a_closed_range() {
        assert_eq!("20".parse(), Ok(SeedsArg::Count(20)));
        assert_eq!("3..5".parse(), Ok(SeedsArg::Range(3, 5)));
        for bad in ["0", "5..3", "..", "1..", "a", "0..18446744073709551615"] {
            assert!(bad.parse::<SeedsArg>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_range_has_its_own_first_seed() {
        let range = Some(SeedsArg::Range(3, 5));
        assert!(refuse_both(Some(SeedArg(7)), range).is_err());
        assert!(refuse_both(None, range).is_ok());
        assert!(refuse_both(Some(SeedArg(7)), Some(SeedsArg::Count(3))).is_ok());
    }

    #[test]
    fn seeds_beyond_the_largest_are_refused() {
        let last = Some(SeedArg(u64::MAX));
        let of = |count| seeds(Seed(7), last, Some(SeedsArg::Count(count)));
        assert_eq!(of(1).expect("it is one"), [Seed(u64::MAX)]);
        let refused = of(3).expect_err("there are no more").to_string();
        assert!(
            refused.contains("3 seeds from 18446744073709551615 on"),
            "{refused}"
        );
        assert!(seeds(Seed(u64::MAX), None, Some(SeedsArg::Count(2))).is_err());
    }

    #[test]
    fn a_count_starts_at_the_seed_and_a_range_at_its_own() {
        let own = Seed(7);
        let seeds = |own, seed, count| seeds(own, seed, count).expect("they are seeds");
        assert_eq!(seeds(own, None, None), [Seed(7)]);
        assert_eq!(
            seeds(own, None, Some(SeedsArg::Count(2))),
            [Seed(7), Seed(8)]
        );
        assert_eq!(
            seeds(own, Some(SeedArg(1)), Some(SeedsArg::Count(2))),
            [Seed(1), Seed(2)]
        );
        assert_eq!(
            seeds(own, None, Some(SeedsArg::Range(3, 5))),
            [Seed(3), Seed(4), Seed(5)]
        );
    }
}
