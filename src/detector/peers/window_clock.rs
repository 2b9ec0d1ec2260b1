//! Which interval of a group is open, by the times of its records.

use super::spec::GroupSpec;
use crate::codec::{CodecError, Reader, Writer};
use crate::time::{ClockDoubt, StepDoubt};

/// The clock of one group. Of two neighbouring intervals both take values; the older one closes when a record comes that
/// lies the delay behind its end.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct WindowClock {
    /// Number of the older open interval; `None` before the first record.
    open: Option<i64>,
    doubt: ClockDoubt,
}

/// What a record does to the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WindowMove {
    /// It belongs to the older open interval, or to the next one.
    Open {
        /// The next one.
        is_next: bool,
    },
    /// Its interval is closed, or its time is doubted.
    Outside,
}

impl WindowClock {
    pub(super) const NEW: Self = Self { open: None, doubt: ClockDoubt::NONE };

    /// Moves on to `time_s`; returns what becomes of the record, and how many intervals close: `None` where the clock was
    /// wrong and begins anew.
    #[inline]
    pub(super) fn take(&mut self, spec: &GroupSpec, time_s: i64) -> (WindowMove, Option<i64>) {
        let interval_s = i64::from(spec.interval_s());
        let own = time_s.div_euclid(interval_s);
        let number = time_s.saturating_sub(i64::from(spec.delay_s())).div_euclid(interval_s);
        let Some(open) = self.open else {
            self.open = Some(number);
            return (WindowMove::Open { is_next: own > number }, Some(0));
        };
        if (own == open || own == open.saturating_add(1)) && number <= open {
            if !self.doubt.is_none() {
                self.doubt.clear();
            }
            return (WindowMove::Open { is_next: own > open }, Some(0));
        }
        self.move_to(spec, time_s, own, number, open)
    }

    #[inline(never)] // stack
    fn move_to(
        &mut self,
        spec: &GroupSpec,
        time_s: i64,
        own: i64,
        number: i64,
        open: i64,
    ) -> (WindowMove, Option<i64>) {
        let doubt = self.doubt.take_step(time_s, number, open, i64::from(spec.interval_s()));
        let closed = match doubt {
            StepDoubt::Doubted => return (WindowMove::Outside, Some(0)),
            _ if number > open => Some(number.saturating_sub(open)),
            StepDoubt::Near => return (WindowMove::Outside, Some(0)),
            StepDoubt::Wrong => None,
        };
        self.open = Some(number);
        (WindowMove::Open { is_next: own > number }, closed)
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.i64(self.open.unwrap_or(i64::MIN));
        self.doubt.save(w);
    }

    pub(super) fn restore(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        let open = Some(r.i64("interval of a group")?).filter(|&open| open != i64::MIN);
        Ok(Self { open, doubt: ClockDoubt::restore(r)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detector::peers::{GroupTest, PeerAlgorithm, PeerTest};

    fn spec() -> GroupSpec {
        let test = PeerTest { algorithm: PeerAlgorithm::Mad, tolerance: 3.0, percent: 0.0 };
        GroupSpec::new(GroupTest::Fixed(test), 60, 1, 15, 3).unwrap()
    }

    const OPEN: WindowMove = WindowMove::Open { is_next: false };
    const NEXT: WindowMove = WindowMove::Open { is_next: true };

    #[test]
    fn an_interval_closes_a_delay_behind_its_end() {
        let mut clock = WindowClock::NEW;
        let found: Vec<_> = [0, 59, 60, 74, 58, 75, 59].map(|s| clock.take(&spec(), 6000 + s)).into();
        let expected = [
            // the first record lies within the delay of the interval before
            (NEXT, Some(0)),
            (OPEN, Some(1)),
            (NEXT, Some(0)),
            (NEXT, Some(0)),
            (OPEN, Some(0)),
            (OPEN, Some(1)),
            (WindowMove::Outside, Some(0)),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn one_record_from_the_future_does_not_close_anything_and_three_do() {
        let mut clock = WindowClock::NEW;
        clock.take(&spec(), 6030);
        assert_eq!(clock.take(&spec(), 900_000), (WindowMove::Outside, Some(0)));
        assert_eq!(clock.take(&spec(), 6031), (OPEN, Some(0)));
        for _ in 0..2 {
            assert_eq!(clock.take(&spec(), 900_030), (WindowMove::Outside, Some(0)));
        }
        assert_eq!(clock.take(&spec(), 900_030), (OPEN, Some(14_900)));
    }

    #[test]
    fn a_clock_that_was_wrong_begins_anew() {
        let mut clock = WindowClock::NEW;
        clock.take(&spec(), 900_030);
        for _ in 0..4 {
            assert_eq!(clock.take(&spec(), 6030), (WindowMove::Outside, Some(0)));
        }
        assert_eq!(clock.take(&spec(), 6030), (OPEN, None));
    }
}
