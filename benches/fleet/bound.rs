//! The most that any rule can find: an upper bound, whatever is computed from the values.
//!
//! One host of a group shifts by s deviations; of its noise a share ρ is still there in the next minute. What is fresh of
//! each minute is then normal with variance 1, and the shift adds s / √(1 - ρ²) to the first fresh value and
//! s (1 - ρ) / √(1 - ρ²) to each that follows. A rule raises alarms at some minutes of a host, at most `rate` a minute when
//! nothing is wrong, and finds a shift that begins in minute ν if it raises one in the [`MINUTES`] from ν on. Let Λ(ν) be
//! the likelihood ratio of a shift in ν by what is seen in these minutes. Then, averaged over ν and both signs,
//!
//! P(found) ≤ λ rate + E₀[ max over sets A of alarms: Σ Λ(ν) over what A finds - λ |A| ] a minute, for each λ > 0:
//!
//! the maximum sees all values, later ones too, and knows size, noise and level, so no rule does better (weak duality of
//! the Neyman-Pearson problem). The expectation is taken under the mixture of all shifts (importance sampling), where
//! nothing is rare.

use crate::hosts::Random;

/// Minutes in which a shift is to be found.
const MINUTES: usize = 15;
/// Minutes in which a shift may begin, of a stretch that is simulated.
const STRETCH: usize = 240;

/// The least of the bound over λ, as a share of shifts found.
fn bound(size: f64, remembers: f64, rate: f64, samples: u32) -> f64 {
    let fresh = (1.0 - remembers * remembers).sqrt();
    let mut means = [size * (1.0 - remembers) / fresh; MINUTES];
    means[0] = size / fresh;
    let half_energy = means.iter().map(|mean| mean * mean).sum::<f64>() / 2.0;
    // ln λ from a tenth of the energy to more than all of it
    let prices: Vec<f64> = (0..60).map(|n| (half_energy * 0.05 * f64::from(n)).exp()).collect();
    let mut gains = vec![0.0; prices.len()];
    let mut random = Random::new(15);
    for sample in 0..samples {
        let start = (random.unit() * STRETCH as f64) as usize;
        let sign = if sample % 2 == 0 { 1.0 } else { -1.0 };
        let mut values: Vec<f64> = (0..STRETCH + MINUTES).map(|_| random.normal()).collect();
        for (value, mean) in values[start..].iter_mut().zip(means) {
            *value += sign * mean;
        }
        let ratios: Vec<f64> = (0..STRETCH)
            .map(|at| {
                let sum: f64 = values[at..].iter().zip(means).map(|(value, mean)| value * mean).sum();
                0.5 * ((sum - half_energy).exp() + (-sum - half_energy).exp())
            })
            .collect();
        let mixture = ratios.iter().sum::<f64>() / STRETCH as f64;
        for (gain, price) in gains.iter_mut().zip(&prices) {
            *gain += most(&ratios, *price) / mixture;
        }
    }
    let a_minute = f64::from(samples) * STRETCH as f64;
    let bounds = prices.iter().zip(&gains).map(|(price, gain)| price * rate + gain / a_minute);
    bounds.fold(1.0, f64::min)
}

/// The most that alarms at a price can gain: each takes the ratios of the latest [`MINUTES`] minutes, or of as many as the
/// stretch has, at that share of the price.
fn most(ratios: &[f64], price: f64) -> f64 {
    let mut sums = vec![0.0];
    ratios.iter().for_each(|ratio| sums.push(sums[sums.len() - 1] + ratio));
    let mut best = vec![0.0_f64];
    for end in 1..=ratios.len() {
        let from = end.saturating_sub(MINUTES);
        let part = (end - from) as f64 / MINUTES as f64;
        best.push(best[end - 1].max(best[from] + sums[end] - sums[from] - price * part));
    }
    // the last one may reach beyond the stretch
    let last = (1..MINUTES).map(|beyond| {
        let from = ratios.len().saturating_sub(MINUTES - beyond);
        let part = (ratios.len() - from) as f64 / MINUTES as f64;
        best[from] + sums[ratios.len()] - sums[from] - price * part
    });
    last.fold(best[ratios.len()], f64::max)
}

/// Prints the bound beside what `sick` measures.
pub(crate) fn print(hosts: usize, samples: u32) {
    println!(
        "one of {hosts} hosts shifts, 1/week for the group, to be found within {MINUTES} minutes: no rule finds more than"
    );
    println!("noise remembers  shift of 2 deviations  2.5  3  3.5  4");
    for remembers in [0.0, 0.8] {
        let rate = 1.0 / (10_080.0 * hosts as f64);
        let cells = [2.0, 2.5, 3.0, 3.5, 4.0]
            .map(|size| format!("{:.1} %", 100.0 * bound(size, remembers, rate, samples)));
        println!("{remembers}  {}", cells.join("  "));
    }
}
