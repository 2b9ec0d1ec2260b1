//! The programs that a release needs besides cargo, and the command that brings each.

use std::process::{Command, Stdio};

use crate::Outcome;

/// Program, arguments that make it answer, what brings it.
const TOOLS: [(&str, &[&str], &str); 12] = [
    ("git", &["--version"], "apt-get install git"),
    ("tar", &["--version"], "apt-get install tar"),
    ("gzip", &["--version"], "apt-get install gzip"),
    ("sha256sum", &["--version"], "apt-get install coreutils"),
    ("cmake", &["--version"], "apt-get install cmake"),
    ("perl", &["--version"], "apt-get install perl"),
    ("make", &["--version"], "apt-get install make"),
    ("python3", &["-m", "flit_core.wheel", "--help"], "pip install flit_core"),
    ("cargo-zigbuild", &["--version"], "cargo install --locked cargo-zigbuild; pip install ziglang"),
    ("cargo-deb", &["--version"], "cargo install --locked cargo-deb"),
    ("cargo-generate-rpm", &["--version"], "cargo install --locked cargo-generate-rpm"),
    ("cargo-cyclonedx", &["cyclonedx", "--version"], "cargo install --locked cargo-cyclonedx"),
];

/// The standard libraries of the targets that `rust-toolchain.toml` does not bring, because only a release needs them.
const TARGETS: [&str; 3] =
    ["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl", "aarch64-unknown-linux-gnu"];

/// Names all that is missing at once.
pub(super) fn require() -> Outcome {
    let answers = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        let run = command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
        run.is_ok_and(|status| status.success())
    };
    let mut missing: Vec<String> = TOOLS
        .iter()
        .filter(|(program, arguments, _)| !answers(program, arguments))
        .map(|(program, _, from)| format!("  {program}: {from}"))
        .collect();
    for target in TARGETS {
        let folder = Command::new("rustc").args(["--print", "target-libdir", "--target", target]).output();
        let is_there = folder.is_ok_and(|output| {
            std::path::Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir()
        });
        if !is_there {
            missing.push(format!("  {target}: rustup target add {target}"));
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!("these are missing:\n{}", missing.join("\n")).into())
}
