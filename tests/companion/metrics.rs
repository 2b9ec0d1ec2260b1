//! The companion's metrics: the text is OpenMetrics, the endpoint answers one question and is not held up.

use fluent_anomaly::native::{Counters, DropReason, metrics};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

/// What is wrong with an OpenMetrics text, as far as this program uses the format: families, suffixes, labels.
fn check(text: &str) -> Result<usize, String> {
    let Some(body) = text.strip_suffix("# EOF\n") else { return Err("no # EOF at the end".into()) };
    let (mut families, mut samples) = (BTreeSet::new(), BTreeSet::new());
    let (mut family, mut kind) = (String::new(), String::new());
    for line in body.lines() {
        let wrong = |what: &str| Err(format!("{what}: {line:?}"));
        if let Some(meta) = line.strip_prefix("# ") {
            let Some((word, rest)) = meta.split_once(' ') else { return wrong("no metadata") };
            let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            match word {
                "TYPE" if !["counter", "gauge", "info"].contains(&rest) => return wrong("unknown type"),
                "TYPE" if !families.insert(name.to_owned()) => return wrong("family twice"),
                "TYPE" => (family, kind) = (name.to_owned(), rest.to_owned()),
                _ if name != family => return wrong("metadata of another family"),
                "UNIT" if !name.ends_with(&format!("_{rest}")) => return wrong("unit not in the name"),
                "HELP" if rest.is_empty() => return wrong("no help"),
                "UNIT" | "HELP" => {}
                _ => return wrong("unknown metadata"),
            }
            continue;
        }
        let Some((series, value)) = line.rsplit_once(' ') else { return wrong("no value") };
        if !value.parse::<f64>().is_ok_and(f64::is_finite) {
            return wrong("no number");
        }
        let (name, labels) = match series.split_once('{') {
            Some((name, labels)) => (name, labels.strip_suffix('}').ok_or(format!("open labels: {line:?}"))?),
            None => (series, ""),
        };
        let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(letters) || name.starts_with(|c: char| c.is_ascii_digit()) {
            return wrong("bad name");
        }
        let suffix = match kind.as_str() {
            "counter" => "_total",
            "info" => "_info",
            _ => "",
        };
        if name != format!("{family}{suffix}") {
            return wrong("not of this family");
        }
        if !labels.is_empty() {
            let Some((key, quoted)) = labels.split_once('=') else { return wrong("no label") };
            let inner = quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
            let Some(inner) = inner else { return wrong("label without quotes") };
            let plain = inner.replace("\\\\", "").replace("\\\"", "").replace("\\n", "");
            if !key.chars().all(letters) || plain.contains(['"', '\\']) {
                return wrong("bad label");
            }
        }
        if !samples.insert(series.to_owned()) {
            return wrong("sample twice");
        }
    }
    Ok(samples.len())
}

fn about() -> metrics::About {
    metrics::About { version: "0.1.0", started: 1_000, now: 2_000 }
}

#[test]
fn the_checker_finds_what_is_wrong() {
    assert_eq!(check("# TYPE a gauge\n# HELP a x.\na{b=\"\\\"c\\\\\"} 1\n# EOF\n"), Ok(1));
    for bad in [
        "# TYPE a gauge\na 1\n",
        "# TYPE a counter\na 1\n# EOF\n",
        "# TYPE a gauge\nb 1\n# EOF\n",
        "# TYPE a gauge\na 1\na 1\n# EOF\n",
        "# TYPE a gauge\n# TYPE a gauge\n# EOF\n",
        "# TYPE a gauge\n# UNIT a seconds\n# EOF\n",
        "# TYPE a gauge\na NaN\n# EOF\n",
        "# TYPE a gauge\na{b=\"c\"d\"} 1\n# EOF\n",
        "# TYPE a gauge\n\na 1\n# EOF\n",
    ] {
        assert!(check(bad).is_err(), "{bad}");
    }
}

#[test]
fn all_counters_become_a_valid_text() {
    let counters = Counters::default();
    assert!(check(&metrics::render(&counters.snapshot(), about())).is_ok());
    counters.acknowledged.store(7, Relaxed);
    counters.budget_left.store(193, Relaxed);
    counters.drop_points(DropReason::Duplicate, 5);
    counters.section("cpu", |gauges| {
        gauges.complete_to = 1_910;
        gauges.pulled_at = Some(1_950);
        gauges.acknowledged = 7;
        gauges.series = 3;
    });
    counters.section("odd \"name\" \\ of\na section", |gauges| gauges.acknowledged = 1);
    let text = metrics::render(&counters.snapshot(), about());
    assert_eq!(check(&text), Ok(24), "{text}");
    for line in [
        "fluent_anomaly_build_info{version=\"0.1.0\"} 1",
        "fluent_anomaly_up 1",
        "fluent_anomaly_points_acknowledged_total 7",
        "fluent_anomaly_api_budget_left 193",
        "fluent_anomaly_points_dropped_total{reason=\"duplicate\"} 5",
        "fluent_anomaly_query_lag_seconds{section=\"cpu\"} 90",
        "fluent_anomaly_query_last_pull_seconds{section=\"cpu\"} 1950",
        "fluent_anomaly_query_points_acknowledged_total{section=\"cpu\"} 7",
    ] {
        assert!(text.contains(&format!("\n{line}\n")), "{line}\n{text}");
    }
}

fn ask(address: SocketAddr, request: &[u8]) -> String {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.write_all(request).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer
}

fn serve() -> (SocketAddr, Arc<Counters>) {
    let counters = Arc::new(Counters::default());
    let shared = counters.clone();
    let text = move || metrics::render(&shared.snapshot(), about());
    (metrics::serve("127.0.0.1:0".parse().unwrap(), text).unwrap(), counters)
}

#[test]
fn get_metrics_is_answered_with_the_present_counters() {
    let (address, counters) = serve();
    counters.pulled.store(41, Relaxed);
    let answer = ask(address, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(
        head.contains("\r\nContent-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n")
    );
    assert!(head.contains(&format!("\r\nContent-Length: {}\r\n", body.len())), "{head}");
    assert!(check(body).is_ok() && body.contains("\nfluent_anomaly_points_pulled_total 41\n"), "{body}");
}

#[test]
fn everything_else_is_refused_with_its_status() {
    let (address, _) = serve();
    let long = format!("GET /metrics HTTP/1.1\r\nX: {}", "y".repeat(20_000));
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n", "404"),
        ("GET /metrics/../etc/passwd HTTP/1.1\r\n\r\n", "404"),
        ("POST /metrics HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", "405"),
        ("DELETE /metrics HTTP/1.0\r\n\r\n", "405"),
        ("GET /metrics\r\n\r\n", "400"),
        ("\u{fffd}\u{0}\r\n\r\n", "400"),
        (long.as_str(), "431"),
    ] {
        let answer = ask(address, request.as_bytes());
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request:.60}: {answer}");
        assert!(!answer.contains("fluent_anomaly_up"), "{answer}");
    }
    assert!(ask(address, b"POST /metrics HTTP/1.1\r\n\r\n").contains("\r\nAllow: GET\r\n"));
}

#[test]
fn probes_tell_a_process_that_lives_from_one_that_takes_work() {
    let draining = Arc::new(AtomicBool::new(false));
    let asked = draining.clone();
    let ready = move || !asked.load(Relaxed);
    let address = metrics::serve_with_readiness("127.0.0.1:0".parse().unwrap(), String::new, ready).unwrap();
    let status =
        |path: &str| ask(address, format!("GET {path} HTTP/1.1\r\n\r\n").as_bytes())[9..12].to_owned();
    assert_eq!((status("/healthz"), status("/readyz")), ("200".to_owned(), "200".to_owned()));
    draining.store(true, Relaxed);
    assert_eq!((status("/healthz"), status("/readyz")), ("200".to_owned(), "503".to_owned()));
}

#[test]
fn clients_that_say_nothing_do_not_keep_others_out() {
    let (address, _) = serve();
    let silent: Vec<TcpStream> = (0..6).map(|_| TcpStream::connect(address).unwrap()).collect();
    let answer = ask(address, b"GET /metrics HTTP/1.1\r\n\r\n");
    assert!(answer.contains("\nfluent_anomaly_up 1\n"), "{answer}");
    drop(silent);
}

#[test]
fn an_address_that_is_taken_is_an_error_with_the_address() {
    let (address, _) = serve();
    let error = metrics::serve(address, String::new).unwrap_err().to_string();
    assert!(error.contains(&address.to_string()), "{error}");
}
