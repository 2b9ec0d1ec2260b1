//! Points -> scores and alarms -> hits and false alarms.

use std::collections::BTreeMap;

use fluent_anomaly::Config;
use fluent_anomaly::Format;
use fluent_anomaly::Pipeline;

use super::labels::Window;
use super::series::Point;

/// The kind of reason that may only show some points after the first.
const LEVEL: &str = "level";

/// The tag of the records.
pub(super) const TAG: &str = "eval";

/// What the pipeline wrote into the record of a point.
#[derive(Debug)]
pub(super) struct Scored {
    pub(super) line: usize,
    pub(super) score: Option<f64>,
    is_alarm: bool,
    starts: bool,
    reason: String,
}

/// One record a point through a fresh pipeline; a point without a value is a record with null.
pub(super) fn score(config: &Config, points: &[Point]) -> Vec<Scored> {
    let mut pipeline = Pipeline::new(config, Format::Json, None);
    let mut scored = Vec::with_capacity(points.len());
    for point in points {
        let record = serde_json::json!({"value": point.value, "series": point.series});
        let mut record = record.to_string().into_bytes();
        pipeline.process(TAG.as_bytes(), point.time, &mut record);
        let record: serde_json::Value = serde_json::from_slice(&record).unwrap_or_default();
        let reason = record.pointer("/anomaly_reason/kind").and_then(|kind| kind.as_str());
        scored.push(Scored {
            line: point.line,
            score: record.get("anomaly_score").and_then(serde_json::Value::as_f64),
            is_alarm: record.get("is_alarm").is_some_and(|it| it == true),
            starts: record.get("alarm").is_some_and(|it| it == "start"),
            reason: reason.unwrap_or_default().to_owned(),
        });
    }
    scored
}

/// A run of alarming points.
#[derive(Debug, Clone)]
pub(super) struct Alarm {
    pub(super) start: i64,
    pub(super) end: i64,
    /// Reason of the first point; `level` where that is what most points say, because a new level begins with a jump.
    pub(super) reason: String,
    pub(super) is_false: bool,
    /// Points that say `level`, and all of them.
    level_points: [usize; 2],
}

/// What became of one file.
#[derive(Debug)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) points: usize,
    /// Of these, those with a score.
    pub(super) scored: usize,
    /// Time that its series span together, s.
    pub(super) seconds: f64,
    /// Time that the longest of its series spans, s.
    pub(super) longest_s: f64,
    pub(super) alarms: Vec<Alarm>,
    /// Windows with the delay of their first alarming point, s; `None` where nothing is labelled.
    pub(super) windows: Option<Vec<(Window, Option<f64>)>>,
}

impl File {
    pub(super) fn new(name: &str, points: &[Point], scored: &[Scored], windows: Option<Vec<Window>>) -> Self {
        let labelled = windows.as_deref().unwrap_or_default();
        let inside = |time: i64| labelled.iter().any(|(start, end)| (*start..=*end).contains(&time));
        let mut spans: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
        let mut open: BTreeMap<&str, usize> = BTreeMap::new();
        let mut alarms: Vec<Alarm> = Vec::new();
        let mut first: Vec<Option<f64>> = vec![None; labelled.len()];
        for (point, scored) in points.iter().zip(scored) {
            let time = point.time.nanos();
            let span = spans.entry(&point.series).or_insert((time, time));
            *span = (span.0.min(time), span.1.max(time));
            if !scored.is_alarm {
                continue;
            }
            if scored.starts {
                open.insert(&point.series, alarms.len());
                alarms.push(Alarm {
                    start: time,
                    end: time,
                    reason: scored.reason.clone(),
                    is_false: true,
                    level_points: [0; 2],
                });
            }
            if let Some(alarm) = open.get(&point.series[..]).and_then(|n| alarms.get_mut(*n)) {
                let [level, all] = &mut alarm.level_points;
                *level += usize::from(scored.reason == LEVEL);
                *all += 1;
                if 2 * *level > *all {
                    LEVEL.clone_into(&mut alarm.reason);
                }
                alarm.end = alarm.end.max(time);
                alarm.is_false &= !inside(time);
            }
            for ((start, end), first) in labelled.iter().zip(&mut first) {
                if first.is_none() && (*start..=*end).contains(&time) {
                    *first = Some(time.saturating_sub(*start) as f64 / 1e9);
                }
            }
        }
        let seconds = |(from, to): &(i64, i64)| to.saturating_sub(*from) as f64 / 1e9;
        Self {
            name: name.to_owned(),
            points: points.len(),
            scored: scored.iter().filter(|scored| scored.score.is_some()).count(),
            seconds: spans.values().map(seconds).sum(),
            longest_s: spans.values().map(seconds).fold(0.0, f64::max),
            alarms,
            windows: windows.map(|windows| windows.into_iter().zip(first).collect()),
        }
    }

    pub(super) fn hits(&self) -> usize {
        self.windows.iter().flatten().filter(|(_, delay)| delay.is_some()).count()
    }

    pub(super) fn false_alarms(&self) -> usize {
        self.alarms.iter().filter(|alarm| alarm.is_false).count()
    }
}
