//! `rebsim assign`: cases in, assignments out, one line each, however many there are.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use super::args::{Assign, AssignFormat};
use super::exit::Failure;
use super::source;
use super::streams::Streams;
use crate::import::assignor_cases::{self, AssignorCase};
use crate::report::assignment;

/// Answers are gathered up to so many bytes before they are written.
const BLOCK: usize = 1 << 16;
/// A longer line is no case.
const LINE_BYTES_MAX: u64 = 1 << 28;

/// `rebsim assign`
pub(crate) fn assign(args: &Assign, streams: &mut Streams) -> Result<(), Failure> {
    if args.file == "-" {
        return cases(io::stdin().lock(), "<stdin>", args.format, streams);
    }
    let path = Path::new(&args.file);
    let file = fs::File::open(path).map_err(|error| {
        if source::is_absent(&error) {
            Failure::usage(format!("there is no file `{}`", args.file), None)
        } else {
            Failure::file("read", path, error)
        }
    })?;
    cases(BufReader::new(file), &args.file, args.format, streams)
}

/// Answers case after case; what was answered before a bad line is written before the failure is told.
fn cases(
    mut reader: impl BufRead,
    name: &str,
    format: AssignFormat,
    streams: &mut Streams,
) -> Result<(), Failure> {
    let mut line = Vec::new();
    let mut answers = String::new();
    let mut number = 0;
    let outcome = loop {
        line.clear();
        number += 1;
        match io::Read::take(&mut reader, LINE_BYTES_MAX).read_until(b'\n', &mut line) {
            Ok(0) => break Ok(()),
            Ok(_) => {}
            Err(error) => break Err(Failure::file("read", Path::new(name), error)),
        }
        match assignor_cases::parse_line(number, &line) {
            Ok(None) => continue,
            Ok(Some(case)) => answer(&case, format, &mut answers),
            Err(error) => {
                let message = format!("{name}:{}: {}", error.line, error.reason);
                break Err(Failure::usage(message, None));
            }
        }
        if answers.len() >= BLOCK {
            streams.result(&answers)?;
            answers.clear();
            if !streams.has_reader() {
                return Ok(());
            }
        }
    };
    streams.result(&answers)?;
    outcome
}

fn answer(case: &AssignorCase, format: AssignFormat, answers: &mut String) {
    let lists = case.run();
    match format {
        AssignFormat::Json => {
            answers.push_str(&assignment::json_line(&case.input, &lists));
            answers.push('\n');
        }
        AssignFormat::Text => {
            if !answers.is_empty() {
                answers.push('\n');
            }
            answers.push_str(&assignment::table(
                case.assignor.name(),
                &case.input,
                &lists,
            ));
        }
    }
}
