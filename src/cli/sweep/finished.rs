//! The replications of a sweep whose results are in place: read back from them, so that `--resume` plays none again.

use std::path::Path;

use serde_json::Value;

use super::journal::Finished;
use super::merge::MAX_BYTES;
use crate::cli::manifest;
use crate::cli::results::{MANIFEST, SUMS, listed_in, sha256};
use crate::cli::source;
use crate::experiment::sweep::Task;
use crate::report::sweep::{Outline, read};

/// What the table `cells` of a results folder holds of `tasks`. Nothing unless this version wrote the folder for these inputs, and all of
/// the table is as it was written: what is doubtful is played again, and then compared with what is there.
pub(super) fn read(
    folder: &Path,
    cells: &str,
    inputs: &Value,
    outline: &Outline,
    tasks: &[Task],
) -> Option<Finished> {
    let text = |name: &str| source::read_file(&folder.join(name), MAX_BYTES).ok();
    let manifest: Value = serde_json::from_str(&text(MANIFEST)?).ok()?;
    let (sums, table) = (text(SUMS)?, text(cells)?);
    let is_whole = listed_in(&sums, cells)? == sha256(table.as_bytes());
    if !is_whole || !manifest::is_of(&manifest, inputs) {
        return None;
    }
    let indices: Vec<usize> = tasks.iter().map(|task| task.index).collect();
    let rows = read::cells(&table, outline, &indices).ok()?;
    Some(indices.into_iter().zip(rows).collect())
}
