//! `measure: patterns` behind the pipeline's border.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::test_setup::{TAG, log, open, pipeline};
use crate::bank::MemoryStorage;
use crate::config::Config;
use crate::pipeline::Pipeline;
use crate::record::Format;
use crate::time::Time;

/// A whole day.
const START_S: i64 = 1_799_971_200;

fn section(more: &str) -> String {
    format!(
        "[series.kinds]\nmatch: app.*\nmeasure: patterns $log\nevery: 1m\nk: 2\nwarm_up: off\nanomaly_score: off\n{more}"
    )
}

fn pass(pipeline: &mut Pipeline, seconds: i64, record: &Value) -> Value {
    let text = record.to_string();
    let mut bytes = text.clone().into_bytes();
    pipeline.process(TAG, Time::from_seconds(seconds), &mut bytes);
    let out = String::from_utf8(bytes).unwrap();
    assert!(out.starts_with(text.trim_end_matches('}')), "{out}");
    serde_json::from_str(&out).unwrap()
}

fn line(pipeline: &mut Pipeline, seconds: i64, log: &str) -> Value {
    pass(pipeline, seconds, &json!({"log": log}))
}

#[test]
fn the_first_line_of_a_template_that_was_never_seen_is_marked() {
    let mut p = pipeline(&section(""));
    // what comes within the first hour is learned
    for second in 0..3600 {
        let out = line(&mut p, START_S + second, &format!("request {second} done in {} ms", second % 70));
        assert_eq!(out.get("anomaly_pattern"), None);
    }
    let out = line(&mut p, START_S + 3600, "certificate of relay 3 expires in 7 days");
    let mark = &out["anomaly_pattern"];
    assert_eq!(
        (&mark["template"], &mark["is_new"]),
        (&json!("certificate of relay <*> expires in <*> days"), &json!(true))
    );
    let id = mark["id"].as_str().unwrap();
    assert!(id.len() == 8 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
    for log in ["certificate of relay 4 expires in 6 days", "request 1 done in 2 ms"] {
        assert_eq!(line(&mut p, START_S + 3601, log).get("anomaly_pattern"), None);
    }
    assert_eq!((p.counters().new_patterns, p.counters().untold_patterns), (1, 0));
}

#[test]
fn lines_are_counted_by_template_and_key_and_each_window_names_its_template() {
    let mut p = pipeline(&section("by: $service\n"));
    let mut windows = BTreeMap::new();
    let mut keep = |out: Value| {
        if let Some(window) = out.get("anomaly_window") {
            let by = &window["by"];
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            assert!(window["score_outlier"].is_f64(), "{window}");
            let at = (text(&by["service"]), text(&window["template"]));
            windows.insert(at, (text(&by["pattern"]), window["value"].as_f64().unwrap()));
        }
    };
    for n in 0..30 {
        let service = if n % 3 == 0 { "a" } else { "b" };
        keep(pass(&mut p, START_S + n, &json!({"service": service, "log": format!("hit {n}")})));
        keep(pass(&mut p, START_S + n, &json!({"service": service, "log": "tick\nand more rows"})));
    }
    for n in 0..4 {
        keep(pass(&mut p, START_S + 70 + n, &json!({"service": "a", "log": "hit 1"})));
    }
    let value = |service: &str, template: &str| windows[&(service.to_owned(), template.to_owned())].clone();
    assert_eq!((value("a", "hit <*>").1, value("b", "hit <*>").1), (10.0, 20.0));
    assert_eq!((value("a", "tick").1, value("b", "tick").1), (10.0, 20.0));
    // one template has one id, whichever series counts it
    assert_eq!(value("a", "tick").0, value("b", "tick").0);
    assert_eq!(windows.len(), 4);
}

/// Words that no rule masks: numbered by letters.
fn word(n: usize) -> String {
    let letters = [n / 676 % 26, n / 26 % 26, n % 26].map(|at| char::from(b'a' + at as u8));
    letters.iter().collect()
}

#[test]
fn a_day_tells_no_more_new_templates_than_it_may_and_the_log_and_counters_say_so() {
    let mut p = pipeline(&section("empty: skip\nnew_patterns: 3\nlearn_patterns: 0s\n"));
    let mut told = Vec::new();
    for day in 0..3 {
        for n in 0..10 {
            let out = line(&mut p, START_S + 86_400 * day + n, &word(100 * day as usize + n as usize));
            told.push(out.get("anomaly_pattern").is_some());
        }
        // three records tell a clock that a day has gone by, as everywhere
        for n in 10..14 {
            line(&mut p, START_S + 86_400 * (day + 1) - 20 + n, &word(0));
        }
    }
    let a_day: Vec<bool> = (0..10).map(|n| n < 3).collect();
    assert_eq!(told, a_day.repeat(3));
    assert_eq!((p.counters().new_patterns, p.counters().untold_patterns), (9, 21));
    let log = p.take_log().join("\n");
    assert!(
        log.contains("[series.kinds] $log: a line of a new template is not marked, as many others were today (so far 1;"),
        "{log}"
    );
    assert!(p.figures().to_text().contains("patterns_untold_total 21"), "{:?}", p.figures());
}

#[test]
fn templates_beyond_the_cap_displace_the_oldest_which_the_log_tells() {
    let mut p = pipeline(&section("learn_patterns: 0s\nnew_patterns: 100000\n"));
    for n in 0..1500 {
        assert!(line(&mut p, START_S, &word(n)).get("anomaly_pattern").is_some());
    }
    let log = p.take_log().join("\n");
    assert!(log.contains("as there are more than 1000 (so far 1)") && log.contains("(so far 100)"), "{log}");
    // the latest are known, the first are not
    assert!(line(&mut p, START_S, &word(1499)).get("anomaly_pattern").is_none());
    assert!(line(&mut p, START_S, &word(0)).get("anomaly_pattern").is_some());
}

#[test]
fn each_line_is_marked_where_that_is_asked_for() {
    let mut p = pipeline(&section("mark_patterns: all\nlearn_patterns: 0s\nprefix: k_\n"));
    let first = line(&mut p, START_S, "login of ann from 10.0.0.1");
    let second = line(&mut p, START_S, "login of bob from 10.0.0.2");
    assert_eq!(
        (&first["k_anomaly_pattern"]["is_new"], &second["k_anomaly_pattern"]["is_new"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(first["k_anomaly_pattern"]["id"], second["k_anomaly_pattern"]["id"]);
    assert_eq!(second["k_anomaly_pattern"]["template"], "login of <*> from <*>");
}

#[test]
fn what_is_no_line_is_counted_and_told_and_a_number_is_one() {
    let mut p = pipeline(&section(""));
    for record in [json!({}), json!({"log": null}), json!({"log": [1]}), json!({"log": {}})] {
        assert_eq!(pass(&mut p, START_S, &record), record);
    }
    pass(&mut p, START_S, &json!({"log": 17}));
    pass(&mut p, START_S, &json!({"log": true}));
    assert_eq!((p.counters().counted, p.counters().refused), (2, 2));
    let log = log(&mut p);
    for told in [
        "1 records have no $log",
        "1 records have null",
        "2 records have $log (the value of [series.kinds]) that is no text; the first of them: an array",
    ] {
        assert!(log.contains(told), "{told}: {log}");
    }
}

#[test]
fn a_wrong_configuration_is_refused_with_what_is_allowed() {
    let problems = |ini: &str| Config::parse("f.ini", ini).unwrap_err().to_string();
    let more = |line: &str| problems(&section(line));
    assert!(
        problems("[series.a]\nmatch: a\nmeasure: patterns\nevery: 1m\n")
            .contains("`patterns` needs a field, such as `patterns $log`")
    );
    assert!(
        more("new_patterns: -1\n")
            .contains("new_patterns: \"-1\" is not allowed: a whole number from 0 to 1000000")
    );
    assert!(
        more("learn_patterns: 8d\n")
            .contains("learn_patterns: \"8d\" is not allowed: a time such as `1h`, from `0s` to `7d`")
    );
    assert!(more("mark_patterns: some\n").contains("mark_patterns: \"some\" is not allowed: new or all"));
    let count = "[series.a]\nmatch: a\nmeasure: count\nevery: 1m\nnew_patterns: 5\n";
    assert!(problems(count).contains("new_patterns: unknown key"));
    // both would write `anomaly_pattern` into one record
    let two = [section(""), section("").replace("kinds", "others")].concat();
    assert!(problems(&two).contains("[series.others] writes the same fields as [series.kinds]"));
    assert!(
        Config::parse("f.ini", &[section(""), section("prefix: b_\n").replace("kinds", "others")].concat())
            .is_ok()
    );
    // sections with other measures share the name of their windows
    let count = "[series.n]\nmatch: app.*\nmeasure: count\nevery: 1m\n";
    assert!(Config::parse("f.ini", &[section(""), count.to_owned()].concat()).is_ok());
}

#[test]
fn times_that_jump_tell_no_more_than_a_day_may() {
    let mut p = pipeline(&section("new_patterns: 2\nlearn_patterns: 0s\n"));
    let mut told = 0;
    for n in 0..400 {
        let seconds = match n % 4 {
            0 => START_S + 50 * 365 * 86_400,
            1 => START_S - 50 * 365 * 86_400,
            _ => START_S + i64::from(n),
        };
        told += u32::from(line(&mut p, seconds, &word(n as usize)).get("anomaly_pattern").is_some());
    }
    assert_eq!((told, p.counters().new_patterns + p.counters().untold_patterns), (2, 400));
}

#[test]
fn binary_junk_passes_in_both_formats_and_stays_within_the_bounds() {
    let ini = section("learn_patterns: 0s\nnew_patterns: 1000000\nmark_patterns: all\n");
    let config = Config::parse("f.ini", &ini).unwrap();
    let mut state = 1u64;
    let mut junk = |len: usize| -> Vec<u8> {
        (0..len)
            .map(|_| {
                state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                (state >> 56) as u8
            })
            .collect()
    };
    let mut p = Pipeline::new(&config, Format::Msgpack, None);
    for n in 0..3000usize {
        // a map with one key, and the junk as a binary of 16 bits length
        let bytes = junk(n % 700);
        let mut record = vec![0x81, 0xa3, b'l', b'o', b'g', 0xc5];
        record.extend((bytes.len() as u16).to_be_bytes());
        record.extend(&bytes);
        let before = record.clone();
        p.process(TAG, Time::from_seconds(START_S), &mut record);
        assert_eq!(record[1..before.len()], before[1..], "every byte stays");
        let text = String::from_utf8_lossy(&record);
        assert!(text.contains("anomaly_pattern") && text.contains("template"));
    }
    assert_eq!(p.counters().counted, 3000);
    let mut p = Pipeline::new(&config, Format::Json, None);
    for n in 0..2000usize {
        let text = String::from_utf8_lossy(&junk(n % 300)).into_owned();
        let out = line(&mut p, START_S, &text);
        let template = out["anomaly_pattern"]["template"].as_str().unwrap();
        assert!(template.len() <= 1600 && !template.chars().any(char::is_control), "{template}");
    }
    let saved = p.save().unwrap();
    assert!(saved.len() < 4 << 20, "{}", saved.len());
}

#[derive(Debug, Clone)]
struct Step {
    log: String,
    service: &'static str,
    later_s: i64,
    restart: bool,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (
        prop_oneof![
            "[ab]{1,2}( [ab1]{1,2}){0,4}",
            Just("disk full on node".to_owned()),
            "[a-c\\n\\\\\"é]{0,6}"
        ],
        prop::sample::select(vec!["x", "y"]),
        prop_oneof![4 => 0..30_i64, 1 => 0..2000_i64, 1 => Just(86_400_i64)],
        prop::bool::weighted(0.15),
    )
        .prop_map(|(log, service, later_s, restart)| Step { log, service, later_s, restart });
    prop::collection::vec(step, 1..200)
}

enum Restart {
    Never,
    Killed,
    Handed,
}

fn run(ini: &str, steps: &[Step], how: &Restart) -> Vec<String> {
    let config = Config::parse("f.ini", ini).unwrap();
    let disk = MemoryStorage::new();
    let open = || Pipeline::new(&config, Format::Json, Some(Box::new(disk.clone())));
    let mut p = open();
    let mut now_s = START_S;
    let mut out = Vec::new();
    for step in steps {
        if step.restart {
            match how {
                Restart::Never => {}
                Restart::Killed => {
                    drop(p); // nothing is flushed
                    p = open();
                }
                Restart::Handed => p = Pipeline::resume(&config, Format::Json, &p.save().unwrap()).unwrap(),
            }
        }
        now_s += step.later_s;
        let mut bytes = json!({"log": step.log, "s": step.service}).to_string().into_bytes();
        p.process(TAG, Time::from_seconds(now_s), &mut bytes);
        out.push(String::from_utf8(bytes).unwrap());
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn restarts_at_any_line_change_neither_ids_nor_marks_nor_scores(steps in steps()) {
        let ini = section("by: $s\nempty: skip\nnew_patterns: 4\nlearn_patterns: 10m\nmark_patterns: all\n");
        let expected = run(&ini, &steps, &Restart::Never);
        prop_assert_eq!(&run(&ini, &steps, &Restart::Killed), &expected);
        prop_assert_eq!(&run(&ini, &steps, &Restart::Handed), &expected);
    }
}

#[test]
fn templates_outlive_a_change_of_everything_but_the_field_they_are_made_of() {
    let disk = MemoryStorage::new();
    let mut p = open(&section("learn_patterns: 0s\n"), &disk);
    assert!(line(&mut p, START_S, "disk full").get("anomaly_pattern").is_some());
    drop(p);
    let mut p = open(&section("learn_patterns: 0s\nby: $s\nnew_patterns: 7\n").replace("1m", "5m"), &disk);
    assert!(line(&mut p, START_S + 9, "disk full").get("anomaly_pattern").is_none());
    drop(p);
    let mut p = open(&section("learn_patterns: 0s\n").replace("$log", "$msg"), &disk);
    assert!(pass(&mut p, START_S + 9, &json!({"msg": "disk full"})).get("anomaly_pattern").is_some());
}
