//! A broker, topics, and the members under test.

use std::fs::{self, File};
use std::future::Future;
use std::net::TcpStream;
use std::path::Path;
use std::pin::pin;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tempfile::TempDir;

use crate::cluster::Server;
use crate::common::hosts;
use crate::common::program::{Running, free_port};

const PROGRAM: &str = env!("CARGO_BIN_EXE_fluent-anomaly");
/// The first message is as old as this, ms.
pub(crate) const START_MS: i64 = 1_710_000_000_000;
const ANSWER: Duration = Duration::from_secs(30);

/// A broker for one test.
pub(crate) struct Broker {
    pub(crate) address: String,
    process: Option<Child>,
    /// The one that the tests have themselves.
    pub(crate) server: Option<Arc<Server>>,
    pub(crate) folder: TempDir,
    /// Goes into the names of topics and groups: a broker that was there before has others.
    run: String,
}

impl Broker {
    /// The one that `KAFKA` names, a new one of the executable that `TANSU` names, or the one of the tests.
    pub(crate) fn start() -> Self {
        let (folder, run) = (tempfile::tempdir().unwrap(), Self::run());
        if let Some(address) = named("KAFKA") {
            return Self { address, process: None, server: None, folder, run };
        }
        let Some(program) = named("TANSU") else { return Self::own() };
        let port = free_port();
        let address = format!("127.0.0.1:{port}");
        let url = format!("tcp://{address}");
        let process = Command::new(program)
            .args(["broker", "--listener-url", &url, "--advertised-listener-url", &url])
            .args(["--storage-engine", "memory://tansu/"])
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(File::create(folder.path().join("broker.stderr")).unwrap())
            .spawn()
            .unwrap();
        let broker = Self { address, process: Some(process), server: None, folder, run };
        let until = Instant::now() + ANSWER;
        while TcpStream::connect(&broker.address).is_err() {
            assert!(Instant::now() < until, "the broker does not listen");
            thread::sleep(Duration::from_millis(50));
        }
        broker
    }

    /// The one of the tests, whatever the environment names: no other one fails when it is told to.
    pub(crate) fn own() -> Self {
        let other = named("KAFKA").or_else(|| named("TANSU"));
        if let Some(other) = other {
            hosts::skip(
                "OTHER",
                &format!("on {other}, which cannot be told to fail: on the broker of the tests instead"),
            );
        }
        let server = Server::start();
        let address = server.address().to_owned();
        let (folder, run) = (tempfile::tempdir().unwrap(), Self::run());
        Self { address, process: None, server: Some(server), folder, run }
    }

    /// Tells brokers and their topics apart.
    fn run() -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        format!("{}-{}", std::process::id(), NUMBER.fetch_add(1, Relaxed))
    }

    /// What only the one of the tests does.
    pub(crate) fn server(&self) -> &Server {
        self.server.as_deref().expect("the broker of the tests")
    }

    /// One that is there.
    pub(crate) fn at(address: String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { address, process: None, server: None, folder, run: "mock".to_owned() }
    }

    /// Whether groups whose members come and go for minutes are still given their partitions, and what is too large for a topic
    /// is refused: not by the wheel's broker, on which the test is noted as skipped.
    pub(crate) fn holds_out(&self) -> bool {
        if self.process.is_some() {
            hosts::skip(
                "TANSU",
                "the broker of the wheel takes records of any size, and stops to assign partitions",
            );
        }
        self.process.is_none()
    }

    /// A name of this run.
    pub(crate) fn name(&self, name: &str) -> String {
        format!("{name}-{}", self.run)
    }

    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.address);
        config
    }

    pub(crate) fn create_topic(&self, topic: &str, partitions: i32) {
        self.create_topic_that_takes(topic, partitions, 16 << 20);
    }

    /// One that takes batches of so many bytes.
    pub(crate) fn create_topic_that_takes(&self, topic: &str, partitions: i32, bytes: usize) {
        let admin: AdminClient<DefaultClientContext> = self.client().create().unwrap();
        let bytes = bytes.to_string();
        let new =
            NewTopic::new(topic, partitions, TopicReplication::Fixed(1)).set("max.message.bytes", &bytes);
        let made = wait_for(admin.create_topics([&new], &AdminOptions::new())).unwrap();
        assert!(made.iter().all(Result::is_ok), "{made:?}");
        let consumer: BaseConsumer = self.client().create().unwrap();
        let until = Instant::now() + ANSWER;
        let is_there = || {
            let metadata = consumer.fetch_metadata(Some(topic), ANSWER).unwrap();
            metadata.topics().iter().any(|found| found.partitions().len() == partitions as usize)
        };
        while !is_there() {
            assert!(Instant::now() < until, "topic {topic} does not appear");
            thread::sleep(Duration::from_millis(50));
        }
    }

    pub(crate) fn writer(&self) -> Writer {
        let mut config = self.client();
        config
            .set("linger.ms", "2")
            .set("message.max.bytes", "33554432")
            .set("reconnect.backoff.max.ms", "500");
        Writer { producer: config.create().unwrap() }
    }

    /// All messages that a reader of committed records sees, by partition.
    pub(crate) fn read(&self, topic: &str, partitions: i32) -> Vec<Vec<Seen>> {
        let mut config = self.client();
        config
            .set("group.id", self.name("reader"))
            .set("enable.auto.commit", "false")
            .set("isolation.level", "read_committed")
            .set("enable.partition.eof", "true")
            .set("fetch.message.max.bytes", "8388608")
            .set("auto.offset.reset", "earliest");
        let consumer: BaseConsumer = config.create().unwrap();
        let mut list = TopicPartitionList::new();
        for partition in 0..partitions {
            list.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
        }
        consumer.assign(&list).unwrap();
        let mut seen = vec![Vec::new(); partitions as usize];
        let mut left = partitions;
        let until = Instant::now() + 4 * ANSWER;
        while left > 0 {
            assert!(Instant::now() < until, "{topic} cannot be read to its end");
            match consumer.poll(Duration::from_millis(200)) {
                Some(Ok(message)) => seen[message.partition() as usize].push(Seen::of(&message)),
                Some(Err(KafkaError::PartitionEOF(_))) => left -= 1,
                Some(Err(error)) => panic!("{error}"),
                None => {}
            }
        }
        seen
    }

    /// Whether a reader of committed records is spared those of an aborted transaction.
    fn hides_aborted(&self) -> bool {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        // the mock cluster shows all
        if self.run == "mock" {
            return false;
        }
        let topic = self.name(&format!("aborted-{}", NUMBER.fetch_add(1, Relaxed)));
        self.create_topic(&topic, 1);
        let mut config = self.client();
        config.set("transactional.id", &topic);
        let producer: BaseProducer = config.create().unwrap();
        producer.init_transactions(ANSWER).unwrap();
        producer.begin_transaction().unwrap();
        producer
            .send(BaseRecord::<'_, str, str>::to(&topic).payload("aborted").key("a").partition(0))
            .unwrap();
        producer.flush(ANSWER).unwrap();
        producer.abort_transaction(ANSWER).unwrap();
        self.read(&topic, 1)[0].is_empty()
    }

    /// Waits until so many records have left.
    #[track_caller]
    pub(crate) fn wait_written(&self, to: &str, partitions: i32, count: usize) {
        let until = Instant::now() + 4 * ANSWER;
        while self.read(to, partitions).iter().map(Vec::len).sum::<usize>() < count {
            assert!(Instant::now() < until, "{count} records do not leave\n{}", self.logs());
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// The offset that a group has committed of each partition, and its metadata.
    pub(crate) fn committed(&self, group: &str, topic: &str, partitions: i32) -> Vec<(i64, String)> {
        let mut config = self.client();
        config.set("group.id", group);
        let consumer: BaseConsumer = config.create().unwrap();
        let mut list = TopicPartitionList::new();
        for partition in 0..partitions {
            list.add_partition(topic, partition);
        }
        let committed = consumer.committed_offsets(list, ANSWER).unwrap();
        let of = |offset| if let Offset::Offset(offset) = offset { offset } else { 0 };
        committed.elements().iter().map(|one| (of(one.offset()), one.metadata().to_owned())).collect()
    }

    /// Waits until a group has committed so many offsets of a topic.
    #[track_caller]
    pub(crate) fn wait_committed(&self, group: &str, topic: &str, partitions: i32, count: i64) {
        let until = Instant::now() + 4 * ANSWER;
        loop {
            let committed = self.committed(group, topic, partitions);
            if committed.iter().map(|(offset, _)| offset).sum::<i64>() >= count {
                return;
            }
            assert!(
                Instant::now() < until,
                "{count} records are not committed: {committed:?}\n{}",
                self.logs()
            );
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Starts a member; its log stands in `<name>.stderr` of the folder. Its own name is what stands before a `.`: one that
    /// was killed comes back under its name, as the broker of the tests never ends a transaction by itself.
    pub(crate) fn member(&self, config: &str, name: &str) -> Running {
        self.member_with(config, name, &[])
    }

    pub(crate) fn member_with(&self, config: &str, name: &str, variables: &[(&str, &str)]) -> Running {
        let file = format!("{name}.ini");
        fs::write(self.folder.path().join(&file), config).unwrap();
        let instance = name.split('.').next().unwrap();
        let args = ["stream", "-c", &file, "--brokers", &self.address, "--instance", instance];
        Running::start_with(Path::new(PROGRAM), &args, variables, self.folder.path(), name)
    }

    /// What the members have said.
    pub(crate) fn logs(&self) -> String {
        let mut text = String::new();
        for entry in fs::read_dir(self.folder.path()).unwrap().flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|extension| extension == "stderr")
                && !path.ends_with("broker.stderr")
            {
                text += &format!("--- {}\n{}", path.display(), fs::read_to_string(&path).unwrap_or_default());
            }
        }
        text
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            server.go_away();
        }
        if let Some(process) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// What a variable of the environment says.
fn named(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|value| !value.is_empty())
}

/// A message as a reader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Vec<(String, Option<Vec<u8>>)>,
    pub(crate) time_ms: Option<i64>,
}

impl Seen {
    fn of(message: &impl Message) -> Self {
        let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
        Self {
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            headers: headers.map(|one| (one.key.to_owned(), one.value.map(<[u8]>::to_vec))).collect(),
            time_ms: message.timestamp().to_millis(),
        }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(self.value.as_deref().unwrap_or_default()).into_owned()
    }
}

/// Writes input.
pub(crate) struct Writer {
    producer: BaseProducer,
}

impl Writer {
    pub(crate) fn send(
        &self,
        topic: &str,
        partition: i32,
        key: Option<&str>,
        value: Option<&[u8]>,
        time_ms: i64,
    ) {
        let header = Header { key: "trace", value: Some("a1") };
        let mut record: BaseRecord<'_, str, [u8]> = BaseRecord::to(topic)
            .partition(partition)
            .timestamp(time_ms)
            .headers(OwnedHeaders::new().insert(header));
        record.key = key;
        record.payload = value;
        self.hand_over(record);
    }

    /// The same without headers.
    pub(crate) fn send_plain(&self, topic: &str, partition: i32, key: &str, value: &[u8], time_ms: i64) {
        self.hand_over(BaseRecord::to(topic).partition(partition).timestamp(time_ms).key(key).payload(value));
    }

    fn hand_over(&self, mut record: BaseRecord<'_, str, [u8]>) {
        loop {
            match self.producer.send(record) {
                Ok(()) => return,
                Err((_, back)) => {
                    record = back;
                    self.producer.poll(Duration::from_millis(10));
                }
            }
        }
    }

    /// Records `numbers` of a topic: the key is the series, and a series lives in one partition.
    pub(crate) fn records(&self, topic: &str, partitions: i32, numbers: std::ops::Range<i64>) {
        for n in numbers {
            let series = n % i64::from(partitions * 3);
            let value =
                format!("{{\"s\":\"s{series}\",\"v\":{},\"n\":{n}}}", n.wrapping_mul(n) * 7919 % 1000);
            let partition = (series % i64::from(partitions)) as i32;
            let key = format!("s{series}");
            self.send(topic, partition, Some(&key), Some(value.as_bytes()), START_MS + n * 1000);
        }
        self.flush();
    }

    pub(crate) fn flush(&self) {
        self.producer.flush(2 * ANSWER).unwrap();
    }
}

/// What `filter` makes of the same records, one partition at a time.
pub(crate) fn filtered(broker: &Broker, sections: &str, records: &[Seen]) -> Vec<String> {
    let folder = tempfile::tempdir_in(broker.folder.path()).unwrap();
    fs::write(folder.path().join("f.ini"), format!("[filter]\nstate: off\n{sections}")).unwrap();
    let input: String = records.iter().map(|record| record.text() + "\n").collect();
    fs::write(folder.path().join("input"), input).unwrap();
    let output = Command::new(PROGRAM)
        .args(["filter", "-c", "f.ini", "--tag", "x"])
        .current_dir(folder.path())
        .stdin(File::open(folder.path().join("input")).unwrap())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// Each record of the input left once, with the scores of a run that nothing disturbed. How many there are.
///
/// A broker that shows a `read_committed` reader what was never committed cannot show that records leave once: there
/// repeats with the very bytes of the record are left out, and their number is told.
#[track_caller]
pub(crate) fn assert_exactly_once(
    broker: &Broker,
    sections: &str,
    from: &str,
    to: &str,
    partitions: i32,
) -> usize {
    let (input, output) = (broker.read(from, partitions), broker.read(to, partitions));
    let hides_aborted = broker.hides_aborted();
    let mut repeats = 0;
    for (partition, (input, output)) in input.iter().zip(&output).enumerate() {
        let expected = filtered(broker, sections, input);
        let mut next = 0;
        for found in output.iter().map(Seen::text) {
            if expected.get(next) == Some(&found) {
                next += 1;
            } else if !hides_aborted && expected[..next].contains(&found) {
                repeats += 1;
            } else {
                let wanted = expected.get(next).map_or("nothing more", String::as_str);
                panic!(
                    "partition {partition}, record {next}\n found {found}\nwanted {wanted}\n{}",
                    broker.logs()
                );
            }
        }
        assert_eq!(next, expected.len(), "records of partition {partition} are missing\n{}", broker.logs());
    }
    if repeats > 0 {
        println!(
            "{repeats} records of transactions that were never committed are shown by this broker, and left out"
        );
    }
    input.iter().map(Vec::len).sum()
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn wait_for<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park_timeout(Duration::from_secs(1)),
        }
    }
}
