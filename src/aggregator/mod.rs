//! Chunks of many clients, scored, to the next hop: the engine of `serve`.
//!
//! ```text
//! clients -> source::forward -> inbox -> engine (pipelines) -> outbox -> output -> sink::forward, stdout, Datadog
//!    ^------------------------------ ack -----------------------------------'
//! ```
//!
//! | file | what it knows |
//! |---|---|
//! | `ticket` | a client waits for its chunk; who drops the chunk refuses it |
//! | `known` | chunks that came before: a client sends a chunk again when its ack did not arrive |
//! | `inbox` | chunks that wait, within a bound of bytes; their clients wait with them |
//! | `log_entry` | a chunk as an entry of the log on disk |
//! | `saved_models` | the models of a snapshot as a file |
//! | `input_log` | chunks on disk, from which the models are made again after a crash |
//! | `clock` | the time of day as pipelines see it |
//! | `lanes` | scored entries as the shards wrote them, in the order in which they came |
//! | `shards` | pipelines side by side, each with a part of the series |
//! | `arrivals` | how far chunks have arrived |
//! | `stats` | what was done, for people and for `/metrics` |
//! | `metrics_text` | counters for `/metrics` |
//! | `json_text` | msgpack -> JSON, for people |
//! | `output` | scored records -> forward server, standard output, or Datadog |
//! | `engine` | one chunk behind the other: put on disk, score, hand over |
//! | `run` | all of it, from start to end |
//!
//! Every queue is bounded. Where the next hop is slow, the queues fill, and clients wait for their acks.

mod arrivals;
mod clock;
mod engine;
mod inbox;
mod input_log;
mod json_text;
mod known;
mod lanes;
mod log_entry;
mod metrics_text;
mod output;
mod run;
mod saved_models;
mod shards;
mod stats;
mod ticket;

pub use metrics_text::render;
pub use output::OutputSettings;
pub use run::{Aggregator, AggregatorError, AggregatorSettings};
pub use stats::{Stats, StatsSnapshot};
