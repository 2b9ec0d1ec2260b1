//! One fleet: all series of a section.

use super::incident::{Incident, IncidentEvent, IncidentReport};
use super::threshold::{Threshold, block_s};
use crate::codec::{CodecError, Reader, Writer};
use crate::detector::calibrated::AlarmBudget;
use crate::time::ClockDoubt;

/// Quiet time that ends an incident, s; at most a share of the budget's period.
const HOLD_S: f64 = 3600.0;
const HOLD_SHARE: f64 = 6.0;
/// Time in which a fleet neither alarms nor counts, s: young series are no measure of what they will do.
const YOUNG_S: i64 = 2 * 86_400;
/// A fleet wants to be asked so often, s, whatever its points are.
const TICK_S: i64 = 300;
/// Points in a row that move the clock far ahead, or back.
const ENOUGH: u8 = 3;

/// What a point is told.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FleetAnswer {
    /// It alarms.
    pub is_alarm: bool,
    /// Its series joins the incident with it.
    pub joins: bool,
    /// What is to be told of the incident.
    pub report: Option<IncidentReport>,
}

/// Streaming state of one fleet.
#[derive(Debug, Clone, PartialEq)]
pub struct Fleet {
    /// Latest time, s; none before the first point.
    now_s: Option<i64>,
    doubt: ClockDoubt,
    /// Time from which on it counts, s.
    counts_from_s: i64,
    /// Time at which the block at hand ends, s.
    block_end_s: i64,
    /// Series that are there.
    series: f64,
    threshold: Threshold,
    incident: Option<Incident>,
}

impl Fleet {
    /// A fleet of which nothing is known.
    #[must_use]
    pub fn new() -> Self {
        Self {
            now_s: None,
            doubt: ClockDoubt::NONE,
            counts_from_s: 0,
            block_end_s: 0,
            series: 0.0,
            threshold: Threshold::NEW,
            incident: None,
        }
    }

    /// Time from which on the fleet wants to hear how many series there are, s.
    #[must_use]
    pub fn next_tick_s(&self) -> i64 {
        self.now_s.map_or(i64::MIN, |now_s| now_s.saturating_add(TICK_S))
    }

    /// Hears how many series there are.
    pub fn tick(&mut self, budget: AlarmBudget, time_s: i64, series: f64) -> FleetAnswer {
        self.series = series;
        self.advance(budget, time_s);
        FleetAnswer { report: self.rest(budget), ..FleetAnswer::default() }
    }

    /// Judges a point of the series `id` that is rare in its own past. `log10_s`: how rare; `size`: how large, usual
    /// deviations.
    pub fn observe(
        &mut self,
        budget: AlarmBudget,
        time_s: i64,
        id: u32,
        log10_s: f64,
        size: f32,
    ) -> FleetAnswer {
        if !self.advance(budget, time_s) {
            return FleetAnswer::default();
        }
        if let Some(ended) = self.rest(budget) {
            return FleetAnswer { report: Some(ended), ..FleetAnswer::default() };
        }
        let threshold = self.threshold.log10_s();
        // what belongs to an open incident is no further one
        if self.incident.is_none() && threshold.is_finite() {
            self.threshold.count(log10_s);
        }
        if log10_s < threshold {
            return FleetAnswer::default();
        }
        let (joins, report) = match &mut self.incident {
            Some(incident) => incident.add(time_s, id, size),
            None => {
                self.threshold.begin();
                let incident = self.incident.insert(Incident::new(time_s, id, size));
                (true, Some(incident.report(IncidentEvent::Start)))
            }
        };
        FleetAnswer { is_alarm: true, joins, report }
    }

    /// Moves the clock; false where the time contradicts it.
    fn advance(&mut self, budget: AlarmBudget, time_s: i64) -> bool {
        let block = block_s(budget) as i64;
        let Some(now_s) = self.now_s else {
            self.now_s = Some(time_s);
            self.counts_from_s = time_s.saturating_add(YOUNG_S);
            self.block_end_s = self.counts_from_s.saturating_add(block);
            return true;
        };
        let is_far = time_s.abs_diff(now_s) > ClockDoubt::FAR_S.unsigned_abs();
        if is_far && !self.doubt.add(time_s, now_s, ENOUGH) {
            return false;
        }
        if !is_far && !self.doubt.is_none() {
            self.doubt.clear();
        }
        if time_s < now_s && !is_far {
            return true;
        }
        self.now_s = Some(time_s);
        if time_s < self.counts_from_s {
            return true;
        }
        if self.threshold.log10_s().is_infinite() {
            self.threshold.find(budget, self.series);
        }
        if time_s < now_s || time_s.saturating_sub(self.block_end_s) > 2 * block {
            // the clock was wrong, or nothing came for long: no blocks have passed
            self.block_end_s = time_s.saturating_add(block);
        } else if time_s >= self.block_end_s {
            let blocks = 1 + (time_s - self.block_end_s) / block.max(1);
            self.threshold.close(blocks as f64, budget, self.series);
            self.block_end_s += blocks * block;
        }
        true
    }

    /// The end of the incident, where it has been quiet for long enough.
    fn rest(&mut self, budget: AlarmBudget) -> Option<IncidentReport> {
        let hold_s = HOLD_S.min(budget.period_s() / HOLD_SHARE) as i64;
        let now_s = self.now_s?;
        let incident = self.incident.as_mut()?;
        if now_s.saturating_sub(incident.last_s) <= hold_s && incident.last_s <= now_s.saturating_add(hold_s)
        {
            return None;
        }
        let report = incident.report(IncidentEvent::End);
        self.incident = None;
        Some(report)
    }

    /// Appends the state.
    pub fn save(&self, w: &mut Writer<'_>) {
        w.i64(self.now_s.unwrap_or(i64::MIN));
        self.doubt.save(w);
        w.i64(self.counts_from_s);
        w.i64(self.block_end_s);
        w.f64(self.series);
        self.threshold.save(w);
        w.u8(u8::from(self.incident.is_some()));
        if let Some(incident) = &self.incident {
            incident.save(w);
        }
    }

    /// The inverse of [`Fleet::save`].
    ///
    /// # Errors
    /// When the bytes were not written by `save`.
    pub fn restore(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        const WHAT: &str = "fleet";
        let now_s = Some(r.i64(WHAT)?).filter(|&now_s| now_s != i64::MIN);
        let doubt = ClockDoubt::restore(r)?;
        let counts_from_s = r.i64(WHAT)?;
        let block_end_s = r.i64(WHAT)?;
        let series = r.f64(WHAT)?;
        let threshold = Threshold::restore(r)?;
        let incident = match r.u8(WHAT)? {
            0 => None,
            1 => Some(Incident::restore(r)?),
            _ => return Err(CodecError::Invalid { what: WHAT }),
        };
        if !(series >= 0.0 && series.is_finite()) {
            return Err(CodecError::Invalid { what: WHAT });
        }
        Ok(Self { now_s, doubt, counts_from_s, block_end_s, series, threshold, incident })
    }
}

impl Default for Fleet {
    fn default() -> Self {
        Self::new()
    }
}
