//! Series of how many records come, where the records of a sample are lines of a log.

use fluent_anomaly::sources::series_file::{Cell, LINES, Table};

use super::columns::{Content, extent, name, series_of};

/// Records from which on a sample tells how many come.
const FEWEST_RECORDS: usize = 20;
/// Records in a window of a series, on average, at least, where a shorter window is there.
const RECORDS_A_WINDOW: i64 = 5;
/// Windows that are proposed, and their seconds.
const WINDOWS: [(&str, i64); 4] = [("1m", 60), ("5m", 300), ("15m", 900), ("1h", 3600)];
/// Names of fields that tell how bad a line is.
const LEVELS: [&str; 10] = [
    "level",
    "severity",
    "severity_text",
    "severitytext",
    "loglevel",
    "log_level",
    "levelname",
    "lvl",
    "error_severity",
    "priority",
];
/// Words for lines that tell of an error, the usual ones first.
const ERRORS: [&str; 12] =
    ["error", "fatal", "critical", "err", "crit", "panic", "alert", "emerg", "severe", "emergency", "e", "f"];
/// Those of them that stand in a condition beside the ones of the sample.
const USUAL_ERRORS: [&str; 3] = ["error", "fatal", "critical"];
const USUAL_LETTERS: [&str; 2] = ["e", "f"];
/// Words for other lines.
const OTHERS: [&str; 15] = [
    "i",
    "w",
    "d",
    "v",
    "info",
    "warn",
    "warning",
    "debug",
    "trace",
    "notice",
    "information",
    "verbose",
    "fine",
    "default",
    "log",
];
/// Names of fields that hold the status of an answer over HTTP.
const STATUSES: [&str; 7] =
    ["status", "code", "status_code", "statuscode", "http_status", "response_code", "response_status"];
/// In lines without a level.
const WORDS_OF_ERRORS: &str = r"/\b(error|exception|fatal|panic|fail|failed|failure)\b/i";

/// One section with a measure.
#[derive(Debug)]
pub(super) struct LogSection {
    pub(super) name: &'static str,
    pub(super) measure: String,
    /// `where:`; `None`: all records count.
    pub(super) condition: Option<String>,
    pub(super) reason: String,
}

/// Sections with measures, over windows of one length.
#[derive(Debug)]
pub(super) struct LogSeries {
    /// As `every:` takes it.
    pub(super) every: &'static str,
    pub(super) sections: Vec<LogSection>,
    /// The field whose texts make templates of lines.
    pub(super) text: Option<usize>,
}

impl LogSeries {
    /// Of a sample whose records are events rather than measurements: they have a level, a status or a text. Without values
    /// (`has_values`) any records are counted. `None`: nothing is worth it.
    pub(super) fn of(
        table: &Table,
        contents: &[Content],
        time: Option<usize>,
        keys: &[usize],
        names: &[String],
        has_values: bool,
    ) -> Option<Self> {
        let rows = table.rows.len();
        if rows < FEWEST_RECORDS {
            return None;
        }
        let text = text_of_lines(table, contents, keys);
        let errors = condition_of_level(table, contents, names);
        let failures = status(table, contents, names);
        if has_values && errors.is_none() && failures.is_none() {
            return None;
        }
        let every = window(table, time, keys);
        let mut sections = vec![LogSection {
            name: "lines",
            measure: "count".to_owned(),
            condition: None,
            reason: format!("how many records come in {every}: {rows} in the sample"),
        }];
        let of_text = || {
            let text = text.filter(|_| failures.is_none())?;
            Some(format!("{} matches {WORDS_OF_ERRORS}", name(names, text)))
        };
        if let Some(condition) = errors.or_else(of_text) {
            sections.push(LogSection {
                name: "errors",
                measure: "count".to_owned(),
                reason: format!("how many of them tell of an error: {condition}"),
                condition: Some(condition),
            });
        }
        if let Some(condition) = failures {
            sections.push(LogSection {
                name: "failures",
                measure: format!("share {condition}"),
                condition: None,
                reason: "which part of the answers are failures of the server".to_owned(),
            });
        }
        Some(Self { every, sections, text })
    }

    /// Each choice with its reason.
    pub(super) fn told(&self) -> impl Iterator<Item = String> {
        self.sections.iter().map(|section| format!("count   {}: {}", section.name, section.reason))
    }
}

/// The shortest window in which some records of a series come.
fn window(table: &Table, time: Option<usize>, keys: &[usize]) -> &'static str {
    let span_s = extent(table, time).map_or(0, |(first, last)| last - first);
    let series: std::collections::HashSet<Vec<String>> =
        table.rows.iter().map(|row| series_of(table, row, keys)).collect();
    let of_each = (table.rows.len() / series.len().max(1)) as i64;
    let is_filled = |(_, seconds): &(&str, i64)| of_each * seconds >= RECORDS_A_WINDOW * span_s;
    let [.., longest] = WINDOWS;
    WINDOWS.into_iter().find(is_filled).unwrap_or(longest).0
}

/// The texts of a column, by row.
fn texts(table: &Table, column: usize) -> impl Iterator<Item = &str> {
    table.rows.iter().filter_map(move |row| match row.cell(column) {
        Cell::Text(text) => Some(table.text(text)),
        _ => None,
    })
}

/// The columns of these names, the first name first.
fn named<'a>(table: &'a Table, wanted: &'a [&str]) -> impl Iterator<Item = usize> + 'a {
    let is = |column: usize, wanted: &str| {
        let last = table.last_key(column);
        last.trim_start_matches('_').rsplit('.').next() == Some(wanted)
    };
    wanted.iter().flat_map(move |wanted| (0..table.columns.len()).filter(move |&column| is(column, wanted)))
}

/// The field with the text of a line.
fn text_of_lines(table: &Table, contents: &[Content], keys: &[usize]) -> Option<usize> {
    LINES.iter().find_map(|wanted| {
        table.columns.iter().position(|column| column.path.last().is_some_and(|key| key == wanted)).filter(
            |at| {
                !keys.contains(at)
                    && contents.get(*at).is_some_and(|content| content.texts * 2 > table.rows.len())
            },
        )
    })
}

/// A condition that holds for lines which tell of an error.
fn condition_of_level(table: &Table, contents: &[Content], names: &[String]) -> Option<String> {
    named(table, &LEVELS).find_map(|column| {
        let content = contents.get(column)?;
        let field = name(names, column);
        let numbers: Vec<f64> = table.rows.iter().filter_map(|row| table.number(row.cell(column))).collect();
        if numbers.len() * 2 > table.rows.len() {
            // 10 to 60 are those of Node's and Python's loggers, 0 to 7 those of syslog
            let of_loggers =
                numbers.iter().all(|number| number % 10.0 == 0.0 && (10.0..=60.0).contains(number));
            let of_syslog =
                numbers.iter().all(|number| number.fract() == 0.0 && (0.0..=7.0).contains(number));
            let bound = if of_loggers { Some(">= 50") } else { of_syslog.then_some("<= 3") };
            return bound.map(|bound| format!("{field} {bound}"));
        }
        let is_level = |text: &&str| is_one_of(text, &ERRORS) || is_one_of(text, &OTHERS);
        let levels = texts(table, column).filter(is_level).count();
        if levels * 2 <= table.rows.len() || levels * 10 < content.texts * 9 {
            return None;
        }
        Some(format!("{field} in ({})", words_of_errors(texts(table, column))))
    })
}

fn is_one_of(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// The levels of errors in the sample and the usual ones, spelled as the sample's are, in quotes.
fn words_of_errors<'a>(levels: impl Iterator<Item = &'a str>) -> String {
    let mut found: Vec<String> = Vec::new();
    let mut example = "info";
    for level in levels {
        example = level;
        if is_one_of(level, &ERRORS) && !found.iter().any(|word| word == level) {
            found.push(level.to_owned());
        }
    }
    let is_upper = |c: char| c.is_ascii_uppercase();
    let usual = if example.len() == 1 { &USUAL_LETTERS[..] } else { &USUAL_ERRORS[..] };
    for word in usual {
        let word = if example.chars().all(is_upper) {
            word.to_ascii_uppercase()
        } else if example.starts_with(is_upper) {
            word.chars().take(1).map(|c| c.to_ascii_uppercase()).chain(word.chars().skip(1)).collect()
        } else {
            (*word).to_owned()
        };
        if !found.contains(&word) {
            found.push(word);
        }
    }
    found.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(", ")
}

/// A condition that holds for failures of a server.
fn status(table: &Table, contents: &[Content], names: &[String]) -> Option<String> {
    let column = named(table, &STATUSES).find(|&column| {
        let is_status = |number: &f64| number.fract() == 0.0 && (100.0..600.0).contains(number);
        let there = contents.get(column).map_or(0, |content| content.numbers + content.texts);
        let statuses =
            table.rows.iter().filter_map(|row| table.number(row.cell(column))).filter(is_status).count();
        statuses * 2 > table.rows.len() && statuses * 10 >= there * 9
    })?;
    Some(format!("{} >= 500", name(names, column)))
}
