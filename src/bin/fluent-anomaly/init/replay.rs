//! The sample through the proposed configuration.

use fluent_anomaly::sources::series_file::{Cell, Row, Table};
use fluent_anomaly::{Config, Format, Pipeline, Time};
use serde_json::{Map, Value, json};

use super::propose::{Proposal, time_of};
use crate::failure::Failure;
use crate::monitor::clock::utc;

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
}

/// Replays the sample in the order of time.
pub(super) fn run(ini: &str, table: &Table, proposal: &Proposal) -> Result<Replayed, Failure> {
    let mut config = Config::parse("fluent-anomaly.ini", ini)
        .map_err(|error| Failure::of("the proposed configuration", error))?;
    config.filter.state = None;
    let mut pipeline = Pipeline::new(&config, Format::Json, None);
    let start = Time::from_seconds(1_700_000_000);
    let mut rows: Vec<(Time, &Row)> = table
        .rows
        .iter()
        .enumerate()
        .map(|(at, row)| {
            let arrival = Time::from_seconds(start.seconds() + at as i64);
            (time_of(table, row, proposal.time).unwrap_or(arrival), row)
        })
        .collect();
    rows.sort_by_key(|(time, _)| *time);
    let mut replayed = Replayed {
        records: rows.len(),
        scored: 0,
        series: 0,
        alarms: Vec::new(),
        rarest: Vec::new(),
        log: Vec::new(),
    };
    let prefix = |name: &str| if proposal.sections.len() > 1 { format!("{name}_") } else { String::new() };
    for (time, row) in rows {
        let mut bytes = record(table, row).to_string().into_bytes();
        pipeline.process(proposal.tag.as_bytes(), time, &mut bytes);
        let Ok(scored) = serde_json::from_slice::<Value>(&bytes) else { continue };
        for section in &proposal.sections {
            let prefix = prefix(&section.name);
            let field = |name: &str| &scored[format!("{prefix}{name}")];
            let keys: Vec<String> = proposal.keys.iter().map(|&key| table.shown(row.cell(key))).collect();
            let of = if keys.is_empty() { String::new() } else { format!(" of {}", keys.join(", ")) };
            let what = format!(
                "{}  {}{of} is {}",
                utc(time.seconds()),
                proposal.name(section.value),
                table.shown(row.cell(section.value))
            );
            if field("alarm") == "start" {
                let reason = field("anomaly_reason");
                let expected =
                    reason["expected"].as_f64().map_or(String::new(), |it| format!(", expected {it:.4}"));
                let size = field("anomaly_size")
                    .as_f64()
                    .map_or(String::new(), |it| format!(", {it:.1} usual deviations"));
                let kind = reason["kind"].as_str().unwrap_or("alarm");
                replayed.alarms.push(format!("{what}{expected}{size}: {kind}"));
            }
            if let Some(score) = field("anomaly_score").as_f64() {
                replayed.rarest.push((score, what));
                if replayed.rarest.len() > 200 {
                    keep_rarest(&mut replayed.rarest);
                }
            }
        }
    }
    keep_rarest(&mut replayed.rarest);
    pipeline.tell_unscored();
    replayed.log = pipeline.take_log();
    replayed.scored = pipeline.counters().scored + pipeline.counters().warming_up;
    replayed.series = pipeline.series().0;
    Ok(replayed)
}

fn keep_rarest(points: &mut Vec<(f64, String)>) {
    points.sort_by(|a, b| b.0.total_cmp(&a.0));
    points.truncate(3);
}

/// The row as the host would give it.
fn record(table: &Table, row: &Row) -> Value {
    let mut record = Map::new();
    for (at, column) in table.columns.iter().enumerate() {
        let value = match row.cell(at) {
            Cell::Absent => continue,
            Cell::Null => Value::Null,
            Cell::Bool(bool) => json!(bool),
            Cell::Number(number) => json!(number),
            Cell::Text(text) => json!(table.text(text)),
        };
        put(&mut record, &column.path, value);
    }
    Value::Object(record)
}

fn put(map: &mut Map<String, Value>, path: &[String], value: Value) {
    match path {
        [] => {}
        [key] => {
            map.insert(key.clone(), value);
        }
        [key, rest @ ..] => {
            let inner = map.entry(key.clone()).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

impl Replayed {
    pub(super) fn text(&self) -> String {
        let mut text = format!(
            "\nReplayed {} records: {} values learned or scored, {} series\n",
            self.records, self.scored, self.series
        );
        for line in &self.log {
            text += &format!("  {line}\n");
        }
        match self.alarms.len() {
            0 => {
                text += "No alarm would have been raised";
                text += &match &self.rarest[..] {
                    [] => ": a series is judged after 30 records, and this sample has fewer of each\n"
                        .to_owned(),
                    points => {
                        let lines: Vec<String> = points
                            .iter()
                            .map(|(score, what)| format!("  {what} (anomaly_score {score:.2})\n"))
                            .collect();
                        format!(". The rarest points:\n{}", lines.concat())
                    }
                };
            }
            count => {
                text += &format!("{count} alarms would have been raised:\n");
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
