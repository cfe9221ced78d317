//! What becomes of a results folder.

use std::fs;

use super::*;

fn files(entries: &[(&str, &'static str)]) -> Files<'static> {
    let rows = |content: &'static str| -> Rows<'static> {
        Box::new(|out| content.lines().try_for_each(|line| writeln!(out, "{line}")))
    };
    entries
        .iter()
        .map(|(name, content)| ((*name).to_owned(), Content::Rows(rows(content))))
        .collect()
}

fn no_manifest(_: &[Listed]) -> String {
    "{}".to_owned()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| {
            let entry = entry.expect("the folder can be listed");
            entry.file_name().to_string_lossy().into_owned()
        })
        .collect();
    names.sort();
    names
}

#[test]
fn a_folder_is_new_then_unchanged_then_refused_then_forced() {
    let home = tempfile::tempdir().expect("a folder for the test");
    let place = Place::probe(&home.path().join("a/b")).expect("it can be written to");
    let one = files(&[("lag.csv", "1\n"), ("summary.csv", "1\n")]);
    let two = files(&[("lag.csv", "1\n"), ("summary.csv", "2\n")]);
    let write = |files: &Files<'_>, force| place.write("x", files, &no_manifest, force);
    assert!(matches!(write(&one, false), Ok(Written::New)));
    assert!(matches!(write(&one, false), Ok(Written::Unchanged)));
    let refused = Written::Refused("summary.csv".into());
    assert_eq!(write(&two, false).expect("it can be read"), refused);
    let folder = home.path().join("a/b/x");
    let there = || fs::read_to_string(folder.join("summary.csv")).expect("it is there");
    assert_eq!(there(), "1\n");
    let replaced = Written::Replaced("summary.csv".into());
    assert_eq!(write(&two, true).expect("it can be replaced"), replaced);
    assert_eq!(there(), "2\n");
    assert_eq!(
        names(&home.path().join("a/b")),
        ["x"],
        "nothing hidden is left"
    );
    let all = ["SHA256SUMS", "lag.csv", "manifest.json", "summary.csv"];
    assert_eq!(names(&folder), all);
}

#[test]
fn a_file_too_many_or_too_few_is_a_difference() {
    let home = tempfile::tempdir().expect("a folder for the test");
    let place = Place::probe(home.path()).expect("it can be written to");
    let one = files(&[("b", "1\n")]);
    let written = place.write("x", &one, &no_manifest, false);
    assert_eq!(written.expect("it is new"), Written::New);
    let more = files(&[("a", "1\n"), ("b", "1\n")]);
    let refused = |files| {
        place
            .write("x", files, &no_manifest, false)
            .expect("it can be read")
    };
    assert_eq!(refused(&more), Written::Refused("a".into()));
    fs::write(home.path().join("x/c"), "mine").expect("it can be written");
    assert_eq!(refused(&one), Written::Refused("c".into()));
}

#[test]
fn a_probed_place_that_stays_empty_is_removed() {
    let home = tempfile::tempdir().expect("a folder for the test");
    drop(Place::probe(&home.path().join("a/b")));
    assert!(names(home.path()).is_empty());
    fs::write(home.path().join("file"), "").expect("it can be written");
    let failure = Place::probe(&home.path().join("file/deep")).expect_err("a file is no folder");
    assert_eq!(failure.exit(), crate::cli::exit::Exit::File);
}

#[test]
fn digests_are_those_of_sha256sum() {
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(sha256(b""), empty);
}

#[test]
fn a_table_of_many_chunks_is_counted_and_digested_as_one() {
    let home = tempfile::tempdir().expect("a folder for the test");
    let place = Place::probe(home.path()).expect("it can be written to");
    let row = "0123456789abcdef".repeat(100);
    let long: String = std::iter::repeat_n(&*row, 200).collect();
    let wide = "w".repeat(3 * CHUNK);
    let table: Rows<'_> = Box::new(|out| (0..200).try_for_each(|_| out.write_str(&row)));
    let files = Files::from([
        ("a.csv".to_owned(), Content::Rows(table)),
        ("b.csv".to_owned(), Content::Text(wide.clone())),
    ]);
    let manifest = |listed: &[Listed]| {
        assert_eq!((listed[0].bytes, listed[1].bytes), (320_000, 3 * 65_536));
        sums(listed)
    };
    place.write("x", &files, &manifest, false).expect("written");
    let there = |name: &str| {
        let path = home.path().join("x").join(name);
        fs::read_to_string(path).expect("it is there")
    };
    assert_eq!(there("a.csv"), long);
    assert_eq!(there("b.csv"), wide);
    let digests = [("a.csv", &long), ("b.csv", &wide)]
        .map(|(name, text)| format!("{}  {name}\n", sha256(text.as_bytes())));
    assert_eq!(there(SUMS), digests.concat());
    assert_eq!(there(MANIFEST), digests.concat());
}

#[test]
fn a_table_that_breaks_off_leaves_nothing_and_what_was_there_stays() {
    let home = tempfile::tempdir().expect("a folder for the test");
    let place = Place::probe(home.path()).expect("it can be written to");
    let one = files(&[("a.csv", "1\n"), ("b.csv", "1\n")]);
    let mut broken = files(&[("a.csv", "2\n")]);
    let breaks_off: Rows<'_> = Box::new(|out| {
        out.write_str("2")?;
        Err(fmt::Error)
    });
    broken.insert("b.csv".to_owned(), Content::Rows(breaks_off));
    let write = |files: &Files<'_>| place.write("x", files, &no_manifest, true);
    let failure = write(&broken).expect_err("the second table breaks off");
    assert_eq!(failure.exit(), crate::cli::exit::Exit::File);
    assert!(names(home.path()).is_empty());
    write(&one).expect("it is new");
    write(&broken).expect_err("the second table breaks off");
    assert_eq!(names(home.path()), ["x"]);
    let there = fs::read_to_string(home.path().join("x/a.csv"));
    assert_eq!(there.expect("it is there"), "1\n");
}

#[test]
fn folder_names_are_plain_whatever_the_scenario_is_called() {
    assert!(folder_name("nightly-deploy", "").starts_with("nightly-deploy-e3b0c442"));
    assert!(folder_name("../../etc", "").starts_with("etc-"));
    assert!(folder_name("ü", "").starts_with("scenario-"));
}

/// In a container the number of a process is mostly that of the one before it.
#[test]
fn what_killed_processes_left_is_taken_away_and_what_one_that_lives_makes_is_not() {
    let home = tempfile::tempdir().expect("a folder for the test");
    let place = Place::probe(home.path()).expect("it can be written to");
    let process = std::process::id();
    let left = [format!(".x.new-{process}"), ".x.new-1-2".to_owned()];
    for left in &left {
        let new = home.path().join(left).join("new");
        fs::create_dir_all(&new).expect("it is new");
        fs::write(new.join("a.csv"), "half").expect("it can be written");
    }
    let other = home.path().join(".y.new-1");
    fs::create_dir(&other).expect("it is new");
    let alive = Hidden::new(home.path(), "x").expect("it can be made");
    let made = format!(".x.new-{process}");
    assert_eq!(names(home.path()), [&*made, ".y.new-1"]);
    let one = files(&[("a.csv", "1\n")]);
    let written = place.write("x", &one, &no_manifest, false);
    assert_eq!(written.expect("it is new"), Written::New);
    assert_eq!(names(home.path()), [&*made, ".y.new-1", "x"]);
    drop(alive);
    let two = files(&[("a.csv", "2\n")]);
    let written = place.write("x", &two, &no_manifest, true);
    assert_eq!(written.expect("forced"), Written::Replaced("a.csv".into()));
    let there = fs::read_to_string(home.path().join("x/a.csv"));
    assert_eq!(there.expect("it is there"), "2\n");
    assert_eq!(names(home.path()), [".y.new-1", "x"]);
}

/// Killed between the two renames, a process leaves the old results within its hidden folder alone.
#[test]
fn results_that_were_about_to_be_replaced_when_their_process_was_killed_come_back() {
    let home = tempfile::tempdir().expect("a folder for the test");
    let place = Place::probe(home.path()).expect("it can be written to");
    let one = files(&[("a.csv", "1\n")]);
    place.write("x", &one, &no_manifest, false).expect("new");
    let left = home.path().join(".x.new-1");
    fs::create_dir_all(left.join("new")).expect("it is new");
    fs::rename(home.path().join("x"), left.join("old")).expect("it can be moved");
    let two = files(&[("a.csv", "2\n")]);
    let refused = place.write("x", &two, &no_manifest, false);
    assert_eq!(
        refused.expect("it can be read"),
        Written::Refused("a.csv".into())
    );
    let there = fs::read_to_string(home.path().join("x/a.csv"));
    assert_eq!(there.expect("it is back"), "1\n");
    assert_eq!(names(home.path()), ["x"]);
}

#[test]
fn a_manifest_that_is_gone_broken_or_another_versions_is_written_anew() {
    let home = tempfile::tempdir().expect("a folder for the test");
    let place = Place::probe(home.path()).expect("it can be written to");
    let one = files(&[("a.csv", "1\n")]);
    let manifest = |took: u32| {
        move |_: &[Listed]| format!("{{ \"version\": \"2\", \"volatile\": {{ \"ms\": {took} }} }}")
    };
    let write = |took| {
        let written = place.write("x", &one, &manifest(took), false);
        written.expect("it can be written")
    };
    let path = home.path().join("x").join(MANIFEST);
    let there = || fs::read_to_string(&path).expect("it is there");
    assert_eq!(write(1), Written::New);
    assert_eq!(write(2), Written::Unchanged);
    assert!(there().contains("\"ms\": 1"), "{}", there());
    for broken in ["", "{", "[]", "{ \"version\": \"1\", \"volatile\": {} }"] {
        fs::write(&path, broken).expect("it can be written");
        assert_eq!(write(3), Written::Told, "{broken}");
        assert!(there().contains("\"ms\": 3"), "{}", there());
        assert_eq!(write(4), Written::Unchanged);
    }
    fs::remove_file(&path).expect("it is there");
    assert_eq!(write(5), Written::Told);
    assert_eq!(names(home.path()), ["x"], "nothing hidden is left");
}
