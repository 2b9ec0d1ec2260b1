//! When a monitor left OK.

use crate::codec::{CodecError, Reader, Writer};

/// When a state other than OK began, in event time: ends of buckets, as Datadog's `first_triggered_at` and
/// `last_triggered_at`.
///
/// | change | first | last | duration |
/// |---|---|---|---|
/// | OK to WARN, at a | a | a | 0 |
/// | WARN to ALERT, at b | a | b | b - a |
/// | a reminder, at c | a | b | c - a |
/// | ALERT to OK, at d | a | b | d - a |
///
/// ```
/// use fluent_anomaly::monitors::Triggered;
/// let triggered = Triggered::new(1_700_000_000, 1_700_000_600, 1_700_000_900);
/// assert_eq!((triggered.first_s(), triggered.last_s(), triggered.duration_s()), (1_700_000_000, 1_700_000_600, 900));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Triggered {
    first_s: i64,
    last_after_s: u32, // what is longer ago than 136 years is told as 136 years
    now_after_s: u32,
}

impl Triggered {
    /// Seconds of UTC: when the state left OK, when it became the latest state that is not OK, and now.
    #[must_use]
    pub fn new(first_s: i64, last_s: i64, now_s: i64) -> Self {
        let after = |time_s: i64| u32::try_from(time_s.saturating_sub(first_s).max(0)).unwrap_or(u32::MAX);
        Self { first_s, last_after_s: after(last_s), now_after_s: after(now_s) }
    }

    /// Appends it.
    pub(crate) fn save(self, w: &mut Writer<'_>) {
        w.i64(self.first_s);
        w.varint(self.last_after_s.into());
        w.varint(self.now_after_s.into());
    }

    /// Reads what [`Triggered::save`] wrote.
    pub(crate) fn restore(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        let what = "time of a state";
        let first_s = r.i64(what)?;
        let mut after = || u32::try_from(r.varint(what)?).map_err(|_| CodecError::Invalid { what });
        Ok(Self { first_s, last_after_s: after()?, now_after_s: after()? })
    }

    /// When the state left OK, s of UTC.
    #[must_use]
    pub fn first_s(self) -> i64 {
        self.first_s
    }

    /// When it became the latest state that is not OK, s of UTC.
    #[must_use]
    pub fn last_s(self) -> i64 {
        self.first_s.saturating_add(self.last_after_s.into())
    }

    /// Seconds from the first to now.
    #[must_use]
    pub fn duration_s(self) -> u32 {
        self.now_after_s
    }
}
