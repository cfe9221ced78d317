//! The name, or the place, that was probably meant.

use super::check::with_article;
use super::kafka;
use super::shape::{Presence, Record, Shape, Side};
use super::vocabulary::SCENARIO;

/// The candidate nearest to `written`, when it is near enough to be worth suggesting; of equals the first.
#[must_use]
pub fn nearest<'c>(
    written: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    let limit = (written.chars().count() / 3).min(4);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let distance = distance(&fold(written), &fold(candidate));
        if distance <= limit && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, name)| name)
}

/// `did you mean ...` for the nearest candidate.
#[must_use]
pub fn did_you_mean<'c>(
    written: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<String> {
    nearest(written, candidates).map(|name| format!("did you mean `{name}`?"))
}

/// What has a key of exactly this name elsewhere in the language: `a group`; a few at most, in the order of its tables.
#[must_use]
pub fn elsewhere(written: &str) -> Option<String> {
    const FEW: usize = 3;
    let mut seen = Vec::new();
    let mut open = vec![Shape::Record(&SCENARIO)];
    let mut homes: Vec<String> = Vec::new();
    while let Some(shape) = open.pop() {
        let record: &Record = match shape {
            Shape::Record(record) => record,
            Shape::Manifest(manifest) => &manifest.record,
            Shape::List(inner) | Shape::Named(inner) => {
                open.push(*inner);
                continue;
            }
            Shape::Either { scalar, list, map } => {
                open.extend([map, list, scalar].into_iter().flatten().copied());
                continue;
            }
            _ => continue,
        };
        if seen.contains(&record.what) {
            continue;
        }
        seen.push(record.what);
        let fields = record.fields.iter();
        for field in fields.filter(|field| field.presence != Presence::NotModelled) {
            if field.name == written {
                homes.push(with_article(record.what));
            }
            open.push(field.shape);
        }
    }
    let setting = [Side::Consumer, Side::Broker, Side::Group]
        .into_iter()
        .any(|side| kafka::key(side, written).is_some());
    if setting {
        homes.push("a `config`".to_owned());
    }
    homes.dedup();
    (1..=FEW)
        .contains(&homes.len())
        .then(|| homes.join(", of "))
}

fn fold(text: &str) -> Vec<char> {
    text.chars()
        .take(80)
        .map(|c| match c {
            '-' | '.' | ' ' => '_',
            other => other.to_ascii_lowercase(),
        })
        .collect()
}

/// Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut rows = vec![vec![0_usize; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let changed = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = changed.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = least;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let names = ["partitions", "rate", "skew"];
        assert_eq!(nearest("partitons", names), Some("partitions"));
        assert_eq!(nearest("Partitions", names), Some("partitions"));
        assert_eq!(nearest("skwe", names), Some("skew"));
        assert_eq!(nearest("replicas", names), None);
    }
    #[test]
    fn a_key_that_stands_at_the_wrong_place_is_told_its_own() {
        assert_eq!(elsewhere("static_membership").as_deref(), Some("a group"));
        assert_eq!(elsewhere("max.poll.records").as_deref(), Some("a `config`"));
        assert_eq!(elsewhere("kubectl"), None);
    }
}
