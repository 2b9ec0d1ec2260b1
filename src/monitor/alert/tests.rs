use proptest::prelude::*;

use super::Status::{Alert, NoData, Ok as Fine, Warn};
use super::*;
use crate::monitor::RawMonitor;

/// Trigger window of 15 one-minute points.
fn spec(keys: &[(&str, &str)]) -> MonitorSpec {
    let mut raw = RawMonitor::default();
    raw.set(
        "query",
        "avg(last_1h):anomalies(avg:x{*}, 'basic', 2, alert_window='last_15m', interval=60) >= 0.8",
    );
    for (key, value) in keys {
        assert!(raw.set(key, *value));
    }
    if let Some(critical) = raw.critical.clone() {
        raw.query = raw.query.map(|query| query.replace("0.8", &critical));
    }
    MonitorSpec::check(&raw).unwrap()
}

/// One letter a bucket: `.` inside, `^` above, `v` below, `?` no band, `_` missing; a space is nothing.
fn verdicts(pattern: &str) -> Vec<Option<BandPosition>> {
    let letter = |c| match c {
        '.' => Some(BandPosition::Inside),
        '^' => Some(BandPosition::Above),
        'v' => Some(BandPosition::Below),
        '?' => Some(BandPosition::NoBand),
        _ => None,
    };
    pattern.chars().filter(|c| *c != ' ').map(letter).collect()
}

/// The buckets of transitions, counted from 0, with their text.
fn transitions(spec: &MonitorSpec, pattern: &str) -> Vec<(usize, String)> {
    let mut state = AlertState::new(spec);
    let mut found = Vec::new();
    for (bucket, verdict) in verdicts(pattern).into_iter().enumerate() {
        let evaluation = state.feed(spec, 1000 + bucket as i64, verdict);
        assert_eq!(evaluation.status, state.status());
        if let Some(transition) = evaluation.transition {
            assert_eq!(transition.to, state.status());
            found.push((bucket, transition.to_string()));
        }
    }
    found
}

fn at(bucket: usize, text: &str) -> (usize, String) {
    (bucket, text.to_owned())
}

#[test]
fn an_alert_comes_with_the_point_that_completes_the_share_and_goes_after_the_recovery_window() {
    // 0.8 of 15 points are 12
    let pattern = "............... ^^^^^^^^^^^^ ...............";
    assert_eq!(transitions(&spec(&[]), pattern), [at(26, "OK->ALERT"), at(41, "ALERT->OK")]);
    // a recovery window of 5 points: back as soon as 5 are inside
    let short = spec(&[("recovery_window", "last_5m")]);
    assert_eq!(transitions(&short, pattern), [at(26, "OK->ALERT"), at(31, "ALERT->OK")]);
}

#[test]
fn eleven_of_fifteen_points_are_no_alert_at_four_fifths() {
    assert_eq!(transitions(&spec(&[]), "............... ^^^^^^^^^^^ ...............").len(), 0);
}

#[test]
fn a_threshold_of_one_needs_every_point() {
    let spec = spec(&[("critical", "1")]);
    assert_eq!(transitions(&spec, "...............^^^^^^^^^^^^^^.^^^^^^^^^^^^^^^"), [at(44, "OK->ALERT")]);
}

#[test]
fn warnings_come_first_and_alerts_fall_back_to_what_still_holds() {
    let spec = spec(&[("warning", "0.4"), ("recovery_window", "last_5m")]);
    let pattern = "............... ^^^^^^^^^^^^ ............... ";
    // 6 of 15 warn; 12 alert; after 5 inside 10 are left, at bucket 35 still 6, then 5: back as recovery holds
    let expected = [at(20, "OK->WARN"), at(26, "WARN->ALERT"), at(31, "ALERT->WARN"), at(36, "WARN->OK")];
    assert_eq!(transitions(&spec, pattern), expected);
}

#[test]
fn the_direction_decides_what_counts() {
    let pattern = "............... ^^^^^^^^^^^^^^^ ............... vvvvvvvvvvvvvvv";
    for (direction, first) in [("above", at(26, "OK->ALERT")), ("below", at(56, "OK->ALERT"))] {
        let found = transitions(&spec(&[("direction", direction)]), pattern);
        assert_eq!(found.first(), Some(&first), "{direction}");
    }
    let mixed = "............... ^v^v^v^v^v^v^v^";
    assert_eq!(transitions(&spec(&[]), mixed), [at(26, "OK->ALERT")]);
    assert_eq!(transitions(&spec(&[("direction", "above")]), mixed).len(), 0);
}

#[test]
fn points_without_a_band_are_there_and_not_anomalous() {
    assert_eq!(transitions(&spec(&[]), "??????????????? ^^^^^^^^^^^^"), [at(26, "OK->ALERT")]);
}

#[test]
fn the_share_is_of_the_points_that_are_there_unless_the_window_has_to_be_full() {
    // every third bucket has a point: 5 in a window, so 4 anomalous ones alert
    let sparse = ".__.__.__.__.__ ^__^__^__^__^__^__ ^^^^^^^^^^^^^^^";
    assert_eq!(transitions(&spec(&[]), sparse), [at(24, "OK->ALERT")]);
    // the first full window ends with the 15th consecutive point, bucket 47
    assert_eq!(transitions(&spec(&[("require_full_window", "true")]), sparse), [at(47, "OK->ALERT")]);
}

#[test]
fn a_new_series_is_not_judged_before_its_delay_is_over() {
    let pattern = "^^^^^^^^^^^^^^^";
    assert_eq!(transitions(&spec(&[]), pattern), [at(0, "OK->ALERT")]);
    assert_eq!(transitions(&spec(&[("new_group_delay", "300")]), pattern), [at(5, "OK->ALERT")]);
}

#[test]
fn silence_becomes_no_data_only_when_it_is_asked_for() {
    let silence = "_".repeat(40);
    let pattern = format!(".....{silence}.");
    assert_eq!(transitions(&spec(&[]), &pattern).len(), 0);
    let asked = spec(&[("notify_no_data", "true"), ("no_data_timeframe", "20")]);
    assert_eq!(transitions(&asked, &pattern), [at(24, "OK->NO DATA"), at(45, "NO DATA->OK")]);
}

#[test]
fn a_missing_bucket_changes_no_state() {
    let pattern = format!("............... ^^^^^^^^^^^^ {} .", "_".repeat(100));
    assert_eq!(transitions(&spec(&[]), &pattern), [at(26, "OK->ALERT"), at(127, "ALERT->OK")]);
}

#[test]
fn silence_resolves_a_state_after_the_timeout_and_stays_ok() {
    let spec = spec(&[("timeout_h", "1"), ("notify_no_data", "true"), ("no_data_timeframe", "30")]);
    let pattern = format!("............... ^^^^^^^^^^^^ {}", "_".repeat(300));
    let expected = [at(26, "OK->ALERT"), at(56, "ALERT->NO DATA"), at(86, "NO DATA->OK")];
    assert_eq!(transitions(&spec, &pattern), expected);
    // an alert that goes on being measured is not resolved
    let measured = format!("............... {}", "^".repeat(300));
    assert_eq!(transitions(&spec, &measured), [at(26, "OK->ALERT")]);
}

#[test]
fn a_gap_in_the_buckets_is_silence_too() {
    let spec = spec(&[("notify_no_data", "true")]);
    let mut state = AlertState::new(&spec);
    state.feed(&spec, 0, Some(BandPosition::Inside));
    let back = state.feed(&spec, 1_000_000_000_000, Some(BandPosition::Inside));
    assert_eq!(back.transition, Some(Transition { from: NoData, to: Fine }));
    let extreme = state.feed(&spec, i64::MAX, Some(BandPosition::Above));
    assert_eq!(extreme.transition, Some(Transition { from: NoData, to: Alert }));
}

#[test]
fn a_gap_empties_the_windows() {
    let spec = spec(&[]);
    let mut state = AlertState::new(&spec);
    for bucket in 0..11 {
        state.feed(&spec, bucket, Some(BandPosition::Above));
        state.feed(&spec, bucket, Some(BandPosition::Inside)); // the same bucket again changes nothing
    }
    assert_eq!(state.feed(&spec, 20, Some(BandPosition::Inside)).share, 5.0 / 6.0);
    assert_eq!(state.feed(&spec, 40, Some(BandPosition::Inside)).share, 0.0);
}

#[test]
fn reminders_come_in_alert_and_no_data_and_not_in_warn() {
    let spec = spec(&[("renotify_interval", "10"), ("warning", "0.4"), ("notify_no_data", "true")]);
    let mut state = AlertState::new(&spec);
    let pattern = format!("............... {} {}", "^".repeat(40), "_".repeat(60));
    let mut reminders = Vec::new();
    for (bucket, verdict) in verdicts(&pattern).into_iter().enumerate() {
        if state.feed(&spec, bucket as i64, verdict).renotify {
            reminders.push((bucket, state.status()));
        }
    }
    // ALERT at 26; silence from 55, ALERT holds; NO DATA 30 min after bucket 54
    let expected =
        [36, 46, 56, 66, 76].map(|b| (b, Alert)).into_iter().chain([94, 104, 114].map(|b| (b, NoData)));
    assert_eq!(reminders, expected.collect::<Vec<_>>());
}

#[test]
fn every_transition_has_its_text() {
    for from in [Fine, Warn, Alert, NoData] {
        for to in [Fine, Warn, Alert, NoData].into_iter().filter(|to| *to != from) {
            assert_eq!(Transition { from, to }.text(), format!("{from}->{to}"));
        }
    }
}

#[test]
fn a_window_of_fifteen_points_costs_sixteen_bytes_beside_the_state() {
    let spec = spec(&[]);
    assert_eq!(AlertState::memory_bytes(&spec), size_of::<AlertState>() + 16);
    assert!(AlertState::memory_bytes(&spec) <= 150, "{}", AlertState::memory_bytes(&spec));
}

#[test]
fn the_first_and_the_last_change_to_a_state_that_is_not_ok_are_kept() {
    let spec = spec(&[("warning", "0.4"), ("notify_no_data", "true"), ("no_data_timeframe", "5")]);
    let mut state = AlertState::new(&spec);
    let mut told = Vec::new();
    // WARN with the 6th of 15, ALERT with the 12th, NO DATA after 5 missing ones; OK; WARN again
    let pattern = "............... ^^^^^^^^^^^^ _____ ............... ............... ^^^^^^";
    for (bucket, verdict) in verdicts(pattern).into_iter().enumerate() {
        let evaluation = state.feed(&spec, bucket as i64, verdict);
        if let Some(change) = evaluation.transition {
            let LeftOk { first, last } = state.left_ok().unwrap();
            told.push((bucket, change.text(), first, last));
        }
    }
    assert_eq!(
        told,
        [
            (20, "OK->WARN", 20, 20),
            (26, "WARN->ALERT", 20, 26),
            (31, "ALERT->NO DATA", 20, 31),
            (32, "NO DATA->ALERT", 20, 32),
            (41, "ALERT->OK", 20, 32),
            (67, "OK->WARN", 67, 67),
        ]
    );
    // a state that an earlier version saved in ALERT knows the last change that was told
    let mut saved = Vec::new();
    state.save(&mut Writer::new(&mut saved));
    let mut earlier = saved.clone();
    earlier[0] &= 31;
    earlier.drain(33..49);
    let restored = AlertState::restore(&spec, &mut Reader::new(&earlier)).unwrap();
    assert_eq!(restored, AlertState { left_ok: Some(LeftOk { first: 67, last: 67 }), ..state });
}

#[test]
fn broken_state_is_refused() {
    let spec = spec(&[]);
    let mut state = AlertState::new(&spec);
    for (bucket, verdict) in verdicts("...^^v??__^^").into_iter().enumerate() {
        state.feed(&spec, bucket as i64, verdict);
    }
    let mut saved = Vec::new();
    state.save(&mut Writer::new(&mut saved));
    for cut in 0..saved.len() {
        assert!(AlertState::restore(&spec, &mut Reader::new(&saved[..cut])).is_err());
    }
    // a point beyond the window; an anomalous point that is not there; a place beyond the window
    for (byte, value) in [(35, 0x80), (43, 0xff), (33, 15)] {
        let mut damaged = saved.clone();
        damaged[byte] = value;
        assert!(AlertState::restore(&spec, &mut Reader::new(&damaged)).is_err(), "{byte}");
    }
}

/// The same rules over plain lists, without rings, counters or words.
struct Slow {
    points: Vec<Option<bool>>,
    status: Status,
}

impl Slow {
    fn share(&self, last: u32) -> f64 {
        let window = self.points.iter().rev().take(last as usize).flatten();
        let (mut present, mut anomalous) = (0, 0);
        for point in window {
            present += 1;
            anomalous += u32::from(*point);
        }
        f64::from(anomalous) / f64::from(present.max(1))
    }

    fn feed(&mut self, spec: &MonitorSpec, verdict: Option<BandPosition>) -> Status {
        self.points.push(verdict.map(|verdict| verdict.is_anomalous(spec.query.side())));
        if verdict.is_some() {
            let (trigger, recovery) = (self.share(spec.trigger_points()), self.share(spec.recovery_points()));
            let warning = spec.warning.unwrap_or(2.0);
            if trigger >= spec.critical {
                self.status = Alert;
            } else if self.status == Alert && recovery > spec.critical_recovery {
            } else if trigger >= warning {
                self.status = Warn;
            } else if self.status == Warn && recovery > spec.warning_recovery {
            } else {
                self.status = Fine;
            }
        }
        self.status
    }
}

fn points() -> impl Strategy<Value = Vec<Option<BandPosition>>> {
    let verdict = prop_oneof![
        5 => Just(Some(BandPosition::Inside)),
        6 => Just(Some(BandPosition::Above)),
        3 => Just(Some(BandPosition::Below)),
        1 => Just(Some(BandPosition::NoBand)),
        2 => Just(None),
    ];
    // stretches, so that windows fill
    proptest::collection::vec((verdict, 1usize..25), 1..40)
        .prop_map(|runs| runs.into_iter().flat_map(|(verdict, times)| vec![verdict; times]).collect())
}

prop_compose! {
    fn specs()(minutes in 5u32..200, critical in 1u32..=10, warned: bool, recovery in 0.0f64..1.0, window in 0.0f64..1.0, full: bool) -> MonitorSpec {
        let critical = f64::from(critical) / 10.0;
        let recovery = recovery * critical;
        let (shortest, longest) = crate::monitor::timeframe::recovery_range(minutes * 60, critical, recovery);
        let window = shortest + (f64::from(longest - shortest) * window) as u32;
        let query = format!("avg(last_1d):anomalies(avg:x{{*}}, 'basic', 2, alert_window='last_{minutes}m', interval=60) >= {critical}");
        let raw = RawMonitor {
            query: Some(query),
            critical_recovery: Some(recovery.to_string()),
            warning: warned.then(|| (critical / 2.0).to_string()),
            recovery_window: Some(format!("last_{window}s")),
            require_full_window: Some(full.to_string()),
            notify_no_data: Some(full.to_string()),
            renotify_interval: Some("7".to_owned()),
            ..RawMonitor::default()
        };
        MonitorSpec::check(&raw).unwrap()
    }
}

proptest! {
    #[test]
    fn states_are_those_of_the_plain_rules(spec in specs(), points in points()) {
        let mut spec = spec;
        spec.require_full_window = false;
        spec.notify_no_data = false;
        let mut state = AlertState::new(&spec);
        let mut slow = Slow { points: Vec::new(), status: Fine };
        for (bucket, verdict) in points.into_iter().enumerate() {
            let status = slow.feed(&spec, verdict);
            let evaluation = state.feed(&spec, bucket as i64, verdict);
            prop_assert_eq!(evaluation.status, status, "bucket {}", bucket);
            prop_assert_eq!(evaluation.share, slow.share(spec.trigger_points()));
        }
    }

    /// Leaving missing buckets out is the same as feeding them, as far as points are concerned.
    #[test]
    fn buckets_left_out_are_missing_ones(spec in specs(), points in points()) {
        let mut fed = AlertState::new(&spec);
        let mut left_out = AlertState::new(&spec);
        for (bucket, verdict) in points.into_iter().enumerate() {
            let one = fed.feed(&spec, bucket as i64, verdict);
            if verdict.is_some() {
                let other = left_out.feed(&spec, bucket as i64, verdict);
                prop_assert_eq!((one.status, one.share), (other.status, other.share), "bucket {}", bucket);
            }
        }
    }

    #[test]
    fn a_restored_state_goes_on_as_the_saved_one(spec in specs(), points in points(), cut: usize) {
        let cut = cut % points.len();
        let mut whole = AlertState::new(&spec);
        for (bucket, &verdict) in points[..cut].iter().enumerate() {
            whole.feed(&spec, bucket as i64, verdict);
        }
        let mut saved = Vec::new();
        whole.save(&mut Writer::new(&mut saved));
        let mut reader = Reader::new(&saved);
        let mut restored = AlertState::restore(&spec, &mut reader).unwrap();
        prop_assert!(reader.is_empty());
        prop_assert_eq!(&restored, &whole);
        for (bucket, &verdict) in points.iter().enumerate().skip(cut) {
            let bucket = bucket as i64;
            prop_assert_eq!(restored.feed(&spec, bucket, verdict), whole.feed(&spec, bucket, verdict));
        }
    }

    #[test]
    fn any_bytes_restore_to_an_error_or_a_working_state(spec in specs(), bytes in proptest::collection::vec(any::<u8>(), 0..120), bucket: i64) {
        if let Ok(mut state) = AlertState::restore(&spec, &mut Reader::new(&bytes)) {
            let share = state.feed(&spec, bucket, Some(BandPosition::Above)).share;
            prop_assert!((0.0..=1.0).contains(&share));
        }
    }
}
