//! Accepts clients: a thread each, up to a bound.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use thiserror::Error;

use super::connection::{Activity, ClientEvent, Connection, ConnectionError, TakeChunk};
use super::frame_memory::FrameMemory;
use super::settings::{ListenAddress, ServerSettings};
use super::stream;

/// What a client's thread may need at most; pages that it does not touch cost nothing.
const STACK: usize = 512 << 10;
/// How long a new client waits for the place of one that is let go.
const PLACE: Duration = Duration::from_secs(1);

/// Why clients cannot connect.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ListenError {
    /// The address is taken, not of this machine, or not allowed.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: ListenAddress,
        /// What the system says.
        source: io::Error,
    },
    /// An address with TLS, and no certificate.
    #[error("cannot listen on {address}: tls_cert_file and tls_key_file in [serve] are needed")]
    NoCertificate {
        /// The address.
        address: ListenAddress,
    },
}

/// A client that is connected.
#[derive(Debug)]
struct Client {
    socket: Arc<TcpStream>,
    /// In the middle of a message, or waiting for its ack.
    busy: AtomicBool,
    /// Milliseconds from the start of the listener to the last change of that.
    since_ms: AtomicU64,
    start: Instant,
}

impl Activity for Client {
    fn busy(&self, is_busy: bool) {
        self.busy.store(is_busy, Relaxed);
        self.since_ms.store(self.start.elapsed().as_millis() as u64, Relaxed);
    }
}

struct Shared {
    settings: ServerSettings,
    taker: Arc<dyn TakeChunk>,
    memory: Arc<FrameMemory>,
    clients: Mutex<HashMap<u64, Arc<Client>>>,
    stopping: AtomicBool,
    next: AtomicU64,
    start: Instant,
}

impl Shared {
    fn clients(&self) -> MutexGuard<'_, HashMap<u64, Arc<Client>>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes room for one more client: the one that has said nothing for longest goes. False when all are busy.
    fn make_room(&self) -> bool {
        let deadline = Instant::now() + PLACE;
        let mut asked = false;
        loop {
            let clients = self.clients();
            if clients.len() < self.settings.max_connections {
                return true;
            }
            if !asked {
                let idle = clients.iter().filter(|(_, client)| !client.busy.load(Relaxed));
                let oldest = idle.min_by_key(|(number, client)| (client.since_ms.load(Relaxed), **number));
                let Some((_, oldest)) = oldest else { return false };
                // its thread sees the end of the stream and leaves
                let _ = oldest.socket.shutdown(Shutdown::Both);
                asked = true;
            }
            drop(clients);
            if Instant::now() > deadline {
                return false;
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// A client's place among all; given back however its thread ends.
struct Place<'a> {
    shared: &'a Shared,
    number: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.shared.clients().remove(&self.number);
        self.shared.taker.tell(&ClientEvent::Closed);
    }
}

/// Serves clients until it is stopped.
pub struct Listener {
    shared: Arc<Shared>,
    addresses: Vec<ListenAddress>,
    /// One for each address.
    accepting: Vec<JoinHandle<()>>,
}

impl core::fmt::Debug for Listener {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Listener").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

impl Listener {
    /// Begins to accept clients; what they send goes to `taker`.
    ///
    /// # Errors
    /// [`ListenError`].
    pub fn start(
        addresses: &[ListenAddress],
        settings: ServerSettings,
        taker: Arc<dyn TakeChunk>,
    ) -> Result<Self, ListenError> {
        let shared = Arc::new(Shared {
            memory: FrameMemory::new(settings.frame_memory),
            settings,
            taker,
            clients: Mutex::default(),
            stopping: AtomicBool::new(false),
            next: AtomicU64::new(0),
            start: Instant::now(),
        });
        let (mut found, mut accepting) = (Vec::new(), Vec::new());
        for &address in addresses {
            let failed = |source| ListenError::Listen { address, source };
            let tls = shared.settings.tls.clone().filter(|_| address.tls);
            if address.tls && tls.is_none() {
                return Err(ListenError::NoCertificate { address });
            }
            let listener = TcpListener::bind(address.address).map_err(failed)?;
            found.push(ListenAddress { address: listener.local_addr().map_err(failed)?, ..address });
            let shared = shared.clone();
            let work = move || accept(&listener, tls.is_some(), &shared);
            accepting.push(thread::Builder::new().name("accept".into()).spawn(work).map_err(failed)?);
        }
        Ok(Self { shared, addresses: found, accepting })
    }

    /// Where clients connect; port 0 is replaced by the one that was found.
    #[must_use]
    pub fn addresses(&self) -> &[ListenAddress] {
        &self.addresses
    }

    /// Whether clients are taken at every address; false after a stop, or where a thread has failed.
    #[must_use]
    pub fn is_accepting(&self) -> bool {
        !self.accepting.iter().any(JoinHandle::is_finished)
    }

    /// Clients that are connected.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.shared.clients().len()
    }

    /// Takes no more clients and no more messages. Messages that are whole are still taken and acknowledged.
    pub fn stop(&self) {
        self.shared.stopping.store(true, Relaxed);
        for address in &self.addresses {
            // wakes the thread that accepts
            let mut own = address.address;
            if own.ip().is_unspecified() {
                own.set_ip(if own.is_ipv4() {
                    Ipv4Addr::LOCALHOST.into()
                } else {
                    Ipv6Addr::LOCALHOST.into()
                });
            }
            let _ = TcpStream::connect_timeout(&own, Duration::from_millis(200));
        }
        for client in self.shared.clients().values() {
            let _ = client.socket.shutdown(Shutdown::Read);
        }
    }

    /// Waits until all clients have their acks and are gone; false when they are not in time.
    #[must_use]
    pub fn wait(&self, deadline: Instant) -> bool {
        loop {
            if self.clients() == 0 {
                return true;
            }
            if Instant::now() > deadline {
                return false;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

fn accept(listener: &TcpListener, tls: bool, shared: &Arc<Shared>) {
    loop {
        let accepted = listener.accept();
        if shared.stopping.load(Relaxed) {
            return;
        }
        let Ok((socket, client)) = accepted else {
            // out of descriptors: no busy loop until some are free
            thread::sleep(Duration::from_millis(100));
            continue;
        };
        let refuse = |reason: String| shared.taker.tell(&ClientEvent::Refused { client, reason });
        if !shared.make_room() {
            refuse(format!(
                "{} clients are connected, more are not allowed (max_connections)",
                shared.settings.max_connections
            ));
            continue;
        }
        let number = shared.next.fetch_add(1, Relaxed);
        let entry = Arc::new(Client {
            socket: Arc::new(socket),
            // until its handshake is over
            busy: AtomicBool::new(false),
            since_ms: AtomicU64::new(shared.start.elapsed().as_millis() as u64),
            start: shared.start,
        });
        shared.clients().insert(number, entry.clone());
        let own = shared.clone();
        let work = move || {
            own.taker.tell(&ClientEvent::Opened);
            let place = Place { shared: &own, number };
            let ended = serve(&own, number, client, &entry, tls);
            drop(place);
            match ended {
                Ok(()) | Err(ConnectionError::Idle) => {}
                // a client may leave at any time
                Err(ConnectionError::Broken { .. }) if own.stopping.load(Relaxed) => {}
                Err(error) => {
                    own.taker.tell(&ClientEvent::Refused { client, reason: error.to_string() });
                }
            }
        };
        if let Err(error) = thread::Builder::new().name("client".into()).stack_size(STACK).spawn(work) {
            shared.clients().remove(&number);
            refuse(format!("no thread: {error}"));
        }
    }
}

fn serve(
    shared: &Shared,
    number: u64,
    client: SocketAddr,
    entry: &Client,
    tls: bool,
) -> Result<(), ConnectionError> {
    let settings = &shared.settings;
    let deadline = Instant::now() + settings.answer_timeout;
    let tls = settings.tls.as_ref().filter(|_| tls);
    let stream = stream::accept(entry.socket.clone(), tls, deadline)
        .map_err(|error| ConnectionError::Broken { what: "TLS handshake", error })?;
    let mut connection = Connection {
        number,
        client,
        stream,
        settings,
        taker: &*shared.taker,
        activity: entry,
        memory: &shared.memory,
        socket: &entry.socket,
        buffer: Vec::new(),
    };
    if let Some(security) = &settings.security {
        connection.shake_hands(security)?;
        entry.busy(false);
    }
    connection.serve()
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::IpAddr;

    use super::super::{Arrival, HeldMemory, IncomingChunk};
    use super::*;

    /// Fails at each chunk, as a fault in the reading of one would.
    #[derive(Default)]
    struct Failing {
        closed: AtomicU64,
    }

    impl TakeChunk for Failing {
        fn take(&self, _: u64, _: IpAddr, _: IncomingChunk, _: HeldMemory) -> Arrival {
            panic!("a fault of the test");
        }

        fn tell(&self, event: &ClientEvent) {
            self.closed.fetch_add(u64::from(*event == ClientEvent::Closed), Relaxed);
        }
    }

    #[test]
    fn a_client_whose_thread_fails_gives_its_place_back() {
        let taker = Arc::new(Failing::default());
        let address = ListenAddress::parse("tcp://127.0.0.1:0").unwrap();
        let settings = ServerSettings { max_connections: 1, ..ServerSettings::default() };
        let listener = Listener::start(&[address], settings, taker.clone()).unwrap();
        for _ in 0..3 {
            let mut client = TcpStream::connect(listener.addresses()[0].address).unwrap();
            client.write_all(b"\x93\xa1t\x01\x80").unwrap();
            // closed without an ack
            assert_eq!(client.read(&mut [0]).unwrap_or_default(), 0);
            let deadline = Instant::now() + Duration::from_secs(20);
            while listener.clients() > 0 {
                assert!(Instant::now() < deadline, "its place is given back");
                thread::sleep(Duration::from_millis(5));
            }
        }
        assert_eq!(taker.closed.load(Relaxed), 3);
        listener.stop();
    }
}
