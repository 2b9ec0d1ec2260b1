//! `cargo xtask wheel [--out FOLDER]`: the engine for Python, as a wheel for every platform.
//!
//! The module is the one of the page, so that nothing native has to be built: wasmtime, which the wheel depends on, runs it.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::{Outcome, commit_time, copy_folder, page_engine, quietly, root};

/// What stands in the source in place of the version.
const NO_VERSION: &str = "__version__ = \"0.0.0\"";

pub(crate) fn run(arguments: &[OsString]) -> Outcome {
    let out = match arguments {
        [] => root().join("target/python"),
        [option, folder] if option == "--out" => std::path::absolute(folder)?,
        _ => return Err("allowed is --out FOLDER, or nothing".into()),
    };
    fs::create_dir_all(&out)?;
    build(&out)?;
    println!("{}", out.display());
    Ok(())
}

/// Writes `fluent_anomaly-<version>-py3-none-any.whl` into a folder.
pub(crate) fn build(out: &Path) -> Outcome {
    let source = root().join("target/wheel");
    if source.is_dir() {
        fs::remove_dir_all(&source)?;
    }
    copy_folder(&root().join("wasm/python/fluent_anomaly"), &source.join("fluent_anomaly"))?;
    for name in ["pyproject.toml", "README.md"] {
        fs::copy(root().join("wasm/python").join(name), source.join(name))?;
    }
    fs::copy(root().join("LICENSE"), source.join("LICENSE"))?;
    fs::copy(page_engine()?, source.join("fluent_anomaly/engine.wasm"))?;
    let cache = source.join("fluent_anomaly/__pycache__");
    if cache.is_dir() {
        fs::remove_dir_all(cache)?;
    }
    let head = source.join("fluent_anomaly/__init__.py");
    let text = fs::read_to_string(&head)?;
    let version = format!("__version__ = \"{}\"", env!("CARGO_PKG_VERSION"));
    let line = text.lines().find(|line| line.starts_with(NO_VERSION));
    let line = line.ok_or("wasm/python/fluent_anomaly/__init__.py: no line of the version")?;
    fs::write(&head, text.replace(line, &version))?;
    let mut wheel = Command::new("python3");
    wheel.args(["-m", "flit_core.wheel", "--outdir"]).arg(out).arg(&source);
    quietly(wheel.env("SOURCE_DATE_EPOCH", commit_time()?))
        .map_err(|error| format!("{error}\nwithout flit_core: pip install flit_core").into())
}
