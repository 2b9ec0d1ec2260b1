//! The latest time that a record may state.

use std::fmt;

use crate::time::{HostClock, Time};

/// How far ahead of the host's clock a time may lie, s.
pub(super) const AHEAD_S: i64 = 600;
/// A clock before 2024 was never set: a small host begins in 1970.
const EARLIEST: Time = Time::from_seconds(1_704_067_200);

/// Bounds the times of records by the clock of the host. Without one every time is allowed.
pub(super) struct TimeBound {
    clock: Option<Box<dyn HostClock>>,
    /// Up to here no look at the clock is needed.
    allowed: Time,
}

impl fmt::Debug for TimeBound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimeBound")
            .field("has_clock", &self.clock.is_some())
            .field("allowed", &self.allowed)
            .finish()
    }
}

impl TimeBound {
    pub(super) fn none() -> Self {
        Self { clock: None, allowed: Time::MAX }
    }

    pub(super) fn by(clock: Box<dyn HostClock>) -> Self {
        Self { clock: Some(clock), allowed: Time::MIN }
    }

    /// The time of day, if the host knows it.
    pub(super) fn now(&mut self) -> Option<Time> {
        self.clock.as_mut()?.now().filter(|now| *now >= EARLIEST)
    }

    /// Seconds by which a time lies ahead of the host's clock; `None` for one that is allowed.
    #[inline(always)] // speed
    pub(super) fn seconds_ahead(&mut self, time: Time) -> Option<i64> {
        if time <= self.allowed { None } else { self.look(time) }
    }

    #[cold]
    #[inline(never)] // stack
    fn look(&mut self, time: Time) -> Option<i64> {
        let now = self.now()?;
        self.allowed = now.plus_seconds(AHEAD_S);
        (time > self.allowed).then(|| time.seconds().saturating_sub(now.seconds()))
    }
}

/// A duration for people: its largest unit.
pub(super) fn duration_text(seconds: i64) -> String {
    let (count, unit) = match seconds {
        0..120 => (seconds, "seconds"),
        120..7200 => (seconds / 60, "minutes"),
        7200..172_800 => (seconds / 3600, "hours"),
        _ => (seconds / 86_400, "days"),
    };
    format!("{count} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(i64);

    impl HostClock for Fixed {
        fn now(&mut self) -> Option<Time> {
            self.0 += 60; // it goes on with each look
            Some(Time::from_seconds(self.0))
        }
    }

    #[test]
    fn a_time_is_allowed_up_to_ten_minutes_ahead() {
        let mut bound = TimeBound::by(Box::new(Fixed(1_800_000_000)));
        for (ahead_s, refused) in [(-1_000_000_000, None), (600, None), (721, Some(661))] {
            assert_eq!(
                bound.seconds_ahead(Time::from_seconds(1_800_000_060 + ahead_s)),
                refused,
                "{ahead_s}"
            );
        }
    }

    #[test]
    fn without_a_clock_and_with_one_that_was_never_set_any_time_is_allowed() {
        for mut bound in [TimeBound::none(), TimeBound::by(Box::new(Fixed(0)))] {
            assert_eq!(bound.seconds_ahead(Time::from_seconds(4_000_000_000)), None);
        }
    }
}
