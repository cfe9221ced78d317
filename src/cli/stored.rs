//! A results folder read back: what was played, and what came out. Refuses what another version wrote and what was changed since.
//!
//! It reads; what the scenario means is for [`crate::scenario`], and whether it still gives the same for [`super::subject`].

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::exit::Failure;
use super::manifest::MODEL_VERSION;
use super::results::{MANIFEST, sha256};
use super::source::{is_absent, read_file, refusal};
use crate::kernel::Seed;
use crate::scenario::LoadError;

/// Larger files are none of ours.
const BYTES_MAX: usize = 1 << 28;

/// What a manifest says.
#[derive(Debug, Deserialize)]
struct Manifest {
    schema: String,
    version: String,
    model_version: u32,
    inputs: Inputs,
    files: Vec<Listed>,
    #[serde(default)]
    volatile: Volatile,
}

#[derive(Debug, Deserialize)]
struct Inputs {
    #[serde(default)]
    scenario_sha256: String,
    #[serde(default)]
    variants: Vec<String>,
    #[serde(default)]
    seeds: Vec<u64>,
    fidelity: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Listed {
    name: String,
    sha256: String,
}

#[derive(Debug, Default, Deserialize)]
struct Volatile {
    #[serde(default)]
    scenario_file: Option<String>,
    #[serde(default)]
    scenario_lines: BTreeMap<String, String>,
}

/// What a folder holds.
#[derive(Debug)]
pub(crate) struct Stored {
    /// The folder.
    pub(crate) folder: PathBuf,
    /// Text of the resolved scenario.
    pub(crate) scenario: String,
    /// Its hash.
    pub(crate) hash: String,
    /// The file that it was once read from; what it names lies beside that.
    pub(crate) file: String,
    /// Where its parts stood in that file.
    pub(crate) places: BTreeMap<String, String>,
    /// Variants played.
    pub(crate) variants: Vec<String>,
    /// Seeds played.
    pub(crate) seeds: Vec<Seed>,
    summary: Value,
}

/// True for a folder that a run has written.
///
/// # Errors
/// When it cannot be seen.
pub(crate) fn is_results(path: &Path) -> Result<bool, Failure> {
    let manifest = path.join(MANIFEST);
    match fs::metadata(&manifest) {
        Ok(metadata) => Ok(metadata.is_file()),
        Err(error) if is_absent(&error) => Ok(false),
        Err(error) => Err(Failure::file("read", &manifest, error)),
    }
}

/// A folder that is none of results; names some below it that are.
pub(crate) fn no_results(folder: &Path) -> Failure {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return Failure::file("read", folder, error),
    };
    let mut inside: Vec<String> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| is_results(path).is_ok_and(|is| is))
        .map(|path| path.display().to_string())
        .collect();
    inside.sort();
    inside.truncate(3);
    let help = if inside.is_empty() {
        "name a folder that `rebsim run` has written, or a scenario file".to_owned()
    } else {
        format!("results are in: {}", inside.join(", "))
    };
    let message = format!(
        "{} is no results folder: it holds no {MANIFEST}",
        folder.display()
    );
    Failure::usage(message, Some(help))
}

/// Reads the folder.
pub(crate) fn read(folder: &Path) -> Result<Stored, Failure> {
    let text = content(folder, MANIFEST)?;
    let manifest: Manifest = serde_json::from_str(&text)
        .map_err(|error| damaged(folder, &format!("{MANIFEST} is no manifest: {error}")))?;
    if manifest.schema != "rebsim/manifest/1" {
        let what = format!("{MANIFEST} is of schema {}", manifest.schema);
        return Err(damaged(folder, &what));
    }
    refuse_what_cannot_be_played_again(folder, &manifest)?;
    let scenario = checked(folder, "scenario.json", &manifest)?;
    let summary = checked(folder, "summary.json", &manifest)?;
    let summary = serde_json::from_str(&summary)
        .map_err(|error| damaged(folder, &format!("summary.json is no summary: {error}")))?;
    let (Some(_), Some(_)) = (
        manifest.inputs.variants.first(),
        manifest.inputs.seeds.first(),
    ) else {
        return Err(damaged(folder, "its manifest lists no variant or no seed"));
    };
    let there = folder.join("scenario.json").display().to_string();
    Ok(Stored {
        folder: folder.to_path_buf(),
        scenario,
        hash: manifest.inputs.scenario_sha256,
        file: manifest.volatile.scenario_file.unwrap_or(there),
        places: manifest.volatile.scenario_lines,
        variants: manifest.inputs.variants,
        seeds: manifest.inputs.seeds.into_iter().map(Seed).collect(),
        summary,
    })
}

/// Refuses results of another version, of a sweep, and of a mode that knows no single records.
fn refuse_what_cannot_be_played_again(folder: &Path, manifest: &Manifest) -> Result<(), Failure> {
    let version = env!("CARGO_PKG_VERSION");
    if (manifest.version.as_str(), manifest.model_version) != (version, MODEL_VERSION) {
        return Err(Failure::usage(
            format!(
                "{} was written by rebsim {} (model {}), this is rebsim {version} (model {MODEL_VERSION}): the same inputs may give other results",
                folder.display(),
                manifest.version,
                manifest.model_version
            ),
            Some(
                "run the scenario again with this version, or look at it with that one".to_owned(),
            ),
        ));
    }
    if manifest
        .files
        .iter()
        .all(|file| file.name != "summary.json")
    {
        return Err(Failure::usage(
            format!("{} holds no replications of a run", folder.display()),
            Some("play one cell of a sweep by `rebsim run`, and look at that".to_owned()),
        ));
    }
    if let Some(fidelity) = &manifest.inputs.fidelity {
        return Err(Failure::usage(
            format!(
                "{} holds results of the {fidelity} mode, which are approximate: there is no single record to look at",
                folder.display()
            ),
            Some("run the scenario without --fidelity, and look at that".to_owned()),
        ));
    }
    Ok(())
}

/// A file whose digest the manifest holds.
fn checked(folder: &Path, name: &str, manifest: &Manifest) -> Result<String, Failure> {
    let Some(listed) = manifest.files.iter().find(|file| file.name == name) else {
        return Err(damaged(folder, &format!("its manifest lists no {name}")));
    };
    let text = content(folder, name)?;
    if sha256(text.as_bytes()) != listed.sha256 {
        return Err(damaged(folder, &format!("{name} is not as it was written")));
    }
    Ok(text)
}

fn content(folder: &Path, name: &str) -> Result<String, Failure> {
    let path = folder.join(name);
    read_file(&path, BYTES_MAX).map_err(|error| match refusal(&error) {
        LoadError::NotFound => damaged(folder, &format!("{name} is missing")),
        LoadError::NotText => damaged(folder, &format!("{name} is not text")),
        LoadError::TooLarge => damaged(folder, &format!("{name} is too large")),
        LoadError::Unreadable(_) => Failure::file("read", &path, error),
    })
}

/// The folder is not as it was written.
pub(crate) fn damaged(folder: &Path, what: &str) -> Failure {
    Failure::usage(
        format!("{} is damaged: {what}", folder.display()),
        Some("run the scenario again with --force to write it anew".to_owned()),
    )
}

impl Stored {
    /// What the folder says of a replication: metric by metric.
    pub(crate) fn metrics(&self, variant: &str, seed: Seed) -> Option<&Value> {
        let mut variants = self.summary.get("variants")?.as_array()?.iter();
        let variant = variants.find(|known| known["name"] == variant)?;
        let mut seeds = variant.get("seeds")?.as_array()?.iter();
        seeds.find(|known| known["seed"] == seed.0)?.get("metrics")
    }
}
