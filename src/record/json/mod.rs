//! Records as JSON text.

pub(super) mod escape;
mod mend;
mod printed;
mod scan;
mod suffix;
pub(super) mod template;
mod write;

pub(crate) use mend::{Mended, mend};
#[cfg(test)]
pub(super) use printed::may_need_mending;
pub(super) use scan::scan;
pub use suffix::{Suffix, SuffixText};
pub(super) use write::{annotate, append_suffix, append_value, encode_outputs, takes_suffix};
