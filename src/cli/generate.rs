//! What ships beside the program: schema, metrics, manual, completions, examples, explanations.

use clap::CommandFactory;
use clap_complete::Shell;

use super::args::{Cli, Explain, Generate, Init};
use super::exit::Failure;
use super::source::nearest;
use super::streams::Streams;
use super::wiring;

/// `rebsim generate`
pub(crate) fn generate(what: &Generate, streams: &mut Streams) -> Result<(), Failure> {
    let text = match what {
        Generate::Schema => return Err(wiring::not_built_yet("generate schema")),
        Generate::Metrics => return Err(wiring::not_built_yet("generate metrics")),
        Generate::Man { verb } => manual(verb.as_deref())?,
        Generate::Completions { shell } => completions(*shell)?,
    };
    streams.result(&text)
}

/// `rebsim explain`
pub(crate) fn explain(_args: &Explain, _streams: &mut Streams) -> Result<(), Failure> {
    Err(wiring::not_built_yet("explain"))
}

/// `rebsim init`
pub(crate) fn init(_args: &Init, _streams: &mut Streams) -> Result<(), Failure> {
    Err(wiring::not_built_yet("init"))
}

fn manual(verb: Option<&str>) -> Result<String, Failure> {
    let mut command = Cli::command();
    command.build();
    let chosen = match verb {
        None => command,
        Some(name) => match command.find_subcommand(name) {
            Some(verb) => verb.clone(),
            None => {
                let names: Vec<&str> = command
                    .get_subcommands()
                    .map(clap::Command::get_name)
                    .collect();
                let help = nearest(name, &names).map(|near| format!("did you mean `{near}`?"));
                return Err(Failure::usage(format!("there is no verb `{name}`"), help));
            }
        },
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(chosen)
        .render(&mut page)
        .map_err(|error| Failure::Bug(format!("the manual cannot be rendered: {error}")))?;
    text(page)
}

fn completions(shell: Shell) -> Result<String, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "rebsim", &mut script);
    text(script)
}

fn text(bytes: Vec<u8>) -> Result<String, Failure> {
    String::from_utf8(bytes).map_err(|error| Failure::Bug(format!("not UTF-8: {error}")))
}
