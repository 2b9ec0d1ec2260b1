//! `fluent-anomaly monitor` as a user runs it.

use std::fs;
use std::process::{Command, Output};

use crate::common::http_server::{Answer, Server};
use fluent_anomaly::Config;
use serde_json::{Value, json};
use tempfile::TempDir;

const API_KEY: &str = "0123456789abcdef0123456789abcdef";
const APP_KEY: &str = "fedcba9876543210fedcba9876543210fedcba98";
const QUERY: &str = "avg(last_4h):anomalies(avg:cpu{*} by {host}, 'robust', 3, direction='above', alert_window='last_15m', interval=60, count_default_zero='true', seasonality='hourly') >= 0.8";
const START: i64 = 1_700_000_400 / 3600 * 3600;

fn ini(general: &str) -> String {
    format!(
        "{general}\n[series.cpu]\nmatch: cpu.*\nvalue: $load\nby: $host\nk: 2\nwarm_up: off\n\n[monitor.cpu]\non: cpu\nquery: {QUERY}\n\
         warning: 0.5\nrecovery_window: last_15m\nnotify_no_data: true\nmessage: {{{{host.name}}}} has {{{{value}}}}\n"
    )
}

/// A folder with `f.ini` and whatever a test puts there.
struct Place(TempDir);

impl Place {
    fn new(ini: &str) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.write("f.ini", ini);
        place
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.0.path().join(name), text).unwrap();
    }

    /// `fluent-anomaly monitor <arguments>`, split at blanks, with keys in the environment.
    fn run(&self, arguments: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_fluent-anomaly"))
            .arg("monitor")
            .args(arguments.split(' ').filter(|word| !word.is_empty()))
            .current_dir(self.0.path())
            .env("DD_API_KEY", API_KEY)
            .env("DD_APP_KEY", APP_KEY)
            .output()
            .unwrap()
    }

    #[track_caller]
    fn fine(&self, arguments: &str) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs into status 2 and gives the message.
    #[track_caller]
    fn refused(&self, arguments: &str) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert_eq!(output.stdout, b"");
        stderr(&output)
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Ten hours of minutes of two hosts with an hourly season; `a` has a long spike, `b` falls silent.
fn history() -> Vec<(i64, f64, &'static str)> {
    let mut points = Vec::new();
    for n in 0..600i64 {
        let season = 10.0 * (n as f64 / 60.0 * std::f64::consts::TAU).sin();
        let noise = (n * 7919 % 101) as f64 / 101.0;
        let spike = if (400..430).contains(&n) { 30.0 } else { 0.0 };
        points.push((START + 60 * n, 50.0 + season + noise + spike, "a"));
        if n < 500 {
            points.push((START + 60 * n, 50.0 + season + noise, "b"));
        }
    }
    points
}

fn csv() -> String {
    let rows = history().into_iter().map(|(time, load, host)| format!("{time},{load:.3},{host}\n"));
    "time,load,host\n".to_owned() + &rows.collect::<String>()
}

fn json_lines() -> String {
    let records = history().into_iter().map(|(time, load, host)| {
        let load: f64 = format!("{load:.3}").parse().unwrap();
        // as the filter leaves them
        json!({"host": host, "load": load, "time": time, "score_outlier": 1.5, "anomaly": {"status": "WARN"}})
    });
    records.map(|record| format!("{record}\n")).collect()
}

#[test]
fn what_was_exported_comes_back_by_import() {
    let place = Place::new(&ini(""));
    let exported = place.fine("export cpu --config f.ini");
    let body: Value = serde_json::from_str(&exported).unwrap();
    assert_eq!(body["query"], QUERY);
    assert_eq!(body["options"]["thresholds"]["warning"], 0.5);
    assert_eq!(body["options"]["threshold_windows"]["recovery_window"], "last_15m");
    place.write("m.json", &exported);
    let whole = place.fine("import m.json");
    let config = Config::parse("imported.ini", &whole).unwrap();
    let original = Config::parse("f.ini", &ini("")).unwrap();
    let named = fluent_anomaly::monitors::MonitorSpec::clone(&config.monitors[0].spec);
    assert_eq!(named.query, original.monitors[0].spec.query);
    assert_eq!(named.message, original.monitors[0].spec.message);
    assert_eq!((named.warning, named.no_data_timeframe_min), (Some(0.5), 30));
    assert_eq!(config.sections[0].title(), "datadog.cpu");
    let section = place.fine("import m.json --on cpu --name other");
    assert!(section.starts_with("[monitor.other]\non: cpu\n"), "{section}");
}

#[test]
fn import_tells_what_it_leaves_out_and_what_is_wrong() {
    let place = Place::new("");
    let monitor = json!({"name": "CPU!", "type": "query alert", "query": QUERY, "options": {"escalation_message": "x"}});
    place.write("m.json", monitor.to_string());
    let output = place.run("import m.json");
    assert!(output.status.success());
    assert!(stderr(&output).contains("m.json: escalation_message: left out"), "{}", stderr(&output));
    for (text, told) in [
        ("{\"query\": 1}", "m.json: query: 1 is not allowed"),
        ("not json", "m.json: file: not json is not allowed; allowed is a monitor's JSON"),
        ("{\"type\":\"service check\",\"query\":\"x\"}", "m.json: type: \"service check\" is not allowed"),
        ("{\"query\":\"avg(last_5m):avg:x{*} > 1\"}", "m.json: query: "),
    ] {
        place.write("m.json", text);
        let message = place.refused("import m.json");
        assert!(message.contains(told), "{message}");
    }
    assert!(place.refused("import none.json").contains("none.json: cannot be read"));
    place.write("m.json", b"\xff");
    assert!(place.refused("import m.json").contains("is no UTF-8 text"));
}

#[test]
fn validate_tells_all_problems_with_line_and_key() {
    let place = Place::new(&ini(""));
    assert_eq!(place.fine("validate --config f.ini"), "[monitor.cpu] fine\n");
    assert_eq!(place.fine("validate cpu --config f.ini"), "[monitor.cpu] fine\n");
    assert_eq!(place.fine("validate --all --config f.ini"), "[monitor.cpu] fine\n");
    let wrong = ini("")
        .replace("last_15m', interval=60", "last_15m', interval=600")
        .replace("warning: 0.5", "warning: 2");
    place.write("f.ini", wrong);
    let told = place.refused("validate --config f.ini");
    assert!(told.contains("f.ini:11: [monitor.cpu] query: ") && told.contains("interval"), "{told}");
    assert!(told.contains("f.ini:12: [monitor.cpu] warning: "), "{told}");
    place.write("f.ini", ini(""));
    assert!(
        place
            .refused("validate cpi --config f.ini")
            .contains("there is no [monitor.cpi]; did you mean `cpu`?")
    );
    place.write("f.ini", "[series.x]\nmatch: *\nvalue: $x\n");
    assert!(place.refused("validate --config f.ini").contains("there is no [monitor.*] section to validate"));
}

#[test]
fn datadog_is_asked_with_the_keys_in_headers_and_nowhere_else() {
    let server = Server::start(|request, _| {
        assert_eq!(request.header("dd-api-key"), Some(API_KEY));
        assert_eq!(request.header("dd-application-key"), Some(APP_KEY));
        let body: Value = serde_json::from_str(&request.body).unwrap();
        match (request.target.as_str(), body["query"] == QUERY) {
            ("/api/v1/monitor/validate", true) => Answer::json("{}"),
            ("/api/v1/monitor", true) => Answer::json(r#"{"id":4711,"name":"cpu"}"#),
            _ => Answer::status(404, ""),
        }
    });
    let place = Place::new(&ini(&format!("[general]\napi_url: {}", server.url)));
    assert_eq!(
        place.fine("validate --remote --config f.ini"),
        "[monitor.cpu] fine, and Datadog would take it\n"
    );
    assert_eq!(place.fine("create cpu --config f.ini"), "[monitor.cpu] is Datadog's monitor 4711 now\n");
    let requests = server.requests.lock().unwrap();
    for request in requests.iter() {
        assert_eq!(request.method, "POST");
        assert!(!request.target.contains(API_KEY) && !request.body.contains(APP_KEY));
    }
    assert_eq!(requests.len(), 2);
}

#[test]
fn what_datadog_refuses_is_told_without_the_keys() {
    for (status, answer, code, told) in [
        (
            400,
            r#"{"errors":["The value provided for parameter 'query' is invalid"]}"#,
            2,
            "parameter 'query' is invalid",
        ),
        (
            403,
            &format!(r#"{{"errors":["Forbidden {API_KEY}"]}}"#),
            2,
            "Datadog refuses the keys: status 403: Forbidden ***",
        ),
        (429, "", 1, "Datadog allows no more calls for now"),
        (500, "oops", 1, "Datadog cannot be asked: status 500"),
    ] {
        let answer = answer.to_owned();
        let server = Server::start(move |_, _| Answer::status(status, &answer));
        let place = Place::new(&ini(&format!("[general]\napi_url: {}", server.url)));
        for command in ["validate cpu --remote --config f.ini", "create cpu --config f.ini"] {
            let output = place.run(command);
            assert_eq!(output.status.code(), Some(code), "{status} {}", stderr(&output));
            assert!(stderr(&output).contains(told), "{}", stderr(&output));
            assert!(!stderr(&output).contains(API_KEY) && !stderr(&output).contains(APP_KEY));
        }
    }
    let place = Place::new(&ini(""));
    let output = Command::new(env!("CARGO_BIN_EXE_fluent-anomaly"))
        .args(["monitor", "create", "cpu", "--config", "f.ini"])
        .current_dir(place.0.path())
        .env_remove("DD_API_KEY")
        .env_remove("DATADOG_API_KEY")
        .output()
        .unwrap();
    assert_eq!(
        (output.status.code(), stderr(&output).trim_end()),
        (Some(2), "Datadog: DD_API_KEY is missing")
    );
}

#[test]
fn explain_says_when_a_window_cannot_fill() {
    let place = Place::new(&ini(""));
    let text = place.fine("explain cpu --config f.ini");
    assert!(
        text.contains("  ALERT: 12 of the 15 points of the last 15 min are above the band (80 %).\n"),
        "{text}"
    );
    assert!(text.contains(
        "Written into the records of [series.cpu] as `anomaly`; silent series as `anomaly_silent`."
    ));
    assert!(!text.contains("Caution"));
    place.write(
        "f.ini",
        ini("").replace("'robust'", "'agile'").replace("last_15m", "last_1h").replace(">= 0.8", ">= 1"),
    );
    assert!(
        place
            .fine("explain cpu --config f.ini")
            .contains("Caution: a lasting shift stays outside the band for 45 points")
    );
}

#[test]
fn eval_tells_the_same_of_csv_and_of_annotated_records() {
    let place = Place::new(&ini(""));
    place.write("h.csv", csv());
    place.write("h.jsonl", json_lines());
    let of = |file: &str| -> Value {
        let text = place.fine(&format!("eval cpu --config f.ini --input {file} --format json"));
        let mut whole: Value = serde_json::from_str(&text).unwrap();
        whole.as_object_mut().unwrap().remove("input");
        whole
    };
    let whole = of("h.csv");
    assert_eq!(whole, of("h.jsonl"));
    let (a, b) = (&whole["series"][0], &whole["series"][1]);
    let told = |series: &Value| -> Vec<(i64, String, String)> {
        let transitions = series["transitions"].as_array().unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        transitions
            .iter()
            .map(|t| {
                ((t["time"].as_i64().unwrap() - START) / 60, text(&t["transition"]), text(&t["message"]))
            })
            .collect()
    };
    let row = |minute, transition: &str, message: &str| (minute, transition.to_owned(), message.to_owned());
    // 8 and 12 of 15 points, known when the next point comes
    assert_eq!(told(a)[0], row(408, "OK->WARN", &told(a)[0].2));
    assert_eq!(told(a)[1], row(412, "WARN->ALERT", "a has 0.8"));
    assert_eq!(told(a)[2].1, "ALERT->OK");
    assert_eq!((told(a).len(), &a["judged"], &a["anomalous"]), (3, &json!(420), &json!(30)));
    assert_eq!(a["anomalous_share"].as_f64(), Some(30.0 / 420.0));
    // 30 min after its last point at 499
    assert_eq!(told(b).iter().map(|t| (t.0, t.1.as_str())).collect::<Vec<_>>(), [(530, "OK->NO DATA")]);
    assert_eq!(b["status"], "NO DATA");
}

#[test]
fn eval_prints_a_time_line_and_writes_the_bands() {
    let place = Place::new(&ini(""));
    place.write("h.csv", csv());
    let text = place.fine("eval cpu --config f.ini --input h.csv --bands bands.csv");
    assert!(text.contains("\na\n  600 points from "), "{text}");
    assert!(text.contains("  anomalous: 30 of the 420 points that have a band (7.1 %)\n"), "{text}");
    assert!(text.contains("Z  WARN->ALERT       80.0 % anomalous; value "), "{text}");
    assert!(text.contains("; NO DATA at the end\n"), "{text}");
    let bands = fs::read_to_string(place.0.path().join("bands.csv")).unwrap();
    let rows: Vec<Vec<&str>> = bands.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 1 + 600 + 500);
    assert_eq!(rows[0].join(","), "time,series,value,expected,lower,upper,is_anomaly,status");
    assert_eq!(&rows[1][3..6], ["", "", ""], "no band before the third season");
    let row = rows.iter().filter(|row| row[1] == "a").nth(405).unwrap();
    let number = |at: usize| row[at].parse::<f64>().unwrap();
    assert!(number(2) > number(5) && number(4) < number(3) && number(3) < number(5), "{row:?}");
    assert_eq!(row[6], "true");
}

#[test]
fn bad_input_is_told_with_line_and_column() {
    let place = Place::new(&ini(""));
    for (text, told) in [
        ("", "h.csv: the file is empty: "),
        ("time,load\n0,1\n", "h.csv: line 2: there is only one point"),
        (
            "time,host,zone\n0,a,x\n60,a,x\n",
            "h.csv: line 1: no value among \"time\", \"host\", \"zone\": one of $load, value, raw_value, _value, val is wanted; name another with --value",
        ),
        ("load,host\n0,1\n", "h.csv: line 1: no time among "),
        (
            "time,load\n60,1\n0,1\n60,2\n",
            "h.csv: line 4: the series has a value at this time already, in line 2: name with --by",
        ),
        ("time,load\n0,1\n60,high\n", "h.csv: line 3, column 2 (load): \"high\" is not allowed"),
        ("time,load\n0,1\n60\n", "h.csv: line 3: 1 columns, but the first line has 2"),
        ("{\"time\":0,\"load\":\"high\"}\n", "h.csv: line 1, column load: \"high\" is not allowed"),
        ("{\"time\":0,\"load\":1}\n{\n", "h.csv: line 2: not a record: no JSON at column "),
    ] {
        place.write("h.csv", text);
        let message = place.refused("eval cpu --config f.ini --input h.csv");
        assert!(message.starts_with(told), "{message}");
    }
    place.write("h.csv", "time,x\n60,1\n0,2\n");
    place.fine("eval cpu --config f.ini --input h.csv --value x --sort");
    assert!(place.refused("eval cpu --config f.ini --input none").contains("none: cannot be read"));
}

#[test]
fn a_suggestion_is_ready_to_use() {
    let place = Place::new("");
    place.write("h.csv", csv());
    let text = place.fine("suggest --input h.csv --value load --metric avg:cpu{*}");
    assert!(text.contains("seasonality  hourly\n             - hourly: past seasons explain"), "{text}");
    assert!(text.contains("Tried on the history, ") && text.contains("\n > "), "{text}");
    let (_, ini) = text.split_once("For the configuration:\n\n").unwrap();
    assert!(ini.starts_with("[datadog.metric]\nquery: avg:cpu{*}\n"), "{ini}");
    let config = Config::parse("suggested.ini", ini).unwrap();
    assert_eq!(config.monitors[0].spec.query.interval_s, 60);
    let (_, query) = text.split_once("Query for Datadog:\n\n").unwrap();
    assert_eq!(query.lines().next().unwrap(), config.monitors[0].spec.query.to_string());
    let json: Value =
        serde_json::from_str(&place.fine("suggest --input h.csv --value load --series b --format json"))
            .unwrap();
    assert_eq!(
        (&json["series"], &json["points"], &json["seasonality"]),
        (&json!("b"), &json!(500), &json!("hourly"))
    );
    assert_eq!(json["reasons"][0]["about"], "interval");
    // without a metric of Datadog the section takes records with the file's own fields
    let anywhere = json["ini"].as_str().unwrap();
    let section = "[series.metric]\nmatch: *\nvalue: $load\nby: $host\ntime: $time\n";
    assert!(anywhere.starts_with(section), "{anywhere}");
    Config::parse("suggested.ini", anywhere).unwrap();
    // and eval takes it
    place.write("f.ini", ini);
    place.fine("eval metric --config f.ini --input h.csv --value load");
}

/// Three days of minutes with a daily shape; short spikes on the second day would be in warm-up.
fn spiky(spikes: &[std::ops::Range<i64>]) -> String {
    let mut state = 7u64;
    let rows = (0..6 * 1440i64).map(|n| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let noise = (state >> 40) as f64 / (1u64 << 24) as f64 - 0.5;
        let season = 20.0 * (n as f64 / 1440.0 * std::f64::consts::TAU).sin();
        let spike = if spikes.iter().any(|spike| spike.contains(&n)) { 60.0 } else { 0.0 };
        format!("{},{:.3}\n", 60 * n, 100.0 + season + 4.0 * noise + spike)
    });
    rows.collect()
}

#[test]
fn a_suggestion_is_proved_on_the_history_and_fires_at_short_incidents() {
    let place = Place::new("");
    let spikes = [5000..5006, 6100..6104, 7400..7405];
    place.write("h.csv", spiky(&spikes));
    let windows: Vec<[i64; 2]> = spikes.iter().map(|s| [60 * s.start, 60 * s.end - 1]).collect();
    place.write("i.json", json!({ "h.csv": windows }).to_string());
    let suggested = |args: &str| -> Value {
        serde_json::from_str(&place.fine(&format!("suggest --input h.csv --format json {args}"))).unwrap()
    };
    for args in ["", "--incidents i.json"] {
        let json = suggested(args);
        let chosen = &json["candidates"][json["chosen"].as_u64().unwrap() as usize];
        assert_eq!(json["seasonality"], "daily", "{json}");
        assert!(chosen["alerts"].as_u64().unwrap() >= 2, "{args} {chosen}");
        if !args.is_empty() {
            assert_eq!(
                (&chosen["hits"], &chosen["false_alerts"]),
                (&json!([0, 1, 2]), &json!(0)),
                "{chosen}"
            );
        }
        // what it says is what `monitor eval` says
        place.write("f.ini", json["ini"].as_str().unwrap());
        let eval: Value =
            serde_json::from_str(&place.fine("eval metric --config f.ini --input h.csv --format json"))
                .unwrap();
        let alerts = eval["series"][0]["transitions"].as_array().unwrap().iter();
        let alerts = alerts.filter(|one| one["transition"].as_str().unwrap().ends_with("->ALERT")).count();
        assert_eq!(chosen["alerts"], alerts, "{args} {chosen}");
    }
    let text = place.fine("suggest --input h.csv --incidents i.json");
    assert!(text.contains("3 of 3 known incidents hit, 0 false alerts"), "{text}");
}

#[test]
fn a_quiet_history_gets_the_monitor_that_alerts_soonest_of_those_that_stay_quiet() {
    let place = Place::new("");
    place.write("h.csv", spiky(&[]));
    let json: Value = serde_json::from_str(&place.fine("suggest --input h.csv --format json")).unwrap();
    let chosen = json["chosen"].as_u64().unwrap() as usize;
    assert!(json["candidates"][chosen]["alerts"].as_u64().unwrap() <= 2, "{json}");
    assert!(json["threshold"].as_f64().unwrap() < 1.0 && json["alert_window_s"] == 300, "{json}");
}

#[test]
fn a_suggestion_follows_the_level_where_it_drifts() {
    let place = Place::new("");
    let mut level = 0.0;
    let rows: String = (0..1200i64)
        .map(|n| {
            level += ((n * 7919 % 101) as f64 - 50.0) / 40.0;
            let season = 10.0 * (n as f64 / 60.0 * std::f64::consts::TAU).sin();
            format!("{},{:.3}\n", 60 * n, 100.0 + level + season + (n as f64) * 0.2)
        })
        .collect();
    place.write("h.csv", rows);
    let json: Value = serde_json::from_str(&place.fine("suggest --input h.csv --format json")).unwrap();
    assert_eq!(json["algorithm"], "agile", "{json}");
}

#[test]
fn a_suggestion_needs_enough_history() {
    let place = Place::new("");
    place.write("h.csv", "0,1\n60,2\n120,3\n");
    assert!(place.refused("suggest --input h.csv").contains("h.csv: history of 3 points"));
    place.write("h.csv", csv());
    assert!(
        place
            .refused("suggest --input h.csv --value load --series c")
            .contains("there is no series \"c\"; it has a; b")
    );
    assert!(
        place.refused("suggest --input h.csv --value load --metric x").contains("--metric \"x\": query: ")
    );
}

#[test]
fn check_lists_the_monitors_with_their_memory() {
    let place = Place::new(
        &(ini("")
            + &format!("[monitor.wide]\non: cpu\nprefix: wide_\nquery: {}\n", QUERY.replace(", 3,", ", 6,"))),
    );
    let output = Command::new(env!("CARGO_BIN_EXE_fluent-anomaly"))
        .args(["check", "--config", "f.ini"])
        .current_dir(place.0.path())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("[monitor.cpu]\n  on      [series.cpu]\n  query   avg(last_4h)"), "{text}");
    assert!(text.contains("  writes  wide_anomaly, wide_anomaly_silent\n"), "{text}");
    assert!(text.contains("bytes a series besides its key; shares its band with [monitor.wide]\n"), "{text}");
}

#[test]
fn the_help_of_each_command_has_an_example() {
    let place = Place::new("");
    for command in ["", "import", "export", "validate", "create", "explain", "eval", "suggest"] {
        let help = place.fine(&format!("{command} --help"));
        assert!(help.contains("Example") && help.contains("fluent-anomaly monitor"), "{command}: {help}");
        assert!(!help.contains(API_KEY));
    }
}
