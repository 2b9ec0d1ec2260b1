//! Whether memory is left for a further series.

use super::Model;

/// Left free when a series is added: for everything else that is allocated while records are scored.
const RESERVE: usize = 192 << 10;

/// Series that are added after one look at the memory that is left. Natively a look is a twentieth of what a series costs.
const ADDED: usize = if cfg!(target_family = "wasm") { 1 } else { 64 };

/// Whether memory is left for one more series of so many bytes besides `series` others, as far as it was looked.
pub(super) fn has_room_beside(series: usize, bytes: usize) -> bool {
    !series.is_multiple_of(ADDED) || has_room(bytes.saturating_mul(ADDED))
}

/// Asks the allocator before an infallible allocation would have to abort: on WASM an abort loses the record.
pub(super) fn has_room(bytes: usize) -> bool {
    let mut probe = Vec::<u8>::new();
    probe.try_reserve_exact(bytes.saturating_add(RESERVE)).is_ok()
}

/// Bytes that a further series takes at most, with the slack of the allocator.
pub(super) fn needed<M: Model>(spec: &M::Spec, key_len: usize) -> usize {
    2 * (M::memory_bytes(spec) + key_len + 64)
}
