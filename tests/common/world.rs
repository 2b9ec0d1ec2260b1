//! A scripted world: a clock that only sleeping moves, chance from a counter, and a list of all notices.

use fluent_anomaly::native::{Env, Notice, Progress, Wake};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

#[derive(Debug)]
pub struct World {
    now_ms: AtomicI64,
    start_ms: i64,
    chance: AtomicU64,
    stop: AtomicBool,
    reload: AtomicBool,
    /// Stops once the clock reaches this.
    stop_at_ms: AtomicI64,
    /// Every sleep really takes this long too, so that other threads get on.
    real_ms_a_sleep: u64,
    pub sleeps: Mutex<Vec<Duration>>,
}

impl World {
    pub fn at(seconds: i64) -> Self {
        Self {
            now_ms: (seconds * 1000).into(),
            start_ms: seconds * 1000,
            chance: 1.into(),
            stop: false.into(),
            reload: false.into(),
            stop_at_ms: i64::MAX.into(),
            real_ms_a_sleep: 1,
            sleeps: Mutex::default(),
        }
    }

    pub fn pass(&self, seconds: i64) {
        self.now_ms.fetch_add(seconds * 1000, SeqCst);
    }

    pub fn stop(&self) {
        self.stop.store(true, SeqCst);
    }

    pub fn stop_after(&self, seconds: i64) {
        self.stop_at_ms.store(self.now_ms() + seconds * 1000, SeqCst);
    }

    pub fn reload(&self) {
        self.reload.store(true, SeqCst);
    }

    pub fn seconds(&self) -> i64 {
        self.now_ms() / 1000
    }

    fn wait(&self, time: Duration, reload_wakes: bool) -> Wake {
        if reload_wakes && self.reload.load(SeqCst) && !self.stopping() {
            return Wake::Reload;
        }
        if !self.stopping() {
            self.sleeps.lock().unwrap().push(time);
            let left = self.stop_at_ms.load(SeqCst).saturating_sub(self.now_ms());
            self.now_ms.fetch_add((time.as_millis() as i64 + 1).min(left), SeqCst);
            std::thread::sleep(Duration::from_millis(self.real_ms_a_sleep));
        }
        if self.stopping() { Wake::Stop } else { Wake::Elapsed }
    }
}

impl Env for World {
    fn now_ms(&self) -> i64 {
        self.now_ms.load(SeqCst)
    }
    fn monotonic(&self) -> Duration {
        Duration::from_millis((self.now_ms() - self.start_ms) as u64)
    }
    fn sleep(&self, time: Duration) -> Wake {
        self.wait(time, false)
    }
    fn sleep_until_asked(&self, time: Duration) -> Wake {
        self.wait(time, true)
    }
    fn stopping(&self) -> bool {
        self.stop.load(SeqCst) || self.now_ms() >= self.stop_at_ms.load(SeqCst)
    }
    fn take_reload(&self) -> bool {
        self.reload.swap(false, SeqCst)
    }
    fn random(&self) -> u64 {
        // splitmix64
        let mut z = self.chance.fetch_add(0x9e37_79b9_7f4a_7c15, SeqCst);
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
}

/// Keeps all notices.
#[derive(Debug, Default)]
pub struct Notices(pub Mutex<Vec<Notice>>);

impl Progress for Notices {
    fn notice(&self, notice: &Notice) {
        self.0.lock().unwrap().push(notice.clone());
    }
}

impl Notices {
    pub fn causes(&self) -> Vec<&'static str> {
        self.0.lock().unwrap().iter().map(|notice| notice.cause().0).collect()
    }
    pub fn text(&self) -> String {
        self.0.lock().unwrap().iter().map(|notice| format!("{notice}\n{notice:?}\n")).collect()
    }
}
