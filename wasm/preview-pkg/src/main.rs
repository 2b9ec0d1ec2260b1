//! `cargo preview-pkg`: builds `wasm/preview` for browsers and Node and writes the package `wasm/preview/pkg`.
//!
//! The allocator is `talc`; another can be named: `cargo preview-pkg wee_alloc`, or `cargo preview-pkg default` for
//! Rust's own.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs};

use wasm_bindgen_cli_support::Bindgen;

const NAME: &str = "fluent_anomaly_preview";
const TARGET: &str = "wasm32-unknown-unknown";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("preview-pkg: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.ancestors().nth(2).ok_or("no workspace around the crate")?;
    let target = root.join("target/preview-pkg-wasm");
    let cargo = env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from);
    let features = match env::args().nth(1).as_deref() {
        None => "package,talc".to_owned(),
        Some("default") => "package".to_owned(),
        Some(allocator) => format!("package,{allocator}"),
    };
    let status = Command::new(cargo)
        .current_dir(root)
        .args([
            "build",
            "--profile",
            "preview-small",
            "--locked",
            "--package",
            "fluent-anomaly-preview",
            "--lib",
        ])
        .args(["--features", &features, "--target", TARGET, "--target-dir"])
        .arg(&target)
        // wasm-bindgen reads custom sections that stripping would drop
        .env("CARGO_PROFILE_PREVIEW_SMALL_STRIP", "debuginfo")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status()?;
    if !status.success() {
        return Err(format!(
            "the module was not built. When the target {TARGET} is missing: `rustup toolchain install --no-self-update`"
        )
        .into());
    }
    let module = target.join(TARGET).join("preview-small").join(NAME).with_extension("wasm");
    let package = root.join("wasm/preview/pkg");
    // one set of files for bundlers, browsers and Node: the module is loaded by the caller or from beside the script
    Bindgen::new()
        .input_path(&module)
        .web(true)?
        .typescript(true)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(&package)?;
    let size = fs::metadata(package.join(format!("{NAME}_bg.wasm")))?.len();
    println!("{}: {NAME}_bg.wasm has {size} bytes", package.display());
    Ok(())
}
