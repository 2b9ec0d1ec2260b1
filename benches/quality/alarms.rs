//! The alarms of one series. They begin and end as `fluent-anomaly eval` lists them; `eval` gives most alarms the reason of
//! their first point.

use crate::finite;
use crate::recorded::Recorded;
use fluent_anomaly::detectors::{AlarmEvent, Calibrated, CalibratedSpec, Finite};

/// An alarm: its first and its last alarming point, s.
#[derive(Debug, Clone)]
pub(crate) struct Alarm {
    pub(crate) start_s: f64,
    pub(crate) end_s: f64,
    /// Points by their reason, in the order in which the reasons came.
    reasons: Vec<(&'static str, u32)>,
}

impl Alarm {
    /// Reason of most of its points, the first among equals.
    pub(crate) fn reason(&self) -> &'static str {
        self.reasons.iter().rev().max_by_key(|(_, points)| *points).map_or("", |(kind, _)| kind)
    }
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
            told.push(Alarm { start_s: *time, end_s: *time, reasons: Vec::new() });
        }
        if let Some(alarm) = told.last_mut() {
            alarm.end_s = alarm.end_s.max(*time);
            match alarm.reasons.iter_mut().find(|(other, _)| *other == kind) {
                Some((_, points)) => *points += 1,
                None => alarm.reasons.push((kind, 1)),
            }
        }
    }
    told
}
