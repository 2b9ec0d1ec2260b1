//! An ack is not the end: what a server that dies behind its acks had taken is sent again.

use crate::common::forward_server::{Act, Server};
use crate::common::world::{Notices, World};
use fluent_anomaly::native::Counters;
use fluent_anomaly::sinks::forward::{ForwardServer as Address, ForwardSettings, ForwardSink};
use fluent_anomaly::sinks::{MetricRecord, RecordSink, SinkError};
use fluent_anomaly::sources::datadog::{
    QueryApi, QueryOutcome, QueryPoint, QuerySeries, QueryWindow, RateHeaders, Reply,
};
use fluent_anomaly::sources::pull::{Nulls, PullSection, PullSettings, Puller, RoundEnd};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

const SETTLE: Duration = Duration::from_millis(300);

#[derive(Default)]
struct Around {
    notices: Notices,
    counters: Counters,
}

fn settings(server: &Server, settle: Duration) -> ForwardSettings {
    ForwardSettings { servers: vec![Address::parse(&server.url()).unwrap()], settle, ..Default::default() }
}

fn deliver(sink: &mut ForwardSink<'_>, times: &[i64]) -> Result<(), SinkError> {
    let record = |&time| MetricRecord { metric: "cpu", raw_value: 1.5, scope: "*", host: None, time };
    sink.deliver("changefinder.cpu", &mut times.iter().map(record), &mut |_| {})
}

fn settle_all(sink: &mut ForwardSink<'_>) {
    while sink.settle(true).unwrap() < sink.delivered() {}
}

#[test]
fn a_connection_that_lives_on_settles_its_chunks_and_nothing_is_sent_twice() {
    let (server, world, around) = (Server::start(vec![]), World::at(1000), Around::default());
    let mut sink =
        ForwardSink::new(settings(&server, SETTLE), &world, &around.notices, &around.counters).unwrap();
    let begun = Instant::now();
    deliver(&mut sink, &[1, 2]).unwrap();
    deliver(&mut sink, &[3]).unwrap();
    assert_eq!(sink.delivered(), 2);
    // without waiting: nothing is proven yet, unless this thread was held up
    assert!(sink.settle(false).unwrap() == 0 || begun.elapsed() >= SETTLE);
    settle_all(&mut sink);
    assert!(begun.elapsed() >= SETTLE);
    deliver(&mut sink, &[4]).unwrap();
    assert_eq!((server.messages().len(), server.connections()), (3, 1));
    assert_eq!(around.counters.chunks_resent.load(Relaxed), 0);
}

#[test]
fn a_server_that_acknowledges_and_dies_gets_the_same_bytes_again_in_their_order() {
    let script = vec![Act::Ack, Act::Ack, Act::AckAndClose];
    let (server, world, around) = (Server::start(script), World::at(1000), Around::default());
    let mut sink =
        ForwardSink::new(settings(&server, SETTLE), &world, &around.notices, &around.counters).unwrap();
    for time in 1..=3 {
        deliver(&mut sink, &[time]).unwrap();
    }
    settle_all(&mut sink);
    let messages = server.messages();
    let sent: Vec<(usize, &[u8])> = messages.iter().map(|m| (m.connection, &m.bytes[..])).collect();
    assert_eq!(sent.len(), 6);
    for (first, again) in sent[..3].iter().zip(&sent[3..]) {
        assert_eq!((first.0, again.0, first.1), (1, 2, again.1));
    }
    assert_eq!((sink.delivered(), sink.settle(false)), (3, Ok(3)));
    assert_eq!(around.counters.chunks_resent.load(Relaxed), 3);
}

#[test]
fn what_is_not_settled_goes_again_before_anything_new() {
    let script = vec![Act::Ack, Act::AckAndClose];
    let (server, world, around) = (Server::start(script), World::at(1000), Around::default());
    let mut sink =
        ForwardSink::new(settings(&server, SETTLE), &world, &around.notices, &around.counters).unwrap();
    for time in 1..=3 {
        deliver(&mut sink, &[time]).unwrap();
        std::thread::sleep(Duration::from_millis(20));
    }
    let times: Vec<u32> = server.messages().iter().map(|message| message.entries[0].0.0).collect();
    assert_eq!(times, [1, 2, 1, 2, 3]);
}

#[test]
fn a_settled_chunk_is_not_sent_again_when_the_server_dies_later() {
    let script = vec![Act::Ack, Act::AckAndClose];
    let (server, world, around) = (Server::start(script), World::at(1000), Around::default());
    let mut sink =
        ForwardSink::new(settings(&server, SETTLE), &world, &around.notices, &around.counters).unwrap();
    deliver(&mut sink, &[1]).unwrap();
    settle_all(&mut sink);
    deliver(&mut sink, &[2]).unwrap();
    settle_all(&mut sink);
    let times: Vec<u32> = server.messages().iter().map(|message| message.entries[0].0.0).collect();
    assert_eq!(times, [1, 2, 2]);
}

#[test]
fn with_zero_an_ack_is_enough() {
    let script = vec![Act::AckAndClose];
    let (server, world, around) = (Server::start(script), World::at(1000), Around::default());
    let mut sink =
        ForwardSink::new(settings(&server, Duration::ZERO), &world, &around.notices, &around.counters)
            .unwrap();
    for time in 1..=2 {
        deliver(&mut sink, &[time]).unwrap();
        assert_eq!(sink.settle(false), Ok(time as u64));
    }
    assert_eq!(server.messages().len(), 2);
}

#[test]
fn a_server_that_closes_behind_each_ack_is_recognised_and_told() {
    let script = vec![Act::AckAndClose; 100];
    let (server, world, around) = (Server::start(script), World::at(1000), Around::default());
    let mut sink =
        ForwardSink::new(settings(&server, SETTLE), &world, &around.notices, &around.counters).unwrap();
    for time in 1..=5 {
        deliver(&mut sink, &[time]).unwrap();
        settle_all(&mut sink);
    }
    assert!(server.messages().len() <= 8, "{}", server.messages().len());
    assert_eq!(around.notices.causes().iter().filter(|cause| **cause == "forward_closes").count(), 1);
}

#[test]
fn a_stop_waits_for_what_can_settle_and_sends_nothing_again() {
    for (script, settled) in [(vec![Act::Ack], Ok(1)), (vec![Act::AckAndClose], Err(SinkError::Stopped))] {
        let (server, world, around) = (Server::start(script), World::at(1000), Around::default());
        let mut sink =
            ForwardSink::new(settings(&server, SETTLE), &world, &around.notices, &around.counters).unwrap();
        deliver(&mut sink, &[1]).unwrap();
        world.stop();
        assert_eq!(sink.settle(true), settled);
        assert_eq!(server.messages().len(), 1);
    }
    // far longer than a stop may take
    let (server, world, around) = (Server::start(vec![]), World::at(1000), Around::default());
    let hour = Duration::from_secs(3600);
    let mut sink =
        ForwardSink::new(settings(&server, hour), &world, &around.notices, &around.counters).unwrap();
    deliver(&mut sink, &[1]).unwrap();
    world.stop();
    let begun = Instant::now();
    assert_eq!(sink.settle(true), Err(SinkError::Stopped));
    assert!(begun.elapsed() < hour);
}

/// Points of one minute up to now, of two hosts.
struct Api<'a>(&'a World);

impl QueryApi for Api<'_> {
    fn query(&self, _: &str, window: QueryWindow) -> Reply {
        let points: Vec<QueryPoint> = (window.from / 60..window.to.min(self.0.seconds()) / 60)
            .map(|bucket| QueryPoint { time: bucket * 60, value: Some(1.0) })
            .collect();
        let series = |host: i64| QuerySeries {
            metric: "cpu".into(),
            scope: format!("host:h{host}"),
            interval: Some(60),
            points: points.clone(),
            ..QuerySeries::default()
        };
        Reply { outcome: QueryOutcome::Series((0..2).map(series).collect()), rate: RateHeaders::default() }
    }
}

/// Settles only when it is waited for: one delivery each time.
#[derive(Default)]
struct Slow {
    /// Points of each model in each delivery.
    deliveries: Vec<BTreeMap<(String, String), u32>>,
    taken: BTreeMap<(String, String), Vec<i64>>,
    settled: u64,
    waits: u32,
    fails: bool,
    /// The most points of one model that were not settled at once.
    most: u32,
}

impl RecordSink for Slow {
    fn deliver(
        &mut self,
        tag: &str,
        records: &mut dyn Iterator<Item = MetricRecord<'_>>,
        acknowledged: &mut dyn FnMut(usize),
    ) -> Result<(), SinkError> {
        let mut models = BTreeMap::new();
        let mut count = 0;
        for record in records {
            let model = (tag.to_owned(), record.scope.to_owned());
            *models.entry(model.clone()).or_default() += 1;
            self.taken.entry(model).or_default().push(record.time);
            count += 1;
        }
        acknowledged(count);
        self.deliveries.push(models);
        let unsettled = &self.deliveries[self.settled as usize..];
        for model in self.taken.keys() {
            let under_way = unsettled.iter().filter_map(|models| models.get(model)).sum();
            self.most = self.most.max(under_way);
        }
        Ok(())
    }

    fn delivered(&self) -> u64 {
        self.deliveries.len() as u64
    }

    fn settle(&mut self, wait: bool) -> Result<u64, SinkError> {
        if self.fails {
            return Err(SinkError::Unreachable { reason: "it died".into() });
        }
        if wait && self.settled < self.delivered() {
            // everything that was acknowledged until now settles while it is waited
            self.settled = self.delivered();
            self.waits += 1;
        }
        Ok(self.settled)
    }
}

fn section(name: &str) -> PullSection {
    PullSection {
        name: name.into(),
        query: format!("avg:{name}{{*}} by {{host}}"),
        nulls: Nulls::Skip,
        evaluation_delay: None,
        one_model: false,
        look_back: None,
    }
}

#[test]
fn no_model_has_more_than_32_unsettled_points_and_sections_settle_side_by_side() {
    let (world, around) = (World::at(1_700_000_400), Around::default());
    let (api, mut sink) = (Api(&world), Slow::default());
    let settings = PullSettings { limit: 100_000, ..Default::default() };
    let mut puller = Puller::open(settings, &api, &world, &around.notices, &around.counters).unwrap();
    puller.replace_sections((0..20).map(|i| section(&format!("s{i}"))).collect());
    assert_eq!(puller.round(&mut sink), RoundEnd::Complete);
    world.pass(86_400);
    assert_eq!(puller.round(&mut sink), RoundEnd::Complete);
    assert_eq!(sink.taken.len(), 40);
    for times in sink.taken.values() {
        assert!(times.len() == 1450 && times.windows(2).all(|pair| pair[1] == pair[0] + 60), "{times:?}");
    }
    assert_eq!(sink.most, 32);
    // a day is 24 windows of 55 to 60 new points, two batches each, for all sections together
    assert!(sink.waits < 60, "{}", sink.waits);
    assert_eq!(sink.settled, sink.delivered());
}

#[test]
fn a_cursor_is_saved_when_its_points_are_settled_and_not_before() {
    let (world, around) = (World::at(1_700_000_400), Around::default());
    let folder = tempfile::tempdir().unwrap();
    let api = Api(&world);
    let pulled = |fails: bool| {
        let settings = PullSettings { once: true, state: Some(folder.path().into()), ..Default::default() };
        let mut puller = Puller::open(settings, &api, &world, &around.notices, &around.counters).unwrap();
        puller.replace_sections(vec![section("cpu")]);
        let mut sink = Slow { fails, ..Slow::default() };
        let end = puller.round(&mut sink);
        (matches!(end, RoundEnd::Behind { behind: 1, .. }), sink.taken.values().map(Vec::len).sum::<usize>())
    };
    assert_eq!(pulled(true), (true, 20));
    assert_eq!(pulled(true), (true, 20), "acknowledged, not settled: it comes again");
    assert_eq!(pulled(false), (false, 20));
    assert_eq!(pulled(false), (false, 0));
}
