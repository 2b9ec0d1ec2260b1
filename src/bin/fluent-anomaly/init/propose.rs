//! Which fields of a sample are times, values and keys.

use std::collections::{HashMap, HashSet};

use fluent_anomaly::Time;
use fluent_anomaly::records::Unit;
use fluent_anomaly::sources::series_file::{Cell, Column, Row, Table, time_of_cell};

use crate::utc;

/// Most sections that are proposed.
const MOST_SECTIONS: usize = 4;
/// Most fields that name a series.
const MOST_KEYS: usize = 3;
/// Records that each series has, on average, at least.
const FEWEST_RECORDS: usize = 20;

/// Words in names of values worth a look.
const VALUES: [&str; 28] = [
    "latency",
    "duration",
    "elapsed",
    "response_time",
    "request_time",
    "took",
    "ms",
    "seconds",
    "value",
    "usage",
    "used",
    "cpu_p",
    "percent",
    "pct",
    "load",
    "rate",
    "count",
    "bytes",
    "size",
    "temperature",
    "queue",
    "depth",
    "errors",
    "free",
    "idle",
    "user_p",
    "system_p",
    "rx",
];
/// Words in names of numbers that measure nothing.
const LABELS: [&str; 14] = [
    "id", "pid", "port", "code", "status", "year", "version", "line", "uid", "gid", "seq", "offset",
    "interval", "thread",
];
/// Names of fields that tell series apart, the best first.
const KEYS: [&str; 30] = [
    "service",
    "app",
    "application",
    "name",
    "host",
    "hostname",
    "instance",
    "pod_name",
    "namespace_name",
    "container_name",
    "plugin",
    "plugin_instance",
    "type",
    "type_instance",
    "device",
    "interface",
    "dev",
    "queue",
    "topic",
    "endpoint",
    "route",
    "path",
    "uri",
    "method",
    "vhost",
    "region",
    "zone",
    "scope",
    "series",
    "measurement",
];

/// A configuration for a sample.
#[derive(Debug)]
pub(super) struct Proposal {
    pub(super) tag: String,
    /// Column of the time; `None`: the envelope's, or that of arrival.
    pub(super) time: Option<usize>,
    pub(super) sections: Vec<Section>,
    pub(super) keys: Vec<usize>,
    /// Each choice with its reason.
    pub(super) told: Vec<String>,
    names: Vec<String>,
    /// What a sample of less than a week can tell of is one alarm a day.
    budget: &'static str,
    /// Whether a section can read the time itself.
    is_seconds: bool,
    /// Seconds between two records of a series, for the monitors that a short sample gets.
    monitor_s: Option<i64>,
}

/// Samples shorter than this get monitors.
const YOUNG_S: i64 = 2 * 86_400;

/// One section.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) name: String,
    pub(super) value: usize,
    /// That of texts such as `12ms`.
    unit: Option<Unit>,
    pub(super) reason: String,
}

/// What a column holds.
#[derive(Debug, Clone, Default)]
struct Content {
    numbers: usize,
    least: f64,
    most: f64,
    rises: usize,
    falls: usize,
    texts: usize,
    distinct: usize,
}

impl Proposal {
    /// `units`: those of columns that held texts such as `12ms`.
    pub(super) fn of(table: &Table, units: &[(usize, Unit)], tag: Option<&str>) -> Result<Self, String> {
        let names: Vec<String> = table.columns.iter().map(Column::accessor).collect();
        let contents = contents(table);
        let mut told = Vec::new();
        let tag = tag.map(str::to_owned).or_else(|| {
            let tag = table.rows.first()?.tag?;
            Some(table.text(tag).to_owned())
        });
        let tag = tag.unwrap_or_else(|| "app".to_owned());

        let time = table.time_column();
        let is_seconds = time.is_some_and(|time| table.is_time_of_records(time));
        told.push(match time {
            Some(time) => format!("time    {}: {}", name(&names, time), span(table, Some(time))),
            None if table.rows.iter().all(|row| row.time.is_some()) => {
                format!("time    of the envelope: {}", span(table, None))
            }
            None => {
                "time    none found: a record's time is that of its arrival, here one a second".to_owned()
            }
        });
        let keys = keys(table, &contents, time, &names, &mut told);
        let mut sections = sections(table, &contents, time, &keys, &names, &mut told)?;
        for section in &mut sections {
            section.unit = units.iter().find(|(column, _)| *column == section.value).map(|(_, unit)| *unit);
            if let Some(unit) = section.unit {
                let name = name(&names, section.value);
                told.push(format!("unit    {name}: its texts have units, `unit: {unit}` reads them"));
            }
        }
        let times = || table.rows.iter().filter_map(|row| time_of(table, row, time)).map(Time::seconds);
        let span_s = times().max().unwrap_or(0) - times().min().unwrap_or(0);
        let budget = if span_s < 7 * 86_400 { "1/day" } else { "1/week" };
        told.push(format!("alarms  {budget} of each series, as the sample covers {}", utc::span(span_s)));
        // what comes once a day takes days to know; a band is known after some minutes
        let monitor_s = (span_s < YOUNG_S).then(|| spacing_s(table, time, &keys));
        if let Some(interval) = monitor_s {
            told.push(format!("monitor one on each value, as days are needed to know what is rare: records come each {interval} s"));
        }
        Ok(Self { tag, time, sections, keys, told, names, budget, is_seconds, monitor_s })
    }

    pub(super) fn name(&self, column: usize) -> &str {
        name(&self.names, column)
    }

    /// Whether the sections read the time of a record themselves.
    pub(super) fn reads_time(&self) -> bool {
        self.time.is_some() && self.is_seconds
    }

    /// The configuration file.
    pub(super) fn ini(&self, input: &str) -> String {
        let mut ini = format!(
            "; made by `fluent-anomaly init` from {input}\n[filter]\nstate: state\nalarms: {}\n",
            self.budget
        );
        let several = self.sections.len() > 1;
        for section in &self.sections {
            ini += &format!(
                "\n; {}\n[series.{}]\nmatch: {}\nvalue: {}\n",
                section.reason,
                section.name,
                self.tag,
                self.name(section.value)
            );
            if let Some(unit) = section.unit {
                ini += &format!("unit: {unit}\n");
            }
            if !self.keys.is_empty() {
                let keys: Vec<&str> = self.keys.iter().map(|&key| self.name(key)).collect();
                ini += &format!("by: {}\n", keys.join(", "));
            }
            if let Some(time) = self.time.filter(|_| self.is_seconds) {
                ini += &format!("time: {}\n", self.name(time));
            }
            if several {
                ini += &format!("prefix: {}_\n", section.name);
            }
        }
        let monitored = self.monitor_s.map(|interval| (interval, &self.sections)).into_iter();
        for (interval, section) in monitored.flat_map(|(s, sections)| sections.iter().map(move |it| (s, it)))
        {
            let metric: String =
                section.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
            ini += &format!(
                "\n; alerts from the first minutes on, when two of six values lie far outside of what was usual before\n\
                 [monitor.{0}]\non: {0}\nquery: avg(last_{1}s):anomalies(avg:value.{metric}{{*}}, 'basic', 4, alert_window='last_{2}s', interval={interval}) >= 0.3\n",
                section.name,
                (60 * interval).max(3600),
                6 * interval
            );
        }
        ini
    }
}

fn name(names: &[String], column: usize) -> &str {
    names.get(column).map_or("", String::as_str)
}

fn contents(table: &Table) -> Vec<Content> {
    let mut contents = vec![Content::default(); table.columns.len()];
    let mut distinct: Vec<HashSet<u32>> = vec![HashSet::new(); table.columns.len()];
    let mut before: Vec<Option<f64>> = vec![None; table.columns.len()];
    for row in &table.rows {
        for (at, content) in contents.iter_mut().enumerate() {
            match row.cell(at) {
                Cell::Number(number) => {
                    if content.numbers == 0 {
                        (content.least, content.most) = (number, number);
                    }
                    content.numbers += 1;
                    content.least = content.least.min(number);
                    content.most = content.most.max(number);
                    if let Some(Some(before)) = before.get(at) {
                        content.rises += usize::from(number > *before);
                        content.falls += usize::from(number < *before);
                    }
                    if let Some(slot) = before.get_mut(at) {
                        *slot = Some(number);
                    }
                }
                Cell::Text(text) => {
                    content.texts += 1;
                    if let Some(distinct) = distinct.get_mut(at) {
                        distinct.insert(text);
                    }
                }
                _ => {}
            }
        }
    }
    for (content, distinct) in contents.iter_mut().zip(distinct) {
        content.distinct = distinct.len();
    }
    contents
}

/// The time of a row.
pub(super) fn time_of(table: &Table, row: &Row, column: Option<usize>) -> Option<Time> {
    match column {
        Some(column) => time_of_cell(table, row.cell(column)),
        None => row.time,
    }
}

fn span(table: &Table, column: Option<usize>) -> String {
    let times = || table.rows.iter().filter_map(|row| time_of(table, row, column)).map(Time::seconds);
    match (times().min(), times().max()) {
        (Some(first), Some(last)) => {
            format!("from {} to {}", utc::text(first), utc::text(last))
        }
        _ => "none".to_owned(),
    }
}

fn keys(
    table: &Table,
    contents: &[Content],
    time: Option<usize>,
    names: &[String],
    told: &mut Vec<String>,
) -> Vec<usize> {
    let rows = table.rows.len();
    let mut keys: Vec<usize> = Vec::new();
    let mut series = 1;
    for wanted in KEYS {
        for (column, content) in contents.iter().enumerate() {
            let is_free = Some(column) != time && !keys.contains(&column) && keys.len() < MOST_KEYS;
            if !is_free
                || table.last_key(column) != wanted
                || content.texts * 10 < rows * 9
                || content.distinct < 2
            {
                continue;
            }
            let mut tried = keys.clone();
            tried.push(column);
            let found = combinations(table, &tried);
            if found * FEWEST_RECORDS > rows || found == series {
                continue;
            }
            (keys, series) = (tried, found);
            told.push(format!(
                "key     {}: {} texts, a model for each",
                name(names, column),
                content.distinct
            ));
        }
    }
    if keys.is_empty() {
        told.push("key     none: one series".to_owned());
    }
    keys
}

/// Median of the seconds between two records of a series, 1 or more.
fn spacing_s(table: &Table, time: Option<usize>, keys: &[usize]) -> i64 {
    let mut times: HashMap<Vec<String>, Vec<i64>> = HashMap::new();
    for row in &table.rows {
        let key = keys.iter().map(|&key| table.shown(row.cell(key))).collect();
        times.entry(key).or_default().extend(time_of(table, row, time).map(Time::seconds));
    }
    let mut steps = Vec::new();
    for times in times.values_mut() {
        times.sort_unstable();
        steps.extend(times.windows(2).filter_map(|pair| Some(pair.get(1)? - pair.first()?)));
    }
    steps.sort_unstable();
    steps.get(steps.len() / 2).copied().unwrap_or(1).clamp(1, 3600)
}

fn combinations(table: &Table, keys: &[usize]) -> usize {
    let of_row = |row: &Row| -> Vec<String> { keys.iter().map(|&key| table.shown(row.cell(key))).collect() };
    table.rows.iter().map(of_row).collect::<HashSet<_>>().len()
}

fn sections(
    table: &Table,
    contents: &[Content],
    time: Option<usize>,
    keys: &[usize],
    names: &[String],
    told: &mut Vec<String>,
) -> Result<Vec<Section>, String> {
    let rows = table.rows.len();
    let mut candidates: Vec<(usize, usize, String)> = Vec::new(); // rank, column, reason
    for (column, content) in contents.iter().enumerate() {
        if Some(column) == time || keys.contains(&column) || content.numbers * 2 < rows || content.numbers < 2
        {
            continue;
        }
        let last = table.last_key(column);
        let words: Vec<&str> = last.split(['_', '-', '.']).collect();
        let left_out = if content.least == content.most {
            Some(format!("always {}", content.least))
        } else if words.iter().any(|word| LABELS.contains(word)) {
            Some("its name says that it is a label".to_owned())
        } else if content.falls == 0 && content.rises * 10 > content.numbers * 9 && rows > 10 {
            Some("it only rises, as a counter does".to_owned())
        } else if content.least > 1e8
            && Time::from_float_of_any_unit(content.least).is_some()
            && last.contains("time")
        {
            Some("its name and its size say that it is a time".to_owned())
        } else {
            None
        };
        if let Some(why) = left_out {
            told.push(format!("not     {}: {why}", name(names, column)));
            continue;
        }
        let rank = VALUES
            .iter()
            .position(|word| last == *word || words.contains(word) || last.ends_with(word))
            .unwrap_or(VALUES.len());
        let reason = format!(
            "numbers in {} of {rows} records, {} to {}",
            content.numbers,
            short(content.least),
            short(content.most)
        );
        candidates.push((rank, column, reason));
    }
    candidates.sort();
    if candidates.is_empty() {
        let there: Vec<&str> = names.iter().map(String::as_str).take(20).collect();
        let reasons: Vec<&str> = told.iter().filter_map(|line| line.strip_prefix("not     ")).collect();
        let reasons = match &reasons[..] {
            [] => with_units(table, contents, names).unwrap_or_default(),
            reasons => format!("; left out: {}", reasons.join("; ")),
        };
        return Err(format!(
            "no field holds numbers that could be scored; the records have {}{reasons}",
            if there.is_empty() { "no fields".to_owned() } else { there.join(", ") }
        ));
    }
    let more = candidates.len().saturating_sub(MOST_SECTIONS);
    let mut sections: Vec<Section> = Vec::new();
    for (_, value, reason) in candidates.into_iter().take(MOST_SECTIONS) {
        let mut section: String = table
            .last_key(value)
            .chars()
            .map(|c| if c.is_alphanumeric() || c == '_' { c } else { '_' })
            .collect();
        while section.is_empty() || sections.iter().any(|other| other.name == section) {
            section.push('_');
        }
        told.push(format!("value   {}: {reason}", name(names, value)));
        sections.push(Section { name: section, value, unit: None, reason });
    }
    if more > 0 {
        told.push(format!("        {more} more fields with numbers: add sections for those that matter"));
    }
    Ok(sections)
}

/// A field whose texts begin with a number, as `12ms` does.
fn with_units(table: &Table, contents: &[Content], names: &[String]) -> Option<String> {
    let text = |column: usize| match table.rows.first()?.cell(column) {
        Cell::Text(text) => Some(table.text(text)),
        _ => None,
    };
    let begins = |column: &usize| {
        let digits = |text: &str| text.starts_with(|c: char| c.is_ascii_digit()) && text.len() < 16;
        contents.get(*column).is_some_and(|content| content.distinct > 1) && text(*column).is_some_and(digits)
    };
    let column = (0..table.columns.len()).find(begins)?;
    Some(format!(
        "; {} is a text such as {:?}: log the number alone, its unit in the name of the field",
        name(names, column),
        text(column)?
    ))
}

/// Four digits that count.
pub(super) fn short(value: f64) -> String {
    let text = if value.abs() >= 1000.0 { format!("{value:.0}") } else { format!("{value:.3}") };
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}
