//! Exponential back-off with jitter.

use super::Env;
use std::time::Duration;

/// Waits that double from `base` to `cap`, each shortened by up to half at random, so that many clients that
/// failed together do not come back together.
#[derive(Debug, Clone)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
    failures: u32,
}

impl Backoff {
    /// A fresh back-off; `base` and `cap` are the longest first and the longest later wait.
    #[must_use]
    pub fn new(base: Duration, cap: Duration) -> Self {
        Self { base, cap: cap.max(base), failures: 0 }
    }

    /// Failures in a row.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// One more failure: how long to wait now, in `(half, full]` of the current step.
    pub fn fail(&mut self, env: &dyn Env) -> Duration {
        let step = self.base.saturating_mul(1u32 << self.failures.min(20)).min(self.cap);
        self.failures = self.failures.saturating_add(1);
        step.saturating_sub(env.jitter(step, 0.5))
    }

    /// It worked: the next failure starts from `base` again.
    pub fn succeed(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::companion::Native;

    #[test]
    fn waits_double_to_the_cap_and_start_over_after_success() {
        let env = Native::default();
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(8));
        for full in [1, 2, 4, 8, 8, 8] {
            let wait = backoff.fail(&env);
            let full = Duration::from_secs(full);
            assert!(wait > full / 2 && wait <= full, "{wait:?} of {full:?}");
        }
        backoff.succeed();
        assert!(backoff.fail(&env) <= Duration::from_secs(1));
    }

    #[test]
    fn a_thousand_failures_do_not_overflow() {
        let env = Native::default();
        let mut backoff = Backoff::new(Duration::from_secs(60), Duration::from_secs(900));
        for _ in 0..1000 {
            assert!(backoff.fail(&env) <= Duration::from_secs(900));
        }
    }
}
