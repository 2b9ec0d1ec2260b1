//! A progress bar for those who wait: on a terminal, and only when the run takes longer than a moment.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    start: Instant,
}

impl Progress {
    pub(super) fn new(records: u64) -> Self {
        let bar = ProgressBar::with_draw_target(Some(records), ProgressDrawTarget::hidden());
        if let Ok(style) =
            ProgressStyle::with_template("{bar:40} {human_pos} of {human_len} records, {eta} left")
        {
            bar.set_style(style);
        }
        Self { bar, start: Instant::now() }
    }

    pub(super) fn advance(&self, records: u64) {
        // standard error is drawn on only when it is a terminal
        if self.bar.is_hidden() && self.start.elapsed() > PATIENCE {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.inc(records);
    }

    pub(super) fn finish(self) {
        self.bar.finish_and_clear();
    }
}
