//! What warm-up fills and the forecast uses.

use super::course::Course;
use super::noise_scale::NoiseScale;
use super::outlier_run::OutlierRun;
use super::profile::Profile;
use super::profile_lag::ProfileLag;
use super::spec::BandSpec;

/// Profile, noise and the run of outliers.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SeasonModel {
    /// First value of the series; `profile` is relative to it, so that f32 is enough at any level.
    pub(super) anchor: f64,
    pub(super) profile: Profile,
    pub(super) scale: NoiseScale,
    pub(super) run: OutlierRun,
    pub(super) lag: ProfileLag,
    /// Of agile.
    pub(super) course: Box<Course>,
}

impl SeasonModel {
    pub(super) fn new(spec: &BandSpec) -> Self {
        Self {
            anchor: 0.0,
            profile: Profile::new(spec.buckets as usize),
            scale: NoiseScale::new(spec.cells() as usize),
            run: OutlierRun::new(),
            lag: ProfileLag::new(),
            course: Box::new(Course::NONE),
        }
    }

    /// Back to the start with the first value, keeping the allocations.
    pub(super) fn begin(&mut self, y: f64) {
        self.anchor = y;
        self.profile.clear();
        self.scale.reset();
        self.run = OutlierRun::new();
        self.lag = ProfileLag::new();
        *self.course = Course::NONE;
    }
}
