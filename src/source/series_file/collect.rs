//! Points sorted into their series, in the order of time.

use std::collections::BTreeMap;

use super::{FilePoint, FileSeries, SeriesFile, SeriesFileError};
use crate::time::Time;

/// Points read so far.
#[derive(Debug)]
pub(super) struct Collected {
    sort: bool,
    places: BTreeMap<String, usize>, // of the series in the list
    series: Vec<FileSeries>,
    /// Lines without a value that could be meant.
    pub(super) passed_over: usize,
}

impl Collected {
    pub(super) fn new(sort: bool) -> Self {
        Self { sort, places: BTreeMap::new(), series: Vec::new(), passed_over: 0 }
    }

    /// Whether there is a point, or the place of one.
    pub(super) fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// Adds a point; `written` is its time as it stands in `column`.
    pub(super) fn add(
        &mut self,
        keys: Vec<(&str, String)>,
        point: FilePoint,
        column: &str,
        written: &str,
    ) -> Result<(), SeriesFileError> {
        let name = keys.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(", ");
        let place = match self.places.get(&name) {
            Some(&place) => place,
            None => {
                let keys = keys.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
                self.series.push(FileSeries { name: name.clone(), keys, points: Vec::new() });
                self.places.insert(name, self.series.len() - 1);
                self.series.len() - 1
            }
        };
        let Some(series) = self.series.get_mut(place) else { return Ok(()) };
        if let Some(last) = series.points.last().filter(|last| !self.sort && point.time < last.time) {
            let of = if series.name.is_empty() { String::new() } else { format!(" of {}", series.name) };
            return Err(SeriesFileError::Backwards {
                line: point.line,
                column: column.to_owned(),
                given: super::shown(written),
                before: last.line,
                of,
            });
        }
        series.points.push(point);
        Ok(())
    }

    pub(super) fn finish(mut self, lines: usize) -> Result<SeriesFile, SeriesFileError> {
        if lines == 0 {
            return Err(SeriesFileError::Empty);
        }
        let mut valued = self.series.iter().flat_map(|series| &series.points).filter(|p| p.value.is_some());
        match (valued.next(), valued.next()) {
            (None, _) => return Err(SeriesFileError::NoPoint { lines }),
            (Some(point), None) => return Err(SeriesFileError::OnePoint { line: point.line }),
            _ => {}
        }
        if self.sort {
            for series in &mut self.series {
                series.points.sort_by_key(|point| point.time);
            }
        }
        Ok(SeriesFile { series: self.series, passed_over: self.passed_over })
    }
}

/// A number of seconds, or of milliseconds where seconds would lie beyond the year 5000.
pub(super) fn time_of(number: f64) -> Option<Time> {
    const MILLISECONDS_FROM: f64 = 1e11;
    let seconds = if number.abs() >= MILLISECONDS_FROM { number / 1000.0 } else { number };
    Time::from_seconds_f64(seconds)
}
