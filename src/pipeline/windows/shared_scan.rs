//! One look at a record for all sections that count it.

use crate::bank::SeriesKey;
use crate::config::{Section, TagPattern};
use crate::detector::Finite;
use crate::detector::measure::{MeasureKind, hash_parts};
use crate::pipeline::section::{kind_of, number_of_text};
use crate::pipeline::series_key::{append_field, append_scalar, append_text_part};
use crate::record::{Accessor, Condition, Extractor, Format, Found, Unit, Value, same_text};

/// What a section with windows reads of a record.
#[derive(Debug)]
pub(super) struct WindowedSection {
    /// Its number among all sections.
    pub(super) at: u16,
    pub(super) tags: TagPattern,
    field: Option<Accessor>,
    unit: Option<Unit>,
    by: Vec<Accessor>,
    time: Option<Accessor>,
    condition: Option<Condition>,
    /// Of `share`.
    part: Option<Condition>,
    is_distinct: bool,
    is_patterns: bool,
}

impl WindowedSection {
    /// `None` for a section without windows.
    pub(super) fn new(at: u16, section: &Section) -> Option<Self> {
        let windows = section.windows.as_deref()?;
        Some(Self {
            at,
            tags: section.tags.clone(),
            field: windows.measure.field.clone(),
            unit: section.unit,
            by: section.by.clone(),
            time: section.time.clone(),
            condition: section.condition.clone(),
            part: windows.measure.condition.clone(),
            is_distinct: windows.measure.kind == MeasureKind::Distinct,
            is_patterns: windows.measure.kind == MeasureKind::Patterns,
        })
    }
}

/// 1 for a record that is a part of the share, 0 for the others.
#[inline(never)] // speed
fn part_of(part: &RecordTest, record: &[u8], found: &Found, scratch: &mut Vec<u8>) -> f64 {
    if part.holds(record, found, scratch) { 1.0 } else { 0.0 }
}

/// A text and a number that reads the same are the same value.
#[inline(never)] // speed
fn hash_of(value: Value<'_>, scratch: &mut Vec<u8>) -> Option<(f64, u32)> {
    scratch.clear();
    append_scalar(value, scratch).then(|| hash_parts(scratch))
}

/// Where a section finds its fields among the inputs of the shared extractor.
#[derive(Debug)]
pub(super) struct SectionInputs {
    /// The section's number among all.
    pub(super) at: u16,
    /// What is measured; `None` where records are counted.
    pub(super) field: Option<usize>,
    /// Of texts such as `12ms`.
    unit: Option<Unit>,
    pub(super) time: Option<usize>,
    /// Which records count.
    pub(super) condition: Option<RecordTest>,
    /// Of `share`: which of those are the part.
    pub(super) part: Option<RecordTest>,
    /// Values of any kind count, by what they are.
    is_distinct: bool,
    /// Lines count, by their templates.
    pub(super) is_patterns: bool,
    keys: Vec<usize>,
}

/// A condition, and where its fields are found among the inputs of an extractor.
#[derive(Debug)]
pub(super) struct RecordTest {
    condition: Condition,
    inputs: Vec<usize>,
    /// An input and the text that it must have, as [`Condition::needed_text`] says.
    needed: Option<(usize, Box<[u8]>)>,
}

impl RecordTest {
    /// `input` gives the place of a field.
    fn new(condition: &Condition, input: impl FnMut(&Accessor) -> usize) -> Self {
        let inputs: Vec<usize> = condition.fields().iter().map(input).collect();
        let needed = condition.needed_text();
        let needed = needed.and_then(|(field, text)| Some((*inputs.get(field)?, text.into())));
        Self { condition: condition.clone(), inputs, needed }
    }

    /// False for most of the records for which it does not hold, in a tenth of the instructions.
    #[inline(always)] // speed
    fn may_hold(&self, record: &[u8], found: &Found) -> bool {
        match &self.needed {
            Some((input, text)) => {
                found.plain_text(record, *input).is_none_or(|found| same_text(found, text))
            }
            None => true,
        }
    }

    /// Whether it holds for a record that was scanned. `scratch` is for texts with escapes.
    #[inline(never)] // stack
    fn holds(&self, record: &[u8], found: &Found, scratch: &mut Vec<u8>) -> bool {
        self.condition.holds(scratch, |field| found.value(record, *self.inputs.get(field)?))
    }
}

/// The fields of all sections that count records of one tag.
#[derive(Debug)]
pub(super) struct SharedScan {
    /// The sections, by their place among those with windows.
    pub(super) route: Vec<usize>,
    pub(super) inputs: Vec<SectionInputs>,
    extractor: Extractor,
    pub(super) found: Found,
}

impl SharedScan {
    pub(super) fn new(format: Format, sections: &[WindowedSection], route: Vec<usize>) -> Self {
        let mut accessors: Vec<Accessor> = Vec::new();
        let mut input = |accessor: &Accessor| match accessors.iter().position(|one| one == accessor) {
            Some(at) => at,
            None => {
                accessors.push(accessor.clone());
                accessors.len() - 1
            }
        };
        let inputs = route.iter().filter_map(|n| sections.get(*n)).map(|section| SectionInputs {
            at: section.at,
            field: section.field.as_ref().map(&mut input),
            unit: section.unit,
            time: section.time.as_ref().map(&mut input),
            condition: section.condition.as_ref().map(|condition| RecordTest::new(condition, &mut input)),
            part: section.part.as_ref().map(|part| RecordTest::new(part, &mut input)),
            is_distinct: section.is_distinct,
            is_patterns: section.is_patterns,
            keys: section.by.iter().map(&mut input).collect(),
        });
        let inputs = inputs.collect();
        let extractor = Extractor::new(format, &accessors, &[]);
        Self { route, inputs, extractor, found: Found::default() }
    }

    /// Walks a record; false when it is none, or needs mending.
    #[inline(always)] // speed
    pub(super) fn scan_sound(&mut self, record: &[u8]) -> bool {
        self.scan(record) && !self.found.needs_mending()
    }

    pub(super) fn scan(&mut self, record: &[u8]) -> bool {
        self.extractor.scan(record, &mut self.found).is_ok()
    }
}

impl SectionInputs {
    /// Whether the section counts this record.
    #[inline(always)] // speed
    pub(super) fn counts(&self, record: &[u8], found: &Found, scratch: &mut Vec<u8>) -> bool {
        match &self.condition {
            Some(condition) => condition.may_hold(record, found) && condition.holds(record, found, scratch),
            None => true,
        }
    }

    /// What the record adds to its window, and the tail of a hash; `None` where what is measured is missing or no number.
    #[inline(always)] // speed
    pub(super) fn measure(&self, record: &[u8], found: &Found, scratch: &mut Vec<u8>) -> Option<(f64, u32)> {
        match self.field {
            Some(input) if self.is_distinct => hash_of(found.value(record, input)?, scratch),
            Some(input) => found.number(record, input).filter(|x| x.abs() <= Finite::MAX).map(|x| (x, 0)),
            None => Some((self.part.as_ref().map_or(1.0, |part| part_of(part, record, found, scratch)), 0)),
        }
    }

    /// The number that is measured, where it stands in a text; else what the value is.
    #[cold]
    #[inline(never)] // stack
    pub(super) fn number_in(&self, value: Value<'_>) -> Result<f64, &'static str> {
        match value {
            Value::Text(text) if !self.is_distinct && !self.is_patterns => {
                let number = number_of_text(text, self.unit)?;
                if number.abs() <= Finite::MAX { Ok(number) } else { Err("beyond 1e100") }
            }
            value => Err(kind_of(value)),
        }
    }

    /// The key of the series that a record belongs to; false where one of its fields is missing.
    #[inline(always)] // speed
    pub(super) fn key(&self, record: &[u8], found: &Found, key: &mut SeriesKey) -> bool {
        if let [input] = self.keys[..]
            && let Some(text) = found.plain_text(record, input)
        {
            key.set(b't', text);
            return true;
        }
        let texts = self.keys.iter().map(|input| found.plain_text(record, *input));
        if self.keys.len() > 1 && key.set_parts(b't', texts) {
            return true;
        }
        self.fill_key(record, found, None, key)
    }

    /// The key of the series of a line whose template has this id; false where a field of the key is missing.
    #[inline(never)] // stack
    pub(super) fn key_of_line(&self, record: &[u8], found: &Found, id: &[u8], key: &mut SeriesKey) -> bool {
        if self.keys.is_empty() {
            key.set(b't', id);
            return true;
        }
        let texts = self.keys.iter().map(|input| found.plain_text(record, *input));
        if key.set_parts(b't', texts.chain([Some(id)])) {
            return true;
        }
        self.fill_key(record, found, Some(id), key)
    }

    /// `id`: a last part of the key that is no field.
    #[inline(never)] // speed
    fn fill_key(&self, record: &[u8], found: &Found, id: Option<&[u8]>, key: &mut SeriesKey) -> bool {
        let several = self.keys.len() > 1 || id.is_some();
        let mut is_whole = true;
        key.fill(|out| {
            for input in &self.keys {
                is_whole &= append_field(found.value(record, *input), several, out);
            }
            if let Some(id) = id {
                append_text_part(id, out);
            }
        });
        is_whole
    }
}
