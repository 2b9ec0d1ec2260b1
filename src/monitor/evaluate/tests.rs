mod constants;

use proptest::prelude::*;

use super::*;
use crate::codec::{Reader, Writer};
use crate::monitor::{MonitorSpec, RawMonitor, Status, Zone};

fn monitor(metric: &str, tail: &str, keys: &[(&str, &str)]) -> MonitorSpec {
    let mut raw = RawMonitor::default();
    raw.set(
        "query",
        format!("avg(last_1h):anomalies({metric}, {tail}, alert_window='last_15m', interval=60) >= 0.8"),
    );
    for (key, value) in keys {
        assert!(raw.set(key, *value));
    }
    MonitorSpec::check(&raw).unwrap()
}

fn basic(metric: &str, keys: &[(&str, &str)]) -> SharedBand {
    SharedBand::new(monitor(metric, "'basic', 3", keys))
}

/// Two or three distinct values around 20, by minute.
fn usual(minute: i64) -> f64 {
    20.0 + (minute * 7 % 5) as f64
}

fn observe(
    evaluator: &mut SeriesEvaluator,
    shared: &SharedBand,
    time_s: i64,
    x: f64,
) -> Option<MonitorVerdict> {
    let mut found = None;
    evaluator.observe(shared, time_s, Finite::new(x).unwrap(), |at, observation| {
        assert_eq!(at, 0);
        found = Some(observation);
    });
    found
}

/// A day of 10-minute points with a wave of a day, over and over.
fn waving(bucket: i64) -> f64 {
    40.0 + 10.0 * f64::from([0, 1, 3, 5, 6, 7, 7, 6, 5, 3, 1, 0][(bucket.rem_euclid(144) / 12) as usize])
        + (bucket * 7919 % 101) as f64 / 50.0
}

#[test]
fn a_series_is_judged_by_the_fallback_until_its_own_season_is_known() {
    let weekly = |keys: &[(&str, &str)]| {
        let mut raw = RawMonitor::default();
        raw.set("query", "avg(last_1d):anomalies(avg:x{*}, 'agile', 3, alert_window='last_1h', interval=600, seasonality='weekly') >= 0.8");
        keys.iter().for_each(|(key, value)| assert!(raw.set(key, *value)));
        SharedBand::new(MonitorSpec::check(&raw).unwrap())
    };
    let (alone, helped) = (weekly(&[]), weekly(&[("fallback", "daily")]));
    assert_ne!(alone.signature(), helped.signature());
    assert!(SeriesEvaluator::memory_bytes(&helped) > SeriesEvaluator::memory_bytes(&alone));
    let mut without = SeriesEvaluator::new(&alone);
    let mut with = SeriesEvaluator::new(&helped);
    let mut first = [None; 2];
    for bucket in 0..30 * 144 {
        if bucket % 1000 == 999 {
            // restarts are exact, before and after the fallback is gone
            let mut bytes = Vec::new();
            with.save(&helped, &mut Writer::new(&mut bytes));
            let mut r = Reader::new(&bytes);
            with = SeriesEvaluator::restore(&helped, &mut r).unwrap();
            assert!(r.is_empty());
        }
        let x = waving(bucket) + if bucket == 10 * 144 { 60.0 } else { 0.0 };
        let said = [
            observe(&mut without, &alone, bucket * 600, x).unwrap(),
            observe(&mut with, &helped, bucket * 600, x).unwrap(),
        ];
        for (first, said) in first.iter_mut().zip(&said) {
            if said.band.is_some() {
                first.get_or_insert(bucket / 144);
            }
        }
        if bucket == 10 * 144 {
            assert!(said[1].is_anomaly && said[0].band.is_none(), "{said:?}");
        }
        if said[0].band.is_some() {
            assert_eq!(
                said[0].band, said[1].band,
                "with a band of its own the fallback is gone, at {bucket}"
            );
        }
    }
    assert_eq!(first, [Some(21), Some(3)]);
    assert!(with.cursor.fallback.is_none());
}

#[test]
fn a_fallback_is_a_shorter_season_or_none() {
    let problems = |tail: &str, fallback: &str| {
        let mut raw = RawMonitor::default();
        raw.set(
            "query",
            format!(
                "avg(last_1h):anomalies(avg:x{{*}}, {tail}, alert_window='last_15m', interval=60) >= 0.8"
            ),
        );
        raw.set("fallback", fallback);
        MonitorSpec::check(&raw).err().map(|problems| problems[0].message())
    };
    let daily = "'robust', 3, seasonality='daily'";
    assert_eq!(problems(daily, "hourly"), None);
    assert_eq!(problems(daily, "basic"), None);
    for (tail, fallback, told) in [
        (daily, "daily", "a shorter season than that of the query"),
        (daily, "weekly", "daily, hourly or basic"),
        ("'basic', 3", "basic", "or basic where it has one"),
    ] {
        let message = problems(tail, fallback).unwrap();
        assert!(message.contains(told) && message.contains(fallback), "{message}");
    }
}

#[test]
fn monitors_without_a_fallback_have_the_signatures_that_they_always_had() {
    let spec = monitor("avg:x{*}", "'basic', 3", &[]);
    assert!(format!("{spec:?}").contains(" fallback: None,"), "as_saved leaves this out");
}

#[test]
fn a_shift_alerts_after_its_share_of_the_window_and_recovers() {
    let shared = basic("avg:x{*}", &[("recovery_window", "last_5m")]);
    let mut evaluator = SeriesEvaluator::new(&shared);
    let mut changes = Vec::new();
    for minute in 0..200 {
        let shifted = (100..113).contains(&minute);
        let x = if shifted { 90.0 } else { usual(minute) };
        let seen = observe(&mut evaluator, &shared, minute * 60 + 30, x).unwrap();
        assert_eq!(seen.band.is_some(), minute >= 15, "{minute}");
        if let Some(band) = seen.band {
            assert!(band.lower <= band.expected && band.expected <= band.upper);
        }
        if shifted {
            assert!(seen.is_anomaly, "{minute}");
        }
        changes.extend(seen.transition.map(|change| (minute, change.to_string())));
    }
    // the twelfth shifted bucket, 111, is closed by the record of minute 112
    assert_eq!(changes, [(112, "OK->ALERT".to_owned()), (118, "ALERT->OK".to_owned())]);
}

#[test]
fn a_record_is_judged_with_the_bucket_it_belongs_to() {
    let shared = basic("avg:x{*}", &[]);
    let mut evaluator = SeriesEvaluator::new(&shared);
    for minute in 0..60 {
        observe(&mut evaluator, &shared, minute * 60, usual(minute));
    }
    let alone = observe(&mut evaluator, &shared, 3600, 90.0).unwrap();
    assert!(alone.is_anomaly && alone.value == 90.0);
    let joined = observe(&mut evaluator, &shared, 3610, 22.0).unwrap();
    assert_eq!((joined.value, joined.band), (56.0, alone.band));
}

#[test]
fn a_sum_is_below_only_once_its_bucket_is_closed() {
    let shared = basic("sum:x{*}.as_count()", &[]);
    let mut evaluator = SeriesEvaluator::new(&shared);
    for tick in 0..600 {
        let seen = observe(&mut evaluator, &shared, tick * 10, usual(tick / 6)).unwrap();
        assert!(!seen.is_anomaly, "{tick}: a bucket that fills is not below");
    }
    // a bucket with one record, then the next
    assert!(!observe(&mut evaluator, &shared, 6000, 20.0).unwrap().is_anomaly);
    assert!(observe(&mut evaluator, &shared, 6060, 20.0).unwrap().is_anomaly);
    assert!(!observe(&mut evaluator, &shared, 6070, 20.0).unwrap().is_anomaly);
    assert!(observe(&mut evaluator, &shared, 6080, 2000.0).unwrap().is_anomaly);
}

#[test]
fn a_late_record_is_not_reported_and_counted() {
    let shared = basic("avg:x{*}", &[]);
    let mut evaluator = SeriesEvaluator::new(&shared);
    assert!(observe(&mut evaluator, &shared, 600, 1.0).is_some());
    assert!(observe(&mut evaluator, &shared, 540, 1.0).is_none());
    assert_eq!(evaluator.late(), 1);
}

#[test]
fn a_silent_series_is_told_by_the_clock_of_the_others() {
    let shared = basic(
        "avg:x{*}",
        &[("notify_no_data", "true"), ("no_data_timeframe", "20"), ("renotify_interval", "30")],
    );
    let mut evaluator = SeriesEvaluator::new(&shared);
    observe(&mut evaluator, &shared, 30, 1.0);
    let mut told = Vec::new();
    for minute in 1..80 {
        evaluator.tick(&shared, minute * 60, |_, evaluation| {
            told.push((minute, evaluation.status, evaluation.renotify))
        });
    }
    assert_eq!(told, [(21, Status::NoData, false), (51, Status::NoData, true)]);
    let back = observe(&mut evaluator, &shared, 4800, 1.0).unwrap();
    assert_eq!((back.status, back.transition), (Status::NoData, None));
    let next = observe(&mut evaluator, &shared, 4860, 1.0).unwrap();
    assert_eq!(next.transition.map(|change| change.text()), Some("NO DATA->OK"));
}

#[test]
fn a_zone_moves_the_season_with_local_time() {
    // a daily pattern in Vienna's local time over the change of 2025-03-30, hourly points
    let outside = |keys: &[(&str, &str)]| {
        let mut raw = RawMonitor::default();
        raw.set("query", "avg(last_1d):anomalies(avg:x{*}, 'robust', 3, alert_window='last_1d', interval=3600, seasonality='daily') >= 1");
        keys.iter().for_each(|(key, value)| assert!(raw.set(key, *value)));
        let shared = SharedBand::new(MonitorSpec::check(&raw).unwrap());
        let zone = Zone::named("Europe/Vienna").unwrap();
        let mut evaluator = SeriesEvaluator::new(&shared);
        let change = 1_743_296_400;
        (-20 * 24..24)
            .filter(|hour| {
                let time = change + hour * 3600;
                let local = (time + i64::from(zone.span(time).offset_s)).rem_euclid(86_400) / 3600;
                let x = if (8..18).contains(&local) { 100.0 } else { 10.0 } + (hour * 7 % 5) as f64;
                // the two hours of the next day whose value differs from that of the same hour in UTC
                observe(&mut evaluator, &shared, time, x).unwrap().is_anomaly
                    && *hour >= 0
                    && [8, 18].contains(&local)
            })
            .count()
    };
    assert_eq!(outside(&[("timezone", "Europe/Vienna")]), 0);
    assert_eq!(outside(&[]), 2);
}

fn alike() -> Vec<MonitorSpec> {
    vec![
        monitor("avg:x{*}", "'basic', 2, direction='above'", &[]),
        monitor("avg:x{*}", "'basic', 3, direction='below'", &[("warning", "0.4")]),
        monitor("max:x{*}", "'basic', 3", &[]),
        monitor("avg:x{*}", "'basic', 5", &[("recovery_window", "last_5m")]),
        monitor("avg:x{*}", "'agile', 2, seasonality='hourly'", &[]),
    ]
}

#[test]
fn monitors_that_differ_in_cheap_things_share_an_engine() {
    let bands: Vec<SharedBand> = SharedBand::group(alike()).into_iter().map(|(shared, _)| shared).collect();
    let deviations: Vec<Vec<f64>> = bands
        .iter()
        .map(|shared| shared.monitors().iter().map(|monitor| monitor.query.deviations).collect())
        .collect();
    assert_eq!(deviations, [vec![2.0, 3.0, 5.0], vec![3.0], vec![2.0]]);
    let alone = SeriesEvaluator::memory_bytes(&SharedBand::new(alike().remove(0)));
    assert!(SeriesEvaluator::memory_bytes(&bands[0]) - alone <= 2 * 200);
}

fn records() -> impl Strategy<Value = Vec<(i64, f64)>> {
    proptest::collection::vec((-70i64..130, 0u32..1000, 0u32..30), 1..400).prop_map(|steps| {
        let mut clock = 1_743_290_000;
        let record = |(step, value, jump): (i64, u32, u32)| {
            clock += step.max(0) + if jump == 0 { 3000 } else { 0 };
            (clock + step.min(0), f64::from(value).sqrt())
        };
        steps.into_iter().map(record).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn monitors_together_say_what_each_says_alone(records in records()) {
        for (shared, _) in SharedBand::group(alike()) {
            let mut together = SeriesEvaluator::new(&shared);
            let alone: Vec<SharedBand> = shared.monitors().iter().cloned().map(SharedBand::new).collect();
            let mut watches: Vec<SeriesEvaluator> = alone.iter().map(SeriesEvaluator::new).collect();
            for &(time, x) in &records {
                let mut seen = vec![None; alone.len()];
                together.observe(&shared, time, Finite::new(x).unwrap(), |at, observation| seen[at] = Some(observation));
                for ((shared, evaluator), seen) in alone.iter().zip(&mut watches).zip(seen) {
                    prop_assert_eq!(observe(evaluator, shared, time, x), seen);
                }
            }
        }
    }

    #[test]
    fn a_restored_watch_goes_on_as_the_saved_one(records in records(), cut: usize, which in 0usize..3) {
        let shared = &SharedBand::group(alike())[which].0;
        let cut = cut % records.len();
        let collect = |evaluator: &mut SeriesEvaluator, records: &[(i64, f64)]| {
            let mut seen = Vec::new();
            for &(time, x) in records {
                evaluator.observe(shared, time, Finite::new(x).unwrap(), |at, observation| seen.push((at, observation)));
            }
            seen
        };
        let mut whole = SeriesEvaluator::new(shared);
        collect(&mut whole, &records[..cut]);
        let mut saved = Vec::new();
        whole.save(shared, &mut Writer::new(&mut saved));
        let mut reader = Reader::new(&saved);
        let mut restored = SeriesEvaluator::restore(shared, &mut reader).unwrap();
        prop_assert!(reader.is_empty());
        prop_assert_eq!(collect(&mut restored, &records[cut..]), collect(&mut whole, &records[cut..]));
        let mut again = [Vec::new(), Vec::new()];
        restored.save(shared, &mut Writer::new(&mut again[0]));
        whole.save(shared, &mut Writer::new(&mut again[1]));
        prop_assert_eq!(&again[0], &again[1]);
        for cut in 0..saved.len() {
            prop_assert!(SeriesEvaluator::restore(shared, &mut Reader::new(&saved[..cut])).is_err());
        }
    }
}

proptest! {
    /// Whatever comes: gaps, late records, several of one bucket, values inside and outside, sums and averages.
    #[test]
    fn the_short_way_says_and_learns_what_the_long_one_does(
        steps in proptest::collection::vec((-40i64..200, 0u8..12), 1..400),
        sums: bool,
        seasonal: bool,
    ) {
        let metric = if sums { "sum:x{*}.as_count()" } else { "avg:x{*}" };
        let tail = if seasonal { "'robust', 2, seasonality='hourly'" } else { "'basic', 2" };
        let shared = SharedBand::new(monitor(metric, tail, &[("no_data_timeframe", "10"), ("notify_no_data", "true")]));
        let (mut short, mut long) = (SeriesEvaluator::new(&shared), SeriesEvaluator::new(&shared));
        // past warm-up, then what is drawn
        let usual_records = (0..400).map(|minute| (minute * 60, usual(minute)));
        let mut time_s = 400 * 60;
        let drawn = steps.into_iter().map(|(step, value)| {
            time_s += step;
            (time_s, if value > 9 { 90.0 } else { 19.0 + f64::from(value) })
        });
        let mut calm_records = 0;
        for (time_s, x) in usual_records.chain(drawn) {
            let mut rest = Vec::new();
            let calm = short.observe_one(&shared, time_s, Finite::new(x).unwrap(), &mut rest);
            calm_records += u32::from(calm.is_some());
            rest.extend(calm.map(|calm| (0, MonitorVerdict::from(calm))));
            let said: Vec<_> = observe(&mut long, &shared, time_s, x).into_iter().map(|said| (0, said)).collect();
            prop_assert_eq!(rest, said, "at {} s", time_s);
        }
        // a basic band has none
        prop_assert!(calm_records > 100 || !seasonal, "{} records took the short way", calm_records);
        let saved = |evaluator: &SeriesEvaluator| {
            let mut bytes = Vec::new();
            evaluator.save(&shared, &mut Writer::new(&mut bytes));
            bytes
        };
        prop_assert_eq!(saved(&short), saved(&long));
    }
}

/// Another signature drops what a series has learned.
#[test]
fn signatures_of_saved_states_do_not_change_with_the_names_in_the_code() {
    let agile = "avg(last_4h):anomalies(avg:x{*}, 'agile', 2, alert_window='last_15m', interval=60, seasonality='daily') >= 0.8";
    let basic = "avg(last_1h):anomalies(sum:x{*}.as_count(), 'basic', 3, direction='below', alert_window='last_5m', interval=60) >= 1";
    for (query, timezone, band, monitor) in [
        (agile, Some("Europe/Vienna"), 3_439_591_122_818_150_209, 7_276_599_444_193_014_807),
        (basic, None, 14_529_032_891_231_389_072, 13_517_145_136_452_173_590),
    ] {
        let mut raw = RawMonitor::default();
        raw.set("query", query);
        if let Some(zone) = timezone {
            raw.set("timezone", zone);
        }
        let shared = SharedBand::new(MonitorSpec::check(&raw).unwrap());
        assert_eq!(shared.signature(), band, "{query}");
        assert_eq!(shared.signatures, [monitor], "{query}");
    }
}
