//! Clock, sleep and chance behind a trait, so that a test can script a day in a millisecond.

use core::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Why a sleep ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// The time is over.
    Elapsed,
    /// The configuration is to be read again; the request stays pending until [`Env::take_reload`].
    Reload,
    /// The program is to stop; stays true.
    Stop,
}

/// The world outside the program.
pub trait Env: Sync + fmt::Debug {
    /// Milliseconds since 1970, UTC.
    fn now_ms(&self) -> i64;
    /// Time since some fixed moment; never goes back.
    fn monotonic(&self) -> Duration;
    /// Sleeps; only a stop request wakes it early.
    fn sleep(&self, time: Duration) -> Wake;
    /// Sleeps; a stop or reload request wakes it early.
    fn sleep_until_asked(&self, time: Duration) -> Wake;
    /// True once the program is to stop.
    fn stopping(&self) -> bool;
    /// True once for each pending request to read the configuration again.
    fn take_reload(&self) -> bool;
    /// 64 random bits: chunk ids, salts, jitter.
    fn random(&self) -> u64;

    /// `share` (0..1) of `time`, times a random number in `[0, 1)`.
    fn jitter(&self, time: Duration, share: f64) -> Duration {
        let unit = (self.random() >> 11) as f64 / (1u64 << 53) as f64;
        time.mul_f64(unit * share.clamp(0.0, 1.0))
    }
}

#[derive(Debug, Default)]
struct Flags {
    stop: bool,
    reload: bool,
}

/// Requests to a running companion, from a signal thread or another thread.
#[derive(Debug, Default)]
pub struct StopAndReload {
    flags: Mutex<Flags>,
    changed: Condvar,
}

impl StopAndReload {
    /// Asks the program to finish what it is doing and stop.
    pub fn stop(&self) {
        self.lock().stop = true;
        self.changed.notify_all();
    }

    /// Asks the program to read its configuration again.
    pub fn reload(&self) {
        self.lock().reload = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Flags> {
        self.flags.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The real world.
#[derive(Debug, Clone)]
pub struct Native {
    asked: Arc<StopAndReload>,
    start: Instant,
}

impl Native {
    /// A world that listens to `asked`.
    #[must_use]
    pub fn new(asked: Arc<StopAndReload>) -> Self {
        Self { asked, start: Instant::now() }
    }

    fn wait(&self, time: Duration, reload_wakes: bool) -> Wake {
        let until = Instant::now() + time.min(Duration::from_secs(366 * 86_400));
        let mut flags = self.asked.lock();
        loop {
            if flags.stop {
                return Wake::Stop;
            }
            if reload_wakes && flags.reload {
                return Wake::Reload;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Wake::Elapsed;
            }
            flags = self.asked.changed.wait_timeout(flags, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Default for Native {
    fn default() -> Self {
        Self::new(Arc::default())
    }
}

impl Env for Native {
    fn now_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    fn sleep(&self, time: Duration) -> Wake {
        self.wait(time, false)
    }

    fn sleep_until_asked(&self, time: Duration) -> Wake {
        self.wait(time, true)
    }

    fn stopping(&self) -> bool {
        self.asked.lock().stop
    }

    fn take_reload(&self) -> bool {
        core::mem::take(&mut self.asked.lock().reload)
    }

    fn random(&self) -> u64 {
        // without a source of chance (no known Linux since 3.17) the clock still separates two chunk ids
        getrandom::u64().unwrap_or_else(|_| self.start.elapsed().as_nanos() as u64 ^ self.now_ms() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_wakes_a_long_sleep_and_stays() {
        let asked = Arc::new(StopAndReload::default());
        let env = Native::new(asked.clone());
        let other = std::thread::spawn(move || asked.stop());
        assert_eq!(env.sleep(Duration::from_secs(600)), Wake::Stop);
        assert!(env.stopping());
        assert_eq!(env.sleep(Duration::from_secs(600)), Wake::Stop);
        other.join().unwrap();
    }

    #[test]
    fn a_reload_wakes_only_the_sleep_that_listens_and_is_taken_once() {
        let asked = Arc::new(StopAndReload::default());
        let env = Native::new(asked.clone());
        asked.reload();
        assert_eq!(env.sleep(Duration::from_millis(1)), Wake::Elapsed);
        assert_eq!(env.sleep_until_asked(Duration::from_secs(600)), Wake::Reload);
        assert!(env.take_reload());
        assert!(!env.take_reload());
    }

    #[test]
    fn jitter_stays_within_its_share() {
        let env = Native::default();
        for _ in 0..1000 {
            assert!(env.jitter(Duration::from_secs(10), 0.1) < Duration::from_secs(1));
        }
    }
}
