//! The records of one bucket so far.

use super::rollup_spec::RollupSpec;
use crate::monitor::query::Method;

/// A bucket that still takes records.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct OpenBucket {
    pub(super) count: u32,  // records, saturating
    pub(super) last_s: i32, // offset of the latest record from the bucket's start, s; 0..interval
    pub(super) value: f64,  // sum, extreme or latest value, finite
}

impl OpenBucket {
    pub(super) const EMPTY: OpenBucket = OpenBucket { count: 0, last_s: 0, value: 0.0 };

    pub(super) fn add(&mut self, method: Method, offset_s: i32, x: f64) {
        let first = self.count == 0;
        self.count = self.count.saturating_add(1);
        self.value = match method {
            _ if first => x,
            // a sum of huge values stays in the range
            Method::Avg | Method::Sum => (self.value + x).clamp(-f64::MAX, f64::MAX),
            Method::Min => self.value.min(x),
            Method::Max => self.value.max(x),
            Method::Count => 0.0,
            Method::Last if offset_s >= self.last_s => x,
            Method::Last => self.value,
        };
        self.last_s = self.last_s.max(offset_s);
    }

    pub(super) fn value(&self, spec: &RollupSpec) -> Option<f64> {
        let count = f64::from(self.count);
        let value = match spec.points.method {
            _ if self.count == 0 => return None,
            Method::Avg => self.value / count,
            Method::Count => count,
            Method::Sum | Method::Min | Method::Max | Method::Last => self.value,
        };
        Some(if spec.points.per_second { value / spec.interval_s as f64 } else { value })
    }
}
