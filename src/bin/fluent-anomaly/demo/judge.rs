//! Alarms against what was planted.

use super::alarms::Score;
use super::incidents::{DAY, Incident};

/// How long a change may be felt in the scores, which are averages over T1 and T2, 15 points.
///
/// So long after its beginning a short incident may be found; so long after its end no alarm is a false one, since
/// the way back is a change too, but no finding either.
pub(super) const GRACE: u32 = 30;

/// Minutes above the threshold that are no further apart are one alarm.
const APART: u32 = 30;

/// An incident and what became of it.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) incident: Incident,
    /// The first minute above a threshold while it lasts, or within [`GRACE`] of its beginning.
    pub(super) found: Option<Sighting>,
    /// The highest of either score in that time, found or not.
    pub(super) peak: Option<Sighting>,
}

/// A score at a minute.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sighting {
    pub(super) minute: u32,
    pub(super) by: Score,
    /// 1 is the threshold.
    pub(super) strength: f64,
}

/// An alarm while nothing was planted.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FalseAlarm {
    pub(super) host: usize,
    /// Its highest minute.
    pub(super) peak: Sighting,
    last: u32,
}

/// The comparison, minute by minute.
#[derive(Debug)]
pub(super) struct Judge {
    hosts: Vec<HostCases>,
    pub(super) false_alarms: Vec<FalseAlarm>,
    /// Minutes of all hosts in which an alarm would have been a false one.
    quiet_minutes: u64,
}

#[derive(Debug, Default)]
struct HostCases {
    cases: Vec<Case>,
    /// Index of this host's last false alarm.
    last_false: Option<usize>,
}

impl Judge {
    pub(super) fn new(hosts: u32, incidents: &[Incident]) -> Self {
        let mut by_host: Vec<HostCases> = (0..hosts).map(|_| HostCases::default()).collect();
        for incident in incidents {
            if let Some(host) = by_host.get_mut(incident.host) {
                host.cases.push(Case { incident: incident.clone(), found: None, peak: None });
            }
        }
        Self { hosts: by_host, false_alarms: Vec::new(), quiet_minutes: 0 }
    }

    /// Takes the strengths of one host at one minute; minutes come in order. True when this finds an incident.
    pub(super) fn see(&mut self, host: usize, minute: u32, strengths: [Option<f64>; 2]) -> bool {
        let highest = Score::ALL
            .into_iter()
            .zip(strengths)
            .filter_map(|(by, strength)| Some(Sighting { minute, by, strength: strength? }))
            .max_by(|a, b| a.strength.total_cmp(&b.strength));
        let (Some(sighting), Some(mine)) = (highest, self.hosts.get_mut(host)) else { return false };
        let mut explained = false;
        let mut finds = false;
        for case in &mut mine.cases {
            let minutes = &case.incident.minutes;
            if !(minutes.start..minutes.end + GRACE).contains(&minute) {
                continue;
            }
            explained = true;
            if minute >= minutes.end.max(minutes.start + GRACE) {
                continue;
            }
            if case.peak.is_none_or(|peak| sighting.strength > peak.strength) {
                case.peak = Some(sighting);
            }
            if sighting.strength > 1.0 && case.found.is_none() {
                case.found = Some(sighting);
                finds = true;
            }
        }
        if explained {
            return finds;
        }
        self.quiet_minutes += 1;
        if sighting.strength <= 1.0 {
            return false;
        }
        match mine.last_false.and_then(|n| self.false_alarms.get_mut(n)) {
            Some(alarm) if minute - alarm.last <= APART => {
                alarm.last = minute;
                if sighting.strength > alarm.peak.strength {
                    alarm.peak = sighting;
                }
            }
            _ => {
                mine.last_false = Some(self.false_alarms.len());
                self.false_alarms.push(FalseAlarm { host, peak: sighting, last: minute });
            }
        }
        false
    }

    /// All incidents by time.
    pub(super) fn cases(&self) -> Vec<&Case> {
        let mut all: Vec<&Case> = self.hosts.iter().flat_map(|host| &host.cases).collect();
        all.sort_by_key(|case| (case.incident.minutes.start, case.incident.host));
        all
    }

    /// How much time was judged for false alarms, in days of one host.
    pub(super) fn quiet_days(&self) -> f64 {
        self.quiet_minutes as f64 / f64::from(DAY)
    }
}

#[cfg(test)]
mod tests {
    use super::super::incidents::Kind;
    use super::*;

    fn judge() -> Judge {
        let incident = Incident { kind: Kind::Drop, host: 1, minutes: 2000..2010, size: -0.5, period: None };
        Judge::new(2, &[incident])
    }

    #[test]
    fn an_alarm_before_the_incident_or_on_another_host_is_false_and_does_not_find_it() {
        let mut judge = judge();
        judge.see(1, 1999, [Some(1.1), None]);
        judge.see(0, 2005, [Some(1.1), None]);
        assert!(judge.cases()[0].found.is_none());
        assert_eq!(judge.false_alarms.len(), 2);
        assert_eq!(judge.quiet_minutes, 2);
    }

    #[test]
    fn the_first_score_above_the_threshold_counts_and_the_peak_is_kept() {
        let mut judge = judge();
        judge.see(1, 2000, [Some(0.9), Some(-0.2)]);
        judge.see(1, 2003, [Some(0.1), Some(1.5)]);
        judge.see(1, 2004, [Some(4.0), Some(1.6)]);
        let cases = judge.cases();
        assert_eq!(cases[0].found, Some(Sighting { minute: 2003, by: Score::Change, strength: 1.5 }));
        assert_eq!(cases[0].peak, Some(Sighting { minute: 2004, by: Score::Outlier, strength: 4.0 }));
        assert!(judge.false_alarms.is_empty());
        assert_eq!(judge.quiet_minutes, 0);
    }

    #[test]
    fn a_score_at_the_threshold_is_no_alarm() {
        let mut judge = judge();
        judge.see(1, 2000, [Some(1.0), Some(1.0)]);
        judge.see(0, 2000, [Some(1.0), Some(1.0)]);
        assert!(judge.cases()[0].found.is_none() && judge.false_alarms.is_empty());
    }

    #[test]
    fn a_short_incident_may_be_found_after_its_end() {
        for (minute, found, false_alarms) in [
            (2000 + GRACE - 1, true, 0),
            (2000 + GRACE, false, 0),
            (2010 + GRACE - 1, false, 0),
            (2010 + GRACE, false, 1),
        ] {
            let mut judge = judge();
            assert_eq!(judge.see(1, minute, [None, Some(2.0)]), found, "{minute}");
            assert_eq!(judge.cases()[0].found.is_some(), found, "{minute}");
            assert_eq!(judge.false_alarms.len(), false_alarms, "{minute}");
        }
    }

    #[test]
    fn the_return_from_a_long_incident_does_not_find_it() {
        let shift =
            Incident { kind: Kind::LevelShift, host: 0, minutes: 2000..2200, size: 0.1, period: None };
        let mut judge = Judge::new(1, &[shift]);
        judge.see(0, 2200, [Some(3.0), None]);
        assert!(judge.cases()[0].found.is_none() && judge.false_alarms.is_empty());
        assert!(judge.see(0, 2199, [Some(3.0), None]));
    }

    #[test]
    fn minutes_close_to_each_other_are_one_false_alarm() {
        let mut judge = judge();
        for minute in [3000, 3010, 3040, 3071] {
            judge.see(0, minute, [Some(f64::from(minute) / 1000.0), None]);
        }
        let minutes: Vec<u32> = judge.false_alarms.iter().map(|alarm| alarm.peak.minute).collect();
        assert_eq!(minutes, [3040, 3071]);
    }
}
