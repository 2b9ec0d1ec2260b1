//! Lines for the host's log, few enough that a broken intake cannot flood it.

use super::client::IntakeFailure;
use super::outcome::{Note, NoteLevel, UnsentCounts};
use std::time::{Duration, Instant};

/// Time between two log lines about the same thing.
const QUIET: Duration = Duration::from_secs(60);

/// Counts that were not logged yet, and the times of the last log lines.
#[derive(Debug, Default)]
pub(super) struct NoteLog {
    dropped: UnsentCounts,
    drops_told: Option<Instant>,
    waits_told: [Option<Instant>; IntakeFailure::COUNT],
    refusal_told: Option<Instant>,
    collecting_told: bool,
}

impl NoteLog {
    fn due(told: &mut Option<Instant>) -> bool {
        let now = Instant::now();
        let due = told.is_none_or(|told| now.duration_since(told) >= QUIET);
        if due {
            *told = Some(now);
        }
        due
    }

    pub(super) fn drops(&mut self, dropped: &UnsentCounts) -> Option<Note> {
        self.dropped.merge(dropped);
        if self.dropped.lost() == 0 || !Self::due(&mut self.drops_told) {
            return None;
        }
        let text = format!("dropped: {}", std::mem::take(&mut self.dropped));
        Some(Note { level: NoteLevel::Warn, text })
    }

    pub(super) fn refusal(&mut self, what: &str, answer: &str) -> Option<Note> {
        Self::due(&mut self.refusal_told)
            .then(|| Note { level: NoteLevel::Error, text: format!("points {what}: {answer}") })
    }

    pub(super) fn wait(&mut self, cause: IntakeFailure, wait: Duration, answer: &str) -> Option<Note> {
        if !self.waits_told.get_mut(cause as usize).is_some_and(Self::due) {
            return None;
        }
        let (level, what) = match cause {
            IntakeFailure::RateLimit => (NoteLevel::Warn, "the intake limits the rate"),
            IntakeFailure::Key => {
                (NoteLevel::Error, "the intake refuses the API key; is it one of this site?")
            }
            IntakeFailure::Server => (NoteLevel::Warn, "the intake is in trouble"),
            IntakeFailure::Timeout => (NoteLevel::Warn, "the intake does not answer in time"),
            IntakeFailure::Network => (NoteLevel::Warn, "the intake cannot be reached"),
            IntakeFailure::Elsewhere => {
                (NoteLevel::Error, "the answer is not an intake's; is the address right?")
            }
        };
        let seconds = wait.as_secs_f64();
        Some(Note {
            level,
            text: format!("{what}: {answer}; the next request comes in {seconds:.0} s or later"),
        })
    }

    /// Chunks are only collected after the start, for `left`; told once.
    pub(super) fn collecting(&mut self, left: Duration) -> Option<Note> {
        let text = format!(
            "dd_order: chunks are collected for {:.0} s after the start, so that older ones go first; the host's retries \
             until then are no failures",
            left.as_secs_f64().ceil()
        );
        (!std::mem::replace(&mut self.collecting_told, true)).then_some(Note { level: NoteLevel::Info, text })
    }

    /// `count` chunks failed where later ones got through.
    pub(super) fn passed(count: u32) -> Option<Note> {
        let text = format!("chunks that keep failing where later ones get through lost their place: {count}");
        (count > 0).then_some(Note { level: NoteLevel::Warn, text })
    }
}
