//! Whether a clock made of event times is wrong: one record may be, several that agree are not.

use crate::codec::{CodecError, Reader, Writer};

/// Records in a row that contradict a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct ClockDoubt {
    count: u8,
    /// Time of the latest of them, s.
    time_s: i64,
}

/// What a clock that goes in steps makes of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StepDoubt {
    /// It lies near the clock.
    Near,
    /// It lies far from the clock, and is not believed yet.
    Doubted,
    /// It lies far from the clock, and so do enough records before it: the clock is wrong.
    Wrong,
}

/// Records in a row that move a clock of steps ahead by more than [`ClockDoubt::FAR_S`].
const ENOUGH_AHEAD: u8 = 3;
/// Records in a row that set it back: a source may send a few that were delayed.
const ENOUGH_BEHIND: u8 = 5;

impl ClockDoubt {
    /// Times up to so far from a clock do not contradict it, s: clocks of hosts differ by less.
    pub(crate) const FAR_S: i64 = 600;

    /// No doubt.
    pub(crate) const NONE: Self = Self { count: 0, time_s: 0 };

    /// No record contradicts the clock.
    #[must_use]
    pub(crate) fn is_none(&self) -> bool {
        self.count == 0
    }

    /// A record agrees with the clock.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Counts a record at `time_s` that contradicts a clock at `clock_s`. True, and the count begins anew, once
    /// `enough` in a row agree with each other. A record that does not contradict the clock clears the count.
    pub(crate) fn add(&mut self, time_s: i64, clock_s: i64, enough: u8) -> bool {
        let distance_s = time_s.abs_diff(clock_s);
        if distance_s <= Self::FAR_S.unsigned_abs() {
            self.clear();
            return false;
        }
        // rare records lie far from each other, too, yet nearer than to a clock that is wrong
        let apart_s = Self::FAR_S.unsigned_abs().max(distance_s / 2);
        let agrees = self.count > 0 && time_s.abs_diff(self.time_s) <= apart_s;
        self.count = if agrees { self.count.saturating_add(1) } else { 1 };
        self.time_s = time_s;
        let is_wrong = self.count >= enough;
        if is_wrong {
            self.clear();
        }
        is_wrong
    }

    /// Takes a record at `time_s`, which wants a clock that is at step `clock` to be at step `wanted`; a step has `step_s`
    /// seconds. Neighbouring steps are near, however long they are.
    #[inline]
    pub(crate) fn take_step(&mut self, time_s: i64, wanted: i64, clock: i64, step_s: i64) -> StepDoubt {
        let clock_s = clock.saturating_mul(step_s);
        if wanted.abs_diff(clock) <= 1 || time_s.abs_diff(clock_s) <= Self::FAR_S.unsigned_abs() {
            self.clear();
            return StepDoubt::Near;
        }
        let enough = if wanted > clock { ENOUGH_AHEAD } else { ENOUGH_BEHIND };
        if self.add(time_s, clock_s, enough) { StepDoubt::Wrong } else { StepDoubt::Doubted }
    }

    /// Appends the state.
    pub(crate) fn save(&self, w: &mut Writer<'_>) {
        w.u8(self.count);
        w.i64(self.time_s);
    }

    /// The inverse of [`ClockDoubt::save`].
    ///
    /// # Errors
    /// When the bytes end early.
    pub(crate) fn restore(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        const WHAT: &str = "doubt about a clock";
        Ok(Self { count: r.u8(WHAT)?, time_s: r.i64(WHAT)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_in_a_row_show_that_a_clock_was_set_by_one_from_the_future() {
        let mut doubt = ClockDoubt::default();
        let found = [0, 60, 120].map(|s| doubt.add(1_700_000_000 + s, 1_900_000_000, 3));
        assert_eq!(found, [false, false, true]);
        assert!(doubt.is_none());
    }

    #[test]
    fn records_that_disagree_with_each_other_do_not_add_up() {
        let mut doubt = ClockDoubt::default();
        for time_s in [1_000_000, 1_900_000_000, 1_000_000, 1_900_000_000] {
            assert!(!doubt.add(time_s, 1_700_000_000, 2), "{time_s}");
        }
        assert!(doubt.add(1_900_000_060, 1_700_000_000, 2));
    }

    #[test]
    fn one_record_in_time_ends_the_doubt() {
        let mut doubt = ClockDoubt::default();
        assert!(!doubt.add(5000, 0, 2) && !doubt.add(600, 0, 2) && !doubt.add(5000, 0, 2));
        assert!(doubt.add(5060, 0, 2));
    }

    #[test]
    fn records_a_day_apart_agree_after_a_gap_of_a_day() {
        let day = 86_400;
        let mut doubt = ClockDoubt::default();
        assert_eq!([day, 2 * day, 3 * day].map(|time_s| doubt.add(time_s, 0, 3)), [false, false, true]);
    }
}
