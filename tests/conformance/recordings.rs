//! Reading and playing the recordings for the tests.

use std::fs;
use std::path::{Path, PathBuf};

use rebsim::experiment::{processors, replay};
use rebsim::import::recording::{Recording, parse};
use rebsim::report::fidelity::RunFidelity;

pub(crate) fn golden() -> PathBuf {
    folder("traces")
}

/// A folder of recordings.
pub(crate) fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name)
}

pub(crate) fn read(path: &Path) -> Recording {
    let name = path.display();
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{name}: {error}"));
    parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The recordings of a folder in order of name.
pub(crate) fn read_folder(folder: &Path) -> Vec<Recording> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("the folder can be listed").path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "json"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "no recordings in {}", folder.display());
    paths.iter().map(|path| read(path)).collect()
}

/// The recording ready to be played; `None` when it needs what has no model.
pub(crate) fn prepare(recording: &Recording) -> Option<replay::Replay<'_>> {
    match replay::prepare(recording) {
        Ok(replay) => Some(replay),
        Err(replay::Unplayable::NotModelled(_)) => None,
        Err(refused) => panic!("{}: {refused:?}", recording.name),
    }
}

fn play(replays: &[replay::Replay<'_>]) -> Vec<replay::Replayed> {
    let played = replay::play(replays, None, &replay::options(), processors());
    played.unwrap_or_else(|(run, halt)| panic!("{run}: {halt:?}"))
}

/// The judgements of `played`.
pub(crate) fn judged(played: Vec<replay::Replayed>) -> Vec<RunFidelity> {
    played.into_iter().map(|run| run.fidelity).collect()
}

/// Plays every run of every recording; also says how many recordings need what has no model.
pub(crate) fn play_all(recordings: &[Recording]) -> (Vec<RunFidelity>, usize) {
    let replays: Vec<_> = recordings.iter().filter_map(prepare).collect();
    let not_modelled = recordings.len() - replays.len();
    (judged(play(&replays)), not_modelled)
}

/// The recordings of the consumer protocol of a release, each of them played.
pub(crate) fn play_consumer(release: &str) -> (Vec<Recording>, Vec<replay::Replayed>) {
    play_folder(match release {
        "4.4.0" => "traces-consumer",
        _ => "traces-4.1.1",
    })
}

/// The recordings of a folder that has a model for all of them, each of them played.
pub(crate) fn play_folder(name: &str) -> (Vec<Recording>, Vec<replay::Replayed>) {
    let recordings = read_folder(&folder(name));
    let replays: Vec<_> = recordings.iter().filter_map(prepare).collect();
    assert_eq!(replays.len(), recordings.len(), "all of them are modelled");
    let played = play(&replays);
    drop(replays);
    (recordings, played)
}
