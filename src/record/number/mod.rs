//! Numbers as JSON text: exact both ways, on every target.

mod parse;
mod print;

pub use parse::parse_f64;
pub(super) use parse::{ParsedDecimal, decimal_end};
pub use print::format_f64;
pub(super) use print::{MAX_LEN, append_f64, append_i64, append_u64, with_text, write_before};
