//! Any bytes as an answer of the query API: every value is finite.

use fluent_anomaly::internals::read_datadog_answers;

pub fn run(data: &[u8]) {
    for series in read_datadog_answers(data) {
        assert!(series.points.iter().all(|point| point.value.is_none_or(f64::is_finite)));
        assert!(series.interval.is_none_or(|interval| interval > 0));
    }
}
