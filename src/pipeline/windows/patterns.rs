//! The templates that the lines of a section follow, and which new one is told.

use crate::codec::{CodecError, Reader, Writer};
use crate::config::PatternSettings;
use crate::detector::LogPatterns;

const DAY_S: i64 = 86_400;
/// Before every time.
const NEVER: i64 = i64::MIN;

/// Which new templates are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::pipeline) struct PatternSpec {
    /// So long after the first line none is told, s.
    learn_s: i64,
    /// At most so many a day.
    new_a_day: u32,
}

impl PatternSpec {
    pub(in crate::pipeline) fn new(settings: &PatternSettings) -> Self {
        Self { learn_s: i64::from(settings.learn_s), new_a_day: settings.new_a_day }
    }
}

/// The templates of one section.
#[derive(Debug, Clone)]
pub(in crate::pipeline) struct SectionPatterns {
    patterns: LogPatterns,
    /// The section's clock at the first line; [`NEVER`] before it.
    began_s: i64,
    /// The section's clock.
    clock_s: i64,
    /// The day of the last new template, and how many were told on it.
    day: i64,
    told: u32,
}

/// A line, to its section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::pipeline) struct SeenLine {
    /// Names its template.
    pub(in crate::pipeline) id: u32,
    /// For [`SectionPatterns::template`], until the next line comes.
    pub(in crate::pipeline) place: u16,
    pub(in crate::pipeline) news: News,
    /// A template that was not seen for long made room for its own.
    pub(in crate::pipeline) has_displaced: bool,
}

/// Whether the template of a line is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::pipeline) enum News {
    /// It is known, or the section still learns what there is.
    None,
    /// It was never seen before.
    Told,
    /// The same, and too many others were told on that day.
    Withheld,
}

impl SectionPatterns {
    pub(in crate::pipeline) fn new() -> Self {
        Self { patterns: LogPatterns::default(), began_s: NEVER, clock_s: NEVER, day: NEVER, told: 0 }
    }

    pub(in crate::pipeline) fn set_clock(&mut self, clock_s: i64) {
        self.clock_s = clock_s;
    }

    /// Learns the relevant part of a line. Also the value by which [`follow`](Self::follow) does the same, if one does.
    #[inline(never)] // stack
    pub(in crate::pipeline) fn read_line(
        &mut self,
        spec: &PatternSpec,
        line: &[u8],
    ) -> (SeenLine, Option<f64>) {
        let forgotten = self.patterns.forgotten();
        let seen = self.patterns.observe_relevant(line);
        let news = if seen.is_new { self.is_news(spec) } else { News::None };
        let has_displaced = self.patterns.forgotten() != forgotten;
        let line = SeenLine { id: seen.id, place: seen.place, news, has_displaced };
        (line, (!seen.is_changed).then_some(f64::from(seen.place)))
    }

    /// Learns a line that follows a known template and changes nothing of it.
    pub(in crate::pipeline) fn follow(&mut self, value: f64) {
        self.patterns.follow_again(value as u16);
    }

    fn is_news(&mut self, spec: &PatternSpec) -> News {
        let now_s = self.clock_s;
        // the clock may have been wrong, and is set back
        if self.began_s == NEVER || now_s < self.began_s {
            self.began_s = now_s;
        }
        if now_s.saturating_sub(self.began_s) < spec.learn_s {
            return News::None;
        }
        let day = now_s.div_euclid(DAY_S);
        if day != self.day {
            (self.day, self.told) = (day, 0);
        }
        if self.told >= spec.new_a_day {
            return News::Withheld;
        }
        self.told += 1;
        News::Told
    }

    /// The text of the template at a place.
    pub(in crate::pipeline) fn template(&self, place: u16) -> &str {
        self.patterns.template(place)
    }

    /// The text of the template with an id, unless it is forgotten.
    pub(in crate::pipeline) fn template_of(&self, id: u32) -> Option<&str> {
        self.patterns.template_of(id)
    }

    pub(in crate::pipeline) fn save(&self, w: &mut Writer<'_>) {
        w.i64(self.began_s);
        w.i64(self.day);
        w.u32(self.told);
        self.patterns.save(w);
    }

    pub(in crate::pipeline) fn restore(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        const WHAT: &str = "templates of a section";
        let (began_s, day, told) = (r.i64(WHAT)?, r.i64(WHAT)?, r.u32(WHAT)?);
        Ok(Self { patterns: LogPatterns::restore(r)?, began_s, clock_s: NEVER, day, told })
    }

    /// The most bytes it takes.
    pub(in crate::pipeline) const MAX_BYTES: usize = size_of::<Self>() + LogPatterns::MAX_BYTES;
}

/// Digits of an id as people see it.
pub(in crate::pipeline) const ID_DIGITS: usize = 8;

/// An id for people: eight hex digits.
pub(in crate::pipeline) fn id_text(id: u32) -> [u8; ID_DIGITS] {
    // a byte for each four bits
    let mut digits = u64::from(id);
    digits = (digits | digits << 16) & 0x0000_ffff_0000_ffff;
    digits = (digits | digits << 8) & 0x00ff_00ff_00ff_00ff;
    digits = (digits | digits << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    // 1 for a letter
    let letters = (digits + 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101;
    (digits + 0x3030_3030_3030_3030 + letters * u64::from(b'a' - b'9' - 1)).to_be_bytes()
}

/// The inverse of [`id_text`].
pub(super) fn id_of_text(text: &[u8; ID_DIGITS]) -> Option<u32> {
    u32::from_str_radix(std::str::from_utf8(text).ok()?, 16).ok()
}
