//! The type that callers use: names in, values out, annotations in.

use std::sync::Arc;

use super::accessor::Accessor;
use super::format::{Format, NotARecord};
use super::found::Found;
use super::output::{EncodedOutputs, Field, Output};
use super::tree::Tree;
use super::{json, msgpack};

/// Finds values in records and writes fields into them; made once, used for each record.
#[derive(Debug, Clone)]
pub struct Extractor {
    format: Format,
    inputs: usize,
    tree: Arc<Tree>,
    outputs: EncodedOutputs,
}

impl Extractor {
    /// Prepares to look for `inputs` and to write `outputs`, which have distinct names. Both are referred to by
    /// their index; at most 65 534 names are looked for.
    #[must_use]
    pub fn new(format: Format, inputs: &[Accessor], outputs: &[Output]) -> Self {
        let encoded = match format.in_this_build() {
            Format::Json => json::encode_outputs(outputs),
            Format::Msgpack => msgpack::encode_outputs(outputs),
        };
        Self { format, inputs: inputs.len(), tree: Arc::new(Tree::new(inputs, outputs)), outputs: encoded }
    }

    /// How the records are written.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// Checks that `record` is one well-formed record and notes in `found` where the wanted values stand. Of
    /// several members with the same key the last one counts.
    ///
    /// # Errors
    /// [`NotARecord`] says why and where; nothing is found then, and [`Extractor::annotate`] writes nothing.
    pub fn scan(&self, record: &[u8], found: &mut Found) -> Result<(), NotARecord> {
        match self.format.in_this_build() {
            Format::Json => json::scan(record, &self.tree, self.inputs, found),
            Format::Msgpack => msgpack::scan(record, &self.tree, self.inputs, found),
        }
    }

    /// Writes fields, each an output's index with its value, behind the last member of the record that `found`
    /// comes from. A field that the record has already gets the new value in its old place, each one of them if
    /// there are several. Each output may stand in `fields` once.
    ///
    /// All other bytes stay. A record that was changed in length since its scan is left alone.
    pub fn annotate(&self, record: &mut Vec<u8>, found: &Found, fields: &[(usize, Field<'_>)]) {
        if fields.is_empty() || found.format.in_this_build() != self.format.in_this_build() {
            return;
        }
        match self.format.in_this_build() {
            Format::Json => json::annotate(record, &self.outputs, found, fields),
            Format::Msgpack => msgpack::annotate(record, &self.outputs, found, fields),
        }
    }

    /// The texts ahead of the values of outputs without a constant, the constants between them included: what
    /// [`append_suffix`](Extractor::append_suffix) may be given. Empty for msgpack; `None` in place of a text of more than
    /// 256 bytes.
    #[must_use]
    pub fn suffix_texts(&self) -> Vec<Option<json::SuffixText>> {
        match self.format.in_this_build() {
            Format::Json => self.outputs.between_values().map(json::SuffixText::new).collect(),
            Format::Msgpack => Vec::new(),
        }
    }

    /// Whether [`append_suffix`](Extractor::append_suffix) may be called: for a JSON record with nothing behind its closing
    /// brace that has members, none of them named like an output.
    #[inline(always)] // speed
    #[must_use]
    pub fn takes_suffix(&self, record: &[u8], found: &Found) -> bool {
        found.format.in_this_build() == Format::Json && json::takes_suffix(record, found)
    }

    /// Writes members into a plain record, the text of a [`Suffix`](json::Suffix), as [`annotate`](Extractor::annotate) would, in a tenth of the instructions.
    ///
    /// ```
    /// use fluent_anomaly::{Format, internals::Suffix, records::{Extractor, Found, Output}};
    ///
    /// let outputs = [("metric", Some("x".to_owned())), ("score", None)];
    /// let outputs = outputs.map(|(name, constant)| Output { name: name.to_owned(), constant });
    /// let extractor = Extractor::new(Format::Json, &[], &outputs);
    /// let texts = extractor.suffix_texts();
    /// let mut found = Found::default();
    /// let mut record = br#"{"a":1}"#.to_vec();
    /// extractor.scan(&record, &mut found)?;
    /// assert!(extractor.takes_suffix(&record, &found));
    ///
    /// let mut suffix = Suffix::default(); // used again for each record
    /// suffix.clear();
    /// suffix.prepend_number(1.5);
    /// suffix.prepend(texts[0].as_ref().unwrap());
    /// extractor.append_suffix(&mut record, suffix.text());
    /// assert_eq!(record, br#"{"a":1,"metric":"x","score":1.5}"#);
    /// # Ok::<(), fluent_anomaly::records::NotARecord>(())
    /// ```
    #[inline(always)] // speed
    pub fn append_suffix(&self, record: &mut Vec<u8>, suffix: &[u8]) {
        json::append_suffix(record, suffix);
    }
}

/// Appends a value as it stands in a record of this format.
///
/// ```
/// use fluent_anomaly::{Format, records::{Field, encode}};
/// let mut out = Vec::new();
/// encode(Format::Json, &Field::Map(&[("status", Field::Text("OK"))]), &mut out);
/// assert_eq!(out, br#"{"status":"OK"}"#);
/// ```
pub fn encode(format: Format, field: &Field<'_>, out: &mut Vec<u8>) {
    match format.in_this_build() {
        Format::Json => json::append_value(field, out),
        Format::Msgpack => msgpack::append_value(field, out),
    }
}
