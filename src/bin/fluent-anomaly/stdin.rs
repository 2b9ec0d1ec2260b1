//! Standard input that can be waited for together with the signals that ask to stop.

use std::io::{self, Read};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// After a signal, input that is already on its way is still taken until it pauses this long.
const LINGER: Duration = Duration::from_millis(300);
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
    stopping: std::cell::Cell<bool>,
}

impl Input {
    /// Begins to read.
    pub(crate) fn start() -> io::Result<Self> {
        let (sender, messages) = mpsc::sync_channel(WAITING);
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        let stop = sender.clone();
        thread::Builder::new().name("signals".into()).spawn(move || {
            for _ in signals.forever() {
                if stop.send(Message::Stop).is_err() {
                    break;
                }
            }
        })?;
        thread::Builder::new().name("stdin".into()).spawn(move || read(&sender))?;
        Ok(Self { messages, stopping: std::cell::Cell::new(false) })
    }

    /// Waits for the next event.
    pub(crate) fn next(&self) -> InputEvent {
        loop {
            let message = if self.stopping.get() {
                match self.messages.recv_timeout(LINGER) {
                    Ok(message) => message,
                    Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                        return InputEvent::End;
                    }
                }
            } else {
                match self.messages.recv() {
                    Ok(message) => message,
                    Err(_) => return InputEvent::End,
                }
            };
            match message {
                Message::InputEvent(event) => return event,
                Message::Stop => self.stopping.set(true),
            }
        }
    }
}

fn read(sender: &SyncSender<Message>) {
    let mut stdin = io::stdin().lock();
    let mut piece = vec![0; PIECE];
    loop {
        let event = match stdin.read(&mut piece) {
            Ok(0) => InputEvent::End,
            Ok(count) => InputEvent::Bytes(piece[..count].to_vec()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => InputEvent::Failed(error),
        };
        let last = !matches!(event, InputEvent::Bytes(_));
        if sender.send(Message::InputEvent(event)).is_err() || last {
            return;
        }
    }
}
