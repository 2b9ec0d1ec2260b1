//! What a monitor says of a record.

use crate::detector::band::Band;
use crate::monitor::alert::{Status, Transition, Triggered};

/// What one monitor says of a record.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MonitorVerdict {
    /// Value of the record's bucket so far.
    pub value: f64,
    /// What was expected of that bucket; `None` while there is no band yet.
    pub band: Option<Band>,
    /// Whether the bucket lies outside the band, on the monitor's side. For sums and counts, which grow while
    /// their bucket is open, *below* is said of the bucket that this record closed.
    pub is_anomaly: bool,
    /// State as of the closed buckets.
    pub status: Status,
    /// The change that the buckets closed by this record made, over all of them.
    pub transition: Option<Transition>,
    /// Whether it is time for a reminder.
    pub renotify: bool,
    /// Share of anomalous points in the trigger window, 0..=1.
    pub share: f64,
    /// When the state left OK, where there is a transition or a reminder.
    pub triggered: Option<Triggered>,
}

/// What a monitor says of a record where the state is OK and stays so, and no point of the trigger window is anomalous.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Unchanged {
    /// Value of the record's bucket so far.
    pub value: f64,
    /// What was expected of that bucket; `None` while there is no band yet.
    pub band: Option<Band>,
    /// Whether the bucket lies outside the band, on the monitor's side; as in [`MonitorVerdict`].
    pub is_anomaly: bool,
}

impl From<Unchanged> for MonitorVerdict {
    fn from(Unchanged { value, band, is_anomaly }: Unchanged) -> Self {
        Self {
            value,
            band,
            is_anomaly,
            status: Status::Ok,
            transition: None,
            renotify: false,
            share: 0.0,
            triggered: None,
        }
    }
}
