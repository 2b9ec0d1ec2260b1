//! Settings of a pull: sections, interval, range.

pub use crate::config::Nulls;
use crate::source::datadog::QueryWindow;
use std::path::PathBuf;
use std::time::Duration;

/// A `[datadog.*]` section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullSection {
    /// The name after `datadog.`.
    pub name: String,
    /// The metric query.
    pub query: String,
    /// Buckets without data.
    pub nulls: Nulls,
    /// Instead of [`PullSettings::evaluation_delay`]: cloud integrations deliver 10 to 20 minutes late.
    pub evaluation_delay: Option<Duration>,
    /// All series feed one model (`per: section`), so that fewer of their points may be under way at once.
    pub one_model: bool,
    /// So much of the past is asked for once, before the first points of a section that is new, and given to
    /// [`RecordSink::look_back`](crate::sink::RecordSink::look_back).
    pub look_back: Option<Duration>,
}

/// Everything the scheduler needs to know.
#[derive(Debug, Clone)]
pub struct PullSettings {
    /// From the start of a round to that of the next.
    pub interval: Duration,
    /// API calls an hour.
    pub limit: u32,
    /// A digest of the keys: a pause after they were refused holds for them alone.
    pub keys: u64,
    /// Records are tagged `<tag_prefix>.<section>`.
    pub tag_prefix: String,
    /// How old a bucket must be before it is asked for; agents need about a minute.
    pub evaluation_delay: Duration,
    /// Length before the cursor that is asked for again, for buckets that were filled in late.
    pub overlap: Duration,
    /// The longest window of one request where the query names no `.rollup`: the API widens its buckets with the
    /// window (1 h: 20 s, 4 h: 1 min), so a longer one would change the grid under the models.
    pub slice: Duration,
    /// A past range to pull once, instead of going on from cursors to now: its points are settled. The bucket that
    /// begins at its end belongs to it, as in the original detector. A call asks for all of it, or for 24 hours;
    /// for less only where the API would widen the buckets of a `.rollup`. Needs no state.
    pub range: Option<QueryWindow>,
    /// Folder of the cursors; `None` keeps them in memory.
    pub state: Option<PathBuf>,
    /// One round, then the end (`--once`, for cron).
    pub once: bool,
    /// With `once`: the longest single wait (for a budget, after an error) before the rest is left to the next run.
    pub patience: Duration,
}

impl Default for PullSettings {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(600),
            limit: 200,
            keys: 0,
            tag_prefix: "changefinder".to_owned(),
            evaluation_delay: Duration::from_secs(60),
            overlap: Duration::from_secs(300),
            slice: Duration::from_secs(3600),
            range: None,
            state: None,
            once: false,
            patience: Duration::from_secs(60),
        }
    }
}

/// Source of the sections: a file that may change while the companion runs.
pub trait Sections {
    /// The sections, if they may have changed since the last call; called before each round. `asked`: someone
    /// asked for it (SIGHUP), or it is the first call.
    ///
    /// # Errors
    /// The problems of the new ones; the former ones stay in use.
    fn current(&mut self, asked: bool) -> Result<Option<Vec<PullSection>>, String>;
}

/// Sections that never change.
#[derive(Debug, Clone)]
pub struct FixedSections(pub Vec<PullSection>);

impl Sections for FixedSections {
    fn current(&mut self, asked: bool) -> Result<Option<Vec<PullSection>>, String> {
        Ok(asked.then(|| self.0.clone()))
    }
}
