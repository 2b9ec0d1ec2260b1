//! The words of a monitor: states, changes of state, positions in the band.

use core::fmt;

use crate::monitor::query::Direction;

/// State of one series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Nothing holds.
    Ok,
    /// The warning threshold was reached.
    Warn,
    /// The critical threshold was reached.
    Alert,
    /// The series is silent.
    NoData,
}

impl Status {
    /// The text that goes into records: `OK`, `WARN`, `ALERT`, `NO DATA`.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Status::Ok => "OK",
            Status::Warn => "WARN",
            Status::Alert => "ALERT",
            Status::NoData => "NO DATA",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// A change of state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// State before.
    pub from: Status,
    /// State now; never `from`.
    pub to: Status,
}

impl Transition {
    /// The text that goes into records, for example `OK->ALERT`.
    #[must_use]
    pub fn text(self) -> &'static str {
        use Status::{Alert, NoData, Ok, Warn};
        match (self.from, self.to) {
            (Ok, Warn) => "OK->WARN",
            (Ok, Alert) => "OK->ALERT",
            (Ok, NoData) => "OK->NO DATA",
            (Warn, Ok) => "WARN->OK",
            (Warn, Alert) => "WARN->ALERT",
            (Warn, NoData) => "WARN->NO DATA",
            (Alert, Ok) => "ALERT->OK",
            (Alert, Warn) => "ALERT->WARN",
            (Alert, NoData) => "ALERT->NO DATA",
            (NoData, Ok) => "NO DATA->OK",
            (NoData, Warn) => "NO DATA->WARN",
            (NoData, Alert) => "NO DATA->ALERT",
            (same, _) => same.text(),
        }
    }
}

impl fmt::Display for Transition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// Where the value of a bucket lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BandPosition {
    /// Within the band.
    Inside,
    /// Above its upper bound.
    Above,
    /// Below its lower bound.
    Below,
    /// There is no band yet.
    NoBand,
}

impl BandPosition {
    /// Whether a monitor of this direction counts it as anomalous.
    #[must_use]
    pub fn is_anomalous(self, direction: Direction) -> bool {
        match direction {
            Direction::Both => matches!(self, BandPosition::Above | BandPosition::Below),
            Direction::Above => self == BandPosition::Above,
            Direction::Below => self == BandPosition::Below,
        }
    }
}
