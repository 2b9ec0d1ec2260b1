//! What is written into a record.

use super::found::Found;

/// A field that may be written into records: its name, and its text if that is the same in every record.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Output {
    /// Key at the top level of the record, any text.
    pub name: String,
    /// What [`Field::Constant`] writes; encoded once, ahead of all records.
    pub constant: Option<String>,
}

/// The value of a field that is written.
///
/// What cannot be written is left out together with its name: a [`Field::Number`] that is not finite, and a
/// [`Field::Constant`] of an output without a constant or inside of a map. A field of that name which is in the
/// record already then keeps its value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Field<'a> {
    /// The text given as [`Output::constant`].
    Constant,
    /// Shortest text that reads back as the same bits, always with a fraction or an exponent; float64 in msgpack.
    Number(f64),
    /// Decimal digits; the shortest integer format in msgpack.
    Integer(i64),
    /// A text, escaped as the format needs.
    Text(&'a str),
    /// `true` or `false`.
    Bool(bool),
    /// Names with their values, in this order.
    Map(&'a [(&'a str, Field<'a>)]),
    /// A value that is in the record's format already: [`encode`](super::encode) makes such bytes. They are written
    /// as they are.
    Encoded(&'a [u8]),
}

impl Field<'_> {
    /// Whether there is something to write; `constant` tells if a constant is known here.
    pub(super) fn is_kept(&self, constant: bool) -> bool {
        match self {
            Field::Constant => constant,
            Field::Number(number) => number.is_finite(),
            Field::Integer(_) | Field::Text(_) | Field::Bool(_) | Field::Map(_) | Field::Encoded(_) => true,
        }
    }
}

/// The outputs' names and constants as they stand on the wire, one behind the other: neighbours are copied in
/// one go.
#[derive(Debug, Clone, Default)]
pub(super) struct Pieces {
    bytes: Vec<u8>,
    marks: Vec<Mark>,
    /// Ends of the pieces ahead of each output without a constant.
    cuts: Vec<usize>,
}

/// Where an output's name and constant stand; `name <= constant <= end`, all inside of the bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    /// Start of the name, with all that separates it from what stands before and behind.
    pub(super) name: usize,
    /// Start of the constant.
    pub(super) constant: usize,
    /// End of the constant.
    pub(super) end: usize,
    /// Whether there is one.
    pub(super) has_constant: bool,
}

impl Pieces {
    /// `name` and `text` append the encoded form.
    pub(super) fn new(
        outputs: &[Output],
        name: fn(&str, &mut Vec<u8>),
        text: fn(&str, &mut Vec<u8>),
    ) -> Self {
        let mut pieces = Self::default();
        for output in outputs {
            let start = pieces.bytes.len();
            name(&output.name, &mut pieces.bytes);
            let constant = pieces.bytes.len();
            if let Some(value) = &output.constant {
                text(value, &mut pieces.bytes);
            }
            if output.constant.is_none() {
                pieces.cuts.push(constant);
            }
            pieces.marks.push(Mark {
                name: start,
                constant,
                end: pieces.bytes.len(),
                has_constant: output.constant.is_some(),
            });
        }
        pieces
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    #[inline]
    pub(super) fn mark(&self, output: usize) -> Option<Mark> {
        self.marks.get(output).copied()
    }

    /// What stands ahead of the values of those that are no constants, the constants among them.
    pub(super) fn between_numbers(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(&0).chain(&self.cuts);
        starts.zip(&self.cuts).filter_map(|(&start, &end)| self.bytes.get(start..end))
    }

    #[inline(always)]
    pub(super) fn copy(&self, start: usize, end: usize, out: &mut Vec<u8>) {
        if let Some(bytes) = self.bytes.get(start..end) {
            out.extend_from_slice(bytes);
        }
    }
}

/// Replaces the values of fields that the record has already. The text from the first of them on is written
/// anew behind the record and then moved to its place: linear, however many there are.
#[cold]
pub(super) fn replace(
    record: &mut Vec<u8>,
    pieces: &Pieces,
    found: &Found,
    fields: &[(usize, Field<'_>)],
    append_value: fn(&Field<'_>, &mut Vec<u8>),
) {
    let old_len = record.len();
    let mut first = old_len;
    let mut copied = old_len;
    for &(output, span) in &found.replaced {
        let output = usize::from(output);
        let Some(mark) = pieces.mark(output) else { continue };
        let field = fields.iter().find(|(index, _)| *index == output);
        let Some((_, field)) = field.filter(|(_, field)| field.is_kept(mark.has_constant)) else { continue };
        if first == old_len {
            first = span.start;
        } else {
            record.extend_from_within(copied.min(span.start)..span.start);
        }
        match field {
            Field::Constant => pieces.copy(mark.constant, mark.end, record),
            field => append_value(field, record),
        }
        copied = span.end;
    }
    record.extend_from_within(copied.min(old_len)..old_len);
    record.drain(first..old_len);
}
