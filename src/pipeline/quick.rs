//! The short way into a record, which most take: scores, and a verdict that is no news, written as one suffix.

use super::watcher::Watcher;
use crate::annotation::{self, Anomaly};
use crate::config::Section;
use crate::detector::Scores;
use crate::detector::band::Band;
use crate::monitor::Status;
use crate::record::{Extractor, Suffix, SuffixText};

/// Texts around the numbers of a record that says nothing special, and the suffix that is made of them.
#[derive(Debug)]
pub(super) struct Quick {
    suffix: Suffix,
    /// Ahead of the scores.
    outlier: SuffixText,
    change: SuffixText,
    /// Ahead of the calibrated score, where there is one.
    anomaly: SuffixText,
    /// Behind it: that there is no alarm, where there is a budget.
    no_alarm: SuffixText,
}

impl Quick {
    /// `None` for msgpack, and for names that are too long.
    pub(super) fn new(extractor: &Extractor, section: &Section) -> Option<Self> {
        let mut pieces = extractor.suffix_texts().into_iter();
        let no_alarm = if section.alarms.is_some() { annotation::no_alarm(section) } else { Vec::new() };
        Some(Self {
            suffix: Suffix::default(),
            outlier: pieces.next()??,
            change: pieces.next()??,
            anomaly: pieces.next().unwrap_or_else(|| SuffixText::new(b""))?,
            no_alarm: SuffixText::new(&no_alarm)?,
        })
    }
}

impl Watcher {
    /// Writes the scores of a point that raises and ends no alarm: the short way, which most records take. False, and
    /// nothing written, where another way must be taken.
    #[inline(always)]
    pub(super) fn append_quiet(
        &mut self,
        record: &mut Vec<u8>,
        scores: Scores,
        anomaly: &Option<Anomaly>,
    ) -> bool {
        let Some(quick) = &mut self.quick else { return false };
        quick.suffix.clear();
        if let Some(Anomaly { rating, .. }) = anomaly {
            if rating.is_alarm || rating.edge.is_some() || !rating.score.is_finite() {
                return false;
            }
            quick.suffix.prepend(&quick.no_alarm);
            quick.suffix.prepend_number(rating.score);
            quick.suffix.prepend(&quick.anomaly);
        }
        self.append_quick(record, scores)
    }

    /// Writes scores and what the only monitor says where nothing changes.
    #[inline(always)]
    pub(super) fn append_verdict(
        &mut self,
        record: &mut Vec<u8>,
        scores: Scores,
        band: Option<Band>,
        is_anomaly: bool,
        status: Status,
    ) -> bool {
        let (Some(quick), Some(texts)) = (&mut self.quick, self.monitored.texts_of_one()) else {
            return false;
        };
        quick.suffix.clear();
        texts.put(band, is_anomaly, status, &mut quick.suffix) && self.append_quick(record, scores)
    }

    /// Writes the scores ahead of what the suffix holds, and all of it into the record.
    #[inline(always)]
    fn append_quick(&mut self, record: &mut Vec<u8>, scores: Scores) -> bool {
        let Some(Quick { suffix, outlier, change, .. }) = &mut self.quick else { return false };
        // neither is NaN or infinite unless the sum is
        let is_finite = (scores.outlier + scores.change).is_finite();
        if !is_finite || !self.extractor.takes_suffix(record, &self.found) {
            return false;
        }
        suffix.prepend_number(scores.change);
        suffix.prepend(change);
        suffix.prepend_number(scores.outlier);
        suffix.prepend(outlier);
        // an allocation that fails inside would abort, and a WASM host would lose the record
        let spare = record.capacity() - record.len();
        if suffix.text().len() > spare && record.try_reserve_exact(self.room).is_err() {
            return false;
        }
        self.extractor.append_suffix(record, suffix);
        true
    }
}
