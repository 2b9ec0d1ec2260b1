//! The template changes nothing but the speed: one scratch for many records finds what a fresh one finds.

use proptest::prelude::*;

use super::*;

const ACCESSORS: [&str; 6] = ["v", "$t", "$m['h']", "$m['l'][1]", "v", "$gone"];

/// What a scan finds and an annotation makes of it.
fn outcome(extractor: &Extractor, text: &[u8], found: &mut Found) -> (String, Vec<u8>) {
    let mut record = text.to_vec();
    let result = extractor.scan(&record, found);
    let values: Vec<_> = (0..ACCESSORS.len())
        .map(|input| match found.value(&record, input) {
            Some(Value::Number(number)) => {
                format!("{} {:x}", number.text().unwrap(), number.to_f64().to_bits())
            }
            Some(Value::Text(text)) => format!("{text:?}"),
            other => format!("{other:?}"),
        })
        .collect();
    let mut plain = record.clone();
    let takes_suffix = extractor.takes_suffix(&plain, found);
    if takes_suffix {
        let mut suffix = Suffix::default();
        suffix.prepend_number(0.5);
        suffix.prepend(extractor.suffix_texts()[0].as_ref().unwrap());
        extractor.append_suffix(&mut plain, suffix.text());
    }
    extractor.annotate(&mut record, found, &[(0, Field::Constant), (1, Field::Number(0.5))]);
    assert_eq!(plain, if takes_suffix { &record[..] } else { text });
    (format!("{result:?} {values:?} {}", found.edge), record)
}

fn same_as_fresh(records: &[Vec<u8>]) {
    let outputs = [("why", Some("x")), ("score", None)];
    let (extractor, other) =
        (extractor(Format::Json, &ACCESSORS, &outputs), extractor(Format::Json, &["$t"], &outputs));
    let mut found = Found::default();
    for (n, record) in records.iter().enumerate() {
        if n % 16 == 15 {
            let _ = other.scan(record, &mut found); // a scratch may change hands
        }
        let remembered = outcome(&extractor, record, &mut found);
        let fresh = outcome(&extractor, record, &mut Found::default());
        assert_eq!(remembered, fresh, "{}", String::from_utf8_lossy(record));
    }
}

/// Values that fit into holes, and some that do not.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "-?(0|[1-9][0-9]{0,9})(\\.[0-9]{1,8})?",
        2 => "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?",
        4 => "\"[ -!#-\\[\\]-~]{0,20}\"",
        1 => prop::sample::select(vec!["true", "null", "\"\\n\"", "\"\\\"", "[]", "{\"h\":1}", "01", "1.", "-", ".5", "\"é\""]).prop_map(str::to_owned),
    ]
}

fn record_of(kind: usize, values: &[String]) -> Vec<u8> {
    let [a, b, c, d, e] = values else { unreachable!() };
    match kind {
        0 => format!("{{\"metric\":{a},\"v\":{b},\"t\":{c},\"m\":{{\"h\":{d},\"l\":[0,{e}]}}}}"),
        1 => format!("{{\"v\":{b},\"m\":{{\"h\":{d}}},\"v\":{a},\"t\":{c}}} "),
        2 => format!(" {{ \"t\" : {c} , \"v\" : {a}, \"x\":[{b},{d}]\n}}\n"),
        3 => format!("{{\"v\":{a},\"t\":{b},\"score\":{c}}}"),
        _ => format!("{{\"m\":{a},\"v\":{b}"),
    }
    .into_bytes()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Runs of records of one form, a value or two changed from one to the next, sometimes a byte.
    #[test]
    fn records_of_changing_form_are_read_as_if_each_were_the_first(
        start in prop::collection::vec(value(), 5),
        steps in prop::collection::vec(
            (prop_oneof![12 => Just(None), 1 => (0usize..5).prop_map(Some)], 0usize..5, value(),
             prop::option::weighted(0.2, (any::<prop::sample::Index>(), any::<u8>(), 0..3))),
            1..40,
        ),
    ) {
        let mut values = start;
        let mut kind = 0;
        let mut records = Vec::new();
        for (turn, place, value, damage) in steps {
            kind = turn.unwrap_or(kind);
            values[place] = value;
            let mut record = record_of(kind, &values);
            if let Some((at, byte, how)) = damage {
                let at = at.index(record.len());
                match how {
                    0 => record[at] = byte,
                    1 => drop(record.remove(at)),
                    _ => record.insert(at, b" \",:}0.-"[usize::from(byte) % 8]),
                }
            }
            records.push(record);
        }
        same_as_fresh(&records);
    }
}

#[test]
fn every_changed_byte_of_a_known_record_is_judged_as_if_it_were_the_first() {
    let known = br#"{"metric":"system.cpu.idle","v":-56.4409,"m":{"h":"web-01","l":[1,2]},"t":1700000000}"#;
    let mut records = Vec::new();
    for at in 0..known.len() {
        for byte in *b"\"\\ ,:.0a}-\n\0\xff" {
            let mut changed = known.to_vec();
            changed[at] = byte;
            records.extend([known.to_vec(), known.to_vec(), known[..at].to_vec(), changed]);
        }
    }
    // misses make pauses: a fresh memory for each few records
    for records in records.chunks(4) {
        same_as_fresh(records);
    }
}

#[test]
fn records_about_the_longest_that_are_remembered_are_read() {
    for len in (4070..4110).chain([8192]) {
        let record = |digit: char| {
            let mut text = format!("{{\"v\":{digit}.5,\"m\":{{\"h\":\"");
            text.extend(std::iter::repeat_n(digit, len - text.len() - 3));
            (text + "\"}}").into_bytes()
        };
        same_as_fresh(&['1', '1', '2', '3', '4'].map(record));
    }
}
