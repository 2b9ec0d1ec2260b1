//! Any text as a file of monitors: what is imported and checked is exported, and imported again the same.

use fluent_anomaly::monitors::{MonitorSpec, exchange};

pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = exchange::import(text).map_err(|error| error.to_string());
    let Ok(file) = exchange::import_all(text) else { return };
    for monitor in file.monitors.into_iter().flatten() {
        let _ = monitor.to_ini("cpu");
        let Ok(spec) = MonitorSpec::check(&monitor.raw) else { continue };
        let exported = exchange::export(&spec, "name").to_string();
        let again = exchange::import(&exported).expect("what was exported");
        let again = MonitorSpec::check(&again.raw).expect("a checked monitor");
        assert_eq!(again.query, spec.query);
        assert_eq!(again.critical.to_bits(), spec.critical.to_bits());
    }
}
