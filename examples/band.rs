//! The band of an anomaly monitor: which values are expected now, given what the season and the level were?
//!
//! ```sh
//! cargo run --example band
//! ```
//!
//! ```text
//! 1808 bytes for this series, whatever it sees
//! day  time   value   band                 inside
//!   3  00:00    30.2      23.3 to    31.3   true
//!   3  06:00    31.0      25.1 to    33.7   true
//!   3  12:00    98.9      96.3 to   105.4   true
//!   3  18:00    31.9      24.4 to    34.0   true
//!   4  00:00    31.8      24.2 to    33.8   true
//!   4  06:00    28.8      24.6 to    34.0   true
//!   4  12:00   100.8      95.9 to   105.1   true
//!   4  18:00    29.9      25.0 to    34.3   true
//!   5  00:00    30.0      25.6 to    34.7   true
//!   5  06:00    31.1      25.2 to    33.6   true
//!   5  10:00    35.0      96.5 to   105.1   false
//!   5  12:00    99.2      95.8 to   104.8   true
//!   5  18:00    28.4      25.8 to    34.5   true
//! ```
use fluent_anomaly::detectors::{Algorithm, BandEngine, BandSpec, Seasonality};

/// Buckets of five minutes.
const INTERVAL: u32 = 300;
const BUCKETS_A_DAY: i64 = 288;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // the alert window of a monitor: so many buckets at the end are judged, and must not teach their own level
    let spec = BandSpec::new(Algorithm::Agile, Some(Seasonality::Daily), INTERVAL, 3)?;
    let mut engine = BandEngine::new(&spec);
    println!("{} bytes for this series, whatever it sees", BandEngine::memory_bytes(&spec));

    println!("day  time   value   band                 inside");
    for bucket in 0..6 * BUCKETS_A_DAY {
        let y = value(bucket);
        // ask first, then teach. There is no band while the engine warms up: the first three days
        if let Some(prediction) = engine.predict(&spec, bucket, 0) {
            let band = prediction.bounds(3.0);
            if bucket % 72 == 0 || bucket == FAULT {
                println!(
                    "{:3}  {:02}:{:02} {y:7.1}   {:7.1} to {:7.1}   {}",
                    bucket / BUCKETS_A_DAY,
                    bucket % BUCKETS_A_DAY / 12,
                    bucket % 12 * 5,
                    band.lower,
                    band.upper,
                    band.contains(y)
                );
            }
        }
        engine.update(&spec, bucket, 0, y);
    }
    Ok(())
}

/// Day 5, 10:00.
const FAULT: i64 = 5 * BUCKETS_A_DAY + 120;

/// Busy by day, quiet by night, with noise that repeats on no day.
fn value(bucket: i64) -> f64 {
    let hour = bucket % BUCKETS_A_DAY / 12;
    let noise = (bucket * bucket * 31 % 101 - 50) as f64 / 25.0;
    let busy = if (8..18).contains(&hour) { 100.0 } else { 30.0 };
    if bucket == FAULT { 35.0 } else { busy + noise }
}
