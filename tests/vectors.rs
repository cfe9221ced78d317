//! Test vectors of what surrounds a group: those that are whole runs, and that each has a test under its own id.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rebsim::cluster::{Options, simulate};
use rebsim::kernel::Seed;
use rebsim::metrics::evaluate;
use rebsim::scenario::{NoFiles, Overrides, load};
use rebsim::timeline::Timeline;

fn play(text: &str) -> Timeline {
    let scenario = load("vector.yaml", text, &mut NoFiles, &Overrides::default())
        .unwrap_or_else(|rejected| panic!("{rejected}"));
    let options = Options {
        check_invariants: true,
        ..Options::default()
    };
    simulate(&scenario.plans[0], Seed(1), &options).unwrap_or_else(|halt| panic!("{halt:?}"))
}

/// Lag of each partition at each sample, in order of time.
fn lags(run: &Timeline) -> Vec<(u64, Vec<u64>)> {
    let mut at: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for sample in run.samples.iter() {
        let lag = sample.log_end.saturating_sub(sample.processed);
        at.entry(sample.at.as_micros()).or_default().push(lag);
    }
    at.into_iter().collect()
}

/// Twelve pods of a StatefulSet, 48 partitions, 10,000 records/s, a new template; each pod is away for 30 s.
fn rolling(group: &str) -> String {
    format!(
        "
version: 1
name: rolling
duration: 10m
topics: {{ orders: {{ partitions: 48, rate: 10000/s }} }}
groups: {{ checkout: {{ topics: [orders], processing: {{ per_record: 100us }}, {group} }} }}
statefulsets:
  checkout: {{ group: checkout, spec: {{ replicas: 12 }}, pod: {{ startup: 30s, ready_after: 10s }} }}
events: [ {{ at: 60s, deploy: checkout }} ]
"
    )
}

/// CMP-1, static: 30 s of absence leave 6,250 records on each of the 4 partitions of the one member that is away, 25,000 in all.
#[test]
fn cmp_1_static_members_that_are_away_leave_their_own_partitions_waiting() {
    let run = play(&rolling(
        "static_membership: true, config: { partition.assignment.strategy: range }",
    ));
    let metrics = evaluate(&run);
    let value = |name: &str| metrics.value(name).map(|value| value.to_string());
    assert_eq!(value("rebalances"), Some("0".to_owned()));
    let lags = lags(&run);
    let worst = lags.iter().flat_map(|(_, lags)| lags).max().copied();
    let worst = worst.expect("samples");
    assert!((6_250..6_400).contains(&worst), "{worst}");
    let together = lags.iter().map(|(_, lags)| lags.iter().sum::<u64>()).max();
    let together = together.expect("samples");
    assert!((25_000..26_000).contains(&together), "{together}");
    let waiting = |lags: &Vec<u64>| lags.iter().filter(|lag| **lag > 1_000).count();
    let most = lags.iter().map(|(_, lags)| waiting(lags)).max();
    assert_eq!(most, Some(4), "one member at a time");
}

/// CMP-1, eager and dynamic: 24 rebalances that stop the group for 3 s are 72 s, in which 720,000 records come.
#[test]
fn cmp_1_eager_members_that_leave_and_join_stop_everybody() {
    let run = play(&rolling(
        "listener: { on_assigned: { work: 3s } }, \
         config: { partition.assignment.strategy: range, heartbeat.interval.ms: 100 }",
    ));
    let metrics = evaluate(&run);
    let number = |name: &str| {
        let value = metrics.value(name).and_then(|value| value.number());
        value.expect("a number").millionths() / 1_000_000
    };
    assert_eq!(number("rebalances"), 24);
    let stopped = number("stop_the_world_s");
    assert!((72..76).contains(&stopped), "{stopped} s");
    let stalled = number("stalled_records");
    assert!((720_000..790_000).contains(&stalled), "{stalled}");
}

/// DRAIN-1: 1.2 M behind, inflow 4,000/s, capacity 6,000/s: 600 s.
#[test]
fn drain_1_what_is_behind_is_caught_up_at_the_spare_rate() {
    let run = play(
        "
version: 1
name: drain
duration: 12m
topics: { orders: { partitions: 12, rate: 4000/s, backlog: 1200000 } }
groups: { checkout: { topics: [orders], members: 6, processing: { per_record: 1ms } } }
",
    );
    let lags = lags(&run);
    let mut drained = lags
        .iter()
        .filter(|(at, lags)| *at > 0 && lags.iter().sum::<u64>() <= 4_000);
    let (when, _) = drained.next().expect("it catches up");
    let seconds = when / 1_000_000;
    assert!((596..=612).contains(&seconds), "{seconds} s");
}

/// Family, first number, last number, and what else belongs to it.
const VECTORS: [(&str, u32, u32, &[&str]); 17] = [
    ("HPA", 1, 22, &["1b", "T1"]),
    ("KEDA", 1, 10, &["2b", "T1", "T2"]),
    ("DEP", 1, 5, &[]),
    ("STS", 1, 2, &[]),
    ("CMP", 1, 1, &[]),
    ("TERM", 1, 3, &[]),
    ("PDB", 1, 4, &[]),
    ("CLB", 1, 5, &[]),
    ("DIU", 1, 1, &[]),
    ("MMP", 1, 1, &[]),
    ("ZIPF", 1, 4, &[]),
    ("CPU", 1, 2, &[]),
    ("LC", 1, 1, &[]),
    ("DRAIN", 1, 1, &[]),
    ("OOM", 1, 1, &[]),
    ("RST", 1, 3, &[]),
    ("WRM", 1, 2, &[]),
];

fn sources(folder: &Path, found: &mut Vec<String>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    for entry in entries {
        let path = entry.expect("it can be listed").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(fs::read_to_string(&path).expect("it is text"));
        }
    }
}

/// What each test is called by: its name and the comment above it, in capitals.
fn names() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = Vec::new();
    for folder in ["src", "tests"] {
        sources(&root.join(folder), &mut texts);
    }
    let mut names = Vec::new();
    for text in &texts {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for (place, _) in lines
            .iter()
            .enumerate()
            .filter(|(_, line)| **line == "#[test]")
        {
            let above = lines[..place].iter().rev();
            let comment = above.take_while(|line| line.starts_with("///"));
            let name = lines[place..].iter().find(|line| line.starts_with("fn "));
            let all: Vec<&str> = name.into_iter().chain(comment).copied().collect();
            names.push(all.join(" ").to_uppercase().replace('_', "-"));
        }
    }
    names
}

/// True when `name` says `family-number`, alone or as a part of `family-from-to-number` or `family-from-and-number`.
fn says(name: &str, family: &str, number: &str) -> bool {
    let whole = |text: &str, at: usize, length: usize| {
        let (before, after) = (&text[..at], &text[at + length..]);
        let touches = |c: char| c.is_ascii_alphanumeric();
        !before.ends_with(touches) && !after.starts_with(touches)
    };
    let id = format!("{family}-{}", number.to_uppercase());
    if name
        .match_indices(&id)
        .any(|(at, _)| whole(name, at, id.len()))
    {
        return true;
    }
    let wanted: Option<u32> = number.parse().ok();
    name.match_indices(&format!("{family}-"))
        .any(|(at, start)| {
            let words: Vec<&str> = name[at + start.len()..].split('-').take(3).collect();
            let [from, joint, to] = words[..] else {
                return false;
            };
            let last: String = to.chars().take_while(char::is_ascii_digit).collect();
            let range = from.parse::<u32>().ok().zip(last.parse::<u32>().ok());
            range
                .zip(wanted)
                .is_some_and(|((from, to), wanted)| match joint {
                    "TO" => from <= wanted && wanted <= to,
                    "AND" => wanted == to,
                    _ => false,
                })
        })
}

#[test]
fn every_vector_has_a_test_under_its_id() {
    let names = names();
    assert!(names.len() > 800, "{} tests", names.len());
    let mut missing = Vec::new();
    for (family, first, last, others) in VECTORS {
        let numbers = (first..=last).map(|number| number.to_string());
        for number in numbers.chain(others.iter().map(|other| (*other).to_owned())) {
            if !names.iter().any(|name| says(name, family, &number)) {
                missing.push(format!("{family}-{number}"));
            }
        }
    }
    assert!(missing.is_empty(), "no test for {missing:?}");
    assert!(!names.iter().any(|name| says(name, "HPA", "23")));
    // Figures that others published of autoscalers.
    for test in [
        "FN V9-THE-METRIC-IS-CAPPED",
        "FN V10-THE-OLD-RULE-DOUBLES",
        "FN V11-A-READING-JUST-ABOVE",
    ] {
        assert!(names.iter().any(|name| name.starts_with(test)), "{test}");
    }
}
