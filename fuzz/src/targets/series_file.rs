//! Any bytes as a file of history: points are finite and stand by time; an error says where.

use fluent_anomaly::sources::series_file::{Layout, parse_time, read};

pub fn run(data: &[u8]) {
    match read(data, &Layout::default()) {
        Ok(file) => {
            assert!(!file.series.is_empty());
            for series in &file.series {
                assert!(series.points.is_sorted_by_key(|point| point.time));
                assert!(series.points.iter().all(|point| point.value.is_none_or(f64::is_finite)));
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    if let Ok(text) = std::str::from_utf8(data) {
        for line in text.lines().take(4) {
            let _ = parse_time(line);
        }
    }
}
