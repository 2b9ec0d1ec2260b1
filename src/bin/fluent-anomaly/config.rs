//! `config keys`: every key of a configuration file.

use std::fmt::Write;

use clap::{Subcommand, ValueEnum};
use fluent_anomaly::configuration::{Key, keys};
use serde_json::json;

use crate::failure::Failure;

/// Tell about the configuration file.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Keys(KeysArgs),
}

/// List every key: section, type, default, what is allowed, and what it does.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    fluent-anomaly config keys\n  \
    fluent-anomaly config keys --section series --format json")]
struct KeysArgs {
    /// Only those of this section: general, filter, slack, datadog, series, monitor, ...
    #[arg(long, value_name = "SECTION")]
    section: Option<String>,
    /// How the list is written
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people
    Text,
    /// For programs: one JSON array
    Json,
    /// Tables, for a page about the configuration
    Markdown,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let Command::Keys(args) = &args.command;
    let keys: Vec<&Key> = match &args.section {
        None => keys().collect(),
        Some(section) => {
            let wanted = section.trim_matches(['[', ']']).split('.').next().unwrap_or_default();
            let found: Vec<&Key> =
                keys().filter(|key| sections(key).any(|name| plain(name) == wanted)).collect();
            if found.is_empty() {
                let mut names: Vec<&str> = keys().flat_map(sections).map(plain).collect();
                names.sort_unstable();
                names.dedup();
                return Err(Failure::Usage(format!(
                    "--section: there is no [{section}]; there are {}",
                    names.join(", ")
                )));
            }
            found
        }
    };
    crate::monitor::print(&match args.format {
        Form::Text => text(&keys),
        Form::Json => as_json(&keys),
        Form::Markdown => markdown(&keys),
    })
}

fn sections(key: &Key) -> impl Iterator<Item = &'static str> {
    key.section.split(", ")
}

fn plain(section: &str) -> &str {
    section.split('.').next().unwrap_or(section)
}

/// The keys, section by section in the order of the table.
fn by_section<'a>(keys: &[&'a Key]) -> Vec<(&'static str, Vec<&'a Key>)> {
    let mut found: Vec<(&'static str, Vec<&Key>)> = Vec::new();
    for key in keys {
        match found.last_mut() {
            Some((section, keys)) if *section == key.section => keys.push(key),
            _ => found.push((key.section, vec![key])),
        }
    }
    found
}

fn heads(section: &str) -> String {
    section.split(", ").map(|name| format!("[{name}]")).collect::<Vec<_>>().join(" and ")
}

fn text(keys: &[&Key]) -> String {
    let mut text = String::new();
    for (section, keys) in by_section(keys) {
        let _ = writeln!(text, "{}{}", if text.is_empty() { "" } else { "\n" }, heads(section));
        for key in keys {
            let _ = writeln!(
                text,
                "  {}\n      {}\n      {}, default {}; allowed: {}",
                key.key,
                key.meaning,
                key.kind.word(),
                key.default,
                key.allowed
            );
        }
    }
    text
}

fn as_json(keys: &[&Key]) -> String {
    let keys: Vec<_> = keys
        .iter()
        .map(|key| {
            json!({
                "sections": sections(key).collect::<Vec<_>>(),
                "key": key.key,
                "type": key.kind.word(),
                "default": key.default_value(),
                "default_text": key.default,
                "allowed": key.allowed,
                "meaning": key.meaning,
                "example": key.example,
            })
        })
        .collect();
    format!("{:#}\n", json!(keys))
}

fn markdown(keys: &[&Key]) -> String {
    let mut text = String::new();
    for (section, keys) in by_section(keys) {
        let heads = section.split(", ").map(|name| format!("`[{name}]`")).collect::<Vec<_>>().join(" and ");
        let _ = writeln!(text, "{}## {heads}\n", if text.is_empty() { "" } else { "\n" });
        text += "| key | type | default | allowed | meaning |\n|---|---|---|---|---|\n";
        for key in keys {
            let default = key.default_value().map_or(key.default.to_owned(), |value| format!("`{value}`"));
            let cell = |text: &str| text.replace('|', "\\|").replace('<', "&lt;");
            let _ = writeln!(
                text,
                "| `{}` | {} | {} | {} | {} |",
                key.key,
                key.kind.word(),
                cell(&default),
                in_code(key.allowed),
                in_code(key.meaning)
            );
        }
    }
    text
}

/// `<` outside of code would be taken for HTML.
fn in_code(text: &str) -> String {
    let parts = text.split('`').enumerate();
    let parts: Vec<String> = parts
        .map(|(at, part)| if at % 2 == 0 { part.replace('<', "&lt;") } else { part.to_owned() })
        .collect();
    parts.join("`").replace('|', "\\|")
}
