//! Any text as a monitor's message: it is filled in, bounded by what it holds.

use fluent_anomaly::monitors::{Facts, Status, Triggered, render};

pub fn run(data: &[u8]) {
    let Ok(template) = std::str::from_utf8(data) else { return };
    let facts = Facts {
        share: 0.9,
        threshold: 0.8,
        warn_threshold: Some(0.5),
        recovery_thresholds: (0.5, Some(0.25)),
        observed: Some(41.25),
        band: Some((40.0, 39.0, 41.0)),
        status: Status::Alert,
        transition: None,
        triggered: Some(Triggered::new(1_700_000_000, 1_700_000_300, 1_700_000_600)),
        priority: Some(1),
        groups: &[("host", "web-1"), ("env", "prod")],
    };
    let text = render(template, &facts);
    if !template.contains("{{") {
        assert_eq!(text, template);
    }
    assert!(text.len() <= 64 * (template.len() + 1));
}
