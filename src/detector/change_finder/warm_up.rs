//! A model whose scores mean nothing yet.
//!
//! All statistics and windows start as zeros. On a series far from 0 the first scores tell of these zeros, not of the
//! series: with r = 0.02 the first outlier score is about 1/(2r) = 25, and the change score reaches 15 at the fifth point.
//! After that the zeros make the variance too large, and the scores too low.
//!
//! | symbol | points | reason |
//! |---|---|---|
//! | k | window of the AR model | it holds only points of the series |
//! | 1/r | memory of the discounted statistics, at most [`MAX_MEMORY`] | the zeros weigh (1-r)^(1/r), about 1/e |
//! | T1 | window of the outlier scores | the second stage sees only means of such scores |
//! | T2 | window of the change scores | the change score is a mean of such scores |
//!
//! The warm-up takes the sum, 72 points with r = 0.02, k = 7, T1 = 10 and T2 = 5.

use super::ChangeFinder;
use super::params::Params;
use super::stages::Overflow;
use crate::codec::{CodecError, Reader, Writer};
use crate::detector::numeric::Finite;

/// The warm-up counts at most so many points for the discounting rate. The wild scores end far earlier, and with a rate
/// of 1e-9 the memory would outlast every series.
const MAX_MEMORY: u32 = 1000;

impl Params {
    /// How many points a model learns before its scores mean something: k + 1/r + T1 + T2, see
    /// [`WarmingUp`].
    ///
    /// ```
    /// use fluent_anomaly::detectors::{ArEstimator, Params, ScoreFunction};
    ///
    /// let params = Params::new(0.02, 7, 10, 5, ArEstimator::Yule, ScoreFunction::LogLoss)?;
    /// assert_eq!(params.warm_up_points(), 72);
    /// # Ok::<(), fluent_anomaly::detectors::ParamsError>(())
    /// ```
    #[must_use]
    pub fn warm_up_points(&self) -> u32 {
        // rates below 1e-3 give more than the most; both windows and the order are at most 1000
        let memory = (1.0 / self.discounting_rate()).ceil().min(f64::from(MAX_MEMORY)) as u32;
        memory + (self.order() + self.outlier_window() + self.change_window()) as u32
    }
}

/// A model that learns without giving scores, until it has learned [`Params::warm_up_points`].
///
/// ```
/// use fluent_anomaly::detectors::{ArEstimator, Finite, Params, ScoreFunction, WarmingUp};
///
/// let params = Params::new(0.02, 7, 10, 5, ArEstimator::Yule, ScoreFunction::LogLoss)?;
/// let mut model = WarmingUp::new(&params);
/// let mut warm = None;
/// for t in 0..72 {
///     assert!(warm.is_none());
///     warm = model.learn(&params, Finite::try_from(40.0 + f64::from(t % 5))?)?;
/// }
/// let mut model = warm.ok_or("72 points suffice")?;
/// assert!(model.update(&params, Finite::try_from(41.0)?)?.outlier < 10.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct WarmingUp {
    model: ChangeFinder,
    /// Below [`Params::warm_up_points`], except in the last call of `learn`.
    learned: u32,
}

impl WarmingUp {
    /// A model that has seen nothing.
    #[must_use]
    pub fn new(params: &Params) -> Self {
        Self { model: ChangeFinder::new(params), learned: 0 }
    }

    /// Learns `x`. The point that completes the warm-up returns the model, which scores from the next point on; this
    /// one has then nothing to do any more.
    ///
    /// # Errors
    /// As [`ChangeFinder::update`]. The point does not count.
    pub fn learn(&mut self, params: &Params, x: Finite) -> Result<Option<ChangeFinder>, Overflow> {
        self.model.update(params, x)?;
        self.learned += 1;
        let is_warm = self.learned >= params.warm_up_points();
        Ok(is_warm.then(|| ChangeFinder { state: std::mem::take(&mut self.model.state) }))
    }

    /// The model as it is, for whoever wants its scores at once.
    pub(crate) fn into_model(self) -> ChangeFinder {
        self.model
    }

    /// Appends the state, every bit of it.
    pub(crate) fn save(&self, w: &mut Writer<'_>) {
        w.varint(u64::from(self.learned));
        self.model.save(w);
    }

    /// A model that goes on exactly where the saved one stopped.
    ///
    /// # Errors
    /// As [`ChangeFinder::restore`], and [`CodecError::Invalid`] for more points than the warm-up takes.
    pub(crate) fn restore(params: &Params, r: &mut Reader<'_>) -> Result<Self, CodecError> {
        const WHAT: &str = "number of points of the warm-up";
        let learned = u32::try_from(r.varint(WHAT)?).ok().filter(|&points| points < params.warm_up_points());
        let learned = learned.ok_or(CodecError::Invalid { what: WHAT })?;
        Ok(Self { model: ChangeFinder::restore(params, r)?, learned })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ArEstimator, ScoreFunction};
    use super::*;

    fn params(r: f64, k: usize) -> Params {
        Params::new(r, k, 10, 5, ArEstimator::Yule, ScoreFunction::LogLoss).unwrap()
    }

    /// Points around a level: uniform, in -1..1 times `spread`.
    fn points(level: f64, spread: f64) -> impl Iterator<Item = Finite> {
        let mut word = 0x9e37_79b9_7f4a_7c15u64;
        std::iter::repeat_with(move || {
            word ^= word << 13;
            word ^= word >> 7;
            word ^= word << 17;
            Finite::new(level + spread * ((word >> 11) as f64 / (1u64 << 52) as f64 - 1.0)).unwrap()
        })
    }

    #[test]
    fn the_warm_up_takes_the_order_the_memory_and_both_windows() {
        for (r, k, expected) in
            [(0.02, 7, 72), (0.5, 1, 18), (0.3, 1, 20), (1e-3, 2, 1017), (1e-300, 2, 1017)]
        {
            assert_eq!(params(r, k).warm_up_points(), expected, "r {r}, k {k}");
        }
    }

    #[test]
    fn the_wild_scores_lie_inside_the_warm_up() {
        for (level, spread) in [(40.0, 5.0), (1000.0, 5.0), (-1e6, 1.0), (0.5, 0.5)] {
            for (r, k) in [(0.005, 7), (0.02, 2), (0.02, 7)] {
                let params = params(r, k);
                let mut cold = ChangeFinder::new(&params);
                let scores: Vec<_> =
                    points(level, spread).take(3000).map(|x| cold.update(&params, x).unwrap()).collect();
                let (cold, warm) = scores.split_at(params.warm_up_points() as usize);
                let highest = |scores: &[super::super::Scores]| {
                    scores.iter().fold((f64::MIN, f64::MIN), |(o, c), s| (o.max(s.outlier), c.max(s.change)))
                };
                let ((cold_outlier, cold_change), (outlier, change)) = (highest(cold), highest(warm));
                let name = format!("level {level}, spread {spread}, r {r}, k {k}");
                assert!(cold_outlier > outlier + 5.0, "{name}: {cold_outlier}, {outlier}");
                assert!(cold_change > change + 1.0, "{name}: {cold_change}, {change}");
                assert!(outlier < 13.0, "{name}: {outlier}");
            }
        }
    }

    #[test]
    fn a_warm_model_is_the_one_that_learned_the_same_points_with_scores() {
        let params = params(0.02, 7);
        let mut plain = ChangeFinder::new(&params);
        let mut warming = WarmingUp::new(&params);
        for (n, x) in points(40.0, 5.0).take(72).enumerate() {
            plain.update(&params, x).unwrap();
            let mut bytes = Vec::new();
            warming.save(&mut Writer::new(&mut bytes));
            warming = WarmingUp::restore(&params, &mut Reader::new(&bytes)).unwrap();
            match warming.learn(&params, x).unwrap() {
                None => assert!(n < 71),
                Some(warm) => assert_eq!((n, warm), (71, plain.clone())),
            }
        }
    }

    #[test]
    fn a_saved_warm_up_that_should_have_ended_is_refused() {
        let params = params(0.02, 7);
        let mut bytes = Vec::new();
        let mut w = Writer::new(&mut bytes);
        w.varint(72);
        ChangeFinder::new(&params).save(&mut w);
        let restored = WarmingUp::restore(&params, &mut Reader::new(&bytes));
        assert_eq!(restored, Err(CodecError::Invalid { what: "number of points of the warm-up" }));
    }
}
