//! Records of one series -> one value for each interval, in event time.
//!
//! Buckets start at multiples of the interval in UTC, or of local time where a `.rollup()` by days or weeks says so. The watermark is the latest time seen; a bucket closes once
//! the watermark, less the evaluation delay, has passed its end. A record for an open bucket counts however late
//! it is; one for a closed bucket is counted as late and changes nothing.
//!
//! Memory is fixed: as many slots as buckets can be open at a time. Gaps cost nothing for gauges, whose empty
//! buckets are not reported one by one: only the last one of a silence is, so that the silence itself can be
//! judged. Empty buckets of counts are zeros and are reported each; of a gap longer than [`MOST_ZEROS`] only the
//! last so many are.

mod open_bucket;
mod rollup_spec;
#[cfg(test)]
mod tests;

pub use rollup_spec::RollupSpec;

use open_bucket::OpenBucket;
use rollup_spec::FARTHEST_S;

use crate::codec::{CodecError, Reader, Writer};

/// Most zeros that one gap in a count yields: a week of minutes. A clock that jumps by years costs this much work.
pub(crate) const MOST_ZEROS: i64 = 10_080;
/// A bucket that no record can change any more.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClosedBucket {
    /// Number of the bucket.
    pub bucket: i64,
    /// Its value, finite; `None` when nothing was measured.
    pub value: Option<f64>,
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acceptance {
    /// It counts.
    InTime,
    /// Its bucket is closed; it was counted as late.
    Late,
}

/// Open buckets of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct Rollup {
    newest_s: i64,            // watermark, -FARTHEST_S..=FARTHEST_S
    next: i64,                // oldest open bucket; meaningless before the first record
    until_s: i64,             // its end
    late: u64,                // records that came after their bucket was closed
    slots: Box<[OpenBucket]>, // bucket b lies in slot b mod len; empty ones have count 0
    started: bool,
    // the interval where one bucket is open at a time and the watermark lies in it, as nearly always; else 0
    stride_s: u32,
}

impl Rollup {
    /// No records yet.
    #[must_use]
    pub fn new(spec: &RollupSpec) -> Self {
        let slots = vec![OpenBucket::EMPTY; spec.slots()].into_boxed_slice();
        Self { newest_s: -FARTHEST_S, next: 0, until_s: 0, late: 0, slots, started: false, stride_s: 0 }
    }

    /// The oldest open bucket; meaningless before the first record.
    pub(crate) fn open(&self) -> i64 {
        self.next
    }

    /// Takes a record of the bucket behind the open one, which it closes: returns the values of that one and of the
    /// new one. `None`, and nothing is done, for other records, and where buckets are closed otherwise: they take
    /// [`Rollup::close_until`] and [`Rollup::add`]. `value` is finite.
    #[inline(always)] // speed
    pub(crate) fn close_bucket(&mut self, spec: &RollupSpec, time_s: i64, value: f64) -> Option<(f64, f64)> {
        let since_s = time_s.wrapping_sub(self.until_s) as u64;
        if since_s >= u64::from(self.stride_s) || time_s > FARTHEST_S {
            return None;
        }
        let slot = self.slots.first_mut()?;
        let closed = slot.value(spec)?;
        let new = OpenBucket { count: 1, last_s: since_s as i32, value };
        *slot = new;
        self.next += 1;
        self.until_s += i64::from(self.stride_s);
        self.newest_s = time_s;
        Some((closed, new.value(spec)?))
    }

    /// The same for a record of the open bucket itself: returns its value.
    #[inline]
    pub(crate) fn add_to_open(&mut self, spec: &RollupSpec, time_s: i64, value: f64) -> Option<f64> {
        let left_s = self.until_s.wrapping_sub(1).wrapping_sub(time_s) as u64;
        if left_s >= u64::from(self.stride_s) || time_s > FARTHEST_S {
            return None;
        }
        let slot = self.slots.first_mut()?;
        slot.add(spec.points.method, (i64::from(self.stride_s) - 1 - left_s as i64) as i32, value);
        self.newest_s = self.newest_s.max(time_s);
        slot.value(spec)
    }

    /// Brings what follows from the rest in line with it.
    fn settle(&mut self, spec: &RollupSpec) {
        if !self.started {
            return;
        }
        self.until_s = spec.start_s(self.next.saturating_add(1));
        let is_steady = self.slots.len() == 1 && self.newest_s < self.until_s && spec.calendar.is_none();
        self.stride_s = if is_steady { u32::try_from(spec.interval_s).unwrap_or(0) } else { 0 };
    }

    /// Takes a record. Close what its time closes first, with [`Rollup::close_until`].
    ///
    /// Values that are not finite are ignored and reported as late.
    pub fn add(&mut self, spec: &RollupSpec, time_s: i64, value: f64) -> Acceptance {
        let time_s = time_s.clamp(-FARTHEST_S, FARTHEST_S);
        let bucket = spec.bucket(time_s);
        if !self.started {
            self.started = true;
            self.next = bucket;
            self.settle(spec);
        }
        let open = bucket - self.next;
        let length = self.slots.len() as i64;
        let slot = self.slots.get_mut(usize::try_from(bucket.rem_euclid(length)).unwrap_or(0));
        match slot.filter(|_| (0..length).contains(&open) && value.is_finite()) {
            Some(slot) => {
                let offset = i32::try_from(time_s - spec.start_s(bucket)).unwrap_or(0);
                slot.add(spec.points.method, offset, value);
                self.newest_s = self.newest_s.max(time_s);
                self.settle(spec);
                Acceptance::InTime
            }
            None => {
                self.late = self.late.saturating_add(1);
                Acceptance::Late
            }
        }
    }

    /// Closes buckets up to a watermark, oldest first; nothing when the watermark is not news.
    ///
    /// The iterator does its work as it is asked: what is not taken from it stays open until the next call.
    pub fn close_until<'a>(&'a mut self, spec: &'a RollupSpec, watermark_s: i64) -> ClosedBuckets<'a> {
        let watermark_s = watermark_s.clamp(-FARTHEST_S, FARTHEST_S);
        self.newest_s = self.newest_s.max(watermark_s);
        self.settle(spec);
        ClosedBuckets { rollup: self, spec }
    }

    /// The value that the bucket holding `time_s` has so far.
    #[must_use]
    pub fn so_far(&self, spec: &RollupSpec, time_s: i64) -> Option<f64> {
        if !self.started {
            return None;
        }
        let bucket = spec.bucket(time_s);
        let length = self.slots.len() as i64;
        let open = (0..length).contains(&bucket.saturating_sub(self.next));
        let slot = self.slots.get(usize::try_from(bucket.rem_euclid(length)).ok()?)?;
        slot.value(spec).filter(|_| open)
    }

    /// The watermark, s; `None` before the first record.
    #[must_use]
    pub fn watermark_s(&self) -> Option<i64> {
        self.started.then_some(self.newest_s)
    }

    /// Begins anew with the next record, whatever its time; what the open buckets hold is forgotten.
    pub fn rewind(&mut self, spec: &RollupSpec) {
        *self = Self { late: self.late, ..Self::new(spec) };
    }

    /// Records that came after their bucket was closed.
    #[must_use]
    pub fn late(&self) -> u64 {
        self.late
    }

    fn next_closed(&mut self, spec: &RollupSpec) -> Option<ClosedBucket> {
        if !self.started {
            return None;
        }
        let next = self.next;
        let end = spec.bucket(self.newest_s - spec.delay_s);
        if next >= end {
            return None;
        }
        let length = self.slots.len() as i64;
        let position = |bucket: i64| usize::try_from(bucket.rem_euclid(length)).unwrap_or(0);
        let filled = (next..end.min(next + length))
            .find(|&bucket| self.slots.get(position(bucket)).is_some_and(|slot| slot.count > 0));
        let until = filled.unwrap_or(end);
        if spec.empty_is_zero && until > next {
            let bucket = next.max(until - MOST_ZEROS);
            self.open_from(spec, bucket + 1);
            return Some(ClosedBucket { bucket, value: Some(0.0) });
        }
        let Some(bucket) = filled else {
            self.open_from(spec, end);
            return Some(ClosedBucket { bucket: end - 1, value: None });
        };
        self.open_from(spec, bucket + 1);
        let slot = self.slots.get_mut(position(bucket))?;
        let value = slot.value(spec);
        *slot = OpenBucket::EMPTY;
        Some(ClosedBucket { bucket, value })
    }

    fn open_from(&mut self, spec: &RollupSpec, bucket: i64) {
        self.next = bucket;
        self.settle(spec);
    }

    /// Bytes of one series, on the heap and off it.
    #[must_use]
    pub fn memory_bytes(spec: &RollupSpec) -> usize {
        size_of::<Self>() + spec.slots() * size_of::<OpenBucket>()
    }

    /// Appends the exact state.
    pub fn save(&self, w: &mut Writer<'_>) {
        w.i64(self.newest_s);
        w.varint(self.late);
        w.u8(u8::from(self.started));
        w.i64(self.next);
        for slot in &self.slots {
            w.varint(slot.count.into());
            if slot.count > 0 {
                w.varint(slot.last_s.unsigned_abs().into());
                w.f64(slot.value);
            }
        }
    }

    /// Reads what [`Rollup::save`] wrote for the same spec.
    ///
    /// # Errors
    /// [`CodecError`] when the bytes end early or hold what cannot be.
    pub fn restore(spec: &RollupSpec, r: &mut Reader<'_>) -> Result<Self, CodecError> {
        let mut rollup = Self::new(spec);
        let far = |time: i64| (-FARTHEST_S..=FARTHEST_S).contains(&time);
        rollup.newest_s = r.i64("watermark")?;
        rollup.late = r.varint("late records")?;
        (rollup.started, rollup.next) = match (r.u8("started")?, r.i64("open bucket")?) {
            (0, 0) => (false, 0),
            (1, next) => (true, next),
            _ => return Err(CodecError::Invalid { what: "started" }),
        };
        if !far(rollup.newest_s) || !far(rollup.next) {
            return Err(CodecError::Invalid { what: "watermark" });
        }
        for slot in &mut rollup.slots {
            let what = "open bucket";
            slot.count = u32::try_from(r.varint(what)?).map_err(|_| CodecError::Invalid { what })?;
            if slot.count > 0 {
                let last_s = r.varint(what)?;
                slot.last_s = i32::try_from(last_s).map_err(|_| CodecError::Invalid { what })?;
                slot.value = r.f64(what)?.clamp(-f64::MAX, f64::MAX);
                if i64::from(slot.last_s) >= spec.longest_s() || slot.value.is_nan() || !rollup.started {
                    return Err(CodecError::Invalid { what });
                }
            }
        }
        rollup.settle(spec);
        Ok(rollup)
    }
}

/// ClosedBucket buckets in order; see [`Rollup::close_until`].
#[derive(Debug)]
pub struct ClosedBuckets<'a> {
    rollup: &'a mut Rollup,
    spec: &'a RollupSpec,
}

impl Iterator for ClosedBuckets<'_> {
    type Item = ClosedBucket;

    fn next(&mut self) -> Option<ClosedBucket> {
        self.rollup.next_closed(self.spec)
    }
}
