//! `init`: from a sample of records to a configuration, and to the alarms that it would have raised.

mod columns;
mod ini;
mod keys;
mod log_series;
mod module;
mod propose;
mod replay;
mod sample;
mod snippets;
mod values;

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::history;
use fluent_anomaly::sources::series_file::Table;
use propose::Proposal;

/// Read a sample of records, and write a configuration for them.
///
/// The sample is JSON lines, CSV, logfmt, plain text, msgpack or a dump of the forward protocol, as it is or packed with
/// gzip or zstd. Time, value and key fields are found; each choice is told with its reason. Lines of a log are counted, those
/// that tell of errors, too. Then the sample is replayed: what would have alarmed, and when.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    fluent-anomaly init app.log\n  \
    fluent-bit -i cpu -o stdout -p format=json_lines -q | head -300 | fluent-anomaly init --input - --tag cpu.local\n\n\
    Writes fluent-anomaly.ini, fluent-bit.yaml and fluentd.conf into the folder of --output.")]
pub(crate) struct Args {
    /// The sample; `-`: standard input
    #[arg(value_name = "FILE", required_unless_present = "input", conflicts_with = "input")]
    file: Option<PathBuf>,
    /// The same
    #[arg(short, long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Tag under which Fluent Bit or Fluentd gives the records to the filter [default: that of the sample, or app]
    #[arg(long)]
    tag: Option<String>,
    /// Folder for the files
    #[arg(short, long, value_name = "FOLDER", default_value = ".")]
    output: PathBuf,
    /// Replace files that are there
    #[arg(long)]
    force: bool,
}

/// Names of the files.
const FILES: [&str; 3] = ["fluent-anomaly.ini", "fluent-bit.yaml", "fluentd.conf"];

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    if let Some(tag) = args.tag.as_deref().filter(|tag| tag.is_empty() || tag.contains(char::is_whitespace)) {
        return Err(Failure::Usage(format!(
            "--tag: {tag:?} is not allowed: one tag without blanks, such as app.web"
        )));
    }
    let input = args.file.as_deref().or(args.input.as_deref()).unwrap_or(Path::new("-"));
    let shown = history::shown(input);
    if !args.force
        && let Some(there) = FILES.iter().map(|file| args.output.join(file)).find(|path| path.exists())
    {
        return Err(Failure::Usage(format!(
            "{} is there already: choose another folder with --output, or replace it with --force",
            there.display()
        )));
    }
    let usage = |why: String| Failure::Usage(format!("{shown}: {why}"));
    let sample = sample::read(&history::bytes(input)?).map_err(usage)?;
    let table = &sample.table;
    if table.rows.len() < 2 {
        return Err(usage(
            "there is one record: two or more are needed, and some hundred tell what is usual".to_owned(),
        ));
    }
    let proposal = Proposal::of(table, &sample.units, args.tag.as_deref())
        .map_err(|why| usage(sample.with_advice(why)))?;

    let mut text = format!("{} records, read as {}\n\n", table.rows.len(), table.form);
    for line in &proposal.told {
        text += &format!("  {line}\n");
    }
    if let Some((field, form)) = &sample.inner {
        let of = if table.prefix.is_some() { "what follows the prefix" } else { &format!("${field}") };
        text +=
            &format!("  inner   {of} is {}, which the configurations of the hosts take apart", form.name());
        // commands read prefixes, and records within fields of records not
        text += if table.prefix.is_some() { "\n" } else { "; `filter` and `report` do not\n" };
    }
    let hosts_file = snippets::path(input, table);
    if let Some(command) = preparation(table, input, &hosts_file) {
        text += &format!(
            "  file    hosts read one record a line, in UTF-8, numbers with a point: make such a file with\n            {command}\n"
        );
    }
    if table.continuations > 0 {
        text += &format!(
            "  lines   {} lines have no time at their head: each continues the one before\n",
            table.continuations
        );
    }
    if let Some(note) = table.odd_lines_note() {
        text += &format!("  lines   {note}\n");
    }
    let module = module::find();
    let file = Path::new(&module.path).file_name().unwrap_or_default().to_string_lossy();
    text += &format!("  module  {file}: {}\n", module.reason);
    let ini = proposal.ini(&shown);
    let replayed = replay::run(&ini, table, &proposal)?;
    text += &replayed.text();

    let written = [
        ini,
        snippets::fluent_bit(&proposal, &sample, &hosts_file, &module.path),
        snippets::fluentd(&proposal, &sample, &hosts_file),
    ];
    fs::create_dir_all(&args.output).map_err(|error| Failure::of(args.output.display(), error))?;
    text += "\nWritten\n";
    for (file, content) in FILES.iter().zip(written) {
        let path = args.output.join(file);
        fs::write(&path, content).map_err(|error| Failure::of(path.display(), error))?;
        text += &format!("  {}\n", path.display());
    }
    text += &format!(
        "Next\n  fluent-anomaly check -c {0}\n  fluent-bit -c {1}      (or fluentd -c {2})\n",
        args.output.join(FILES[0]).display(),
        args.output.join(FILES[1]).display(),
        args.output.join(FILES[2]).display(),
    );
    crate::monitor::print(&text)
}

/// A word of a shell, whatever it holds.
fn in_quotes(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The command that makes a file for hosts of the sample, where they cannot read the sample itself.
fn preparation(table: &Table, input: &Path, output: &str) -> Option<String> {
    let mut steps = table.preparation.clone();
    let first = steps.first_mut()?;
    let from = if input == Path::new("-") { "SAMPLE".to_owned() } else { input.display().to_string() };
    first.push_str(&format!(" < {}", in_quotes(&from)));
    Some(format!("{} > {}", steps.join(" | "), in_quotes(output)))
}
