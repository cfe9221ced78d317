//! Progress on stderr: a bar on a terminal once it is worth one, plain lines when asked for, else nothing.

use std::sync::Mutex;
use std::time::Duration;
#[expect(
    clippy::disallowed_types,
    reason = "how long people have waited is wall time; no result depends on it"
)]
use std::time::Instant;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::args::ProgressChoice;
use super::streams::Streams;
use crate::kernel::words::counted;

/// Shorter work shows no bar.
const BAR_AFTER: Duration = Duration::from_millis(500);
/// Plain lines come no closer than this.
const LINES_APART: Duration = Duration::from_secs(10);

/// Shows how many replications are done.
pub(crate) struct Progress<'a> {
    streams: &'a Streams,
    total: usize,
    #[expect(clippy::disallowed_types, reason = "as above")]
    started: Instant,
    shown: Shown,
    /// The worst so far, in words.
    worst: Mutex<String>,
}

enum Shown {
    Nothing,
    Bar(ProgressBar),
    /// When the last line was written, and the tenths that it told.
    Lines(Mutex<(Duration, usize)>),
}

impl<'a> Progress<'a> {
    /// Begins to show the progress of `total` replications.
    pub(crate) fn new(streams: &'a Streams, choice: ProgressChoice, total: usize) -> Self {
        let shown = match choice {
            ProgressChoice::None => Shown::Nothing,
            _ if streams.quiet => Shown::Nothing,
            ProgressChoice::Auto if streams.err_is_terminal => Shown::Bar(bar(streams, total)),
            ProgressChoice::Auto => Shown::Nothing,
            ProgressChoice::Bar => Shown::Bar(bar(streams, total)),
            ProgressChoice::Lines => Shown::Lines(Mutex::new((Duration::ZERO, 0))),
        };
        #[expect(clippy::disallowed_types, reason = "as above")]
        let started = Instant::now();
        Self {
            streams,
            total,
            started,
            shown,
            worst: Mutex::new(String::new()),
        }
    }

    /// `finished` replications are done; called from any worker.
    pub(crate) fn finished(&self, finished: usize) {
        let elapsed = self.started.elapsed();
        match &self.shown {
            Shown::Nothing => {}
            Shown::Bar(bar) => {
                if elapsed >= BAR_AFTER {
                    if bar.is_hidden() {
                        bar.set_draw_target(ProgressDrawTarget::stderr());
                    }
                    bar.set_position(finished as u64);
                }
            }
            Shown::Lines(last) => {
                let Ok(mut last) = last.lock() else { return };
                let tenths = finished * 10 / self.total.max(1);
                let due = elapsed.saturating_sub(last.0) >= LINES_APART;
                if tenths > last.1 && (due || finished == self.total) {
                    *last = (elapsed, tenths);
                    let (seconds, total) = (elapsed.as_secs(), self.total);
                    let left = elapsed.as_millis() * (total.saturating_sub(finished)) as u128
                        / (finished.max(1) as u128 * 1_000);
                    let worst = self
                        .worst
                        .lock()
                        .map_or_else(|_| String::new(), |w| w.clone());
                    self.streams.note(&format!(
                        "{finished} of {}, {seconds} s, {left} s left{worst}",
                        counted(total, "replication")
                    ));
                }
            }
        }
    }

    /// The worst replication so far, in words; called from any worker.
    pub(crate) fn worst(&self, words: &str) {
        if let Ok(mut worst) = self.worst.lock() {
            *worst = format!("; worst: {words}");
            if let Shown::Bar(bar) = &self.shown {
                bar.set_message(worst.clone());
            }
        }
    }

    /// Wall time since the beginning.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if let Shown::Bar(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}

/// A bar that is not drawn yet.
fn bar(streams: &Streams, total: usize) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::hidden());
    let style =
        ProgressStyle::with_template("{wide_bar} {pos}/{len} replications, {eta} left{msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
    let plain = streams.ascii;
    bar.set_style(if plain {
        style.progress_chars("##-")
    } else {
        style.progress_chars("█▉▊▋▌▍▎▏ ")
    });
    bar
}
