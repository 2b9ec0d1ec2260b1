//! `cargo xtask figures [NAME..]`: runs the benches and writes what they print into `docs/figures.md`, the one place for
//! figures. Each block of that page stands behind the command that printed it, and is replaced as a whole.
//!
//! A bench that needs a real host is left out where the environment does not name it, and its block stays.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::process::Command;

use crate::{Outcome, output, root};

/// A block of the page and the command that prints it.
struct Figure {
    name: &'static str,
    /// As it stands in the page, ahead of the block.
    command: &'static str,
    /// What must be in the environment, and what for.
    needs: &'static [&'static str],
}

const FIGURES: [Figure; 14] = [
    Figure { name: "interpreter", command: "cargo bench --quiet --bench interpreter", needs: &[] },
    Figure { name: "scale", command: "cargo bench --quiet --bench scale", needs: &[] },
    Figure { name: "detector", command: "cargo bench --quiet --bench detector", needs: &[] },
    Figure { name: "groups", command: "cargo bench --quiet --bench fleet -- cost", needs: &[] },
    Figure { name: "band", command: "cargo bench --quiet --bench band", needs: &[] },
    Figure {
        name: "memory",
        command: "cargo run --release --quiet -- check -c fluent-config/fluent-anomaly.ini",
        needs: &[],
    },
    Figure {
        name: "labelled",
        command: "cargo bench --quiet --bench quality -- labelled",
        needs: &["LABELLED_SERIES"],
    },
    Figure {
        name: "numenta",
        command: "cargo bench --quiet --bench quality -- numenta",
        needs: &["NUMENTA_BENCHMARK"],
    },
    Figure { name: "allocators", command: "wasm/filter/allocators.sh 1000000", needs: &[] },
    Figure { name: "filter", command: "benches/fluent-bit.sh", needs: &["FLUENT_BIT"] },
    Figure { name: "logs", command: "benches/fluent-bit-logs.sh", needs: &["FLUENT_BIT"] },
    Figure {
        name: "dd",
        command: "cargo build --release --quiet -p output-dd && output-dd/bench/cpu.sh \"$FLUENT_BIT\"",
        needs: &["FLUENT_BIT"],
    },
    Figure {
        name: "serve",
        command: "cargo build --release --quiet && benches/serve.py",
        needs: &["FLUENT_BIT", "FLUENTD"],
    },
    Figure {
        name: "page",
        command: "npm ci --silent --prefix tests/browser && cargo build --release --quiet && node tests/browser/figures.mjs",
        needs: &["CHROMIUM"],
    },
];

const PAGE: &str = "docs/figures.md";

pub(crate) fn run(arguments: &[OsString]) -> Outcome {
    let names: Vec<String> = arguments.iter().map(|name| name.to_string_lossy().into_owned()).collect();
    if let Some(unknown) = names.iter().find(|name| FIGURES.iter().all(|figure| figure.name != **name)) {
        let known: Vec<&str> = FIGURES.iter().map(|figure| figure.name).collect();
        return Err(format!("{unknown:?} is no figure; there are {}", known.join(", ")).into());
    }
    let wanted = |figure: &&Figure| names.is_empty() || names.iter().any(|name| name == figure.name);
    let path = root().join(PAGE);
    for figure in FIGURES.iter().filter(wanted) {
        if let Some(missing) = figure.needs.iter().find(|name| env::var_os(name).is_none()) {
            println!("{:12} left as it is: {missing} is not set", figure.name);
            continue;
        }
        let printed = output(Command::new("sh").current_dir(root()).args(["-c", figure.command]))?;
        // read anew: a bench takes minutes, and somebody may write on
        let page = replaced(&fs::read_to_string(&path)?, figure, &printed)?;
        fs::write(&path, page)?;
        println!("{:12} written to {PAGE}", figure.name);
    }
    Ok(())
}

/// The page with what a command printed in its block.
fn replaced(page: &str, figure: &Figure, printed: &str) -> Result<String, String> {
    const FENCE: &str = "```";
    let lost =
        || format!("{PAGE} has no block for {}: a line `{}`, then ```text", figure.name, figure.command);
    let (head, rest) = page.split_once(&format!("`{}`\n", figure.command)).ok_or_else(lost)?;
    let (between, rest) = rest.split_once(&format!("{FENCE}text\n")).ok_or_else(lost)?;
    let (_, tail) = rest.split_once(&format!("{FENCE}\n")).ok_or_else(lost)?;
    if !between.trim().is_empty() {
        return Err(lost());
    }
    let lines: Vec<&str> = printed.lines().map(str::trim_end).collect();
    let printed = lines.join("\n");
    Ok(format!(
        "{head}`{}`\n{between}{FENCE}text\n{}\n{FENCE}\n{tail}",
        figure.command,
        printed.trim_matches('\n')
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_a_block_for_each_figure() {
        let mut page = fs::read_to_string(root().join(PAGE)).unwrap();
        for figure in &FIGURES {
            page = replaced(&page, figure, &format!("a line of {}", figure.name)).unwrap();
        }
        for figure in &FIGURES {
            assert!(page.contains(&format!("```text\na line of {}\n```\n", figure.name)), "{page}");
        }
    }

    #[test]
    fn a_block_is_replaced_and_all_else_stays() {
        let figure = Figure { name: "a", command: "run a", needs: &[] };
        let page = "# F\n\n`run b`\n\n```text\nb\n```\n\n`run a`\n\n```text\nold\nlines\n```\n\nend\n";
        let new = page.replace("old\nlines", "new");
        assert_eq!(replaced(page, &figure, "\nnew  \n").unwrap(), new);
        for page in ["", "`run a`\n", "`run a`\n\ntext\n\n```text\n```\n"] {
            assert!(replaced(page, &figure, "new").unwrap_err().contains("no block for a"), "{page}");
        }
    }
}
