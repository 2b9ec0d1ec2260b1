//! A seasonal band as bytes, and back.

use super::super::checked_reads::{finite, within};
use super::super::course::Course;
use super::super::noise_scale::NoiseScale;
use super::super::outlier_run::OutlierRun;
use super::super::profile::Profile;
use super::super::profile_lag::ProfileLag;
use super::{AfterWarmup, BandSpec, Counter, LevelModel, Phase, Resolution, SeasonModel, Seasonal, Warmup};
use crate::codec::{CodecError, Reader, Writer};

/// Version of the saved state, whose double is added to the phase. 0 had no evidence about a shape that is gone, 1 had the
/// steps of the profile for it; 2 has its course, the repeated errors and the points within a deviation.
const VERSION: u8 = 2;

impl Seasonal {
    pub(in super::super) fn save(&self, w: &mut Writer<'_>) {
        w.u8(match self.phase {
            Phase::Empty => 0,
            Phase::Warm(_) => 2 * VERSION + 1,
            Phase::AfterWarmup(_) => 2 * VERSION + 2,
        });
        if matches!(self.phase, Phase::Empty) {
            return;
        }
        w.i64(self.last);
        self.resolution.save(w);
        self.counter.save(w);
        self.level_model.save(w);
        w.f64(self.model.anchor);
        self.model.run.save(w);
        self.model.lag.save(w);
        self.model.course.save(w);
        let settled = match &self.phase {
            Phase::Empty => false,
            Phase::Warm(warm) => {
                warm.save(w);
                warm.knows_scale()
            }
            Phase::AfterWarmup(active) => {
                active.save(w);
                true
            }
        };
        w.u8(u8::from(settled));
        self.model.scale.save(w);
        self.model.profile.save(w);
    }

    pub(in super::super) fn restore(spec: &BandSpec, r: &mut Reader<'_>) -> Result<Self, CodecError> {
        let phase = within(r.u8("phase of a band")?, 0..=2 * VERSION + 2, "phase of a band")?;
        if phase == 0 {
            return Ok(Self::new(spec));
        }
        let (version, phase) = ((phase - 1) / 2, (phase - 1) % 2 + 1);
        let has_lag = version > 1;
        let last = r.i64("last bucket")?;
        let resolution = Resolution::restore(r, spec.buckets)?;
        let counter = Counter::restore(r)?;
        let level_model = LevelModel::restore(spec, version, r)?;
        let anchor = finite(r, "anchor")?;
        let run = OutlierRun::restore(r)?;
        let lag = if has_lag { ProfileLag::restore(r)? } else { ProfileLag::new() };
        let course = Box::new(if has_lag { Course::restore(r)? } else { Course::NONE });
        let phase = if phase == 1 {
            Phase::Warm(Warmup::restore(spec, last, r)?)
        } else {
            Phase::AfterWarmup(AfterWarmup::restore(spec, last, r)?)
        };
        let knows_scale = match &phase {
            Phase::Warm(warm) => warm.knows_scale(),
            _ => true,
        };
        within(r.u8("scale is known")?, u8::from(knows_scale)..=u8::from(knows_scale), "scale is known")?;
        let scale = NoiseScale::restore(spec, knows_scale, has_lag, r)?;
        let profile = Profile::restore(spec.buckets as usize, r)?;
        Ok(Self {
            last,
            resolution,
            counter,
            level_model,
            model: SeasonModel { anchor, profile, scale, run, lag, course },
            phase,
        })
    }
}
