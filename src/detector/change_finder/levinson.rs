//! Levinson-Durbin recursion: the Yule-Walker equations in O(k^2).
//!
//! | symbol | here | meaning |
//! |---|---|---|
//! | C_j | `c[j]` | autocovariance at lag j |
//! | a_j | `a[j-1]` | weight of the j-th last point in the prediction, `x_hat = sum a_j * x_(t-j)` |
//! | | `g` | reflection coefficient of the new order |
//! | | `v` | variance of what the model of the present order leaves unexplained |

use super::unrolled::{LANES, Lanes};

/// Coefficients of the AR model of `order` with the autocovariances `c[0..=order]`, the weight of the newest
/// point first.
///
/// Zeros for `c[0] == 0`. Where the remaining variance becomes exactly 0, the shorter model explains everything
/// and the other coefficients stay 0. Nothing guards against autocovariances that no series can have: they give
/// a model, if a strange one. Lags that `c` lacks make the model shorter.
///
/// ```
/// // an AR(1) process with coefficient 0.5
/// assert_eq!(fluent_anomaly::detector::levinson(&[1.0, 0.5, 0.25], 2), [0.5, 0.0]);
/// ```
#[must_use]
pub fn levinson(c: &[f64], order: usize) -> Vec<f64> {
    let mut a = vec![0.0; order];
    let known = order.min(c.len().saturating_sub(1));
    solve(c, &mut a[..known]);
    a
}

/// The recursion for any order, `a.len()`; `c` has one value more. `a` comes in as zeros.
pub(super) fn solve(c: &[f64], a: &mut [f64]) {
    let (Some(&c0), Some(&c1)) = (c.first(), c.get(1)) else { return };
    if c0 == 0.0 || a.is_empty() {
        return;
    }
    let g = c1 / c0;
    a[0] = g;
    let mut v = c0 * (1.0 - g * g);
    for t in 1..a.len() {
        if v == 0.0 {
            break;
        }
        let mut rest = c[t + 1];
        for (a, c) in a[..t].iter().zip(c[1..=t].iter().rev()) {
            rest -= a * c;
        }
        let g = rest / v;
        reflect(&mut a[..t], -g);
        a[t] = g;
        v *= 1.0 - g * g;
    }
}

/// `a[j] += g * a[t-1-j]` for all j at once, t being the length.
pub(super) fn reflect(a: &mut [f64], g: f64) {
    let t = a.len();
    let (low, high) = a.split_at_mut(t / 2);
    let (middle, high) = high.split_at_mut(t % 2);
    for (l, h) in low.iter_mut().zip(high.iter_mut().rev()) {
        (*l, *h) = (*l + g * *h, *h + g * *l);
    }
    for m in middle {
        *m += g * *m;
    }
}

/// [`solve`] for the order `K`, everything in registers, the same bits.
///
/// A remaining variance of 0 is not looked for at each order but once: the division by it gives an infinite or no
/// number, its square makes the next variance NaN, and that stays. So the last divisor tells of all,
/// and `None` leaves the rest to [`solve`].
#[inline(always)]
#[allow(unused_assignments, reason = "the last unrolled pass writes what a further one would read")]
pub(super) fn solve_unrolled<const K: usize>(c: &Lanes) -> Option<Lanes> {
    let mut a = [0.0; LANES];
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
        reflect_unrolled::<T>(&mut a, -g);
        a[T] = g;
        v *= 1.0 - g * g;
    });
    Some(a)
}

/// [`reflect`] on the first `T` values.
#[inline(always)]
pub(super) fn reflect_unrolled<const T: usize>(a: &mut Lanes, g: f64) {
    let old = *a;
    unroll!(J < T, {
        a[J] = old[J] + g * old[T - 1 - J];
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same<const K: usize>(name: &str, c: &Lanes) {
        let looped = levinson(&c[..=K], K);
        let Some(unrolled) = solve_unrolled::<K>(c) else { return };
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
            let mut c = [rest; LANES];
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
            unroll!(T < 10, {
                same::<{ T + 1 }>(name, &c);
            });
        }
    }
}
