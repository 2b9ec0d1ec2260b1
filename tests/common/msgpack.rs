//! msgpack to JSON values and back, independent of the library.

use serde_json::{Map, Number, Value};

/// One value and the bytes behind it; `None` when it is incomplete. Extension types become null.
pub(crate) fn decode(bytes: &[u8]) -> Option<(Value, &[u8])> {
    let (&head, rest) = bytes.split_first()?;
    let number = |width: usize| -> Option<(u64, &[u8])> {
        let (digits, rest) = rest.split_at_checked(width)?;
        Some((digits.iter().fold(0, |number, &digit| number << 8 | u64::from(digit)), rest))
    };
    let signed = |width: u32| -> Option<(Value, &[u8])> {
        let (number, rest) = number(width as usize)?;
        let unused = 64 - 8 * width;
        Some((Value::from((number << unused) as i64 >> unused), rest))
    };
    let unsigned = |width| number(width).map(|(number, rest)| (Value::from(number), rest));
    let float = |x: f64| Number::from_f64(x).map_or(Value::Null, Value::Number);
    match head {
        0x00..=0x7f => Some((Value::from(head), rest)),
        0xe0..=0xff => Some((Value::from(head as i8), rest)),
        0x80..=0x8f => map(u64::from(head & 15), rest),
        0x90..=0x9f => array(u64::from(head & 15), rest),
        0xa0..=0xbf => text(u64::from(head & 31), rest),
        0xc2 | 0xc3 => Some((Value::from(head == 0xc3), rest)),
        0xca => number(4).map(|(bits, rest)| (float(f64::from(f32::from_bits(bits as u32))), rest)),
        0xcb => number(8).map(|(bits, rest)| (float(f64::from_bits(bits)), rest)),
        0xcc..=0xcf => unsigned(1 << (head - 0xcc)),
        0xd0..=0xd3 => signed(1 << (head - 0xd0)),
        0xd4..=0xd8 => Some((Value::Null, rest.get(1 + (1 << (head - 0xd4))..)?)),
        0xc7 => number(1).and_then(|(len, rest)| Some((Value::Null, rest.get(1 + len as usize..)?))),
        0xc4 | 0xd9 => number(1).and_then(|(len, rest)| text(len, rest)),
        0xc5 | 0xda => number(2).and_then(|(len, rest)| text(len, rest)),
        0xc6 | 0xdb => number(4).and_then(|(len, rest)| text(len, rest)),
        0xdc => number(2).and_then(|(len, rest)| array(len, rest)),
        0xdd => number(4).and_then(|(len, rest)| array(len, rest)),
        0xde => number(2).and_then(|(len, rest)| map(len, rest)),
        0xdf => number(4).and_then(|(len, rest)| map(len, rest)),
        _ => Some((Value::Null, rest)),
    }
}

fn text(len: u64, rest: &[u8]) -> Option<(Value, &[u8])> {
    let (text, rest) = rest.split_at_checked(len as usize)?;
    Some((Value::from(String::from_utf8_lossy(text).into_owned()), rest))
}

fn array(len: u64, mut rest: &[u8]) -> Option<(Value, &[u8])> {
    let mut values = Vec::new();
    for _ in 0..len {
        let value;
        (value, rest) = decode(rest)?;
        values.push(value);
    }
    Some((Value::Array(values), rest))
}

fn map(len: u64, mut rest: &[u8]) -> Option<(Value, &[u8])> {
    let mut values = Map::new();
    for _ in 0..len {
        let (key, value);
        (key, rest) = decode(rest)?;
        (value, rest) = decode(rest)?;
        values.insert(key.as_str().unwrap_or_default().to_owned(), value);
    }
    Some((Value::Object(values), rest))
}

/// All complete values.
pub(crate) fn decode_all(mut bytes: &[u8]) -> Vec<Value> {
    let mut values = Vec::new();
    while let Some((value, rest)) = decode(bytes) {
        values.push(value);
        bytes = rest;
    }
    values
}

/// In the widest form of each kind.
pub(crate) fn encode(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(0xc0),
        Value::Bool(truth) => out.push(0xc2 | u8::from(*truth)),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => out.extend([&[0xcf], &number.to_be_bytes()[..]].concat()),
            (_, Some(number)) => out.extend([&[0xd3], &number.to_be_bytes()[..]].concat()),
            _ => out.extend([&[0xcb], &number.as_f64().unwrap_or(0.0).to_be_bytes()[..]].concat()),
        },
        Value::String(text) => {
            out.extend([&[0xdb], &(text.len() as u32).to_be_bytes()[..], text.as_bytes()].concat());
        }
        Value::Array(values) => {
            out.extend([&[0xdd], &(values.len() as u32).to_be_bytes()[..]].concat());
            values.iter().for_each(|value| encode(value, out));
        }
        Value::Object(fields) => {
            out.extend([&[0xdf], &(fields.len() as u32).to_be_bytes()[..]].concat());
            for (key, value) in fields {
                encode(&Value::from(key.as_str()), out);
                encode(value, out);
            }
        }
    }
}
