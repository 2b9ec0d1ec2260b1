//! What groups say, as Datadog events: of a member that fell silent, and of windows of log records.

use crate::common::http::{Request, Server};
use crate::common::msgpack;
use fluent_anomaly::sinks::datadog::{Shipper, ShipperSettings, StreamOptions, run_stream};
use fluent_anomaly::{Config, Format, Pipeline, Time};
use serde_json::{Value, json};

const KEY: &str = "0123456789abcdef0123456789abcdef";

fn settings(url: &str) -> ShipperSettings {
    let get = |name: &str| match name {
        "dd_api_key" => Some(KEY.to_owned()),
        "dd_url" => Some(url.to_owned()),
        "dd_events" => Some("on".to_owned()),
        _ => None,
    };
    ShipperSettings::read(get, |_| None).unwrap()
}

fn now_s() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64
}

/// The events that JSON lines become.
fn events_of_lines(lines: &str) -> Vec<Value> {
    let server = Server::start([]);
    let input = std::io::Cursor::new(lines.to_owned().into_bytes());
    run_stream(input, settings(&server.url), &StreamOptions::default(), |_| ()).unwrap();
    posted(&server)
}

/// The events that a chunk of Fluent Bit with these records becomes.
fn events_of_chunk(records: &[Value], now_s: i64) -> Vec<Value> {
    let server = Server::start([]);
    let mut chunk = Vec::new();
    for record in records {
        msgpack::encode(&json!([[now_s, {}], record]), &mut chunk);
    }
    Shipper::new(settings(&server.url)).ship_chunk_at(&chunk, "tag", now_s);
    posted(&server)
}

fn posted(server: &Server) -> Vec<Value> {
    let events = server.seen();
    let events = events.iter().filter(|request| request.line.starts_with("POST /api/v1/events "));
    events.map(Request::text).map(|text| serde_json::from_str(&text).unwrap()).collect()
}

#[test]
fn the_silence_of_an_outlier_is_an_event_of_its_own_host_although_another_record_carries_it() {
    let now_s = now_s();
    let record = json!({
        "time": now_s, "host": "web-1", "scope": "host:web-1,env:x", "tag": "role:db",
        "anomaly_group": {"group": "load:db", "is_outlier": false, "distance": 0.4, "members": 9, "status": "OK"},
        "anomaly_group_silent": {"group": "load:db", "series": "host:web-3", "status": "NO DATA", "transition": "ALERT->NO DATA"}
    });
    let expected = json!({
        "aggregation_key": "load:db:host:web-3", "alert_type": "warning", "date_happened": now_s, "host": "web-3",
        "tags": ["group:load:db", "host:web-3"],
        "text": "The group load:db is NO DATA (ALERT->NO DATA) for host:web-3.",
        "title": "Group load:db: ALERT->NO DATA on host:web-3"
    });
    assert_eq!(events_of_lines(&format!("{record}\n")), std::slice::from_ref(&expected));
    assert_eq!(events_of_chunk(&[record], now_s), [expected]);
}

#[test]
fn what_is_said_of_a_window_is_an_event_of_the_fields_of_its_by() {
    let now_s = now_s();
    let record = json!({
        "time": now_s, "host": "elsewhere", "message": "a line of another",
        "err_anomaly_window": {
            "series": "errors", "by": {"host": "web-3", "port": 80, "path": "a,b"}, "value": 12.0,
            "anomaly": {"monitor": "m", "status": "ALERT", "transition": "OK->ALERT", "message": "look"},
            "anomaly_group": {"group": "errors", "is_outlier": true, "status": "ALERT", "transition": "OK->ALERT"},
            "anomaly_group_silent": {"group": "errors", "series": "host:web-9", "status": "NO DATA", "transition": "ALERT->NO DATA"}
        },
        "anomaly_window": {"series": "all", "value": 1.0, "anomaly": {"monitor": "n", "status": "OK", "transition": "ALERT->OK"}}
    });
    let check = |events: Vec<Value>| {
        let titles: Vec<&str> = events.iter().map(|event| event["title"].as_str().unwrap()).collect();
        for title in [
            "Monitor m: OK->ALERT on host:web-3,path:a_b,port:80",
            "Group errors: OK->ALERT on host:web-3,path:a_b,port:80",
            "Group errors: ALERT->NO DATA on host:web-9",
            "Monitor n: ALERT->OK on *",
        ] {
            assert!(titles.contains(&title), "{title} is not in {titles:?}");
        }
        assert_eq!(titles.len(), 4);
        let group = events.iter().find(|event| event["tags"].to_string().contains("port:80")).unwrap();
        assert_eq!(group["host"], "web-3");
        assert!(events.iter().all(|event| !event.to_string().contains("elsewhere")), "{events:?}");
    };
    check(events_of_lines(&format!("{record}\n")));
    check(events_of_chunk(&[record], now_s));
}

const LOGS: &str = "[series.errors]\nmatch: *\nmeasure: count\nevery: 1m\nby: $host\nk: 2\nwarm_up: off\nwhere: $status >= 500\n\
                    [group.errors]\non: errors\nacross: $host\n";

#[test]
fn a_host_that_is_apart_by_its_log_lines_for_a_while_becomes_two_events() {
    let mut pipeline = Pipeline::new(&Config::parse("f.ini", LOGS).unwrap(), Format::Json, None);
    let begin = now_s() / 60 - 60;
    let mut lines = String::new();
    for minute in begin..begin + 40 {
        for host in 0..8 {
            let is_sick = host == 3 && (begin + 10..begin + 14).contains(&minute);
            let errors = 10 + (host * 37 + minute * 11).rem_euclid(4) + if is_sick { 50 } else { 0 };
            for n in 0..errors {
                let second = 60 * minute + n % 50;
                let mut record = format!(r#"{{"time":{second},"host":"h{host}","status":503}}"#).into_bytes();
                pipeline.process(b"app", Time::from_seconds(second), &mut record);
                lines.push_str(&String::from_utf8(record).unwrap());
                lines.push('\n');
            }
        }
    }
    let titles: Vec<Value> = events_of_lines(&lines).iter().map(|event| event["title"].clone()).collect();
    assert_eq!(titles, ["Group errors: OK->ALERT on host:h3", "Group errors: ALERT->OK on host:h3"]);
}
