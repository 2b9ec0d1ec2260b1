//! Sections with windows: records are counted while they pass, and each closed window is scored and carried out by a
//! later record.
//!
//! | file | |
//! |---|---|
//! | `grid` | where windows begin and end |
//! | `series` | the open windows of a series, and the models that learn them |
//! | `report` | what there is to say of a closed window |
//! | `shared_scan` | one look at a record for all sections that count it |
//! | `collect` | from a record to its windows |
//! | `patterns` | the templates of a section's lines |
//! | `lines` | from a line to the windows of its template |
//! | `carry` | from closed windows into a record |

mod carry;
mod collect;
mod grid;
mod lines;
#[cfg(test)]
mod odd_tests;
#[cfg(test)]
mod pattern_tests;
mod patterns;
mod report;
mod series;
mod shared_scan;
#[cfg(test)]
mod test_setup;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod window_laws;

pub use carry::WindowRecord;
pub(super) use lines::PatternSection;
pub(super) use patterns::{PatternSpec, SectionPatterns, SeenLine};
pub(super) use series::{Counted, WindowedSeries, WindowedSpec};

use crate::config::{Config, TagPattern};
use crate::record::{Extractor, Format, Found};
use shared_scan::{SharedScan, WindowedSection};

/// All sections with windows.
#[derive(Debug)]
pub(super) struct WindowedSections {
    format: Format,
    sections: Vec<WindowedSection>,
    /// Tags whose records carry windows besides those that are counted.
    tick: Option<TagPattern>,
    /// For each set of sections that count one tag.
    scans: Vec<SharedScan>,
    /// Of the tag at hand: its place in `scans`.
    scan: Option<usize>,
    /// Of the tag at hand.
    is_tick: bool,
    /// Sections, by their number, whose windows records of the tag at hand carry.
    may_carry: Vec<bool>,
    /// Checks a record before it gets a window.
    carrier: (Extractor, Found),
    /// Sections, by their number, whose windows become records.
    makes_records: Vec<bool>,
    /// The host takes records.
    takes_records: bool,
}

impl WindowedSections {
    /// `None` for a configuration without windows.
    pub(super) fn new(config: &Config, format: Format) -> Option<Box<Self>> {
        let numbered = config.sections.iter().enumerate();
        let sections: Vec<_> =
            numbered.filter_map(|(at, section)| WindowedSection::new(at as u16, section)).collect();
        if sections.is_empty() {
            return None;
        }
        let makes_records = config.sections.iter().map(carry::makes_records).collect();
        Some(Box::new(Self {
            format,
            sections,
            tick: config.filter.tick.clone(),
            scans: Vec::new(),
            scan: None,
            is_tick: false,
            may_carry: Vec::new(),
            carrier: (Extractor::new(format, &[], &[]), Found::default()),
            makes_records,
            takes_records: false,
        }))
    }

    /// Prepares for records of this tag; true if some section counts them, or they carry windows.
    #[cold]
    #[inline(never)] // stack
    pub(super) fn find_route(&mut self, tag: &[u8]) -> bool {
        let counting = self.sections.iter().enumerate().filter(|(_, section)| section.tags.matches(tag));
        let route: Vec<usize> = counting.map(|(n, _)| n).collect();
        self.is_tick = self.tick.as_ref().is_some_and(|tick| tick.matches(tag));
        self.may_carry.clear();
        self.may_carry.resize(self.makes_records.len(), false);
        for (n, section) in self.sections.iter().enumerate() {
            let at = usize::from(section.at);
            let is_record = self.takes_records && self.makes_records.get(at) == Some(&true);
            if let Some(may_carry) = self.may_carry.get_mut(at) {
                *may_carry = !is_record && (self.is_tick || route.contains(&n));
            }
        }
        self.scan = match self.scans.iter().position(|scan| scan.route == route) {
            _ if route.is_empty() => None,
            Some(at) => Some(at),
            None => {
                self.scans.push(SharedScan::new(self.format, &self.sections, route));
                Some(self.scans.len() - 1)
            }
        };
        self.is_routed()
    }

    /// Whether some section counts records of the tag at hand, or they carry windows.
    pub(super) fn is_routed(&self) -> bool {
        self.scan.is_some() || self.is_tick
    }
}
