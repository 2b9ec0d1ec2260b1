//! Burg's method: AR coefficients from the points themselves, by least squares of the errors of forward and
//! backward prediction (J. P. Burg, *Maximum Entropy Spectral Analysis*, 1975).
//!
//! | here | meaning |
//! |---|---|
//! | `f`, `b` | errors of forward and backward prediction at the present order |
//! | `g` | reflection coefficient of the new order |
//! | `a` | coefficients of the polynomial `1 + a_1 z + a_2 z^2 + ..`, the lowest lag first |

use super::levinson::reflect;

/// Coefficients of order `order` for `values`, in the convention of the polynomial `1 + a_1 z + a_2 z^2 + ..`,
/// that is: the best prediction is **minus** their weighted sum. The lowest lag comes first.
///
/// The seed predicts with **plus**, and so does `ar: burg` here, to give its numbers. `values` are in its order,
/// the newest first. Where nothing is left to explain the remaining coefficients are 0.
///
/// ```
/// // 1, 1/2, 1/4, ..: each is half of the one before
/// let a = fluent_anomaly::internals::burg(&[1.0, 0.5, 0.25, 0.125], 1);
/// assert!((a[0] - -0.8).abs() < 1e-15);
/// ```
#[must_use]
pub fn burg(values: &[f64], order: usize) -> Vec<f64> {
    let mut a = vec![0.0; order];
    let mut f: Vec<f64> = values.iter().skip(1).copied().collect();
    let mut b = values.to_vec();
    b.truncate(f.len());
    solve(&mut f, &mut b, &mut a);
    a
}

/// The recursion for any order, `a.len()`. `f` comes in as all points but the first, `b` as all but the last,
/// `a` as zeros.
pub(super) fn solve(f: &mut [f64], b: &mut [f64], a: &mut [f64]) {
    let points = f.len().min(b.len());
    for i in 0..a.len() {
        let m = points.saturating_sub(i);
        let (f, b) = (&mut f[..m], &mut b[..m]);
        let (mut both, mut power) = (0.0, 0.0);
        for (f, b) in f.iter().zip(b.iter()) {
            both += f * b;
            power += f * f + b * b;
        }
        let g = if power == 0.0 { 0.0 } else { 2.0 * both / power };
        reflect(&mut a[..i], -g);
        a[i] = -g;
        for j in 1..m {
            let old = f[j - 1];
            f[j - 1] = f[j] - g * b[j];
            b[j - 1] -= g * old;
        }
    }
}
