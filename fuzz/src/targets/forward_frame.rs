//! What a client of the forward protocol sends: events keep their bytes, and nothing beyond the bound is unpacked.

use fluent_anomaly::sources::forward::{IncomingChunk, read_frame};

/// Bytes of an unpacked body at most.
const MAX_BODY: usize = 1 << 16;

pub fn run(data: &[u8]) {
    let Ok(Some(chunk)) = read_frame(data.to_vec(), MAX_BODY, |_| true) else { return };
    let mut entries = Vec::new();
    chunk.write_entries(&mut entries);
    assert!(entries.len() <= MAX_BODY.max(data.len()) + chunk.len());
    for entry in chunk.entries() {
        let mut record = entry.record;
        // rmpv follows fewer levels than records may have
        match rmpv::decode::read_value_ref(&mut record) {
            Ok(value) => assert!(matches!(value, rmpv::ValueRef::Map(_)) && record.is_empty()),
            Err(rmpv::decode::Error::DepthLimitExceeded) => {}
            Err(error) => panic!("a record that is no msgpack: {error}"),
        }
    }
    let again = IncomingChunk::from_entries(chunk.tag.clone(), entries);
    assert_eq!(again.skipped, Default::default());
    assert!(chunk.entries().eq(again.entries()));
}
