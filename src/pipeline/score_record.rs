//! From a record to the model of its series, and from what the model says into the record.

use super::Pipeline;
use super::rating::AlarmEdge;
use super::scoring::ScoreOutcome;
use super::section::OddValue;
use super::series_model::Scoring;
use crate::bank::Observation;
use crate::time::Time;

/// What a number is that the host cannot print.
const NOT_FINITE: &str = "NaN or infinite";

impl Pipeline {
    /// Several sections that score one tag.
    #[inline(never)] // stack
    pub(super) fn score_all(&mut self, time: Time, record: &mut Vec<u8>) {
        let mut n = 0;
        let before = self.counters.scored;
        while let Some(&section) = self.route.get(n) {
            self.score(section, time, record);
            n += 1;
        }
        self.unscored.further_scores += (self.counters.scored - before).saturating_sub(1);
    }

    #[inline(always)] // speed
    pub(super) fn score(&mut self, at: u16, time: Time, record: &mut Vec<u8>) {
        let Some(mut section) = self.sections.get_mut(usize::from(at)) else { return };
        if !section.access.scan_sound(record) {
            if !self.mend_scored(at, record) {
                return;
            }
            let Some(mended) = self.sections.get_mut(usize::from(at)) else { return };
            section = mended;
        }
        if !section.includes(record) {
            return;
        }
        let observation = match section.read(record, time, &mut self.key) {
            Some(observation) => observation,
            None => match self.read_odd(at, time, record) {
                Some(observation) => observation,
                None => return,
            },
        };
        self.learn(at, observation, record);
    }

    /// A record whose value is no number, or whose time is no number of seconds.
    #[cold]
    #[inline(never)] // stack
    fn read_odd(&mut self, at: u16, time: Time, record: &[u8]) -> Option<Observation> {
        let section = self.sections.get_mut(usize::from(at))?;
        if let Some(mending) = &self.mending
            && mending.record == self.counters.records
            && section.access.found.is_mended_null(0, &mending.last)
        {
            self.counters.refused += 1;
            self.errors.not_a_number(section, NOT_FINITE);
            self.unscored.not_a_number(at, NOT_FINITE);
            return None;
        }
        match section.read_odd(record, time, &mut self.key) {
            OddValue::Point(observation) => return Some(observation),
            OddValue::NoKey => {}
            OddValue::Missing => self.unscored.missing(at, record, section.is_null(record)),
            OddValue::NotANumber(what) => {
                self.counters.refused += 1;
                self.unscored.not_a_number(at, what);
                self.errors.not_a_number(section, what);
            }
            OddValue::UnreadableTime(error) => {
                self.counters.unreadable_times += 1;
                self.tell_time(&error);
            }
        }
        None
    }

    /// A time ahead of the host's clock.
    #[cold]
    #[inline(never)] // stack
    pub(super) fn refuse_time(&mut self, at: u16, time: Time, ahead_s: i64) {
        self.counters.ahead += 1;
        if let Some(section) = self.sections.get(usize::from(at)) {
            let error = section.explain_ahead(time, ahead_s);
            self.tell_time(&error);
        }
    }

    /// What is wrong with a time goes into the record, and is counted.
    #[inline(never)] // stack
    pub(super) fn tell_time(&mut self, error: &str) {
        self.errors.add(error);
        self.unscored.no_time(error);
    }

    /// Scores and learns one observation of the series `self.key`.
    #[inline(always)] // speed
    fn learn(&mut self, at: u16, observation: Observation, record: &mut Vec<u8>) {
        if let Some(ahead_s) = self.time_bound.seconds_ahead(observation.time) {
            return self.refuse_time(at, observation.time, ahead_s);
        }
        self.time = observation.time;
        let outcome = self.bank.observe(at, &self.key, observation, Scoring(&mut self.anomaly));
        let has_peers = self.has_peers(at);
        if has_peers {
            let is_new = matches!(outcome, Some(Some(ScoreOutcome::Scored(_) | ScoreOutcome::WarmingUp)));
            self.ask_peers(at, observation, is_new, record);
        }
        match outcome.flatten() {
            Some(ScoreOutcome::Scored(scores)) => {
                self.counters.scored += 1;
                if let Some(anomaly) = &self.anomaly
                    && anomaly.rating.edge == Some(AlarmEdge::Start)
                {
                    self.counters.alarms += 1;
                }
                self.annotate_scored(at, observation, scores, record);
            }
            Some(ScoreOutcome::Repeated(scores)) => {
                self.counters.repeated += 1;
                self.annotate(at, scores, record);
            }
            Some(ScoreOutcome::TooLate) => self.counters.repeated += 1,
            Some(ScoreOutcome::WarmingUp) => {
                self.counters.warming_up += 1;
                self.annotate_with_bands(at, observation, None, record);
            }
            Some(ScoreOutcome::Refused(refusal)) => {
                self.counters.refused += 1;
                self.unscored.not_a_number(at, "a number that cannot be learned");
                if let Some(section) = self.sections.get(usize::from(at)) {
                    self.errors.refusal(section, refusal);
                }
            }
            None => {}
        }
        if has_peers {
            self.annotate_peers(at, record);
        }
    }

    /// Whether the series of a section are judged by each other.
    #[inline(always)] // speed
    fn has_peers(&self, at: u16) -> bool {
        self.sections
            .get(usize::from(at))
            .is_some_and(|section| !section.groups.is_empty() || section.fleet.is_some())
    }

    /// Lets the groups and the fleet of a section hear of a point; `is_new`: it did not come before.
    #[inline(always)] // stack
    fn ask_peers(&mut self, at: u16, observation: Observation, is_new: bool, record: &[u8]) {
        if is_new {
            self.ask_groups(at, observation, record);
        }
        self.ask_fleet(at, observation, is_new);
    }

    /// Writes what they said into a record that has its scores.
    #[inline(never)] // stack
    fn annotate_peers(&mut self, at: u16, record: &mut Vec<u8>) {
        if !self.group_verdicts.is_empty() {
            self.annotate_groups(at, record);
        }
        if let Some(report) = self.incident.take() {
            self.annotate_incident(at, &report, record);
        }
    }
}
