//! Which fields of a sample are times, values and keys.

use std::collections::HashSet;

use fluent_anomaly::Time;
use fluent_anomaly::sources::series_file::{Cell, Row, Table, time_of_cell};

/// Most sections that are proposed.
const MOST_SECTIONS: usize = 4;
/// Most fields that name a series.
const MOST_KEYS: usize = 3;
/// Records that each series has, on average, at least.
const FEWEST_RECORDS: usize = 20;

/// Words in names of fields that hold a time.
const TIMES: [&str; 9] =
    ["time", "timestamp", "ts", "@timestamp", "date", "datetime", "fluent_time", "_time", "eventtime"];
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
    /// Whether the time is a number of seconds, which a section can read itself.
    is_seconds: bool,
}

/// One section.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) name: String,
    pub(super) value: usize,
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
    pub(super) fn of(table: &Table, tag: Option<&str>) -> Result<Self, String> {
        let names: Vec<String> = table.columns.iter().map(|column| accessor(&column.path)).collect();
        let contents = contents(table);
        let mut told = Vec::new();
        let tag = tag.map(str::to_owned).or_else(|| {
            let tag = table.rows.first()?.tag?;
            Some(table.text(tag).to_owned())
        });
        let tag = tag.unwrap_or_else(|| "app".to_owned());

        let time = time(table);
        let is_seconds = time.is_some_and(|time| {
            table.rows.iter().all(|row| matches!(row.cell(time), Cell::Number(number) if number < 1e11))
        });
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
        let sections = sections(table, &contents, time, &keys, &names, &mut told)?;
        let times = || table.rows.iter().filter_map(|row| time_of(table, row, time)).map(Time::seconds);
        let span_s = times().max().unwrap_or(0) - times().min().unwrap_or(0);
        let budget = if span_s < 7 * 86_400 { "1/day" } else { "1/week" };
        told.push(format!("alarms  {budget} of each series, as the sample is {} d long", span_s / 86_400));
        Ok(Self { tag, time, sections, keys, told, names, budget, is_seconds })
    }

    pub(super) fn name(&self, column: usize) -> &str {
        name(&self.names, column)
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
        ini
    }
}

fn name(names: &[String], column: usize) -> &str {
    names.get(column).map_or("", String::as_str)
}

/// `$kubernetes['pod_name']`, `$['a.b']`.
fn accessor(path: &[String]) -> String {
    let mut text = String::from("$");
    for (at, key) in path.iter().enumerate() {
        let is_plain = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || "_-@".contains(c));
        if at == 0 && is_plain {
            text.push_str(key);
        } else {
            text += &format!("['{}']", key.replace('\'', "''"));
        }
    }
    text
}

/// The last key of a column's path, in lower case.
fn last(table: &Table, column: usize) -> String {
    table
        .columns
        .get(column)
        .and_then(|column| column.path.last())
        .map_or(String::new(), |key| key.to_lowercase())
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

/// A column of a usual name that holds times throughout.
fn time(table: &Table) -> Option<usize> {
    let holds_times = |&column: &usize| {
        let mut cells = table.rows.iter().take(200).map(|row| row.cell(column)).peekable();
        let is_time = |cell: Cell| time_of_cell(table, cell).is_some_and(|time| time.seconds() > 100_000_000);
        cells.peek().is_some() && cells.all(is_time)
    };
    let columns = 0..table.columns.len();
    let named = TIMES.iter().find_map(|wanted| {
        columns.clone().filter(|&column| last(table, column) == *wanted).find(holds_times)
    });
    let is_text =
        |column: &usize| matches!(table.rows.first().map(|row| row.cell(*column)), Some(Cell::Text(_)));
    named.or_else(|| columns.filter(is_text).find(holds_times))
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
            format!("from {} to {}", crate::monitor::clock::utc(first), crate::monitor::clock::utc(last))
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
                || last(table, column) != wanted
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
        let last = last(table, column);
        let words: Vec<&str> = last.split(['_', '-', '.']).collect();
        let left_out = if content.least == content.most {
            Some(format!("always {}", content.least))
        } else if words.iter().any(|word| LABELS.contains(word)) {
            Some("its name says that it is a label".to_owned())
        } else if content.falls == 0 && content.rises * 10 > content.numbers * 9 && rows > 10 {
            Some("it only rises, as a counter does".to_owned())
        } else if TIMES.contains(&last.as_str()) {
            Some("its name says that it is a time".to_owned())
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
        return Err(format!(
            "no field holds numbers that could be scored; the records have {}",
            if there.is_empty() { "no fields".to_owned() } else { there.join(", ") }
        ));
    }
    let more = candidates.len().saturating_sub(MOST_SECTIONS);
    let mut sections: Vec<Section> = Vec::new();
    for (_, value, reason) in candidates.into_iter().take(MOST_SECTIONS) {
        let mut section: String = last(table, value)
            .chars()
            .map(|c| if c.is_alphanumeric() || c == '_' { c } else { '_' })
            .collect();
        while section.is_empty() || sections.iter().any(|other| other.name == section) {
            section.push('_');
        }
        told.push(format!("value   {}: {reason}", name(names, value)));
        sections.push(Section { name: section, value, reason });
    }
    if more > 0 {
        told.push(format!("        {more} more fields with numbers: add sections for those that matter"));
    }
    Ok(sections)
}

/// Four digits that count.
fn short(value: f64) -> String {
    let text = if value.abs() >= 1000.0 { format!("{value:.0}") } else { format!("{value:.3}") };
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}
