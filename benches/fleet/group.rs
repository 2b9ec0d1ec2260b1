//! Groups with a budget of alarms, and the cost of a member's record.

use std::time::Instant;

use fluent_anomaly::detectors::{
    AlarmBudget, Finite, GroupSpec, GroupTest, PeerAlgorithm, PeerGroup, PeerTest,
};

use crate::hosts::{Hosts, Noise};

pub(crate) const HOSTS: usize = 50;
const DAY: i64 = 1440;

fn weekly() -> GroupSpec {
    GroupSpec::new(GroupTest::Budget(AlarmBudget::WEEKLY), 60, 1, 15, 3).unwrap()
}

/// Lets a group see minutes; `shift` is added to a host's value. `began` gets minute and host of each alarm that begins,
/// and whether a shock was there or just over. Returns for how many of the minutes one was.
fn watch(
    group: &mut PeerGroup,
    spec: &GroupSpec,
    hosts: &mut Hosts,
    minutes: std::ops::Range<i64>,
    shift: impl Fn(&Hosts, i64, usize) -> f64,
    mut began: impl FnMut(i64, usize, bool),
) -> u32 {
    let mut values = Vec::new();
    let (mut was_shocked, mut shocked_minutes) = (0, 0);
    for minute in minutes {
        hosts.minute(minute, &mut values);
        was_shocked = if hosts.is_shocked() { 5 } else { (was_shocked - 1).max(0) };
        shocked_minutes += u32::from(was_shocked > 0);
        for (host, value) in values.iter().enumerate() {
            let value = value + shift(hosts, minute, host);
            let told = group.update(spec, host as u32, 60 * minute + 30, Finite::new(value).unwrap());
            let told = told.unwrap();
            if told.has_changed && told.verdict.unwrap().is_outlier {
                began(minute, host, was_shocked > 0);
            }
        }
    }
    shocked_minutes
}

/// One host of fifty shifts after four days.
pub(crate) fn sick(runs: u32, only: Option<&str>) {
    println!(
        "one sick host among {HOSTS}, 1/week, {runs} runs; shift in usual deviations of the host's own noise"
    );
    println!("noise  shift  found within 15 min  false alarms before, of them in shocks (by chance alone)");
    let is_wanted = |noise: &Noise| only.is_none_or(|only| format!("{noise:?}").eq_ignore_ascii_case(only));
    for noise in [Noise::White, Noise::Ar, Noise::Heavy].into_iter().filter(is_wanted) {
        for size in [2.0, 3.0, 4.0, 6.0] {
            let (mut found, mut before, mut in_shocks, mut shocked, mut minutes) = (0, 0, 0, 0, 0);
            for run in 0..runs {
                let spec = weekly();
                let mut hosts = Hosts::new(u64::from(run) + 1, HOSTS, noise);
                let mut group = PeerGroup::new(&spec);
                let start = 4 * DAY + i64::from(run) * 37 % DAY;
                let sick = run as usize % HOSTS;
                let shift = |hosts: &Hosts, minute: i64, host: usize| {
                    if host == sick && minute >= start { size * hosts.sigma(host) } else { 0.0 }
                };
                let mut is_found = false;
                minutes += start + 16;
                shocked +=
                    watch(&mut group, &spec, &mut hosts, 0..start + 16, shift, |minute, host, shocked| {
                        if minute < start {
                            before += 1;
                            in_shocks += u32::from(shocked);
                        } else if host == sick {
                            is_found = true;
                        }
                    });
                found += u32::from(is_found);
            }
            println!(
                "{noise:?}  {size}  {found} of {runs}  {before} in {:.0} weeks, {in_shocks} ({:.1})",
                f64::from(runs) * 4.35 / 7.0,
                f64::from(before) * f64::from(shocked) / minutes as f64
            );
        }
    }
}

/// Alarms of groups in which nothing is wrong.
pub(crate) fn rate(groups: u32, weeks: u32, count: usize) {
    println!("groups of {count}, {groups} for {weeks} weeks from day 3 on: incidents over the promise");
    for noise in [Noise::White, Noise::Ar, Noise::Heavy] {
        for (name, alarms, period_s) in [("1/day", 1.0, 86_400.0), ("1/week", 1.0, 604_800.0)] {
            let budget = AlarmBudget::new(alarms, period_s).unwrap();
            let spec = GroupSpec::new(GroupTest::Budget(budget), 60, 1, 15, 3).unwrap();
            let (mut alarms, mut in_shocks) = (0, 0);
            for seed in 0..groups {
                let mut hosts = Hosts::new(u64::from(seed) + 1000, count, noise);
                let mut group = PeerGroup::new(&spec);
                let mut last = i64::MIN / 2;
                let end = 3 * DAY + i64::from(weeks) * 7 * DAY;
                watch(
                    &mut group,
                    &spec,
                    &mut hosts,
                    0..end,
                    |_, _, _| 0.0,
                    |minute, _, shocked| {
                        // alarms of an hour are one incident
                        if minute >= 3 * DAY && minute - last > 60 {
                            alarms += 1;
                            in_shocks += u32::from(shocked);
                        }
                        last = minute;
                    },
                );
            }
            let promised = f64::from(groups * weeks) * 604_800.0 / budget.period_s();
            println!(
                "{noise:?} {name}: {alarms} of {promised} = {:.2}; {in_shocks} in shocks",
                f64::from(alarms) / promised
            );
        }
    }
}

/// Microseconds a record.
pub(crate) fn cost() {
    let dbscan =
        GroupTest::Fixed(PeerTest { algorithm: PeerAlgorithm::Dbscan, tolerance: 3.0, percent: 0.0 });
    let mad = GroupTest::Fixed(PeerTest { algorithm: PeerAlgorithm::Mad, tolerance: 3.0, percent: 20.0 });
    for (name, test, buckets, members) in [
        ("dbscan", dbscan, 1, 50),
        ("dbscan, 15 intervals", dbscan, 15, 50),
        ("mad", mad, 1, 50),
        ("mad, 15 intervals", mad, 15, 50),
        ("1/week", GroupTest::Budget(AlarmBudget::WEEKLY), 1, 50),
        ("dbscan", dbscan, 1, 10_000),
        ("1/week", GroupTest::Budget(AlarmBudget::WEEKLY), 1, 10_000),
    ] {
        let spec = GroupSpec::new(test, 60, buckets, 15, 3).unwrap();
        let mut hosts = Hosts::new(7, members, Noise::White);
        let minutes = 400_000 / members as i64;
        let values: Vec<Vec<f64>> = (0..minutes)
            .map(|minute| {
                let mut values = Vec::new();
                hosts.minute(minute, &mut values);
                values
            })
            .collect();
        let mut group = PeerGroup::new(&spec);
        let start = Instant::now();
        for (minute, values) in values.iter().enumerate() {
            for (host, value) in values.iter().enumerate() {
                let x = Finite::new(*value).unwrap();
                std::hint::black_box(group.update(&spec, host as u32, 60 * minute as i64 + 30, x));
            }
        }
        let records = minutes as f64 * members as f64;
        println!(
            "{members} members, {name}: {:.3} us a record",
            start.elapsed().as_secs_f64() * 1e6 / records
        );
    }
}
