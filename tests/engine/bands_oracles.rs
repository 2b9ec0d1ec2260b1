//! One-step mean absolute errors against batch models that see the whole past at every point.
//!
//! Three series, six seeds: A hourly at one minute, two harmonics, independent noise; B daily at one hour, growth,
//! office hours, autoregressive noise; C weekly at one hour, Poisson counts on a wandering level. The oracles
//! are robust STL, refitted at each judged point (last trend + last season's seasonal part), and SARIMAX, whose
//! errors were computed once by tests/data/bands/sarimax.py.

use std::f64::consts::TAU;

use crate::common::series::{Rng, judge, largest, least, mean, spec};
use fluent_anomaly::detectors::Algorithm::{self, Agile, Robust};
use fluent_anomaly::detectors::Seasonality::{self, Daily, Hourly, Weekly};
use stlrs::Stl;

const SEEDS: std::ops::Range<u64> = 0..6;

fn wave(t: i64, m: i64, harmonic: i64) -> f64 {
    libm::sin(TAU * (harmonic * (t % m)) as f64 / m as f64)
}

fn series_a(seed: u64) -> Vec<f64> {
    let mut rng = Rng::new(seed);
    (0..600).map(|t| 10.0 * wave(t, 60, 1) + 4.0 * wave(t, 60, 2) + 0.5 * rng.normal()).collect()
}

fn series_b(seed: u64) -> Vec<f64> {
    let mut rng = Rng::new(seed);
    let mut x = 0.0;
    (0..480)
        .map(|t| {
            x = 0.7 * x + 0.5 * rng.normal();
            let office = if (8..18).contains(&(t % 24)) { 5.0 } else { 0.0 };
            10.0 * wave(t, 24, 1) + office + 2.0 * t as f64 / 24.0 + x
        })
        .collect()
}

fn series_c(seed: u64) -> Vec<f64> {
    let mut rng = Rng::new(seed);
    let mut level = 0.0;
    (0..8 * 168)
        .map(|t| {
            level += 0.3 * rng.normal();
            let usual = 175.0 + 100.0 * wave(t, 168, 7) + 25.0 * wave(t, 168, 1);
            rng.poisson((usual + level).max(5.0))
        })
        .collect()
}

/// One of the three, and which points of it are judged.
#[derive(Debug, Clone, Copy)]
struct Case {
    name: &'static str,
    season: Seasonality,
    interval: u32,
    series: fn(u64) -> Vec<f64>,
    /// Last seasons that are judged.
    judged: usize,
    /// Every how many points, for the refitted oracle and ours alike.
    every: usize,
}

const A: Case = Case { name: "A", season: Hourly, interval: 60, series: series_a, judged: 2, every: 1 };
const B: Case = Case { name: "B", season: Daily, interval: 3_600, series: series_b, judged: 4, every: 1 };
const C: Case = Case { name: "C", season: Weekly, interval: 3_600, series: series_c, judged: 1, every: 3 };

impl Case {
    fn buckets(self) -> usize {
        (self.season.seconds() / self.interval) as usize
    }

    fn judged_points(self, n: usize) -> impl Iterator<Item = usize> {
        (n - self.judged * self.buckets()..n).step_by(self.every)
    }

    fn ours(self, algorithm: Algorithm, seed: u64) -> f64 {
        let values = (self.series)(seed);
        let judged = judge(&spec(algorithm, self.season, self.interval), &values);
        let errors: Vec<f64> =
            self.judged_points(values.len()).map(|t| (judged[t].expected() - values[t]).abs()).collect();
        mean(&errors)
    }

    fn naive(self, seed: u64) -> f64 {
        let values = (self.series)(seed);
        let m = self.buckets();
        mean(&self.judged_points(values.len()).map(|t| (values[t - m] - values[t]).abs()).collect::<Vec<_>>())
    }

    /// Robust STL of the six seasons before each judged point.
    fn stl(self, seed: u64) -> f64 {
        let values = (self.series)(seed);
        let m = self.buckets();
        let errors: Vec<f64> = self
            .judged_points(values.len())
            .map(|t| {
                // relative to the first value: it computes in single precision
                let anchor = values[t - 6 * m];
                let past: Vec<f32> = values[t - 6 * m..t].iter().map(|y| (y - anchor) as f32).collect();
                let fit = Stl::params().robust(true).fit(&past, m).expect("six seasons");
                let trend = fit.trend()[past.len() - 1];
                let seasonal = fit.seasonal()[past.len() - m];
                (anchor + f64::from(trend + seasonal) - values[t]).abs()
            })
            .collect();
        mean(&errors)
    }
}

fn per_seed(f: impl Fn(u64) -> f64) -> Vec<f64> {
    SEEDS.map(f).collect()
}

fn print(case: Case, what: &str, errors: &[f64]) {
    println!("{}: {what:14} {:.3} [{:.3}..{:.3}]", case.name, mean(errors), least(errors), largest(errors));
}

fn sarimax(series: &str) -> Vec<f64> {
    let json: serde_json::Value =
        serde_json::from_str(include_str!("../data/bands/sarimax.json")).expect("the file is JSON");
    json[series].as_array().expect("six figures").iter().map(|x| x.as_f64().expect("a figure")).collect()
}

#[test]
fn the_generator_is_the_one_that_sarimax_was_run_on() {
    let json: serde_json::Value =
        serde_json::from_str(include_str!("../data/bands/sarimax.json")).expect("the file is JSON");
    for (name, series) in [("a", series_a as fn(u64) -> Vec<f64>), ("b", series_b)] {
        for (i, y) in series(0)[..5].iter().enumerate() {
            assert!((y - json["head"][name][i].as_f64().expect("a value")).abs() < 1e-9, "{name} {i}");
        }
        let last = *series(5).last().expect("a point");
        assert!((last - json["tail"][name].as_f64().expect("a value")).abs() < 1e-9, "{name}");
    }
}

#[test]
fn agile_is_as_good_as_a_fitted_sarimax() {
    for (case, name) in [(A, "a"), (B, "b")] {
        let (ours, oracle) = (per_seed(|seed| case.ours(Agile, seed)), sarimax(name));
        print(case, "agile", &ours);
        print(case, "SARIMAX", &oracle);
        assert_eq!(oracle.len(), 6);
        assert!(mean(&ours) <= 1.10 * mean(&oracle), "{case:?}: {ours:?} against {oracle:?}");
    }
    let ours = per_seed(|seed| C.ours(Agile, seed));
    let naive = per_seed(|seed| C.naive(seed));
    print(C, "agile", &ours);
    print(C, "seasonal naive", &naive);
    assert!(mean(&ours) <= 0.85 * mean(&naive));
}

#[test]
fn robust_is_as_good_as_a_refitted_stl() {
    for case in [A, B, C] {
        let (ours, oracle) = (per_seed(|seed| case.ours(Robust, seed)), per_seed(|seed| case.stl(seed)));
        print(case, "robust", &ours);
        print(case, "STL", &oracle);
        assert!(mean(&ours) <= 1.05 * mean(&oracle), "{case:?}: {ours:?} against {oracle:?}");
    }
}
