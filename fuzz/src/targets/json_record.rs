//! Any bytes: the scanner accepts exactly the objects that serde_json accepts, finds what serde_json finds, and
//! annotating keeps all else.

use fluent_anomaly::{
    Format,
    records::{Accessor, Extractor, Field, Found, MAX_DEPTH, Output, Value},
};

pub fn run(data: &[u8]) {
    let inputs = ["$a", "$a['b'][1]"].map(|text| Accessor::parse(text).unwrap());
    let output = |name: &str| Output { name: name.to_owned(), constant: None };
    let extractor = Extractor::new(Format::Json, &inputs, &[output("a"), output("a new field")]);
    let mut found = Found::default();
    let accepted = extractor.scan(data, &mut found).is_ok();
    let mut annotated = data.to_vec();
    extractor.annotate(&mut annotated, &found, &[(1, Field::Bool(true))]);
    if !accepted {
        assert_eq!(annotated, data);
    }

    let begins = data.iter().find(|byte| !b" \n\t\r".contains(byte)) == Some(&b'{');
    let opened = data.iter().filter(|byte| b"{[".contains(byte)).count();
    if opened <= MAX_DEPTH {
        let valid = serde_json::from_slice::<serde::de::IgnoredAny>(data).is_ok();
        assert_eq!(accepted, begins && valid);
    }
    if !accepted {
        return;
    }
    extractor.scan(&annotated, &mut Found::default()).unwrap();
    if !data.windows(4).any(|bytes| bytes == b"a ne") && !data.contains(&b'\\') {
        let edge = data.iter().rposition(|&byte| byte == b'}').unwrap();
        assert!(annotated.starts_with(&data[..edge]) && annotated.ends_with(&data[edge..]));
        let added = annotated.len() - data.len();
        assert!(added == br#","a new field":true"#.len() || added == br#""a new field":true"#.len());
    }
    let mut replaced = data.to_vec();
    extractor.annotate(&mut replaced, &found, &[(0, Field::Integer(7))]);
    extractor.scan(&replaced, &mut found).unwrap();
    assert!(matches!(found.value(&replaced, 0), Some(Value::Number(number)) if number.text() == Some("7")));

    let Ok(json) = serde_json::from_slice::<serde_json::Value>(data) else { return };
    extractor.scan(data, &mut found).unwrap();
    for (input, expected) in [(0, json.get("a")), (1, json.get("a").and_then(|a| a.get("b")?.get(1)))] {
        match (found.value(data, input), expected) {
            (Some(Value::Number(ours)), Some(theirs)) => {
                let error = (ours.to_f64() - theirs.as_f64().unwrap()).abs();
                assert!(error <= ours.to_f64().abs() * 1e-15); // serde_json itself rounds roughly here
            }
            (Some(Value::Text(ours)), Some(serde_json::Value::String(theirs))) => {
                let mut text = Vec::new();
                ours.append_to(&mut text);
                assert_eq!(text, theirs.as_bytes());
            }
            (Some(Value::Bool(ours)), Some(theirs)) => assert_eq!(Some(ours), theirs.as_bool()),
            (ours, theirs) => {
                let kinds =
                    (ours.is_none(), matches!(ours, Some(Value::Null)), matches!(ours, Some(Value::Array)));
                let wanted = (
                    theirs.is_none(),
                    theirs.is_some_and(|t| t.is_null()),
                    theirs.is_some_and(|t| t.is_array()),
                );
                assert_eq!(kinds, wanted);
            }
        }
    }
}
