//! Sequentially discounting AR learning: one step (Takeuchi & Yamanishi 2006, section 4, with the seed's order
//! of operations).
//!
//! | symbol | here | range |
//! |---|---|---|
//! | r | `rate` | (0, 1) |
//! | mu | word 0 of a stage, [`SdarStep::mu`] | within the data, which is within [`Finite::MAX`] |
//! | Sigma | word 1, [`SdarStep::sigma`]: variance of the prediction error | 0 or more |
//! | x_(t-1) .. x_(t-k) | the next k words, the oldest first, as the seed keeps them | [`Finite::MAX`] |
//! | C_0 .. C_k | the last k + 1 words, [`SdarStep::c`]; Yule only | at most `4 * Finite::MAX^2` |
//! | omega | `a`, found anew at each step | any |
//! | x_hat | [`SdarStep::x_hat`] | any |
//!
//! [`ArModel::step`] only reads its stage; [`ArModel::store`] writes. So a point that overflows the arithmetic leaves no
//! trace.
//!
//! [`Finite::MAX`]: super::Finite::MAX

use std::cell::Cell;

use super::params::ArEstimator;
use super::{burg, levinson};

/// Words before the window: mean and variance.
pub(super) const WINDOW: usize = 2;

/// Words of a stage of order `k`. Burg's method needs no autocovariances.
pub(super) const fn words(k: usize, estimator: ArEstimator) -> usize {
    match estimator {
        ArEstimator::Yule => WINDOW + k + k + 1,
        ArEstimator::Burg => WINDOW + k,
    }
}

/// An AR model that takes a step: in loops ([`AnyOrder`]) or without (`unrolled`).
pub(super) trait ArModel<const N: usize> {
    /// [`words`] of a stage.
    fn words(&self) -> usize;

    /// The step that the point `x` makes from `stage`, which has [`words`](Self::words) words.
    fn step(&self, stage: &[f64], rate: f64, x: f64) -> SdarStep<N>;

    /// Writes the step of the point `x` to the stage from which it was computed.
    fn store(&self, stage: &mut [f64], step: &SdarStep<N>, x: f64);
}

/// What a stage of an order below `N` learns from a point.
pub(super) struct SdarStep<const N: usize> {
    pub(super) mu: f64,
    pub(super) sigma: f64,
    pub(super) x_hat: f64,
    pub(super) c: [f64; N],
    /// The points before this one, the newest first. Only unrolled code fills it.
    pub(super) past: [f64; N],
}

/// Drops the oldest value, at the front, and appends `x`.
#[inline(always)] // speed
pub(super) fn push(window: &mut [f64], x: f64) {
    // a loop that LLVM makes one operation of; `copy_within` is two calls
    let cells = Cell::from_mut(window).as_slice_of_cells();
    for pair in cells.windows(2) {
        pair[0].set(pair[1].get());
    }
    if let Some(last) = cells.last() {
        last.set(x);
    }
}

/// A model of any order `k < N`, in loops.
pub(super) struct AnyOrder<const N: usize> {
    pub(super) k: usize,
    pub(super) estimator: ArEstimator,
}

impl<const N: usize> ArModel<N> for AnyOrder<N> {
    fn words(&self) -> usize {
        words(self.k, self.estimator)
    }

    fn step(&self, stage: &[f64], rate: f64, x: f64) -> SdarStep<N> {
        let k = self.k;
        let keep = 1.0 - rate;
        let mu = keep * stage[0] + rate * x;
        let dx = x - mu;
        let (window, old_c) = stage[WINDOW..].split_at(k);

        let mut c = [0.0; N];
        let mut a = [0.0; N];
        match self.estimator {
            ArEstimator::Yule => {
                let gain = rate * dx;
                c[0] = keep * old_c[0] + gain * dx;
                for ((new, old), past) in c[1..].iter_mut().zip(&old_c[1..]).zip(window.iter().rev()) {
                    *new = keep * old + gain * (past - mu);
                }
                levinson::solve(&c[..=k], &mut a[..k]);
            }
            ArEstimator::Burg => {
                let mut f = [0.0; N];
                let mut b = [0.0; N];
                b[0] = x;
                for (j, past) in window.iter().rev().enumerate() {
                    f[j] = *past;
                    b[j + 1] = *past;
                }
                burg::solve(&mut f[..k], &mut b[..k], &mut a[..k]);
            }
        }

        let mut x_hat = 0.0;
        for (a, past) in a[..k].iter().zip(window.iter().rev()) {
            x_hat += a * (past - mu);
        }
        x_hat += mu;
        let error = x - x_hat;
        let sigma = keep * stage[1] + rate * (error * error);
        SdarStep { mu, sigma, x_hat, c, past: [0.0; N] }
    }

    fn store(&self, stage: &mut [f64], step: &SdarStep<N>, x: f64) {
        stage[0] = step.mu;
        stage[1] = step.sigma;
        let (window, c) = stage[WINDOW..].split_at_mut(self.k);
        push(window, x);
        // Burg's stage has no words left here
        for (stored, new) in c.iter_mut().zip(&step.c) {
            *stored = *new;
        }
    }
}
