//! What ships beside the program: schema, metrics, manual, completions, examples, explanations.

use clap::CommandFactory;
use clap_complete::Shell;
use serde_json::{Value, json};

use super::args::{Cli, Generate, Init, LookFormat, OverrideArgs};
use super::exit::Failure;
use super::source::{nearest, no_example, shipped};
use super::streams::Streams;
use super::understand::understand;
use crate::metrics::registry;
use crate::report::{figures, json as summary};
use crate::scenario::code::Code;
use crate::scenario::examples::{self, Example};
use crate::scenario::schema;

/// Width of text for people.
const COLUMNS: usize = 80;

/// `rebsim generate`
pub(crate) fn generate(what: &Generate, streams: &mut Streams) -> Result<(), Failure> {
    let text = match what {
        Generate::Schema => schema::text(),
        Generate::SummarySchema => summary::schema_text(),
        Generate::Metrics => registry::document(),
        Generate::Man { verb } => manual(verb.as_deref())?,
        Generate::Completions { shell } => completions(*shell)?,
    };
    streams.result(&text)
}

/// Every code with its title.
pub(crate) fn codes(format: LookFormat) -> String {
    let line = |code: &Code| format!("{code}  {}\n", code.title());
    match format {
        LookFormat::Text => Code::ALL.iter().map(line).collect(),
        LookFormat::Json => documented(Code::ALL),
    }
}

/// What a code means; `None` when there is none of that name.
pub(crate) fn meaning(name: &str, format: LookFormat) -> Option<String> {
    let code = Code::parse(name)?;
    let text = format!("{code}: {}\n\n{}", code.title(), code.explanation().trim());
    Some(match format {
        LookFormat::Text => wrapped(&text),
        LookFormat::Json => documented(&[code]),
    })
}

/// One document, schema `rebsim/codes/1`.
fn documented(codes: &[Code]) -> String {
    let one = |code: &Code| {
        json!({
            "code": code.name(),
            "title": code.title(),
            "meaning": code.explanation().trim(),
        })
    };
    let codes: Vec<Value> = codes.iter().map(one).collect();
    let document = json!({ "schema": "rebsim/codes/1", "codes": codes });
    format!("{document:#}\n")
}

/// There is no such code, nor results of that name.
pub(crate) fn no_code(name: &str) -> Failure {
    let names: Vec<&str> = Code::ALL.iter().map(|code| code.name()).collect();
    let help = match nearest(name, &names) {
        Some(near) => format!("did you mean {near}? rebsim explain --list shows all"),
        None => {
            "name a results folder, a scenario or a code; rebsim explain --list shows the codes"
                .to_owned()
        }
    };
    let message = format!("there is no code `{name}`, nor a file, folder or shipped example");
    Failure::usage(message, Some(help))
}

/// Lines broken at blanks so that they fit [`COLUMNS`]; indented ones (examples) are left alone.
fn wrapped(text: &str) -> String {
    let lines = text.lines().map(|line| match line.starts_with(' ') {
        true => format!("{line}\n"),
        false => figures::wrapped(line, COLUMNS) + "\n",
    });
    lines.collect()
}

/// `rebsim init`
pub(crate) fn init(args: &Init, streams: &mut Streams) -> Result<(), Failure> {
    if args.list {
        return streams.result(&examples_list());
    }
    match examples::find(&args.example) {
        Some(example) => streams.result(example.text),
        None => {
            let message = format!("there is no shipped example `{}`", args.example);
            Err(no_example(&args.example, &message))
        }
    }
}

/// The shipped examples with their questions.
fn examples_list() -> String {
    let width = examples::EXAMPLES
        .iter()
        .map(|example| example.name.len())
        .max()
        .unwrap_or(0);
    let mut list = String::new();
    for example in examples::EXAMPLES {
        let line = format!("{:width$}  {}", example.name, question(example));
        list.push_str(line.trim_end());
        list.push('\n');
    }
    list
}

/// What an example asks, in its own words: its `about`, in one line.
fn question(example: &Example) -> String {
    let input = shipped(example);
    let scenario = understand(&input, &OverrideArgs::default());
    let about = scenario.ok().and_then(|scenario| scenario.about);
    let about = about.unwrap_or_default();
    about.split_whitespace().collect::<Vec<_>>().join(" ")
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
