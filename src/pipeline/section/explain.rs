//! What a section says of records that it does not score, or not as they would want.

use super::PreparedSection;
use crate::detector::LogPatterns;
use crate::pipeline::scoring::ScoreRefusal;
use crate::pipeline::series_key::scalar_text;
use crate::pipeline::time_bound::{AHEAD_S, duration_text};
use crate::record::{Accessor, Mended, Value};
use crate::time::Time;

/// Characters of a time that an error shows.
const SHOWN: usize = 40;

impl PreparedSection {
    /// What happens to records without a key, for messages.
    pub(in crate::pipeline) fn without_key_text(&self) -> &'static str {
        if self.shares_without_by {
            "those share one model"
        } else if !self.measure.is_empty() {
            "those count in no window; `without_by: share` gives them one series"
        } else {
            "those are not scored; `without_by: share` gives them one model"
        }
    }

    /// The value's accessor, for messages.
    pub(in crate::pipeline) fn value(&self) -> String {
        self.value.to_string()
    }

    /// Names of the key fields, for messages.
    pub(in crate::pipeline) fn by(&self) -> String {
        self.key_names.join(", ")
    }

    pub(in crate::pipeline) fn explain_not_a_number(&self, what: &str) -> String {
        format!("[{}] {} is {what}, not a number: the record is not scored", self.name, self.value)
    }

    pub(in crate::pipeline) fn explain_ahead(&self, time: Time, ahead_s: i64) -> String {
        format!(
            "[{}] {}: {} lies {} ahead of this host's clock, {} are allowed: the record is not scored",
            self.name,
            self.time_name(),
            time.seconds(),
            duration_text(ahead_s),
            duration_text(AHEAD_S)
        )
    }

    /// `count`: such records so far.
    pub(in crate::pipeline) fn explain_closed(&self, count: u64) -> String {
        format!(
            "[{}] {}: the record comes after its window was closed and is not counted (so far {count}; a longer `late` \
             waits for such records)",
            self.name,
            self.time_name()
        )
    }

    /// `count`: such templates so far.
    #[cold]
    pub(in crate::pipeline) fn explain_withheld(&self, count: u64) -> String {
        format!(
            "[{}] {}: a line of a new template is not marked, as many others were today (so far {count}; a larger \
             `new_patterns` marks more)",
            self.name, self.value
        )
    }

    /// `count`: such templates so far.
    #[cold]
    pub(in crate::pipeline) fn explain_displaced(&self, count: u64) -> String {
        format!(
            "[{}] {}: the template seen least recently is forgotten, as there are more than {} (so far {count})",
            self.name,
            self.value,
            LogPatterns::MOST
        )
    }

    /// `count`: such records so far.
    pub(in crate::pipeline) fn explain_late(&self, count: u64) -> String {
        format!(
            "[{}] {}: the record comes after the monitors have closed its interval: it is scored and not judged \
             (so far {count}; a longer evaluation_delay waits for such records)",
            self.name,
            self.time_name()
        )
    }

    fn time_name(&self) -> String {
        self.time.as_ref().map_or_else(|| "time of the event".to_owned(), Accessor::to_string)
    }

    #[cold]
    pub(in crate::pipeline) fn explain_time(&self, value: Option<Value<'_>>) -> String {
        let given = match value {
            None => "missing".to_owned(),
            Some(Value::Null) => "null".to_owned(),
            Some(Value::Array) => "an array".to_owned(),
            Some(Value::Object) => "a map".to_owned(),
            Some(value) => {
                let text = scalar_text(value).unwrap_or_else(|| "an ext value".to_owned());
                let shown: String = text.chars().take(SHOWN).collect();
                let quote = if matches!(value, Value::Text(_)) { "\"" } else { "" };
                format!("{quote}{shown}{quote}{}", if shown.len() < text.len() { "..." } else { "" })
            }
        };
        format!(
            "[{}] time: {} is {given}; allowed: {}: the record is not scored",
            self.name,
            self.time_name(),
            Time::READABLE
        )
    }

    #[cold]
    pub(in crate::pipeline) fn explain_mending(&self, mended: &Mended) -> String {
        format!(
            "[{}] the host has no JSON for some values of this record: {mended}; told once, the log counts the others",
            self.name
        )
    }

    pub(in crate::pipeline) fn explain_refusal(&self, refusal: ScoreRefusal) -> String {
        format!("[{}] {}: {refusal}: the record is not scored", self.name, self.value)
    }
}
