//! What the last values tell by themselves: a counter's restart from a gauge's fall, a stuck value from a quiet one.

use super::checked_reads::{finite, within, within_u32};
use crate::codec::{CodecError, Reader, Writer};

/// Noise never rises this many times running.
const RISES: u32 = 30;

/// Noise hardly repeats itself this many times.
const REPEATS: u8 = 10;

/// Follows the last value and how it has been rising.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Counter {
    /// Last value, finite.
    last: f64,
    /// Increases since the last decrease; saturates at 1000, 30 matter.
    rises: u32,
    /// Mean increase a bucket, >= 0.
    slope: f64,
    /// Times that the last value has come again, 0..=10.
    repeats: u8,
}

impl Counter {
    pub(super) const fn new() -> Self {
        Self { last: 0.0, rises: 0, slope: 0.0, repeats: 0 }
    }

    /// Takes the first value.
    pub(super) fn begin(&mut self, y: f64) {
        self.last = y;
    }

    /// Takes the next value, `gap` buckets after the last; true when the counter started over.
    #[inline(always)] // speed
    pub(super) fn observe(&mut self, y: f64, gap: f64) -> bool {
        if self.is_counter() && self.starts_over(y) {
            self.repeats = 0;
            self.last = y;
            return true;
        }
        if y > self.last {
            self.rises = (self.rises + 1).min(1_000);
            let gain = if self.rises < 16 { 1.0 / f64::from(self.rises) } else { 1.0 / 16.0 };
            self.slope += gain * ((y - self.last) / gap - self.slope);
            self.repeats = 0;
        } else if y < self.last {
            self.rises = 0;
            self.repeats = 0;
        } else {
            self.repeats = (self.repeats + 1).min(REPEATS);
        }
        self.last = y;
        false
    }

    #[inline(never)] // speed: keeps the usual way small
    fn starts_over(&self, y: f64) -> bool {
        y >= 0.0 && y < 0.5 * self.last
    }

    /// The same value for ten points: nothing to learn about the noise.
    pub(super) const fn is_stuck(&self) -> bool {
        self.repeats >= REPEATS
    }

    pub(super) fn is_counter(&self) -> bool {
        self.rises >= RISES
    }

    /// From where to where a counter may stand `gap` buckets on; nothing for a gauge. A third of the usual
    /// increase to thrice of it: one that stalls is not excused.
    pub(super) fn reach(&self, gap: f64) -> Option<(f64, f64)> {
        let rise = self.slope * gap;
        self.is_counter().then_some((self.last + rise / 3.0, self.last + 3.0 * rise))
    }

    /// Last value plus the usual increase.
    pub(super) fn next(&self, gap: f64) -> f64 {
        self.last + self.slope * gap
    }

    pub(super) const fn last(&self) -> f64 {
        self.last
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.f64(self.last);
        w.varint(u64::from(self.rises));
        w.f64(self.slope);
        w.u8(self.repeats);
    }

    pub(super) fn restore(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            last: finite(r, "last value")?,
            rises: within_u32(r, 0..=1_000, "rises")?,
            slope: finite(r, "mean increase")?,
            repeats: within(r.u8("repeats")?, 0..=REPEATS, "repeats")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(rises: u32) -> Counter {
        let mut counter = Counter::new();
        counter.begin(1_000.0);
        for i in 1..=rises {
            assert!(!counter.observe(1_000.0 + f64::from(i) * 7.0, 1.0));
        }
        counter
    }

    #[test]
    fn a_fall_below_half_after_thirty_rises_is_a_reset() {
        assert!(after(30).observe(3.0, 1.0));
        assert!(!after(29).observe(3.0, 1.0));
        assert!(!after(30).observe(700.0, 1.0), "not below half");
        assert!(!after(30).observe(-3.0, 1.0), "counters are not negative");
    }

    #[test]
    fn a_reset_keeps_the_counter_and_a_fall_ends_it() {
        let mut counter = after(40);
        assert!(counter.observe(3.0, 1.0) && counter.is_counter());
        assert!(!counter.observe(2.0, 1.0) && !counter.is_counter());
    }

    #[test]
    fn the_reach_is_a_third_to_thrice_of_the_usual_increase() {
        assert_eq!(after(29).reach(1.0), None);
        assert_eq!(after(40).reach(3.0), Some((1_280.0 + 7.0, 1_280.0 + 63.0)));
    }

    #[test]
    fn a_value_that_comes_eleven_times_is_stuck() {
        let mut counter = Counter::new();
        counter.begin(4.0);
        for i in 1..=20 {
            counter.observe(4.0, 1.0);
            assert_eq!(counter.is_stuck(), i >= 10, "{i}");
        }
        counter.observe(4.5, 1.0);
        assert!(!counter.is_stuck());
    }
}
