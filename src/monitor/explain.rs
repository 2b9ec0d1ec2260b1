//! What a monitor will alert on, in plain words, with its windows worked out.

use super::message;
use super::query::{Algorithm, Direction, Method, Seasonality};
use super::spec::MonitorSpec;
use super::timeframe::{plain_duration, recovery_range};

/// Shortest trigger window that Datadog's editor offers, s; shorter ones alert on noise.
const SHORTEST_QUIET_WINDOW_S: u32 = 900;

/// Explains a monitor, one statement a line; lines that begin with `Caution:` are worth a second thought.
///
/// ```
/// use fluent_anomaly::monitors::{MonitorSpec, RawMonitor, explain};
/// let mut raw = RawMonitor::default();
/// raw.set("query", "avg(last_4h):anomalies(avg:x{*}, 'agile', 2, alert_window='last_1h', interval=60, seasonality='daily') >= 1");
/// let spec = MonitorSpec::check(&raw).map_err(|problems| problems[0].to_string())?;
/// let lines = explain(&spec);
/// assert!(lines.iter().any(|line| line == "ALERT: 60 of the 60 points of the last 1 h are above or below the band (100 %)."));
/// assert!(lines.iter().any(|line| line.starts_with("Caution: a lasting shift stays outside the band for 45 points")));
/// # Ok::<(), String>(())
/// ```
#[must_use]
pub fn explain(spec: &MonitorSpec) -> Vec<String> {
    let mut lines = vec![watches(spec), buckets(spec), band(spec)];
    lines.extend(states(spec));
    lines.extend(silence(spec));
    lines.extend(cautions(spec));
    lines
}

/// Fewest points of `window` whose share reaches `threshold`.
fn points_needed(window: u32, threshold: f64) -> u32 {
    (1..window).find(|&points| f64::from(points) / f64::from(window) >= threshold).unwrap_or(window)
}

/// Most points of `window` whose share is within `threshold`.
fn points_left(window: u32, threshold: f64) -> u32 {
    (0..=window).rev().find(|&points| f64::from(points) / f64::from(window) <= threshold).unwrap_or(0)
}

fn percent(share: f64) -> String {
    let rounded = (share * 10_000.0).round() / 100.0;
    format!("{rounded} %")
}

fn watches(spec: &MonitorSpec) -> String {
    let metric = &spec.query.metric;
    match metric.by() {
        [] => format!("Watches {metric}."),
        groups => format!("Watches {metric}: one state for each {}.", groups.join(" and ")),
    }
}

fn buckets(spec: &MonitorSpec) -> String {
    let points = spec.point_rollup();
    let how = match points.method {
        Method::Avg => "the average",
        Method::Sum => "the sum",
        Method::Min => "the smallest",
        Method::Max => "the largest",
        Method::Count => "the number",
        Method::Last => "the last",
    };
    let rate = if points.per_second { " per second" } else { "" };
    let bucket = plain_duration(spec.bucket_s().into());
    let source =
        if spec.query.metric.rollup_s().is_some() { " (set by .rollup(), not by interval)" } else { "" };
    let empty = if spec.query.empty_is_zero() { "0" } else { "missing" };
    let delay = match spec.evaluation_delay_s {
        0 => "as soon as a later record comes".to_owned(),
        delay => format!("{} behind the newest record", plain_duration(delay.into())),
    };
    format!(
        "Points: {how} of the records of each {bucket}{rate}{source}, closed {delay}; an empty one is {empty}."
    )
}

fn band(spec: &MonitorSpec) -> String {
    let query = &spec.query;
    let width = format!("{} deviations wide on each side", query.deviations);
    let Some(season) = query.season() else {
        return format!("Band: basic, no season, {width}; there is one after 15 points.");
    };
    let cycle = match season {
        Seasonality::Hourly => "the same minute of past hours",
        Seasonality::Daily => "the same time of past days",
        Seasonality::Weekly => "the same time of past weeks",
    };
    let default = if query.seasonality.is_none() { " (the default, as the query names none)" } else { "" };
    let zone = match (season, &spec.zone) {
        (Seasonality::Hourly, _) => String::new(),
        (_, None) => ", in UTC".to_owned(),
        (_, Some(zone)) => format!(", in the local time of {}", zone.name()),
    };
    let history = plain_duration(3 * u64::from(season.seconds()));
    let until_then = spec.fallback.as_ref().map_or(String::new(), |fallback| {
        let season =
            fallback.seasonality().map_or(String::new(), |season| format!(" with a {season} season"));
        format!(" Until then '{}'{season} judges.", fallback.algorithm())
    });
    format!(
        "Band: {}, {season} season{default}: like {cycle}{zone}; {width}; there is one after three seasons with points, 12 points and {history} at least.{until_then}",
        query.algorithm
    )
}

fn outside(spec: &MonitorSpec) -> &'static str {
    match spec.query.side() {
        Direction::Both => "above or below the band",
        Direction::Above => "above the band",
        Direction::Below => "below the band",
    }
}

fn states(spec: &MonitorSpec) -> Vec<String> {
    let (trigger, recovery) = (spec.trigger_points(), spec.recovery_points());
    let window = plain_duration(spec.query.alert_window.seconds().into());
    let back = plain_duration(spec.recovery_window.seconds().into());
    let side = outside(spec);
    let begins = |name: &str, share: f64| {
        let points = points_needed(trigger, share);
        format!(
            "{name}: {points} of the {trigger} points of the last {window} are {side} ({}).",
            percent(share)
        )
    };
    let ends = |name: &str, share: f64| match points_left(recovery, share) {
        0 => format!("{name} ends: none of the {recovery} points of the last {back} is {side}."),
        points => format!(
            "{name} ends: at most {points} of the {recovery} points of the last {back} are {side} ({}).",
            percent(share)
        ),
    };
    let mut lines = vec![begins("ALERT", spec.critical)];
    lines.extend(spec.warning.map(|warning| begins("WARN", warning)));
    lines.push(ends("ALERT", spec.critical_recovery));
    lines.extend(spec.warning.map(|_| ends("WARN", spec.warning_recovery)));
    let (shortest, longest) =
        recovery_range(spec.query.alert_window.seconds(), spec.critical, spec.critical_recovery);
    lines.push(format!(
        "Recovery windows that go with this: {} to {}.",
        plain_duration(shortest.into()),
        plain_duration(longest.into())
    ));
    lines.push(if spec.require_full_window {
        "A window with missing points is not judged.".to_owned()
    } else {
        "Shares are of the points that are there; missing ones do not count.".to_owned()
    });
    if spec.new_group_delay_s > 0 {
        lines.push(format!(
            "A new series is not judged for {}.",
            plain_duration(spec.new_group_delay_s.into())
        ));
    }
    lines
}

fn silence(spec: &MonitorSpec) -> Vec<String> {
    let mut lines = Vec::new();
    lines.push(match (spec.notify_no_data, spec.query.empty_is_zero()) {
        (_, true) => "Silence counts as zeros.".to_owned(),
        (true, false) => {
            let after = plain_duration(u64::from(spec.no_data_timeframe_min) * 60);
            format!("NO DATA: nothing for {after}.")
        }
        (false, false) => "Silence changes no state.".to_owned(),
    });
    if let Some(hours) = spec.timeout_h {
        lines.push(format!("After {hours} h without data a state resolves to OK."));
    }
    if let Some(minutes) = spec.renotify_interval_min {
        let every = plain_duration(u64::from(minutes) * 60);
        lines.push(format!("Reminders in ALERT and NO DATA every {every}."));
    }
    lines
}

fn cautions(spec: &MonitorSpec) -> Vec<String> {
    let query = &spec.query;
    let mut lines = Vec::new();
    let alert_s = query.alert_window.seconds();
    let (needed, holds) = (points_needed(spec.trigger_points(), spec.critical), spec.band.longest_shift());
    if needed > holds {
        let follow = if query.algorithm == Algorithm::Robust { "" } else { ", or use 'robust'" };
        lines.push(format!(
            "Caution: a lasting shift stays outside the band for {holds} points with '{}', but {needed} are needed: such a shift never alerts. Shorten the alert window or lower the threshold{follow}.",
            query.algorithm
        ));
    }
    if alert_s < SHORTEST_QUIET_WINDOW_S {
        lines.push(format!(
            "Caution: a trigger window of {} alerts on noise; 15 min and more are usual.",
            plain_duration(alert_s.into())
        ));
    }
    if query.bucket_s() > alert_s / 10 && spec.critical < 1.0 {
        lines.push(format!(
            "Caution: {} points in the trigger window are few, so shares are coarse: the next threshold that differs is {}.",
            spec.trigger_points(),
            percent(f64::from(needed.saturating_sub(1)) / f64::from(spec.trigger_points()))
        ));
    }
    if spec.query.metric.is_calendar() && spec.query.metric.calendar().is_none() {
        lines.push(
            "Caution: days of .rollup() begin at midnight UTC; an hour and a zone move them, as in .rollup(sum, daily, '8am', 'Europe/Vienna')."
                .to_owned(),
        );
    }
    if spec.notify_no_data && u64::from(spec.no_data_timeframe_min) * 60 < 2 * u64::from(alert_s) {
        lines.push("Caution: no_data_timeframe is shorter than twice the alert window.".to_owned());
    }
    if spec.notify_no_data && query.empty_is_zero() {
        lines.push(
            "Caution: NO DATA never comes, as silence counts as zeros (count_default_zero).".to_owned(),
        );
    }
    let groups = query.metric.by();
    let unknown = message::unknown(&spec.message, &groups.iter().map(String::as_str).collect::<Vec<_>>());
    if !unknown.is_empty() {
        lines.push(format!(
            "Caution: the message holds what is not known here and stays as it is written: {}.",
            unknown.join(", ")
        ));
    }
    if let Some(warning) = spec.warning {
        let (shortest, _) = recovery_range(alert_s, warning, spec.warning_recovery);
        if spec.recovery_window.seconds() < shortest {
            lines.push(format!(
                "Caution: WARN may begin again right after it ended; a recovery window of {} or more prevents it.",
                plain_duration(shortest.into())
            ));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::RawMonitor;

    fn lines(algorithm: &str, window: &str, threshold: &str, keys: &[(&str, &str)]) -> Vec<String> {
        let mut raw = RawMonitor::default();
        raw.set(
            "query",
            format!("avg(last_1d):anomalies(avg:cpu{{*}} by {{host}}, '{algorithm}', 2, direction='above', alert_window='{window}', interval=60) >= {threshold}"),
        );
        for (key, value) in keys {
            raw.set(key, *value);
        }
        explain(&MonitorSpec::check(&raw).unwrap())
    }

    #[test]
    fn a_whole_explanation() {
        let keys = [
            ("warning", "0.5"),
            ("recovery_window", "last_10m"),
            ("timezone", "Europe/Vienna"),
            ("notify_no_data", "true"),
            ("timeout_h", "2"),
            ("renotify_interval", "90"),
            ("evaluation_delay", "120"),
            ("new_group_delay", "300"),
        ];
        assert_eq!(
            lines("robust", "last_15m", "0.8", &keys),
            [
                "Watches avg:cpu{*} by {host}: one state for each host.",
                "Points: the average of the records of each 1 min, closed 2 min behind the newest record; an empty one is missing.",
                "Band: robust, weekly season (the default, as the query names none): like the same time of past weeks, in the local time of Europe/Vienna; 2 deviations wide on each side; there is one after three seasons with points, 12 points and 21 d at least.",
                "ALERT: 12 of the 15 points of the last 15 min are above the band (80 %).",
                "WARN: 8 of the 15 points of the last 15 min are above the band (50 %).",
                "ALERT ends: none of the 10 points of the last 10 min is above the band.",
                "WARN ends: none of the 10 points of the last 10 min is above the band.",
                "Recovery windows that go with this: 4 min to 15 min.",
                "Shares are of the points that are there; missing ones do not count.",
                "A new series is not judged for 5 min.",
                "NO DATA: nothing for 30 min.",
                "After 2 h without data a state resolves to OK.",
                "Reminders in ALERT and NO DATA every 1 h 30 min.",
            ]
        );
    }

    #[test]
    fn windows_that_cannot_fill_are_told() {
        let cannot = |algorithm, window, threshold| {
            lines(algorithm, window, threshold, &[])
                .iter()
                .any(|line| line.contains("such a shift never alerts"))
        };
        for (algorithm, window, threshold, expected) in [
            ("agile", "last_45m", "1", false),
            ("agile", "last_46m", "1", true),
            ("agile", "last_90m", "0.5", false),
            ("agile", "last_91m", "0.51", true),
            ("basic", "last_57m", "1", false),
            ("basic", "last_58m", "1", true),
            ("robust", "last_1d", "1", false),
        ] {
            assert_eq!(cannot(algorithm, window, threshold), expected, "{algorithm} {window} {threshold}");
        }
    }

    #[test]
    fn the_windows_of_the_documentation_are_worked_out() {
        let found = lines("robust", "last_4h", "0.5", &[]);
        assert!(
            found.contains(
                &"ALERT: 120 of the 240 points of the last 4 h are above the band (50 %).".to_owned()
            )
        );
        assert!(found.contains(&"Recovery windows that go with this: 2 h 1 min to 4 h.".to_owned()));
        let found = lines("robust", "last_4h", "0.8", &[]);
        assert!(found.contains(&"Recovery windows that go with this: 49 min to 4 h.".to_owned()));
    }

    #[test]
    fn short_windows_and_hasty_no_data_are_told() {
        let found =
            lines("basic", "last_5m", "0.5", &[("notify_no_data", "true"), ("no_data_timeframe", "5")]);
        assert!(
            found.iter().any(|line| line.starts_with("Caution: a trigger window of 5 min alerts on noise"))
        );
        assert!(found.iter().any(|line| line.starts_with("Caution: no_data_timeframe is shorter")));
    }

    #[test]
    fn points_needed_are_the_fewest_that_reach_the_share() {
        for window in 1..200u32 {
            for part in 1..=20 {
                let share = f64::from(part) / 20.0;
                let points = points_needed(window, share);
                assert!(f64::from(points) / f64::from(window) >= share);
                assert!(points == 1 || f64::from(points - 1) / f64::from(window) < share);
            }
        }
    }
}
