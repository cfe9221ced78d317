//! The streams: results to stdout, narration to stderr, each through one writer.
//!
//! A closed pipe is no failure: whatever comes after it is dropped in silence. Colour is never decided anywhere else:
//! `--color`, then `NO_COLOR`, then `CLICOLOR_FORCE`, then whether the stream is a terminal.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use super::args::{ColorChoice, Talk};
use super::exit::Failure;

/// stdout and stderr with what was decided about them.
pub(crate) struct Streams {
    out: io::Stdout,
    out_open: bool,
    /// `-q`
    pub(crate) quiet: bool,
    /// `-v`
    pub(crate) verbose: bool,
    /// stdout may carry colour.
    pub(crate) color_out: bool,
    /// stderr may carry colour.
    pub(crate) color_err: bool,
    /// Plain characters only.
    pub(crate) ascii: bool,
    /// stderr is a terminal.
    pub(crate) err_is_terminal: bool,
}

impl Streams {
    /// The streams of the process.
    pub(crate) fn of_process(talk: &Talk) -> Self {
        let (out, err) = (io::stdout(), io::stderr());
        Self {
            color_out: wants_color(talk.color, out.is_terminal()),
            color_err: wants_color(talk.color, err.is_terminal()),
            err_is_terminal: err.is_terminal(),
            out,
            out_open: true,
            quiet: talk.quiet,
            verbose: talk.verbose,
            ascii: talk.ascii || !locale_is_utf8(),
        }
    }

    /// Writes a result to stdout.
    pub(crate) fn result(&mut self, text: &str) -> Result<(), Failure> {
        if !self.out_open || text.is_empty() {
            return Ok(());
        }
        let written = self
            .out
            .write_all(text.as_bytes())
            .and_then(|()| self.out.flush());
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.out_open = false;
                Ok(())
            }
            Err(error) => Err(Failure::file("write", Path::new("standard output"), error)),
            Ok(()) => Ok(()),
        }
    }

    /// False once the reader of stdout has gone.
    pub(crate) const fn has_reader(&self) -> bool {
        self.out_open
    }

    /// Tells something by the way on stderr; not under `-q`.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            to_stderr(text);
        }
    }

    /// Tells what went wrong on stderr.
    pub(crate) fn error(&self, text: &str) {
        to_stderr(text);
    }

    /// Reports a failure that has not been reported yet.
    pub(crate) fn failure(&self, failure: &Failure) {
        if failure.is_told() {
            return;
        }
        let head = if self.color_err {
            let style = anstyle::AnsiColor::Red.on_default().bold();
            format!("{style}error{style:#}")
        } else {
            "error".to_owned()
        };
        let mut text = format!("{head}: {failure}");
        if let Failure::Usage {
            help: Some(help), ..
        } = failure
        {
            text.push_str("\nhelp: ");
            text.push_str(help);
        }
        self.error(&text);
    }
}

/// One block of lines to stderr; when nobody listens there is nobody to tell.
fn to_stderr(text: &str) {
    let mut block = text.trim_end_matches('\n').to_owned();
    block.push('\n');
    let _ = io::stderr().lock().write_all(block.as_bytes());
}

/// `--color` > `NO_COLOR` > `CLICOLOR_FORCE` > is a terminal.
fn wants_color(choice: ColorChoice, is_terminal: bool) -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto if set("NO_COLOR") => false,
        ColorChoice::Auto if set("CLICOLOR_FORCE") => {
            std::env::var_os("CLICOLOR_FORCE").is_some_and(|value| value != "0") || is_terminal
        }
        ColorChoice::Auto => {
            is_terminal && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
        }
    }
}

/// The locale of characters is UTF-8, or nobody said anything about it.
fn locale_is_utf8() -> bool {
    ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .is_none_or(|locale| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        })
}
