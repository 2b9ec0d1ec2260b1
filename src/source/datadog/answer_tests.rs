use super::*;

/// As really recorded, cut to one point.
const RECORDED: &str = r#"{"status":"ok","resp_version":1,"res_type":"time_series","query":"system.cpu.idle{*}","message":"",
 "from_date":1641343852000,"to_date":1641430252000,"group_by":[],"times":[],"values":[],
 "series":[{"metric":"system.cpu.idle","display_name":"system.cpu.idle","expression":"system.cpu.idle{*}",
   "scope":"*","tag_set":[],"attributes":{},"aggr":null,"query_index":0,
   "interval":300,"length":288,"start":1641344100000,"end":1641430499000,
   "pointlist":[[1641344100000,91.4583840476142]],
   "unit":[{"family":"percentage","scale_factor":1,"name":"percent","short_name":"%","plural":"percent","id":17},null]}]}"#;

fn read_v1(text: &str) -> Result<AnswerBody, serde_json::Error> {
    v1(&mut text.as_bytes(), "avg:the.query{*}")
}

#[test]
fn the_recorded_answer_of_v1() {
    let wanted = QuerySeries {
        metric: "system.cpu.idle".into(),
        scope: "*".into(),
        interval: Some(300),
        points: vec![QueryPoint { time: 1_641_344_100, value: Some(91.458_384_047_614_2) }],
        ..QuerySeries::default()
    };
    assert_eq!(read_v1(RECORDED).unwrap(), AnswerBody::Series(vec![wanted]));
}

#[test]
fn floats_nulls_missing_fields_and_unknown_ones() {
    let body = read_v1(
        r#"{"series":[{"tag_set":["env:p","host:web1"],"new":{"deep":[1,{}]},"interval":null,
        "pointlist":[[1681683300000.0,null],[1681683360000,1],[1681683420000.0,2e3,"more"]]}]}"#,
    );
    let Ok(AnswerBody::Series(series)) = body else { panic!("{body:?}") };
    assert_eq!(series[0].metric, "the.query");
    assert_eq!(series[0].scope, "env:p,host:web1");
    assert_eq!(series[0].host.as_deref(), Some("web1"));
    assert_eq!(series[0].interval, Some(60));
    let values: Vec<_> = series[0].points.iter().map(|point| (point.time, point.value)).collect();
    assert_eq!(values, [(1_681_683_300, None), (1_681_683_360, Some(1.0)), (1_681_683_420, Some(2000.0))]);
}

#[test]
fn a_scope_of_null_is_that_of_its_tags() {
    for (tags, scope) in [("[]", "*"), ("null", "*"), (r#"["host:a","env:b"]"#, "host:a,env:b")] {
        let body = read_v1(&format!(
            r#"{{"series":[{{"metric":"m","scope":null,"tag_set":{tags},"interval":60,"pointlist":[[60000,1]]}}]}}"#
        ));
        let Ok(AnswerBody::Series(series)) = body else { panic!("{body:?}") };
        assert_eq!(series[0].scope, scope);
    }
}

#[test]
fn host_comes_from_the_scope_where_tags_are_missing() {
    let body = read_v1(r#"{"series":[{"metric":"m","scope":"env:p,host:a.b","pointlist":[]}]}"#);
    let Ok(AnswerBody::Series(series)) = body else { panic!("{body:?}") };
    assert_eq!(series[0].host.as_deref(), Some("a.b"));
}

#[test]
fn errors_of_either_shape_are_refusals() {
    for (text, reason) in [
        (r#"{"status":"error","error":"no such metric"}"#, "no such metric"),
        (r#"{"errors":["a","b"]}"#, "a; b"),
        (r#"{"errors":"one"}"#, "one"),
        (r#"{"status":"error","series":[]}"#, "status: error"),
        (r#"{"status":"error","message":"m","series":null}"#, "m"),
    ] {
        assert_eq!(read_v1(text).unwrap(), AnswerBody::Refused(reason.into()), "{text}");
    }
}

#[test]
fn what_is_no_answer_is_an_error() {
    for text in [
        "",
        "{",
        "[]",
        "null",
        "{}",
        "<html>",
        r#"{"status":"ok"}"#,
        r#"{"series":[{"pointlist":[1]}]}"#,
        &RECORDED[..300],
    ] {
        assert!(read_v1(text).is_err(), "{text}");
    }
}

#[test]
fn more_series_than_the_bound_are_refused_while_reading() {
    let many = format!(r#"{{"series":[{}{{}}]}}"#, "{},".repeat(MAX_SERIES));
    assert!(read_v1(&many).unwrap_err().to_string().contains("50000 series"));
}

#[test]
fn the_documented_answer_of_v2() {
    let text = r#"{"data":{"type":"timeseries_response","attributes":{
        "series":[{"group_tags":["host:a"],"query_index":0,"unit":[{"family":"f"},null]},{"group_tags":[],"query_index":1}],
        "times":[1636625470000,1636625480000.0],"values":[[0.5,null],[1,2]]}}}"#;
    let body = v2(&mut text.as_bytes(), "avg:system.cpu.user{*} by {host}", Some(1)).unwrap();
    let AnswerBody::Series(series) = body else { panic!() };
    assert_eq!(
        (series[0].scope.as_str(), series[0].host.as_deref(), series[0].interval),
        ("host:a", Some("a"), Some(10))
    );
    assert_eq!((series[1].scope.as_str(), series[1].query_index), ("*", 1));
    assert_eq!(series[0].metric, "system.cpu.user");
    assert_eq!(series[0].points[1], QueryPoint { time: 1_636_625_480, value: None });
}

#[test]
fn ragged_columns_and_errors_of_v2() {
    let read = |text: &str| v2(&mut text.as_bytes(), "m{*}", None);
    assert!(read(r#"{"data":{"attributes":{"series":[{}],"times":[1,2],"values":[[1]]}}}"#).is_err());
    assert!(read(r#"{"data":{"attributes":{"series":[{}],"times":[],"values":[]}}}"#).is_err());
    assert_eq!(read(r#"{"errors":"bad formula"}"#).unwrap(), AnswerBody::Refused("bad formula".into()));
    assert!(read("{}").is_err());
}

#[test]
fn names_of_metrics_in_queries() {
    for (query, name) in [
        ("avg:system.cpu.idle{*} by {host}", "system.cpu.idle"),
        ("system.load.norm.5{a:b}", "system.load.norm.5"),
        ("abs(sum:a.b{*})", "a.b"),
        ("plain", "plain"),
        ("{*}", "{*}"),
    ] {
        assert_eq!(metric_of(query), name);
    }
}

#[test]
fn error_bodies_of_all_kinds_give_a_text() {
    assert_eq!(error_text(br#"{"errors":["Forbidden"]}"#), "Forbidden");
    assert_eq!(error_text(br#"{"status":"error","error":"x"}"#), "x");
    assert_eq!(error_text(b"<html>502</html>"), "<html>502</html>");
    assert_eq!(error_text(b""), "");
}
