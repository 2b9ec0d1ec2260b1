//! The fast path into a JSON record, for what most records get: scores without an alarm, and the verdict of one monitor
//! that changes nothing. Everything around the numbers is encoded once, so a record costs a few copies.
//!
//! The test `both_paths_write_the_same_bytes` compares it with [`annotate`](super::annotate).

use super::annotate::IS_ALARM;
use super::monitored::{PlainVerdict, VerdictTexts};
use super::rating::Anomaly;
use super::record_access::RecordAccess;
use crate::config::Section;
use crate::detector::Scores;
use crate::record::{Extractor, Field, Format, Suffix, SuffixText, encode};

/// False sends every record through the general path: for comparisons.
const IS_ENABLED: bool = true;

/// The texts around the numbers of one section's annotations, and the suffix that is made of them.
#[derive(Debug)]
pub(super) struct FastPath {
    suffix: Suffix,
    before_outlier: SuffixText,
    before_change: SuffixText,
    /// Before the calibrated score, where there is one.
    before_anomaly_score: SuffixText,
    /// Behind it: that there is no alarm, where there is a budget.
    no_alarm: SuffixText,
    /// All three, with the score of an ordinary point.
    ordinary: SuffixText,
}

impl FastPath {
    /// `None` for msgpack, and for names that are too long. In a box: Fluent Bit leaves 26 kB of the stack in linear memory
    /// to its main thread.
    #[inline(never)] // stack
    pub(super) fn new(extractor: &Extractor, section: &Section) -> Option<Box<Self>> {
        if !IS_ENABLED {
            return None;
        }
        let mut texts = extractor.suffix_texts().into_iter();
        let no_alarm = if section.alarms.is_some() { no_alarm(section) } else { Vec::new() };
        let (before_outlier, before_change) = (texts.next()??, texts.next()??);
        // one output in between says that the model warms up, which only the general path writes
        let before_anomaly_score = texts.nth(1).unwrap_or_else(|| SuffixText::new(b""))?;
        Some(Box::new(Self {
            suffix: Suffix::default(),
            before_outlier,
            before_change,
            ordinary: before_anomaly_score.followed_by(b"0.0")?.followed_by(&no_alarm)?,
            before_anomaly_score,
            no_alarm: SuffixText::new(&no_alarm)?,
        }))
    }

    /// Writes annotations into the record that was scanned. False, and nothing written, where the general path must be
    /// taken: for an alarm, a number that is not finite, a record that has one of the fields already.
    #[inline(always)] // speed
    pub(super) fn annotate(
        &mut self,
        record: &mut Vec<u8>,
        access: &RecordAccess,
        scores: Scores,
        anomaly: &Option<Anomaly>,
        verdict: Option<(&VerdictTexts, PlainVerdict)>,
    ) -> bool {
        let Self { suffix, .. } = self;
        suffix.clear();
        // from the last member to the first
        if let Some((texts, verdict)) = verdict
            && !texts.prepend(verdict, suffix)
        {
            return false;
        }
        if let Some(Anomaly { rating, .. }) = anomaly {
            if rating.is_alarm || rating.edge.is_some() {
                return false;
            }
            if rating.score.to_bits() == 0 {
                suffix.prepend(&self.ordinary);
            } else if rating.score.is_finite() {
                suffix.prepend(&self.no_alarm);
                suffix.prepend_number(rating.score);
                suffix.prepend(&self.before_anomaly_score);
            } else {
                return false;
            }
        }
        // neither is NaN or infinite unless the sum is
        let is_finite = (scores.outlier + scores.change).is_finite();
        if !is_finite || !access.extractor.takes_suffix(record, &access.found) {
            return false;
        }
        suffix.prepend_number(scores.change);
        suffix.prepend(&self.before_change);
        suffix.prepend_number(scores.outlier);
        suffix.prepend(&self.before_outlier);
        // an allocation that fails inside would abort, and a WASM host would lose the record
        let (text, spare) = (suffix.text(), record.capacity() - record.len());
        if text.len() > spare && record.try_reserve_exact(access.room).is_err() {
            return false;
        }
        access.extractor.append_suffix(record, text);
        true
    }
}

/// The member of a record that says that a point raises no alarm, as it stands in JSON, with a comma in front.
fn no_alarm(section: &Section) -> Vec<u8> {
    let mut member = Vec::new();
    if let Some(name) = section.annotation_names().into_iter().nth(IS_ALARM) {
        member.push(b',');
        encode(Format::Json, &Field::Text(&name), &mut member);
        member.push(b':');
        encode(Format::Json, &Field::Bool(false), &mut member);
    }
    member
}
