//! How records are rolled up.

use crate::monitor::calendar::Calendar;
use crate::monitor::query::{Method, PointRollup};
use crate::monitor::spec::{MOST_OPEN_BUCKETS, MonitorSpec};

/// Times are clamped to +-2^53 s, so that no sum of them overflows.
pub(super) const FARTHEST_S: i64 = 1 << 53;

/// A day on which clocks are set back is at most so much longer.
const LONGEST_CHANGE_S: i64 = 86_400;

/// How records are rolled up; the same for all series of a monitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RollupSpec {
    pub(super) interval_s: i64, // 1..=2_678_400
    pub(super) delay_s: i64,    // 0..=86_400
    pub(super) points: PointRollup,
    pub(super) empty_is_zero: bool,
    /// Where days and weeks do not begin at midnight UTC.
    pub(super) calendar: Option<Calendar>,
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
            calendar: monitor.query.metric.calendar(),
        }
    }

    /// Number of the bucket that holds a time: floor(time / interval), of local time where a `.rollup()` names a zone.
    #[must_use]
    pub fn bucket(&self, time_s: i64) -> i64 {
        let time_s = time_s.clamp(-FARTHEST_S, FARTHEST_S);
        match &self.calendar {
            None => time_s.div_euclid(self.interval_s),
            Some(calendar) => calendar.bucket(self.interval_s, time_s),
        }
    }

    /// Seconds that no bucket is longer than.
    pub(super) fn longest_s(&self) -> i64 {
        self.interval_s + if self.calendar.is_some() { LONGEST_CHANGE_S } else { 0 }
    }

    /// Seconds that buckets begin later than those of UTC, in local time.
    pub(crate) fn start_of_day_s(&self) -> Option<i32> {
        self.calendar.map(|calendar| calendar.start_s)
    }

    /// First second of a bucket.
    #[must_use]
    pub fn start_s(&self, bucket: i64) -> i64 {
        if let Some(calendar) = &self.calendar {
            return calendar.bucket_start_s(self.interval_s, bucket);
        }
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
