//! InfluxDB line protocol: `cpu,host=a usage=1.5,idle=90i 1700000000000000000`.

use super::error::SeriesFileError;
use super::lines::lines;
use super::table::{Cell, Table};

/// Whether a line is one of the protocol.
pub(super) fn is_line(line: &str) -> bool {
    parse(line).is_some()
}

struct Line {
    measurement: String,
    tags: Vec<(String, String)>,
    fields: Vec<(String, String)>,
    time: Option<f64>,
}

/// Reads a whole file.
pub(super) fn read(bytes: &[u8]) -> Result<Table, SeriesFileError> {
    let mut table = Table::new("InfluxDB line protocol", true);
    for line in lines(bytes) {
        let (number, text) = line?;
        if text.starts_with('#') {
            continue;
        }
        table.lines += 1;
        let Some(line) = parse(text) else {
            let why =
                "it is no `measurement,tag=value field=1.5 <time>` of InfluxDB's line protocol".to_owned();
            table.pass_over(SeriesFileError::NotARecord { line: number, why });
            continue;
        };
        let mut row = Vec::new();
        let measurement = table.text_cell(&line.measurement);
        table.put(&mut row, &["measurement".to_owned()], measurement);
        for (tag, value) in &line.tags {
            let cell = table.text_cell(value);
            table.put(&mut row, std::slice::from_ref(tag), cell);
        }
        for (field, value) in &line.fields {
            let cell = field_cell(value, &mut table);
            table.put(&mut row, std::slice::from_ref(field), cell);
        }
        if let Some(time) = line.time {
            table.put(&mut row, &["time".to_owned()], Cell::Number(time));
        }
        table.push(number, row);
    }
    Ok(table)
}

fn field_cell(value: &str, table: &mut Table) -> Cell {
    let digits = value.strip_suffix(['i', 'u']).unwrap_or(value);
    match (digits.parse::<f64>(), value) {
        (Ok(number), _) if number.is_finite() => Cell::Number(number),
        (_, "t" | "T" | "true" | "True" | "TRUE") => Cell::Bool(true),
        (_, "f" | "F" | "false" | "False" | "FALSE") => Cell::Bool(false),
        _ => table.text_cell(value.trim_matches('"')),
    }
}

fn parse(line: &str) -> Option<Line> {
    let parts = split(line.trim(), ' ');
    let (head, fields, time) = match &parts[..] {
        [head, fields] => (head, fields, None),
        [head, fields, time] => (head, fields, Some(time.parse::<i64>().ok()? as f64)),
        _ => return None,
    };
    let pair = |text: &String| {
        let (key, value) = split_once(text)?;
        (!key.is_empty() && !value.is_empty()).then(|| (plain(&key), plain(&value)))
    };
    let mut head = split(head, ',').into_iter();
    let measurement = plain(&head.next().filter(|name| !name.is_empty() && !name.contains('='))?);
    let tags = head.map(|tag| pair(&tag)).collect::<Option<Vec<_>>>()?;
    let fields = split(fields, ',').iter().map(pair).collect::<Option<Vec<_>>>()?;
    // without tags and time it could be anything
    (time.is_some() || !tags.is_empty()).then_some(Line { measurement, tags, fields, time })
}

/// Parts between marks that are neither escaped nor within quotes.
fn split(text: &str, mark: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let (mut escaped, mut quoted) = (false, false);
    for c in text.chars() {
        if c == mark && !escaped && !quoted {
            parts.push(String::new());
            continue;
        }
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts
}

fn split_once(text: &str) -> Option<(String, String)> {
    let mut parts = split(text, '=').into_iter();
    let key = parts.next()?;
    let value: Vec<String> = parts.collect();
    (!value.is_empty()).then(|| (key, value.join("=")))
}

/// Without the escapes.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some(&next)) if " ,=\\".contains(next) => {
                out.push(next);
                chars.next();
            }
            _ => out.push(c),
        }
    }
    out
}
