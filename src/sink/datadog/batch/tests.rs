use super::super::json_lines;
use super::super::outcome::UnsentReason;
use super::super::settings::ShipperSettings;
use super::{Batch, MetricKind};
use std::collections::HashMap;

fn settings(options: &[(&str, &str)]) -> ShipperSettings {
    let options: HashMap<_, _> = options.iter().copied().collect();
    ShipperSettings::read(
        |name| Some(if name == "dd_api_key" { "k" } else { options.get(name).copied()? }.to_owned()),
        |_| None,
    )
    .unwrap()
}

fn batch(options: &[(&str, &str)], text: &str) -> Batch {
    let mut batch = Batch::new(&settings(options));
    for line in text.lines() {
        json_lines::line(line.as_bytes(), "event.tag", 1000.0, &mut batch);
    }
    batch
}

/// `metric kind host device tags interval: time=value ...` for each series.
fn shown(batch: &Batch) -> Vec<String> {
    let show = |s: &super::PointSeries| {
        let n = &s.name;
        let points: Vec<_> = s.points.iter().map(|p| format!("{}={}", p.time, p.value)).collect();
        let (host, device) = (n.host.as_deref().unwrap_or("-"), n.device.as_deref().unwrap_or("-"));
        let interval = n.interval.map_or("-".to_owned(), |i| i.to_string());
        let (metric, tags, points) = (&n.metric, n.tags.join(","), points.join(" "));
        format!("{metric} {:?} {host} {device} [{tags}] {interval}: {points}", n.kind)
    };
    batch.series().iter().map(show).collect()
}

fn dropped(line: &str) -> String {
    let batch = batch(&[], line);
    assert_eq!(batch.len(), 0, "{line}");
    batch.dropped().to_string()
}

#[test]
fn a_metric_with_its_value_is_a_point() {
    let batch = batch(
        &[],
        r#"{"metric":"a","value":1.5}
{"metric":"a","value":"2.5","time":7.9,"host":"web1","type":"counter","device":"sda","tag":"b:1, A:2,","interval":60}"#,
    );
    assert_eq!(shown(&batch), ["a Gauge - - [] -: 1000=1.5", "a Count web1 sda [a:2,b:1] 60: 7=2.5"]);
}

#[test]
fn an_annotated_record_gives_a_point_for_each_score_of_each_prefix() {
    let batch = batch(
        &[],
        r#"{"metric":"system.cpu.idle","raw_value":9,"scope":"env:x","host":"web1","time":5,"metric_outlier":"cf.outlier.cpu","score_outlier":3.5,"metric_change":"cf.change.cpu","score_change":1,"latency_metric_outlier":"lat","latency_score_outlier":2,"latency_metric_change":"lat.c"}"#,
    );
    let mut shown = shown(&batch);
    shown.sort();
    assert_eq!(
        shown,
        [
            "cf.change.cpu Gauge web1 - [env:x] -: 5=1",
            "cf.outlier.cpu Gauge web1 - [env:x] -: 5=3.5",
            "lat Gauge web1 - [env:x] -: 5=2",
        ]
    );
    assert_eq!(batch.dropped().to_string(), "none");
}

#[test]
fn scopes_become_tags_and_host() {
    let table = [
        (r#""scope":"*""#, "- []"),
        (r#""scope":"*","host":"*""#, "- []"),
        (r#""scope":"host:Web1,env:Prod""#, "Web1 [env:prod]"),
        (r#""scope":"host:web1,env:prod","host":"other""#, "other [env:prod]"),
        (r#""scope":"","host":"  ""#, "- []"),
        (r#""tags":["b:1","a",7,"b:1",null]"#, "- [a,b:1]"),
        (r#""tags":"b:1,a","tag":"c""#, "- [a,b:1,c]"),
        (r#""tags":{"a":1}"#, "- []"),
    ];
    for (fields, wanted) in table {
        let batch = batch(&[], &format!(r#"{{"metric":"m","value":1,{fields}}}"#));
        let name = &batch.series()[0].name;
        let shown = format!("{} [{}]", name.host.as_deref().unwrap_or("-"), name.tags.join(","));
        assert_eq!(shown, wanted, "{fields}");
    }
}

#[test]
fn settings_fill_what_a_record_leaves_open() {
    let options = [
        ("dd_host", "h"),
        ("dd_device", "d"),
        ("dd_tags", "team:x"),
        ("use_fluentd_tag_for_datadog_tag", "on"),
    ];
    let batch = batch(
        &options,
        "{\"metric\":\"m\",\"value\":1}\n{\"metric\":\"m\",\"value\":1,\"tag\":\"a\",\"host\":\"own\",\"device\":\"x\"}",
    );
    assert_eq!(
        shown(&batch),
        ["m Gauge h d [event.tag,team:x] -: 1000=1", "m Gauge own x [a,team:x] -: 1000=1"]
    );
}

#[test]
fn interleaved_records_are_grouped_and_keep_their_order() {
    let batch = batch(
        &[],
        r#"{"metric":"a","value":1,"time":1}
{"metric":"b","value":1,"time":1,"tags":["y","x"]}
{"metric":"a","value":2,"time":3}
{"metric":"b!","value":2,"time":2,"tags":"x,y"}
{"metric":"a","value":3,"time":2}"#,
    );
    assert_eq!(shown(&batch), ["a Gauge - - [] -: 1=1 3=2 2=3", "b Gauge - - [x,y] -: 1=1 2=2"]);
    assert_eq!(batch.len(), 5);
}

#[test]
fn lists_that_look_alike_are_different_series() {
    let batch = batch(
        &[],
        r#"{"metric":"m","value":1,"tag":"a","tags":"b"}
{"metric":"m","value":1,"tag":"a,b"}
{"metric":"m","value":1,"scope":"a,c"}
{"metric":"m","value":1,"host":"a"}
{"metric":"m","value":1,"device":"a"}"#,
    );
    assert_eq!(
        shown(&batch),
        [
            "m Gauge - - [a,b] -: 1000=1 1000=1",
            "m Gauge - - [a,c] -: 1000=1",
            "m Gauge a - [] -: 1000=1",
            "m Gauge - a [] -: 1000=1"
        ]
    );
}

#[test]
fn each_unusable_record_is_counted_with_its_reason() {
    let table = [
        ("no json", "1 not a record"),
        ("[1]", "1 not a record"),
        (r#"{"a":1}"#, "1 without a metric"),
        (r#"{"metric":"","value":1}"#, "1 without a metric"),
        (r#"{"metric":null,"value":1}"#, "1 without a metric"),
        (r#"{"metric":"m","raw_value":3}"#, "1 without a value yet"),
        (r#"{"metric":"m"}"#, "1 with a value that is no number"),
        (r#"{"metric":"m","value":null}"#, "1 with a value that is no number"),
        (r#"{"metric":"m","value":"much"}"#, "1 with a value that is no number"),
        (r#"{"metric":"m","value":true}"#, "1 with a value that is no number"),
        (r#"{"metric":"m","value":"NaN"}"#, "1 with a NaN or infinite value"),
        (r#"{"metric":"m","value":"-inf"}"#, "1 with a NaN or infinite value"),
        (r#"{"metric":"日本","value":1}"#, "1 with an unusable metric name"),
        (r#"{"metric":7,"value":1}"#, "1 with an unusable metric name"),
        (r#"{"metric":"m","value":1,"type":"set"}"#, "1 with a type other than gauge, count, counter, rate"),
        (r#"{"metric":"m","value":1,"type":1}"#, "1 with a type other than gauge, count, counter, rate"),
        (r#"{"metric":"m","value":1,"time":"noon"}"#, "1 with an unusable time"),
        (r#"{"metric":"m","value":1,"time":-1}"#, "1 with an unusable time"),
        (r#"{"metric":"m","value":1,"time":1700000000000}"#, "1 with an unusable time"),
    ];
    for (line, wanted) in table {
        assert_eq!(dropped(line), wanted, "{line}");
    }
    assert_eq!(batch(&[], "\n  \n").dropped().to_string(), "none");
}

#[test]
fn tag_sets_are_cut_where_datadogs_agent_cuts_them() {
    let tags: Vec<_> = (0..1000).map(|i| format!("\"t{i:04}:{}\"", "x".repeat(180))).collect();
    let batch = batch(&[], &format!("{{\"metric\":\"m\",\"value\":1,\"tags\":[{}]}}", tags.join(",")));
    let bytes: usize = batch.series()[0].name.tags.iter().map(String::len).sum();
    assert!((100_000..=102_400).contains(&bytes), "{bytes}");
}

#[test]
fn a_record_full_of_annotations_stays_cheap() {
    let fields: Vec<_> = (0..20_000).map(|i| format!("\"p{i}score_outlier\":1")).collect();
    let batch = batch(&[], &format!("{{{}}}", fields.join(",")));
    assert_eq!(batch.dropped().get(UnsentReason::NoMetric), 1);
    assert_eq!(MetricKind::Gauge as u8, 0);
}

#[test]
fn with_dd_compat_the_points_of_fluent_plugin_dd_leave() {
    let settings = |option: &str| match option {
        "dd_api_key" => Some("k".to_owned()),
        "dd_compat" => Some("fluent-plugin-dd".to_owned()),
        "dd_host" => Some("machine".to_owned()),
        _ => None,
    };
    let mut batch = Batch::new(&ShipperSettings::read(settings, |_| None).unwrap());
    for (line, time) in [
        (r#"{"metric":"m","value":"12abc"}"#, 1.0),
        (r#"{"metric":"m","value":"abc"}"#, 2.0),
        (r#"{"metric":"m","value":null}"#, 3.0),
        (r#"{"metric":"m"}"#, 4.0),
        (r#"{"metric":"m","value":true}"#, 5.0),
        (r#"{"value":1}"#, 6.0),
        // a score in its warm-up is not one of its records
        (r#"{"metric":"m","raw_value":1,"metric_outlier":"o"}"#, 7.0),
    ] {
        json_lines::line(line.as_bytes(), "", time, &mut batch);
    }
    let [series] = batch.series() else { panic!("{:?}", batch.series()) };
    assert_eq!(series.name.host.as_deref(), Some("machine"));
    let points: Vec<_> = series.points.iter().map(|point| (point.time, point.value)).collect();
    assert_eq!(points, [(1, 12.0), (2, 0.0), (3, 0.0), (4, 0.0)]);
    let counts = [UnsentReason::NotANumber, UnsentReason::NoMetric, UnsentReason::Unscored];
    assert_eq!(counts.map(|reason| batch.dropped().get(reason)), [1, 1, 1]);
}
