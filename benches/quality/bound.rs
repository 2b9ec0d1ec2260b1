//! What could be found at all: spread doubled for twelve points, looked for by tests that look for nothing else and know
//! that the series is Gaussian, its deviation, the factor and the length.

use crate::families::Rng;
use crate::in_parallel;

/// Points of the fault, points within which it must be found, points that separate two alarms (8 h at five minutes).
const FAULT: usize = 12;
const WITHIN: usize = 18;
const HOLD: usize = 96;
const WEEK: usize = 2016;
const WEEKS: u64 = 400;
const FAULTS: u64 = 20_000;
const LEAD: usize = 200;

#[derive(Clone, Copy)]
enum Test {
    /// CUSUM of the log-likelihood ratio of N(0, 4) to N(0, 1).
    Cusum,
    /// Sum of the last twelve squares.
    Squares,
}

pub(crate) fn run() {
    println!("{FAULT} points of twice the spread, {FAULTS} faults, {WEEKS} clean weeks: found, %");
    println!("{:>24} {:>8} {:>10}", "alarms a week", "CUSUM", "12 squares");
    for share in [1.0, 9.0, 27.0] {
        let [cusum, squares] = [Test::Cusum, Test::Squares].map(|test| 100.0 * power(test, share));
        println!("{:>24} {cusum:>8.1} {squares:>10.1}", format!("1/{share}"));
    }
}

/// Share of faults found at a threshold that clean series pass once in `share` weeks.
fn power(test: Test, share: f64) -> f64 {
    let clean = in_parallel(WEEKS, |i| path(test, &mut Rng::new(i), WEEK, WEEK));
    let (mut low, mut high) = (0.0, 100.0);
    for _ in 0..30 {
        let middle = 0.5 * (low + high);
        let alarms: usize = clean.iter().map(|path| incidents(path, middle)).sum();
        if alarms as f64 * share > WEEKS as f64 { low = middle } else { high = middle }
    }
    let found = in_parallel(FAULTS, |i| {
        let path = path(test, &mut Rng::new(WEEKS + i), LEAD + WITHIN, LEAD);
        path.iter().skip(LEAD).any(|statistic| *statistic > high)
    });
    found.iter().filter(|found| **found).count() as f64 / FAULTS as f64
}

/// The statistic at each of `points` points, with a fault that begins at `begin`.
fn path(test: Test, rng: &mut Rng, points: usize, begin: usize) -> Vec<f64> {
    let mut squares = Vec::with_capacity(points);
    let mut cusum = 0.0f64;
    let statistic = |i| {
        let factor = if (begin..begin + FAULT).contains(&i) { 2.0 } else { 1.0 };
        let square = (factor * rng.normal()).powi(2);
        squares.push(square);
        match test {
            Test::Cusum => {
                cusum = (cusum + 0.375 * square - std::f64::consts::LN_2).max(0.0);
                cusum
            }
            Test::Squares => squares.iter().rev().take(FAULT).sum(),
        }
    };
    (0..points).map(statistic).collect()
}

/// Runs above the threshold, apart by more than the hold.
fn incidents(path: &[f64], threshold: f64) -> usize {
    let mut last = None;
    let mut count = 0;
    for (i, statistic) in path.iter().enumerate() {
        if *statistic > threshold {
            count += usize::from(last.is_none_or(|last| i - last > HOLD));
            last = Some(i);
        }
    }
    count
}
