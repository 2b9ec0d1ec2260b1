//! Members of a map of scalars by their names, without what a scan checks and notes besides.

use std::ops::Range;

use super::head::{self, Body};
use crate::record::value::Value;

/// Finds where the values of `names` stand in a record that is one map of scalars; an empty range where there is none. Of
/// several members with the same key the last one counts, as in a scan. False, and nothing is known, for any other record,
/// sound or not.
pub(crate) fn find_flat(record: &[u8], names: &[Box<[u8]>], spans: &mut Vec<Range<usize>>) -> bool {
    spans.clear();
    spans.resize(names.len(), 0..0);
    walk(record, names, spans).is_some()
}

/// The value at such a range.
pub(crate) fn flat_value<'a>(record: &'a [u8], span: &Range<usize>) -> Option<Value<'a>> {
    Value::of_msgpack(record.get(span.clone())?)
}

fn walk(record: &[u8], names: &[Box<[u8]>], spans: &mut [Range<usize>]) -> Option<()> {
    let root = head::read(record).ok()?;
    let Body::Map(members) = root.body else { return None };
    let mut at = root.start;
    for _ in 0..members {
        let key = scalar(record, at)?;
        let value = scalar(record, key.end)?;
        if key.is_text {
            let text = record.get(key.start..key.end)?;
            for (name, span) in names.iter().zip(spans.iter_mut()) {
                if **name == *text {
                    *span = key.end..value.end;
                }
            }
        }
        at = value.end;
    }
    (at == record.len()).then_some(())
}

/// Where a scalar stands.
struct Scalar {
    /// str or bin.
    is_text: bool,
    /// Offset of a text's bytes.
    start: usize,
    end: usize,
}

/// The scalar at `at`; the kinds that most records are made of need no more than a look at their first byte.
#[inline(always)] // speed
fn scalar(record: &[u8], at: usize) -> Option<Scalar> {
    let marker = *record.get(at)?;
    let (is_text, start, end) = match marker {
        0xa0..=0xbf => (true, at + 1, at + 1 + usize::from(marker & 31)),
        0x00..=0x7f | 0xe0..=0xff | 0xc0 | 0xc2 | 0xc3 => (false, at, at + 1),
        0xcb | 0xcf | 0xd3 => (false, at, at + 9),
        0xca | 0xce | 0xd2 => (false, at, at + 5),
        0xd9 => (true, at + 2, at + 2 + usize::from(*record.get(at + 1)?)),
        _ => return any_scalar(record, at),
    };
    (end <= record.len()).then_some(Scalar { is_text, start, end })
}

#[inline(never)] // speed: rare
fn any_scalar(record: &[u8], at: usize) -> Option<Scalar> {
    let head = head::read(record.get(at..)?).ok()?;
    let is_text = match head.body {
        Body::Array(_) | Body::Map(_) => return None,
        Body::Text => true,
        _ => false,
    };
    Some(Scalar { is_text, start: at + head.start, end: at + head.end })
}
