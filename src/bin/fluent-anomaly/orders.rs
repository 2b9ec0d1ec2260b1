//! Orders of models that were chosen from a section's past, kept beside the cursors: a restart does not choose anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use fluent_anomaly::Config;
use fluent_anomaly::configuration::SectionKind;
use fluent_anomaly::native::atomic;
use serde::{Deserialize, Serialize};

/// Name of the file in the folder of the cursors.
const FILE: &str = "orders.json";

/// A choice; another query needs another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Choice {
    query: String,
    k: usize,
}

/// Choices by the name of their section.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    /// `None`: they end with the process.
    path: Option<PathBuf>,
    chosen: BTreeMap<String, Choice>,
}

impl Orders {
    /// Those that were kept in `folder`. A file that cannot be read counts as none: they are chosen again.
    pub(crate) fn open(folder: Option<&Path>) -> Self {
        let path = folder.map(|folder| folder.join(FILE));
        let text = path.as_ref().and_then(|path| fs::read(path).ok()).unwrap_or_default();
        Self { path, chosen: serde_json::from_slice(&text).unwrap_or_default() }
    }

    /// The same choices, without keeping what is chosen from now on.
    pub(crate) fn apart(folder: Option<&Path>) -> Self {
        Self { path: None, ..Self::open(folder) }
    }

    /// Gives each section without `k` the order that was chosen for its query.
    pub(crate) fn apply(&self, config: &mut Config) {
        for section in &mut config.sections {
            let SectionKind::Datadog { query } = &section.kind else { continue };
            let choice = self.chosen.get(&section.name).filter(|choice| choice.query == *query);
            if section.change_finder.order.is_none() {
                section.change_finder.order = choice.map(|choice| choice.k);
            }
        }
    }

    /// Keeps a choice.
    ///
    /// # Errors
    /// The file cannot be written; the choice holds until the process ends.
    pub(crate) fn keep(&mut self, section: &str, query: &str, k: usize) -> std::io::Result<()> {
        self.chosen.insert(section.to_owned(), Choice { query: query.to_owned(), k });
        let Some(path) = &self.path else { return Ok(()) };
        let text = serde_json::to_string_pretty(&self.chosen).map_err(std::io::Error::other)?;
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        atomic::write_text(path, &(text + "\n"))
    }
}
