//! When an alarm starts and ends, and how many a budget allows.

use super::*;

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

const BUDGETS: [(f64, f64); 3] = [(1.0, 3600.0), (1.0, 86_400.0), (1.0, 604_800.0)];

#[test]
fn the_mean_that_comes_back_behind_its_value_is_no_alarm_of_its_own() {
    for budget in BUDGETS {
        for minutes in [120, 300, 600, 1560] {
            let from = 10 * DAY;
            let replicas = |i: u64| if (from..from + minutes).contains(&i) { 2.0 } else { 3.0 };
            let (starts, ..) = alarms_of(budget, 12 * DAY, replicas);
            assert_eq!(starts, [from], "{budget:?}, two of three for {minutes} minutes");
        }
    }
}

#[test]
fn what_the_rounding_of_sums_leaves_is_no_incident() {
    type Sum = fn(u64) -> f64;
    let in_another_order =
        |i: u64| (0..60).map(|j| 0.1 * ((j + (noise(i).abs() * 20.0) as u64) % 60) as f64).sum::<f64>();
    let sums: [(&str, Sum); 4] = [
        ("0.1", |i| if noise(i) > 0.5 { 0.1 + 0.2 - 0.2 } else { 0.1 }),
        ("0.3", |i| if noise(i) > 0.5 { 0.1 + 0.2 } else { 0.3 }),
        ("1e9", |i| if noise(i) > 2.0 { 1e9 + 1e-7 } else { 1e9 }),
        ("the same numbers in another order", in_another_order),
    ];
    for (name, sum) in sums {
        for budget in BUDGETS {
            let (starts, ..) = alarms_of(budget, 14 * DAY, sum);
            assert!(starts.is_empty(), "{name}: {starts:?}");
        }
        let step = |i: u64| if i < 13 * DAY { sum(i) } else { 2.0 * sum(i) };
        let (starts, ..) = alarms_of(BUDGETS[2], 14 * DAY, step);
        assert_eq!(starts, [13 * DAY], "{name}: twice as much is an incident");
    }
}

#[test]
fn a_series_that_has_moved_once_or_twice_is_neither_stuck_nor_elsewhere_an_hour_later() {
    for at in [1, 3, 5, 10, 20, 29] {
        for moves in [1, 2, 3] {
            let (starts, _, reasons) = alarms_of(BUDGETS[0], 3 * DAY, |i| (i.min(moves * at) / at) as f64);
            let last = moves * at;
            assert!(
                starts.iter().all(|i| *i <= last + 30),
                "{moves} moves, {at} apart: {starts:?} {reasons:?}"
            );
        }
    }
}
