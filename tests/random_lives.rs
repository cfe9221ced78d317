//! Random lives of groups of both protocols: whatever happens to their members, topics and coordinators, nothing breaks, and when it is over
//! everything is in order again. `REBSIM_CASES` says how many (default 300), `REBSIM_FIRST` where to begin.

#[path = "random_lives/end.rs"]
mod end;
#[path = "random_lives/judge.rs"]
mod judge;
#[path = "random_lives/modern.rs"]
mod modern;
#[path = "random_lives/modern_judge.rs"]
mod modern_judge;
#[path = "random_lives/past.rs"]
mod past;
#[path = "random_lives/script.rs"]
mod script;

use script::Script;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}

#[test]
fn classic_groups_come_to_rest_whatever_befalls_them() {
    play(Script::random);
}

#[test]
fn consumer_groups_come_to_rest_whatever_befalls_them() {
    play(Script::random_modern);
}

/// A frozen member that looked for its coordinator while a leader's answer waited; one that took the answer to its leave for that to its join.
#[test]
fn what_went_wrong_once_goes_right() {
    judge_all([3_075, 3_301], Script::random_modern);
    // A join, or the commit in `close()`, that was refused at one instant for ever, where messages take no time.
    judge_all([2_000_037, 2_000_261], Script::random_modern);
    // Not wrong, but Kafka's: a static member is restarted before it can ask for what it has given up to be handed out.
    judge_all([7_463], Script::random);
    // Metadata that fell due while records were at hand and an OffsetFetch waited to be repeated: nobody asked for them, and nothing else was done, for ever.
    judge_all([4_023_057], Script::random);
    // A heartbeat that fell due just when `poll()` returned records of a partition that was not paused any more.
    judge_all([4_027_344], Script::random);
    // Frozen and cut off at once, and served again when the first was over; served by who was cut off when it learnt its positions.
    judge_all(
        [50_089_335, 60_000_975, 60_001_008, 60_002_130],
        Script::random_modern,
    );
}

fn play(script: fn(u64) -> Script) {
    let first = number("REBSIM_FIRST", 0);
    judge_all(first..first + number("REBSIM_CASES", 300), script);
}

fn judge_all(seeds: impl IntoIterator<Item = u64>, script: fn(u64) -> Script) {
    let mut faults = Vec::new();
    for seed in seeds {
        let script = script(seed);
        if let Some(fault) = judge::wrong(&script) {
            let (small, fault) = smaller(script, fault);
            faults.push(format!("{fault}\nideal: {}\n{}", small.ideal, small.text()));
            if faults.len() >= 5 {
                break;
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n----\n"));
}

/// Leaves out whatever can be left out while something is wrong in the same way.
fn smaller(mut script: Script, mut fault: String) -> (Script, String) {
    let kind = |fault: &str| fault.split([' ', ':']).next().map(str::to_owned);
    let mut place = 0;
    while place < script.without_count() {
        let candidate = script.without(place);
        match candidate.as_ref().and_then(judge::wrong) {
            Some(other) if kind(&other) == kind(&fault) => {
                if let Some(candidate) = candidate {
                    script = candidate;
                }
                fault = other;
            }
            _ => place += 1,
        }
    }
    (script, fault)
}
