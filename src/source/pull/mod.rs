//! Pulls every section from its cursor to now, and moves the cursor when the sink has settled it.
//!
//! | file | what it knows |
//! |---|---|
//! | `settings` | sections, interval, delay, overlap; where sections come from |
//! | `window` | cursor -> the next window to ask for; answer -> the next cursor |
//! | `select` | which points of an answer become records, and in what order |
//! | `acknowledged` | which (series, time) were acknowledged, in fixed memory |
//! | `state` | cursor and acknowledged points of a section, on disk |
//! | `round` | one pass over all sections |
//! | `round/look_back` | the past of a new section, from which the order of its models is chosen |
//! | `round/request` | one call of the API; what follows from each kind of failure |
//! | `round/sections` | which sections there are: new ones, changed ones, those that are gone |
//! | `round/settling` | sections at rest until what they delivered is settled |
//! | `round/delivery` | an answer on its way to the sink, and what is remembered of it |
//!
//! Promises: a saved cursor never passes a point that the sink has not settled (points may repeat after a crash,
//! none is skipped); a series' points leave in the order of their time, except a bucket that the API fills in
//! after a later one was sent; memory is that of one answer, the sink's, [`MAX_SERIES`] x 32 bytes a section, and at
//! most half a million points that wait for their turn.
//!
//! The filter learns a point once: it recognises the last 64 of a model. So at most 32 points of a model are under
//! way at a time; they are settled, and that is saved, before the next ones leave. Meanwhile other sections go on:
//! what is caught up after a gap is 32 points a model and `forward_settle`, whatever the number of sections. A bucket that is filled in
//! later than `evaluation_delay`, after later points have left, is sent late and learned late, once. Users who want
//! models that do not depend on the moment of a pull set the delay as long as metrics need to settle.

mod acknowledged;
mod round;
mod select;
mod settings;
mod state;
mod window;

pub use acknowledged::MAX_SERIES;
pub use round::{Puller, RoundEnd};
pub use settings::{FixedSections, Nulls, PullSection, PullSettings, Sections};

use crate::companion::{Counters, Env, Notice, Progress, Wake};
use crate::sink::RecordSink;
use crate::source::datadog::QueryApi;
use std::time::Duration;
use thiserror::Error;

/// Why pulling ended.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PullError {
    /// Another companion works with the same state folder.
    #[error("state folder {path} is in use by another companion")]
    Locked {
        /// The folder.
        path: String,
    },
    /// The sections cannot be read at the start.
    #[error("{reason}")]
    Sections {
        /// Cause.
        reason: String,
    },
    /// `--once` could not finish; the cursors are where the acknowledged points end, the next run goes on there.
    #[error("{behind} of {sections} sections are behind: {reason}")]
    Behind {
        /// Sections that are not complete.
        behind: usize,
        /// All sections.
        sections: usize,
        /// Cause.
        reason: String,
    },
}

/// Pulls until a stop is asked for, or for one round with `settings.once`.
///
/// # Errors
/// [`PullError`].
pub fn run(
    settings: &PullSettings,
    sections: &mut dyn Sections,
    api: &dyn QueryApi,
    sink: &mut dyn RecordSink,
    env: &dyn Env,
    progress: &dyn Progress,
    counters: &Counters,
) -> Result<(), PullError> {
    let first = sections.current(true).map_err(|reason| PullError::Sections { reason })?.unwrap_or_default();
    let mut puller = Puller::open(settings.clone(), api, env, progress, counters)?;
    puller.replace_sections(first);
    progress.notice(&Notice::Started { sections: puller.sections(), interval: settings.interval });
    loop {
        let started = env.monotonic();
        let end = puller.round(sink);
        match end {
            RoundEnd::Stopped => return Ok(()),
            RoundEnd::Complete if settings.once => return Ok(()),
            RoundEnd::Behind { behind, reason } if settings.once => {
                return Err(PullError::Behind { behind, sections: puller.sections(), reason });
            }
            RoundEnd::Reload | RoundEnd::Complete | RoundEnd::Behind { .. } => {}
        }
        // a round that took longer than the interval is followed by the next one at once, yet never in a tight loop
        let rest = settings.interval.saturating_sub(env.monotonic().saturating_sub(started));
        if end != RoundEnd::Reload && env.sleep_until_asked(rest.max(Duration::from_secs(1))) == Wake::Stop {
            return Ok(());
        }
        match sections.current(env.take_reload()) {
            Ok(None) => {}
            Ok(Some(new)) => puller.replace_sections(new),
            Err(reason) => progress.notice(&Notice::ReloadFailed { reason }),
        }
    }
}
