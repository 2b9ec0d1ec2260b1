//! Logs and exports of other programs, as they write them: an hour or more of requests of about 50 ms, one of which took
//! far longer.

use serde_json::{Value, json};

const ROWS: u32 = 600;
/// 2026-11-20 00:00:00 UTC, seconds since 1970.
const START: i64 = 1_795_132_800;

fn seconds(n: u32) -> i64 {
    START + 10 * i64::from(n)
}

/// `00:00:00`
fn clock(n: u32) -> String {
    format!("{:02}:{:02}:{:02}", n / 360, n / 6 % 60, n % 6 * 10)
}

/// `2026-11-20T00:00:00`, with this sign between date and time.
fn date(n: u32, between: &str) -> String {
    format!("2026-11-20{between}{}", clock(n))
}

/// `20/Nov/2026:00:00:00`
fn access_date(n: u32) -> String {
    format!("20/Nov/2026:{}", clock(n))
}

/// Milliseconds.
fn took(n: u32) -> f64 {
    40.0 + f64::from(n * n * 31 % 211) / 10.0 + if n == 500 { 900.0 } else { 0.0 }
}

fn whole(n: u32) -> u32 {
    took(n) as u32
}

fn lines(line: impl Fn(u32) -> String) -> String {
    (0..ROWS).map(|n| line(n) + "\n").collect()
}

fn records(record: impl Fn(u32) -> Value) -> String {
    lines(|n| record(n).to_string())
}

/// Name and text of each.
pub(super) fn samples() -> Vec<(&'static str, String)> {
    let mut samples = logs();
    samples.extend(events());
    samples.extend(metrics());
    samples
}

/// Lines of programs.
fn logs() -> Vec<(&'static str, String)> {
    vec![
        ("java.log", lines(|n| {
            let trace = if n % 40 == 7 {
                "\njava.lang.IllegalStateException: cart is empty\n\tat com.example.shop.Cart.total(Cart.java:88)\nCaused by: java.io.IOException: reset\n\t... 12 more"
            } else {
                ""
            };
            format!("{},{:03} INFO  [http-nio-8080-exec-{}] c.e.shop.OrderService - Order {n} processed in {} ms{trace}", date(n, " "), n % 1000, n % 5, whole(n))
        })),
        ("vhost.log", lines(|n| format!("www.example.com:443 10.0.0.{} - - [{} +0000] \"GET /a/{} HTTP/1.1\" {} {} \"-\" \"curl/8\" {}", n % 9, access_date(n), n % 7, if n % 50 == 0 { 500 } else { 200 }, 1000 + whole(n), 1000 * whole(n)))),
        ("iis.log", "#Software: Microsoft Internet Information Services 10.0\n#Version: 1.0\n#Date: 2026-11-20 00:00:00\n#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken\n".to_owned()
            + &lines(|n| format!("{} 10.0.0.1 GET /a/{} - 443 - 192.168.0.{} Mozilla/5.0+(X11) - 200 0 0 {}", date(n, " "), n % 5, n % 9, whole(n)))),
        ("pg.csv", lines(|n| format!("{}.123 UTC,\"app\",\"shop\",{},\"10.0.0.5:4{}\",655f{},{n},\"SELECT\",2026-11-20 00:00:00 UTC,3/12,0,LOG,00000,\"duration: {} ms  statement: SELECT 1\",,,,,,,,,\"psql\",\"client backend\",,0", date(n, " "), 1000 + n % 4, n % 9, n % 4, took(n)))),
        ("mysql-slow.log", "/usr/sbin/mysqld, Version: 8.0.35 (MySQL Community Server - GPL). started with:\nTcp port: 3306  Unix socket: /var/run/mysqld/mysqld.sock\nTime                 Id Command    Argument\n".to_owned()
            + &lines(|n| format!("# Time: {}.{n:06}Z\n# User@Host: app[app] @ web-{} [10.0.0.{}]  Id: {n}\n# Query_time: {:.6}  Lock_time: 0.000{} Rows_sent: {}  Rows_examined: {}\nSET timestamp={};\nSELECT * FROM orders WHERE id = 1;", date(n, "T"), n % 3, n % 3, took(n) / 10.0, n % 9, n % 17, 1000 + n % 300, seconds(n)))),
        ("cri.log", lines(|n| format!("{}.000000001+00:00 {} {} {}", date(n, "T"), if n % 20 == 0 { "stderr" } else { "stdout" }, if n % 50 == 3 { "P" } else { "F" }, json!({"level": "info", "stream": "orders", "took_ms": took(n)})))),
        ("haproxy.log", lines(|n| format!("Nov 20 {} lb-1 haproxy[12]: 10.0.0.{}:4{:04} [{}.{:03}] www~ app/web{} 0/0/{}/{}/{} 200 {} - - ---- {}/20/3/1/0 0/0 \"GET /a HTTP/1.1\"", clock(n), n % 9, n % 900, access_date(n), n % 1000, n % 3, n % 4, whole(n), whole(n) + 5, 1200 + n % 90, n % 30))),
        ("alb.log", lines(|n| format!("https {}.186641Z app/my-lb/50dc6c495c0c9188 192.168.131.{}:2817 10.0.0.{}:80 0.086 {:.3} 0.037 {} 200 0 {} \"GET https://www.example.com:443/ HTTP/1.1\" \"curl/7.46.0\" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:x \"Root=1-58337281-{n:024x}\" \"www.example.com\" \"arn:aws:acm\" 1 {}.000000Z \"forward\" \"-\" \"-\" \"10.0.0.1:80\" \"200\" \"-\" \"-\"", date(n, "T"), n % 9, n % 3, took(n) / 1000.0, if n % 50 == 0 { 502 } else { 200 }, 57 + n % 9, date(n, "T")))),
        ("cef.log", lines(|n| format!("Nov 20 {} fw1 CEF:0|Check Point|VPN-1|R80|accept|Accept|3|rt={}000 src=10.0.0.{} dst=10.1.0.1 spt=4{} dpt=443 proto=TCP in={} out={} act=Accept", clock(n), seconds(n), n % 9, n % 900, 1000 + whole(n), 2000 + whole(n)))),
        ("leef.log", lines(|n| format!("{}Z fw1 LEEF:2.0|Lancope|StealthWatch|1.0|41|^|src=10.0.0.{}^dst=10.1.0.1^sev=5^bytesIn={}", date(n, "T"), n % 9, 1000 + whole(n)))),
        ("traefik.log", lines(|n| format!("10.0.0.{} - - [{} +0000] \"GET /a HTTP/2.0\" 200 {} \"-\" \"-\" {n} \"app@docker\" \"http://10.0.0.1:80\" {}ms", n % 9, access_date(n), 100 + n % 9, whole(n)))),
        ("squid.log", lines(|n| format!("{}.{:03} {:6} 10.0.0.{} TCP_MISS/200 {} GET http://example.com/ - HIER_DIRECT/1.2.3.4 text/html", seconds(n), n % 1000, whole(n), n % 9, 1000 + n % 99))),
        ("usdates.csv", "Date,Server,Response Time (ms)\n".to_owned() + &(0..ROWS).step_by(6).map(|n| format!("11/20/2026 {},srv{},{}\n", &clock(n)[..5], n % 2, took(n))).collect::<String>()),
        ("eudates.csv", "Datum;Server;Antwortzeit ms\n".to_owned() + &lines(|n| format!("20.11.2026 {};srv{};{}", clock(n), n % 2, took(n).to_string().replace('.', ",")))),
    ]
}

/// Events as JSON.
fn events() -> Vec<(&'static str, String)> {
    vec![
        ("journal.json", records(|n| json!({"__CURSOR": format!("s={n}"), "__REALTIME_TIMESTAMP": format!("{}000000", seconds(n)), "__MONOTONIC_TIMESTAMP": (n * 10).to_string(), "_BOOT_ID": "b", "PRIORITY": "6", "_HOSTNAME": "web-1", "_SYSTEMD_UNIT": format!("app{}.service", n % 2), "SYSLOG_IDENTIFIER": "app", "_PID": (100 + n % 2).to_string(), "MESSAGE": format!("request done duration_ms={} status=200", took(n))}))),
        ("docker.json", records(|n| json!({"log": json!({"time": date(n, "T") + "+00:00", "level": "info", "route": format!("/r{}", n % 3), "latency_ms": took(n)}).to_string() + "\n", "stream": "stdout", "time": date(n, "T") + ".123456789Z"}))),
        ("envoy.json", records(|n| json!({"start_time": date(n, "T") + ".123Z", "method": "GET", "path": format!("/p/{}", n % 3), "response_code": if n % 50 == 0 { 503 } else { 200 }, "response_flags": "-", "duration": whole(n), "bytes_sent": 1000 + n % 77, "bytes_received": 0, "upstream_cluster": format!("svc{}", n % 2), "x_request_id": format!("{:x}", n * 7919), "upstream_service_time": whole(n).to_string()}))),
        ("cloudtrail.json", json!({"Records": (0..ROWS).map(|n| json!({"eventVersion": "1.08", "userIdentity": {"type": "IAMUser", "userName": format!("u{}", n % 3)}, "eventTime": date(n, "T") + "Z", "eventSource": "s3.amazonaws.com", "eventName": if n % 2 == 0 { "GetObject" } else { "PutObject" }, "awsRegion": "us-east-1", "sourceIPAddress": "10.0.0.1", "requestParameters": {"bucketName": "b"}, "additionalEventData": {"bytesTransferredOut": 1000 + whole(n)}, "eventID": format!("{n:x}")})).collect::<Vec<_>>()}).to_string()),
        ("winevent.json", records(|n| json!({"TimeCreated": format!("/Date({}000)/", seconds(n)), "Id": 4624 + n % 3, "LevelDisplayName": "Information", "ProviderName": "Microsoft-Windows-Security-Auditing", "MachineName": format!("PC{}", n % 2), "RecordId": 5000 + n, "Message": "An account was logged on."}))),
        ("otel.jsonl", records(|n| json!({"resourceLogs": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": format!("svc{}", n % 2)}}]}, "scopeLogs": [{"scope": {}, "logRecords": [{"timeUnixNano": format!("{}000000000", seconds(n)), "severityText": "INFO", "body": {"stringValue": "done"}, "attributes": [{"key": "http.duration_ms", "value": {"doubleValue": took(n)}}, {"key": "http.status_code", "value": {"intValue": "200"}}]}]}]}]}))),
        ("gelf.json", records(|n| json!({"version": "1.1", "host": format!("web-{}", n % 2), "short_message": "request", "timestamp": seconds(n) as f64 + 0.123, "level": 6, "_facility": "app", "_duration_ms": took(n), "_status": 200}))),
    ]
}

/// Exports of metrics.
fn metrics() -> Vec<(&'static str, String)> {
    let list = |record: &dyn Fn(u32) -> Value| (0..ROWS).map(record).collect::<Vec<_>>();
    vec![
        ("otelmetrics.jsonl", records(|n| json!({"resourceMetrics": [{"resource": {"attributes": [{"key": "host.name", "value": {"stringValue": "h1"}}]}, "scopeMetrics": [{"metrics": [{"name": "system.cpu.load", "gauge": {"dataPoints": [{"timeUnixNano": format!("{}000000000", seconds(n)), "asDouble": took(n)}]}}]}]}]}))),
        ("prom.txt", "# HELP http_requests_total The total number of HTTP requests.\n# TYPE http_requests_total counter\n".to_owned() + &lines(|n| format!("http_requests_total{{method=\"post\",code=\"200\"}} {} {}000", 1000 + n * 7 + n % 3, seconds(n)))),
        ("prom-once.txt", "# HELP node_load1 1m load average.\n# TYPE node_load1 gauge\nnode_load1 0.42\nnode_cpu_seconds_total{cpu=\"0\",mode=\"idle\"} 362812.7\n".to_owned()),
        ("vm.jsonl", (0..2).map(|host| json!({"metric": {"__name__": "node_load1", "instance": format!("h{host}:9100"), "job": "node"}, "values": list(&|n| json!(took(n))), "timestamps": list(&|n| json!(seconds(n) * 1000))}).to_string() + "\n").collect()),
        ("zabbix.ndjson", records(|n| json!({"host": {"host": "Host B", "name": "Host B visible"}, "groups": ["g"], "item_tags": [{"tag": "t", "value": "v"}], "itemid": 3 + n % 2, "name": if n % 2 == 0 { "Agent availability" } else { "Load" }, "clock": seconds(n), "ns": 12345, "value": took(n), "type": 0}))),
        ("telegraf.json", records(|n| json!({"fields": {"usage_idle": took(n), "usage_user": 100.0 - took(n)}, "name": "cpu", "tags": {"cpu": "cpu-total", "host": format!("h{}", n % 2)}, "timestamp": seconds(n)}))),
        ("collectd.json", Value::from(list(&|n| json!({"values": [took(n) / 10.0, took(n) / 12.0, took(n) / 15.0], "dstypes": ["gauge", "gauge", "gauge"], "dsnames": ["shortterm", "midterm", "longterm"], "time": seconds(n), "interval": 10.0, "host": "h1", "plugin": "load", "plugin_instance": "", "type": "load", "type_instance": ""}))).to_string()),
        ("metricbeat.json", records(|n| json!({"@timestamp": date(n, "T") + ".000Z", "@metadata": {"beat": "metricbeat", "type": "_doc", "version": "8.11"}, "event": {"dataset": "system.cpu", "module": "system", "duration": 115_000 + n}, "metricset": {"name": "cpu", "period": 10_000}, "service": {"type": "system"}, "system": {"cpu": {"cores": 4, "total": {"pct": took(n) / 100.0}, "user": {"pct": took(n) / 200.0}}}, "host": {"name": format!("h{}", n % 2)}, "agent": {"version": "8.11", "type": "metricbeat", "ephemeral_id": "x"}}))),
    ]
}
