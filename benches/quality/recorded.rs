//! Recorded series and their labels, read from folders that the environment names.

use fluent_anomaly::Time;
use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// A folder with `data/<group>/<name>.csv` (`timestamp,value`, s since 1970) and `labels.json`, which gives each series
/// `<group>/<name>` its labelled runs `[[first, last], ..]`; `masking.py` and `hard_cases.py` beside them write series.
const LABELLED: &str = "LABELLED_SERIES";
/// The Numenta Anomaly Benchmark, or a part of it: `data/<folder>/<name>.csv` and `labels/combined_windows.json`.
const NUMENTA: &str = "NUMENTA_BENCHMARK";

/// Times (s) and values.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    /// `<group>/<name>`.
    pub(crate) name: String,
    pub(crate) times_s: Vec<f64>,
    pub(crate) values: Vec<f64>,
}

impl Recorded {
    /// Median distance of two points, s.
    pub(crate) fn spacing_s(&self) -> f64 {
        let mut gaps: Vec<f64> = self.times_s.windows(2).map(|pair| pair[1] - pair[0]).collect();
        gaps.sort_by(f64::total_cmp);
        median_of_sorted(&gaps)
    }
}

/// Pairs of times, s, by the name of a series.
pub(crate) type Spans = BTreeMap<String, Vec<[f64; 2]>>;

pub(crate) fn labelled_folder() -> PathBuf {
    folder(LABELLED)
}

pub(crate) fn numenta_folder() -> PathBuf {
    folder(NUMENTA)
}

fn folder(name: &str) -> PathBuf {
    let Some(folder) = env::var_os(name) else {
        println!("{name} names no folder: see the head of benches/quality/recorded.rs");
        std::process::exit(2);
    };
    folder.into()
}

/// Every csv file below a folder, by name; times that do not grow and values that are no number are left out.
pub(crate) fn series(folder: &Path) -> Vec<Recorded> {
    let mut all = Vec::new();
    for path in files(folder) {
        let mut one = every_row(folder, &path);
        let mut last = f64::NEG_INFINITY;
        let keep: Vec<bool> = (one.times_s.iter().zip(&one.values))
            .map(|(time, value)| value.is_finite() && *time > std::mem::replace(&mut last, *time))
            .collect();
        for column in [&mut one.times_s, &mut one.values] {
            let mut kept = keep.iter();
            column.retain(|_| *kept.next().expect("a row"));
        }
        all.push(one);
    }
    all
}

/// The same with every row, NaN for what is no number.
pub(crate) fn rows(folder: &Path) -> Vec<Recorded> {
    files(folder).iter().map(|path| every_row(folder, path)).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of series").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.append(&mut files(&path));
        } else if path.extension().is_some_and(|end| end == "csv") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn every_row(folder: &Path, path: &Path) -> Recorded {
    let name = path.strip_prefix(folder).expect("below it").with_extension("");
    let mut one =
        Recorded { name: name.to_string_lossy().into_owned(), times_s: Vec::new(), values: Vec::new() };
    for line in fs::read_to_string(path).expect("a text file").lines().skip(1) {
        let Some((time, value)) = line.trim().split_once(',') else { continue };
        one.times_s.push(seconds(time));
        one.values.push(value.parse().unwrap_or(f64::NAN));
    }
    one
}

/// What a JSON file says of each series.
pub(crate) fn spans(path: &Path) -> Spans {
    let text = fs::read_to_string(path).expect("a file of labels");
    let read: BTreeMap<String, Vec<[serde_json::Value; 2]>> = serde_json::from_str(&text).expect("labels");
    let time = |value: &serde_json::Value| {
        value.as_f64().unwrap_or_else(|| seconds(value.as_str().expect("a time")))
    };
    read.into_iter()
        .map(|(name, runs)| {
            let name = name.trim_end_matches(".csv").to_string();
            (name, runs.iter().map(|[first, last]| [time(first), time(last)]).collect())
        })
        .collect()
}

/// Seconds since 1970, or `YYYY-MM-DD hh:mm:ss` in UTC.
pub(crate) fn seconds(stamp: &str) -> f64 {
    Time::from_text(stamp).expect("a timestamp").nanos() as f64 / 1e9
}

/// NaN for no values.
pub(crate) fn median_of_sorted(values: &[f64]) -> f64 {
    let half = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[half],
        _ => 0.5 * (values[half - 1] + values[half]),
    }
}
