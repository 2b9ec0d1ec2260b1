//! The configuration file and the state folder beside it, for all commands.

use std::fs;
use std::path::{Path, PathBuf};

use fluent_anomaly::state::FolderStorage;
use fluent_anomaly::state::Storage;
use fluent_anomaly::{Config, ConfigError};

use crate::failure::Failure;

/// The default of `--config`: `fluent-anomaly.ini`, or where only that is there, the predecessor's
/// `config/datadog.ini`.
pub(crate) fn default_config() -> PathBuf {
    let [own, predecessors] = ["fluent-anomaly.ini", "config/datadog.ini"].map(PathBuf::from);
    if !own.exists() && predecessors.exists() { predecessors } else { own }
}

/// Reads and checks a configuration file, for those who score records behind the companion.
pub(crate) fn read_config(path: &Path) -> Result<Config, Failure> {
    let file = path.display().to_string();
    with_notices(&file, Config::parse(&file, &text_of(path)?))
        .map_err(|error| Failure::Usage(error.to_string()))
}

/// Reads and checks a configuration file for the companion, which scores records itself where it says so.
pub(crate) fn read_companion_config(path: &Path) -> Result<Config, Failure> {
    let file = path.display().to_string();
    with_notices(&file, Config::parse_for_companion(&file, &text_of(path)?))
        .map_err(|error| Failure::Usage(error.to_string()))
}

/// Tells of earlier forms that were read.
pub(crate) fn with_notices(file: &str, read: Result<Config, ConfigError>) -> Result<Config, ConfigError> {
    for notice in read.iter().flat_map(|config| &config.notices) {
        tell!("{file}: {notice}");
    }
    read
}

/// A configuration file's text.
pub(crate) fn text_of(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| {
        Failure::Usage(format!("{}: cannot be read: {error}; name another with --config", path.display()))
    })
}

/// The state folder of a configuration, locked for this process; `None` with `state: off`.
pub(crate) fn open_state(config_path: &Path, config: &Config) -> Result<Option<Box<dyn Storage>>, Failure> {
    let Some(path) = state_path(config_path, config) else { return Ok(None) };
    let folder = FolderStorage::open(&path).map_err(|error| Failure::Failed(format!("state: {error}")))?;
    Ok(Some(Box::new(folder)))
}

/// Where a configuration keeps its state.
pub(crate) fn state_path(config_path: &Path, config: &Config) -> Option<PathBuf> {
    config.filter.state.as_deref().map(|state| beside(config_path, state))
}

/// A file that a configuration names: relative to the configuration file.
pub(crate) fn beside(config_path: &Path, file: impl AsRef<Path>) -> PathBuf {
    config_path.parent().unwrap_or(Path::new("")).join(file)
}
