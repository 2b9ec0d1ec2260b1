//! Scores -> fields of a record.

use crate::config::Section;
use crate::detector::Scores;
use crate::detector::calibrated::{AlarmEvent, Rarity, ReasonKind};
use crate::record::{Field, Format, Output, encode};

/// What the filter adds when it has something to tell that is no score.
pub const ERROR_FIELD: &str = "anomaly_error";

const METRIC_OUTLIER: usize = 0;
const SCORE_OUTLIER: usize = 1;
const METRIC_CHANGE: usize = 2;
const SCORE_CHANGE: usize = 3;
const ANOMALY_SCORE: usize = 4;
const IS_ALARM: usize = 5;
const ALARM: usize = 6;
const ANOMALY_REASON: usize = 7;
/// Most fields that scores fill.
pub const MOST_FIELDS: usize = 8;

/// The fields that a section's scores may fill, in the order in which they are written.
#[must_use]
pub fn outputs(section: &Section) -> Vec<Output> {
    let [outlier, change] = section.metric_names();
    let constants = [Some(outlier), None, Some(change), None];
    section
        .annotation_names()
        .into_iter()
        .zip(constants.into_iter().chain(std::iter::repeat(None)))
        .map(|(name, constant)| Output { name, constant })
        .collect()
}

/// Where a run of alarming points begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// The alarm begins with this point, or is raised again because it goes on.
    Start,
    /// The alarm has been quiet long enough: it is over.
    End,
}

/// The calibrated score of a point, as far as it is kept for when the point comes again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rating {
    /// 0..1, see [`Rarity::score`].
    pub score: f64,
    /// Rarer than the budget allows for.
    pub is_alarm: bool,
    /// A run of alarming points begins or ends here.
    pub edge: Option<Edge>,
    /// Why; present when `is_alarm`.
    pub reason: Option<ReasonKind>,
}

/// The calibrated score of a point, with what was seen and what is usual where it alarms and came for the first time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Anomaly {
    /// Score and alarm.
    pub rating: Rating,
    /// Observed and expected, in the units of the reason.
    pub values: Option<(f64, f64)>,
}

impl From<Rarity> for Anomaly {
    fn from(rarity: Rarity) -> Self {
        let edge = rarity.alarm.map(|event| match event {
            AlarmEvent::Started { .. } => Edge::Start,
            AlarmEvent::Ended { .. } => Edge::End,
        });
        let reason = rarity.reason.map(|reason| reason.kind);
        Self {
            rating: Rating { score: rarity.score, is_alarm: rarity.is_alarm, edge, reason },
            values: rarity.reason.map(|reason| (reason.observed, reason.expected)),
        }
    }
}

/// The members of a reason.
pub type Reason = ([(&'static str, Field<'static>); 3], usize);

/// Why a point alarms, if it does.
#[must_use]
pub fn reason(anomaly: Option<&Anomaly>) -> Option<Reason> {
    let anomaly = anomaly?;
    let kind = ("kind", Field::Text(anomaly.rating.reason?.as_str()));
    Some(match anomaly.values {
        Some((observed, expected)) => {
            ([kind, ("observed", Field::Number(observed)), ("expected", Field::Number(expected))], 3)
        }
        None => ([kind; 3], 1),
    })
}

/// The fields of a point's scores, ready to be written; `alarms`: the section has a budget.
#[must_use]
pub fn fields<'a>(
    scores: Option<Scores>,
    anomaly: Option<&Anomaly>,
    reason: Option<&'a Reason>,
    alarms: bool,
) -> ([(usize, Field<'a>); MOST_FIELDS], usize) {
    let mut fields = [(0, Field::Constant); MOST_FIELDS];
    let mut used = 0;
    if let Some(scores) = scores {
        let [a, b, c, d, ..] = &mut fields;
        [*a, *b, *c, *d] = score_fields(scores);
        used = 4;
    }
    let mut put = |output, field| {
        if let Some(slot) = fields.get_mut(used) {
            *slot = (output, field);
            used += 1;
        }
    };
    if let Some(Anomaly { rating, .. }) = anomaly {
        put(ANOMALY_SCORE, Field::Number(rating.score));
        if alarms {
            put(IS_ALARM, Field::Bool(rating.is_alarm));
            match rating.edge {
                Some(Edge::Start) => put(ALARM, Field::Text("start")),
                Some(Edge::End) => put(ALARM, Field::Text("end")),
                None => {}
            }
            if let Some((members, count)) = reason {
                put(ANOMALY_REASON, Field::Map(members.get(..*count).unwrap_or_default()));
            }
        }
    }
    (fields, used)
}

/// The member of a record that says that a point raises no alarm, as it stands in JSON, with its comma ahead.
#[must_use]
pub fn no_alarm(section: &Section) -> Vec<u8> {
    let mut member = Vec::new();
    if let Some(name) = section.annotation_names().into_iter().nth(IS_ALARM) {
        member.push(b',');
        encode(Format::Json, &Field::Text(&name), &mut member);
        member.push(b':');
        encode(Format::Json, &Field::Bool(false), &mut member);
    }
    member
}

/// ChangeFinder's scores under the seed's names.
#[must_use]
pub fn score_fields(scores: Scores) -> [(usize, Field<'static>); 4] {
    [
        (METRIC_OUTLIER, Field::Constant),
        (SCORE_OUTLIER, Field::Number(scores.outlier)),
        (METRIC_CHANGE, Field::Constant),
        (SCORE_CHANGE, Field::Number(scores.change)),
    ]
}
