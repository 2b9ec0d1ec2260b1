//! The general path into a record: any annotations, in any format. [`annotate_fast`](super::annotate_fast) writes the
//! same bytes for the usual ones.

use super::monitored::{RenderedVerdict, SectionMonitors};
use super::rating::{AlarmNumbers, Anomaly};
use super::record_access::RecordAccess;
use crate::config::Section;
use crate::detector::Scores;
use crate::record::{Field, Output};

/// Names the field for what is wrong with a record or its section.
pub(super) const ERROR_FIELD: &str = "anomaly_error";

const METRIC_OUTLIER: usize = 0;
const SCORE_OUTLIER: usize = 1;
const METRIC_CHANGE: usize = 2;
const SCORE_CHANGE: usize = 3;
const WARMING_UP: usize = 4;
const ANOMALY_SCORE: usize = 5;
pub(super) const IS_ALARM: usize = 6;
const ALARM: usize = 7;
const ANOMALY_REASON: usize = 8;
const ANOMALY_SIZE: usize = 9;
/// Where series share a budget.
pub(super) const INCIDENT: usize = 10;
/// The most fields that scores fill.
const SCORE_FIELDS: usize = 10;
/// The most verdicts that are written at once; more take a further pass over the record.
const VERDICTS_AT_ONCE: usize = 4;

/// The fields that a section's scores may fill, in the order in which they are written.
pub(super) fn outputs(section: &Section) -> Vec<Output> {
    if section.windows.is_some() {
        let names = section.annotation_names().into_iter();
        return names.map(|name| Output { name, constant: None }).collect();
    }
    let [outlier, change] = section.metric_names();
    let constants = [Some(outlier), None, Some(change), None];
    section
        .annotation_names()
        .into_iter()
        .zip(constants.into_iter().chain(std::iter::repeat(None)))
        .map(|(name, constant)| Output { name, constant })
        .collect()
}

/// The annotations of one section for one record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Annotations<'a> {
    /// `None` while the model warms up.
    pub(super) scores: Option<Scores>,
    pub(super) anomaly: Option<&'a Anomaly>,
    /// The section has an alarm budget.
    pub(super) has_budget: bool,
    pub(super) verdicts: &'a [RenderedVerdict],
}

/// Writes annotations into the record that was scanned. `encoded` is scratch.
#[inline(never)] // stack
pub(super) fn annotate(
    record: &mut Vec<u8>,
    access: &mut RecordAccess,
    monitors: &SectionMonitors,
    annotations: Annotations<'_>,
    encoded: &mut Vec<u8>,
) {
    let Annotations { scores, anomaly, has_budget, verdicts } = annotations;
    let reason = reason_members(anomaly);
    let mut scores = Some(scores);
    let mut anomaly = anomaly;
    let mut rest = verdicts;
    loop {
        let (now, later) = rest.split_at(rest.len().min(VERDICTS_AT_ONCE));
        let mut fields = FieldList::new();
        match scores.take() {
            Some(Some(scores)) => fields.add_scores(scores),
            Some(None) => fields.add(WARMING_UP, Field::Bool(true)),
            None => {} // a further pass
        }
        if let Some(anomaly) = anomaly.take() {
            fields.add_anomaly(anomaly, reason.as_ref(), has_budget);
        }
        let ends = encode_verdicts(monitors, now, encoded);
        let mut start = 0;
        for (verdict, &end) in now.iter().zip(&ends) {
            fields.add(monitors.output(verdict), Field::Encoded(encoded.get(start..end).unwrap_or_default()));
            start = end;
        }
        if !fields.as_slice().is_empty() {
            let texts = now.iter().map(RenderedVerdict::text_len).sum();
            access.write(record, fields.as_slice(), texts);
        }
        rest = later;
        if rest.is_empty() || !access.scan(record) {
            return;
        }
    }
}

/// Encodes verdicts one behind the other; returns where each one ends.
fn encode_verdicts(
    monitors: &SectionMonitors,
    verdicts: &[RenderedVerdict],
    encoded: &mut Vec<u8>,
) -> [usize; VERDICTS_AT_ONCE] {
    encoded.clear();
    let mut ends = [0; VERDICTS_AT_ONCE];
    for (end, verdict) in ends.iter_mut().zip(verdicts) {
        monitors.append(verdict, encoded);
        *end = encoded.len();
    }
    ends
}

/// The members of `anomaly_reason`, and how many there are.
type ReasonMembers = ([(&'static str, Field<'static>); 3], usize);

/// Why a point alarms, if it does.
fn reason_members(anomaly: Option<&Anomaly>) -> Option<ReasonMembers> {
    let anomaly = anomaly?;
    let kind = ("kind", Field::Text(anomaly.rating.reason?.as_str()));
    Some(match anomaly.values {
        Some(AlarmNumbers { observed, expected, .. }) => {
            ([kind, ("observed", Field::Number(observed)), ("expected", Field::Number(expected))], 3)
        }
        None => ([kind; 3], 1),
    })
}

/// Fields ready to be written: outputs with their values.
struct FieldList<'a> {
    fields: [(usize, Field<'a>); SCORE_FIELDS + VERDICTS_AT_ONCE],
    used: usize,
}

impl<'a> FieldList<'a> {
    fn new() -> Self {
        Self { fields: [(0, Field::Constant); SCORE_FIELDS + VERDICTS_AT_ONCE], used: 0 }
    }

    fn as_slice(&self) -> &[(usize, Field<'a>)] {
        self.fields.get(..self.used).unwrap_or_default()
    }

    fn add(&mut self, output: usize, field: Field<'a>) {
        if let Some(slot) = self.fields.get_mut(self.used) {
            *slot = (output, field);
            self.used += 1;
        }
    }

    /// ChangeFinder's scores under the seed's names.
    fn add_scores(&mut self, scores: Scores) {
        self.add(METRIC_OUTLIER, Field::Constant);
        self.add(SCORE_OUTLIER, Field::Number(scores.outlier));
        self.add(METRIC_CHANGE, Field::Constant);
        self.add(SCORE_CHANGE, Field::Number(scores.change));
    }

    fn add_anomaly(&mut self, anomaly: &Anomaly, reason: Option<&'a ReasonMembers>, has_budget: bool) {
        let rating = anomaly.rating;
        self.add(ANOMALY_SCORE, Field::Number(rating.score));
        if !has_budget {
            return;
        }
        self.add(IS_ALARM, Field::Bool(rating.is_alarm));
        if let Some(edge) = rating.edge {
            self.add(ALARM, Field::Text(edge.as_str()));
        }
        if let Some((members, count)) = reason {
            self.add(ANOMALY_REASON, Field::Map(members.get(..*count).unwrap_or_default()));
        }
        if let Some(AlarmNumbers { size, .. }) = anomaly.values {
            self.add(ANOMALY_SIZE, Field::Number(size));
        }
    }
}
