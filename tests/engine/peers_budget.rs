//! Groups with a budget of alarms: simulated hosts, and input that is odd.

use fluent_anomaly::detectors::{AlarmBudget, Finite, GroupSpec, GroupTest, PeerGroup};

#[path = "../../benches/fleet/hosts.rs"]
#[allow(dead_code, reason = "the bench uses the rest")]
mod hosts;

use hosts::{Hosts, Noise};

const HOSTS: usize = 50;
const DAY: i64 = 1440;

fn weekly() -> GroupSpec {
    GroupSpec::new(GroupTest::Budget(AlarmBudget::WEEKLY), 60, 1, 15, 3).unwrap()
}

/// Lets a group see a minute; the members whose state changed, and whether each is an outlier now.
fn minute(group: &mut PeerGroup, spec: &GroupSpec, minute: i64, values: &[f64]) -> Vec<(usize, bool)> {
    let mut changes = Vec::new();
    for (id, &value) in values.iter().enumerate() {
        let Some(x) = Finite::new(value) else { continue };
        let told = group.update(spec, id as u32, 60 * minute + 30, x).unwrap();
        if told.has_changed {
            changes.push((id, told.verdict.is_some_and(|verdict| verdict.is_outlier)));
        }
    }
    changes
}

/// One of fifty hosts with a shared season and shared shocks shifts by `size` of its own deviations after two days:
/// whether it is found within 15 minutes.
fn is_found(seed: u64, noise: Noise, size: f64) -> bool {
    let spec = weekly();
    let mut hosts = Hosts::new(seed, HOSTS, noise);
    let mut group = PeerGroup::new(&spec);
    let start = 2 * DAY + seed as i64 * 37 % DAY;
    let sick = seed as usize % HOSTS;
    let mut values = Vec::new();
    let mut found = false;
    for at in 0..start + 16 {
        hosts.minute(at, &mut values);
        if at >= start {
            values[sick] += size * hosts.sigma(sick);
        }
        let changes = minute(&mut group, &spec, at, &values);
        found |= at >= start && changes.contains(&(sick, true));
    }
    found
}

fn found(runs: u64, noise: Noise, size: f64) -> usize {
    (1..=runs).filter(|&seed| is_found(seed, noise, size)).count()
}

#[test]
fn a_sick_host_among_fifty_is_found_within_a_quarter_of_an_hour() {
    for (noise, size) in [(Noise::White, 3.0), (Noise::Heavy, 3.0), (Noise::Ar, 4.0)] {
        assert_eq!(found(2, noise, size), 2, "{noise:?}");
    }
}

/// `cargo test --release --test engine -- --ignored a_hundred_sick_hosts`
#[test]
#[ignore = "a hundred runs of two days for each kind of noise"]
fn a_hundred_sick_hosts_are_found_but_five() {
    for (noise, size) in [(Noise::White, 3.0), (Noise::Heavy, 3.0), (Noise::Ar, 5.0)] {
        let found = found(100, noise, size);
        assert!(found >= 95, "{noise:?} {size}: {found} of 100");
    }
}

#[test]
fn what_all_members_do_at_once_raises_nothing() {
    let spec = weekly();
    let mut hosts = Hosts::new(3, HOSTS, Noise::White);
    let mut group = PeerGroup::new(&spec);
    let mut values = Vec::new();
    for at in 0..3 * DAY {
        hosts.minute(at, &mut values);
        // another kind of shock than those of the hosts: one that is the same for large and small ones
        let shock = if at > 2 * DAY && at % 200 < 10 { 200.0 } else { 0.0 };
        values.iter_mut().for_each(|value| *value += shock);
        let changes = minute(&mut group, &spec, at, &values);
        let is_shocked = at > 2 * DAY && at % 200 < 12;
        let begins = changes.iter().any(|(_, is_outlier)| *is_outlier);
        assert!(!(is_shocked && begins), "minute {at}: {changes:?}");
    }
}

#[test]
fn groups_of_one_and_two_have_no_verdict_under_a_budget() {
    for members in 1..3 {
        let spec = weekly();
        let mut group = PeerGroup::new(&spec);
        for at in 0..2 * DAY {
            let values: Vec<f64> =
                (0..members).map(|id| if at > DAY && id == 1 { 1e6 } else { 1.0 }).collect();
            assert_eq!(minute(&mut group, &spec, at, &values), []);
        }
    }
}

#[test]
fn members_that_never_differ_are_no_outliers_and_the_first_that_does_is_one() {
    let spec = weekly();
    let mut group = PeerGroup::new(&spec);
    for at in 0..2 * DAY {
        assert_eq!(minute(&mut group, &spec, at, &[5.0; 10]), []);
    }
    let mut changes = Vec::new();
    for at in 0..5 {
        let mut values = [5.0; 10];
        values[7] = 6.0;
        changes.extend(minute(&mut group, &spec, 2 * DAY + at, &values));
    }
    assert_eq!(changes, [(7, true)]);
}

#[test]
fn a_member_with_a_point_in_five_minutes_is_compared_like_the_others() {
    let spec = weekly();
    let mut hosts = Hosts::new(11, HOSTS, Noise::White);
    let mut group = PeerGroup::new(&spec);
    let mut values = Vec::new();
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for at in 0..4 * DAY {
        hosts.minute(at, &mut values);
        if at % 5 != 0 {
            values[4] = f64::NAN;
        } else if at >= 3 * DAY {
            values[4] += 12.0;
        }
        let changes = minute(&mut group, &spec, at, &values);
        if at < 3 * DAY { before.extend(changes) } else { after.extend(changes) }
    }
    assert!(before.len() <= 6, "{before:?}");
    assert!(after.contains(&(4, true)), "{after:?}");
}

#[test]
fn ten_thousand_members_and_the_largest_numbers_are_judged_without_harm() {
    let spec = weekly();
    let mut group = PeerGroup::new(&spec);
    let mut values = vec![0.0; 10_000];
    for at in 0..70 {
        for (id, value) in values.iter_mut().enumerate() {
            *value = ((id as i64 * 37 + at * 11) % 100) as f64;
        }
        minute(&mut group, &spec, at, &values);
    }
    assert_eq!(group.len(), 10_000);
    let mut group = PeerGroup::new(&spec);
    for at in 0..2 * DAY {
        let far = if at % 2 == 0 { Finite::MAX } else { -Finite::MAX };
        minute(&mut group, &spec, at, &[far, -far, 1.0, far / 3.0, 0.0]);
    }
    use fluent_anomaly::internals::{Reader, Writer};
    let mut bytes = Vec::new();
    group.save(&mut Writer::new(&mut bytes));
    let back = PeerGroup::restore(&spec, &mut Reader::new(&bytes)).unwrap();
    let mut again = Vec::new();
    back.save(&mut Writer::new(&mut again));
    assert_eq!(again, bytes, "all of the state is finite");
}
