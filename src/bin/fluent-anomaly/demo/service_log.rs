//! `demo --logs`, the second act: log lines of some services, through a configuration, and what was found of what was
//! planted.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use fluent_anomaly::{Config, Format, Pipeline, Time};
use serde_json::{Value, json};

use super::random::Random;
use super::style::Style;
use crate::failure::Failure;

const CONFIG: &str = include_str!("service-log.ini");
const CONFIG_FILE: &str = "service-log.ini";
const LINES_FILE: &str = "service-log.jsonl";
const TAG: &[u8] = b"demo.log";
const SERVICES: [&str; 3] = ["shop", "pay", "mail"];
const DAYS: i64 = 5;
const DAY_S: i64 = 86_400;
/// 2026-06-01, a Monday.
const START_S: i64 = 1_780_272_000;
/// Each service logs once in so many seconds, on average.
const USUAL_S: i64 = 15;
/// An alarm so long after the end of an incident still belongs to it.
const GRACE_S: i64 = 900;

/// Something unusual in the log of one service.
struct Planted {
    what: &'static str,
    service: usize,
    /// The section that should find it.
    section: &'static str,
    begin_s: i64,
    end_s: i64,
}

/// What is planted, all of it on the last day.
fn planted() -> [Planted; 5] {
    let at = |hour: i64, minutes: i64| {
        let begin_s = START_S + (DAYS - 1) * DAY_S + hour * 3600;
        (begin_s, begin_s + 60 * minutes)
    };
    let one = |what, service, section, (begin_s, end_s)| Planted { what, service, section, begin_s, end_s };
    [
        one("logs three times as much", 0, "lines", at(2, 20)),
        one("has five times its usual share of errors", 1, "errors", at(6, 20)),
        one("answers at half the speed", 0, "slow", at(10, 20)),
        one("logs a line of a kind that was never there", 2, "kinds", at(14, 0)),
        one("falls silent", 2, "lines", at(18, 30)),
    ]
}

/// The lines of one second, in the order of the services.
fn lines_of(second: i64, planted: &[Planted; 5], random: &mut Random, out: &mut Vec<String>) {
    let [burst, failures, slow, new_kind, silence] = planted;
    let during =
        |one: &Planted, service: usize| one.service == service && (one.begin_s..one.end_s).contains(&second);
    for (service, name) in SERVICES.iter().enumerate() {
        let often = if during(burst, service) { 3.0 } else { 1.0 };
        if random.unit() >= often / USUAL_S as f64 || during(silence, service) {
            continue;
        }
        let is_error = random.unit() < if during(failures, service) { 0.5 } else { 0.1 };
        let ms = random.between(20.0, 60.0) * if during(slow, service) { 2.0 } else { 1.0 };
        let id = random.whole(1000, 9999);
        let (level, message) = match (is_error, random.whole(0, 2)) {
            (true, _) => ("error", format!("request {id} failed: upstream answered 503")),
            (false, 0) => ("info", format!("cache miss for key item:{id}")),
            (false, _) => ("info", format!("request {id} done in {ms:.0} ms")),
        };
        out.push(format!(
            r#"{{"time":{second},"service":"{name}","level":"{level}","ms":{ms:.1},"msg":"{message}"}}"#
        ));
    }
    if second == new_kind.begin_s {
        let name = SERVICES[new_kind.service];
        out.push(format!(
            r#"{{"time":{second},"service":"{name}","level":"warn","msg":"certificate of relay 3 expires in 7 days"}}"#
        ));
    }
}

/// An alarm or a new kind of line.
struct Found {
    section: String,
    service: String,
    /// The window that raised it; of a line, its time twice.
    from_s: i64,
    to_s: i64,
    why: String,
}

/// The run as a whole.
struct Run {
    lines: u64,
    windows: u64,
    found: Vec<Found>,
    busy: Duration,
    text: String,
}

fn run_pipeline(config: &Config, seed: u64, keep_lines: bool) -> Run {
    let mut pipeline = Pipeline::new(config, Format::Json, None);
    pipeline.make_window_records();
    let mut random = Random::new(seed, 1);
    let planted = planted();
    let mut run = Run { lines: 0, windows: 0, found: Vec::new(), busy: Duration::ZERO, text: String::new() };
    let mut lines = Vec::new();
    for second in START_S..START_S + DAYS * DAY_S {
        lines.clear();
        lines_of(second, &planted, &mut random, &mut lines);
        for line in &lines {
            run.lines += 1;
            if keep_lines {
                run.text.push_str(line);
                run.text.push('\n');
            }
            let mut record = line.clone().into_bytes();
            let begun = Instant::now();
            pipeline.process(TAG, Time::from_seconds(second), &mut record);
            let windows: Vec<_> = std::iter::from_fn(|| pipeline.take_window_record()).collect();
            run.busy += begun.elapsed();
            run.windows += windows.len() as u64;
            run.found.extend(windows.iter().filter_map(|window| alarm_of(&window.record)));
            run.found.extend(new_kind_of(&record, second));
        }
    }
    run
}

/// The alarm that begins with a window.
fn alarm_of(record: &[u8]) -> Option<Found> {
    let record: Value = serde_json::from_slice(record).ok()?;
    let window = record.as_object()?.iter().find(|(name, _)| name.ends_with("anomaly_window"))?.1;
    if window["alarm"] != "start" {
        return None;
    }
    let reason = &window["anomaly_reason"];
    Some(Found {
        section: window["series"].as_str()?.to_owned(),
        service: window["by"]["service"].as_str()?.to_owned(),
        from_s: window["from"].as_i64()?,
        to_s: window["to"].as_i64()?,
        why: format!(
            "{} {:.3}, expected {:.3}",
            reason["kind"].as_str().unwrap_or_default(),
            reason["observed"].as_f64().unwrap_or_default(),
            reason["expected"].as_f64().unwrap_or_default()
        ),
    })
}

/// The line, if it is marked as the first of a template that was never there.
fn new_kind_of(record: &[u8], second: i64) -> Option<Found> {
    let record: Value = serde_json::from_slice(record).ok()?;
    let mark = record.get("anomaly_pattern")?;
    Some(Found {
        section: "kinds".to_owned(),
        service: record["service"].as_str().unwrap_or_default().to_owned(),
        from_s: second,
        to_s: second,
        why: format!("new: {}", mark["template"].as_str().unwrap_or_default()),
    })
}

/// What is planted with what was found of it, and what was found besides.
fn matched<'a>(
    planted: &'a [Planted; 5],
    found: &'a [Found],
) -> (Vec<(&'a Planted, Option<&'a Found>)>, usize) {
    let belongs = |one: &Planted, found: &Found| {
        one.section == found.section
            && SERVICES[one.service] == found.service
            && found.to_s >= one.begin_s
            && found.from_s <= one.end_s + GRACE_S
    };
    let pairs = planted.iter().map(|one| (one, found.iter().find(|found| belongs(one, found)))).collect();
    // an incident is seen by other sections, too: less of one kind of line is a larger share of the others
    let is_near = |found: &Found| {
        planted.iter().any(|one| found.to_s >= one.begin_s && found.from_s <= one.end_s + GRACE_S)
    };
    (pairs, found.iter().filter(|found| !is_near(found)).count())
}

/// Runs the act and gives what is to be printed; writes the lines and the configuration into `folder`.
pub(super) fn act(seed: u64, folder: Option<&Path>, style: Option<Style>) -> Result<String, Failure> {
    let config =
        Config::parse(CONFIG_FILE, CONFIG).map_err(|error| Failure::of("built-in configuration", error))?;
    let run = run_pipeline(&config, seed, folder.is_some());
    if let Some(folder) = folder {
        let failed = |error| Failure::of(folder.display(), format!("{error} (--no-write does without)"));
        fs::create_dir_all(folder).map_err(failed)?;
        fs::write(folder.join(CONFIG_FILE), CONFIG).map_err(failed)?;
        fs::write(folder.join(LINES_FILE), &run.text).map_err(failed)?;
    }
    let planted = planted();
    let (pairs, others) = matched(&planted, &run.found);
    Ok(match style {
        Some(style) => text(&run, &pairs, others, folder, style),
        None => json_of(&run, &pairs, others).to_string() + "\n",
    })
}

fn clock(second: i64) -> String {
    format!("{:02}:{:02}", second.rem_euclid(DAY_S) / 3600, second.rem_euclid(3600) / 60)
}

fn text(
    run: &Run,
    pairs: &[(&Planted, Option<&Found>)],
    others: usize,
    folder: Option<&Path>,
    style: Style,
) -> String {
    let mut text = format!(
        "{}: {} lines of {} services over {DAYS} days, {} windows of five minutes\n\n",
        style.bold("Log lines"),
        run.lines,
        SERVICES.len(),
        run.windows
    );
    for (one, found) in pairs {
        let what = format!("{} {:<5} {}", clock(one.begin_s), SERVICES[one.service], one.what);
        let found = match found {
            Some(found) => style.green(&format!("found {} ({})", clock(found.to_s), found.why)),
            None => style.red("missed"),
        };
        let _ = writeln!(text, "  {what:<56} {found}");
    }
    let count = pairs.iter().filter(|(_, found)| found.is_some()).count();
    let _ = writeln!(text, "\n{}  {count} of {}", style.bold("Found        "), pairs.len());
    let _ = writeln!(
        text,
        "{}  {others} in {} series-days (a budget of 1/week allows {:.1})",
        style.bold("False alarms "),
        9 * DAYS,
        9.0 * DAYS as f64 / 7.0
    );
    let micros = run.busy.as_secs_f64() * 1e6 / run.lines.max(1) as f64;
    let _ = writeln!(text, "{}  {micros:.2} us a line, all four sections", style.bold("Measured     "));
    if let Some(folder) = folder {
        let (lines, config) = (folder.join(LINES_FILE), folder.join(CONFIG_FILE));
        let _ = writeln!(
            text,
            "{}  {}\n               {}",
            style.bold("Written      "),
            lines.display(),
            config.display()
        );
        let _ = writeln!(
            text,
            "{}  fluent-anomaly filter -c {} --tag demo.log < {}",
            style.bold("Count again  "),
            config.display(),
            lines.display()
        );
    }
    text
}

fn json_of(run: &Run, pairs: &[(&Planted, Option<&Found>)], others: usize) -> Value {
    let incident = |(one, found): &(&Planted, Option<&Found>)| {
        json!({
            "service": SERVICES[one.service],
            "what": one.what,
            "begin": one.begin_s,
            "end": one.end_s,
            "found": found.map(|found| json!({"from": found.from_s, "to": found.to_s, "why": found.why})),
        })
    };
    json!({
        "lines": run.lines,
        "windows": run.windows,
        "incidents": pairs.iter().map(incident).collect::<Vec<_>>(),
        "found": pairs.iter().filter(|(_, found)| found.is_some()).count(),
        "false_alarms": others,
        "measured": {"us_per_line": run.busy.as_secs_f64() * 1e6 / run.lines.max(1) as f64},
    })
}
