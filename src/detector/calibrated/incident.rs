//! Incidents: runs of rare points that are one event to the person on call.

use super::spec::AlarmBudget;
use crate::codec::{CodecError, Reader, Writer};
use crate::detector::min_max::smaller;

/// A young series pays for its alarms from what its budget has earned so far, s.
const YOUNG_S: f64 = 2.0 * 86_400.0;
/// A run of rare points that goes on is a new one, for the score, after this many holds.
const RENEWED: f64 = 3.0;
/// Multiple of what the budget has earned, the advance included, that a series may spend at most.
const OVERSPENT: f64 = 1.5;
/// Size that prolongs an alarm of the value, usual deviations.
const PROLONGS: f64 = 2.5;
/// Time after an alarm for which the way back from it is no alarm, s; and how near the way back leads, as a share of the
/// way there.
const RETURN_S: f64 = 3.0 * 86_400.0;
const NEAR: f64 = 0.25;
/// Decades by which a point must be rarer than the one its incident is known by, to be news.
const ESCALATION: f64 = 2.0;

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

/// The life of an alarm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum AlarmEvent {
    /// An alarm begins here; each counts against the budget.
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

/// What a point must bring to be told whether it alarms.
#[derive(Debug, Clone, Copy)]
pub(super) struct AlarmContext {
    /// Latest time and time since the first point, s.
    pub(super) now_s: f64,
    pub(super) known_s: f64,
    /// log10 of the seconds between two incidents as rare as this point, 0..
    pub(super) log10_s: f64,
    /// Quiet time that separates two incidents, s.
    pub(super) hold_s: f64,
    /// Time whose promise may be spent in advance, s.
    pub(super) advance_s: f64,
    /// The value and what is usual, measured from the first value; NaN where the value is not what alarms.
    pub(super) value: f64,
    pub(super) usual: f64,
    /// Distance of the value from what is usual, usual deviations.
    pub(super) size: f64,
    /// What the value was predicted to be, measured so too; the mean where that is what alarms.
    pub(super) predicted: f64,
}

/// Alarms of one series, and the echo in its score; 72 bytes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Incidents {
    alarm: RareRun,
    /// An alarm has started and not ended.
    open: bool,
    /// It began with what had been drifting away for some time.
    drifting: bool,
    /// Alarms so far, saturating.
    spent: u32,
    /// Time of the latest point that was rare enough for an alarm, s.
    rare_s: f64,
    /// What was usual when the latest alarm began, and the value that lay farthest from it since; NaN for none.
    usual: f64,
    farthest: f64,
    echo: RareRun,
    /// Rarity of the point that the echo repeats, decades, 0..
    peak: f64,
}

impl Incidents {
    pub(super) const fn new() -> Self {
        Self {
            alarm: RareRun::NONE,
            open: false,
            drifting: false,
            spent: 0,
            rare_s: f64::NEG_INFINITY,
            usual: f64::NAN,
            farthest: f64::NAN,
            echo: RareRun::NONE,
            peak: 0.0,
        }
    }

    /// Whether a point alarms, and what happens to the alarm. An alarm goes on until a point has come that lies more
    /// than the hold behind its last alarming one, so that each start has its end.
    pub(super) fn alarm(&mut self, at: &AlarmContext, budget: AlarmBudget) -> (bool, Option<AlarmEvent>) {
        if !budget.allows(at.log10_s) {
            return (false, self.end(at.now_s, at.hold_s));
        }
        if self.open {
            // the traces of an incident, such as the spread that it leaves, do not prolong it, but it is not over while
            // there are any
            self.rare_s = at.now_s;
            if !self.usual.is_nan() && at.size < PROLONGS {
                return (false, None);
            }
            self.alarm.last_s = at.now_s;
            if (at.value - self.usual).abs() > (self.farthest - self.usual).abs() {
                self.farthest = at.value;
            }
            return (true, None);
        }
        if !self.is_affordable(at, budget) || self.is_way_back(at) {
            return (false, None);
        }
        self.alarm = RareRun { start_s: at.now_s, last_s: at.now_s };
        self.open = true;
        self.rare_s = at.now_s;
        self.spent = self.spent.saturating_add(1);
        self.usual = at.usual;
        self.farthest = at.value;
        (true, Some(AlarmEvent::Started { start_s: at.now_s }))
    }

    /// Whether an alarming point belongs to a drift: `is_slow` says so of itself, and the alarm began with such a point.
    pub(super) fn drifts(&mut self, is_slow: bool, begins: bool) -> bool {
        if begins {
            self.drifting = is_slow;
        }
        is_slow && self.drifting
    }

    /// Whether the budget allows for one more alarm.
    fn is_affordable(&self, at: &AlarmContext, budget: AlarmBudget) -> bool {
        let cost_s = (f64::from(self.spent) + 1.0) * budget.period_s();
        let earned_s =
            if at.known_s < YOUNG_S { at.known_s } else { OVERSPENT * (at.known_s + at.advance_s) };
        cost_s <= earned_s
    }

    /// Whether the value only comes back to where it was before the latest alarm: that is its end, not news.
    fn is_way_back(&self, at: &AlarmContext) -> bool {
        // false where one is NaN
        let left = (at.value - self.usual).abs();
        at.now_s - self.alarm.last_s <= RETURN_S
            && left <= NEAR * (self.farthest - self.usual).abs()
            && left <= (at.predicted - self.usual).abs()
    }

    /// The end of an alarm, if one is open and has been quiet long enough: all that can happen at an ordinary point.
    #[inline]
    pub(super) fn rest(&mut self, now_s: f64, hold_s: f64) -> Option<AlarmEvent> {
        if self.open { self.end(now_s, hold_s) } else { None }
    }

    fn end(&mut self, now_s: f64, hold_s: f64) -> Option<AlarmEvent> {
        if !self.open || now_s - self.rare_s <= hold_s {
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
        self.rare_s = smaller(self.rare_s, time_s);
        for run in [&mut self.alarm, &mut self.echo] {
            run.start_s = smaller(run.start_s, time_s);
            run.last_s = smaller(run.last_s, time_s);
        }
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.f64s(&[
            self.alarm.start_s,
            self.alarm.last_s,
            self.rare_s,
            self.echo.start_s,
            self.echo.last_s,
            self.peak,
        ]);
        w.f64s(&[self.usual, self.farthest]);
        w.u8(u8::from(self.open) + 2 * u8::from(self.drifting));
        w.u32(self.spent);
    }

    pub(super) fn restore(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        const WHAT: &str = "incidents";
        let mut v = [0.0; 6];
        r.f64s(&mut v, WHAT)?;
        let mut way = [0.0; 2];
        r.f64s(&mut way, WHAT)?;
        let [usual, farthest] = way;
        let open = r.u8(WHAT)?;
        let spent = r.u32(WHAT)?;
        let [start_s, last_s, rare_s, echo_start_s, echo_last_s, peak] = v;
        if open > 3
            || v.iter().any(|v| v.is_nan() || *v == f64::INFINITY)
            || way.iter().any(|v| v.is_infinite())
        {
            return Err(CodecError::Invalid { what: WHAT });
        }
        Ok(Self {
            alarm: RareRun { start_s, last_s },
            open: open & 1 == 1,
            drifting: open & 2 == 2,
            spent,
            rare_s,
            usual,
            farthest,
            echo: RareRun { start_s: echo_start_s, last_s: echo_last_s },
            peak,
        })
    }
}
