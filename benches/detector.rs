//! Cost of the detector: `cargo bench --bench detector`.
//!
//! `update` is for 1000 points (so µs read as ns a point), `select_order` for one selection.

use divan::{Bencher, black_box};
use fluent_anomaly::detectors::{ArEstimator, ChangeFinder, Finite, Params, ScoreFunction, select_order};

fn main() {
    divan::main();
}

const POINTS: usize = 1000;

/// AR noise with a level that jumps: no timing depends on lucky zeros.
fn series(n: usize) -> Vec<f64> {
    let mut word = 0x9e37_79b9_7f4a_7c15u64;
    let mut last = 0.0;
    (0..n)
        .map(|i| {
            word ^= word << 13;
            word ^= word >> 7;
            word ^= word << 17;
            last = 0.6 * last + (word >> 11) as f64 / (1u64 << 53) as f64;
            last + (i / 250) as f64
        })
        .collect()
}

const MODES: [(ArEstimator, ScoreFunction); 4] = [
    (ArEstimator::Yule, ScoreFunction::LogLoss),
    (ArEstimator::Yule, ScoreFunction::Hellinger),
    (ArEstimator::Burg, ScoreFunction::LogLoss),
    (ArEstimator::Burg, ScoreFunction::Hellinger),
];

#[expect(clippy::unwrap_used, reason = "the parameters stand in this file")]
fn update(bencher: Bencher<'_, '_>, k: usize, (estimator, score): (ArEstimator, ScoreFunction)) {
    let params = Params::new(0.02, k, 10, 5, estimator, score).unwrap();
    let points: Vec<Finite> = series(POINTS).into_iter().filter_map(Finite::new).collect();
    let mut model = ChangeFinder::new(&params);
    bencher.counter(divan::counter::ItemsCount::new(POINTS)).bench_local(|| {
        for &x in &points {
            let _ = black_box(model.update(&params, black_box(x)));
        }
    });
}

#[divan::bench(args = [0, 1, 2, 3])]
fn update_k7_by_mode(bencher: Bencher<'_, '_>, mode: usize) {
    update(bencher, 7, MODES[mode]);
}

#[divan::bench(args = [1, 2, 3, 5, 7, 10, 11, 20, 50, 100])]
fn update_yule_logloss_by_order(bencher: Bencher<'_, '_>, k: usize) {
    update(bencher, k, MODES[0]);
}

#[divan::bench(args = [10, 50])]
fn select_order_of_1500_points(bencher: Bencher<'_, '_>, max_order: usize) {
    let values = series(1500);
    bencher.bench_local(|| select_order(black_box(&values), max_order));
}
