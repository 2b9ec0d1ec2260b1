//! Records as msgpack maps.

pub(crate) mod head;
mod scan;
mod stream;
mod write;

pub(super) use scan::scan;
pub use stream::{BadBytes, ObjectScan, object_len};
pub(super) use write::{annotate, append_value, encode_outputs};
