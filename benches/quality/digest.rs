//! One number a family that changes with any bit of any verdict or state: for changes that must not change results.

use crate::families::{ALL, Family, Rng, Series};
use crate::{finite, in_parallel};
use fluent_anomaly::internals::Writer;
use fluent_anomaly::{
    detectors::{Calibrated, CalibratedSpec},
    internals::Tuning,
};

const POINTS: u64 = 60_000;

pub(crate) fn run(tuning: Tuning) {
    let spec = CalibratedSpec { tuning, ..CalibratedSpec::default() };
    for family in ALL {
        // regular and irregular times
        let digests = in_parallel(4, |i| {
            let (spacing_s, jitter_s) = [(60.0, 0.0), (60.0, 90.0), (300.0, 0.0), (3600.0, 1.0)][i as usize];
            digest(family, spacing_s, jitter_s, &spec)
        });
        let text: Vec<String> = digests.iter().map(|digest| format!("{digest:016x}")).collect();
        println!("{:12} {}", format!("{family:?}"), text.join(" "));
    }
}

/// FNV-1a over the bits.
fn digest(family: Family, spacing_s: f64, jitter_s: f64, spec: &CalibratedSpec) -> u64 {
    let mut series = Series::new(family, 1, spacing_s);
    let mut jitter = Rng::new(2);
    let mut score = Calibrated::new(spec);
    let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
    for i in 0..POINTS {
        let time_s = 1.4e9 + i as f64 * spacing_s;
        let mut x = series.next(time_s);
        // a spike, a level and a standstill now and then, so that there is something to alarm
        match i % 7001 {
            7000 => x += 20.0,
            3000..3050 => x += 4.0,
            5000..5060 => x = 1.0,
            _ => {}
        }
        let late_s = (jitter.uniform() * jitter_s).floor();
        if let Some(r) = score.update(spec, finite(time_s + late_s), finite(x)) {
            for number in [r.score, r.log10_points, r.log10_s] {
                hash.add(&number.to_bits().to_le_bytes());
            }
            hash.add(format!("{} {:?} {:?}", r.is_alarm, r.alarm, r.reason).as_bytes());
        }
        if i % 1009 == 0 {
            let mut bytes = Vec::new();
            score.save(&mut Writer::new(&mut bytes));
            hash.add(&bytes);
        }
    }
    hash.0
}

struct Fnv(u64);

impl Fnv {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}
