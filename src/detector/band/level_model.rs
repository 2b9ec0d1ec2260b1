//! What tells agile from robust: how the level follows.

use super::agile::Agile;
use super::noise_scale::NoiseScale;
use super::robust::Robust;
use super::spec::{Algorithm, BandSpec};
use crate::codec::{CodecError, Reader, Writer};

/// How the level follows the points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum LevelModel {
    Agile(Agile),
    Robust(Robust),
}

impl LevelModel {
    pub(super) fn new(spec: &BandSpec) -> Self {
        match spec.algorithm() {
            Algorithm::Robust => Self::Robust(Robust::new()),
            _ => Self::Agile(Agile::new()),
        }
    }

    /// What `slope` adds to the level over `gap` buckets.
    #[inline(always)] // speed
    pub(super) fn growth(&self, slope: f64, gap: f64, scale: &NoiseScale) -> f64 {
        match self {
            Self::Robust(robust) if gap > 5.0 => robust.growth(slope, gap, scale.sigma),
            _ => slope * gap,
        }
    }

    /// Time passes; true when so much that a run has to start over.
    #[inline(always)] // speed
    pub(super) fn elapse(&mut self, spec: &BandSpec, gap: f64) -> bool {
        match self {
            Self::Agile(agile) => agile.elapse(gap),
            Self::Robust(robust) => {
                if gap > 5.0 {
                    robust.elapse(spec, gap);
                }
                false
            }
        }
    }

    /// Every value, in warm-up too.
    #[inline(always)] // speed
    pub(super) fn observe(&mut self, spec: &BandSpec, y: f64) {
        if let Self::Agile(agile) = self {
            agile.observe(spec, y);
        }
    }

    pub(super) fn warmed_up(&mut self, spec: &BandSpec) {
        match self {
            Self::Agile(agile) => agile.warmed_up(),
            Self::Robust(robust) => robust.warmed_up(spec),
        }
    }

    /// The level has been set anew, by the reset of a counter.
    pub(super) fn reset(&mut self) {
        match self {
            Self::Agile(agile) => agile.reset(),
            Self::Robust(robust) => robust.reset(),
        }
    }

    /// How much wider the band is than the noise, and its least half-width for each deviation.
    #[inline(always)] // speed
    pub(super) fn width(&self, gap: f64) -> (f64, f64) {
        match self {
            Self::Agile(agile) => (agile.width(gap), agile.least_deviation()),
            Self::Robust(robust) => (robust.width(), 0.0),
        }
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        match self {
            Self::Agile(agile) => agile.save(w),
            Self::Robust(robust) => robust.save(w),
        }
    }

    pub(super) fn restore(spec: &BandSpec, version: u8, r: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(match spec.algorithm() {
            Algorithm::Robust => Self::Robust(Robust::restore(spec, r)?),
            _ => Self::Agile(Agile::restore(spec, version, r)?),
        })
    }
}
