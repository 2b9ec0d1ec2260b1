//! From the start to the end of an aggregator.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use thiserror::Error;

use super::arrivals::Arrivals;
use super::engine::{Engine, ScoredChunk, Surroundings};
use super::inbox::Inbox;
use super::output::{Output, OutputSettings, ScoredEntries};
use super::stats::Stats;
use crate::bank::{Storage, StorageError};
use crate::companion::{Counters, Env, Native, Progress, StopAndReload, Wake};
use crate::config::Config;
use crate::sink::SinkError;
use crate::sink::forward::ForwardSettingsError;
use crate::source::forward::{ListenAddress, ListenError, Listener, ServerSettings};

/// Bytes that are handed over together.
const BATCH: usize = 1 << 20;
/// Parts of scored chunks that wait for the next hop.
const SCORED: usize = 8;
/// How often the main thread looks whether records still go out.
const LOOK: Duration = Duration::from_secs(1);

/// Why an aggregator does not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AggregatorError {
    /// Clients cannot connect.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The next hop's settings are wrong.
    #[error(transparent)]
    Output(#[from] ForwardSettingsError),
    /// The state folder cannot be used.
    #[error("state: {0}")]
    State(#[from] StorageError),
    /// A thread cannot be started.
    #[error("no thread: {0}")]
    Thread(#[from] std::io::Error),
    /// Records cannot go out any more. Clients have no ack for those that have not.
    #[error("the output has ended: {0}")]
    Ended(String),
    /// A fault of this program, whose place standard error has told. Clients have no ack for what has not arrived.
    #[error("{0} has failed, which is a fault of this program: see the panic above")]
    Failed(String),
}

/// How an aggregator works.
#[derive(Debug, Clone)]
pub struct AggregatorSettings {
    /// Where clients connect.
    pub listen: Vec<ListenAddress>,
    /// What clients may do.
    pub server: ServerSettings,
    /// Where scored records go.
    pub output: OutputSettings,
    /// Bytes of chunks that wait to be scored.
    pub waiting_bytes: usize,
    /// After a stop was asked for, what was taken may take so long to arrive.
    pub drain: Duration,
}

/// What an aggregator works with.
pub struct Aggregator<'a> {
    /// Stop and reload.
    pub env: &'a dyn Env,
    /// Is told of the next hop.
    pub progress: &'a (dyn Progress + Sync),
    /// Counters of the next hop.
    pub counters: &'a Counters,
    /// Counters of everything else.
    pub stats: Arc<Stats>,
    /// Takes lines for the log.
    pub log: Arc<dyn Fn(&str) + Send + Sync>,
    /// Reads the configuration again.
    pub reload: &'a (dyn Fn() -> Result<Config, String> + Sync),
}

impl core::fmt::Debug for Aggregator<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Aggregator").finish_non_exhaustive()
    }
}

impl Aggregator<'_> {
    /// Works until a stop is asked for. `started` is told where clients connect.
    ///
    /// # Errors
    /// [`AggregatorError`], at the start.
    pub fn run(
        &self,
        settings: AggregatorSettings,
        config: &Config,
        storage: Option<Box<dyn Storage>>,
        started: impl FnOnce(&[ListenAddress]),
    ) -> Result<(), AggregatorError> {
        let log = self.log.clone();
        let inbox =
            Arc::new(Inbox::new(settings.waiting_bytes, self.stats.clone(), Box::new(move |text| log(text))));
        // the next hop is given up later than a stop is asked for
        let give_up = Arc::new(StopAndReload::default());
        let out_env = Native::new(give_up.clone());
        let output = Output::new(settings.output, &out_env, self.progress, self.counters, &*self.log)?;
        let (outbox, scored) = sync_channel(SCORED);
        let engine = Engine::open(config, storage, &inbox)?;
        let arrivals = Arrivals::default();
        let listener = Listener::start(&settings.listen, settings.server, inbox.clone())?;
        started(listener.addresses());
        let (waiting, arrivals) = (&*inbox, &arrivals);
        let (delivered, worked, is_accepting) = thread::scope(|scope| {
            let out = thread::Builder::new()
                .name("output".into())
                .spawn_scoped(scope, move || self.deliver(output, scored, waiting, arrivals))?;
            let work = thread::Builder::new().name("engine".into()).spawn_scoped(scope, move || {
                engine.work(&Surroundings {
                    inbox: waiting,
                    arrivals,
                    stats: &self.stats,
                    log: &*self.log,
                    reload: &|| self.env.take_reload().then(self.reload),
                    outbox,
                })
            })?;
            let goes_on = || !out.is_finished() && !work.is_finished() && listener.is_accepting();
            while goes_on() && self.env.sleep(LOOK) != Wake::Stop {}
            let is_accepting = listener.is_accepting();
            let deadline = Instant::now() + settings.drain;
            listener.stop();
            let _ = listener.wait(deadline);
            inbox.close();
            while !(work.is_finished() && out.is_finished()) && Instant::now() < deadline {
                thread::sleep(Duration::from_millis(5));
            }
            give_up.stop();
            Ok::<_, AggregatorError>((out.join(), work.join(), is_accepting))
        })?;
        // the last acks
        let _ = listener.wait(Instant::now() + Duration::from_secs(1));
        let failed = |what: &str| Err(AggregatorError::Failed(what.to_owned()));
        match (delivered, worked) {
            (_, Err(_)) => failed("the thread that scores"),
            (_, Ok(Err(shard))) => Err(AggregatorError::Failed(shard.to_string())),
            (Err(_), _) => failed("the thread of the output"),
            (Ok(Err(why)), _) => Err(AggregatorError::Ended(why)),
            _ if !is_accepting => failed("a thread that takes clients"),
            _ => Ok(()),
        }
    }

    /// An error says why it ended, if not because a stop was asked for. However it ends, chunks that have not arrived are
    /// refused.
    fn deliver(
        &self,
        mut output: Output<'_>,
        scored: Receiver<ScoredChunk>,
        inbox: &Inbox,
        arrivals: &Arrivals,
    ) -> Result<(), String> {
        let _end = arrivals.until_dropped();
        let mut together: Vec<ScoredChunk> = Vec::new();
        let mut ahead = None;
        while let Some(first) = ahead.take().or_else(|| scored.recv().ok()) {
            let mut bytes = first.entries.bytes();
            together.push(first);
            while bytes < BATCH
                && let Ok(next) = scored.try_recv()
            {
                if together.first().is_some_and(|first| first.entries.tag != next.entries.tag) {
                    ahead = Some(next);
                    break;
                }
                bytes += next.entries.bytes();
                together.push(next);
            }
            let tag = together.first().map(|first| first.entries.tag.clone()).unwrap_or_default();
            let entries: Vec<&ScoredEntries> = together.iter().map(|chunk| &chunk.entries).collect();
            match output.deliver(&tag, &entries) {
                Ok(()) => {}
                // what is left goes first after the next start
                Err(error @ SinkError::Stopped) => {
                    (self.log)(&error.to_string());
                    return Ok(());
                }
                Err(error) => return Err(error.to_string()),
            }
            for chunk in together.drain(..) {
                self.stats.delivered(chunk.entries.len() as u64, chunk.end.is_some());
                if let Some(end) = chunk.end {
                    inbox.arrived(end.key, end.connection, end.promise);
                    arrivals.set(chunk.number);
                }
            }
        }
        Ok(())
    }
}
