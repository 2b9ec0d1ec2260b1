//! A view of what a model has learned, for tests and diagnosis.

use super::sdar::WINDOW;

/// What a [`ChangeFinder`](super::ChangeFinder) has learned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Internals<'a> {
    /// Learns the series.
    pub stage1: StageInternals<'a>,
    /// Learns the smoothed outlier scores.
    pub stage2: StageInternals<'a>,
    /// The last T1 outlier scores, the oldest first.
    pub outliers: &'a [f64],
    /// The last T2 scores of the second stage, the oldest first.
    pub changes: &'a [f64],
}

/// What a stage has learned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StageInternals<'a> {
    /// Discounted mean.
    pub mu: f64,
    /// Discounted variance of the prediction error, 0 or more.
    pub sigma: f64,
    /// The last k points, the oldest first.
    pub window: &'a [f64],
    /// Discounted autocovariances at the lags 0 to k; empty with Burg's method, which has none.
    pub c: &'a [f64],
}

impl<'a> StageInternals<'a> {
    /// Splits the words of a stage of order `k`; `None` where they are too few.
    pub(super) fn new(stage: &'a [f64], k: usize) -> Option<Self> {
        let (&[mu, sigma], rest) = stage.split_first_chunk::<WINDOW>()?;
        let (window, c) = rest.split_at_checked(k)?;
        Some(Self { mu, sigma, window, c })
    }
}
