//! Which shard of a sweep this process plays: as typed, or as the scheduler says that it runs under.

use std::num::NonZeroU64;

use crate::cli::args::Parts;
use crate::cli::exit::Failure;
use crate::experiment::sweep::Shard;
use crate::kernel::words::natural;

/// Variables of schedulers: the index, and the one that holds the lowest index, when it is not 0.
const INDEXES: [(&str, Option<&str>); 2] = [
    ("JOB_COMPLETION_INDEX", None),
    ("SLURM_ARRAY_TASK_ID", Some("SLURM_ARRAY_TASK_MIN")),
];

/// The shard that `parts` asks for: the first of one is a shard too, whoever asks for it merges it.
pub(crate) fn chosen(parts: &Parts) -> Result<Option<Shard>, Failure> {
    let variable = |name: &str| std::env::var(name).ok();
    let (number, count) = match (parts.shard, parts.shard_count) {
        (Some(shard), _) => (Some(shard.number), shard.count),
        (None, None) => return Ok(None),
        (None, Some(count)) => {
            let index = match parts.shard_index {
                Some(index) => index,
                None => scheduled(count, variable)?,
            };
            (index.checked_add(1), count)
        }
    };
    let shard = number.and_then(|number| Shard::new(number, count));
    shard.map(Some).ok_or_else(|| {
        let asked = number.map_or_else(|| "beyond all numbers".to_owned(), |n| n.to_string());
        Failure::usage(
            format!("there is no shard {asked} of {count}"),
            Some(format!(
                "--shard counts from 1 to {count}, --shard-index from 0 to {}",
                count.get() - 1
            )),
        )
    })
}

/// The index that a scheduler gave this process, from 0.
fn scheduled(count: NonZeroU64, variable: impl Fn(&str) -> Option<String>) -> Result<u64, Failure> {
    for (name, least) in INDEXES {
        let Some(text) = variable(name) else {
            continue;
        };
        let number = |name: &str, text: &str| {
            let parsed = natural::<u64>(text.trim());
            parsed.ok_or_else(|| Failure::usage(format!("{name} is `{text}`, no index"), None))
        };
        let index = number(name, &text)?;
        let least = match least.and_then(|least| Some((least, variable(least)?))) {
            Some((least, text)) => number(least, &text)?,
            None => 0,
        };
        return index.checked_sub(least).ok_or_else(|| {
            Failure::usage(
                format!("{name} is {index}, below the lowest, {least}"),
                None,
            )
        });
    }
    let names = INDEXES.map(|(name, _)| name).join(" nor ");
    Err(Failure::usage(
        format!("--shard-count {count} says of how many, not which: neither {names} is set"),
        Some("write --shard-index I, or --shard K/N".to_owned()),
    ))
}

/// `00003-of-00016`
pub(crate) fn suffix(shard: Shard) -> String {
    format!("{:05}-of-{:05}", shard.number(), shard.count())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(variables: &[(&str, &str)]) -> Result<u64, i32> {
        let find = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let count = NonZeroU64::new(8).expect("eight are some");
        scheduled(count, find).map_err(|failure| failure.exit() as i32)
    }

    #[test]
    fn the_index_is_that_of_the_scheduler() {
        assert_eq!(index(&[("JOB_COMPLETION_INDEX", "3")]), Ok(3));
        assert_eq!(index(&[("SLURM_ARRAY_TASK_ID", "3")]), Ok(3));
        let from_one = [("SLURM_ARRAY_TASK_ID", "3"), ("SLURM_ARRAY_TASK_MIN", "1")];
        assert_eq!(index(&from_one), Ok(2));
        assert_eq!(index(&[]), Err(2));
        assert_eq!(index(&[("JOB_COMPLETION_INDEX", "three")]), Err(2));
    }
}
