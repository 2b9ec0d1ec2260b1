//! What is told at the end: for people as a table, for programs as one JSON object.

use std::time::Duration;

use fluent_anomaly::Counters;
use fluent_anomaly::configuration::Section;
use serde_json::{Value, json};

use super::alarms;
use super::fleet;
use super::incidents::{DAY, Kind};
use super::judge::{Case, FalseAlarm, GRACE, Judge, Sighting};
use super::sink::Written;
use super::style::Style;

/// Incidents in the table; JSON has all.
const MAX_ROWS: usize = 40;

/// Everything there is to tell.
#[derive(Debug)]
pub(super) struct Report<'a> {
    /// How this program was called.
    pub(super) program: &'a str,
    pub(super) seed: u64,
    pub(super) hosts: u32,
    pub(super) days: u32,
    pub(super) section: &'a Section,
    pub(super) judge: &'a Judge,
    pub(super) counters: Counters,
    /// Time within `Pipeline::process`.
    pub(super) busy: Duration,
    /// The record with which the first incident was found.
    pub(super) sample: Option<&'a str>,
    pub(super) written: Option<&'a Written>,
}

impl Report<'_> {
    fn micros_per_record(&self) -> f64 {
        self.busy.as_secs_f64() * 1e6 / self.counters.records.max(1) as f64
    }

    fn records_per_second(&self) -> f64 {
        self.counters.records as f64 / self.busy.as_secs_f64().max(1e-9)
    }

    fn false_alarms_per_day(&self) -> f64 {
        self.judge.false_alarms.len() as f64 / self.judge.quiet_days().max(1.0 / f64::from(DAY))
    }

    /// For people.
    pub(super) fn text(&self, style: Style) -> String {
        let cases = self.judge.cases();
        let mut text = format!(
            "{}: {}, {} of one-minute points, {} planted (seed {})\n\n",
            style.bold("A simulated fleet"),
            count(self.hosts.into(), "web server"),
            count(self.days.into(), "day"),
            count(cases.len() as u64, "incident"),
            self.seed
        );
        text += &self.table(&cases, style);
        text += &self.summary(&cases, style);
        if let Some(sample) = self.sample {
            text += &format!(
                "\n{}\n  {sample}\n",
                style.bold("The record that gave the first incident away, as the filter left it")
            );
        }
        let settings = &self.section.change_finder;
        text += &format!(
            "\n{}  {} records in {:.3} s: {} records/s, {:.2} us a record\n               \
             (JSON in, JSON out, k {}, T1 {}, T2 {}, one thread; simulation and files not counted)\n",
            style.bold("Measured     "),
            grouped(self.counters.records),
            self.busy.as_secs_f64(),
            grouped(self.records_per_second() as u64),
            self.micros_per_record(),
            settings.order.unwrap_or(0),
            settings.outlier_window,
            settings.change_window,
        );
        text += &match self.written {
            None => format!("{}  nothing (--no-write)\n", style.bold("Written      ")),
            Some(written) => format!(
                "{}  {} ({} records, {:.1} MB)\n               {} (the configuration that scored them)\n{}\
                 {}  {} filter -c {} --tag {} < {}\n",
                style.bold("Written      "),
                written.records.display(),
                grouped(self.counters.records),
                written.bytes as f64 / 1e6,
                written.config.display(),
                written.page.as_ref().map_or_else(String::new, |page| format!(
                    "               {} (open it in a browser: bands, alerts and scores under parameters you turn)\n",
                    page.display()
                )),
                style.bold("Score again  "),
                self.program,
                written.config.display(),
                fleet::TAG,
                written.records.display(),
            ),
        };
        text
    }

    fn table(&self, cases: &[&Case], style: Style) -> String {
        let mut text = style.dim("  planted                                              found") + "\n";
        let columns = "  when         host     kind               size  lasts      after   by       peak";
        text += &(style.dim(columns) + "\n");
        for case in cases.iter().take(MAX_ROWS) {
            let incident = &case.incident;
            text += &format!(
                "  {:<11}  {:<7}  {:<16}  {:>5}  {:<7}  ",
                when(incident.minutes.start),
                fleet::name(incident.host),
                incident.kind.to_string(),
                percent(case),
                lasts(incident.minutes.end - incident.minutes.start),
            );
            let peak = case.peak.map_or(0.0, |peak| peak.strength);
            text += &match case.found {
                Some(found) => format!(
                    "{}  {:<7}  {peak:4.2}\n",
                    style.green(&format!("{:>7}", lasts(found.minute - incident.minutes.start))),
                    found.by.name(),
                ),
                None => format!("{}  {:<7}  {peak:4.2}\n", style.red(" missed"), ""),
            };
        }
        if cases.len() > MAX_ROWS {
            text += &format!("  ... and {} more; all of them: --format json\n", cases.len() - MAX_ROWS);
        }
        text
    }

    fn summary(&self, cases: &[&Case], style: Style) -> String {
        let found = cases.iter().filter(|case| case.found.is_some()).count();
        let by_kind: Vec<String> = self
            .by_kind(cases)
            .iter()
            .map(|(kind, found, planted)| format!("{kind} {found} of {planted}"))
            .collect();
        format!(
            "\n{}  {} of {}: {}\n{}  {} in {:.1} days of one host without incidents: {:.2} a host and day\n\
             {}  {}\n               labels play no part; peak: median = 0, threshold = 1\n\
             {}  an alarm while it lasts or in its first {GRACE} min; false when none lasts or ended {GRACE} min ago\n",
            style.bold("Found        "),
            found,
            cases.len(),
            by_kind.join(", "),
            style.bold("False alarms "),
            self.judge.false_alarms.len(),
            self.judge.quiet_days(),
            self.false_alarms_per_day(),
            style.bold("Threshold    "),
            alarms::RULE,
            style.bold("Found means  "),
        )
    }

    fn by_kind(&self, cases: &[&Case]) -> Vec<(Kind, usize, usize)> {
        let of = |kind| cases.iter().filter(move |case| case.incident.kind == kind);
        let counted = Kind::ALL
            .map(|kind| (kind, of(kind).filter(|case| case.found.is_some()).count(), of(kind).count()));
        counted.into_iter().filter(|(_, _, planted)| *planted > 0).collect()
    }

    /// For programs.
    pub(super) fn json(&self) -> Value {
        let cases = self.judge.cases();
        json!({
            "seed": self.seed,
            "hosts": self.hosts,
            "days": self.days,
            "records": self.counters.records,
            "scored": self.counters.scored,
            "planted": cases.len(),
            "found": cases.iter().filter(|case| case.found.is_some()).count(),
            "by_kind": self.by_kind(&cases).iter().map(|(kind, found, planted)| {
                json!({ "kind": kind.name(), "found": found, "planted": planted })
            }).collect::<Vec<_>>(),
            "incidents": cases.iter().map(|case| incident_json(case)).collect::<Vec<_>>(),
            "false_alarms": self.judge.false_alarms.iter().map(false_alarm_json).collect::<Vec<_>>(),
            "quiet_host_days": self.judge.quiet_days(),
            "false_alarms_per_host_day": self.false_alarms_per_day(),
            "threshold": alarms::RULE,
            "measured": {
                "seconds": self.busy.as_secs_f64(),
                "records_per_second": self.records_per_second(),
                "microseconds_per_record": self.micros_per_record(),
            },
            "written": self.written.map(|written| json!({
                "records": written.records,
                "configuration": written.config,
                "page": written.page,
                "bytes": written.bytes,
            })),
        })
    }
}

fn incident_json(case: &Case) -> Value {
    let incident = &case.incident;
    json!({
        "kind": incident.kind.name(),
        "host": fleet::name(incident.host),
        "start": fleet::seconds(incident.minutes.start),
        "end": fleet::seconds(incident.minutes.end),
        "size": incident.size,
        "period_minutes": incident.period,
        "found": case.found.map(|found| {
            let mut json = sighting_json(found);
            json["after_minutes"] = json!(found.minute - incident.minutes.start);
            json
        }),
        "peak": case.peak.map(sighting_json),
    })
}

fn false_alarm_json(alarm: &FalseAlarm) -> Value {
    let mut json = sighting_json(alarm.peak);
    json["host"] = json!(fleet::name(alarm.host));
    json
}

fn sighting_json(sighting: Sighting) -> Value {
    json!({ "time": fleet::seconds(sighting.minute), "by": sighting.by.name(), "strength": sighting.strength })
}

fn when(minute: u32) -> String {
    format!("day {} {:02}:{:02}", minute / DAY + 1, minute % DAY / 60, minute % 60)
}

fn lasts(minutes: u32) -> String {
    if minutes < 60 { format!("{minutes} min") } else { format!("{}h{:02}", minutes / 60, minutes % 60) }
}

fn percent(case: &Case) -> String {
    let size = case.incident.size * 100.0;
    if case.incident.period.is_some() { format!("\u{b1}{size:.0}%") } else { format!("{size:+.0}%") }
}

fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// 1234567 -> `1 234 567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::alarms::Score;
    use super::super::incidents::Incident;
    use super::*;
    use fluent_anomaly::Config;

    fn with_report(check: impl FnOnce(&Report<'_>)) {
        let incident = |kind, host, minutes| Incident { kind, host, minutes, size: -0.125, period: None };
        let planted = [
            incident(Kind::Drop, 0, 2000..2010),
            incident(Kind::Drop, 1, 3000..3010),
            incident(Kind::Rhythm, 1, 4000..4200),
        ];
        let mut judge = Judge::new(2, &planted);
        judge.see(0, 2003, [Some(2.5), Some(0.5)]);
        judge.see(1, 3000, [Some(0.25), Some(0.5)]);
        judge.see(1, 3100, [Some(1.5), None]);
        let config = Config::parse("demo.ini", super::super::CONFIG).unwrap();
        let counters = Counters::default();
        check(&Report {
            program: "fluent-anomaly",
            seed: 9,
            hosts: 2,
            days: 3,
            section: &config.sections[0],
            judge: &judge,
            counters,
            busy: Duration::from_millis(1),
            sample: None,
            written: None,
        });
    }

    #[test]
    fn counts_add_up() {
        with_report(|report| {
            let json = report.json();
            assert_eq!((&json["planted"], &json["found"]), (&json!(3), &json!(1)));
            assert_eq!(
                json["by_kind"],
                json!([
                    { "kind": "drop", "found": 1, "planted": 2 },
                    { "kind": "change of rhythm", "found": 0, "planted": 1 },
                ])
            );
            assert_eq!(json["incidents"][0]["found"]["after_minutes"], 3);
            assert_eq!(json["incidents"][0]["found"]["by"], Score::Outlier.name());
            assert_eq!(json["incidents"][1]["found"], Value::Null);
            assert_eq!(json["incidents"][1]["peak"]["strength"], 0.5);
            assert_eq!(json["incidents"][2]["peak"], Value::Null);
            assert_eq!(json["false_alarms"].as_array().unwrap().len(), 1);
            assert_eq!(json["false_alarms"][0]["host"], "web-2");
        });
    }

    #[test]
    fn the_table_says_what_was_missed() {
        with_report(|report| {
            let text = report.text(Style::plain());
            let row =
                |number: usize| text.lines().filter(|line| line.starts_with("  day ")).nth(number).unwrap();
            let words = |number| row(number).split_whitespace().collect::<Vec<_>>().join(" ");
            assert_eq!(words(0), "day 2 09:20 web-1 drop -12% 10 min 3 min outlier 2.50");
            assert_eq!(words(1), "day 3 02:00 web-2 drop -12% 10 min missed 0.50");
            assert!(text.contains("1 of 3: drop 1 of 2, change of rhythm 0 of 1\n"), "{text}");
        });
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1 000", "1 234 567"]);
    }
}
