//! Values of options that are wrong: the option, the value, and what is allowed are told. Values with a kind of their own, and
//! names, are tried by the command itself (`cargo test --bin fluent-anomaly usage`).

use std::fs;

use crate::common::program::run;

const CONFIG: &str = "[filter]\nstate: off\n[general]\nforward: tcp://127.0.0.1:1\n[datadog.cpu]\nquery: avg:system.cpu.idle{*}\n[monitor.cpu]\non: cpu\nquery: avg(last_4h):anomalies(avg:system.cpu.idle{*}, 'agile', 2, alert_window='last_15m', interval=60) >= 0.8\n";

/// A command with a wrong value, and parts of what is said.
type Mistake = (&'static [&'static str], &'static [&'static str]);

const MISTAKES: [Mistake; 50] = [
    (&["filter", "--tag-key", "$a.b"], &["--tag-key: \"$a.b\" is not allowed: write $['a.b']"]),
    (&["filter", "--time-key", "$a..b"], &["--time-key: \"$a..b\" is not allowed: write $['a..b']"]),
    (&["filter", "--tag-key", ""], &["--tag-key: "]),
    (&["filter", "--value", "$a.b", "h.csv"], &["--value: \"$a.b\" is not allowed: write $['a.b']"]),
    (
        &["filter", "--value", "v", "--by", "$a.b", "h.csv"],
        &["--by: \"$a.b\" is not allowed: write $['a.b']"],
    ),
    (&["filter", "--value", "", "h.csv"], &["--value: \"\" is not allowed: a field such as $latency_ms"]),
    (&["filter", "--by", "host", "h.csv"], &["--value <FIELD>"]),
    (
        &["filter", "--metrics", "9127"],
        &["'--metrics <ADDRESS>'", "\"9127\"", "127.0.0.1:9127 or localhost:9127"],
    ),
    (&["filter", "--log", "none/x"], &["--log: none/x: "]),
    (&["filter", "--time", "nope", "h.csv"], &["--time: there is no \"nope\"; there are time, value"]),
    (&["filter", "-c", "nope.ini"], &["nope.ini: cannot be read", "--config"]),
    (&["check", "-c", "nope.ini"], &["nope.ini: cannot be read", "name another with --config"]),
    (&["eval", "-c", "c.ini", "--section", "nope", "h.csv"], &["--section nope: there is only datadog.cpu"]),
    (&["eval", "--labels", "nope", "h.csv"], &["--labels: nope: cannot be read"]),
    (
        &["eval", "--labels", "h.csv", "h.csv"],
        &["--labels: h.csv: ", "wanted: {\"folder/file.csv\": [[\"start\", \"end\"]"],
    ),
    (
        &["eval", "--value", "nope", "h.csv"],
        &["no value among \"time\", \"value\": one of nope is wanted; name another with --value"],
    ),
    (
        &["eval", "--time", "nope", "h.csv"],
        &["no time among \"time\", \"value\": one of nope is wanted; name another with --time"],
    ),
    (&["eval", "--by", "nope", "h.csv"], &["no column is named \"nope\" (--by); there are "]),
    (&["eval", "none.csv"], &["none.csv: "]),
    (&["config", "keys", "--section", "nope"], &["--section: there is no [nope]; there are datadog, filter"]),
    (&["dd", "--api", "v3"], &["--api: \"v3\" given; allowed are v2, v1"]),
    (&["dd", "--compress", "zip"], &["--compress: \"zip\" given; allowed are deflate, gzip, off"]),
    (&["dd", "--timeout", "0"], &["--timeout: \"0\" given; allowed are 0.1 to 60 seconds"]),
    (&["dd", "--timeout", "-1"], &["--timeout: \"-1\" given; allowed are 0.1 to 60 seconds"]),
    (
        &["dd", "--patience", "-1"],
        &["'-1' for '--patience <SECONDS>': a whole number is wanted, 0 to 4294967295"],
    ),
    (
        &["dd", "--site", "https://datadoghq.com"],
        &["--site: \"https://datadoghq.com\" given; a site is a name such as datadoghq.eu"],
    ),
    (
        &["dd", "--url", "http://example.com"],
        &["--url: http would show the key", "https://host[:port][/path] is allowed"],
    ),
    (&["dd", "--api-key-file", "nope"], &["--api-key-file: \"nope\" cannot be read"]),
    (
        &["pull", "--forward", "http://x"],
        &["--forward: `http://x` is no server address: tcp://host:port or tls://host:port"],
    ),
    (&["pull", "--forward", ""], &["--forward: `` is no server address: tcp://host:port or tls://host:port"]),
    (&["pull", "--metrics", "x"], &["'--metrics <ADDRESS:PORT>'", "\"x\"", "localhost:9127"]),
    (&["replay", "--start", "yesterday"], &["--start: \"yesterday\" is not allowed: \"2026-11-20 12:00\""]),
    (
        &["replay", "--start", "2026-11-20", "--end", "2026-11-19"],
        &["--end: \"2026-11-19\" is not behind --start"],
    ),
    (
        &["replay", "--start", "2026-11-20", "--timezone", "Europe/Wien"],
        &["--timezone: 'Europe/Wien' is no time zone", "Europe/Vienna"],
    ),
    (&["replay", "nope", "--start", "2026-11-20"], &["there is no section [datadog.nope]; there are: cpu"]),
    (&["select-k", "nope"], &["there is no section [datadog.nope]; there are: cpu"]),
    (
        &["select-k", "--input", "h.csv", "--value", "nope"],
        &["one of nope is wanted; name another with --value"],
    ),
    (&["serve", "--listen", "foo"], &["--listen: `foo` is no address to listen on: tcp://host:port"]),
    (&["serve", "--to", "udp://x"], &["--to: `udp://x` is no server address: tcp://host:port"]),
    (&["serve", "--to", "dd", "--dd-url", "foo"], &["--dd-url: the scheme is neither https nor http"]),
    (&["report", "-c", "c.ini", "--monitor", "nope", "h.csv"], &["there is no [monitor.nope]; it has cpu"]),
    (&["report", "--monitor", "cpu", "h.csv"], &["--config <FILE>"]),
    (&["monitor", "eval", "nope", "h.csv"], &["there is no [monitor.nope]; it has cpu"]),
    (&["monitor", "explain", "nope"], &["there is no [monitor.nope]; it has cpu"]),
    (
        &["monitor", "suggest", "h.csv", "--series", "nope"],
        &["--series: h.csv: there is no series \"nope\"; it has one series without a name"],
    ),
    (&["monitor", "suggest", "h.csv", "--incidents", "nope"], &["--incidents: nope: cannot be read"]),
    (&["monitor", "suggest", "h.csv", "--on", "a b"], &["--on \"a b\" is not allowed: letters, digits"]),
    (&["monitor", "import", "m.json", "--name", "a b"], &["--name \"a b\" is not allowed: letters, digits"]),
    (&["monitor", "import", "m.json", "--on", ""], &["--on \"\" is not allowed: letters, digits"]),
    (&["init", "h.csv", "--tag", ""], &["--tag: \"\" is not allowed"]),
];

#[test]
fn a_wrong_value_of_an_option_is_told_with_the_option_the_value_and_what_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("fluent-anomaly.ini"), CONFIG).unwrap();
    fs::write(folder.path().join("c.ini"), CONFIG).unwrap();
    fs::write(folder.path().join("m.json"), "{}").unwrap();
    fs::write(folder.path().join("h.csv"), "time,value\n0,1\n60,2\n").unwrap();
    for (command, parts) in MISTAKES {
        let init = [command, &["--output", "made"]].concat();
        let command = if command.first() == Some(&"init") { &init[..] } else { command };
        let output = run(&folder, command);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{command:?}: {said}");
        for part in parts {
            assert!(said.contains(part), "{command:?}: {part}\n{said}");
        }
    }
}
