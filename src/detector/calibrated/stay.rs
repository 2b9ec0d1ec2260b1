//! How long the series has stayed on one side of its centre: what lies within the usual range may still last too long.

use super::age::{ExtremeSide, PointContext, Record};
use super::spec::Tuning;
use crate::codec::{CodecError, Reader, Writer};
use crate::detector::min_max::{larger, smaller};

/// Shortest longest-stay that is told apart, points.
const FLOOR: f64 = 12.0;
/// Longest stay that is told apart, points.
const LONGEST: i32 = 1 << 24;

/// The stay in progress, and the longest ones so far.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stay {
    /// Slow mean of the usual level, measured from the first value.
    centre: f64,
    /// Points in a row on one side of it; negative below.
    points: i32,
    /// Points seen, saturating.
    seen: u32,
    side: ExtremeSide,
}

impl Stay {
    pub(super) const fn new() -> Self {
        Self { centre: 0.0, points: 0, seen: 0, side: ExtremeSide::new() }
    }

    pub(super) fn close_blocks(&mut self, t: u32, block: u32) {
        self.side.close_blocks(t, block);
    }

    /// The centre, measured from the first value.
    pub(super) fn centre(&self) -> f64 {
        self.centre
    }

    /// Takes in a value; `level` is the usual level. True where the stay may be rare: then [`Stay::judge`] must follow.
    #[inline(always)] // speed
    pub(super) fn observe(&mut self, value: f64, level: f64, tuning: &Tuning) -> bool {
        let step = if value > self.centre { 1 } else { -1 };
        // negative where the side has changed
        self.points = if self.points * step > 0 {
            smaller(larger(self.points + step, -LONGEST), LONGEST)
        } else {
            step
        };
        let seen = self.seen;
        let rate = larger(tuning.centre_rate, 1.0 / (f64::from(seen) + 1.0));
        self.centre += rate * (level - self.centre);
        self.seen = seen.saturating_add(1);
        !self.side.takes(self.length(), 0.0, seen)
    }

    /// Length of the stay in progress, points.
    pub(super) fn points(&self) -> f64 {
        f64::from(self.points.unsigned_abs())
    }

    fn length(&self) -> f32 {
        self.points.unsigned_abs() as f32
    }

    /// How rare so long a stay is, and how many times as long as the longest one so far.
    pub(super) fn judge(&mut self, at: &PointContext, tuning: &Tuning) -> (Record, f64) {
        let seen = self.seen.saturating_sub(1);
        let at = &PointContext { resolution: 0.0, floor: FLOOR, quantum: 0.0, seen, ..*at };
        let record = self.side.rarity(self.length(), None, at, tuning);
        (record, (f64::from(self.length()) + 1.0) / (f64::from(self.side.before()) + 1.0))
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.f64(self.centre);
        w.u32(self.points as u32);
        w.u32(self.seen);
        self.side.save(w);
    }

    pub(super) fn restore(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        const WHAT: &str = "stay";
        let centre = r.f64(WHAT)?;
        let points = r.u32(WHAT)? as i32;
        let seen = r.u32(WHAT)?;
        if !centre.is_finite() || !(-LONGEST..=LONGEST).contains(&points) {
            return Err(CodecError::Invalid { what: WHAT });
        }
        Ok(Self { centre, points, seen, side: ExtremeSide::restore(r)? })
    }
}
