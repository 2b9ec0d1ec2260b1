//! Which columns or fields are wanted.

use crate::record::{Accessor, Unit};

/// Which columns or fields hold what. Names are those of columns, or record accessors, with or without `$`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layout {
    /// Where the time stands; otherwise it is looked for.
    pub time: Option<String>,
    /// Where the value stands; otherwise it is looked for.
    pub value: Option<String>,
    /// What names a series; empty: every column that holds text.
    pub by: Vec<String>,
    /// In which unit texts such as `12ms` are read as values; otherwise in that of the first one.
    pub unit: Option<Unit>,
    /// The names that a section of a configuration gives to these three: they are looked for first, and need not be
    /// there.
    pub section: Option<Box<Layout>>,
    /// Whether a few points may have the time of another one of their series, as where clocks are set back.
    pub repeats: bool,
}

/// Fields in which containers, journals and programs carry a whole line.
pub const LINES: [&str; 6] = ["log", "message", "msg", "MESSAGE", "line", "@message"];
/// Names that times go by, in any case.
pub(super) const TIMES: [&str; 9] =
    ["time", "timestamp", "ts", "@timestamp", "date", "datetime", "fluent_time", "_time", "eventtime"];
/// Names that values go by, in any case.
pub(super) const VALUES: [&str; 4] = ["value", "raw_value", "_value", "val"];
/// Of the fields of a record, the first of these names its series, whatever other texts it has.
pub(super) const SERIES: [&str; 2] = ["scope", "series"];

/// Whether a column is the one that is meant: a name may be written as a field is, with `$`, and in any case.
pub(super) fn is_named(name: &str, wanted: &str) -> bool {
    let plain = |text: &str| Accessor::parse(text).map(|accessor| accessor.to_string());
    name.eq_ignore_ascii_case(wanted)
        || plain(wanted).is_ok_and(|wanted| plain(name).is_ok_and(|name| name.eq_ignore_ascii_case(&wanted)))
}
