//! Several servers: failover, back-off, resend of the same chunk until it is acknowledged.

use super::connection::{Connection, ForwardError};
use super::encode::{Entries, MAX_ENTRY_BYTES};
use super::settings::{ForwardSettings, ForwardSettingsError};
use super::settle::Chunks;
use super::stream;
use crate::companion::{Backoff, Counters, DropReason, Env, Notice, Progress, Wake};
use crate::sink::{MetricRecord, RecordSink, SinkError};
use rustls::ClientConfig;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

#[derive(Debug)]
struct Peer {
    backoff: Backoff,
    /// On the monotonic clock; the server is left alone until then.
    retry_at: Duration,
}

/// Longest wait for chunks to settle once a stop was asked for; what is not settled then comes again.
const SETTLE_ON_STOP: Duration = Duration::from_secs(4);
/// The connection is looked at so often while chunks settle.
const LOOK: Duration = Duration::from_millis(100);

/// Sends records to the first server that takes them. Memory: one chunk of at most
/// [`MAX_BODY_BYTES`](super::MAX_BODY_BYTES) (one entry of [`MAX_ENTRY_BYTES`]) twice, one answer, and 16 MiB of
/// chunks that are not settled.
pub struct ForwardSink<'a> {
    settings: ForwardSettings,
    tls: Option<Arc<ClientConfig>>,
    peers: Vec<Peer>,
    open: Option<(usize, Connection)>,
    entries: Entries,
    chunks: Chunks,
    env: &'a dyn Env,
    progress: &'a dyn Progress,
    counters: &'a Counters,
}

impl core::fmt::Debug for ForwardSink<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ForwardSink")
            .field("settings", &self.settings)
            .field("peers", &self.peers)
            .finish_non_exhaustive()
    }
}

impl<'a> ForwardSink<'a> {
    /// Checks the settings; connects when there is something to send.
    ///
    /// # Errors
    /// [`ForwardSettingsError`]: no server, or an unreadable CA file.
    pub fn new(
        settings: ForwardSettings,
        env: &'a dyn Env,
        progress: &'a dyn Progress,
        counters: &'a Counters,
    ) -> Result<Self, ForwardSettingsError> {
        if settings.servers.is_empty() {
            return Err(ForwardSettingsError::NoServer);
        }
        let tls = stream::tls_config(&settings)?;
        let backoff = Backoff::new(settings.backoff_base, settings.backoff_cap);
        let peer = |_: &_| Peer { backoff: backoff.clone(), retry_at: Duration::ZERO };
        let peers = settings.servers.iter().map(peer).collect();
        let (entries, chunks) = (Entries::default(), Chunks::new(settings.settle));
        Ok(Self { settings, tls, peers, open: None, entries, chunks, env, progress, counters })
    }

    /// Sends whatever `append` appends, one entry a call, until it appends nothing; see [`RecordSink::deliver`].
    ///
    /// # Errors
    /// [`SinkError`].
    pub fn deliver_entries(
        &mut self,
        tag: &str,
        append: &mut dyn FnMut(&mut Entries),
        acknowledged: &mut dyn FnMut(usize),
    ) -> Result<(), SinkError> {
        // entries taken from `append`, and those of them that are done with
        let (mut taken, mut done) = (0usize, 0usize);
        self.entries.clear();
        loop {
            let (at, before) = (self.entries.len(), self.entries.count());
            append(&mut self.entries);
            if self.entries.count() == before {
                break;
            }
            taken += 1;
            let oversize = self.entries.len() - at > MAX_ENTRY_BYTES;
            if oversize {
                self.counters.drop_points(DropReason::TooLarge, 1);
            }
            if let Some(tail) = self.entries.overflow(at) {
                self.flush(tag)?;
                done = taken - 1;
                acknowledged(done);
                self.entries = tail;
            }
            if oversize {
                // it now stands alone: every other entry has gone with the chunk before
                self.entries.clear();
                done = taken;
                acknowledged(done);
            }
        }
        self.flush(tag)?;
        if taken > done {
            acknowledged(taken);
        }
        Ok(())
    }

    /// Packs and sends the gathered entries, if any, until they are acknowledged.
    fn flush(&mut self, tag: &str) -> Result<(), SinkError> {
        if self.entries.is_empty() {
            return Ok(());
        }
        while self.chunks.is_full() {
            self.settle(true)?;
        }
        self.chunks.push(tag, &self.entries, self.settings.gzip, self.env);
        self.entries.clear();
        self.send_all().inspect_err(|_| self.chunks.withdraw())
    }

    /// Sends what is to be sent; chunks whose connection was lost before they were settled go first.
    fn send_all(&mut self) -> Result<(), SinkError> {
        while self.chunks.next().is_some() {
            self.send_next()?;
        }
        Ok(())
    }

    /// Sends one chunk until it is acknowledged.
    fn send_next(&mut self) -> Result<(), SinkError> {
        let since = self.env.monotonic();
        let mut attempts = 0u32;
        loop {
            let index = self.choose();
            let wait = self
                .peers
                .get(index)
                .map_or(Duration::ZERO, |peer| peer.retry_at)
                .saturating_sub(self.env.monotonic());
            if self.env.stopping() || (!wait.is_zero() && self.env.sleep(wait) == Wake::Stop) {
                return Err(SinkError::Stopped);
            }
            let reused = self.open.as_ref().is_some_and(|(_, connection)| connection.proven);
            if attempts > 0 {
                self.counters.chunks_resent.fetch_add(1, Relaxed);
            }
            match self.attempt(index) {
                Ok(()) => {
                    let peer = self.peers.get_mut(index);
                    if peer.is_some_and(|peer| {
                        core::mem::replace(&mut peer.retry_at, Duration::ZERO) != Duration::ZERO
                    }) {
                        self.progress.notice(&Notice::ForwardUp { server: self.name(index) });
                    }
                    if let Some(peer) = self.peers.get_mut(index) {
                        peer.backoff.succeed();
                    }
                    return Ok(());
                }
                Err(ForwardError::Stopped) => return Err(SinkError::Stopped),
                // a kept connection may have been closed between two chunks: that is no failure of the server
                Err(ForwardError::Lost { .. }) if reused && attempts == 0 => {}
                Err(error) => {
                    let Some(peer) = self.peers.get_mut(index) else { continue };
                    let wait = peer.backoff.fail(self.env);
                    peer.retry_at = self.env.monotonic() + wait.max(Duration::from_nanos(1));
                    let reason = self.settings.scrub(&error.to_string());
                    self.progress.notice(&Notice::ForwardDown {
                        server: self.name(index),
                        reason: reason.clone(),
                        wait,
                    });
                    if self.settings.patience.is_some_and(|limit| self.env.monotonic() - since >= limit) {
                        return Err(SinkError::Unreachable {
                            reason: format!("forward server {}: {reason}", self.name(index)),
                        });
                    }
                }
            }
            attempts += 1;
        }
    }

    /// One try over the open connection, or over a new one to server `index`.
    fn attempt(&mut self, index: usize) -> Result<(), ForwardError> {
        let kept = self.open.take().filter(|(at, connection)| *at == index && connection.is_usable());
        let mut connection = match kept {
            Some((_, connection)) => connection,
            None => {
                self.lost();
                let Some(server) = self.settings.servers.get(index) else {
                    return Err(ForwardError::Stopped);
                };
                self.counters.connections.fetch_add(1, Relaxed);
                let opened = Connection::open(server, &self.settings, self.tls.as_ref(), self.env);
                let opened = opened.inspect_err(|_| self.chunks.unreachable())?;
                if self.chunks.closes_by_habit() {
                    self.progress.notice(&Notice::ForwardCloses { server: self.name(index) });
                }
                opened
            }
        };
        let Some(chunk) = self.chunks.next() else { return Ok(()) };
        self.counters.chunks_sent.fetch_add(1, Relaxed);
        connection.send(chunk, &self.settings, self.env)?;
        self.chunks.acknowledge(Instant::now());
        self.open = Some((index, connection));
        Ok(())
    }

    /// There is no connection any more over which something was acknowledged.
    fn lost(&mut self) {
        self.open = None;
        let again = self.chunks.lost();
        self.counters.chunks_resent.fetch_add(again as u64, Relaxed);
    }

    /// The server of the open connection, else the first that may be tried now, else the one to be tried soonest.
    fn choose(&self) -> usize {
        if let Some((index, _)) = &self.open {
            return *index;
        }
        let now = self.env.monotonic();
        let due = |peer: &&(usize, &Peer)| peer.1.retry_at <= now;
        let peers: Vec<(usize, &Peer)> = self.peers.iter().enumerate().collect();
        let soonest = || peers.iter().min_by_key(|(_, peer)| peer.retry_at);
        peers.iter().find(due).or_else(soonest).map_or(0, |(index, _)| *index)
    }

    fn name(&self, index: usize) -> String {
        self.settings.servers.get(index).map(ToString::to_string).unwrap_or_default()
    }
}

impl RecordSink for ForwardSink<'_> {
    fn deliver(
        &mut self,
        tag: &str,
        records: &mut dyn Iterator<Item = MetricRecord<'_>>,
        acknowledged: &mut dyn FnMut(usize),
    ) -> Result<(), SinkError> {
        let append = &mut |entries: &mut Entries| {
            if let Some(record) = records.next() {
                entries.push_metric(&record);
            }
        };
        self.deliver_entries(tag, append, acknowledged)
    }

    fn delivered(&self) -> u64 {
        self.chunks.made()
    }

    fn settle(&mut self, wait: bool) -> Result<u64, SinkError> {
        let before = self.chunks.settled();
        let mut stopping = None;
        loop {
            // a connection broke where a stop kept its chunks from being sent again
            self.send_all()?;
            let Some(due) = self.chunks.due() else { break };
            let now = Instant::now();
            let left = due.saturating_duration_since(now);
            if !wait && !left.is_zero() {
                break;
            }
            if !self.open.as_mut().is_some_and(|(_, connection)| connection.stays_open(left.min(LOOK))) {
                self.lost();
                continue;
            }
            self.chunks.settle(now);
            if self.chunks.settled() > before {
                break;
            }
            if self.env.stopping() && stopping.get_or_insert_with(Instant::now).elapsed() > SETTLE_ON_STOP {
                return Err(SinkError::Stopped);
            }
        }
        Ok(self.chunks.settled())
    }
}
