//! Records as msgpack maps.

pub(super) mod head;
mod scan;
mod stream;
mod write;

pub(super) use scan::scan;
pub use stream::{BadBytes, object_len};
pub(super) use write::{annotate, append_value, encode_outputs};
