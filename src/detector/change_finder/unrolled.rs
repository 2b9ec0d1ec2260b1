//! The unrolled twins of `levinson`, `burg` and `sdar`, for each AR order up to [`MAX_UNROLLED`]: the same bits in less
//! time.
//!
//! An interpreter of WebAssembly pays for each array access an address, a bounds check and a trip to memory; a local
//! variable costs it nothing. The optimizer stops unrolling the triangular loops of Levinson and Burg at about order 5,
//! hence the macro `unroll!`. In Fluent Bit the filter takes 3.0 times the CPU of a filter that does nothing without
//! this file, and 2.2 times with it.
//!
//! The equations stand in the files of the loops. A law in the tests holds both to the same bits.

use super::params::{ArEstimator, Params};
use super::sdar::{AnyOrder, ArModel, SdarStep, WINDOW, words};
use super::stages::{self, Overflow, Scores};

/// Highest AR order with code of its own. Longer models take the loops.
pub(super) const MAX_UNROLLED: usize = 10;

/// The same for Burg's method, whose code grows with the square of the order: 9 kB of the filter for the orders beyond, with which a
/// record takes its interpreter twice as long without it.
const MAX_UNROLLED_BURG: usize = if cfg!(target_family = "wasm") { 7 } else { MAX_UNROLLED };

/// Length of the arrays that unrolled code indexes by constants. It never touches what lies beyond the order.
const SLOTS: usize = MAX_UNROLLED + 1;

/// Values by lag, or by index.
type Slots = [f64; SLOTS];

/// `unroll!(J < END, { .. })` is the body once for each constant `J` in `0..END`; `END` is at most [`MAX_UNROLLED`].
macro_rules! unroll {
    ($i:ident < $end:expr, $body:block) => {
        unroll!(@ $i, $end, $body, 0 1 2 3 4 5 6 7 8 9)
    };
    (@ $i:ident, $end:expr, $body:block, $($at:literal)*) => {$({
        const $i: usize = $at;
        if $i < $end $body
    })*};
}

/// Scores `x` and learns it, in code made for the order of the model where there is such code.
///
/// # Errors
/// [`Overflow`], see [`stages::score_and_learn`].
#[inline(always)] // speed
pub(super) fn update(state: &mut [f64], params: &Params, x: f64) -> Result<Scores, Overflow> {
    macro_rules! by_order {
        ($($k:literal)*) => {
            match (params.estimator(), params.order()) {
                $(
                    (ArEstimator::Yule, $k) => update_fixed::<$k, false>(state, params, x),
                    (ArEstimator::Burg, $k) if $k <= MAX_UNROLLED_BURG => update_fixed::<$k, true>(state, params, x),
                )*
                _ => stages::update_any_order(state, params, x),
            }
        };
    }
    by_order!(1 2 3 4 5 6 7 8 9 10)
}

#[inline(never)] // stack: each order needs a frame of its own size
fn update_fixed<const K: usize, const BURG: bool>(
    state: &mut [f64],
    params: &Params,
    x: f64,
) -> Result<Scores, Overflow> {
    stages::score_and_learn::<false, _>(&FixedOrder::<K, BURG>, state, params, x)
}

/// A model of order `K`, all in local variables: the twin of [`AnyOrder`].
struct FixedOrder<const K: usize, const BURG: bool>;

impl<const K: usize, const BURG: bool> ArModel<SLOTS> for FixedOrder<K, BURG> {
    #[inline(always)] // speed
    fn words(&self) -> usize {
        words(K, if BURG { ArEstimator::Burg } else { ArEstimator::Yule })
    }

    #[inline(always)] // speed
    fn step(&self, stage: &[f64], rate: f64, x: f64) -> SdarStep<SLOTS> {
        let keep = 1.0 - rate;
        let mu = keep * stage[0] + rate * x;
        let dx = x - mu;

        let mut past: Slots = [0.0; SLOTS];
        let mut d: Slots = [0.0; SLOTS];
        unroll!(J < K, {
            past[J] = stage[WINDOW + K - 1 - J];
            d[J] = past[J] - mu;
        });

        let mut c: Slots = [0.0; SLOTS];
        let a = if BURG {
            Some(burg::<K>(x, &past))
        } else {
            let gain = rate * dx;
            c[0] = keep * stage[WINDOW + K] + gain * dx;
            unroll!(J < K, {
                c[J + 1] = keep * stage[WINDOW + K + 1 + J] + gain * d[J];
            });
            levinson::<K>(&c)
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
        SdarStep { mu, sigma, x_hat, c, past }
    }

    #[inline(always)] // speed
    fn store(&self, stage: &mut [f64], step: &SdarStep<SLOTS>, x: f64) {
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
#[inline(never)] // speed: keeps the rare case out of the unrolled code
fn predict_in_loops<const K: usize>(stage: &[f64], rate: f64, x: f64) -> f64 {
    AnyOrder::<SLOTS> { k: K, estimator: ArEstimator::Yule }.step(stage, rate, x).x_hat
}

/// The twin of `levinson::solve` for the order `K`, or `None` where the recursion breaks off, which only the loops do.
///
/// It does not compare the remaining variance with 0 at each order, but once at the end. A division by 0 gives an
/// infinity or NaN, the square of that makes the next variance NaN, and NaN stays. So the last divisor tells of all.
#[inline(always)] // speed
#[allow(unused_assignments, reason = "the last unrolled pass writes what a further one would read")]
fn levinson<const K: usize>(c: &Slots) -> Option<Slots> {
    let mut a = [0.0; SLOTS];
    let mut v = c[0];
    unroll!(T < K, {
        let mut rest = c[T + 1];
        unroll!(J < T, {
            rest -= a[J] * c[T - J];
        });
        // false for NaN too; the smallest numbers are left to the loops with 0
        let divides = v.abs() >= f64::MIN_POSITIVE;
        if T == K - 1 && !divides {
            return None;
        }
        let g = rest / v;
        reflect::<T>(&mut a, -g);
        a[T] = g;
        v *= 1.0 - g * g;
    });
    Some(a)
}

/// The twin of `levinson::reflect` on the first `T` values.
#[inline(always)] // speed
fn reflect<const T: usize>(a: &mut Slots, g: f64) {
    let old = *a;
    unroll!(J < T, {
        a[J] = old[J] + g * old[T - 1 - J];
    });
}

/// The twin of `burg::solve` for the order `K` on `x` and the `K` points before it.
#[inline(always)] // speed
#[allow(unused_assignments, reason = "the last unrolled pass writes what a further one would read")]
fn burg<const K: usize>(x: f64, past: &Slots) -> Slots {
    let mut a = [0.0; SLOTS];
    let mut f = *past;
    let mut b = [0.0; SLOTS];
    b[0] = x;
    unroll!(J < K - 1, {
        b[J + 1] = past[J];
    });
    unroll!(I < K, {
        let (mut both, mut power) = (0.0, 0.0);
        unroll!(J < K - I, {
            both += f[J] * b[J];
            power += f[J] * f[J] + b[J] * b[J];
        });
        let g = if power == 0.0 { 0.0 } else { 2.0 * both / power };
        reflect::<I>(&mut a, -g);
        a[I] = -g;
        unroll!(J < K - I - 1, {
            let old = f[J];
            f[J] = f[J + 1] - g * b[J + 1];
            b[J] -= g * old;
        });
    });
    a
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detector::levinson as levinson_in_loops;

    fn same<const K: usize>(name: &str, c: &Slots) {
        let looped = levinson_in_loops(&c[..=K], K);
        let Some(unrolled) = levinson::<K>(c) else { return };
        for (a, b) in unrolled[..K].iter().zip(&looped) {
            assert!(
                a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()),
                "{name} {K}: {unrolled:?}, {looped:?}"
            );
        }
    }

    #[test]
    fn unrolled_orders_agree_where_the_recursion_breaks_off() {
        let row = |head: &[f64], rest: f64| {
            let mut c = [rest; SLOTS];
            c[..head.len()].copy_from_slice(head);
            c
        };
        for (name, c) in [
            ("zeros", row(&[], 0.0)),
            ("no variance but covariance", row(&[0.0], 1.0)),
            ("negative zero", row(&[-0.0], 1.0)),
            ("explained at the first order", row(&[], 1.0)),
            ("explained at the first, against the rest", row(&[2.0, 2.0], -1.0)),
            ("alternating", core::array::from_fn(|j| if j % 2 == 0 { 1.0 } else { -1.0 })),
            ("explained at the second order", row(&[1.0, 0.0, 1.0, 0.0], 0.5)),
            ("explained at the third order", row(&[1.0, 0.0, 0.0, -1.0], 0.25)),
            ("variance turns negative", row(&[1.0, 2.0, 3.0], 0.1)),
            ("variance underflows", row(&[1e-300, 1e-300 * 0.999_999_999_999], 5e-324)),
            ("overflow", row(&[5e-324, 1e300], 1.0)),
            ("not a number", row(&[1.0, f64::NAN], 0.5)),
            ("infinite", row(&[f64::INFINITY], 1.0)),
            ("infinite at the end", row(&[1.0, 0.5, f64::INFINITY], 0.0)),
        ] {
            unroll!(T < MAX_UNROLLED, {
                same::<{ T + 1 }>(name, &c);
            });
        }
    }
}
