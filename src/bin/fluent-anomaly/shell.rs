//! `completions` and `man`: made from the commands themselves.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Command, ValueEnum};

use crate::failure::Failure;

/// Print completions for a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    fluent-anomaly completions bash > /usr/share/bash-completion/completions/fluent-anomaly\n  \
    fluent-anomaly completions zsh > /usr/share/zsh/vendor-completions/_fluent-anomaly\n  \
    fluent-anomaly completions fish > ~/.config/fish/completions/fluent-anomaly.fish")]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

pub(crate) fn completions(args: &CompletionsArgs, mut command: Command) -> Result<(), Failure> {
    let shell = match args.shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "fluent-anomaly", &mut script);
    io::Write::write_all(&mut io::stdout(), &script).map_err(|error| Failure::output(&error))
}

/// Write the manual pages, one a command.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    fluent-anomaly man --output man && man man/fluent-anomaly.1\n  \
    sudo fluent-anomaly man --output /usr/local/share/man/man1")]
pub(crate) struct ManArgs {
    /// Folder for them
    #[arg(short, long, value_name = "FOLDER", default_value = "man")]
    output: PathBuf,
}

pub(crate) fn man(args: &ManArgs, mut command: Command) -> Result<(), Failure> {
    fs::create_dir_all(&args.output).map_err(|error| Failure::of(args.output.display(), error))?;
    command.build();
    page(&command, "fluent-anomaly", &args.output)
}

/// The page of a command and those of its own commands.
fn page(command: &Command, name: &str, folder: &Path) -> Result<(), Failure> {
    let path = folder.join(format!("{name}.1"));
    let mut text = Vec::new();
    let titled = command.clone().name(name.to_owned()).bin_name(name.replace('-', " ").replacen(
        "fluent anomaly",
        "fluent-anomaly",
        1,
    ));
    clap_mangen::Man::new(titled).render(&mut text).map_err(|error| Failure::of(path.display(), error))?;
    fs::write(&path, text).map_err(|error| Failure::of(path.display(), error))?;
    for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help" && !inner.is_hide_set())
    {
        page(inner, &format!("{name}-{}", inner.get_name()), folder)?;
    }
    Ok(())
}
