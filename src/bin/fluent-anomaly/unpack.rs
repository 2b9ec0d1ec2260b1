//! `unpack`: what is installed beside this program, copied for another one.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// Copy the filter and the `dd` output that are installed with this program into a folder.
///
/// For init containers: the image has no shell, and a volume between two containers takes the module where a ConfigMap
/// cannot. Files come from `lib/fluent-anomaly` beside the folder of this program.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  fluent-anomaly unpack --output /module")]
pub(crate) struct Args {
    /// Folder for them
    #[arg(short, long, value_name = "FOLDER")]
    output: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let program = std::env::current_exe().map_err(|error| Failure::of("this program", error))?;
    let folder = installed(&program);
    let entries = fs::read_dir(&folder).map_err(|error| Failure::of(folder.display(), error))?;
    fs::create_dir_all(&args.output).map_err(|error| Failure::of(args.output.display(), error))?;
    for entry in entries {
        let from = entry.map_err(|error| Failure::of(folder.display(), error))?.path();
        let to = args.output.join(from.file_name().unwrap_or_default());
        // a reader never sees half a file
        let new = to.with_extension("new");
        fs::copy(&from, &new)
            .and_then(|_| fs::rename(&new, &to))
            .map_err(|error| Failure::of(to.display(), error))?;
        println!("{}", to.display());
    }
    Ok(())
}

/// `/usr/bin/fluent-anomaly` -> `/usr/lib/fluent-anomaly`.
fn installed(program: &Path) -> PathBuf {
    let prefix = program.parent().and_then(Path::parent).unwrap_or(Path::new("/"));
    prefix.join("lib/fluent-anomaly")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_looked_for_beside_the_folder_of_the_program() {
        assert_eq!(installed(Path::new("/usr/bin/fluent-anomaly")), Path::new("/usr/lib/fluent-anomaly"));
        assert_eq!(installed(Path::new("fluent-anomaly")), Path::new("/lib/fluent-anomaly"));
    }
}
