//! Exactly-once scoring of a partitioned log such as Kafka's, without the network: the state of a partition, its
//! checkpoints, and where input is read again from.
//!
//! Models are deterministic, so the state of a partition is a function of its input up to an offset. A checkpoint is a
//! snapshot of the models with that offset. Whoever is given a partition loads the last checkpoint, reads the input from
//! there to the committed offset without output, and goes on: the outputs are the bytes of a run that nothing disturbed.
//!
//! ```text
//!                  checkpoint        committed                 end of the log
//! input  ----------|-----------------|-------------------------|
//!                  replayed          scored, annotated, written
//! ```
//!
//! The offset of the input, the outputs and a reference to the checkpoint are committed in one transaction: the
//! [`Reference`] travels as the metadata of the committed offset. So a checkpoint counts only once the transaction does
//! that names it, and a writer that lost its partition cannot make one count.

mod checkpoint;
mod chunk;
mod counters;
mod folder;
mod opening;
mod partition;
mod reference;
mod rekey;
mod window_message;

pub use checkpoint::{Checkpoint, CheckpointError};
pub use chunk::{Assembler, CHUNK_BYTES, ChunkError, chunks};
pub use counters::{PartitionGauges, StreamCounters, render};
pub use folder::{CheckpointFolder, CheckpointFolderError};
pub use opening::{Found, Opened, Opening};
pub use partition::{Message, Partition, PartitionSettings, PartitionSettingsError, Taken};
pub use reference::Reference;
pub use rekey::RekeyError;
pub use window_message::WindowMessage;
