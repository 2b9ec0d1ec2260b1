//! Any bytes as a JSON record for a forward server: what serde_json takes becomes msgpack, everything else is refused.

use fluent_anomaly::sinks::forward::Entries;

pub fn run(data: &[u8]) {
    let mut entries = Entries::default();
    let taken = entries.push_json(1_700_000_000_000, data).is_ok();
    assert_eq!(u32::from(taken), entries.count());
    assert_eq!(entries.is_empty(), !taken);
    if taken {
        assert!(serde_json::from_slice::<serde::de::IgnoredAny>(data).is_ok());
    } else {
        assert_eq!(entries.len(), 0, "a refused record leaves nothing behind");
    }
}
