//! Sequentially discounting AR learning: one step (Takeuchi & Yamanishi 2006, section 4, with the seed's order
//! of operations).
//!
//! | symbol | here | range |
//! |---|---|---|
//! | r | `rate` | (0, 1) |
//! | mu | word 0 of a stage, [`Step::mu`] | within the data, which is within [`Finite::MAX`] |
//! | Sigma | word 1, [`Step::sigma`]: variance of the prediction error | 0 or more |
//! | x_(t-1) .. x_(t-k) | the next k words, the oldest first, as the seed keeps them | [`Finite::MAX`] |
//! | C_0 .. C_k | the last k + 1 words, [`Step::c`]; Yule only | at most `4 * Finite::MAX^2` |
//! | omega | `a`, found anew at each step | any |
//! | x_hat | [`Step::x_hat`] | any |
//!
//! A step only reads its stage; [`Step::store`] writes. So a point that turns out to be too much for the
//! arithmetic leaves no trace.
//!
//! [`Finite::MAX`]: super::Finite::MAX

use super::params::ArEstimator;
use super::unrolled::{LANES, Lanes};
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

/// An AR model of some order, the way it takes a step.
pub(super) trait Learn<const N: usize> {
    /// [`words`] of a stage.
    fn words(&self) -> usize;

    /// What the point `x` makes of `stage`, which has [`words`](Self::words) words.
    fn step(&self, stage: &[f64], rate: f64, x: f64) -> Step<N>;

    /// Makes the step on the stage, for the point it was computed for.
    fn store(&self, stage: &mut [f64], step: &Step<N>, x: f64);
}

/// What a point makes of a stage of an order below `N`.
pub(super) struct Step<const N: usize> {
    pub(super) mu: f64,
    pub(super) sigma: f64,
    pub(super) x_hat: f64,
    c: [f64; N],
    /// The points before this one, the newest first, where they are at hand.
    past: [f64; N],
}

/// Drops the oldest value, at the front, and appends `x`.
#[inline(always)]
pub(super) fn push(window: &mut [f64], x: f64) {
    if let Some(last) = window.len().checked_sub(1) {
        window.copy_within(1.., 0);
        window[last] = x;
    }
}

/// A model of order `K`, all in registers.
pub(super) struct Unrolled<const K: usize, const BURG: bool>;

impl<const K: usize, const BURG: bool> Learn<LANES> for Unrolled<K, BURG> {
    #[inline(always)]
    fn words(&self) -> usize {
        words(K, if BURG { ArEstimator::Burg } else { ArEstimator::Yule })
    }

    #[inline(always)]
    fn step(&self, stage: &[f64], rate: f64, x: f64) -> Step<LANES> {
        let keep = 1.0 - rate;
        let mu = keep * stage[0] + rate * x;
        let dx = x - mu;

        let mut past: Lanes = [0.0; LANES];
        let mut d: Lanes = [0.0; LANES];
        unroll!(J < K, {
            past[J] = stage[WINDOW + K - 1 - J];
            d[J] = past[J] - mu;
        });

        let mut c: Lanes = [0.0; LANES];
        let a = if BURG {
            Some(burg::solve_unrolled::<K>(x, &past))
        } else {
            let gain = rate * dx;
            c[0] = keep * stage[WINDOW + K] + gain * dx;
            unroll!(J < K, {
                c[J + 1] = keep * stage[WINDOW + K + 1 + J] + gain * d[J];
            });
            levinson::solve_unrolled::<K>(&c)
        };

        let mut x_hat = 0.0;
        if let Some(a) = a {
            unroll!(J < K, {
                x_hat += a[J] * d[J];
            });
            x_hat += mu;
        } else {
            x_hat = predict_in_loops::<K>(stage, rate, x);
        }
        let error = x - x_hat;
        let sigma = keep * stage[1] + rate * (error * error);
        Step { mu, sigma, x_hat, c, past }
    }

    #[inline(always)]
    fn store(&self, stage: &mut [f64], step: &Step<LANES>, x: f64) {
        stage[0] = step.mu;
        stage[1] = step.sigma;
        unroll!(J < K - 1, {
            stage[WINDOW + K - 2 - J] = step.past[J];
        });
        stage[WINDOW + K - 1] = x;
        if !BURG {
            stage[WINDOW + K] = step.c[0];
            unroll!(J < K, {
                stage[WINDOW + K + 1 + J] = step.c[J + 1];
            });
        }
    }
}

/// The prediction where the autocovariances are degenerate.
#[cold]
#[inline(never)]
fn predict_in_loops<const K: usize>(stage: &[f64], rate: f64, x: f64) -> f64 {
    AnyOrder::<LANES> { k: K, estimator: ArEstimator::Yule }.step(stage, rate, x).x_hat
}

/// A model of any order `k < N`, in loops, the same bits.
pub(super) struct AnyOrder<const N: usize> {
    pub(super) k: usize,
    pub(super) estimator: ArEstimator,
}

impl<const N: usize> Learn<N> for AnyOrder<N> {
    fn words(&self) -> usize {
        words(self.k, self.estimator)
    }

    fn step(&self, stage: &[f64], rate: f64, x: f64) -> Step<N> {
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
        Step { mu, sigma, x_hat, c, past: [0.0; N] }
    }

    fn store(&self, stage: &mut [f64], step: &Step<N>, x: f64) {
        stage[0] = step.mu;
        stage[1] = step.sigma;
        let (window, c) = stage[WINDOW..].split_at_mut(self.k);
        push(window, x);
        // no words left in a stage that keeps none
        for (stored, new) in c.iter_mut().zip(&step.c) {
            *stored = *new;
        }
    }
}
