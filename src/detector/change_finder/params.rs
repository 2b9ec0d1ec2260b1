//! The parameters of a [`ChangeFinder`](super::ChangeFinder), checked once.

use core::fmt;
use core::num::NonZero;
use core::str::FromStr;

use thiserror::Error;

use crate::codec::FloatText;

/// Longest AR model: its order `k`.
pub const MAX_ORDER: usize = 100;

/// Longest smoothing window, `T1` or `T2`, in points.
pub const MAX_WINDOW: usize = 1000;

/// How the AR coefficients are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ArEstimator {
    /// Yule-Walker equations on discounted autocovariances (the paper's way).
    #[default]
    Yule,
    /// Burg's method on the last k + 1 points, nothing discounted; with the seed's sign, see
    /// [`burg`](super::burg()).
    Burg,
}

impl fmt::Display for ArEstimator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Yule => "yule",
            Self::Burg => "burg",
        })
    }
}

impl FromStr for ArEstimator {
    type Err = ParamsError;

    fn from_str(text: &str) -> Result<Self, ParamsError> {
        match text {
            "yule" => Ok(Self::Yule),
            "burg" => Ok(Self::Burg),
            _ => Err(ParamsError::Estimator { given: text.into() }),
        }
    }
}

/// How a step is turned into a score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ScoreFunction {
    /// Logarithmic loss of the point under the predicted density.
    #[default]
    LogLoss,
    /// Squared Hellinger distance between the densities before and after the point, times 100.
    Hellinger,
}

impl fmt::Display for ScoreFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LogLoss => "logloss",
            Self::Hellinger => "hellinger",
        })
    }
}

impl FromStr for ScoreFunction {
    type Err = ParamsError;

    fn from_str(text: &str) -> Result<Self, ParamsError> {
        match text {
            "logloss" => Ok(Self::LogLoss),
            "hellinger" => Ok(Self::Hellinger),
            _ => Err(ParamsError::ScoreFunction { given: text.into() }),
        }
    }
}

/// A parameter outside its range.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum ParamsError {
    /// Discounting needs 0 < r < 1: with 0 nothing is learned, with 1 nothing is remembered.
    #[error("discounting rate r = {}: must be above 0 and below 1", FloatText(*.value))]
    DiscountingRate {
        /// The rate given.
        value: f64,
    },
    /// The AR order is at least 1, and its cost per point grows with its square.
    #[error("AR order k = {value}: must be 1 to {MAX_ORDER}")]
    Order {
        /// The order given.
        value: usize,
    },
    /// The window that smooths outlier scores.
    #[error("outlier window T1 = {value}: must be 1 to {MAX_WINDOW} points")]
    OutlierWindow {
        /// The length given, in points.
        value: usize,
    },
    /// The window that smooths change scores.
    #[error("change window T2 = {value}: must be 1 to {MAX_WINDOW} points")]
    ChangeWindow {
        /// The length given, in points.
        value: usize,
    },
    /// A name that is no [`ArEstimator`].
    #[error("AR estimator {given:?}: must be yule or burg")]
    Estimator {
        /// The text given.
        given: Box<str>,
    },
    /// A name that is no [`ScoreFunction`].
    #[error("score {given:?}: must be logloss or hellinger")]
    ScoreFunction {
        /// The text given.
        given: Box<str>,
    },
}

/// Checked parameters, shared by all models of a section.
///
/// ```
/// use fluent_anomaly::detectors::{ArEstimator, Params, ScoreFunction};
///
/// let params = Params::new(0.02, 7, 10, 5, ArEstimator::Yule, ScoreFunction::LogLoss)?;
/// assert_eq!(params.order(), 7);
///
/// let wrong = Params::new(1.5, 7, 10, 5, ArEstimator::Yule, ScoreFunction::LogLoss);
/// assert_eq!(wrong.unwrap_err().to_string(), "discounting rate r = 1.5: must be above 0 and below 1");
/// # Ok::<(), fluent_anomaly::detectors::ParamsError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Params {
    discounting_rate: f64,          // in (0, 1)
    order: usize,                   // in 1..=MAX_ORDER
    outlier_window: NonZero<usize>, // in 1..=MAX_WINDOW
    change_window: NonZero<usize>,  // in 1..=MAX_WINDOW
    estimator: ArEstimator,
    score_function: ScoreFunction,
}

impl Params {
    /// `discounting_rate` is r, `order` is k (points), `outlier_window` is T1 and `change_window` is T2 (points).
    ///
    /// # Errors
    /// [`ParamsError`] names the first parameter outside its range: 0 < r < 1 (NaN is not),
    /// 1 <= k <= [`MAX_ORDER`], 1 <= T1, T2 <= [`MAX_WINDOW`].
    pub fn new(
        discounting_rate: f64,
        order: usize,
        outlier_window: usize,
        change_window: usize,
        estimator: ArEstimator,
        score_function: ScoreFunction,
    ) -> Result<Self, ParamsError> {
        // accept only what lies inside, so that NaN fails
        if !(discounting_rate > 0.0 && discounting_rate < 1.0) {
            return Err(ParamsError::DiscountingRate { value: discounting_rate });
        }
        if !(1..=MAX_ORDER).contains(&order) {
            return Err(ParamsError::Order { value: order });
        }
        let window = |points| NonZero::new(points).filter(|points| points.get() <= MAX_WINDOW);
        let outlier_window =
            window(outlier_window).ok_or(ParamsError::OutlierWindow { value: outlier_window })?;
        let change_window =
            window(change_window).ok_or(ParamsError::ChangeWindow { value: change_window })?;
        Ok(Self { discounting_rate, order, outlier_window, change_window, estimator, score_function })
    }

    /// r: the weight of the newest point, in (0, 1).
    #[must_use]
    pub fn discounting_rate(&self) -> f64 {
        self.discounting_rate
    }

    /// k: how many past points predict the next one, 1 to [`MAX_ORDER`].
    #[must_use]
    pub fn order(&self) -> usize {
        self.order
    }

    /// T1: over how many points outlier scores are averaged before the second stage, 1 to [`MAX_WINDOW`].
    #[must_use]
    pub fn outlier_window(&self) -> usize {
        self.outlier_window.get()
    }

    /// T2: over how many points change scores are averaged, 1 to [`MAX_WINDOW`].
    #[must_use]
    pub fn change_window(&self) -> usize {
        self.change_window.get()
    }

    /// How the AR coefficients are found.
    #[must_use]
    pub fn estimator(&self) -> ArEstimator {
        self.estimator
    }

    /// How a step is turned into a score.
    #[must_use]
    pub fn score_function(&self) -> ScoreFunction {
        self.score_function
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(r: f64, k: usize, t1: usize, t2: usize) -> Result<Params, ParamsError> {
        Params::new(r, k, t1, t2, ArEstimator::Yule, ScoreFunction::LogLoss)
    }

    #[test]
    fn parameters_on_the_edge_are_accepted_and_one_step_beyond_refused() {
        assert!(with(f64::MIN_POSITIVE, 1, 1, 1).is_ok());
        assert!(with(1f64.next_down(), MAX_ORDER, MAX_WINDOW, MAX_WINDOW).is_ok());
        for r in [0.0, -0.0, 1.0, -0.1, f64::NAN, f64::INFINITY] {
            assert!(matches!(with(r, 7, 10, 5), Err(ParamsError::DiscountingRate { .. })), "{r}");
        }
        assert_eq!(with(0.5, 0, 10, 5), Err(ParamsError::Order { value: 0 }));
        assert_eq!(with(0.5, MAX_ORDER + 1, 10, 5), Err(ParamsError::Order { value: MAX_ORDER + 1 }));
        assert_eq!(with(0.5, 7, 0, 5), Err(ParamsError::OutlierWindow { value: 0 }));
        assert_eq!(
            with(0.5, 7, 10, MAX_WINDOW + 1),
            Err(ParamsError::ChangeWindow { value: MAX_WINDOW + 1 })
        );
    }

    #[test]
    fn errors_tell_name_value_and_range() {
        assert_eq!(with(0.5, 0, 10, 5).unwrap_err().to_string(), "AR order k = 0: must be 1 to 100");
        assert_eq!(
            with(f64::NAN, 1, 10, 5).unwrap_err().to_string(),
            "discounting rate r = NaN: must be above 0 and below 1"
        );
        assert_eq!(
            "Yule".parse::<ArEstimator>().unwrap_err().to_string(),
            "AR estimator \"Yule\": must be yule or burg"
        );
        assert_eq!(
            "".parse::<ScoreFunction>().unwrap_err().to_string(),
            "score \"\": must be logloss or hellinger"
        );
    }

    #[test]
    fn names_parse_back() {
        for estimator in [ArEstimator::Yule, ArEstimator::Burg] {
            assert_eq!(estimator.to_string().parse(), Ok(estimator));
        }
        for score_function in [ScoreFunction::LogLoss, ScoreFunction::Hellinger] {
            assert_eq!(score_function.to_string().parse(), Ok(score_function));
        }
    }
}
