//! msgpack records as Fluent Bit and Fluentd hand them over.
//!
//! A chunk is a run of entries without an outer array: `[time, record]`, or `[[time, metadata], record]` since
//! Fluent Bit 2.1, both kinds possibly mixed; array headers come in every width. Entries whose time is -1 or
//! -2 seconds mark the start and end of a group and are no records. Fluentd's `exec` output writes bare maps.

use super::batch::Batch;
use super::msgpack::{MsgpackFault, MsgpackReader, Token};
use super::outcome::UnsentReason;
use super::record_fields::{FieldSlot, FieldValue, MonitorMap, RecordFields};
use super::window_maps::WindowMaps;
use std::borrow::Cow;

/// Time of an entry.
enum When {
    Seconds(f64),
    /// No usable number: the record's own `time` has to do.
    Unknown,
    /// A group marker: the entry is no record.
    Marker,
}

/// Reads entries until the bytes end; what follows a broken one is lost and counted as one malformed record.
pub(super) fn read(bytes: &[u8], tag: &str, batch: &mut Batch) {
    let mut cursor = MsgpackReader::new(bytes);
    while cursor.left() > 0 {
        if entry(&mut cursor, tag, None, batch).is_err() {
            batch.drop_record(UnsentReason::Malformed);
            return;
        }
    }
}

/// Reads one entry or bare record; `now` is the time of one that has none.
///
/// # Errors
/// The bytes end early, or are no msgpack. Nothing of the entry has been counted then.
pub(super) fn entry(
    cursor: &mut MsgpackReader<'_>,
    tag: &str,
    now: Option<f64>,
    batch: &mut Batch,
) -> Result<(), MsgpackFault> {
    match cursor.token()? {
        Token::Map(pairs) => {
            let fields = record(cursor, pairs)?;
            batch.add(&fields, now, tag);
        }
        Token::Array(2) => {
            let when = time(cursor)?;
            match cursor.token()? {
                Token::Map(pairs) => {
                    let fields = record(cursor, pairs)?;
                    match when {
                        When::Seconds(seconds) => batch.add(&fields, Some(seconds), tag),
                        When::Unknown => batch.add(&fields, None, tag),
                        When::Marker => {}
                    }
                }
                other => {
                    cursor.skip_inside(other)?;
                    batch.drop_record(UnsentReason::Malformed);
                }
            }
        }
        other => {
            cursor.skip_inside(other)?;
            batch.drop_record(UnsentReason::Malformed);
        }
    }
    Ok(())
}

fn time(cursor: &mut MsgpackReader<'_>) -> Result<When, MsgpackFault> {
    let token = match cursor.token()? {
        Token::Array(items @ 1..) => {
            let time = cursor.token()?;
            cursor.skip_inside(time)?;
            cursor.skip(u64::from(items) - 1)?;
            time
        }
        other => {
            cursor.skip_inside(other)?;
            other
        }
    };
    Ok(match token {
        Token::Ext(0, &[a, b, c, d, e, f, g, h]) => {
            // seconds below 0 never are a time: -1 and -2 mark groups, others are invalid to the host too
            match i32::from_be_bytes([a, b, c, d]) {
                -1 | -2 => When::Marker,
                _ => {
                    let seconds = u32::from_be_bytes([a, b, c, d]);
                    let nanoseconds = u32::from_be_bytes([e, f, g, h]);
                    When::Seconds(f64::from(seconds) + f64::from(nanoseconds) * 1e-9)
                }
            }
        }
        Token::Int(-1 | -2) => When::Marker,
        // exact up to 2^53 s
        Token::Int(seconds) => When::Seconds(seconds as f64),
        Token::Float(seconds) => When::Seconds(seconds),
        _ => When::Unknown,
    })
}

fn record<'a>(cursor: &mut MsgpackReader<'a>, pairs: u32) -> Result<RecordFields<'a>, MsgpackFault> {
    let mut fields = RecordFields::default();
    for _ in 0..pairs {
        let key = cursor.token()?;
        cursor.skip_inside(key)?;
        let slot = match key {
            Token::Text(key) => FieldSlot::of(key),
            _ => None,
        };
        match slot {
            Some(FieldSlot::MonitorMap) => {
                let map = monitor_map(cursor)?;
                fields.add_monitor(map);
            }
            Some(FieldSlot::Window) => window(cursor)?.give(&mut fields),
            Some(slot) => {
                let value = value(cursor)?;
                fields.set(slot, value);
            }
            None => cursor.skip(1)?,
        }
    }
    Ok(fields)
}

fn monitor_map<'a>(cursor: &mut MsgpackReader<'a>) -> Result<MonitorMap<'a>, MsgpackFault> {
    let mut map = MonitorMap::default();
    match cursor.token()? {
        Token::Map(pairs) => {
            for _ in 0..pairs {
                let key = cursor.token()?;
                cursor.skip_inside(key)?;
                let value = value(cursor)?;
                if let Token::Text(key) = key {
                    map.set(key, value);
                }
            }
        }
        other => cursor.skip_inside(other)?,
    }
    Ok(map)
}

fn window<'a>(cursor: &mut MsgpackReader<'a>) -> Result<WindowMaps<'a>, MsgpackFault> {
    let mut window = WindowMaps::default();
    let pairs = match cursor.token()? {
        Token::Map(pairs) => pairs,
        other => {
            cursor.skip_inside(other)?;
            0
        }
    };
    for _ in 0..pairs {
        let key = cursor.token()?;
        cursor.skip_inside(key)?;
        match key {
            Token::Text(b"by") => keys(cursor, &mut window)?,
            Token::Text(key) if FieldSlot::of(key) == Some(FieldSlot::MonitorMap) => {
                window.add_map(monitor_map(cursor)?);
            }
            _ => cursor.skip(1)?,
        }
    }
    Ok(window)
}

/// The fields that name a window's series.
fn keys<'a>(cursor: &mut MsgpackReader<'a>, window: &mut WindowMaps<'a>) -> Result<(), MsgpackFault> {
    let pairs = match cursor.token()? {
        Token::Map(pairs) => pairs,
        other => return cursor.skip_inside(other),
    };
    for _ in 0..pairs {
        let key = cursor.token()?;
        cursor.skip_inside(key)?;
        let value = value(cursor)?;
        if let Token::Text(name) = key {
            window.add_key(&String::from_utf8_lossy(name), &value);
        }
    }
    Ok(())
}

fn value<'a>(cursor: &mut MsgpackReader<'a>) -> Result<FieldValue<'a>, MsgpackFault> {
    Ok(match cursor.token()? {
        Token::Nil => FieldValue::Absent,
        Token::Text(text) => FieldValue::text(String::from_utf8_lossy(text)),
        Token::Int(number) => FieldValue::Number(number as f64),
        Token::Big(number) => FieldValue::Number(number as f64),
        Token::Float(number) => FieldValue::Number(number),
        Token::Array(items) => FieldValue::Texts(texts(cursor, items)?),
        other => {
            cursor.skip_inside(other)?;
            FieldValue::Other
        }
    })
}

fn texts<'a>(cursor: &mut MsgpackReader<'a>, items: u32) -> Result<Vec<Cow<'a, str>>, MsgpackFault> {
    let mut texts = Vec::new();
    for _ in 0..items {
        match cursor.token()? {
            Token::Text(text) => texts.push(String::from_utf8_lossy(text)),
            other => cursor.skip_inside(other)?,
        }
    }
    Ok(texts)
}
