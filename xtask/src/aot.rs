//! `cargo xtask aot --fluent-bit SOURCE [--arch ARCH]`: compiles the WASM filter ahead of time, for one version of Fluent
//! Bit and one processor.
//!
//! The compiler is `wamrc` of the WAMR that this Fluent Bit bundles, because a file fits one version of WAMR only. It is
//! built once, in `target/wamrc`. The processor is named, so that the file does not depend on the machine that made it.

use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Outcome, WASM, quietly, root};

/// `llvm-config` of versions that WAMR 1.3 and 2.4 compile with, the tried one first.
const LLVM: [&str; 3] = ["llvm-config-15", "llvm-config-14", "llvm-config-16"];
const ARCHITECTURES: [&str; 2] = ["x86_64", "aarch64"];

pub(crate) fn run(arguments: &[OsString]) -> Outcome {
    let options = Options::read(arguments)?;
    for file in compile(&options.source, &options.architectures)? {
        println!("{}", file.display());
    }
    Ok(())
}

/// Compiles the module that `cargo wasm` built; gives the files, one a processor.
pub(crate) fn compile(source: &Path, architectures: &[&str]) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let version = version(&fs::read_to_string(source.join("CMakeLists.txt"))?)?;
    let compiler = compiler(source)?;
    let module = root().join("target").join(WASM).join("release/anomaly_filter.wasm");
    if !module.is_file() {
        return Err(format!("{}: there is no module; run `cargo wasm` first", module.display()).into());
    }
    let folder = root().join("target/aot");
    fs::create_dir_all(&folder)?;
    let mut files = Vec::new();
    for arch in architectures {
        let file = folder.join(format!("anomaly_filter-{version}-{arch}.aot"));
        let mut command = Command::new(&compiler);
        command.arg(format!("--target={arch}")).arg("--target-abi=gnu").arg("-o").arg(&file).arg(&module);
        quietly(&mut command)?;
        files.push(file);
    }
    Ok(files)
}

struct Options {
    source: PathBuf,
    architectures: Vec<&'static str>,
}

impl Options {
    fn read(arguments: &[OsString]) -> Result<Self, Box<dyn Error>> {
        let (mut source, mut architectures) = (None, Vec::new());
        let mut rest = arguments.iter();
        while let Some(option) = rest.next() {
            let value = rest.next();
            match (option.to_str(), value) {
                (Some("--fluent-bit"), Some(folder)) => source = Some(PathBuf::from(folder)),
                (Some("--arch"), Some(arch)) => {
                    let known = ARCHITECTURES.into_iter().find(|known| arch == *known);
                    architectures.push(known.ok_or_else(|| {
                        format!("--arch {}: allowed is {}", arch.display(), ARCHITECTURES.join(" or "))
                    })?);
                }
                _ => return Err(format!("{}: not known, or without a value", option.display()).into()),
            }
        }
        let source = source.ok_or("--fluent-bit SOURCE: name the folder with the source of Fluent Bit")?;
        if architectures.is_empty() {
            architectures = ARCHITECTURES.to_vec();
        }
        Ok(Self { source: source.canonicalize()?, architectures })
    }
}

/// The version of Fluent Bit, from its `CMakeLists.txt`.
fn version(cmake: &str) -> Result<String, Box<dyn Error>> {
    let part = |name: &str| -> Result<&str, Box<dyn Error>> {
        let set = format!("set(FLB_VERSION_{name} ");
        let line = cmake.lines().find_map(|line| line.trim().strip_prefix(&set)?.strip_suffix(')'));
        Ok(line
            .ok_or_else(|| format!("CMakeLists.txt: no {set}..): this is no source of Fluent Bit"))?
            .trim())
    };
    Ok([part("MAJOR")?, part("MINOR")?, part("PATCH")?].join("."))
}

/// `wamrc` for the WAMR in a source of Fluent Bit; built where it is not there yet.
fn compiler(source: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let bundled = fs::read_dir(source.join("lib"))?.filter_map(Result::ok).map(|entry| entry.path());
    let wamr = bundled
        .filter(|path| path.join("wamr-compiler/CMakeLists.txt").is_file())
        .max()
        .ok_or_else(|| format!("{}: no lib/wasm-micro-runtime-*", source.display()))?;
    let build = root().join("target/wamrc").join(wamr.file_name().unwrap_or_default());
    let compiler = build.join("wamrc");
    if !compiler.is_file() {
        let llvm = LLVM.iter().find_map(|name| Command::new(name).arg("--cmakedir").output().ok()).ok_or(
            "no LLVM to build wamrc with: apt-get install cmake g++ llvm-15-dev (llvm-config-15 must be in PATH)",
        )?;
        let llvm = String::from_utf8(llvm.stdout)?;
        fs::create_dir_all(&build)?;
        let mut configure = Command::new("cmake");
        configure.arg("-S").arg(wamr.join("wamr-compiler")).arg("-B").arg(&build);
        configure.args(["-DCMAKE_BUILD_TYPE=Release", "-DWAMR_BUILD_WITH_CUSTOM_LLVM=1"]);
        configure.arg(format!("-DLLVM_DIR={}", llvm.trim()));
        quietly(&mut configure)?;
        quietly(Command::new("cmake").arg("--build").arg(&build).args(["--parallel", "2"]))?;
    }
    Ok(compiler)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_stands_in_the_cmake_file() {
        let text = "set(FLB_VERSION_MAJOR  5)\n  set(FLB_VERSION_MINOR 1)\nset(FLB_VERSION_PATCH  12)\n";
        assert_eq!(version(text).unwrap(), "5.1.12");
        assert!(version("project(other)").unwrap_err().to_string().contains("no source of Fluent Bit"));
    }

    #[test]
    fn options_are_checked() {
        let read = |arguments: &[&str]| {
            let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
            Options::read(&arguments).map(|options| options.architectures).map_err(|error| error.to_string())
        };
        assert_eq!(read(&["--fluent-bit", "."]), Ok(vec!["x86_64", "aarch64"]));
        assert_eq!(read(&["--fluent-bit", ".", "--arch", "aarch64"]), Ok(vec!["aarch64"]));
        for (wrong, expected) in [
            (&["--fluent-bit", ".", "--arch", "mips"][..], "--arch mips: allowed is x86_64 or aarch64"),
            (&["--arch", "x86_64"], "--fluent-bit SOURCE"),
            (&["--fluent-bit"], "--fluent-bit: not known, or without a value"),
        ] {
            assert!(read(wrong).unwrap_err().contains(expected), "{wrong:?}");
        }
    }
}
