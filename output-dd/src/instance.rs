//! One `[OUTPUT]` section: hands each chunk to a thread and waits for it, for a bounded time.
//!
//! The host calls a flush on a coroutine whose stack may have 24 KiB; TLS alone needs more. So a flush copies
//! its chunk (2 MB at most), starts a thread with a stack of its own, and sleeps until the thread is done.
//! Starting a thread costs tens of microseconds a chunk, and leaves nothing behind that a fork, a reload or an
//! exit of the host could trip over.

use fluent_anomaly::sinks::datadog::{
    ChunkVerdict, NoteLevel, Shipper, ShipperSettings, ShipperSettingsError, Totals,
};
use std::ffi::CString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Requires far less; the rest is address space only.
const STACK: usize = 1024 * 1024;
/// What a flush waits beyond the settings' time-out: reading and compressing a chunk on a busy machine.
const MARGIN: Duration = Duration::from_millis(500);
/// Threads that outlived their flush, at most.
const STRAGGLERS: usize = 4;

/// A line for the host's log, ready to be handed over on a small stack.
pub(crate) type Line = (NoteLevel, CString);

/// A section that ships.
#[derive(Debug)]
pub(crate) struct Instance {
    shipper: Arc<Shipper>,
    /// Longest time of a flush.
    bound: Duration,
    stragglers: Mutex<Vec<JoinHandle<()>>>,
}

/// Where the thread leaves its result.
type HandOff = (Mutex<Option<(ChunkVerdict, Vec<Line>)>>, Condvar);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn line(level: NoteLevel, text: &str) -> Line {
    // a NUL cannot pass the border
    (level, CString::new(format!("[output:dd] {text}").replace('\0', " ")).unwrap_or_default())
}

impl Instance {
    /// Reads the section's options through `property`.
    pub(crate) fn start(
        property: impl Fn(&str) -> Option<String>,
    ) -> Result<(Self, Line), ShipperSettingsError> {
        let settings = ShipperSettings::read(property, |name| std::env::var(name).ok())?;
        let hello = line(NoteLevel::Info, &format!("points go to {}", settings.endpoint()));
        let bound = settings.longest() + MARGIN;
        let shipper = Arc::new(Shipper::new(settings));
        Ok((Self { shipper, bound, stragglers: Mutex::default() }, hello))
    }

    /// Ships a chunk; returns within the bound, whatever the network does.
    pub(crate) fn flush(&self, chunk: Vec<u8>, tag: String) -> (ChunkVerdict, Vec<Line>) {
        let mut stragglers = lock(&self.stragglers);
        stragglers.retain(|thread| !thread.is_finished());
        if stragglers.len() >= STRAGGLERS {
            return (ChunkVerdict::Retry, Vec::new());
        }
        drop(stragglers);
        let hand_off: Arc<HandOff> = Arc::default();
        let (there, shipper) = (hand_off.clone(), self.shipper.clone());
        let work = move || {
            let shipped = catch_unwind(AssertUnwindSafe(|| shipper.ship_chunk(&chunk, &tag)));
            let result = match shipped {
                Ok(outcome) => {
                    let lines = outcome.notes.iter().map(|note| line(note.level, &note.text)).collect();
                    (outcome.verdict, lines)
                }
                // given again, the chunk would fail again
                Err(_) => (
                    ChunkVerdict::Failed,
                    vec![line(NoteLevel::Error, "a chunk was dropped: internal error")],
                ),
            };
            *lock(&there.0) = Some(result);
            there.1.notify_all();
        };
        let Ok(thread) = std::thread::Builder::new().name("dd-ship".into()).stack_size(STACK).spawn(work)
        else {
            return (ChunkVerdict::Retry, Vec::new());
        };
        let waited = hand_off.1.wait_timeout_while(lock(&hand_off.0), self.bound, |result| result.is_none());
        let result = waited.unwrap_or_else(PoisonError::into_inner).0.take();
        match result {
            Some(result) => {
                // it has nothing left to do
                let _ = thread.join();
                result
            }
            None => {
                lock(&self.stragglers).push(thread);
                (ChunkVerdict::Retry, Vec::new())
            }
        }
    }

    /// Ends waits, and waits itself for every thread.
    pub(crate) fn stop(&self) -> Totals {
        self.shipper.stop();
        let stragglers = std::mem::take(&mut *lock(&self.stragglers));
        for thread in stragglers {
            let _ = thread.join();
        }
        self.shipper.totals()
    }
}
