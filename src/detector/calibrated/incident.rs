//! Incidents: runs of rare points that are one event to the person on call.

use super::spec::AlarmBudget;
use crate::codec::{CodecError, Reader, Writer};
use crate::detector::min_max::smaller;

/// A young series pays for its alarms from what its budget has earned so far, s.
const YOUNG_S: f64 = 2.0 * 86_400.0;
/// Share of the budget's period that separates two alarms at most.
const HOLD_SHARE: f64 = 6.0;
/// An incident that goes on is a new one after this many holds.
const RENEWED: f64 = 3.0;
/// Decades by which a point must be rarer than the one its incident is known by, to be news.
const ESCALATION: f64 = 1.0;

/// A run of rare points, told by the times of its first and its latest point.
#[derive(Debug, Clone, Copy, PartialEq)]
struct RareRun {
    start_s: f64,
    last_s: f64,
}

impl RareRun {
    const NONE: Self = Self { start_s: f64::NEG_INFINITY, last_s: f64::NEG_INFINITY };

    /// Takes in a rare point; true if an incident begins with it.
    fn extend(&mut self, now_s: f64, hold_s: f64) -> bool {
        let begins = now_s - self.last_s > hold_s || now_s - self.start_s > RENEWED * hold_s;
        if begins {
            self.start_s = now_s;
        }
        self.last_s = now_s;
        begins
    }
}

/// Quiet time that ends an alarm, s.
fn alarm_hold_s(budget: AlarmBudget, hold_s: f64) -> f64 {
    smaller(hold_s, budget.period_s() / HOLD_SHARE)
}

/// The life of an alarm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum AlarmEvent {
    /// An alarm begins here, or one that never went quiet is due for a reminder; each counts against the budget.
    Started {
        /// Time of its first point, s.
        start_s: f64,
    },
    /// An alarm is over: it has been quiet long enough.
    Ended {
        /// Time of its first point, s.
        start_s: f64,
        /// Time of its last alarming point, s.
        end_s: f64,
    },
}

/// Alarms of one series, and the echo in its score; 48 bytes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Incidents {
    alarm: RareRun,
    /// An alarm has started and not ended.
    open: bool,
    /// Alarms while the series was young, saturating.
    spent: u32,
    echo: RareRun,
    /// Rarity of the point that the echo repeats, decades, 0..
    peak: f64,
}

impl Incidents {
    pub(super) const fn new() -> Self {
        Self { alarm: RareRun::NONE, open: false, spent: 0, echo: RareRun::NONE, peak: 0.0 }
    }

    /// Whether a point of this rarity (log10 s) alarms, and what happens to the alarm.
    pub(super) fn alarm(
        &mut self,
        now_s: f64,
        known_s: f64,
        log10_s: f64,
        budget: AlarmBudget,
        hold_s: f64,
    ) -> (bool, Option<AlarmEvent>) {
        let hold_s = alarm_hold_s(budget, hold_s);
        if log10_s > 0.0 && log10_s >= budget.log10_s() {
            let young = known_s < YOUNG_S;
            let running = self.open && now_s - self.alarm.last_s <= hold_s;
            let affordable = f64::from(self.spent) * budget.period_s() + budget.period_s() <= known_s;
            if running || !young || affordable {
                let begins = self.alarm.extend(now_s, hold_s) || !self.open;
                if begins {
                    self.alarm.start_s = now_s;
                    self.open = true;
                    self.spent = self.spent.saturating_add(u32::from(young));
                }
                return (true, begins.then_some(AlarmEvent::Started { start_s: now_s }));
            }
        }
        (false, self.end(now_s, hold_s))
    }

    /// The end of an alarm, if one is open and has been quiet long enough: all that can happen at an ordinary point.
    #[inline]
    pub(super) fn rest(&mut self, now_s: f64, budget: AlarmBudget, hold_s: f64) -> Option<AlarmEvent> {
        if self.open { self.end(now_s, alarm_hold_s(budget, hold_s)) } else { None }
    }

    fn end(&mut self, now_s: f64, hold_s: f64) -> Option<AlarmEvent> {
        if !self.open || now_s - self.alarm.last_s <= hold_s {
            return None;
        }
        self.open = false;
        Some(AlarmEvent::Ended { start_s: self.alarm.start_s, end_s: self.alarm.last_s })
    }

    /// Whether a rare point only repeats the incident it belongs to: then it is no longer rare.
    pub(super) fn echoes(&mut self, now_s: f64, rarity: f64, hold_s: f64) -> bool {
        let news = self.echo.extend(now_s, hold_s) || rarity >= self.peak + ESCALATION;
        if news {
            self.peak = rarity;
        }
        !news
    }

    /// Holds no time later than `time_s` any more.
    pub(super) fn rewind(&mut self, time_s: f64) {
        for run in [&mut self.alarm, &mut self.echo] {
            run.start_s = smaller(run.start_s, time_s);
            run.last_s = smaller(run.last_s, time_s);
        }
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.f64s(&[self.alarm.start_s, self.alarm.last_s, self.echo.start_s, self.echo.last_s, self.peak]);
        w.u8(u8::from(self.open));
        w.u32(self.spent);
    }

    pub(super) fn restore(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        const WHAT: &str = "incidents";
        let mut v = [0.0; 5];
        r.f64s(&mut v, WHAT)?;
        let open = r.u8(WHAT)?;
        let spent = r.u32(WHAT)?;
        let [start_s, last_s, echo_start_s, echo_last_s, peak] = v;
        if open > 1 || v.iter().any(|v| v.is_nan() || *v == f64::INFINITY) {
            return Err(CodecError::Invalid { what: WHAT });
        }
        Ok(Self {
            alarm: RareRun { start_s, last_s },
            open: open == 1,
            spent,
            echo: RareRun { start_s: echo_start_s, last_s: echo_last_s },
            peak,
        })
    }
}
