//! One budget of alarms for all series of a fleet, and one incident for alarms that begin together.
//!
//! | file | what it holds |
//! |---|---|
//! | `threshold` | how rare a point must be, read from how often any series was that rare |
//! | `incident` | the incident that is open: who belongs to it, how large it is |
//! | `state` | one fleet: its clock, its threshold, its incident |

mod incident;
mod state;
mod threshold;

pub use incident::{IncidentEvent, IncidentMember, IncidentReport};
pub use state::{Fleet, FleetAnswer};
