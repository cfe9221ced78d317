//! Published figures and common claims beside ours: the tables of `docs/fidelity.md` and `docs/scenarios.md` are filled in from
//! `results/reference`, which another test holds against what the scenarios give.
//!
//! `UPDATE_FIDELITY=1 cargo test --test claims` writes them anew.

#[path = "claims/rows.rs"]
mod rows;

use std::fs;
use std::path::{Path, PathBuf};

use rows::{CLAIMS, Claim, INCIDENTS, Incident};

/// What an incident's file may say of it.
const VERDICTS: [&str; 3] = ["reproduced", "same mechanism, other size", "not reproduced"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A metric of a variant over all of its groups, from the committed results: `scenario/variant/metric`.
fn value(reference: &str) -> f64 {
    let mut parts = reference.split('/');
    let mut part = || {
        parts
            .next()
            .unwrap_or_else(|| panic!("`{reference}` has three parts"))
    };
    let (scenario, variant, metric) = (part(), part(), part());
    let table = read(&format!("results/reference/{scenario}/summary.csv"));
    let mut lines = table.lines();
    let names: Vec<&str> = lines
        .next()
        .expect("the table has a head")
        .split(',')
        .collect();
    let column = names.iter().position(|name| *name == metric);
    let column = column.unwrap_or_else(|| panic!("`{metric}` is no column of {scenario}"));
    let row = lines
        .map(|line| line.split(',').collect::<Vec<_>>())
        .find(|row| row[0] == variant)
        .unwrap_or_else(|| panic!("{scenario} has no variant `{variant}`"));
    row[column]
        .parse()
        .unwrap_or_else(|_| panic!("{reference} is `{}`, no number", row[column]))
}

/// Three digits that count, groups of thousands parted by spaces.
fn number(value: f64) -> String {
    if value >= 100.0 {
        let digits = format!("{value:.0}");
        let mut text = String::new();
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                text.push(' ');
            }
            text.push(digit);
        }
        return text;
    }
    let text = if value >= 1.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The text with each `{reference}` and `{reference : reference}` (their quotient) replaced by its number.
fn filled(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, from)) = rest.split_once('{') {
        let (inside, after) = from.split_once('}').expect("every brace is closed");
        out.push_str(before);
        out.push_str(&number(match inside.split_once(" : ") {
            Some((over, under)) => value(over) / value(under),
            None => value(inside),
        }));
        rest = after;
    }
    out + rest
}

/// The phrase before the colon of the line `# Verdict: …` of an incident's file.
fn verdict(name: &str) -> String {
    let text = read(&format!("scenarios/{name}.yaml"));
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("# Verdict: "));
    let line = line.unwrap_or_else(|| panic!("{name} states no verdict"));
    let phrase = VERDICTS
        .into_iter()
        .find(|phrase| line.starts_with(&format!("{phrase}: ")));
    phrase
        .unwrap_or_else(|| panic!("{name}: `{line}` is no verdict"))
        .to_owned()
}

fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut text = format!("| {} |\n|{}\n", head.join(" | "), "---|".repeat(head.len()));
    for row in rows {
        text.push_str(&format!("| {} |\n", row.join(" | ")));
    }
    text
}

/// Holds the block of a page against `content`, or writes it.
fn holds(page: &str, block: &str, content: &str) {
    let path: PathBuf = root().join(page);
    let text = read(page);
    let open = format!("<!-- generated: {block} -->\n");
    let (before, rest) = text.split_once(&open).expect("the page has the block");
    let (_, after) = rest.split_once("<!-- end -->").expect("the block ends");
    let real = format!("{before}{open}\n{content}\n<!-- end -->{after}");
    if std::env::var_os("UPDATE_FIDELITY").is_some() {
        fs::write(path, real).expect("the page can be written");
        return;
    }
    for (number, (written, real)) in text.lines().zip(real.lines()).enumerate() {
        let place = format!("{page}:{}", number + 1);
        assert_eq!(written, real, "{place}; UPDATE_FIDELITY=1 rewrites it");
    }
    assert_eq!(text, real, "UPDATE_FIDELITY=1 rewrites it");
}

#[test]
fn common_claims_stand_beside_what_comes_out() {
    let row = |claim: &Claim| {
        [claim.claim, claim.ours, claim.causes, claim.why]
            .map(filled)
            .to_vec()
    };
    let head = ["claim", "what comes out", "under which causes", "why"];
    holds(
        "docs/fidelity.md",
        "claims",
        &table(&head, CLAIMS.iter().map(row)),
    );
}

#[test]
fn public_incidents_stand_beside_what_comes_out() {
    let row = |incident: &Incident| {
        let file = format!("`{}`", incident.scenario);
        vec![
            file,
            incident.published.to_owned(),
            filled(incident.ours),
            verdict(incident.scenario),
        ]
    };
    let head = ["scenario", "published", "here", "verdict"];
    let block = table(&head, INCIDENTS.iter().map(row));
    holds("docs/scenarios.md", "incidents", &block);
}

/// Every file of an incident is in the table.
#[test]
fn no_incident_is_left_out() {
    let entries = fs::read_dir(root().join("scenarios")).expect("the folder can be listed");
    let names = entries.map(|entry| {
        let name = entry.expect("it can be listed").file_name();
        name.to_string_lossy().into_owned()
    });
    let mut files: Vec<String> = names
        .filter(|name| name.starts_with("inc-"))
        .map(|name| name.trim_end_matches(".yaml").to_owned())
        .collect();
    files.sort_unstable();
    let listed: Vec<&str> = INCIDENTS.iter().map(|incident| incident.scenario).collect();
    assert_eq!(files, listed);
}

#[test]
fn numbers_have_three_digits_that_count() {
    for (value, text) in [
        (0.0, "0"),
        (0.014, "0.01"),
        (0.429, "0.43"),
        (3.008, "3"),
        (45.006, "45"),
        (99.94, "99.9"),
        (390.3, "390"),
        (347_026.0, "347 026"),
        (1_560.16, "1 560"),
    ] {
        assert_eq!(number(value), text);
    }
}
