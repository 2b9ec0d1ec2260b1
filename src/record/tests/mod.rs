//! Records of every kind: tables of awkward ones here, laws against independent readers beside.

mod json_laws;
mod mend_laws;
mod msgpack_laws;
mod template_laws;

use super::*;

/// What is written into a record.
type Fields<'a> = &'a [(usize, Field<'a>)];

fn extractor(format: Format, inputs: &[&str], outputs: &[(&str, Option<&str>)]) -> Extractor {
    let inputs: Vec<_> = inputs.iter().map(|text| Accessor::parse(text).unwrap()).collect();
    let outputs: Vec<_> = outputs
        .iter()
        .map(|(name, constant)| Output { name: (*name).to_owned(), constant: constant.map(str::to_owned) })
        .collect();
    Extractor::new(format, &inputs, &outputs)
}

/// A value as text that tells its kind.
fn show(value: Option<Value<'_>>) -> String {
    let text = |append: &dyn Fn(&mut Vec<u8>)| {
        let mut out = Vec::new();
        append(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    };
    match value {
        None => "missing".to_owned(),
        Some(Value::Null) => "null".to_owned(),
        Some(Value::Bool(value)) => value.to_string(),
        Some(Value::Number(number)) => text(&|out| number.append_to(out)),
        Some(Value::Text(value)) => format!("{:?}", text(&|out| value.append_to(out))),
        Some(Value::Array) => "array".to_owned(),
        Some(Value::Object) => "object".to_owned(),
        Some(Value::Other) => "other".to_owned(),
    }
}

#[test]
fn values_are_found_wherever_they_stand() {
    for (record, accessor, expected) in [
        (r#"{"a":1}"#, "a", "1"),
        (r#"{"a":1}"#, "b", "missing"),
        (r#"{}"#, "a", "missing"),
        (" \n\t{ \"a\" : 1.0 , \"b\"\r:\n2 } \n", "b", "2"),
        (r#"{"a":1.0}"#, "a", "1.0"),
        (r#"{"a":-0}"#, "a", "-0"),
        (r#"{"a":1e400}"#, "a", "1e400"),
        (r#"{"a":18446744073709551615}"#, "a", "18446744073709551615"),
        (r#"{"a":"x"}"#, "a", r#""x""#),
        (r#"{"a":""}"#, "a", r#""""#),
        (r#"{"a":"a\"b\\c\/\u00e9\ud83d\ude00\n"}"#, "a", r#""a\"b\\c/é😀\n""#),
        (r#"{"a":"\ud800"}"#, "a", "\"\u{fffd}\""),
        (r#"{"a":"\ud800\u0041"}"#, "a", "\"\u{fffd}A\""),
        (r#"{"a":"\udc00x"}"#, "a", "\"\u{fffd}x\""),
        (r#"{"a":null}"#, "a", "null"),
        (r#"{"a":true,"b":false}"#, "b", "false"),
        (r#"{"a":[1]}"#, "a", "array"),
        (r#"{"a":{}}"#, "a", "object"),
        (r#"{"a":1,"a":2}"#, "a", "2"),
        (r#"{"a":{"b":1},"a":2}"#, "$a['b']", "missing"),
        (r#"{"a":2,"a":{"b":1}}"#, "$a['b']", "1"),
        (r#"{"a":{"b":{"c":1},"b":3}}"#, "$a['b']['c']", "missing"),
        (r#"{"a":{"b":{"c":1}},"c":3}"#, "$a['b']['c']", "1"),
        (r#"{"x":{"a":7},"a":{"x":1,"b":[0,[1,2,{"c":"d"}],3]}}"#, "$a['b'][1][2]['c']", r#""d""#),
        (r#"{"a":[[1,2],[3,4]]}"#, "$a[1][0]", "3"),
        (r#"{"a":[[1,2],[3,4]]}"#, "$a[2]", "missing"),
        (r#"{"a":{"0":1}}"#, "$a[0]", "missing"),
        (r#"{"a":[1]}"#, "$a['0']", "missing"),
        (r#"{"x":{"a":1}}"#, "a", "missing"),
        (r#"{"\u0061":1}"#, "a", "1"),
        (r#"{"\u0061\u0062c":1}"#, "abc", "1"),
        (r#"{"long_key_with_\u0061_tail":1}"#, "long_key_with_a_tail", "1"),
        (r#"{"long_key_with_\u0061_tail":1}"#, "long_key_with_a_tai", "missing"),
        (r#"{"a\"b":1}"#, "$['a\"b']", "1"),
        (r#"{"":1}"#, "$['']", "1"),
        (r#"{"température":1}"#, "température", "1"),
        (r#"{"score_outlier":1,"score_outlies":2}"#, "score_outlies", "2"),
        (r#"{"score_out":1,"score_ou":2}"#, "score_ou", "2"),
        (r#"{"a12345678":1,"a1234567":2,"a123456":3}"#, "a1234567", "2"),
    ] {
        let extractor = extractor(Format::Json, &[accessor], &[]);
        let mut found = Found::default();
        extractor.scan(record.as_bytes(), &mut found).unwrap_or_else(|error| panic!("{record}: {error}"));
        assert_eq!(show(found.value(record.as_bytes(), 0)), expected, "{accessor} in {record}");
    }
}

fn scan(format: Format, record: &[u8]) -> Result<(), NotARecord> {
    Extractor::new(format, &[], &[]).scan(record, &mut Found::default())
}

#[test]
fn what_is_no_record_is_refused_with_reason_and_place() {
    use Why::*;
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
    for (record, why, at) in [
        ("", Truncated, 0),
        (" ", Truncated, 1),
        ("{", Truncated, 1),
        ("x", NotAnObject, 0),
        ("[1,2]", NotAnObject, 0),
        (" \"text\"", NotAnObject, 1),
        ("12", NotAnObject, 0),
        ("null", NotAnObject, 0),
        ("\u{feff}{}", NotAnObject, 0),
        ("{}{}", Trailing, 2),
        ("{} x", Trailing, 3),
        ("{}\0", Trailing, 2),
        (r#"{"a":1}}"#, Trailing, 7),
        (r#"{"a":NaN}"#, Unexpected, 5),
        (r#"{"a":nan}"#, Unexpected, 5),
        (r#"{"a":Infinity}"#, Unexpected, 5),
        (r#"{"a":-Infinity}"#, BadNumber, 6),
        (r#"{"a":+1}"#, Unexpected, 5),
        (r#"{"a":.5}"#, Unexpected, 5),
        (r#"{"a":01}"#, BadNumber, 7),
        (r#"{"a":-01}"#, BadNumber, 8),
        (r#"{"a":1.}"#, BadNumber, 7),
        (r#"{"a":1.e5}"#, BadNumber, 7),
        (r#"{"a":1e}"#, BadNumber, 7),
        (r#"{"a":1e+}"#, BadNumber, 8),
        (r#"{"a":-}"#, BadNumber, 6),
        (r#"{"a":0x10}"#, Unexpected, 6),
        (r#"{"a":1 2}"#, Unexpected, 7),
        (r#"{"a":1a}"#, Unexpected, 6),
        (r#"{"a":True}"#, Unexpected, 5),
        (r#"{"a":trues}"#, Unexpected, 9),
        (r#"{"a" 1}"#, Unexpected, 5),
        (r#"{"a":}"#, Unexpected, 5),
        (r#"{"a":1,}"#, Unexpected, 7),
        (r#"{,"a":1}"#, Unexpected, 1),
        (r#"{"a":1,,"b":2}"#, Unexpected, 7),
        (r#"{"a":1 "b":2}"#, Unexpected, 7),
        (r#"{a:1}"#, Unexpected, 1),
        (r#"{'a':1}"#, Unexpected, 1),
        (r#"{1:1}"#, Unexpected, 1),
        (r#"{"a":[1,]}"#, Unexpected, 8),
        (r#"{"a":[,1]}"#, Unexpected, 6),
        (r#"{"a":[}"#, Unexpected, 6),
        (r#"{"a":{]}"#, Unexpected, 6),
        (r#"{"a":[1}"#, Unexpected, 7),
        (r#"{"a":[1:2]}"#, Unexpected, 7),
        (r#"{]"#, Unexpected, 1),
        ("{\"a\":\"x\ny\"}", ControlCharacter, 7),
        ("{\"a\u{1}\":1}", ControlCharacter, 3),
        ("{\"a\0\":1}", ControlCharacter, 3),
        (r#"{"a":"\x"}"#, BadEscape, 6),
        (r#"{"a":"\u12g4"}"#, BadEscape, 6),
        (r#"{"\u":1}"#, BadEscape, 2),
        (r#"{"a":"\"#, Truncated, 7),
        (r#"{"a":"\u00"#, Truncated, 10),
        (r#"{"a":tru"#, Truncated, 8),
        (r#"{"a":-"#, Truncated, 6),
        (&deep, TooDeep, 5 + MAX_DEPTH - 1),
    ] {
        assert_eq!(scan(Format::Json, record.as_bytes()), Err(NotARecord { why, at }), "{record:.60}");
    }
    assert_eq!(
        scan(Format::Json, b"[]").unwrap_err().to_string(),
        "not a record: it does not begin with an object (`{`) or map at byte 0"
    );
}

#[test]
fn nesting_is_accepted_to_its_bound_and_remembers_each_kind() {
    let mut record = String::from("{\"a\":");
    let mut close = String::from("}");
    for level in 1..MAX_DEPTH {
        if level * level % 7 < 3 {
            record.push('[');
            close.insert(0, ']');
        } else {
            record.push_str("{\"a\":");
            close.insert(0, '}');
        }
    }
    let whole = format!("{record}1{close}");
    assert_eq!(scan(Format::Json, whole.as_bytes()), Ok(()));
    for at in [1, 63, 64, 65, 128, 500, MAX_DEPTH - 1] {
        let mut wrong = close.clone().into_bytes();
        wrong[at] = if wrong[at] == b']' { b'}' } else { b']' };
        let wrong = [record.as_bytes(), b"1", &wrong].concat();
        let error = scan(Format::Json, &wrong).unwrap_err();
        assert_eq!(error, NotARecord { why: Why::Unexpected, at: record.len() + 1 + at });
    }
}

#[test]
fn a_record_cut_at_any_byte_is_refused_as_truncated() {
    let record = r#"{"host":"web-0017","n":[1,-2.5e+3,{"x":null,"y":true}],"esc\u0061\n":"\ud83d\ude00 é","t":1700000000}"#;
    let extractor = extractor(Format::Json, &["host", "t", "$n[2]['y']"], &[("t", None)]);
    let mut found = Found::default();
    extractor.scan(record.as_bytes(), &mut found).unwrap();
    for len in 0..record.len() {
        let mut cut = record.as_bytes()[..len].to_vec();
        let error = extractor.scan(&cut, &mut found).unwrap_err();
        assert_eq!(error, NotARecord { why: Why::Truncated, at: len }, "{len}");
        assert!((0..3).all(|input| found.value(&cut, input).is_none()));
        extractor.annotate(&mut cut, &found, &[(0, Field::Integer(1))]);
        assert_eq!(cut, &record.as_bytes()[..len]);
    }
}

#[test]
fn records_of_ten_megabytes_take_linear_time() {
    let size = 10 << 20;
    let long = format!("{{\"text\":\"{}\",\"v\":1}}", "x".repeat(size));
    let escaped = format!("{{\"text\":\"{}\",\"v\":1}}", "\\n".repeat(size / 2));
    let digits = format!("{{\"text\":{},\"v\":1}}", "9".repeat(size));
    let spaces = format!("{{\"text\":0,\"v\":1}}{}", " ".repeat(size));
    let array = format!("{{\"text\":[{}0],\"v\":1}}", "0,".repeat(size / 2));
    let members = format!("{{{}\"v\":1}}", "\"v\":2,".repeat(size / 6));
    let extractor = extractor(Format::Json, &["v", "text"], &[("score", None), ("v", None)]);
    let mut found = Found::default();
    for record in [long, escaped, digits, spaces, array, members] {
        let mut record = record.into_bytes();
        extractor.scan(&record, &mut found).unwrap();
        assert_eq!(show(found.value(&record, 0)), "1");
        if let Some(Value::Number(number)) = found.value(&record, 1) {
            assert!(number.to_f64() >= 0.0);
        }
        let len = record.len();
        extractor.annotate(&mut record, &found, &[(0, Field::Number(0.5)), (1, Field::Integer(3))]);
        assert_eq!(record.len(), len + 12);
        extractor.scan(&record, &mut found).unwrap();
        assert_eq!(show(found.value(&record, 0)), "3");
    }
}

#[test]
fn bytes_that_are_not_utf8_pass_inside_of_strings() {
    let mut record =
        b"{\"a\xff\":\"\x80\xfe\xff\xed\xa0\x80\",\"v\":\"\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\"}"
            .to_vec();
    let extractor = extractor(Format::Json, &["v"], &[("s", None)]);
    let mut found = Found::default();
    extractor.scan(&record, &mut found).unwrap();
    let Some(Value::Text(text)) = found.value(&record, 0) else { panic!("no text") };
    assert_eq!(text.as_plain(), Some(&[0xe9; 10][..]));
    let expected = [&record[..record.len() - 1], b",\"s\":true}"].concat();
    extractor.annotate(&mut record, &found, &[(0, Field::Bool(true))]);
    assert_eq!(record, expected);
}

#[test]
fn annotations_stand_behind_the_last_member() {
    let outputs =
        [("c1", Some("x\"y")), ("n1", None), ("c2", Some("é")), ("a\nb\"\\\u{1}", None), ("none", None)];
    let extractor = extractor(Format::Json, &[], &outputs);
    let mut found = Found::default();
    let number = Field::Number;
    let inner = [
        ("lower", number(1.0)),
        ("nan", number(f64::NAN)),
        ("who", Field::Text("it's \"me\"\t\u{7f}")),
        ("c", Field::Constant),
    ];
    let only_nan = [("x", number(f64::INFINITY)), ("y", number(2.0)), ("m", Field::Map(&[]))];
    let cases: &[(&str, Fields<'_>, &str)] = &[
        (r#"{"a":1}"#, &[], r#"{"a":1}"#),
        (r#"{}"#, &[(1, number(12.0))], r#"{"n1":12.0}"#),
        (" { } \n", &[(1, number(12.0))], " { \"n1\":12.0} \n"),
        (
            "{\"a\":1 }\r\n",
            &[(1, number(0.1)), (0, Field::Constant)],
            "{\"a\":1 ,\"n1\":0.1,\"c1\":\"x\\\"y\"}\r\n",
        ),
        (
            r#"{}"#,
            &[(0, Field::Constant), (1, number(1.5)), (2, Field::Constant)],
            r#"{"c1":"x\"y","n1":1.5,"c2":"é"}"#,
        ),
        (r#"{"a":1}"#, &[(0, Field::Constant), (2, Field::Constant)], r#"{"a":1,"c1":"x\"y","c2":"é"}"#),
        (r#"{"a":1}"#, &[(2, Field::Constant), (0, Field::Constant)], r#"{"a":1,"c2":"é","c1":"x\"y"}"#),
        (r#"{"a":1}"#, &[(1, number(f64::NAN)), (0, Field::Constant)], r#"{"a":1,"c1":"x\"y"}"#),
        (r#"{ }"#, &[(1, number(f64::NEG_INFINITY)), (4, Field::Constant)], r#"{ }"#),
        (r#"{}"#, &[(1, number(f64::NAN)), (4, Field::Bool(false))], r#"{"none":false}"#),
        (r#"{"a":1}"#, &[(9, number(1.0))], r#"{"a":1}"#),
        (r#"{"a":1}"#, &[(3, Field::Integer(i64::MIN))], r#"{"a":1,"a\nb\"\\\u0001":-9223372036854775808}"#),
        (
            r#"{"a":1}"#,
            &[(1, Field::Map(&inner))],
            "{\"a\":1,\"n1\":{\"lower\":1.0,\"who\":\"it's \\\"me\\\"\\t\u{7f}\"}}",
        ),
        (r#"{"a":1}"#, &[(1, Field::Map(&only_nan))], r#"{"a":1,"n1":{"y":2.0,"m":{}}}"#),
        // replaced in their place
        (r#"{"n1":"old","b":2}"#, &[(1, number(2.5))], r#"{"n1":2.5,"b":2}"#),
        (
            r#"{"n1":{"x":[1]} ,"b":2}"#,
            &[(1, number(2.5)), (2, Field::Constant)],
            r#"{"n1":2.5 ,"b":2,"c2":"é"}"#,
        ),
        (
            r#"{"b":2,"n1": 1,"c2":7,"n1":[3]}"#,
            &[(2, Field::Constant), (1, number(-0.0))],
            r#"{"b":2,"n1": -0.0,"c2":"é","n1":-0.0}"#,
        ),
        (r#"{"n1":1,"b":2}"#, &[(1, number(f64::NAN))], r#"{"n1":1,"b":2}"#),
        (r#"{"n1":1,"b":2}"#, &[(0, Field::Constant)], r#"{"n1":1,"b":2,"c1":"x\"y"}"#),
        ("{\"\\u006e1\":null}\n", &[(1, Field::Integer(-7))], "{\"\\u006e1\":-7}\n"),
        (r#"{"x":{"n1":1}}"#, &[(1, Field::Integer(0))], r#"{"x":{"n1":1},"n1":0}"#),
        (
            r#"{"c1":1,"n1":2,"c2":3}"#,
            &[(0, Field::Constant), (1, Field::Text("")), (2, Field::Constant)],
            r#"{"c1":"x\"y","n1":"","c2":"é"}"#,
        ),
    ];
    for (before, fields, after) in cases {
        let mut record = before.as_bytes().to_vec();
        extractor.scan(&record, &mut found).unwrap();
        extractor.annotate(&mut record, &found, fields);
        assert_eq!(String::from_utf8(record).unwrap(), *after, "{fields:?} into {before}");
    }
}

#[test]
fn a_record_that_was_not_scanned_is_left_alone() {
    let json = extractor(Format::Json, &["a"], &[("n", None)]);
    let msgpack = extractor(Format::Msgpack, &["a"], &[("n", None)]);
    let mut record = br#"{"a":1}"#.to_vec();
    let mut found = Found::default();
    json.annotate(&mut record, &found, &[(0, Field::Bool(true))]);
    assert_eq!(record, br#"{"a":1}"#);
    json.scan(&record, &mut found).unwrap();
    msgpack.annotate(&mut record, &found, &[(0, Field::Bool(true))]);
    assert_eq!(record, br#"{"a":1}"#);
    assert!(found.value(b"", 0).is_none());
    assert!(found.value(b"{}", 7).is_none());
    record.push(b' ');
    json.annotate(&mut record, &found, &[(0, Field::Bool(true))]);
    assert_eq!(record, br#"{"a":1} "#);
}

#[test]
fn one_value_can_be_wanted_twice() {
    let record = br#"{"a":{"b":5}}"#;
    let extractor = extractor(Format::Json, &["$a['b']", "a", "$a[\"b\"]", "a"], &[("a", None)]);
    let mut found = Found::default();
    extractor.scan(record, &mut found).unwrap();
    let shown: Vec<_> = (0..4).map(|input| show(found.value(record, input))).collect();
    assert_eq!(shown, ["5", "object", "5", "object"]);
}

#[test]
fn a_long_name_can_be_wanted_and_written() {
    let long = "a name of more than sixteen bytes";
    let accessors = [
        format!("$['{long}']"),
        format!("$['{long}']['b']"),
        format!("$['{long}']"),
        "$latency_ms".to_owned(),
    ];
    let inputs: Vec<&str> = accessors.iter().map(String::as_str).collect();
    let extractor = extractor(Format::Json, &inputs, &[(long, None), ("latency_ms", Some("x"))]);
    let mut found = Found::default();
    let mut record = format!(r#"{{"{long}":{{"b":1}},"latency_ms":7}}"#).into_bytes();
    extractor.scan(&record, &mut found).unwrap();
    let shown: Vec<_> = (0..4).map(|input| show(found.value(&record, input))).collect();
    assert_eq!(shown, ["object", "1", "object", "7"]);
    extractor.annotate(&mut record, &found, &[(0, Field::Integer(2)), (1, Field::Constant)]);
    assert_eq!(String::from_utf8(record).unwrap(), format!(r#"{{"{long}":2,"latency_ms":"x"}}"#));
}

#[test]
fn many_names_are_told_apart() {
    let names: Vec<_> = (0..300).map(|n| format!("latency_{}_{n}", "x".repeat(n % 20))).collect();
    let inputs: Vec<_> = names.iter().map(|name| Accessor::parse(name).unwrap()).collect();
    let extractor = Extractor::new(Format::Json, &inputs, &[]);
    let members: Vec<_> = names.iter().enumerate().map(|(n, name)| format!("\"{name}\":{n}")).collect();
    let record = format!("{{{}}}", members.join(","));
    let mut found = Found::default();
    extractor.scan(record.as_bytes(), &mut found).unwrap();
    for n in 0..300 {
        assert_eq!(show(found.value(record.as_bytes(), n)), n.to_string());
    }
}
