//! `where:` of a section: which records count.

use crate::config::Section;
use crate::record::{Accessor, Condition, Found};

/// The condition of a section, for records that its extractor scans.
#[derive(Debug)]
pub(super) struct CountedRecords {
    condition: Condition,
    /// The input of the extractor that is the first field of the condition.
    first_input: usize,
    /// Records that do not meet it.
    pub(super) others: u64,
    /// A text with escapes while it is tested.
    scratch: Vec<u8>,
}

impl CountedRecords {
    /// Adds the fields of the condition to the inputs of the section's extractor.
    pub(super) fn new(section: &Section, inputs: &mut Vec<Accessor>) -> Option<Box<Self>> {
        let condition = section.condition.clone()?;
        let first_input = inputs.len();
        inputs.extend_from_slice(condition.fields());
        Some(Box::new(Self { condition, first_input, others: 0, scratch: Vec::new() }))
    }

    /// Whether the record that was scanned last counts.
    #[inline(never)] // stack
    pub(super) fn includes(&mut self, record: &[u8], found: &Found) -> bool {
        let first = self.first_input;
        let holds = self.condition.holds(&mut self.scratch, |field| found.value(record, first + field));
        self.others += u64::from(!holds);
        holds
    }
}
