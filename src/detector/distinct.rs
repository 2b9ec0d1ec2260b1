//! How many different values there were: exact up to [`EXACT`], estimated beyond.
//!
//! The estimate is that of HyperLogLog's registers (P. Flajolet, E. Fusy, O. Gandouet, F. Meunier, "HyperLogLog: the analysis
//! of a near-optimal cardinality estimation algorithm", AofA 2007) by historic inverse probability (E. Cohen, "All-Distances
//! Sketches, Revisited", IEEE TKDE 27:9, 2015, section 6; D. Ting, "Streamed Approximate Counting of Distinct Elements", KDD
//! 2014): whenever a value changes a register, the estimate grows by one over the chance that a new value would have done
//! so. Its standard error is `sqrt(ln 2) / sqrt(m)` (Ting, theorem 2), 0.65 % with the `m` = 16 384 registers here: 2 % is three times that.

use crate::codec::{CodecError, Reader, Writer, checksum};

/// Different values that are counted exactly; their hashes take the room of the registers.
const EXACT: usize = 2048;
/// Registers, a byte each: log2 of their number.
const REGISTER_BITS: u32 = 14;
const REGISTERS: usize = 1 << REGISTER_BITS;
/// Largest content of a register: the bits of a hash that do not choose the register, and one.
const MAX_RANK: u8 = (64 - REGISTER_BITS + 1) as u8;

/// Counts different values by their hashes.
///
/// ```
/// use fluent_anomaly::detectors::DistinctCounter;
///
/// let mut users = DistinctCounter::default();
/// for user in ["ann", "bob", "ann"] {
///     users.insert(DistinctCounter::hash(user.as_bytes()));
/// }
/// assert_eq!(users.count(), 2.0);
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DistinctCounter {
    /// Hashes in ascending order; or, eight a word, the registers.
    words: Vec<u64>, // hashes: at most EXACT; registers: REGISTERS / 8
    estimate: Option<Estimate>,
}

/// What the registers have counted.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Estimate {
    count: f64,  // >= EXACT
    chance: f64, // that a new value changes a register; 0 < chance <= 1
}

impl DistinctCounter {
    /// Bytes that a counter takes at most.
    pub const MAX_BYTES: usize = size_of::<Self>() + REGISTERS;

    /// The hash of a value's text.
    #[must_use]
    pub fn hash(text: &[u8]) -> u64 {
        // the checksum spreads few bits over many; the finalizer of SplitMix64 (G. L. Steele, D. Lea, C. H. Flood, OOPSLA 2014)
        // lets each one depend on all
        let mut hash = checksum(0x9e37_79b9_7f4a_7c15, text);
        hash = (hash ^ hash >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        hash = (hash ^ hash >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        hash ^ hash >> 31
    }

    /// Counts a value, once.
    pub fn insert(&mut self, hash: u64) {
        if self.estimate.is_some() {
            return self.count_estimated(hash);
        }
        if let Err(place) = self.words.binary_search(&hash) {
            if self.words.len() < EXACT {
                self.words.insert(place, hash);
            } else {
                self.turn_into_registers();
                self.count_estimated(hash);
            }
        }
    }

    /// How many different values there were: a whole number.
    #[must_use]
    pub fn count(&self) -> f64 {
        self.estimate.map_or(self.words.len() as f64, |estimate| estimate.count.round())
    }

    /// Whether [`count`](Self::count) is exact.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.estimate.is_none()
    }

    /// Forgets all values, and keeps the memory for the next ones.
    pub fn clear(&mut self) {
        self.words.clear();
        self.estimate = None;
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.words.capacity() * size_of::<u64>()
    }

    #[cold]
    #[inline(never)] // stack
    fn turn_into_registers(&mut self) {
        let hashes = self.words.clone();
        self.words.clear();
        self.words.resize(REGISTERS / 8, 0);
        let mut estimate = Estimate { count: 0.0, chance: 1.0 };
        for hash in hashes {
            if let Some((old, new)) = self.raise(hash) {
                estimate.lower_chance(old, new);
            }
        }
        estimate.count = EXACT as f64;
        self.estimate = Some(estimate);
    }

    fn count_estimated(&mut self, hash: u64) {
        if let Some((old, new)) = self.raise(hash)
            && let Some(estimate) = &mut self.estimate
        {
            estimate.count += 1.0 / estimate.chance;
            estimate.lower_chance(old, new);
        }
    }

    /// Raises the register of a hash; what was in it and what is now, if that differs.
    fn raise(&mut self, hash: u64) -> Option<(u8, u8)> {
        let register = (hash >> (64 - REGISTER_BITS)) as usize;
        // the place of the first 1 among the other bits
        let rank = ((hash << REGISTER_BITS).leading_zeros() as u8 + 1).min(MAX_RANK);
        let word = self.words.get_mut(register / 8)?;
        let shift = 8 * (register % 8);
        let old = (*word >> shift) as u8;
        if rank <= old {
            return None;
        }
        *word ^= u64::from(old ^ rank) << shift;
        Some((old, rank))
    }

    /// Appends the counter.
    pub fn save(&self, w: &mut Writer<'_>) {
        w.u8(u8::from(!self.is_exact()));
        match self.estimate {
            None => w.varint(self.words.len() as u64),
            Some(estimate) => {
                w.f64(estimate.count);
                w.f64(estimate.chance);
            }
        }
        self.words.iter().for_each(|&word| w.u64(word));
    }

    /// The counter that was saved.
    ///
    /// # Errors
    /// [`CodecError`] where the bytes are none of a counter.
    pub fn restore(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        let mut counter = Self::default();
        let words = match r.u8("form of a counter")? {
            0 => r.varint("values of a counter")? as usize,
            1 => {
                let (count, chance) = (r.f64("estimate of a counter")?, r.f64("chance of a counter")?);
                // false for NaN
                let is_possible = count >= EXACT as f64 && count.is_finite() && chance > 0.0 && chance <= 1.0;
                if !is_possible {
                    return Err(CodecError::Invalid { what: "estimate of a counter" });
                }
                counter.estimate = Some(Estimate { count, chance });
                REGISTERS / 8
            }
            _ => return Err(CodecError::Invalid { what: "form of a counter" }),
        };
        if counter.is_exact() && words > EXACT {
            return Err(CodecError::Invalid { what: "number of values" });
        }
        let (bytes, _) = r.take(8 * words, "values of a counter")?.as_chunks::<8>();
        counter.words.extend(bytes.iter().map(|word| u64::from_le_bytes(*word)));
        let is_possible = match counter.estimate {
            None => counter.words.is_sorted_by(|a, b| a < b),
            Some(_) => {
                counter.words.iter().all(|word| word.to_le_bytes().iter().all(|&rank| rank <= MAX_RANK))
            }
        };
        if is_possible { Ok(counter) } else { Err(CodecError::Invalid { what: "value of a counter" }) }
    }
}

impl Estimate {
    /// A register went from `old` to `new`.
    fn lower_chance(&mut self, old: u8, new: u8) {
        let chance = self.chance - (chance_of(old) - chance_of(new));
        // no real stream comes here; division by zero must not
        self.chance = if chance > f64::EPSILON { chance } else { f64::EPSILON };
    }
}

/// The share of hashes whose rank is above this one, over all registers: 2^-rank / m.
fn chance_of(rank: u8) -> f64 {
    // no rank is above the largest
    let exponent = 1023 - u64::from(rank) - u64::from(REGISTER_BITS);
    if rank >= MAX_RANK { 0.0 } else { f64::from_bits(exponent << 52) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn saved(counter: &DistinctCounter) -> Vec<u8> {
        let mut bytes = Vec::new();
        counter.save(&mut Writer::new(&mut bytes));
        bytes
    }

    /// The values of real fields differ in few places.
    fn names(kind: usize, n: u64) -> String {
        match kind {
            0 => format!("user-{n}"),
            1 => format!("10.{}.{}.{}", n >> 16 & 255, n >> 8 & 255, n & 255),
            2 => format!("{:032x}", u128::from(n) << 64),
            3 => n.to_string(),
            _ => format!(
                "https://shop.example/item/{n:08}?session={:x}",
                n.wrapping_mul(0x9e37_79b9_7f4a_7c15)
            ),
        }
    }

    #[test]
    fn few_values_are_counted_exactly_and_many_within_two_per_cent() {
        for kind in 0..5 {
            let mut counter = DistinctCounter::default();
            let mut worst = 0.0f64;
            for n in 1..=400_000u64 {
                let hash = DistinctCounter::hash(names(kind, n).as_bytes());
                counter.insert(hash);
                if n % 3 == 0 {
                    counter.insert(hash);
                }
                if n <= EXACT as u64 {
                    assert_eq!(counter.count(), n as f64);
                } else if n % 97 == 0 {
                    worst = worst.max((counter.count() / n as f64 - 1.0).abs());
                }
            }
            assert!(worst <= 0.02, "{kind}: {worst}");
            assert!(counter.heap_bytes() + size_of::<DistinctCounter>() <= DistinctCounter::MAX_BYTES);
        }
    }

    #[test]
    fn a_cleared_counter_counts_the_next_window() {
        let mut counter = DistinctCounter::default();
        (0..5000).for_each(|n| counter.insert(DistinctCounter::hash(&u64::to_le_bytes(n))));
        assert!(!counter.is_exact());
        counter.clear();
        assert_eq!(counter.count(), 0.0);
        counter.insert(7);
        counter.insert(7);
        assert_eq!(counter.count(), 1.0);
    }

    proptest! {
        #[test]
        fn a_restored_counter_goes_on_bit_for_bit(before in 0u64..4000, behind in 0u64..4000) {
            let mut original = DistinctCounter::default();
            let hash = |n: u64| DistinctCounter::hash(&n.to_le_bytes());
            (0..before).for_each(|n| original.insert(hash(n)));
            let mut restored = DistinctCounter::restore(&mut Reader::new(&saved(&original))).unwrap();
            prop_assert_eq!(&restored, &original);
            for n in before / 2..before + behind {
                original.insert(hash(n));
                restored.insert(hash(n));
            }
            prop_assert_eq!(saved(&restored), saved(&original));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = DistinctCounter::restore(&mut Reader::new(&bytes));
        }
    }

    #[test]
    fn hashes_all_alike_are_counted_without_end_and_without_nan() {
        let mut counter = DistinctCounter::default();
        for register in 0..REGISTERS as u64 {
            counter.insert(register << (64 - REGISTER_BITS)); // the largest rank in each register
        }
        assert!(counter.count().is_finite() && counter.count() >= EXACT as f64);
        counter.insert(u64::MAX);
        assert!(counter.count().is_finite());
    }
}
