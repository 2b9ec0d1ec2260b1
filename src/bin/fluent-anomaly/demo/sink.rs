//! The records on disk, with the configuration that scored them beside.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::fleet;
use super::incidents::Incident;
use crate::failure::Failure;

const RECORDS: &str = "records.jsonl";
/// What was planted, as `monitor suggest --incidents` and `eval --labels` read it.
const INCIDENTS: &str = "incidents.json";
pub(super) const CONFIG: &str = "fluent-anomaly.ini";

/// A folder that is being written.
#[derive(Debug)]
pub(super) struct Sink {
    records: BufWriter<File>,
    written: Written,
}

/// Where everything is.
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub(super) records: PathBuf,
    pub(super) config: PathBuf,
    pub(super) page: Option<PathBuf>,
    pub(super) bytes: u64,
}

impl Sink {
    /// Makes the folder, writes the configuration and opens the file of records; replaces those of an earlier run.
    pub(super) fn create(folder: &Path, config_text: &str) -> Result<Self, Failure> {
        fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
        let written =
            Written { records: folder.join(RECORDS), config: folder.join(CONFIG), page: None, bytes: 0 };
        fs::write(&written.config, config_text).map_err(|error| failed(&written.config, error))?;
        let records = File::create(&written.records).map_err(|error| failed(&written.records, error))?;
        Ok(Self { records: BufWriter::with_capacity(1 << 18, records), written })
    }

    pub(super) fn write(&mut self, records: &[Vec<u8>]) -> Result<(), Failure> {
        for record in records {
            self.records
                .write_all(record)
                .and_then(|()| self.records.write_all(b"\n"))
                .map_err(|error| failed(&self.written.records, error))?;
            self.written.bytes += record.len() as u64 + 1;
        }
        Ok(())
    }

    /// Writes what was planted: windows by host, s.
    pub(super) fn write_incidents(&self, incidents: &[Incident]) -> Result<(), Failure> {
        let mut windows: BTreeMap<String, Vec<[i64; 2]>> = BTreeMap::new();
        for incident in incidents {
            let first = i64::from(fleet::seconds(incident.minutes.start));
            let last = i64::from(fleet::seconds(incident.minutes.end)) - 1;
            windows.entry(fleet::name(incident.host)).or_default().push([first, last]);
        }
        let path = self.written.records.with_file_name(INCIDENTS);
        fs::write(&path, json!(windows).to_string() + "\n").map_err(|error| failed(&path, error))
    }

    pub(super) fn finish(mut self) -> Result<Written, Failure> {
        self.records.flush().map_err(|error| failed(&self.written.records, error))?;
        Ok(self.written)
    }
}

fn failed(path: &Path, error: impl Display) -> Failure {
    Failure::of(
        format_args!("{}: cannot be written (another folder: -o DIR, none: --no-write)", path.display()),
        error,
    )
}
