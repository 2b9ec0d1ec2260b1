//! The alarms of one series, as `fluent-anomaly eval` lists them.

use crate::finite;
use crate::recorded::Recorded;
use fluent_anomaly::detectors::{AlarmEvent, Calibrated, CalibratedSpec, Finite};

/// An alarm: its first and its last alarming point, s, and the reason of most of its points, the first among equals.
#[derive(Debug, Clone)]
pub(crate) struct Alarm {
    pub(crate) start_s: f64,
    pub(crate) end_s: f64,
    pub(crate) reason: &'static str,
    counts: Vec<(&'static str, u32)>,
}

pub(crate) fn alarms(spec: &CalibratedSpec, series: &Recorded) -> Vec<Alarm> {
    let mut score = Calibrated::new(spec);
    let mut told: Vec<Alarm> = Vec::new();
    for (time, value) in series.times_s.iter().zip(&series.values) {
        let Some(value) = Finite::new(*value) else { continue };
        let Some(rarity) = score.update(spec, finite(*time), value) else { continue };
        let Some(reason) = rarity.reason.filter(|_| rarity.is_alarm) else { continue };
        let kind = reason.kind.as_str();
        if let Some(AlarmEvent::Started { .. }) = rarity.alarm {
            told.push(Alarm { start_s: *time, end_s: *time, reason: kind, counts: Vec::new() });
        }
        if let Some(alarm) = told.last_mut() {
            alarm.end_s = alarm.end_s.max(*time);
            match alarm.counts.iter_mut().find(|(other, _)| *other == kind) {
                Some((_, count)) => *count += 1,
                None => alarm.counts.push((kind, 1)),
            }
            let most = alarm.counts.iter().map(|(_, count)| *count).max().unwrap_or(0);
            alarm.reason =
                alarm.counts.iter().find(|(_, count)| *count == most).map_or(kind, |(kind, _)| kind);
        }
    }
    told
}
