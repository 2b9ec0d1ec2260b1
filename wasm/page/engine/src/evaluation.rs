//! The result of an evaluation: columns, and what is counted over them.

use fluent_anomaly::monitors::Status;

/// Everything that one evaluation says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Evaluation {
    /// A row for each point that counts, and for each change in a silence.
    pub columns: Columns,
    /// Counts over them.
    pub summary: Summary,
}

/// What was said of each point that counts, as the filter says it, and of each change in a silence. Absent numbers are
/// NaN: typed arrays of JavaScript know nothing else.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Columns {
    /// Time of the point, s, UTC; ascending.
    pub time: Vec<f64>,
    /// Value of the point's bucket so far; absent in a silence.
    pub value: Vec<f64>,
    /// Most likely value; absent during warm-up.
    pub expected: Vec<f64>,
    /// Least value that is no anomaly; absent during warm-up.
    pub lower: Vec<f64>,
    /// Largest value that is no anomaly; absent during warm-up.
    pub upper: Vec<f64>,
    /// Share of anomalous points in the trigger window, 0..=1.
    pub share: Vec<f64>,
    /// 1 where the value is anomalous in the monitor's direction.
    pub anomalous: Vec<u8>,
    /// 0 OK, 1 WARN, 2 ALERT, 3 NO DATA, 4 not judged yet: there is no band.
    pub status: Vec<u8>,
    /// Outlier score of each point of the series, also of those that do not count; absent during warm-up.
    pub outlier: Vec<f64>,
    /// Change score of each point of the series; absent during warm-up.
    pub change: Vec<f64>,
}

/// Counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Points that count.
    pub points: u32,
    /// Of these, those that had a band.
    pub judged: u32,
    /// Anomalous ones.
    pub anomalous: u32,
    /// Changes to ALERT.
    pub alerts: u32,
    /// Changes to WARN.
    pub warnings: u32,
    /// Points that came after their bucket was closed.
    pub late: u32,
}

/// What stands in [`Columns::status`] in place of OK where there is no band yet.
pub(crate) const NOT_JUDGED: u8 = 4;

/// The number that stands for a state in [`Columns::status`].
pub(crate) fn status_number(status: Status) -> u8 {
    match status {
        Status::Ok => 0,
        Status::Warn => 1,
        Status::Alert => 2,
        Status::NoData => 3,
    }
}
