//! Which files there are, and their rows.

use std::fs;
use std::path::{Path, PathBuf};

use fluent_anomaly::Time;
use fluent_anomaly::sources::series_file::{self, Layout};

use crate::failure::Failure;
use crate::history;

const ENDINGS: [&str; 8] = ["csv", "json", "jsonl", "ndjson", "tsv", "log", "gz", "zst"];

/// One value of one series.
#[derive(Debug, Clone)]
pub(super) struct Point {
    /// Place in the file, from 1.
    pub(super) line: usize,
    pub(super) time: Time,
    pub(super) value: Option<f64>,
    /// Empty where the file holds one.
    pub(super) series: String,
}

/// A file in the order of its rows.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) points: Vec<Point>,
    /// Line, time and value of each row as the file states them.
    pub(super) stated: Vec<(usize, String, String)>,
    /// What was taken for what.
    pub(super) notes: Vec<String>,
}

/// The files of a folder, or the one given, with their paths below it, sorted; separated by `/`.
pub(super) fn files(input: &Path) -> Result<Vec<(PathBuf, String)>, Failure> {
    let name =
        |error: std::io::Error| Failure::Usage(format!("{}: cannot be read: {error}", input.display()));
    if input == Path::new("-") {
        return Ok(vec![(input.to_owned(), "standard-input".to_owned())]);
    }
    if !fs::metadata(input).map_err(name)?.is_dir() {
        let last = input.file_name().map(|name| name.to_string_lossy().into_owned());
        return Ok(vec![(input.to_owned(), last.unwrap_or_default())]);
    }
    let mut found = Vec::new();
    walk(input, "", &mut found).map_err(name)?;
    found.sort_by(|(_, a), (_, b)| a.cmp(b));
    if found.is_empty() {
        let endings = ENDINGS.join(", .");
        return Err(Failure::Usage(format!("{}: holds no file that ends in .{endings}", input.display())));
    }
    Ok(found)
}

fn walk(folder: &Path, below: &str, found: &mut Vec<(PathBuf, String)>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{below}{}", entry.file_name().to_string_lossy());
        let path = entry.path();
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
        if entry.file_type()?.is_dir() {
            walk(&path, &format!("{name}/"), found)?;
        } else if ending.is_some_and(|ending| ENDINGS.contains(&&ending[..])) {
            found.push((path, name));
        }
    }
    Ok(())
}

/// Reads a file; a few rows may have the time of others, as they do where clocks are set back.
pub(super) fn read(path: &Path, mut layout: Layout) -> Result<Rows, Failure> {
    layout.repeats = true;
    let bytes = history::bytes(path)?;
    let file = history::of_bytes(path, &bytes, &layout)?;
    let notes = file.notes;
    let mut points = Vec::new();
    let mut is_backwards = false;
    for series in file.series {
        is_backwards |=
            series.points.first().map(|point| point.line) > series.points.last().map(|point| point.line);
        points.extend(series.points.iter().map(|point| Point {
            line: point.line,
            time: point.time,
            value: point.value,
            series: series.name.clone(),
        }));
    }
    // the order of the rows is that in which they came, unless the latest stands first
    if is_backwards {
        points.sort_by_key(|point| point.time);
    } else {
        points.sort_by_key(|point| point.line);
    }
    let is_csv = !bytes.trim_ascii_start().starts_with(b"{") && std::str::from_utf8(&bytes).is_ok();
    let lines: Vec<&[u8]> = bytes.split(|&byte| byte == b'\n').collect();
    let stated = points
        .iter()
        .map(|point| {
            let line = String::from_utf8_lossy(lines.get(point.line - 1).copied().unwrap_or_default());
            let value = point.value.map_or(String::new(), |value| value.to_string());
            // the column itself where it is the first one
            let stamp = match first_field(&line) {
                first if is_csv && series_file::parse_time(first) == Some(point.time) => first.to_owned(),
                _ => (point.time.nanos() as f64 / 1e9).to_string(),
            };
            (point.line, stamp, value)
        })
        .collect();
    Ok(Rows { points, stated, notes })
}

fn first_field(line: &str) -> &str {
    let end = line.find([',', ';', '\t']).unwrap_or(line.len());
    line.get(..end).unwrap_or_default().trim().trim_matches('"').trim_start_matches('\u{feff}')
}
