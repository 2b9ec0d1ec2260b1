//! Builds what ships, once, into the ordinary target folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The module as `cargo wasm` builds it; another one where ANOMALY_FILTER_WASM names it.
pub(crate) fn wasm_module() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| match std::env::var_os("ANOMALY_FILTER_WASM") {
        Some(other) => other.into(),
        None => {
            require_target();
            cargo_wasm()
        }
    })
}

fn cargo_wasm() -> PathBuf {
    let output = cargo().args(["wasm", "--quiet"]).stderr(Stdio::inherit()).output().expect("cargo runs");
    assert!(output.status.success(), "`cargo wasm` failed: what it said stands above");
    PathBuf::from(String::from_utf8(output.stdout).expect("a path in UTF-8").trim_end())
}

fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root());
    cargo
}

/// The `dd` output as `cargo build --release -p output-dd` builds it.
pub(crate) fn dd_output() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| artefact(&["-p", "output-dd"], "libout_dd.so"))
}

/// The filter that does nothing.
pub(crate) fn noop_module() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        require_target();
        let target = ["--target", "wasm32-unknown-unknown", "--target-dir", "target/noop-filter"];
        let package = ["--manifest-path", "benches/noop-filter/Cargo.toml"];
        artefact(&[&package[..], &target].concat(), "noop_filter.wasm")
    })
}

/// The module needs a standard library of its own; without it cargo would say what the compiler makes of that.
fn require_target() {
    const TARGET: &str = "wasm32-unknown-unknown";
    let asked = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .current_dir(root())
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .expect("rustc runs");
    let libraries = String::from_utf8(asked.stdout).expect("rustc writes UTF-8");
    assert!(
        Path::new(libraries.trim()).is_dir(),
        "the target {TARGET} is not installed. Run `rustup toolchain install --no-self-update` and test again"
    );
}

fn artefact(arguments: &[&str], file: &str) -> PathBuf {
    let output = cargo()
        .args(["build", "--release"])
        .args(arguments)
        .args(["--quiet", "--message-format", "json"])
        // meant for the native build; they would replace the link arguments in .cargo/config.toml
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{file} cannot be built");
    let messages = String::from_utf8(output.stdout).expect("cargo writes UTF-8");
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact")
        .flat_map(|message| message["filenames"].as_array().cloned().unwrap_or_default())
        .filter_map(|name| name.as_str().map(PathBuf::from))
        .find(|path| path.ends_with(file))
        .expect("cargo names it")
}
