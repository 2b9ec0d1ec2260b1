//! Simulated hosts: each with its own level and noise, all with one daily season and the same shocks.

/// xorshift64*, and normal numbers by Box and Muller.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        for _ in 0..8 {
            random.unit();
        }
        random
    }

    /// 0..1
    pub(crate) fn unit(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }
}

/// How the values of a host scatter about what all hosts do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Noise {
    /// Independent normal numbers.
    White,
    /// Each remembers 0.8 of the one before.
    Ar,
    /// Student's t with 4 degrees of freedom: large ones are not rare.
    Heavy,
}

pub(crate) struct Hosts {
    random: Random,
    noise: Noise,
    factors: Vec<f64>,
    offsets: Vec<f64>,
    sigmas: Vec<f64>,
    last: Vec<f64>,
    shock: (f64, u32),
}

impl Hosts {
    pub(crate) fn new(seed: u64, count: usize, noise: Noise) -> Self {
        let mut random = Random::new(seed);
        Self {
            noise,
            factors: (0..count).map(|_| 1.0 + 0.05 * random.normal()).collect(),
            offsets: (0..count).map(|_| 3.0 * random.normal()).collect(),
            sigmas: (0..count).map(|_| 0.7 + 0.6 * random.unit()).collect(),
            last: vec![0.0; count],
            shock: (1.0, 0),
            random,
        }
    }

    /// The noise of one host, a usual deviation.
    pub(crate) fn sigma(&self, host: usize) -> f64 {
        self.sigmas[host]
    }

    pub(crate) fn is_shocked(&self) -> bool {
        self.shock.1 > 0
    }

    /// The values of a minute. A few times a day something happens to all hosts at once, for some minutes.
    pub(crate) fn minute(&mut self, minute: i64, values: &mut Vec<f64>) {
        if self.shock.1 > 0 {
            self.shock.1 -= 1;
        } else if self.random.unit() < 1.0 / 400.0 {
            self.shock = (0.3 + 2.7 * self.random.unit(), 5 + (25.0 * self.random.unit()) as u32);
        }
        let shock = if self.shock.1 > 0 { self.shock.0 } else { 1.0 };
        let day = (minute as f64 * std::f64::consts::TAU / 1440.0).sin();
        values.clear();
        for host in 0..self.factors.len() {
            let fresh = self.random.normal();
            let noise = match self.noise {
                Noise::White => fresh,
                Noise::Ar => 0.8 * self.last[host] + 0.6 * fresh,
                Noise::Heavy => {
                    let squares: f64 = (0..4).map(|_| self.random.normal().powi(2)).sum();
                    fresh / (squares / 4.0).sqrt() / std::f64::consts::SQRT_2
                }
            };
            self.last[host] = noise;
            let level = self.factors[host] * (50.0 + 20.0 * day) * shock + self.offsets[host];
            values.push(level + self.sigmas[host] * noise);
        }
    }
}
