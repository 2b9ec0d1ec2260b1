//! Tag and time of the records that `filter` takes, and of those that it makes.

use fluent_anomaly::configuration::field_accessor;
use fluent_anomaly::records::{Extractor, Field, Found, Output, Value};
use fluent_anomaly::{HostClock, Time, WindowRecord};

use super::worker::Scorer;
use super::{Args, DEFAULT_TAG, file};
use crate::failure::Failure;
use crate::system_clock::SystemClock;

/// Tag and time as Fluentd puts them into a record.
pub(super) struct Envelope {
    extractor: Extractor,
    found: Found,
    tag_input: Option<usize>,
    time_input: Option<usize>,
    /// Tag of records that do not carry one.
    pub(super) fallback: Vec<u8>,
    prefix: Option<String>,
    tag: Vec<u8>,
}

impl Envelope {
    pub(super) fn new(args: &Args) -> Result<Self, Failure> {
        let mut inputs = Vec::new();
        let mut input = |flag: &str, name: &Option<String>| -> Result<Option<usize>, Failure> {
            let Some(name) = name else { return Ok(None) };
            inputs.push(field_accessor(name).map_err(|error| Failure::Usage(format!("{flag}: {error}")))?);
            Ok(Some(inputs.len() - 1))
        };
        let tag_input = input("--tag-key", &args.tag_key)?;
        let time_input = input("--time-key", &args.time_key)?;
        let outputs: Vec<Output> = args
            .tag_key
            .iter()
            .chain(&args.time_key)
            .map(|name| Output { name: name.trim_start_matches('$').to_owned(), constant: None })
            .collect();
        Ok(Self {
            extractor: Extractor::new(args.format(), &inputs, &outputs),
            found: Found::default(),
            tag_input,
            time_input,
            fallback: args.tag.as_deref().unwrap_or(DEFAULT_TAG).as_bytes().to_vec(),
            prefix: args.add_tag_prefix.clone(),
            tag: Vec::new(),
        })
    }

    /// Writes tag and time into a record that did not come in.
    pub(super) fn address(&mut self, window: &WindowRecord, record: &mut Vec<u8>) {
        let tag = [self.prefix.as_deref().unwrap_or_default(), window.tag.as_str()].concat();
        let mut fields = Vec::new();
        if self.tag_input.is_some() {
            fields.push((fields.len(), Field::Text(&tag)));
        }
        if self.time_input.is_some() {
            fields.push((fields.len(), Field::Integer(window.time.seconds())));
        }
        if self.extractor.scan(record, &mut self.found).is_ok() {
            self.extractor.annotate(record, &self.found, &fields);
        }
    }

    pub(super) fn process(&mut self, scorer: &mut Scorer, record: &mut Vec<u8>) {
        self.process_at(None, scorer, record);
    }

    /// `time` goes before that of the record, and that before the time of arrival.
    pub(super) fn process_at(&mut self, mut time: Option<Time>, scorer: &mut Scorer, record: &mut Vec<u8>) {
        self.tag.clear();
        if (self.tag_input.is_some() || self.time_input.is_some())
            && self.extractor.scan(record, &mut self.found).is_ok()
        {
            if let Some(Value::Text(tag)) = self.tag_input.and_then(|n| self.found.value(record, n)) {
                tag.append_to(&mut self.tag);
            }
            let given = self.time_input.and_then(|n| self.found.value(record, n));
            time = time.or_else(|| given.and_then(file::moment));
        }
        let had_tag = !self.tag.is_empty();
        if !had_tag {
            self.tag.extend_from_slice(&self.fallback);
        }
        scorer.process(&self.tag, time.unwrap_or_else(|| SystemClock.now().unwrap_or_default()), record);
        if let Some(prefix) = &self.prefix
            && had_tag
            && self.extractor.scan(record, &mut self.found).is_ok()
        {
            let tag = format!("{prefix}{}", String::from_utf8_lossy(&self.tag));
            self.extractor.annotate(record, &self.found, &[(0, Field::Text(&tag))]);
        }
    }
}
