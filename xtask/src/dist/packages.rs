//! The tree as tar.gz, deb and rpm; the source; what is inside, as CycloneDX.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Arch, Release, SUPERUSER};
use crate::{Outcome, cargo, copy_folder, quietly, root};

pub(super) fn archive(release: &Release, arch: Arch, tree: &Path) -> Outcome {
    let name = release.name("fluent-anomaly", arch);
    let folder = release.work.join(&name);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::rename(tree, &folder)?;
    let made =
        release.tar_gz(&release.work, &[&name], SUPERUSER, &release.out.join(format!("{name}.tar.gz")));
    fs::rename(&folder, tree)?;
    made
}

pub(super) fn deb(release: &Release, arch: Arch) -> Outcome {
    let file = release.out.join(format!("fluent-anomaly_{}_{}.deb", release.version, arch.debian));
    let mut deb = cargo();
    deb.args(["deb", "--no-build", "--no-strip", "--package", "fluent-anomaly", "--target"]);
    deb.arg(format!("{}-unknown-linux-musl", arch.rust)).arg("--output").arg(file);
    quietly(deb.env("SOURCE_DATE_EPOCH", &release.epoch))
}

pub(super) fn rpm(release: &Release, arch: Arch) -> Outcome {
    let file = release.out.join(format!("fluent-anomaly-{}-1.{}.rpm", release.version, arch.rust));
    let mut rpm = cargo();
    rpm.args(["generate-rpm", "--target"]).arg(format!("{}-unknown-linux-musl", arch.rust));
    rpm.args(["--arch", arch.rust, "--auto-req", "disabled", "--output"]).arg(file);
    rpm.arg("--source-date").arg(&release.epoch);
    quietly(&mut rpm)
}

/// The JavaScript package as npm packs it: a tar.gz with all files in `package`.
pub(super) fn javascript(release: &Release) -> Outcome {
    // a program of its own, because what it needs is a feature
    let mut built = cargo();
    built.args(["run", "--release", "--quiet", "--locked", "--package", "xtask", "--features", "package"]);
    quietly(built.args(["--", "preview-pkg"]))?;
    let folder = release.work.join("javascript");
    copy_folder(&root().join("target/package"), &folder.join("package"))?;
    let name = format!("fluent-anomaly-preview-{}.tgz", release.version);
    release.tar_gz(&folder, &["package"], SUPERUSER, &release.out.join(name))
}

/// The files of the commit.
pub(super) fn source(release: &Release) -> Outcome {
    let name = format!("fluent-anomaly-{}", release.version);
    let tar = release.work.join(format!("{name}.tar"));
    let mut archive = Command::new("git");
    archive.current_dir(root()).arg("archive").arg(format!("--prefix={name}/")).arg("--output").arg(&tar);
    quietly(archive.arg("HEAD"))?;
    quietly(Command::new("gzip").arg("-n9").arg(&tar))?;
    fs::rename(tar.with_extension("tar.gz"), release.out.join(format!("{name}-source.tar.gz")))?;
    Ok(())
}

/// CycloneDX of the command and of the output, as they are built for Linux.
pub(super) fn bill_of_materials(release: &Release) -> Outcome {
    let name = format!("fluent-anomaly-{}.cdx", release.version);
    let mut made = cargo();
    made.args(["cyclonedx", "--format", "json", "--target", "x86_64-unknown-linux-musl"]);
    made.args(["--manifest-path", "Cargo.toml", "--override-filename", &name]);
    quietly(made.env("SOURCE_DATE_EPOCH", &release.epoch))?;
    // one file a package of the workspace; the root's names every crate of the command
    let written = root().join(format!("{name}.json"));
    fs::copy(&written, release.out.join(format!("{name}.json")))?;
    for folder in [".", "output-dd", "wasm/filter", "wasm/package", "wasm/page", "wasm/page/engine", "xtask"]
    {
        let extra = root().join(folder).join(format!("{name}.json"));
        if extra.is_file() {
            fs::remove_file(extra)?;
        }
    }
    Ok(())
}
