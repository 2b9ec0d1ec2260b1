//! `anomaly_error`: what is wrong, told in the record itself.

use super::scoring::Refusal;
use super::watcher::Watcher;
use crate::annotation;
use crate::record::{Extractor, Field, Format, Found, Output};

/// Collects what is wrong with one record, and writes it.
#[derive(Debug)]
pub(super) struct ErrorField {
    extractor: Extractor,
    text: String,
}

impl ErrorField {
    pub(super) fn new(format: Format) -> Self {
        let output = Output { name: annotation::ERROR_FIELD.to_owned(), constant: None };
        Self { extractor: Extractor::new(format, &[], &[output]), text: String::new() }
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

    // cold and on their own: what they prepare is not to burden records that are scored
    #[cold]
    #[inline(never)]
    pub(super) fn not_a_number(&mut self, watcher: &Watcher, what: &str) {
        self.add(&watcher.explain_not_a_number(what));
    }

    #[cold]
    #[inline(never)]
    pub(super) fn refusal(&mut self, watcher: &Watcher, refusal: Refusal) {
        self.add(&watcher.explain_refusal(refusal));
    }

    #[cold]
    #[inline(never)]
    pub(super) fn write(&mut self, record: &mut Vec<u8>, found: &mut Found) {
        // each byte may need an escape of six
        let room = 6 * self.text.len() + 64;
        if record.try_reserve_exact(room).is_ok() && self.extractor.scan(record, found).is_ok() {
            self.extractor.annotate(record, found, &[(0, Field::Text(&self.text))]);
        }
        self.text.clear();
    }
}

/// Stands in for a pipeline while the configuration is wrong: records pass, and each says why it is not scored.
#[derive(Debug)]
pub struct Unconfigured {
    errors: ErrorField,
    message: String,
    found: Found,
}

impl Unconfigured {
    /// `message` goes into `anomaly_error` of every record.
    #[must_use]
    pub fn new(message: &str, format: Format) -> Self {
        Self { errors: ErrorField::new(format), message: message.to_owned(), found: Found::default() }
    }

    /// Adds the message to one record, in place; what is no record stays as it is.
    pub fn process(&mut self, record: &mut Vec<u8>) {
        self.errors.add(&self.message);
        self.errors.write(record, &mut self.found);
    }
}
