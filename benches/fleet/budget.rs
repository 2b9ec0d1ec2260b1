//! One budget for all series of a fleet, and one incident for a deploy.

use fluent_anomaly::detectors::{AlarmBudget, Calibrated, CalibratedSpec, Finite, Fleet, IncidentEvent};
use fluent_anomaly::{Config, Format, Pipeline, Time};

use crate::hosts::Random;

const SPACING_S: i64 = 300;
const DAY: i64 = 86_400 / SPACING_S;
/// Days that are not counted: the fleet learns.
const FIRST: i64 = 3;

/// Incidents of a fleet in which nothing is wrong, against one a day.
pub(crate) fn rate(weeks: u32) {
    println!(
        "1/day for all; a point in five minutes, {weeks} weeks from day {FIRST} on; incidents over the promise"
    );
    println!("series  independent  correlated (0.9)  independent, come and go  correlated, come and go");
    for count in [10, 100, 1000] {
        let cells: Vec<String> = [(0.0, false), (0.9, false), (0.0, true), (0.9, true)]
            .map(|(shared, churn)| format!("{:.2}", one(count, shared, churn, weeks)))
            .into();
        println!("{count}  {}", cells.join("  "));
    }
}

/// `shared`: share of the variance that all series have in common; `churn`: a series lives for ten days on average.
fn one(count: usize, shared: f64, churn: bool, weeks: u32) -> f64 {
    let budget = AlarmBudget::new(1.0, 86_400.0).unwrap();
    let spec = CalibratedSpec::new(AlarmBudget::new(1.0, 3600.0).unwrap());
    let mut random = Random::new(count as u64 * 7 + u64::from(churn) + (shared * 10.0) as u64);
    let mut series: Vec<(u32, Calibrated)> =
        (0..count as u32).map(|id| (id, Calibrated::new(&spec))).collect();
    let mut next_id = count as u32;
    let mut fleet = Fleet::new();
    let mut incidents = 0;
    let end = (FIRST + i64::from(weeks) * 7) * DAY;
    for at in 0..end {
        let time_s = SPACING_S * at;
        if time_s >= fleet.next_tick_s() {
            fleet.tick(budget, time_s, count as f64);
        }
        let common = random.normal();
        for (id, model) in &mut series {
            if churn && random.unit() < 1.0 / (10.0 * DAY as f64) {
                (*id, *model) = (next_id, Calibrated::new(&spec));
                next_id += 1;
            }
            let x = shared.sqrt() * common + (1.0 - shared).sqrt() * random.normal();
            let finite = |value| Finite::new(value).unwrap();
            let Some(rarity) = model.update(&spec, finite(time_s as f64), finite(x)) else { continue };
            if rarity.is_alarm {
                let answer = fleet.observe(budget, time_s, *id, rarity.unbounded_log10_s, rarity.size as f32);
                let starts = answer.report.is_some_and(|report| report.event == IncidentEvent::Start);
                incidents += u32::from(starts && at >= FIRST * DAY);
            }
        }
    }
    f64::from(incidents) / (f64::from(weeks) * 7.0)
}

/// A deploy shifts 200 of 1000 series at once; records go through the pipeline.
pub(crate) fn deploy(count: u32, days: i64) {
    let ini = "[series.latency]\nmatch: *\nvalue: $ms\nby: $host\nk: 2\nalarms: 1/day for all\n";
    let mut pipeline = Pipeline::new(&Config::parse("f.ini", ini).unwrap(), Format::Json, None);
    let mut random = Random::new(18);
    let start = 1_700_000_000 / 60 * 60;
    let deployed = start + days * 86_400;
    println!("{count} series, a point a minute; after {days} days a fifth of them shift by 6 deviations");
    let mut minute = start;
    while minute < deployed + 4 * 3600 {
        for host in 0..count {
            let shift = if minute >= deployed && host % 5 == 0 { 6.0 } else { 0.0 };
            let mut record =
                format!(r#"{{"host":"h{host}","ms":{:?}}}"#, 50.0 + random.normal() + shift).into_bytes();
            pipeline.process(b"app", Time::from_seconds(minute + i64::from(host % 60)), &mut record);
            let text = String::from_utf8(record).unwrap();
            if let Some((_, incident)) = text.split_once("\"incident\":") {
                let second = minute + i64::from(host % 60) - deployed;
                println!(
                    "  {:+.1} min {}",
                    second as f64 / 60.0,
                    incident.chars().take(200).collect::<String>()
                );
            }
        }
        minute += 60;
    }
}
