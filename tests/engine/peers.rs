//! Outliers among peers against a plain reference, and windows of groups.

use fluent_anomaly::detectors::{
    AlarmBudget, Finite, GroupSpec, GroupTest, Judge, PeerAlgorithm, PeerGroup, PeerTest, PeerVerdict,
};
use serde_json::Value;

use crate::common::series::noise_of;

fn algorithm(word: &str) -> PeerAlgorithm {
    PeerAlgorithm::WORDS.into_iter().find(|(known, ..)| *known == word).unwrap().2
}

/// `tests/data/groups/reference.py` compares all pairs, with Python's own medians.
#[test]
fn the_outliers_of_a_thousand_random_groups_are_those_of_the_reference() {
    let text = std::fs::read_to_string("tests/data/groups/groups.json").unwrap();
    let groups: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(groups.len(), 1000);
    let mut judge = Judge::default();
    for (n, group) in groups.iter().enumerate() {
        let series: Vec<Vec<f64>> = serde_json::from_value(group["series"].clone()).unwrap();
        let test = PeerTest {
            algorithm: algorithm(group["algorithm"].as_str().unwrap()),
            tolerance: group["tolerance"].as_f64().unwrap(),
            percent: group["percent"].as_f64().unwrap(),
        };
        let verdicts = judge.judge(test, series[0].len(), &series.concat());
        let outliers: Vec<usize> = (0..series.len()).filter(|&at| verdicts[at].is_outlier).collect();
        let expected: Vec<usize> = serde_json::from_value(group["outliers"].clone()).unwrap();
        assert_eq!(outliers, expected, "group {n}: {test:?} {series:?}");
        for (verdict, distance) in verdicts.iter().zip(group["distances"].as_array().unwrap()) {
            let distance = distance.as_f64().unwrap();
            assert!(
                (verdict.distance - distance).abs() <= 1e-5 * distance,
                "group {n}: {verdict:?} {distance}"
            );
        }
    }
}

fn test(algorithm: PeerAlgorithm) -> PeerTest {
    PeerTest { algorithm, tolerance: 3.0, percent: 0.0 }
}

fn outliers(test: PeerTest, values: &[f64]) -> Vec<usize> {
    let verdicts = Judge::default().judge(test, 1, values).to_vec();
    (0..values.len()).filter(|&at| verdicts[at].is_outlier).collect()
}

#[test]
fn where_more_than_half_are_equal_the_mean_deviation_decides() {
    let mut values = vec![5.0; 50];
    for (_, _, algorithm) in PeerAlgorithm::WORDS {
        assert!(outliers(test(algorithm), &values).is_empty(), "nothing differs");
    }
    values[7] = 6.0;
    for algorithm in [PeerAlgorithm::Dbscan, PeerAlgorithm::Mad, PeerAlgorithm::ScaledMad] {
        assert_eq!(outliers(test(algorithm), &values), [7]);
    }
    values[7] = 5.0 + 1e-12;
    assert!(outliers(test(PeerAlgorithm::Mad), &values).is_empty(), "rounding");
    // 0 or 1, half and half
    let values: Vec<f64> = (0..50).map(|n| f64::from(n % 2)).collect();
    assert!(outliers(test(PeerAlgorithm::Mad), &values).is_empty());
}

#[test]
fn scaled_tests_let_close_members_differ() {
    let values: Vec<f64> = (0..20).map(|n| 1000.0 + if n == 4 { 40.0 } else { f64::from(n % 3) }).collect();
    assert_eq!(outliers(test(PeerAlgorithm::Dbscan), &values), [4]);
    assert_eq!(outliers(test(PeerAlgorithm::Mad), &values), [4]);
    assert!(outliers(test(PeerAlgorithm::ScaledDbscan), &values).is_empty());
    assert!(outliers(test(PeerAlgorithm::ScaledMad), &values).is_empty());
}

#[test]
fn ten_thousand_members_are_judged_in_one_and_in_several_dimensions() {
    let value = |n: usize, at: usize| (n * 7919 % 10_007) as f64 / 1000.0 + (at * 31 % 7) as f64;
    for buckets in [1, 5] {
        let mut values: Vec<f64> =
            (0..10_000).flat_map(|n| (0..buckets).map(move |at| value(n, at))).collect();
        values[123 * buckets..124 * buckets].fill(1e6);
        for (_, _, algorithm) in PeerAlgorithm::WORDS {
            let verdicts = Judge::default().judge(test(algorithm), buckets, &values).to_vec();
            let found: Vec<usize> = (0..10_000).filter(|&at| verdicts[at].is_outlier).collect();
            assert_eq!(found, [123], "{algorithm:?} {buckets}");
            assert!(verdicts[123].distance.is_finite());
        }
    }
}

#[test]
fn the_largest_numbers_give_finite_distances() {
    for values in [[1e100, -1e100, 0.0, 1.0], [1e-300, 2e-300, 3e-300, 1e100], [5e-324, 0.0, 0.0, 0.0]] {
        for (_, _, algorithm) in PeerAlgorithm::WORDS {
            for verdict in Judge::default().judge(test(algorithm), 1, &values) {
                assert!(verdict.distance.is_finite() && verdict.distance >= 0.0, "{values:?} {verdict:?}");
            }
        }
    }
}

fn spec(buckets: u32) -> GroupSpec {
    GroupSpec::new(GroupTest::Fixed(test(PeerAlgorithm::Dbscan)), 60, buckets, 15, 3).unwrap()
}

fn tell(
    group: &mut PeerGroup,
    spec: &GroupSpec,
    id: u32,
    time_s: i64,
    x: f64,
) -> Option<Option<PeerVerdict>> {
    group.update(spec, id, time_s, Finite::new(x).unwrap()).map(|told| told.verdict)
}

/// Minutes `0..minutes` of members 0..n; `x` gives nothing where a member is silent.
fn run(
    group: &mut PeerGroup,
    spec: &GroupSpec,
    members: u32,
    minutes: std::ops::Range<i64>,
    x: impl Fn(u32, i64) -> Option<f64>,
) -> Vec<(i64, u32, bool)> {
    let mut changes = Vec::new();
    for minute in minutes {
        for id in 0..members {
            let Some(x) = x(id, minute) else { continue };
            let told = group.update(spec, id, 60 * minute + 30, Finite::new(x).unwrap()).unwrap();
            if told.has_changed {
                changes.push((minute, id, told.verdict.unwrap().is_outlier));
            }
        }
    }
    changes
}

fn like(id: u32, minute: i64) -> f64 {
    (i64::from(id) * 37 + minute * 11).rem_euclid(10) as f64 / 10.0
}

#[test]
fn a_member_that_leaves_its_group_is_told_once_and_once_when_it_is_back() {
    let spec = spec(1);
    let mut group = PeerGroup::new(&spec);
    let sick =
        |id, minute| Some(like(id, minute) + if id == 3 && (10..20).contains(&minute) { 9.0 } else { 0.0 });
    let changes = run(&mut group, &spec, 10, 0..40, sick);
    // minute 10 is judged with the first record that lies 15 s behind its end
    assert_eq!(changes, [(11, 3, true), (21, 3, false)]);
}

#[test]
fn groups_of_one_and_two_are_not_judged() {
    for members in 1..3 {
        let spec = spec(1);
        let mut group = PeerGroup::new(&spec);
        for minute in 0..10 {
            for id in 0..members {
                let x = if id == 1 { 1e6 } else { 1.0 };
                let told = group.update(&spec, id, 60 * minute + 30, Finite::new(x).unwrap()).unwrap();
                assert_eq!(told.verdict, None);
                assert_eq!(told.members, if minute == 0 { 0 } else { members });
            }
        }
    }
}

#[test]
fn a_member_that_reports_every_five_minutes_keeps_its_value_between() {
    let spec = spec(1);
    let mut group = PeerGroup::new(&spec);
    let slow = |id: u32, minute: i64| {
        (id != 0 || minute % 5 == 0).then(|| if id == 0 { 9.0 } else { like(id, minute) })
    };
    let changes = run(&mut group, &spec, 10, 0..60, slow);
    assert_eq!(changes, [(5, 0, true)], "once, for as long as it lasts");
    assert_eq!(group.len(), 10);
}

#[test]
fn a_member_that_falls_silent_leaves_the_group_and_is_forgotten_after_an_hour() {
    let spec = spec(1);
    let mut group = PeerGroup::new(&spec);
    run(&mut group, &spec, 10, 0..10, |id, minute| Some(like(id, minute)));
    let mut members = Vec::new();
    for minute in 10..75 {
        for id in 1..10 {
            let x = Finite::new(like(id, minute)).unwrap();
            members.push(group.update(&spec, id, 60 * minute + 30, x).unwrap().members);
        }
    }
    assert_eq!(members[0], 10);
    assert_eq!(members[9 * 5], 10, "its last value still counts");
    assert_eq!(members[9 * 6], 9);
    assert_eq!(group.len(), 9);
}

#[test]
fn a_new_member_is_judged_once_it_has_filled_a_window() {
    let spec = spec(5);
    let mut group = PeerGroup::new(&spec);
    run(&mut group, &spec, 10, 0..20, |id, minute| Some(like(id, minute)));
    let mut judged_from = None;
    for minute in 20..30 {
        run(&mut group, &spec, 10, minute..minute + 1, |id, minute| Some(like(id, minute)));
        if tell(&mut group, &spec, 77, 60 * minute + 30, 0.5).unwrap().is_some() {
            judged_from = judged_from.or(Some(minute));
        }
    }
    assert_eq!(judged_from, Some(25));
}

#[test]
fn a_record_of_a_closed_interval_is_not_taken_and_harms_nothing() {
    let spec = spec(1);
    let mut group = PeerGroup::new(&spec);
    run(&mut group, &spec, 10, 0..10, |id, minute| Some(like(id, minute)));
    assert_eq!(tell(&mut group, &spec, 1, 120, 1e9), None);
    assert_eq!(tell(&mut group, &spec, 1, 100_000_000, 1e9), None, "one record from the future");
    assert_eq!(run(&mut group, &spec, 10, 10..20, |id, minute| Some(like(id, minute))), []);
}

#[test]
fn a_restored_group_says_what_the_first_would() {
    use fluent_anomaly::internals::{Reader, Writer};
    let spec = spec(3);
    let noisy = |id: u32, minute: i64| {
        let is_silent = id == 5 && minute % 7 < 2 || id == 6 && minute > 50;
        (!is_silent).then(|| like(id, minute) + if id == 2 && minute % 40 > 30 { 9.0 } else { 0.0 })
    };
    for cut in [0, 1, 17, 33, 59] {
        let mut group = PeerGroup::new(&spec);
        run(&mut group, &spec, 12, 0..cut, noisy);
        let mut bytes = Vec::new();
        group.save(&mut Writer::new(&mut bytes));
        let mut r = Reader::new(&bytes);
        let mut back = PeerGroup::restore(&spec, &mut r).unwrap();
        assert!(r.is_empty());
        let after = run(&mut group, &spec, 12, cut..150, noisy);
        assert_eq!(after, run(&mut back, &spec, 12, cut..150, noisy));
        assert!(!after.is_empty());
        for len in 0..bytes.len() {
            assert!(PeerGroup::restore(&spec, &mut Reader::new(&bytes[..len])).is_err(), "{len}");
        }
    }
}

fn daily() -> GroupSpec {
    GroupSpec::new(GroupTest::Budget(AlarmBudget::new(1.0, 86_400.0).unwrap()), 60, 1, 15, 3).unwrap()
}

/// Hosts of several sizes with one season; a shock of all at minute 2500, and host 3 is sick from minute 2700 on.
fn fleet(id: u32, minute: i64) -> Option<f64> {
    let shock = if (2500..2510).contains(&minute) { 3.0 } else { 1.0 };
    let level = (1.0 + f64::from(id) / 20.0) * (50.0 + 20.0 * (minute as f64 / 229.0).sin()) * shock;
    let sick = if id == 3 && minute >= 2700 { 8.0 } else { 0.0 };
    Some(level + noise_of(id.into(), minute) + sick)
}

#[test]
fn a_group_with_a_budget_finds_the_sick_member_and_passes_over_what_all_do() {
    let spec = daily();
    let mut group = PeerGroup::new(&spec);
    let changes = run(&mut group, &spec, 20, 0..2720, fleet);
    let (early, late): (Vec<_>, Vec<_>) = changes.into_iter().partition(|(minute, ..)| *minute < 2700);
    assert!(early.iter().all(|(minute, ..)| !(2500..2520).contains(minute)), "{early:?}");
    assert!(early.len() <= 4, "one false alarm a day has a start and an end: {early:?}");
    assert!(matches!(late[..], [(minute, 3, true)] if minute <= 2715), "{late:?}");
}

#[test]
fn a_restored_group_with_a_budget_says_what_the_first_would() {
    use fluent_anomaly::internals::{Reader, Writer};
    let spec = daily();
    let mut group = PeerGroup::new(&spec);
    let mut from = 0;
    for cut in [0, 40, 61, 1500, 2705] {
        run(&mut group, &spec, 8, from..cut, fleet);
        from = cut;
        let mut bytes = Vec::new();
        group.save(&mut Writer::new(&mut bytes));
        let mut r = Reader::new(&bytes);
        let back = PeerGroup::restore(&spec, &mut r).unwrap();
        assert!(r.is_empty());
        assert_eq!(back, group);
        assert!(PeerGroup::restore(&spec, &mut Reader::new(&bytes[..bytes.len() - 1])).is_err());
    }
}
