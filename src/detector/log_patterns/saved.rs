//! The templates as bytes.

use super::{LogPatterns, MAX_PATTERNS, MAX_TEXT, MAX_WORDS, Pattern, SETTLED};
use crate::codec::{CodecError, Reader, Writer};
use crate::detector::heap_sort;

impl LogPatterns {
    /// Appends the templates.
    pub fn save(&self, w: &mut Writer<'_>) {
        w.varint(self.lines);
        w.varint(self.forgotten);
        w.varint(self.patterns.len() as u64);
        for pattern in &self.patterns {
            w.u32(pattern.id);
            w.u64(pattern.path);
            w.varint(pattern.last_line);
            w.varint(u64::from(pattern.lines));
            w.varint(pattern.words.len() as u64);
            pattern.words.iter().for_each(|&word| w.u32(word));
            w.bytes(pattern.text.as_bytes());
        }
    }

    /// The templates that were saved.
    ///
    /// # Errors
    /// [`CodecError`] where the bytes are none of templates.
    pub fn restore(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        let mut patterns = Self {
            lines: r.varint("lines of templates")?,
            forgotten: r.varint("forgotten templates")?,
            ..Self::default()
        };
        let count = r.varint("number of templates")? as usize;
        if count > MAX_PATTERNS {
            return Err(CodecError::Invalid { what: "number of templates" });
        }
        for place in 0..count {
            let pattern = Pattern::restore(r)?;
            patterns.leaves.push((pattern.path, place as u16));
            patterns.patterns.push(pattern);
        }
        heap_sort(&mut patterns.leaves, |a, b| a < b);
        Ok(patterns)
    }
}

impl Pattern {
    fn restore(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        let (id, path) = (r.u32("id of a template")?, r.u64("path of a template")?);
        let last_line = r.varint("last line of a template")?;
        let lines = r.varint("lines of a template")?;
        let len = r.varint("words of a template")? as usize;
        if len > MAX_WORDS || id == 0 || lines > u64::from(SETTLED) {
            return Err(CodecError::Invalid { what: "template" });
        }
        let words = (0..len).map(|_| r.u32("word of a template")).collect::<Result<_, _>>()?;
        let text = std::str::from_utf8(r.bytes("text of a template")?).ok();
        let text = text.filter(|text| text.len() <= MAX_TEXT);
        let text = text.ok_or(CodecError::Invalid { what: "text of a template" })?.into();
        Ok(Pattern { id, path, words, lines: lines as u32, text, last_line })
    }
}
