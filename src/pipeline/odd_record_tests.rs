//! Records whose content the host cannot carry, and times in every form.

use super::*;

const TAG: &[u8] = b"app.web";
const PLAIN: &str = "[series.s]\nmatch: app.*\nvalue: $ms\nk: 2\nwarm_up: off\n";
const TIMED: &str = "[series.s]\nmatch: app.*\nvalue: $ms\ntime: $ts\nk: 2\nwarm_up: off\n";

fn pipeline(ini: &str) -> Pipeline {
    Pipeline::new(&Config::parse("f.ini", ini).unwrap(), Format::Json, None)
}

fn mending(ini: &str) -> Pipeline {
    let mut pipeline = pipeline(ini);
    pipeline.mend_records();
    pipeline
}

fn pass(pipeline: &mut Pipeline, tag: &[u8], record: &str) -> String {
    let mut bytes = record.as_bytes().to_vec();
    pipeline.process(tag, Time::from_seconds(1_700_000_000), &mut bytes);
    String::from_utf8(bytes).unwrap()
}

#[test]
fn a_record_that_nobody_scores_leaves_mended_and_is_told_in_the_log_alone() {
    let mut p = mending(PLAIN);
    for (printed, json) in [
        (r#"{"x":nan}"#, r#"{"x":null}"#),
        (r#"{1:"v"}"#, r#"{"1":"v"}"#),
        (r#"{"x":1.797693134862316e+308}"#, r#"{"x":1.7976931348623157e+308}"#),
        (r#"{"x":"\x41\xffffff80"}"#, r#"{"x":"\u0041\u0080"}"#),
        (r#"{"x":"\ud83d\ude00"}"#, r#"{"x":"😀"}"#),
        (r#"{"x":"12:30, inf: [nan]"}"#, r#"{"x":"12:30, inf: [nan]"}"#),
        ("no record", "no record"),
        (r#"{"x":nan"#, r#"{"x":nan"#),
    ] {
        assert_eq!(pass(&mut p, b"db", printed), json);
    }
    assert_eq!(p.counters().mended, 4, "a character without its escapes is no change");
    assert_eq!(
        p.take_log(),
        [
            "record 1: the host has no JSON for some of its values: 1 x NaN or infinite -> null (1 such records so far)"
        ]
    );
}

#[test]
fn a_record_that_is_scored_is_mended_first_and_tells_it_once() {
    let mut p = mending(PLAIN);
    let first = pass(&mut p, TAG, r#"{"ms":1,"x":nan,2:inf}"#);
    assert!(first.starts_with(r#"{"ms":1,"x":null,"2":null,"metric_outlier""#), "{first}");
    let told = r#""anomaly_error":"[series.s] the host has no JSON for some values of this record: 2 x NaN or infinite -> null, 1 x key that is no text -> its text; told once, the log counts the others"}"#;
    assert!(first.ends_with(told), "{first}");
    let second = pass(&mut p, TAG, r#"{"ms":2,"x":nan}"#);
    assert!(second.starts_with(r#"{"ms":2,"x":null,"metric_outlier""#), "{second}");
    assert!(!second.contains("anomaly_error"), "{second}");
    assert_eq!((p.counters().mended, p.counters().scored), (2, 2));
}

#[test]
fn a_value_that_is_nan_is_an_error_and_no_null() {
    for nulls in ["skip", "zero"] {
        let mut p = mending(&format!("{PLAIN}nulls: {nulls}\n"));
        pass(&mut p, TAG, r#"{"ms":1,"x":nan}"#);
        for value in ["nan", "-nan", "inf", "-inf"] {
            let out = pass(&mut p, TAG, &format!(r#"{{"ms":{value}}}"#));
            assert_eq!(
                out,
                r#"{"ms":null,"anomaly_error":"[series.s] $ms is NaN or infinite, not a number: the record is not scored"}"#
            );
        }
        assert_eq!((p.counters().refused, p.counters().scored), (4, 1));
    }
}

#[test]
fn a_host_that_keeps_the_bytes_gets_them_back() {
    let mut p = pipeline(PLAIN);
    for record in [r#"{"ms":nan}"#, r#"{"ms":1,2:3}"#, r#"{"ms":1,"x":"\x41"}"#] {
        assert_eq!(pass(&mut p, TAG, record), record);
        assert_eq!(pass(&mut p, b"db", record), record);
    }
    for record in [r#"{"ms":1,"x":1e999}"#, r#"{"ms":1,"x":"\ud83d\ude00"}"#] {
        let out = pass(&mut p, TAG, record);
        assert!(out.starts_with(record.trim_end_matches('}')) && out.contains("score_outlier"), "{out}");
    }
    assert_eq!(p.counters().mended, 0);
}

#[test]
fn without_a_configuration_records_are_mended_all_the_same() {
    let mut unconfigured = Unconfigured::new("wrong", Format::Json);
    unconfigured.mend_records();
    let mut record = br#"{"x":nan}"#.to_vec();
    unconfigured.process(&mut record);
    assert_eq!(String::from_utf8(record).unwrap(), r#"{"x":null,"anomaly_error":"wrong"}"#);
}

/// A point at 2023-11-14T22:13:20Z in every form is the same point: with `source`-less series that have seen it, the
/// scores of the next point are equal.
#[test]
fn a_time_of_any_unit_is_the_same_time() {
    let ini = format!(
        "{TIMED}anomaly_score: off\n[monitor.m]\non: s\nquery: avg(last_1h):anomalies(avg:x{{*}}, 'basic', 2, alert_window='last_5m', interval=60) >= 1\n"
    );
    let run = |time: &dyn Fn(i64) -> String| {
        let mut p = pipeline(&ini);
        let outs: Vec<_> = (0..200)
            .map(|n| {
                let record = format!(r#"{{"ms":{},"ts":{}}}"#, n * n % 17, time(1_700_000_000 + 60 * n));
                let out = pass(&mut p, TAG, &record);
                out.split_once("\"metric_outlier\"").map(|(_, annotations)| annotations.to_owned())
            })
            .collect();
        assert_eq!(p.counters().scored, 200);
        outs
    };
    let seconds = run(&|seconds| seconds.to_string());
    assert!(seconds.last().unwrap().as_ref().unwrap().contains("\"anomaly\""), "{seconds:?}");
    let iso = |seconds: i64| jiff::Timestamp::from_second(seconds).unwrap();
    let forms: [(&str, &dyn Fn(i64) -> String); 10] = [
        ("milliseconds", &|seconds| format!("{seconds}000")),
        ("microseconds", &|seconds| format!("{seconds}000000")),
        ("nanoseconds", &|seconds| format!("{seconds}000000000")),
        ("float", &|seconds| format!("{seconds}.0")),
        ("float with exponent", &|seconds| format!("{seconds}e0")),
        ("text", &|seconds| format!("\"{seconds}\"")),
        ("text of milliseconds", &|seconds| format!("\"{seconds}000\"")),
        ("ISO 8601", &|seconds| format!("\"{}\"", iso(seconds))),
        ("ISO 8601 without a zone", &|seconds| {
            format!("\"{}\"", iso(seconds).to_string().trim_end_matches('Z'))
        }),
        ("ISO 8601 with a zone", &|seconds| {
            format!("\"{}+02:00\"", iso(seconds + 7200).to_string().trim_end_matches('Z'))
        }),
    ];
    for (form, time) in forms {
        assert_eq!(run(time), seconds, "{form}");
    }
}

#[test]
fn a_time_that_cannot_be_read_is_told_and_its_record_not_scored() {
    let mut p = pipeline(TIMED);
    let long = "x".repeat(60);
    for (time, given) in [
        (Some("null"), "null"),
        (Some("true"), "true"),
        (Some("{}"), "a map"),
        (Some("[1]"), "an array"),
        (Some(r#""yesterday""#), r#"\"yesterday\""#),
        (Some(r#""""#), r#"\"\""#),
        (Some("1e30"), "1e30"),
        (Some(&*format!("\"{long}\"")), &*format!(r#"\"{}\"..."#, &long[..40])),
        (None, "missing"),
    ] {
        let members = time.map_or_else(String::new, |time| format!(r#","ts":{time}"#));
        let out = pass(&mut p, TAG, &format!(r#"{{"ms":1{members}}}"#));
        let told = format!(
            r#""anomaly_error":"[series.s] time: $ts is {given}; allowed: seconds, milliseconds, microseconds or nanoseconds since 1970, as a number or as text, or ISO 8601 (UTC without a zone): the record is not scored"}}"#
        );
        assert_eq!(out, format!(r#"{{"ms":1{members},{told}"#));
    }
    assert_eq!((p.counters().unreadable_times, p.counters().scored), (9, 0));
    assert_eq!(pass(&mut p, TAG, r#"{"ms":null,"ts":true}"#), r#"{"ms":null,"ts":true}"#, "nothing to score");
}
