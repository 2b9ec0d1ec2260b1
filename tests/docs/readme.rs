//! What the README and the book show is what the programs do.

use std::path::PathBuf;
use std::process::Command;

use fluent_anomaly::Config;

use crate::sources::{files, read};

/// README and the pages of the book.
fn pages() -> Vec<(PathBuf, String)> {
    let mut pages: Vec<PathBuf> = files("docs", "md");
    pages.push(PathBuf::from("README.md"));
    pages.into_iter().map(|page| (page.clone(), read(&page))).collect()
}

/// The code blocks of one language.
pub(crate) fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let opening = format!("```{language}\n");
    text.split(&opening[..]).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

#[test]
fn the_output_shown_is_that_of_the_demo() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_fluent-anomaly")).args(["demo", "--no-write"]).output().unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    let before_figures = |text: &str| text.split("\nMeasured").next().unwrap().to_owned();
    let page = read("docs/demo.md".as_ref());
    assert_eq!(before_figures(blocks(&page, "text")[0]), before_figures(&output));
}

#[test]
fn the_configurations_shown_are_accepted() {
    let mut count = 0;
    for (page, text) in pages() {
        let of_page = blocks(&text, "ini");
        for (at, block) in of_page.iter().enumerate() {
            let name = page.display().to_string();
            // a part of a file may need a section that scores something, or one that the page shows elsewhere
            let around = ["[series.of_the_test]\nmatch: of.the.test\nvalue: $v\n"];
            let others = of_page.iter().take(at).copied().chain(around);
            let alone = Config::parse(&name, block);
            let is_fine = alone.is_ok()
                || others.into_iter().any(|other| Config::parse(&name, &format!("{block}\n{other}")).is_ok());
            assert!(is_fine, "{name}\n{block}\n{}", alone.unwrap_err());
            count += 1;
        }
    }
    assert!(count > 3, "{count} configurations");
}

#[test]
fn the_commands_shown_have_the_options_that_they_are_shown_with() {
    let mut count = 0;
    for (page, text) in pages() {
        for line in blocks(&text, "sh").iter().flat_map(|block| block.lines()) {
            let Some(words) = command(line) else { continue };
            if words.first().is_some_and(|word| word == "stream") && !cfg!(feature = "kafka") {
                continue;
            }
            // with `--help` at its end a command checks what stands before, and does nothing
            let output = Command::new(env!("CARGO_BIN_EXE_fluent-anomaly"))
                .args(&words)
                .arg("--help")
                .env("COLUMNS", "100")
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{}: {line}\n{said}", page.display());
            count += 1;
        }
    }
    assert!(count > 20, "{count} commands");
}

/// The words behind `fluent-anomaly` of a line for a shell, up to what the shell itself takes.
fn command(line: &str) -> Option<Vec<String>> {
    let line = line.split(" #").next()?.trim();
    let (before, rest) = line.split_once("fluent-anomaly ")?;
    let is_start =
        before.split_whitespace().all(|word| word.contains('=') || word == "sudo") || before.ends_with("| ");
    if !(is_start || before.ends_with("release/")) || rest.contains("$(") {
        return None;
    }
    let end = rest.find([';', '|', '>', '<', '&']).unwrap_or(rest.len());
    let mut words = Vec::new();
    for (at, part) in rest[..end].split('"').enumerate() {
        if at % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    Some(words)
}

#[test]
fn the_way_from_a_log_to_an_alarm_runs_word_for_word() {
    let readme = read("README.md".as_ref());
    let way = blocks(readme.split("## From your log to an alarm").nth(1).unwrap(), "sh")[0];
    let folder = tempfile::tempdir().unwrap();
    let mut log = String::new();
    for minute in 0..10_080_u32 {
        let (hour, quiet) = (minute / 60 % 24, minute * 7919 % 101);
        let ms = if (9000..9010).contains(&minute) { 900 } else { 100 + 3 * hour + quiet / 5 };
        let day = 20 + minute / 1440;
        let time = format!("2026-11-{day}T{hour:02}:{:02}:00Z", minute % 60);
        log +=
            &format!("{{\"time\":\"{time}\",\"service\":\"shop\",\"host\":\"web-1\",\"latency_ms\":{ms}}}\n");
    }
    std::fs::write(folder.path().join("app.log"), log).unwrap();
    let mut ran = Vec::new();
    let mut scored = String::new();
    for words in way.lines().filter_map(command) {
        let output = Command::new(env!("CARGO_BIN_EXE_fluent-anomaly"))
            .args(&words)
            .current_dir(&folder)
            .output()
            .unwrap();
        assert!(output.status.success(), "{words:?}\n{}", String::from_utf8_lossy(&output.stderr));
        scored = String::from_utf8(output.stdout).unwrap();
        ran.push(words[0].clone());
    }
    assert_eq!(ran, ["init", "check", "filter"]);
    assert!(scored.lines().count() == 10_080 && scored.contains("\"alarm\":\"start\""));
    assert!(folder.path().join("fluent-bit.yaml").is_file() && folder.path().join("fluentd.conf").is_file());
}

#[test]
fn the_yaml_shown_is_yaml() {
    let mut count = 0;
    for (page, text) in pages() {
        for block in blocks(&text, "yaml") {
            let read = yaml_rust2::YamlLoader::load_from_str(block);
            assert!(
                read.as_ref().is_ok_and(|documents| !documents.is_empty()),
                "{}\n{block}\n{read:?}",
                page.display()
            );
            count += 1;
        }
    }
    assert!(count > 1, "{count} blocks");
}

#[test]
fn the_readme_is_short_and_every_page_of_the_book_is_in_its_contents() {
    assert!(read("README.md".as_ref()).lines().count() <= 150);
    let contents = read("docs/SUMMARY.md".as_ref());
    for (page, _) in pages() {
        let name = page.file_name().unwrap().to_string_lossy().into_owned();
        let is_page = page.starts_with("docs") && name != "SUMMARY.md";
        assert!(!is_page || contents.contains(&format!("]({name})")), "{name} is not in docs/SUMMARY.md");
    }
}
