use super::*;
use crate::codec::{CodecError, Reader, Writer};
use crate::detector::Finite;
use proptest::prelude::*;

const MINUTE: f64 = 60.0;
const DAY: u64 = 1440;

fn finite(v: f64) -> Finite {
    Finite::new(v).unwrap()
}

/// Deterministic noise, about standard normal: the sum of twelve uniforms (Irwin-Hall).
fn noise(i: u64) -> f64 {
    let mut z = i.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5bf0_3635;
    let mut sum = -6.0;
    for _ in 0..12 {
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        sum += (z >> 11) as f64 / (1u64 << 53) as f64;
    }
    sum
}

struct Stream {
    spec: CalibratedSpec,
    series: Calibrated,
    i: u64,
}

impl Stream {
    fn new() -> Self {
        let spec = CalibratedSpec::default();
        Self { series: Calibrated::new(&spec), spec, i: 0 }
    }

    fn push(&mut self, x: f64) -> Option<Rarity> {
        self.i += 1;
        self.series.update(&self.spec, finite(1.4e9 + MINUTE * self.i as f64), finite(x))
    }

    fn warmed(points: u64, f: impl Fn(u64) -> f64) -> Self {
        let mut stream = Self::new();
        for i in 0..points {
            stream.push(f(i));
        }
        stream
    }
}

fn saved(series: &Calibrated) -> Vec<u8> {
    let mut out = Vec::new();
    series.save(&mut Writer::new(&mut out));
    out
}

fn daily(i: u64) -> f64 {
    5.0 * libm::sin(core::f64::consts::TAU * (i % DAY) as f64 / DAY as f64) + noise(i)
}

#[test]
fn the_first_thirty_points_have_no_rarity() {
    let mut stream = Stream::new();
    assert!((0..30).all(|i| stream.push(noise(i)).is_none()));
    assert!(stream.push(noise(30)).is_some());
}

#[test]
fn a_restored_series_scores_on_bit_for_bit() {
    for cut in [0, 1, 29, 31, 700, 3 * DAY + 17, 8 * DAY] {
        let mut stream = Stream::warmed(cut, daily);
        let bytes = saved(&stream.series);
        let mut r = Reader::new(&bytes);
        let mut back = Calibrated::restore(&stream.spec, &mut r).unwrap();
        assert!(r.is_empty());
        assert_eq!(saved(&back), bytes, "after {cut} points");
        for i in 0..2000 {
            let x = daily(cut + i) + if i == 1000 { 30.0 } else { 0.0 };
            let time = finite(1.4e9 + MINUTE * (stream.i + 1) as f64);
            let other = back.update(&stream.spec, time, finite(x));
            assert_eq!(stream.push(x), other, "point {i} after {cut}");
        }
        assert_eq!(saved(&stream.series), saved(&back));
    }
}

#[test]
fn cut_and_foreign_bytes_are_refused() {
    let stream = Stream::warmed(8 * DAY, daily);
    let bytes = saved(&stream.series);
    for len in 0..bytes.len() {
        let refused = Calibrated::restore(&stream.spec, &mut Reader::new(&bytes[..len]));
        assert!(matches!(refused, Err(CodecError::Truncated { .. })), "{len} bytes");
    }
    let mut other = bytes;
    other[0] ^= 0x80;
    let refused = Calibrated::restore(&stream.spec, &mut Reader::new(&other));
    assert_eq!(refused, Err(CodecError::Invalid { what: "calibrated score" }));
}

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
fn unit_and_offset_of_a_series_change_nothing() {
    let shapes: [(&str, f64, f64); 4] =
        [("x 1e9", 1e9, 0.0), ("x 1e-9", 1e-9, 0.0), ("+ 10000", 1.0, 1e4), ("x 1000 - 5e6", 1e3, -5e6)];
    for (name, factor, offset) in shapes {
        let (mut plain, mut other) = (Stream::new(), Stream::new());
        let mut alarms = 0;
        for i in 0..6 * DAY {
            let x = noise(i) + if i % 3001 == 3000 { 9.0 } else { 0.0 };
            if let (Some(a), Some(b)) = (plain.push(x), other.push(factor * x + offset)) {
                assert!((a.log10_points - b.log10_points).abs() < 0.02, "{name}: {a:?} {b:?} at {i}");
                assert_eq!(a.is_alarm, b.is_alarm, "{name} at {i}");
                alarms += u32::from(a.is_alarm);
            }
        }
        assert!(alarms > 0);
    }
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
fn a_constant_that_steps_alarms_once_and_the_new_level_is_taken_in() {
    let mut stream = Stream::warmed(7 * DAY, |_| 7.25);
    let first = stream.push(7.5).unwrap();
    assert!(first.is_alarm && first.score > 0.5, "{first:?}");
    let mut started = u32::from(matches!(first.alarm, Some(AlarmEvent::Started { .. })));
    let mut last_alarm = 0;
    for i in 1..3 * DAY {
        let r = stream.push(7.5).unwrap();
        started += u32::from(matches!(r.alarm, Some(AlarmEvent::Started { .. })));
        if r.is_alarm {
            last_alarm = i;
        }
    }
    assert_eq!(started, 1);
    assert!(last_alarm < 600, "still alarming after {last_alarm} points");
}

#[test]
fn nan_and_infinities_are_no_numbers() {
    assert_eq!(Finite::new(f64::NAN), None);
    assert_eq!(Finite::new(f64::INFINITY), None);
    assert_eq!(Finite::new(f64::NEG_INFINITY), None);
    assert_eq!(Finite::new(-0.0).map(Finite::get), Some(0.0));
}

#[test]
fn memory_is_bounded() {
    let none = Stream::warmed(14 * DAY, noise);
    assert_eq!(none.series.season(), None);
    assert!(none.series.memory_bytes() <= 4096, "{}", none.series.memory_bytes());
    let day = Stream::warmed(14 * DAY, daily);
    assert_eq!(day.series.season(), Some(Period::Day));
    assert!(day.series.memory_bytes() <= 5120, "{}", day.series.memory_bytes());
}

#[test]
fn reasons_name_what_happened() {
    type Fault = (&'static str, fn(u64) -> f64, fn(u64, f64) -> f64, ReasonKind);
    let faults: [Fault; 6] = [
        ("one high value", noise, |i, x| if i == 0 { x + 12.0 } else { x }, ReasonKind::Spike),
        ("one low value", noise, |i, x| if i == 0 { x - 12.0 } else { x }, ReasonKind::Drop),
        ("a shift of one deviation", noise, |_, x| x.clamp(-1.9, 1.9) + 1.0, ReasonKind::Level),
        (
            "restless between the usual extremes",
            noise,
            |i, _| if i % 2 == 0 { 2.0 } else { -2.0 },
            ReasonKind::Spread,
        ),
        ("no movement", noise, |_, _| 0.25, ReasonKind::Stuck),
        (
            "a day without its season",
            daily,
            |i, x| x - (daily(14 * DAY + i) - noise(14 * DAY + i)),
            ReasonKind::Rhythm,
        ),
    ];
    for (name, series, fault, kind) in faults {
        let mut stream = Stream::warmed(14 * DAY, series);
        let reason = (0..DAY).find_map(|i| {
            let x = fault(i, series(14 * DAY + i));
            stream.push(x).and_then(|r| r.reason)
        });
        assert_eq!(reason.map(|r| r.kind), Some(kind), "{name}: {reason:?}");
        let reason = reason.unwrap();
        assert!(reason.observed.is_finite() && reason.expected.is_finite(), "{name}: {reason:?}");
    }
}

#[test]
fn the_wild_means_of_the_first_minutes_do_not_hide_a_change_of_spread() {
    let wild = |i: u64| if i.is_multiple_of(2) { 3.5 } else { -3.5 };
    let mut stream = Stream::warmed(14 * DAY, |i| if i < 5 { wild(i) } else { noise(i) });
    let doubled = |i: u64| (2.0 * noise(14 * DAY + i)).clamp(-3.0, 3.0);
    let reasons: Vec<AlarmReason> =
        (0..60).filter_map(|i| stream.push(doubled(i)).and_then(|r| r.reason)).collect();
    assert!(reasons.iter().any(|reason| reason.kind == ReasonKind::Spread), "{reasons:?}");
}

#[test]
fn logarithms_written_out_are_those_of_the_library() {
    assert_eq!(AlarmBudget::new(1.0, 604_800.0), Ok(AlarmBudget::WEEKLY));
    assert_eq!(judge::LOG10_SIDES, libm::log10(9.0));
    assert_eq!(judge::LOG10_SEASON_SIDES, libm::log10(13.0));
}

#[test]
fn a_spike_is_told_with_observed_and_expected() {
    let mut stream = Stream::warmed(14 * DAY, |i| 100.0 + noise(i));
    let reason = stream.push(180.0).unwrap().reason.unwrap();
    assert_eq!(reason.observed, 180.0);
    assert!((reason.expected - 100.0).abs() < 2.0, "{reason:?}");
}

#[test]
fn an_alarm_has_one_start_and_one_end() {
    let mut stream = Stream::warmed(14 * DAY, noise);
    let mut events = Vec::new();
    for i in 0..2 * DAY {
        let x = noise(14 * DAY + i) + if i < 20 { 15.0 } else { 0.0 };
        events.extend(stream.push(x).and_then(|r| r.alarm));
    }
    let [AlarmEvent::Started { start_s }, AlarmEvent::Ended { start_s: same, end_s }] = events[..] else {
        panic!("{events:?}");
    };
    assert_eq!(start_s, same);
    assert!(end_s >= start_s && end_s <= start_s + 60.0 * MINUTE, "{events:?}");
}

#[test]
fn a_repeat_within_the_incident_is_no_longer_rare() {
    let mut stream = Stream::warmed(14 * DAY, noise);
    let first = stream.push(15.0).unwrap();
    let again = stream.push(16.0).unwrap();
    assert!(first.score > 0.5 && again.score < 0.45, "{first:?} {again:?}");
    assert!(again.is_alarm && again.alarm.is_none());
}

#[test]
fn a_young_series_alarms_only_from_what_its_budget_has_earned() {
    let mut stream = Stream::warmed(DAY, noise);
    assert!(!stream.push(50.0).unwrap().is_alarm, "one a week, known for a day");
    let spec = CalibratedSpec::new(AlarmBudget::new(1.0, 86_400.0).unwrap());
    let mut series = Calibrated::new(&spec);
    let mut starts = Vec::new();
    for i in 0..2 * DAY {
        let x = if i % 500 == 499 { 50.0 * i as f64 } else { noise(i) };
        let r = series.update(&spec, finite(MINUTE * i as f64), finite(x));
        if let Some(AlarmEvent::Started { start_s }) = r.and_then(|r| r.alarm) {
            starts.push(start_s);
        }
    }
    assert!(starts.len() <= 2 && starts[0] >= 86_400.0, "{starts:?}");
}

#[test]
fn rarity_in_time_follows_the_series_own_spacing() {
    for spacing in [1.0, 60.0, 3600.0] {
        let spec = CalibratedSpec::default();
        let mut series = Calibrated::new(&spec);
        for i in 0..5000u64 {
            series.update(&spec, finite(spacing * i as f64), finite(noise(i)));
        }
        let r = series.update(&spec, finite(spacing * 5000.0), finite(5.5)).unwrap();
        assert!((r.log10_s - r.log10_points - libm::log10(spacing)).abs() < 1e-6, "{spacing}: {r:?}");
    }
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

#[test]
fn impossible_budgets_are_refused_with_their_numbers() {
    for (alarms, period_s) in
        [(0.0, 604_800.0), (-1.0, 86_400.0), (1.0, 60.0), (1.0, 1e12), (f64::NAN, 3600.0)]
    {
        let refused = AlarmBudget::new(alarms, period_s).unwrap_err();
        assert!(refused.to_string().contains("is not possible"), "{refused}");
    }
    assert_eq!(AlarmBudget::new(2.0, 86_400.0).unwrap().period_s(), 43_200.0);
    assert_eq!(CalibratedSpec::default().budget.period_s(), 604_800.0);
}

/// Starts of alarms, alarming points, and the reasons of all of them, at this budget.
fn alarms_of(budget: (f64, f64), points: u64, f: impl Fn(u64) -> f64) -> (Vec<u64>, u64, Vec<AlarmReason>) {
    let spec = CalibratedSpec::new(AlarmBudget::new(budget.0, budget.1).unwrap());
    let mut series = Calibrated::new(&spec);
    let (mut starts, mut alarming, mut reasons, mut open) = (Vec::new(), 0, Vec::new(), false);
    for i in 0..points {
        let Some(r) = series.update(&spec, finite(1.4e9 + MINUTE * i as f64), finite(f(i))) else { continue };
        match r.alarm {
            Some(AlarmEvent::Started { .. }) => {
                assert!(!open, "a start without the end before it, at {i}");
                open = true;
                starts.push(i);
            }
            Some(AlarmEvent::Ended { .. }) => {
                assert!(open, "an end without its start, at {i}");
                open = false;
            }
            None => {}
        }
        assert!(!r.is_alarm || open, "an alarm that has not started, at {i}");
        assert!(r.size.is_finite());
        alarming += u64::from(r.is_alarm);
        reasons.extend(r.reason);
    }
    (starts, alarming, reasons)
}

#[test]
fn blips_of_a_series_of_ones_are_found_and_told_within_its_range() {
    let blips = [2000, 3501, 10302];
    let blip = |i: u64| if blips.contains(&i) { 0.0 } else { 1.0 };
    let (starts, alarming, reasons) = alarms_of((1.0, 86_400.0), 10 * DAY, blip);
    assert_eq!(starts, blips);
    assert!(alarming <= 2 * blips.len() as u64, "{alarming}");
    for reason in reasons {
        assert_eq!(reason.kind, ReasonKind::Drop);
        assert!(reason.observed == 0.0 && (0.5..=1.0).contains(&reason.expected), "{reason:?}");
    }
}

#[test]
fn a_queue_that_is_empty_but_for_a_few_jobs_alarms_for_these_alone() {
    let jobs = |i: u64| if i % 4111 == 4000 { 5.0 } else { 0.0 };
    let (starts, alarming, reasons) = alarms_of((1.0, 604_800.0), 28 * DAY, jobs);
    assert!(starts.iter().all(|i| i % 4111 == 4000) && !starts.is_empty(), "{starts:?}");
    assert!(alarming < 20, "{alarming}");
    assert!(
        reasons.iter().all(|r| r.kind == ReasonKind::Spike && (0.0..5.0).contains(&r.expected)),
        "{reasons:?}"
    );
}

#[test]
fn eight_blips_in_four_weeks_start_no_more_than_eight_alarms() {
    let blip = |i: u64| if i % 5040 == 4321 { 0.0 } else { 1.0 };
    let (starts, ..) = alarms_of((1.0, 86_400.0), 28 * DAY, blip);
    assert!((1..=8).contains(&starts.len()), "{starts:?}");
    assert!(starts.iter().all(|i| i % 5040 == 4321), "{starts:?}");
}

#[test]
fn a_series_that_has_never_moved_is_not_stuck() {
    for value in [0.0, 1.0, -7.5, 1e-310, 1e99] {
        let (starts, ..) = alarms_of((1.0, 3600.0), 7 * DAY, |_| value);
        assert!(starts.is_empty(), "{value}: {starts:?}");
    }
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
fn an_incident_stays_visible_after_a_larger_one() {
    for (name, series) in [("noise", noise as fn(u64) -> f64), ("daily", daily)] {
        for gap in [1, 3, 7, 14, 21] {
            let first = 21 * DAY + 300;
            let second = first + gap * DAY + 60;
            let fault = |i: u64| match i {
                _ if (first..first + 10).contains(&i) => 20.0,
                _ if (second..second + 10).contains(&i) => 10.0,
                _ => 0.0,
            };
            let mut stream = Stream::new();
            let alarming =
                (0..second + 10).filter(|&i| stream.push(series(i) + fault(i)).is_some_and(|r| r.is_alarm));
            let found = alarming.filter(|i| *i >= second).count();
            assert!(found > 0, "{name}, {gap} days after");
        }
    }
}

#[test]
fn the_way_back_from_an_incident_is_no_alarm_of_its_own() {
    for (name, series) in [("noise", noise as fn(u64) -> f64), ("daily", daily)] {
        let mut stream = Stream::warmed(14 * DAY, series);
        let mut starts = Vec::new();
        for i in 0..2 * DAY {
            let x = series(14 * DAY + i) - if i < 720 { 40.0 } else { 0.0 };
            if let Some(AlarmEvent::Started { .. }) = stream.push(x).and_then(|r| r.alarm) {
                starts.push(i);
            }
        }
        assert_eq!(starts, [0], "{name}");
    }
}

#[test]
fn what_climbs_for_hours_is_a_trend() {
    // three deviations a day, away from a known season
    let mut stream = Stream::warmed(14 * DAY, daily);
    let calm = |i: u64| daily(i) - noise(i) + noise(i).clamp(-1.0, 1.0);
    let leak = |i: u64| calm(14 * DAY + i) + 3.0 * i as f64 / DAY as f64;
    let reason = (0..3 * DAY).find_map(|i| stream.push(leak(i)).and_then(|r| r.reason).map(|r| (i, r)));
    assert_eq!(reason.map(|reason| reason.1.kind), Some(ReasonKind::Trend), "{reason:?}");
}

#[test]
fn an_alarm_says_how_large_it_is() {
    let mut stream = Stream::warmed(14 * DAY, |i| 100.0 + noise(i));
    let r = stream.push(120.0).unwrap();
    assert!((12.0..25.0).contains(&r.size), "20 deviations: {r:?}");
    assert_eq!(stream.push(100.0).unwrap().size, 0.0);
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

#[test]
fn a_lasting_shift_is_told_as_a_level_once_it_has_lasted() {
    let shifted = |i: u64| daily(i) + if i >= 21 * DAY + 600 { 12.0 } else { 0.0 };
    let (_, _, reasons) = alarms_of((1.0, 604_800.0), 21 * DAY + 720, shifted);
    let kinds: Vec<ReasonKind> = reasons.iter().map(|reason| reason.kind).collect();
    assert!(kinds.contains(&ReasonKind::Level), "{kinds:?}");
    assert!(!kinds.contains(&ReasonKind::Trend), "it has jumped, not drifted: {kinds:?}");
}

#[test]
fn what_stays_in_the_upper_half_of_its_range_for_long_is_a_level() {
    // a heap that a collector empties down to 20, and from some day on only to 70: no value is new, nor is any step larger
    let from = 17 * DAY;
    let mut heap = 20.0;
    let heap: Vec<f64> = (0..from + 180)
        .map(|i| {
            let thrashes = i >= from;
            heap += (if thrashes { 5.0 } else { 2.2 }) * (1.0 + 0.3 * noise(i));
            if heap > 95.0 + 3.0 * noise(i + 1_000_003) {
                heap = (if thrashes { 70.0 } else { 20.0 }) + 3.0 * noise(i + 2_000_003);
            }
            heap
        })
        .collect();
    let (starts, _, reasons) = alarms_of((1.0, 604_800.0), heap.len() as u64, |i| heap[i as usize]);
    assert!(starts.last().is_some_and(|start| *start >= from), "{starts:?}");
    assert_eq!(reasons.last().map(|reason| reason.kind), Some(ReasonKind::Level), "{reasons:?}");
}

/// The state of a series as version 3 or 4 wrote it.
fn older(series: &Calibrated, version: u8) -> Vec<u8> {
    let mut bytes = saved(series);
    bytes[0] = version;
    let mut replace = |part: &dyn Fn(&mut Writer<'_>), old: &dyn Fn(&[u8]) -> Vec<u8>| {
        let mut own = Vec::new();
        part(&mut Writer::new(&mut own));
        let at = bytes.windows(own.len()).position(|window| window == own).unwrap();
        bytes.splice(at..at + own.len(), old(&own));
    };
    replace(&|w| series.channels.save(w), &|own| [&own[..13 * 8], &own[14 * 8..]].concat());
    for memory in [&series.score, &series.alarm] {
        // without the three lowest knots, and with the knots that were reached counted from the fourth
        replace(&|w| memory.calibration.save(w), &|own| {
            let (reached, _) = own[148..].split_first_chunk().unwrap();
            let reached = u32::from_le_bytes(*reached).saturating_sub(3).to_le_bytes();
            [&own[..4], &own[4 + 3 * 4..148], &reached].concat()
        });
    }
    if version == 3 {
        replace(&|w| series.stay().save(w), &|_| Vec::new());
    }
    bytes
}

#[test]
fn states_of_older_versions_go_on() {
    for version in [3, 4] {
        let stream = Stream::warmed(2 * DAY, daily);
        let bytes = older(&stream.series, version);
        let mut old = Calibrated::restore(&stream.spec, &mut Reader::new(&bytes)).unwrap();
        assert!(!Calibrated::is_outdated(version));
        let mut new = stream.series.clone();
        let mut alarms = [0; 2];
        for i in 0..3 * DAY {
            let x = daily(2 * DAY + i) + if i == 2 * DAY { 25.0 } else { 0.0 };
            let time = finite(1.4e9 + MINUTE * (2 * DAY + i) as f64);
            let both =
                [&mut old, &mut new].map(|series| series.update(&stream.spec, time, finite(x)).unwrap());
            assert_eq!(both[0].score.to_bits(), both[1].score.to_bits());
            for (alarms, rarity) in alarms.iter_mut().zip(both) {
                *alarms += u32::from(matches!(rarity.alarm, Some(AlarmEvent::Started { .. })));
            }
        }
        assert!(alarms[0] >= 1 && alarms[0].abs_diff(alarms[1]) <= 1, "version {version}: {alarms:?}");
    }
}

/// Continuous noise as a program prints it: a few equal values in a row say nothing, however rare they are.
#[test]
fn rounded_noise_is_not_stuck_and_a_sensor_that_stands_still_is() {
    for steps in [25.0, 100.0, 200.0] {
        let rounded = |i: u64| (noise(i) * steps).round() / steps;
        let (_, _, reasons) = alarms_of((1.0, 86_400.0), 70 * DAY, rounded);
        assert!(reasons.iter().all(|reason| reason.kind != ReasonKind::Stuck), "{steps}: {reasons:?}");
        let stands = |i: u64| rounded(if i > 20 * DAY { 20 * DAY } else { i });
        let (starts, _, reasons) = alarms_of((1.0, 86_400.0), 20 * DAY + 15, stands);
        assert!(starts.last().is_some_and(|start| *start > 20 * DAY), "{steps}: {starts:?}");
        assert_eq!(reasons.last().map(|reason| reason.kind), Some(ReasonKind::Stuck), "{steps}");
    }
}

#[test]
fn scores_of_a_fixed_series_are_golden() {
    // what a change of the method changes first: the sum of all scores and the alarms of 21 days
    let mut stream = Stream::new();
    let (mut sum, mut alarms) = (0.0, Vec::new());
    for i in 0..21 * DAY {
        let x = daily(i) + if i == 15 * DAY + 100 { 25.0 } else { 0.0 };
        if let Some(r) = stream.push(x) {
            sum += r.score;
            if matches!(r.alarm, Some(AlarmEvent::Started { .. })) {
                alarms.push(i);
            }
        }
    }
    assert_eq!(format!("{sum:.9} {alarms:?}"), GOLDEN);
}

const GOLDEN: &str = "4962.765557304 [18273, 21700]";
