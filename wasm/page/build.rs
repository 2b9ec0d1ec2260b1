//! Builds the engine of the page for wasm32 with a cargo of its own, in a target folder of its own: the folder of
//! the outer build is locked as long as this runs.
//!
//! Nothing is downloaded: the engine without features has the dependencies of the library. The target stands in
//! `rust-toolchain.toml`; where it is not installed, which rustup may have been told not to do by itself, the bundle
//! is built without an engine and says so, because everything but the page works without it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, exit};
use std::time::Instant;

const TARGET: &str = "wasm32-unknown-unknown";
/// Names an engine that is built already. Whoever works on other parts saves its build at each change of the library.
const BUILT_ENGINE: &str = "FLUENT_ANOMALY_PAGE_ENGINE";
/// Brings what `rust-toolchain.toml` lists, and nothing where all of it is there.
const SET_UP: &str = "rustup toolchain install --no-self-update";

fn main() {
    let here = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
    let out = PathBuf::from(variable("OUT_DIR"));
    let Some(root) = here.ancestors().nth(2) else { fail("no folder around the crate") };
    let started = Instant::now();

    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={BUILT_ENGINE}");
    println!("cargo::rustc-env=SET_UP={SET_UP}");
    let engine = out.join("engine.wasm");
    let packaged = here.join("built/engine.wasm");
    if packaged.is_file() && !root.join("wasm/page/engine").is_dir() {
        copy(&packaged, &engine);
        return;
    }
    if let Some(built) = env::var_os(BUILT_ENGINE) {
        println!("cargo::rerun-if-changed={}", built.display());
        copy(Path::new(&built), &engine);
        return;
    }
    if !target_is_installed(root) {
        println!(
            "cargo::warning=built without the page of `report`: the target {TARGET} is not installed. \
             Run `{SET_UP}` and build again"
        );
        if let Err(error) = std::fs::write(&engine, []) {
            fail(&format!("{}: {error}", engine.display()));
        }
        return;
    }
    watch(&here.join("engine/src"), &[]);
    watch(&root.join("src"), &["bin", "source", "sink"]);
    for file in ["Cargo.lock", "Cargo.toml", "wasm/page/engine/Cargo.toml", ".cargo/config.toml"] {
        println!("cargo::rerun-if-changed={}", root.join(file).display());
    }

    let target = target_folder(&out).join("page");
    let mut cargo = Command::new(variable("CARGO"));
    cargo
        .current_dir(root)
        .args(["rustc", "--profile", "page", "--locked", "--package", "fluent-anomaly-engine"])
        // without the library for Rust beside it: cargo would leave out the optimisation over both crates
        .args(["--features", "exports", "--lib", "--crate-type", "cdylib"])
        .args(["--target", TARGET, "--target-dir"])
        .arg(&target);
    // settings of the outer build that are not meant for this one: flags, wrappers (clippy), profiles
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        let foreign =
            ["CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS", "RUSTC", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"];
        if foreign.contains(&name.as_ref())
            || name.starts_with("CARGO_CFG_")
            || name.starts_with("CARGO_FEATURE_")
        {
            cargo.env_remove(name.as_ref());
        }
    }
    match cargo.output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => fail(&format!(
            "the engine of the page was not built for {TARGET} (without the page: `--no-default-features \
             --features companion`):\n{}",
            String::from_utf8_lossy(&output.stderr)
        )),
        Err(error) => fail(&format!("cargo did not start: {error}")),
    }
    let built = target.join(TARGET).join("page/fluent_anomaly_engine.wasm");
    copy(&built, &engine);
    println!(
        "cargo::warning=no fault: built the engine of the page of `report` for {TARGET}, in {:.0} s (without the page: \
         `--no-default-features --features companion`)",
        started.elapsed().as_secs_f64()
    );
}

/// Whether the standard library for the target is there; this script runs again when it comes or goes.
fn target_is_installed(root: &Path) -> bool {
    let asked = Command::new(variable("RUSTC"))
        .current_dir(root)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output();
    let Ok(asked) = asked else { return false };
    let libraries = PathBuf::from(String::from_utf8_lossy(&asked.stdout).trim());
    let installed = libraries.is_dir();
    // a folder that is missing would make every build a new one; the folder around it changes when it comes
    let watched = if installed { Some(libraries.as_path()) } else { libraries.ancestors().nth(2) };
    if let Some(watched) = watched {
        println!("cargo::rerun-if-changed={}", watched.display());
    }
    installed
}

/// `target` of the outer build: both of its profiles use the same engine.
fn target_folder(out: &Path) -> PathBuf {
    let build = out.ancestors().find(|folder| folder.file_name().is_some_and(|name| name == "build"));
    build.and_then(|build| build.ancestors().nth(2)).unwrap_or(out).to_owned()
}

fn copy(from: &Path, to: &Path) {
    if let Err(error) = std::fs::copy(from, to) {
        fail(&format!("{}: {error}", from.display()));
    }
}

fn watch(folder: &Path, except: &[&str]) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if !except.iter().any(|name| entry.file_name() == *name) {
            println!("cargo::rerun-if-changed={}", entry.path().display());
        }
    }
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|error| fail(&format!("{name}: {error}")))
}

fn fail(message: &str) -> ! {
    eprintln!("{message}");
    exit(1)
}
