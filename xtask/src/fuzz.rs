//! `cargo xtask fuzz [TARGET..] [--inputs N] [--seed N] [--keep]`: runs the targets of `fuzz/` under libFuzzer, with the compiler
//! that everything else is built with: LLVM's coverage pass needs no nightly, only sanitizers do, and these find
//! nothing in code without `unsafe`.
//!
//! Inputs that reach something new are collected in `target/fuzz/corpus`. `--keep` reduces them to the fewest that
//! reach as much and writes them to `fuzz/corpus/TARGET.txt`, an input a line, escaped as in a Rust byte string.

use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Outcome, cargo, root};

/// Inputs of a run for which none are asked: seconds for most targets.
const INPUTS: u64 = 20_000;
/// Bytes of an input at most.
const LONGEST: usize = 1024;
/// An input that is kept in the repository is no longer.
const LONGEST_KEPT: usize = 400;
/// Kept in the repository of each target at most.
const KEPT: usize = 400;

/// Edges, and what numbers and bytes are compared with.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=16 --cfg fuzzing";

struct Options {
    targets: Vec<String>,
    inputs: u64,
    /// The same number makes the same inputs; a new one each time where none is given.
    seed: Option<u32>,
    keep: bool,
}

pub(crate) fn run(arguments: &[OsString]) -> Outcome {
    let options = read(arguments)?;
    let program = build()?;
    let mut total = 0;
    for target in &options.targets {
        let run = Run { program: &program, target };
        run.unpack()?;
        let executed = run.explore(options.inputs, options.seed)?;
        total += executed;
        println!("{target:16} {executed:10} inputs");
        if options.keep {
            println!("{:16} {:10} kept", "", run.keep()?);
        }
    }
    println!("{:16} {total:10} inputs, no failure", "all");
    Ok(())
}

fn read(arguments: &[OsString]) -> Result<Options, Box<dyn Error>> {
    let known = targets()?;
    let mut options = Options { targets: Vec::new(), inputs: INPUTS, seed: None, keep: false };
    let mut arguments = arguments.iter().map(|argument| argument.to_string_lossy());
    while let Some(argument) = arguments.next() {
        match &*argument {
            "--inputs" => {
                let given = arguments.next().unwrap_or_default();
                options.inputs = given
                    .parse()
                    .map_err(|_| format!("--inputs: {given:?} is not allowed: a whole number"))?;
            }
            "--seed" => {
                let given = arguments.next().unwrap_or_default();
                let seed: Result<u32, _> = given.parse();
                options.seed =
                    Some(seed.map_err(|_| format!("--seed: {given:?} is not allowed: a whole number"))?);
            }
            "--keep" => options.keep = true,
            name if known.iter().any(|known| known == name) => options.targets.push(name.to_owned()),
            name => return Err(format!("{name:?} is no target; there are {}", known.join(", ")).into()),
        }
    }
    if options.targets.is_empty() {
        options.targets = known;
    }
    Ok(options)
}

/// The files of `fuzz/src/targets`, by name.
fn targets() -> Result<Vec<String>, Box<dyn Error>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root().join("fuzz/src/targets"))? {
        let path = entry?.path();
        if let Some(name) = path.file_stem().and_then(|name| name.to_str()).filter(|name| *name != "mod") {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn build() -> Result<PathBuf, Box<dyn Error>> {
    let target = root().join("target/fuzz");
    // a target that is named keeps build scripts and macros free of the flags
    let host = host()?;
    let status = cargo()
        .args(["build", "--release", "--quiet", "--manifest-path", "fuzz/Cargo.toml", "--target", &host])
        .arg("--target-dir")
        .arg(&target)
        .env("RUSTFLAGS", COVERAGE)
        .status()?;
    if !status.success() {
        return Err("the targets were not built; libFuzzer needs a C++ compiler".into());
    }
    Ok(target.join(host).join("release/fuzz"))
}

fn host() -> Result<String, Box<dyn Error>> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).current_dir(root()).arg("-vV").output()?;
    let text = String::from_utf8(output.stdout)?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.ok_or("rustc does not name its host")?.to_owned())
}

struct Run<'a> {
    program: &'a Path,
    target: &'a str,
}

impl Run<'_> {
    fn folder(&self, kind: &str) -> PathBuf {
        root().join("target/fuzz").join(kind).join(self.target)
    }

    fn kept(&self) -> PathBuf {
        root().join("fuzz/corpus").join(self.target).with_extension("txt")
    }

    /// Adds the inputs of the repository to those that were found here.
    fn unpack(&self) -> Outcome {
        let folder = self.folder("corpus");
        fs::create_dir_all(&folder)?;
        let Ok(text) = fs::read_to_string(self.kept()) else { return Ok(()) };
        for (number, line) in text.lines().enumerate() {
            fs::write(folder.join(format!("kept-{number}")), unescape(line))?;
        }
        Ok(())
    }

    fn libfuzzer(&self) -> Command {
        let mut command = Command::new(self.program);
        let failures = root().join("target/fuzz").join(format!("failure-{}-", self.target));
        command
            .env("FUZZ_TARGET", self.target)
            .arg(format!("-artifact_prefix={}", failures.display()))
            .arg(format!("-max_len={LONGEST}"))
            .args(["-timeout=20", "-rss_limit_mb=2048", "-verbosity=0", "-print_final_stats=1"]);
        command
    }

    /// Runs so many inputs; how many they were.
    fn explore(&self, inputs: u64, seed: Option<u32>) -> Result<u64, Box<dyn Error>> {
        let mut fuzzer = self.libfuzzer();
        fuzzer.arg(format!("-runs={inputs}")).args(seed.map(|seed| format!("-seed={seed}")));
        let output = fuzzer.arg(self.folder("corpus")).output()?;
        let log = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            let place = self.target;
            return Err(
                format!("{place}: a law does not hold, the input stands in target/fuzz\n{log}").into()
            );
        }
        let executed = log.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
        Ok(executed.and_then(|count| count.trim().parse().ok()).unwrap_or(0))
    }

    /// Reduces the corpus, here and in the repository; how many inputs the latter has.
    fn keep(&self) -> Result<usize, Box<dyn Error>> {
        let (all, few) = (self.folder("corpus"), self.folder("reduced"));
        let _ = fs::remove_dir_all(&few);
        fs::create_dir_all(&few)?;
        if !self.libfuzzer().arg("-merge=1").args([&few, &all]).output()?.status.success() {
            return Err(format!("{}: the corpus was not reduced", self.target).into());
        }
        let mut inputs = Vec::new();
        for entry in fs::read_dir(&few)? {
            inputs.push(fs::read(entry?.path())?);
        }
        inputs.retain(|input| input.len() <= LONGEST_KEPT);
        inputs.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
        // of all lengths alike: the shortest ones reach little
        let step = inputs.len().div_ceil(KEPT).max(1);
        let inputs: Vec<_> = inputs.into_iter().step_by(step).collect();
        let text: String = inputs.iter().map(|input| format!("{}\n", input.escape_ascii())).collect();
        fs::create_dir_all(root().join("fuzz/corpus"))?;
        fs::write(self.kept(), text)?;
        fs::remove_dir_all(&all)?;
        fs::rename(&few, &all)?;
        Ok(inputs.len())
    }
}

/// The bytes of a line of `escape_ascii`.
fn unescape(line: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = line.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte != b'\\' {
            byte
        } else {
            match rest.next() {
                Some(b'n') => b'\n',
                Some(b't') => b'\t',
                Some(b'r') => b'\r',
                Some(b'x') => {
                    let mut digit =
                        || rest.next().and_then(|digit| char::from(digit).to_digit(16)).unwrap_or(0);
                    (digit() << 4 | digit()) as u8
                }
                Some(other) => other,
                None => b'\\',
            }
        });
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::unescape;

    #[test]
    fn an_input_is_the_same_after_it_was_kept() {
        let every: Vec<u8> = (0..=255).chain(*b"\\x41 \"'\\\n").collect();
        assert_eq!(unescape(&every.escape_ascii().to_string()), every);
    }
}
