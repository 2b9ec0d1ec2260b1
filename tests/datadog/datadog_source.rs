//! The query client against a local server that answers as recorded, and as it should not.

use crate::common::http_server::{Answer, Server};
use fluent_anomaly::Secret;
use fluent_anomaly::sources::datadog::{
    ApiVersion, DatadogSettings, QueryOutcome, QueryPoint, QueryWindow, RateHeaders, Reply, connect,
};
use std::io::Write;
use std::time::{Duration, Instant};

const API_KEY: &str = "0123456789abcdef0123456789abcdef";
const APP_KEY: &str = "fedcba9876543210fedcba9876543210fedcba98";
const WINDOW: QueryWindow = QueryWindow { from: 1_641_343_852, to: 1_641_430_252 };

const RECORDED: &str = r#"{"status":"ok","resp_version":1,"res_type":"time_series","query":"system.cpu.idle{*}","message":"",
 "from_date":1641343852000,"to_date":1641430252000,"group_by":[],"times":[],"values":[],
 "series":[{"metric":"system.cpu.idle","display_name":"system.cpu.idle","expression":"system.cpu.idle{*}",
   "scope":"host:web1,env:p","tag_set":["host:web1","env:p"],"attributes":{},"aggr":null,"query_index":0,
   "interval":300,"length":288,"start":1641344100000,"end":1641430499000,
   "pointlist":[[1641344100000,91.4583840476142],[1641344400000.0,null]],
   "unit":[{"family":"percentage","scale_factor":1,"name":"percent","short_name":"%","plural":"percent","id":17},null]}]}"#;

fn settings(server: &Server) -> DatadogSettings {
    DatadogSettings {
        api_key: Secret::new(API_KEY),
        app_key: Secret::new(APP_KEY),
        api_url: Some(server.url.clone()),
        timeout: Duration::from_secs(20),
        ..Default::default()
    }
}

fn ask(settings: &DatadogSettings) -> Reply {
    connect(settings).unwrap().query("avg:system.cpu.idle{*} by {host}", WINDOW)
}

#[test]
fn the_recorded_answer_with_keys_in_headers_and_rate_limits_read() {
    let server = Server::start(|_, _| {
        let headers = vec![
            ("x-ratelimit-limit", "600".into()),
            ("X-RateLimit-Period", "3600".into()),
            ("X-RATELIMIT-REMAINING", "599".into()),
            ("X-RateLimit-Reset", "1234".into()),
        ];
        Answer::Full(200, headers, RECORDED.into())
    });
    let reply = ask(&settings(&server));
    let rate = RateHeaders { limit: Some(600), period: Some(3600), remaining: Some(599), reset: Some(1234) };
    assert_eq!(reply.rate, rate);
    let QueryOutcome::Series(series) = reply.outcome else { panic!("{reply:?}") };
    assert_eq!((series[0].scope.as_str(), series[0].host.as_deref()), ("host:web1,env:p", Some("web1")));
    assert_eq!(series[0].interval, Some(300));
    let points = [
        QueryPoint { time: 1_641_344_100, value: Some(91.458_384_047_614_2) },
        QueryPoint { time: 1_641_344_400, value: None },
    ];
    assert_eq!(series[0].points, points);

    let request = &server.requests.lock().unwrap()[0];
    assert_eq!(request.method, "GET");
    assert!(request.target.starts_with("/api/v1/query?"));
    assert_eq!((request.number("from"), request.number("to")), (WINDOW.from, WINDOW.to));
    assert_eq!(request.parameter("query"), "avg:system.cpu.idle{*} by {host}");
    assert_eq!(
        (request.header("dd-api-key"), request.header("dd-application-key")),
        (Some(API_KEY), Some(APP_KEY))
    );
    assert!(!request.target.contains(API_KEY) && !request.target.contains(APP_KEY));
}

#[test]
fn v2_asks_in_milliseconds_and_reads_columns() {
    let server = Server::start(|_, _| {
        Answer::json(
            r#"{"data":{"type":"timeseries_response","attributes":{"series":[{"group_tags":["host:a"],"query_index":0}],
            "times":[1641344100000,1641344160000],"values":[[0.5,null]]}}}"#,
        )
    });
    let reply = ask(&DatadogSettings { version: ApiVersion::V2, interval: Some(60), ..settings(&server) });
    let QueryOutcome::Series(series) = reply.outcome else { panic!("{reply:?}") };
    assert_eq!((series[0].metric.as_str(), series[0].interval), ("system.cpu.idle", Some(60)));
    assert_eq!(series[0].points[1], QueryPoint { time: 1_641_344_160, value: None });
    let request = &server.requests.lock().unwrap()[0];
    assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/api/v2/query/timeseries"));
    let body: serde_json::Value = serde_json::from_str(&request.body).unwrap();
    let attributes = &body["data"]["attributes"];
    assert_eq!(attributes["from"], WINDOW.from * 1000);
    assert_eq!(attributes["to"], WINDOW.to * 1000);
    assert_eq!(attributes["interval"], 60_000);
    assert_eq!(attributes["queries"][0]["query"], "avg:system.cpu.idle{*} by {host}");
    assert_eq!(request.header("dd-api-key"), Some(API_KEY));
}

/// The kind of an outcome and its text.
fn kind(outcome: &QueryOutcome) -> (&'static str, String) {
    match outcome {
        QueryOutcome::Series(series) => ("series", series.len().to_string()),
        QueryOutcome::Refused { reason } => ("refused", reason.clone()),
        QueryOutcome::RateLimited { reset } => ("limited", format!("{reset:?}")),
        QueryOutcome::Unauthorized { reason } => ("unauthorized", reason.clone()),
        QueryOutcome::Unavailable { reason } => ("unavailable", reason.clone()),
        QueryOutcome::Malformed { reason } => ("malformed", reason.clone()),
        QueryOutcome::TooLarge { limit } => ("too large", limit.to_string()),
        other => ("?", format!("{other:?}")),
    }
}

type Script = Box<dyn Fn() -> Answer + Send + Sync>;

#[test]
fn each_fault_has_its_outcome_within_its_time() {
    let html = "<html><body>502 Bad Gateway</body></html>";
    let cut = RECORDED[..RECORDED.len() / 2].to_owned();
    let echo = format!("<p>DD-API-KEY: {API_KEY} DD-APPLICATION-KEY: {APP_KEY}</p>");
    let limited =
        r#"{"errors":["Rate limit of 600 requests in 3600 seconds reached. Please try again later."]}"#;
    let full = |status: u16, body: &str| -> Script {
        let body = body.to_owned();
        Box::new(move || Answer::status(status, &body))
    };
    let table: Vec<(&str, Script, &str, &str)> = vec![
        ("empty series", full(200, r#"{"status":"ok","series":[]}"#), "series", "0"),
        (
            "error with 200",
            full(200, r#"{"status":"error","error":"no such thing"}"#),
            "refused",
            "no such thing",
        ),
        (
            "400",
            full(400, r#"{"errors":["Error parsing query: Rule 'scope_expr'"]}"#),
            "refused",
            "Rule 'scope_expr'",
        ),
        ("400, other shape", full(400, r#"{"status":"error","error":"bad"}"#), "refused", "bad"),
        ("401", full(401, r#"{"errors":["Unauthorized"]}"#), "unauthorized", "Unauthorized"),
        ("403", full(403, r#"{"errors":["Forbidden"]}"#), "unauthorized", "Forbidden"),
        ("404", full(404, "nothing here"), "unavailable", "404"),
        ("408", full(408, ""), "unavailable", "408"),
        ("413", full(413, ""), "too large", ""),
        ("500", full(500, html), "unavailable", "502 Bad Gateway"),
        ("echo of the keys", full(503, &echo), "unavailable", "DD-API-KEY: *** DD-APPLICATION-KEY: ***"),
        ("echo of the keys with 200", full(200, &echo), "malformed", "DD-API-KEY: ***"),
        ("429", full(429, limited), "limited", "None"),
        (
            "429 with Reset",
            Box::new(move || Answer::Full(429, vec![("X-RateLimit-Reset", "17".into())], limited.into())),
            "limited",
            "Some(17s)",
        ),
        (
            "redirect",
            Box::new(|| Answer::Full(302, vec![("Location", "http://127.0.0.1:9/".into())], String::new())),
            "unavailable",
            "302",
        ),
        ("HTML with 200", full(200, html), "malformed", "<html>"),
        ("nothing", full(200, ""), "malformed", ""),
        ("truncated JSON", full(200, &cut), "malformed", "EOF"),
        ("another JSON", full(200, r#"{"hello":1}"#), "malformed", "series"),
        ("cut connection", Box::new(|| Answer::Cut(RECORDED.into(), 300)), "unavailable", ""),
        ("hang", Box::new(|| Answer::Hang(Duration::from_secs(60))), "unavailable", "timeout"),
        (
            "slow body",
            Box::new(|| Answer::Slow(RECORDED.into(), 10, Duration::from_millis(600))),
            "unavailable",
            "timeout",
        ),
        ("no HTTP", Box::new(|| Answer::Raw(b"SSH-2.0-OpenSSH\r\n")), "unavailable", ""),
        (
            "100 MB",
            Box::new(|| {
                Answer::Flood(
                    r#"{"series":[{"pointlist":[[1,1]"#.into(),
                    ",[1641344100000,1.5]".into(),
                    100 << 20,
                )
            }),
            "too large",
            "4194304",
        ),
        (
            "100 MB in one string",
            Box::new(|| Answer::Flood(r#"{"status":""#.into(), "xxxxxxxxxx".into(), 100 << 20)),
            "too large",
            "4194304",
        ),
    ];
    for (name, script, wanted, text) in table {
        let server = Server::start(move |_, _| script());
        let started = Instant::now();
        // only where time is the fault: a busy machine may take its time for 4 MB
        let timeout = Duration::from_secs(if text == "timeout" { 1 } else { 20 });
        let reply = ask(&DatadogSettings { max_answer_bytes: 4 << 20, timeout, ..settings(&server) });
        let (got, reason) = kind(&reply.outcome);
        assert_eq!(got, wanted, "{name}: {reason}");
        assert!(reason.contains(text), "{name}: {reason}");
        // the slow servers would take 40 s and more
        assert!(started.elapsed() < Duration::from_secs(30), "{name} took {:?}", started.elapsed());
        let shown = format!("{reply:?}");
        assert!(
            !shown.contains(&API_KEY[..8]) && !shown.contains(&APP_KEY[..8]),
            "{name} shows a key: {shown}"
        );
        assert_eq!(server.count(), 1, "{name}: one request, no retry behind the budget's back");
    }
}

#[test]
fn nobody_there_is_unavailable() {
    let mut settings = settings(&Server::start(|_, _| Answer::json("{}")));
    settings.api_url = Some("http://127.0.0.1:9".into());
    assert_eq!(kind(&ask(&settings).outcome).0, "unavailable");
}

#[test]
fn an_unknown_site_is_unavailable_not_a_panic() {
    let settings = DatadogSettings {
        api_key: Secret::new(API_KEY),
        app_key: Secret::new(APP_KEY),
        site: "no-such-site.invalid".into(),
        timeout: Duration::from_secs(3),
        ..Default::default()
    };
    assert_eq!(kind(&ask(&settings).outcome).0, "unavailable");
}

#[test]
fn ten_thousand_scopes_in_one_answer() {
    let series: Vec<String> = (0..10_000)
        .map(|i| format!(r#"{{"metric":"m","scope":"host:h{i}","tag_set":["host:h{i}"],"interval":60,"pointlist":[[1641344100000,{i}]]}}"#))
        .collect();
    let body = format!(r#"{{"status":"ok","series":[{}]}}"#, series.join(","));
    let server = Server::start(move |_, _| Answer::json(body.clone()));
    let QueryOutcome::Series(series) =
        ask(&DatadogSettings { timeout: Duration::from_secs(20), ..settings(&server) }).outcome
    else {
        panic!()
    };
    assert_eq!((series.len(), series[9_999].host.as_deref()), (10_000, Some("h9999")));
}

#[test]
fn a_gzip_bomb_ends_at_the_limit() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(br#"{"status":""#).unwrap();
    for _ in 0..100 {
        encoder.write_all(&[b'x'; 1 << 20]).unwrap();
    }
    let bomb = encoder.finish().unwrap();
    assert!(bomb.len() < 1 << 20);
    let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", bomb.len());
    let all: &'static [u8] = [head.as_bytes(), &bomb].concat().leak();
    let server = Server::start(move |_, _| Answer::Raw(all));
    let reply = ask(&DatadogSettings {
        max_answer_bytes: 4 << 20,
        timeout: Duration::from_secs(10),
        ..settings(&server)
    });
    assert_eq!(kind(&reply.outcome).0, "too large");
}

#[test]
fn missing_keys_and_plain_http_to_another_machine_are_refused_before_anything_is_sent() {
    let none = connect(&DatadogSettings::default()).err().unwrap().to_string();
    assert!(none.contains("DD_API_KEY is missing"), "{none}");
    let mut settings = settings(&Server::start(|_, _| Answer::json("{}")));
    settings.api_url = Some("http://api.datadoghq.com".into());
    let plain = connect(&settings).err().unwrap().to_string();
    assert!(plain.contains("unencrypted") && !plain.contains(API_KEY), "{plain}");
}
