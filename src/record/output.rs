//! What is written into a record.

/// A field that may be written into records: its name, and its text if that is the same in every record.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Output {
    /// Key at the top level of the record, any text.
    pub name: String,
    /// The text that [`Field::Constant`] writes; it is encoded once.
    pub constant: Option<String>,
}

/// The value of a field that is written.
///
/// A value that cannot be written is left out together with its name: a [`Field::Number`] that is not finite, and a
/// [`Field::Constant`] of an output without a constant or inside of a map. A field of that name in the record then
/// keeps its value.
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

/// The outputs' names and constants in the record's format, one behind the other: one copy writes neighbours.
#[derive(Debug, Clone, Default)]
pub(super) struct EncodedOutputs {
    bytes: Vec<u8>,
    outputs: Vec<EncodedOutput>,
    /// Where the value of each output without a constant belongs.
    value_offsets: Vec<usize>,
}

/// Where an output's name and constant stand; `name <= constant <= end`, all inside of the bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct EncodedOutput {
    /// Start of the name, separators included.
    pub(super) name: usize,
    /// Start of the constant.
    pub(super) constant: usize,
    /// End of the constant.
    pub(super) end: usize,
    /// Whether there is one.
    pub(super) has_constant: bool,
}

impl EncodedOutputs {
    /// `name` and `text` append the encoded form.
    pub(super) fn new(
        outputs: &[Output],
        name: fn(&str, &mut Vec<u8>),
        text: fn(&str, &mut Vec<u8>),
    ) -> Self {
        let mut encoded = Self::default();
        for output in outputs {
            let start = encoded.bytes.len();
            name(&output.name, &mut encoded.bytes);
            let constant = encoded.bytes.len();
            if let Some(value) = &output.constant {
                text(value, &mut encoded.bytes);
            }
            if output.constant.is_none() {
                encoded.value_offsets.push(constant);
            }
            encoded.outputs.push(EncodedOutput {
                name: start,
                constant,
                end: encoded.bytes.len(),
                has_constant: output.constant.is_some(),
            });
        }
        encoded
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    #[inline]
    pub(super) fn get(&self, output: usize) -> Option<EncodedOutput> {
        self.outputs.get(output).copied()
    }

    /// The text in front of each value that is no constant, from the value before it on.
    pub(super) fn between_values(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(&0).chain(&self.value_offsets);
        starts.zip(&self.value_offsets).filter_map(|(&start, &end)| self.bytes.get(start..end))
    }

    #[inline(always)] // speed
    pub(super) fn copy(&self, start: usize, end: usize, out: &mut Vec<u8>) {
        if let Some(bytes) = self.bytes.get(start..end) {
            out.extend_from_slice(bytes);
        }
    }
}
