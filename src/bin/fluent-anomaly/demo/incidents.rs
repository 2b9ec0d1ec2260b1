//! What is planted: when, where, of which kind and size. The detector never sees any of it.

use std::f64::consts::TAU;
use std::fmt;
use std::ops::Range;

use super::random::Random;

/// Minutes of a day.
pub(super) const DAY: u32 = 1440;

/// The kinds of incidents, in the order in which they are handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A few minutes of far more requests.
    Spike,
    /// A few minutes of far fewer.
    Drop,
    /// Hours on another level.
    LevelShift,
    /// Hours in which requests come in waves; their mean stays.
    Rhythm,
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [Self::Spike, Self::LevelShift, Self::Drop, Self::Rhythm];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Spike => "spike",
            Self::Drop => "drop",
            Self::LevelShift => "level shift",
            Self::Rhythm => "change of rhythm",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Something planted.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Incident {
    pub(super) kind: Kind,
    /// Number of the host, from 0.
    pub(super) host: usize,
    /// Minutes since the beginning.
    pub(super) minutes: Range<u32>,
    /// Part of the host's mean level that is added; for a rhythm the amplitude of the waves.
    pub(super) size: f64,
    /// Minutes between two waves; only of a rhythm.
    pub(super) period: Option<u32>,
}

impl Incident {
    /// What it adds at a minute, as a part of the host's mean level.
    pub(super) fn effect(&self, minute: u32) -> f64 {
        if !self.minutes.contains(&minute) {
            return 0.0;
        }
        match self.period {
            None => self.size,
            Some(period) => {
                let since = f64::from(minute - self.minutes.start);
                self.size * libm::sin(TAU * since / f64::from(period))
            }
        }
    }
}

/// One incident for every three days of a host, none on the first; `noise` is the host's noise as a part of its
/// mean level. Sizes go down to what drowns in it.
pub(super) fn plan(host: usize, days: u32, noise: f64, random: &mut Random) -> Vec<Incident> {
    let minutes = days.saturating_sub(1) * DAY;
    let count = (days.saturating_sub(1) / 3).max(u32::from(days > 1));
    (0..count)
        .map(|n| {
            // the next host begins with the next kind, so that few hosts show all kinds
            let kind = Kind::ALL[(host * count as usize + n as usize) % Kind::ALL.len()];
            let (lasts, size, period) = match kind {
                Kind::Spike => (random.whole(1, 3), random.between(3.0, 12.0), None),
                Kind::Drop => (random.whole(3, 15), -random.between(3.0, 12.0), None),
                Kind::LevelShift => (random.whole(120, 360), random.sign() * random.between(3.0, 12.0), None),
                Kind::Rhythm => {
                    (random.whole(120, 240), random.between(3.0, 12.0), Some(random.whole(6, 20)))
                }
            };
            let slot = minutes / count;
            let start = DAY + n * slot + random.whole(0, slot - lasts - 1);
            Incident { kind, host, minutes: start..start + lasts, size: size * noise, period }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn incidents_lie_behind_the_first_day_inside_of_the_range_and_apart() {
        for (host, days, seed) in (0..12).flat_map(|host| [2, 3, 7, 30].map(|days| (host, days, host as u64)))
        {
            let plan = plan(host, days, 0.03, &mut Random::new(seed, 1));
            assert_eq!(plan.len(), ((days - 1) / 3).max(1) as usize, "{days} days");
            let mut free = DAY;
            for incident in &plan {
                assert!(incident.minutes.start >= free && !incident.minutes.is_empty(), "{incident:?}");
                free = incident.minutes.end;
            }
            assert!(free <= days * DAY, "{days} days: {free}");
        }
    }

    #[test]
    fn an_incident_acts_on_its_own_minutes_only() {
        let shift = Incident { kind: Kind::LevelShift, host: 0, minutes: 10..12, size: 0.5, period: None };
        assert_eq!([9, 10, 11, 12].map(|minute| shift.effect(minute)), [0.0, 0.5, 0.5, 0.0]);
    }

    #[test]
    fn a_rhythm_leaves_the_mean_alone() {
        let waves = Incident { kind: Kind::Rhythm, host: 0, minutes: 0..60, size: 0.5, period: Some(12) };
        let sum: f64 = (0..60).map(|minute| waves.effect(minute)).sum();
        assert!(sum.abs() < 1e-12, "{sum}");
        assert!((waves.effect(3) - 0.5).abs() < 1e-12);
    }
}
