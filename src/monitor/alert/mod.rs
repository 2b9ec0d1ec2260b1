//! Verdicts of a series' buckets -> OK, WARN, ALERT, NO DATA, in event time.
//!
//! * The share of anomalous points is taken of the points that are there. A point without a band is there and
//!   not anomalous; a missing one is not there. `require_full_window` leaves windows with missing points unjudged.
//! * ALERT: the share in the trigger window is `critical` or more. WARN: `warning` or more.
//! * ALERT ends when it does not hold and the share in the recovery window is `critical_recovery` or less; WARN
//!   likewise with `warning_recovery`. What holds afterwards (WARN or nothing) is looked at anew.
//! * A bucket without a value is not judged: the state stays. After `no_data_timeframe` of silence it is NO DATA
//!   (with `notify_no_data`), after `timeout_h` a state resolves to OK. Both are also found out when the next
//!   point comes after a gap: then the transition starts from there.
//! * Reminders come in ALERT and NO DATA, `renotify_interval` after the last transition or reminder.

mod ring;
mod status;
#[cfg(test)]
mod tests;
mod triggered;

use ring::PointRing;
pub use status::{BandPosition, Status, Transition};
pub use triggered::Triggered;

use super::spec::MonitorSpec;
use crate::codec::{CodecError, Reader, Writer};

/// What a bucket led to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AlertEvaluation {
    /// State now.
    pub status: Status,
    /// Set on the bucket that changed the state.
    pub transition: Option<Transition>,
    /// Whether it is time for a reminder of the same state.
    pub renotify: bool,
    /// Share of anomalous points in the trigger window, 0..=1; 0 when there are none.
    pub share: f64,
    /// When the state left OK, with a transition or a reminder of a series whose buckets have times.
    pub triggered: Option<Triggered>,
}

/// Alert state of one series under one monitor.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertState {
    ring: PointRing,
    status: Status,
    resolved: bool,   // by timeout_h; holds NO DATA off until the next point
    started: bool,    // a bucket was fed
    pointed: bool,    // one with a value
    stays_ok: bool,   // OK, and points inside fill the window: one more of them changes no state
    last: i64,        // latest bucket fed
    first_point: i64, // first bucket with a value
    last_point: i64,  // latest bucket with a value, <= last
    notified: i64,    // bucket of the last transition or reminder
    left_ok: Option<LeftOk>,
}

/// Buckets in which the state changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LeftOk {
    /// From OK to another state.
    pub(crate) first: i64,
    /// To the latest state that is not OK, `first..=last`.
    pub(crate) last: i64,
}

impl AlertState {
    /// OK, with nothing seen.
    #[must_use]
    pub fn new(spec: &MonitorSpec) -> Self {
        Self {
            ring: PointRing::new(spec.trigger_points(), spec.recovery_points()),
            status: Status::Ok,
            resolved: false,
            started: false,
            pointed: false,
            stays_ok: false,
            last: 0,
            first_point: 0,
            last_point: 0,
            notified: 0,
            left_ok: None,
        }
    }

    /// The state as it is.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status
    }

    /// The changes that made the state, or the last one that was not OK, what it is.
    pub(crate) fn left_ok(&self) -> Option<LeftOk> {
        self.left_ok
    }

    /// The latest bucket that was fed.
    pub(crate) fn latest(&self) -> i64 {
        self.last
    }

    /// Share of anomalous points in the trigger window, 0..=1; 0 when there are none.
    #[must_use]
    pub fn share(&self) -> f64 {
        if self.ring.trigger().is_free_of_anomalies() {
            return 0.0;
        }
        self.ring.trigger().share().unwrap_or(0.0)
    }

    /// Feeds a point that is not anomalous where that changes no state, in a few steps; false, and nothing is done,
    /// where it might. `bucket` is later than the last one.
    #[inline]
    pub(crate) fn skip_if_unchanged(&mut self, bucket: i64) -> bool {
        if !self.stays_ok || bucket.wrapping_sub(1) != self.last {
            return false;
        }
        // the ring is full of such points: one more leaves it as it is, wherever it begins
        self.last = bucket;
        self.last_point = bucket;
        true
    }

    /// OK, with all points of a full trigger window inside.
    #[inline]
    pub(crate) fn stays_ok(&self) -> bool {
        self.stays_ok
    }

    fn would_stay_ok(&self, spec: &MonitorSpec) -> bool {
        self.status == Status::Ok
            && !self.resolved
            && self.ring.trigger_is_full()
            && self.ring.trigger().is_free_of_anomalies()
            && spec.critical > 0.0
            && spec.warning.is_none_or(|warning| warning > 0.0)
    }

    /// Judges a closed bucket; `None` is one without a value. Buckets that are left out count as missing.
    ///
    /// Buckets come in ascending order; one that is not later than the last changes nothing.
    pub fn feed(
        &mut self,
        spec: &MonitorSpec,
        bucket: i64,
        verdict: Option<BandPosition>,
    ) -> AlertEvaluation {
        let missing = match self.started {
            true if bucket <= self.last => return self.evaluation(None, false),
            true => bucket.saturating_sub(self.last) - 1,
            false => 0,
        };
        self.ring.skip(missing);
        self.started = true;
        self.last = bucket;
        let mut before = self.status;
        match verdict {
            None => {
                self.ring.push(false, false);
                self.silence(spec, bucket);
            }
            Some(verdict) => {
                if missing > 0 {
                    self.silence(spec, bucket - 1);
                    self.note_change(before, bucket - 1);
                    before = self.status;
                }
                self.ring.push(true, verdict.is_anomalous(spec.query.side()));
                self.resolved = false;
                if !self.pointed {
                    self.pointed = true;
                    self.first_point = bucket;
                }
                self.last_point = bucket;
                self.judge(spec, bucket);
            }
        }
        self.note_change(before, bucket);
        let transition = (self.status != before).then_some(Transition { from: before, to: self.status });
        let mut renotify = false;
        if transition.is_some() {
            self.notified = bucket;
        } else if let Some(minutes) = spec.renotify_interval_min
            && matches!(self.status, Status::Alert | Status::NoData)
            && elapsed_s(spec, self.notified, bucket) >= u64::from(minutes) * 60
        {
            self.notified = bucket;
            renotify = true;
        }
        self.stays_ok = self.would_stay_ok(spec);
        self.evaluation(transition, renotify)
    }

    /// Notes when the state left OK, and when it became another one than OK.
    fn note_change(&mut self, before: Status, bucket: i64) {
        if self.status == before || self.status == Status::Ok {
            return;
        }
        let first = self.left_ok.filter(|_| before != Status::Ok).map_or(bucket, |left| left.first);
        self.left_ok = Some(LeftOk { first, last: bucket });
    }

    fn evaluation(&self, transition: Option<Transition>, renotify: bool) -> AlertEvaluation {
        AlertEvaluation { status: self.status, transition, renotify, share: self.share(), triggered: None }
    }

    /// Up to and with `bucket` there was nothing since the last point.
    fn silence(&mut self, spec: &MonitorSpec, bucket: i64) {
        if !self.pointed {
            return;
        }
        let silent_s = elapsed_s(spec, self.last_point, bucket);
        if spec.timeout_h.is_some_and(|hours| silent_s >= u64::from(hours) * 3600) {
            if self.status != Status::Ok {
                self.status = Status::Ok;
                self.resolved = true;
            }
        } else if spec.notify_no_data && silent_s >= u64::from(spec.no_data_timeframe_min) * 60 {
            self.status = Status::NoData;
        }
        if self.resolved {
            self.status = Status::Ok;
        }
    }

    /// The state that the windows ask for.
    fn judge(&mut self, spec: &MonitorSpec, bucket: i64) {
        let delay_s = u64::from(spec.new_group_delay_s);
        let young = delay_s > 0 && elapsed_s(spec, self.first_point, bucket) < delay_s;
        if young || (spec.require_full_window && !self.ring.trigger_is_full()) {
            return;
        }
        // the point that is judged is in both windows, so both have a share
        let (Some(trigger), Some(recovery)) = (self.ring.trigger().share(), self.ring.recovery().share())
        else {
            return;
        };
        let alert = trigger >= spec.critical;
        let warn = spec.warning.is_some_and(|warning| trigger >= warning);
        self.status = match self.status {
            _ if alert => Status::Alert,
            Status::Alert if recovery > spec.critical_recovery => Status::Alert,
            _ if warn => Status::Warn,
            Status::Warn if recovery > spec.warning_recovery => Status::Warn,
            _ => Status::Ok,
        };
    }

    /// Makes `bucket` the next one although later ones were fed: the clock of the series was wrong. The status stays,
    /// and the windows begin anew.
    pub fn rewind(&mut self, spec: &MonitorSpec, bucket: i64) {
        let before = bucket.saturating_sub(1);
        self.ring = PointRing::new(spec.trigger_points(), spec.recovery_points());
        self.stays_ok = false;
        for at in [&mut self.last, &mut self.first_point, &mut self.last_point, &mut self.notified] {
            *at = before.min(*at);
        }
        if let Some(LeftOk { first, last }) = &mut self.left_ok {
            (*first, *last) = (before.min(*first), before.min(*last));
        }
    }

    /// Bytes of one series, on the heap and off it.
    #[must_use]
    pub fn memory_bytes(spec: &MonitorSpec) -> usize {
        size_of::<Self>() + PointRing::heap_bytes(spec.trigger_points())
    }

    /// Appends the exact state.
    pub fn save(&self, w: &mut Writer<'_>) {
        let status = match self.status {
            Status::Ok => 0,
            Status::Warn => 1,
            Status::Alert => 2,
            Status::NoData => 3,
        };
        let flags = u8::from(self.resolved) << 2 | u8::from(self.started) << 3 | u8::from(self.pointed) << 4;
        let left_ok = u8::from(self.left_ok.is_some()) << 5;
        w.u8(status | flags | left_ok);
        w.i64(self.last);
        w.i64(self.first_point);
        w.i64(self.last_point);
        w.i64(self.notified);
        if let Some(LeftOk { first, last }) = self.left_ok {
            w.i64(first);
            w.i64(last);
        }
        self.ring.save(w);
    }

    /// Reads what [`AlertState::save`] wrote for the same spec.
    ///
    /// # Errors
    /// [`CodecError`] when the bytes end early or hold what cannot be.
    pub fn restore(spec: &MonitorSpec, r: &mut Reader<'_>) -> Result<Self, CodecError> {
        let what = "alert state";
        let head = r.u8(what)?;
        let status = match head & 3 {
            0 => Status::Ok,
            1 => Status::Warn,
            2 => Status::Alert,
            _ => Status::NoData,
        };
        let (last, first_point, last_point, notified) =
            (r.i64(what)?, r.i64(what)?, r.i64(what)?, r.i64(what)?);
        let (started, pointed) = (head & 8 != 0, head & 16 != 0);
        let ordered = !pointed || (first_point <= last_point && last_point <= last);
        let left_ok = match head & 32 {
            // a state from before they were kept: the last that was told
            0 => (status != Status::Ok).then_some(LeftOk { first: notified, last: notified }),
            _ => Some(LeftOk { first: r.i64(what)?, last: r.i64(what)? }),
        };
        let ordered = ordered && left_ok.is_none_or(|left| left.first <= left.last && left.last <= last);
        if head >= 64 || (pointed && !started) || !ordered {
            return Err(CodecError::Invalid { what });
        }
        let mut state = Self {
            ring: PointRing::restore(spec.trigger_points(), spec.recovery_points(), r)?,
            status,
            resolved: head & 4 != 0,
            started,
            pointed,
            stays_ok: false,
            last,
            first_point,
            last_point,
            notified,
            left_ok,
        };
        state.stays_ok = state.would_stay_ok(spec);
        Ok(state)
    }
}

/// Seconds from the end of one bucket to that of a later one.
fn elapsed_s(spec: &MonitorSpec, from: i64, to: i64) -> u64 {
    u64::try_from(to.saturating_sub(from)).unwrap_or(0).saturating_mul(spec.bucket_s().into())
}
