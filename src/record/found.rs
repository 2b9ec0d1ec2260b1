//! Where a scan found what was wanted.

use super::json::template::Shape;
use super::tree::{NONE, Node, Tree};
use super::value::Value;
use super::{Format, MAX_DEPTH, json, msgpack};

/// Scratch for one scan after the other: where the wanted values stand in the record scanned last.
#[derive(Debug, Clone)]
pub struct Found {
    pub(super) format: Format,
    /// Where each input's value stands.
    pub(super) places: Vec<Place>,
    /// Counts the scans; never 0, which marks what is missing.
    pub(super) scan: u32,
    /// JSON: how the records before looked.
    pub(super) shape: Shape,
    /// Outputs that are in the record already, in the order of their places.
    pub(super) replaced: Vec<(u16, Span)>,
    /// Length of the scanned record.
    pub(super) len: usize,
    /// JSON: offset of the closing brace. msgpack: of the first member.
    pub(super) edge: usize,
    /// Members of the record; JSON tells only 0 from more.
    pub(super) members: u32,
    /// Wanted containers that are open, the outermost first.
    pub(super) frames: Vec<Frame>,
    /// JSON: object or array, a bit each, for the levels above the current 64.
    pub(super) kinds: [u64; MAX_DEPTH / 64],
    /// msgpack: containers that are open.
    pub(super) levels: Vec<msgpack::Level>,
}

/// An input's value; of an earlier scan, and so missing, if it was not noted in this one.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    pub(super) scan: u32,
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
    /// JSON: the value, where `kind` says that it was read along the way.
    pub(super) number: f64,
}

impl Place {
    #[inline(always)]
    fn new(scan: u32, span: Span) -> Self {
        let kind = if span.escaped { Kind::Escaped } else { Kind::Any };
        Self { scan, kind, start: span.start, end: span.end, number: 0.0 }
    }
}

/// What is known of a value besides its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Kind {
    /// Nothing more.
    #[default]
    Any,
    /// A JSON text with escapes.
    Escaped,
    /// A JSON string without escapes.
    Plain,
    /// A JSON number, and its value.
    Number,
}

/// A piece of the record.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
    /// A JSON text with escapes.
    pub(super) escaped: bool,
}

/// An open container that is wanted, and what was being read around it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub(super) outer: u16,
    pub(super) outer_index: u32,
    pub(super) start: usize,
}

impl Default for Found {
    fn default() -> Self {
        Self {
            format: Format::Json,
            places: Vec::new(),
            scan: 1,
            shape: Shape::default(),
            replaced: Vec::new(),
            len: 0,
            edge: 0,
            members: 0,
            frames: Vec::new(),
            kinds: [0; MAX_DEPTH / 64],
            levels: Vec::new(),
        }
    }
}

impl Found {
    /// The value of an input (its index in the list given to `Extractor::new`) in the record that was scanned;
    /// `None` if the record has none.
    #[must_use]
    pub fn value<'a>(&self, record: &'a [u8], input: usize) -> Option<Value<'a>> {
        let place = self.places.get(input).filter(|place| place.scan == self.scan)?;
        let bytes = record.get(place.start..place.end)?;
        match self.format {
            Format::Json => {
                let number = (place.kind == Kind::Number).then_some(place.number);
                json::value(bytes, place.kind == Kind::Escaped, number)
            }
            Format::Msgpack => msgpack::value(bytes),
        }
    }

    /// The value of an input as [`value`](Found::value) gives it, if it is a number; cheaper.
    #[inline]
    #[must_use]
    pub fn number(&self, record: &[u8], input: usize) -> Option<f64> {
        match self.places.get(input) {
            Some(place) if place.scan == self.scan && place.kind == Kind::Number => Some(place.number),
            _ => self.read_number(record, input),
        }
    }

    /// The value of an input as [`value`](Found::value) gives it, if it is a JSON string without escapes; cheaper.
    #[inline]
    #[must_use]
    pub fn plain_text<'a>(&self, record: &'a [u8], input: usize) -> Option<&'a [u8]> {
        let place = self.places.get(input).filter(|place| place.scan == self.scan)?;
        if place.kind == Kind::Plain { record.get(place.start + 1..place.end - 1) } else { None }
    }

    #[inline(never)]
    fn read_number(&self, record: &[u8], input: usize) -> Option<f64> {
        match self.value(record, input) {
            Some(Value::Number(number)) => Some(number.to_f64()),
            _ => None,
        }
    }

    /// A new scan of a record of this length: nothing is found yet.
    #[inline(always)]
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
    #[inline(never)]
    fn renumber(&mut self) {
        self.places.fill(Place::default());
        self.scan = 1;
    }

    pub(super) fn begin(&mut self, format: Format, inputs: usize, len: usize) {
        self.next_scan(format, len);
        if self.places.len() != inputs {
            self.places.resize(inputs, Place::default());
            self.shape.forget();
        }
        self.forget();
    }

    /// Nothing was found, and nothing may be written.
    pub(super) fn forget(&mut self) {
        self.edge = usize::MAX;
        self.members = 0;
        self.replaced.clear();
        self.frames.clear();
        self.next_scan(self.format, self.len);
    }

    /// Takes down the place of a wanted value that holds no others.
    #[inline(always)]
    pub(super) fn note_scalar(&mut self, node: &Node, span: Span) {
        if node.is_only_input {
            if let Some(slot) = self.places.get_mut(usize::from(node.input)) {
                *slot = Place::new(self.scan, span);
            }
        } else {
            self.note_more(node, span);
        }
    }

    #[cold]
    #[inline(never)]
    fn note_more(&mut self, node: &Node, span: Span) {
        self.renew(node);
        self.note(node, span);
    }

    /// Takes down the place of a wanted value. The last of several counts.
    #[inline(always)]
    pub(super) fn note(&mut self, node: &Node, span: Span) {
        if let Some(slot) = self.places.get_mut(usize::from(node.input)) {
            *slot = Place::new(self.scan, span);
        }
        if node.output != NONE {
            self.replaced.push((node.output, span));
        }
    }

    /// A wanted value begins: what was found inside an earlier one of the same name is no longer true.
    #[inline(always)]
    pub(super) fn renew(&mut self, node: &Node) {
        for &input in &node.below {
            if let Some(slot) = self.places.get_mut(usize::from(input)) {
                slot.scan = 0;
            }
        }
    }

    /// Whether the record has a field with the name of this output.
    #[inline(always)]
    pub(super) fn has(&self, output: usize) -> bool {
        self.replaced.iter().any(|&(there, _)| usize::from(there) == output)
    }

    #[inline(always)]
    pub(super) fn finish(&mut self, tree: &Tree, edge: usize, members: u32) {
        self.edge = edge;
        self.members = members;
        for &(input, earlier) in &tree.same {
            let place = self.places.get(usize::from(earlier)).copied().unwrap_or_default();
            if let Some(slot) = self.places.get_mut(usize::from(input)) {
                *slot = place;
            }
        }
    }
}
