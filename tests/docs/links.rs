//! What the documents and comments point to is there.

use std::path::{Path, PathBuf};

use crate::sources::{files, read, root};

fn documents() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = files("", "md");
    found.retain(|path| !path.starts_with("target"));
    assert!(found.iter().any(|path| path == Path::new("README.md")), "{found:?}");
    found
}

#[test]
fn links_of_the_documents_lead_to_files_and_headings_that_are_there() {
    let mut count = 0;
    for document in documents() {
        let text = read(&document);
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            if link.starts_with("http") || link.contains(' ') {
                continue;
            }
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() {
                root().join(&document)
            } else {
                root().join(&document).parent().unwrap().join(file)
            };
            assert!(target.exists(), "{}: {link}", document.display());
            if !heading.is_empty() {
                let text = std::fs::read_to_string(&target).unwrap();
                assert!(headings(&text).any(|named| named == heading), "{}: {link}", document.display());
            }
            count += 1;
        }
    }
    assert!(count > 30, "{count} links read");
}

/// Headings as links name them: small letters, blanks as dashes, other signs left out.
fn headings(text: &str) -> impl Iterator<Item = String> {
    text.lines().filter(|line| line.starts_with('#')).map(|line| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        title
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect()
    })
}

/// Folders of the repository; a word that begins with one of them names a file.
const FOLDERS: [&str; 9] =
    ["src/", "tests/", "wasm/", "benches/", "docs/", "examples/", "fluent-config/", "output-dd/", "xtask/"];

#[test]
fn paths_that_documents_and_comments_name_are_there() {
    let mut missing = Vec::new();
    let mut count = 0;
    let comments =
        ["rs", "toml", "yaml", "conf", "ini", "py", "mjs", "sh"].iter().flat_map(|kind| files("", kind));
    for file in documents().into_iter().chain(comments) {
        let is_document = file.extension().is_some_and(|extension| extension == "md");
        // a changelog speaks of what was
        if file.ends_with("CHANGELOG.md") {
            continue;
        }
        for (n, line) in read(&file).lines().enumerate() {
            let begin = line.trim_start();
            if !is_document && !["//", "#", ";"].iter().any(|sign| begin.starts_with(sign))
                || begin.starts_with("#[")
            {
                continue;
            }
            for word in line.split(|c: char| !c.is_alphanumeric() && !"_-./*".contains(c)) {
                let word = word.trim_end_matches('.');
                if !FOLDERS.iter().any(|folder| word.starts_with(folder)) {
                    continue;
                }
                // up to the first part with a `*`
                let path: PathBuf = word.split('/').take_while(|part| !part.contains('*')).collect();
                let beside = file.parent().unwrap_or(Path::new(""));
                count += 1;
                if ![Path::new(""), beside, beside.parent().unwrap_or(Path::new(""))]
                    .iter()
                    .any(|from| root().join(from).join(&path).exists())
                {
                    missing.push(format!("{}:{}: {word}", file.display(), n + 1));
                }
            }
        }
    }
    assert!(count > 60, "{count} paths read");
    assert!(missing.is_empty(), "these are not there:\n{}", missing.join("\n"));
}

#[test]
fn commands_that_the_documents_show_name_programs_that_are_there() {
    let mut count = 0;
    for document in documents().into_iter().chain(["rs", "sh", "py"].iter().flat_map(|kind| files("", kind)))
    {
        if document.ends_with("tests/docs/links.rs") {
            continue;
        }
        for line in read(&document).lines() {
            let mut words = line.split_whitespace();
            if !line.contains("cargo ") {
                continue;
            }
            while let Some(word) = words.next() {
                let folders: &[&str] = match word {
                    "--test" => &["tests", "output-dd/tests"],
                    "--bench" => &["benches", "output-dd/benches"],
                    "--example" => &["examples"],
                    _ => continue,
                };
                let name = words.next().unwrap().trim_end_matches(['`', '.', ',', ')', ':', ';', '"']);
                // a path is another program's: `node --test tests/..`
                if !name.starts_with(|c: char| c.is_ascii_lowercase()) || name.contains('/') {
                    continue;
                }
                let mut places = folders.iter().map(|folder| root().join(folder));
                let is_there = places.any(|place| {
                    place.join(name).join("main.rs").exists() || place.join(format!("{name}.rs")).exists()
                });
                assert!(is_there, "{}: {line}", document.display());
                count += 1;
            }
        }
    }
    assert!(count > 10, "{count} commands read");
}
