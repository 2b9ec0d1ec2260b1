//! Records that no section scored: how many, for which reasons, with an example of each. Told in the host's log after
//! the first thousand records and then each hour of event time, as long as there are more of them.

use super::Counters;
use super::section::PreparedSection;
use crate::config::did_you_mean::nearest;
use crate::record::{Format, value_names};
use crate::time::Time;

/// The first telling comes after so many records.
const FIRST: u64 = 1000;
/// From then on the time is looked at after so many.
const BETWEEN_LOOKS: u64 = 1024;
/// Seconds of event time between two tellings.
const HOUR: u64 = 3600;
/// Tags and names that a line shows.
const MOST_SHOWN: usize = 8;
/// Characters of a name or tag that a line shows.
const SHOWN: usize = 60;

/// What was not scored.
#[derive(Debug)]
pub(super) struct Unscored {
    format: Format,
    /// Records of tags that no section matches, and the first such tags.
    unmatched: u64,
    tags: Vec<String>,
    sections: Vec<OfSection>,
    /// Scores that records have beyond their first one.
    pub(super) further_scores: u64,
    /// At so many records it is time for a look at the time.
    pub(super) next_look: u64,
    told_at: Option<Time>,
    told: u64,
}

/// Records without the value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Absent {
    /// It is not there.
    pub(super) missing: u64,
    /// It is null.
    pub(super) null: u64,
}

#[derive(Debug, Default)]
struct OfSection {
    missing: Reason,
    null: u64,
    no_number: Reason,
    malformed: Reason,
}

/// A count, and what the first record was like.
#[derive(Debug, Default)]
struct Reason {
    count: u64,
    example: String,
}

impl Reason {
    fn add(&mut self, example: impl FnOnce() -> String) {
        self.count += 1;
        if self.count == 1 {
            self.example = example();
        }
    }
}

impl Unscored {
    pub(super) fn new(sections: usize, format: Format) -> Self {
        let sections = (0..sections).map(|_| OfSection::default()).collect();
        Self {
            format,
            unmatched: 0,
            tags: Vec::new(),
            sections,
            further_scores: 0,
            next_look: FIRST,
            told_at: None,
            told: 0,
        }
    }

    /// A record whose tag no section matches.
    pub(super) fn unmatched(&mut self) {
        self.unmatched += 1;
    }

    /// A tag that no section matches; called when the tag changes.
    pub(super) fn tag(&mut self, tag: &[u8]) {
        if self.tags.len() < MOST_SHOWN {
            let tag = shown(&String::from_utf8_lossy(tag));
            if !self.tags.contains(&tag) {
                self.tags.push(tag);
            }
        }
    }

    /// What a section should read is no record at all.
    #[cold]
    #[inline(never)] // stack
    pub(super) fn malformed(&mut self, section: u16, bytes: &[u8]) {
        if let Some(of) = self.sections.get_mut(usize::from(section)) {
            of.malformed.add(|| kind_of(bytes));
        }
    }

    /// The value is not there, or null.
    #[cold]
    #[inline(never)] // stack
    pub(super) fn missing(&mut self, section: u16, record: &[u8], is_null: bool) {
        let format = self.format;
        let Some(of) = self.sections.get_mut(usize::from(section)) else { return };
        if is_null {
            of.null += 1;
        } else {
            of.missing.add(|| value_names(format, record, 3 * MOST_SHOWN).join("\n"));
        }
    }

    /// The value is no number.
    pub(super) fn not_a_number(&mut self, section: u16, what: &str) {
        if let Some(of) = self.sections.get_mut(usize::from(section)) {
            of.no_number.add(|| what.to_owned());
        }
    }

    /// Records of tags that no section matches.
    pub(super) fn unmatched_records(&self) -> u64 {
        self.unmatched
    }

    /// Records without the value, of all sections.
    pub(super) fn by_reason(&self) -> Absent {
        let missing = self.sections.iter().map(|of| of.missing.count).sum();
        Absent { missing, null: self.sections.iter().map(|of| of.null).sum() }
    }

    /// Whether it is time to tell; called at [`next_look`](Self::next_look).
    #[cold]
    #[inline(never)] // stack
    pub(super) fn is_due(&mut self, records: u64, time: Time) -> bool {
        self.next_look = records + BETWEEN_LOOKS;
        let due = self.told_at.is_none_or(|at| at.seconds().abs_diff(time.seconds()) >= HOUR);
        if due {
            self.told_at = Some(time);
        }
        due
    }

    /// The lines to tell, if there is more to tell than at the last time.
    #[cold]
    #[inline(never)] // stack
    pub(super) fn tell(&mut self, counters: &Counters, sections: &[PreparedSection]) -> Vec<String> {
        let without_key: u64 = sections.iter().map(|section| section.without_key.get()).sum();
        let of_sections = self
            .sections
            .iter()
            .map(|of| of.missing.count + of.null + of.no_number.count + of.malformed.count);
        let others =
            sections.iter().filter_map(|section| section.counted.as_ref()).map(|counted| counted.others);
        let total = self.unmatched + without_key + of_sections.sum::<u64>() + others.sum::<u64>();
        if total == self.told {
            return Vec::new();
        }
        self.told = total;
        let records = counters.records;
        let matched = records - self.unmatched;
        let mut lines = vec![format!(
            "{} of {records} records were scored; the tag of {matched} matches a section",
            counters.scored - self.further_scores
        )];
        if counters.counted > 0 {
            lines.push(format!("  windows counted {} of them, each once a section", counters.counted));
        }
        if counters.warming_up > 0 {
            lines.push(format!(
                "  {} records taught a model that warms up and gives no scores yet",
                counters.warming_up
            ));
        }
        if self.unmatched > 0 {
            lines.push(self.unmatched_line(sections));
        }
        for (of, section) in self.sections.iter().zip(sections) {
            of.lines(section, &mut lines);
        }
        lines
    }

    fn unmatched_line(&self, sections: &[PreparedSection]) -> String {
        let patterns: Vec<String> =
            sections.iter().take(MOST_SHOWN).map(|section| format!("`{}`", section.tags)).collect();
        let sections = match &patterns[..] {
            [] => "there is no section that scores anything".to_owned(),
            _ => format!("the sections match {}", patterns.join(", ")),
        };
        format!(
            "  {} records have a tag that no section matches: {}; {sections}",
            self.unmatched,
            self.tags.join(", ")
        )
    }
}

impl OfSection {
    fn lines(&self, section: &PreparedSection, lines: &mut Vec<String>) {
        let (name, value) = (&section.name, section.value());
        if self.missing.count > 0 {
            let names: Vec<&str> = self.missing.example.split('\n').filter(|name| !name.is_empty()).collect();
            let has = match &names[..] {
                [] => "it is empty".to_owned(),
                names => format!(
                    "it has {}",
                    names.iter().take(MOST_SHOWN).copied().collect::<Vec<_>>().join(", ")
                ),
            };
            let near = near(&value, &names).map_or(String::new(), |near| format!("; did you mean `{near}`?"));
            lines.push(format!(
                "  {} records have no {value} (the value of [{name}]); the first of them: {has}{near}",
                self.missing.count
            ));
        }
        if self.null > 0 {
            lines.push(format!("  {} records have null as {value} (the value of [{name}])", self.null));
        }
        if self.no_number.count > 0 {
            lines.push(format!(
                "  {} records have {value} (the value of [{name}]) that is no {}; the first of them: {}",
                self.no_number.count,
                if section.patterns.is_some() { "text" } else { "number" },
                self.no_number.example
            ));
        }
        if self.malformed.count > 0 {
            lines.push(format!(
                "  {} records for [{name}] are none; the first of them: {}",
                self.malformed.count, self.malformed.example
            ));
        }
        if let Some(others) =
            section.counted.as_ref().map(|counted| counted.others).filter(|&others| others > 0)
        {
            lines.push(format!("  {others} records do not meet `where` of [{name}]: they pass untouched"));
        }
        if section.without_key.get() > 0 {
            lines.push(format!(
                "  {} records lack one of {} (`by` of [{name}]); {}",
                section.without_key.get(),
                section.by(),
                section.without_key_text()
            ));
        }
    }
}

/// The name that could be meant: the same last part, else the one with the fewest changed letters.
fn near<'a>(wanted: &str, names: &[&'a str]) -> Option<&'a str> {
    let last = |name: &str| {
        let name = name.trim_end_matches(['\'', ']']);
        name.rsplit(['$', '\'']).next().unwrap_or_default().to_ascii_lowercase()
    };
    let wanted_last = last(wanted);
    let same = names.iter().find(|name| last(name) == wanted_last).copied();
    same.or_else(|| nearest(wanted, names.iter().copied()))
}

fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("`{}...`", text.get(..end).unwrap_or_default()),
        None => format!("`{text}`"),
    }
}

/// What bytes that are no record look like.
fn kind_of(bytes: &[u8]) -> String {
    let kind = match bytes {
        [] => "an empty line",
        [0x1f, 0x8b, ..] => "gzip data: decompress it first",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "zstd data: decompress it first",
        [0xef, 0xbb, 0xbf, ..] => "JSON behind a byte order mark (UTF-8 BOM): leave the mark out",
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "text in UTF-16: UTF-8 is wanted",
        [b'[', ..] => "an array: one object a line is wanted",
        _ => return format!("no JSON object: {}", shown(&String::from_utf8_lossy(bytes))),
    };
    kind.to_owned()
}
