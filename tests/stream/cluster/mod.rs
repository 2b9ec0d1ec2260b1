//! A cluster of one broker for the tests: topics in memory, groups, and transactions whose aborted records no reader of
//! committed records sees. It speaks the calls that librdkafka makes, each in one version, and keeps to Kafka's rules where
//! exactly-once rests on them: epochs and sequences of producers, markers and stable offsets, offsets that wait for the end of
//! their transaction, generations of groups. It writes nothing to disk.

mod calls;
mod group;
mod log;
mod transactions;
mod wire;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use group::Group;
use log::Log;
use transactions::Transaction;
use wire::{Reader, Writer};

/// How often it looks for members and transactions whose time is over.
const TICK: Duration = Duration::from_millis(50);

/// Errors of the protocol, by its names.
mod error {
    pub(super) const NONE: i16 = 0;
    pub(super) const OFFSET_OUT_OF_RANGE: i16 = 1;
    pub(super) const UNKNOWN_TOPIC_OR_PARTITION: i16 = 3;
    pub(super) const MESSAGE_TOO_LARGE: i16 = 10;
    pub(super) const ILLEGAL_GENERATION: i16 = 22;
    pub(super) const UNKNOWN_MEMBER_ID: i16 = 25;
    pub(super) const REBALANCE_IN_PROGRESS: i16 = 27;
    pub(super) const UNSUPPORTED_VERSION: i16 = 35;
    pub(super) const TOPIC_ALREADY_EXISTS: i16 = 36;
    pub(super) const OUT_OF_ORDER_SEQUENCE: i16 = 45;
    pub(super) const INVALID_PRODUCER_EPOCH: i16 = 47;
    pub(super) const INVALID_TXN_STATE: i16 = 48;
    pub(super) const INVALID_PRODUCER_ID_MAPPING: i16 = 49;
    pub(super) const UNSTABLE_OFFSET_COMMIT: i16 = 88;
    pub(super) const PRODUCER_FENCED: i16 = 90;
}

/// What the cluster did.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) committed: u64,
    pub(crate) aborted: u64,
    pub(crate) requests: u64,
}

struct Topic {
    partitions: Vec<Log>,
    most_bytes: usize,
}

#[derive(Default)]
struct Cluster {
    topics: BTreeMap<String, Topic>,
    groups: BTreeMap<String, Group>,
    transactions: BTreeMap<String, Transaction>,
    producers: i64,
    members: u64,
    /// Nobody is given anything of this topic.
    held: Option<String>,
    counts: Counts,
}

impl Cluster {
    fn log(&mut self, topic: &str, partition: i32) -> Option<&mut Log> {
        self.topics.get_mut(topic)?.partitions.get_mut(usize::try_from(partition).ok()?)
    }
}

/// The broker: a thread for each connection, which has one request at a time, as a broker of Kafka does it.
pub(crate) struct Server {
    address: String,
    cluster: Mutex<Cluster>,
    changed: Condvar,
    connections: Mutex<Vec<TcpStream>>,
    is_away: AtomicBool,
    loses_ends: AtomicBool,
}

impl Server {
    pub(crate) fn start() -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Arc::new(Self {
            address: listener.local_addr().unwrap().to_string(),
            cluster: Mutex::default(),
            changed: Condvar::new(),
            connections: Mutex::default(),
            is_away: AtomicBool::new(false),
            loses_ends: AtomicBool::new(false),
        });
        let listening = server.clone();
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                if listening.is_away.load(Relaxed) {
                    continue;
                }
                connection.set_nodelay(true).unwrap();
                listening.connections.lock().unwrap().push(connection.try_clone().unwrap());
                let server = listening.clone();
                thread::spawn(move || server.serve(connection));
            }
        });
        let ticking = Arc::downgrade(&server);
        thread::spawn(move || {
            while let Some(server) = ticking.upgrade() {
                server.tick();
                drop(server);
                thread::sleep(TICK);
            }
        });
        server
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn counts(&self) -> Counts {
        self.cluster().counts
    }

    /// The broker goes away, in the middle of whatever its clients are doing; what it has stays.
    pub(crate) fn go_away(&self) {
        self.is_away.store(true, Relaxed);
        for connection in self.connections.lock().unwrap().drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    pub(crate) fn come_back(&self) {
        self.is_away.store(false, Relaxed);
    }

    /// Whoever asks for the end of a transaction loses its connection, and the transaction stays open.
    pub(crate) fn lose_ends(&self, is_lost: bool) {
        self.loses_ends.store(is_lost, Relaxed);
    }

    /// Waits until a group has so many members, and all of them their partitions.
    pub(crate) fn wait_for_members(&self, group: &str, count: usize) {
        let is_whole = |cluster: &mut Cluster| {
            let group = cluster.groups.get(group)?;
            (group.members.len() == count && group.state == group::State::Stable).then_some(())
        };
        self.wait(Duration::from_secs(60), is_whole).expect("all members join");
    }

    /// Whether some partition holds records of a transaction that is open.
    pub(crate) fn has_open_transaction(&self, topic: &str) -> bool {
        self.cluster().topics[topic].partitions.iter().any(|log| log.stable() < log.end())
    }

    /// A topic gets more partitions.
    pub(crate) fn extend(&self, topic: &str, partitions: usize) {
        self.cluster().topics.get_mut(topic).unwrap().partitions.resize_with(partitions, Log::default);
    }

    /// Keeps a topic back from all readers until it is let go with `None`.
    pub(crate) fn hold(&self, topic: Option<&str>) {
        self.cluster().held = topic.map(str::to_owned);
        self.changed.notify_all();
    }

    /// Input that the retention drops.
    pub(crate) fn drop_before(&self, topic: &str, partition: i32, start: i64) {
        self.cluster().log(topic, partition).unwrap().drop_before(start);
    }

    /// Writes other bytes over some in all records of a topic; how often they were there.
    pub(crate) fn overwrite(&self, topic: &str, from: &[u8], to: &[u8]) -> usize {
        let mut cluster = self.cluster();
        cluster.topics.get_mut(topic).unwrap().partitions.iter_mut().map(|log| log.overwrite(from, to)).sum()
    }

    fn cluster(&self) -> MutexGuard<'_, Cluster> {
        self.cluster.lock().unwrap()
    }

    /// Waits until `ready` gives something, or the time is over.
    fn wait<T>(&self, within: Duration, mut ready: impl FnMut(&mut Cluster) -> Option<T>) -> Option<T> {
        let mut found = None;
        let mut is_waiting = |cluster: &mut Cluster| {
            found = ready(cluster);
            found.is_none()
        };
        drop(self.changed.wait_timeout_while(self.cluster(), within, &mut is_waiting).unwrap());
        found
    }

    fn tick(&self) {
        let mut cluster = self.cluster();
        cluster.end_late_ones();
        cluster.groups.values_mut().for_each(Group::tick);
        drop(cluster);
        self.changed.notify_all();
    }

    fn serve(&self, mut connection: TcpStream) {
        let mut request = Vec::new();
        loop {
            let mut size = [0; 4];
            if connection.read_exact(&mut size).is_err() {
                return;
            }
            request.resize(u32::from_be_bytes(size) as usize, 0);
            if connection.read_exact(&mut request).is_err() || self.is_away.load(Relaxed) {
                return;
            }
            self.cluster().counts.requests += 1;
            let mut reader = Reader::new(&request);
            let (call, version, id) = (reader.i16(), reader.i16(), reader.i32());
            if call == calls::END_TXN && self.loses_ends.load(Relaxed) {
                let _ = connection.shutdown(Shutdown::Both);
                return;
            }
            let mut answer = Writer { bytes: vec![0; 4], is_flexible: false };
            answer.i32(id);
            let wants_answer = self.answer(call, version, &mut reader, &mut answer);
            let size = answer.bytes.len() as u32 - 4;
            answer.bytes[..4].copy_from_slice(&size.to_be_bytes());
            if wants_answer && connection.write_all(&answer.bytes).is_err() {
                return;
            }
        }
    }
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}
