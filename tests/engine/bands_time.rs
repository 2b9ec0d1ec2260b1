//! Time that is not even: daylight saving, missing points, jitter, gaps.

use crate::common::series;
use crate::common::series::{Judged, Rng, SIGMA, judge_points, largest, mean, season, spec};
use fluent_anomaly::detectors::Algorithm::{self, Agile, Basic, Robust};
use fluent_anomaly::detectors::Seasonality::{self, Daily, Hourly, Weekly};

const SEEDS: std::ops::Range<u64> = 0..20;

/// 29 March 2026, 01:00 UTC: Vienna goes from UTC+1 to UTC+2.
const SPRING: i64 = 1_774_746_000;
/// 25 October 2026, 01:00 UTC: and back.
const AUTUMN: i64 = 1_792_890_000;

fn vienna(time: i64) -> i32 {
    if (SPRING..AUTUMN).contains(&time) { 7_200 } else { 3_600 }
}

/// False alarms on the day after the change and on a usual day, of a daily pattern in Vienna's local time: a
/// sine and office hours.
fn clock_change(algorithm: Algorithm, change: i64, season: Seasonality, seed: u64, zone: bool) -> (f64, f64) {
    const STEP: i64 = 300;
    let day = 86_400;
    let lead = if season == Weekly { 25 } else { 8 };
    let mut rng = Rng::new(seed ^ change as u64);
    let points = (change / STEP - lead * day / STEP..change / STEP + day / STEP).map(|bucket| {
        let time = bucket * STEP;
        let local = time + i64::from(vienna(time));
        let hour = local.rem_euclid(day) / 3_600;
        let office = if (8..18).contains(&hour) { series::AMPLITUDE } else { 0.0 };
        let y = series::season(local / STEP, day / STEP) + office + SIGMA * rng.normal();
        (bucket, if zone { vienna(time) } else { 0 }, y)
    });
    let judged = judge_points(&spec(algorithm, season, STEP as u32), points);
    let (usual, after) = judged.split_at(judged.len() - (day / STEP) as usize);
    let flagged = |part: &[Judged]| part.iter().filter(|j| j.flagged(2.0)).count() as f64;
    let with_band = usual.iter().filter(|j| j.prediction.is_some()).count() as f64;
    (flagged(after), flagged(usual) / with_band * (day / STEP) as f64)
}

#[test]
fn daylight_saving_needs_the_time_zone_and_nothing_else() {
    for season in [Daily, Weekly] {
        for algorithm in [Agile, Robust] {
            for (zone, label) in [(true, "with zone"), (false, "without")] {
                let (mut after, mut usual) = (0.0, 0.0);
                for seed in SEEDS {
                    for change in [SPRING, AUTUMN] {
                        let (a, u) = clock_change(algorithm, change, season, seed, zone);
                        after += a;
                        usual += u;
                    }
                }
                println!(
                    "clock change {season:?} {algorithm:?} {label}: {:.1} after, {:.1} usual, ratio {:.2}",
                    after / 40.0,
                    usual / 40.0,
                    after / usual
                );
                if zone {
                    assert!(after <= 1.5 * usual, "{season:?} {algorithm:?}");
                } else {
                    assert!(after >= 2.5 * usual, "{season:?} {algorithm:?}");
                }
            }
        }
    }
}

/// One-minute points of which a fifth is missing, each up to 30 s off, with a hole of `hole` minutes from
/// `from` on; averaged into buckets.
fn ragged(seed: u64, minutes: i64, m: i64, from: i64, hole: i64) -> Vec<(i64, i32, f64)> {
    let mut rng = Rng::new(seed);
    let mut points: Vec<(i64, i32, f64)> = Vec::new();
    let mut count = 0.0;
    for i in 0..minutes {
        let (missing, jitter, noise) = (rng.uniform() < 0.2, 60.0 * rng.uniform() - 30.0, rng.normal());
        if missing || (from..from + hole).contains(&i) {
            continue;
        }
        let time = 60.0 * i as f64 + jitter;
        let y = truth(time / 60.0, m) + SIGMA * noise;
        let bucket = (time / 60.0).floor() as i64;
        match points.last_mut() {
            Some(last) if last.0 >= bucket => {
                count += 1.0;
                last.2 += (y - last.2) / count;
            }
            _ => {
                points.push((bucket, 0, y));
                count = 1.0;
            }
        }
    }
    points
}

fn truth(minutes: f64, m: i64) -> f64 {
    series::AMPLITUDE * libm::sin(std::f64::consts::TAU * minutes / m as f64)
}

#[test]
fn after_a_gap_of_six_hours_the_season_is_still_known() {
    for (season, m, from) in [(Hourly, 60, 8 * 60), (Daily, 1_440, 4 * 1_440 + 300)] {
        for algorithm in [Basic, Agile, Robust] {
            let spec = spec(algorithm, season, 60);
            let (mut shares, mut errors, mut later) = (Vec::new(), Vec::new(), Vec::new());
            for seed in SEEDS {
                let judged = judge_points(&spec, ragged(seed, from + 360 + 800, m, from, 360));
                let end = from + 360;
                let after: Vec<Judged> =
                    judged.iter().filter(|j| (end..end + 120).contains(&j.bucket)).copied().collect();
                assert!(after.len() >= 60 && after[0].prediction.is_some(), "{algorithm:?} {}", after.len());
                shares.push(series::share(&after, 2.0));
                let squares: Vec<f64> = after
                    .iter()
                    .map(|j| {
                        let error = j.expected() - truth(j.bucket as f64 + 0.5, m);
                        error * error
                    })
                    .collect();
                errors.push(mean(&squares).sqrt());
                let rest: Vec<Judged> = judged.iter().filter(|j| j.bucket >= end + 120).copied().collect();
                later.push(series::share(&rest, 2.0));
            }
            println!(
                "6 h gap {season:?} {algorithm:?}: flagged {:.3} [{:.3}], later {:.3}, rms {:.3} [{:.3}]",
                mean(&shares),
                largest(&shares),
                mean(&later),
                mean(&errors),
                largest(&errors)
            );
            assert!(largest(&shares) <= 0.12 && mean(&shares) <= 0.06, "{season:?} {algorithm:?} {shares:?}");
            assert!(mean(&later) <= 0.07, "{season:?} {algorithm:?} {later:?}");
            if algorithm != Basic {
                assert!(largest(&errors) < SIGMA, "{season:?} {algorithm:?} {errors:?}");
            }
        }
    }
}

#[test]
fn after_a_very_long_gap_a_series_starts_over() {
    for algorithm in [Agile, Robust] {
        let spec = spec(algorithm, Hourly, 60);
        for (gap, known) in [(1_440, true), (1_441, false)] {
            let points = (0..300).chain(299 + gap..299 + gap + 200).map(|t| (t, 0, season(t, 60)));
            let judged = judge_points(&spec, points);
            assert_eq!(judged[300].prediction.is_some(), known, "{algorithm:?} gap {gap}");
            if !known {
                assert!(judged[300..480].iter().all(|j| j.prediction.is_none()));
                assert!(judged[480].prediction.is_some());
            }
        }
    }
    let spec = spec(Basic, Hourly, 60);
    for (gap, known) in [(1_440, true), (1_441, false)] {
        let points = (0..100).chain(99 + gap..140 + gap).map(|t| (t, 0, 5.0));
        let judged = judge_points(&spec, points);
        assert_eq!(judged[100].prediction.is_some(), known, "basic, gap {gap}");
        assert!(judged[115].prediction.is_some());
    }
}

#[test]
fn three_seasons_with_points_make_a_band_however_seldom_they_come() {
    const DAY: i64 = 1_440;
    type Comes = fn(&mut Rng, i64) -> bool;
    let office: Comes = |_, t| t / DAY % 7 < 5 && (480..1_080).contains(&(t % DAY));
    let rows: [(&str, Comes, i64); 5] = [
        ("every 5 minutes", |_, t| t % 5 == 0, 0),
        ("every 10 minutes", |_, t| t % 10 == 0, 0),
        ("every 5 minutes or so", |rng, _| rng.uniform() < 0.2, 20),
        ("each minute but some", |rng, _| rng.uniform() < 0.8, 5),
        // the day begins at eight
        ("office hours", office, 480),
    ];
    for algorithm in [Agile, Robust] {
        for (season_of, days) in [(Daily, 3), (Weekly, 21)] {
            for (name, comes, late) in rows {
                let spec = spec(algorithm, season_of, 60);
                let mut rng = Rng::new(3);
                let mut points = Vec::new();
                for t in 0..2 * days * DAY {
                    if comes(&mut rng, t) {
                        points.push((t, 0, 50.0 + season(t, DAY) + SIGMA * rng.normal()));
                    }
                }
                let judged = judge_points(&spec, points);
                let first = judged.iter().position(|j| j.prediction.is_some()).expect("a band");
                let at = judged[first].bucket - days * DAY;
                assert!((0..=late).contains(&at), "{name}: {algorithm:?} {season_of:?} {at} minutes late");
                let share = series::share(&judged[first..], 2.0);
                println!("{name}: {algorithm:?} {season_of:?} {share:.3} outside two deviations");
                assert!(share <= 0.07, "{name}: {algorithm:?} {season_of:?} {share}");
                assert!(judged[first..].iter().all(|j| j.prediction.is_some()), "{name}: {algorithm:?}");
            }
        }
    }
}

#[test]
fn seasons_without_points_do_not_count_and_a_dozen_points_are_needed() {
    for algorithm in [Agile, Robust] {
        let spec = spec(algorithm, Hourly, 60);
        let first = |points: Vec<(i64, i32, f64)>| {
            let judged = judge_points(&spec, points);
            judged.iter().find(|j| j.prediction.is_some()).map(|j| j.bucket)
        };
        let value = |t: i64| (t, 0, season(t, 60) + (t % 7) as f64);
        // every other hour
        assert_eq!(
            first((0..600).filter(|t| t / 60 % 2 == 0).map(value).collect()),
            Some(360),
            "{algorithm:?}"
        );
        // one point every 20 minutes: nine in three hours, twelve in four
        assert_eq!(first((0..30).map(|i| value(20 * i)).collect()), Some(240), "{algorithm:?}");
    }
}
