//! The command line: what is wrong with it names the option, the value, and what is allowed.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::Write;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, CommandFactory, Parser};
use fluent_anomaly::configuration::nearest;

use crate::Cli;

/// Reads the command line of this process; ends it where there is nothing to run.
pub(crate) fn parse() -> Cli {
    let words: Vec<OsString> = std::env::args_os().collect();
    read(&words).unwrap_or_else(|error| {
        if error.use_stderr() {
            log(&words, &error);
        }
        error.exit()
    })
}

/// The same of these words, the first of which is the program.
pub(crate) fn read(words: &[OsString]) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(words).map_err(|mut error| {
        let root = Cli::command();
        let command = command_of(&root, words);
        let (given, suggested, there) = match error.kind() {
            ErrorKind::UnknownArgument => {
                (ContextKind::InvalidArg, ContextKind::SuggestedArg, options(command))
            }
            ErrorKind::InvalidSubcommand => {
                let there = command.get_subcommands().map(|command| command.get_name().to_owned());
                (ContextKind::InvalidSubcommand, ContextKind::SuggestedSubcommand, there.collect())
            }
            _ => return error,
        };
        let (given, suggested) = (texts(&error, given), texts(&error, suggested));
        let is_near = |name: &str| given.first().is_some_and(|given| nearest(given, [name]).is_some());
        let near: Vec<&str> = there.iter().map(String::as_str).filter(|name| is_near(name)).collect();
        // more than one may be a slip away, and what is suggested may be far
        let tip = match &near[..] {
            [] => format!("allowed here: {}", there.join(", ")),
            near if near.iter().all(|name| suggested.contains(name)) => return error,
            near => format!("similar ones: {}", near.join(", ")),
        };
        let tip = StyledStr::from(tip);
        let told = match error.get(ContextKind::Suggested) {
            Some(ContextValue::StyledStrs(told)) => told.clone(),
            _ => Vec::new(),
        };
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs([told, vec![tip]].concat()));
        error
    })
}

/// The texts that an error has of a kind.
fn texts(error: &clap::Error, kind: ContextKind) -> Vec<&str> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text],
        Some(ContextValue::Strings(texts)) => texts.iter().map(String::as_str).collect(),
        _ => Vec::new(),
    }
}

/// A parser of whole numbers.
pub(crate) fn whole<T: TryFrom<u64> + Clone>(
    least: u64,
    most: u64,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static {
    move |text| {
        let number = text.trim().parse().ok().filter(|number| (least..=most).contains(number));
        let wrong = || format!("a whole number is wanted, {least} to {most}");
        number.and_then(|number| T::try_from(number).ok()).ok_or_else(wrong)
    }
}

/// The command that the words name.
fn command_of<'a>(root: &'a Command, words: &[OsString]) -> &'a Command {
    let mut command = root;
    for word in words.iter().skip(1) {
        match command.find_subcommand(word) {
            Some(found) => command = found,
            None => break,
        }
    }
    command
}

/// The options of a command.
fn options(command: &Command) -> Vec<String> {
    let shown = command.get_arguments().filter(|option| !option.is_hide_set());
    shown.filter_map(|option| option.get_long()).map(|name| format!("--{name}")).collect()
}

/// Into the file of `--log` as well: Fluentd shows no standard error of what it runs.
fn log(words: &[OsString], error: &clap::Error) {
    let mut words = words.iter().filter_map(|word| word.to_str());
    let Some(word) = words.find(|word| *word == "--log" || word.starts_with("--log=")) else { return };
    let Some(path) = word.strip_prefix("--log=").or_else(|| words.next()) else { return };
    if let Ok(mut file) = OpenOptions::new().create(true).append(true).open(path) {
        // standard error has it as well
        let _ = write!(file, "{}", error.render());
    }
}

#[cfg(test)]
#[path = "usage_tests.rs"]
mod tests;
