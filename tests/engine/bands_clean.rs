//! Shares of ordinary points outside the band, for several kinds of noise.
//!
//! The share is over all seeds of a row: at two deviations 1..6 % for Gaussian noise and at most 7 % for other,
//! at three at most 1.5 % and 1.6 %.

use crate::common::series::{Judged, Rng, SIGMA, judge, largest, mean, season, share, spec};
use fluent_anomaly::detectors::Algorithm::{self, Agile, Basic, Robust};
use fluent_anomaly::detectors::Seasonality::{self, Daily, Hourly, Weekly};

/// A season and how finely it is seen.
#[derive(Debug, Clone, Copy)]
struct Grid {
    season: Seasonality,
    interval: u32,
    /// Seasons after warm-up, for 5000 points and more.
    seasons: i64,
}

impl Grid {
    const HOURLY: Self = Self { season: Hourly, interval: 60, seasons: 84 };
    const DAILY: Self = Self { season: Daily, interval: 60, seasons: 4 };
    const WEEKLY: Self = Self { season: Weekly, interval: 3_600, seasons: 30 };
    const FINE_WEEKLY: Self = Self { season: Weekly, interval: 300, seasons: 3 };

    fn buckets(self) -> i64 {
        i64::from(self.season.seconds() / self.interval)
    }
}

/// Shares outside at two and three deviations over `seeds`, of points after three seasons.
fn shares(
    algorithm: Algorithm,
    grid: Grid,
    seeds: u64,
    series: impl Fn(&mut Rng, i64, i64) -> Vec<f64>,
) -> [(f64, f64); 2] {
    let m = grid.buckets();
    let n = (3 + grid.seasons) * m;
    let spec = spec(algorithm, grid.season, grid.interval);
    let runs: Vec<Vec<Judged>> = (0..seeds)
        .map(|seed| judge(&spec, &series(&mut Rng::new(seed), m, n)).split_off(3 * m as usize))
        .collect();
    assert!(runs.iter().all(|run| run.len() >= 5_000 && run.iter().all(|j| j.prediction.is_some())));
    [2.0, 3.0].map(|d| {
        let each: Vec<f64> = runs.iter().map(|run| share(run, d)).collect();
        (mean(&each), largest(&each))
    })
}

fn print(label: &str, algorithm: Algorithm, grid: Grid, [two, three]: [(f64, f64); 2]) {
    println!(
        "{label:28} {:7} {:7} {:5} s: d = 2 {:.2} % [{:.2}]   d = 3 {:.2} % [{:.2}]",
        algorithm.name(),
        grid.season.name(),
        grid.interval,
        100.0 * two.0,
        100.0 * two.1,
        100.0 * three.0,
        100.0 * three.1
    );
}

/// Season plus independent noise.
fn with_noise(noise: impl Fn(&mut Rng) -> f64) -> impl Fn(&mut Rng, i64, i64) -> Vec<f64> {
    move |rng, m, n| (0..n).map(|t| season(t, m) + noise(rng)).collect()
}

/// Season plus first-order autoregressive noise of standard deviation sigma.
fn autoregressive(phi: f64, seasonal: bool) -> impl Fn(&mut Rng, i64, i64) -> Vec<f64> {
    move |rng, m, n| {
        let mut x = SIGMA * rng.normal();
        (0..n)
            .map(|t| {
                x = phi * x + SIGMA * (1.0 - phi * phi).sqrt() * rng.normal();
                x + if seasonal { season(t, m) } else { 0.0 }
            })
            .collect()
    }
}

#[test]
fn clean_gaussian_series_leave_one_to_six_percent_outside() {
    for grid in [Grid::HOURLY, Grid::DAILY, Grid::WEEKLY, Grid::FINE_WEEKLY] {
        for algorithm in [Agile, Robust] {
            let got = shares(algorithm, grid, 20, with_noise(|rng| SIGMA * rng.normal()));
            print("Gauss", algorithm, grid, got);
            assert!((0.01..=0.06).contains(&got[0].0) && got[1].0 <= 0.015, "{algorithm:?} {grid:?} {got:?}");
        }
    }
    let seasonal = shares(Basic, Grid::HOURLY, 20, with_noise(|rng| SIGMA * rng.normal()));
    print("Gauss", Basic, Grid::HOURLY, seasonal);
    let level = shares(Basic, Grid::HOURLY, 20, |rng, _, n| (0..n).map(|_| SIGMA * rng.normal()).collect());
    print("Gauss without season", Basic, Grid::HOURLY, level);
    for got in [seasonal, level] {
        assert!((0.01..=0.06).contains(&got[0].0) && got[1].0 <= 0.015, "{got:?}");
    }
}

#[test]
fn agile_keeps_its_share_up_to_a_level_of_ten_amplitudes() {
    for level in [-100.0, 20.0, 50.0, 100.0] {
        for grid in [Grid::HOURLY, Grid::WEEKLY] {
            let got = shares(Agile, grid, 10, with_noise(|rng| level + SIGMA * rng.normal()));
            print(&format!("Gauss at level {level}"), Agile, grid, got);
            assert!((0.01..=0.06).contains(&got[0].0) && got[1].0 <= 0.015, "{level} {grid:?} {got:?}");
        }
    }
}

#[test]
fn other_noise_leaves_at_most_seven_percent_outside() {
    type Series = Box<dyn Fn(&mut Rng, i64, i64) -> Vec<f64>>;
    let rows: [(&str, Series); 4] = [
        ("Student t, 3 degrees", Box::new(with_noise(|rng| SIGMA * rng.t3()))),
        ("Laplace", Box::new(with_noise(|rng| SIGMA * rng.laplace()))),
        (
            "Poisson, mean 5..25",
            Box::new(|rng, m, n| (0..n).map(|t| rng.poisson(15.0 + season(t, m))).collect()),
        ),
        ("autoregressive 0.5", Box::new(autoregressive(0.5, true))),
    ];
    for (label, series) in rows {
        for grid in [Grid::HOURLY, Grid::DAILY, Grid::WEEKLY] {
            for algorithm in [Basic, Agile, Robust] {
                // basic has the hourly season; a slope over days or hours between points is not its case
                if algorithm == Basic && grid.season != Hourly {
                    continue;
                }
                let got = shares(algorithm, grid, 20, &series);
                print(label, algorithm, grid, got);
                assert!(got[0].0 <= 0.07 && got[1].0 <= 0.016, "{label} {algorithm:?} {grid:?} {got:?}");
                assert!(
                    got[0].0 >= 0.01,
                    "a band that flags nothing: {label} {algorithm:?} {grid:?} {got:?}"
                );
            }
        }
    }
}

#[test]
fn noise_without_a_season_is_no_different() {
    type Noise = fn(&mut Rng) -> f64;
    let rows: [(&str, Noise); 6] = [
        ("Student t, 3 degrees, flat", |rng| rng.t3()),
        ("Laplace, flat", |rng| rng.laplace()),
        ("Poisson, mean 0.3, flat", |rng| rng.poisson(0.3)),
        ("Poisson, mean 1, flat", |rng| rng.poisson(1.0)),
        ("Poisson, mean 4, flat", |rng| rng.poisson(4.0)),
        ("uniform, flat", Rng::uniform),
    ];
    for (label, noise) in rows {
        for algorithm in [Basic, Agile, Robust] {
            let got = shares(algorithm, Grid::HOURLY, 20, |rng, _, n| (0..n).map(|_| noise(rng)).collect());
            print(label, algorithm, Grid::HOURLY, got);
            assert!((0.005..=0.07).contains(&got[0].0) && got[1].0 <= 0.016, "{label} {algorithm:?} {got:?}");
        }
    }
}

#[test]
fn strong_autocorrelation_leaves_at_most_ten_percent_outside_basic() {
    for phi in [0.5, 0.8, 0.85, 0.9, 0.95] {
        let got = shares(Basic, Grid::HOURLY, 20, autoregressive(phi, false));
        print(&format!("autoregressive {phi}, no season"), Basic, Grid::HOURLY, got);
        let (two, three) = if phi <= 0.5 { (0.07, 0.016) } else { (0.10, 0.035) };
        assert!(got[0].0 <= two && got[1].0 <= three, "{phi} {got:?}");
    }
    for algorithm in [Agile, Robust] {
        for phi in [0.8, 0.95] {
            let got = shares(algorithm, Grid::HOURLY, 20, autoregressive(phi, true));
            print(&format!("autoregressive {phi}"), algorithm, Grid::HOURLY, got);
            assert!(got[0].0 <= 0.07 && got[1].0 <= 0.016, "{algorithm:?} {phi} {got:?}");
        }
    }
}

#[test]
fn noise_that_comes_and_goes_with_the_season_is_learned() {
    for algorithm in [Agile, Robust] {
        let got = shares(algorithm, Grid { seasons: 6, ..Grid::DAILY }, 10, |rng, m, n| {
            (0..n)
                .map(|t| season(t, m) + SIGMA * (1.0 + 0.08 * season(t + m / 3, m)) * rng.normal())
                .collect()
        });
        print("noise x 0.2..1.8", algorithm, Grid::DAILY, got);
        assert!(got[0].0 <= 0.07 && got[1].0 <= 0.016, "{algorithm:?} {got:?}");
    }
}

#[test]
fn growth_is_followed() {
    for algorithm in [Agile, Robust] {
        for growth in [0.5, 3.0] {
            for grid in [Grid::HOURLY, Grid::WEEKLY] {
                let got = shares(algorithm, grid, 10, |rng, m, n| {
                    (0..n)
                        .map(|t| season(t, m) + growth * t as f64 / m as f64 + SIGMA * rng.normal())
                        .collect()
                });
                print(&format!("growth of {growth} a season"), algorithm, grid, got);
                assert!(got[0].0 <= 0.07 && got[1].0 <= 0.016, "{algorithm:?} {growth} {got:?}");
            }
        }
    }
}
