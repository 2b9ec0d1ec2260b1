//! A section that measures log records: its windows are what the page shows.

use std::collections::BTreeMap;

use fluent_anomaly::configuration::{Section, TagPattern, WindowsTold};
use fluent_anomaly::{Config, Format, Pipeline};
use fluent_anomaly_page::Series;
use serde_json::Value;

use super::Input;
use crate::failure::Failure;
use crate::filter::file;

/// Lets the records of a file pass the section, and takes the values of its closed windows: the pipeline's own numbers.
pub(super) fn read(
    config: &Config,
    section: &Section,
    input: &Input<'_>,
    time: Option<&str>,
    notes: &mut Vec<String>,
) -> Result<Vec<Series>, Failure> {
    let named = time.map(file::field).or_else(|| section.time.as_ref().map(ToString::to_string));
    let file = file::of_bytes(input.path, &input.bytes, named.as_deref(), &[])?;
    input.tell(&file.notes);
    let mut alone = config.clone();
    (alone.monitors, alone.groups) = (Vec::new(), Vec::new());
    let mut section = section.clone();
    section.tags = TagPattern::new("*");
    section.anomaly_score = false;
    if let Some(windows) = &mut section.windows {
        windows.told = WindowsTold::Records;
    }
    alone.sections = vec![section];
    let mut pipeline = Pipeline::new(&alone, Format::Json, None);
    pipeline.make_window_records();
    let mut series: BTreeMap<String, Series> = BTreeMap::new();
    let mut last = None;
    let mut untimed = 0_usize;
    for (time, mut record) in file.records {
        last = time.or(last);
        let Some(time) = last else {
            untimed += 1;
            continue;
        };
        pipeline.process(b"report", time, &mut record);
        while let Some(window) = pipeline.take_window_record() {
            take(&window.record, &mut series);
        }
    }
    if untimed > 0 {
        notes.push(format!("{untimed} records without a time were passed over"));
    }
    if series.is_empty() {
        let allowed = "whose records fill at least one window; --time names the field of their time";
        return Err(Failure::Usage(format!(
            "{}: no window was closed: a file is wanted {allowed}",
            input.path.display()
        )));
    }
    Ok(series.into_values().collect())
}

/// Takes a window in: its series, its beginning, its value.
fn take(record: &[u8], series: &mut BTreeMap<String, Series>) {
    let Ok(Value::Object(record)) = serde_json::from_slice(record) else { return };
    let Some((_, window)) = record.iter().find(|(name, _)| name.ends_with("anomaly_window")) else { return };
    let (Some(from_s), Some(value)) = (window["from"].as_i64(), window["value"].as_f64()) else { return };
    let by = window["by"].as_object().into_iter().flat_map(|by| by.values());
    let by: Vec<&str> = by.filter_map(Value::as_str).collect();
    let name =
        if by.is_empty() { window["measure"].as_str().unwrap_or("value").to_owned() } else { by.join(", ") };
    let series =
        series.entry(name).or_insert_with_key(|name| Series { name: name.clone(), ..Series::default() });
    series.times.push(from_s);
    series.values.push(value);
}
