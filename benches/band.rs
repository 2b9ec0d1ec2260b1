//! Forecast and learn one point of each of a thousand interleaved series, warmed up.
//!
//! `cargo bench --bench band` prints the time of a whole round: nanoseconds a point are microseconds a round.

use divan::Bencher;
use divan::counter::ItemsCount;
use fluent_anomaly::detectors::{Algorithm, BandEngine, BandSpec, Seasonality};

const SERIES: usize = 1_000;

fn main() {
    divan::main();
}

/// Cheap noise that no branch predictor knows by heart: the sum of four uniform numbers.
fn noise(state: &mut u64) -> f64 {
    let mut sum = 0.0;
    for _ in 0..4 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        sum += (*state >> 40) as f64 / (1u64 << 24) as f64;
    }
    sum
}

/// An hourly wave.
fn shape(bucket: i64) -> f64 {
    let phase = (bucket % 60) as f64 / 30.0 - 1.0;
    40.0 * phase * (1.0 - phase.abs())
}

fn round(bencher: Bencher<'_, '_>, spec: BandSpec) {
    let mut state = 1;
    let mut engines: Vec<BandEngine> = (0..SERIES).map(|_| BandEngine::new(&spec)).collect();
    let mut bucket = 0;
    while bucket < 4 * i64::from(spec.buckets()).max(60) {
        for engine in &mut engines {
            engine.update(&spec, bucket, 0, shape(bucket) + noise(&mut state));
        }
        bucket += 1;
    }
    bencher
        .counter(ItemsCount::new(SERIES))
        .with_inputs(|| (0..SERIES).map(|_| noise(&mut state)).collect::<Vec<f64>>())
        .bench_local_refs(|noise| {
            let mut outside = 0;
            for (engine, noise) in engines.iter_mut().zip(noise) {
                let y = shape(bucket) + *noise;
                if let Some(prediction) = engine.predict(&spec, bucket, 0) {
                    outside += usize::from(!prediction.bounds(2.0).contains(y));
                }
                engine.update(&spec, bucket, 0, y);
            }
            bucket += 1;
            outside
        });
}

#[expect(clippy::expect_used, reason = "constants")]
fn spec(algorithm: Algorithm, season: Option<Seasonality>, interval: u32) -> BandSpec {
    BandSpec::new(algorithm, season, interval, 15).expect("a good spec")
}

#[divan::bench]
fn basic(bencher: Bencher<'_, '_>) {
    round(bencher, spec(Algorithm::Basic, None, 60));
}

#[divan::bench]
fn agile_hourly(bencher: Bencher<'_, '_>) {
    round(bencher, spec(Algorithm::Agile, Some(Seasonality::Hourly), 60));
}

#[divan::bench]
fn robust_hourly(bencher: Bencher<'_, '_>) {
    round(bencher, spec(Algorithm::Robust, Some(Seasonality::Hourly), 60));
}

#[divan::bench]
fn agile_weekly(bencher: Bencher<'_, '_>) {
    round(bencher, spec(Algorithm::Agile, Some(Seasonality::Weekly), 300));
}

#[divan::bench]
fn robust_weekly(bencher: Bencher<'_, '_>) {
    round(bencher, spec(Algorithm::Robust, Some(Seasonality::Weekly), 300));
}
