//! What `eval` says.

use serde_json::{Value, json};

use fluent_anomaly::detectors::AlarmBudget;

use super::judge::File;
use crate::utc;

const WEEK_S: f64 = 604_800.0;

/// Sums over some files.
struct Total {
    points: usize,
    alarms: usize,
    windows: usize,
    hits: usize,
    false_alarms: usize,
    weeks: f64,
    /// Median, s.
    delay: Option<f64>,
    labelled: bool,
}

fn total(files: &[&File]) -> Total {
    let mut delays: Vec<f64> =
        files.iter().flat_map(|file| file.windows.iter().flatten()).filter_map(|(_, delay)| *delay).collect();
    delays.sort_by(f64::total_cmp);
    Total {
        points: files.iter().map(|file| file.points).sum(),
        alarms: files.iter().map(|file| file.alarms.len()).sum(),
        windows: files.iter().map(|file| file.windows.iter().flatten().count()).sum(),
        hits: files.iter().map(|file| file.hits()).sum(),
        false_alarms: files.iter().map(|file| file.false_alarms()).sum(),
        weeks: files.iter().map(|file| file.seconds).sum::<f64>() / WEEK_S,
        delay: delays.get(delays.len() / 2).copied(),
        labelled: files.iter().any(|file| file.windows.is_some()),
    }
}

impl Total {
    /// Where nothing is labelled all alarms count.
    fn judged(&self) -> usize {
        if self.labelled { self.false_alarms } else { self.alarms }
    }

    fn a_week(&self) -> Option<f64> {
        (self.weeks > 0.0).then(|| self.judged() as f64 / self.weeks)
    }

    fn per_1000(&self) -> Option<f64> {
        (self.points > 0).then(|| 1000.0 * self.judged() as f64 / self.points as f64)
    }

    fn line(&self, name: &str, width: usize) -> String {
        let number = |number: Option<f64>| number.map_or("-".to_owned(), |number| format!("{number:.2}"));
        let delay = self.delay.map_or("-".to_owned(), |s| format!("{:.0} min", s / 60.0));
        let (hits, misses) = match self.labelled {
            true => (self.hits.to_string(), (self.windows - self.hits).to_string()),
            false => ("-".to_owned(), "-".to_owned()),
        };
        let (week, thousand) = (number(self.a_week()), number(self.per_1000()));
        format!(
            "{name:width$} {:>8} {:>7} {hits:>5} {misses:>7} {delay:>10} {:>6} {week:>7} {thousand:>9}\n",
            self.points,
            self.alarms,
            self.judged()
        )
    }

    fn json(&self) -> Value {
        let labelled = |value: Value| if self.labelled { value } else { Value::Null };
        json!({
            "points": self.points,
            "weeks": self.weeks,
            "alarms": self.alarms,
            "windows": labelled(self.windows.into()),
            "hits": labelled(self.hits.into()),
            "misses": labelled((self.windows - self.hits).into()),
            "median_delay_s": self.delay,
            "false_alarms": labelled(self.false_alarms.into()),
            "false_alarms_per_week": if self.labelled { self.a_week() } else { None },
            "false_alarms_per_1000_points": if self.labelled { self.per_1000() } else { None },
            "alarms_per_week": (self.weeks > 0.0).then(|| self.alarms as f64 / self.weeks),
            "alarms_per_1000_points": 1000.0 * self.alarms as f64 / self.points.max(1) as f64,
        })
    }
}

/// A line a file and one for all.
pub(super) fn text(files: &[File], absent: usize, budget: AlarmBudget) -> String {
    let all = total(&files.iter().collect::<Vec<_>>());
    let width = files.iter().map(|file| file.name.chars().count()).max().unwrap_or(0).max(10);
    let counted = if all.labelled { "false" } else { "alarms" };
    let mut text = format!(
        "{:width$} {:>8} {:>7} {:>5} {:>7} {:>10} {counted:>6} {:>7} {:>9}\n",
        "file", "points", "alarms", "hits", "misses", "delay", "a week", "per 1000"
    );
    for file in files {
        text += &total(&[file]).line(&file.name, width);
    }
    text += &all.line("all", width);
    let scored: usize = files.iter().map(|file| file.scored).sum();
    if 2 * scored < all.points {
        text += &format!(
            "{scored} of {} points were scored: the first 30 of each series teach its model, and a missing value is no point\n",
            all.points
        );
    }
    let longest_s = files.iter().map(|file| file.longest_s).fold(0.0, f64::max);
    if all.alarms == 0 && longest_s < budget.period_s() {
        text += &format!(
            "The longest series covers {}; what comes once in {}, as the alarms that it may have, cannot be told from so little: take a longer history, or more alarms\n",
            duration(longest_s),
            duration(budget.period_s())
        );
    }
    if absent > 0 {
        text += &format!("{absent} labelled files are not in the input\n");
    }
    text
}

fn duration(seconds: f64) -> String {
    utc::span(seconds as i64)
}

/// The same for programs, with each alarm and window.
pub(super) fn json(files: &[File], absent: usize) -> Value {
    let seconds = |nanos: i64| nanos as f64 / 1e9;
    let file = |file: &File| {
        let mut object = total(&[file]).json();
        object["file"] = json!(file.name);
        object["scored"] = json!(file.scored);
        let alarm = |alarm: &super::judge::Alarm| {
            let is_false = file.windows.is_some().then_some(alarm.is_false);
            json!({"start": seconds(alarm.start), "end": seconds(alarm.end), "reason": alarm.reason, "false": is_false})
        };
        object["alarm_list"] = file.alarms.iter().map(alarm).collect();
        let windows = file.windows.iter().flatten().map(
            |((start, end), delay)| json!({"start": seconds(*start), "end": seconds(*end), "delay_s": delay}),
        );
        object["window_list"] = windows.collect();
        object
    };
    json!({
        "files": files.iter().map(file).collect::<Vec<_>>(),
        "all": total(&files.iter().collect::<Vec<_>>()).json(),
        "labelled_files_not_in_the_input": absent,
    })
}
