//! `docs/fidelity.md` says what is so: its tables are those of today, and its known differences are the runs that differ.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use rebsim::report::fidelity::{RunFidelity, Summary, misses, table};
use rebsim::report::table::{Align, Table};

use super::mutations::{Loss, is_matched};
use super::repeats::{self, Agreement};
use super::same_ids;

/// More names are counted, not listed.
const NAMES_LISTED: usize = 4;

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/fidelity.md")
}

/// The page with the text between the marks of `block` replaced.
fn with_block(page: &str, block: &str, text: &str) -> String {
    let open = format!("<!-- generated: {block} -->\n");
    let (before, rest) = page.split_once(&open).expect("the page has the block");
    let (_, after) = rest.split_once("<!-- end -->").expect("the block ends");
    format!("{before}{open}\n{text}\n<!-- end -->{after}")
}

fn rules(losses: &[Loss]) -> String {
    let mut table = Table::new(&[
        ("rule", Align::Left),
        ("recordings missed without it", Align::Left),
    ]);
    for loss in losses {
        let names = &loss.recordings;
        let listed = names[..names.len().min(NAMES_LISTED)].join(", ");
        let more = names.len().saturating_sub(NAMES_LISTED);
        let rest = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        table.row(vec![
            loss.rule.words().to_owned(),
            format!("{}: {listed}{rest}", names.len()),
        ]);
    }
    table.markdown()
}

/// The runs named in the table of known differences.
fn known(page: &str) -> BTreeSet<String> {
    let (_, section) = page
        .split_once("## Known differences")
        .expect("the page has the section");
    let (section, _) = section
        .split_once("\n## ")
        .expect("another section follows");
    let rows = section.lines().filter_map(|line| line.strip_prefix("| "));
    rows.filter_map(|row| row.split(" | ").next())
        .filter(|name| *name != "run" && !name.starts_with("---"))
        .map(str::to_owned)
        .collect()
}

/// Holds the page's tables of the consumer protocol against what was played: how far repeats agree, and for each release a table, a line and what every run
/// with another structure or order goes back to.
pub(crate) fn check_consumer(releases: [(&str, [Agreement; 2], Vec<RunFidelity>); 2]) {
    let page = fs::read_to_string(path()).expect("the page can be read");
    let mut real = page.clone();
    for (release, _, runs) in &releases {
        let block = format!(
            "{}\n{}\n\nRuns of which structure or order is another:\n\n{}",
            table(runs).markdown(),
            Summary::of(runs, 0).line(),
            misses(runs).markdown()
        );
        real = with_block(&real, &format!("consumer {release}"), &block);
    }
    let agreements = releases.map(|(release, agreements, _)| (release, agreements));
    let real = with_block(&real, "repeats", &repeats::table(&agreements).markdown());
    let real = with_block(&real, "same ids", &same_ids::table().markdown());
    compare(&page, &real);
}

fn compare(page: &str, real: &str) {
    if std::env::var_os("UPDATE_FIDELITY").is_some() {
        fs::write(path(), real).expect("the page can be written");
        return;
    }
    for (number, (written, real)) in page.lines().zip(real.lines()).enumerate() {
        let place = format!("docs/fidelity.md:{}", number + 1);
        assert_eq!(written, real, "{place}; UPDATE_FIDELITY=1 rewrites it");
    }
    assert_eq!(page, real, "UPDATE_FIDELITY=1 rewrites it");
}

/// Holds the page against what was played; `UPDATE_FIDELITY=1` writes its tables.
pub(crate) fn check(runs: &[RunFidelity], losses: &[Loss]) {
    let page = fs::read_to_string(path()).expect("the page can be read");
    let summary = Summary::of(runs, 0);
    let block = format!("{}\n{}\n", table(runs).markdown(), summary.line());
    let real = with_block(&page, "summary", &block);
    let real = with_block(&real, "rules", &rules(losses));
    compare(&page, &real);
    let different: BTreeSet<String> = runs
        .iter()
        .filter(|run| !is_matched(run))
        .map(|run| run.run.clone())
        .collect();
    assert_eq!(
        known(&page),
        different,
        "left: known differences, right: those there are"
    );
}
