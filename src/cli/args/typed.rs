//! What is typed wins over what the environment says, also where the two exclude each other: `REBSIM_NO_OUT` in the environment of a
//! whole job is no reason to refuse one command that says `--force`. A switch that the environment turns off is as good as not mentioned.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ffi::OsString;

use clap::builder::{FalseyValueParser, TypedValueParser as _};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory, FromArgMatches};

use super::{Cli, SeedArg, SeedsArg};

/// Understands the words of a command line, the first of which is the program's name.
///
/// Beside it what is to be told: the variables that give way.
pub(crate) fn parse(words: &[OsString]) -> Result<(Cli, Vec<String>), clap::Error> {
    let conflict = match command().try_get_matches_from(words) {
        Err(error) if error.kind() == ErrorKind::ArgumentConflict => error,
        other => {
            let matches = other?;
            let Some(beaten) = beaten_seeds(&matches) else {
                return Ok((Cli::from_arg_matches(&matches)?, Vec::new()));
            };
            return parse_without(&BTreeSet::from([beaten.to_owned()]), words);
        }
    };
    let mut typed = without_environment(command(), &|_| true);
    match typed.try_get_matches_from_mut(words) {
        Ok(matches) => parse_without(&beaten(&typed, &matches), words).map_err(|mut error| {
            // Nothing that was typed excludes anything else that was.
            if error.kind() == ErrorKind::ArgumentConflict {
                let tip = "the environment says both: unset one of the variables";
                let tips = ContextValue::StyledStrs(vec![tip.into()]);
                error.insert(ContextKind::Suggested, tips);
            }
            error
        }),
        Err(error) if error.kind() == ErrorKind::ArgumentConflict => Err(error),
        Err(_) => Err(conflict),
    }
}

/// The command, without the variables that turn a switch off.
fn command() -> Command {
    let parser = FalseyValueParser::new();
    let says_no = |arg: &Arg| {
        let is_switch = matches!(arg.get_action(), ArgAction::SetTrue);
        let value = arg.get_env().and_then(std::env::var_os);
        is_switch
            && value.is_some_and(|value| {
                parser
                    .parse_ref(&Command::default(), None, &value)
                    .is_ok_and(|on| !on)
            })
    };
    without_environment(Cli::command(), &says_no)
}

/// With the options `beaten` read from nowhere but the command line.
fn parse_without(
    beaten: &BTreeSet<String>,
    words: &[OsString],
) -> Result<(Cli, Vec<String>), clap::Error> {
    let told = RefCell::new(BTreeSet::new());
    let command = without_environment(command(), &|arg| {
        let is_beaten = beaten.contains(arg.get_id().as_str());
        let variable = arg
            .get_env()
            .filter(|name| std::env::var_os(name).is_some());
        if let Some(name) = variable.filter(|_| is_beaten) {
            told.borrow_mut()
                .insert(name.to_string_lossy().into_owned());
        }
        is_beaten
    });
    let cli = Cli::from_arg_matches(&command.try_get_matches_from(words)?)?;
    let notes = told.into_inner().into_iter();
    let notes = notes.map(|name| format!("{name} of the environment gives way to what is typed"));
    Ok((cli, notes.collect()))
}

/// The command with `which` of its options read from nowhere but the command line.
fn without_environment(command: Command, which: &dyn Fn(&Arg) -> bool) -> Command {
    command
        .mut_args(|arg| match which(&arg) {
            true => arg.env(None::<&str>),
            false => arg,
        })
        .mut_subcommands(|verb| without_environment(verb, which))
}

/// Which of `--seed` and `--seeds` the environment says beside the other, which was typed: a range has a first seed of its own.
fn beaten_seeds(mut matches: &ArgMatches) -> Option<&'static str> {
    while let Some((_, below)) = matches.subcommand() {
        matches = below;
    }
    let seeds = matches.try_get_one::<SeedsArg>("seeds").ok()??;
    matches.try_get_one::<SeedArg>("seed").ok()??;
    let is_typed = |id| matches.value_source(id) == Some(ValueSource::CommandLine);
    match (seeds, is_typed("seed"), is_typed("seeds")) {
        (SeedsArg::Range(..), true, false) => Some("seeds"),
        (SeedsArg::Range(..), false, true) => Some("seed"),
        _ => None,
    }
}

/// The options that exclude one that was typed, by their names.
fn beaten(mut command: &Command, mut matches: &ArgMatches) -> BTreeSet<String> {
    while let Some((name, below)) = matches.subcommand() {
        let Some(verb) = command.find_subcommand(name) else {
            break;
        };
        (command, matches) = (verb, below);
    }
    let is_typed = |arg: &Arg| {
        let id = arg.get_id().as_str();
        let is_known = matches.try_contains_id(id).is_ok();
        is_known && matches.value_source(id) == Some(ValueSource::CommandLine)
    };
    let mut beaten = BTreeSet::new();
    for arg in command.get_arguments() {
        for other in command.get_arg_conflicts_with(arg) {
            // A conflict is written down at one of the two.
            for (one, other) in [(arg, other), (other, arg)] {
                if is_typed(one) && !is_typed(other) {
                    beaten.insert(other.get_id().to_string());
                }
            }
        }
    }
    beaten
}
