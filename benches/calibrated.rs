//! Cost of the calibrated score, ns a point: `cargo bench --bench calibrated`.

#![allow(clippy::expect_used, reason = "generated numbers are finite")]

use divan::Bencher;
use fluent_anomaly::detectors::Finite;
use fluent_anomaly::detectors::{Calibrated, CalibratedSpec};

#[path = "quality/families.rs"]
#[allow(dead_code, reason = "the generators are shared with the quality bench")]
mod families;

use families::{Family, Series};

const POINTS: usize = 10_000;

fn main() {
    for family in [Family::Gaussian, Family::Daily] {
        let mut score = Calibrated::new(&CalibratedSpec::default());
        let mut series = Series::new(family, 1, 60.0);
        for i in 0..30 * 1440 {
            let time_s = f64::from(i) * 60.0;
            score.update(&CalibratedSpec::default(), finite(time_s), finite(series.next(time_s)));
        }
        println!("{family:?}: season {:?}, {} bytes a series", score.season(), score.memory_bytes());
    }
    divan::main();
}

fn finite(value: f64) -> Finite {
    Finite::new(value).expect("finite")
}

/// A series that has run for 30 days; each item is one more point.
#[divan::bench(args = [Family::Gaussian, Family::Ar, Family::Quantised, Family::CounterRaw, Family::Daily])]
fn update(bencher: Bencher<'_, '_>, family: &Family) {
    let spec = CalibratedSpec::default();
    let mut series = Series::new(*family, 1, 60.0);
    let mut score = Calibrated::new(&spec);
    let mut time_s = 0.0;
    for _ in 0..30 * 1440 {
        score.update(&spec, finite(time_s), finite(series.next(time_s)));
        time_s += 60.0;
    }
    let points: Vec<Finite> = (0..POINTS).map(|i| finite(series.next(time_s + 60.0 * i as f64))).collect();
    bencher.counter(divan::counter::ItemsCount::new(POINTS)).bench_local(|| {
        let mut alarms = 0;
        for x in &points {
            time_s += 60.0;
            alarms += usize::from(score.update(&spec, finite(time_s), *x).is_some_and(|r| r.is_alarm));
        }
        alarms
    });
}
