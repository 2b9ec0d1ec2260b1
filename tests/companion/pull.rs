//! The scheduler: a day in a moment, against a fake API and a fake sink; and the whole chain over real sockets.

use crate::common::forward_server;
use crate::common::http_server;
use crate::common::http_server::Answer;
use crate::common::world::{Notices, World};
use fluent_anomaly::Secret;
use fluent_anomaly::native::{Counters, Env};
use fluent_anomaly::sinks::forward::{ForwardServer as Address, ForwardSettings, ForwardSink};
use fluent_anomaly::sinks::{MetricRecord, RecordSink, SinkError, StdoutSink};
use fluent_anomaly::sources::datadog::{
    DatadogSettings, QueryApi, QueryOutcome, QueryPoint, QuerySeries, QueryWindow, RateHeaders, Reply,
    connect,
};
use fluent_anomaly::sources::pull::{
    FixedSections, Nulls, PullError, PullSection, PullSettings, Puller, RoundEnd, Sections, run,
};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

const T0: i64 = 1_700_000_400;

/// Each host has the value `time / 60 + host` in each bucket of 60 s, as long as it is alive.
struct FakeApi<'a> {
    world: &'a World,
    hosts: i64,
    /// Outcomes that come first, in order.
    faults: RefCell<Vec<QueryOutcome>>,
    /// (host, bucket) without a value yet.
    holes: RefCell<BTreeSet<(i64, i64)>>,
    asked: RefCell<Vec<(i64, String, QueryWindow)>>,
    rate: Cell<RateHeaders>,
    /// More points than that are too large an answer.
    max_points: i64,
}

impl<'a> FakeApi<'a> {
    fn new(world: &'a World, hosts: i64) -> Self {
        Self {
            world,
            hosts,
            faults: RefCell::default(),
            holes: RefCell::default(),
            asked: RefCell::default(),
            rate: Cell::default(),
            max_points: i64::MAX,
        }
    }
}

fn value(host: i64, time: i64) -> f64 {
    (time / 60 + host) as f64
}

impl QueryApi for FakeApi<'_> {
    fn query(&self, query: &str, window: QueryWindow) -> Reply {
        self.asked.borrow_mut().push((self.world.seconds(), query.to_owned(), window));
        let mut faults = self.faults.borrow_mut();
        if !faults.is_empty() {
            return Reply { outcome: faults.remove(0), rate: self.rate.get() };
        }
        let first = (window.from + 59) / 60;
        let last = window.to.min(self.world.seconds()) / 60;
        if (last - first) * self.hosts > self.max_points {
            return Reply { outcome: QueryOutcome::TooLarge { limit: 1 }, rate: self.rate.get() };
        }
        let holes = self.holes.borrow();
        let series = |host: i64| QuerySeries {
            metric: "cpu".into(),
            scope: format!("host:h{host}"),
            host: Some(format!("h{host}")),
            interval: Some(60),
            points: (first..=last)
                .map(|bucket| bucket * 60)
                .filter(|time| *time < window.to)
                .map(|time| QueryPoint {
                    time,
                    value: (!holes.contains(&(host, time))).then(|| value(host, time)),
                })
                .collect(),
            ..QuerySeries::default()
        };
        Reply { outcome: QueryOutcome::Series((0..self.hosts).map(series).collect()), rate: self.rate.get() }
    }
}

/// Takes `capacity` records, then fails.
struct FakeSink {
    taken: Vec<(String, String, i64, f64)>,
    capacity: usize,
}

impl FakeSink {
    fn new() -> Self {
        Self { taken: vec![], capacity: usize::MAX }
    }

    /// Times of one host, in order of arrival.
    fn times(&self, host: i64) -> Vec<i64> {
        let scope = format!("host:h{host}");
        self.taken.iter().filter(|(_, s, _, _)| *s == scope).map(|(_, _, time, _)| *time).collect()
    }
}

impl RecordSink for FakeSink {
    fn deliver(
        &mut self,
        tag: &str,
        records: &mut dyn Iterator<Item = MetricRecord<'_>>,
        acknowledged: &mut dyn FnMut(usize),
    ) -> Result<(), SinkError> {
        let mut count = 0;
        for record in records {
            if self.taken.len() >= self.capacity {
                return Err(SinkError::Unreachable { reason: "full".into() });
            }
            self.taken.push((tag.into(), record.scope.into(), record.time, record.raw_value));
            count += 1;
            // chunks of seven
            if count % 7 == 0 {
                acknowledged(count);
            }
        }
        acknowledged(count);
        Ok(())
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

fn folder(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("pull-test-{}-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    path
}

fn settings(state: Option<PathBuf>) -> PullSettings {
    PullSettings { state, limit: 10_000, ..Default::default() }
}

fn no_hole(times: &[i64]) -> bool {
    times.windows(2).all(|pair| pair[1] == pair[0] + 60)
}

#[test]
fn a_day_of_rounds_brings_each_point_once_and_in_order() {
    let (world, notices, counters) = (World::at(T0), Notices::default(), Counters::default());
    let (api, mut sink) = (FakeApi::new(&world, 3), FakeSink::new());
    world.stop_after(86_400);
    run(
        &settings(None),
        &mut FixedSections(vec![section("cpu")]),
        &api,
        &mut sink,
        &world,
        &notices,
        &counters,
    )
    .unwrap();
    for host in 0..3 {
        let times = sink.times(host);
        assert!(no_hole(&times) && times.len() > 1430, "{} {:?}", times.len(), &times[..5]);
        assert_eq!(times[0], T0 - 660);
    }
    assert!(sink.taken.iter().all(|(tag, _, _, _)| tag == "changefinder.cpu"));
    assert!(
        sink.taken.is_sorted_by_key(|(_, _, time, _)| *time),
        "series side by side, as the original feeds them"
    );
    assert!(sink.taken.iter().all(|(_, scope, time, raw)| *raw == value(scope[6..].parse().unwrap(), *time)));
    assert!(api.asked.borrow().len() <= 145, "one request a round: {}", api.asked.borrow().len());
    let snapshot = counters.snapshot();
    assert_eq!(snapshot.acknowledged, sink.taken.len() as u64);
    assert!(snapshot.sections["cpu"].lag_secs < 800.0 && snapshot.sections["cpu"].series == 3);
}

#[test]
fn an_incomplete_bucket_waits_and_the_evaluation_delay_holds() {
    let (world, notices, counters) = (World::at(T0 + 30), Notices::default(), Counters::default());
    let (api, mut sink) = (FakeApi::new(&world, 1), FakeSink::new());
    let settings = PullSettings { evaluation_delay: Duration::ZERO, ..settings(None) };
    let mut puller = Puller::open(settings, &api, &world, &notices, &counters).unwrap();
    let mut slow = section("slow");
    slow.evaluation_delay = Some(Duration::from_secs(900));
    puller.replace_sections(vec![section("cpu"), slow]);
    assert_eq!(puller.round(&mut sink), RoundEnd::Complete);
    let last = |name: &str, sink: &FakeSink| {
        sink.taken.iter().filter(|(tag, ..)| tag.ends_with(name)).map(|(_, _, time, _)| *time).max().unwrap()
    };
    // the bucket of T0 is 30 s old
    assert_eq!(last("cpu", &sink), T0 - 60);
    assert!(last("slow", &sink) <= T0 - 900);
    world.pass(600);
    puller.round(&mut sink);
    assert_eq!(last("cpu", &sink), T0 + 540);
    assert!(counters.snapshot().dropped.iter().any(|(reason, n)| reason.label() == "incomplete" && *n >= 1));
}

#[test]
fn a_gap_is_caught_up_in_slices_while_other_sections_go_on() {
    let state = folder("gap");
    let (world, notices, counters) = (World::at(T0), Notices::default(), Counters::default());
    let (api, mut sink) = (FakeApi::new(&world, 1), FakeSink::new());
    let once = PullSettings { once: true, ..settings(Some(state.clone())) };
    let mut round = |sections: Vec<PullSection>| {
        run(&once, &mut FixedSections(sections), &api, &mut sink, &world, &notices, &counters)
    };
    round(vec![section("cpu")]).unwrap();
    world.pass(3 * 86_400);
    round(vec![section("cpu"), section("new")]).unwrap();
    let cpu: Vec<i64> = sink
        .taken
        .iter()
        .filter(|(tag, ..)| tag == "changefinder.cpu")
        .map(|(_, _, time, _)| *time)
        .collect();
    assert!(no_hole(&cpu) && cpu.len() > 4300, "{}", cpu.len());
    let asked = api.asked.borrow();
    assert!(asked.iter().all(|(_, _, window)| window.to - window.from <= 3600));
    assert!(asked[2].1.contains("new"), "in turns");
    let _ = std::fs::remove_dir_all(state);
}

#[test]
fn after_any_fault_nothing_is_skipped() {
    let unavailable = || QueryOutcome::Unavailable { reason: "500".into() };
    let table: Vec<(&str, Vec<QueryOutcome>, &str)> = vec![
        ("429", vec![QueryOutcome::RateLimited { reset: Some(Duration::from_secs(900)) }], "rate_limited"),
        ("429 for an hour", vec![QueryOutcome::RateLimited { reset: None }; 7], "rate_limited"),
        ("500", vec![unavailable()], "unavailable"),
        ("hours of 500", vec![unavailable(); 60], "unavailable"),
        ("refused once", vec![QueryOutcome::Refused { reason: "400".into() }], "refused"),
        (
            "wrong keys for a while",
            vec![QueryOutcome::Unauthorized { reason: "403".into() }; 3],
            "unauthorized",
        ),
        ("nonsense", vec![QueryOutcome::Malformed { reason: "HTML".into() }; 3], "malformed"),
        ("nothing for half an hour", vec![QueryOutcome::Series(vec![]); 2], "round_done"),
    ];
    for (name, faults, cause) in table {
        let (world, notices, counters) = (World::at(T0), Notices::default(), Counters::default());
        let (api, mut sink) = (FakeApi::new(&world, 2), FakeSink::new());
        *api.faults.borrow_mut() = faults;
        world.stop_after(86_400);
        run(
            &settings(None),
            &mut FixedSections(vec![section("cpu")]),
            &api,
            &mut sink,
            &world,
            &notices,
            &counters,
        )
        .unwrap();
        assert!(notices.causes().contains(&cause), "{name}: {:?}", notices.causes());
        for host in 0..2 {
            let times = sink.times(host);
            assert_eq!(times[0], T0 - 660, "{name}");
            assert!(no_hole(&times) && *times.last().unwrap() > T0 + 85_000, "{name}: {}", times.len());
        }
    }
}

#[test]
fn a_429_is_never_answered_before_its_reset() {
    let (world, notices, counters) = (World::at(T0), Notices::default(), Counters::default());
    let (api, mut sink) = (FakeApi::new(&world, 1), FakeSink::new());
    *api.faults.borrow_mut() = vec![QueryOutcome::RateLimited { reset: Some(Duration::from_secs(1000)) }];
    let mut puller = Puller::open(settings(None), &api, &world, &notices, &counters).unwrap();
    puller.replace_sections(vec![section("a"), section("b")]);
    assert_eq!(puller.round(&mut sink), RoundEnd::Complete);
    let asked: Vec<i64> = api.asked.borrow().iter().map(|(at, ..)| *at).collect();
    assert!(asked[1] >= T0 + 1000 && asked[1] < T0 + 1102, "{asked:?}");
}

#[test]
fn one_limit_for_all_queries_and_a_warning_when_it_is_too_low() {
    let (world, notices, counters) = (World::at(T0), Notices::default(), Counters::default());
    let (api, mut sink) = (FakeApi::new(&world, 1), FakeSink::new());
    world.stop_after(6 * 3600);
    let sections = (0..20).map(|i| section(&format!("s{i}"))).collect();
    let settings = PullSettings { limit: 50, ..settings(None) };
    run(&settings, &mut FixedSections(sections), &api, &mut sink, &world, &notices, &counters).unwrap();
    assert_eq!(notices.causes()[0], "limit_too_low");
    assert!(notices.text().contains("need 120 API calls an hour, `limit` allows 50"));
    let asked: Vec<i64> = api.asked.borrow().iter().map(|(at, ..)| *at).collect();
    for (i, start) in asked.iter().enumerate() {
        let hour = asked[i..].iter().take_while(|at| **at < start + 3600).count();
        assert!(hour <= 50, "{hour} calls in the hour from {start}");
    }
    assert!(asked.len() > 200, "{}", asked.len());
    for i in 0..20 {
        let tag = format!("changefinder.s{i}");
        let times: Vec<i64> =
            sink.taken.iter().filter(|(t, ..)| *t == tag).map(|(_, _, time, _)| *time).collect();
        assert!(no_hole(&times) && times.len() > 250, "{tag}: {}", times.len());
    }
}

#[test]
fn a_refused_query_does_not_stop_the_others() {
    struct Picky<'a>(FakeApi<'a>);
    impl QueryApi for Picky<'_> {
        fn query(&self, query: &str, window: QueryWindow) -> Reply {
            let reply = self.0.query(query, window);
            if !query.contains("bad") {
                return reply;
            }
            Reply { outcome: QueryOutcome::Refused { reason: "no".into() }, ..reply }
        }
    }
    let (world, notices, counters) = (World::at(T0), Notices::default(), Counters::default());
    let (api, mut sink) = (Picky(FakeApi::new(&world, 1)), FakeSink::new());
    world.stop_after(86_000);
    let sections = vec![section("bad"), section("good")];
    run(&settings(None), &mut FixedSections(sections), &api, &mut sink, &world, &notices, &counters).unwrap();
    assert!(no_hole(&sink.times(0)) && sink.times(0).len() > 1400);
    let bad = api.0.asked.borrow().iter().filter(|(_, query, _)| query.contains("bad")).count();
    assert!(bad < 50, "a refused query is asked for about once an hour: {bad} in a day");
}

#[test]
fn the_cursor_moves_only_as_far_as_the_sink_acknowledged() {
    let state = folder("ack");
    let (world, notices, counters) = (World::at(T0), Notices::default(), Counters::default());
    let (api, mut sink) = (FakeApi::new(&world, 2), FakeSink::new());
    sink.capacity = 11;
    let once = PullSettings { once: true, ..settings(Some(state.clone())) };
    let sections = || FixedSections(vec![section("cpu")]);
    let failed = run(&once, &mut sections(), &api, &mut sink, &world, &notices, &counters);
    assert!(matches!(failed, Err(PullError::Behind { behind: 1, sections: 1, .. })), "{failed:?}");
    // 11 were taken, 7 acknowledged: 4 come again, none is missing
    sink.capacity = usize::MAX;
    world.pass(7200);
    run(&once, &mut sections(), &api, &mut sink, &world, &notices, &counters).unwrap();
    let mut all: Vec<i64> = sink.times(0);
    assert_eq!(
        sink.taken.len() - 4,
        sink.taken.iter().map(|(_, s, t, _)| (s.clone(), *t)).collect::<BTreeSet<_>>().len()
    );
    all.dedup();
    all.sort_unstable();
    all.dedup();
    assert!(no_hole(&all) && all[0] == T0 - 660);
    let _ = std::fs::remove_dir_all(state);
}

#[test]
fn late_buckets_are_picked_up_and_rewritten_ones_are_not_sent_again() {
    let (world, notices, counters) = (World::at(T0), Notices::default(), Counters::default());
    let (api, mut sink) = (FakeApi::new(&world, 2), FakeSink::new());
    let late = T0 - 180;
    api.holes.borrow_mut().insert((1, late));
    let mut puller = Puller::open(settings(None), &api, &world, &notices, &counters).unwrap();
    puller.replace_sections(vec![section("cpu")]);
    puller.round(&mut sink);
    assert!(!sink.times(1).contains(&late));
    api.holes.borrow_mut().clear();
    world.pass(600);
    puller.round(&mut sink);
    let mut times = sink.times(1);
    assert_eq!(times.iter().filter(|time| **time == late).count(), 1);
    times.sort_unstable();
    assert!(no_hole(&times));
    assert!(no_hole(&sink.times(0)), "the other host is not repeated");
    assert_eq!(counters.snapshot().late, 1);
}

#[test]
fn nulls_are_skipped_or_zero() {
    for (nulls, sent) in [(Nulls::Skip, None), (Nulls::Zero, Some(0.0))] {
        let (world, notices, counters) = (World::at(T0), Notices::default(), Counters::default());
        let (api, mut sink) = (FakeApi::new(&world, 1), FakeSink::new());
        api.holes.borrow_mut().insert((0, T0 - 180));
        let mut puller = Puller::open(settings(None), &api, &world, &notices, &counters).unwrap();
        puller.replace_sections(vec![PullSection { nulls, ..section("cpu") }]);
        puller.round(&mut sink);
        let at = sink.taken.iter().find(|(_, _, time, _)| *time == T0 - 180).map(|(_, _, _, raw)| *raw);
        assert_eq!(at, sent);
    }
}

#[test]
fn a_too_large_answer_is_asked_for_in_halves() {
    let (world, notices, counters) = (World::at(T0), Notices::default(), Counters::default());
    let (mut api, mut sink) = (FakeApi::new(&world, 10), FakeSink::new());
    api.max_points = 100;
    let mut puller = Puller::open(settings(None), &api, &world, &notices, &counters).unwrap();
    puller.replace_sections(vec![section("cpu")]);
    puller.round(&mut sink);
    world.pass(7200);
    assert_eq!(puller.round(&mut sink), RoundEnd::Complete);
    assert!(notices.causes().contains(&"too_large"));
    assert!(no_hole(&sink.times(9)) && *sink.times(9).last().unwrap() == T0 + 7080);
}

#[test]
fn an_answer_that_no_halving_makes_fit_is_given_up_for_the_round() {
    let (world, notices, counters) = (World::at(T0), Notices::default(), Counters::default());
    let (mut api, mut sink) = (FakeApi::new(&world, 10), FakeSink::new());
    api.max_points = 1;
    let mut puller = Puller::open(settings(None), &api, &world, &notices, &counters).unwrap();
    puller.replace_sections(vec![section("cpu")]);
    assert!(matches!(puller.round(&mut sink), RoundEnd::Behind { behind: 1, .. }));
    assert!(api.asked.borrow().len() < 15);
}

#[test]
fn sections_come_and_go_between_rounds_and_on_request() {
    struct Script<'a>(&'a World, Vec<Vec<PullSection>>);
    impl Sections for Script<'_> {
        fn current(&mut self, asked: bool) -> Result<Option<Vec<PullSection>>, String> {
            if self.1.is_empty() {
                self.0.stop();
                return Err("no such file".into());
            }
            // asked for another reading before the next one
            self.0.reload();
            assert!(asked);
            Ok(Some(self.1.remove(0)))
        }
    }
    let (world, notices, counters) = (World::at(T0), Notices::default(), Counters::default());
    let (api, mut sink) = (FakeApi::new(&world, 1), FakeSink::new());
    let mut script =
        Script(&world, vec![vec![section("a")], vec![section("a"), section("b")], vec![section("b")]]);
    run(&settings(None), &mut script, &api, &mut sink, &world, &notices, &counters).unwrap();
    let asked: Vec<String> = api.asked.borrow().iter().map(|(_, query, _)| query[4..5].to_owned()).collect();
    assert_eq!(asked, ["a", "b"], "a reload loses no time and repeats nothing");
    let causes: Vec<_> = notices.causes().into_iter().filter(|cause| cause.starts_with("reload")).collect();
    assert_eq!(causes, ["reloaded", "reloaded", "reload_failed"]);
    assert_eq!(counters.snapshot().sections.keys().collect::<Vec<_>>(), ["b"]);
}

#[test]
fn a_broken_or_foreign_state_file_is_set_aside_and_reported() {
    let state = folder("broken");
    let (world, notices, counters) = (World::at(T0), Notices::default(), Counters::default());
    let api = FakeApi::new(&world, 1);
    let once = PullSettings { once: true, ..settings(Some(state.clone())) };
    let files = || -> Vec<PathBuf> {
        let all = std::fs::read_dir(&state).unwrap().map(|entry| entry.unwrap().path());
        all.filter(|path| path.extension().is_some_and(|ext| ext == "state")).collect()
    };
    let go = || {
        let mut sink = FakeSink::new();
        run(
            &once,
            &mut FixedSections(vec![section("../c p/u")]),
            &api,
            &mut sink,
            &world,
            &notices,
            &counters,
        )
        .unwrap();
        sink.taken.len()
    };
    let first = go();
    assert_eq!(files().len(), 1);
    let good = std::fs::read(&files()[0]).unwrap();
    assert_eq!(go(), 0, "what is acknowledged is not sent again");
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 1;
    for (i, bad) in [&good[..good.len() / 2], &flipped, b"", b"another file"].into_iter().enumerate() {
        std::fs::write(&files()[0], bad).unwrap();
        assert_eq!(go(), first, "it starts anew");
        assert_eq!(notices.causes().iter().filter(|cause| **cause == "state_set_aside").count(), i + 1);
    }
    let _ = std::fs::remove_dir_all(state);
}

#[test]
fn a_state_folder_that_cannot_be_made_is_reported_and_points_still_flow() {
    let (world, notices, counters) = (World::at(T0), Notices::default(), Counters::default());
    let (api, mut sink) = (FakeApi::new(&world, 1), FakeSink::new());
    let once = PullSettings { once: true, ..settings(Some("/dev/null/state".into())) };
    run(&once, &mut FixedSections(vec![section("cpu")]), &api, &mut sink, &world, &notices, &counters)
        .unwrap();
    assert!(notices.causes().contains(&"state_not_saved") && sink.taken.len() == 10);
}

#[test]
fn two_companions_do_not_share_a_state_folder() {
    let state = folder("lock");
    let (world, notices, counters) = (World::at(T0), Notices::default(), Counters::default());
    let api = FakeApi::new(&world, 1);
    let open = || Puller::open(settings(Some(state.clone())), &api, &world, &notices, &counters);
    let first = open().unwrap();
    assert!(matches!(open(), Err(PullError::Locked { .. })));
    drop(first);
    assert!(open().is_ok());
    let _ = std::fs::remove_dir_all(state);
}

#[test]
fn killed_anywhere_nothing_is_lost_and_the_spent_budget_is_remembered() {
    let state = folder("kill");
    let (world, notices, counters) = (World::at(T0), Notices::default(), Counters::default());
    let (api, mut sink) = (FakeApi::new(&world, 2), FakeSink::new());
    for i in 0..40usize {
        // dies after so many more records, and comes back some time later
        sink.capacity = sink.taken.len() + (i * 7919) % 40;
        let mut puller = Puller::open(
            PullSettings { once: true, limit: 6, ..settings(Some(state.clone())) },
            &api,
            &world,
            &notices,
            &counters,
        )
        .unwrap();
        puller.replace_sections(vec![section("cpu")]);
        puller.round(&mut sink);
        drop(puller);
        world.pass(((i * 104_729) % 900) as i64);
    }
    let asked: Vec<i64> = api.asked.borrow().iter().map(|(at, ..)| *at).collect();
    for (i, start) in asked.iter().enumerate() {
        assert!(
            asked[i..].iter().take_while(|at| **at < start + 3600).count() <= 6,
            "the limit holds across restarts"
        );
    }
    sink.capacity = usize::MAX;
    world.pass(3700);
    let mut puller = Puller::open(settings(Some(state.clone())), &api, &world, &notices, &counters).unwrap();
    puller.replace_sections(vec![section("cpu")]);
    assert_eq!(puller.round(&mut sink), RoundEnd::Complete);
    for host in 0..2 {
        let mut first_arrivals = Vec::new();
        for time in sink.times(host) {
            if !first_arrivals.contains(&time) {
                first_arrivals.push(time);
            }
        }
        assert!(no_hole(&first_arrivals), "in order and complete by first arrival");
        assert!(first_arrivals[0] == T0 - 660 && *first_arrivals.last().unwrap() > world.seconds() - 200);
    }
    let _ = std::fs::remove_dir_all(state);
}

#[test]
fn records_to_stdout_are_json_lines() {
    let (world, notices, counters) = (World::at(T0), Notices::default(), Counters::default());
    let api = FakeApi::new(&world, 1);
    let mut out = Vec::new();
    let once = PullSettings { once: true, ..settings(None) };
    run(
        &once,
        &mut FixedSections(vec![section("cpu")]),
        &api,
        &mut StdoutSink::new(&mut out),
        &world,
        &notices,
        &counters,
    )
    .unwrap();
    let text = String::from_utf8(out).unwrap();
    let time = T0 - 660;
    let wanted = format!(
        r#"{{"metric":"cpu","raw_value":{:.1},"scope":"host:h0","host":"h0","time":{time}}}"#,
        value(0, time)
    );
    assert_eq!(text.lines().next().unwrap(), wanted);
    assert_eq!(text.lines().count(), 10);
}

/// v1 answers for the fake metric of `FakeApi`, over HTTP.
fn serve(request: &http_server::Request, hosts: i64) -> Answer {
    let (from, to) = (request.number("from"), request.number("to"));
    let series: Vec<String> = (0..hosts)
        .map(|host| {
            let points: Vec<String> = ((from + 59) / 60..=to / 60)
                .map(|bucket| format!("[{}.0,{}]", bucket * 60_000, value(host, bucket * 60)))
                .collect();
            format!(
                r#"{{"metric":"cpu","scope":"host:h{host}","tag_set":["host:h{host}"],"interval":60,"pointlist":[{}]}}"#,
                points.join(",")
            )
        })
        .collect();
    Answer::json(format!(r#"{{"status":"ok","series":[{}]}}"#, series.join(",")))
}

#[test]
fn over_real_sockets_with_faults_on_both_sides_every_point_arrives_and_no_key_shows() {
    use forward_server::Act;
    const API_KEY: &str = "0123456789abcdef0123456789abcdef";
    const APP_KEY: &str = "fedcba9876543210fedcba9876543210fedcba98";
    let limited =
        || Answer::Full(429, vec![("X-RateLimit-Reset", "30".into())], format!("you sent {API_KEY}"));
    let datadog = http_server::Server::start(move |request, before| match before {
        0 => limited(),
        1 => Answer::status(500, &format!("<html>{API_KEY} {APP_KEY}</html>")),
        3 => Answer::Hang(Duration::from_secs(3)),
        4 => Answer::Cut("{}".repeat(1000), 100),
        6 => Answer::json(r#"{"status":"error","error":"try later"}"#),
        8 => Answer::json("<html>maintenance</html>"),
        10 => Answer::json(r#"{"status":"ok","series":[{"metric":"cpu""#),
        11 => Answer::status(403, r#"{"errors":["Forbidden"]}"#),
        _ => serve(request, 3),
    });
    let fluent = forward_server::Server::start(vec![
        Act::Ack,
        Act::Close,
        Act::Silent,
        Act::AckOther,
        Act::CloseAfter(50),
        Act::Ack,
        Act::AckAndClose,
    ]);
    let (world, notices, counters) = (World::at(T0), Notices::default(), Counters::default());
    let api = connect(&DatadogSettings {
        api_key: Secret::new(API_KEY),
        app_key: Secret::new(APP_KEY),
        api_url: Some(datadog.url.clone()),
        timeout: Duration::from_millis(500),
        ..Default::default()
    })
    .unwrap();
    let forward = ForwardSettings {
        servers: vec![Address::parse(&fluent.url()).unwrap()],
        ack_timeout: Duration::from_millis(400),
        settle: Duration::ZERO,
        ..Default::default()
    };
    let mut sink = ForwardSink::new(forward, &world, &notices, &counters).unwrap();
    let state = folder("sockets");
    world.stop_after(6 * 3600);
    run(
        &settings(Some(state.clone())),
        &mut FixedSections(vec![section("cpu")]),
        &*api,
        &mut sink,
        &world,
        &notices,
        &counters,
    )
    .unwrap();
    let mut hosts: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for (tag, record) in fluent.records() {
        assert_eq!(tag, "changefinder.cpu");
        let field = |name: &str| {
            record.as_map().unwrap().iter().find(|(k, _)| k.as_str() == Some(name)).unwrap().1.clone()
        };
        let keys: Vec<_> = record.as_map().unwrap().iter().map(|(key, _)| key.as_str().unwrap()).collect();
        assert_eq!(keys, ["metric", "raw_value", "scope", "host", "time"]);
        hosts
            .entry(field("host").as_str().unwrap().into())
            .or_default()
            .push(field("time").as_i64().unwrap());
    }
    assert_eq!(hosts.len(), 3);
    for times in hosts.values() {
        assert!(no_hole(times) && times[0] == T0 - 660 && *times.last().unwrap() > T0 + 20_000, "{times:?}");
    }
    for cause in
        ["rate_limited", "unavailable", "refused", "malformed", "unauthorized", "forward_down", "forward_up"]
    {
        assert!(notices.causes().contains(&cause), "{cause}: {:?}", notices.causes());
    }
    let mut shown = notices.text() + &format!("{:?} {sink:?}", counters.snapshot());
    for entry in std::fs::read_dir(&state).unwrap() {
        shown += &String::from_utf8_lossy(&std::fs::read(entry.unwrap().path()).unwrap());
    }
    assert!(!shown.contains(API_KEY) && !shown.contains(APP_KEY), "a key shows: {shown}");
    assert!(world.now_ms() > 0);
    let _ = std::fs::remove_dir_all(state);
}
