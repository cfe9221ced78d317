//! What is typed wins over what the environment says, also where the two exclude each other; what is typed twice over does not.

use super::support::{Ran, ran, rebsim};
use super::sweep::{done, home};

fn with(variables: &[(&str, &str)], args: &[&str]) -> Ran {
    let home = home();
    let mut command = rebsim(args);
    command.current_dir(home.path());
    command.envs(variables.iter().copied());
    ran(&mut command)
}

#[test]
fn a_typed_shard_wins_over_the_shard_of_the_environment() {
    let both = [("REBSIM_SHARD_COUNT", "5"), ("REBSIM_SHARD_INDEX", "1")];
    let typed = with(&both, &["sweep", "half.yaml", "--shard", "3/4"]);
    done(&typed);
    assert!(typed.out.starts_with("shard 3 of 4: "), "{}", typed.out);
    for variable in ["REBSIM_SHARD_COUNT", "REBSIM_SHARD_INDEX"] {
        let note = format!("{variable} of the environment gives way to what is typed\n");
        assert!(typed.err.contains(&note), "{}", typed.err);
    }
    let count = [("REBSIM_SHARD_COUNT", "5"), ("JOB_COMPLETION_INDEX", "1")];
    let typed = with(&count, &["sweep", "half.yaml", "--shard", "3/4"]);
    assert!(typed.out.starts_with("shard 3 of 4: "), "{}", typed.out);
    let index = ["--shard-index", "0", "--shard-count", "4"];
    let args = [&["sweep", "half.yaml"], &index[..]].concat();
    let typed = with(&[("REBSIM_SHARD", "3/4")], &args);
    assert!(typed.out.starts_with("shard 1 of 4: "), "{}", typed.out);
    let same = with(&both, &["sweep", "half.yaml", "--shard-index", "2"]);
    assert!(same.out.starts_with("shard 3 of 5: "), "{}", same.out);
    assert!(!same.err.contains("gives way"), "{}", same.err);
}

#[test]
fn a_typed_option_wins_over_the_one_of_the_environment_that_it_excludes() {
    let run = ["run", "half.yaml", "--variant", "eager"];
    for (variable, value, typed) in [
        ("REBSIM_NO_OUT", "1", "--force"),
        ("REBSIM_NO_OUT", "0", "--force"),
        ("REBSIM_SERIES", "all", "--no-out"),
        ("REBSIM_QUIET", "1", "-v"),
        ("REBSIM_QUIET", "1", "--verbose"),
        ("REBSIM_SEED", "7", "--seeds=1..2"),
        ("REBSIM_SEEDS", "1..2", "--seed=7"),
        ("REBSIM_SEEDS", "2", "--seed=7"),
    ] {
        let ran = with(&[(variable, value)], &[&run[..], &[typed]].concat());
        assert_eq!(ran.code, 0, "{variable} and {typed}: {}", ran.err);
    }
    let csv = [&run[..], &["--format", "csv", "--seeds", "3..4"]].concat();
    let seeds = with(&[("REBSIM_SEED", "7")], &csv);
    let played: Vec<&str> = seeds.out.lines().skip(1).collect();
    assert!(played[0].starts_with("eager,3,") && played[1].starts_with("eager,4,"));
    let forced = with(
        &[("REBSIM_NO_OUT", "1")],
        &[&run[..], &["--force"]].concat(),
    );
    assert!(forced.err.contains("results: "), "{}", forced.err);
}

#[test]
fn what_is_typed_twice_over_or_said_twice_over_by_the_environment_is_refused() {
    let sweep = ["sweep", "half.yaml"];
    let typed = ["--shard", "1/2", "--shard-count", "2"];
    let refused = with(&[], &[&sweep[..], &typed].concat());
    assert_eq!((refused.code, &*refused.out), (2, ""), "{}", refused.err);
    let said = [("REBSIM_SHARD", "1/2"), ("REBSIM_SHARD_COUNT", "2")];
    let refused = with(&said, &sweep);
    assert_eq!((refused.code, &*refused.out), (2, ""), "{}", refused.err);
    let tip = "the environment says both: unset one of the variables";
    assert!(refused.err.contains(tip), "{}", refused.err);
}

#[test]
fn a_switch_that_the_environment_turns_off_excludes_nothing() {
    let run = ["run", "half.yaml", "--variant", "eager"];
    for no in ["0", "false", "off"] {
        let said = [("REBSIM_NO_OUT", no), ("REBSIM_SERIES", "all")];
        let ran = with(&said, &run);
        assert_eq!(ran.code, 0, "{no}: {}", ran.err);
        assert!(ran.err.contains("results: "), "{}", ran.err);
    }
    let said = [("REBSIM_NO_OUT", "1"), ("REBSIM_SERIES", "all")];
    assert_eq!(with(&said, &run).code, 2);
}
