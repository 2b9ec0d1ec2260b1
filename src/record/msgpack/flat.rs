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
        let value_at = at + key.end;
        let end = value_at + scalar(record, value_at)?.end;
        if let Body::Text = key.body {
            let text = record.get(at + key.start..value_at)?;
            for (name, span) in names.iter().zip(&mut *spans) {
                if **name == *text {
                    *span = value_at..end;
                }
            }
        }
        at = end;
    }
    (at == record.len()).then_some(())
}

fn scalar(record: &[u8], at: usize) -> Option<head::Head> {
    let head = head::read(record.get(at..)?).ok()?;
    (!matches!(head.body, Body::Array(_) | Body::Map(_))).then_some(head)
}
