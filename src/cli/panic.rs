//! What the user sees when rebsim is wrong: the seed, the scenario's hash, the command to repeat, exit 70.

use std::io::Write as _;
use std::sync::Mutex;

use super::again;
use super::exit::Exit;
use crate::experiment;

/// What to tell when something panics, as far as it is known.
static CONTEXT: Mutex<Option<Context>> = Mutex::new(None);

/// What is being simulated.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// Digest of the resolved scenario.
    pub(crate) hash: String,
    /// The command that repeats it, without variant and seed.
    pub(crate) again: String,
}

/// From now on this is being simulated.
pub(crate) fn simulating(context: Option<Context>) {
    if let Ok(mut current) = CONTEXT.lock() {
        *current = context;
    }
}

/// Makes every panic end the process with exit 70 and a report.
pub(crate) fn install() {
    std::panic::set_hook(Box::new(|panic| {
        let message = message(panic.payload());
        let place = panic
            .location()
            .map(|place| format!(" ({}:{})", place.file(), place.line()))
            .unwrap_or_default();
        let text = report(&format!("{message}{place}"));
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
        std::process::exit(Exit::Bug as i32);
    }));
}

/// What was said when it happened.
fn message(payload: &(dyn std::any::Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

/// The report of a bug that shows itself as `message`, with what is known about the run on this thread.
pub(crate) fn report(message: &str) -> String {
    let mut text = format!("error: this is a bug in rebsim: {message}\n");
    let playing = experiment::playing();
    let context = CONTEXT.try_lock().ok().and_then(|context| context.clone());
    if let Some(now) = &playing {
        text.push_str(&format!(
            "while: variant {}, seed {}",
            now.variant, now.seed.0
        ));
        if let Some(context) = &context {
            text.push_str(&format!(", scenario {}", context.hash));
        }
        text.push('\n');
    }
    if let Some(context) = context {
        text.push_str(&format!("again: {}", context.again));
        if let Some(now) = playing {
            text.push_str(&again::options(&now.options));
            text.push_str(&again::one("", &now.variant, now.seed));
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;

    #[test]
    fn a_bug_is_reported_with_hash_and_command() {
        simulating(Some(Context {
            hash: "3f9a".into(),
            again: "rebsim run x.yaml".into(),
        }));
        let idle = report("it broke");
        assert!(
            idle.starts_with("error: this is a bug in rebsim: it broke\n"),
            "{idle}"
        );
        assert!(idle.ends_with("again: rebsim run x.yaml\n"), "{idle}");
        simulating(None);
        assert!(!report("it broke").contains("again"));
        // Outside of a replication nothing is being played, also after one.
        let nothing = experiment::play(&[], &[], NonZeroUsize::MIN, |_| Err::<(), _>(()), &|_| {});
        assert!(nothing.is_ok() && experiment::playing().is_none());
    }
}
