//! Which (series, time) were acknowledged: the last time of each series, and a bit for each of the 64 buckets up to it.

use crate::codec::{CodecError, Reader, Writer};
use std::collections::HashMap;

/// Series of a section that are remembered; beyond it those silent for longest are forgotten.
pub const MAX_SERIES: usize = 50_000;
/// Buckets before the last one that are remembered.
pub(super) const REACH: i64 = 63;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct SeriesMemory {
    /// Start of the last acknowledged bucket, seconds since 1970.
    last: i64,
    /// Length of a bucket, seconds, >= 1.
    step: u32,
    /// Bit i: the bucket `last - i * step` was acknowledged; bit 0 is always set.
    bits: u64,
}

/// Whether a point was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Novelty {
    /// Later than every point of its series.
    New,
    /// Not seen, yet a later one of its series was.
    Late,
    /// Seen.
    Duplicate,
}

/// The memory of one section.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Acknowledged {
    series: HashMap<u64, SeriesMemory>,
}

impl Acknowledged {
    pub(super) fn len(&self) -> usize {
        self.series.len()
    }

    /// Looks at the point of series `key` at `time`.
    pub(super) fn check(&self, key: u64, time: i64) -> Novelty {
        let Some(entry) = self.series.get(&key) else { return Novelty::New };
        let behind = entry.last.saturating_sub(time);
        if behind < 0 {
            return Novelty::New;
        }
        let (buckets, off_grid) = (behind / i64::from(entry.step), behind % i64::from(entry.step) != 0);
        // beyond reach, or of a grid that the API has left since: those buckets were sent on the way here
        if off_grid || buckets > REACH || entry.bits >> buckets & 1 == 1 {
            Novelty::Duplicate
        } else {
            Novelty::Late
        }
    }

    /// The point was acknowledged; its bucket is `step` seconds long.
    pub(super) fn mark(&mut self, key: u64, time: i64, step: u32) {
        let step = step.max(1);
        let entry = self.series.entry(key).or_insert(SeriesMemory { last: time, step, bits: 1 });
        let ahead = time.saturating_sub(entry.last);
        if entry.step != step {
            // a new grid: earlier buckets count as seen
            if ahead > 0 {
                *entry = SeriesMemory { last: time, step, bits: u64::MAX };
            }
        } else if ahead % i64::from(step) != 0 {
            if ahead > 0 {
                *entry = SeriesMemory { last: time, step, bits: 1 };
            }
        } else if ahead >= 0 {
            let buckets = ahead / i64::from(step);
            entry.bits = if buckets > REACH { 1 } else { entry.bits << buckets | 1 };
            entry.last = time;
        } else {
            let buckets = -(ahead / i64::from(step));
            if buckets <= REACH {
                entry.bits |= 1 << buckets;
            }
        }
    }

    /// Forgets the longest silent series beyond [`MAX_SERIES`]; true if there were any.
    pub(super) fn trim(&mut self) -> bool {
        if self.series.len() <= MAX_SERIES {
            return false;
        }
        let mut times: Vec<(i64, u64)> = self.series.iter().map(|(&key, entry)| (entry.last, key)).collect();
        times.sort_unstable();
        for (_, key) in times.iter().take(self.series.len() - MAX_SERIES) {
            self.series.remove(key);
        }
        true
    }

    pub(super) fn save(&self, out: &mut Writer<'_>) {
        out.varint(self.series.len() as u64);
        for (&key, entry) in &self.series {
            out.u64(key);
            out.i64(entry.last);
            out.u32(entry.step);
            out.u64(entry.bits);
        }
    }

    pub(super) fn restore(saved: &mut Reader<'_>) -> Result<Self, CodecError> {
        let count = saved.varint("number of series")?;
        let mut series = HashMap::new();
        for _ in 0..count {
            let key = saved.u64("series")?;
            let entry = SeriesMemory {
                last: saved.i64("time")?,
                step: saved.u32("step")?,
                bits: saved.u64("buckets")?,
            };
            if entry.step == 0 || entry.bits & 1 == 0 {
                return Err(CodecError::Invalid { what: "memory of a series" });
            }
            series.insert(key, entry);
        }
        Ok(Self { series })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        /// The slow exact memory: a set of times.
        #[test]
        fn within_reach_it_knows_what_a_set_knows(steps in proptest::collection::vec(-20i64..40, 1..200)) {
            let mut seen = Acknowledged::default();
            let mut exact = BTreeSet::new();
            let mut now = 1000i64;
            for step in steps {
                let time = (now + step) * 20;
                let last = exact.last().copied();
                if last.is_none_or(|last| time >= last - REACH * 20) {
                    let wanted = match last {
                        _ if exact.contains(&time) => Novelty::Duplicate,
                        Some(last) if time < last => Novelty::Late,
                        _ => Novelty::New,
                    };
                    prop_assert_eq!(seen.check(7, time), wanted);
                    seen.mark(7, time, 20);
                    exact.insert(time);
                    now = now.max(time / 20);
                }
            }
        }

        #[test]
        fn restored_is_what_was_saved(marks in proptest::collection::vec((0u64..5, 0i64..500), 0..50)) {
            let mut seen = Acknowledged::default();
            for (key, time) in marks {
                seen.mark(key, time * 10, 10);
            }
            let mut bytes = Vec::new();
            seen.save(&mut Writer::new(&mut bytes));
            prop_assert_eq!(Acknowledged::restore(&mut Reader::new(&bytes)).unwrap(), seen);
        }
    }

    #[test]
    fn a_coarser_or_finer_grid_repeats_nothing() {
        let mut seen = Acknowledged::default();
        (0..30).for_each(|i| seen.mark(1, i * 20, 20));
        assert_eq!(seen.check(1, 540), Novelty::Duplicate);
        assert_eq!(seen.check(1, 600), Novelty::New);
        seen.mark(1, 600, 300);
        for time in [0, 300, 580, 600] {
            assert_eq!(seen.check(1, time), Novelty::Duplicate, "{time}");
        }
        assert_eq!(seen.check(1, 900), Novelty::New);
    }

    #[test]
    fn beyond_the_cap_the_longest_silent_are_forgotten() {
        let mut seen = Acknowledged::default();
        for key in 0..MAX_SERIES as u64 + 10 {
            seen.mark(key, 1000 - (key as i64).min(900), 1);
        }
        assert!(seen.trim());
        assert_eq!(seen.len(), MAX_SERIES);
        assert_eq!(seen.check(0, 1000), Novelty::Duplicate);
    }

    #[test]
    fn a_count_beyond_the_bytes_is_an_error() {
        let mut bytes = Vec::new();
        Writer::new(&mut bytes).varint(u64::MAX);
        assert!(Acknowledged::restore(&mut Reader::new(&bytes)).is_err());
    }
}
