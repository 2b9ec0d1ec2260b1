//! What a user promises (the budget) and the constants of the method.

/// Constants of the method, the same for every series; `docs/calibrated-score.md` gives the reason and the
/// sensitivity of each.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tuning {
    /// Points of the finest block of maxima.
    pub block: u32,
    /// Prior of the mean record excess, in units of the range.
    pub prior_excess: f64,
    /// Weight of that prior, in records.
    pub prior_weight: f64,
    /// Largest excess that is learned.
    pub excess_cap: f64,
    /// Shape of the Lomax tail.
    pub shape: f64,
    /// Decades that a value within memory may score beyond the age of the level.
    pub recurrence: f64,
    /// Points for which the base of a record stays frozen.
    pub freeze: u32,
    /// Distance of the first value that leaves a constant.
    pub no_range: f64,
    /// Points of the moving mean.
    pub mean_window: f64,
    /// Points of the moving activity.
    pub activity_window: f64,
    /// Discounting rate of the AR(1) predictor.
    pub ar_rate: f64,
    /// Weight of the run channel and of each side of a season.
    pub run_weight: f64,
    /// see run_weight
    pub season_weight: f64,
    /// pattern
    pub pattern_weight: f64,
    /// Seconds that count as one incident.
    pub hold_s: f64,
    /// spare
    pub p: [f64; 8],
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            block: 512,
            prior_excess: 0.03,
            prior_weight: 16.0,
            excess_cap: 0.2,
            shape: 4.0,
            recurrence: 1.0,
            freeze: 24,
            no_range: 1000.0,
            mean_window: 12.0,
            activity_window: 24.0,
            ar_rate: 0.01,
            run_weight: 0.1,
            season_weight: 0.3,
            pattern_weight: 1.0,
            hold_s: 43200.0,
            p: [0.0; 8],
        }
    }
}
