//! `anomaly_error`: what is wrong, told in the record itself.

use super::annotate::ERROR_FIELD;
use super::scoring::ScoreRefusal;
use super::section::PreparedSection;
use crate::record::{Extractor, Field, Format, Found, Output, mend};

/// Collects what is wrong with one record, and writes it.
#[derive(Debug)]
pub(super) struct ErrorField {
    extractor: Extractor,
    found: Found,
    text: String,
    /// What each record is told.
    standing: String,
    /// Records that were told something.
    pub(super) written: u64,
}

/// Longer messages are cut after they were told once.
const SHORT: usize = 200;

/// A message that is told again and again: its first line, if that is not too long either.
fn short_form(message: &str) -> String {
    let first = message.lines().next().unwrap_or_default();
    if first.len() == message.len() && message.len() <= SHORT {
        return message.to_owned();
    }
    let cut = first.floor_char_boundary(SHORT);
    let dots = if cut < first.len() { "..." } else { "" };
    let more = message.lines().count() - 1;
    let rest = if more > 0 {
        format!(" (and {more} more lines; the whole text is in the log)")
    } else {
        String::new()
    };
    format!("{}{dots}{rest}", &first[..cut])
}

impl ErrorField {
    pub(super) fn new(format: Format) -> Self {
        let output = Output { name: ERROR_FIELD.to_owned(), constant: None };
        let extractor = Extractor::new(format, &[], &[output]);
        Self { extractor, found: Found::default(), text: String::new(), standing: String::new(), written: 0 }
    }

    /// From now on each record is told: the first one all of it, the others a short form.
    pub(super) fn set_standing(&mut self, message: &str) {
        self.text = message.to_owned();
        self.standing = short_form(message);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub(super) fn add(&mut self, message: &str) {
        if !self.text.is_empty() {
            self.text.push_str("; ");
        }
        self.text.push_str(message);
    }

    /// What is wrong goes on to another pipeline.
    #[cfg(feature = "companion")]
    pub(super) fn take_into(&mut self, told: &mut String) {
        if self.text != self.standing && !self.text.is_empty() {
            if !told.is_empty() {
                told.push_str("; ");
            }
            told.push_str(&self.text);
        }
        self.text.clone_from(&self.standing);
    }

    /// What another pipeline found wrong before.
    #[cfg(feature = "companion")]
    pub(super) fn put_before(&mut self, told: &str) {
        if !told.is_empty() {
            let own = std::mem::replace(&mut self.text, told.to_owned());
            if !own.is_empty() {
                self.add(&own);
            }
        }
    }

    /// Whether the host could not read the record back.
    pub(super) fn needs_mending(&mut self, record: &[u8]) -> bool {
        self.extractor.scan(record, &mut self.found).is_err() || self.found.needs_mending()
    }

    // apart, so that their preparations do not burden the records that are scored
    #[cold]
    #[inline(never)] // speed
    pub(super) fn not_a_number(&mut self, section: &PreparedSection, what: &str) {
        self.add(&section.explain_not_a_number(what));
    }

    #[cold]
    #[inline(never)] // speed
    pub(super) fn refusal(&mut self, section: &PreparedSection, refusal: ScoreRefusal) {
        self.add(&section.explain_refusal(refusal));
    }

    #[cold]
    #[inline(never)] // speed
    pub(super) fn write(&mut self, record: &mut Vec<u8>) {
        // each byte may need an escape of six
        let room = 6 * self.text.len() + 64;
        if record.try_reserve_exact(room).is_ok() && self.extractor.scan(record, &mut self.found).is_ok() {
            self.extractor.annotate(record, &self.found, &[(0, Field::Text(&self.text))]);
            self.written += 1;
        }
        self.text.clear();
        self.text.push_str(&self.standing);
    }
}

/// Stands in for a pipeline while the configuration is wrong: records pass, and each says why it is not scored.
#[derive(Debug)]
pub struct Unconfigured {
    errors: ErrorField,
    mends: bool,
}

impl Unconfigured {
    /// `message` goes into `anomaly_error` of the first record, a short form of it into all others.
    #[must_use]
    pub fn new(message: &str, format: Format) -> Self {
        let mut errors = ErrorField::new(format);
        errors.set_standing(message);
        Self { errors, mends: false }
    }

    /// As [`Pipeline::mend_records`](super::Pipeline::mend_records).
    pub fn mend_records(&mut self) {
        self.mends = true;
    }

    /// Adds the message to one record, in place; what is no record stays as it is.
    pub fn process(&mut self, record: &mut Vec<u8>) {
        if self.mends && self.errors.needs_mending(record) {
            mend(record);
        }
        self.errors.write(record);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_stands_once_and_then_in_short() {
        let message = format!("f.ini:1: {}\nf.ini:2: b\nf.ini:3: c", "x".repeat(300));
        let mut passing = Unconfigured::new(&message, Format::Json);
        let mut told = Vec::new();
        for _ in 0..3 {
            let mut record = b"{\"a\":1}".to_vec();
            passing.process(&mut record);
            let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
            told.push(record["anomaly_error"].as_str().unwrap().to_owned());
        }
        assert_eq!(told[0], message);
        let short =
            format!("f.ini:1: {}... (and 2 more lines; the whole text is in the log)", "x".repeat(191));
        assert_eq!(told[1..], [short.clone(), short]);
    }
}
