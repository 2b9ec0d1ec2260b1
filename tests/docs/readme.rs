//! What the README shows is what the program does.

use std::process::Command;

use fluent_anomaly::Config;

const README: &str = include_str!("../../README.md");

/// The code blocks of one language.
fn blocks(language: &str) -> Vec<&'static str> {
    let opening = format!("```{language}\n");
    let blocks: Vec<&str> =
        README.split(&opening).skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(!blocks.is_empty(), "no block of {language}");
    blocks
}

#[test]
fn the_output_shown_is_that_of_the_demo() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_fluent-anomaly")).args(["demo", "--no-write"]).output().unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    let before_figures = |text: &str| text.split("\nMeasured").next().unwrap().to_owned();
    assert_eq!(before_figures(blocks("text")[0]), before_figures(&output));
}

#[test]
fn the_configurations_shown_are_accepted() {
    for block in blocks("ini") {
        Config::parse("README.md", block).unwrap();
    }
}
