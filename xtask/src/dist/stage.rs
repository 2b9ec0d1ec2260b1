//! The tree that a package installs, in `target/dist-work/tree`: `Cargo.toml` lists its folders for deb and rpm.
//!
//! | path | what |
//! |---|---|
//! | `usr/bin/fluent-anomaly` | the command |
//! | `usr/lib/fluent-anomaly/` | the filter (any processor), filters compiled ahead, the `dd` output |
//! | `usr/lib/systemd/system/` | units, for a user of its own |
//! | `etc/fluent-anomaly/` | the configuration, which an upgrade leaves alone |
//! | `usr/share/fluent-anomaly/fluent-config/` | configurations for the hosts |

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Arch, Release};
use crate::{Outcome, copy_folder, output, quietly, root};

/// Shells, and the file name that each looks for.
const SHELLS: [(&str, &str); 3] = [
    ("bash", "usr/share/bash-completion/completions/fluent-anomaly"),
    ("zsh", "usr/share/zsh/vendor-completions/_fluent-anomaly"),
    ("fish", "usr/share/fish/vendor_completions.d/fluent-anomaly.fish"),
];

/// Where the deb's script makes the user.
const USER_MARK: &str = "#USER#";

/// Manual pages and completions, written by the command that runs on this machine; gives the folder.
pub(super) fn texts(release: &Release) -> Result<PathBuf, Box<dyn Error>> {
    let here = super::ARCHITECTURES.into_iter().find(|arch| arch.rust == std::env::consts::ARCH);
    let here =
        here.ok_or_else(|| format!("{}: a release is made on x86_64 or aarch64", std::env::consts::ARCH))?;
    let command = release.out.join(release.name("fluent-anomaly", here));
    let texts = release.work.join("texts");
    for (shell, path) in SHELLS {
        let path = texts.join(path);
        fs::create_dir_all(path.parent().unwrap_or(&texts))?;
        fs::write(&path, output(Command::new(&command).args(["completions", shell]))? + "\n")?;
    }
    let pages = texts.join("usr/share/man/man1");
    fs::create_dir_all(&pages)?;
    quietly(Command::new(&command).arg("man").arg("--output").arg(&pages))?;
    for page in fs::read_dir(&pages)? {
        quietly(Command::new("gzip").arg("-n9").arg(page?.path()))?;
    }
    Ok(texts)
}

/// Lays the tree of one processor; the tree of the processor before is gone.
pub(super) fn tree(release: &Release, arch: Arch, texts: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let tree = release.work.join("tree");
    if tree.is_dir() {
        fs::remove_dir_all(&tree)?;
    }
    copy_folder(texts, &tree)?;
    let built = |what: &str, end: &str| release.out.join(release.name(what, arch) + end);
    copy(&built("fluent-anomaly", ""), &tree.join("usr/bin/fluent-anomaly"))?;
    let library = tree.join("usr/lib/fluent-anomaly");
    copy(&built("libout_dd", ".so"), &library.join("libout_dd.so"))?;
    copy(&release.out.join("anomaly_filter.wasm"), &library.join("anomaly_filter.wasm"))?;
    let ahead = format!("-{}.aot", arch.rust);
    for entry in fs::read_dir(&release.out)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.ends_with(&ahead) {
            copy(&path, &library.join(name))?;
        }
    }
    let configurations = root().join("fluent-config");
    copy_folder(&configurations, &tree.join("usr/share/fluent-anomaly/fluent-config"))?;
    copy(&root().join("packaging/fluent-anomaly.ini"), &tree.join("etc/fluent-anomaly/fluent-anomaly.ini"))?;
    let units = tree.join("usr/lib/systemd/system");
    fs::create_dir_all(&units)?;
    for entry in fs::read_dir(&configurations)?.chain(fs::read_dir(configurations.join("serve"))?) {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "service") {
            let text = installed_unit(&fs::read_to_string(&path)?)
                .map_err(|missing| format!("{}: no line {missing:?}", path.display()))?;
            fs::write(units.join(path.file_name().unwrap_or_default()), text)?;
        }
    }
    let docs = tree.join("usr/share/doc/fluent-anomaly");
    for name in ["README.md", "CHANGELOG.md", "LICENSE"] {
        copy(&root().join(name), &docs.join(name))?;
    }
    copy(&root().join("LICENSE"), &docs.join("copyright"))?;
    scripts(release)?;
    Ok(tree)
}

/// The scripts of the deb, in `target/dist-work/debian`: the one that makes the user is that of the rpm.
fn scripts(release: &Release) -> Outcome {
    let (from, to) = (root().join("packaging/debian"), release.work.join("debian"));
    copy_folder(&from, &to)?;
    let makes_the_user = fs::read_to_string(root().join("packaging/user.sh"))?;
    let script = to.join("postinst");
    let text = fs::read_to_string(&script)?;
    if !text.contains(USER_MARK) {
        return Err(format!("packaging/debian/postinst: no {USER_MARK}").into());
    }
    fs::write(script, text.replace(USER_MARK, makes_the_user.trim_end()))?;
    Ok(())
}

/// A unit as a package installs it: programs stand in `/usr/bin`, and the user exists already.
fn installed_unit(text: &str) -> Result<String, &'static str> {
    let mut text = text.to_owned();
    for (from, to) in [
        ("/usr/local/bin/", "/usr/bin/"),
        ("/usr/local/share/doc/", "/usr/share/doc/"),
        ("\nDynamicUser=yes\n", "\nUser=fluent-anomaly\nGroup=fluent-anomaly\n"),
    ] {
        if !text.contains(from) {
            return Err(from);
        }
        text = text.replace(from, to);
    }
    Ok(text)
}

fn copy(from: &Path, to: &Path) -> Outcome {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::copy(from, to).map_err(|error| format!("{}: {error}", from.display()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installed_unit_runs_the_installed_command_as_the_package_s_user() {
        for (shipped, command) in [
            (include_str!("../../../fluent-config/fluent-anomaly.service"), "pull"),
            (include_str!("../../../fluent-config/serve/fluent-anomaly-serve.service"), "serve"),
        ] {
            let installed = installed_unit(shipped).unwrap();
            assert!(
                installed.contains(&format!("\nExecStart=/usr/bin/fluent-anomaly {command} ")),
                "{installed}"
            );
            assert!(installed.contains("\nUser=fluent-anomaly\n") && !installed.contains("DynamicUser"));
        }
        assert_eq!(installed_unit("[Service]\n"), Err("/usr/local/bin/"));
    }
}
