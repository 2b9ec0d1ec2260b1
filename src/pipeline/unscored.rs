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
const FIRST_OF_THEM: &str = "; the first of them: ";
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
    /// Records whose time cannot be read or does not count.
    times: Reason,
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
            times: Reason::default(),
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

    /// The time cannot be read or does not count: `error` is what the record is told.
    pub(super) fn no_time(&mut self, error: &str) {
        self.times.add(|| error.to_owned());
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
        let total =
            self.unmatched + without_key + of_sections.sum::<u64>() + others.sum::<u64>() + self.times.count;
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
        add_line(&mut lines, counters.warming_up, &["taught a model that warms up and gives no scores yet"]);
        self.unmatched_line(sections, &mut lines);
        add_line(
            &mut lines,
            self.times.count,
            &["have no time that counts", FIRST_OF_THEM, &self.times.example],
        );
        for (of, section) in self.sections.iter().zip(sections) {
            of.lines(section, &mut lines);
        }
        lines
    }

    fn unmatched_line(&self, sections: &[PreparedSection], lines: &mut Vec<String>) {
        let patterns: Vec<String> =
            sections.iter().take(MOST_SHOWN).map(|section| format!("`{}`", section.tags)).collect();
        let (told, patterns) = match &patterns[..] {
            [] => ("there is no section that scores anything", String::new()),
            _ => ("the sections match ", patterns.join(", ")),
        };
        let tags = self.tags.join(", ");
        add_line(
            lines,
            self.unmatched,
            &["have a tag that no section matches: ", &tags, "; ", told, &patterns],
        );
    }
}

impl OfSection {
    fn lines(&self, section: &PreparedSection, lines: &mut Vec<String>) {
        let (name, value) = (&section.name[..], section.value());
        let mut add = |count: u64, what: &[&str]| add_line(lines, count, what);
        let names: Vec<&str> = self.missing.example.split('\n').filter(|name| !name.is_empty()).collect();
        let there = names.get(..names.len().min(MOST_SHOWN)).unwrap_or_default().join(", ");
        let has = if names.is_empty() { "it is empty" } else { "it has " };
        let near =
            near(&value, &names).map_or(String::new(), |near| ["; did you mean `", near, "`?"].concat());
        let of = [&value[..], " (the value of [", name, "])"].concat();
        add(self.missing.count, &["have no ", &of, FIRST_OF_THEM, has, &there, &near]);
        add(self.null, &["have null as ", &of]);
        let kind = if section.patterns.is_some() { "text" } else { "number" };
        add(
            self.no_number.count,
            &["have ", &of, " that is no ", kind, FIRST_OF_THEM, &self.no_number.example],
        );
        add(self.malformed.count, &["for [", name, "] are none", FIRST_OF_THEM, &self.malformed.example]);
        let others = section.counted.as_ref().map_or(0, |counted| counted.others);
        add(others, &["do not meet `where` of [", name, "]: they pass untouched"]);
        let (by, told) = (section.by(), section.without_key_text());
        add(section.without_key.get(), &["lack one of ", &by, " (`by` of [", name, "]); ", told]);
    }
}

/// A line about so many records, if there are any.
fn add_line(lines: &mut Vec<String>, count: u64, what: &[&str]) {
    if count > 0 {
        lines.push(format!("  {count} records {}", what.concat()));
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
        [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] | [b'B', b'Z', b'h', ..] | [0xfd, b'7', b'z', ..] => {
            "packed data (gzip, zstd, bzip2, xz): decompress it first"
        }
        [0xef, 0xbb, 0xbf, ..] => "JSON behind a byte order mark (UTF-8 BOM): leave the mark out",
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "text in UTF-16: UTF-8 is wanted",
        [b'[', ..] => "an array: one object a line is wanted",
        _ => return format!("no JSON object: {}", shown(&String::from_utf8_lossy(bytes))),
    };
    kind.to_owned()
}
