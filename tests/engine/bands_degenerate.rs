//! Series with nothing to learn from: constant, quantized, counting, huge. No storm of alarms, and no blindness.
//!
//! A storm is more than three flagged of the sixty points after the change.

use crate::common::series;
use crate::common::series::{AMPLITUDE, Rng, SIGMA, clean, judge, largest, mean, season, spec};
use fluent_anomaly::detectors::Algorithm::{self, Agile, Basic, Robust};
use fluent_anomaly::detectors::Seasonality::{Daily, Hourly};
use fluent_anomaly::detectors::{BandSpec, Seasonality};

const EVERY: [Algorithm; 3] = [Basic, Agile, Robust];
/// Lengths of the constant stretch, one and several seasons after warm-up.
const STRETCHES: [(Seasonality, u32, usize); 4] =
    [(Hourly, 60, 200), (Hourly, 60, 300), (Hourly, 60, 1_500), (Daily, 300, 1_000)];
const SEEDS: std::ops::Range<u64> = 0..20;

/// Flagged of the 60 points from `from` on, of one-minute points with an hourly season.
fn flagged_after(algorithm: Algorithm, values: &[f64], from: usize, d: f64) -> usize {
    flagged_of(&spec(algorithm, Hourly, 60), values, from, d)
}

fn flagged_of(spec: &BandSpec, values: &[f64], from: usize, d: f64) -> usize {
    let judged = judge(spec, values);
    let algorithm = spec.algorithm();
    assert!(judged[from].prediction.is_some(), "{algorithm:?} has a band");
    judged[from..(from + 60).min(judged.len())].iter().filter(|j| j.flagged(d)).count()
}

/// `n` points of `value`, then what `after` makes of 0, 1, 2, ...
fn constant_then(n: usize, value: f64, after: impl Fn(usize) -> f64) -> Vec<f64> {
    std::iter::repeat_n(value, n).chain((0..120).map(after)).collect()
}

#[test]
fn the_last_digit_may_change_after_a_constant_stretch() {
    type After = fn(usize) -> f64;
    let rows: [(&str, f64, After); 16] = [
        ("42.0 -> 42.1, stays", 42.0, |_| 42.1),
        ("42.0 -> 42.1, once", 42.0, |i| if i == 0 { 42.1 } else { 42.0 }),
        ("42.0 <-> 42.1", 42.0, |i| if i % 2 == 0 { 42.1 } else { 42.0 }),
        ("42.1 -> 42.0, stays", 42.1, |_| 42.0),
        ("5 -> 6, stays", 5.0, |_| 6.0),
        ("5 <-> 4 <-> 6", 5.0, |i| [6.0, 5.0, 4.0][i % 3]),
        ("0.37 -> 0.38", 0.37, |_| 0.38),
        ("-0.37 -> -0.38", -0.37, |_| -0.38),
        ("5e9 -> 5e9 + 1", 5e9, |_| 5e9 + 1.0),
        ("0.00123 -> 0.00124", 0.001_23, |_| 0.001_24),
        ("1.23456789 -> 1.23456790", 1.234_567_89, |_| 1.234_567_90),
        ("zero only", 0.0, |_| 0.0),
        ("negative zero", 0.0, |i| if i % 2 == 0 { -0.0 } else { 0.0 }),
        ("single value, no decimal step", 1.0 / 3.0, |_| 1.0 / 3.0),
        ("single value, huge", 7e29, |_| 7e29),
        ("0 -> 1, stays", 0.0, |_| 1.0),
    ];
    for (name, value, after) in rows {
        for (season, interval, stretch) in STRETCHES {
            for algorithm in EVERY {
                for d in [2.0, 3.0] {
                    let spec = spec(algorithm, season, interval);
                    let flagged = flagged_of(&spec, &constant_then(stretch, value, after), stretch, d);
                    let most = if name.contains("<-> 4") { 3 } else { 0 };
                    assert!(
                        flagged <= most,
                        "{name}: {algorithm:?} after {stretch} points, d {d}: {flagged}"
                    );
                }
            }
        }
    }
}

#[test]
fn the_last_digit_may_change_after_noise_has_become_constant() {
    for seed in SEEDS {
        for algorithm in EVERY {
            let mut rng = Rng::new(seed);
            let mut values: Vec<f64> = (0..600).map(|_| 3.0 + SIGMA * rng.normal()).collect();
            values[300..].fill(3.0);
            values.extend([4.0; 60]);
            // the noise had twelve digits; they are forgotten within two generations
            assert_eq!(flagged_after(algorithm, &values, 600, 2.0), 0, "{algorithm:?} seed {seed}");
        }
    }
}

#[test]
fn a_real_jump_after_a_constant_stretch_is_flagged() {
    for (from, to) in [(0.0, 7.0), (100.0, 250.0), (100.0, 0.0), (0.5, 1.2), (1e9, 1.1e9), (3e-8, 9e-8)] {
        for (season, interval, stretch) in STRETCHES {
            for (algorithm, least) in [(Basic, 15), (Agile, 15), (Robust, 60)] {
                for d in [2.0, 3.0] {
                    let values = constant_then(stretch, from, |_| to);
                    let flagged = flagged_of(&spec(algorithm, season, interval), &values, stretch, d);
                    assert!(flagged >= least, "{from} -> {to}: {algorithm:?} d {d} flagged {flagged}");
                    assert!(algorithm == Robust || flagged <= 25, "{algorithm:?} takes it over, {flagged}");
                }
            }
        }
    }
}

#[test]
fn noise_that_resumes_after_a_constant_stretch_is_learned_soon() {
    // nothing in the window of basic tells such noise from a shift: it waits for the alert window, twice. The
    // others remember noise that they have seen; what they have not, they flag until it shows on both sides
    for algorithm in EVERY {
        for (sigma, before) in [(SIGMA, 0), (SIGMA, 300), (0.05, 0), (5.0, 0), (5.0, 300)] {
            let flagged: Vec<f64> = SEEDS
                .map(|seed| {
                    let mut rng = Rng::new(seed);
                    let mut noise =
                        |n: usize| (0..n).map(|_| 20.0 + sigma * rng.normal()).collect::<Vec<_>>();
                    let mut values = noise(before);
                    values.extend([20.0; 300]);
                    values.extend(noise(120));
                    flagged_after(algorithm, &values, before + 300, 2.0) as f64
                })
                .collect();
            println!(
                "noise of {sigma} resumes after 300 points, {before} before: {algorithm:?} {:.1} [{}] of 60",
                mean(&flagged),
                largest(&flagged)
            );
            let most = match (algorithm, before) {
                (Basic, _) => 24.0,
                (_, 0) => 3.0 + 2.0 * (sigma / 0.3).clamp(1.0, 6.0),
                _ => 4.0,
            };
            assert!(mean(&flagged) <= most, "{algorithm:?} {sigma} {flagged:?}");
        }
    }
}

#[test]
fn a_counter_that_starts_over_is_no_storm() {
    type Rate = fn(&mut Rng, i64) -> f64;
    let rates: [(&str, Rate); 4] = [
        ("steady", |_, _| 100.0),
        ("noisy", |rng, _| 100.0 + 10.0 * rng.normal()),
        ("seasonal", |rng, t| (100.0 + 4.0 * season(t, 60) + 5.0 * rng.normal()).max(1.0)),
        ("small whole numbers", |rng, _| 1.0 + rng.poisson(3.0)),
    ];
    for (name, rate) in rates {
        for reset in [240usize, 397, 700] {
            for algorithm in EVERY {
                let flagged: Vec<f64> = SEEDS
                    .map(|seed| {
                        let mut rng = Rng::new(seed);
                        let mut total = 0.0;
                        let values: Vec<f64> = (0..reset + 60)
                            .map(|t| {
                                total = if t == reset { 0.0 } else { total } + rate(&mut rng, t as i64);
                                total
                            })
                            .collect();
                        flagged_after(algorithm, &values, reset, 2.0) as f64
                    })
                    .collect();
                println!(
                    "counter, {name}, reset at {reset}: {algorithm:?} {:.2} [{}]",
                    mean(&flagged),
                    largest(&flagged)
                );
                assert!(mean(&flagged) <= 2.0, "{name} {algorithm:?} {reset} {flagged:?}");
            }
        }
    }
}

#[test]
fn the_rate_of_a_counter_that_is_once_zero_is_no_storm() {
    for algorithm in EVERY {
        for seed in SEEDS {
            let mut values = clean(seed, 60, 600);
            values.iter_mut().for_each(|y| *y += 50.0);
            values[500] = 0.0;
            let with = flagged_after(algorithm, &values, 500, 2.0);
            values[500] = 50.0 + season(500, 60);
            let without = flagged_after(algorithm, &values, 500, 2.0);
            assert!((with as i64 - without as i64) <= 2, "{algorithm:?} seed {seed}: {with}, else {without}");
        }
    }
}

#[test]
fn spikes_and_a_shift_in_warm_up_do_no_lasting_harm() {
    type Spoil = fn(&mut Rng, &mut [f64]);
    let rows: [(&str, Spoil); 4] = [
        ("2 % spikes", |rng, values| {
            values[..180].iter_mut().for_each(|y| *y += if rng.uniform() < 0.02 { 40.0 } else { 0.0 });
        }),
        ("first season raised", |_, values| values[..60].iter_mut().for_each(|y| *y += 20.0)),
        ("second season raised", |_, values| values[60..120].iter_mut().for_each(|y| *y += 20.0)),
        ("shift within the second season", |_, values| values[85..].iter_mut().for_each(|y| *y += 20.0)),
    ];
    for (name, spoil) in rows {
        for algorithm in [Agile, Robust] {
            let shares: Vec<f64> = SEEDS
                .map(|seed| {
                    let mut values = clean(seed, 60, 1_500);
                    spoil(&mut Rng::new(seed + 5), &mut values);
                    series::share(&judge(&spec(algorithm, Hourly, 60), &values)[180..], 2.0)
                })
                .collect();
            println!("{name}: {algorithm:?} {:.3} [{:.3}]", mean(&shares), largest(&shares));
            assert!(mean(&shares) <= 0.06, "{name} {algorithm:?} {shares:?}");
        }
    }
}

#[test]
fn any_finite_value_leaves_a_finite_band() {
    // `judge` panics at a band that is not finite
    let extremes = [0.0, -0.0, f64::MAX, f64::MIN, f64::MIN_POSITIVE, 5e-324, 1e300, -1e300, 1e30, 1.0, -7.5];
    for algorithm in EVERY {
        for seed in SEEDS {
            let mut rng = Rng::new(seed);
            let values: Vec<f64> = (0..2_000)
                .map(|t| match seed % 4 {
                    0 => extremes[rng.below(extremes.len())],
                    1 if t % 97 == 0 => extremes[rng.below(extremes.len())],
                    1 => season(t, 60) + SIGMA * rng.normal(),
                    2 => f64::from_bits(rng.next_u64() & !(1 << 62)),
                    _ => AMPLITUDE * libm::exp(rng.normal() * 50.0),
                })
                .collect();
            judge(&spec(algorithm, Hourly, 60), &values);
            judge(&spec(algorithm, Daily, 3_600), &values);
        }
    }
}

#[test]
fn what_is_not_finite_or_not_later_is_ignored() {
    for algorithm in EVERY {
        let spec = spec(algorithm, Hourly, 60);
        let mut engine = fluent_anomaly::detectors::BandEngine::new(&spec);
        for (t, &y) in (0..).zip(&clean(1, 60, 300)) {
            engine.update(&spec, t, 0, y);
        }
        let before = engine.clone();
        for y in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            engine.update(&spec, 300, 0, y);
        }
        for bucket in [299, 298, 0, -1, i64::MIN] {
            engine.update(&spec, bucket, 0, 5.0);
            assert_eq!(engine.predict(&spec, bucket, 0), None, "{algorithm:?} {bucket}");
        }
        assert_eq!(engine, before, "{algorithm:?}");
        assert!(engine.predict(&spec, 300, 0).is_some());
        assert_eq!(engine.predict(&spec, i64::MAX, 0), None);
        engine.update(&spec, i64::MAX, 0, 5.0);
        engine.update(&spec, i64::MAX, 0, 6.0);
        assert_eq!(engine.predict(&spec, i64::MAX, 0), None);
    }
}

#[test]
fn tiny_values_have_a_band_of_their_own_size() {
    for scale in [1e-6, 1e-11, 1e-13, 1e-15, 1e-18, 1e-28] {
        for algorithm in EVERY {
            let mut rng = Rng::new(3);
            let values: Vec<f64> = (0..1_000).map(|_| scale * (20.0 + SIGMA * rng.normal())).collect();
            let judged = judge(&spec(algorithm, Hourly, 60), &values);
            let late = &judged[400..];
            let width = mean(&late.iter().map(|j| j.width(2.0)).collect::<Vec<_>>()) / scale;
            println!("{scale:e}: {algorithm:?} {width:.2} wide, {:.3} outside", series::share(late, 2.0));
            assert!((3.0 * SIGMA..6.0 * SIGMA).contains(&width), "{scale:e} {algorithm:?} {width}");
            assert!(series::share(late, 2.0) <= 0.07, "{scale:e} {algorithm:?}");
        }
    }
}

#[test]
fn what_sums_leave_of_zero_is_zero_among_ordinary_values() {
    for algorithm in EVERY {
        let dust = |t: usize| if t % 40 == 7 { 0.1 * 3.0 - 0.3 } else { 0.0 };
        let values: Vec<f64> = (0..600).map(dust).collect();
        assert_eq!(flagged_after(algorithm, &values, 480, 2.0), 0, "{algorithm:?}");
    }
}
