//! Which of several pipelines scores a record: series are spread over them by the hash of their keys.
//!
//! A record with several sections may have to visit several of them. Sections whose keys are made of the same fields
//! are visited together.

use std::ops::Range;

use super::series_key::append_field;
use crate::bank::SeriesKey;
use crate::codec::checksum;
use crate::config::{Config, TagPattern};
use crate::record::msgpack::{find_flat, flat_value};
use crate::record::{Accessor, Extractor, Format, Found, Value};

/// Sections of one tag that a record is scored by at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Visit {
    /// Places among the sections of the tag.
    pub(crate) sections: Range<usize>,
    /// No other visit comes before it.
    pub(crate) is_first: bool,
    /// No other visit comes after it.
    pub(crate) is_last: bool,
    /// Records are counted in windows, and carry those that are closed.
    pub(crate) has_windows: bool,
    /// The section whose key decides; `None`: the first pipeline.
    key_of: Option<usize>,
}

#[derive(Debug)]
struct RoutedSection {
    tags: TagPattern,
    by: Vec<Accessor>,
    extractor: Extractor,
    found: Found,
    /// The names of its fields, where records are msgpack and none of them lies deeper than in the record itself.
    members: Option<Vec<Box<[u8]>>>,
    spans: Vec<Range<usize>>,
    /// Its series have something in common: they are not spread.
    is_together: bool,
    has_windows: bool,
}

/// Finds the place of each record.
#[derive(Debug)]
pub(crate) struct Router {
    sections: Vec<RoutedSection>,
    /// Records with such tags carry windows besides those that are counted.
    tick: Option<TagPattern>,
    shards: usize,
    tag: Vec<u8>,
    visits: Vec<Visit>,
    has_tag: bool,
    key: SeriesKey,
}

impl Router {
    /// For `shards` pipelines, at least one.
    pub(crate) fn new(config: &Config, format: Format, shards: usize) -> Self {
        let routed = |(n, section): (usize, &crate::config::Section)| RoutedSection {
            tags: section.tags.clone(),
            by: section.by.clone(),
            extractor: Extractor::new(format, &section.by, &[]),
            found: Found::default(),
            members: members(format, &section.by),
            spans: Vec::new(),
            is_together: is_together(config, n),
            has_windows: section.windows.is_some(),
        };
        Self {
            sections: config.sections.iter().enumerate().map(routed).collect(),
            tick: config.filter.tick.clone(),
            shards: shards.max(1),
            tag: Vec::new(),
            visits: Vec::new(),
            has_tag: false,
            key: SeriesKey::default(),
        }
    }

    /// The visits of records with this tag, in their order; none: no section scores them.
    pub(crate) fn visits(&mut self, tag: &[u8]) -> &[Visit] {
        if !self.has_tag || self.tag != tag {
            self.has_tag = true;
            self.tag.clear();
            self.tag.extend_from_slice(tag);
            self.find_visits();
        }
        &self.visits
    }

    fn find_visits(&mut self) {
        self.visits.clear();
        let tag = &self.tag;
        let matches = |section: &RoutedSection| section.tags.matches(tag);
        let of_records = |section: &RoutedSection| matches(section) && !section.has_windows;
        let matching = self.sections.iter().enumerate().filter(|(_, section)| of_records(section));
        for (place, (at, section)) in matching.enumerate() {
            let is_same = |visit: &Visit| match visit.key_of {
                None => section.is_together,
                Some(other) => {
                    !section.is_together
                        && self.sections.get(other).is_some_and(|other| other.by == section.by)
                }
            };
            match self.visits.last_mut().filter(|visit| is_same(visit)) {
                Some(visit) => visit.sections.end = place + 1,
                None => self.visits.push(Visit {
                    sections: place..place + 1,
                    is_first: place == 0,
                    is_last: false,
                    has_windows: false,
                    key_of: (!section.is_together).then_some(at),
                }),
            }
        }
        let any_windows = self.sections.iter().any(|section| section.has_windows);
        let is_tick = any_windows && self.tick.as_ref().is_some_and(|tick| tick.matches(tag));
        if is_tick || self.sections.iter().any(|section| matches(section) && section.has_windows) {
            let is_first = self.visits.is_empty();
            self.visits.push(Visit {
                sections: 0..0,
                is_first,
                is_last: false,
                has_windows: true,
                key_of: None,
            });
        }
        if let Some(last) = self.visits.last_mut() {
            last.is_last = true;
        }
    }

    /// Which pipeline a record visits, from 0 on.
    pub(crate) fn shard(&mut self, visit: &Visit, record: &[u8]) -> usize {
        let Some(section) = visit.key_of.and_then(|at| self.sections.get_mut(at)) else { return 0 };
        let RoutedSection { by, extractor, found, members, spans, .. } = section;
        if by.is_empty() {
            return shard_of(&[], self.shards);
        }
        // most records are a map of scalars, whose keys are found in a third of the time of a scan
        if let Some(members) = members
            && find_flat(record, members, spans)
        {
            fill_key(&mut self.key, by.len(), |input| flat_value(record, spans.get(input)?));
        } else if extractor.scan(record, found).is_ok() {
            fill_key(&mut self.key, by.len(), |input| found.value(record, input));
        } else {
            return shard_of(&[], self.shards);
        }
        shard_of(self.key.bytes(), self.shards)
    }
}

/// The names of fields that are members of the record itself.
fn members(format: Format, by: &[Accessor]) -> Option<Vec<Box<[u8]>>> {
    let name = |accessor: &Accessor| Some(accessor.as_member()?.as_bytes().into());
    (format == Format::Msgpack).then(|| by.iter().map(name).collect())?
}

/// Makes the key of a series from its fields, as its section does.
fn fill_key<'a>(key: &mut SeriesKey, fields: usize, value: impl Fn(usize) -> Option<Value<'a>>) {
    if fields == 1
        && let Some(Value::Text(text)) = value(0)
        && let Some(text) = text.as_plain()
    {
        return key.set(b't', text);
    }
    key.fill(|out| {
        for input in 0..fields {
            append_field(value(input), fields > 1, out);
        }
    });
}

/// Where the series with this key is.
pub(super) fn shard_of(key: &[u8], shards: usize) -> usize {
    // the high bits are mixed best
    (checksum(0, key) >> 32) as usize % shards.max(1)
}

/// Whether the series of a section are judged by each other: they stay together then.
pub(super) fn is_together(config: &Config, section: usize) -> bool {
    let of_all = |section: &crate::config::Section| section.windows.is_some() || section.alarms_for_all;
    let is_joint = config.sections.get(section).is_some_and(of_all);
    is_joint || config.groups.iter().any(|group| group.on == section)
}
