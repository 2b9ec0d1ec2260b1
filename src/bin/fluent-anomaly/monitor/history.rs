//! `--input`: history of series, for `eval` and `suggest`.

use std::path::PathBuf;

use fluent_anomaly::configuration::Section;
use fluent_anomaly::sources::series_file::{self, Layout, SeriesFile};

use crate::failure::Failure;

/// Where history comes from.
#[derive(Debug, clap::Args)]
pub(crate) struct History {
    /// CSV `time,value[,series...]` or JSON lines with such fields; `-`: standard input
    #[arg(short, long, value_name = "FILE")]
    pub(crate) input: PathBuf,
    /// Column or field of the time: seconds or milliseconds since 1970, or dates [default: time, timestamp, date]
    #[arg(long, value_name = "FIELD")]
    time: Option<String>,
    /// Column or field of the value [default: that of the section, value, raw_value]
    #[arg(long, value_name = "FIELD")]
    value: Option<String>,
    /// Columns or fields that name a series [default: those of the section, further columns, scope]
    #[arg(long, value_name = "FIELD", value_delimiter = ',')]
    by: Vec<String>,
    /// Sort by time what is not in its order
    #[arg(long)]
    sort: bool,
}

impl History {
    /// Reads the file; a section tells what its records call things.
    pub(crate) fn read(&self, section: Option<&Section>) -> Result<SeriesFile, Failure> {
        let mut layout = Layout { sort: self.sort, by: self.by.clone(), ..Layout::default() };
        if let Some(section) = section {
            layout.value.insert(0, section.value.to_string());
            if let Some(time) = &section.time {
                layout.time.insert(0, time.to_string());
            }
            if layout.by.is_empty() {
                layout.by = section.by.iter().map(ToString::to_string).collect();
            }
        }
        if let Some(time) = &self.time {
            layout.time = vec![time.clone()];
        }
        if let Some(value) = &self.value {
            layout.value = vec![value.clone()];
        }
        let bytes = super::read(&self.input)?;
        series_file::read(&bytes, &layout)
            .map_err(|error| Failure::Usage(format!("{}: {error}", self.input.display())))
    }
}
