//! Points that lie off the forecast on one side, running: the beginning of a level shift.

use super::checked_reads::{finite, within_u32};
use crate::codec::{CodecError, Reader, Writer};

/// Beyond two seasons of the finest profile nothing waits for more.
const MOST: i32 = 1_000_000;

/// A leaky run: points inside shorten it by one, a point on the other side ends it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct OutlierRun {
    /// Signed length, +-1e6.
    length: i32,
    /// n_f: points in `mean`.
    points: u32,
    /// f: fast mean of the errors of the run, finite.
    mean: f64,
}

impl OutlierRun {
    pub(super) const fn new() -> Self {
        Self { length: 0, points: 0, mean: 0.0 }
    }

    pub(super) const fn length(&self) -> u32 {
        self.length.unsigned_abs()
    }

    /// Takes the error of the next point; `gain` is the least gain of the mean.
    #[inline(always)] // speed
    pub(super) fn step(&mut self, error: f64, out: bool, gain: f64) {
        if out {
            self.extend(error, gain);
        } else if self.length != 0 {
            self.shorten();
        }
    }

    #[cold]
    #[inline(never)] // speed: keeps the usual way small
    fn shorten(&mut self) {
        self.length -= self.length.signum();
        if self.length == 0 {
            self.points = 0;
        }
    }

    #[cold]
    #[inline(never)] // speed: keeps the usual way small
    fn extend(&mut self, error: f64, gain: f64) {
        let side = if error > 0.0 { 1 } else { -1 };
        if self.length * side >= 0 {
            self.length = (self.length + side).clamp(-MOST, MOST);
        } else {
            self.length = side;
            self.points = 0;
        }
        self.points = (self.points + 1).min(MOST as u32);
        self.mean += (1.0 / f64::from(self.points)).max(gain) * (error - self.mean);
    }

    /// The forecast has moved by `amount`, so the errors of the run have shrunk by it.
    pub(super) fn moved(&mut self, amount: f64) {
        self.mean -= amount;
    }

    /// The shift to take over, when the run is `enough` points long; the run ends with it.
    pub(super) fn confirmed(&mut self, enough: u32) -> Option<f64> {
        if self.length() < enough {
            return None;
        }
        let shift = self.mean;
        *self = Self::new();
        Some(shift)
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.i64(i64::from(self.length));
        w.varint(u64::from(self.points));
        w.f64(self.mean);
    }

    pub(super) fn restore(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        let length = i32::try_from(r.i64("run")?)
            .ok()
            .filter(|length| length.unsigned_abs() <= MOST as u32)
            .ok_or(CodecError::Invalid { what: "run" })?;
        Ok(Self {
            length,
            points: within_u32(r, 0..=MOST as u32, "points of a run")?,
            mean: finite(r, "mean of a run")?,
        })
    }
}
