//! The score of a step: how unexpected its point was.

use crate::detector::logarithm::{ln, ordinary};
use crate::detector::numeric::exp;

/// ln(2 pi)
const LN_TAU: f64 = 1.837_877_066_409_345_5;

/// Logarithmic loss `-ln p(x)` of a point whose distance from its prediction is `error`, under a normal density
/// of variance `sigma` (Takeuchi & Yamanishi 2006, section 3.1).
///
/// Computed in log space: the seed takes the logarithm of the density and scores 0 when that underflows, which
/// rewards the most extreme outliers. Here they score highest. A variance of 0, as on a series of zeros only,
/// scores 0 as in the seed.
#[inline(always)] // speed
pub(super) fn log_loss(error: f64, sigma: f64) -> f64 {
    match ordinary(sigma) {
        Some(ln) => 0.5 * (LN_TAU + ln + error * error / sigma),
        None => log_loss_of_extremes(error, sigma),
    }
}

#[cold]
#[inline(never)] // speed
fn log_loss_of_extremes(error: f64, sigma: f64) -> f64 {
    if sigma == 0.0 { 0.0 } else { 0.5 * (LN_TAU + ln(sigma) + error * error / sigma) }
}

/// [`log_loss`] computed from the density and rounded as the seed rounds; in log space only where the density underflows.
#[inline(always)] // speed
pub(super) fn log_loss_by_density(error: f64, sigma: f64) -> f64 {
    let density = exp((-0.5 * (error * error)) / sigma) / (core::f64::consts::TAU.sqrt() * sigma.sqrt());
    // false for NaN, which a variance of 0 gives
    if density > 0.0 && density.is_finite() { -ln(density) } else { log_loss(error, sigma) }
}

/// Squared Hellinger distance, times 100, between the normal densities before (`mu_0`, `sigma_0`) and after a
/// step; 100 where both variances are 0. The seed's form: without the square root, and on the running means, not
/// the predictions.
///
/// The fourth roots are two square roots each, which is exact to the last bit or two and cheap.
#[inline(always)] // speed
pub(super) fn hellinger(mu_0: f64, sigma_0: f64, mu: f64, sigma: f64) -> f64 {
    let half = (sigma_0 + sigma) / 2.0;
    if half == 0.0 {
        return 100.0;
    }
    let distance = mu_0 - mu;
    let overlap =
        sigma_0.sqrt().sqrt() * sigma.sqrt().sqrt() * exp(-0.25 * (distance * distance) / (sigma_0 + sigma));
    100.0 * (1.0 - overlap / half.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_loss_is_minus_the_logarithm_of_the_density() {
        // standard normal at 0 and at 2
        assert!((log_loss(0.0, 1.0) - 0.918_938_533_204_672_7).abs() < 1e-15);
        assert!((log_loss(2.0, 1.0) - 2.918_938_533_204_672_7).abs() < 1e-15);
    }

    #[test]
    fn both_ways_to_the_log_loss_agree_and_the_slow_one_survives_underflow() {
        for (error, sigma) in [(0.0, 1.0), (3.0, 0.1), (-7.5, 2e9), (100.0, 1.0), (1e-9, 1e-30), (0.0, 0.0)] {
            let (a, b) = (log_loss(error, sigma), log_loss_by_density(error, sigma));
            assert!((a - b).abs() <= 1e-12 * a.abs().max(1.0), "{error} {sigma}: {a} {b}");
        }
    }

    #[test]
    fn a_density_too_small_for_a_float_still_scores() {
        assert!(log_loss(100.0, 1.0) > 5000.0);
    }

    #[test]
    fn equal_densities_have_no_distance_and_remote_ones_all_of_it() {
        assert!(hellinger(3.0, 2.0, 3.0, 2.0).abs() < 1e-13);
        assert_eq!(hellinger(0.0, 1.0, 1e6, 1.0), 100.0);
    }

    #[test]
    fn variances_whose_half_underflows_count_as_none() {
        assert_eq!(hellinger(0.0, 0.0, 0.0, 0.0), 100.0);
        assert_eq!(hellinger(0.0, 0.0, 0.0, 5e-324), 100.0);
    }
}
