//! `cargo xtask dist [--fluent-bit SOURCE]... [--out FOLDER]`: everything that a release ships, in one folder.
//!
//! | file | what it makes |
//! |---|---|
//! | `binaries.rs` | the command (static, musl) and the `dd` output (glibc of Debian 11), for both processors |
//! | `stage.rs` | the tree that a package installs |
//! | `packages.rs` | tar.gz, deb, rpm, the source |
//! | `image.rs` | a container image as an OCI layout, without a daemon |
//! | `tools.rs` | the programs that this needs, and where they come from |
//!
//! Two runs over one commit give equal bytes: times are those of the commit, archives are sorted, paths of the machine
//! are replaced.

mod binaries;
mod image;
mod packages;
mod stage;
mod tools;

use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Outcome, WASM, aot, filter, output, quietly, root, wheel};

/// A processor, by the names that the different tools give it.
#[derive(Debug, Clone, Copy)]
struct Arch {
    /// Rust, Linux, rpm.
    rust: &'static str,
    /// Debian and OCI.
    debian: &'static str,
}

const ARCHITECTURES: [Arch; 2] =
    [Arch { rust: "x86_64", debian: "amd64" }, Arch { rust: "aarch64", debian: "arm64" }];

/// One run: where things go, and the time that every file in an archive gets.
struct Release {
    /// Finished files.
    out: PathBuf,
    /// Files on their way into an archive.
    work: PathBuf,
    version: String,
    /// The time of the commit, in seconds since 1970.
    epoch: String,
}

pub(crate) fn run(arguments: &[OsString]) -> Outcome {
    let options = Options::read(arguments)?;
    tools::require()?;
    let release = Release::new(options.out)?;
    step("anomaly_filter.wasm");
    filter::run(&[OsString::from("--quiet")])?;
    let module = root().join("target").join(WASM).join("release/anomaly_filter.wasm");
    fs::copy(&module, release.out.join("anomaly_filter.wasm"))?;
    for source in &options.fluent_bit {
        step(&format!("compiled ahead for {}", source.display()));
        for file in aot::compile(source, &["x86_64", "aarch64"])? {
            fs::copy(&file, release.out.join(file.file_name().unwrap_or_default()))?;
        }
    }
    for arch in ARCHITECTURES {
        step(&format!("command and output for {}", arch.rust));
        binaries::build(&release, arch)?;
    }
    // the pages and completions are texts: one program that runs here writes those of both
    let texts = stage::texts(&release)?;
    for arch in ARCHITECTURES {
        step(&format!("packages for {}", arch.debian));
        let tree = stage::tree(&release, arch, &texts)?;
        packages::archive(&release, arch, &tree)?;
        packages::deb(&release, arch)?;
        packages::rpm(&release, arch)?;
    }
    step("container image");
    image::layout(&release)?;
    step("wheel for Python");
    wheel::build(&release.out)?;
    step("JavaScript package");
    packages::javascript(&release)?;
    step("source and bill of materials");
    packages::source(&release)?;
    packages::bill_of_materials(&release)?;
    sums(&release)?;
    Ok(())
}

/// What a run makes next, on standard error: a release takes minutes.
fn step(what: &str) {
    eprintln!("dist: {what}");
}

struct Options {
    out: PathBuf,
    fluent_bit: Vec<PathBuf>,
}

impl Options {
    fn read(arguments: &[OsString]) -> Result<Self, Box<dyn Error>> {
        let mut options = Self { out: root().join("target/dist"), fluent_bit: Vec::new() };
        let mut rest = arguments.iter();
        while let Some(option) = rest.next() {
            match (option.to_str(), rest.next()) {
                (Some("--out"), Some(folder)) => options.out = std::path::absolute(folder)?,
                (Some("--fluent-bit"), Some(folder)) => options.fluent_bit.push(folder.into()),
                _ => {
                    return Err(format!(
                        "{}: not known, or without a value; allowed are --out FOLDER and --fluent-bit SOURCE",
                        option.display()
                    )
                    .into());
                }
            }
        }
        Ok(options)
    }
}

/// The owner of files outside the container image.
const SUPERUSER: &str = "0";

impl Release {
    fn new(out: PathBuf) -> Result<Self, Box<dyn Error>> {
        let work = root().join("target/dist-work");
        for folder in [&out, &work] {
            if folder.is_dir() {
                fs::remove_dir_all(folder)?;
            }
            fs::create_dir_all(folder)?;
        }
        Ok(Self { out, work, version: env!("CARGO_PKG_VERSION").to_owned(), epoch: crate::commit_time()? })
    }

    /// A file as users of other programs find it: name, version, processor.
    fn name(&self, what: &str, arch: Arch) -> String {
        format!("{what}-{}-{}", self.version, arch.rust)
    }

    /// `tar` with sorted names, the time of the commit and one owner, packed without a time of its own.
    fn tar_gz(&self, from: &Path, names: &[&str], owner: &str, to: &Path) -> Outcome {
        let mut tar = Command::new("tar");
        tar.arg("--create").arg("--sort=name").arg(format!("--mtime=@{}", self.epoch));
        tar.arg(format!("--owner={owner}")).arg(format!("--group={owner}"));
        tar.args(["--numeric-owner", "--format=gnu", "--mode=u=rwX,go=rX"]);
        tar.arg("--use-compress-program=gzip -n9").arg("--file").arg(to).arg("--directory").arg(from);
        quietly(tar.args(names))
    }
}

/// `SHA256SUMS`, and a table of all files on standard output.
fn sums(release: &Release) -> Outcome {
    let mut names = Vec::new();
    for entry in fs::read_dir(&release.out)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            names.push((entry.file_name(), entry.metadata()?.len()));
        }
    }
    names.sort();
    let listed = names.iter().map(|(name, _)| name);
    let text = output(Command::new("sha256sum").current_dir(&release.out).args(listed))?;
    fs::write(release.out.join("SHA256SUMS"), text + "\n")?;
    for (name, bytes) in &names {
        println!("{bytes:>10}  {}", name.display());
    }
    println!("{}", release.out.display());
    Ok(())
}
