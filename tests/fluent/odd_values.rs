//! Every type of msgpack, and the edges of each, through Fluent Bit with no filter, with a WASM filter that does
//! nothing, and with this one. `docs/reliability.md` tells what the table says.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::common::build;
use crate::common::hosts::executables;
use crate::common::program::{Running, free_port, site};
use crate::fluent_bit::is_3;

/// The filter's own record is lost, or not.
const LOST: &str = "lost";

/// 3.2 reads the two halves of a character beyond U+FFFF apart, and writes bytes that are no UTF-8.
const BROKEN: &str = "broken";

/// One value in a record, and what leaves.
struct Case {
    /// A key and its value in msgpack; several pairs for doubled keys.
    members: Vec<u8>,
    pairs: u8,
    /// The record that shall leave this filter, without `id`.
    ours: &'static str,
    /// What leaves the filter that does nothing, in 5.1 and in 3.2.
    nothing: [&'static str; 2],
}

/// `"x"` with this value.
fn value(value: &[u8], ours: &'static str, nothing: [&'static str; 2]) -> Case {
    Case { members: [b"\xa1x", value].concat(), pairs: 1, ours, nothing }
}

/// This key with 1.
fn key(key: &[u8], ours: &'static str, nothing: [&'static str; 2]) -> Case {
    Case { members: [key, b"\x01"].concat(), pairs: 1, ours, nothing }
}

/// The same from this filter and from one that does nothing, in both hosts.
fn same(bytes: &[u8], json: &'static str) -> Case {
    value(bytes, json, [json, json])
}

/// This value within 25 arrays; 3.2 with any WASM filter ends at 26.
fn nested(value: &[u8]) -> Vec<u8> {
    [&[0x91; 25][..], value].concat()
}

const NAN_25_DEEP: &str = r#"{"x":[[[[[[[[[[[[[[[[[[[[[[[[[null]]]]]]]]]]]]]]]]]]]]]]]]]}"#;

fn float(number: f64) -> Vec<u8> {
    [&[0xcb][..], &number.to_be_bytes()].concat()
}

fn cases() -> Vec<Case> {
    let both = [LOST, LOST];
    vec![
        same(b"\xc0", r#"{"x":null}"#),
        same(b"\xc3", r#"{"x":true}"#),
        same(b"\x7f", r#"{"x":127}"#),
        same(b"\xe0", r#"{"x":-32}"#),
        same(b"\xcf\x00\x20\x00\x00\x00\x00\x00\x01", r#"{"x":9007199254740993}"#),
        same(b"\xcf\x7f\xff\xff\xff\xff\xff\xff\xff", r#"{"x":9223372036854775807}"#),
        same(b"\xd3\x80\x00\x00\x00\x00\x00\x00\x00", r#"{"x":-9223372036854775808}"#),
        same(b"\xca\x3f\x80\x00\x00", r#"{"x":1.0}"#),
        same(&float(-0.0), r#"{"x":-0.0}"#),
        same(&float(0.1), r#"{"x":0.1}"#),
        same(&float(1e22), r#"{"x":1e22}"#),
        same(&float(5e-324), r#"{"x":5e-324}"#),
        same(&float(1.797693134862315e308), r#"{"x":1.797693134862315e308}"#),
        // 16 digits are printed
        same(&float(1046.8333333333335), r#"{"x":1046.833333333333}"#),
        value(&float(f64::NAN), r#"{"x":null}"#, [LOST, r#"{"x":null}"#]),
        value(&float(-f64::NAN), r#"{"x":null}"#, [LOST, r#"{"x":0}"#]),
        value(&float(f64::INFINITY), r#"{"x":null}"#, both),
        value(&float(f64::NEG_INFINITY), r#"{"x":null}"#, [LOST, r#"{"x":0}"#]),
        value(b"\xca\x7f\xc0\x00\x00", r#"{"x":null}"#, [LOST, r#"{"x":null}"#]),
        value(&float(f64::MAX), r#"{"x":1.7976931348623157e308}"#, both),
        value(&float(f64::MIN), r#"{"x":-1.7976931348623157e308}"#, both),
        value(
            b"\x93\xca\x7f\xc0\x00\x00\x01\x81\xa1y\xca\x7f\x80\x00\x00",
            r#"{"x":[null,1,{"y":null}]}"#,
            both,
        ),
        same(b"\xa0", r#"{"x":""}"#),
        same(b"\xa5a\"b\\c", r#"{"x":"a\"b\\c"}"#),
        same(b"\xa6\x00\x01\n\x1f\x7f/", "{\"x\":\"\\u0000\\u0001\\n\\u001f\u{7f}/\"}"),
        same(b"\xa2\xc3\xa9", r#"{"x":"é"}"#),
        same(b"\xa3\xe2\x82\xac", r#"{"x":"€"}"#),
        value(b"\xa4\xf0\x9f\x98\x80", r#"{"x":"😀"}"#, [r#"{"x":"😀"}"#, BROKEN]),
        same(b"\xa4\\x65", r#"{"x":"\\x65"}"#),
        same(b"\xa3nan", r#"{"x":"nan"}"#),
        same(b"\xc4\x02ab", r#"{"x":"ab"}"#),
        value(b"\xd4\x05\x01", r#"{"x":"\u0001"}"#, both),
        value(b"\xd6\x07\x80\xff\x41\x00", r#"{"x":"\u0080\u00ffA\u0000"}"#, both),
        value(
            b"\xd7\x00\x65\x53\xf1\x00\x00\x00\x00\x05",
            r#"{"x":"eSñ\u0000\u0000\u0000\u0000\u0005"}"#,
            both,
        ),
        same(b"\xc7\x00\x05", r#"{"x":""}"#),
        same(b"\x90", r#"{"x":[]}"#),
        same(b"\x81\xa1y\x80", r#"{"x":{"y":{}}}"#),
        key(b"\x01", r#"{"1":1}"#, both),
        key(b"\xff", r#"{"-1":1}"#, both),
        key(&float(1.5), r#"{"1.5":1}"#, both),
        key(&float(f64::NAN), r#"{"nan":1}"#, both),
        key(b"\xc0", r#"{"null":1}"#, both),
        key(b"\xc3", r#"{"true":1}"#, both),
        key(b"\xc2", r#"{"false":1}"#, both),
        key(b"\xd4\x05\x01", r#"{"\u0001":1}"#, both),
        key(b"\x92\x01\xa1a", r#"{"[1,\"a\"]":1}"#, both),
        key(b"\x90", r#"{"[]":1}"#, both),
        key(b"\x81\xa1a\x91\xa1}", r#"{"{\"a\":[\"}\"]}":1}"#, both),
        value(b"\x81\x01\xc0", r#"{"x":{"1":null}}"#, both),
        key(b"\xc4\x01k", r#"{"k":1}"#, [r#"{"k":1}"#, r#"{"k":1}"#]),
        key(b"\xa0", r#"{"":1}"#, [r#"{"":1}"#, r#"{"":1}"#]),
        key(b"\xa3a\"\n", r#"{"a\"\n":1}"#, [r#"{"a\"\n":1}"#, r#"{"a\"\n":1}"#]),
        // deep, among others, and as keys
        value(&nested(b"\xca\x7f\xc0\x00\x00"), NAN_25_DEEP, [LOST, NAN_25_DEEP]),
        value(b"\x92\xd4\x05\x01\xc7\x03\x09\x00\"\\", r#"{"x":["\u0001","\u0000\"\\"]}"#, both),
        value(b"\x81\xa0\x81\xa0\xca\x7f\x80\x00\x00", r#"{"x":{"":{"":null}}}"#, both),
        key(b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", r#"{"18446744073709551615":1}"#, both),
        key(&float(-0.0), r#"{"-0.0":1}"#, both),
        key(b"\x81\xa1a\xca\x7f\xc0\x00\x00", r#"{"{\"a\":nan}":1}"#, both),
        key(b"\x91\xd4\x05\x01", r#"{"[\"\\x01\"]":1}"#, both),
        key(b"\xa5\\x65\"", r#"{"\\x65\"":1}"#, [r#"{"\\x65\"":1}"#, r#"{"\\x65\"":1}"#]),
        same(b"\xaf{\"a\":nan,1:inf}", r#"{"x":"{\"a\":nan,1:inf}"}"#),
        same(b"\xdb\x00\x00\x00\x01a", r#"{"x":"a"}"#),
        same(b"\xdf\x00\x00\x00\x01\xa1y\x01", r#"{"x":{"y":1}}"#),
        same(b"\xdd\x00\x00\x00\x01\x01", r#"{"x":[1]}"#),
        // JSON has one key for both: it is a doubled one
        Case { members: b"\x01\xa1i\xa11\xa1s".to_vec(), pairs: 2, ours: r#"{"1":"s"}"#, nothing: both },
        // of a doubled key the first is not even printed
        Case {
            members: b"\xa1x\x01\xa1x\x02".to_vec(),
            pairs: 2,
            ours: r#"{"x":2}"#,
            nothing: [r#"{"x":2}"#, r#"{"x":2}"#],
        },
    ]
}

/// One event in Forward mode: a record with its number, the value `ms` that is scored where the tag is, and the case.
fn event(tag: &str, id: usize, pairs: u8, members: &[u8]) -> Vec<u8> {
    let mut out = vec![0x92, 0xa0 | tag.len() as u8];
    out.extend_from_slice(tag.as_bytes());
    out.extend_from_slice(b"\x91\x92\xce\x65\x53\xf1\x00");
    out.push(0x82 + pairs);
    out.extend_from_slice(b"\xa2id\xcd");
    out.extend_from_slice(&(id as u16).to_be_bytes());
    out.extend_from_slice(b"\xa2ms\x05");
    out.extend_from_slice(members);
    out
}

/// None, a filter that does nothing, this one where no section scores the record, and where one does.
const TAGS: [&str; 4] = ["none", "nothing", "unscored", "scored"];

/// A WASM filter for these tags.
fn wasm(folder: &Path, tag: &str, module: &Path, function: &str) -> String {
    format!(
        "[FILTER]\n    name wasm\n    match {tag}\n    wasm_path {}\n    function_name {function}\n    accessible_paths {}\n",
        module.display(),
        folder.join("fluent-config").display()
    )
}

/// Starts a host whose input listens on the port that `configuration` is told, and connects to it. Records with these tags are
/// scored.
fn start(
    program: &Path,
    tag: &str,
    configuration: impl Fn(u16, &Path) -> String,
) -> (TempDir, Running, TcpStream) {
    let site = site();
    let folder = site.path();
    let ini = format!(
        "[filter]\nstate: off\n[series.s]\nmatch: {tag}\nvalue: $ms\nk: 2\nwarm_up: off\nanomaly_score: off\n"
    );
    fs::write(folder.join("fluent-config/fluent-anomaly.ini"), ini).unwrap();
    let port = free_port();
    fs::write(folder.join("c.conf"), configuration(port, folder)).unwrap();
    let mut running = Running::start(program, &["-c", "c.conf"], folder, "run");
    running.wait_for("port", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    (site, running, stream)
}

fn configuration(port: u16, folder: &Path) -> String {
    let ours = build::wasm_module();
    [
        "[SERVICE]\n    flush 0.2\n    grace 1\n".to_owned(),
        format!("[INPUT]\n    name forward\n    listen 127.0.0.1\n    port {port}\n    threaded true\n"),
        wasm(folder, "nothing", build::noop_module(), "noop"),
        wasm(folder, "unscored", ours, "anomaly_filter"),
        wasm(folder, "scored", ours, "anomaly_filter"),
        format!("[OUTPUT]\n    name file\n    match *\n    path {}\n    format plain\n", folder.display()),
    ]
    .concat()
}

/// The record as it left, without its number and what belongs to the score; `lost` if it did not leave.
fn left(folder: &Path, tag: &str, id: usize) -> String {
    let text = fs::read(folder.join(tag)).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let mark = format!("\"id\":{id},");
    let Some(line) = text.lines().find(|line| line.contains(&mark)) else { return LOST.to_owned() };
    // the output prints 16 digits, too: beyond the range
    let line = line.replace("1.797693134862316e+308", "1.7976931348623157e308");
    let Ok(Value::Object(mut record)) = serde_json::from_str(&line) else { return line };
    let added =
        |name: &str| name.starts_with("metric_") || name.starts_with("score_") || name == "anomaly_error";
    record.retain(|name, _| name != "id" && name != "ms" && !added(name));
    Value::Object(record).to_string()
}

#[test]
fn no_record_is_lost_whatever_msgpack_it_holds() {
    for program in executables("FLUENT_BIT") {
        let is_3 = is_3(&program);
        let (site, mut running, mut stream) = start(&program, "scored", configuration);
        let folder = site.path();
        let cases = cases();
        for tag in TAGS {
            for (id, case) in cases.iter().enumerate() {
                stream.write_all(&event(tag, id, case.pairs, &case.members)).unwrap();
            }
            stream.write_all(&event(tag, cases.len(), 1, b"\xa1x\x01")).unwrap();
        }
        // in the order of arrival: when the last of each tag is there, all are
        running.wait_for("last records", || {
            TAGS.iter().all(|tag| left(folder, tag, cases.len()) == r#"{"x":1}"#)
        });
        running.stop();

        let mut wrong = Vec::new();
        for (id, case) in cases.iter().enumerate() {
            let json =
                |text: &str| serde_json::from_str::<Value>(text).map_or(text.to_owned(), |v| v.to_string());
            if left(folder, "none", id) == LOST {
                wrong.push(format!("{}: lost without a filter", case.ours));
            }
            let nothing = case.nothing[usize::from(is_3)];
            for (tag, expected) in [("nothing", nothing), ("unscored", case.ours), ("scored", case.ours)] {
                let got = left(folder, tag, id);
                // beyond the range of floats 3.2 reads infinity, and prints what is no JSON
                let is_infinite = nothing == LOST && is_3 && got.contains("inf") && tag == "nothing";
                let is_broken = expected == BROKEN && got != json(case.ours);
                if got != json(expected) && !is_infinite && !is_broken {
                    wrong.push(format!("{}, {tag}: {got} instead of {expected}", case.ours));
                }
            }
        }
        assert!(wrong.is_empty(), "{}:\n{}", program.display(), wrong.join("\n"));
        let scored = fs::read_to_string(folder.join("scored")).unwrap();
        assert!(scored.lines().all(|line| line.contains("score_outlier")), "each one is scored");
        let told = scored.matches("anomaly_error").count();
        // 3.2 makes a new instance for each chunk
        assert!(if is_3 { told >= 1 } else { told == 1 }, "{}: told {told} times", program.display());
    }
}

/// A request to the OpenTelemetry input: one record with a resource, a scope and an attribute.
const OTLP: &str = r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"svc-one"}}]},
"scopeLogs":[{"scope":{"name":"lib-one"},"logRecords":[{"timeUnixNano":"1700000000000000000","attributes":[{"key":"att","value":{"stringValue":"att-one"}}],
"body":{"kvlistValue":{"values":[{"key":"ms","value":{"intValue":"5"}}]}}}]}]}]}"#;

/// What the host writes of a request to the OpenTelemetry input, once `last` stands in it.
fn left_of_opentelemetry(program: &Path, body: &str, last: &str) -> String {
    let (site, mut running, mut stream) = start(program, "*", |port, folder| {
        format!(
            "[SERVICE]\n    flush 0.2\n    grace 1\n[INPUT]\n    name opentelemetry\n    listen 127.0.0.1\n    port {port}\n    threaded true\n\
                 {}[OUTPUT]\n    name stdout\n    match *\n",
            wasm(folder, "*", build::wasm_module(), "anomaly_filter")
        )
    });
    let head = format!(
        "POST /v1/logs HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).unwrap();
    let file = site.path().join("run.stdout");
    running.wait_for("the last record", || fs::read_to_string(&file).unwrap_or_default().contains(last));
    running.stop();
    String::from_utf8(running.stdout()).unwrap()
}

/// Resource and scope stand in events of their own, which 3.2 drops behind any WASM filter.
#[test]
fn resource_and_scope_of_opentelemetry_stay_where_the_host_lets_them() {
    for program in executables("FLUENT_BIT") {
        let is_3 = is_3(&program);
        let left = left_of_opentelemetry(&program, OTLP, "score_change");
        assert!(left.contains("att-one"), "{left}");
        for part in ["svc-one", "lib-one"] {
            assert_eq!(left.contains(part), !is_3, "{part} in {}: {left}", program.display());
        }
    }
}

/// Two resources with two records each, each record with metadata of its own.
fn otlp_groups() -> String {
    let record = |service: &str, n: usize| {
        serde_json::json!({"timeUnixNano": "1700000000000000000", "severityText": format!("sev-{service}-{n}"),
            "body": {"kvlistValue": {"values": [{"key": "ms", "value": {"intValue": "5"}}, {"key": "of", "value": {"stringValue": format!("rec-{service}-{n}")}}]}}})
    };
    let resource = |service: &str| {
        serde_json::json!({"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": format!("svc-{service}")}}]},
            "scopeLogs": [{"scope": {"name": format!("lib-{service}")}, "logRecords": [record(service, 1), record(service, 2)]}]})
    };
    serde_json::json!({"resourceLogs": [resource("one"), resource("two")]}).to_string()
}

/// Each record stays between the marks of its own group, and keeps the metadata that it came with.
#[test]
fn groups_and_metadata_of_records_stay_where_the_host_lets_them() {
    for program in executables("FLUENT_BIT") {
        let is_3 = is_3(&program);
        let left = left_of_opentelemetry(&program, &otlp_groups(), "rec-two-2");
        let mut wanted = vec!["rec-one-1", "rec-one-2", "rec-two-1", "rec-two-2"];
        if !is_3 {
            wanted = vec![
                "svc-one",
                "lib-one",
                "sev-one-1",
                "rec-one-1",
                "sev-one-2",
                "rec-one-2",
                "svc-two",
                "lib-two",
                "sev-two-1",
                "rec-two-1",
                "sev-two-2",
                "rec-two-2",
            ];
        }
        let mut rest = left.as_str();
        for part in wanted {
            let (_, behind) =
                rest.split_once(part).unwrap_or_else(|| panic!("{part} in {}: {left}", program.display()));
            rest = behind;
        }
        assert_eq!(left.matches("\"score_change\"").count(), 4, "{left}");
    }
}

/// An event of the second form, `[[time, metadata], record]`, as Fluent Bit forwards it to another one.
#[test]
fn metadata_of_forwarded_records_stays() {
    for program in executables("FLUENT_BIT") {
        let (site, mut running, mut stream) = start(&program, "scored", |port, folder| {
            format!(
                "[SERVICE]\n    flush 0.2\n    grace 1\n[INPUT]\n    name forward\n    listen 127.0.0.1\n    port {port}\n    threaded true\n\
                 {}[OUTPUT]\n    name stdout\n    match *\n",
                wasm(folder, "*", build::wasm_module(), "anomaly_filter")
            )
        });
        // one that is scored, one that no section matches, a record that the host cannot print
        for (tag, value) in [
            (&b"\xa6scored"[..], &b"\x05"[..]),
            (b"\xa5other", b"\x05"),
            (b"\xa6scored", b"\xca\x7f\xc0\x00\x00"),
        ] {
            let entry =
                [&b"\x92\x92\xce\x65\x53\xf1\x00\x81\xa4meta\xa5stays\x82\xa2ms"[..], value, b"\xa1x\xa1y"]
                    .concat();
            stream.write_all(&[&b"\x92"[..], tag, b"\x91", &entry].concat()).unwrap();
        }
        let file = site.path().join("run.stdout");
        running.wait_for("the records", || {
            fs::read_to_string(&file).unwrap_or_default().matches("\"x\"=>\"y\"").count() == 3
        });
        running.stop();
        let left = String::from_utf8(running.stdout()).unwrap();
        assert_eq!(left.matches("{\"meta\"=>\"stays\"}").count(), 3, "{}: {left}", program.display());
    }
}
