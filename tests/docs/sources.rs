//! The files of the repository as text, for tests that keep the house as the documents describe it.

use std::fs;
use std::path::{Path, PathBuf};

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below `folder` with this extension, sorted, relative to the root.
pub(crate) fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(&root().join(folder), extension, &mut found);
    found.sort();
    found.into_iter().map(|path| path.strip_prefix(root()).unwrap().to_owned()).collect()
}

fn collect(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_string_lossy();
        if path.is_dir() {
            if name != "target" && name != "node_modules" && !name.starts_with('.') {
                collect(&path, extension, found);
            }
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
}

pub(crate) fn read(file: &Path) -> String {
    fs::read_to_string(root().join(file)).unwrap()
}

/// Rust without comments, texts and `#[cfg(test)]` modules: what the compiler of the library sees.
pub(crate) fn code(source: &str) -> String {
    let mut code = String::new();
    let mut tests = false;
    for line in source.lines() {
        let line = without_comment_and_texts(line);
        // rustfmt closes a module where it was opened
        if tests {
            tests = line != "}";
            continue;
        }
        if line.trim() == "#[cfg(test)]" {
            code.push_str("#[cfg(test)]");
            continue;
        }
        if let Some(before) = code.strip_suffix("#[cfg(test)]") {
            code.truncate(before.len());
            tests = line.ends_with('{') && line.contains("mod ");
            continue;
        }
        code.push_str(&line);
        code.push('\n');
    }
    code
}

fn without_comment_and_texts(line: &str) -> String {
    let mut out = String::new();
    let mut text = false;
    let mut last = ' ';
    for (at, c) in line.char_indices() {
        if !text && line[at..].starts_with("//") {
            break;
        }
        if c == '"' && last != '\\' && !(last == '\'' && line[at + 1..].starts_with('\'')) {
            text = !text;
        } else if !text {
            out.push(c);
        }
        last = if last == '\\' { ' ' } else { c };
    }
    out.trim_end().to_owned()
}
