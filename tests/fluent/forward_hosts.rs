//! The forward client against the real programs: `FLUENT_BIT` and `FLUENTD` name their executables, several
//! separated by colons.

use crate::common::hosts::executables;
use crate::common::world::Notices;
use fluent_anomaly::Secret;
use fluent_anomaly::native::{Counters, Native};
use fluent_anomaly::sinks::forward::{ForwardServer, ForwardSettings, ForwardSink};
use fluent_anomaly::sinks::{MetricRecord, RecordSink};
use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// A running host and its folder; both are gone with the value.
struct Host {
    child: Child,
    folder: PathBuf,
    port: u16,
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Writes the configuration that `config` makes of (port, folder) and starts `program` with it.
fn start(
    program: &Path,
    name: &str,
    file: &str,
    arguments: &[&str],
    config: impl Fn(u16, &Path) -> String,
) -> Host {
    let folder = std::env::temp_dir().join(format!("forward-host-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let port = crate::common::program::free_port();
    let path = folder.join(file);
    fs::write(&path, config(port, &folder)).unwrap();
    let log = fs::File::create(folder.join("host.log")).unwrap();
    let child = Command::new(program)
        .args(["-c", path.to_str().unwrap()])
        .args(arguments)
        .stdout(Stdio::from(log.try_clone().unwrap()))
        .stderr(Stdio::from(log))
        .spawn()
        .unwrap();
    let host = Host { child, folder, port };
    let until = Instant::now() + crate::common::program::HANG;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < until, "{name} does not listen: {}", host.log());
        std::thread::sleep(Duration::from_millis(100));
    }
    host
}

impl Host {
    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("host.log")).unwrap_or_default()
    }

    /// Lines with a record in all files whose names begin with `out`.
    fn lines(&self) -> Vec<String> {
        let mut files: Vec<PathBuf> =
            fs::read_dir(&self.folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let ours = |path: &&PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with("out");
        let text: String =
            files.iter().filter(ours).filter_map(|path| fs::read_to_string(path).ok()).collect();
        text.lines().filter(|line| line.contains("raw_value")).map(str::to_owned).collect()
    }

    fn await_lines(&self, count: usize) -> Vec<String> {
        let until = Instant::now() + Duration::from_secs(40);
        loop {
            let lines = self.lines();
            if lines.len() >= count || Instant::now() > until {
                assert_eq!(lines.len(), count, "{}", self.log());
                return lines;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

const RECORDS: usize = 30_000;

fn send(settings: ForwardSettings) -> (Result<(), String>, String) {
    let (world, notices, counters) = (Native::default(), Notices::default(), Counters::default());
    let mut sink = ForwardSink::new(settings, &world, &notices, &counters).unwrap();
    let hosts = ["a", "b", "c"];
    let mut records = (0..RECORDS).map(|i| MetricRecord {
        metric: "system.cpu.idle",
        raw_value: i as f64 + 0.25,
        scope: "env:p",
        host: Some(hosts[i % 3]),
        time: 1_700_000_000 + i as i64,
    });
    let mut acknowledged = 0;
    let result = sink.deliver("changefinder.cpu", &mut records, &mut |count| acknowledged = count);
    assert!(result.is_err() || acknowledged == RECORDS);
    // the connection lives on, plain or TLS with what its server says unasked: nothing is sent twice
    while result.is_ok() && sink.settle(true).unwrap() < sink.delivered() {}
    assert!(result.is_err() || counters.chunks_resent.load(Relaxed) == 0, "{}", notices.text());
    (result.map_err(|error| error.to_string()), notices.text())
}

fn settings(port: u16, tls: bool) -> ForwardSettings {
    let host = if tls { "localhost" } else { "127.0.0.1" }.to_owned();
    ForwardSettings {
        servers: vec![ForwardServer { host, port, tls }],
        patience: Some(Duration::from_secs(5)),
        ack_timeout: Duration::from_secs(20),
        settle: Duration::from_secs(1),
        ..Default::default()
    }
}

/// Each value once, in order.
fn check(lines: &[String]) {
    for (i, line) in lines.iter().enumerate() {
        assert!(line.contains(&format!("\"raw_value\":{i}.25")), "line {i}: {line}");
        assert!(
            line.contains("\"metric\":\"system.cpu.idle\"")
                && line.contains(&format!("\"time\":{}", 1_700_000_000 + i))
        );
    }
}

/// Sends, and finds every record in order; the file output of Fluentd keeps the seconds of one flush so, too.
#[track_caller]
fn deliver_all(host: &Host, settings: ForwardSettings) {
    let (result, notices) = send(settings);
    assert_eq!(result, Ok(()), "{notices}\n{}", host.log());
    check(&host.await_lines(RECORDS));
}

fn fluent_bit(input: String) -> impl Fn(u16, &Path) -> String {
    move |port, folder| {
        format!(
            "[SERVICE]\n    Flush 0.2\n    Log_Level info\n[INPUT]\n    Name forward\n    Listen 127.0.0.1\n    Port {port}\n{input}\
             [OUTPUT]\n    Name file\n    Match changefinder.*\n    Path {}\n    File out\n    Format plain\n",
            folder.display()
        )
    }
}

fn fluentd(inside: String) -> impl Fn(u16, &Path) -> String {
    move |port, folder| {
        format!(
            "<source>\n  @type forward\n  bind 127.0.0.1\n  port {port}\n{inside}</source>\n\
             <match changefinder.**>\n  @type file\n  path {}/out\n  append true\n  <format>\n    @type json\n  </format>\n\
             <buffer>\n    @type memory\n    flush_mode interval\n    flush_interval 1s\n  </buffer>\n</match>\n",
            folder.display()
        )
    }
}

/// Key and self-signed certificate for localhost in PEM files.
fn certificate(folder: &Path) -> (PathBuf, PathBuf) {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate =
        rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    fs::create_dir_all(folder).unwrap();
    let paths = (folder.join("cert.pem"), folder.join("key.pem"));
    fs::write(&paths.0, certificate.pem()).unwrap();
    fs::write(&paths.1, key.serialize_pem()).unwrap();
    paths
}

fn security(port: u16, key: &str, password: &str) -> ForwardSettings {
    ForwardSettings {
        shared_key: Some(Secret::new(key)),
        username: "companion".into(),
        password: Secret::new(password),
        ..settings(port, false)
    }
}

#[test]
fn fluent_bit_takes_every_record_plain_and_gzipped() {
    for program in executables("FLUENT_BIT") {
        for gzip in [false, true] {
            let host = start(&program, &format!("fb-{gzip}"), "fb.conf", &[], fluent_bit(String::new()));
            deliver_all(&host, ForwardSettings { gzip, ..settings(host.port, false) });
        }
    }
}

#[test]
fn fluent_bit_shakes_hands() {
    for program in executables("FLUENT_BIT") {
        let version = Command::new(&program).arg("--version").output().unwrap().stdout;
        if String::from_utf8_lossy(&version).contains("Fluent Bit v2") {
            eprintln!("SKIPPED: the forward input of Fluent Bit knows the handshake since 3.0");
            continue;
        }
        let input = "    Shared_Key the-shared-key\n    Self_Hostname bit\n    Security.Users companion the-password\n";
        let host = start(&program, "fb-key", "fb.conf", &[], fluent_bit(input.into()));
        deliver_all(&host, security(host.port, "the-shared-key", "the-password"));
        for (key, password) in [("another-key", "the-password"), ("the-shared-key", "another-one")] {
            let (result, notices) = send(security(host.port, key, password));
            assert!(result.is_err() && notices.contains("handshake"), "{notices}");
        }
    }
}

#[test]
fn fluent_bit_over_tls() {
    for program in executables("FLUENT_BIT") {
        let folder = std::env::temp_dir().join(format!("forward-cert-fb-{}", std::process::id()));
        let (cert, key) = certificate(&folder);
        let input = format!(
            "    tls on\n    tls.verify off\n    tls.crt_file {}\n    tls.key_file {}\n",
            cert.display(),
            key.display()
        );
        let host = start(&program, "fb-tls", "fb.conf", &[], fluent_bit(input));
        deliver_all(&host, ForwardSettings { ca_file: Some(cert), ..settings(host.port, true) });
        let (result, notices) = send(settings(host.port, true));
        assert!(result.is_err() && notices.contains("certificate"), "{notices}");
        let _ = fs::remove_dir_all(folder);
    }
}

#[test]
fn fluentd_takes_every_record_plain_and_gzipped() {
    for program in executables("FLUENTD") {
        for gzip in [false, true] {
            let host = start(
                &program,
                &format!("fd-{gzip}"),
                "fluentd.conf",
                &["--no-supervisor"],
                fluentd(String::new()),
            );
            deliver_all(&host, ForwardSettings { gzip, ..settings(host.port, false) });
        }
    }
}

#[test]
fn fluentd_shakes_hands() {
    for program in executables("FLUENTD") {
        let inside = "  <security>\n    self_hostname d\n    shared_key the-shared-key\n    user_auth true\n    <user>\n      \
                  username companion\n      password the-password\n    </user>\n  </security>\n";
        let host = start(&program, "fd-key", "fluentd.conf", &["--no-supervisor"], fluentd(inside.into()));
        deliver_all(&host, security(host.port, "the-shared-key", "the-password"));
        for (key, password) in [("another-key", "the-password"), ("the-shared-key", "another-one")] {
            let (result, notices) = send(security(host.port, key, password));
            assert!(result.is_err() && notices.contains("handshake"), "{notices}");
        }
    }
}

#[test]
fn fluentd_over_tls() {
    for program in executables("FLUENTD") {
        let folder = std::env::temp_dir().join(format!("forward-cert-fd-{}", std::process::id()));
        let (cert, key) = certificate(&folder);
        let inside = format!(
            "  <transport tls>\n    cert_path {}\n    private_key_path {}\n  </transport>\n",
            cert.display(),
            key.display()
        );
        let host = start(&program, "fd-tls", "fluentd.conf", &["--no-supervisor"], fluentd(inside));
        deliver_all(&host, ForwardSettings { ca_file: Some(cert), ..settings(host.port, true) });
        let _ = fs::remove_dir_all(folder);
    }
}
