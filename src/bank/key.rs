//! What names a series, in words of 8 bytes: hashed and compared without a byte loop.

use crate::codec::checksum;

/// The name of a series within its section: any bytes.
///
/// Lives in a buffer that is used for one record after the other. Behind the bytes, zeros fill the last word, and
/// the length is kept apart, so two keys are equal exactly when their bytes are.
#[derive(Debug, Clone)]
pub(crate) struct SeriesKey {
    /// Behind `len` bytes at least 8 more, of which those up to the next whole word are 0.
    // in place: a pointer would be read at each step
    padded: [u8; MAX_LEN + 8],
    len: usize, // at most MAX_LEN
    /// A longer key while it is put together.
    draft: Vec<u8>,
}

impl Default for SeriesKey {
    fn default() -> Self {
        Self { padded: [0; MAX_LEN + 8], len: 0, draft: Vec::new() }
    }
}

impl PartialEq for SeriesKey {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for SeriesKey {}

/// Longer keys are cut and told apart by a checksum: a field may hold megabytes.
const MAX_LEN: usize = 256;

impl SeriesKey {
    /// A key of these bytes.
    #[must_use]
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let mut key = Self::default();
        key.fill(|out| out.extend_from_slice(bytes));
        key
    }

    /// Makes this the key of the bytes that `write` appends.
    pub(crate) fn fill(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.draft.clear();
        write(&mut self.draft);
        if self.draft.len() > MAX_LEN {
            shorten(&mut self.draft);
        }
        self.padded.fill(0);
        self.len = self.draft.len();
        if let Some(place) = self.padded.get_mut(..self.len) {
            place.copy_from_slice(&self.draft);
        }
    }

    /// Makes this the key of a byte and a text: as [`fill`](SeriesKey::fill), in a fifth of the instructions.
    #[inline(always)] // speed
    pub(crate) fn set(&mut self, kind: u8, text: &[u8]) {
        let [first, rest @ ..] = &mut self.padded;
        if text.len() < MAX_LEN
            && let Some((place, behind)) = rest.split_at_mut_checked(text.len())
            && let Some(behind) = behind.first_chunk_mut::<8>()
        {
            *first = kind;
            place.copy_from_slice(text);
            *behind = [0; 8];
            self.len = text.len() + 1;
        } else {
            self.set_long(kind, text);
        }
    }

    /// Makes this the key of several texts, each behind the length of its part, 4 bytes, and a
    /// byte. False, and the key is useless, where `texts` has none or they are too long.
    #[inline(always)] // speed
    pub(crate) fn set_parts<'a>(&mut self, kind: u8, texts: impl Iterator<Item = Option<&'a [u8]>>) -> bool {
        let mut len = 0;
        for text in texts {
            let Some(text) = text else { return false };
            let part = 5 + text.len();
            if len + part > MAX_LEN {
                return false;
            }
            let Some((head, rest)) =
                self.padded.get_mut(len..).and_then(|rest| rest.split_first_chunk_mut::<5>())
            else {
                return false;
            };
            let [a, b, c, d] = (part as u32).to_le_bytes();
            *head = [a, b, c, d, kind];
            let Some(place) = rest.get_mut(..text.len()) else { return false };
            place.copy_from_slice(text);
            len += part;
        }
        let Some(behind) = self.padded.get_mut(len..).and_then(|rest| rest.first_chunk_mut::<8>()) else {
            return false;
        };
        *behind = [0; 8];
        self.len = len;
        true
    }

    #[cold]
    #[inline(never)] // speed
    fn set_long(&mut self, kind: u8, text: &[u8]) {
        self.fill(|out| {
            out.push(kind);
            out.extend_from_slice(text);
        });
    }

    /// The bytes.
    #[must_use]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.padded[..self.len]
    }

    #[inline]
    pub(super) fn words(&self) -> &[[u8; 8]] {
        self.padded.get(..(self.len + 7) & !7).unwrap_or_default().as_chunks::<8>().0
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }
}

fn shorten(key: &mut Vec<u8>) {
    const KEPT: usize = MAX_LEN - 8;
    let rest = checksum(0, key.get(KEPT..).unwrap_or_default());
    key.truncate(KEPT);
    key.extend_from_slice(&rest.to_le_bytes());
}

/// A key that is kept: most have two words at most, which stand in place.
#[derive(Debug)]
pub(super) enum StoredKey {
    /// Zeros behind its bytes.
    Short { len: u32, words: [[u8; 8]; 2] },
    /// More than two words.
    Long { len: u32, words: Box<[[u8; 8]]> },
}

impl StoredKey {
    pub(super) fn new(key: &SeriesKey) -> Self {
        let (len, words) = (key.len() as u32, key.words());
        match words {
            [] => Self::Short { len, words: [[0; 8]; 2] },
            [first] => Self::Short { len, words: [*first, [0; 8]] },
            [first, second] => Self::Short { len, words: [*first, *second] },
            _ => Self::Long { len, words: words.into() },
        }
    }

    fn len(&self) -> u32 {
        let (Self::Short { len, .. } | Self::Long { len, .. }) = self;
        *len
    }

    fn words(&self) -> &[[u8; 8]] {
        match self {
            Self::Short { len, words } => words.get(..len.div_ceil(8) as usize).unwrap_or_default(),
            Self::Long { words, .. } => words,
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.words().as_flattened()[..self.len() as usize]
    }

    #[inline(always)] // speed
    pub(super) fn matches(&self, key: &SeriesKey) -> bool {
        match self {
            Self::Short { len, words: [first, second] } => {
                let [head, behind] = key.head();
                *len as usize == key.len
                    && u64::from_le_bytes(*first) == head
                    && (*len <= 8 || u64::from_le_bytes(*second) == behind)
            }
            Self::Long { len, words } => {
                let [first, second, ..] = words[..] else { return false };
                let [head, behind] = key.head();
                *len as usize == key.len
                    && u64::from_le_bytes(second) == behind
                    && u64::from_le_bytes(first) == head
                    && has_rest_of(key, words)
            }
        }
    }

    #[inline]
    pub(super) fn hash(&self, section: u16) -> u32 {
        hash(section, self.words())
    }
}

/// Words, not bytes: the lengths are equal, and so are the first two words. Most keys have four words at most, which need no
/// loop.
#[inline(never)] // speed
fn has_rest_of(key: &SeriesKey, words: &[[u8; 8]]) -> bool {
    let same = |a: &[u8; 8], b: &[u8; 8]| u64::from_le_bytes(*a) == u64::from_le_bytes(*b);
    let ([_, _, third, rest @ ..], [_, _, our_third, our_fourth, ..]) =
        (words, key.padded.as_chunks::<8>().0)
    else {
        return true;
    };
    if !same(third, our_third) {
        return false;
    }
    match rest {
        [] => true,
        [fourth] => same(fourth, our_fourth),
        _ => rest.iter().zip(key.words().iter().skip(3)).all(|(a, b)| same(a, b)),
    }
}

impl SeriesKey {
    /// Of the first two words and the last: tells most keys of a stream apart.
    #[inline(always)] // speed
    pub(super) fn quick_hash(&self, section: u16) -> u32 {
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
        let [first, second] = self.head();
        let last = self.padded.as_chunks::<8>().0.get(self.len.saturating_sub(1) / 8);
        let last = last.map_or(0, |word| u64::from_le_bytes(*word));
        let words = first ^ second.rotate_left(21) ^ last.rotate_left(42) ^ u64::from(section);
        (words.wrapping_mul(ODD) >> 32) as u32
    }

    #[inline(always)] // speed
    fn head(&self) -> [u64; 2] {
        let [first, second, ..] = self.padded.as_chunks::<8>().0 else { return [0; 2] };
        [u64::from_le_bytes(*first), u64::from_le_bytes(*second)]
    }

    #[inline]
    pub(super) fn hash(&self, section: u16) -> u32 {
        hash(section, self.words())
    }
}

/// Multiply and fold, a word at a time; deterministic, and good enough where an attacker gains nothing but the
/// eviction that `max_series` bounds anyway.
#[inline]
fn hash(section: u16, words: &[[u8; 8]]) -> u32 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = u64::from(section) ^ ODD;
    for word in words {
        hash = (hash ^ u64::from_le_bytes(*word)).wrapping_mul(ODD);
        hash ^= hash >> 32;
    }
    (hash.wrapping_mul(ODD) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn keys_are_equal_exactly_when_their_bytes_are(a in proptest::collection::vec(0u8..2, 0..20), b in proptest::collection::vec(0u8..2, 0..20)) {
            let (x, y) = (SeriesKey::new(&a), SeriesKey::new(&b));
            prop_assert_eq!(StoredKey::new(&x).matches(&y), a == b);
            prop_assert_eq!(x.bytes(), &a[..]);
            let stored = StoredKey::new(&x);
            prop_assert_eq!(stored.bytes(), &a[..]);
        }

        #[test]
        fn a_key_that_is_set_equals_one_that_is_filled(texts in proptest::collection::vec((0u8..2, proptest::collection::vec(0u8..2, 0..300)), 1..6)) {
            let mut key = SeriesKey::default();
            for (kind, text) in texts {
                key.set(kind, &text);
                let filled = SeriesKey::new(&[&[kind], &text[..]].concat());
                prop_assert_eq!(key.words(), filled.words());
                prop_assert_eq!(&key, &filled);
                prop_assert_eq!(key.hash(3), filled.hash(3));
                prop_assert!(StoredKey::new(&key).matches(&filled));
            }
        }

        #[test]
        fn a_key_of_parts_equals_one_that_is_filled(texts in proptest::collection::vec(proptest::collection::vec(0u8..2, 0..40), 1..6)) {
            let mut key = SeriesKey::default();
            key.set(b'x', &[7; 200]);
            let mut bytes = Vec::new();
            for text in &texts {
                bytes.extend_from_slice(&(5 + text.len() as u32).to_le_bytes());
                bytes.push(b't');
                bytes.extend_from_slice(text);
            }
            let is_set = key.set_parts(b't', texts.iter().map(|text| Some(&text[..])));
            prop_assert_eq!(is_set, bytes.len() <= MAX_LEN);
            if is_set {
                let filled = SeriesKey::new(&bytes);
                prop_assert_eq!(key.words(), filled.words());
                prop_assert_eq!(&key, &filled);
            }
            prop_assert!(!key.set_parts(b't', [Some(&[1][..]), None].into_iter()));
        }
    }

    #[test]
    fn a_key_of_megabytes_is_cut_and_still_its_own() {
        let (mut a, b) = (vec![b'x'; 1 << 20], vec![b'x'; 1 << 20]);
        a[999_999] = b'y';
        let (a, b) = (SeriesKey::new(&a), SeriesKey::new(&b));
        assert_eq!(a.bytes().len(), MAX_LEN);
        assert!(!StoredKey::new(&a).matches(&b));
    }
}
