//! Request bodies, written straight into a buffer.

use super::batch::Batch;
use super::names;
use super::outcome::UnsentCounts;
use super::point::{MetricKind, MetricPoint, SeriesIdentity, outside};
use super::settings::{Compression, IntakeApi, Limits};
use std::io::Write;

/// A body and the positions it covers.
#[derive(Debug)]
pub(super) struct Payload {
    /// As posted.
    pub(super) body: Vec<u8>,
    /// The position after the last point that was looked at.
    pub(super) end: u64,
    /// Points in the body.
    pub(super) points: u64,
    /// Points between start and end that are outside the intake's window of time.
    pub(super) dropped: UnsentCounts,
}

/// Builds the next body: points from position `from` on, as many as `limits` allow.
pub(super) fn build(
    batch: &Batch,
    from: u64,
    now: i64,
    limits: &Limits,
    api: IntakeApi,
    compression: Compression,
) -> Payload {
    let mut limits = *limits;
    loop {
        let mut payload = fill(batch, from, now, &limits, api);
        payload.body = compress(payload.body, compression);
        if payload.body.len() <= limits.compressed || payload.points <= 1 {
            return payload;
        }
        limits.points = payload.points / 2;
    }
}

/// Bytes that close a body after its last series.
const CLOSING: usize = 2;

fn fill(batch: &Batch, from: u64, now: i64, limits: &Limits, api: IntakeApi) -> Payload {
    let mut out = b"{\"series\":[".to_vec();
    // the text after the points of the current series
    let mut tail = Vec::new();
    let (mut points, mut dropped) = (0, UnsentCounts::default());
    // the position of the point at hand
    let mut at = 0;
    'series: for series in batch.series() {
        let behind = at + series.points.len() as u64;
        let skip = usize::try_from(from.saturating_sub(at)).unwrap_or(usize::MAX);
        at = at.max(from.min(behind));
        let mut begun = false;
        for point in series.points.get(skip..).unwrap_or_default() {
            if let Some(reason) = outside(point, now) {
                dropped.add(reason, 1);
                at += 1;
                continue;
            }
            let mark = out.len();
            if begun || points > 0 {
                out.push(b',');
            }
            if !begun {
                tail.clear();
                head(&mut out, &series.name, api);
                write_tail(&mut tail, &series.name, api);
            }
            write_point(&mut out, point, api);
            let full = points == limits.points || out.len() + tail.len() + CLOSING > limits.raw;
            if full && points > 0 {
                out.truncate(mark);
                if begun {
                    out.extend_from_slice(&tail);
                }
                break 'series;
            }
            begun = true;
            points += 1;
            at += 1;
        }
        if begun {
            out.extend_from_slice(&tail);
        }
    }
    out.extend_from_slice(b"]}");
    Payload { body: out, end: at, points, dropped }
}

fn head(out: &mut Vec<u8>, name: &SeriesIdentity, api: IntakeApi) {
    out.extend_from_slice(b"{\"metric\":");
    text(out, &name.metric);
    let kind: &[u8] = match (api, name.kind) {
        (IntakeApi::V1, MetricKind::Gauge) => b"\"gauge\"",
        (IntakeApi::V1, MetricKind::Count) => b"\"count\"",
        (IntakeApi::V1, MetricKind::Rate) => b"\"rate\"",
        (IntakeApi::V2, MetricKind::Count) => b"1",
        (IntakeApi::V2, MetricKind::Rate) => b"2",
        (IntakeApi::V2, MetricKind::Gauge) => b"3",
    };
    out.extend_from_slice(b",\"type\":");
    out.extend_from_slice(kind);
    out.extend_from_slice(b",\"points\":[");
}

fn write_point(out: &mut Vec<u8>, point: &MetricPoint, api: IntakeApi) {
    let (before, between, behind): (&[u8], &[u8], &[u8]) = match api {
        IntakeApi::V1 => (b"[", b",", b"]"),
        IntakeApi::V2 => (b"{\"timestamp\":", b",\"value\":", b"}"),
    };
    out.extend_from_slice(before);
    integer(out, point.time);
    out.extend_from_slice(between);
    // points are finite, see `Batch`
    out.extend_from_slice(zmij::Buffer::new().format_finite(point.value).as_bytes());
    out.extend_from_slice(behind);
}

fn write_tail(out: &mut Vec<u8>, name: &SeriesIdentity, api: IntakeApi) {
    out.push(b']');
    match api {
        IntakeApi::V1 => {
            if let Some(host) = &name.host {
                out.extend_from_slice(b",\"host\":");
                text(out, host);
            }
            // this version's model has no field for it
            let device = name.device.as_deref().and_then(|device| names::tag(&format!("device:{device}")));
            list(out, "tags", &mut name.tags.iter().chain(&device), |out, tag| text(out, tag));
        }
        IntakeApi::V2 => {
            let resources = [("host", &name.host), ("device", &name.device)];
            let mut resources =
                resources.into_iter().filter_map(|(kind, name)| Some((kind, name.as_deref()?)));
            list(out, "resources", &mut resources, |out, (kind, name)| {
                out.extend_from_slice(b"{\"name\":");
                text(out, name);
                out.extend_from_slice(b",\"type\":");
                text(out, kind);
                out.push(b'}');
            });
            list(out, "tags", &mut name.tags.iter(), |out, tag| text(out, tag));
        }
    }
    if let Some(interval) = name.interval {
        out.extend_from_slice(b",\"interval\":");
        integer(out, i64::from(interval));
    }
    out.push(b'}');
}

/// `,"name":[...]`, or nothing when there are no items.
fn list<T>(
    out: &mut Vec<u8>,
    name: &str,
    items: &mut dyn Iterator<Item = T>,
    write: impl Fn(&mut Vec<u8>, T),
) {
    let mut first = true;
    for item in items {
        if first {
            out.extend_from_slice(b",\"");
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"\":[");
        } else {
            out.push(b',');
        }
        first = false;
        write(out, item);
    }
    if !first {
        out.push(b']');
    }
}

fn integer(out: &mut Vec<u8>, value: i64) {
    // writing to a Vec cannot fail
    let _ = write!(out, "{value}");
}

/// A JSON string.
fn text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0..0x20 => {
                let _ = write!(out, "\\u{byte:04x}");
            }
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

fn compress(body: Vec<u8>, compression: Compression) -> Vec<u8> {
    // the fastest level already shrinks these bodies about sixfold
    let level = flate2::Compression::fast();
    let room = Vec::with_capacity(body.len() / 4);
    let packed = match compression {
        Compression::Off => return body,
        Compression::Deflate => {
            let mut encoder = flate2::write::ZlibEncoder::new(room, level);
            encoder.write_all(&body).and_then(|()| encoder.finish())
        }
        Compression::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(room, level);
            encoder.write_all(&body).and_then(|()| encoder.finish())
        }
    };
    // writing to a Vec cannot fail
    packed.unwrap_or_default()
}

#[cfg(test)]
mod tests;
