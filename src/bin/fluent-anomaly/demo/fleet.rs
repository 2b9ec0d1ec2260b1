//! The simulated fleet: web servers that count their requests each minute, in a daily pattern with noise.

use std::f64::consts::TAU;
use std::fmt::Write;

use super::incidents::{self, DAY, Incident};
use super::random::Random;

/// 2025-06-02 00:00 UTC, a Monday.
const BEGIN: u32 = 1_748_822_400;

/// Every record of the demo carries this tag.
pub(super) const TAG: &str = "demo.web";

/// How much of the noise of a minute is still there in the next.
const PERSISTENCE: f64 = 0.6;

/// The servers, and the minute they have reached.
#[derive(Debug)]
pub(super) struct Fleet {
    hosts: Vec<Host>,
    minute: u32,
    minutes: u32,
}

impl Fleet {
    /// A host and its incidents depend on the seed and its own number, not on how many others there are.
    pub(super) fn new(seed: u64, hosts: u32, days: u32) -> Self {
        let hosts = (0..hosts as usize).map(|number| Host::new(seed, number, days)).collect();
        Self { hosts, minute: 0, minutes: days * DAY }
    }

    /// All that is planted, by time.
    pub(super) fn incidents(&self) -> Vec<Incident> {
        let mut all: Vec<Incident> =
            self.hosts.iter().flat_map(|host| host.incidents.iter().cloned()).collect();
        all.sort_by_key(|incident| (incident.minutes.start, incident.host));
        all
    }

    /// The requests of one host, minute by minute, as its records state them.
    #[cfg(feature = "report")]
    pub(super) fn requests_of(seed: u64, host: usize, days: u32) -> Vec<f64> {
        let mut host = Host::new(seed, host, days);
        // records have one decimal
        (0..days * DAY).map(|minute| (host.requests(minute) * 10.0).round() / 10.0).collect()
    }

    /// Writes the records of the next minute, one a host, into `records`; `None` at the end.
    pub(super) fn next_minute(&mut self, records: &mut [Vec<u8>]) -> Option<u32> {
        let minute = self.minute;
        if minute == self.minutes {
            return None;
        }
        self.minute += 1;
        let mut text = String::new();
        for (host, record) in self.hosts.iter_mut().zip(records) {
            let requests = host.requests(minute);
            text.clear();
            // to a String this cannot fail
            let _ = write!(
                text,
                "{{\"time\":{},\"host\":\"{}\",\"requests\":{requests:.1}}}",
                seconds(minute),
                host.name
            );
            record.clear();
            record.extend_from_slice(text.as_bytes());
        }
        Some(minute)
    }
}

/// Seconds since 1970 at a minute since the beginning.
pub(super) fn seconds(minute: u32) -> u32 {
    BEGIN + 60 * minute
}

/// The name of a host by its number.
pub(super) fn name(number: usize) -> String {
    format!("web-{}", number + 1)
}

#[derive(Debug)]
struct Host {
    name: String,
    /// Mean requests a minute.
    mean: f64,
    /// The daily pattern, as parts of the mean.
    day: f64,
    half_day: f64,
    /// Minutes by which this host's day is shifted.
    shift: f64,
    /// Standard deviation of the noise, as a part of the mean.
    noise: f64,
    /// The noise of the last minute, in standard deviations.
    now: f64,
    incidents: Vec<Incident>,
    random: Random,
}

impl Host {
    fn new(seed: u64, number: usize, days: u32) -> Self {
        let mut random = Random::new(seed, number as u64);
        let mean = random.between(300.0, 3000.0);
        let day = random.between(0.2, 0.4);
        let half_day = random.between(0.0, 0.1);
        let shift = random.between(-90.0, 90.0);
        let noise = random.between(0.02, 0.04);
        let incidents = incidents::plan(number, days, noise, &mut random);
        Self { name: name(number), mean, day, half_day, shift, noise, now: 0.0, incidents, random }
    }

    fn requests(&mut self, minute: u32) -> f64 {
        self.now = PERSISTENCE * self.now + (1.0 - PERSISTENCE * PERSISTENCE).sqrt() * self.random.normal();
        let angle = TAU * (f64::from(minute) - self.shift) / f64::from(DAY);
        let planted: f64 = self.incidents.iter().map(|incident| incident.effect(minute)).sum();
        let level = 1.0 - self.day * libm::cos(angle) + self.half_day * libm::sin(2.0 * angle);
        (self.mean * (level + self.noise * self.now + planted)).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(seed: u64, hosts: u32, days: u32) -> Vec<Vec<u8>> {
        let mut fleet = Fleet::new(seed, hosts, days);
        let mut minute = vec![Vec::new(); hosts as usize];
        let mut all = Vec::new();
        while fleet.next_minute(&mut minute).is_some() {
            all.extend(minute.iter().cloned());
        }
        all
    }

    fn hash(records: &[Vec<u8>]) -> u64 {
        // FNV-1a
        let bytes = records.iter().flatten();
        bytes.fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes_on_every_machine() {
        let first = records(1, 3, 2);
        assert_eq!(first.len(), 3 * 2 * 1440);
        assert_eq!(first, records(1, 3, 2));
        assert_eq!(hash(&first), HASH, "{:#x}", hash(&first));
        assert_ne!(hash(&records(2, 3, 2)), HASH);
    }

    const HASH: u64 = 0x2df7_d9d3_cd8f_5210;

    #[test]
    fn a_host_is_the_same_in_a_larger_fleet() {
        let few = records(5, 2, 2);
        let many = records(5, 4, 2);
        assert_eq!(few[1], many[1]);
        assert_eq!(few[2 * 1000], many[4 * 1000]);
    }

    #[test]
    fn what_is_planted_is_in_the_records() {
        let mut fleet = Fleet::new(3, 4, 7);
        let incidents = fleet.incidents();
        assert_eq!(incidents.len(), 8);
        assert!(incidents.is_sorted_by_key(|incident| incident.minutes.start));
        let mut quiet = Fleet::new(3, 4, 7);
        quiet.hosts.iter_mut().for_each(|host| host.incidents.clear());
        let (mut with, mut without) = (vec![Vec::new(); 4], vec![Vec::new(); 4]);
        while let Some(minute) = fleet.next_minute(&mut with) {
            quiet.next_minute(&mut without);
            for (host, (with, without)) in with.iter().zip(&without).enumerate() {
                let planted = incidents
                    .iter()
                    .any(|incident| incident.host == host && incident.effect(minute).abs() > 1e-3);
                if planted {
                    assert_ne!(with, without, "minute {minute} of host {host}");
                } else if !incidents.iter().any(|i| i.host == host && i.minutes.contains(&minute)) {
                    assert_eq!(with, without, "minute {minute} of host {host}");
                }
            }
        }
    }
}
