//! msgpack: rmpv as the independent reader and writer, and literal bytes.

use proptest::prelude::*;
use rmpv::Value as Pack;

use super::msgpack::{BadBytes, object_len};
use super::*;

fn encoded(value: &Pack) -> Vec<u8> {
    let mut out = Vec::new();
    rmpv::encode::write_value(&mut out, value).unwrap();
    out
}

fn record(members: &[(&str, Pack)]) -> Vec<u8> {
    encoded(&Pack::Map(members.iter().map(|(key, value)| (Pack::from(*key), value.clone())).collect()))
}

#[test]
fn every_kind_of_value_is_found() {
    for (bytes, expected) in [
        (&[0x07][..], "7"),
        (&[0xff], "-1"),
        (&[0xe0], "-32"),
        (&[0xcc, 200], "200"),
        (&[0xcd, 1, 0], "256"),
        (&[0xce, 0xff, 0xff, 0xff, 0xff], "4294967295"),
        (&[0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "18446744073709551615"),
        (&[0xd0, 0x80], "-128"),
        (&[0xd1, 0x80, 0], "-32768"),
        (&[0xd2, 0x80, 0, 0, 0], "-2147483648"),
        (&[0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0], "-9223372036854775808"),
        (&[0xca, 0x3f, 0xc0, 0, 0], "1.5"),
        (&[0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0], "1.5"),
        (&[0xc0], "null"),
        (&[0xc2], "false"),
        (&[0xc3], "true"),
        (&[0xa2, b'h', b'i'], "\"hi\""),
        (&[0xd9, 1, b'x'], "\"x\""),
        (&[0xda, 0, 1, b'x'], "\"x\""),
        (&[0xdb, 0, 0, 0, 1, b'x'], "\"x\""),
        (&[0xc4, 1, b'x'], "\"x\""),
        (&[0xc5, 0, 1, b'x'], "\"x\""),
        (&[0xc6, 0, 0, 0, 1, b'x'], "\"x\""),
        (&[0x91, 1], "array"),
        (&[0xdc, 0, 0], "array"),
        (&[0xdd, 0, 0, 0, 0], "array"),
        (&[0x81, 1, 1], "object"),
        (&[0xde, 0, 0], "object"),
        (&[0xdf, 0, 0, 0, 0], "object"),
        (&[0xd4, 1, 0], "other"),
        (&[0xd7, 0, 1, 2, 3, 4, 5, 6, 7, 8], "other"),
        (&[0xd8, 0, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8], "other"),
        (&[0xc7, 1, 5, 9], "other"),
        (&[0xc8, 0, 1, 5, 9], "other"),
        (&[0xc9, 0, 0, 0, 1, 5, 9], "other"),
    ] {
        let extractor = extractor(Format::Msgpack, &["a"], &[]);
        let record = [&[0x82, 0xa1, b'a'], bytes, &[0xa1, b'b', 1]].concat();
        let mut found = Found::default();
        extractor.scan(&record, &mut found).unwrap_or_else(|error| panic!("{bytes:x?}: {error}"));
        assert_eq!(show(found.value(&record, 0)), expected, "{bytes:x?}");
        for len in 0..record.len() {
            let error = extractor.scan(&record[..len], &mut found).unwrap_err();
            assert_eq!(error, NotARecord { why: Why::Truncated, at: len });
            assert_eq!(object_len(&record[..len]), Ok(None));
        }
        assert_eq!(object_len(&record), Ok(Some(record.len())));
    }
}

#[test]
fn what_is_no_map_is_refused() {
    use Why::*;
    for (bytes, why, at) in [
        (&[][..], Truncated, 0),
        (&[0xc0], NotAnObject, 0),
        (&[0x90], NotAnObject, 0),
        (b"{}", NotAnObject, 0),
        (&[0xc1], BadMarker, 0),
        (&[0x81, 0xa1, b'a', 0xc1], BadMarker, 3),
        (&[0x80, 0x80], Trailing, 1),
        (&[0x81, 0xa1, b'a'], Truncated, 3),
        (&[0xdf, 0xff, 0xff, 0xff, 0xff, 1], Truncated, 6),
        (&[0x81, 0x91, 0xc1, 1], BadMarker, 2),
        (&[0x81, 0x91], Truncated, 2),
    ] {
        assert_eq!(scan(Format::Msgpack, bytes), Err(NotARecord { why, at }), "{bytes:x?}");
    }
}

#[test]
fn keys_that_are_no_text_are_passed_over() {
    // {1: 1, [9, {"a": 2}]: 3, nil: 4, bin "a": 5, ext: 6}
    let record = [0x85, 1, 1, 0x92, 9, 0x81, 0xa1, b'a', 2, 3, 0xc0, 4, 0xc4, 1, b'a', 5, 0xd4, 1, b'a', 6];
    let extractor = extractor(Format::Msgpack, &["a"], &[]);
    let mut found = Found::default();
    extractor.scan(&record, &mut found).unwrap();
    assert_eq!(show(found.value(&record, 0)), "5");
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| [&[0x81, 0xa1, b'a'].repeat(depth - 1)[..], &[0x80]].concat();
    assert_eq!(scan(Format::Msgpack, &nested(MAX_DEPTH)), Ok(()));
    assert_eq!(object_len(&nested(MAX_DEPTH)), Ok(Some(3 * MAX_DEPTH - 2)));
    let at = 3 * MAX_DEPTH;
    assert_eq!(scan(Format::Msgpack, &nested(MAX_DEPTH + 1)), Err(NotARecord { why: Why::TooDeep, at }));
    assert_eq!(object_len(&nested(MAX_DEPTH + 1)), Err(BadBytes::TooDeep { at }));
    let key = [&[0x81][..], &[0x91].repeat(MAX_DEPTH), &[1]].concat();
    assert_eq!(scan(Format::Msgpack, &key), Err(NotARecord { why: Why::TooDeep, at: MAX_DEPTH }));
}

#[test]
fn annotations_are_literally_these_bytes() {
    let extractor = extractor(Format::Msgpack, &[], &[("n", None), ("c", Some("x")), ("a", None)]);
    let mut found = Found::default();
    let inner = [("k", Field::Bool(true)), ("gone", Field::Number(f64::NAN)), ("t", Field::Text("é"))];
    let cases: &[(&[u8], Fields<'_>, &[u8])] = &[
        (&[0x80], &[], &[0x80]),
        (&[0x80], &[(0, Field::Number(f64::NAN))], &[0x80]),
        (&[0x80], &[(0, Field::Number(1.5))], &[0x81, 0xa1, b'n', 0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0]),
        (&[0x81, 1, 2], &[(1, Field::Constant)], &[0x82, 1, 2, 0xa1, b'c', 0xa1, b'x']),
        (&[0xde, 0, 1, 1, 2], &[(1, Field::Constant)], &[0xde, 0, 2, 1, 2, 0xa1, b'c', 0xa1, b'x']),
        (&[0xdf, 0, 0, 0, 0], &[(0, Field::Bool(false))], &[0xdf, 0, 0, 0, 1, 0xa1, b'n', 0xc2]),
        (
            &[0x80],
            &[(0, Field::Map(&inner))],
            &[0x81, 0xa1, b'n', 0x82, 0xa1, b'k', 0xc3, 0xa1, b't', 0xa2, 0xc3, 0xa9],
        ),
        (
            &[0x82, 0xa1, b'a', 0x91, 1, 0xa1, b'b', 2],
            &[(2, Field::Integer(-33)), (0, Field::Integer(127))],
            &[0x83, 0xa1, b'a', 0xd0, 0xdf, 0xa1, b'b', 2, 0xa1, b'n', 0x7f],
        ),
        (
            &[0x82, 0xa1, b'a', 1, 0xa1, b'a', 2],
            &[(2, Field::Integer(200))],
            &[0x82, 0xa1, b'a', 0xcc, 200, 0xa1, b'a', 0xcc, 200],
        ),
    ];
    for (before, fields, after) in cases {
        let mut record = before.to_vec();
        extractor.scan(&record, &mut found).unwrap();
        extractor.annotate(&mut record, &found, fields);
        assert_eq!(record, *after, "{fields:?} into {before:x?}");
    }
}

#[test]
fn the_header_grows_with_the_map() {
    let extractor = extractor(Format::Msgpack, &[], &[("n", None)]);
    let mut found = Found::default();
    for (members, header) in [
        (14usize, vec![0x8f]),
        (15, vec![0xde, 0, 16]),
        (65_534, vec![0xde, 0xff, 0xff]),
        (65_535, vec![0xdf, 0, 1, 0, 0]),
    ] {
        let map = Pack::Map((0..members).map(|n| (Pack::from(n as u64), Pack::Nil)).collect());
        let mut record = encoded(&map);
        extractor.scan(&record, &mut found).unwrap();
        extractor.annotate(&mut record, &found, &[(0, Field::Integer(1))]);
        assert_eq!(&record[..header.len()], &header[..]);
        let Ok(Pack::Map(read)) = rmpv::decode::read_value(&mut &record[..]) else { panic!("no map") };
        assert_eq!(read.len(), members + 1);
        assert_eq!(read[members], (Pack::from("n"), Pack::from(1)));
    }
}

fn pack() -> impl Strategy<Value = Pack> {
    let scalar = prop_oneof![
        Just(Pack::Nil),
        any::<bool>().prop_map(Pack::from),
        any::<i64>().prop_map(Pack::from),
        any::<u64>().prop_map(Pack::from),
        (-200i64..200).prop_map(Pack::from),
        any::<f64>().prop_map(Pack::from),
        any::<f32>().prop_map(Pack::from),
        "\\PC{0,40}".prop_map(Pack::from),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(Pack::from),
        (any::<i8>(), prop::collection::vec(any::<u8>(), 0..20))
            .prop_map(|(kind, data)| Pack::Ext(kind, data)),
    ];
    scalar.prop_recursive(4, 30, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..20).prop_map(Pack::Array),
            prop::collection::vec((key(inner.clone()), inner), 0..20).prop_map(Pack::Map),
        ]
    })
}

fn key(other: impl Strategy<Value = Pack>) -> impl Strategy<Value = Pack> {
    prop_oneof![
        6 => prop::sample::select(vec!["a", "b", "latency_ms", "score", ""]).prop_map(Pack::from),
        1 => other,
    ]
}

fn map() -> impl Strategy<Value = Pack> {
    prop::collection::vec((key(pack()), pack()), 0..20).prop_map(Pack::Map)
}

/// The value at the end of an accessor; the last of several counts.
fn at<'a>(value: &'a Pack, accessor: &Accessor) -> Option<&'a Pack> {
    accessor.steps().iter().try_fold(value, |value, step| match (step, value) {
        (super::super::accessor::Step::Key(key), Pack::Map(members)) => {
            let is = |name: &Pack| name.as_slice() == Some(key.as_bytes());
            members.iter().rev().find(|(name, _)| is(name)).map(|(_, value)| value)
        }
        (super::super::accessor::Step::Index(index), Pack::Array(items)) => items.get(*index as usize),
        _ => None,
    })
}

proptest! {
    #[test]
    fn records_are_read_as_rmpv_reads_them(map in map(), more in prop::collection::vec(any::<u8>(), 0..3)) {
        let accessors = ["a", "latency_ms", "$b['a']", "$a[1]", "$['']", "$a['a']['b']"];
        let extractor = extractor(Format::Msgpack, &accessors, &[]);
        let mut found = Found::default();
        let record = encoded(&map);
        extractor.scan(&record, &mut found).map_err(|error| TestCaseError::fail(error.to_string()))?;
        for (input, accessor) in accessors.iter().enumerate() {
            let expected = at(&map, &Accessor::parse(accessor).unwrap());
            let value = found.value(&record, input);
            match (value, expected) {
                (None, None) | (Some(Value::Null), Some(Pack::Nil)) | (Some(Value::Array), Some(Pack::Array(_)))
                | (Some(Value::Object), Some(Pack::Map(_))) | (Some(Value::Other), Some(Pack::Ext(..))) => {}
                (Some(Value::Bool(ours)), Some(Pack::Boolean(theirs))) => prop_assert_eq!(ours, *theirs),
                (Some(Value::Text(ours)), Some(theirs @ (Pack::String(_) | Pack::Binary(_)))) => {
                    prop_assert_eq!(ours.as_plain(), theirs.as_slice());
                }
                (Some(Value::Number(ours)), Some(theirs)) => {
                    let theirs = theirs.as_f64().unwrap();
                    prop_assert!(ours.to_f64() == theirs || ours.to_f64().is_nan() && theirs.is_nan());
                }
                (ours, theirs) => prop_assert!(false, "{accessor}: {ours:?} is not {theirs:?}"),
            }
        }
        let stream = [&record[..], &more].concat();
        prop_assert_eq!(object_len(&stream), Ok(Some(record.len())));
        prop_assert_eq!(extractor.scan(&stream, &mut found).is_ok(), more.is_empty());
    }

    #[cfg(feature = "companion")]
    #[test]
    fn a_map_of_scalars_is_walked_as_a_scan_reads_it(map in map(), scalars: bool, more in prop::collection::vec(any::<u8>(), 0..2)) {
        let Pack::Map(mut members) = map else { unreachable!() };
        let is_scalar = |value: &Pack| !matches!(value, Pack::Array(_) | Pack::Map(_));
        if scalars {
            members.retain(|(key, value)| is_scalar(key) && is_scalar(value));
        }
        let is_flat = members.iter().all(|(key, value)| is_scalar(key) && is_scalar(value));
        let record = [&encoded(&Pack::Map(members))[..], &more].concat();
        let names = ["a", "latency_ms", ""];
        let wanted: Vec<Box<[u8]>> = names.iter().map(|name| name.as_bytes().into()).collect();
        let mut spans = Vec::new();
        let is_walked = super::msgpack::find_flat(&record, &wanted, &mut spans);
        prop_assert_eq!(is_walked, is_flat && more.is_empty());
        if is_walked {
            let extractor = extractor(Format::Msgpack, &["a", "latency_ms", "$['']"], &[]);
            let mut found = Found::default();
            extractor.scan(&record, &mut found).unwrap();
            for (input, span) in spans.iter().enumerate() {
                let value = super::msgpack::flat_value(&record, span);
                prop_assert_eq!(format!("{value:?}"), format!("{:?}", found.value(&record, input)));
            }
        }
    }

    #[test]
    fn annotating_keeps_all_else(map in map(), score in -1e9..1e9f64) {
        let extractor = extractor(Format::Msgpack, &[], &[("score", None), ("new", Some("c"))]);
        let mut found = Found::default();
        let mut record = encoded(&map);
        extractor.scan(&record, &mut found).unwrap();
        extractor.annotate(&mut record, &found, &[(0, Field::Number(score)), (1, Field::Constant)]);
        let Pack::Map(mut members) = map else { unreachable!() };
        let mut there = false;
        for (name, value) in &mut members {
            if name.as_slice() == Some(b"score") {
                *value = Pack::from(score);
                there = true;
            }
        }
        if !there {
            members.push((Pack::from("score"), Pack::from(score)));
        }
        members.push((Pack::from("new"), Pack::from("c")));
        prop_assert_eq!(record, encoded(&Pack::Map(members)));
    }

    #[test]
    fn any_bytes_are_judged_alike_by_scan_and_stream(bytes in prop::collection::vec(prop_oneof![any::<u8>(), 0x80u8..0xe0], 0..40)) {
        let outcome = scan(Format::Msgpack, &bytes);
        match object_len(&bytes) {
            Ok(Some(len)) => {
                prop_assert!(len <= bytes.len());
                let is_map = matches!(bytes[0], 0x80..=0x8f | 0xde | 0xdf);
                prop_assert_eq!(scan(Format::Msgpack, &bytes[..len]).is_ok(), is_map);
                prop_assert_eq!(outcome.is_ok(), is_map && len == bytes.len());
            }
            _ => prop_assert!(outcome.is_err()),
        }
    }

    #[test]
    fn integers_take_the_shortest_form(value in prop_oneof![any::<i64>(), -70_000i64..70_000, Just(i64::from(u32::MAX)), Just(i64::from(i32::MIN))]) {
        let extractor = extractor(Format::Msgpack, &[], &[("n", None)]);
        let mut found = Found::default();
        let mut bytes = vec![0x80];
        extractor.scan(&bytes, &mut found).unwrap();
        extractor.annotate(&mut bytes, &found, &[(0, Field::Integer(value))]);
        prop_assert_eq!(bytes, record(&[("n", Pack::from(value))]));
    }

    #[test]
    fn a_record_has_the_same_values_in_both_formats(
        members in prop::collection::vec(("[a-c]", prop_oneof![
            any::<i64>().prop_map(serde_json::Value::from), (-1e300..1e300f64).prop_map(serde_json::Value::from),
            "\\PC{0,12}".prop_map(serde_json::Value::from), any::<bool>().prop_map(serde_json::Value::from),
            prop::collection::vec(any::<u32>(), 0..3).prop_map(serde_json::Value::from),
            Just(serde_json::Value::Null), Just(serde_json::json!({"a": [1.5, {"b": "x"}]})),
        ]), 0..6),
    ) {
        let map: serde_json::Map<_, _> = members.into_iter().collect();
        let text = serde_json::to_vec(&map).unwrap();
        let mut packed = Vec::new();
        rmpv::encode::write_value(&mut packed, &rmpv::ext::to_value(&map).unwrap()).unwrap();
        let accessors = ["a", "b", "$c['a'][1]['b']", "$a[0]", "$c['a'][0]"];
        let (json, msgpack) = (extractor(Format::Json, &accessors, &[]), extractor(Format::Msgpack, &accessors, &[]));
        let (mut in_json, mut in_msgpack) = (Found::default(), Found::default());
        json.scan(&text, &mut in_json).unwrap();
        msgpack.scan(&packed, &mut in_msgpack).unwrap();
        for input in 0..accessors.len() {
            match (in_json.value(&text, input), in_msgpack.value(&packed, input)) {
                (Some(Value::Number(a)), Some(Value::Number(b))) => prop_assert_eq!(a.to_f64(), b.to_f64()),
                (a, b) => prop_assert_eq!(show(a), show(b)),
            }
        }
    }
}
