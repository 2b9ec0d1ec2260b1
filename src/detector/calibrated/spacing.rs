//! The series' own point spacing, learned from the times it comes with.

use crate::codec::{CodecError, Reader, Writer};
use crate::detector::min_max::{larger, smaller};

/// Gaps over which the spacing is averaged.
const MEMORY: u32 = 1000;
/// A gap counts at most this many spacings: an outage says nothing about the spacing.
const LONGEST: f64 = 10.0;
/// Spacing assumed until two different times were seen, s.
const ASSUMED_S: f64 = 60.0;

/// Running estimate of the mean spacing of points; 48 bytes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PointSpacing {
    /// Time of the first point, s.
    first_s: f64,
    /// Latest time seen, s.
    now_s: f64,
    /// Mean spacing, s, 0..; 0 until two different times were seen.
    spacing_s: f64,
    /// Gaps seen, 0..=MEMORY.
    gaps: u32,
    /// A spacing and its log10, so that a regular series needs no logarithm; not saved.
    logarithm: [f64; 2],
}

impl PointSpacing {
    pub(super) const fn new(time_s: f64) -> Self {
        Self { first_s: time_s, now_s: time_s, spacing_s: 0.0, gaps: 0, logarithm: [1.0, 0.0] }
    }

    /// Learns the gap before a point. Time that stands still counts as a gap of 0, time that runs back (a late
    /// point, a clock put right) as none.
    #[inline(always)] // speed
    pub(super) fn tick(&mut self, time_s: f64) {
        let gap = time_s - self.now_s;
        if gap < 0.0 {
            return;
        }
        self.now_s = time_s;
        self.gaps = smaller(self.gaps + 1, MEMORY);
        let gap = if self.spacing_s > 0.0 { smaller(gap, LONGEST * self.spacing_s) } else { gap };
        self.spacing_s += (gap - self.spacing_s) / f64::from(self.gaps);
    }

    /// Makes `time_s` the latest time although later ones were seen: the clock of the series was wrong.
    pub(super) fn rewind(&mut self, time_s: f64) {
        self.now_s = smaller(self.now_s, time_s);
        self.first_s = smaller(self.first_s, time_s);
    }

    /// Latest time seen, s; runs back only by [`rewind`](PointSpacing::rewind).
    pub(super) fn now_s(&self) -> f64 {
        self.now_s
    }

    /// Time since the first point, s.
    pub(super) fn known_s(&self) -> f64 {
        self.now_s - self.first_s
    }

    /// Mean spacing of points, s, at least a microsecond.
    pub(super) fn spacing_s(&self) -> f64 {
        if self.spacing_s > 0.0 { larger(self.spacing_s, 1e-6) } else { ASSUMED_S }
    }

    /// log10 of the spacing.
    #[inline(always)] // speed
    pub(super) fn log10_spacing(&mut self) -> f64 {
        let spacing_s = self.spacing_s();
        if spacing_s != self.logarithm[0] {
            self.take_logarithm(spacing_s);
        }
        self.logarithm[1]
    }

    #[inline(never)] // speed: rarely needed
    fn take_logarithm(&mut self, spacing_s: f64) {
        self.logarithm = [spacing_s, libm::log10(spacing_s)];
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.f64s(&[self.first_s, self.now_s, self.spacing_s]);
        w.u32(self.gaps);
    }

    pub(super) fn restore(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        const WHAT: &str = "point spacing";
        let mut v = [0.0; 3];
        r.f64s(&mut v, WHAT)?;
        let [first_s, now_s, spacing_s] = v;
        let gaps = r.u32(WHAT)?;
        let sound = v.iter().all(|v| v.is_finite()) && now_s >= first_s && spacing_s >= 0.0 && gaps <= MEMORY;
        if sound {
            Ok(Self { now_s, spacing_s, gaps, ..Self::new(first_s) })
        } else {
            Err(CodecError::Invalid { what: WHAT })
        }
    }
}
