//! The scan: one pass over a map, which checks its structure and notes wanted values.

use super::head::{self, Body, NoHead};
use crate::record::format::{Format, MAX_DEPTH, NotARecord, Why};
use crate::record::found::{Found, OpenContainer};
use crate::record::tree::{NONE, ROOT, Tree, key_word};
use crate::record::value::Span;

/// Scans a record for the names of the tree.
pub(in crate::record) fn scan(
    record: &[u8],
    tree: &Tree,
    inputs: usize,
    found: &mut Found,
) -> Result<(), NotARecord> {
    found.begin(Format::Msgpack, inputs, record.len());
    found.open_containers.clear();
    let outcome = walk(record, tree, found);
    if outcome.is_err() {
        found.forget();
    }
    outcome
}

fn walk(record: &[u8], tree: &Tree, found: &mut Found) -> Result<(), NotARecord> {
    let read = |at: usize| {
        head::read(record.get(at..).unwrap_or_default()).map_err(|error| match error {
            NoHead::Short => Why::Truncated.at(record.len()),
            NoHead::Unused => Why::BadMarker.at(at),
        })
    };
    let root = read(0)?;
    let Body::Map(members) = root.body else { return Err(Why::NotAnObject.at(0)) };
    let edge = root.start;
    let mut at = edge;
    let mut level = OpenContainer { node: ROOT, is_map: true, left: members, index: 0, start: 0 };
    loop {
        while level.left == 0 {
            let Some(outer) = found.open_containers.pop() else {
                if at != record.len() {
                    return Err(Why::Trailing.at(at));
                }
                found.finish(tree, edge, members);
                return Ok(());
            };
            if let Some(wanted) = tree.node(level.node) {
                found.record_value(wanted, Span { start: level.start, end: at, escaped: false });
            }
            level = outer;
        }
        level.left -= 1;

        let mut child = NONE;
        let node = tree.node(level.node);
        if level.is_map {
            let key = read(at)?;
            if let Some(node) = node
                && let Body::Text = key.body
            {
                let text = record.get(at + key.start..at + key.end).unwrap_or_default();
                child = node.key(key_word(text), text, 0, text.len());
            }
            at = match key.body {
                Body::Array(_) | Body::Map(_) => skip(record, at, found.open_containers.len() + 1)?,
                _ => at + key.end,
            };
        } else if let Some(node) = node {
            child = node.element(level.index);
            level.index += 1;
        }

        let value = read(at)?;
        let wanted = tree.node(child);
        if let Some(wanted) = wanted {
            found.forget_inner(wanted);
        }
        let start = at;
        at += value.end;
        let (is_map, left) = match value.body {
            Body::Map(members) => (true, members),
            Body::Array(elements) => (false, elements),
            _ => {
                if let Some(wanted) = wanted {
                    found.record_value(wanted, Span { start, end: at, escaped: false });
                }
                continue;
            }
        };
        if found.open_containers.len() + 1 == MAX_DEPTH {
            return Err(Why::TooDeep.at(start));
        }
        found.open_containers.push(level);
        level = OpenContainer { node: child, is_map, left, index: 0, start };
    }
}

/// Offset behind a container that stands as a key inside of `depth` others: nobody wants it, but it must be well-formed.
#[cold]
fn skip(record: &[u8], at: usize, depth: usize) -> Result<usize, NotARecord> {
    use super::stream::{BadBytes, object_len_within};
    let rest = record.get(at..).unwrap_or_default();
    match object_len_within(rest, MAX_DEPTH.saturating_sub(depth)) {
        Ok(Some(len)) => Ok(at + len),
        Ok(None) => Err(Why::Truncated.at(record.len())),
        Err(BadBytes::Marker { at: inside }) => Err(Why::BadMarker.at(at + inside)),
        Err(BadBytes::TooDeep { at: inside }) => Err(Why::TooDeep.at(at + inside)),
    }
}
