//! What the frames of the two files say.
//!
//! ```text
//! snapshot  = Snapshot Doubt* (Pace | Window)* Series* End
//! journal   = Journal Record*
//! Record    = (Register | Evict | Observe | Clock | Tick | Leave | Line)+
//! ```
//! A frame has one entry; in a journal all entries of a record, one behind the other, so that a write that is cut leaves
//! all of them or none. Releases before wrote a frame for each.

use super::window_queue::ClosedWindow;
use super::{Observation, SectionId};
use crate::codec::{CodecError, Reader, Writer};
use crate::time::{ClockDoubt, Time};

const SNAPSHOT: u8 = b'S';
/// Written only while there is a doubt: releases before it do not know it.
const DOUBT: u8 = b'd';
const SERIES: u8 = b's';
const END: u8 = b'E';
const JOURNAL: u8 = b'J';
const REGISTER: u8 = b'r';
const EVICT: u8 = b'e';
const OBSERVE: u8 = b'o';
/// The same of a series with one source, in three words.
const OBSERVE_WORDS: u8 = b'O';
/// Written only where sections have windows, as are the next ones.
const PACE: u8 = b'p';
const WINDOW: u8 = b'w';
const CLOCK: u8 = b'c';
const TICK: u8 = b't';
const LEAVE: u8 = b'l';
/// Written only where a section tells templates of lines.
const LINE: u8 = b'L';

/// First frame of a snapshot.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SnapshotHead {
    /// The journal that goes on from here.
    pub(super) next_journal: u64,
    /// The next series to be registered gets this id.
    pub(super) next_id: u32,
    /// Series forgotten for want of room since the folder was made.
    pub(super) evicted: u64,
    pub(super) sections: Vec<SectionId>,
    /// The clock of each of them.
    pub(super) clocks: Vec<i64>,
}

/// First frame of a journal.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct JournalHead {
    /// Journals are numbered from 1 for the life of the folder.
    pub(super) number: u64,
    /// How much of the journal before was read when this one was begun; what stands behind came from a writer
    /// that had been taken over.
    pub(super) base_len: u64,
    pub(super) sections: Vec<SectionId>,
}

/// One entry, borrowed from the file's buffer.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum StateEntry<'a> {
    Snapshot(SnapshotHead),
    Doubt {
        section: u16,
        doubt: ClockDoubt,
    },
    Series {
        id: u32,
        section: u16,
        seen: Time,
        key: &'a [u8],
        model: &'a [u8],
    },
    End {
        series: u64,
    },
    Journal(JournalHead),
    Register {
        id: u32,
        section: u16,
        key: &'a [u8],
    },
    Evict {
        id: u32,
    },
    Observe {
        id: u32,
        observation: Observation,
    },
    /// The host's clock and the lag of one section, as [`HostPace`](super::host_pace::HostPace) wrote them.
    Pace {
        section: u16,
        pace: &'a [u8],
    },
    /// A window that waits.
    Window(ClosedWindow),
    /// A record moved the clock of a section, and no series learned it.
    Clock {
        section: u16,
        time_s: i64,
    },
    /// The host's clock was read.
    Tick {
        host_s: i64,
        asked_s: i64,
    },
    /// The next window of this section left.
    Leave {
        section: u16,
    },
    /// A line of text that a series learned.
    Line {
        id: u32,
        time: Time,
        line: &'a [u8],
    },
}

fn put_sections(w: &mut Writer<'_>, sections: &[SectionId]) {
    w.varint(sections.len() as u64);
    for section in sections {
        w.bytes(section.name.as_bytes());
        w.u64(section.signature);
    }
}

fn take_sections(r: &mut Reader<'_>) -> Result<Vec<SectionId>, CodecError> {
    let count = r.varint("section count")?;
    let mut sections = Vec::new();
    for _ in 0..count {
        let name = String::from_utf8(r.bytes("section name")?.to_vec())
            .map_err(|_| CodecError::Invalid { what: "section name" })?;
        sections.push(SectionId { name, signature: r.u64("section signature")? });
    }
    Ok(sections)
}

fn take_id(r: &mut Reader<'_>) -> Result<u32, CodecError> {
    u32::try_from(r.varint("series id")?).map_err(|_| CodecError::Invalid { what: "series id" })
}

fn take_section(r: &mut Reader<'_>) -> Result<u16, CodecError> {
    u16::try_from(r.varint("section index")?).map_err(|_| CodecError::Invalid { what: "section index" })
}

impl SnapshotHead {
    fn put(&self, w: &mut Writer<'_>) {
        w.u8(SNAPSHOT);
        w.u64(self.next_journal);
        w.u32(self.next_id);
        w.u64(self.evicted);
        put_sections(w, &self.sections);
        for clock in &self.clocks {
            w.i64(*clock);
        }
    }
}

impl JournalHead {
    fn put(&self, w: &mut Writer<'_>) {
        w.u8(JOURNAL);
        w.u64(self.number);
        w.u64(self.base_len);
        put_sections(w, &self.sections);
    }
}

impl<'a> StateEntry<'a> {
    /// Writes the payload of a frame behind what `out` holds.
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        let mut w = Writer::new(out);
        match self {
            StateEntry::Snapshot(head) => head.put(&mut w),
            StateEntry::Doubt { section, doubt } => {
                w.u8(DOUBT);
                w.varint(u64::from(*section));
                doubt.save(&mut w);
            }
            StateEntry::Series { id, section, seen, key, model } => {
                w.u8(SERIES);
                w.varint(u64::from(*id));
                w.varint(u64::from(*section));
                w.i64(seen.nanos());
                w.bytes(key);
                w.bytes(model);
            }
            StateEntry::End { series } => {
                w.u8(END);
                w.varint(*series);
            }
            StateEntry::Journal(head) => head.put(&mut w),
            StateEntry::Register { id, section, key } => {
                w.u8(REGISTER);
                w.varint(u64::from(*id));
                w.varint(u64::from(*section));
                w.bytes(key);
            }
            StateEntry::Evict { id } => {
                w.u8(EVICT);
                w.varint(u64::from(*id));
            }
            StateEntry::Observe { id, observation } => {
                w.u8(OBSERVE);
                w.varint(u64::from(*id));
                w.i64(observation.time.nanos());
                w.f64(observation.value);
                w.varint(u64::from(observation.source));
            }
            StateEntry::Pace { section, pace } => {
                w.u8(PACE);
                w.varint(u64::from(*section));
                w.bytes(pace);
            }
            StateEntry::Window(window) => {
                w.u8(WINDOW);
                w.varint(u64::from(window.section));
                window.save(&mut w);
            }
            StateEntry::Clock { section, time_s } => {
                w.u8(CLOCK);
                w.varint(u64::from(*section));
                w.i64(*time_s);
            }
            StateEntry::Tick { host_s, asked_s } => {
                w.u8(TICK);
                w.i64(*host_s);
                w.i64(*asked_s);
            }
            StateEntry::Leave { section } => {
                w.u8(LEAVE);
                w.varint(u64::from(*section));
            }
            StateEntry::Line { id, time, line } => {
                w.u8(LINE);
                w.varint(u64::from(*id));
                w.i64(time.nanos());
                w.bytes(line);
            }
        }
    }

    /// The payload of an observation of a series with one source: kind, id and three zeros, time, value.
    #[inline(always)] // speed
    pub(super) fn observation_words(id: u32, time: Time, value: f64) -> [u64; 3] {
        [u64::from(OBSERVE_WORDS) | u64::from(id) << 8, time.nanos() as u64, value.to_bits()]
    }

    /// Reads the payload of a frame with one entry.
    pub(super) fn take(payload: &'a [u8]) -> Result<Self, CodecError> {
        let mut r = Reader::new(payload);
        let entry = Self::next(&mut r)?;
        if r.is_empty() { Ok(entry) } else { Err(CodecError::Invalid { what: "entry length" }) }
    }

    /// Reads one entry; others may follow.
    pub(super) fn next(r: &mut Reader<'a>) -> Result<Self, CodecError> {
        Ok(match r.u8("entry kind")? {
            SNAPSHOT => {
                let next_journal = r.u64("journal number")?;
                let next_id = r.u32("next series id")?;
                let evicted = r.u64("evicted")?;
                let sections = take_sections(r)?;
                let clocks = sections.iter().map(|_| r.i64("section clock")).collect::<Result<_, _>>()?;
                StateEntry::Snapshot(SnapshotHead { next_journal, next_id, evicted, sections, clocks })
            }
            DOUBT => StateEntry::Doubt { section: take_section(r)?, doubt: ClockDoubt::restore(r)? },
            SERIES => StateEntry::Series {
                id: take_id(r)?,
                section: take_section(r)?,
                seen: Time::from_nanos(r.i64("time of the last observation")?),
                key: r.bytes("series key")?,
                model: r.bytes("model")?,
            },
            END => StateEntry::End { series: r.varint("series count")? },
            JOURNAL => StateEntry::Journal(JournalHead {
                number: r.u64("journal number")?,
                base_len: r.u64("length of the journal before")?,
                sections: take_sections(r)?,
            }),
            REGISTER => StateEntry::Register {
                id: take_id(r)?,
                section: take_section(r)?,
                key: r.bytes("series key")?,
            },
            EVICT => StateEntry::Evict { id: take_id(r)? },
            OBSERVE => StateEntry::Observe {
                id: take_id(r)?,
                observation: Observation {
                    time: Time::from_nanos(r.i64("time")?),
                    value: r.f64("value")?,
                    source: u32::try_from(r.varint("source")?)
                        .map_err(|_| CodecError::Invalid { what: "source" })?,
                },
            },
            OBSERVE_WORDS => {
                let id = r.u32("series id")?;
                let zeros = [r.u8("zero")?, r.u8("zero")?, r.u8("zero")?];
                if zeros != [0; 3] {
                    return Err(CodecError::Invalid { what: "zero" });
                }
                let time = Time::from_nanos(r.i64("time")?);
                StateEntry::Observe {
                    id,
                    observation: Observation { time, value: r.f64("value")?, source: 0 },
                }
            }
            PACE => StateEntry::Pace { section: take_section(r)?, pace: r.bytes("pace of the host")? },
            WINDOW => {
                let section = take_section(r)?;
                StateEntry::Window(ClosedWindow::restore(section, r)?)
            }
            CLOCK => StateEntry::Clock { section: take_section(r)?, time_s: r.i64("time")? },
            TICK => StateEntry::Tick { host_s: r.i64("time of the host")?, asked_s: r.i64("time")? },
            LEAVE => StateEntry::Leave { section: take_section(r)? },
            LINE => StateEntry::Line {
                id: take_id(r)?,
                time: Time::from_nanos(r.i64("time")?),
                line: r.bytes("line")?,
            },
            _ => return Err(CodecError::Invalid { what: "entry kind" }),
        })
    }
}
