//! `cargo wasm [OPTIONS OF CARGO BUILD]`: builds `anomaly_filter.wasm`, rewrites it for the interpreter that runs it,
//! and prints its path.

mod rewrite;

use std::error::Error;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs};

const TARGET: &str = "wasm32-unknown-unknown";

fn main() -> ExitCode {
    match run() {
        Ok(module) => {
            println!("{}", module.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("cargo wasm: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<PathBuf, Box<dyn Error>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.ancestors().nth(2).ok_or("no workspace around the crate")?;
    let cargo = env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from);
    let options: Vec<OsString> = env::args_os().skip(1).collect();
    let named = options.iter().skip_while(|option| *option != "--target-dir").nth(1).cloned();
    let named = named.or_else(|| env::var_os("CARGO_TARGET_DIR"));
    let target = named.map_or_else(|| root.join("target"), |folder| root.join(folder));
    let status = Command::new(cargo)
        .current_dir(root)
        .args(["build", "--release", "--package", "anomaly-filter", "--target", TARGET])
        .args(&options)
        // meant for native builds; they would replace the link arguments in .cargo/config.toml
        .env("CARGO_PROFILE_RELEASE_LTO", "fat") // a fiftieth smaller, and a little less to do
        .env("CARGO_PROFILE_RELEASE_STRIP", "debuginfo") // the names are needed, and dropped afterwards
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status()?;
    if !status.success() {
        return Err(format!(
            "the module was not built. Where \"the {TARGET} target may not be installed\" is the reason: \
             rustup toolchain install --no-self-update"
        )
        .into());
    }
    let module = target.join(TARGET).join("release/anomaly_filter.wasm");
    let rewritten = rewrite::rewrite(&fs::read(&module)?)?;
    // a new file: the old name is one of two links to what cargo built, which must stay as it is
    let new = module.with_extension("wasm.new");
    fs::write(&new, rewritten)?;
    fs::rename(&new, &module)?;
    Ok(module)
}
