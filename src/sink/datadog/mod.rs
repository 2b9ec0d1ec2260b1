//! Points to Datadog's metric intake: the code behind the `dd` output of Fluent Bit and the `dd` command.
//!
//! | file | what it knows |
//! |---|---|
//! | `settings` | options, checked |
//! | `msgpack`, `chunk`, `json_lines` | bytes -> fields of records |
//! | `record_fields`, `window_maps` | which fields matter; those of a closed window, which another record carries |
//! | `names` | metric names and tags as Datadog keeps them |
//! | `point` | a point, its series, the intake's window of time |
//! | `batch` | fields -> points, grouped by series |
//! | `event` | what a monitor says -> an event |
//! | `payload` | points -> bodies within the intake's limits |
//! | `client`, `retry_gate` | one request and its answer; when to ask again |
//! | `chunk_queue`, `ordered_shipper` | with `dd_order`: which chunk goes next; who ships it |
//! | `shipper` | all of it for a chunk |
//! | `stream` | all of it for a stream |
//! | `outcome`, `log` | verdict, counts; log lines |
//!
//! Records are taken as fluent-plugin-dd takes them (`metric`, `value`, and `tag`, `tags`, `host`, `type`,
//! `device`, `time`, `interval`), and as the anomaly filter leaves them (`metric_outlier` with `score_outlier`,
//! `metric_change` with `score_change`, each after the section's prefix; `scope`, `host`, `time`).
//! A point is either accepted by the intake, or counted with a [`UnsentReason`], or still to be delivered.

mod batch;
mod chunk;
mod chunk_queue;
mod client;
mod event;
mod json_lines;
mod log;
mod msgpack;
mod names;
mod ordered_shipper;
mod outcome;
mod payload;
mod point;
mod record_fields;
mod retry_gate;
mod settings;
mod shipper;
mod stream;
mod window_maps;

pub use names::{METRIC_NAME_LIMIT, TAG_LIMIT, metric_name, tag};
pub use outcome::{ChunkVerdict, Note, NoteLevel, ShipOutcome, Totals, UnsentCounts, UnsentReason};
pub use point::{FURTHEST_AHEAD, OLDEST};
pub use settings::{Compression, IntakeApi, Limits, ShipperSettings, ShipperSettingsError};
pub use shipper::Shipper;
pub use stream::{StreamError, StreamOptions, run_stream};

/// Points of bytes that are read as a chunk, or as JSON lines, and the body of the first request made of them; for the
/// fuzz targets. `now`: seconds since 1970.
#[doc(hidden)]
#[must_use]
pub fn read_records(bytes: &[u8], is_json: bool, now: i64) -> (u64, Vec<u8>) {
    let mut batch = batch::Batch::default();
    if is_json {
        for line in bytes.split(|byte| *byte == b'\n') {
            json_lines::line(line, "tag", now as f64, &mut batch);
        }
    } else {
        chunk::read(bytes, "tag", &mut batch);
    }
    let body = payload::build(&batch, 0, now, &Limits::default(), IntakeApi::V2, Compression::Off).body;
    (batch.len(), body)
}
