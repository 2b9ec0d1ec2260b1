//! `report`: a page on which a monitor is tried out before it is saved.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

use fluent_anomaly::sources::series_file::SeriesFile;
use fluent_anomaly::{
    Config,
    configuration::{MonitorSection, Section},
};
use fluent_anomaly_page::{self as bundle, NoPage, Report, Series};

use crate::failure::Failure;
use crate::files;
use crate::history::{self, History};
use crate::usage::whole;

mod followed;
mod serve;
pub(crate) mod settings;
mod windows;

/// More series than anyone searches through; the rest is left out, and the page says so.
const MOST_SERIES: usize = 5000;

/// Write a page that shows what a monitor makes of history, and lets you turn every parameter.
///
/// One HTML file with engine, script and data inside: it opens from disk and loads nothing. Without a configuration,
/// or when that has no monitor, the parameters begin with what the history suggests.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    fluent-anomaly report --input history.csv\n  \
    fluent-anomaly report -i records.jsonl --config fluent-anomaly.ini --monitor cpu -o cpu.html\n  \
    fluent-anomaly report -i access.jsonl -c logs.ini      # a section with `measure`: its windows\n  \
    fluent-anomaly report -i history.csv -c fluent-anomaly.ini --serve\n  \
    fluent-anomaly report -c fluent-anomaly.ini --serve --follow scored.jsonl      # what a running pipeline writes",
    mut_arg("file", |file| file.required_unless_present_any(["input", "follow"])))]
pub(crate) struct Args {
    #[command(flatten)]
    history: History,
    /// Configuration whose monitor and ChangeFinder parameters the page begins with
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Which monitor of it: `cpu` for the section [monitor.cpu] [default: the first]
    #[arg(short, long, value_name = "NAME", requires = "config")]
    monitor: Option<String>,
    /// Where the page goes
    #[arg(short, long, value_name = "FILE", default_value = "report.html")]
    output: PathBuf,
    /// Serve the page on 127.0.0.1 instead, and reload it when the configuration or the input changes
    #[arg(long, conflicts_with = "output")]
    serve: bool,
    /// Follow a file that a running pipeline writes, with --serve: as `tail -F`, it may be missing, be cut and be rotated
    #[arg(long, value_name = "FILE", requires = "serve", conflicts_with_all = ["input", "file"])]
    follow: Option<PathBuf>,
    /// Port for --serve [default: any that is free]
    #[arg(long, requires = "serve", default_value_t = 0, hide_default_value = true, value_parser = whole::<u16>(0, 65_535), allow_negative_numbers = true)]
    port: u16,
}

/// Why a build without a page cannot go on.
pub(crate) fn no_page(missing: NoPage) -> Failure {
    Failure::Failed(missing.to_string())
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    // told before anything is read: no input would help
    bundle::engine().map_err(no_page)?;
    if args.serve {
        if args.follow.is_none() && args.history.input() == Path::new("-") {
            return Err(Failure::Usage(
                "--serve reads the input again and again: a file is wanted, not `-`".to_owned(),
            ));
        }
        return serve::run(args);
    }
    let report = read(args, &Input::of_file(args.history.input())?)?;
    let html = report.html().map_err(no_page)?;
    fs::write(&args.output, &html).map_err(|error| Failure::of(args.output.display(), error))?;
    for note in &report.notes {
        tell!("{note}");
    }
    let points: usize = report.series.iter().map(|series| series.times.len()).sum();
    println!(
        "{}: {} series, {points} points, {:.2} MB; open it in a browser",
        args.output.display(),
        report.series.len(),
        html.len() as f64 / 1e6
    );
    Ok(())
}

/// What a page is made of.
struct Input<'a> {
    path: &'a Path,
    bytes: Cow<'a, [u8]>,
    /// It is read again and again.
    is_followed: bool,
}

impl<'a> Input<'a> {
    fn of_file(path: &'a Path) -> Result<Self, Failure> {
        Ok(Self { path, bytes: Cow::Owned(history::bytes(path)?), is_followed: false })
    }

    /// Tells what was taken for what.
    fn tell(&self, notes: &[String]) {
        for note in notes.iter().filter(|_| !self.is_followed) {
            tell!("{}: {note}", history::shown(self.path));
        }
    }
}

/// Reads the configuration anew, and what the input has now.
fn read(args: &Args, input: &Input<'_>) -> Result<Report, Failure> {
    let config = args.config.as_deref().map(|path| Ok((path, files::read_config(path)?))).transpose()?;
    let (section, monitor) = match &config {
        Some((path, config)) => chosen(config, path, args.monitor.as_deref())?,
        None => (None, None),
    };
    let title = title(input.path);
    let measured = config.as_ref().zip(section.filter(|section| section.windows.is_some()));
    let mut report = match measured {
        Some(((_, config), section)) => {
            let mut report = Report { title, ..Report::default() };
            report.series = windows::read(config, section, input, args.history.time(), &mut report.notes)?;
            report
        }
        None => {
            let file = args.history.of_bytes(input.path, &input.bytes, section)?;
            input.tell(&file.notes);
            of_file(file, title)
        }
    };
    report.settings = section.map(|section| settings::pairs(section, monitor)).transpose()?;
    if let (Some(settings), Some(((_, config), section))) =
        (&mut report.settings, config.as_ref().zip(section))
    {
        settings.extend(settings::of_all_series(config, section));
        for series in &mut report.series {
            series.group = settings::group_of(config, section, &series.name);
        }
    }
    Ok(report)
}

fn chosen<'a>(
    config: &'a Config,
    path: &Path,
    name: Option<&str>,
) -> Result<(Option<&'a Section>, Option<&'a MonitorSection>), Failure> {
    let monitor = match name {
        Some(name) => Some(crate::monitor::named(config, path, name)?),
        None => config.monitors.first(),
    };
    let section = monitor.map_or(config.sections.first(), |monitor| config.sections.get(monitor.on));
    Ok((section, monitor))
}

fn of_file(mut file: SeriesFile, title: String) -> Report {
    let mut report = Report { title, ..Report::default() };
    if file.passed_over > 0 {
        report.notes.push(format!("{} records without the value were passed over", file.passed_over));
    }
    if file.series.len() > MOST_SERIES {
        report.notes.push(format!(
            "{} series: the page shows the first {MOST_SERIES}; fewer come with another --by or a smaller input",
            file.series.len()
        ));
        file.series.truncate(MOST_SERIES);
    }
    report.series = file.series.into_iter().map(series).collect();
    report
}

fn series(series: fluent_anomaly::sources::series_file::FileSeries) -> Series {
    let name = if series.name.is_empty() { "value".to_owned() } else { series.name };
    let points = series.points.iter();
    // a missing value lets time pass, which the engine sees as well
    let (times, values) = points.map(|point| (point.time.seconds(), point.value.unwrap_or(f64::NAN))).unzip();
    Series { name, times, values, ..Series::default() }
}

fn title(input: &Path) -> String {
    input.file_name().map_or_else(|| "standard input".to_owned(), |name| name.to_string_lossy().into_owned())
}
