//! What is looked at: the value, its mean, its activity, its one-step error, and how long it has stood still.

use super::spec::Tuning;

/// Smallest positive argument of the logarithm of activity.
const TINY: f64 = 1e-300;

/// Running estimates behind the channels.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Channels {
    /// First value: everything is measured from it, so that single precision keeps its resolution.
    pub anchor: f64,
    /// Previous value, from the anchor.
    pub previous: f64,
    /// Moving mean.
    pub mean: f64,
    /// Moving mean of absolute steps, 0..
    pub activity: f64,
    /// Centre, lag-0 and lag-1 covariance of the AR(1) predictor.
    mu: f64,
    c0: f64,
    c1: f64,
    /// Moving mean of absolute (winsorised) errors, 0..
    pub scale: f64,
    /// Points in a row equal to the one before.
    pub run: u32,
}

/// The channels' values at one point.
#[derive(Debug, Clone, Copy)]
pub(super) struct Observed {
    pub x: f64,
    pub mean: f64,
    pub activity: Option<f64>,
    pub error: Option<f64>,
    pub predicted: f64,
    pub run: u32,
}

impl Channels {
    pub(super) fn new(x: f64) -> Self {
        Self { anchor: x, previous: 0.0, mean: 0.0, activity: 0.0, mu: 0.0, c0: 0.0, c1: 0.0, scale: 0.0, run: 0 }
    }

    /// Scores nothing, only observes; `t` is the number of points before this one.
    pub(super) fn observe(&mut self, value: f64, t: u32, k: &Tuning) -> Observed {
        let x = (value - self.anchor).clamp(-f64::MAX, f64::MAX);
        let n = f64::from(t);
        if t == 0 {
            return Observed { x, mean: x, activity: None, error: None, predicted: x, run: 0 };
        }
        self.mean += (1.0 / k.mean_window).max(1.0 / (n + 1.0)) * (x - self.mean);
        self.activity += (1.0 / k.activity_window).max(1.0 / n) * ((x - self.previous).abs() - self.activity);
        let (error, predicted) = self.predict(x, n, k);
        self.run = if x == self.previous { self.run.saturating_add(1) } else { 0 };
        self.previous = x;
        let activity = libm::log(self.activity + 1e-3 * self.scale + TINY);
        Observed { x, mean: self.mean, activity: Some(activity), error: Some(error), predicted, run: self.run }
    }

    /// One-step AR(1) error, scored before it is learned; learns from a winsorised value.
    fn predict(&mut self, x: f64, n: f64, k: &Tuning) -> (f64, f64) {
        let r = k.ar_rate.max(1.0 / (n + 1.0));
        let phi = if self.c0 > 0.0 { (self.c1 / self.c0).clamp(-0.9, 0.999) } else { 0.0 };
        let predicted = self.mu + phi * (self.previous - self.mu);
        let error = x - predicted;
        let learned =
            if n > 10.0 && self.scale > 0.0 { error.clamp(-4.0 * self.scale, 4.0 * self.scale) } else { error };
        let w = predicted + learned;
        self.mu += r * (w - self.mu);
        let (dw, dp) = (w - self.mu, self.previous - self.mu);
        self.c0 += r * (dw * dw - self.c0);
        self.c1 += r * (dw * dp - self.c1);
        self.scale += r * (learned.abs() - self.scale);
        (error, predicted)
    }
}
