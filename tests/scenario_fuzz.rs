//! Whatever is thrown at the language, it answers with a scenario or with findings, quickly and without a panic; and values
//! with units survive being written and read.

use std::fs;

use proptest::prelude::*;
use rebsim::kernel::SimDuration;
use rebsim::scenario::code::Code;
use rebsim::scenario::{NoFiles, Overrides, load, render, units};

/// Loads and, when it is refused, renders the findings in every form.
fn survives(text: &str, overrides: &Overrides) {
    if let Err(rejected) = load("fuzz.yaml", text, &mut NoFiles, overrides) {
        assert!(!rejected.diagnostics.is_empty(), "refused without a reason");
        let (findings, sources) = (&rejected.diagnostics, &rejected.sources);
        assert!(!render::text(findings, sources, false).is_empty());
        assert_eq!(render::json(findings, sources).len(), findings.len());
        assert_eq!(
            render::github(findings, sources).lines().count(),
            findings.len()
        );
    }
}

fn seeds() -> Vec<String> {
    let mut texts = Vec::new();
    for folder in ["tests/scenarios", "scenarios"] {
        let folder = format!("{}/{folder}", env!("CARGO_MANIFEST_DIR"));
        let mut paths: Vec<_> = fs::read_dir(folder)
            .expect("a folder of scenarios is there")
            .map(|entry| entry.expect("it can be listed").path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
            .collect();
        paths.sort();
        texts.extend(
            paths
                .iter()
                .map(|path| fs::read_to_string(path).expect("it can be read")),
        );
    }
    texts
}

/// Pieces that are put in somewhere: traps of the parser and of the language.
const PIECES: [&str; 32] = [
    "0x10",
    "no",
    "010",
    "1_000",
    ".nan",
    "-1",
    "1e9",
    "2ms",
    "{",
    "}",
    "[",
    "]",
    ": ",
    "\n",
    "&a ",
    "*a",
    "<<: *a",
    "!!str ",
    "\"",
    "'",
    "null",
    "- ",
    "  ",
    "\t",
    "é",
    "\u{0}",
    "99999999999999999999",
    "checkout/99",
    "% ",
    "|\n",
    "?",
    "#",
];

fn mutate(text: &str, steps: &[(usize, usize, usize)]) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    for (kind, place, choice) in steps {
        let at = place % (letters.len() + 1);
        let end = (at + choice % 12).min(letters.len());
        match kind % 4 {
            0 => drop(letters.drain(at..end)),
            1 => drop(letters.splice(at..at, PIECES[choice % PIECES.len()].chars())),
            2 => drop(letters.splice(at..end, PIECES[choice % PIECES.len()].chars())),
            _ => {
                let copy: Vec<char> = letters[at..end].to_vec();
                let to = (place / 7) % (letters.len() + 1);
                letters.splice(to..to, copy);
            }
        }
    }
    letters.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        survives(&String::from_utf8_lossy(&bytes), &Overrides::default());
    }

    #[test]
    fn random_text_never_panics(text in "\\PC{0,200}") {
        survives(&text, &Overrides::default());
    }

    #[test]
    fn mutated_scenarios_never_panic(
        which in any::<prop::sample::Index>(),
        steps in prop::collection::vec((any::<usize>(), any::<usize>(), any::<usize>()), 1..12),
    ) {
        let seeds = seeds();
        survives(&mutate(&seeds[which.index(seeds.len())], &steps), &Overrides::default());
    }

    #[test]
    fn random_overrides_never_panic(
        path in "(duration|topics|groups|events|orders|checkout|config|\\.|[0-9]|[a-z.:]){0,8}",
        value in "\\PC{0,20}",
    ) {
        let seeds = seeds();
        let overrides = Overrides {
            set: vec![format!("{path}={value}")],
            config: vec![format!("{path}={value}")],
            ..Overrides::default()
        };
        survives(&seeds[0], &overrides);
    }

    #[test]
    fn durations_survive_a_round_trip(micros in 0..=units::LONGEST.as_micros()) {
        let span = SimDuration::from_micros(micros);
        prop_assert_eq!(units::duration(&span.to_string()), Ok(span));
    }

    #[test]
    fn decimal_seconds_are_exact(whole in 0..1_000_000_u64, part in 0..1_000_000_u64) {
        let text = format!("{whole}.{part:06}s");
        prop_assert_eq!(units::duration(&text), Ok(SimDuration::from_micros(whole * 1_000_000 + part)));
    }

    #[test]
    fn rates_survive_a_round_trip(records in 0..1_000_000_u64, decimals in 0..7_u32, unit in 0..3_usize) {
        let digits = format!("{records:0width$}", width = decimals as usize + 1);
        let (whole, part) = digits.split_at(digits.len() - decimals as usize);
        let point = if part.is_empty() { "" } else { "." };
        let text = format!("{whole}{point}{part}/{}", ["s", "m", "h"][unit]);
        if let Ok(rate) = units::rate(&text) {
            prop_assert_eq!(units::rate(&units::rate_text(rate)), Ok(rate), "{}", text);
        } else {
            prop_assert!(whole.len() > 1 && whole.starts_with('0'), "{} is refused", text);
        }
    }

    #[test]
    fn shares_survive_a_round_trip(share in 0..=100_000_u64) {
        prop_assert_eq!(units::share(&units::share_text(share)), Ok(share));
    }

    #[test]
    fn sizes_are_exact(number in 0..1_000_000_u64) {
        prop_assert_eq!(units::size(&format!("{number}KiB")), Ok(number * 1_024));
        prop_assert_eq!(units::size(&format!("{number}kB")), Ok(number * 1_000));
        prop_assert_eq!(units::size(&format!("{number}.5KiB")), Ok(number * 1_024 + 512));
    }
}

#[test]
fn hostile_documents_are_refused() {
    let deep = "[".repeat(100_000);
    let wide = format!("a: [{}]", "x, ".repeat(300_000));
    let large = "# comment\n".repeat(500_000);
    for text in [&deep, &wide, &large] {
        let rejected = load("hostile.yaml", text, &mut NoFiles, &Overrides::default());
        let Err(rejected) = rejected else {
            panic!("accepted")
        };
        assert_eq!(
            rejected.diagnostics[0].code,
            Code::TooLarge,
            "{:?}",
            rejected.diagnostics[0]
        );
    }
}

#[test]
fn a_small_file_cannot_ask_for_everything() {
    let groups: String = (0..100)
        .map(|group| format!("  g{group}: {{ topics: [t0], members: 100000 }}\n"))
        .collect();
    let topics: String = (0..100)
        .map(|topic| format!("  t{topic}: {{ partitions: 200000 }}\n"))
        .collect();
    let head = "version: 1\nname: big\nduration: 1m\n";
    let text = format!("{head}topics:\n{topics}groups:\n{groups}");
    let rejected = load("big.yaml", &text, &mut NoFiles, &Overrides::default());
    let Err(rejected) = rejected else {
        panic!("accepted")
    };
    assert_eq!(rejected.diagnostics.len(), 80 + 90);
    for finding in &rejected.diagnostics {
        assert_eq!(finding.code, Code::Limit);
    }
}

#[test]
fn values_are_read_one_way_or_not_at_all() {
    let ms = SimDuration::from_millis;
    for (text, span) in [
        ("0s", 0),
        ("1m30s", 90_000),
        ("1.5s", 1_500),
        ("1h2m3s4ms", 3_723_004),
        ("2d", 172_800_000),
        ("0.001s", 1),
    ] {
        assert_eq!(units::duration(text), Ok(ms(span)), "{text}");
    }
    for text in [
        "",
        "5",
        "5 s",
        "s",
        "1s1m",
        "1s1s",
        "-1s",
        "+1s",
        "1e3s",
        "01s",
        "1.s",
        ".5s",
        "0.5us",
        "1S",
        "1µs",
        "1min",
        "367d",
        "99999999999999999999999999d",
        "inf",
        "1_000s",
        "0x1s",
        "1s ",
        "PT1S",
    ] {
        assert!(units::duration(text).is_err(), "{text}");
    }
    for text in [
        "5",
        "5/ms",
        "/s",
        "5/",
        "5 /s",
        "1e3/s",
        "-1/s",
        "2000000000/s",
        "1.0000001/s",
    ] {
        assert!(units::rate(text).is_err(), "{text}");
    }
    for text in ["5", "5kb", "5K", "0.3B", "-1B", "5 KiB", "1KiB1B"] {
        assert!(units::size(text).is_err(), "{text}");
    }
    for text in ["5", "101%", "-1%", "%", "5 %", "0.0001%"] {
        assert!(units::share(text).is_err(), "{text}");
    }
}
