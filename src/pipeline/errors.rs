//! `anomaly_error`: what is wrong, told in the record itself.

use super::annotate::ERROR_FIELD;
use super::scoring::ScoreRefusal;
use super::section::PreparedSection;
use crate::record::{Extractor, Field, Format, Found, Output};

/// Collects what is wrong with one record, and writes it.
#[derive(Debug)]
pub(super) struct ErrorField {
    extractor: Extractor,
    found: Found,
    text: String,
}

impl ErrorField {
    pub(super) fn new(format: Format) -> Self {
        let output = Output { name: ERROR_FIELD.to_owned(), constant: None };
        Self {
            extractor: Extractor::new(format, &[], &[output]),
            found: Found::default(),
            text: String::new(),
        }
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
        }
        self.text.clear();
    }
}

/// Stands in for a pipeline while the configuration is wrong: records pass, and each says why it is not scored.
#[derive(Debug)]
pub struct Unconfigured {
    errors: ErrorField,
    message: String,
}

impl Unconfigured {
    /// `message` goes into `anomaly_error` of every record.
    #[must_use]
    pub fn new(message: &str, format: Format) -> Self {
        Self { errors: ErrorField::new(format), message: message.to_owned() }
    }

    /// Adds the message to one record, in place; what is no record stays as it is.
    pub fn process(&mut self, record: &mut Vec<u8>) {
        self.errors.add(&self.message);
        self.errors.write(record);
    }
}
