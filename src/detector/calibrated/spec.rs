//! What is promised (the budget) and the constants of the method.

use crate::codec::FloatText;
use crate::detector::min_max::{larger, smaller};
use thiserror::Error;

/// Shares of the budget's period that separate two incidents that are counted, and two alarms, at most. The first is the
/// longer one: an alarm goes on while rare points follow one another, an incident is another one after its time.
const INCIDENT_SHARE: f64 = 12.0;
const HOLD_SHARE: f64 = 20.0;

/// Why a budget or a setting is refused.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
#[non_exhaustive]
pub enum CalibratedSpecError {
    /// The alarms promised must be a positive number.
    #[error(
        "alarm budget of {} alarms in {} s is not possible: between one an hour and one in ten years is allowed",
        FloatText(*.alarms), FloatText(*.period_s)
    )]
    Budget {
        /// Alarms promised.
        alarms: f64,
        /// in this many seconds.
        period_s: f64,
    },
}

/// False alarms a series may raise, per unit of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AlarmBudget {
    /// Mean time between two false alarms, s.
    period_s: f64,
    /// Its log10.
    log10_s: f64,
}

impl AlarmBudget {
    /// One false alarm a week a series.
    pub const WEEKLY: Self = Self { period_s: 604_800.0, log10_s: 5.781_611_782_493_15 };
    const SHORTEST_S: f64 = 3600.0;
    const LONGEST_S: f64 = 3650.0 * 86_400.0;

    /// At most `alarms` in `period_s` seconds.
    ///
    /// # Errors
    /// [`CalibratedSpecError::Budget`] unless that is between one an hour and one in ten years.
    pub fn new(alarms: f64, period_s: f64) -> Result<Self, CalibratedSpecError> {
        let each_s = period_s / alarms;
        if (Self::SHORTEST_S..=Self::LONGEST_S).contains(&each_s) && alarms > 0.0 {
            Ok(Self { period_s: each_s, log10_s: libm::log10(each_s) })
        } else {
            Err(CalibratedSpecError::Budget { alarms, period_s })
        }
    }

    /// Mean time between two false alarms, s.
    #[must_use]
    pub fn period_s(self) -> f64 {
        self.period_s
    }

    /// Whether something so rare may alarm: log10 of the seconds between two incidents like it, 0 for an ordinary point.
    pub(super) fn allows(self, log10_s: f64) -> bool {
        log10_s > 0.0 && log10_s >= self.log10_s
    }
}

/// What a calibrated score needs to know; one for any number of series, nothing of it is kept per series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CalibratedSpec {
    /// False alarms promised.
    pub budget: AlarmBudget,
    /// Constants of the method.
    pub tuning: Tuning,
}

impl CalibratedSpec {
    /// The standard constants with this budget.
    #[must_use]
    pub fn new(budget: AlarmBudget) -> Self {
        Self { budget, tuning: Tuning::default() }
    }

    /// Time whose promise a series may spend in advance, s.
    pub(super) fn advance_s(&self) -> f64 {
        larger(self.tuning.advance_s, self.tuning.advance_periods * self.budget.period_s)
    }

    /// Time after which what is rare is counted as another incident, s.
    pub(super) fn incident_s(&self) -> f64 {
        smaller(self.tuning.hold_s, self.budget.period_s / INCIDENT_SHARE)
    }

    /// Quiet time that ends an alarm, s: of a frequent budget a share of its period.
    pub(super) fn hold_s(&self) -> f64 {
        smaller(self.tuning.hold_s, self.budget.period_s / HOLD_SHARE)
    }
}

impl Default for CalibratedSpec {
    fn default() -> Self {
        Self::new(AlarmBudget::WEEKLY)
    }
}

/// Constants of the method, the same for every series. They are public so that their effect can be measured
/// (`docs/calibrated-score.md` has the table); nobody needs to change them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tuning {
    /// Time of the moving mean and of the moving activity, and for which the base of a record stays frozen, s.
    pub window_s: f64,
    /// Fewest and most points of that window.
    pub window_points: [f64; 2],
    /// Points of the finest block of maxima; a power of two.
    pub block: u32,
    /// Shape of the Lomax tail beyond the old extreme; large is exponential.
    pub shape: f64,
    /// Mean excess of a record, in units of that of a Gaussian series.
    pub excess: f64,
    /// Discounting rate of the AR(1) predictor.
    pub ar_rate: f64,
    /// Quiet time that separates two incidents, s; one that goes on is a new one after three times as long.
    pub hold_s: f64,
    /// The same for the score, s.
    pub score_hold_s: f64,
    /// Rarity above which the points that follow within an incident are no longer rare, log10.
    pub echo: f64,
    /// Channels in use, one bit each: value, mean, activity, error, run, season. For ablation.
    pub channels: u32,
    /// What the extremes behind the alarms learn of a record at most, mean excesses beyond the old extreme.
    pub winsor: f64,
    /// Doublings of that for each incident that was cut so far.
    pub growth: f64,
    /// Size from which on an incident has its full weight, usual deviations.
    pub full_size: f64,
    /// Decades that an incident of a tenth of that size loses.
    pub size_weight: f64,
    /// Smallest usual deviation, in steps of the data's resolution.
    pub resolution_share: f64,
    /// Discounting rate of the centre on one side of which a series may stay too long.
    pub centre_rate: f64,
    /// Time whose promise a series may spend in advance, s.
    pub advance_s: f64,
    /// Periods of the budget whose promise it may spend in advance at least.
    pub advance_periods: f64,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            window_s: 7200.0,
            window_points: [12.0, 30.0],
            block: 32,
            shape: 8.0,
            excess: 1.0,
            ar_rate: 0.01,
            hold_s: 28_800.0,
            score_hold_s: 14_400.0,
            echo: 3.5,
            channels: 0b11_1111,
            winsor: 0.5,
            growth: 0.2,
            full_size: 12.0,
            size_weight: 4.0,
            resolution_share: 0.25,
            centre_rate: 0.003,
            advance_s: 10.0 * 604_800.0,
            advance_periods: 5.0,
        }
    }
}
