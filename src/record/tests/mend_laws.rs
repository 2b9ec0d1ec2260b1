//! Mending: a model of Fluent Bit's printer, and JSON that needs none.

use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

use super::json_laws::record_text;
use super::*;

/// A msgpack value: how Fluent Bit prints it, and the JSON that shall leave.
#[derive(Debug, Clone)]
struct Printed {
    text: String,
    json: Json,
    changes: usize,
}

fn printed(text: impl Into<String>, json: Json, changes: usize) -> Printed {
    Printed { text: text.into(), json, changes }
}

/// Bytes as `"%02x"` of a signed char.
fn ext(bytes: &[u8]) -> Printed {
    let text: String = bytes
        .iter()
        .map(|&byte| if byte < 0x80 { format!("\\x{byte:02x}") } else { format!("\\xffffff{byte:02x}") })
        .collect();
    let characters: String = bytes.iter().map(|&byte| char::from(byte)).collect();
    printed(format!("\"{text}\""), Json::from(characters), bytes.len())
}

fn scalar() -> impl Strategy<Value = Printed> {
    prop_oneof![
        any::<i64>().prop_map(|value| printed(value.to_string(), json!(value), 0)),
        any::<bool>().prop_map(|value| printed(value.to_string(), json!(value), 0)),
        Just(printed("null", Json::Null, 0)),
        prop::sample::select(vec!["nan", "-nan", "inf", "-inf"]).prop_map(|text| printed(
            text,
            Json::Null,
            1
        )),
        Just(printed("1.797693134862316e+308", json!(f64::MAX), 1)),
        Just(printed("-1.797693134862316e+308", json!(f64::MIN), 1)),
        (-1e300..1e300).prop_map(|value: f64| printed(
            format!("{value:.15e}"),
            json!(format!("{value:.15e}").parse::<f64>().unwrap()),
            0
        )),
        ".{0,12}".prop_map(|text| printed(Json::from(text.clone()).to_string(), Json::from(text), 0)),
        prop::collection::vec(any::<u8>(), 0..9).prop_map(|bytes| ext(&bytes)),
    ]
}

/// Keys: texts as they are, everything else in quotes.
fn key(key: Printed) -> (String, String, usize) {
    match key.json {
        Json::String(name) => (key.text, name, key.changes),
        _ => (key.text.clone(), key.text, 1),
    }
}

fn value() -> BoxedStrategy<Printed> {
    scalar()
        .prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(|items| {
                    let text: Vec<_> = items.iter().map(|item| item.text.clone()).collect();
                    let json = items.iter().map(|item| item.json.clone()).collect();
                    printed(
                        format!("[{}]", text.join(",")),
                        json,
                        items.iter().map(|item| item.changes).sum(),
                    )
                }),
                map(inner),
            ]
        })
        .boxed()
}

fn map(inner: impl Strategy<Value = Printed> + Clone) -> impl Strategy<Value = Printed> {
    // a key that is a container is kept as the text that Fluent Bit printed for it
    prop::collection::vec((inner.clone(), inner), 0..4).prop_map(|members| {
        let (mut text, mut json, mut changes) = (Vec::new(), Map::new(), 0);
        for (name, value) in members {
            let (printed_name, name, of_name) = key(name);
            text.push(format!("{printed_name}:{}", value.text));
            json.insert(name, value.json);
            changes += of_name + value.changes;
        }
        printed(format!("{{{}}}", text.join(",")), Json::Object(json), changes)
    })
}

proptest! {
    #[test]
    fn every_record_that_fluent_bit_prints_becomes_the_json_meant(record in map(value())) {
        let mut text = record.text.clone().into_bytes();
        let is_suspect = json::may_need_mending(&text);
        let mended = mend(&mut text).unwrap_or_default();
        let json: Json = serde_json::from_slice(&text).expect(&record.text);
        prop_assert_eq!(json, record.json);
        prop_assert_eq!(mended.changes(), record.changes);
        prop_assert!(is_suspect || mended == Mended::default(), "the quick look misses nothing");
        let mut again = text.clone();
        prop_assert!(mend(&mut again).is_none(), "mended records need no mending");
    }

    #[test]
    fn json_is_left_alone(text in record_text()) {
        let Ok(before) = serde_json::from_str::<Json>(&text) else { return Ok(()) }; // a number beyond the range
        let mut record = text.clone().into_bytes();
        let mended = mend(&mut record).unwrap_or_default();
        prop_assert_eq!(mended.changes(), 0);
        if mended.characters == 0 {
            prop_assert_eq!(&record, text.as_bytes());
        }
        prop_assert_eq!(serde_json::from_slice::<Json>(&record).unwrap(), before);
    }

    /// The scan says when a record that is JSON needs mending, and keeps silent otherwise.
    #[test]
    fn the_scan_asks_for_mending_exactly_where_there_is_something_to_mend(texts in prop::collection::vec(record_text(), 1..4)) {
        let extractor = Extractor::new(Format::Json, &[], &[]);
        let mut found = Found::default();
        for text in texts {
            let mut record = text.into_bytes();
            for _ in 0..2 {
                extractor.scan(&record, &mut found).unwrap();
                let asked = found.needs_mending();
                prop_assert_eq!(mend(&mut record).is_some(), asked, "{}", String::from_utf8_lossy(&record));
            }
        }
    }

    /// Records that are only checked are mostly passed by a template or a quick look. They say the same as a scan.
    #[test]
    fn a_check_asks_for_mending_exactly_where_there_is_something_to_mend(
        records in prop::collection::vec(map(value()), 1..4),
        turns in prop::collection::vec(any::<prop::sample::Index>(), 60),
    ) {
        let extractor = Extractor::new(Format::Json, &[], &[]);
        let mut found = Found::for_checks();
        for turn in turns {
            let mut record = records[turn.index(records.len())].text.clone().into_bytes();
            let asked = extractor.scan(&record, &mut found).is_err() || found.needs_mending();
            prop_assert_eq!(mend(&mut record).is_some(), asked, "{}", String::from_utf8_lossy(&record));
        }
    }
}
