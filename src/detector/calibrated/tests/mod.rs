//! The calibrated score of series with known faults.

mod alarms;
mod bad_input;
mod reasons;
mod saved_state;
mod scores;
mod seasons;

use super::*;
use crate::codec::{CodecError, Reader, Writer};
use crate::detector::Finite;
use proptest::prelude::*;

const MINUTE: f64 = 60.0;

const DAY: u64 = 1440;

fn finite(v: f64) -> Finite {
    Finite::new(v).unwrap()
}

/// Deterministic noise, about standard normal: the sum of twelve uniforms (Irwin-Hall).
fn noise(i: u64) -> f64 {
    let mut z = i.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5bf0_3635;
    let mut sum = -6.0;
    for _ in 0..12 {
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        sum += (z >> 11) as f64 / (1u64 << 53) as f64;
    }
    sum
}

struct Stream {
    spec: CalibratedSpec,
    series: Calibrated,
    i: u64,
}

impl Stream {
    fn new() -> Self {
        let spec = CalibratedSpec::default();
        Self { series: Calibrated::new(&spec), spec, i: 0 }
    }

    fn push(&mut self, x: f64) -> Option<Rarity> {
        self.i += 1;
        self.series.update(&self.spec, finite(1.4e9 + MINUTE * self.i as f64), finite(x))
    }

    fn warmed(points: u64, f: impl Fn(u64) -> f64) -> Self {
        let mut stream = Self::new();
        for i in 0..points {
            stream.push(f(i));
        }
        stream
    }
}

fn saved(series: &Calibrated) -> Vec<u8> {
    let mut out = Vec::new();
    series.save(&mut Writer::new(&mut out));
    out
}

fn daily(i: u64) -> f64 {
    5.0 * libm::sin(core::f64::consts::TAU * (i % DAY) as f64 / DAY as f64) + noise(i)
}

/// Starts of alarms, alarming points, and the reasons of all of them, at this budget.
fn alarms_of(budget: (f64, f64), points: u64, f: impl Fn(u64) -> f64) -> (Vec<u64>, u64, Vec<AlarmReason>) {
    let spec = CalibratedSpec::new(AlarmBudget::new(budget.0, budget.1).unwrap());
    let mut series = Calibrated::new(&spec);
    let (mut starts, mut alarming, mut reasons, mut open) = (Vec::new(), 0, Vec::new(), false);
    for i in 0..points {
        let Some(r) = series.update(&spec, finite(1.4e9 + MINUTE * i as f64), finite(f(i))) else { continue };
        match r.alarm {
            Some(AlarmEvent::Started { .. }) => {
                assert!(!open, "a start without the end before it, at {i}");
                open = true;
                starts.push(i);
            }
            Some(AlarmEvent::Ended { .. }) => {
                assert!(open, "an end without its start, at {i}");
                open = false;
            }
            None => {}
        }
        assert!(!r.is_alarm || open, "an alarm that has not started, at {i}");
        assert!(r.size.is_finite());
        alarming += u64::from(r.is_alarm);
        reasons.extend(r.reason);
    }
    (starts, alarming, reasons)
}
