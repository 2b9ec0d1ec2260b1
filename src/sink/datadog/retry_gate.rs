//! When the intake may be asked again.
//!
//! All shipments of an output share one gate, so that chunks that failed together are not retried together.

use super::client::IntakeFailure;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

/// 429 without a word about the time: first wait and longest wait.
const RATE_LIMIT: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(900));
/// A wrong key does not mend itself soon.
const KEY: (Duration, Duration) = (Duration::from_secs(300), Duration::from_secs(300));
const ELSEWHERE: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(60));
/// Short, because the host has its own growing wait for each chunk.
const BROKEN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(8));
/// Shortest wait, also for an intake that says "0 seconds" with each refusal.
const SHORTEST: Duration = Duration::from_secs(1);
/// Longest wait that an intake can ask for.
const LONGEST: Duration = Duration::from_secs(3600);

#[derive(Debug, Default)]
pub(super) struct RetryGate {
    closed_until: Option<Instant>,
    /// Failures since the last success.
    failures: u32,
}

impl RetryGate {
    /// How long to wait from `now`; `None`: go.
    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        let left = self.closed_until?.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    pub(super) fn open(&mut self) {
        *self = Self::default();
    }

    /// Closes after a failure; `asked` is what the intake asks for. Returns the wait from `now`.
    pub(super) fn close(&mut self, now: Instant, cause: IntakeFailure, asked: Option<Duration>) -> Duration {
        let (first, cap) = match cause {
            IntakeFailure::RateLimit => RATE_LIMIT,
            IntakeFailure::Key => KEY,
            IntakeFailure::Elsewhere => ELSEWHERE,
            IntakeFailure::Server | IntakeFailure::Timeout | IntakeFailure::Network => BROKEN,
        };
        let doubled = first.saturating_mul(1 << self.failures.min(16)).min(cap);
        let wait = asked.unwrap_or(doubled).clamp(SHORTEST, LONGEST).mul_f64(1.0 + jitter());
        self.failures = self.failures.saturating_add(1);
        // two shipments can fail at once: the longer wait counts
        let until = now + wait;
        self.closed_until = Some(self.closed_until.map_or(until, |earlier| earlier.max(until)));
        wait
    }
}

/// 0.01 ..= 0.1: outputs that were told the same second do not come back in the same instant.
fn jitter() -> f64 {
    // the standard library's keys are random for each process and differ at each call
    let bits = RandomState::new().hash_one(0_u8) >> 40;
    0.01 + 0.09 * (bits as f64 / f64::from(1 << 24))
}

#[cfg(test)]
mod tests {
    use super::{IntakeFailure, RetryGate};
    use std::time::{Duration, Instant};

    fn about(wait: Duration, seconds: u64) -> bool {
        let exact = Duration::from_secs(seconds);
        exact < wait && wait <= exact.mul_f64(1.1001)
    }

    #[test]
    fn waits_as_long_as_the_intake_asks() {
        let (mut gate, now) = (RetryGate::default(), Instant::now());
        assert_eq!(gate.wait(now), None);
        let wait = gate.close(now, IntakeFailure::RateLimit, Some(Duration::from_secs(12)));
        assert!(about(wait, 12), "{wait:?}");
        assert_eq!(gate.wait(now), Some(wait));
        assert_eq!(gate.wait(now + wait), None);
        gate.open();
        assert!(about(gate.close(now, IntakeFailure::Server, Some(Duration::ZERO)), 1));
    }

    #[test]
    fn unasked_waits_double_up_to_their_cap_and_start_over_after_a_success() {
        let (mut gate, now) = (RetryGate::default(), Instant::now());
        for seconds in [60, 120, 240, 480, 900, 900] {
            let wait = gate.close(now, IntakeFailure::RateLimit, None);
            assert!(about(wait, seconds), "{wait:?} instead of {seconds} s");
        }
        gate.open();
        for seconds in [1, 2, 4, 8, 8] {
            let wait = gate.close(now, IntakeFailure::Server, None);
            assert!(about(wait, seconds), "{wait:?} instead of {seconds} s");
        }
    }

    #[test]
    fn the_longer_of_two_waits_counts_and_none_exceeds_an_hour() {
        let (mut gate, now) = (RetryGate::default(), Instant::now());
        let long = gate.close(now, IntakeFailure::RateLimit, Some(Duration::from_secs(86_400)));
        assert!(about(long, 3600), "{long:?}");
        gate.close(now, IntakeFailure::Network, None);
        assert_eq!(gate.wait(now), Some(long));
    }
}
