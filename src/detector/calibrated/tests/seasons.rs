//! Periods are found, and their absence is told.

use super::*;

#[test]
fn seasons_are_found_and_noise_has_none() {
    type Case = (&'static str, fn(u64) -> f64, u64, Option<Period>);
    let cases: [Case; 4] = [
        ("noise", noise, 22, None),
        ("daily", daily, 5, Some(Period::Day)),
        ("hourly", |i| if i % 60 < 10 { 8.0 + noise(i) } else { noise(i) }, 5, Some(Period::Hour)),
        (
            "working days",
            |i| {
                let day_of_week = (i / DAY) % 7;
                if day_of_week < 5 { daily(i) } else { noise(i) - 5.0 }
            },
            29,
            Some(Period::Week),
        ),
    ];
    for (name, f, days, period) in cases {
        assert_eq!(Stream::warmed(days * DAY, f).series.season(), period, "{name}");
    }
}

#[test]
fn a_missing_season_is_told_at_points_that_visit_only_some_buckets() {
    for spacing_s in [1200.0, 3600.0] {
        let spec = CalibratedSpec::default();
        let mut series = Calibrated::new(&spec);
        let day = (86_400.0 / spacing_s) as u64;
        let season = |i: u64| 5.0 * libm::sin(core::f64::consts::TAU * (i % day) as f64 / day as f64);
        let mut push = |i: u64, x: f64| series.update(&spec, finite(spacing_s * i as f64), finite(x));
        for i in 0..14 * day {
            push(i, season(i) + noise(i));
        }
        let reason = (14 * day..15 * day).find_map(|i| push(i, noise(i)).and_then(|r| r.reason));
        assert_eq!(reason.map(|reason| reason.kind), Some(ReasonKind::Rhythm), "every {spacing_s} s");
    }
}
