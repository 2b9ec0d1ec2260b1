//! What the sources and sinks of the companion share: the outside world behind a trait, back-off, notices, counters.

pub mod atomic;
mod backoff;
mod counters;
mod digest;
mod env;
pub mod http;
pub mod metrics;
mod notice;
mod seldom;
mod timed_stream;

pub use backoff::Backoff;
pub use counters::{Counters, DropReason, SectionGauges, Snapshot};
pub(crate) use digest::hex_sha512;
pub use env::{Env, Native, StopAndReload, Wake};
pub use notice::{IncidentNotice, Notice, NoticeCause, Progress, Quiet};
pub use seldom::Seldom;
pub(crate) use timed_stream::{TimedSocket, TimedStream};
