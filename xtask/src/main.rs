//! What cargo does not do by itself. `cargo xtask` lists the commands; `.cargo/config.toml` has short names for them.
//!
//! | file | what it holds |
//! |---|---|
//! | `filter.rs` | `cargo wasm`: builds the WASM filter |
//! | `rewrite.rs` | its one rewriting rule |
//! | `stack/`, `frames/` | the stack that its interpreter needs at most |
//! | `figures.rs` | runs the benches for `docs/figures.md` |
//! | `fuzz.rs` | runs the targets of `fuzz/` |
//! | `aot.rs` | compiles the filter ahead of time |
//! | `dist/` | what a release ships: programs, packages, container image, sums |
//! | `book.rs` | builds the book and looks at its links |
//! | `wheel.rs` | the engine for Python |
//! | `publish.rs` | the crates as they are published |
//! | `package.rs` (feature `package`) | `cargo preview-pkg`: builds the JavaScript package |

mod aot;
mod book;
mod dist;
mod figures;
mod filter;
mod frames;
mod fuzz;
#[cfg(feature = "package")]
mod package;
mod publish;
mod rewrite;
mod stack;
mod wheel;

use std::error::Error;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const WASM: &str = "wasm32-unknown-unknown";
const USAGE: &str = "\
cargo wasm [OPTIONS OF CARGO BUILD]    builds the WASM filter and prints its path
cargo xtask stack [MODULE]             the longest chain of calls of the WASM filter, in bytes of stack
cargo xtask aot --fluent-bit SOURCE    compiles the built WASM filter ahead of time; [--arch x86_64|aarch64]
cargo xtask dist [--out FOLDER]        builds what a release ships; [--fluent-bit SOURCE]... compiles the filter ahead, too
cargo xtask book                       the pages of docs/ as a book, its links checked; target/book
cargo xtask wheel [--out FOLDER]       the engine for Python, as a wheel; target/python
cargo xtask publish [--execute]        packs and builds the crates that are published; --execute sends them
cargo xtask figures [NAME..]           runs the benches and writes docs/figures.md; FLUENT_BIT, FLUENTD, CHROMIUM name hosts
cargo xtask fuzz [TARGET..]            runs the fuzz targets; [--inputs N] each, [--seed N], [--keep]: what they found goes to fuzz/corpus
cargo preview-pkg [ALLOCATOR]          builds the JavaScript package in target/package; talc, wee_alloc or default";

type Outcome = Result<(), Box<dyn Error>>;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let command = arguments.next().unwrap_or_default();
    let arguments: Vec<OsString> = arguments.collect();
    let outcome = match command.to_str() {
        Some("wasm") => filter::run(&arguments),
        #[cfg(feature = "package")]
        Some("preview-pkg") => package::run(&arguments),
        Some("aot") => aot::run(&arguments),
        Some("dist") => dist::run(&arguments),
        Some("book") => book::run(),
        Some("wheel") => wheel::run(&arguments),
        Some("publish") => publish::run(&arguments),
        Some("figures") => figures::run(&arguments),
        Some("fuzz") => fuzz::run(&arguments),
        Some("stack") => stack::run(&arguments),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", command.display());
            ExitCode::FAILURE
        }
    }
}

/// The root of the repository.
fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// Cargo, at the root, without the flags that the caller's environment sets: they are meant for native builds and
/// would replace the link arguments in `.cargo/config.toml`.
fn cargo() -> Command {
    let cargo = std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from);
    let mut cargo = Command::new(cargo);
    cargo.current_dir(root()).env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    cargo
}

/// Runs a build for WASM.
fn build(cargo: &mut Command) -> Outcome {
    if cargo.status()?.success() {
        return Ok(());
    }
    Err(format!(
        "the module was not built. Where \"the {WASM} target may not be installed\" is the reason: \
         rustup toolchain install --no-self-update"
    )
    .into())
}

/// Builds the engine of the page, which the crates and the wheel bring built; gives the module.
fn page_engine() -> Result<PathBuf, Box<dyn Error>> {
    let mut engine = cargo();
    engine.args(["rustc", "--profile", "page", "--locked", "--package", "fluent-anomaly-engine"]);
    // where the build script of the page has built it already
    let target = root().join("target/page");
    engine.args(["--features", "exports", "--lib", "--crate-type", "cdylib"]);
    build(engine.args(["--target", WASM, "--target-dir"]).arg(&target))?;
    Ok(target.join(WASM).join("page/fluent_anomaly_engine.wasm"))
}

/// Copies a folder with all that is in it.
fn copy_folder(from: &Path, to: &Path) -> Outcome {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &to)?;
        } else {
            std::fs::copy(entry.path(), &to)
                .map_err(|error| format!("{}: {error}", entry.path().display()))?;
        }
    }
    Ok(())
}

/// The time of the commit, in seconds since 1970: that of every file in an archive.
fn commit_time() -> Result<String, Box<dyn Error>> {
    output(Command::new("git").current_dir(root()).args(["log", "-1", "--format=%ct"]))
}

/// Runs a program; what it wrote is shown only where it fails.
fn quietly(command: &mut Command) -> Outcome {
    output(command).map(drop)
}

/// What a program wrote to standard output, without the blank space at its end.
fn output(command: &mut Command) -> Result<String, Box<dyn Error>> {
    let program = command.get_program().display().to_string();
    let output = command.output().map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned());
    }
    let text = [output.stdout, output.stderr].concat();
    Err(format!("{program} failed ({}):\n{}", output.status, String::from_utf8_lossy(&text)).into())
}
