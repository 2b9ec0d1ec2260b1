//! Calls an hour: our own limit, and what the API's headers say about the limit of the whole organisation.

use crate::codec::{CodecError, Reader, Writer};
use crate::companion::{Backoff, Env};
use std::time::Duration;

/// Minutes that are counted: any hour lies within 61 of them.
const MINUTES: usize = 61;
/// Below this part of the API's limit the rest is spread over the time to its reset: others need some too.
const RESERVE: u64 = 10;

/// The `X-RateLimit-*` headers of an answer; they come with 200 as well.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RateHeaders {
    /// Calls in a period.
    pub limit: Option<u64>,
    /// The period, seconds.
    pub period: Option<u64>,
    /// Calls that are left in it.
    pub remaining: Option<u64>,
    /// Seconds until the next one starts.
    pub reset: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
struct ServerLimit {
    limit: u64,
    remaining: u64,
    /// Milliseconds since 1970.
    reset_at: i64,
    period: Option<u64>,
}

/// One budget for all queries. Time comes in as milliseconds since 1970.
#[derive(Debug)]
pub struct CallBudget {
    /// Calls an hour.
    limit: u32,
    /// Calls of each minute, the current one last.
    minutes: [u32; MINUTES],
    /// The current minute since 1970.
    minute: i64,
    server: Option<ServerLimit>,
    /// No call before this moment: the API asked for a pause.
    blocked_until: i64,
    /// No call with these keys before this moment: the API does not accept them.
    keys_blocked_until: i64,
    /// A digest of the keys in use, by which a restart with others is recognised.
    keys: u64,
    last_call: i64,
    /// For answers that ask for a pause and do not say how long.
    unknown_reset: Backoff,
}

impl CallBudget {
    /// At most `limit` calls in any hour, with the keys of this digest.
    #[must_use]
    pub fn new(limit: u32, keys: u64) -> Self {
        Self {
            limit,
            minutes: [0; MINUTES],
            minute: 0,
            server: None,
            blocked_until: 0,
            keys_blocked_until: 0,
            keys,
            last_call: 0,
            unknown_reset: Backoff::new(Duration::from_secs(60), Duration::from_secs(900)),
        }
    }

    /// `Ok` when a call may be made now, else how long to wait before asking again.
    ///
    /// # Errors
    /// The wait, longer than nothing.
    pub fn admit(&mut self, now_ms: i64) -> Result<(), Duration> {
        self.advance(now_ms);
        let mut until = self.blocked_until.max(self.keys_blocked_until);
        if self.spent() >= u64::from(self.limit) {
            let oldest = self.minutes.iter().position(|&calls| calls > 0).unwrap_or(MINUTES - 1);
            until = until.max((self.minute + 1 + oldest as i64) * 60_000);
        }
        if let Some(server) = self.server.filter(|server| now_ms < server.reset_at) {
            if server.remaining == 0 {
                until = until.max(server.reset_at);
            } else if server.remaining <= server.limit / RESERVE {
                let pace = (server.reset_at - self.last_call) / (server.remaining as i64 + 1);
                until = until.max(self.last_call.saturating_add(pace));
            }
        }
        match u64::try_from(until.saturating_sub(now_ms)) {
            Err(_) | Ok(0) => Ok(()),
            Ok(wait) => Err(Duration::from_millis(wait)),
        }
    }

    /// A call is being made.
    pub fn spend(&mut self, now_ms: i64) {
        self.advance(now_ms);
        if let Some(current) = self.minutes.last_mut() {
            *current = current.saturating_add(1);
        }
        self.last_call = now_ms;
        if let Some(server) = &mut self.server {
            server.remaining = server.remaining.saturating_sub(1);
        }
    }

    /// Takes over the limits in an answer's headers.
    pub fn learn(&mut self, now_ms: i64, headers: &RateHeaders) {
        let (Some(remaining), Some(reset)) = (headers.remaining, headers.reset) else { return };
        self.server = Some(ServerLimit {
            limit: headers.limit.unwrap_or(0),
            remaining,
            reset_at: now_ms.saturating_add(reset.min(86_400) as i64 * 1000),
            period: headers.period,
        });
    }

    /// The API said 429: no call for the time it names and 1 to 10 % more; without a time for its period, else
    /// for 60 s and twice as long each further time, up to 15 min.
    pub fn rate_limited(&mut self, env: &dyn Env, reset: Option<Duration>) -> Duration {
        let period = self.server.and_then(|server| server.period).map(Duration::from_secs);
        // an hour of waiting is the longest that any known period makes sense of
        let wait = match reset.or(period) {
            Some(wait) => wait.clamp(Duration::from_secs(1), Duration::from_secs(3600)),
            None => self.unknown_reset.fail(env),
        };
        let wait = wait + wait / 100 + env.jitter(wait, 0.09);
        self.block(env.now_ms(), wait);
        wait
    }

    /// No call for `wait`.
    pub fn block(&mut self, now_ms: i64, wait: Duration) {
        let until = now_ms.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX));
        self.blocked_until = self.blocked_until.max(until);
    }

    /// The API does not accept the keys: no call with them for `wait`.
    pub fn block_keys(&mut self, now_ms: i64, wait: Duration) {
        let until = now_ms.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX));
        self.keys_blocked_until = self.keys_blocked_until.max(until);
    }

    /// Whether the API asked for a pause that is not over.
    pub fn is_paused(&self, now_ms: i64) -> bool {
        now_ms < self.blocked_until.max(self.keys_blocked_until)
    }

    /// An answer without complaint came.
    pub fn succeed(&mut self) {
        self.unknown_reset.succeed();
    }

    /// Calls that are left in this hour.
    pub fn left(&mut self, now_ms: i64) -> u64 {
        self.advance(now_ms);
        let own = u64::from(self.limit).saturating_sub(self.spent());
        self.server.filter(|server| now_ms < server.reset_at).map_or(own, |server| own.min(server.remaining))
    }

    fn spent(&self) -> u64 {
        self.minutes.iter().map(|&calls| u64::from(calls)).sum()
    }

    /// Moves the minutes on. A clock that was set back stays in the minute it knows.
    fn advance(&mut self, now_ms: i64) {
        let minute = now_ms.div_euclid(60_000);
        if self.minute > minute + MINUTES as i64 {
            // set back by more than an hour: what was spent counts from now
            self.minute = minute;
        }
        let steps = usize::try_from(minute.saturating_sub(self.minute)).unwrap_or(0);
        if steps > 0 {
            let kept = steps.min(MINUTES);
            self.minutes.rotate_left(kept % MINUTES);
            self.minutes.iter_mut().rev().take(kept).for_each(|calls| *calls = 0);
            self.minute = minute;
        }
        // a block that reaches further than any wait is of a clock that was set back since
        if self.blocked_until.saturating_sub(now_ms) > 2 * 3_600_000 {
            self.blocked_until = now_ms;
        }
    }

    /// Writes what a restart must not forget.
    pub fn save(&self, out: &mut Writer<'_>) {
        out.i64(self.minute);
        out.i64(self.blocked_until);
        self.minutes.iter().for_each(|&calls| out.u32(calls));
        out.i64(self.keys_blocked_until);
        out.u64(self.keys);
    }

    /// Takes over what was saved.
    ///
    /// # Errors
    /// [`CodecError`]; nothing is changed then.
    pub fn restore(&mut self, saved: &mut Reader<'_>) -> Result<(), CodecError> {
        let (minute, blocked_until) = (saved.i64("minute")?, saved.i64("end of a block")?);
        // up to the year 9999
        if !(0..=133_000_000_000).contains(&minute) {
            return Err(CodecError::Invalid { what: "minute" });
        }
        let mut minutes = [0; MINUTES];
        for calls in &mut minutes {
            *calls = saved.u32("calls of a minute")?;
        }
        // a file of an earlier version ends here; its pause may have been for other keys
        let blocked_until = if saved.is_empty() { 0 } else { blocked_until };
        if !saved.is_empty() {
            let (until, keys) = (saved.i64("end of the keys' block")?, saved.u64("digest of the keys")?);
            self.keys_blocked_until = if keys == self.keys { until } else { 0 };
        }
        (self.minute, self.blocked_until, self.minutes) = (minute, blocked_until, minutes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::companion::Native;

    const T0: i64 = 1_700_000_000_000;

    fn spend_all(budget: &mut CallBudget, now: i64) -> u32 {
        let mut calls = 0;
        while budget.admit(now).is_ok() && calls < 10_000 {
            budget.spend(now);
            calls += 1;
        }
        calls
    }

    #[test]
    fn no_hour_sees_more_calls_than_the_limit() {
        let mut budget = CallBudget::new(10, 1);
        let mut calls: Vec<i64> = Vec::new();
        let mut now = T0;
        while now < T0 + 5 * 3_600_000 {
            match budget.admit(now) {
                Ok(()) => {
                    budget.spend(now);
                    calls.push(now);
                    now += 7_000;
                }
                Err(wait) => now += wait.as_millis() as i64,
            }
        }
        assert!(calls.len() >= 40, "{}", calls.len());
        for (i, &start) in calls.iter().enumerate() {
            let within = calls[i..].iter().take_while(|&&call| call < start + 3_600_000).count();
            assert!(within <= 10, "{within} calls in the hour from {start}");
        }
    }

    #[test]
    fn the_last_tenth_of_the_apis_limit_is_spread_to_its_reset() {
        let mut budget = CallBudget::new(100_000, 1);
        budget.spend(T0);
        budget.learn(
            T0,
            &RateHeaders { limit: Some(100), period: Some(3600), remaining: Some(9), reset: Some(1000) },
        );
        assert_eq!(budget.admit(T0), Err(Duration::from_secs(100)));
        assert_eq!(budget.admit(T0 + 100_000), Ok(()));
        budget.learn(
            T0,
            &RateHeaders { limit: Some(100), period: Some(3600), remaining: Some(0), reset: Some(7) },
        );
        assert_eq!(budget.admit(T0), Err(Duration::from_secs(7)));
        assert_eq!(budget.admit(T0 + 7_000), Ok(()));
    }

    #[test]
    fn a_429_waits_for_its_reset_and_a_little_more() {
        let env = Native::default();
        let mut budget = CallBudget::new(100, 1);
        let wait = budget.rate_limited(&env, Some(Duration::from_secs(30)));
        assert!(wait > Duration::from_secs(30) && wait <= Duration::from_secs(33), "{wait:?}");
        assert!(budget.admit(env.now_ms()).is_err());
        let unknown: Vec<u64> = (0..6).map(|_| budget.rate_limited(&env, None).as_secs()).collect();
        assert!(unknown[0] >= 30 && unknown[0] <= 66 && unknown[5] > 450 && unknown[5] < 1000, "{unknown:?}");
    }

    #[test]
    fn a_restart_does_not_forget_what_was_spent() {
        let mut budget = CallBudget::new(5, 1);
        assert_eq!(spend_all(&mut budget, T0), 5);
        let mut bytes = Vec::new();
        budget.save(&mut Writer::new(&mut bytes));
        let mut restored = CallBudget::new(5, 1);
        restored.restore(&mut Reader::new(&bytes)).unwrap();
        assert_eq!(spend_all(&mut restored, T0 + 3_000_000), 0);
        assert_eq!(spend_all(&mut restored, T0 + 3_700_000), 5);
        assert!(restored.restore(&mut Reader::new(&bytes[..20])).is_err());
    }

    #[test]
    fn a_pause_after_refused_keys_is_kept_for_these_keys_alone() {
        let mut budget = CallBudget::new(5, 1);
        budget.block_keys(T0, Duration::from_secs(600));
        let mut bytes = Vec::new();
        budget.save(&mut Writer::new(&mut bytes));
        for (keys, is_free) in [(1, false), (2, true)] {
            let mut restored = CallBudget::new(5, keys);
            restored.restore(&mut Reader::new(&bytes)).unwrap();
            assert_eq!(restored.admit(T0 + 1000).is_ok(), is_free, "{keys}");
        }
        // as an earlier version wrote it: its pause may have been for other keys
        let mut restored = CallBudget::new(5, 2);
        restored.restore(&mut Reader::new(&bytes[..bytes.len() - 16])).unwrap();
        assert_eq!(restored.admit(T0 + 1000), Ok(()));
    }

    #[test]
    fn a_clock_set_back_gives_no_extra_calls_and_no_endless_block() {
        let mut budget = CallBudget::new(5, 1);
        budget.block(T0, Duration::from_secs(60));
        assert!(budget.admit(T0).is_err());
        assert_eq!(budget.admit(T0 - 86_400_000), Ok(()));
        assert_eq!(spend_all(&mut budget, T0), 5);
        assert_eq!(spend_all(&mut budget, T0 - 1_000), 0);
    }
}
