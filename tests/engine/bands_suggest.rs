//! What is suggested for a history, and why.

use crate::common::series;
use crate::common::series::{Rng, SIGMA};
use fluent_anomaly::detectors::Algorithm::{Agile, Basic, Robust};
use fluent_anomaly::detectors::Seasonality::{Daily, Hourly, Weekly};
use fluent_anomaly::detectors::{Algorithm, Parameter, Seasonality, SuggestError, Suggestion, suggest};

const SEEDS: std::ops::Range<u64> = 0..6;

fn wave(time: i64, season: Seasonality) -> f64 {
    let m = i64::from(season.seconds());
    series::season(time.rem_euclid(m), m)
}

/// `days` of points every `step` seconds.
fn suggested(days: i64, step: i64, mut y: impl FnMut(i64) -> f64) -> Suggestion {
    let times: Vec<i64> = (0..days * 86_400 / step).map(|i| 1_793_577_600 + i * step).collect();
    let values: Vec<f64> = times.iter().map(|&time| y(time)).collect();
    let suggestion = suggest(&times, &values).expect("enough history");
    for about in [Parameter::Interval, Parameter::Seasonality, Parameter::Algorithm, Parameter::Deviations] {
        assert!(suggestion.reasons.iter().any(|reason| reason.about == about), "a reason for {about:?}");
    }
    suggestion
}

/// What is suggested for each seed, checked against what is wanted.
fn expect(
    name: &str,
    wanted: (Algorithm, Option<Seasonality>, u32),
    days: i64,
    step: i64,
    y: impl Fn(&mut Rng, i64) -> f64,
) {
    for seed in SEEDS {
        let mut rng = Rng::new(seed);
        let got = suggested(days, step, |time| y(&mut rng, time));
        if seed == 0 {
            println!(
                "{name}: {} {:?} {} s, d = {}",
                got.algorithm.name(),
                got.seasonality,
                got.interval_s,
                got.deviations
            );
            for reason in &got.reasons {
                println!("    {}", reason.text);
            }
        }
        assert_eq!(
            (got.algorithm, got.seasonality, got.interval_s),
            wanted,
            "{name}, seed {seed}: {:#?}",
            got.reasons
        );
    }
}

#[test]
fn stable_seasons_are_found_and_get_robust() {
    expect("hourly", (Robust, Some(Hourly), 60), 1, 60, |rng, time| {
        wave(time, Hourly) + SIGMA * rng.normal()
    });
    expect("daily", (Robust, Some(Daily), 300), 10, 300, |rng, time| {
        wave(time, Daily) + SIGMA * rng.normal()
    });
    expect("weekly", (Robust, Some(Weekly), 3_600), 42, 3_600, |rng, time| {
        wave(time, Weekly) + SIGMA * rng.normal()
    });
}

#[test]
fn a_working_week_is_weekly_though_its_days_are_alike() {
    expect("working week", (Robust, Some(Weekly), 3_600), 42, 3_600, |rng, time| {
        let day = (time - 1_793_577_600) / 86_400 % 7;
        let busy = if day < 5 { 1.0 } else { 0.2 };
        busy * (wave(time, Daily) + 12.0) + SIGMA * rng.normal()
    });
    // and seven like days are daily, also where the points of a week are taken together and those of a day are not
    expect("noisy like days", (Robust, Some(Daily), 60), 28, 60, |rng, time| {
        wave(time, Daily) + 20.0 * SIGMA * rng.normal()
    });
    expect("like days", (Robust, Some(Daily), 3_600), 42, 3_600, |rng, time| {
        wave(time, Daily) + SIGMA * rng.normal()
    });
}

#[test]
fn a_level_that_drifts_gets_agile() {
    for (name, step_sigma) in [("slow drift", 0.25), ("fast drift", 1.0)] {
        for seed in SEEDS {
            let mut rng = Rng::new(seed);
            let mut level = 0.0;
            let got = suggested(14, 600, |time| {
                level += step_sigma * SIGMA * rng.normal();
                wave(time, Daily) + level + SIGMA * rng.normal()
            });
            assert_eq!(
                (got.algorithm, got.seasonality),
                (Agile, Some(Daily)),
                "{name} {seed} {:#?}",
                got.reasons
            );
        }
    }
    expect("shifts", (Agile, Some(Hourly), 60), 2, 60, |rng, time| {
        let shifts = (time / 15_000) * 7_919 % 5;
        wave(time, Hourly) + 8.0 * shifts as f64 + SIGMA * rng.normal()
    });
}

#[test]
fn one_shift_is_no_drift() {
    expect("one shift", (Robust, Some(Hourly), 60), 2, 60, |rng, time| {
        let shift = if time > 1_793_577_600 + 100_000 { 15.0 } else { 0.0 };
        wave(time, Hourly) + shift + SIGMA * rng.normal()
    });
}

#[test]
fn without_a_season_it_is_basic() {
    expect("white noise", (Basic, None, 60), 7, 60, |rng, _| rng.normal());
    expect("counts", (Basic, None, 60), 7, 60, |rng, _| rng.poisson(3.0));
    expect("constant", (Basic, None, 60), 7, 60, |_, _| 42.0);
    for seed in SEEDS {
        let mut rng = Rng::new(seed);
        let mut level = 0.0;
        let got = suggested(28, 600, |_| {
            level += rng.normal();
            level
        });
        assert_eq!(got.algorithm, Basic, "random walk {seed} {:#?}", got.reasons);
    }
}

#[test]
fn heavy_tails_get_three_deviations() {
    let gauss = suggested(2, 60, {
        let mut rng = Rng::new(1);
        move |time| wave(time, Hourly) + SIGMA * rng.normal()
    });
    assert_eq!(gauss.deviations, 2.0);
    let mut rng = Rng::new(1);
    let bursts = suggested(2, 60, |time| {
        let burst = if time / 600 % 7 == 0 { 8.0 } else { 1.0 };
        burst * rng.t3()
    });
    assert_eq!(bursts.deviations, 3.0, "{:#?}", bursts.reasons);
}

#[test]
fn a_history_too_short_for_a_season_says_so() {
    let got = suggested(2, 60, |time| wave(time, Daily));
    assert!(got.seasonality != Some(Daily) && got.seasonality != Some(Weekly));
    assert!(
        got.reasons
            .iter()
            .any(|r| r.about == Parameter::Seasonality && r.text.contains("not daily: the history"))
    );
    let three = suggested(3, 300, |time| wave(time, Daily));
    assert_eq!((three.algorithm, three.seasonality, three.deviations), (Robust, Some(Daily), 2.0));
    let times: Vec<i64> = (0..59).collect();
    assert_eq!(suggest(&times, &[1.0; 59]), Err(SuggestError::TooShort(59)));
    assert_eq!(suggest(&times, &[1.0; 3]), Err(SuggestError::Unequal { times: 59, values: 3 }));
    assert_eq!(suggest(&[7; 100], &[1.0; 100]), Err(SuggestError::TooShort(1)));
    assert_eq!(suggest(&[], &[]), Err(SuggestError::TooShort(0)));
}

#[test]
fn any_history_gets_an_answer() {
    let mut rng = Rng::new(9);
    for kind in 0..6 {
        let times: Vec<i64> = (0..500)
            .map(|i| match kind {
                0 => rng.next_u64() as i64,
                1 => i64::MIN + i,
                2 => i64::MAX - i * 1_000_000_007,
                3 => i * 100_000_000,
                _ => i * 61 + rng.below(50) as i64,
            })
            .collect();
        let values: Vec<f64> =
            (0..500).map(|_| if kind == 4 { f64::from_bits(rng.next_u64()) } else { rng.normal() }).collect();
        let _ = suggest(&times, &values);
    }
}

#[test]
fn order_and_values_that_are_not_finite_do_not_matter() {
    let mut rng = Rng::new(3);
    let times: Vec<i64> = (0..2_000).map(|i| i * 60).collect();
    let values: Vec<f64> = times.iter().map(|&time| wave(time, Hourly) + SIGMA * rng.normal()).collect();
    let forwards = suggest(&times, &values).expect("enough");
    let mut mixed: Vec<(i64, f64)> = times.into_iter().zip(values).rev().collect();
    mixed.insert(700, (30, f64::NAN));
    mixed.insert(900, (90, f64::INFINITY));
    let (times, values): (Vec<i64>, Vec<f64>) = mixed.into_iter().unzip();
    assert_eq!(suggest(&times, &values).expect("enough"), forwards);
}

#[test]
fn the_season_of_office_hours_and_of_sparse_points_is_found() {
    let day = |time: i64| time.rem_euclid(86_400);
    let weekday = |time: i64| time.div_euclid(86_400).rem_euclid(7);
    for seed in SEEDS {
        let mut rng = Rng::new(seed);
        let mut y = |time: i64| 50.0 + 2.0 * wave(time, Daily) + SIGMA * rng.normal();
        let times: Vec<i64> = (0..35 * 288)
            .map(|i| 1_793_577_600 + i * 300)
            .filter(|&time| (28_800..64_800).contains(&day(time)) && weekday(time) < 5)
            .collect();
        let values: Vec<f64> = times.iter().map(|&time| y(time)).collect();
        let got = suggest(&times, &values).expect("enough history");
        assert_eq!(got.seasonality, Some(Daily), "office hours, seed {seed}: {:#?}", got.reasons);

        // a point a day, another one at the end of the week
        let times: Vec<i64> = (0..120).map(|i| 1_793_577_600 + i * 86_400).collect();
        let values: Vec<f64> =
            times.iter().map(|&time| if weekday(time) < 5 { y(time) } else { 20.0 }).collect();
        let got = suggest(&times, &values).expect("enough history");
        assert_eq!(got.seasonality, Some(Weekly), "a point a day, seed {seed}: {:#?}", got.reasons);
        assert!(got.reasons[0].text.ends_with("are the longest"), "{}", got.reasons[0].text);
    }
}
