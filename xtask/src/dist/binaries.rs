//! The native programs of a release.
//!
//! The command is static (musl), so that it runs on any Linux, with the C code of Kafka in it. The output is a library that Fluent Bit opens: it has to
//! use the C library of its host, and asks for a version of glibc that Debian 11 has already.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Arch, Release};
use crate::{Outcome, cargo, quietly, root};

/// glibc of Debian 11.
const GLIBC: &str = "2.31";
/// Separates flags in `CARGO_ENCODED_RUSTFLAGS`.
const FLAG_END: &str = "\x1f";

pub(super) fn build(release: &Release, arch: Arch) -> Outcome {
    let musl = format!("{}-unknown-linux-musl", arch.rust);
    zigbuild(release, &["--package", "fluent-anomaly", "--features", "kafka-static", "--target", &musl])?;
    let gnu = format!("{}-unknown-linux-gnu", arch.rust);
    zigbuild(release, &["--package", "output-dd", "--target", &format!("{gnu}.{GLIBC}")])?;
    let target = root().join("target");
    let command = target.join(&musl).join("release/fluent-anomaly");
    let output = target.join(&gnu).join("release/libout_dd.so");
    fs::copy(command, release.out.join(release.name("fluent-anomaly", arch)))?;
    fs::copy(output, release.out.join(release.name("libout_dd", arch) + ".so"))?;
    Ok(())
}

/// `cargo zigbuild --release` without this machine's paths in what it makes.
fn zigbuild(release: &Release, arguments: &[&str]) -> Outcome {
    let mut flags = Vec::new();
    let mut c_flags = Vec::new();
    let mut replace = |from: &Path, to: &str| {
        flags.push(format!("--remap-path-prefix={}={to}", from.display()));
        c_flags.push(format!("-ffile-prefix-map={}={to}", from.display()));
    };
    replace(root(), ".");
    let home = std::env::var_os("HOME").unwrap_or_default();
    let cargo_home =
        std::env::var_os("CARGO_HOME").map_or_else(|| Path::new(&home).join(".cargo"), Into::into);
    replace(&cargo_home, "cargo");
    c_flags.push(format!("-I{}", without_curl(release)?.display()));
    let mut command = cargo();
    command.args(["zigbuild", "--release", "--locked"]).args(arguments);
    command.env("CARGO_ENCODED_RUSTFLAGS", flags.join(FLAG_END)).env("CFLAGS", c_flags.join(" "));
    command.env("SOURCE_DATE_EPOCH", &release.epoch);
    quietly(&mut command)
}

/// A folder with a header that says nothing: librdkafka 2.12.1 built by cmake asks for that of curl even where it is built
/// without (`#ifdef` of a name that is 0).
fn without_curl(release: &Release) -> Result<PathBuf, Box<dyn Error>> {
    let folder = release.work.join("without-curl");
    fs::create_dir_all(folder.join("curl"))?;
    fs::write(folder.join("curl/curl.h"), "")?;
    Ok(folder)
}
