//! Follows the level: an ARIMA(0,1,1) whose moving-average term is learned while it runs.

use super::checked_reads::{finite, within_f64, within_u32};
use super::spec::BandSpec;
use crate::codec::{CodecError, Reader, Writer};
use crate::detector::min_max::larger;

/// Half-width per deviation and unit of level, at levels far above the swing of the series. With a swing of
/// 6.4 (a sine of amplitude 10) at level 1000, two deviations are 36: more than a shift of 30 and the noise.
const LEVEL_SHARE: f64 = 0.020;
/// Swings up to which the level does not matter; see [`LEVEL_SHARE`].
const LEVEL_FREE: f64 = 15.0;
/// Gain of the level gain.
const LEARN: f64 = 0.003;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Agile {
    /// alpha, 0.05..=0.6: gain of the level.
    gain: f64,
    /// Last clipped error in deviations, +-2.5.
    before: f64,
    /// gw, 1..=3: widening after a gap, which fades.
    gap_width: f64,
    /// Points since level and gain were in doubt, 0 once they are not.
    post: u32,
    /// mu: slow mean of the values.
    mean: f64,
    /// Slow mean absolute deviation from `mean`, >= 0.
    swing: f64,
    /// Points in the two, saturates at 3m.
    points: u32,
    /// Value of the profile at the last point, relative to the anchor.
    base: f64,
}

impl Agile {
    pub(super) const fn new() -> Self {
        Self { gain: 0.15, before: 0.0, gap_width: 1.0, post: 0, mean: 0.0, swing: 0.0, points: 0, base: 0.0 }
    }

    /// Every value, in warm-up too.
    pub(super) fn observe(&mut self, spec: &BandSpec, y: f64) {
        let gain = if self.points < 3 * spec.buckets {
            self.points += 1;
            larger(1.0 / f64::from(self.points), spec.slow)
        } else {
            spec.slow
        };
        self.mean += gain * (y - self.mean);
        self.swing += gain * ((y - self.mean).abs() - self.swing);
    }

    pub(super) fn warmed_up(&mut self) {
        self.post = 4;
    }

    pub(super) fn reset(&mut self) {
        self.post = 1;
    }

    fn after_gap(&self, gap: f64) -> f64 {
        (1.0 + self.gain * self.gain * gap).sqrt().min(3.0)
    }

    /// G: how much wider the band is `gap` buckets after the last point.
    pub(super) fn width(&self, gap: f64) -> f64 {
        if gap > 5.0 { larger(self.gap_width, self.after_gap(gap)) } else { self.gap_width }
    }

    /// Least half-width for each deviation: what is large compared with its own swings may change more.
    pub(super) fn least_deviation(&self) -> f64 {
        LEVEL_SHARE * larger(self.mean.abs() - LEVEL_FREE * self.swing, 0.0)
    }

    /// Time passes; true when so much that a run has to start over.
    pub(super) fn elapse(&mut self, gap: f64) -> bool {
        if gap > 5.0 {
            self.doubt(gap);
            return true;
        }
        self.gap_width = 1.0 + 0.8 * (self.gap_width - 1.0);
        false
    }

    #[cold]
    #[inline(never)] // speed: keeps the usual way small
    fn doubt(&mut self, gap: f64) {
        self.gap_width = self.after_gap(gap);
        self.post = 2;
        self.before = 0.0;
    }

    /// The step of the level for an error `e`, given the noise `sg`; `run` as after this point, `base` the value of the
    /// profile.
    pub(super) fn follow(&mut self, e: f64, sg: f64, run: u32, base: f64) -> f64 {
        let mut gain = self.gain;
        if self.post > 0 {
            let young = 1.0 / f64::from(1 + self.post);
            if young > gain {
                gain = young;
                self.post += 1;
            } else {
                self.post = 0;
            }
        }
        let error = (e / sg).clamp(-2.5, 2.5);
        if run < 8 {
            self.gain = (self.gain + LEARN * (error * self.before).clamp(-4.0, 4.0)).clamp(0.05, 0.6);
        }
        self.before = error;
        self.base = base;
        gain * error * sg
    }

    /// Value of the profile at the last point.
    pub(super) const fn last_base(&self) -> f64 {
        self.base
    }

    /// The profile keeps `share` of its shape.
    pub(super) fn shrink(&mut self, share: f64) {
        self.base *= share;
    }

    /// Share of an error that goes to the profile: the level has the rest.
    pub(super) fn profile_share(&self) -> f64 {
        1.0 - self.gain
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.f64s(&[self.gain, self.before, self.gap_width]);
        w.varint(u64::from(self.post));
        w.f64s(&[self.mean, self.swing]);
        w.varint(u64::from(self.points));
        w.f64(self.base);
    }

    /// `version` of the saved state: 0 knew nothing of shapes, 1 knew their steps.
    pub(super) fn restore(spec: &BandSpec, version: u8, r: &mut Reader<'_>) -> Result<Self, CodecError> {
        let mut agile = Self {
            gain: within_f64(r, 0.05..=0.6, "level gain")?,
            before: within_f64(r, -2.5..=2.5, "last error")?,
            gap_width: within_f64(r, 1.0..=3.0, "gap width")?,
            // 1 / (1 + post) falls below the least gain at 20
            post: within_u32(r, 0..=20, "points since a change")?,
            mean: finite(r, "slow mean")?,
            swing: within_f64(r, 0.0..=1e60, "slow deviation")?,
            points: within_u32(r, 0..=3 * spec.buckets, "points in the slow mean")?,
            base: 0.0,
        };
        if version > 0 {
            agile.base = finite(r, "last value of the profile")?;
        }
        if version == 1 {
            // errors and steps of the season, which nothing reads any more
            for _ in 0..3 {
                finite(r, "errors and steps of a season")?;
            }
        }
        Ok(agile)
    }
}
