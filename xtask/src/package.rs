//! `cargo preview-pkg [ALLOCATOR]`: builds the engine of the page for browsers and Node and puts the package together in
//! `target/package`.
//!
//! The allocator is `talc`; others are `wee_alloc`, and `default` for Rust's own.

use std::ffi::OsString;
use std::fs;

use wasm_bindgen_cli_support::Bindgen;

use crate::{Outcome, WASM, build, cargo, copy_folder, root};

const NAME: &str = "fluent_anomaly_preview";
/// Files of `wasm/package` that belong to the package.
const WRITTEN_BY_HAND: [&str; 3] = ["package.json", "README.md", "node.js"];

pub(crate) fn run(arguments: &[OsString]) -> Outcome {
    let allocator = arguments.first().map_or("talc", |name| name.to_str().unwrap_or_default());
    let features: &[&str] = match allocator {
        "default" => &[],
        "talc" | "wee_alloc" => &["--features", allocator],
        other => return Err(format!("allocator: {other} is not allowed; talc, wee_alloc or default").into()),
    };
    let target = root().join("target/package-wasm");
    build(
        cargo()
            .args(["build", "--profile", "page-small", "--locked", "--package", "fluent-anomaly-package"])
            .args(["--target", WASM, "--target-dir"])
            .arg(&target)
            .args(features)
            // wasm-bindgen reads custom sections that stripping would drop
            .env("CARGO_PROFILE_PAGE_SMALL_STRIP", "debuginfo"),
    )?;
    let module = target.join(WASM).join("page-small").join(NAME).with_extension("wasm");
    let package = root().join("target/package");
    if package.is_dir() {
        fs::remove_dir_all(&package)?;
    }
    fs::create_dir_all(&package)?;
    // one set of files for bundlers, browsers and Node: the module is loaded by the caller or from beside the script
    Bindgen::new()
        .input_path(&module)
        .web(true)?
        // `init()` without arguments fetches the module from beside the script
        .omit_default_module_path(false)
        .typescript(true)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(&package)?;
    for name in WRITTEN_BY_HAND {
        fs::copy(root().join("wasm/package").join(name), package.join(name))?;
    }
    copy_folder(&root().join("wasm/package/examples"), &package.join("examples"))?;
    fs::copy(root().join("LICENSE"), package.join("LICENSE"))?;
    let size = fs::metadata(package.join(format!("{NAME}_bg.wasm")))?.len();
    println!("{}: {NAME}_bg.wasm has {size} bytes", package.display());
    Ok(())
}
