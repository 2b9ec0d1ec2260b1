//! Bytes of saved state: little-endian primitives, checked reads, a checksum.
//!
//! Every detector saves itself with [`Writer`] and is restored with [`Reader`]. Floats are stored as their bits, so a
//! restored detector scores exactly as the saved one would have. Nothing here allocates beyond the output buffer. No
//! input, however broken, makes a reader panic or reserve memory for more bytes than the input has.

mod float_text;

pub(crate) use float_text::{FloatText, debug_with_float_text};

use thiserror::Error;

/// Why saved bytes cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The bytes end in the middle of a value: the file was cut.
    #[error("saved state ends early: {wanted} bytes wanted for {what}, {left} left")]
    Truncated {
        /// What was being read.
        what: &'static str,
        /// Bytes the value needs.
        wanted: usize,
        /// Bytes that are left.
        left: usize,
    },
    /// The writer cannot have written this value.
    #[error("saved state holds an impossible {what}")]
    Invalid {
        /// What was being read.
        what: &'static str,
    },
}

/// Appends primitives to a buffer.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    /// Appends to `out`.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out }
    }

    /// One byte.
    pub fn u8(&mut self, value: u8) {
        self.out.push(value);
    }

    /// Four bytes, little-endian.
    pub fn u32(&mut self, value: u32) {
        self.out.extend_from_slice(&value.to_le_bytes());
    }

    /// Eight bytes, little-endian.
    pub fn u64(&mut self, value: u64) {
        self.out.extend_from_slice(&value.to_le_bytes());
    }

    /// Eight bytes, little-endian two's complement.
    pub fn i64(&mut self, value: i64) {
        self.out.extend_from_slice(&value.to_le_bytes());
    }

    /// The bits of a float, with the payload of a NaN and the sign of a zero.
    pub fn f64(&mut self, value: f64) {
        self.u64(value.to_bits());
    }

    /// The bits of a single-precision float.
    pub fn f32(&mut self, value: f32) {
        self.u32(value.to_bits());
    }

    /// Each float of a slice, without its length: the reader knows it from the parameters.
    pub fn f64s(&mut self, values: &[f64]) {
        for &value in values {
            self.f64(value);
        }
    }

    /// An unsigned LEB128 number: seven bits a byte, one byte for values below 128.
    pub fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.out.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.out.push(value as u8);
    }

    /// A length as varint, then the bytes.
    pub fn bytes(&mut self, value: &[u8]) {
        self.varint(value.len() as u64);
        self.out.extend_from_slice(value);
    }
}

/// Takes primitives from the front of a byte slice.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
    /// The last part was of an older version and is left out.
    outdated: bool,
}

impl<'a> Reader<'a> {
    /// Reads `bytes` from its start.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, outdated: false }
    }

    /// Leaves the rest out: an older version wrote it, and this one cannot go on from there.
    pub fn leave_outdated(&mut self) {
        self.rest = &[];
        self.outdated = true;
    }

    /// Whether something was left out because an older version wrote it.
    pub fn is_outdated(&self) -> bool {
        self.outdated
    }

    /// The bytes that have not been read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// True when everything has been read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next `len` bytes; `what` names them in an error.
    ///
    /// # Errors
    /// [`CodecError::Truncated`] when fewer are left.
    pub fn take(&mut self, len: usize, what: &'static str) -> Result<&'a [u8], CodecError> {
        match self.rest.split_at_checked(len) {
            Some((head, rest)) => {
                self.rest = rest;
                Ok(head)
            }
            None => Err(CodecError::Truncated { what, wanted: len, left: self.rest.len() }),
        }
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], CodecError> {
        let head = self.take(N, what)?;
        let mut array = [0; N];
        array.copy_from_slice(head);
        Ok(array)
    }

    /// One byte.
    ///
    /// # Errors
    /// [`CodecError::Truncated`].
    pub fn u8(&mut self, what: &'static str) -> Result<u8, CodecError> {
        Ok(u8::from_le_bytes(self.array(what)?))
    }

    /// Four bytes.
    ///
    /// # Errors
    /// [`CodecError::Truncated`].
    pub fn u32(&mut self, what: &'static str) -> Result<u32, CodecError> {
        Ok(u32::from_le_bytes(self.array(what)?))
    }

    /// Eight bytes.
    ///
    /// # Errors
    /// [`CodecError::Truncated`].
    pub fn u64(&mut self, what: &'static str) -> Result<u64, CodecError> {
        Ok(u64::from_le_bytes(self.array(what)?))
    }

    /// Eight bytes, two's complement.
    ///
    /// # Errors
    /// [`CodecError::Truncated`].
    pub fn i64(&mut self, what: &'static str) -> Result<i64, CodecError> {
        Ok(i64::from_le_bytes(self.array(what)?))
    }

    /// A float from its bits.
    ///
    /// # Errors
    /// [`CodecError::Truncated`].
    pub fn f64(&mut self, what: &'static str) -> Result<f64, CodecError> {
        Ok(f64::from_bits(self.u64(what)?))
    }

    /// A single-precision float from its bits.
    ///
    /// # Errors
    /// [`CodecError::Truncated`].
    pub fn f32(&mut self, what: &'static str) -> Result<f32, CodecError> {
        Ok(f32::from_bits(self.u32(what)?))
    }

    /// Fills `into` from the front.
    ///
    /// # Errors
    /// [`CodecError::Truncated`].
    pub fn f64s(&mut self, into: &mut [f64], what: &'static str) -> Result<(), CodecError> {
        for slot in into {
            *slot = self.f64(what)?;
        }
        Ok(())
    }

    /// A LEB128 number.
    ///
    /// # Errors
    /// [`CodecError::Truncated`], or [`CodecError::Invalid`] for more than 64 bits.
    pub fn varint(&mut self, what: &'static str) -> Result<u64, CodecError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8(what)?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(CodecError::Invalid { what })
    }

    /// A length as varint, then so many bytes.
    ///
    /// # Errors
    /// [`CodecError::Truncated`] or [`CodecError::Invalid`].
    pub fn bytes(&mut self, what: &'static str) -> Result<&'a [u8], CodecError> {
        let len = self.varint(what)?;
        let len = usize::try_from(len).map_err(|_| CodecError::Invalid { what })?;
        self.take(len, what)
    }
}

/// 64-bit FNV-1a with a final avalanche, over 8 bytes at a time.
///
/// It finds truncated files, flipped bits and foreign content; it does not protect against an attacker. `seed` chains
/// checksums: that of a journal entry starts from that of the entry before.
#[must_use]
pub fn checksum(seed: u64, bytes: &[u8]) -> u64 {
    let (words, tail) = bytes.as_chunks::<8>();
    let words = words.iter().map(|word| u64::from_le_bytes(*word));
    let mut hash = words.fold(start(seed, bytes.len()), add);
    for &byte in tail {
        hash = (hash ^ u64::from(byte)).wrapping_mul(PRIME);
    }
    finish(hash)
}

/// The [`checksum`] of the bytes of three words, the lowest byte first.
#[inline(always)] // speed: a loop takes an interpreter twice as long
#[must_use]
pub(crate) fn checksum_of_three(seed: u64, [first, second, third]: [u64; 3]) -> u64 {
    finish(add(add(add(start(seed, 24), first), second), third))
}

/// A checksum for the same purpose over four words at a time: each step waits for the one before, and four rows of them go on
/// side by side. Another number than [`checksum`] gives.
#[cfg(feature = "companion")]
#[must_use]
pub(crate) fn checksum_of_many(seed: u64, bytes: &[u8]) -> u64 {
    let (blocks, tail) = bytes.as_chunks::<32>();
    let mut sums = [0, 1, 2, 3].map(|row| start(seed ^ row << 56, bytes.len()));
    for block in blocks {
        let (words, _) = block.as_chunks::<8>();
        for (sum, word) in sums.iter_mut().zip(words) {
            *sum = add(*sum, u64::from_le_bytes(*word));
        }
    }
    finish(sums.into_iter().fold(start(checksum(seed, tail), 32), add))
}

const PRIME: u64 = 0x0000_0100_0000_01b3;

#[inline(always)] // speed
const fn start(seed: u64, len: usize) -> u64 {
    seed ^ 0xcbf2_9ce4_8422_2325 ^ len as u64
}

#[inline(always)] // speed
const fn add(hash: u64, word: u64) -> u64 {
    let hash = (hash ^ word).wrapping_mul(PRIME);
    hash ^ hash >> 29
}

#[inline(always)] // speed
const fn finish(hash: u64) -> u64 {
    let hash = (hash ^ hash >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash ^ (hash >> 29)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_back(a: u64, b: f64, c: Vec<u8>, d: u32) {
            let mut out = Vec::new();
            let mut w = Writer::new(&mut out);
            w.varint(a);
            w.f64(b);
            w.bytes(&c);
            w.u32(d);
            let mut r = Reader::new(&out);
            prop_assert_eq!(r.varint("a").unwrap(), a);
            prop_assert_eq!(r.f64("b").unwrap().to_bits(), b.to_bits());
            prop_assert_eq!(r.bytes("c").unwrap(), &c[..]);
            prop_assert_eq!(r.u32("d").unwrap(), d);
            prop_assert!(r.is_empty());
        }

        #[test]
        fn three_words_have_the_checksum_of_their_bytes(seed: u64, words: [u64; 3]) {
            let bytes = words.map(u64::to_le_bytes).concat();
            prop_assert_eq!(checksum_of_three(seed, words), checksum(seed, &bytes));
        }

        #[test]
        fn a_flipped_bit_changes_the_checksum(bytes in proptest::collection::vec(any::<u8>(), 1..64), at: usize, bit in 0u8..8) {
            let mut other = bytes.clone();
            let at = at % bytes.len();
            other[at] ^= 1 << bit;
            prop_assert_ne!(checksum(7, &bytes), checksum(7, &other));
        }
    }

    #[test]
    fn a_length_beyond_the_input_is_truncation_not_allocation() {
        let mut r = Reader::new(&[0xff, 0xff, 0xff, 0xff, 0x0f, 1, 2]);
        assert!(matches!(r.bytes("key"), Err(CodecError::Truncated { .. })));
    }

    #[test]
    fn a_varint_of_more_than_64_bits_is_invalid() {
        let mut r = Reader::new(&[0xff; 11]);
        assert_eq!(r.varint("id"), Err(CodecError::Invalid { what: "id" }));
    }

    #[cfg(feature = "companion")]
    #[test]
    fn a_checksum_of_many_bytes_changes_with_each_of_them_and_with_their_order() {
        let bytes: Vec<u8> = (0..=255).chain(0..77).collect();
        let whole = checksum_of_many(7, &bytes);
        assert_ne!(whole, checksum_of_many(8, &bytes));
        assert_ne!(whole, checksum_of_many(7, &bytes[1..]));
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 0x10;
            assert_ne!(whole, checksum_of_many(7, &other), "{at}");
            other = bytes.clone();
            other.swap(at, (at + 8) % bytes.len());
            assert_ne!(whole, checksum_of_many(7, &other), "{at}");
        }
    }
}
