//! Cost of a monitor's parts: `cargo bench --bench monitor`.
//!
//! `roll_up`, `alert` and `watch` are for 1000 points (so µs read as ns a point), the others for one call.

use divan::{Bencher, black_box};
use fluent_anomaly::detectors::Finite;
use fluent_anomaly::internals::RollupSpec;
use fluent_anomaly::monitors::{Facts, render};
use fluent_anomaly::{
    internals::{AlertState, BandPosition, Rollup, SeriesEvaluator, query},
    monitors::{MonitorSpec, RawMonitor, SharedBand, Status, Zone},
};

fn main() {
    divan::main();
}

const POINTS: i64 = 1000;
const QUERY: &str = "avg(last_4h):anomalies(avg:system.cpu.idle{*} by {host}, 'agile', 2, direction='below', alert_window='last_15m', interval=60, count_default_zero='true', seasonality='daily', timezone='Europe/Vienna') >= 0.8";

#[expect(clippy::unwrap_used, reason = "the monitor stands in this file")]
fn spec(delay_s: u32) -> MonitorSpec {
    let mut raw = RawMonitor::default();
    raw.set("query", QUERY);
    raw.set("warning", "0.5");
    raw.set("evaluation_delay", delay_s.to_string());
    MonitorSpec::check(&raw).unwrap()
}

/// Six records a bucket, one of them late within it.
#[divan::bench(args = [0, 900])]
fn roll_up(bencher: Bencher<'_, '_>, delay_s: u32) {
    let spec = RollupSpec::new(&spec(delay_s));
    let mut rollup = Rollup::new(&spec);
    let mut clock = 0;
    bencher.bench_local(|| {
        for point in 0..POINTS {
            clock += 10;
            let time = if point % 6 == 3 { clock - 9 } else { clock };
            rollup.close_until(&spec, time).for_each(|closed| {
                black_box(closed);
            });
            rollup.add(&spec, time, point as f64);
        }
    });
}

#[divan::bench]
fn alert(bencher: Bencher<'_, '_>) {
    let spec = spec(0);
    let mut state = AlertState::new(&spec);
    let mut bucket = 0;
    bencher.bench_local(|| {
        for point in 0..POINTS {
            bucket += 1;
            let verdict = if point % 50 < 20 { BandPosition::Below } else { BandPosition::Inside };
            black_box(state.feed(&spec, bucket, Some(verdict)));
        }
    });
}

#[divan::bench]
fn parse_query() -> bool {
    query::parse(black_box(QUERY)).is_ok()
}

#[divan::bench]
fn look_up_a_zone() -> bool {
    Zone::named(black_box("Europe/Vienna")).is_ok()
}

/// What a cached span saves for all but two buckets a year.
#[divan::bench]
#[expect(clippy::unwrap_used, reason = "the zone stands in this file")]
fn offset_of_a_zone(bencher: Bencher<'_, '_>) {
    let zone = Zone::named("Europe/Vienna").unwrap();
    bencher.bench_local(|| black_box(zone.span(black_box(1_750_000_000))));
}

#[divan::bench]
fn fill_in_a_message() -> String {
    let facts = Facts {
        share: 0.8,
        threshold: 0.8,
        warn_threshold: None,
        recovery_thresholds: (0.5, None),
        observed: Some(1.5),
        band: None,
        status: Status::Alert,
        transition: None,
        triggered: None,
        priority: None,
        groups: &[("host", "web1")],
    };
    render(
        black_box("{{#is_alert}}{{host.name}} is busy: {{value}} >= {{threshold}}{{/is_alert}} @slack-ops"),
        &facts,
    )
}

/// One record a bucket through everything: roll-up, forecast, band, state; 1 and 3 monitors on one engine.
#[divan::bench(args = [("basic", 1), ("agile", 1), ("robust", 1), ("robust", 3)])]
#[expect(clippy::unwrap_used, reason = "the monitors stand in this file")]
fn watch(bencher: Bencher<'_, '_>, (algorithm, monitors): (&str, usize)) {
    let mut monitor = RawMonitor::default();
    let query = QUERY.replace("'agile'", &format!("'{algorithm}'"));
    monitor.set(
        "query",
        match algorithm {
            "basic" => query.replace(", seasonality='daily', timezone='Europe/Vienna'", ""),
            _ => query.replace("'daily', timezone='Europe/Vienna'", "'hourly'"),
        },
    );
    let plan = &SharedBand::group(vec![MonitorSpec::check(&monitor).unwrap(); monitors])[0].0;
    let mut watch = SeriesEvaluator::new(plan);
    let mut minute = 0i64;
    let mut step = || {
        minute += 1;
        let x = Finite::new((minute % 60) as f64 + (minute * 7_919 % 13) as f64).unwrap();
        watch.observe(plan, minute * 60, x, |_, observation| {
            black_box(observation);
        });
    };
    (0..1000).for_each(|_| step());
    bencher.bench_local(|| (0..POINTS).for_each(|_| step()));
}
