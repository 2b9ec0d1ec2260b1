//! One series under one set of parameters: what `fluent-anomaly` makes of it, point by point.
//!
//! The page of `fluent-anomaly report` and the JavaScript package hold one [`Preview`] a series and evaluate it anew
//! whenever a parameter changes. Bands, states and scores come from the library; nothing is computed here.
//!
//! | file | what it holds |
//! |---|---|
//! | `settings.rs` | texts of controls -> query and checked parameters, or what `check` says of them |
//! | `series.rs` | times and values, and their evaluation |
//! | `evaluation.rs` | columns of the result |
//! | `alarms.rs` | the calibrated score under a budget of alarms |
//! | `fleet.rs` | one budget for all series, and each beside the others |
//! | `copy.rs` | query, INI sections and JSON body to take along |
//! | `json.rs`, `replies.rs` | write JSON |
//! | `abi.rs` (feature `exports`) | plain exports for the page |
//!
//! `wasm/package` offers the same as classes for JavaScript.
#![cfg_attr(not(feature = "exports"), forbid(unsafe_code))]

#[cfg(feature = "exports")]
mod abi;
mod alarms;
mod copy;
mod evaluation;
mod fleet;
mod json;
mod replies;
mod series;
mod settings;

pub use alarms::{Alarm, Alarms, Candidate};
pub use copy::Copies;
pub use evaluation::{Columns, Evaluation, Summary};
pub use fleet::{FleetAlarms, FleetIncident, Outlier, RarePoint, outliers, outliers_json};
pub use replies::{problems_json, suggestion_json};
pub use series::{Preview, SeriesError};
pub use settings::{Checked, Problem, Settings};
