//! The reason of an alarm names what happened.

use super::*;

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
fn a_spike_is_told_with_observed_and_expected() {
    let mut stream = Stream::warmed(14 * DAY, |i| 100.0 + noise(i));
    let reason = stream.push(180.0).unwrap().reason.unwrap();
    assert_eq!(reason.observed, 180.0);
    assert!((reason.expected - 100.0).abs() < 2.0, "{reason:?}");
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
