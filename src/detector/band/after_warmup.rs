//! What a series past warm-up has besides what it knew before.

use super::alternation::Alternation;
use super::checked_reads::{finite, within, within_u32};
use super::spec::BandSpec;
use crate::codec::{CodecError, Reader, Writer};

/// Points after the reset of a counter in which its usual rise counts as expected: the level of a counter is a
/// random walk, and the one before the reset says nothing about the one after it.
pub(super) const SETTLING: u8 = 60;

/// State that only a warmed-up series has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct AfterWarmup {
    /// lvl at bucket `last`, relative to anchor
    pub(super) level: f64,
    /// b, per bucket
    pub(super) slope: f64,
    pub(super) alternation: Alternation,
    pub(super) season: Tally,
    /// Points until the reset of a counter is forgotten, 0..=60.
    pub(super) settling: u8,
}

/// Points of the season so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tally {
    /// Bucket at which it began.
    pub(super) from: i64,
    pub(super) points: u32,
    pub(super) outliers: u32,
    /// Seasons running with more than 30 % outliers, 0..=3.
    pub(super) bad: u8,
}

impl Tally {
    /// Counts a point; true when a season ends with it.
    #[inline(always)] // speed
    pub(super) fn ends(&mut self, spec: &BandSpec, bucket: i64, out: bool) -> bool {
        self.points += 1;
        if out {
            self.outliers += 1;
        }
        // a bucket is never before the beginning
        bucket.wrapping_sub(self.from) as u64 >= u64::from(spec.buckets)
    }
}

impl AfterWarmup {
    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.f64s(&[self.level, self.slope]);
        self.alternation.save(w);
        w.i64(self.season.from);
        w.varint(u64::from(self.season.points));
        w.varint(u64::from(self.season.outliers));
        w.u8(self.season.bad);
        w.u8(self.settling);
    }

    pub(super) fn restore(spec: &BandSpec, last: i64, r: &mut Reader<'_>) -> Result<Self, CodecError> {
        let level = finite(r, "level")?;
        let slope = finite(r, "slope")?;
        let alternation = Alternation::restore(r)?;
        let from = within(r.i64("start of the season")?, i64::MIN..=last, "start of the season")?;
        let points = within_u32(r, 0..=spec.buckets, "points of the season")?;
        let outliers = within_u32(r, 0..=points, "outliers of the season")?;
        let bad = within(r.u8("bad seasons")?, 0..=3, "bad seasons")?;
        let settling = within(r.u8("points since a reset")?, 0..=SETTLING, "points since a reset")?;
        Ok(Self { level, slope, alternation, season: Tally { from, points, outliers, bad }, settling })
    }
}
