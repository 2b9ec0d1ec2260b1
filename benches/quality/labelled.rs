//! Alarms of the product on labelled series, event by event, beside the baseline at the same load. The rules are those of
//! the scorer that stands beside the series: runs less than an hour and three points apart are one event; an alarm may
//! come one point early and three late; the first day is not judged; no point of an event is adjusted.

use crate::alarms::{Alarm, alarms};
use crate::baseline::{at_load, seasonal_mad};
use crate::recorded::{Recorded, labelled_folder, series, spans};
use crate::{BUDGETS, DAY_S, in_parallel};
use fluent_anomaly::{
    detectors::{AlarmBudget, CalibratedSpec},
    internals::Tuning,
};
use std::collections::BTreeMap;

/// What a detector found in some series.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    found: f64,
    events: f64,
    right: f64,
    raised: f64,
    promised: f64,
}

impl Tally {
    fn recall(&self) -> f64 {
        self.found / self.events.max(1.0)
    }

    fn precision(&self) -> f64 {
        self.right / self.raised.max(1.0)
    }

    fn f1(&self) -> f64 {
        let (r, p) = (self.recall(), self.precision());
        if r + p > 0.0 { 2.0 * r * p / (r + p) } else { 0.0 }
    }

    fn add(&mut self, other: &Self) {
        self.found += other.found;
        self.events += other.events;
        self.right += other.right;
        self.raised += other.raised;
        self.promised += other.promised;
    }
}

/// Prints the table, at each budget or at one; `wide` adds a line for each series.
pub(crate) fn run(tuning: Tuning, budget: Option<&str>, wide: bool) {
    let folder = labelled_folder();
    let all = series(&folder.join("data"));
    let labels = spans(&folder.join("labels.json"));
    let baseline = in_parallel(all.len() as u64, |i| seasonal_mad(&all[i as usize]));
    println!(
        "{:8} {:8} {:>5} {:>6} {:>9} {:>22} {:>9}",
        "budget", "series", "F1", "recall", "precision", "false alarms/promised", "baseline"
    );
    for (name, period_s) in BUDGETS.into_iter().filter(|(name, _)| budget.is_none_or(|only| only == *name)) {
        let spec = CalibratedSpec { budget: AlarmBudget::new(1.0, period_s).expect("in range"), tuning };
        let told = in_parallel(all.len() as u64, |i| alarms(&spec, &all[i as usize]));
        let mut groups: BTreeMap<String, [Tally; 2]> = BTreeMap::new();
        for (i, ((one, told), scores)) in all.iter().zip(&told).zip(&baseline).enumerate() {
            let of_series = tally(one, told, scores, &labels[&one.name], period_s);
            let group = one.name.split('/').next().unwrap_or_default().to_string();
            let half = if i % 2 == 0 { "half A" } else { "half B" };
            for group in [" all".to_string(), group, half.to_string()] {
                let sums = groups.entry(group).or_default();
                sums.iter_mut().zip(&of_series).for_each(|(sum, one)| sum.add(one));
            }
            if wide {
                line(name, &one.name, &of_series);
            }
        }
        groups.iter().for_each(|(group, sums)| line(name, group.trim(), sums));
    }
}

fn line(budget: &str, group: &str, [own, base]: &[Tally; 2]) {
    let over = (own.raised - own.right) / own.promised;
    println!(
        "{budget:8} {group:8} {:.3} {:6.2} {:9.2} {over:22.2} {:9.3}",
        own.f1(),
        own.recall(),
        own.precision(),
        base.f1()
    );
}

/// The product's, and the baseline's at the same load.
fn tally(one: &Recorded, told: &[Alarm], scores: &[f64], runs: &[[f64; 2]], period_s: f64) -> [Tally; 2] {
    let (times, spacing_s) = (&one.times_s, one.spacing_s());
    let from_s = times[0] + DAY_S;
    let events: Vec<[f64; 2]> =
        events(runs, spacing_s).into_iter().filter(|[_, end]| *end >= from_s).collect();
    let told: Vec<&Alarm> = told.iter().filter(|alarm| alarm.end_s >= from_s).collect();
    let meets = |alarm: &Alarm, [first, last]: &[f64; 2]| alarm.start_s <= *last && alarm.end_s >= *first;
    let count = |n: usize| n as f64;
    let own = Tally {
        found: count(events.iter().filter(|event| told.iter().any(|alarm| meets(alarm, event))).count()),
        events: count(events.len()),
        right: count(told.iter().filter(|alarm| events.iter().any(|event| meets(alarm, event))).count()),
        raised: count(told.len()),
        promised: (times[times.len() - 1] - from_s) / period_s,
    };
    let hold_s = if period_s < 3.0 * DAY_S { 14_400.0 } else { 28_800.0 };
    let base = at_load(times, scores, told.len(), hold_s, from_s);
    let within = |time: &f64, [first, last]: &[f64; 2]| *first <= *time && *time <= *last;
    let hits = |event: &[f64; 2]| base.iter().flatten().any(|time| within(time, event));
    let is_right = |alarm: &[f64]| alarm.iter().any(|time| events.iter().any(|event| within(time, event)));
    let base = Tally {
        found: count(events.iter().filter(|event| hits(event)).count()),
        right: count(base.iter().filter(|alarm| is_right(alarm)).count()),
        raised: count(base.len()),
        ..own
    };
    [own, base]
}

fn events(runs: &[[f64; 2]], spacing_s: f64) -> Vec<[f64; 2]> {
    let mut merged: Vec<[f64; 2]> = Vec::new();
    for [first, last] in runs {
        match merged.last_mut() {
            Some(event) if first - event[1] <= (3.0 * spacing_s).max(3600.0) => event[1] = *last,
            _ => merged.push([*first, *last]),
        }
    }
    merged.into_iter().map(|[first, last]| [first - spacing_s, last + 3.0 * spacing_s]).collect()
}
