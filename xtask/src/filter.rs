//! `cargo wasm`: builds `anomaly_filter.wasm`, rewrites it for the interpreter that runs it, checks
//! that it fits the stack of its host, and prints its path.

use std::ffi::OsString;
use std::{env, fs};

use crate::{Outcome, WASM, build, cargo, rewrite, root, stack};

/// Code for its size: a third smaller. An interpreter runs it as fast, because what a usual record needs is inlined by
/// attributes (docs/architecture.md); LLVM itself inlines hardly more than what makes the code smaller, and what is
/// marked `#[inline]`, as much of the standard library is, where it is small.
const FOR_SIZE: [&str; 5] = [
    r#"profile.release.package.fluent-anomaly.opt-level="s""#,
    r#"profile.release.package.anomaly-filter.opt-level="s""#,
    // prints rare numbers: without a table of 10 kB
    r#"profile.release.package.zmij.opt-level="s""#,
    r#"profile.release.lto="fat""#,
    r#"target.wasm32-unknown-unknown.rustflags=["-C","llvm-args=-inline-threshold=15 -inlinehint-threshold=50"]"#,
];

pub(crate) fn run(options: &[OsString]) -> Outcome {
    let named = options.iter().skip_while(|option| *option != "--target-dir").nth(1).cloned();
    let named = named.or_else(|| env::var_os("CARGO_TARGET_DIR"));
    let target = named.map_or_else(|| root().join("target"), |folder| root().join(folder));
    build(
        cargo()
            .args(["build", "--release", "--package", "anomaly-filter", "--target", WASM])
            .args(FOR_SIZE.iter().flat_map(|setting| ["--config", setting]))
            .args(options)
            .env("CARGO_PROFILE_RELEASE_STRIP", "debuginfo"), // messages name functions; the rewriting drops the names
    )?;
    let module = target.join(WASM).join("release/anomaly_filter.wasm");
    let built = fs::read(&module)?;
    let rewritten = rewrite::rewrite(&built)?;
    stack::check(&rewritten, &built)?;
    // a new file: the old name is one of two links to what cargo built, which must stay as it is
    let new = module.with_extension("wasm.new");
    fs::write(&new, rewritten)?;
    fs::rename(&new, &module)?;
    println!("{}", module.display());
    Ok(())
}
