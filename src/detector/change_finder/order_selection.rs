//! Choice of the AR order by Akaike's information criterion (H. Akaike, *A new look at the statistical model
//! identification*, 1974), with the seed's definitions.
//!
//! | symbol | here |
//! |---|---|
//! | n | number of values, the same for every order |
//! | mu, C_j | mean and autocovariances over the points that have k predecessors, `n - k` of them |
//! | sigma^2 | `sigma`, variance of the prediction error, `C_0 - sum a_j C_j` |
//! | AIC | `n (ln(2 pi sigma^2) + 1) + 2 (k + 1)`; `2 pi sigma^2` is taken as 1e-100 when it is less |
//!
//! Mean and autocovariances differ from order to order, because each leaves out as many points at the start as
//! it has coefficients. Updating them from one order to the next loses digits on series with a large offset;
//! recomputing costs 1 ms on 1500 points and 50 orders, in the seed's order of summation.

use super::levinson;
use super::params::MAX_ORDER;
use crate::detector::logarithm::ln;

/// The order chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SelectedOrder {
    /// AR order k, 1 to [`MAX_ORDER`].
    pub order: usize,
    /// Its AIC, the lowest; infinite when there was nothing to choose from.
    pub aic: f64,
}

/// The fit of one order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OrderFit {
    /// AR order k.
    pub order: usize,
    /// Variance of the prediction error; can be 0, or negative by rounding.
    pub sigma: f64,
    /// Akaike's information criterion, less is better.
    pub aic: f64,
}

/// The AR order, from 1 to `max_order` and below the number of values, with the lowest AIC; the lowest order
/// among equals.
///
/// One value or none, or values that are not finite, leave nothing to choose: order 1, AIC infinite.
///
/// ```
/// // each point depends on the one two before
/// let mut x = vec![1.0, -0.4];
/// let mut noise = 1u32;
/// for t in 2..300 {
///     noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
///     x.push(-0.9 * x[t - 2] + f64::from(noise) / f64::from(u32::MAX));
/// }
/// assert!(fluent_anomaly::detectors::select_order(&x, 10).order >= 2);
/// ```
#[must_use]
pub fn select_order(values: &[f64], max_order: usize) -> SelectedOrder {
    lowest(order_fits(values, max_order))
}

/// The order with the lowest AIC, the first among equals.
pub(super) fn lowest(fits: impl IntoIterator<Item = OrderFit>) -> SelectedOrder {
    let mut best = SelectedOrder { order: 1, aic: f64::INFINITY };
    for fit in fits {
        // never true for NaN
        if fit.aic < best.aic {
            best = SelectedOrder { order: fit.order, aic: fit.aic };
        }
    }
    best
}

/// The fits that [`select_order`] chooses from: orders 1 to `max_order`, at most [`MAX_ORDER`], below the number
/// of values.
#[must_use]
pub fn order_fits(values: &[f64], max_order: usize) -> Vec<OrderFit> {
    let n = values.len();
    let highest = max_order.min(MAX_ORDER).min(n.saturating_sub(1));
    let mut centred = vec![0.0; n];
    let mut c = Vec::with_capacity(highest + ABREAST);
    let mut a = Vec::with_capacity(highest);
    (1..=highest)
        .map(|k| {
            autocovariances(values, k, &mut centred, &mut c);
            fit(n as f64, k, &c, &mut a)
        })
        .collect()
}

/// The fit of order `k` to `n` values with the autocovariances `c[0..=k]`; `a` is scratch.
pub(super) fn fit(n: f64, k: usize, c: &[f64], a: &mut Vec<f64>) -> OrderFit {
    a.clear();
    a.resize(k, 0.0);
    levinson::solve(c, a);
    let mut sigma = c[0];
    for (a, c) in a.iter().zip(&c[1..]) {
        sigma -= a * c;
    }
    let scale = core::f64::consts::TAU * sigma;
    // not f64::max, which would drop a NaN
    let scale = if scale < 1e-100 { 1e-100 } else { scale };
    let aic = n * (ln(scale) + 1.0) + 2.0 * (k as f64 + 1.0);
    OrderFit { order: k, sigma, aic }
}

/// How many lags are summed at once. Each sum runs over the points in their order; several at once fill the processor's
/// vectors.
const ABREAST: usize = 8;

/// `c[j]` for j = 0..=k, of the points from `k` on, each with its k predecessors.
fn autocovariances(values: &[f64], k: usize, centred: &mut [f64], c: &mut Vec<f64>) {
    let count = (values.len() - k) as f64;
    let mut sum = 0.0;
    for value in &values[k..] {
        sum += value;
    }
    let mu = sum / count;
    for (d, value) in centred.iter_mut().zip(values) {
        *d = value - mu;
    }
    c.clear();
    let mut lag = 0;
    while lag + ABREAST <= k + 1 {
        // lags `lag` to `lag + 7`: the window holds the predecessors of a point, the most remote first
        let mut sums = [0.0; ABREAST];
        let windows = centred[k - (lag + ABREAST - 1)..].array_windows::<ABREAST>();
        for (d, window) in centred[k..].iter().zip(windows) {
            for (sum, past) in sums.iter_mut().zip(window) {
                *sum += d * past;
            }
        }
        c.extend(sums.iter().rev().map(|sum| sum / count));
        lag += ABREAST;
    }
    for lag in lag..=k {
        let mut sum = 0.0;
        for (d, past) in centred[k..].iter().zip(&centred[k - lag..]) {
            sum += d * past;
        }
        c.push(sum / count);
    }
}
