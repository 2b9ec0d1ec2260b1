//! `cargo xtask publish`: packs the crates that are published and builds them from their packages alone. The registry
//! is asked nothing; `--execute` sends them.

use std::ffi::OsString;
use std::fs;

use crate::{Outcome, cargo, root};

/// In the order of their dependencies.
const CRATES: [&str; 2] = ["fluent-anomaly-page", "fluent-anomaly"];

pub(crate) fn run(arguments: &[OsString]) -> Outcome {
    let command = match arguments {
        [] => "package",
        [option] if option == "--execute" => "publish",
        _ => return Err("allowed is --execute, or nothing".into()),
    };
    let engine = crate::page_engine()?;
    let folder = root().join("wasm/page/built");
    fs::create_dir_all(&folder)?;
    fs::copy(engine, folder.join("engine.wasm"))?;
    // cargo takes the engine for a change of the source, because git ignores it
    let status = cargo()
        .args([command, "--locked", "--allow-dirty"])
        .args(CRATES.iter().flat_map(|name| ["--package", name]))
        .status();
    fs::remove_dir_all(&folder)?;
    if status?.success() { Ok(()) } else { Err(format!("cargo {command} failed").into()) }
}
