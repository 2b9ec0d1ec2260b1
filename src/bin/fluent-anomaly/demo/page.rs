//! The page beside the records: the same requests under a monitor that can be tried out, incidents marked.

use std::fs;
use std::path::Path;

use fluent_anomaly::{Config, configuration::Section};
use fluent_anomaly_page::{self as bundle, Incident, Report, Series};

use super::fleet::{self, Fleet};
use crate::failure::Failure;
use crate::report;

/// Its file.
pub(super) const NAME: &str = "report.html";
/// Hosts that it shows: 20 of 30 days are 7 MB.
const MOST_HOSTS: u32 = 20;
/// Days that it shows.
const MOST_DAYS: u32 = 42;

/// A monitor to begin with, in the format of every other one.
const MONITOR: &str = "[monitor.requests]
on: web
query: avg(last_1h):anomalies(avg:requests{*} by {host}, 'agile', 3, direction='both', alert_window='last_5m', interval=60, count_default_zero='true', seasonality='daily') >= 0.6
warning: 0.4
";

/// What the reader has to be told when this build has no page.
pub(super) fn missing() -> Option<String> {
    bundle::engine().err().map(|missing| missing.to_string())
}

/// Writes the page of a fleet. Hosts and days beyond what a page holds are left out, and the page says so.
pub(super) fn write(page: &Path, seed: u64, hosts: u32, days: u32, section: &Section) -> Result<(), Failure> {
    let shown_days = days.min(MOST_DAYS);
    let mut shown = Report { title: format!("demo, seed {seed}"), ..Report::default() };
    if hosts > MOST_HOSTS || days > MOST_DAYS {
        shown.notes.push(format!(
            "The page shows {} of {hosts} hosts and {shown_days} of {days} days.",
            hosts.min(MOST_HOSTS)
        ));
    }
    for host in 0..hosts.min(MOST_HOSTS) as usize {
        let mut values = Fleet::requests_of(seed, host, days);
        values.truncate((shown_days * super::DAY) as usize);
        let times = (0..).take(values.len()).map(|minute| i64::from(fleet::seconds(minute))).collect();
        shown.series.push(Series { name: fleet::name(host), times, values, ..Series::default() });
    }
    for incident in Fleet::new(seed, hosts.min(MOST_HOSTS), days).incidents() {
        if incident.minutes.end <= shown_days * super::DAY {
            shown.incidents.push(Incident {
                series: incident.host,
                from_s: fleet::seconds(incident.minutes.start).into(),
                to_s: i64::from(fleet::seconds(incident.minutes.end)) - 1,
                label: incident.kind.name().to_owned(),
            });
        }
    }
    shown.settings = Some(settings(section)?);
    let html = shown.html().map_err(report::no_page)?;
    fs::write(page, html).map_err(|error| Failure::of(page.display(), error))
}

fn settings(section: &Section) -> Result<Vec<(String, String)>, Failure> {
    let text = format!("{}\n{MONITOR}", super::CONFIG);
    let config = Config::parse(NAME, &text).map_err(|error| Failure::of("built-in monitor", error))?;
    report::settings::pairs(section, config.monitors.first())
}
