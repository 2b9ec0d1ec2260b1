//! Any text as a monitor's query: what is read is printed, and read again the same.

use fluent_anomaly::monitors::{MonitorSpec, RawMonitor, explain, query};

pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match query::parse(text) {
        Ok(read) => {
            let printed = read.to_string();
            assert_eq!(query::parse(&printed).as_ref(), Ok(&read), "{printed}");
            let mut raw = RawMonitor::default();
            raw.set("query", text);
            if let Ok(spec) = MonitorSpec::check(&raw) {
                assert!(!explain(&spec).is_empty());
            }
        }
        Err(errors) => {
            assert!(!errors.is_empty());
            for error in errors {
                assert!(!error.to_string().is_empty());
            }
        }
    }
}
