//! A folder as Kubernetes mounts a ConfigMap: `file -> ..data/file`, `..data -> ..version`, and an update swaps `..data`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

/// Mounts a file, or updates it under another version.
pub(crate) fn mount(folder: &Path, version: &str, file: &str, text: &str) {
    fs::create_dir(folder.join(version)).unwrap();
    fs::write(folder.join(version).join(file), text).unwrap();
    symlink(version, folder.join("..new")).unwrap();
    fs::rename(folder.join("..new"), folder.join("..data")).unwrap();
    if !folder.join(file).is_symlink() {
        symlink(Path::new("..data").join(file), folder.join(file)).unwrap();
    }
}
