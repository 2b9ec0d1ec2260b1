//! Records of every kind, against serde_json as oracle.

use super::*;

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
