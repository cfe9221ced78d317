//! The command that repeats one replication, ready to be pasted.

use super::args::{FidelityArg, OverrideArgs, Work};
use crate::kernel::Seed;

/// `rebsim run SCENARIO` with every option that changes what happens.
pub(crate) fn command(
    verb: &str,
    operand: &str,
    overrides: &OverrideArgs,
    required: &[String],
    work: &Work,
) -> String {
    // What begins with a dash would be read as an option.
    let operand = match operand.starts_with('-') && operand != "-" {
        true => format!("./{operand}"),
        false => operand.to_owned(),
    };
    let mut words = vec!["rebsim".to_owned(), verb.to_owned(), quoted(&operand)];
    for (option, values) in [
        ("--config", &overrides.config[..]),
        ("--set", &overrides.set),
        ("--fail-on", required),
    ] {
        for value in values {
            words.push(option.to_owned());
            words.push(quoted(value));
        }
    }
    if work.check_invariants {
        words.push("--check-invariants".to_owned());
    }
    if work.fidelity == FidelityArg::Fluid {
        words.push("--fidelity fluid".to_owned());
    }
    words.join(" ")
}

/// Options with their values, each after a blank.
pub(crate) fn options(options: &[(&str, String)]) -> String {
    let words = options
        .iter()
        .map(|(option, value)| format!(" {option} {}", quoted(value)));
    words.collect()
}

/// The same for one variant under one seed.
pub(crate) fn one(command: &str, variant: &str, seed: Seed) -> String {
    // A scenario without variants has one plan of this name, which cannot be selected.
    if variant == "base" {
        format!("{command} --seed {}", seed.0)
    } else if variant.starts_with('-') {
        format!("{command} --variant={variant} --seed {}", seed.0)
    } else {
        format!("{command} --variant {variant} --seed {}", seed.0)
    }
}

/// A word as a POSIX shell reads it back.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=,@%+*".contains(letter);
    if !word.is_empty() && word.chars().all(|letter| plain(letter) && letter != '*') {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::args::{Cli, Verb};
    use super::*;

    #[test]
    fn the_command_comes_back_as_it_was_typed() {
        let typed = [
            "rebsim",
            "run",
            "my file.yaml",
            "--set",
            "duration=2m",
            "--fail-on",
            "a < 5s",
        ];
        let cli = Cli::try_parse_from(typed).expect("it can be typed");
        let Verb::Run(args) = &cli.verb else {
            panic!("run is run")
        };
        let required = &args.gate.require;
        let all = command(
            "run",
            &args.scenarios[0],
            &args.overrides,
            required,
            &args.work,
        );
        assert_eq!(
            all,
            "rebsim run 'my file.yaml' --set duration=2m --fail-on 'a < 5s'"
        );
        assert_eq!(one("r", "eager", Seed(7)), "r --variant eager --seed 7");
        assert_eq!(one("r", "base", Seed(7)), "r --seed 7");
        assert_eq!(one("r", "-x", Seed(7)), "r --variant=-x --seed 7");
        let dashed = command("run", "-d.yaml", &args.overrides, &[], &args.work);
        assert_eq!(dashed, "rebsim run ./-d.yaml --set duration=2m");
        let stdin = command("run", "-", &args.overrides, &[], &args.work);
        assert_eq!(stdin, "rebsim run - --set duration=2m");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
