//! Measures rebsim against others, side by side in one run, and writes the table of `docs/performance.md`.
//!
//! `cargo run --release --manifest-path benches/runner/Cargo.toml -- --write`; sections as further words (`a` to `g`) measure those alone and print
//! them. Who is not on this machine (Java, Maven, SimPy) is skipped, and it is said.

mod assignors;
mod clock;
mod events;
mod group;
mod nexo;
mod rivals;
mod table;

use std::process::ExitCode;

use table::Row;

/// As in the program that is measured.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SECTIONS: [(&str, fn() -> Vec<Row>); 7] = [
    ("a", events::rows),
    ("b", assignors::rows),
    ("c", group::day),
    ("d", group::deploy),
    ("e", group::cells),
    ("f", group::memory),
    ("g", group::start),
];

const BEGIN: &str = "<!-- measured: begin -->\n";
const END: &str = "<!-- measured: end -->\n";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [play, file, variant, set @ ..] = &arguments[..]
        && play == "play"
    {
        group::play(file, variant, set);
        return ExitCode::SUCCESS;
    }
    let writes = arguments.iter().any(|word| word == "--write");
    let wanted = |name: &str| {
        let mut named = arguments
            .iter()
            .filter(|word| !word.starts_with("--"))
            .peekable();
        named.peek().is_none() || named.any(|word| word == name)
    };
    let mut rows = Vec::new();
    for (name, measure) in SECTIONS {
        if wanted(name) {
            eprintln!("measuring ({name})");
            rows.append(&mut measure());
        }
    }
    let text = table::render(&rows);
    print!("{text}");
    if writes && !write(&text) {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Puts the table between the marks of the page; false when that is not possible.
fn write(text: &str) -> bool {
    let path = rivals::here().join("../../docs/performance.md");
    let Ok(page) = std::fs::read_to_string(&path) else {
        eprintln!("no page {}", path.display());
        return false;
    };
    let (Some(begin), Some(end)) = (page.find(BEGIN), page.find(END)) else {
        eprintln!("{} has no marks", path.display());
        return false;
    };
    let head = &page[..begin + BEGIN.len()];
    let written = std::fs::write(&path, format!("{head}{text}{}", &page[end..]));
    written.is_ok()
}
