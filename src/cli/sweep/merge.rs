//! `rebsim merge`: shards become the sweep that they are parts of, byte for byte; what is missing, doubled, damaged, of another sweep or
//! of another version is refused by number.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::output::{self, Demands};
use super::{folder_of, inputs, shard};
use crate::cli::args::Merge as Args;
use crate::cli::baseline::{Kind, Now};
use crate::cli::exit::Failure;
use crate::cli::manifest::{self, MODEL_VERSION};
use crate::cli::output::tell;
use crate::cli::results::{Listed, MANIFEST, Place, SUMS, listed_in, sha256};
use crate::cli::source;
use crate::cli::streams::Streams;
use crate::experiment::sweep::{Shard, tasks};
use crate::kernel::Seed;
use crate::metrics::condition::Condition;
use crate::report::sweep::{Row, Sweep, gate, read};
use crate::scenario::LoadError;

/// As large as a file of a shard may be: 1 GiB.
pub(super) const MAX_BYTES: usize = 1 << 30;

/// A shard as it lies there.
struct Part {
    folder: PathBuf,
    shard: Shard,
    /// Inputs without the shard's number.
    inputs: Value,
    grid: String,
    scenario: String,
    cells: String,
}

/// `rebsim merge`
pub(crate) fn merge(args: &Args, streams: &mut Streams) -> Result<(), Failure> {
    let requirements: Result<Vec<Condition>, String> = args
        .gate
        .require
        .iter()
        .map(|text| {
            let condition = Condition::parse_whole(text).map_err(|error| error.to_string())?;
            gate::check(&condition)?;
            Ok(condition)
        })
        .collect();
    let requirements =
        requirements.map_err(|message| Failure::usage(format!("--fail-on: {message}"), None))?;
    let mut parts = Vec::new();
    for folder in folders(&args.folders)? {
        parts.push(part(&folder)?);
    }
    let parts = complete(parts)?;
    let (sweep, resolved, hash) = joined(&parts)?;
    let now = Now {
        kind: Kind::Sweep,
        content: &sweep.outline.content(),
        resolved: &resolved,
        place: &|_| None,
    };
    let demands = Demands::read(&args.gate, requirements, &now, streams)?;
    let place = match args.output.no_out {
        true => None,
        false => Some(Place::probe(&args.output.out)?),
    };
    let mut written = None;
    if let Some(place) = &place {
        let files = output::whole(&resolved, &sweep);
        let inputs = inputs(&sweep.outline, &hash, None);
        let volatile = manifest::volatile(Duration::ZERO, 1);
        let manifest = |files: &[Listed]| manifest::manifest(&inputs, files, &volatile);
        let name = folder_of(&sweep.outline, &hash);
        let folder = args.output.out.join(&name);
        written = Some((
            folder,
            place.write(&name, &files, &manifest, args.output.force)?,
        ));
    }
    let outcome = output::show(&sweep, &args.output, args.format, demands, streams);
    if let Some((folder, written)) = written {
        tell(&folder, &written, streams)?;
    }
    outcome
}

/// The folders of shards that `operands` name: themselves, or what lies in them.
fn folders(operands: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut all = Vec::new();
    for operand in operands {
        if operand.join(MANIFEST).is_file() {
            all.push(operand.clone());
            continue;
        }
        let entries = fs::read_dir(operand).map_err(|error| {
            if source::is_absent(&error) {
                Failure::usage(format!("there is no folder `{}`", operand.display()), None)
            } else {
                Failure::file("read", operand, error)
            }
        })?;
        let mut found: Vec<PathBuf> = entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| is_shard(path))
            .collect();
        if found.is_empty() {
            return Err(Failure::usage(
                format!("`{}` holds no shard of a sweep", operand.display()),
                Some("rebsim sweep SCENARIO --shard K/N writes them".to_owned()),
            ));
        }
        found.sort();
        all.append(&mut found);
    }
    // The same folder may be named twice, itself and by what it lies in.
    let mut seen = std::collections::BTreeSet::new();
    all.retain(|folder: &PathBuf| seen.insert(folder.clone()));
    Ok(all)
}

/// True for a folder that a shard's name was given, and that is whole.
fn is_shard(path: &Path) -> bool {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    let name = name.unwrap_or_default();
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_numbered = name.rsplit_once("-of-").is_some_and(|(before, count)| {
        let number = before.rsplit_once('-').map_or("", |(_, number)| number);
        digits(count) && digits(number)
    });
    // What cannot be seen is no reason to leave it out: reading it says why.
    let is_there = || match path.join(MANIFEST).metadata() {
        Ok(manifest) => manifest.is_file(),
        Err(error) => !source::is_absent(&error),
    };
    is_numbered && !name.starts_with('.') && is_there()
}

/// Reads the shard in `folder` and checks that it is what was written.
fn part(folder: &Path) -> Result<Part, Failure> {
    let refused = |why: String| Failure::usage(format!("{}: {why}", folder.display()), None);
    let text = |name: &str| {
        let path = folder.join(name);
        source::read_file(&path, MAX_BYTES).map_err(|error| match source::refusal(&error) {
            LoadError::NotFound => refused(format!("it is damaged: {name} is missing")),
            LoadError::NotText => refused(format!("it is damaged: {name} is not text")),
            LoadError::TooLarge => refused(format!("it is damaged: {name} is too large")),
            LoadError::Unreadable(_) => Failure::file("read", &path, error),
        })
    };
    let manifest: Value = serde_json::from_str(&text(MANIFEST)?)
        .map_err(|error| refused(format!("{MANIFEST} is no JSON: {error}")))?;
    let ours = [
        ("version", Value::from(env!("CARGO_PKG_VERSION"))),
        ("model_version", Value::from(MODEL_VERSION)),
    ];
    let inputs = &manifest["inputs"];
    let number = |key: &str| inputs["shard"][key].as_u64();
    let shard = number("number").zip(number("count").and_then(NonZeroU64::new));
    let shard = shard.and_then(|(number, count)| Shard::new(number, count));
    let Some(shard) = shard else {
        return Err(refused(
            "these are results, but no shard of a sweep".to_owned(),
        ));
    };
    for (key, own) in ours {
        if manifest[key] != own {
            let (there, number) = (&manifest[key], shard.number());
            return Err(refused(format!(
                "shard {number} was written by another {key}: {there} instead of {own}"
            )));
        }
    }
    let sums = text(SUMS)?;
    let checked = |name: &str| {
        let content = text(name)?;
        let why = match listed_in(&sums, name) {
            Some(digest) if digest == sha256(content.as_bytes()) => return Ok(content),
            Some(_) => format!("{name} has changed"),
            None => format!("{SUMS} does not list {name}"),
        };
        let number = shard.number();
        Err(refused(format!("shard {number} is damaged: {why}")))
    };
    let mut inputs = inputs.clone();
    inputs["shard"] = Value::Null;
    Ok(Part {
        folder: folder.to_path_buf(),
        shard,
        inputs,
        grid: checked("grid.json")?,
        scenario: checked("scenario.json")?,
        cells: checked(&format!("cells-{}.csv", shard::suffix(shard)))?,
    })
}

/// One shard of each number, in order.
fn complete(parts: Vec<Part>) -> Result<Vec<Part>, Failure> {
    let Some(first) = parts.first() else {
        return Err(Failure::Nothing("there is nothing to merge".to_owned()));
    };
    let (count, inputs, grid) = (
        first.shard.count(),
        first.inputs.clone(),
        first.grid.clone(),
    );
    let name = first.folder.display().to_string();
    let mut by_number: BTreeMap<u64, Vec<Part>> = BTreeMap::new();
    for part in parts {
        let (number, folder) = (part.shard.number(), part.folder.display().to_string());
        if part.inputs != inputs || part.grid != grid {
            return Err(Failure::usage(
                format!("shard {number} in {folder} is of another sweep than {name}"),
                Some("scenario, parameters, seeds and overrides must be the same".to_owned()),
            ));
        }
        if part.shard.count() != count {
            return Err(Failure::usage(
                format!(
                    "shard {number} in {folder} is one of {}, {name} one of {count}",
                    part.shard.count()
                ),
                None,
            ));
        }
        by_number.entry(number).or_default().push(part);
    }
    let doubled = by_number.iter().filter(|(_, parts)| parts.len() > 1);
    let doubled: Vec<u64> = doubled.map(|(number, _)| *number).collect();
    if !doubled.is_empty() {
        return Err(Failure::usage(
            format!("given more than once: shard {}", numbers(&doubled)),
            Some("name one folder for each".to_owned()),
        ));
    }
    let missing: Vec<u64> = (1..=count)
        .filter(|number| !by_number.contains_key(number))
        .collect();
    if !missing.is_empty() {
        return Err(Failure::usage(
            format!("missing: shard {} of {count}", numbers(&missing)),
            Some("play them, with --resume where one was interrupted".to_owned()),
        ));
    }
    Ok(by_number.into_values().flatten().collect())
}

/// `2, 4 to 7, 9`
fn numbers(list: &[u64]) -> String {
    let mut spans: Vec<(u64, u64)> = Vec::new();
    for number in list {
        match spans.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            _ => spans.push((*number, *number)),
        }
    }
    let spans = spans.iter().map(|(first, last)| match last - first {
        0 => first.to_string(),
        1 => format!("{first}, {last}"),
        _ => format!("{first} to {last}"),
    });
    spans.collect::<Vec<_>>().join(", ")
}

/// The whole sweep, the resolved scenario and its digest.
fn joined(parts: &[Part]) -> Result<(Sweep, Value, String), Failure> {
    let refused = |part: &Part, why: &str| {
        let (folder, number) = (part.folder.display(), part.shard.number());
        Failure::usage(
            format!("{folder}: shard {number} cannot be read: {why}"),
            None,
        )
    };
    let Some(first) = parts.first() else {
        return Err(Failure::Nothing("there is nothing to merge".to_owned()));
    };
    let outline = read::outline(&first.grid).map_err(|why| refused(first, &why))?;
    let resolved: Value = serde_json::from_str(&first.scenario)
        .map_err(|error| refused(first, &error.to_string()))?;
    let hash = first.inputs["scenario_sha256"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let seeds: Vec<Seed> = outline.seeds.iter().copied().map(Seed).collect();
    let mut replications: Vec<Vec<Row>> = vec![Vec::new(); outline.replications()];
    for part in parts {
        let own = tasks(outline.cells.len(), &seeds, part.shard);
        let indices: Vec<usize> = own.iter().map(|task| task.index).collect();
        let rows = read::cells(&part.cells, &outline, &indices);
        let rows = rows.map_err(|why| refused(part, &why))?;
        for (index, rows) in indices.into_iter().zip(rows) {
            replications[index] = rows;
        }
    }
    let sweep = Sweep {
        outline,
        replications,
    };
    Ok((sweep, resolved, hash))
}

#[cfg(test)]
mod tests {
    use super::numbers;

    #[test]
    fn numbers_are_told_in_spans() {
        assert_eq!(numbers(&[2, 4, 5, 6, 7, 9, 11, 12]), "2, 4 to 7, 9, 11, 12");
    }
}
