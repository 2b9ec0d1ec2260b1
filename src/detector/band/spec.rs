//! What a band is asked to be, checked once, with the constants that follow from it.

use thiserror::Error;

use super::season::Seasonality;
use crate::codec::{FloatText, debug_with_float_text};

/// How the expected range is computed. Names and habits are those of Datadog's anomaly monitors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// Lagging rolling quantiles; knows no season, has a band after 15 points.
    Basic,
    /// Seasonal, follows level shifts within the alert window; takes scale into account.
    Agile,
    /// Seasonal, holds on to the level through long anomalies; widens when it is in doubt.
    Robust,
}

impl Algorithm {
    /// The name that queries use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Agile => "agile",
            Self::Robust => "robust",
        }
    }
}

/// Why no band can be made of these parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BandSpecError {
    /// Quantiles of the last hour know no season.
    #[error("seasonality '{}' given to algorithm 'basic', which has none: leave it out", .0.name())]
    SeasonGiven(Seasonality),
    /// The seasonal algorithms cannot guess the season.
    #[error("algorithm '{}' needs a seasonality: hourly, daily or weekly", .0.name())]
    SeasonMissing(Algorithm),
    /// A bucket has a length.
    #[error("interval 0: at least 1 second")]
    IntervalZero,
    /// The alert window decides how long a shift stays anomalous, so it has to be known.
    #[error("alert window of 0 points: at least 1")]
    WindowZero,
    /// A season of so few buckets has no shape.
    #[error(
        "interval {interval} s leaves {buckets} buckets in a season that is {}, at least {} are needed: at most {} s",
        .season.name(), BandSpec::LEAST_BUCKETS, .season.seconds() / BandSpec::LEAST_BUCKETS
    )]
    IntervalTooLong {
        /// Seconds, as given.
        interval: u32,
        /// Season, as given.
        season: Seasonality,
        /// What they make.
        buckets: u32,
    },
    /// The profile of each series would take too much memory.
    #[error(
        "interval {interval} s makes {buckets} buckets of a season that is {}, at most {} are kept: at least {} s",
        .season.name(), BandSpec::MOST_BUCKETS, .season.seconds().div_ceil(BandSpec::MOST_BUCKETS)
    )]
    IntervalTooShort {
        /// Seconds, as given.
        interval: u32,
        /// Season, as given.
        season: Seasonality,
        /// What they make.
        buckets: u32,
    },
}

/// Checked parameters of a band, shared by all series of a monitor.
///
/// ```
/// use fluent_anomaly::detectors::{Algorithm, BandSpec, Seasonality};
/// let spec = BandSpec::new(Algorithm::Agile, Some(Seasonality::Hourly), 60, 15)?;
/// assert_eq!(spec.buckets(), 60);
/// assert!(BandSpec::new(Algorithm::Basic, Some(Seasonality::Hourly), 60, 15).is_err());
/// # Ok::<(), fluent_anomaly::detectors::BandSpecError>(())
/// ```
#[derive(Clone, Copy, PartialEq)]
pub struct BandSpec {
    algorithm: Algorithm,
    season: Option<Seasonality>,
    interval: u32,
    window: u32,
    /// m, 4..=60480; 0 for basic.
    pub(super) buckets: u32,
    /// Buckets without a point after which the history says nothing any more: six seasons; a day where the season
    /// is an hour, so that a night's outage does not cost the profile.
    pub(super) stale: i64,
    /// R: points of one side that confirm a level shift of the seasonal algorithms.
    pub(super) confirm: u32,
    /// Gain of the noise scale in the long run, 0.002..=0.01.
    pub(super) eta: f64,
    /// Gain of the conformal factor in the long run, 0.002..=0.005.
    pub(super) eta_factor: f64,
    /// Memory of the outlier share and its inverse: 1/T, T = max(m/14, 30) points.
    pub(super) doubt_gain: f64,
    /// By how many the points within half a deviation must outnumber those beyond it before the scale is too large, 24..
    pub(super) calm: u32,
    /// Bits of a bucket's number that are 0 where agile looks at the course of a season: some sixty times.
    pub(super) course: u32,
    /// Gain of the correlation that tells a profile that lags: 6/m, at most 1/90.
    pub(super) lag_gain: f64, // single precision: a filter that writes no such number is 3 kB smaller
    /// 1/(3m).
    pub(super) slow: f64,
    /// Gain of the slope: 1/(36 m^2) robust; its damping 1 - 1/(6m) agile.
    pub(super) slope: f64,
    /// Gain of the fast mean within a run, 4/R.
    pub(super) fast: f64,
}

debug_with_float_text!(BandSpec {
    algorithm,
    season,
    interval,
    window,
    buckets,
    stale,
    confirm,
    eta => FloatText(*eta),
    eta_factor => FloatText(*eta_factor),
    doubt_gain => FloatText(*doubt_gain),
    calm,
    course,
    lag_gain => FloatText(*lag_gain),
    slow => FloatText(*slow),
    slope => FloatText(*slope),
    fast => FloatText(*fast),
});

impl BandSpec {
    /// Fewest buckets of a season.
    pub const LEAST_BUCKETS: u32 = 4;
    /// Most buckets of a season: a week of 10-second points, 300 kB a series.
    pub const MOST_BUCKETS: u32 = 60_480;

    /// Checks the parameters of a band.
    ///
    /// `interval_s`: length of a bucket in seconds. `alert_window_points`: buckets of the alert window; it
    /// decides how long a lasting shift counts as anomalous before it becomes the new normal.
    ///
    /// # Errors
    /// A season with basic, none with the others, an interval or window of 0, an interval that makes fewer
    /// than [`BandSpec::LEAST_BUCKETS`] or more than [`BandSpec::MOST_BUCKETS`] of a season.
    pub fn new(
        algorithm: Algorithm,
        seasonality: Option<Seasonality>,
        interval_s: u32,
        alert_window_points: u32,
    ) -> Result<Self, BandSpecError> {
        if interval_s == 0 {
            return Err(BandSpecError::IntervalZero);
        }
        if alert_window_points == 0 {
            return Err(BandSpecError::WindowZero);
        }
        let buckets = match (algorithm, seasonality) {
            (Algorithm::Basic, None) => 0,
            (Algorithm::Basic, Some(season)) => return Err(BandSpecError::SeasonGiven(season)),
            (other, None) => return Err(BandSpecError::SeasonMissing(other)),
            (_, Some(season)) => {
                let buckets = season.seconds().div_ceil(interval_s);
                if buckets < Self::LEAST_BUCKETS {
                    return Err(BandSpecError::IntervalTooLong { interval: interval_s, season, buckets });
                }
                if buckets > Self::MOST_BUCKETS {
                    return Err(BandSpecError::IntervalTooShort { interval: interval_s, season, buckets });
                }
                buckets
            }
        };
        let m = f64::from(buckets.max(1));
        let confirm = match algorithm {
            Algorithm::Robust => 2 * buckets,
            _ => alert_window_points.clamp(20, 45),
        };
        let eta = (0.6 / m).clamp(0.002, 0.01);
        Ok(Self {
            algorithm,
            season: seasonality,
            interval: interval_s,
            window: alert_window_points,
            buckets,
            stale: i64::from(buckets) * if seasonality == Some(Seasonality::Hourly) { 24 } else { 6 },
            confirm,
            eta,
            eta_factor: 0.5 * eta.max(0.004),
            doubt_gain: 1.0 / (m / 14.0).max(30.0),
            course: (buckets / 64).max(1).next_power_of_two() - 1,
            lag_gain: f64::from((1.0 / (m / 6.0).max(90.0)) as f32),
            calm: (buckets / 8).max(24),
            slow: 1.0 / (3.0 * m),
            slope: if algorithm == Algorithm::Robust { 1.0 / (36.0 * m * m) } else { 1.0 - 1.0 / (6.0 * m) },
            fast: 4.0 / f64::from(confirm),
        })
    }

    /// The algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The season, none for basic.
    #[must_use]
    pub const fn seasonality(&self) -> Option<Seasonality> {
        self.season
    }

    /// Seconds of a bucket.
    #[must_use]
    pub const fn interval(&self) -> u32 {
        self.interval
    }

    /// Points of the alert window.
    #[must_use]
    pub const fn alert_window_points(&self) -> u32 {
        self.window
    }

    /// Buckets of a season, 0 for basic.
    #[must_use]
    pub const fn buckets(&self) -> u32 {
        self.buckets
    }

    /// Seconds of history before the first band: three seasons, or 15 points for basic.
    #[must_use]
    pub fn warm_up_seconds(&self) -> u64 {
        match self.season {
            Some(season) => 3 * u64::from(season.seconds()),
            None => 15 * u64::from(self.interval),
        }
    }

    /// Points for which a lasting shift stays outside the band before it becomes the new normal.
    ///
    /// An alert that asks for more anomalous points than that never fires for a steady shift.
    #[must_use]
    pub fn longest_shift(&self) -> u32 {
        match self.algorithm {
            Algorithm::Basic => self.lag() as u32,
            _ => self.confirm,
        }
    }

    /// w: points that basic looks back, 60..=230. 60 for 15 points: an hour of 1-minute points covers an hourly
    /// season exactly, and an anomaly of an hour fills it.
    pub(super) fn look_back(&self) -> usize {
        self.window.saturating_mul(4).clamp(60, 230) as usize
    }

    /// L: points that basic withholds outsiders from its quantiles, 5..=57.
    pub(super) fn lag(&self) -> usize {
        (self.window as usize).clamp(5, self.look_back() / 4)
    }

    /// Scale cells of a season: 1 for a short season, up to 48.
    pub(super) const fn cells(&self) -> u32 {
        match self.buckets {
            0..180 => 1,
            m if m / 60 > 48 => 48,
            m => m / 60,
        }
    }

    /// Whether each bucket has the place behind that of the one before it, for as long as the UTC offset and the
    /// season last.
    pub(crate) fn places_count_up(&self) -> bool {
        self.season.is_some_and(|season| season.seconds() % self.interval == 0)
    }

    /// Bucket of the season, `0..buckets`; 0 for basic.
    pub(crate) fn place(&self, bucket: i64, utc_offset: i32) -> usize {
        match self.season {
            Some(season) => {
                season.bucket(self.buckets, bucket.wrapping_mul(i64::from(self.interval)), utc_offset)
            }
            None => 0,
        }
    }
}

/// The longest alert window, in points, that a steady level shift can fill to `threshold` (share of its points,
/// 0..=1): agile takes over a shift after at most 45 points, basic after at most 57, robust after two seasons.
///
/// A monitor with a longer window at that threshold cannot alert on a steady shift, which is worth a warning.
/// For a threshold that is not in 0..=1 the answer is that for 1.
///
/// ```
/// use fluent_anomaly::detectors::{Algorithm, BandSpec, Seasonality, longest_fillable_window};
/// let spec = BandSpec::new(Algorithm::Agile, Some(Seasonality::Daily), 60, 60)?;
/// assert_eq!(longest_fillable_window(&spec, 1.0), 45);
/// assert_eq!(longest_fillable_window(&spec, 0.5), 90);
/// # Ok::<(), fluent_anomaly::detectors::BandSpecError>(())
/// ```
#[must_use]
pub fn longest_fillable_window(spec: &BandSpec, threshold: f64) -> u32 {
    let most = match spec.algorithm {
        Algorithm::Basic => 57,
        Algorithm::Agile => 45,
        Algorithm::Robust => spec.confirm,
    };
    let threshold = if threshold > 0.0 && threshold <= 1.0 { threshold } else { 1.0 };
    // the quotient is at least 45, and `as` saturates
    (f64::from(most) / threshold + 1e-9) as u32
}
