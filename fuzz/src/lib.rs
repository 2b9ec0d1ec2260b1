//! Everything that reads bytes from outside, as functions of bytes. Each asserts laws, not only that nothing panics.
//!
//! | target | what it reads |
//! |---|---|
//! | `json_record`, `msgpack_record` | a record: scan and annotate |
//! | `mend` | text that Fluent Bit prints for a record, JSON or nearly |
//! | `pipeline` | records through sections, a monitor and a condition |
//! | `state` | the files of a state folder |
//! | `config` | the INI file |
//! | `monitor_query`, `message` | a monitor's query; its message |
//! | `monitor_file` | monitors as JSON, Terraform, YAML |
//! | `series_file` | history: CSV, JSON, line protocol, logfmt, msgpack, gzip, zstd; dates in all of them |
//! | `condition` | `if:` and a record |
//! | `log_windows` | log lines: windows, groups, a budget for all, with a restart |
//! | `log_patterns` | log lines: templates |
//! | `forward_frame` | messages of forward clients |
//! | `checkpoint` | a partition's checkpoint, and its pieces |
//! | `forward_answer` | what a forward server says |
//! | `forward_record` | JSON that becomes msgpack for a forward server |
//! | `datadog_answer` | answers of the query API |
//! | `dd_records` | chunks and JSON lines of the `dd` output |
//!
//! `cargo xtask fuzz [TARGET..]` runs them; the corpus of each is `corpus/TARGET.txt`, an input a line.

mod targets;

use targets::{
    checkpoint, condition, config, datadog_answer, dd_records, forward_answer, forward_frame, forward_record,
    json_record, log_patterns, log_windows, mend, message, monitor_file, monitor_query, msgpack_record,
    pipeline, series_file, state,
};

/// Reads bytes; panics where a law does not hold.
pub type Target = fn(&[u8]);

/// All targets by name.
pub const TARGETS: [(&str, Target); 19] = [
    ("checkpoint", checkpoint::run),
    ("condition", condition::run),
    ("config", config::run),
    ("datadog_answer", datadog_answer::run),
    ("dd_records", dd_records::run),
    ("forward_answer", forward_answer::run),
    ("forward_frame", forward_frame::run),
    ("forward_record", forward_record::run),
    ("json_record", json_record::run),
    ("log_patterns", log_patterns::run),
    ("log_windows", log_windows::run),
    ("mend", mend::run),
    ("message", message::run),
    ("monitor_file", monitor_file::run),
    ("monitor_query", monitor_query::run),
    ("msgpack_record", msgpack_record::run),
    ("pipeline", pipeline::run),
    ("series_file", series_file::run),
    ("state", state::run),
];
