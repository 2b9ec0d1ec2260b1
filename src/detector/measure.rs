//! What the records of a window amount to: one number.
//!
//! | measure | of the observations x_1..x_n of a window of T seconds | without any |
//! |---|---|---|
//! | count; patterns, of the lines of one template | n | 0 |
//! | rate | n / T | 0 |
//! | share | (x_1 + ... + x_n) / n, where each x is 0 or 1 | none |
//! | sum | x_1 + ... + x_n, added in the order of arrival | 0 |
//! | avg | the sum / n | none |
//! | min, max | the smallest, the largest | none |
//! | quantile q | the x at rank floor(q (n - 1)) in ascending order, counted from 0, within 1 % ([`QuantileSketch`]) | none |
//! | distinct | how many different ones, exact while they are few ([`DistinctCounter`]) | 0 |

use super::{DistinctCounter, Finite, QuantileSketch};
use crate::codec::{CodecError, Reader, Writer};

/// How the observations of a window become a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MeasureKind {
    /// How many.
    Count,
    /// How many a second.
    Rate,
    /// Of all, the part for which a condition holds, 0..=1.
    Share,
    /// The sum.
    Sum,
    /// The mean.
    Avg,
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// A quantile, 0 < q < 1, in thousandths.
    Quantile(u16),
    /// How many different ones.
    Distinct,
    /// How many lines of one template.
    Patterns,
}

impl MeasureKind {
    /// Whether a window without observations has the value 0; those of the others have none.
    #[must_use]
    pub fn is_zero_when_empty(self) -> bool {
        matches!(self, Self::Count | Self::Rate | Self::Sum | Self::Distinct | Self::Patterns)
    }

    /// Whether it is made of numbers that records have.
    #[must_use]
    pub fn takes_numbers(self) -> bool {
        matches!(self, Self::Sum | Self::Avg | Self::Min | Self::Max | Self::Quantile(_))
    }

    /// Whether the observations are only counted.
    #[must_use]
    pub fn counts_only(self) -> bool {
        matches!(self, Self::Count | Self::Rate)
    }
}

/// The observations of one open window.
#[derive(Debug, Clone)]
pub(crate) enum Accumulator {
    /// `total`: the sum of all; smallest and largest start at plus and minus infinity.
    Total { count: u64, total: f64 },
    /// For a quantile.
    Sketch(Box<QuantileSketch>),
    /// For the number of different ones, and how many there were in all.
    Different { count: u64, values: Box<DistinctCounter> },
}

impl Accumulator {
    /// Of a window without observations.
    pub(crate) fn new(kind: MeasureKind) -> Self {
        let total = match kind {
            MeasureKind::Quantile(_) => return Self::Sketch(Box::default()),
            MeasureKind::Distinct => return Self::Different { count: 0, values: Box::default() },
            MeasureKind::Min => f64::INFINITY,
            MeasureKind::Max => f64::NEG_INFINITY,
            _ => 0.0,
        };
        Self::Total { count: 0, total }
    }

    /// Adds one finite observation; `tail` is for [`Distinct`](MeasureKind::Distinct), see [`hash_parts`].
    #[inline(always)] // speed
    pub(crate) fn add(&mut self, kind: MeasureKind, x: f64, tail: u32) {
        match self {
            Self::Total { count, total } => {
                *count += 1;
                match kind {
                    MeasureKind::Count | MeasureKind::Rate | MeasureKind::Patterns => {}
                    MeasureKind::Min => *total = if x < *total { x } else { *total },
                    MeasureKind::Max => *total = if x > *total { x } else { *total },
                    _ => *total += x,
                }
            }
            Self::Sketch(sketch) => {
                if let Some(x) = Finite::new(x) {
                    sketch.insert(x);
                }
            }
            Self::Different { count, values } => {
                *count += 1;
                values.insert((x as u64) << 32 | u64::from(tail));
            }
        }
    }

    /// How many were added.
    pub(crate) fn count(&self) -> u64 {
        match self {
            Self::Total { count, .. } | Self::Different { count, .. } => *count,
            Self::Sketch(sketch) => sketch.count(),
        }
    }

    /// The number of a window of `seconds` > 0; `None` where there is none.
    pub(crate) fn value(&self, kind: MeasureKind, seconds: f64) -> Option<f64> {
        match self {
            Self::Total { count: 0, .. } => kind.is_zero_when_empty().then_some(0.0),
            Self::Total { count, total } => Some(match kind {
                MeasureKind::Count | MeasureKind::Patterns => *count as f64,
                MeasureKind::Rate => *count as f64 / seconds,
                MeasureKind::Share | MeasureKind::Avg => total / *count as f64,
                _ => *total,
            }),
            Self::Sketch(sketch) => match kind {
                MeasureKind::Quantile(thousandths) => sketch.quantile(f64::from(thousandths) / 1000.0),
                _ => None,
            },
            Self::Different { values, .. } => Some(values.count()),
        }
    }

    /// Appends the exact state.
    pub(crate) fn save(&self, w: &mut Writer<'_>) {
        match self {
            Self::Total { count, total } => {
                w.varint(*count);
                w.f64(*total);
            }
            Self::Sketch(sketch) => sketch.save(w),
            Self::Different { count, values } => {
                w.varint(*count);
                values.save(w);
            }
        }
    }

    /// The inverse of [`Accumulator::save`].
    ///
    /// # Errors
    /// When the bytes were not written for this kind.
    pub(crate) fn restore(kind: MeasureKind, r: &mut Reader<'_>) -> Result<Self, CodecError> {
        const RECORDS: &str = "records of a window";
        Ok(match kind {
            MeasureKind::Quantile(_) => Self::Sketch(Box::new(QuantileSketch::restore(r)?)),
            MeasureKind::Distinct => {
                Self::Different { count: r.varint(RECORDS)?, values: Box::new(DistinctCounter::restore(r)?) }
            }
            _ => Self::Total { count: r.varint(RECORDS)?, total: r.f64("total of a window")? },
        })
    }

    /// The most bytes on the heap.
    pub(crate) fn heap_bytes(kind: MeasureKind) -> usize {
        match kind {
            MeasureKind::Quantile(_) => QuantileSketch::MAX_BYTES,
            MeasureKind::Distinct => DistinctCounter::MAX_BYTES,
            _ => 0,
        }
    }
}

/// A value of any kind for [`MeasureKind::Distinct`]: the head of its hash as a number, and the tail.
pub(crate) fn hash_parts(text: &[u8]) -> (f64, u32) {
    let hash = DistinctCounter::hash(text);
    ((hash >> 32) as f64, hash as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(kind: MeasureKind, xs: &[f64]) -> Option<f64> {
        let mut records = Accumulator::new(kind);
        for x in xs {
            records.add(kind, *x, 0);
        }
        assert_eq!(records.count(), xs.len() as u64);
        let mut bytes = Vec::new();
        records.save(&mut Writer::new(&mut bytes));
        let restored = Accumulator::restore(kind, &mut Reader::new(&bytes)).unwrap();
        let value = records.value(kind, 60.0);
        assert_eq!(restored.value(kind, 60.0), value);
        value
    }

    #[test]
    fn each_measure_makes_one_number_of_a_window() {
        use MeasureKind::{Avg, Count, Distinct, Max, Min, Quantile, Rate, Share, Sum};
        let xs = [3.0, 1.0, 8.0];
        for (kind, value, empty) in [
            (Count, 3.0, Some(0.0)),
            (Rate, 0.05, Some(0.0)),
            (Sum, 12.0, Some(0.0)),
            (Avg, 4.0, None),
            (Min, 1.0, None),
            (Max, 8.0, None),
            (Distinct, 3.0, Some(0.0)),
        ] {
            assert_eq!((measured(kind, &xs), measured(kind, &[])), (Some(value), empty), "{kind:?}");
        }
        assert_eq!(measured(Share, &[1.0, 0.0, 0.0, 1.0]), Some(0.5));
        let p50 = measured(Quantile(500), &xs).unwrap();
        assert!((p50 / 3.0 - 1.0).abs() <= QuantileSketch::RELATIVE_ERROR, "{p50}");
        assert_eq!(measured(Quantile(500), &[]), None);
    }

    #[test]
    fn the_parts_of_a_hash_are_the_hash() {
        let kind = MeasureKind::Distinct;
        let (mut parts, mut whole) = (Accumulator::new(kind), DistinctCounter::default());
        for n in 0..5000 {
            let text = n.to_string();
            let (head, tail) = hash_parts(text.as_bytes());
            parts.add(kind, head, tail);
            whole.insert(DistinctCounter::hash(text.as_bytes()));
        }
        assert_eq!(parts.value(kind, 1.0), Some(whole.count()));
    }
}
