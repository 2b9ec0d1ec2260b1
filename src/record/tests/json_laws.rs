//! JSON: serde_json as the independent reader.

use proptest::prelude::*;
use serde_json::Value as Json;

use super::*;

/// JSON text of any value, with white space, escapes and numbers of every form.
fn json_text() -> impl Strategy<Value = String> {
    let space = || prop::sample::select(vec!["", "", "", " ", "\n", "\t \r"]);
    let scalar = prop_oneof![
        "-?(0|[1-9][0-9]{0,18})(\\.[0-9]{1,12})?([eE][+-]?[0-9]{1,3})?",
        prop::sample::select(vec!["true", "false", "null", "1e400", "18446744073709551615", "-0", "1.0"])
            .prop_map(str::to_owned),
        string_text(),
    ];
    scalar.prop_recursive(4, 24, 5, move |inner| {
        prop_oneof![
            (prop::collection::vec((space(), inner.clone(), space()), 0..5), space()).prop_map(
                |(items, space)| {
                    let items: Vec<_> = items.iter().map(|(a, text, b)| format!("{a}{text}{b}")).collect();
                    if items.is_empty() { format!("[{space}]") } else { format!("[{}]", items.join(",")) }
                }
            ),
            object_of(inner),
        ]
    })
}

fn string_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[ !#-\\[\\]-~]{0,12}",
        prop::sample::select(vec![
            "\\n",
            "\\\"",
            "\\\\",
            "\\/",
            "\\u00e9",
            "\\ud83d\\ude00",
            "é",
            "😀",
            "\u{7f}",
            "\\u0061"
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..4).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

fn key_text() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "\"a\"",
            "\"b\"",
            "\"\\u0061\"",
            "\"latency_ms\"",
            "\"latency\\u005fms\"",
            "\"score\"",
            "\"a1234567\"",
            "\"\"",
        ])
        .prop_map(str::to_owned),
        string_text(),
    ]
}

fn object_of(inner: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let space = || prop::sample::select(vec!["", "", "", " ", "\n", "\t \r"]);
    (prop::collection::vec((space(), key_text(), space(), space(), inner, space()), 0..7), space()).prop_map(
        |(members, space)| {
            let members: Vec<_> =
                members.iter().map(|(a, key, b, c, value, d)| format!("{a}{key}{b}:{c}{value}{d}")).collect();
            if members.is_empty() { format!("{{{space}}}") } else { format!("{{{}}}", members.join(",")) }
        },
    )
}

pub(super) fn record_text() -> impl Strategy<Value = String> {
    (
        prop::sample::select(vec!["", " ", "\n"]),
        object_of(json_text()),
        prop::sample::select(vec!["", "\n", "  "]),
    )
        .prop_map(|(before, object, behind)| format!("{before}{object}{behind}"))
}

/// A record with some bytes changed, cut out or put in.
fn broken_record() -> impl Strategy<Value = Vec<u8>> {
    let odd = prop::sample::select(br#"{}[]",:\/bfnrtu0123456789-+.eEtrueflasn aA"#.to_vec());
    let byte = prop_oneof![4 => odd, 1 => any::<u8>()];
    (record_text(), prop::collection::vec((any::<prop::sample::Index>(), 0..3, byte), 1..4)).prop_map(
        |(text, changes)| {
            let mut bytes = text.into_bytes();
            for (at, how, byte) in changes {
                let at = at.index(bytes.len().max(1));
                match how {
                    0 if at < bytes.len() => bytes[at] = byte,
                    1 if at < bytes.len() => drop(bytes.remove(at)),
                    _ => bytes.insert(at, byte),
                }
            }
            bytes
        },
    )
}

/// Whether serde_json takes the text for one object. `IgnoredAny` checks the grammar only: no range of numbers,
/// no pairs of surrogates, no UTF-8.
fn is_object(text: &[u8]) -> bool {
    let first = text.iter().find(|byte| !matches!(byte, b' ' | b'\n' | b'\t' | b'\r'));
    first == Some(&b'{') && serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok()
}

fn check_against_serde(text: &[u8]) -> Result<(), TestCaseError> {
    let accessors = ["a", "latency_ms", "$b['a']", "$a['b'][1]", "$['']", "$a[0][0]", "a1234567"];
    let extractor = extractor(Format::Json, &accessors, &[]);
    let mut found = Found::default();
    let outcome = extractor.scan(text, &mut found);
    prop_assert_eq!(outcome.is_ok(), is_object(text), "{:?}: {:?}", String::from_utf8_lossy(text), outcome);
    // a value, unless numbers or surrogates are beyond serde_json's own
    let Ok(json) = serde_json::from_slice::<Json>(text) else { return Ok(()) };
    if outcome.is_err() {
        return Ok(());
    }
    for (input, accessor) in accessors.iter().enumerate() {
        let accessor = Accessor::parse(accessor).unwrap();
        let mut expected = Some(&json);
        for step in accessor.steps() {
            expected = expected.and_then(|value| match step {
                super::super::accessor::Step::Key(key) => value.as_object()?.get(key),
                super::super::accessor::Step::Index(index) => value.as_array()?.get(*index as usize),
            });
        }
        let value = found.value(text, input);
        match (value, expected) {
            (None, None)
            | (Some(Value::Null), Some(Json::Null))
            | (Some(Value::Array), Some(Json::Array(_)))
            | (Some(Value::Object), Some(Json::Object(_))) => {}
            (Some(Value::Bool(ours)), Some(Json::Bool(theirs))) => prop_assert_eq!(ours, *theirs),
            (Some(Value::Text(ours)), Some(Json::String(theirs))) => {
                let mut out = Vec::new();
                ours.append_to(&mut out);
                prop_assert_eq!(out, theirs.as_bytes());
            }
            (Some(Value::Number(ours)), Some(Json::Number(theirs))) => {
                prop_assert_eq!(ours.to_f64(), theirs.as_f64().unwrap());
                prop_assert!(std::str::from_utf8(text).unwrap().contains(ours.text().unwrap()));
            }
            (ours, theirs) => prop_assert!(false, "{}: {:?} is not {:?}", accessor, ours, theirs),
        }
    }
    Ok(())
}

/// Annotated, and the members that were added taken out again.
fn check_that_all_else_stays(text: &[u8], score: f64) -> Result<(), TestCaseError> {
    let extractor = extractor(Format::Json, &["a"], &[("new_const", Some("c")), ("new_number", None)]);
    let mut found = Found::default();
    let mut record = text.to_vec();
    let accepted = extractor.scan(&record, &mut found).is_ok();
    extractor.annotate(&mut record, &found, &[(0, Field::Constant), (1, Field::Number(score))]);
    if !accepted || found.has(0) || found.has(1) {
        prop_assert!(accepted || record == text);
        return Ok(());
    }
    let mut added = b"\"new_const\":\"c\"".to_vec();
    if score.is_finite() {
        added.extend_from_slice(b",\"new_number\":");
        format_f64(score, &mut added);
    }
    let edge = text.iter().rposition(|&byte| byte == b'}').unwrap();
    let is_empty = text[..edge].iter().rev().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    if !is_empty {
        added.insert(0, b',');
    }
    let expected = [&text[..edge], &added, &text[edge..]].concat();
    prop_assert_eq!(&record, &expected);
    extractor.scan(&record, &mut found).map_err(|error| TestCaseError::fail(error.to_string()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn good_records_are_read_as_serde_json_reads_them(text in record_text()) {
        prop_assert!(scan(Format::Json, text.as_bytes()).is_ok(), "{}", text);
        check_against_serde(text.as_bytes())?;
    }

    #[test]
    fn broken_records_are_judged_as_serde_json_judges_them(text in broken_record()) {
        check_against_serde(&text)?;
    }

    #[test]
    fn annotating_keeps_all_else(text in prop_oneof![record_text().prop_map(String::into_bytes), broken_record()], score: f64) {
        check_that_all_else_stays(&text, score)?;
    }

    #[test]
    fn annotating_twice_is_annotating_once(text in record_text(), first: f64, second: f64) {
        prop_assume!(first.is_finite() && second.is_finite());
        let extractor = extractor(Format::Json, &[], &[("score", None), ("latency_ms", None), ("why", Some("x"))]);
        let mut found = Found::default();
        let annotated = |numbers: &[f64]| {
            let mut record = text.clone().into_bytes();
            let mut found = Found::default();
            for &number in numbers {
                extractor.scan(&record, &mut found).unwrap();
                extractor.annotate(&mut record, &found, &[(0, Field::Number(number)), (2, Field::Constant), (1, Field::Number(-number))]);
            }
            record
        };
        prop_assert_eq!(annotated(&[first, second]), annotated(&[second]));
        extractor.scan(&annotated(&[second]), &mut found).unwrap();
    }

    #[test]
    fn a_written_text_is_read_back(name in "\\PC{0,12}|[\\x00-\\x7f]{0,12}", text in "(\\PC|[\\x00-\\x22\\\\]){0,30}") {
        let extractor = extractor(Format::Json, &[], &[(&name, None)]);
        let mut found = Found::default();
        let mut record = b"{}".to_vec();
        extractor.scan(&record, &mut found).unwrap();
        extractor.annotate(&mut record, &found, &[(0, Field::Text(&text))]);
        let json: Json = serde_json::from_slice(&record).unwrap();
        prop_assert_eq!(&json, &serde_json::json!({ name: text }));
    }
}

/// More than the default with `PROPTEST_CASES`.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(512)
}
