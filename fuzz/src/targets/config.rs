//! Any text as a configuration: every problem has a line of the text, what is accepted scores records.

use fluent_anomaly::{Config, Format, Pipeline, Time};

/// Bounds the memory of what is accepted: series and buffers come with records, and there are two.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let lines = text.lines().count().max(1) as u32;
    match Config::parse("f.ini", text) {
        Ok(config) => {
            let mut pipeline = Pipeline::new(&config, Format::Json, None);
            for n in 0..2 {
                let mut record = br#"{"raw_value":1.5,"scope":"host:a","time":1700000000}"#.to_vec();
                pipeline.process(b"changefinder.cpu", Time::from_seconds(60 * n), &mut record);
                assert!(record.starts_with(br#"{"raw_value":1.5,"scope":"host:a","time":1700000000"#));
            }
        }
        Err(error) => {
            assert!(!error.problems().is_empty());
            for problem in error.problems() {
                assert!(problem.line() <= lines, "{problem}");
                assert!(!problem.message().is_empty());
            }
        }
    }
}
