//! A record's text: find fields, append annotations, touch nothing else.
//!
//! [`Extractor::scan`] reads a record once, checks that it is one well-formed JSON object (or msgpack map) and
//! notes where the wanted values stand; [`Found::value`] reads them; [`Extractor::annotate`] writes fields behind
//! the last member. All other bytes stay: order, white space, and the text of each number.
//!
//! ```
//! use fluent_anomaly::{Format, records::{Accessor, Extractor, Field, Found, Output, Value}};
//!
//! let inputs = [Accessor::parse("$latency_ms")?, Accessor::parse("$host['name']")?];
//! let outputs = [Output { name: "score".to_owned(), constant: None }];
//! let extractor = Extractor::new(Format::Json, &inputs, &outputs);
//! let mut found = Found::default();
//!
//! let mut record = br#"{"latency_ms":12.50,"host":{"name":"web-1"}}"#.to_vec();
//! extractor.scan(&record, &mut found)?;
//! let Some(Value::Number(latency)) = found.value(&record, 0) else { unreachable!() };
//! assert_eq!(latency.to_f64(), 12.5);
//!
//! extractor.annotate(&mut record, &found, &[(0, Field::Number(3.0))]);
//! assert_eq!(record, br#"{"latency_ms":12.50,"host":{"name":"web-1"},"score":3.0}"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Cost
//! One pass, linear in the record's length. Nothing is allocated once the scratch in [`Found`] has grown to the nesting
//! depth of the records. A record nested deeper than [`MAX_DEPTH`] passes unchanged.

mod accessor;
mod condition;
mod extractor;
mod format;
mod found;
mod json;
pub mod msgpack;
mod names;
mod number;
mod output;
mod quantity;
mod replace;
mod swar;
mod tree;
mod value;

#[cfg(test)]
mod tests;

pub(crate) use accessor::hint_for_dots;
pub use accessor::{Accessor, AccessorError};
pub use condition::{Condition, ConditionError};
pub use extractor::{Extractor, encode};
pub use format::{Format, MAX_DEPTH, NotARecord, Why};
pub use found::Found;
pub(crate) use json::{Mended, mend};
pub use json::{Suffix, SuffixText};
pub(crate) use names::value_names;
pub use number::{format_f64, parse_f64};
pub use output::{Field, Output};
pub use quantity::Unit;
pub(crate) use swar::{WordReader, blanks_and_controls, lowest, marks_between, same_text};
pub use value::{Number, Text, Value};
