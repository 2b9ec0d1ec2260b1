//! draft
mod age;
mod channels;
mod clock;
mod ladder;
mod spec;
mod engine;
pub use engine::*;
pub use spec::Tuning;
