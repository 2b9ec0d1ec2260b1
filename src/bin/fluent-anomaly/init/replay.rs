//! The sample through the proposed configuration.

mod windows;

use std::collections::{HashMap, HashSet};

use fluent_anomaly::sources::series_file::{Row, Table};
use fluent_anomaly::{Config, Format, Pipeline, Time};
use serde_json::Value;

use super::columns::{series_of, time_of};
use super::propose::Proposal;
use super::values::short;
use crate::failure::Failure;
use crate::utc;
use windows::{ClosedWindows, Told};

/// Most alarms that are shown.
const MOST_SHOWN: usize = 20;

/// What came out.
#[derive(Debug)]
pub(super) struct Replayed {
    records: usize,
    scored: u64,
    series: usize,
    alarms: Vec<String>,
    /// The rarest points, where nothing alarmed.
    rarest: Vec<(f64, String)>,
    log: Vec<String>,
    windows: ClosedWindows,
    has_windows: bool,
}

/// A record as the host would give it.
struct Timed<'a> {
    time: Time,
    row: &'a Row,
    bytes: Vec<u8>,
}

/// Replays the sample in the order of time.
pub(super) fn run(ini: &str, table: &Table, proposal: &Proposal) -> Result<Replayed, Failure> {
    let mut config = Config::parse("fluent-anomaly.ini", ini)
        .map_err(|error| Failure::of("the proposed configuration", error))?;
    config.filter.state = None;
    let start = Time::from_seconds(1_700_000_000);
    let mut records: Vec<Timed<'_>> = table
        .rows
        .iter()
        .enumerate()
        .map(|(at, row)| {
            let arrival = Time::from_seconds(start.seconds() + at as i64);
            let time = time_of(table, row, proposal.time).unwrap_or(arrival);
            Timed { time, row, bytes: table.record(row).to_string().into_bytes() }
        })
        .collect();
    records.sort_by_key(|record| record.time);
    Ok(replay(&config, table, proposal, &records))
}

fn replay(config: &Config, table: &Table, proposal: &Proposal, records: &[Timed<'_>]) -> Replayed {
    let mut pipeline = Pipeline::new(config, Format::Json, None);
    pipeline.make_window_records();
    let every = proposal.log_series.as_ref().map_or("", |log_series| log_series.every);
    let tag = proposal.tag.as_bytes();
    // what lay outside of a monitor's band last
    let mut outside: HashMap<String, String> = HashMap::new();
    let mut all_series: HashSet<String> = HashSet::new();
    let mut replayed = Replayed {
        records: records.len(),
        scored: 0,
        series: 0,
        alarms: Vec::new(),
        rarest: Vec::new(),
        log: Vec::new(),
        windows: ClosedWindows::default(),
        has_windows: proposal.log_series.is_some(),
    };
    let prefix = |name: &str| if proposal.sections.len() > 1 { format!("{name}_") } else { String::new() };
    for Timed { time, row, bytes } in records {
        let mut bytes = bytes.clone();
        pipeline.process(tag, *time, &mut bytes);
        for Told { what, alarm, score } in replayed.windows.take(&mut pipeline, every) {
            replayed.alarms.extend(alarm);
            replayed.rarest.extend(score.map(|score| (score, what)));
        }
        let Ok(scored) = serde_json::from_slice::<Value>(&bytes) else { continue };
        for section in &proposal.sections {
            let prefix = prefix(&section.name);
            let field = |name: &str| &scored[format!("{prefix}{name}")];
            let keys = series_of(table, row, &proposal.keys).join(", ");
            let of = if keys.is_empty() { String::new() } else { format!(" of {keys}") };
            let what = format!(
                "{}  {}{of} is {}",
                utc::text(time.seconds()),
                proposal.name(section.value),
                table.shown(row.cell(section.value))
            );
            if field("alarm") == "start" {
                let reason = field("anomaly_reason");
                // of a level, a spread or a run it is another number than the value of this record
                let value = table.number(row.cell(section.value));
                let observed = reason["observed"].as_f64().filter(|&it| Some(it) != value);
                let observed = observed.map_or(String::new(), |it| format!(", observed {}", short(it)));
                replayed.alarms.push(alarm(&format!("{what}{observed}"), reason, field("anomaly_size")));
            }
            let verdict = field("anomaly");
            let series = format!("{}{of}", section.name);
            if table.number(row.cell(section.value)).is_some() && !all_series.contains(&series) {
                all_series.insert(series.clone());
            }
            if verdict["is_anomaly"] == true {
                let expected = verdict["expected"].as_f64().map_or(String::new(), short);
                outside.insert(series.clone(), format!("{what}, expected {expected}"));
            }
            if verdict["transition"].as_str().is_some_and(|transition| transition.ends_with("->ALERT")) {
                let of = outside.get(&series).unwrap_or(&what);
                replayed.alarms.push(format!("{of}: the monitor alerts at {}", utc::text(time.seconds())));
            }
            if let Some(score) = field("anomaly_score").as_f64() {
                replayed.rarest.push((score, what));
            }
        }
        if replayed.rarest.len() > 200 {
            keep_rarest(&mut replayed.rarest);
        }
    }
    keep_rarest(&mut replayed.rarest);
    // what was told hour by hour stands in the last sentence, too
    drop(pipeline.take_log());
    pipeline.tell_unscored();
    replayed.log = pipeline.take_log();
    replayed.scored = pipeline.counters().scored + pipeline.counters().warming_up;
    replayed.series = all_series.len() + replayed.windows.series();
    replayed
}

/// An alarm for people.
fn alarm(what: &str, reason: &Value, size: &Value) -> String {
    let expected =
        reason["expected"].as_f64().map_or(String::new(), |it| format!(", expected {}", short(it)));
    let size = size.as_f64().map_or(String::new(), |it| format!(", {it:.1} usual deviations"));
    format!("{what}{expected}{size}: {}", reason["kind"].as_str().unwrap_or("alarm"))
}

fn keep_rarest(points: &mut Vec<(f64, String)>) {
    points.sort_by(|a, b| b.0.total_cmp(&a.0));
    points.truncate(3);
}

impl Replayed {
    pub(super) fn text(&self) -> String {
        let windows =
            if self.has_windows { format!(", {} windows closed", self.windows.count) } else { String::new() };
        let mut text = format!(
            "\nReplayed {} records: {} values learned or scored{windows}, {} series\n",
            self.records, self.scored, self.series
        );
        for line in &self.log {
            text += &format!("  {line}\n");
        }
        match self.alarms.len() {
            0 => {
                text += "No alarm would have been raised: nothing in this sample is rare enough, or it is too short to tell";
                text += &match &self.rarest[..] {
                    [] if self.has_windows => {
                        " (a series is judged after 30 windows, and this sample has fewer of each)\n"
                            .to_owned()
                    }
                    [] => " (a series is judged after 30 records, and this sample has fewer of each)\n"
                        .to_owned(),
                    points => {
                        let lines: Vec<String> = points
                            .iter()
                            .map(|(score, what)| format!("  {what} (anomaly_score {score:.2})\n"))
                            .collect();
                        format!("\nThe rarest points:\n{}", lines.concat())
                    }
                };
            }
            count => {
                let alarms = if count == 1 { "alarm" } else { "alarms" };
                text += &format!("{count} {alarms} would have been raised:\n");
                for alarm in self.alarms.iter().take(MOST_SHOWN) {
                    text += &format!("  {alarm}\n");
                }
                if count > MOST_SHOWN {
                    text += &format!("  ... and {} more\n", count - MOST_SHOWN);
                }
            }
        }
        text
    }
}
