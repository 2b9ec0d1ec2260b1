//! Which module the configuration of Fluent Bit names: the one compiled ahead where it fits the Fluent Bit that is here.

use std::path::{Path, PathBuf};
use std::process::Command;

const PORTABLE: &str = "anomaly_filter.wasm";
/// Where packages of Fluent Bit put it.
const PACKAGED: &str = "/opt/fluent-bit/bin/fluent-bit";

/// A module, and why this one.
#[derive(Debug)]
pub(super) struct Module {
    /// As `wasm_path` takes it.
    pub(super) path: String,
    pub(super) reason: String,
}

/// Looks beside this command, where packages put it, and where `cargo wasm` does.
pub(super) fn find() -> Module {
    let folders = folders(std::env::current_exe().ok().as_deref());
    let program = std::env::var("FLUENT_BIT").ok().filter(|path| !path.contains(':'));
    let mut programs = program.as_deref().into_iter().chain(["fluent-bit", PACKAGED]);
    choose(&folders, programs.find_map(version).as_deref(), std::env::consts::ARCH)
}

fn folders(command: Option<&Path>) -> Vec<PathBuf> {
    let beside = command.and_then(Path::parent);
    let above = beside.and_then(Path::parent);
    let of_command = beside.map(Path::to_path_buf).into_iter();
    of_command
        .chain(above.map(|above| above.join("lib/fluent-anomaly")))
        .chain([PathBuf::from("/usr/lib/fluent-anomaly")])
        .chain(above.map(|above| above.join("wasm32-unknown-unknown/release")))
        .collect()
}

/// The version that a Fluent Bit says, `5.1.1`.
fn version(program: &str) -> Option<String> {
    let said = Command::new(program).arg("--version").output().ok()?;
    version_of(&String::from_utf8_lossy(&said.stdout))
}

fn version_of(said: &str) -> Option<String> {
    let version =
        said.split("Fluent Bit v").nth(1)?.split(|c: char| c != '.' && !c.is_ascii_digit()).next()?;
    (!version.is_empty()).then(|| version.to_owned())
}

fn choose(folders: &[PathBuf], version: Option<&str>, processor: &str) -> Module {
    let found = |name: &str| folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file());
    if let Some(version) = version
        && let Some(ahead) = found(&format!("anomaly_filter-{version}-{processor}.aot"))
    {
        let reason = format!(
            "compiled ahead for Fluent Bit {version}, which is here; behind an upgrade of it, run init again: another version passes all records without scores"
        );
        return Module { path: ahead.display().to_string(), reason };
    }
    let any = match version {
        Some(version) => format!("any Fluent Bit; no module compiled ahead for {version} is here"),
        None => "any Fluent Bit; none is here".to_owned(),
    };
    match found(PORTABLE) {
        Some(path) => {
            let path = std::fs::canonicalize(&path).unwrap_or(path);
            Module { path: path.display().to_string(), reason: format!("for {any}") }
        }
        None => Module {
            path: PORTABLE.to_owned(),
            reason: format!("for {any}; copy it into the folder of fluent-bit.yaml, `cargo wasm` builds it"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_module_that_is_compiled_ahead_is_named_where_it_fits_only() {
        let folder = tempfile::tempdir().unwrap();
        let folders = [folder.path().join("nowhere"), folder.path().to_path_buf()];
        let name = |version: Option<&str>, processor: &str| {
            let path = PathBuf::from(choose(&folders, version, processor).path);
            path.file_name().unwrap().to_string_lossy().into_owned()
        };
        assert_eq!(choose(&folders, None, "x86_64").path, "anomaly_filter.wasm");
        for file in ["anomaly_filter.wasm", "anomaly_filter-5.1.1-x86_64.aot"] {
            std::fs::write(folder.path().join(file), "").unwrap();
        }
        assert_eq!(name(Some("5.1.1"), "x86_64"), "anomaly_filter-5.1.1-x86_64.aot");
        assert_eq!(name(Some("5.1.2"), "x86_64"), "anomaly_filter.wasm");
        assert_eq!(name(Some("5.1.1"), "aarch64"), "anomaly_filter.wasm");
        assert_eq!(name(None, "x86_64"), "anomaly_filter.wasm");
    }

    #[test]
    fn the_version_is_what_fluent_bit_says() {
        assert_eq!(version_of("Fluent Bit v5.1.1\nGit commit: abc\n").as_deref(), Some("5.1.1"));
        assert_eq!(version_of("td-agent 4.5.0"), None);
    }
}
