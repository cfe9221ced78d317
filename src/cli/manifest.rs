//! The manifest of a results folder: what was asked, what came out, and apart from both what may differ each time.

#[expect(
    clippy::disallowed_types,
    reason = "the manifest's volatile block says when; no digest covers it"
)]
use std::time::SystemTime;

use serde_json::{Value, json};

use super::results::Listed;
use crate::cluster::Fidelity;
use crate::kernel::Seed;
use crate::scenario::Scenario;

/// Raised whenever the same inputs may give other results.
pub(crate) const MODEL_VERSION: u32 = 1;

/// Everything that decides the files of a folder.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// Name of the scenario.
    pub(crate) scenario: String,
    /// Digest of the resolved scenario, overrides included.
    pub(crate) hash: String,
    /// Variants played.
    pub(crate) variants: Vec<String>,
    /// Seeds played.
    pub(crate) seeds: Vec<Seed>,
    /// `first` or `all`.
    pub(crate) series: &'static str,
    /// What `--fail-on` asked.
    pub(crate) requirements: Vec<String>,
    /// How closely records were played.
    pub(crate) fidelity: Fidelity,
}

impl Identity {
    /// As data; also what the folder's name is made of.
    pub(crate) fn value(&self) -> Value {
        let mut value = json!({
            "scenario": self.scenario,
            "scenario_sha256": self.hash,
            "variants": self.variants,
            "seeds": self.seeds.iter().map(|seed| seed.0).collect::<Vec<_>>(),
            "series": self.series,
            "requirements": self.requirements,
        });
        if self.fidelity != Fidelity::Exact {
            value["fidelity"] = json!(self.fidelity.name());
        }
        value
    }
}

/// The manifest of `files`, which `inputs` decide.
pub(crate) fn manifest(inputs: &Value, files: &[Listed], volatile: &Value) -> String {
    let listed: Vec<Value> = files
        .iter()
        .map(|file| {
            json!({
                "name": file.name,
                "bytes": file.bytes,
                "sha256": file.sha256,
            })
        })
        .collect();
    let value = json!({
        "schema": "rebsim/manifest/1",
        "version": env!("CARGO_PKG_VERSION"),
        "model_version": MODEL_VERSION,
        "inputs": inputs,
        "files": listed,
        "volatile": volatile,
    });
    let mut text = serde_json::to_string_pretty(&value).unwrap_or_default();
    text.push('\n');
    text
}

/// True for the manifest of results that this version wrote for `inputs`.
pub(crate) fn is_of(manifest: &Value, inputs: &Value) -> bool {
    manifest["version"] == env!("CARGO_PKG_VERSION")
        && manifest["model_version"] == MODEL_VERSION
        && manifest["inputs"] == *inputs
}

/// What may differ each time: when, where, how long, with what words.
pub(crate) fn volatile(wall: std::time::Duration, jobs: usize) -> Value {
    #[expect(clippy::disallowed_types, reason = "as above")]
    let finished = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let host = std::env::var("HOSTNAME")
        .ok()
        .or_else(|| std::fs::read_to_string("/proc/sys/kernel/hostname").ok())
        .map(|host| host.trim().to_owned());
    let argv: Vec<String> = std::env::args_os()
        .map(|arg| arg.to_string_lossy().into_owned())
        .collect();
    json!({
        "finished_unix_s": finished,
        "wall_ms": u64::try_from(wall.as_millis()).unwrap_or(u64::MAX),
        "jobs": jobs,
        "host": host,
        "argv": argv,
    })
}

/// The same, and on which lines of which text the scenario stood.
pub(crate) fn with_lines(mut volatile: Value, scenario: &Scenario, file: &str) -> Value {
    volatile["scenario_file"] = json!(file);
    volatile["scenario_lines"] = json!(scenario.places);
    volatile
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_lists_inputs_and_files_and_keeps_the_volatile_apart() {
        let identity = Identity {
            fidelity: Fidelity::Exact,
            scenario: "x".into(),
            hash: "00".into(),
            variants: vec!["eager".into()],
            seeds: vec![Seed(7)],
            series: "first",
            requirements: vec![],
        };
        let files = [Listed {
            name: "lag.csv".to_owned(),
            bytes: 0,
            sha256: String::new(),
        }];
        let text = manifest(&identity.value(), &files, &json!({ "wall_ms": 3 }));
        let value: Value = serde_json::from_str(&text).expect("it is JSON");
        assert_eq!(value["inputs"]["seeds"], json!([7]));
        assert_eq!(value["files"][0]["name"], "lag.csv");
        assert_eq!(value["volatile"], json!({ "wall_ms": 3 }));
    }
}
