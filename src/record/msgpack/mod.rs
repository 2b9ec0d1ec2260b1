//! Records as msgpack maps.

#[cfg(feature = "companion")]
mod flat;
pub(crate) mod head;
mod scan;
mod stream;
mod write;

#[cfg(feature = "companion")]
pub(crate) use flat::{find_flat, flat_value};
pub(super) use scan::scan;
pub use stream::{BadBytes, ObjectScan, object_len};
pub(super) use write::{annotate, append_value, encode_outputs};
