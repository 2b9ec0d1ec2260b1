//! Scores and rarities of a series.

use super::*;

#[test]
fn the_first_thirty_points_have_no_rarity() {
    let mut stream = Stream::new();
    assert!((0..30).all(|i| stream.push(noise(i)).is_none()));
    assert!(stream.push(noise(30)).is_some());
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
fn memory_is_bounded() {
    let none = Stream::warmed(14 * DAY, noise);
    assert_eq!(none.series.season(), None);
    assert!(none.series.memory_bytes() <= 4096, "{}", none.series.memory_bytes());
    let day = Stream::warmed(14 * DAY, daily);
    assert_eq!(day.series.season(), Some(Period::Day));
    assert!(day.series.memory_bytes() <= 5120, "{}", day.series.memory_bytes());
}

#[test]
fn logarithms_written_out_are_those_of_the_library() {
    assert_eq!(AlarmBudget::new(1.0, 604_800.0), Ok(AlarmBudget::WEEKLY));
    assert_eq!(judge::LOG10_SIDES, libm::log10(9.0));
    assert_eq!(judge::LOG10_SEASON_SIDES, libm::log10(13.0));
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

const GOLDEN: &str = "4966.446382924 [15480, 18273, 21700]";

/// Of an ordinary point no return time is looked up: that may change nothing else.
#[test]
fn a_point_whose_rarity_is_not_told_is_scored_and_learned_like_one_whose_rarity_is() {
    let budgets = [3600.0, 86_400.0, 604_800.0].map(|period_s| AlarmBudget::new(1.0, period_s).unwrap());
    let mut alarms = 0;
    for (n, budget) in budgets.into_iter().enumerate() {
        let spec = CalibratedSpec::new(budget);
        let (mut told, mut untold) = (Calibrated::new(&spec), Calibrated::new(&spec));
        let mut time_s = 1.4e9;
        for i in 0..40_000u64 {
            // now and then the spacing changes, a burst comes, the level moves
            time_s += if i / 9_000 % 2 == 0 { MINUTE } else { 17.0 };
            let burst = if i % 1_300 < 7 { 6.0 * noise(i / 1_300) } else { 0.0 };
            let level = if i % 7_000 > 6_000 { 3.0 } else { 0.0 };
            let x = finite(noise(i + 77 * n as u64) + burst + level);
            let all = told.update(&spec, finite(time_s), x);
            let most = match untold.observe(&spec, finite(time_s), x) {
                Judged::TooYoung => None,
                Judged::Ordinary => Some(Rarity::ordinary(None)),
                Judged::Rare(rarity) => Some(rarity),
            };
            let kept = |r: Rarity| (r.score.to_bits(), r.is_alarm, r.alarm, r.size, r.reason);
            assert_eq!(all.map(kept), most.map(kept), "at {i}");
            if let (Some(all), Some(most)) = (all, most)
                && all.is_alarm
            {
                alarms += 1;
                assert_eq!(all, most, "at {i}");
            }
        }
        assert_eq!(saved(&told), saved(&untold));
    }
    assert!(alarms > 100, "{alarms}");
}
