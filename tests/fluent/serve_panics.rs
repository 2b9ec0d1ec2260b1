//! A thread of `serve` that fails ends it at once: with a reason, and without an ack for what has not arrived.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use fluent_anomaly::Config;
use fluent_anomaly::aggregation::{Aggregator, AggregatorSettings, OutputSettings, Stats};
use fluent_anomaly::native::{Counters, Native, Notice, Progress, StopAndReload};
use fluent_anomaly::sinks::forward::{ForwardServer, ForwardSettings};
use fluent_anomaly::sources::forward::{ListenAddress, ServerSettings};
use fluent_anomaly::state::{FolderStorage, Storage};

use super::serve::{INI, Serve, wait_until};
use crate::common::forward_server::{Act, Server};

/// Chunks are given so long for their arrival after a stop.
const DRAIN: Duration = Duration::from_secs(20);
const CHUNK: &[u8] =
    b"\x94\xa7app.web\xd7\x00\x65\x53\xf1\x00\0\0\0\0\x82\xa4host\xa1a\xa2ms\x07\x81\xa5chunk\xa1a";

/// Where a thread fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Output,
    Engine,
}

/// Is told of the next hop in the thread of the output.
struct Told(Fault);

impl Progress for Told {
    fn notice(&self, _: &Notice) {
        assert!(self.0 != Fault::Output, "a fault of the test");
    }
}

/// Runs until the thread has failed: why it ended, and what the client got.
fn run(fault: Fault, folder: &Path, to: &str) -> (String, Vec<u8>) {
    let asked = Arc::new(StopAndReload::default());
    let env = Native::new(asked.clone());
    let (counters, told) = (Counters::default(), Told(fault));
    let aggregator = Aggregator {
        env: &env,
        progress: &told,
        counters: &counters,
        stats: Arc::new(Stats::default()),
        log: Arc::new(|_| {}),
        // asked in the thread that scores
        reload: &|| panic!("a fault of the test"),
    };
    let output =
        ForwardSettings { servers: vec![ForwardServer::parse(to).unwrap()], ..ForwardSettings::default() };
    let settings = AggregatorSettings {
        listen: vec![ListenAddress::parse("tcp://127.0.0.1:0").unwrap()],
        server: ServerSettings::default(),
        output: OutputSettings::Forward(Box::new(output)),
        waiting_bytes: 1 << 20,
        drain: DRAIN,
    };
    let config = Config::parse("fluent-anomaly.ini", INI).unwrap();
    let storage: Box<dyn Storage> = Box::new(FolderStorage::open(&folder.join("state/serve")).unwrap());
    let (sender, address) = channel::<SocketAddr>();
    thread::scope(|scope| {
        let client = scope.spawn(move || {
            let mut client = TcpStream::connect(address.recv().unwrap()).unwrap();
            client.set_read_timeout(Some(crate::common::program::HANG)).unwrap();
            if fault == Fault::Engine {
                asked.reload();
            }
            let mut got = Vec::new();
            // closed without an ack, by an end or a reset
            let _ = client.write_all(CHUNK).and_then(|()| client.read_to_end(&mut got));
            // a run that has not failed ends, and the test fails
            asked.stop();
            got
        });
        let started = move |addresses: &[ListenAddress]| sender.send(addresses[0].address).unwrap();
        let error = aggregator.run(settings, &config, Some(storage), started).unwrap_err();
        (error.to_string(), client.join().unwrap())
    })
}

#[test]
fn a_thread_that_fails_ends_it_at_once_and_nothing_is_acknowledged_that_was_not_sent() {
    for (fault, what) in [
        (Fault::Output, "the thread of the output has failed"),
        (Fault::Engine, "the thread that scores has failed"),
    ] {
        // the output tells that it has lost the first connection
        let next = Server::start(vec![Act::Close]);
        let folder = tempfile::tempdir().unwrap();
        let begun = Instant::now();
        let (error, got) = run(fault, folder.path(), &next.url());
        assert!(error.contains(what) && error.contains("a fault of this program"), "{error}");
        assert!(begun.elapsed() < DRAIN, "{fault:?}: nobody is waited for");
        assert!(got.is_empty() || next.records().len() == 1, "{fault:?}: {}", got.escape_ascii());
        if fault == Fault::Output {
            assert_eq!((got.len(), next.records().len()), (0, 0));
            // the next start sends it first
            std::fs::write(folder.path().join("fluent-anomaly.ini"), INI).unwrap();
            let (_program, _) = Serve::program(folder.path(), &next.url(), "tcp");
            wait_until("it arrives", || next.messages().last().is_some_and(|message| message.acked));
        }
    }
}
