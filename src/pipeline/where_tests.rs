//! `where:` with `value:`: only records that meet the condition are scored.

use super::*;
use crate::bank::MemoryStorage;

const TAG: &[u8] = b"app.web";
const HEAD: &str = "[series.latency]\nmatch: app.*\nvalue: $ms\nby: $route\nk: 2\nwarm_up: off\n";

fn pipeline(more: &str, format: Format) -> Pipeline {
    Pipeline::new(&Config::parse("f.ini", &format!("{HEAD}{more}")).unwrap(), format, None)
}

fn pass(pipeline: &mut Pipeline, n: i64, record: &str) -> String {
    let mut bytes = record.as_bytes().to_vec();
    pipeline.process(TAG, Time::from_seconds(n), &mut bytes);
    String::from_utf8(bytes).unwrap()
}

fn record(n: i64) -> String {
    let (level, code) = (["info", "error", "warn"][n as usize % 3], 200 + 100 * (n % 4));
    format!(r#"{{"route":"r{}","level":"{level}","code":{code},"ms":{}}}"#, n % 2, n * n % 31)
}

#[test]
fn records_that_do_not_meet_the_condition_pass_untouched_and_teach_nothing() {
    let mut all = pipeline("where: $level != 'info' and not $code in (200, 500)\n", Format::Json);
    let mut picked = pipeline("", Format::Json);
    let mut others = 0;
    for n in 0..400 {
        let record = record(n);
        let out = pass(&mut all, n, &record);
        if n % 3 == 0 || n % 4 == 0 || n % 4 == 3 {
            assert_eq!(out, record);
            others += 1;
        } else {
            assert_eq!(out, pass(&mut picked, n, &record));
            assert!(out.contains("score_outlier"), "{out}");
        }
    }
    assert_eq!(all.counters().scored, 400 - others);
    all.tell_unscored();
    let told = all.take_log().join("\n");
    let line = format!("  {others} records do not meet `where` of [series.latency]: they pass untouched");
    assert!(told.contains(&line), "{told}");
}

#[test]
fn a_condition_on_the_value_the_key_and_a_text_with_escapes_is_met() {
    let mut p =
        pipeline("where: $ms < 100 and $route == 'r1' and $msg matches /^say \"hi\"$/\n", Format::Json);
    let scored = |p: &mut Pipeline, record: &str| pass(p, 0, record).contains("score_outlier");
    assert!(scored(&mut p, r#"{"route":"r1","ms":5,"msg":"say \"hi\""}"#));
    assert!(!scored(&mut p, r#"{"route":"r1","ms":500,"msg":"say \"hi\""}"#));
    assert!(!scored(&mut p, r#"{"route":"r2","ms":5,"msg":"say \"hi\""}"#));
    assert!(!scored(&mut p, r#"{"route":"r1","ms":5,"msg":"say \"ho\""}"#));
    assert!(!scored(&mut p, r#"{"route":"r1","ms":5}"#));
}

#[test]
fn the_state_of_a_section_with_another_condition_is_not_taken_over() {
    let storage = MemoryStorage::default();
    let open = |condition: &str| {
        let config = Config::parse("f.ini", &format!("{HEAD}where: {condition}\n")).unwrap();
        Pipeline::new(&config, Format::Json, Some(Box::new(storage.clone())))
    };
    let mut first = open("$level == 'error'");
    for n in 0..30 {
        pass(&mut first, n, &record(n));
    }
    let next = pass(&mut first, 31, &record(31));
    first.flush();
    drop(first);
    assert_eq!(open("$level == 'error'").series().0, 2);
    assert_eq!(open("$level == 'warn'").series().0, 0);
    assert!(next.contains("score_outlier"));
}

#[test]
fn a_condition_that_is_none_is_told_with_its_place() {
    let told = |text: &str| Config::parse("f.ini", text).unwrap_err().to_string();
    assert_eq!(
        told(&format!("{HEAD}where: $level = 'error'\n")),
        "f.ini:7: [series.latency] where: `=` stands where a comparison is wanted: ==, !=, <, <=, >, >=, contains, \
         starts with, matches, exists, in; write ==\n    $level = 'error'\n           ^"
    );
    assert_eq!(
        told(&format!("{HEAD}where: $score_outlier > 5\n")),
        "f.ini:1: [series.latency] $score_outlier is read, and written as an annotation: choose another `prefix`"
    );
}
