//! The fast path into a record against the general one.

use proptest::prelude::*;

use super::rating::Rating;
use super::*;
use crate::detector::Scores;
use crate::detector::band::Band;
use crate::monitor::Status;
use monitored::PlainVerdict;

const TAG: &[u8] = b"app.web";

/// A pipeline that never takes the fast path.
fn general(config: &Config) -> Pipeline {
    let mut pipeline = Pipeline::new(config, Format::Json, None);
    for section in &mut pipeline.sections {
        section.fast = None;
    }
    pipeline
}

/// A section of records: its head and what is scored by which settings.
fn section() -> impl Strategy<Value = String> {
    let by = prop::sample::select(vec!["", "by: $host\n", "by: $host, $n['b']\n"]);
    let prefix = prop::sample::select(vec![
        String::new(),
        "prefix: p_\n".to_owned(),
        "prefix: \"quoted\\\\_\n".to_owned(),
        format!("prefix: {}_\n", "long".repeat(70)),
    ]);
    let score = prop::sample::select(vec!["anomaly_score: off\n", "", "alarms: 1/day\n", "alarms: 10/day\n"]);
    let time = prop::sample::select(vec!["", "time: $t\n"]);
    let warm_up = prop::sample::select(vec!["", "warm_up: off\n", "warm_up: off\n"]);
    (by, prefix, score, time, warm_up).prop_map(|(by, prefix, score, time, warm_up)| {
        format!("match: app.*\nvalue: $x\nk: 2\n{by}{prefix}{score}{time}{warm_up}")
    })
}

fn monitor() -> impl Strategy<Value = String> {
    let algorithm = prop::sample::select(vec!["'basic', 1", "'basic', 4", "'robust', 2", "'agile', 2"]);
    let direction = prop::sample::select(vec!["above", "below", "both"]);
    let threshold = prop::sample::select(vec!["0.4", "1"]);
    let extras = prop::sample::select(vec![
        "",
        "notify_no_data: true\nno_data_timeframe: 5\n",
        "message: {{host.name}} is {{value}}\n",
    ]);
    (algorithm, direction, threshold, extras).prop_map(|(algorithm, direction, threshold, extras)| {
        let season = if algorithm.starts_with("'basic'") { "" } else { ", seasonality='hourly'" };
        format!(
            "query: avg(last_1h):anomalies(avg:q{{*}}, {algorithm}, direction='{direction}', \
             alert_window='last_5m', interval=60{season}) >= {threshold}\n{extras}"
        )
    })
}

fn config() -> impl Strategy<Value = String> {
    (section(), proptest::collection::vec(monitor(), 0..6)).prop_map(|(section, monitors)| {
        let mut ini = format!("[series.q]\n{section}");
        for (n, monitor) in monitors.iter().enumerate() {
            ini += &format!("[monitor.m{n}]\non: q\nprefix: m{n}_\n{monitor}");
        }
        ini
    })
}

/// The text of a record, with the seconds since the record before.
fn record() -> impl Strategy<Value = (i64, String)> {
    let value = prop_oneof![
        12 => (40.0f64..60.0).prop_map(|x| format!("{x:?}")),
        2 => (-1e9f64..1e9).prop_map(|x| format!("{x:?}")),
        1 => prop::sample::select(vec!["null", "\"12\"", "1e99", "-1e99", "1e999", "5", "0.0", "-0", "{}"])
            .prop_map(str::to_owned),
    ];
    let form = prop_oneof![
        20 => Just(r#"{"x":X,"host":"a","t":T}"#),
        4 => Just(r#"{"host":"b\n","x":X,"n":{"b":1}}"#),
        1 => prop::sample::select(vec![
            r#"{"x":X,"score_outlier":7,"host":"a"}"#,
            r#"{"x":X,"m0_anomaly":{"a":[]},"host":"a"}"#,
            r#"{"x":X,"anomaly_score":0}"#,
            r#"{"x":X,"warming_up":0}"#,
            "{\"x\":X} \n",
            " { \"x\" : X , \"host\" : \"a\" } ",
            "{}",
            "no record",
            r#"{"x":X"#,
        ]),
    ];
    let step = prop_oneof![20 => 20i64..70, 2 => Just(0), 1 => -300i64..3000];
    (step, form, value).prop_map(|(step, form, value)| (step, form.replace('X', &value)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever the configuration and the records.
    #[test]
    fn both_paths_write_the_same_bytes(
        ini in config(),
        records in proptest::collection::vec(record(), 1..250),
        spare in prop::sample::select(vec![0usize, 4096]),
    ) {
        let config = Config::parse("f.ini", &ini).unwrap_or_else(|error| panic!("{error}\n{ini}"));
        let mut fast = Pipeline::new(&config, Format::Json, None);
        let mut general = general(&config);
        let mut seconds = 1_700_000_000;
        for (step, record) in records {
            seconds += step;
            let record = record.replace('T', &seconds.to_string());
            let mut quick = Vec::with_capacity(record.len() + spare);
            quick.extend_from_slice(record.as_bytes());
            let mut slow = record.clone().into_bytes();
            fast.process(TAG, Time::from_seconds(seconds), &mut quick);
            general.process(TAG, Time::from_seconds(seconds), &mut slow);
            prop_assert_eq!(
                String::from_utf8_lossy(&quick), String::from_utf8_lossy(&slow),
                "{}\nat {}: {}", ini, seconds, record
            );
        }
        prop_assert_eq!(fast.counters(), general.counters());
    }
}

/// The usual record takes it, with all that it can carry: scores, the calibrated score, no alarm, a verdict.
#[test]
fn the_fast_path_carries_scores_and_a_verdict_together() {
    let ini = "[filter]\nalarms: 1/day\n[series.q]\nmatch: *\nvalue: $x\nk: 2\n[monitor.m]\non: q\n\
        query: avg(last_1h):anomalies(avg:q{*}, 'basic', 3, alert_window='last_5m', interval=60) >= 0.6\n";
    let mut pipeline = Pipeline::new(&Config::parse("f.ini", ini).unwrap(), Format::Json, None);
    let section = &mut pipeline.sections[0];
    let mut record = br#"{"x":1}"#.to_vec();
    assert!(section.access.scan(&record));
    let rating = Rating { score: 0.25, is_alarm: false, edge: None, reason: None };
    let band = Some(Band { expected: 1.5, lower: 0.5, upper: 2.5 });
    let verdict = PlainVerdict { band, is_anomaly: false, status: Status::Ok };
    let anomaly = Some(Anomaly { rating, values: None });
    let scores = Scores { outlier: 2.0, change: 3.0 };
    assert!(section.annotate_fast(&mut record, scores, &anomaly, Some(verdict)));
    assert_eq!(
        String::from_utf8_lossy(&record),
        r#"{"x":1,"metric_outlier":"changefinder.outlier.q","score_outlier":2.0,"metric_change":"changefinder.change.q","score_change":3.0,"anomaly_score":0.25,"is_alarm":false,"anomaly":{"monitor":"m","expected":1.5,"lower":0.5,"upper":2.5,"is_anomaly":false,"status":"OK"}}"#
    );
}
