//! The bank with a model whose result depends on everything that it saw.

mod damage;
mod folder_changes;
mod not_saving;
mod restarts;
mod seal;
mod series_cap;

use super::*;
use crate::codec::{CodecError, Reader, Writer, checksum};
use crate::time::Time;
use proptest::prelude::*;

/// A model whose result depends on every value and time it ever saw, in order.
#[derive(Debug, Clone, PartialEq)]
struct Digest(u64);

impl Model for Digest {
    type Spec = u64;
    type Silence = Time;
    fn new(spec: &u64) -> Self {
        Self(*spec)
    }
    fn update(&mut self, _: &u64, observation: Observation) {
        let mut bytes = observation.value.to_bits().to_le_bytes().to_vec();
        bytes.extend(observation.time.nanos().to_le_bytes());
        self.0 = crate::codec::checksum(self.0, &bytes);
    }
    fn clock_seconds(_: &u64) -> Option<u32> {
        Some(60)
    }
    fn pass(&mut self, _: &u64, seen: Time, now: Time, report: &mut dyn FnMut(Time)) {
        if now.seconds() - seen.seconds() > 90 {
            self.0 = self.0.rotate_left(1);
            report(seen);
        }
    }
    fn save(&self, _: &u64, w: &mut Writer<'_>) {
        w.u64(self.0);
    }
    fn restore(spec: &u64, r: &mut Reader<'_>) -> Result<Self, CodecError> {
        let digest = r.u64("digest")?;
        if *spec == WITH_AN_OLD_PART {
            r.leave_outdated();
        }
        Ok(Self(digest))
    }
    fn memory_bytes(_: &u64) -> usize {
        size_of::<Self>()
    }
}

/// The spec of a section whose saved models hold what an older version wrote.
const WITH_AN_OLD_PART: u64 = 77;

/// Asks for the digest.
struct Sum;

impl Observe<Digest> for Sum {
    type Answer = u64;
    fn observe(self, model: &mut Digest, spec: &u64, observation: Observation) -> u64 {
        model.update(spec, observation);
        model.0
    }
}

fn sections(signatures: &[u64]) -> Vec<BankSection<Digest>> {
    signatures
        .iter()
        .enumerate()
        .map(|(n, &signature)| BankSection {
            id: SectionId { name: format!("s{n}"), signature },
            spec: signature,
        })
        .collect()
}

fn open(storage: &MemoryStorage, max_series: usize) -> Bank<Digest> {
    Bank::open(sections(&[1, 2]), max_series, Box::new(storage.clone()), Flush::EachRecord)
}

fn at(n: u64) -> Observation {
    Observation { time: Time::from_seconds(n as i64), value: n as f64 * 0.5, source: 0 }
}

/// The n-th record of a fixed stream over about 20 series of two sections.
fn step(bank: &mut Bank<Digest>, n: u64) -> u64 {
    let mixed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
    let key = format!("host:{}", mixed % 11);
    see(bank, (mixed % 2) as u16, key.as_bytes(), at(n)).unwrap()
}

/// One record that causes one observation.
fn see(bank: &mut Bank<Digest>, section: u16, key: &[u8], observation: Observation) -> Option<u64> {
    let seen = bank.observe(section, &SeriesKey::new(key), observation, Sum);
    bank.commit();
    seen
}

fn expected(count: u64, max_series: usize) -> Vec<u64> {
    let mut bank = Bank::in_memory(sections(&[1, 2]), max_series);
    (0..count).map(|n| step(&mut bank, n)).collect()
}

#[test]
fn the_clock_of_a_section_is_that_of_its_latest_record_and_silent_series_are_told() {
    let mut bank = Bank::in_memory(sections(&[1, 2]), 100);
    see(&mut bank, 0, b"silent", at(0));
    see(&mut bank, 1, b"other section", at(0));
    for n in 1..200 {
        see(&mut bank, 0, b"busy", at(n));
    }
    let told: Vec<_> = std::iter::from_fn(|| bank.take_silence(0)).map(|s| (s.section, s.key)).collect();
    assert_eq!(told, [(0, (*b"silent").into()), (0, (*b"silent").into())], "at 120 s and at 180 s");
}

/// One record a second; what was told with each that told something.
fn told(bank: &mut Bank<Digest>, records: std::ops::Range<u64>) -> Vec<(u64, StateNotice)> {
    let mut told = Vec::new();
    for n in records {
        step(bank, n);
        told.extend(bank.take_notices().into_iter().map(|notice| (n, notice)));
    }
    told
}
