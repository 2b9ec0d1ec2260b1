//! msgpack -> JSON text, for standard output.

use crate::record::msgpack::head::{self, Body};
use crate::record::{Field, Format, encode, format_f64};
use crate::time::Time;

/// Appends a record as a line: its time in seconds, its tag, then its members.
pub(super) fn line(time: Option<Time>, tag: &str, record: &[u8], out: &mut Vec<u8>) {
    let nanos = time.map_or(0, Time::nanos);
    let (seconds, rest) = (nanos.div_euclid(1_000_000_000), nanos.rem_euclid(1_000_000_000));
    out.extend_from_slice(format!("{{\"date\":{seconds}.{rest:09},\"tag\":").as_bytes());
    text(tag.as_bytes(), out);
    let mut at = 0;
    if let Ok(head) = head::read(record)
        && let Body::Map(count) = head.body
    {
        at += head.start;
        for _ in 0..count {
            out.push(b',');
            member(record, &mut at, out);
        }
    }
    out.extend_from_slice(b"}\n");
}

fn text(bytes: &[u8], out: &mut Vec<u8>) {
    encode(Format::Json, &Field::Text(&String::from_utf8_lossy(bytes)), out);
}

fn member(bytes: &[u8], at: &mut usize, out: &mut Vec<u8>) {
    let start = out.len();
    value(bytes, at, out);
    if out.get(start) != Some(&b'"') {
        // a key that is no text
        let key = out.split_off(start);
        text(&key, out);
    }
    out.push(b':');
    value(bytes, at, out);
}

/// Appends the value at `at`. Its nesting is bounded: it was looked through when it came.
fn value(bytes: &[u8], at: &mut usize, out: &mut Vec<u8>) {
    let rest = bytes.get(*at..).unwrap_or_default();
    let Ok(head) = head::read(rest) else {
        *at = bytes.len();
        return out.extend_from_slice(b"null");
    };
    *at += head.end;
    let payload = rest.get(head.start..head.end).unwrap_or_default();
    match head.body {
        Body::Nil => out.extend_from_slice(b"null"),
        Body::Bool(truth) => out.extend_from_slice(if truth { b"true" } else { b"false" }),
        Body::Unsigned(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Body::Signed(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Body::Float(number) if number.is_finite() => format_f64(number, out),
        Body::Float(_) => out.extend_from_slice(b"null"),
        Body::Text | Body::Extension => text(payload, out),
        Body::Array(count) => items([b'[', b']'], count, out, |out| value(bytes, at, out)),
        Body::Map(count) => items([b'{', b'}'], count, out, |out| member(bytes, at, out)),
    }
}

/// Appends `count` items between two brackets.
fn items([open, close]: [u8; 2], count: u32, out: &mut Vec<u8>, mut item: impl FnMut(&mut Vec<u8>)) {
    out.push(open);
    for n in 0..count {
        if n > 0 {
            out.push(b',');
        }
        item(out);
    }
    out.push(close);
}
