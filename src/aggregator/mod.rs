//! Chunks of many clients, scored, to the next hop: the engine of `serve`.
//!
//! ```text
//! clients -> source::forward -> inbox -> engine (pipelines) -> outbox -> output -> sink::forward, stdout, Datadog
//!    ^------------------------------ ack -----------------------------------'
//! ```
//!
//! | file | what it knows |
//! |---|---|
//! | `ticket` | a client waits for its chunk |
//! | `known` | chunks that came before: a client sends a chunk again when its ack did not arrive |
//! | `inbox` | chunks that wait, within a bound of bytes; their clients wait with them |
//! | `stats` | what was done, for people and for `/metrics` |
//! | `json_text` | msgpack -> JSON, for people |
//! | `output` | scored records -> forward server, standard output, or Datadog |
//! | `engine` | one chunk behind the other: score, hand over |
//! | `run` | all of it, from start to end |
//!
//! Every queue is bounded. Where the next hop is slow, the queues fill, and clients wait for their acks.

mod engine;
mod inbox;
mod json_text;
mod known;
mod output;
mod run;
mod stats;
mod ticket;

pub use output::OutputSettings;
pub use run::{Aggregator, AggregatorError, AggregatorSettings};
pub use stats::{Stats, StatsSnapshot};
