//! Scores records as the filter does: JSON in, the same JSON with its scores out.
//!
//! ```sh
//! cargo run --example score_records
//! ```
//!
//! ```text
//! {"host":"a","ms":22.50,"metric_outlier":"changefinder.outlier.latency","score_outlier":1.6868344594981353,"metric_change":"changefinder.change.latency","score_change":-1.0640708416432318}
//! {"host":"b","ms":95.50,"metric_outlier":"changefinder.outlier.latency","score_outlier":27.95381410326793,"metric_change":"changefinder.change.latency","score_change":7.312979133644738}
//! {"host":"a","ms":"fast","anomaly_error":"[series.latency] $ms is a text, not a number: the record is not scored"}
//! 466 scored, 134 of the warm-up without scores, 2 series, 0 evicted
//! ```
use fluent_anomaly::{Config, Format, Pipeline, Time};

/// The same text as in `fluent-anomaly.ini`: one model for each host.
const CONFIG: &str = "
[filter]
state: off

[series.latency]
match: app.*
value: $ms
by: $host
k: 2
";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::parse("fluent-anomaly.ini", CONFIG)?;
    let mut pipeline = Pipeline::new(&config, Format::Json, None);

    for t in 0..300 {
        for host in ["a", "b"] {
            let ms = if t == 299 && host == "b" { 95 } else { 20 + t % 3 };
            let mut record = format!(r#"{{"host":"{host}","ms":{ms}.50}}"#).into_bytes();
            // the tag routes, the time is the event's own; the pipeline reads no clock
            pipeline.process(b"app.web", Time::from_seconds(1_700_000_000 + t), &mut record);
            if t == 299 {
                // everything that was in the record has kept its bytes
                println!("{}", String::from_utf8(record)?);
            }
        }
    }

    // a record that cannot be scored leaves with the reason
    let mut record = br#"{"host":"a","ms":"fast"}"#.to_vec();
    pipeline.process(b"app.web", Time::from_seconds(1_700_000_300), &mut record);
    println!("{}", String::from_utf8(record)?);

    let (series, evicted) = pipeline.series();
    let counters = pipeline.counters();
    println!(
        "{} scored, {} of the warm-up without scores, {series} series, {evicted} evicted",
        counters.scored, counters.warming_up
    );
    Ok(())
}
