//! Where a scan found the wanted values.

use super::format::{Format, MAX_DEPTH};
use super::json::Mended;
use super::json::template::Template;
use super::tree::{NONE, Node, Tree};
use super::value::{InputSpan, Span, Value, ValueForm};

/// Where the wanted values stand in the record scanned last, and scratch that the next scan uses again.
#[derive(Debug, Clone)]
pub struct Found {
    pub(super) format: Format,
    /// Where each input's value stands.
    pub(super) inputs: Vec<InputSpan>,
    /// Number of the scan; never 0, which marks a missing value.
    pub(super) scan: u32,
    /// JSON: only [`needs_mending`](Found::needs_mending) is asked, and nothing is looked for.
    pub(super) is_for_checks: bool,
    /// JSON: what the records before had in common.
    pub(super) template: Template,
    /// Outputs that are in the record already, in the order of the record.
    pub(super) replaced: Vec<(u16, Span)>,
    /// Length of the scanned record.
    pub(super) len: usize,
    /// JSON: offset of the closing brace. msgpack: of the first member.
    pub(super) edge: usize,
    /// Members of the record; JSON tells only 0 from more.
    pub(super) members: u32,
    /// JSON: [`mend`](super::mend) would change the record.
    pub(super) needs_mending: bool,
    /// JSON: the wanted containers that are open, the outermost first.
    pub(super) open_nodes: Vec<OpenNode>,
    /// JSON: one bit a container, object or array, for the levels above the current 64.
    pub(super) outer_bits: [u64; MAX_DEPTH / 64],
    /// msgpack: the containers that are open, the outermost first.
    pub(super) open_containers: Vec<OpenContainer>,
}

/// JSON: a wanted container that is open, and the wanted container around it.
#[derive(Debug, Clone, Copy)]
pub(super) struct OpenNode {
    pub(super) outer: u16,
    /// Of the current element of the outer one.
    pub(super) outer_index: u32,
    /// Offset of the container.
    pub(super) start: usize,
}

/// msgpack: a container that is open.
#[derive(Debug, Clone, Copy)]
pub(super) struct OpenContainer {
    /// Its node in the tree of wanted names; NONE if nothing inside is wanted.
    pub(super) node: u16,
    pub(super) is_map: bool,
    /// Members or elements that are still to come.
    pub(super) left: u32,
    /// Of the next element.
    pub(super) index: u32,
    /// Offset of the container.
    pub(super) start: usize,
}

impl Default for Found {
    fn default() -> Self {
        Self {
            format: Format::Json,
            inputs: Vec::new(),
            scan: 1,
            is_for_checks: false,
            template: Template::default(),
            replaced: Vec::new(),
            len: 0,
            edge: 0,
            members: 0,
            needs_mending: false,
            open_nodes: Vec::new(),
            outer_bits: [0; MAX_DEPTH / 64],
            open_containers: Vec::new(),
        }
    }
}

impl Found {
    /// For an extractor that looks for nothing, whose records are only to be checked for what needs mending.
    #[must_use]
    pub(crate) fn for_checks() -> Self {
        Self { is_for_checks: true, ..Self::default() }
    }

    /// The value of an input (its index in the list given to `Extractor::new`) in the record that was scanned;
    /// `None` if the record has none.
    #[must_use]
    pub fn value<'a>(&self, record: &'a [u8], input: usize) -> Option<Value<'a>> {
        let span = self.inputs.get(input).filter(|span| span.scan == self.scan)?;
        let bytes = record.get(span.start..span.end)?;
        match self.format.in_this_build() {
            Format::Json => Value::of_json(bytes, span),
            Format::Msgpack => Value::of_msgpack(bytes),
        }
    }

    /// The value of an input as [`value`](Found::value) gives it, if it is a number; cheaper.
    #[inline(always)] // speed
    #[must_use]
    pub fn number(&self, record: &[u8], input: usize) -> Option<f64> {
        match self.inputs.get(input) {
            Some(span) if span.scan == self.scan && span.form == ValueForm::Number => Some(span.number),
            _ => self.read_number(record, input),
        }
    }

    /// The value of an input as [`value`](Found::value) gives it, if it is a JSON string without escapes; cheaper.
    #[inline(always)] // speed
    #[must_use]
    pub fn plain_text<'a>(&self, record: &'a [u8], input: usize) -> Option<&'a [u8]> {
        let span = self.inputs.get(input).filter(|span| span.scan == self.scan)?;
        if span.form == ValueForm::Plain { record.get(span.start + 1..span.end - 1) } else { None }
    }

    #[inline(never)] // speed: rare
    fn read_number(&self, record: &[u8], input: usize) -> Option<f64> {
        match self.value(record, input) {
            Some(Value::Number(number)) => Some(number.to_f64()),
            _ => None,
        }
    }

    /// Whether the scanned record, which is JSON, holds something that Fluent Bit cannot read back:
    /// [`mend`](super::mend) changes that.
    #[inline(always)] // speed
    #[must_use]
    pub(crate) fn needs_mending(&self) -> bool {
        self.needs_mending
    }

    /// Whether the value of an input is a `null` that [`mend`](super::mend) put there; `mended`: what it returned.
    #[must_use]
    pub(crate) fn is_mended_null(&self, input: usize, mended: &Mended) -> bool {
        let span = self.inputs.get(input).filter(|span| span.scan == self.scan);
        span.is_some_and(|span| mended.is_null_at(span.start))
    }

    /// A new scan of a record of this length: nothing is found yet.
    #[inline(always)] // speed
    pub(super) fn next_scan(&mut self, format: Format, len: usize) {
        self.format = format;
        self.len = len;
        self.replaced.clear();
        self.scan = self.scan.wrapping_add(1);
        if self.scan == 0 {
            self.renumber();
        }
    }

    #[cold]
    #[inline(never)] // speed: rare
    fn renumber(&mut self) {
        self.inputs.fill(InputSpan::default());
        self.scan = 1;
    }

    pub(super) fn begin(&mut self, format: Format, inputs: usize, len: usize) {
        self.next_scan(format, len);
        if self.inputs.len() != inputs {
            self.inputs.resize(inputs, InputSpan::default());
            self.template.forget();
        }
        self.needs_mending = false;
        self.forget();
    }

    /// Nothing was found, and nothing may be written.
    pub(super) fn forget(&mut self) {
        self.edge = usize::MAX;
        self.members = 0;
        self.replaced.clear();
        self.open_nodes.clear();
        self.next_scan(self.format, self.len);
    }

    /// Records the span of a wanted scalar.
    #[inline(always)] // speed
    pub(super) fn record_scalar(&mut self, node: &Node, span: Span) {
        if node.is_only_input {
            if let Some(slot) = self.inputs.get_mut(usize::from(node.input)) {
                *slot = InputSpan::new(self.scan, span);
            }
        } else {
            self.record_scalar_of_many(node, span);
        }
    }

    #[cold]
    #[inline(never)] // speed: rare
    fn record_scalar_of_many(&mut self, node: &Node, span: Span) {
        self.forget_inner(node);
        self.record_value(node, span);
    }

    /// Records the span of a wanted value. The last of several counts.
    #[inline(always)] // speed
    pub(super) fn record_value(&mut self, node: &Node, span: Span) {
        if let Some(slot) = self.inputs.get_mut(usize::from(node.input)) {
            *slot = InputSpan::new(self.scan, span);
        }
        if node.output != NONE {
            self.replaced.push((node.output, span));
        }
    }

    /// A wanted value begins: forgets the values found inside an earlier one of the same name.
    #[inline(always)] // speed
    pub(super) fn forget_inner(&mut self, node: &Node) {
        for &input in &node.below {
            if let Some(slot) = self.inputs.get_mut(usize::from(input)) {
                slot.scan = 0;
            }
        }
    }

    /// Whether the record has a field with the name of this output.
    #[inline(always)] // speed
    pub(super) fn has(&self, output: usize) -> bool {
        self.replaced.iter().any(|&(there, _)| usize::from(there) == output)
    }

    #[inline(always)] // speed
    pub(super) fn finish(&mut self, tree: &Tree, edge: usize, members: u32) {
        self.edge = edge;
        self.members = members;
        for &(input, earlier) in &tree.same {
            let span = self.inputs.get(usize::from(earlier)).copied().unwrap_or_default();
            if let Some(slot) = self.inputs.get_mut(usize::from(input)) {
                *slot = span;
            }
        }
    }
}
