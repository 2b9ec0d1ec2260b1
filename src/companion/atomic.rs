//! Small files that are either the old or the new one, whatever happens in between.

use crate::codec::checksum;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Most bytes of such a file that are read.
const MAX_BYTES: u64 = 64 << 20;

/// Writes `magic`, `body` and a checksum of both to a temporary file, syncs it, and renames it to `path`.
///
/// # Errors
/// Whatever the file system says; `path` is then what it was.
pub fn write(path: &Path, magic: [u8; 8], body: &[u8]) -> io::Result<()> {
    let sum = checksum(u64::from_le_bytes(magic), body);
    replace_with(path, |file| {
        file.write_all(&magic)?;
        file.write_all(body)?;
        file.write_all(&sum.to_le_bytes())
    })
}

/// Replaces `path` by a file of plain text, for people and scripts to read.
///
/// # Errors
/// Whatever the file system says; `path` is then what it was.
pub fn write_text(path: &Path, text: &str) -> io::Result<()> {
    replace_with(path, |file| file.write_all(text.as_bytes()))
}

fn replace_with(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let temporary = with_suffix(path, ".tmp");
    let mut file = File::create(&temporary)?;
    let written = fill(&mut file).and_then(|()| file.sync_all());
    drop(file);
    if let Err(error) = written.and_then(|()| fs::rename(&temporary, path)) {
        // a full disk should not keep the half-written file
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    // the rename itself lies in the folder
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// What [`read`] found.
#[derive(Debug, PartialEq, Eq)]
pub enum SavedFile {
    /// The body.
    Body(Vec<u8>),
    /// No such file.
    Nothing,
    /// A torn or foreign file, and what is wrong with it.
    Broken(String),
}

/// Reads what [`write()`] has written.
#[must_use]
pub fn read(path: &Path, magic: [u8; 8]) -> SavedFile {
    let mut bytes = Vec::new();
    match File::open(path).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut bytes)) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return SavedFile::Nothing,
        Err(error) => return SavedFile::Broken(error.to_string()),
    }
    let Some(rest) = bytes.strip_prefix(&magic) else {
        return SavedFile::Broken("another kind or version of file".to_owned());
    };
    let Some((body, sum)) = rest.split_last_chunk::<8>() else {
        return SavedFile::Broken("it is cut off".to_owned());
    };
    if checksum(u64::from_le_bytes(magic), body) != u64::from_le_bytes(*sum) {
        return SavedFile::Broken("its checksum is wrong".to_owned());
    }
    SavedFile::Body(body.to_vec())
}

/// Moves a broken file out of the way, next to where it was.
///
/// # Errors
/// Whatever the file system says.
pub fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let aside = with_suffix(path, ".broken");
    fs::rename(path, &aside)?;
    Ok(aside)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
