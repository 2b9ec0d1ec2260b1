//! Levinson-Durbin recursion: the Yule-Walker equations in O(k^2).
//!
//! | symbol | here | meaning |
//! |---|---|---|
//! | C_j | `c[j]` | autocovariance at lag j |
//! | a_j | `a[j-1]` | weight of the j-th last point in the prediction, `x_hat = sum a_j * x_(t-j)` |
//! | | `g` | reflection coefficient of the new order |
//! | | `v` | variance of what the model of the present order leaves unexplained |

/// Coefficients of the AR model of `order` with the autocovariances `c[0..=order]`, the weight of the newest
/// point first.
///
/// Zeros for `c[0] == 0`. Where the remaining variance becomes exactly 0, the shorter model explains everything
/// and the other coefficients stay 0. Nothing guards against autocovariances that no series can have: they give
/// a model, if a strange one. Lags that `c` lacks make the model shorter.
///
/// ```
/// // an AR(1) process with coefficient 0.5
/// assert_eq!(fluent_anomaly::internals::levinson(&[1.0, 0.5, 0.25], 2), [0.5, 0.0]);
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
