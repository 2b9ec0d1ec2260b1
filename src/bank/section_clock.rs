//! The clock of a section: the latest time of its records, in steps. Silent series are measured by it.

use crate::time::{ClockDoubt, StepDoubt};

/// No step yet.
pub(super) const NEVER: i64 = i64::MIN;

/// The clock of one section.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct SectionClock {
    /// Number of the latest step; [`NEVER`] before the first record.
    pub(super) number: i64,
    pub(super) doubt: ClockDoubt,
}

/// What a record does to the clock of its section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClockMove {
    None,
    Forward,
    /// It was wrong.
    Back,
}

impl SectionClock {
    pub(super) const NEW: Self = Self { number: NEVER, doubt: ClockDoubt::NONE };

    /// Takes a record of the step `number`; a step has `step_s` seconds.
    #[inline]
    pub(super) fn take(&mut self, number: i64, step_s: i64) -> ClockMove {
        if number == self.number && self.doubt.is_none() {
            return ClockMove::None;
        }
        self.move_to(number, step_s)
    }

    /// Takes a later step that is beyond doubt.
    pub(super) fn jump(&mut self, number: i64) -> ClockMove {
        *self = Self { number, ..Self::NEW };
        ClockMove::Forward
    }

    #[inline(never)] // speed
    fn move_to(&mut self, number: i64, step_s: i64) -> ClockMove {
        if self.number == NEVER {
            self.number = number;
            return ClockMove::None;
        }
        let is_ahead = number > self.number;
        match self.doubt.take_step(number.saturating_mul(step_s), number, self.number, step_s) {
            StepDoubt::Near if is_ahead => {}
            StepDoubt::Wrong => {}
            StepDoubt::Near | StepDoubt::Doubted => return ClockMove::None,
        }
        self.number = number;
        if is_ahead { ClockMove::Forward } else { ClockMove::Back }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moves(times_s: &[i64]) -> Vec<ClockMove> {
        let mut clock = SectionClock::NEW;
        times_s.iter().map(|time_s| clock.take(time_s.div_euclid(60), 60)).collect()
    }

    #[test]
    fn one_record_from_the_future_does_not_move_it() {
        use ClockMove::{Forward, None};
        assert_eq!(moves(&[0, 60, 200_000_000, 120]), [None, Forward, None, Forward]);
    }

    #[test]
    fn after_a_gap_it_moves_with_the_third_record() {
        use ClockMove::{Forward, None};
        assert_eq!(moves(&[0, 60, 7200, 7260, 7320, 7380]), [None, Forward, None, None, Forward, Forward]);
    }

    #[test]
    fn a_clock_that_was_wrong_is_set_back_by_five_records_that_agree() {
        let mut clock = SectionClock { number: 1 << 40, ..SectionClock::NEW };
        let found: Vec<_> = (0..6).map(|n| clock.take(1000 + n, 60)).collect();
        assert_eq!(found[..4], [ClockMove::None; 4]);
        assert_eq!(found[4..], [ClockMove::Back, ClockMove::Forward]);
    }
}
