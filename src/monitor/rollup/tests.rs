use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::monitor::{MonitorSpec, RawMonitor};

fn spec(metric: &str, delay: u32) -> RollupSpec {
    let query =
        format!("avg(last_1h):anomalies({metric}, 'basic', 2, alert_window='last_15m', interval=60) >= 1");
    let raw =
        RawMonitor { query: Some(query), evaluation_delay: Some(delay.to_string()), ..RawMonitor::default() };
    RollupSpec::new(&MonitorSpec::check(&raw).unwrap())
}

/// Feeds records as a series would and collects what closes.
fn feed(spec: &RollupSpec, records: &[(i64, f64)]) -> (Rollup, Vec<(i64, Option<f64>)>) {
    let mut rollup = Rollup::new(spec);
    let mut closed = Vec::new();
    for &(time, value) in records {
        closed.extend(rollup.close_until(spec, time).map(|c| (c.bucket, c.value)));
        rollup.add(spec, time, value);
    }
    (rollup, closed)
}

#[test]
fn each_method_makes_its_value_of_a_bucket() {
    let records = [(60, 3.0), (75, 1.0), (70, 8.0), (119, 4.0), (120, 0.0)];
    for (metric, value) in [
        ("avg:x{*}", 4.0),
        ("sum:x{*}", 16.0),
        ("min:x{*}", 1.0),
        ("max:x{*}", 8.0),
        ("count:x{*}", 4.0),
        ("last:x{*}", 4.0),
        ("avg:x{*}.rollup(sum)", 16.0),
        ("sum:x{*}.as_rate()", 16.0 / 60.0),
        ("avg:x{*}.as_count()", 16.0),
    ] {
        let (_, closed) = feed(&spec(metric, 0), &records);
        assert_eq!(closed, [(1, Some(value))], "{metric}");
    }
}

#[test]
fn days_of_a_zone_begin_at_its_midnight() {
    let query = "avg(last_2w):anomalies(sum:x{*}.rollup(sum, daily, '12am', 'Europe/Vienna'), 'basic', 2, alert_window='last_5d', interval=60) >= 1";
    let raw = RawMonitor { query: Some(query.to_owned()), ..RawMonitor::default() };
    let spec = RollupSpec::new(&MonitorSpec::check(&raw).unwrap());
    // a point an hour from 2026-10-23T00:00:00Z on, over the day with 25 hours
    let first = 1_792_713_600;
    let records: Vec<(i64, f64)> = (0..120).map(|hour| (first + 3600 * hour, 1.0)).collect();
    let (rollup, closed) = feed(&spec, &records);
    let sums: Vec<f64> = closed.iter().filter_map(|(_, value)| *value).collect();
    assert_eq!(sums, [22.0, 24.0, 25.0, 24.0, 24.0]);
    assert!(closed.windows(2).all(|pair| pair[1].0 == pair[0].0 + 1), "{closed:?}");
    let mut bytes = Vec::new();
    rollup.save(&mut Writer::new(&mut bytes));
    assert_eq!(Rollup::restore(&spec, &mut Reader::new(&bytes)), Ok(rollup));
}

#[test]
fn the_latest_time_wins_for_last_and_of_equal_times_the_later_record() {
    let (_, closed) = feed(&spec("last:x{*}", 0), &[(70, 1.0), (90, 2.0), (80, 3.0), (90, 4.0), (130, 0.0)]);
    assert_eq!(closed, [(1, Some(4.0))]);
}

#[test]
fn a_late_point_counts_while_its_bucket_is_open_and_is_counted_afterwards() {
    let spec = spec("sum:x{*}", 0);
    let (mut rollup, closed) = feed(&spec, &[(110, 1.0), (61, 2.0), (125, 4.0), (119, 8.0)]);
    assert_eq!(closed, [(1, Some(3.0))]);
    assert_eq!(rollup.late(), 1);
    assert_eq!(rollup.close_until(&spec, 180).map(|c| c.value).collect::<Vec<_>>(), [Some(4.0)]);
}

#[test]
fn an_evaluation_delay_keeps_buckets_open_for_that_long() {
    let spec = spec("sum:x{*}", 90);
    let records =
        [(60, 1.0), (130, 1.0), (119, 10.0), (200, 1.0), (100, 100.0), (209, 1.0), (210, 1.0), (61, 9.0)];
    let (rollup, closed) = feed(&spec, &records);
    // bucket 1 ends at 120 and closes at 210
    assert_eq!(closed, [(1, Some(111.0))]);
    assert_eq!(rollup.late(), 1);
    assert_eq!(rollup.so_far(&spec, 130), Some(1.0));
    assert_eq!(rollup.so_far(&spec, 200), Some(3.0));
}

#[test]
fn an_empty_bucket_is_zero_for_counts_and_nothing_for_gauges() {
    let records = [(0, 5.0), (250, 1.0), (300, 1.0)];
    let (_, counts) = feed(&spec("sum:x{*}.as_count()", 0), &records);
    assert_eq!(counts, [(0, Some(5.0)), (1, Some(0.0)), (2, Some(0.0)), (3, Some(0.0)), (4, Some(1.0))]);
    let (_, gauges) = feed(&spec("avg:x{*}", 0), &records);
    assert_eq!(gauges, [(0, Some(5.0)), (3, None), (4, Some(1.0))]);
}

#[test]
fn a_silent_series_is_closed_by_the_watermark_alone() {
    let spec = spec("avg:x{*}", 0);
    let (mut rollup, _) = feed(&spec, &[(0, 5.0)]);
    let mut close = |at| rollup.close_until(&spec, at).map(|c| (c.bucket, c.value)).collect::<Vec<_>>();
    assert_eq!(close(59), []);
    assert_eq!(close(60), [(0, Some(5.0))]);
    assert_eq!(close(100), []);
    assert_eq!(close(120), [(1, None)]);
    assert_eq!(close(600), [(9, None)]);
    assert_eq!(close(600), []);
}

#[test]
fn nothing_is_closed_before_the_first_record() {
    let spec = spec("sum:x{*}.as_count()", 0);
    assert_eq!(Rollup::new(&spec).close_until(&spec, 1_000_000_000).next(), None);
}

#[test]
fn a_gap_of_a_century_costs_a_week_of_zeros_and_one_missing_bucket() {
    let far = 100 * 365 * 86_400;
    let (_, counts) = feed(&spec("sum:x{*}.as_count()", 0), &[(0, 1.0), (far, 1.0)]);
    assert_eq!(counts.len() as i64, 1 + MOST_ZEROS);
    assert_eq!(counts.last(), Some(&(far / 60 - 1, Some(0.0))));
    assert_eq!(counts[1].0, far / 60 - MOST_ZEROS);
    let (_, gauges) = feed(&spec("avg:x{*}", 0), &[(0, 1.0), (far, 1.0)]);
    assert_eq!(gauges, [(0, Some(1.0)), (far / 60 - 1, None)]);
}

#[test]
fn extreme_times_and_values_do_no_harm() {
    for metric in ["avg:x{*}", "sum:x{*}.as_count()", "last:x{*}"] {
        for delay in [0, 90, 15_000] {
            let spec = spec(metric, delay);
            let records = [i64::MIN, -1, 0, i64::MAX, 0].map(|time| (time, f64::MAX));
            let (mut rollup, closed) = feed(&spec, &records);
            rollup.add(&spec, i64::MAX, f64::MAX);
            rollup.add(&spec, i64::MAX, f64::MAX);
            assert!(closed.iter().all(|(_, value)| value.is_none_or(f64::is_finite)));
            assert!(rollup.so_far(&spec, i64::MAX).is_some_and(f64::is_finite));
            assert_eq!(rollup.add(&spec, i64::MAX, f64::NAN), Acceptance::Late);
        }
    }
}

#[test]
fn a_series_without_delay_costs_less_than_a_hundred_bytes() {
    assert!(Rollup::memory_bytes(&spec("avg:x{*}", 0)) <= 80);
    assert_eq!(
        Rollup::memory_bytes(&spec("avg:x{*}", 900)),
        Rollup::memory_bytes(&spec("avg:x{*}", 0)) + 15 * 16
    );
}

#[test]
fn broken_state_is_refused() {
    let spec = spec("avg:x{*}", 90);
    let (rollup, _) = feed(&spec, &[(0, 1.0), (70, 2.0)]);
    let mut saved = Vec::new();
    rollup.save(&mut Writer::new(&mut saved));
    for cut in 0..saved.len() {
        assert!(Rollup::restore(&spec, &mut Reader::new(&saved[..cut])).is_err(), "{cut}");
    }
    for at in 0..saved.len() {
        let mut damaged = saved.clone();
        damaged[at] ^= 0xff;
        let _ = Rollup::restore(&spec, &mut Reader::new(&damaged));
    }
    let mut no_start = saved;
    no_start[9] = 7;
    assert!(Rollup::restore(&spec, &mut Reader::new(&no_start)).is_err());
}

fn records() -> impl Strategy<Value = Vec<(i64, f64)>> {
    // steps forward with some disorder
    proptest::collection::vec((-200i64..400, -100i32..100), 1..120).prop_map(|steps| {
        let mut clock = 1_000_000;
        steps
            .into_iter()
            .map(|(step, value)| {
                clock += step.max(0);
                (clock + step.min(0), f64::from(value))
            })
            .collect()
    })
}

fn metrics() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just("avg:x{*}"),
        Just("sum:x{*}.as_count()"),
        Just("max:x{*}"),
        Just("last:x{*}"),
        Just("count:x{*}")
    ]
}

proptest! {
    /// Against a slow version that keeps every record of every bucket.
    #[test]
    fn buckets_are_those_of_a_batch_over_all_records_in_time(metric in metrics(), delay in 0u32..400, records in records()) {
        let spec = spec(metric, delay);
        let mut expected: BTreeMap<i64, Vec<(i64, f64)>> = BTreeMap::new();
        let mut watermark = i64::MIN;
        let mut late = 0;
        let first = records[0].0.div_euclid(60);
        for &(time, value) in &records {
            watermark = watermark.max(time);
            let bucket = time.div_euclid(60);
            if bucket < first || (bucket + 1) * 60 <= watermark - i64::from(delay) {
                late += 1;
            } else {
                expected.entry(bucket).or_default().push((time, value));
            }
        }
        let (mut rollup, mut closed) = feed(&spec, &records);
        prop_assert_eq!(rollup.late(), late);
        closed.extend(rollup.close_until(&spec, watermark + 100_000).map(|c| (c.bucket, c.value)));
        prop_assert!(closed.is_sorted_by(|a, b| a.0 < b.0));
        for (bucket, value) in closed {
            let records = expected.remove(&bucket).unwrap_or_default();
            let values = records.iter().map(|record| record.1);
            let count = records.len() as f64;
            let expected = match metric {
                _ if records.is_empty() => spec.empty_is_zero.then_some(0.0),
                "avg:x{*}" => Some(values.sum::<f64>() / count),
                "max:x{*}" => values.reduce(f64::max),
                "count:x{*}" => Some(count),
                "last:x{*}" => records.iter().max_by_key(|record| record.0).map(|record| record.1),
                _ => Some(values.sum()),
            };
            prop_assert_eq!(value, expected, "bucket {}", bucket);
        }
        prop_assert!(expected.is_empty());
    }

    #[test]
    fn a_restored_rollup_goes_on_as_the_saved_one(metric in metrics(), delay in 0u32..400, records in records(), cut: usize) {
        let spec = spec(metric, delay);
        let cut = cut % records.len();
        let (whole, closed) = feed(&spec, &records);
        let (first, mut pieces) = feed(&spec, &records[..cut]);
        let mut saved = Vec::new();
        first.save(&mut Writer::new(&mut saved));
        let mut reader = Reader::new(&saved);
        let mut second = Rollup::restore(&spec, &mut reader).unwrap();
        prop_assert!(reader.is_empty());
        prop_assert_eq!(&second, &first);
        for &(time, value) in &records[cut..] {
            pieces.extend(second.close_until(&spec, time).map(|c| (c.bucket, c.value)));
            second.add(&spec, time, value);
        }
        prop_assert_eq!(second, whole);
        prop_assert_eq!(pieces, closed);
    }

    #[test]
    fn any_bytes_restore_to_an_error_or_a_working_rollup(bytes: Vec<u8>, delay in 0u32..400) {
        let spec = spec("sum:x{*}.as_count()", delay);
        if let Ok(mut rollup) = Rollup::restore(&spec, &mut Reader::new(&bytes)) {
            prop_assert!(rollup.close_until(&spec, 0).take(20_000).all(|c| c.value.is_none_or(f64::is_finite)));
            rollup.add(&spec, 0, 1.0);
        }
    }
}
