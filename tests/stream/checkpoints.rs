//! Checkpoints that a member cannot or may not use: what it says, and what leaves.

use std::fs;

use crate::broker::{Broker, Seen, filtered};
use crate::common::program::Running;
use crate::exactly_once::{SECTIONS, config, topics};

const PARTITIONS: i32 = 2;

/// A member that has scored 200 records and has stopped.
fn stopped_after_200(broker: &Broker, text: &str, group: &str, from: &str) {
    broker.writer().records(from, PARTITIONS, 0..200);
    let mut member = broker.member(text, "a.1");
    broker.wait_committed(group, from, PARTITIONS, 200);
    assert!(member.stop().success(), "{}", member.stderr());
}

/// The next one scores 200 more.
fn goes_on(broker: &Broker, text: &str, group: &str, from: &str) -> Running {
    broker.writer().records(from, PARTITIONS, 200..400);
    let mut member = broker.member(text, "a.2");
    broker.wait_committed(group, from, PARTITIONS, 400);
    assert!(member.stop().success(), "{}", member.stderr());
    member
}

/// The first half left with the scores of `before`, the second one with those of `after` begun anew.
#[track_caller]
fn assert_begun_anew(broker: &Broker, before: &str, after: &str, from: &str, to: &str) {
    for (input, output) in broker.read(from, PARTITIONS).iter().zip(&broker.read(to, PARTITIONS)) {
        let (first, second) = input.split_at(100);
        let wanted = [filtered(broker, before, first), filtered(broker, after, second)].concat();
        assert_eq!(output.iter().map(Seen::text).collect::<Vec<_>>(), wanted);
    }
}

#[test]
fn a_checkpoint_of_another_layout_in_a_topic_is_told_and_the_models_begin_anew_behind_it() {
    let broker = Broker::own();
    let [group, from, to] = topics(&broker, PARTITIONS);
    let text = config(&broker, "");
    stopped_after_200(&broker, &text, &group, &from);
    let checkpoints = format!("{group}-checkpoints");
    assert!(broker.server().overwrite(&checkpoints, b"FLUACKP\x01", b"FLUACKP\x09") > 0);
    let member = goes_on(&broker, &text, &group, &from);
    let told = "the models begin anew at offset 100, as their checkpoint cannot be used: it has layout 9, this release reads 1";
    assert_eq!(member.stderr().matches(told).count(), 2, "{}", member.stderr());
    assert_begun_anew(&broker, SECTIONS, SECTIONS, &from, &to);
}

#[test]
fn a_checkpoint_of_another_layout_in_a_folder_is_told_and_the_models_begin_anew_behind_it() {
    let broker = Broker::start();
    let [group, from, to] = topics(&broker, PARTITIONS);
    let text = config(&broker, "checkpoint_folder: shared\n");
    stopped_after_200(&broker, &text, &group, &from);
    let mut changed = 0;
    let mut folders = vec![broker.folder.path().join("shared")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let mut bytes = fs::read(&path).unwrap();
            // behind the eight bytes of the file's own kind
            assert!(bytes[8..].starts_with(b"FLUACKP\x01"), "{}", path.display());
            bytes[15] = 9;
            fs::write(&path, bytes).unwrap();
            changed += 1;
        }
    }
    assert_eq!(changed, PARTITIONS);
    let member = goes_on(&broker, &text, &group, &from);
    let told = "as their checkpoint cannot be used: ";
    assert_eq!(member.stderr().matches(told).count(), 2, "{}", member.stderr());
    assert!(member.stderr().contains("it has layout 9, this release reads 1"), "{}", member.stderr());
    assert_begun_anew(&broker, SECTIONS, SECTIONS, &from, &to);
}

#[test]
fn a_checkpoint_of_another_configuration_is_told_and_only_the_models_of_changed_sections_begin_anew() {
    let broker = Broker::start();
    let [group, from, to] = topics(&broker, PARTITIONS);
    let two = format!("{SECTIONS}[series.b]\nmatch: *\nvalue: $v\nby: $s\nprefix: b_\nk: 2\nwarm_up: off\n");
    let before = config(&broker, "").replace(SECTIONS, &two);
    stopped_after_200(&broker, &before, &group, &from);
    let changed = two.replace("k: 3", "k: 4");
    let member = goes_on(&broker, &before.replace("k: 3", "k: 4"), &group, &from);
    let told = "section [series.a] was changed or removed: 3 saved models of it were dropped";
    assert_eq!(member.stderr().matches(told).count(), 2, "{}", member.stderr());
    assert!(!member.stderr().contains("[series.b]"), "{}", member.stderr());
    let fields = |text: &str, name: &str| text.split_once(name).map(|(_, rest)| rest.to_owned());
    for (input, output) in broker.read(&from, PARTITIONS).iter().zip(&broker.read(&to, PARTITIONS)) {
        let texts: Vec<String> = output.iter().map(Seen::text).collect();
        assert_eq!(texts.len(), 200);
        // [series.a], whose fields stand first, begins anew; [series.b] goes on
        let (all, anew) = (filtered(&broker, &two, input), filtered(&broker, &changed, &input[100..]));
        assert_eq!(texts[..100], all[..100]);
        for (n, found) in texts[100..].iter().enumerate() {
            let [found_b, wanted_b] = [found, &all[100 + n]].map(|text| fields(text, "\"b_metric_outlier\""));
            assert_eq!(found_b, wanted_b, "record {n}: {found}");
            let of_a = |text: &str| text.split("\"b_metric_outlier\"").next().unwrap().to_owned();
            assert_eq!(of_a(found), of_a(&anew[n]), "record {n}");
        }
    }
}
