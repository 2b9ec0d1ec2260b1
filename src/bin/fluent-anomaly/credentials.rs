//! Where keys come from: the environment, or files that it names. Never the command line.

use std::fs;
use std::path::{Path, PathBuf};

use fluent_anomaly::Secret;

use crate::failure::Failure;

/// The first of `names` in the environment; else the content of the file that `<name>_FILE` names; else of the file
/// `credential` in `CREDENTIALS_DIRECTORY` (systemd's LoadCredential). Empty when there is none.
pub(crate) fn find(names: [&str; 2], credential: &str) -> Result<Secret, Failure> {
    let set = |name: &str| std::env::var(name).ok().filter(|text| !text.trim().is_empty());
    if let Some(key) = names.iter().find_map(|name| set(name)) {
        return Ok(Secret::new(&key));
    }
    for name in names.map(|name| format!("{name}_FILE")) {
        if let Some(path) = set(&name) {
            return read(Path::new(&path))
                .map_err(|error| Failure::Usage(format!("{name}: {path}: {error}")));
        }
    }
    let Some(folder) = set("CREDENTIALS_DIRECTORY") else { return Ok(Secret::default()) };
    let path = PathBuf::from(folder).join(credential);
    if !path.exists() {
        return Ok(Secret::default());
    }
    read(&path).map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))
}

fn read(path: &Path) -> std::io::Result<Secret> {
    Ok(Secret::new(&fs::read_to_string(path)?))
}
