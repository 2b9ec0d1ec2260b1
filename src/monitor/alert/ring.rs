//! The points of the trigger window, two bits each, with running counts for both windows.

use crate::codec::{CodecError, Reader, Writer};

/// Points of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Count {
    present: u32,   // points that are there, 0..=length of the window
    anomalous: u32, // 0..=present
}

impl Count {
    /// anomalous / present; `None` without points.
    pub(super) fn share(self) -> Option<f64> {
        (self.present > 0).then(|| f64::from(self.anomalous) / f64::from(self.present))
    }

    pub(super) fn is_free_of_anomalies(self) -> bool {
        self.anomalous == 0
    }

    fn enter(&mut self, (present, anomalous): (bool, bool)) {
        self.present += u32::from(present);
        self.anomalous += u32::from(anomalous);
    }

    fn leave(&mut self, (present, anomalous): (bool, bool)) {
        self.present -= u32::from(present);
        self.anomalous -= u32::from(anomalous);
    }
}

/// The last `length` points; the newest stands before `at`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PointRing {
    words: Box<[PointBits]>, // point i is bit i % 64 of pair i / 64; bits from `length` on are 0
    length: u32,             // points of the trigger window, 1..=20_160
    short: u32,              // points of the recovery window, 1..=length
    at: u32,                 // place of the next point, 0..length
    trigger: Count,
    recovery: Count,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct PointBits {
    present: u64,
    anomalous: u64, // a subset of `present`
}

impl PointRing {
    pub(super) fn new(length: u32, short: u32) -> Self {
        let words = vec![PointBits::default(); length.div_ceil(64) as usize].into_boxed_slice();
        let (trigger, recovery) = (Count::default(), Count::default());
        Self { words, length, short: short.clamp(1, length), at: 0, trigger, recovery }
    }

    pub(super) fn trigger(&self) -> Count {
        self.trigger
    }

    pub(super) fn recovery(&self) -> Count {
        self.recovery
    }

    pub(super) fn trigger_is_full(&self) -> bool {
        self.trigger.present == self.length
    }

    fn get(&self, place: u32) -> (bool, bool) {
        let pair = self.words.get((place / 64) as usize).copied().unwrap_or_default();
        let bit = 1 << (place % 64);
        (pair.present & bit != 0, pair.anomalous & bit != 0)
    }

    /// Adds the newest point and drops the oldest of each window.
    pub(super) fn push(&mut self, present: bool, anomalous: bool) {
        let point = (present, present && anomalous);
        let oldest_short = (self.at + self.length - self.short) % self.length;
        self.recovery.leave(self.get(oldest_short));
        self.trigger.leave(self.get(self.at));
        self.recovery.enter(point);
        self.trigger.enter(point);
        let bit = 1 << (self.at % 64);
        if let Some(pair) = self.words.get_mut((self.at / 64) as usize) {
            pair.present = if point.0 { pair.present | bit } else { pair.present & !bit };
            pair.anomalous = if point.1 { pair.anomalous | bit } else { pair.anomalous & !bit };
        }
        self.at = (self.at + 1) % self.length;
    }

    /// Adds missing points; no more work than the window is long.
    pub(super) fn skip(&mut self, points: i64) {
        if points >= i64::from(self.length) {
            *self = Self::new(self.length, self.short);
        } else {
            for _ in 0..points {
                self.push(false, false);
            }
        }
    }

    pub(super) fn heap_bytes(length: u32) -> usize {
        length.div_ceil(64) as usize * size_of::<PointBits>()
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.varint(self.at.into());
        for pair in &self.words {
            w.u64(pair.present);
            w.u64(pair.anomalous);
        }
    }

    pub(super) fn restore(length: u32, short: u32, r: &mut Reader<'_>) -> Result<Self, CodecError> {
        let what = "points of the alert window";
        let mut ring = Self::new(length, short);
        ring.at = u32::try_from(r.varint(what)?)
            .ok()
            .filter(|at| *at < length)
            .ok_or(CodecError::Invalid { what })?;
        let mut left = length;
        for pair in &mut ring.words {
            *pair = PointBits { present: r.u64(what)?, anomalous: r.u64(what)? };
            let used = if left >= 64 { u64::MAX } else { (1 << left) - 1 };
            if pair.present & !used != 0 || pair.anomalous & !pair.present != 0 {
                return Err(CodecError::Invalid { what });
            }
            left = left.saturating_sub(64);
        }
        // the counts follow from the bits
        for back in 1..=length {
            let point = ring.get((ring.at + length - back) % length);
            ring.trigger.enter(point);
            if back <= ring.short {
                ring.recovery.enter(point);
            }
        }
        Ok(ring)
    }
}
