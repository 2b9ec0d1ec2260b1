//! Generated clean series: what a promised alarm rate is checked on.

/// SplitMix64: small, fast, reproducible.
#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678_9abc_def1)
    }
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    /// Uniform in (0, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        ((self.bits() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }
    /// Standard normal (Box-Muller).
    pub(crate) fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }
    /// Poisson by multiplication, for small means.
    pub(crate) fn poisson(&mut self, mean: f64) -> f64 {
        let (limit, mut product, mut n) = ((-mean).exp(), self.uniform(), 0.0);
        while product > limit {
            product *= self.uniform();
            n += 1.0;
        }
        n
    }
}

/// One kind of clean series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Gaussian,
    T3,
    Poisson,
    Ar,
    RandomWalk,
    Daily,
    Bursty,
    Quantised,
    MostlyZero,
    CounterRaw,
    CounterRate,
}

pub(crate) const ALL: [Family; 11] = [
    Family::Gaussian,
    Family::T3,
    Family::Poisson,
    Family::Ar,
    Family::RandomWalk,
    Family::Daily,
    Family::Bursty,
    Family::Quantised,
    Family::MostlyZero,
    Family::CounterRaw,
    Family::CounterRate,
];

/// A series in progress.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    family: Family,
    rng: Rng,
    state: f64,
    left: u32,
    amplitude: f64,
    spacing_s: f64,
}

impl Series {
    pub(crate) fn new(family: Family, seed: u64, spacing_s: f64) -> Self {
        Self { family, spacing_s, rng: Rng::new(seed), state: 0.0, left: 0, amplitude: 0.0 }
    }

    /// What repeats every day.
    pub(crate) fn season(time_s: f64) -> f64 {
        5.0 * (std::f64::consts::TAU * time_s / 86_400.0).sin()
    }

    /// The value at `time_s`.
    pub(crate) fn next(&mut self, time_s: f64) -> f64 {
        let r = &mut self.rng;
        match self.family {
            Family::Gaussian => r.normal(),
            Family::T3 => {
                let z = r.normal();
                let chi: f64 = (0..3).map(|_| r.normal().powi(2)).sum();
                z / (chi / 3.0).sqrt()
            }
            Family::Poisson => r.poisson(2.0),
            Family::Ar => {
                self.state = 0.95 * self.state + (1.0 - 0.95f64 * 0.95).sqrt() * r.normal();
                self.state
            }
            Family::RandomWalk => {
                self.state += r.normal();
                self.state
            }
            Family::Daily => Self::season(time_s) + r.normal(),
            Family::Bursty => {
                if self.left == 0 && r.uniform() < 0.005 {
                    self.left = 1 + (-10.0 * r.uniform().ln()) as u32;
                    self.amplitude = (1.0 + r.normal()).exp();
                }
                if self.left > 0 {
                    self.left -= 1;
                    10.0 + self.amplitude * (5.0 + r.normal()) + r.normal()
                } else {
                    10.0 + r.normal()
                }
            }
            Family::Quantised => (2.0 * r.normal()).round() / 2.0,
            Family::MostlyZero => {
                if r.uniform() < 0.02 {
                    r.normal().exp()
                } else {
                    0.0
                }
            }
            Family::CounterRaw | Family::CounterRate => {
                let step = r.poisson(20.0);
                let reset = r.uniform() < self.spacing_s / (5.0 * 86400.0);
                let before = if reset { 0.0 } else { self.state };
                self.state = before + step;
                if self.family == Family::CounterRaw { self.state } else { step }
            }
        }
    }
}
