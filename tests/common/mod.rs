//! The scenarios of `tests/scenarios`, for the test programs that read them.

use std::fs;

use rebsim::kernel::{SimDuration, SimTime};
use rebsim::scenario::plan::Plan;
use rebsim::scenario::{LoadError, Loader, Overrides, Scenario, load};

/// Reads what a path names.
struct Folder;

impl Loader for Folder {
    fn read(&mut self, path: &str) -> Result<String, LoadError> {
        fs::read_to_string(path).map_err(|_| LoadError::NotFound)
    }
}

pub(crate) fn path(file: &str) -> String {
    format!("{}/tests/scenarios/{file}", env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn accepted(file: &str, text: &str, overrides: &Overrides) -> Scenario {
    load(file, text, &mut Folder, overrides).unwrap_or_else(|rejected| panic!("{rejected}"))
}

pub(crate) fn good(file: &str) -> Scenario {
    let file = path(file);
    let text = fs::read_to_string(&file).expect("a scenario can be read");
    accepted(&file, &text, &Overrides::default())
}

pub(crate) fn only(file: &str) -> Plan {
    let mut plans = good(file).plans;
    assert_eq!(plans.len(), 1);
    plans.remove(0)
}

pub(crate) const fn secs(seconds: u64) -> SimDuration {
    SimDuration::from_secs(seconds)
}

pub(crate) const fn at(seconds: u64) -> SimTime {
    SimTime::from_millis(seconds * 1_000)
}
