//! The built `anomaly_filter.wasm`, called exactly as Fluent Bit calls it.

use std::fs;

use crate::common::config_map;
use crate::common::records::{ALL_MODES, Event, fleet, native};
use crate::common::wasi::Faults;
use crate::common::wasm_host::{self, Frees, Host};
use tempfile::TempDir;
use wasmi::{ExternType, Module};

/// One section, no state.
const PLAIN: &str = "[filter]\nmax_series: 1000\nstate: off\n[series.s]\nmatch: app.*\nvalue: $ms\nby: $host\nwithout_by: share\nk: 7\nwarm_up: off\n";
const TIME: (u32, u32) = (1_700_000_000, 0);

fn stateful(config: &str) -> String {
    config.replace("state: off", "state: state")
}

/// A folder with this configuration, as `accessible_paths` names it.
fn folder(config: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("fluent-anomaly.ini"), config).expect("it can be written");
    folder
}

fn start(folder: &TempDir) -> Host {
    Host::start(folder.path())
}

fn start_with(folder: &TempDir, faults: Faults) -> Host {
    Host::start_with(&[("fluent-config", folder.path())], faults, usize::MAX)
}

fn text(out: Result<Vec<u8>, String>) -> String {
    String::from_utf8(out.expect("no record is dropped")).expect("UTF-8 stays UTF-8")
}

fn one(host: &mut Host, event: &Event) -> String {
    text(host.filter(event.tag.as_bytes(), event.time, event.record.as_bytes()))
}

fn run(host: &mut Host, events: &[Event]) -> Vec<String> {
    events.iter().map(|event| one(host, event)).collect()
}

#[track_caller]
fn assert_same(got: &[String], expected: &[String]) {
    assert_eq!(got.len(), expected.len());
    if let Some(n) = (0..got.len()).find(|&n| got[n] != expected[n]) {
        panic!("record {n}:\n got      {}\n expected {}", got[n], expected[n]);
    }
}

// ---- scores

#[test]
fn scores_equal_those_of_the_library_bit_for_bit() {
    let folder = folder(ALL_MODES);
    let events = fleet(8000);
    let expected = native(ALL_MODES, &events);
    assert!(expected.iter().any(|record| record.contains("\"a_score_change\":")), "an order was chosen");
    let mut host = start(&folder);
    assert_same(&run(&mut host, &events), &expected);
    let log = host.take_log();
    assert!(log.starts_with("[fluent-anomaly] 1000 of 1000 records were scored"), "{log}");
    assert!(!log.contains("not saved"), "{log}");
}

#[test]
fn a_new_instance_for_every_chunk_scores_as_one_that_lives_on() {
    let folder = folder(ALL_MODES);
    let events = fleet(7000);
    let expected = native(ALL_MODES, &events);
    let mut got = Vec::new();
    // chunks of one record, of a few, of many: more than there are names for journals
    let mut rest = &events[..];
    for size in [1, 2, 3, 700, 40].into_iter().cycle() {
        let chunk;
        (chunk, rest) = rest.split_at(size.min(rest.len()));
        let mut host = start(&folder);
        host.frees = Frees::Never;
        got.extend(run(&mut host, chunk));
        assert_eq!(host.take_log(), "");
        if rest.is_empty() {
            break;
        }
    }
    assert_same(&got, &expected);
}

#[test]
fn a_kill_in_the_middle_of_a_write_loses_nothing() {
    let folder = folder(&stateful(PLAIN));
    let events = fleet(1200);
    let expected = native(PLAIN, &events);
    let (mut at, mut kills) = (0, 0);
    while at < events.len() {
        let mut host = start_with(
            &folder,
            Faults {
                killed_after: Some(if kills < 300 { kills } else { 37 * kills % 5000 }),
                ..Faults::default()
            },
        );
        kills += 1;
        for event in &events[at..] {
            host.world().written.clear();
            let out = host.filter(event.tag.as_bytes(), event.time, event.record.as_bytes());
            let learned = host.world().written.iter().any(|name| name.contains("journal"));
            match out {
                Ok(out) => assert_eq!(String::from_utf8_lossy(&out), expected[at], "after {kills} kills"),
                // killed in the compaction behind it: only the answer is lost
                Err(_) if learned => {
                    at += 1;
                    break;
                }
                // the host hands it over again
                Err(_) => break,
            }
            at += 1;
        }
    }
    assert!(kills > 300, "{kills} kills");
}

#[test]
fn after_a_trap_the_next_record_is_scored_as_if_nothing_had_been() {
    let folder = folder(&stateful(PLAIN));
    let events = fleet(500);
    let expected = native(PLAIN, &events);
    let mut host = start(&folder);
    assert_same(&run(&mut host, &events[..250]), &expected[..250]);
    host.world().faults.killed_after = Some(3);
    let event = &events[250];
    host.filter(event.tag.as_bytes(), event.time, event.record.as_bytes()).expect_err("the call is cut off");
    host.world().faults.killed_after = None;
    assert_same(&run(&mut host, &events[250..]), &expected[250..]);
    assert!(host.take_log().contains("internal error 1"));
}

// ---- what the host may hand over

#[test]
fn pointers_to_nothing_never_trap() {
    let folder = folder(PLAIN);
    let mut host = start(&folder);
    let event = &fleet(1)[0];
    let len = event.record.len() as u32;
    let (tag, record) = (host.duplicate(b"app.web"), host.duplicate(event.record.as_bytes()));
    let end = host.memory_bytes() as u32;
    for (at, len) in
        [(0, len), (0, 0), (end, 1), (end - 4, 5), (u32::MAX, 1), (u32::MAX - 1, u32::MAX), (1, u32::MAX)]
    {
        let out = text(host.call((tag, 7, 0, 0, at, len)));
        let out: serde_json::Value = serde_json::from_str(&out).expect("what the host needs is one object");
        assert!(out["anomaly_error"].as_str().unwrap().contains("is lost"), "record {at} + {len}: {out}");
    }
    for (at, tag_len) in [(0, 7), (end, 1), (u32::MAX, u32::MAX), (end - 4, 5)] {
        let out = text(host.call((at, tag_len, 0, 0, record, len)));
        assert_eq!(out, event.record, "tag {at} + {tag_len}: the record is not of a known tag");
    }
    assert!(one(&mut host, event).contains("score_outlier"), "the next record is scored");
}

#[test]
fn a_host_that_copies_into_its_own_heap_is_served_too() {
    // no call of our malloc: the data lies anywhere in linear memory
    let folder = folder(PLAIN);
    let mut host = start(&folder);
    let events = fleet(50);
    let expected = native(PLAIN, &events);
    let heap = host.own_heap();
    for (event, expected) in events.iter().zip(&expected) {
        let (tag, record) = (heap, heap + 64);
        host.put(tag, event.tag.as_bytes());
        host.put(record, event.record.as_bytes());
        let (seconds, nanos) = event.time;
        let out = host.call((tag, event.tag.len() as u32, seconds, nanos, record, event.record.len() as u32));
        assert_eq!(text(out), *expected);
    }
}

#[test]
fn what_is_no_record_comes_back_unchanged() {
    let folder = folder(PLAIN);
    let mut host = start(&folder);
    let deep = "[".repeat(100_000);
    for record in [
        " ",
        "{",
        "x",
        "[]",
        "[{\"ms\":1}]",
        "\"ms\"",
        "\"{\\\"ms\\\":1}\"",
        "null",
        "12",
        "{\"ms\":1",
        "{\"ms\":1,}",
        "{\"ms\"}",
        "{\"ms\":1}}",
        "{\"ms\":1}{\"ms\":2}",
        "{\"ms\":01}",
        "{}",
        "{\"host\":\"a\"}",
        "{\"ms\":null}",
        &deep,
    ] {
        assert_eq!(text(host.filter(b"app.web", TIME, record.as_bytes())), record, "{:.40}", record);
    }
    for record in [&b"\xff"[..], b"{\"ms\":1,\"a\":\"\xc3", b"{\"ms\":\xff}"] {
        assert_eq!(host.filter(b"app.web", TIME, record).as_deref(), Ok(record));
    }
    // such a text never comes from the host, and nothing else than nothing can be given back
    assert_eq!(host.filter(b"app.web", TIME, b""), Err("an empty string returned".to_owned()));
    assert!(text(host.filter(b"app.web", TIME, b"{\"ms\":1}")).contains("score_outlier"));
}

#[test]
fn a_value_that_is_no_number_is_told_and_the_rest_stays() {
    let folder = folder(PLAIN);
    let mut host = start(&folder);
    for value in ["true", "\"12 ms\"", "{\"a\":1}", "[1,2]", "1e200", "-1e200"] {
        let record = format!("{{\"a\":1e300,\"ms\":{value},\"b\":18446744073709551616}}");
        let out = text(host.filter(b"app.web", TIME, record.as_bytes()));
        let rest = out.strip_prefix(record.strip_suffix('}').unwrap()).expect("nothing before is altered");
        assert!(rest.starts_with(",\"anomaly_error\":\"[series.s] $ms"), "{value}: {rest}");
        serde_json::from_str::<serde_json::Value>(&format!("{{\"x\":0{rest}")).expect("it is JSON");
    }
}

#[test]
fn a_record_of_10_mb_is_scored() {
    let folder = folder(PLAIN);
    let mut host = start(&folder);
    let events = fleet(20);
    let expected = native(PLAIN, &events);
    for (n, (event, expected)) in events.iter().zip(&expected).enumerate() {
        // in front of the value, and behind it
        let padding = format!("{{\"pad\":\"{}\",", "\\u00e9ü".repeat((10 << 20) / 8));
        let mut large = event.clone();
        large.record =
            if n % 2 == 0 { event.record.replacen('{', &padding, 1) } else { event.record.clone() };
        let out = one(&mut host, &large);
        assert!(
            out == if n % 2 == 0 { expected.replacen('{', &padding, 1) } else { expected.clone() },
            "record {n}"
        );
    }
}

// ---- memory

#[test]
fn a_million_series_stay_within_max_series_and_memory() {
    let folder = folder(&PLAIN.replace("k: 7", "k: 2"));
    let mut host = start(&folder);
    let mut after_warm_up = 0;
    for n in 0..1_000_000u32 {
        let record =
            format!("{{\"host\":\"host-{n}-{:0width$}\",\"ms\":{}}}", 0, n % 97, width = n as usize % 60);
        let out =
            host.filter(b"app.web", (1_700_000_000 + n / 100, 0), record.as_bytes()).expect("not dropped");
        assert!(out.len() > record.len());
        if n == 50_000 {
            after_warm_up = host.memory_bytes();
        }
    }
    assert_eq!(host.memory_bytes(), after_warm_up);
    assert!(after_warm_up < 4 << 20, "{after_warm_up} bytes for 1000 series");
}

#[test]
fn memory_does_not_grow_with_records() {
    for frees in [Frees::Always, Frees::Never] {
        let folder = folder(&stateful(PLAIN));
        let mut host = start(&folder);
        host.frees = frees;
        let mut after_warm_up = 0;
        for n in 0..220_000u32 {
            let record = format!(
                "{{\"host\":\"h{}\",\"ms\":{}.5,\"text\":\"{:0width$}\"}}",
                n % 50,
                n * 7919 % 1013,
                0,
                width = n as usize % 500
            );
            host.filter(b"app.web", (1_700_000_000 + n, 0), record.as_bytes()).expect("not dropped");
            if n == 20_000 {
                after_warm_up = host.memory_bytes();
            }
        }
        assert_eq!(host.memory_bytes(), after_warm_up, "{frees:?}");
        assert_eq!(host.take_log(), "");
        assert!(host.world().files.len() <= 2, "files stay open");
    }
}

#[test]
fn a_host_that_grants_no_more_memory_gets_every_record_back() {
    const PAGE: usize = 65_536;
    for state in ["off", "state"] {
        let config = PLAIN
            .replace("max_series: 1000", "max_series: 100000")
            .replace("state: off", &format!("state: {state}"));
        let least = start(&folder(&config)).memory_bytes();
        for pages in 0..40 {
            let folder = folder(&config);
            let limit = least + pages * PAGE;
            let mut host = Host::start_with(&[("fluent-config", folder.path())], Faults::default(), limit);
            let mut scored = 0;
            for n in 0..3000 {
                let padding = "x".repeat(if n % 100 == 99 { n * 30 } else { n % 300 });
                let record = format!("{{\"host\":\"h{n}\",\"ms\":{n},\"pad\":\"{padding}\"}}");
                let out = text(host.filter(b"app.web", TIME, record.as_bytes()));
                let kept = out.starts_with(record.strip_suffix('}').unwrap());
                assert!(kept || out.contains("is lost"), "{pages} more pages, record {n}: {out:.200}");
                assert!(serde_json::from_str::<serde_json::Value>(&out).is_ok(), "{pages}, {n}: {out:.500}");
                scored += usize::from(n >= 2900 && out.contains("score_outlier"));
            }
            // memory is full of series by then; 90 kB records come between
            assert!(pages < 20 || scored > 90, "{pages} more pages: {scored} of the last 100 are scored");
        }
    }
}

// ---- configuration

#[test]
fn a_missing_configuration_is_told_in_every_record() {
    let empty = tempfile::tempdir().unwrap();
    let mut host = start(&empty);
    for _ in 0..100 {
        let out = text(host.filter(b"app.web", TIME, b"{\"ms\":1}"));
        assert_eq!(
            out,
            "{\"ms\":1,\"anomaly_error\":\"no fluent-anomaly.ini or datadog.ini in accessible_paths \
             (fluent-config): name the folder that holds it\"}"
        );
    }
    assert!(host.take_log().contains("no fluent-anomaly.ini or datadog.ini"));
    let mut host = Host::start_with(&[], Faults::default(), usize::MAX);
    assert!(text(host.filter(b"app.web", TIME, b"{}")).contains("anomaly_error"));
}

#[test]
fn a_broken_configuration_is_told_and_picked_up_once_mended() {
    let folder = folder("[series.s]\nmatch: app.*\nvalue: $ms\nk: many\nr: 2\n[nonsense]\n");
    let mut host = start(&folder);
    let out = text(host.filter(b"app.web", TIME, b"{\"ms\":1}"));
    for place in ["fluent-anomaly.ini:4", "fluent-anomaly.ini:5", "fluent-anomaly.ini:6"] {
        assert!(out.contains(place), "{out}");
    }
    fs::write(folder.path().join("fluent-anomaly.ini"), PLAIN).unwrap();
    let events = fleet(200);
    let out = run(&mut host, &events);
    let first = out.iter().position(|record| !record.contains("anomaly_error")).expect("it is picked up");
    // a look comes ten seconds after the last one: ten reads of the clock, one a minute of the four hosts
    assert!(first <= 60, "after {first} records");
    assert_same(&out[first..], &native(PLAIN, &events[first..]));
    assert!(host.take_log().contains("the configuration was read again"));
}

#[test]
fn a_configuration_changed_while_running_keeps_the_models_of_unchanged_sections() {
    let config = stateful(PLAIN);
    let folder = folder(&config);
    let events = fleet(3000);
    let expected = native(PLAIN, &events);
    let mut host = start(&folder);
    assert_same(&run(&mut host, &events[..1500]), &expected[..1500]);
    let more = config + "[series.other]\nmatch: elsewhere\nvalue: $x\n";
    fs::write(folder.path().join("fluent-anomaly.ini"), more).unwrap();
    assert_same(&run(&mut host, &events[1500..]), &expected[1500..]);
    assert!(host.take_log().contains("the configuration was read again"));
}

#[test]
fn a_configuration_that_cannot_be_read_is_told() {
    let folder = folder(PLAIN);
    let faults = Faults { denied: Some("fluent-anomaly.ini".into()), ..Faults::default() };
    let mut host = start_with(&folder, faults);
    let out = text(host.filter(b"app.web", TIME, b"{\"ms\":1}"));
    assert!(out.starts_with("{\"ms\":1,\"anomaly_error\":"), "{out}");
    assert!(out.contains("permission denied"), "{out}");
}

#[test]
fn a_configuration_behind_symbolic_links_is_read_and_read_again_when_they_lead_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let mount = |version: &str, config: &str| {
        config_map::mount(folder.path(), version, "fluent-anomaly.ini", config);
    };
    mount("..first", &PLAIN.replace("k: 7", "k: 5"));
    let events = fleet(200);
    let mut host = start(&folder);
    let out = run(&mut host, &events);
    assert_same(&out, &native(&PLAIN.replace("k: 7", "k: 5"), &events));
    mount("..second", PLAIN);
    run(&mut host, &events);
    assert!(host.take_log().contains("the configuration was read again"));
    assert_same(&run(&mut start(&folder), &events), &native(PLAIN, &events));
}

#[test]
fn the_seeds_file_name_is_found_too() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("datadog.ini"), "[datadog.cpu]\nquery: avg:system.load.1{*}\nk: 2\n")
        .unwrap();
    let mut host = start(&folder);
    let record = b"{\"metric\":\"system.load.1\",\"raw_value\":1.5,\"scope\":\"*\",\"time\":1700000000}";
    assert!(text(host.filter(b"changefinder.cpu", TIME, record)).contains("changefinder.outlier.cpu"));
}

#[test]
fn earlier_forms_of_the_configuration_are_told_in_the_hosts_log_and_not_once_a_chunk() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[default]\nwindow_sec: 600\n[changefinder]\nr: 0.01\nk: 1\nT1: 10\nT2: 10\n[datadog]\nqueries:\n  system.cpu.idle{*}by{host}\n";
    fs::write(folder.path().join("datadog.ini"), text).unwrap();
    let record = b"{\"metric\":\"system.cpu.idle\",\"raw_value\":1.5,\"scope\":\"host:a\",\"host\":\"a\",\"time\":1700000000}";
    // the host's clock is that of the files
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let start_now = || {
        let mut host = start(&folder);
        host.world().clock_s = Some(now);
        host
    };
    let mut host = start_now();
    host.filter(b"changefinder.system.cpu.idle", TIME, record).unwrap();
    let told = "[fluent-anomaly] datadog.ini: line 1: [default] taken as [general], its name now\n";
    let log = host.take_log();
    assert!(log.starts_with(told) && log.contains("line 2: window_sec taken as `interval`"), "{log}");
    // the same host makes an instance for each chunk
    let mut host = start_now();
    host.filter(b"changefinder.system.cpu.idle", TIME, record).unwrap();
    assert_eq!(host.take_log(), "");
    // another file is told of
    let text = text.replace("[default]\nwindow_sec: 600\n", "[general]\npid_path: /x.pid\ninterval: 600\n");
    fs::write(folder.path().join("datadog.ini"), text).unwrap();
    for n in 0..2000 {
        host.filter(b"changefinder.system.cpu.idle", (TIME.0 + 60 * n, 0), record).unwrap();
    }
    let log = host.take_log();
    assert!(log.contains("datadog.ini: line 2: pid_path taken as `pidfile_path`, its name now\n"), "{log}");
}

// ---- state

/// Faults of the folder under a running filter: scores go on as the library's, the first record and the log tell.
#[track_caller]
fn assert_scores_go_on(faults: Faults, told: &str) {
    let folder = folder(&stateful(PLAIN));
    let events = fleet(6000);
    let expected = native(PLAIN, &events);
    let mut host = start_with(&folder, faults);
    let out = run(&mut host, &events);
    let errors =
        |record: &String| record.contains("state is not saved") || record.contains("state cannot be read");
    let telling: Vec<&String> = out.iter().filter(|record| errors(record)).collect();
    assert!(!telling.is_empty() && telling[0].contains(told), "{told}: {:?}", telling.first());
    assert!(telling.len() <= 5, "told {} times", telling.len());
    for (n, (got, expected)) in out.iter().zip(&expected).enumerate().filter(|(_, (got, _))| !errors(got)) {
        assert_eq!(got, expected, "record {n}");
    }
    let log = host.take_log();
    assert!(log.contains(told), "{log}");
}

#[test]
fn a_read_only_file_system_is_told_and_scores_go_on() {
    assert_scores_go_on(Faults { read_only: true, ..Faults::default() }, "read-only file system");
}

#[test]
fn a_full_disk_is_told_and_scores_go_on() {
    for room in [0, 5, 100, 5000, 70_000] {
        assert_scores_go_on(Faults { room: Some(room), ..Faults::default() }, "no space left on device");
    }
}

#[test]
fn a_refused_state_folder_is_told_and_scores_go_on() {
    assert_scores_go_on(Faults { denied: Some("state".into()), ..Faults::default() }, "permission denied");
}

#[test]
fn a_folder_outside_of_the_sandbox_is_told_and_scores_go_on() {
    for state in ["/var/lib/elsewhere", "../elsewhere"] {
        let folder = folder(&PLAIN.replace("state: off", &format!("state: {state}")));
        let mut host = start(&folder);
        let out = text(host.filter(b"app.web", TIME, b"{\"ms\":1}"));
        assert!(out.contains("score_outlier") && out.contains("outside of accessible_paths"), "{out}");
    }
}

#[test]
fn an_absolute_state_folder_below_accessible_paths_is_used() {
    let folder = folder(&PLAIN.replace("state: off", "state: /data/deep/er/models"));
    let data = tempfile::tempdir().unwrap();
    let folders = [("/etc/fluent", folder.path()), ("/data", data.path())];
    let events = fleet(300);
    let expected = native(PLAIN, &events);
    for part in [0..150, 150..300] {
        let mut host = Host::start_with(&folders, Faults::default(), usize::MAX);
        assert_same(&run(&mut host, &events[part.clone()]), &expected[part]);
    }
    assert!(data.path().join("deep/er/models").is_dir());
}

#[test]
fn a_folder_removed_under_a_running_filter_is_told_and_made_again() {
    let folder = folder(&stateful(PLAIN));
    let events = fleet(12_000);
    let expected = native(PLAIN, &events);
    let mut host = start(&folder);
    assert_same(&run(&mut host, &events[..600]), &expected[..600]);
    fs::remove_dir_all(folder.path().join("state")).unwrap();
    let out = run(&mut host, &events[600..]);
    assert_eq!(out.last(), expected.last());
    let log = host.take_log();
    assert!(log.contains("state"), "{log}");
    assert!(log.contains("deleted or replaced") && log.contains("state is saved again"), "{log}");
    assert!(folder.path().join("state/snapshot").is_file(), "{log}");
}

#[test]
fn a_disk_with_room_again_holds_the_models_again() {
    let folder = folder(&stateful(PLAIN));
    let events = fleet(12_000);
    let expected = native(PLAIN, &events);
    let mut host = start_with(&folder, Faults { room: Some(20_000), ..Faults::default() });
    run(&mut host, &events[..5000]);
    host.world().faults = Faults::default();
    run(&mut host, &events[5000..11_000]);
    let log = host.take_log();
    assert!(log.contains("state is saved again"), "{log}");
    assert_same(&run(&mut start(&folder), &events[11_000..]), &expected[11_000..]);
}

#[test]
fn a_failing_sync_never_loses_models() {
    let folder = folder(&stateful(PLAIN));
    let events = fleet(9000);
    let expected = native(PLAIN, &events);
    let mut host = start_with(&folder, Faults { sync_fails: true, ..Faults::default() });
    for (got, expected) in run(&mut host, &events).iter().zip(&expected) {
        let is_told = got.contains("not saved");
        assert!(got == expected || is_told, "{got}");
    }
}

/// Tampers with each state file; the filter must set it aside, tell, and begin anew rather than use half of it.
#[track_caller]
fn assert_set_aside(tamper: impl Fn(&mut Vec<u8>), told: &str) {
    let events = fleet(6000);
    let expected = native(PLAIN, &events[5000..]);
    for file in ["snapshot", "journal"] {
        let folder = folder(&stateful(PLAIN));
        if file == "snapshot" {
            run(&mut start(&folder), &events[..4000]);
            // starts with a compaction, then a journal behind the snapshot
            run(&mut start(&folder), &events[4000..5000]);
        } else {
            run(&mut start(&folder), &events[..500]);
        }
        let state = folder.path().join("state");
        let names =
            || fs::read_dir(&state).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let name = names().find(|name| name.starts_with(file)).expect("the file is there");
        let mut bytes = fs::read(state.join(&name)).unwrap();
        tamper(&mut bytes);
        fs::write(state.join(&name), bytes).unwrap();
        let mut host = start(&folder);
        let out = run(&mut host, &events[5000..]);
        assert!(out[0].contains("was set aside") && out[0].contains(told), "{file}: {}", out[0]);
        assert!(host.take_log().contains(told));
        assert_same(&out[1..], &expected[1..]);
        assert!(names().any(|name| name.starts_with(file) && name.contains(".bad")));
    }
}

#[test]
fn state_of_another_version_is_set_aside() {
    assert_set_aside(|bytes| bytes[7] = 99, "layout 99");
}

#[test]
fn a_foreign_file_in_place_of_state_is_set_aside() {
    assert_set_aside(|bytes| *bytes = b"something else entirely".to_vec(), "no state file of fluent-anomaly");
}

#[test]
fn a_flipped_bit_in_the_first_entry_is_set_aside() {
    assert_set_aside(|bytes| bytes[20] ^= 1, "checksum");
}

#[test]
fn a_truncated_snapshot_is_set_aside() {
    let folder = folder(&stateful(PLAIN));
    let events = fleet(6000);
    run(&mut start(&folder), &events[..4000]);
    run(&mut start(&folder), &events[4000..5000]);
    let snapshot = folder.path().join("state/snapshot");
    let bytes = fs::read(&snapshot).unwrap();
    fs::write(&snapshot, &bytes[..bytes.len() / 2]).unwrap();
    let out = run(&mut start(&folder), &events[5000..]);
    assert!(out[0].contains("was set aside"), "{}", out[0]);
    assert_same(&out[1..], &native(PLAIN, &events[5000..])[1..]);
}

#[test]
fn two_filters_on_one_folder_are_told_apart() {
    let folder = folder(&stateful(PLAIN));
    let events = fleet(3000);
    let expected = native(PLAIN, &events);
    let mut first = start(&folder);
    assert_same(&run(&mut first, &events[..100]), &expected[..100]);
    let mut second = start(&folder);
    assert_same(&run(&mut second, &events[100..200]), &expected[100..200]);
    let out = run(&mut first, &events[100..3000]);
    assert!(out.iter().any(|record| record.contains("another filter writes the same state folder")));
    assert_same(&run(&mut second, &events[200..]), &expected[200..]);
}

// ---- the module itself

#[test]
fn the_module_asks_for_nothing_that_the_host_lacks() {
    // the names that WAMR registers without its threads and sockets
    const OFFERED: &str = "args_get args_sizes_get clock_res_get clock_time_get environ_get environ_sizes_get \
        fd_prestat_get fd_prestat_dir_name fd_close fd_datasync fd_pread fd_pwrite fd_read fd_renumber fd_seek \
        fd_tell fd_fdstat_get fd_fdstat_set_flags fd_fdstat_set_rights fd_sync fd_write fd_advise fd_allocate \
        path_create_directory path_link path_open fd_readdir path_readlink path_rename fd_filestat_get \
        fd_filestat_set_times fd_filestat_set_size path_filestat_get path_filestat_set_times path_symlink \
        path_unlink_file path_remove_directory poll_oneoff proc_exit proc_raise random_get sched_yield";
    for import in wasm_host::module().imports() {
        assert_eq!(import.module(), "wasi_snapshot_preview1", "{}", import.name());
        assert!(OFFERED.split_whitespace().any(|name| name == import.name()), "{}", import.name());
        assert!(matches!(import.ty(), ExternType::Func(_)), "{}", import.name());
    }
}

#[test]
fn the_module_offers_what_the_host_looks_for() {
    let exports: Vec<&str> = wasm_host::module().exports().map(|export| export.name()).collect();
    for name in ["memory", "malloc", "free", "_initialize", "anomaly_filter"] {
        assert!(exports.contains(&name), "{name} is missing from {exports:?}");
    }
    // a module with it is a program, and WAMR would run it
    assert!(!exports.contains(&"_start"));
}

/// `wasm_host::module` has already loaded the filter under these rules; this shows that they refuse what
/// Fluent Bit 3.2 refuses, an index of a table in more than one byte.
#[test]
fn the_rules_under_which_the_module_loads_refuse_over_long_indices() {
    const HEAD: &[u8] = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x04\x04\x01\x70\0\x01";
    let minimal = [HEAD, b"\x0a\x09\x01\x07\0\x41\0\x11\0\0\x0b"].concat();
    let over_long = [HEAD, b"\x0a\x0d\x01\x0b\0\x41\0\x11\0\x80\x80\x80\x80\0\x0b"].concat();
    Module::new(&wasm_host::engine(), &minimal[..]).expect("a single zero byte is right");
    let error = Module::new(&wasm_host::engine(), &over_long[..]).expect_err("it has five bytes");
    assert!(error.to_string().contains("zero byte expected"), "{error}");
    Module::new(&wasmi::Engine::default(), &over_long[..])
        .expect("newer engines take it: only the rules refuse it");
    wasm_host::module();
}

// ---- what the host prints that is no JSON

#[test]
fn a_record_that_the_host_could_not_read_back_leaves_as_json_whether_it_is_scored_or_not() {
    let folder = folder(PLAIN);
    let mut host = start(&folder);
    for (printed, json) in [
        (r#"{"x":nan,"y":[-inf,inf,-nan]}"#, r#"{"x":null,"y":[null,null,null]}"#),
        (r#"{"x":-1.797693134862316e+308}"#, r#"{"x":-1.7976931348623157e+308}"#),
        (r#"{1:"v",null:2,[1,"a"]:3}"#, r#"{"1":"v","null":2,"[1,\"a\"]":3}"#),
        (r#"{"x":"\x65\x53\xfffffff1\x00"}"#, r#"{"x":"\u0065\u0053\u00f1\u0000"}"#),
    ] {
        assert_eq!(text(host.filter(b"db", TIME, printed.as_bytes())), json);
        let scored = printed.replacen('{', r#"{"ms":1,"#, 1);
        let out = text(host.filter(b"app.web", TIME, scored.as_bytes()));
        assert!(out.starts_with(&json.replacen('{', r#"{"ms":1,"#, 1)[..json.len()]), "{out}");
        assert!(out.contains("score_outlier"), "{out}");
        serde_json::from_str::<serde_json::Value>(&out).expect("JSON");
    }
    assert!(host.take_log().contains("the host has no JSON for some of its values"));
}

#[test]
fn a_record_is_mended_in_place_whatever_its_length() {
    let folder = folder(PLAIN);
    let mut host = start(&folder);
    // each mended record is several times as long as it came: the buffer must grow, and stay usable
    for n in [1, 10, 100, 5_000, 3, 20_000, 1] {
        let values = vec!["1.797693134862316e+308"; n].join(",");
        let out = text(host.filter(b"db", TIME, format!(r#"{{"x":[{values}]}}"#).as_bytes()));
        let expected = vec!["1.7976931348623157e+308"; n].join(",");
        assert!(out == format!(r#"{{"x":[{expected}]}}"#), "{n}");
        let plain = text(host.filter(b"db", TIME, br#"{"x":1}"#));
        assert_eq!(plain, r#"{"x":1}"#);
    }
}

#[test]
fn without_a_configuration_records_are_mended_all_the_same() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut host = start(&folder);
    let out = text(host.filter(b"db", TIME, br#"{"x":nan}"#));
    assert!(out.starts_with(r#"{"x":null,"anomaly_error":"no fluent-anomaly.ini"#), "{out}");
}
