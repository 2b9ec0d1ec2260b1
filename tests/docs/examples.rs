//! Each example prints what its head says.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::sources::{files, root};

#[test]
fn each_example_prints_what_stands_in_its_head() {
    let root = root();
    let mut names: Vec<String> = fs::read_dir(root.join("examples"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["band", "own_host", "score_records", "score_values"]);
    for name in names {
        let source = fs::read_to_string(root.join(format!("examples/{name}.rs"))).unwrap();
        assert!(source.contains(&format!("cargo run --example {name}\n")), "{name} says how it is run");
        assert_eq!(printed(root, &name), promised(&source), "examples/{name}.rs");
    }
}

fn printed(root: &Path, name: &str) -> String {
    let output = built(name)
        .map_or_else(
            || {
                let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
                cargo.args(["run", "--quiet", "--example", name]);
                cargo
            },
            Command::new,
        )
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "examples/{name}.rs fails");
    String::from_utf8(output.stdout).unwrap()
}

/// The example as `cargo test` has just built it; `None` where only this program was asked for.
fn built(name: &str) -> Option<PathBuf> {
    let program = std::env::current_exe().unwrap().parent()?.parent()?.join("examples").join(name);
    let changed = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let sources = ["src", "examples"].iter().flat_map(|folder| files(folder, "rs"));
    let newest = sources.filter_map(|file| changed(&root().join(file))).max();
    (changed(&program) > newest).then_some(program)
}

/// The block of plain text in the head of an example.
fn promised(source: &str) -> String {
    let head = source.lines().map_while(|line| line.strip_prefix("//!"));
    let lines: Vec<&str> = head
        .skip_while(|line| *line != " ```text")
        .skip(1)
        .take_while(|line| *line != " ```")
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect();
    lines.iter().map(|line| format!("{line}\n")).collect()
}
