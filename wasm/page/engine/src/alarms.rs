//! The calibrated score of a series under a budget of alarms, point by point: what `alarms:` gives in a section.

use fluent_anomaly::detectors::{AlarmBudget, AlarmEvent, Calibrated, CalibratedSpec, Finite, Rarity};

use crate::json::Json;

/// An alarm, from its start to its last alarming point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Alarm {
    /// First alarming point, s, UTC.
    pub from_s: f64,
    /// Last alarming point, s, UTC.
    pub to_s: f64,
    /// Size of its largest point, in usual deviations.
    pub size: f64,
    /// What happened, a word of [`fluent_anomaly::detectors::ReasonKind`]; at the largest point, as the two numbers.
    pub reason: &'static str,
    /// What was seen.
    pub observed: f64,
    /// What is usual.
    pub expected: f64,
}

impl Alarm {
    fn to_json(self, log10_s: Option<f64>) -> String {
        Json::object(|members| {
            members.number("from", self.from_s).number("to", self.to_s).number("size", self.size);
            members.string("reason", self.reason);
            members.number("observed", self.observed).number("expected", self.expected);
            if let Some(log10_s) = log10_s {
                members.number("log10_s", log10_s);
            }
        })
    }
}

/// What a budget makes of a series.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Alarms {
    /// `anomaly_score` of each point of the series, 0..1; absent (NaN) during warm-up and for values that are none.
    pub scores: Vec<f64>,
    /// In the order of time.
    pub alarms: Vec<Alarm>,
    /// The first point that was judged, s, UTC.
    pub judged_from_s: Option<f64>,
    /// Where the budget is one for all series: points that are rare in this one, of which the others decide.
    pub candidates: Vec<Candidate>,
}

/// A point that is rare in its own series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// The point as an alarm of its own.
    pub alarm: Alarm,
    /// How rare it is: log10 of the seconds between two such points.
    pub log10_s: f64,
}

impl Alarms {
    /// Runs the calibrated score over points in the order in which they came.
    #[must_use]
    pub(crate) fn of(times: &[i64], values: &[f64], budget: AlarmBudget) -> Self {
        Self::run(times, values, budget, false)
    }

    /// The same under a budget for all series: what is rare in this one, as the filter asks its fleet.
    #[must_use]
    pub(crate) fn candidates(times: &[i64], values: &[f64]) -> Self {
        AlarmBudget::new(1.0, 3600.0)
            .map_or_else(|_| Self::default(), |budget| Self::run(times, values, budget, true))
    }

    fn run(times: &[i64], values: &[f64], budget: AlarmBudget, for_all: bool) -> Self {
        let spec = CalibratedSpec::new(budget);
        let mut series = Calibrated::new(&spec);
        let mut all = Self { scores: Vec::with_capacity(times.len()), ..Self::default() };
        let mut is_open = false;
        for (&time, &value) in times.iter().zip(values) {
            let rarity = match (Finite::new(time as f64), Finite::new(value)) {
                (Some(time), Some(value)) => series.update(&spec, time, value),
                _ => None,
            };
            all.scores.push(rarity.map_or(f64::NAN, |rarity| rarity.score));
            if let Some(rarity) = rarity {
                all.judged_from_s.get_or_insert(time as f64);
                all.follow(time as f64, &rarity, &mut is_open, for_all);
            }
        }
        all
    }

    fn follow(&mut self, time_s: f64, rarity: &Rarity, is_open: &mut bool, for_all: bool) {
        if let Some(AlarmEvent::Ended { .. }) = rarity.alarm {
            *is_open = false;
        }
        let Some(reason) = rarity.reason.filter(|_| rarity.is_alarm) else { return };
        let here = Alarm {
            from_s: time_s,
            to_s: time_s,
            size: rarity.size,
            reason: reason.kind.as_str(),
            observed: reason.observed,
            expected: reason.expected,
        };
        if for_all {
            self.candidates.push(Candidate { alarm: here, log10_s: rarity.unbounded_log10_s });
            return;
        }
        match self.alarms.last_mut().filter(|_| *is_open) {
            // sizes of one kind compare: those of a level are of the mean
            Some(alarm) if here.reason == alarm.reason && here.size > alarm.size => {
                *alarm = Alarm { from_s: alarm.from_s, ..here };
            }
            Some(alarm) => alarm.to_s = time_s,
            None => self.alarms.push(here),
        }
        *is_open = true;
    }

    /// `{"alarms": [{"from", "to", "size", "reason", "observed", "expected"}, ..], "candidates": [..], "judged_from": ..}`.
    #[must_use]
    pub fn to_json(&self) -> String {
        let alarms = Json::array(self.alarms.iter().map(|alarm| alarm.to_json(None)));
        let candidates = self.candidates.iter().map(|one| one.alarm.to_json(Some(one.log10_s)));
        let candidates = Json::array(candidates);
        Json::object(|all| {
            all.raw("alarms", &alarms);
            if !self.candidates.is_empty() {
                all.raw("candidates", &candidates);
            }
            if let Some(from) = self.judged_from_s {
                all.number("judged_from", from);
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 0 to 100, without a period: after a spike the spread of a series that repeats itself is news.
    fn noise(n: u64) -> f64 {
        let mixed = (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed >> 40) as f64 / f64::from(1_u32 << 24) * 100.0
    }

    #[test]
    fn a_spike_is_one_alarm_with_its_reason_and_its_size() {
        let times: Vec<i64> = (0..20_000).map(|minute| minute * 60).collect();
        let mut values: Vec<f64> = (0..20_000).map(noise).collect();
        values[15_000..15_005].fill(1e4);
        let found = Alarms::of(&times, &values, AlarmBudget::WEEKLY);
        assert_eq!(found.scores.len(), 20_000);
        assert!(found.scores[0].is_nan() && found.judged_from_s.is_some_and(|from| from < 3600.0));
        let [alarm] = found.alarms[..] else { panic!("{:?}", found.alarms) };
        assert_eq!((alarm.from_s, alarm.reason), (900_000.0, "spike"));
        assert!((900_240.0..=900_300.0).contains(&alarm.to_s), "{alarm:?}");
        assert!(alarm.size > 10.0 && alarm.observed == 1e4, "{alarm:?}");
    }
}
