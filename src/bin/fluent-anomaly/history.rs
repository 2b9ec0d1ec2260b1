//! History of series from a file: the options that all commands share, and the one reader behind them.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use fluent_anomaly::configuration::Section;
use fluent_anomaly::sources::series_file::{self, Layout, SeriesFile};

use crate::failure::Failure;

/// Which columns hold what.
#[derive(Debug, clap::Args)]
pub(crate) struct Columns {
    /// Column or field of the time [default: that of the section, time, timestamp, ts, @timestamp, date, ...]
    #[arg(long, value_name = "FIELD")]
    time: Option<String>,
    /// Column or field of the value [default: that of the section, value, raw_value, or the only one with numbers]
    #[arg(long, value_name = "FIELD")]
    value: Option<String>,
    /// Columns or fields that name a series [default: those of the section, or each that holds text]
    #[arg(long, value_name = "FIELD", value_delimiter = ',')]
    by: Vec<String>,
}

impl Columns {
    /// What is looked for; a section tells what its records call things.
    pub(crate) fn layout(&self, section: Option<&Section>) -> Layout {
        let section = section.map(|section| {
            Box::new(Layout {
                time: section.time.as_ref().map(ToString::to_string),
                value: Some(section.value.to_string()),
                by: section.by.iter().map(ToString::to_string).collect(),
                unit: section.unit,
                ..Layout::default()
            })
        });
        Layout {
            time: self.time.clone(),
            value: self.value.clone(),
            by: self.by.clone(),
            section,
            ..Layout::default()
        }
    }
}

/// Where history comes from.
#[derive(Debug, clap::Args)]
pub(crate) struct History {
    /// CSV, JSON, logfmt, InfluxDB lines, answers of Prometheus or Datadog, msgpack; gzip and zstd are unpacked; `-`: standard input
    #[arg(value_name = "FILE", required_unless_present = "input", conflicts_with = "input")]
    file: Option<PathBuf>,
    /// The same
    #[arg(short, long, value_name = "FILE")]
    input: Option<PathBuf>,
    #[command(flatten)]
    columns: Columns,
    /// Files that are not in the order of time are sorted in any case
    #[arg(long, hide = true)]
    sort: bool,
}

impl History {
    /// The file's path, `-` for standard input.
    pub(crate) fn input(&self) -> &Path {
        self.file.as_deref().or(self.input.as_deref()).unwrap_or(Path::new("-"))
    }

    /// The field of the time that was given.
    pub(crate) fn time(&self) -> Option<&str> {
        self.columns.time.as_deref()
    }

    /// Reads the file, and tells on standard error what was taken for what.
    pub(crate) fn read(&self, section: Option<&Section>) -> Result<SeriesFile, Failure> {
        read(self.input(), &self.columns.layout(section))
    }

    /// What the bytes of such a file hold.
    pub(crate) fn of_bytes(
        &self,
        path: &Path,
        bytes: &[u8],
        section: Option<&Section>,
    ) -> Result<SeriesFile, Failure> {
        of_bytes(path, bytes, &self.columns.layout(section))
    }
}

/// Reads one file, and tells on standard error what was taken for what.
pub(crate) fn read(path: &Path, layout: &Layout) -> Result<SeriesFile, Failure> {
    let file = of_bytes(path, &bytes(path)?, layout)?;
    for note in &file.notes {
        tell!("{}: {note}", shown(path));
    }
    Ok(file)
}

/// What the bytes of a file hold.
pub(crate) fn of_bytes(path: &Path, bytes: &[u8], layout: &Layout) -> Result<SeriesFile, Failure> {
    series_file::read(bytes, layout).map_err(|error| Failure::Usage(format!("{}: {error}", shown(path))))
}

/// A file, or standard input for `-`.
pub(crate) fn bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    let read = if path == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(path)
    };
    read.map_err(|error| Failure::Usage(format!("{}: cannot be read: {error}", shown(path))))
}

/// A path for people.
pub(crate) fn shown(path: &Path) -> String {
    if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() }
}
