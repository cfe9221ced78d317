//! From argv to an exit code: parses, hands to the verb, reports what failed. The one place where the program ends.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;

use super::args::{self, ColorChoice, Talk, Verb};
use super::exit::{Exit, Failure};
use super::streams::Streams;
use super::{assign, check, explain, generate, panic, play, replay, show, sweep};

/// Runs the program and returns its exit code.
#[must_use]
pub fn main() -> ExitCode {
    panic::install();
    let words: Vec<OsString> = std::env::args_os().collect();
    let (cli, notes) = match args::parse(&words) {
        Ok(parsed) => parsed,
        Err(error) => return ExitCode::from(usage(&error) as u8),
    };
    let mut streams = Streams::of_process(&cli.talk);
    notes.iter().for_each(|note| streams.note(note));
    let exit = match dispatch(&cli.verb, &mut streams) {
        Ok(()) => Exit::Done,
        Err(failure) => {
            streams.failure(&failure);
            failure.exit()
        }
    };
    ExitCode::from(exit as u8)
}

fn dispatch(verb: &Verb, streams: &mut Streams) -> Result<(), Failure> {
    match verb {
        Verb::Run(args) => play::run(args, streams),
        Verb::Compare(args) => play::compare(args, streams),
        Verb::Sweep(args) => sweep::sweep(args, streams),
        Verb::Merge(args) => sweep::merge(args, streams),
        Verb::Check(args) => check::check(args, streams),
        Verb::Assign(args) => assign::assign(args, streams),
        Verb::Replay(args) => replay::replay(args, streams),
        Verb::Show(args) => show::show(args, streams),
        Verb::Explain(args) => explain::explain(args, streams),
        Verb::Init(args) => generate::init(args, streams),
        Verb::Generate { what } => generate::generate(what, streams),
    }
}

/// What clap has to say: help and version are results, all else is wrong usage.
fn usage(error: &clap::Error) -> Exit {
    let talk = Talk {
        quiet: false,
        verbose: false,
        color: ColorChoice::Auto,
        ascii: false,
    };
    let mut streams = Streams::of_process(&talk);
    let render = |color| {
        let text = error.render();
        if color {
            text.ansi().to_string()
        } else {
            text.to_string()
        }
    };
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let text = render(streams.color_out);
            match streams.result(&text) {
                Ok(()) => Exit::Done,
                Err(failure) => {
                    streams.failure(&failure);
                    failure.exit()
                }
            }
        }
        _ => {
            streams.error(&render(streams.color_err));
            Exit::Refused
        }
    }
}
