//! From a line to the windows of its template, and the mark on the first line of a new one.

use super::patterns::{ID_DIGITS, News, SeenLine, id_of_text, id_text};
use super::shared_scan::SectionInputs;
use crate::bank::{ClosedWindow, Observation, SeriesKey};
use crate::detector::LogPatterns;
use crate::pipeline::Pipeline;
use crate::pipeline::reminder::Reminder;
use crate::pipeline::series_key::append_scalar;
use crate::pipeline::series_model::{ReadTemplate, SeriesModel};
use crate::record::{Field, Found};
use crate::time::Time;

/// Place of `anomaly_pattern` among the outputs of a section, behind that of its windows.
const OUTPUT: usize = 1;
/// Bytes around a template's text in a record.
const ROOM: usize = 64;

/// What a section with `measure: patterns` has besides windows.
#[derive(Debug)]
pub(in crate::pipeline) struct PatternSection {
    /// The section of the bank that has its templates.
    bank: u16,
    /// Their key there: an empty one.
    key: SeriesKey,
    /// Each line is marked, not only the first one of a new template.
    marks_all: bool,
    /// Tells of new templates beyond those that a day may tell.
    withheld: Reminder,
    /// Tells of templates that made room for others.
    displaced: Reminder,
}

impl PatternSection {
    pub(in crate::pipeline) fn new(bank: u16, marks_all: bool) -> Self {
        let (withheld, displaced) = (Reminder::default(), Reminder::default());
        Self { bank, key: SeriesKey::default(), marks_all, withheld, displaced }
    }
}

impl Pipeline {
    /// Counts a line in the window of its template.
    #[inline(never)] // stack
    pub(super) fn collect_line(&mut self, inputs: &SectionInputs, found: &Found, time: Time, record: &[u8]) {
        let Some(seen) = self.read_line(inputs, found, time, record) else {
            // no line is a number: this tells what it is
            self.measure_odd(inputs, found, time, record);
            return;
        };
        let id = id_text(seen.id);
        let is_whole = inputs.key_of_line(record, found, &id, &mut self.key);
        self.count_observation(inputs.at, Observation { time, value: 1.0, source: 0 }, is_whole);
        let Some(section) = self.sections.get(usize::from(inputs.at)) else { return };
        let marks_all = section.patterns.as_ref().is_some_and(|patterns| patterns.marks_all);
        if marks_all || seen.news == News::Told {
            self.seen_lines.push((inputs.at, seen));
        }
        if seen.news != News::None || seen.has_displaced {
            self.tell_line(inputs.at, seen);
        }
    }

    /// The template of a line; `None` where the record has no text there.
    #[inline(never)] // stack
    fn read_line(
        &mut self,
        inputs: &SectionInputs,
        found: &Found,
        time: Time,
        record: &[u8],
    ) -> Option<SeenLine> {
        let Self { sections, bank, encoded, .. } = self;
        let patterns = sections.get(usize::from(inputs.at))?.patterns.as_ref()?;
        let input = inputs.field?;
        let line = match found.plain_text(record, input) {
            Some(line) => line,
            None => {
                encoded.clear();
                if !append_scalar(found.value(record, input)?, encoded) {
                    return None;
                }
                encoded
            }
        };
        let line = LogPatterns::relevant(line);
        bank.read_line(patterns.bank, &patterns.key, (time, line), ReadTemplate)?
    }

    /// Counts what is new, and tells the log of what the record does not tell.
    #[cold]
    #[inline(never)] // stack
    fn tell_line(&mut self, at: u16, seen: SeenLine) {
        match seen.news {
            News::None => {}
            News::Told => self.counters.new_patterns += 1,
            News::Withheld => self.counters.untold_patterns += 1,
        }
        let now = self.time_bound.now();
        let Some(section) = self.sections.get_mut(usize::from(at)) else { return };
        let Some(patterns) = &mut section.patterns else { return };
        let withheld = (seen.news == News::Withheld).then(|| patterns.withheld.count(now)).flatten();
        let displaced = seen.has_displaced.then(|| patterns.displaced.count(now)).flatten();
        self.log.extend(withheld.map(|count| section.explain_withheld(count)));
        self.log.extend(displaced.map(|count| section.explain_displaced(count)));
    }

    /// Writes the templates of its lines into a record.
    #[cold]
    #[inline(never)] // stack
    pub(super) fn mark_lines(&mut self, record: &mut Vec<u8>) {
        let Self { sections, bank, seen_lines, .. } = self;
        for (at, seen) in seen_lines.drain(..) {
            let Some(section) = sections.get_mut(usize::from(at)) else { continue };
            let Some(patterns) = &section.patterns else { continue };
            let Some(SeriesModel::Patterns(known)) = bank.model(patterns.bank, &patterns.key) else {
                continue;
            };
            let (id, template) = (id_text(seen.id), known.template(seen.place));
            let map = [
                ("id", Field::Text(std::str::from_utf8(&id).unwrap_or_default())),
                ("template", Field::Text(template)),
                ("is_new", Field::Bool(seen.news == News::Told)),
            ];
            if section.access.scan(record) {
                section.access.write(record, &[(OUTPUT, Field::Map(&map))], ROOM + template.len());
            }
        }
    }

    /// The text of the template whose lines a window counts.
    #[inline(never)] // stack
    pub(super) fn template_of_closed(&mut self, window: &ClosedWindow) -> Option<String> {
        let Self { sections, bank, .. } = self;
        let patterns = sections.get(usize::from(window.section))?.patterns.as_ref()?;
        // its id is the last part of the key
        let id = window.key.last_chunk::<ID_DIGITS>().and_then(id_of_text)?;
        match bank.model(patterns.bank, &patterns.key)? {
            SeriesModel::Patterns(known) => known.template_of(id).map(str::to_owned),
            _ => None,
        }
    }
}
