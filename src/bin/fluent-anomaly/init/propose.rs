//! From the columns of a sample to a configuration, with the reason for each choice.

use fluent_anomaly::records::Unit;
use fluent_anomaly::sources::series_file::{Column, Form, Table};

use super::columns::{contents, dates_unread, extent, name, spacing_s};
use super::keys::keys;
use super::log_series::LogSeries;
use super::values::{Section, sections};
use crate::utc;

/// A configuration for a sample.
#[derive(Debug)]
pub(super) struct Proposal {
    pub(super) tag: String,
    /// Column of the time; `None`: the envelope's, or that of arrival.
    pub(super) time: Option<usize>,
    pub(super) sections: Vec<Section>,
    /// How many records come, where they are lines of a log.
    pub(super) log_series: Option<LogSeries>,
    pub(super) keys: Vec<usize>,
    /// Each choice with its reason.
    pub(super) told: Vec<String>,
    names: Vec<String>,
    /// What a sample of less than a week can tell of is one alarm a day.
    pub(super) budget: &'static str,
    /// Whether the sections read the time of a record themselves.
    pub(super) reads_time: bool,
    /// Seconds between two records of a series, for the monitors that a short sample gets.
    pub(super) monitor_s: Option<i64>,
}

/// Samples shorter than this get monitors.
const YOUNG_S: i64 = 2 * 86_400;

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
        let reads_time = time.is_some_and(|time| table.is_time_of_records(time));
        let extent = extent(table, time);
        let span = extent.map_or_else(
            || "none".to_owned(),
            |(first, last)| format!("from {} to {}", utc::text(first), utc::text(last)),
        );
        told.push(match time {
            Some(time) => format!("time    {}: {span}", name(&names, time)),
            None if table.kind == Form::Text && table.rows.iter().all(|row| row.time.is_some()) => {
                format!("time    at the head of each line: {span}")
            }
            None if table.rows.iter().all(|row| row.time.is_some()) => {
                format!("time    of the envelope: {span}")
            }
            None => {
                let unread = dates_unread(table).map_or(String::new(), |(column, text)| {
                    format!(
                        "; {} holds {text:?}, which may be read in two ways: ISO 8601 is certain",
                        name(&names, column)
                    )
                });
                format!(
                    "time    none found: a record's time is that of its arrival, here one a second{unread}"
                )
            }
        });
        let keys = keys(table, &contents, time, &names, &mut told);
        let values = sections(table, &contents, time, &keys, &names, &mut told);
        let log_series = LogSeries::of(table, &contents, time, &keys, &names, values.is_ok());
        let mut sections = match values {
            Err(why) if log_series.is_some() => {
                told.push(format!("value   none: {why}"));
                Vec::new()
            }
            values => values?,
        };
        told.extend(log_series.iter().flat_map(LogSeries::told));
        for section in &mut sections {
            section.unit = units.iter().find(|(column, _)| *column == section.value).map(|(_, unit)| *unit);
            if let Some(unit) = section.unit {
                let name = name(&names, section.value);
                told.push(format!("unit    {name}: its texts have units, `unit: {unit}` reads them"));
            }
        }
        let span_s = extent.map_or(0, |(first, last)| last - first);
        let budget = if span_s < 7 * 86_400 { "1/day" } else { "1/week" };
        told.push(format!("alarms  {budget} of each series, as the sample covers {}", utc::span(span_s)));
        // what comes once a day takes days to know; a band is known after some minutes
        let monitor_s = (span_s < YOUNG_S && !sections.is_empty()).then(|| spacing_s(table, time, &keys));
        if let Some(interval) = monitor_s {
            told.push(format!("monitor one on each value, as days are needed to know what is rare: records come each {interval} s"));
        }
        Ok(Self { tag, time, sections, log_series, keys, told, names, budget, reads_time, monitor_s })
    }

    pub(super) fn name(&self, column: usize) -> &str {
        name(&self.names, column)
    }
}
