//! Where `filter` tells what it has to say.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

use crate::failure::Failure;
use crate::utc;

/// What is said: standard error, or a file.
pub(super) struct Log {
    file: Option<File>,
}

impl Log {
    pub(super) fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let open = |path: &Path| {
            let file = OpenOptions::new().create(true).append(true).open(path);
            file.map_err(|error| Failure::Usage(format!("--log: {}: {error}", path.display())))
        };
        Ok(Self { file: path.map(open).transpose()? })
    }

    /// Whether it goes to a file.
    pub(super) fn is_file(&self) -> bool {
        self.file.is_some()
    }

    pub(super) fn say(&mut self, line: &str) {
        match &mut self.file {
            // a full disk is no reason to stop scoring
            Some(file) => drop(writeln!(file, "{} fluent-anomaly: {line}", utc::text(utc::now()))),
            None => tell!("fluent-anomaly: {line}"),
        }
    }
}
