//! Whatever values, times and saved bytes come, no number is written that is not finite.

use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn flipped_bits_never_panic_nor_write_what_is_not_finite(at in 0usize..3000, bit in 0u8..8, points in 0u64..400) {
        let stream = Stream::warmed(points, noise);
        let mut bytes = saved(&stream.series);
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        if let Ok(mut series) = Calibrated::restore(&stream.spec, &mut Reader::new(&bytes)) {
            for i in 0..200 {
                let time = finite(1.4e9 + MINUTE * (points + i) as f64);
                if let Some(r) = series.update(&stream.spec, time, finite(noise(i))) {
                    prop_assert!((0.0..=1.0).contains(&r.score) && r.log10_s.is_finite());
                }
            }
        }
    }

    #[test]
    fn any_finite_series_at_any_times_gives_finite_scores(
        points in proptest::collection::vec((any::<f64>(), any::<f64>()), 40..120),
    ) {
        let spec = CalibratedSpec::default();
        let mut series = Calibrated::new(&spec);
        for (time, x) in points {
            let (Some(time), Some(x)) = (Finite::new(time), Finite::new(x)) else { continue };
            if let Some(r) = series.update(&spec, time, x) {
                prop_assert!((0.0..=1.0).contains(&r.score));
                prop_assert!(r.log10_points.is_finite() && r.log10_s.is_finite());
            }
        }
        let bytes = saved(&series);
        let back = Calibrated::restore(&spec, &mut Reader::new(&bytes));
        prop_assert_eq!(saved(&back.unwrap()), bytes);
    }
}

#[test]
fn a_season_of_the_largest_numbers_is_saved_and_read_back() {
    let spec = CalibratedSpec::default();
    let mut series = Calibrated::new(&spec);
    let begin = [
        (0.0, 5.683915298323214e40),
        (0.0, 0.0),
        (2.570639071778799e17, 1.6628017747701963e42),
        (0.0, 0.0),
        (-4.9671059076753e-52, 0.0),
    ];
    // a bucket of the season ends where the time turns negative
    let end = [(-6.346371882886862e-132, 0.0), (0.0, 0.0), (0.0, 0.0)];
    for (time, x) in begin.into_iter().chain([(0.0, 0.0); 32]).chain(end) {
        series.update(&spec, finite(time), finite(x));
    }
    let bytes = saved(&series);
    let back = Calibrated::restore(&spec, &mut Reader::new(&bytes));
    assert_eq!(saved(&back.unwrap()), bytes);
}

#[test]
fn degenerate_series_stay_silent() {
    type Case = (&'static str, fn(u64) -> f64);
    let cases: [Case; 6] = [
        ("constant", |_| 7.25),
        ("zero", |_| 0.0),
        ("huge constant", |_| 0.9 * Finite::MAX),
        ("two values in turn", |i| (i % 2) as f64),
        ("saw tooth", |i| (i % 10) as f64),
        ("huge and tiny in turn", |i| if i % 2 == 0 { Finite::MAX } else { -Finite::MAX }),
    ];
    for (name, f) in cases {
        let mut stream = Stream::new();
        let alarms = (0..7 * DAY).filter(|i| stream.push(f(*i)).is_some_and(|r| r.is_alarm)).count();
        assert_eq!(alarms, 0, "{name}");
    }
}

#[test]
fn nan_and_infinities_are_no_numbers() {
    assert_eq!(Finite::new(f64::NAN), None);
    assert_eq!(Finite::new(f64::INFINITY), None);
    assert_eq!(Finite::new(f64::NEG_INFINITY), None);
    assert_eq!(Finite::new(-0.0).map(Finite::get), Some(0.0));
}

#[test]
fn late_points_and_standing_clocks_do_no_harm() {
    let mut stream = Stream::warmed(7 * DAY, noise);
    let spec = stream.spec;
    let cases =
        [("days late", 1.4e9, 0.1), ("before the epoch", -5.0, -0.3), ("the same time again", -5.0, 0.2)];
    for (name, time, x) in cases {
        let r = stream.series.update(&spec, finite(time), finite(x));
        assert!(r.is_some_and(|r| !r.is_alarm), "{name}");
    }
    assert!(stream.push(15.0).unwrap().is_alarm);
}

#[test]
fn what_is_expected_stays_within_what_the_series_has_shown() {
    type Case = (&'static str, fn(u64) -> f64);
    let cases: [Case; 8] = [
        ("ones with a zero now and then", |i| if i % 1999 == 1998 { 0.0 } else { 1.0 }),
        ("denormals", |i| if i % 997 == 996 { 5e-324 } else { 0.0 }),
        ("alternating extremes", |i| if i.is_multiple_of(2) { 1e100 } else { -1e100 }),
        ("alternating, then quiet", |i| match i {
            0..5000 if i.is_multiple_of(2) => 1e99,
            0..5000 => -1e99,
            _ => 0.0,
        }),
        ("a huge value once", |i| if i == 6000 { 1e99 } else { noise(i) }),
        ("a rare pair", |i| if i % 3001 < 2 { 1.0 } else { 0.0 }),
        ("three values", |i| (noise(i) / 2.0).clamp(-1.0, 1.0).trunc()),
        ("two levels", |i| if i / 3000 % 2 == 0 { 10.0 } else { 20.0 }),
    ];
    for (name, f) in cases {
        let mut stream = Stream::new();
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for i in 0..10 * DAY {
            let x = f(i);
            let r = stream.push(x);
            (low, high) = (low.min(x), high.max(x));
            let Some(AlarmReason { kind, observed, expected }) = r.and_then(|r| r.reason) else { continue };
            assert!(observed.is_finite() && expected.is_finite(), "{name}: {observed} {expected} at {i}");
            if !matches!(kind, ReasonKind::Spread | ReasonKind::Stuck) {
                let size = (high - low).max(high.abs()).max(low.abs());
                assert!((low - size..=high + size).contains(&expected), "{name}: {kind} {expected} at {i}");
            }
            match kind {
                ReasonKind::Spike => assert!(observed > expected, "{name}: {observed} {expected} at {i}"),
                ReasonKind::Drop => assert!(observed < expected, "{name}: {observed} {expected} at {i}"),
                _ => {}
            }
        }
    }
}

#[test]
fn gaps_of_weeks_repeated_and_late_points_leave_all_numbers_finite() {
    let spec = CalibratedSpec::default();
    let mut series = Calibrated::new(&spec);
    for i in 0..20_000u64 {
        let time = match i % 7 {
            3 => 1.4e9,
            5 => 1.4e9 + MINUTE * (i - 1) as f64,
            _ => 1.4e9 + MINUTE * i as f64 + if i > 10_000 { 3e6 } else { 0.0 },
        };
        let r = series.update(&spec, finite(time), finite(if i % 501 == 500 { 1e80 } else { noise(i) }));
        if let Some(r) = r {
            assert!(r.score.is_finite() && r.log10_s.is_finite() && r.size.is_finite(), "{r:?} at {i}");
        }
    }
}

/// The times and values of a series by their number, and how many there are.
type Odd = (&'static str, u64, fn(u64) -> (f64, f64));

/// Bad input, each kind by itself and with an incident in it. No number that is written is anything but finite, and what
/// is expected leaves the range that the series has shown by no more than its size.
#[test]
fn bad_input_never_panics_and_every_number_stays_finite_and_within_range() {
    const AT: fn(u64) -> f64 = |i| 1.4e9 + MINUTE * i as f64;
    let cases: [Odd; 14] = [
        ("no point but one", 1, |i| (AT(i), 1e100)),
        ("two points", 2, |i| (AT(i), -1e100)),
        ("equal values", 20_000, |i| (AT(i), 0.1)),
        ("equal values, then another", 20_000, |i| (AT(i), if i == 15_000 { 0.2 } else { 0.1 })),
        ("denormals", 20_000, |i| (AT(i), 5e-324 * (i % 3) as f64)),
        ("1e100", 20_000, |i| (AT(i), if i % 4001 == 4000 { 1e100 } else { 1.0 })),
        ("alternating extremes", 20_000, |i| (AT(i), if i % 2 == 0 { 1e100 } else { -1e100 })),
        ("extremes, then small", 20_000, |i| (AT(i), if i < 100 { 1e100 } else { noise(i) })),
        ("gaps of weeks", 20_000, |i| (AT(i) + 3e6 * (i / 500) as f64, noise(i))),
        ("each point twice", 20_000, |i| (AT(i / 2), noise(i / 2))),
        ("out of order", 20_000, |i| (AT(i ^ 7), if i % 2003 == 0 { 50.0 } else { noise(i) })),
        ("backwards", 20_000, |i| (1.4e9 - MINUTE * i as f64, noise(i))),
        ("one time", 20_000, |i| (1.4e9, noise(i))),
        ("times of 1e100", 20_000, |i| (if i % 2 == 0 { 1e99 } else { -1e99 }, noise(i))),
    ];
    for budget in [(1.0, 3600.0), (1.0, 604_800.0)] {
        let spec = CalibratedSpec::new(AlarmBudget::new(budget.0, budget.1).unwrap());
        for (name, points, f) in cases {
            let mut series = Calibrated::new(&spec);
            assert_eq!(saved(&series), saved(&restored(&series)), "{name}: before the first point");
            let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
            for i in 0..points {
                let (time_s, x) = f(i);
                (low, high) = (low.min(x), high.max(x));
                let Some(r) = series.update(&spec, finite(time_s), finite(x)) else { continue };
                let numbers = [r.score, r.log10_points, r.log10_s, r.size];
                assert!(numbers.iter().all(|n| n.is_finite()), "{name}: {r:?} at {i}");
                let Some(AlarmReason { kind, observed, expected }) = r.reason else { continue };
                assert!(observed.is_finite() && expected.is_finite(), "{name}: {r:?} at {i}");
                if !matches!(kind, ReasonKind::Spread | ReasonKind::Stuck) {
                    let size = (high - low).max(high.abs()).max(low.abs());
                    assert!((low - size..=high + size).contains(&expected), "{name}: {expected} at {i}");
                }
            }
            assert_eq!(saved(&series), saved(&restored(&series)), "{name}: a restart changes nothing");
        }
    }
}

fn restored(series: &Calibrated) -> Calibrated {
    Calibrated::restore(&CalibratedSpec::default(), &mut Reader::new(&saved(series))).unwrap()
}
