//! Shipped scenarios with knobs turned at random: whatever `check` accepts runs to its end in both fidelities, its invariants hold, and its
//! metrics can be worked out. `REBSIM_CASES` says how many, `REBSIM_FIRST` where to begin.

#[path = "random_knobs/draw.rs"]
mod draw;
#[path = "random_knobs/judge.rs"]
mod judge;
#[path = "random_knobs/known.rs"]
mod known;

use draw::Case;

/// As many as a test of every day has time for.
const CASES: u64 = 120;

fn number(name: &str, default: u64) -> u64 {
    let given = std::env::var(name).ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn whatever_is_accepted_runs() {
    let scenarios = draw::shipped();
    let first = number("REBSIM_FIRST", 0);
    let cases = number("REBSIM_CASES", CASES);
    let mut faults = Vec::new();
    for case in first..first + cases {
        let case = Case::draw(case, &scenarios);
        if let Some(fault) = judge::wrong(&case) {
            let (case, fault) = smaller(case, fault);
            faults.push(format!("{fault}\n{}", case.command()));
            if faults.len() >= 5 {
                break;
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n----\n"));
}

/// Leaves out every knob that can be left where it was while the same thing goes wrong.
fn smaller(mut case: Case, mut fault: String) -> (Case, String) {
    let kind = |fault: &str| fault.chars().take(60).collect::<String>();
    let mut place = 0;
    while place < case.knobs.len() {
        let fewer = case.without(place);
        match judge::wrong(&fewer) {
            Some(other) if kind(&other) == kind(&fault) => (case, fault) = (fewer, other),
            _ => place += 1,
        }
    }
    (case, fault)
}
