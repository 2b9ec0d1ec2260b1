//! How records are rolled up.

use crate::monitor::query::{Method, PointRollup};
use crate::monitor::spec::{MOST_OPEN_BUCKETS, MonitorSpec};

/// Times are clamped to +-2^53 s, so that no sum of them overflows.
pub(super) const FARTHEST_S: i64 = 1 << 53;

/// How records are rolled up; the same for all series of a monitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RollupSpec {
    pub(super) interval_s: i64, // 1..=2_678_400
    pub(super) delay_s: i64,    // 0..=86_400
    pub(super) points: PointRollup,
    pub(super) empty_is_zero: bool,
}

impl RollupSpec {
    /// Of a monitor.
    #[must_use]
    pub fn new(monitor: &MonitorSpec) -> Self {
        Self {
            interval_s: i64::from(monitor.bucket_s()).max(1),
            delay_s: i64::from(monitor.evaluation_delay_s),
            points: monitor.point_rollup(),
            empty_is_zero: monitor.query.empty_is_zero(),
        }
    }

    /// Number of the bucket that holds a time: floor(time / interval).
    #[must_use]
    pub fn bucket(&self, time_s: i64) -> i64 {
        time_s.clamp(-FARTHEST_S, FARTHEST_S).div_euclid(self.interval_s)
    }

    /// First second of a bucket.
    #[must_use]
    pub fn start_s(&self, bucket: i64) -> i64 {
        // saturating_mul is a call on WebAssembly, to a product of 128 bits
        if bucket.unsigned_abs() < 1 << 40 {
            bucket * self.interval_s
        } else {
            bucket.saturating_mul(self.interval_s)
        }
    }

    /// Whether the value of a bucket can only grow or only be known once it is closed (sums and counts).
    #[must_use]
    pub fn adds_up(&self) -> bool {
        matches!(self.points.method, Method::Sum | Method::Count)
    }

    pub(super) fn slots(&self) -> usize {
        let open =
            self.delay_s.div_euclid(self.interval_s) + i64::from(self.delay_s % self.interval_s > 0) + 1;
        usize::try_from(open.clamp(1, i64::from(MOST_OPEN_BUCKETS))).unwrap_or(1)
    }
}
