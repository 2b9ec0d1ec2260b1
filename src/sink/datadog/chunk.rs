//! msgpack records as Fluent Bit and Fluentd hand them over.
//!
//! A chunk is a run of entries without an outer array: `[time, record]`, or `[[time, metadata], record]` since
//! Fluent Bit 2.1, both kinds possibly mixed; array headers come in every width. Entries whose time is -1 or
//! -2 seconds mark the start and end of a group and are no records. Fluentd's `exec` output writes bare maps.

use super::batch::Batch;
use super::event::Said;
use super::msgpack::{Cursor, Fault, Token};
use super::outcome::Reason;
use super::record_fields::{Fields, Slot, Value};
use std::borrow::Cow;

/// What an entry's time says.
enum When {
    Seconds(f64),
    /// No usable number: the record's own `time` has to do.
    Unknown,
    /// A group marker: the entry is no record.
    Marker,
}

/// Reads entries until the bytes end; what follows a broken one is lost and counted as one malformed record.
pub(super) fn read(bytes: &[u8], tag: &str, batch: &mut Batch) {
    let mut cursor = Cursor::new(bytes);
    while cursor.left() > 0 {
        if entry(&mut cursor, tag, None, batch).is_err() {
            batch.drop_record(Reason::Malformed);
            return;
        }
    }
}

/// Reads one entry or bare record; `now` is the time of one that has none.
///
/// # Errors
/// The bytes end early, or are no msgpack. Nothing of the entry has been counted then.
pub(super) fn entry(
    cursor: &mut Cursor<'_>,
    tag: &str,
    now: Option<f64>,
    batch: &mut Batch,
) -> Result<(), Fault> {
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
                    batch.drop_record(Reason::Malformed);
                }
            }
        }
        other => {
            cursor.skip_inside(other)?;
            batch.drop_record(Reason::Malformed);
        }
    }
    Ok(())
}

fn time(cursor: &mut Cursor<'_>) -> Result<When, Fault> {
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

fn record<'a>(cursor: &mut Cursor<'a>, pairs: u32) -> Result<Fields<'a>, Fault> {
    let mut fields = Fields::default();
    for _ in 0..pairs {
        let key = cursor.token()?;
        cursor.skip_inside(key)?;
        let slot = match key {
            Token::Text(key) => Slot::of(key),
            _ => None,
        };
        match slot {
            Some(Slot::Said) => {
                let said = said(cursor)?;
                fields.say(said);
            }
            Some(slot) => {
                let value = value(cursor)?;
                fields.set(slot, value);
            }
            None => cursor.skip(1)?,
        }
    }
    Ok(fields)
}

fn said<'a>(cursor: &mut Cursor<'a>) -> Result<Said<'a>, Fault> {
    let mut said = Said::default();
    match cursor.token()? {
        Token::Map(pairs) => {
            for _ in 0..pairs {
                let key = cursor.token()?;
                cursor.skip_inside(key)?;
                let value = value(cursor)?;
                if let Token::Text(key) = key {
                    said.set(key, value);
                }
            }
        }
        other => cursor.skip_inside(other)?,
    }
    Ok(said)
}

fn value<'a>(cursor: &mut Cursor<'a>) -> Result<Value<'a>, Fault> {
    Ok(match cursor.token()? {
        Token::Nil => Value::Absent,
        Token::Text(text) => Value::text(String::from_utf8_lossy(text)),
        Token::Int(number) => Value::Number(number as f64),
        Token::Big(number) => Value::Number(number as f64),
        Token::Float(number) => Value::Number(number),
        Token::Array(items) => Value::Texts(texts(cursor, items)?),
        other => {
            cursor.skip_inside(other)?;
            Value::Other
        }
    })
}

fn texts<'a>(cursor: &mut Cursor<'a>, items: u32) -> Result<Vec<Cow<'a, str>>, Fault> {
    let mut texts = Vec::new();
    for _ in 0..items {
        match cursor.token()? {
            Token::Text(text) => texts.push(String::from_utf8_lossy(text)),
            other => cursor.skip_inside(other)?,
        }
    }
    Ok(texts)
}
