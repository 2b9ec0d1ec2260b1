//! The pace of the host's clock: it moves the clock of a section on while no record of it comes, so that silence is
//! seen.
//!
//! The time of the events may lie behind the host's by any amount, as with a file that is read after the fact. So a
//! clock is never set to the host's time: it goes on from the last record's time as the host's goes on.

use super::section_clock::NEVER;
use crate::codec::{CodecError, Reader, Writer};
use crate::time::ClockDoubt;

/// A longer time without any record is no silence of a section, but one of the host, s.
const PAUSE_S: i64 = 600;

/// How far the records of one section lie behind the host's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lag {
    /// Seconds, >= 0; [`NEVER`] before the first record with a known time of the host. It grows by each pause.
    lag_s: i64,
    /// The same as the last record had it.
    usual_s: i64,
    /// No record came since the host's clock moved.
    is_stale: bool,
}

impl Lag {
    pub(super) const NEW: Self = Self { lag_s: NEVER, usual_s: NEVER, is_stale: false };
}

/// The host's clock in whole seconds, and the lag of each section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostPace {
    /// [`NEVER`] while it is unknown.
    host_s: i64,
    /// Second of the event for which the host's clock was read last.
    pub(super) asked_s: i64,
    lags: Vec<Lag>,
}

impl HostPace {
    pub(super) fn new(sections: usize) -> Self {
        Self { host_s: NEVER, asked_s: NEVER, lags: vec![Lag::NEW; sections] }
    }

    pub(super) fn clear(&mut self) {
        (self.host_s, self.asked_s) = (NEVER, NEVER);
        self.lags.fill(Lag::NEW);
    }

    /// A time of an event as far as it may move a clock: the future does not.
    #[inline]
    pub(super) fn bounded(&self, time_s: i64) -> i64 {
        if self.host_s == NEVER { time_s } else { time_s.min(self.host_s) }
    }

    /// Whether a record of this section may change its lag.
    #[inline]
    pub(super) fn is_stale(&self, section: u16) -> bool {
        self.lags.get(usize::from(section)).is_some_and(|lag| lag.is_stale)
    }

    /// The clock of a section follows a record of this time, bounded.
    pub(super) fn follow(&mut self, section: u16, time_s: i64) {
        if self.host_s != NEVER
            && let Some(lag) = self.lags.get_mut(usize::from(section))
        {
            let lag_s = self.host_s.saturating_sub(time_s).max(0);
            *lag = Lag { lag_s, usual_s: lag_s, is_stale: false };
        }
    }

    /// Whether a record of this time lies as far behind the host as the last one did: then its time is right, however
    /// long none came.
    pub(super) fn is_usual(&self, section: u16, time_s: i64) -> bool {
        let usual_s = self.lags.get(usize::from(section)).map_or(NEVER, |lag| lag.usual_s);
        let lag_s = self.host_s.saturating_sub(time_s);
        usual_s != NEVER
            && self.host_s != NEVER
            && lag_s.abs_diff(usual_s) <= ClockDoubt::FAR_S.unsigned_abs()
    }

    /// The host's clock says `host_s`; `clocks`: those of the sections. A clock then may go on to [`HostPace::due_s`].
    pub(super) fn tick(&mut self, host_s: i64, asked_s: i64, clocks: impl Iterator<Item = i64>) {
        let step_s = if self.host_s == NEVER { NEVER } else { host_s.saturating_sub(self.host_s) };
        self.asked_s = asked_s;
        self.host_s = host_s;
        for (lag, clock_s) in self.lags.iter_mut().zip(clocks) {
            if clock_s == NEVER {
                continue;
            }
            if lag.lag_s == NEVER {
                lag.lag_s = host_s.saturating_sub(clock_s);
                lag.usual_s = lag.lag_s;
            } else if !(0..=PAUSE_S).contains(&step_s) {
                // the host stood still, or its clock was set: no time has passed for the series
                lag.lag_s = lag.lag_s.saturating_add(step_s);
            }
            lag.is_stale = true;
        }
    }

    /// How far the clock of a section has come by the host's.
    pub(super) fn due_s(&self, section: u16) -> i64 {
        let lag_s = self.lags.get(usize::from(section)).map_or(NEVER, |lag| lag.lag_s);
        if lag_s == NEVER || self.host_s == NEVER { NEVER } else { self.host_s.saturating_sub(lag_s) }
    }

    pub(super) fn is_unknown(&self) -> bool {
        self.host_s == NEVER
    }

    /// Appends the state of one section.
    pub(super) fn save(&self, section: u16, w: &mut Writer<'_>) {
        let lag = self.lags.get(usize::from(section)).copied().unwrap_or(Lag::NEW);
        w.i64(self.host_s);
        w.i64(self.asked_s);
        w.i64(lag.lag_s);
        w.i64(lag.usual_s);
        w.u8(u8::from(lag.is_stale));
    }

    /// The inverse of [`HostPace::save`]; the host's clock is the same in all sections.
    ///
    /// # Errors
    /// When the bytes end early.
    pub(super) fn restore(&mut self, section: u16, r: &mut Reader<'_>) -> Result<(), CodecError> {
        const WHAT: &str = "pace of the host";
        self.host_s = r.i64(WHAT)?;
        self.asked_s = r.i64(WHAT)?;
        let lag = Lag { lag_s: r.i64(WHAT)?, usual_s: r.i64(WHAT)?, is_stale: r.u8(WHAT)? != 0 };
        if let Some(ours) = self.lags.get_mut(usize::from(section)) {
            *ours = lag;
        }
        Ok(())
    }
}
