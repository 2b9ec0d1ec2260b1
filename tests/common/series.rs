//! Reproducible series for the tests of bands, and a runner that judges them point by point.
//!
//! The generator is SplitMix64 (Steele, Lea, Flood 2014) with Box-Muller on top: short enough to exist in Python
//! too (tests/data/bands/sarimax.py).

use std::f64::consts::TAU;

use fluent_anomaly::detectors::{Algorithm, BandEngine, BandSpec, Prediction, Seasonality};

/// Noise of the behaviour tests.
pub(crate) const SIGMA: f64 = 0.5;
/// Amplitude of their season.
pub(crate) const AMPLITUDE: f64 = 10.0;

#[derive(Debug, Clone)]
pub(crate) struct Rng {
    state: u64,
    spare: Option<f64>,
}

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d, spare: None }
    }

    pub(crate) fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In (0, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        ((self.next_u64() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.uniform() * n as f64) as usize
    }

    pub(crate) fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        let radius = (-2.0 * libm::log(self.uniform())).sqrt();
        let angle = TAU * self.uniform();
        self.spare = Some(radius * libm::sin(angle));
        radius * libm::cos(angle)
    }

    /// Student's t with three degrees of freedom.
    pub(crate) fn t3(&mut self) -> f64 {
        let (a, b, c) = (self.normal(), self.normal(), self.normal());
        self.normal() / ((a * a + b * b + c * c) / 3.0).sqrt()
    }

    pub(crate) fn laplace(&mut self) -> f64 {
        let u = self.uniform() - 0.5;
        -u.signum() * libm::log(1.0 - 2.0 * u.abs())
    }

    pub(crate) fn poisson(&mut self, mean: f64) -> f64 {
        let end = libm::exp(-mean);
        let mut product = self.uniform();
        let mut n = 0.0;
        while product > end {
            product *= self.uniform();
            n += 1.0;
        }
        n
    }
}

/// Sine of amplitude 10 with `m` buckets a season.
pub(crate) fn season(t: i64, m: i64) -> f64 {
    AMPLITUDE * libm::sin(TAU * t.rem_euclid(m) as f64 / m as f64)
}

/// Season and Gaussian noise, buckets `0..n`.
pub(crate) fn clean(seed: u64, m: i64, n: i64) -> Vec<f64> {
    let mut rng = Rng::new(seed);
    (0..n).map(|t| season(t, m) + SIGMA * rng.normal()).collect()
}

pub(crate) fn spec(algorithm: Algorithm, season: Seasonality, interval: u32) -> BandSpec {
    spec_with_window(algorithm, season, interval, 15)
}

pub(crate) fn spec_with_window(
    algorithm: Algorithm,
    season: Seasonality,
    interval: u32,
    window: u32,
) -> BandSpec {
    let season = (algorithm != Algorithm::Basic).then_some(season);
    BandSpec::new(algorithm, season, interval, window).expect("a good spec")
}

/// A forecast and what came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Judged {
    pub(crate) bucket: i64,
    pub(crate) y: f64,
    pub(crate) prediction: Option<Prediction>,
}

impl Judged {
    /// Outside its band; false where there is none.
    pub(crate) fn flagged(&self, deviations: f64) -> bool {
        self.prediction.is_some_and(|p| !p.bounds(deviations).contains(self.y))
    }

    pub(crate) fn expected(&self) -> f64 {
        self.prediction.expect("a band").expected
    }

    pub(crate) fn width(&self, deviations: f64) -> f64 {
        let band = self.prediction.expect("a band").bounds(deviations);
        band.upper - band.lower
    }
}

/// Forecasts and learns one point after the other; panics at a band that is not finite or not in order.
pub(crate) fn judge_points(
    spec: &BandSpec,
    points: impl IntoIterator<Item = (i64, i32, f64)>,
) -> Vec<Judged> {
    let mut engine = BandEngine::new(spec);
    points
        .into_iter()
        .map(|(bucket, offset, y)| {
            let prediction = engine.predict(spec, bucket, offset);
            if let Some(prediction) = prediction {
                let band = prediction.bounds(2.0);
                assert!(band.lower.is_finite() && band.upper.is_finite(), "{spec:?} {bucket} {band:?}");
                assert!(band.lower < band.expected && band.expected < band.upper, "{band:?}");
            }
            engine.update(spec, bucket, offset, y);
            Judged { bucket, y, prediction }
        })
        .collect()
}

/// [`judge_points`] for consecutive buckets from 0, in UTC.
pub(crate) fn judge(spec: &BandSpec, values: &[f64]) -> Vec<Judged> {
    judge_points(spec, values.iter().enumerate().map(|(t, &y)| (t as i64, 0, y)))
}

/// Share of flagged ones among the judged that have a band.
pub(crate) fn share(judged: &[Judged], deviations: f64) -> f64 {
    let with_band = judged.iter().filter(|j| j.prediction.is_some()).count();
    let flagged = judged.iter().filter(|j| j.flagged(deviations)).count();
    flagged as f64 / with_band.max(1) as f64
}

pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

pub(crate) fn largest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::MIN, f64::max)
}

pub(crate) fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::MAX, f64::min)
}

/// Noise of about 1 that depends on the member of a fleet and the minute only.
pub(crate) fn noise_of(member: u64, minute: i64) -> f64 {
    let mut z =
        (minute as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ member.wrapping_mul(0xD1B5_4A32_D192_ED03);
    let mut sum = 0.0;
    for _ in 0..4 {
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z ^= z >> 27;
        sum += (z >> 11) as f64 / (1_u64 << 53) as f64 - 0.5;
    }
    sum * 3f64.sqrt()
}
