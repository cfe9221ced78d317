//! The recipes of `docs/charts.md` draw: each block is run as it stands in a results folder, where the tool is there. Where it is not, the
//! test says so on stderr and draws nothing.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::support::{root, run_in};

/// What every PNG begins with.
const PNG: &[u8] = &[0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n'];

/// A picture without content is smaller.
const BYTES_MIN: usize = 5_000;

/// A block of code: the language, and the picture that its first line names.
struct Recipe {
    language: String,
    picture: String,
    code: String,
}

fn recipes() -> Vec<Recipe> {
    let page = fs::read_to_string(root().join("docs/charts.md")).expect("the page can be read");
    let mut recipes = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(language) = line.strip_prefix("```") else {
            continue;
        };
        let code: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        // What else is in a block is a command to be typed.
        let Some(picture) = code.first().and_then(|line| line.strip_prefix("# ")) else {
            continue;
        };
        recipes.push(Recipe {
            language: language.to_owned(),
            picture: picture.to_owned(),
            code: code.join("\n") + "\n",
        });
    }
    recipes
}

/// The command that runs a file of the language, and one that fails when it cannot.
fn tool(language: &str) -> (&'static str, &'static [&'static str]) {
    match language {
        "gnuplot" => ("gnuplot", &["-e", "set terminal pngcairo"]),
        "python" => ("python3", &["-c", "import pandas, matplotlib"]),
        "r" => ("Rscript", &["-e", "library(ggplot2)"]),
        other => panic!("nothing runs {other}"),
    }
}

fn is_there(language: &str) -> bool {
    let (program, probe) = tool(language);
    let mut command = Command::new(program);
    command
        .args(probe)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn draw(recipe: &Recipe, folder: &Path) {
    let script = folder.join(format!("{}.script", recipe.picture));
    fs::write(&script, &recipe.code).expect("the script can be written");
    let (program, _) = tool(&recipe.language);
    let ran = Command::new(program)
        .arg(&script)
        .current_dir(folder)
        .output()
        .expect("the tool can be started");
    let told = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{}: {told}", recipe.picture);
    let picture = fs::read(folder.join(&recipe.picture)).expect("it has drawn");
    assert!(picture.starts_with(PNG), "{} is no PNG", recipe.picture);
    assert!(picture.len() > BYTES_MIN, "{} is empty", recipe.picture);
}

#[test]
fn the_recipes_draw_what_they_promise() {
    let recipes = recipes();
    for language in ["gnuplot", "python", "r"] {
        let of = recipes.iter().filter(|recipe| recipe.language == language);
        assert_eq!(of.count(), 3, "lag, downtime and ownership in {language}");
    }
    let home = tempfile::tempdir().expect("a folder for the test");
    let ran = run_in(home.path(), &["compare", "protocol-shootout", "-q"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let results = fs::read_dir(home.path().join("results"))
        .expect("there are results")
        .next()
        .expect("one folder")
        .expect("it can be listed")
        .path();
    for language in ["gnuplot", "python", "r"] {
        if !is_there(language) {
            #[expect(
                clippy::disallowed_macros,
                reason = "whoever reads the log is to know what was not tried"
            )]
            {
                eprintln!("SKIPPED: nothing here runs the {language} recipes of docs/charts.md");
            }
            continue;
        }
        for recipe in recipes.iter().filter(|recipe| recipe.language == language) {
            draw(recipe, &results);
        }
    }
}

#[test]
fn the_pictures_of_the_page_are_committed_and_small() {
    let page = fs::read_to_string(root().join("docs/charts.md")).expect("the page can be read");
    let mut seen = 0;
    for line in page.lines().filter(|line| line.starts_with("![")) {
        let path = line
            .rsplit_once('(')
            .and_then(|(_, rest)| rest.strip_suffix(')'))
            .expect("a picture has a path");
        let picture = fs::read(root().join("docs").join(path)).expect("it is committed");
        assert!(
            picture.starts_with(PNG) && picture.len() < 100_000,
            "{path}"
        );
        seen += 1;
    }
    assert_eq!(seen, 3);
}
