//! What a monitor said over history, and how it is shown.

use fluent_anomaly::detectors::{Band, Finite};
use fluent_anomaly::monitors::BacktestEvent;
use fluent_anomaly::monitors::plain_duration;
use fluent_anomaly::monitors::{Facts, render};
use fluent_anomaly::monitors::{MonitorSpec, Status, Transition};
use fluent_anomaly::sources::series_file::FileSeries;
use serde_json::{Value, json};

use crate::utc;

/// One series.
#[derive(Debug)]
pub(super) struct Timeline {
    spec: MonitorSpec,
    series: String,
    groups: Vec<(String, String)>,
    first_s: i64,
    last_s: i64,
    /// Until when the series was looked at, which may be silent at its end.
    end_s: i64,
    points: u64,
    missing: u64,
    late: u64,
    too_large: u64,
    judged: u64,
    anomalous: u64,
    status: Status,
    told: Vec<Told>,
}

/// A change of state or a reminder.
#[derive(Debug)]
struct Told {
    time_s: i64,
    status: Status,
    transition: Option<Transition>,
    share: f64,
    value: Option<f64>,
    band: Option<Band>,
    message: Option<String>,
}

impl Timeline {
    pub(super) fn new(spec: &MonitorSpec, series: &FileSeries) -> Self {
        let time = |point: Option<&fluent_anomaly::sources::series_file::FilePoint>| {
            point.map_or(0, |point| point.time.seconds())
        };
        Self {
            spec: spec.clone(),
            series: series.name.clone(),
            groups: series.keys.clone(),
            first_s: time(series.points.first()),
            last_s: time(series.points.last()),
            end_s: time(series.points.last()),
            points: 0,
            missing: 0,
            late: 0,
            too_large: 0,
            judged: 0,
            anomalous: 0,
            status: Status::Ok,
            told: Vec::new(),
        }
    }

    /// A point of the file was taken.
    pub(super) fn count(&mut self, value: Option<f64>, in_time: bool) {
        match (value, in_time) {
            (None, _) => self.missing += 1,
            (Some(_), true) => self.points += 1,
            (Some(value), false) if value.abs() > Finite::MAX => self.too_large += 1,
            (Some(_), false) => self.late += 1,
        }
    }

    pub(super) fn add(&mut self, time_s: i64, event: BacktestEvent) {
        let (status, transition, renotify, share, triggered) = match &event {
            BacktestEvent::Point(said) => {
                self.judged += u64::from(said.band.is_some());
                self.anomalous += u64::from(said.is_anomaly);
                (said.status, said.transition, said.renotify, said.share, said.triggered)
            }
            BacktestEvent::Silence(said) => {
                (said.status, said.transition, said.renotify, said.share, said.triggered)
            }
        };
        self.status = status;
        self.end_s = self.end_s.max(time_s);
        if transition.is_none() && !renotify {
            return;
        }
        let (value, band) = match event {
            BacktestEvent::Point(said) => (Some(said.value), said.band),
            BacktestEvent::Silence(_) => (None, None),
        };
        let groups: Vec<(&str, &str)> = self.groups.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let facts = Facts {
            observed: value,
            band: band.map(|band| (band.expected, band.lower, band.upper)),
            transition,
            triggered,
            groups: &groups,
            ..Facts::of(&self.spec, status, share)
        };
        let message = Some(render(&self.spec.message, &facts)).filter(|message| !message.trim().is_empty());
        self.told.push(Told { time_s, status, transition, share, value, band, message });
    }

    /// The file goes on to here, with other series.
    pub(super) fn end(&mut self, until_s: i64) {
        self.end_s = self.end_s.max(until_s);
    }

    /// How long each state lasted: from, until, state.
    fn states(&self) -> Vec<(i64, i64, Status)> {
        let mut states = Vec::new();
        let (mut since, mut status) = (self.first_s, Status::Ok);
        for told in self.told.iter().filter(|told| told.transition.is_some()) {
            states.push((since, told.time_s, status));
            (since, status) = (told.time_s, told.status);
        }
        states.push((since, self.end_s, status));
        states
    }

    fn lasted(&self, wanted: Status) -> u64 {
        let of =
            |&(from, until, status): &(i64, i64, Status)| if status == wanted { until - from } else { 0 };
        self.states().iter().map(of).sum::<i64>().unsigned_abs()
    }

    fn entered(&self, wanted: Status) -> usize {
        self.told.iter().filter(|told| told.transition.is_some_and(|change| change.to == wanted)).count()
    }

    fn share(&self) -> Option<f64> {
        (self.judged > 0).then(|| self.anomalous as f64 / self.judged as f64)
    }

    fn title(&self) -> &str {
        if self.series.is_empty() { "(all)" } else { &self.series }
    }
}

/// What was asked for.
#[derive(Debug)]
pub(super) struct Head<'a> {
    pub(super) monitor: &'a str,
    pub(super) query: String,
    pub(super) input: String,
    pub(super) passed_over: usize,
    pub(super) warm_up_s: u64,
}

pub(super) fn text(head: &Head<'_>, timelines: &[Timeline]) -> String {
    let mut text = format!("[monitor.{}] over {}\n{}\n", head.monitor, head.input, head.query);
    if head.passed_over > 0 {
        text += &format!("{} records without the value were passed over\n", head.passed_over);
    }
    for timeline in timelines {
        text += &format!("\n{}\n", timeline.title());
        let extra =
            |count: u64, what: &str| if count > 0 { format!(", {count} {what}") } else { String::new() };
        text += &format!(
            "  {} points from {} to {}{}{}{}\n",
            timeline.points,
            utc::text(timeline.first_s),
            utc::text(timeline.last_s),
            extra(timeline.missing, "without a value"),
            extra(timeline.late, "too late to count"),
            extra(timeline.too_large, "too large to count (beyond 1e100)")
        );
        text += &match timeline.share() {
            Some(share) => format!(
                "  anomalous: {} of the {} points that have a band ({:.1} %)\n",
                timeline.anomalous,
                timeline.judged,
                100.0 * share
            ),
            None => format!(
                "  no band yet, so nothing was judged: there is one after {} with points\n",
                plain_duration(head.warm_up_s)
            ),
        };
        let by_silence = timeline.told.iter().filter(|told| told.value.is_none() && told.share > 0.0).count();
        if by_silence > 0 {
            text += &format!(
                "  {by_silence} of the following came by silence: buckets without a record count in the windows, and are \
                 no points\n"
            );
        }
        for told in &timeline.told {
            text += &told.line();
        }
        text += &format!(
            "  ALERT {} times, {} in all; WARN {} times, {}; NO DATA {} times, {}; {} at the end\n",
            timeline.entered(Status::Alert),
            plain_duration(timeline.lasted(Status::Alert)),
            timeline.entered(Status::Warn),
            plain_duration(timeline.lasted(Status::Warn)),
            timeline.entered(Status::NoData),
            plain_duration(timeline.lasted(Status::NoData)),
            timeline.status
        );
    }
    text
}

impl Told {
    fn line(&self) -> String {
        let what = self.transition.map_or_else(|| format!("{} still", self.status), |t| t.to_string());
        let mut line =
            format!("  {}  {what:<16} {:>5.1} % anomalous", utc::text(self.time_s), 100.0 * self.share);
        if let Some(value) = self.value {
            line += &format!("; value {}", short(value));
        } else {
            line += "; no record came: told by silence";
        }
        if let Some(band) = self.band {
            line += &format!(
                ", expected {} ({} to {})",
                short(band.expected),
                short(band.lower),
                short(band.upper)
            );
        }
        if let Some(message) = &self.message {
            line += &format!("\n      {}", message.replace('\n', "\n      "));
        }
        line + "\n"
    }
}

/// Six digits are enough to look at.
fn short(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-4..1e9).contains(&magnitude) {
        return format!("{value:.4e}");
    }
    let decimals = if magnitude >= 1000.0 { 1 } else { 3 };
    format!("{value:.decimals$}")
}

pub(super) fn json(head: &Head<'_>, timelines: &[Timeline]) -> Value {
    let series = |timeline: &Timeline| {
        let transitions: Vec<Value> = timeline.told.iter().map(Told::json).collect();
        let states: Vec<Value> = timeline
            .states()
            .iter()
            .map(|(from, until, status)| json!({"from": from, "until": until, "status": status.text()}))
            .collect();
        json!({
            "series": timeline.series,
            "points": timeline.points,
            "missing": timeline.missing,
            "late": timeline.late,
            "too_large": timeline.too_large,
            "judged": timeline.judged,
            "anomalous": timeline.anomalous,
            "anomalous_share": timeline.share(),
            "alerts": timeline.entered(Status::Alert),
            "alert_seconds": timeline.lasted(Status::Alert),
            "transitions": transitions,
            "states": states,
            "status": timeline.status.text(),
        })
    };
    json!({
        "monitor": head.monitor,
        "query": head.query,
        "input": head.input,
        "passed_over": head.passed_over,
        "series": timelines.iter().map(series).collect::<Vec<_>>(),
    })
}

impl Told {
    fn json(&self) -> Value {
        json!({
            "time": self.time_s,
            "transition": self.transition.map(|transition| transition.text()),
            "renotify": self.transition.is_none(),
            "status": self.status.text(),
            "share": self.share,
            "value": self.value,
            "expected": self.band.map(|band| band.expected),
            "lower": self.band.map(|band| band.lower),
            "upper": self.band.map(|band| band.upper),
            "message": self.message,
        })
    }
}
