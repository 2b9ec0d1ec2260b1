//! Standard input that can be waited for together with the signals that ask to stop.

use std::cell::Cell;
use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use fluent_anomaly::sources::series_file;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::stdio;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// After a signal, input that is already on its way is still taken until it pauses this long and nothing is there to be read.
const LINGER: Duration = Duration::from_millis(300);
/// After a signal, input that does not pause is taken for so long.
const TAKE: Duration = Duration::from_secs(3);
/// After a signal, the process ends by then, whatever its output does.
const STOP_WITHIN: Duration = Duration::from_secs(5);
/// A piece that is being handed over arrives within this time.
const HAND_OVER: Duration = Duration::from_millis(50);
const PIECE: usize = 64 << 10;
/// Pieces that may wait: 1 MiB.
const WAITING: usize = 16;

/// What standard input has to say.
#[derive(Debug)]
pub(crate) enum InputEvent {
    /// Some bytes.
    Bytes(Vec<u8>),
    /// It is closed, or a signal asked to stop and nothing more was on its way.
    End,
    /// It cannot be read.
    Failed(io::Error),
}

enum Message {
    InputEvent(InputEvent),
    Stop,
}

/// Standard input behind a thread.
#[derive(Debug)]
pub(crate) struct Input {
    messages: Receiver<Message>,
    /// Since when a stop is asked for.
    stopping: Cell<Option<Instant>>,
    reader: Arc<Reader>,
}

/// What the thread that reads and the one that stops know of each other.
#[derive(Debug, Default)]
struct Reader {
    /// Nothing more is read.
    is_closed: AtomicBool,
    /// Bytes are taken from standard input, and may not be handed over yet.
    has_taken: AtomicBool,
}

impl Input {
    /// Begins to read.
    pub(crate) fn start() -> io::Result<Self> {
        let (sender, messages) = mpsc::sync_channel(WAITING);
        let mut signals = Signals::new(stop_signals())?;
        let stop = sender.clone();
        thread::Builder::new().name("signals".into()).spawn(move || {
            for _ in signals.forever() {
                // first of all: handing the stop over waits while the output is not read
                thread::spawn(end_at_last);
                if stop.send(Message::Stop).is_err() {
                    break;
                }
            }
        })?;
        let reader = Arc::new(Reader::default());
        let reads = Arc::clone(&reader);
        let open = {
            let reader = Arc::clone(&reader);
            move || series_file::unpacking(Stdin(reader))
        };
        thread::Builder::new().name("stdin".into()).spawn(move || read(open, &sender, &reads))?;
        Ok(Self { messages, stopping: Cell::new(None), reader })
    }

    /// Waits for the next event.
    pub(crate) fn next(&self) -> InputEvent {
        loop {
            let message = match self.stopping.get() {
                Some(since) => self.next_after_stop(since),
                None => self.messages.recv().ok(),
            };
            match message {
                Some(Message::InputEvent(event)) => return event,
                Some(Message::Stop) => {
                    let since = self.stopping.get().unwrap_or_else(Instant::now);
                    self.stopping.set(Some(since));
                }
                None => return InputEvent::End,
            }
        }
    }

    /// What is on its way behind a signal; `None` once that has paused or lasted too long, and all that was read is handed over.
    fn next_after_stop(&self, since: Instant) -> Option<Message> {
        while since.elapsed() < TAKE {
            match self.messages.recv_timeout(LINGER) {
                Ok(message) => return Some(message),
                Err(RecvTimeoutError::Disconnected) => return None,
                // no pause: a busy machine lets the reader wait
                Err(RecvTimeoutError::Timeout) if is_readable() => {}
                Err(RecvTimeoutError::Timeout) => break,
            }
        }
        self.reader.is_closed.store(true, SeqCst);
        loop {
            // asked first: what was taken until then is handed over by now
            let has_taken = self.reader.has_taken.load(SeqCst);
            match self.messages.recv_timeout(HAND_OVER) {
                Ok(message) => return Some(message),
                Err(RecvTimeoutError::Timeout) if has_taken => {}
                Err(_) => return None,
            }
        }
    }
}

/// Whether a read from standard input would not wait; at its end it would not.
fn is_readable() -> bool {
    poll(&mut [PollFd::new(&stdio::stdin(), PollFlags::IN)], Some(&Timespec::default()))
        .is_ok_and(|ready| ready > 0)
}

/// Standard input without a buffer between, so that it is known what was taken from it.
struct Stdin(Arc<Reader>);

impl Read for Stdin {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.has_taken.store(false, SeqCst);
        while poll(&mut [PollFd::new(&stdio::stdin(), PollFlags::IN)], None) == Err(Errno::INTR) {}
        self.0.has_taken.store(true, SeqCst);
        if self.0.is_closed.load(SeqCst) {
            return Ok(0);
        }
        Ok(rustix::io::read(stdio::stdin(), buffer)?)
    }
}

/// Signals that ask to stop. The terminal is closed: one of them, unless whoever started this wants it to go on (`nohup`).
fn stop_signals() -> Vec<i32> {
    let mut signals = vec![SIGINT, SIGTERM];
    if !is_ignored(SIGHUP) {
        signals.push(SIGHUP);
    }
    signals
}

/// Whether a signal is ignored since the start.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

/// Ends the process when a stop has not led to its end: its output is not read.
fn end_at_last() {
    thread::sleep(STOP_WITHIN);
    tell!(
        "fluent-anomaly: the output was not read within {} s of the signal: what was not written is lost",
        STOP_WITHIN.as_secs()
    );
    std::process::exit(1);
}

/// Hands on what is read, and how it ended, also by a panic: whoever waits for it would wait for ever.
fn read<R: Read>(open: impl FnOnce() -> io::Result<R>, sender: &SyncSender<Message>, reader: &Reader) {
    let outcome = catch_unwind(AssertUnwindSafe(|| read_to_end(open()?, sender, reader)));
    let last = match outcome {
        Ok(Ok(())) => InputEvent::End,
        Ok(Err(error)) => InputEvent::Failed(error),
        Err(_) => InputEvent::Failed(io::Error::other("the thread that reads it has failed")),
    };
    // whoever asked for it may be gone
    let _ = sender.send(Message::InputEvent(last));
    reader.has_taken.store(false, SeqCst);
}

/// Reads until there is no more, or nobody wants it.
fn read_to_end(mut stdin: impl Read, sender: &SyncSender<Message>, reader: &Reader) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        let count = match stdin.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let is_taken = sender.send(Message::InputEvent(InputEvent::Bytes(piece[..count].to_vec()))).is_ok();
        reader.has_taken.store(false, SeqCst);
        if !is_taken {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Some bytes, and then what the function does.
    struct Script(bool, fn() -> io::Result<usize>);

    impl Read for Script {
        fn read(&mut self, piece: &mut [u8]) -> io::Result<usize> {
            if std::mem::replace(&mut self.0, true) {
                return (self.1)();
            }
            piece[0] = b'x';
            Ok(1)
        }
    }

    #[test]
    fn whoever_waits_for_the_input_is_told_how_it_ended_also_by_a_panic() {
        for (end, told) in [
            ((|| Ok(0)) as fn() -> io::Result<usize>, "End"),
            (|| Err(io::Error::other("a disk")), "a disk"),
            (|| panic!("a fault of the test"), "the thread that reads it has failed"),
        ] {
            let (sender, messages) = mpsc::sync_channel(WAITING);
            let reader = Reader { has_taken: AtomicBool::new(true), ..Reader::default() };
            read(|| Ok(Script(false, end)), &sender, &reader);
            let events: Vec<String> = messages
                .try_iter()
                .map(|message| match message {
                    Message::InputEvent(event) => format!("{event:?}"),
                    Message::Stop => "stop".to_owned(),
                })
                .collect();
            assert!(events.len() == 2 && events[0] == "Bytes([120])", "{events:?}");
            assert!(events[1].contains(told), "{events:?}");
            assert!(!reader.has_taken.load(SeqCst));
        }
    }
}
