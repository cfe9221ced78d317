//! Reads the sources and holds the rules of the house: the order of layers, the nevers, sizes, headers, no leftovers.

use std::fs;
use std::path::{Path, PathBuf};

/// A module may name only modules to its left.
const LAYERS: [&str; 13] = [
    "kernel",
    "assignor",
    "timeline",
    "metrics",
    "protocol",
    "workload",
    "platform",
    "scenario",
    "cluster",
    "report",
    "import",
    "experiment",
    "cli",
];

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 90;

/// (who, which words, why): the words may not occur in the code of these modules.
const NEVERS: &[(&[&str], &[&str], &str)] = &[
    (
        &["kernel"],
        &[
            "Kafka",
            "kafka",
            "Partition",
            "partition",
            "Topic",
            "topic",
            "Broker",
            "Rebalance",
            "Coordinator",
            "GroupId",
            "ConsumerId",
            "MemberId",
        ],
        "the kernel names nothing of Kafka",
    ),
    (
        &["assignor", "protocol", "platform"],
        &["Draw::new", "Stream::new", "ChaCha", "rand::"],
        "a machine does not draw from a generator that it was not handed",
    ),
    (
        &["protocol/classic"],
        &["protocol::consumer"],
        "the two protocols do not know each other",
    ),
    (
        &["protocol/consumer"],
        &["protocol::classic"],
        "the two protocols do not know each other",
    ),
    (
        &["metrics", "report"],
        &["crate::cluster", "crate::protocol"],
        "if a number needs a fact, the fact is on the timeline",
    ),
];

/// Outside `cli` nothing touches the machine.
const MACHINE: &[&str] = &[
    "std::fs",
    "std::io",
    "std::env",
    "std::net",
    "std::process",
    "std::time",
    "Instant::now",
    "SystemTime",
    "process::exit",
    "io::stdin",
    "io::stdout",
    "io::stderr",
    "File::open",
];

/// Outside `experiment` nothing runs beside anything.
const THREADS: &[&str] = &[
    "std::thread",
    "thread::spawn",
    "thread::scope",
    "rayon",
    "mpsc",
];

struct File {
    /// Path from the root of the repository, with `/`.
    name: String,
    text: String,
    /// The text without comments and without what stands between quotes.
    code: String,
}

impl File {
    /// The module below `src` that the file belongs to: `kernel`, `main`, …
    fn layer(&self) -> Option<&str> {
        let path = self.name.strip_prefix("src/")?;
        let head = path.split('/').next()?;
        Some(head.strip_suffix(".rs").unwrap_or(head))
    }

    fn is_under(&self, module: &str) -> bool {
        self.name
            .strip_prefix("src/")
            .and_then(|path| path.strip_prefix(module))
            .is_some_and(|rest| rest.starts_with('/') || rest.starts_with('.'))
    }

    /// The line of a position in the code, for messages.
    fn line(&self, at: usize) -> usize {
        self.code[..at].matches('\n').count() + 1
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let path = entry.expect("a source folder can be listed").path();
        if path.is_dir() {
            walk(&path, found);
        } else {
            found.push(path);
        }
    }
}

fn rust_files() -> Vec<File> {
    let mut paths = Vec::new();
    for folder in ["src", "tests"] {
        walk(&root().join(folder), &mut paths);
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    paths.sort();
    assert!(paths.len() > 20, "the sources were not found");
    let files = paths.iter().map(|path| {
        let text = fs::read_to_string(path).expect("a source can be read");
        let relative = path
            .strip_prefix(root())
            .expect("it was found below the root");
        File {
            name: relative.to_string_lossy().replace('\\', "/"),
            code: code_of(&text),
            text,
        }
    });
    files.collect()
}

/// Blanks comments, strings and characters, keeping every line break.
fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let blanked = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |at| at + 2)
        } else if rest.starts_with("r\"") || rest.starts_with("r#") && raw_string(rest).is_some() {
            raw_string(rest).unwrap_or(rest.len())
        } else if letter == '"' {
            quoted(rest, '"')
        } else if letter == '\'' {
            // A character, not a lifetime: it closes again within a few letters.
            let closes = quoted(rest, '\'');
            if closes <= 12 && is_character(&rest[..closes]) {
                closes
            } else {
                0
            }
        } else {
            0
        };
        if blanked == 0 {
            code.push(letter);
            rest = &rest[letter.len_utf8()..];
        } else {
            code.extend(rest[..blanked].chars().filter(|letter| *letter == '\n'));
            rest = &rest[blanked..];
        }
    }
    code
}

fn raw_string(text: &str) -> Option<usize> {
    let hashes = text[1..]
        .chars()
        .take_while(|letter| *letter == '#')
        .count();
    let body = text[1 + hashes..].strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    Some(1 + hashes + 1 + body.find(&close)? + close.len())
}

fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, letter) in text.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if letter == quote => return at + quote.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

fn is_character(text: &str) -> bool {
    let inner = text.trim_matches('\'');
    text == "'\\''" || inner.starts_with('\\') || inner.chars().count() == 1
}

/// The modules of this crate that the code names after `prefix` (`crate::` or `rebsim::`), with their positions.
fn named_modules<'a>(code: &'a str, prefix: &str) -> Vec<(usize, &'a str)> {
    let mut names = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_') {
            continue;
        }
        let rest = &code[at + prefix.len()..];
        if let Some(list) = rest.strip_prefix('{') {
            let mut depth = 0_i32;
            let mut start = true;
            for (offset, letter) in list.char_indices() {
                match letter {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => start = true,
                    _ if letter.is_whitespace() => {}
                    _ if start && depth == 0 => {
                        names.push((at, identifier(&list[offset..])));
                        start = false;
                    }
                    _ => {}
                }
            }
        } else {
            names.push((at, identifier(rest)));
        }
    }
    names
}

fn identifier(text: &str) -> &str {
    let end = text.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
    &text[..end.unwrap_or(text.len())]
}

fn report(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn a_module_names_only_modules_to_its_left() {
    let mut problems = Vec::new();
    let place = |name: &str| LAYERS.iter().position(|layer| *layer == name);
    for file in rust_files() {
        let Some(layer) = file.layer() else { continue };
        if layer == "main" {
            for (at, name) in named_modules(&file.code, "rebsim::") {
                if name != "cli" {
                    problems.push(format!("{}:{}: names {name}", file.name, file.line(at)));
                }
            }
            continue;
        }
        if layer == "lib" {
            continue;
        }
        let Some(own) = place(layer) else {
            problems.push(format!("{}: {layer} is no layer", file.name));
            continue;
        };
        for (at, name) in named_modules(&file.code, "crate::") {
            match place(name) {
                Some(other) if other <= own => {}
                Some(_) => problems.push(format!(
                    "{}:{}: {layer} names {name}, to its right",
                    file.name,
                    file.line(at)
                )),
                None => problems.push(format!(
                    "{}:{}: crate::{name} is no layer",
                    file.name,
                    file.line(at)
                )),
            }
        }
    }
    report(&problems);
}

#[test]
fn nobody_does_what_is_never_done() {
    let mut problems = Vec::new();
    let mut hold = |file: &File, words: &[&str], why: &str| {
        for word in words {
            if let Some(at) = file.code.find(word) {
                let line = file.line(at);
                problems.push(format!("{}:{line}: {word}: {why}", file.name));
            }
        }
    };
    for file in rust_files() {
        let Some(layer) = file.layer() else { continue };
        for (modules, words, why) in NEVERS {
            if modules.iter().any(|module| file.is_under(module)) {
                hold(&file, words, why);
            }
        }
        if !["cli", "main"].contains(&layer) {
            hold(&file, MACHINE, "only cli touches the machine");
        }
        if layer != "experiment" {
            hold(&file, THREADS, "only experiment uses threads");
        }
        if !file.is_under("scenario/yaml") {
            hold(&file, &["serde_saphyr"], "one module knows the YAML parser");
        }
    }
    report(&problems);
}

#[test]
fn files_and_functions_stay_short() {
    let mut problems = Vec::new();
    for file in rust_files() {
        let lines: Vec<&str> = file.text.lines().collect();
        if lines.len() > FILE_LINES_MAX {
            problems.push(format!("{}: {} lines", file.name, lines.len()));
        }
        for (number, line) in lines.iter().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let is_function = line
                .trim_start()
                .split(' ')
                .take_while(|word| {
                    word.starts_with("pub") || ["const", "unsafe", "async", "fn"].contains(word)
                })
                .any(|word| word == "fn");
            if !is_function {
                continue;
            }
            let close = format!("{}}}", " ".repeat(indent));
            let end = lines[number..].iter().position(|line| *line == close);
            let length = end.map_or(1, |end| end + 1);
            let has_body = lines[number..]
                .iter()
                .take(length)
                .any(|line| line.trim_end().ends_with('{'));
            if has_body && length > FUNCTION_LINES_MAX {
                let name = &file.name;
                problems.push(format!("{name}:{}: {length} lines of function", number + 1));
            }
        }
    }
    report(&problems);
}

#[test]
fn every_file_opens_with_what_it_owns() {
    let mut problems = Vec::new();
    for file in rust_files() {
        let header: Vec<&str> = file
            .text
            .lines()
            .take_while(|line| line.starts_with("//!"))
            .collect();
        let words = header
            .iter()
            .flat_map(|line| line.split_whitespace())
            .count();
        let is_empty = file.code.trim().is_empty();
        if words < 4 && !is_empty {
            problems.push(format!("{}: no header that says what it owns", file.name));
        }
    }
    report(&problems);
}

#[test]
fn nothing_is_left_over() {
    let mut problems = Vec::new();
    // Written in two parts, so that this file does not find itself.
    let markers = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X"),
        concat!("HA", "CK"),
    ];
    let calls = [
        "todo!",
        "unimplemented!",
        "dbg!",
        "println!",
        "print!",
        "eprintln!",
        "eprint!",
    ];
    for file in rust_files() {
        for (number, line) in file.text.lines().enumerate() {
            for marker in markers {
                let alone = |at: usize| {
                    let around = [
                        line[..at].chars().next_back(),
                        line[at + marker.len()..].chars().next(),
                    ];
                    around
                        .iter()
                        .flatten()
                        .all(|letter| !letter.is_alphanumeric())
                };
                if line.match_indices(marker).any(|(at, _)| alone(at)) {
                    problems.push(format!("{}:{}: {marker}", file.name, number + 1));
                }
            }
        }
        // A test may print what it measured.
        let prints = |call: &&&str| call.contains("print") && file.name.starts_with("tests/");
        for call in calls.iter().filter(|call| !prints(call)) {
            for (at, _) in file.code.match_indices(call) {
                let before = file.code[..at].chars().next_back();
                if before.is_none_or(|letter| !letter.is_alphanumeric() && letter != '_') {
                    problems.push(format!("{}:{}: {call}", file.name, file.line(at)));
                }
            }
        }
        let production = file.code.split("#[cfg(test)]").next().unwrap_or("");
        if file.name.starts_with("src/") && production.contains(".unwrap()") {
            problems.push(format!("{}: unwrap() states no invariant", file.name));
        }
    }
    report(&problems);
}

#[test]
fn the_reader_of_code_sees_code_only() {
    let text =
        "let a = \"crate::cli\"; // crate::cli\nlet b = '\"'; let c: &'a str = r#\"x\"y\"#; d";
    let code = code_of(text);
    assert!(!code.contains("cli"), "{code}");
    assert!(
        code.contains("let b") && code.contains("&'a str") && code.ends_with("; d"),
        "{code}"
    );
    let names = named_modules(
        "use crate::{kernel::{Seed, x}, cli}; crate::report::y",
        "crate::",
    );
    let names: Vec<_> = names.into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["kernel", "cli", "report"]);
}
