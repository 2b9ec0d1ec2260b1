//! `check`: all configuration problems at once, then what is watched and what it costs.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::ValueEnum;
use fluent_anomaly::monitors::plain_duration;
use fluent_anomaly::series;
use fluent_anomaly::{
    Config,
    configuration::{GroupKey, GroupSection, Journal, MonitorSection, PatternSettings, Section, SectionKind},
    detectors::LogPatterns,
};

use crate::failure::Failure;
use crate::files;

/// Check a configuration file: all problems at once, then what is watched and what it costs in memory.
///
/// Exit status 2 when something is wrong.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  fluent-anomaly check --config fluent-config/fluent-anomaly.ini")]
pub(crate) struct Args {
    /// The configuration file
    #[arg(short, long, default_value_os_t = files::default_config())]
    config: PathBuf,
    /// How the result is written
    #[arg(long, value_enum, default_value_t = Output::Text)]
    format: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people
    Text,
    /// For programs: one JSON object
    Json,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let config = files::read_config(&args.config)?;
    let state = files::state_path(&args.config, &config).map(|path| path.display().to_string());
    let text = match args.format {
        Output::Text => describe(&config, state.as_deref()),
        Output::Json => json(&config, state.as_deref()).to_string() + "\n",
    };
    io::stdout().write_all(text.as_bytes()).map_err(|error| Failure::output(&error))
}

fn describe(config: &Config, state: Option<&str>) -> String {
    let mut text = String::new();
    for section in &config.sections {
        let settings = &section.change_finder;
        text += &format!("[{}]\n  tags    {}\n{}", section.title(), section.tags, source(section));
        let keys: Vec<String> = section.by.iter().map(ToString::to_string).collect();
        text += &match keys.is_empty() {
            true => "  series  one for the whole section\n".to_owned(),
            false => format!("  series  one for each {}\n", keys.join(", ")),
        };
        if let SectionKind::Datadog { query } = &section.kind {
            text += &format!("  query   {query}\n");
        }
        let order = settings.order.map_or("by AIC after a day or 1500 points".to_owned(), |k| k.to_string());
        text += &format!(
            "  model   r {}, k {order}, T1 {}, T2 {}, {}, {}\n",
            settings.discounting_rate,
            settings.outlier_window,
            settings.change_window,
            settings.ar,
            settings.score_function
        );
        text += &format!("  warm-up {}\n", warm_up(section));
        text += &match (section.anomaly_score, section.alarms) {
            (false, _) => "  rarity  no anomaly_score\n".to_owned(),
            (true, None) => "  rarity  anomaly_score; no alarms\n".to_owned(),
            (true, Some(budget)) => format!(
                "  rarity  anomaly_score; at most one false alarm {} in {} h\n",
                if section.alarms_for_all { "of all series together" } else { "a series" },
                budget.period_s() / 3600.0
            ),
        };
        text += &format!("  writes  {}\n", section.annotation_names().join(", "));
        text += &format!(
            "  memory  {} bytes a series besides its key{}{}\n\n",
            series::series_bytes(section),
            calibrated_bytes(section),
            patterns_bytes(section)
        );
    }
    for monitor in &config.monitors {
        let on = config.sections.get(monitor.on).map(Section::title).unwrap_or_default();
        text += &format!("[monitor.{}]\n  on      [{on}]\n  query   {}\n", monitor.name, monitor.spec.query);
        text += &format!("  writes  {}\n", monitor.annotation_names().join(", "));
        text += &format!("  memory  {} bytes a series besides its key", series::monitor_bytes([monitor]));
        let shared = sharing(config, monitor);
        text += &match shared.is_empty() {
            true => "\n\n".to_owned(),
            false => format!("; shares its band with {}\n\n", shared.join(", ")),
        };
    }
    config.groups.iter().for_each(|group| text += &describe_group(config, group));
    let max = config.filter.max_series;
    let what = if config.monitors.is_empty() { "series" } else { "models, of scores and of bands" };
    text += &format!("at most {max} {what}: {}", mebibytes(total_bytes(config)));
    text += &match state {
        None => "; state is kept in memory only\n".to_owned(),
        Some(folder) => {
            let when = match config.filter.journal {
                Journal::Record => "before each record leaves".to_owned(),
                Journal::Interval { seconds } => format!("every {seconds} s"),
            };
            format!("; state in {folder}, saved {when}\n")
        }
    };
    text
}

fn describe_group(config: &Config, group: &GroupSection) -> String {
    let on = config.sections.get(group.on).map(Section::title).unwrap_or_default();
    let names = |keys: &[GroupKey]| keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let mut text =
        format!("[group.{}]\n  on      [{on}]\n  across  each {}", group.name, names(&group.across));
    if !group.within.is_empty() {
        text += &format!(", among those with the same {}", names(&group.within));
    }
    text += &format!("\n  test    {}\n  writes  {}\n", group.spec, group.annotation_name());
    text += &format!("  memory  {} bytes a member besides its key\n\n", series::group_member_bytes(group));
    text
}

/// What is scored: a field, or what the records of a window amount to.
fn source(section: &Section) -> String {
    let mut text = String::new();
    if let Some(condition) = &section.condition {
        text += &format!("  where   {}\n", condition.to_string().replace('\n', " "));
    }
    let Some(windows) = &section.windows else {
        return text + &format!("  value   {}\n", section.value);
    };
    let zone = windows.zone.as_ref().map_or(String::new(), |zone| format!(" of {}", zone.name()));
    text += &format!("  measure {}\n", windows.measure.text);
    if let Some(patterns) = patterns_of(section) {
        text += &format!(
            "  lines   marked {}; at most {} new templates a day are told, none in the first {}\n",
            if patterns.marks_all { "all" } else { "where their template is new" },
            patterns.new_a_day,
            plain_duration(u64::from(patterns.learn_s))
        );
    }
    text += &format!(
        "  windows of {}{zone}, closed {} s after their end; without records {}; gone after {} of silence\n",
        plain_duration(u64::from(windows.every_s)),
        windows.late_s,
        if windows.empty_is_zero { "0" } else { "none" },
        plain_duration(u64::from(windows.forget_s))
    );
    text
}

fn patterns_of(section: &Section) -> Option<PatternSettings> {
    section.windows.as_ref()?.patterns
}

/// When the scores of a series begin.
fn warm_up(section: &Section) -> String {
    match (warm_up_points(section), section.warm_up) {
        (Some(0), _) => "none: scores from the first point on".to_owned(),
        (Some(points), _) => format!("{points} points without scores: k + 1/r + T1 + T2"),
        (None, true) => "a day or 1500 points to choose k, then k + 1/r + T1 + T2 - 50 points".to_owned(),
        (None, false) => "a day or 1500 points to choose k".to_owned(),
    }
}

/// Of the bytes of a series, those of the calibrated score.
fn calibrated_bytes(section: &Section) -> String {
    let bytes = series::calibrated_bytes(section);
    if bytes == 0 { String::new() } else { format!(", {bytes} of them for anomaly_score") }
}

/// What the templates of a section's lines take once.
fn patterns_bytes(section: &Section) -> String {
    let bytes = series::patterns_bytes(section);
    if bytes == 0 {
        String::new()
    } else {
        format!("; once {bytes} bytes for {} templates", LogPatterns::MOST)
    }
}

/// The dearest model at `max_series`, with keys of 32 bytes. Bands count as models of their own.
fn total_bytes(config: &Config) -> u64 {
    const KEY: usize = 32;
    let scores = config.sections.iter().map(series::series_bytes);
    let bands = (0..config.sections.len()).map(|at| series::monitor_bytes(watching(config, at)));
    let members = config.groups.iter().map(series::group_member_bytes);
    let dearest = scores.chain(bands).chain(members).max().unwrap_or(0);
    let patterns = config.sections.iter().map(series::patterns_bytes).sum::<usize>();
    (dearest + KEY) as u64 * config.filter.max_series as u64 + patterns as u64
}

fn watching(config: &Config, section: usize) -> impl Iterator<Item = &MonitorSection> {
    config.monitors.iter().filter(move |monitor| monitor.on == section)
}

/// The monitors that cost little more because this one is there: together they take less than apart.
fn sharing(config: &Config, monitor: &MonitorSection) -> Vec<String> {
    let apart = |other: &MonitorSection| series::monitor_bytes([monitor]) + series::monitor_bytes([other]);
    watching(config, monitor.on)
        .filter(|other| other.name != monitor.name)
        .filter(|other| series::monitor_bytes([monitor, *other]) < apart(other))
        .map(|other| format!("[monitor.{}]", other.name))
        .collect()
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// Points of a series without scores; `None` where that depends on the order chosen.
fn warm_up_points(section: &Section) -> Option<u32> {
    let order = section.change_finder.order?;
    let params = section.change_finder.params(order).ok()?;
    Some(if section.warm_up { params.warm_up_points() } else { 0 })
}

fn json(config: &Config, state: Option<&str>) -> serde_json::Value {
    let section = |section: &Section| {
        serde_json::json!({
            "section": section.title(),
            "tags": section.tags.to_string(),
            "value": section.value.to_string(),
            "where": section.condition.as_ref().map(ToString::to_string),
            "measure": section.windows.as_ref().map(|windows| windows.measure.text.clone()),
            "window_seconds": section.windows.as_ref().map(|windows| windows.every_s),
            "by": section.by.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "order": section.change_finder.order,
            "warm_up": section.warm_up,
            "warm_up_points": warm_up_points(section),
            "writes": section.annotation_names(),
            "anomaly_score": section.anomaly_score,
            "alarms_for_all": section.alarms_for_all,
            "seconds_per_false_alarm": section.alarms.map(|budget| budget.period_s()),
            "calibrated_bytes_per_series": series::calibrated_bytes(section),
            "bytes_per_series": series::series_bytes(section),
            "new_patterns_per_day": patterns_of(section).map(|patterns| patterns.new_a_day),
            "patterns_bytes": series::patterns_bytes(section),
        })
    };
    let monitor = |monitor: &MonitorSection| {
        serde_json::json!({
            "monitor": monitor.name,
            "on": config.sections.get(monitor.on).map(Section::title),
            "query": monitor.spec.query.to_string(),
            "writes": monitor.annotation_names(),
            "bytes_per_series": series::monitor_bytes([monitor]),
        })
    };
    let group = |group: &GroupSection| {
        serde_json::json!({
            "group": group.name,
            "on": config.sections.get(group.on).map(Section::title),
            "across": group.across.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "within": group.within.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "test": group.spec.to_string(),
            "writes": group.annotation_name(),
            "bytes_per_member": series::group_member_bytes(group),
        })
    };
    serde_json::json!({
        "groups": config.groups.iter().map(group).collect::<Vec<_>>(),
        "monitors": config.monitors.iter().map(monitor).collect::<Vec<_>>(),
        "sections": config.sections.iter().map(section).collect::<Vec<_>>(),
        "max_series": config.filter.max_series,
        "max_bytes": total_bytes(config),
        "state": state,
    })
}
