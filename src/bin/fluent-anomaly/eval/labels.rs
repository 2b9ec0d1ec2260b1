//! Labelled windows, as the Numenta Anomaly Benchmark keeps them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use fluent_anomaly::sources::series_file::parse_date;
use serde_json::Value;

use crate::failure::Failure;

/// Start and end of a labelled window, both in it, ns since 1970.
pub(crate) type Window = (i64, i64);

/// Windows by the path of their file.
#[derive(Debug)]
pub(crate) struct Labels(BTreeMap<String, Vec<Window>>);

impl Labels {
    /// Windows of a file; one that stands `alone` is found by the end of its labelled path, too.
    pub(crate) fn of(&self, name: &str, alone: bool) -> Vec<Window> {
        let end = format!("/{name}");
        let found = self.0.get(name).or_else(|| {
            let mut same = self.0.iter().filter(|(path, _)| alone && path.ends_with(&end));
            same.next().map(|(_, windows)| windows)
        });
        found.cloned().unwrap_or_default()
    }

    /// Labelled files that are not among these.
    pub(crate) fn not_among<'a>(&self, names: impl Iterator<Item = &'a str>) -> usize {
        let names: Vec<&str> = names.collect();
        let is_there = |path: &&String| {
            names.iter().any(|name| path == name || (names.len() == 1 && path.ends_with(&format!("/{name}"))))
        };
        self.0.len() - self.0.keys().filter(is_there).count()
    }
}

/// Reads `{"path": [["start", "end"], ...], ...}`, which an option names.
pub(crate) fn read(path: &Path, option: &str) -> Result<Labels, Failure> {
    let wrong = |why: String| Failure::Usage(format!("{option}: {}: {why}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    let files: BTreeMap<String, Vec<(Value, Value)>> = serde_json::from_str(&text).map_err(|error| {
        wrong(format!("{error}; wanted: {{\"folder/file.csv\": [[\"start\", \"end\"], ...]}}"))
    })?;
    let mut labels = BTreeMap::new();
    for (file, windows) in files {
        let mut checked = Vec::new();
        for (start, end) in windows {
            let (Some(from), Some(to)) = (time(&start), time(&end)) else {
                let allowed = "dates such as \"2014-02-19 00:00:00\", or seconds since 1970";
                return Err(wrong(format!("{file}: [{start}, {end}] is no window: {allowed}")));
            };
            if from > to {
                return Err(wrong(format!("{file}: [{start}, {end}] ends before it starts")));
            }
            checked.push((from, to));
        }
        labels.insert(file, checked);
    }
    Ok(Labels(labels))
}

fn time(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => parse_date(text).map(|time| time.nanos()),
        value => fluent_anomaly::Time::from_seconds_f64(value.as_f64()?).map(|time| time.nanos()),
    }
}
