//! How the three bands behave around spikes, flat lines, shifts and long anomalies.
//!
//! Amplitude 10, sigma 0.5, alert window 15 points. `--nocapture` prints the figures behind each verdict.

use crate::common::series;
use crate::common::series::{
    AMPLITUDE, Judged, Rng, SIGMA, clean, judge, largest, least, mean, season, spec, spec_with_window,
};
use fluent_anomaly::detectors::Algorithm::{self, Agile, Basic, Robust};
use fluent_anomaly::detectors::Seasonality::{self, Daily, Hourly, Weekly};
use fluent_anomaly::detectors::{BandEngine, longest_fillable_window};

const SEEDS: std::ops::Range<u64> = 0..20;
const EVERY: [Algorithm; 3] = [Basic, Agile, Robust];
/// Three times the amplitude, 60 sigma.
const SHIFT: f64 = 30.0;

#[test]
fn a_spike_is_flagged_by_all_three_at_every_phase() {
    for algorithm in EVERY {
        let spec = spec(algorithm, Hourly, 60);
        for seed in SEEDS {
            let values = clean(seed, 60, 600);
            let mut noise = Rng::new(seed + 1_000);
            let mut engine = BandEngine::new(&spec);
            for (t, &y) in (0..).zip(&values) {
                let prediction = engine.predict(&spec, t, 0);
                if t >= 360 {
                    let prediction = prediction.expect("a band after six hours");
                    let spike = season(t, 60) + SHIFT + SIGMA * noise.normal();
                    for d in [2.0, 3.0] {
                        assert!(
                            !prediction.bounds(d).contains(spike),
                            "{algorithm:?} seed {seed} t {t} d {d}"
                        );
                    }
                }
                engine.update(&spec, t, 0, y);
            }
        }
    }
}

/// Shares flagged of a flat line of 20 minutes at -10, from the trough on: of the points at least 6 sigma off
/// the season, and of all.
fn flat_line(algorithm: Algorithm, seed: u64, d: f64) -> (f64, f64) {
    let start = 480 + 45;
    let mut values = clean(seed, 60, start + 20);
    values[start as usize..].fill(-AMPLITUDE);
    let judged = judge(&spec(algorithm, Hourly, 60), &values);
    let flat = &judged[start as usize..];
    let off: Vec<_> =
        flat.iter().filter(|j| (season(j.bucket, 60) + AMPLITUDE).abs() >= 6.0 * SIGMA).copied().collect();
    assert!(off.len() >= 10);
    (series::share(&off, d), series::share(flat, d))
}

#[test]
fn a_flat_line_at_the_minimum_is_seen_by_the_seasonal_two_and_not_by_basic() {
    for d in [2.0, 3.0] {
        let basic: Vec<f64> = SEEDS.map(|seed| flat_line(Basic, seed, d).1).collect();
        println!("flat line d {d}: basic mean {:.3} worst {:.3}", mean(&basic), largest(&basic));
        assert!(largest(&basic) <= 0.10, "basic d {d}: {basic:?}");
        for algorithm in [Agile, Robust] {
            let shares: Vec<f64> = SEEDS.map(|seed| flat_line(algorithm, seed, d).0).collect();
            println!("flat line d {d}: {algorithm:?} mean {:.3} worst {:.3}", mean(&shares), least(&shares));
            assert!(least(&shares) >= 0.80, "{algorithm:?} d {d}: {shares:?}");
        }
    }
}

/// Eight weeks of hourly points, `SHIFT` higher from week 6 on.
fn weekly_shift(seed: u64) -> Vec<f64> {
    let mut values = clean(seed, 168, 8 * 168);
    values[5 * 168..].iter_mut().for_each(|y| *y += SHIFT);
    values
}

#[test]
fn agile_follows_a_weekly_shift_by_the_second_day_and_robust_does_not() {
    let second_day = 5 * 168 + 24..5 * 168 + 48;
    let before = 5 * 168 - 24..5 * 168;
    for d in [2.0, 3.0] {
        for algorithm in [Agile, Robust] {
            let (mut flagged, mut width, mut later) = (Vec::new(), Vec::new(), Vec::new());
            for seed in SEEDS {
                let judged = judge(&spec(algorithm, Weekly, 3_600), &weekly_shift(seed));
                flagged.push(series::share(&judged[second_day.clone()], d));
                let widths = |part: &[Judged]| mean(&part.iter().map(|j| j.width(d)).collect::<Vec<_>>());
                width.push(widths(&judged[second_day.clone()]) / widths(&judged[before.clone()]));
                later.push(series::share(&judged[7 * 168..], d));
            }
            println!(
                "weekly shift d {d}: {algorithm:?} day 2 flagged {:.3} [{:.3}..{:.3}], width {:.3} [{:.3}..{:.3}], week 8 {:.3}",
                mean(&flagged),
                least(&flagged),
                largest(&flagged),
                mean(&width),
                least(&width),
                largest(&width),
                mean(&later)
            );
            if algorithm == Agile {
                assert!(mean(&flagged) <= 0.20, "{flagged:?}");
                assert!((0.9..=1.1).contains(&mean(&width)), "{width:?}");
                let close = width.iter().filter(|w| (0.9..=1.1).contains(*w)).count();
                assert!(close >= 19, "{width:?}");
            } else {
                assert!(least(&flagged) >= 0.80, "{flagged:?}");
                assert!(least(&width) >= 1.2, "{width:?}");
            }
            assert!(mean(&later) <= 0.06, "the shift is taken over after two seasons: {later:?}");
        }
    }
}

#[test]
fn an_hour_long_anomaly_becomes_normal_for_basic_and_agile_and_not_for_robust() {
    for algorithm in EVERY {
        let spec = spec(algorithm, Hourly, 60);
        let (mut moved, mut first, mut back) = (Vec::new(), Vec::new(), Vec::new());
        for seed in SEEDS {
            let start = 480 + Rng::new(seed + 77).below(60);
            let without = clean(seed, 60, 700);
            let mut with = without.clone();
            with[start..start + 60].iter_mut().for_each(|y| *y += SHIFT);
            let (without, with) = (judge(&spec, &without), judge(&spec, &with));
            let moves: Vec<f64> =
                (start..=start + 60).map(|t| (with[t].expected() - without[t].expected()) / SHIFT).collect();
            // what counts against robust is the largest move, for the others what is reached at the end
            moved.push(if algorithm == Robust { largest(&moves).abs() } else { moves[60] });
            first.push(series::share(&with[start..start + 15], 2.0));
            back.push(series::share(&with[start + 60..start + 65], 2.0));
        }
        println!(
            "hour-long anomaly {algorithm:?}: moved {:.3} [{:.3}..{:.3}], first 15 flagged {:.3}, return flagged {:.3}",
            mean(&moved),
            least(&moved),
            largest(&moved),
            mean(&first),
            mean(&back)
        );
        assert!(mean(&first) >= 0.95);
        match algorithm {
            Robust => {
                assert!(largest(&moved) < 0.10, "{moved:?}");
                assert!(mean(&back) <= 0.05, "{back:?}");
            }
            Agile => {
                assert!(least(&moved) > 0.50, "{moved:?}");
                assert!(least(&back) >= 0.99, "{back:?}");
            }
            Basic => assert!(least(&moved) > 0.50, "{moved:?}"),
        }
    }
}

/// The series raised by 1000, and the places where the verdicts differ.
fn differing_verdicts(algorithm: Algorithm, season: Seasonality, interval: u32, values: &[f64]) -> usize {
    let spec = spec(algorithm, season, interval);
    let raised: Vec<f64> = values.iter().map(|y| y + 1_000.0).collect();
    let (low, high) = (judge(&spec, values), judge(&spec, &raised));
    low.iter().zip(&high).filter(|(a, b)| [2.0, 3.0].iter().any(|&d| a.flagged(d) != b.flagged(d))).count()
}

#[test]
fn adding_a_thousand_changes_no_verdict_of_basic_and_robust() {
    for seed in SEEDS {
        let mut hourly = clean(seed, 60, 1_200);
        hourly[700..].iter_mut().for_each(|y| *y += SHIFT);
        for algorithm in [Basic, Robust] {
            assert_eq!(differing_verdicts(algorithm, Hourly, 60, &hourly), 0, "{algorithm:?} seed {seed}");
            let weekly = weekly_shift(seed);
            assert_eq!(differing_verdicts(algorithm, Weekly, 3_600, &weekly), 0, "{algorithm:?} seed {seed}");
        }
    }
}

#[test]
fn adding_a_thousand_hides_a_shift_from_agile() {
    for (season, interval, m) in [(Hourly, 60, 60), (Weekly, 3_600, 168)] {
        let spec = spec(Agile, season, interval);
        for d in [2.0, 3.0] {
            for seed in SEEDS {
                let start = 5 * m as usize;
                for (raise, wanted) in [(0.0, 1.0), (1_000.0, 0.0)] {
                    let mut values = clean(seed, m, 6 * m);
                    values.iter_mut().for_each(|y| *y += raise);
                    values[start..].iter_mut().for_each(|y| *y += SHIFT);
                    let flagged = series::share(&judge(&spec, &values)[start..start + 10], d);
                    assert_eq!(flagged, wanted, "{season:?} d {d} seed {seed} raised by {raise}");
                }
            }
        }
    }
}

#[test]
fn a_new_metric_has_its_first_band_after_15_points_or_three_seasons() {
    for start in [0, 1, 17, 59, 1_000_003] {
        for (missing, label) in [(0.0, "complete"), (0.3, "a third missing")] {
            let mut rng = Rng::new(start as u64);
            let points: Vec<(i64, i32, f64)> = (0..200)
                .filter(|&i| i == 0 || i >= 175 || rng.uniform() >= missing)
                .map(|i| (start + i, 0, season(start + i, 60) + 0.25 * (i % 3) as f64))
                .collect();
            for algorithm in EVERY {
                let judged = series::judge_points(&spec(algorithm, Hourly, 60), points.iter().copied());
                let first = judged.iter().position(|j| j.prediction.is_some()).expect("a band");
                if algorithm == Basic {
                    assert_eq!(first, 15, "{label} from {start}");
                } else {
                    assert_eq!(judged[first].bucket, start + 180, "{algorithm:?} {label} from {start}");
                }
                assert!(judged[first..].iter().all(|j| j.prediction.is_some()), "{algorithm:?} {label}");
            }
        }
    }
}

#[test]
fn a_steady_shift_stays_outside_for_as_long_as_the_spec_says() {
    for window in [5, 15, 30, 60, 120] {
        for algorithm in [Basic, Agile] {
            let spec = spec_with_window(algorithm, Hourly, 60, window);
            let shares: Vec<f64> = SEEDS
                .map(|seed| {
                    let mut values = clean(seed, 60, 900);
                    // a level, for basic: on a season its band is wide enough to blur the end of the shift
                    if algorithm == Basic {
                        values.iter_mut().zip(0..).for_each(|(y, t)| *y -= season(t, 60));
                    }
                    values[600..].iter_mut().for_each(|y| *y += SHIFT);
                    let judged = judge(&spec, &values);
                    judged[600..].iter().take_while(|j| j.flagged(2.0)).count() as f64
                })
                .collect();
            let promised = f64::from(spec.longest_shift());
            println!("{algorithm:?} window {window}: flagged {:.1}, promised {promised}", mean(&shares));
            // the points that decide are outside still; then it is over
            assert!(
                least(&shares) >= promised && largest(&shares) <= promised + 3.0,
                "{algorithm:?} {window} {shares:?}"
            );
        }
    }
}

#[test]
fn the_longest_window_that_a_shift_can_fill() {
    let of = |algorithm, window, threshold| {
        longest_fillable_window(&spec_with_window(algorithm, Hourly, 60, window), threshold)
    };
    for window in [5, 15, 45, 240] {
        assert_eq!(of(Basic, window, 1.0), 57);
        assert_eq!(of(Agile, window, 1.0), 45);
        assert_eq!(of(Robust, window, 1.0), 120);
    }
    assert_eq!(of(Agile, 15, 0.8), 56);
    assert_eq!(of(Agile, 15, 0.5), 90);
    for nonsense in [0.0, -1.0, 2.0, f64::NAN] {
        assert_eq!(of(Agile, 15, nonsense), 45);
    }
    // the promise holds at its edge: a window of that length is what the engine then waits for
    for (algorithm, threshold) in [(Basic, 1.0), (Agile, 1.0), (Agile, 0.8), (Basic, 0.6)] {
        let window = of(algorithm, 15, threshold);
        let needed = (f64::from(window) * threshold - 1e-9).ceil() as u32;
        assert!(spec_with_window(algorithm, Hourly, 60, window).longest_shift() >= needed);
        let longer = window + 2;
        let needed = (f64::from(longer) * threshold - 1e-9).ceil() as u32;
        assert!(spec_with_window(algorithm, Hourly, 60, longer).longest_shift() < needed, "{algorithm:?}");
    }
}

/// Width of the band and flagged of an hour that is 10 higher, 42 days after the shape of the first days is gone; `shape`
/// has the number of a point and the points of a day.
fn after_a_shape(
    algorithm: Algorithm,
    season_of: Seasonality,
    interval: u32,
    shape: impl Fn(i64, i64) -> f64,
) -> (f64, f64) {
    let spec = spec(algorithm, season_of, interval);
    let day = i64::from(86_400 / interval);
    let gone = if season_of == Daily { 5 * day } else { 4 * 7 * day };
    let at = gone + 42 * day - day / 2;
    let hour = 3_600 / i64::from(interval);
    let mut rng = Rng::new(5);
    let values: Vec<f64> = (0..at + hour)
        .map(|t| {
            let old = if t < gone { shape(t, day) } else { 0.0 };
            old + if t >= at { 10.0 } else { 0.0 } + rng.normal()
        })
        .collect();
    let judged = judge(&spec, &values);
    let day = &judged[(at - day) as usize..at as usize];
    let width = mean(&day.iter().map(|j| j.width(3.0)).collect::<Vec<_>>());
    (width, series::share(&judged[at as usize..], 3.0))
}

#[test]
fn a_shape_that_is_gone_is_forgotten_within_six_weeks() {
    type Shape = fn(i64, i64) -> f64;
    let shapes: [(&str, Shape); 4] = [
        ("a wave of four hours", |t, day| 3.0 * season(t, day / 6)),
        ("a square wave", |t, day| if t % (day / 6) < day / 12 { 30.0 } else { -30.0 }),
        ("a wave of a day", |t, day| 3.0 * season(t, day)),
        ("peaks", |t, day| if t % (day / 6) < (day / 60).max(1) { 30.0 } else { 0.0 }),
    ];
    for (algorithm, most) in [(Agile, 1.25), (Robust, 1.45)] {
        for season_of in [Daily, Weekly] {
            for interval in [300, 600, 3_600] {
                let (usual, usually) = after_a_shape(algorithm, season_of, interval, |_, _| 0.0);
                for (name, shape) in shapes {
                    let (width, flagged) = after_a_shape(algorithm, season_of, interval, shape);
                    let what = format!("{algorithm:?}, {season_of:?}, {interval} s, {name}");
                    println!("{what}: {width:.1} wide, {usual:.1} without it, {flagged:.2} flagged");
                    assert!(width <= most * usual, "{what}: {width}, {usual} without it");
                    assert!(flagged >= 0.8 * usually, "{what}: {flagged}, {usually} without it");
                }
            }
        }
    }
}

#[test]
fn a_shape_that_becomes_another_is_learned_within_four_seasons() {
    // a mean of six seasons would need a dozen; the one season of a holiday changes nothing for robust
    for (season_of, interval) in [(Daily, 600), (Weekly, 3_600)] {
        let spec = spec(Robust, season_of, interval);
        let m = i64::from(spec.buckets());
        let mut rng = Rng::new(9);
        let values: Vec<f64> = (0..12 * m)
            .map(|t| {
                let holiday = t / m == 4;
                let shape = if holiday { 0.0 } else { 3.0 * season(t, m) };
                rng.normal() + if t < 7 * m { shape } else { 3.0 * season(t, m / 2) }
            })
            .collect();
        let judged = judge(&spec, &values);
        let flagged = |from: i64, to: i64| series::share(&judged[from as usize..to as usize], 2.0);
        let (after_holiday, after_change) = (flagged(5 * m, 6 * m), flagged(11 * m, 12 * m));
        println!(
            "{season_of:?}: flagged after a holiday {after_holiday:.3}, after a change {after_change:.3}"
        );
        assert!(after_holiday <= 0.06, "{season_of:?}: {after_holiday}");
        // 168 points: 4.7 % and two standard errors
        assert!(after_change <= 0.08, "{season_of:?}: {after_change}");
        let error = |j: &Judged| (j.expected() - 3.0 * season(j.bucket, m / 2)).abs();
        let errors: Vec<f64> = judged[11 * m as usize..].iter().map(error).collect();
        assert!(mean(&errors) < 1.0, "{season_of:?}: the new shape is known: {}", mean(&errors));
    }
}
