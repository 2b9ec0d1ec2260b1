//! The wanted names as a tree: which names to look for inside the container that is being read.

use super::accessor::{Accessor, Step};
use super::output::Output;

/// No node, no input, no output, no entry.
pub(super) const NONE: u16 = u16::MAX;
/// The node of the record itself.
pub(super) const ROOT: u16 = 0;

/// A node is a value that is wanted, or on the way to one.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    nodes: Vec<Node>, // fewer than NONE, [0] is the record
    /// Inputs with the accessor of an earlier one: `(input, earlier)`.
    pub(super) same: Vec<(u16, u16)>,
}

#[derive(Debug, Clone)]
pub(super) struct Node {
    keys: Keys,
    elements: Vec<(u32, u16)>, // index -> node
    /// The input that this value is.
    pub(super) input: u16,
    /// The output that has this name.
    pub(super) output: u16,
    /// The inputs below: forgotten when the value comes a second time.
    pub(super) below: Vec<u16>,
    /// An input and nothing else: no output, nothing below.
    pub(super) is_only_input: bool,
}

/// A hash table of 64 chains over (first bytes, length): nearly every unwanted key is told apart by one
/// multiplication and one load.
#[derive(Debug, Clone)]
struct Keys {
    chains: [u16; 64], // -> first entry
    factor: u64,       // odd
    entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    word: u64, // key_word
    last: u64, // the last eight bytes of a longer key, else 0
    len: usize,
    key: Box<[u8]>,
    child: u16,
    next: u16, // entry
}

/// Bytes of a key that are compared as one word: seven, as the scanner loads eight with the quote before them.
pub(super) const KEY_WORD: usize = 7;

/// A key's first [`KEY_WORD`] bytes. A shorter key is followed by a quote and zeros, as it falls out of a JSON text.
pub(super) fn key_word(key: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    for (slot, &byte) in bytes.iter_mut().zip(key.iter().chain(b"\"")).take(KEY_WORD) {
        *slot = byte;
    }
    u64::from_le_bytes(bytes)
}

/// The last eight bytes of a key longer than [`KEY_WORD`].
#[inline(always)] // speed
fn last_word(key: &[u8]) -> u64 {
    key.last_chunk().map_or(0, |chunk| u64::from_le_bytes(*chunk))
}

#[inline(always)] // speed
fn chain(word: u64, len: usize, factor: u64) -> usize {
    // multiplicative hashing; the upper bits depend on all bytes of the word
    (word.wrapping_add(len as u64).wrapping_mul(factor) >> 58) as usize
}

impl Node {
    fn new() -> Self {
        Self {
            keys: Keys::new(),
            elements: Vec::new(),
            input: NONE,
            output: NONE,
            below: Vec::new(),
            is_only_input: false,
        }
    }

    /// The child under a key, given as its [`key_word`] and its place in a text.
    #[inline(always)] // speed
    pub(super) fn key(&self, word: u64, text: &[u8], start: usize, end: usize) -> u16 {
        let len = end - start;
        let Some(&first) = self.keys.chains.get(chain(word, len, self.keys.factor)) else { return NONE };
        let mut at = first;
        while let Some(entry) = self.keys.entries.get(usize::from(at)) {
            if entry.word == word
                && entry.len == len
                && (len <= KEY_WORD || entry.is_long_key(text, start, end))
            {
                return entry.child;
            }
            at = entry.next;
        }
        NONE
    }

    /// The child under the key for which `is` holds.
    #[cold]
    pub(super) fn key_where(&self, is: impl Fn(&[u8]) -> bool) -> u16 {
        self.keys.entries.iter().find(|entry| is(&entry.key)).map_or(NONE, |entry| entry.child)
    }

    /// The child at an index.
    pub(super) fn element(&self, index: u32) -> u16 {
        self.elements.iter().find(|(wanted, _)| *wanted == index).map_or(NONE, |&(_, child)| child)
    }
}

impl Entry {
    /// Whether this is the key, whose first word and length are the same. `==` is a byte-wise loop in wasm:
    /// only for very long keys.
    #[inline(never)] // speed: keeps the scan small
    fn is_long_key(&self, text: &[u8], start: usize, end: usize) -> bool {
        let Some(key) = text.get(start..end) else { return false };
        self.last == last_word(key) && (key.len() <= KEY_WORD + 8 || *self.key == *key)
    }
}

impl Keys {
    fn new() -> Self {
        Self { chains: [NONE; 64], factor: 0x9e37_79b9_7f4a_7c15, entries: Vec::new() }
    }

    fn insert(&mut self, key: &[u8], child: u16) {
        let (word, last) = (key_word(key), last_word(key));
        self.entries.push(Entry { word, last, len: key.len(), key: key.into(), child, next: NONE });
        self.link();
    }

    /// Hangs the entries into chains, which stay shortest with the best of some factors.
    fn link(&mut self) {
        let mut best = usize::MAX;
        let mut factor = self.factor;
        for _ in 0..32 {
            let mut used = 0u64;
            for entry in &self.entries {
                used |= 1 << chain(entry.word, entry.len, factor);
            }
            let shared = self.entries.len().saturating_sub(used.count_ones() as usize);
            if shared < best {
                best = shared;
                self.factor = factor;
            }
            factor = factor.wrapping_mul(0xd134_2543_de82_ef95) | 1;
        }
        self.chains = [NONE; 64];
        for (at, entry) in (0..NONE).zip(&mut self.entries) {
            if let Some(first) = self.chains.get_mut(chain(entry.word, entry.len, self.factor)) {
                entry.next = *first;
                *first = at;
            }
        }
    }
}

impl Tree {
    pub(super) fn new(inputs: &[Accessor], outputs: &[Output]) -> Self {
        let mut tree = Self { nodes: vec![Node::new()], same: Vec::new() };
        for (input, accessor) in (0..NONE).zip(inputs) {
            let mut at = ROOT;
            for step in accessor.steps() {
                if at != ROOT
                    && let Some(node) = tree.nodes.get_mut(usize::from(at))
                {
                    node.below.push(input);
                }
                at = tree.child(at, step);
            }
            let Some(node) = tree.nodes.get_mut(usize::from(at)) else { continue };
            if node.input == NONE {
                node.input = input;
            } else {
                tree.same.push((input, node.input));
            }
        }
        for (index, output) in (0..NONE).zip(outputs) {
            let at = tree.child(ROOT, &Step::Key(output.name.clone()));
            if let Some(node) = tree.nodes.get_mut(usize::from(at))
                && node.output == NONE
            {
                node.output = index;
            }
        }
        for node in &mut tree.nodes {
            node.is_only_input = node.input != NONE && node.output == NONE && node.below.is_empty();
        }
        tree
    }

    /// The child of a node, made if it is not there. NONE when all numbers are taken.
    fn child(&mut self, at: u16, step: &Step) -> u16 {
        let Some(node) = self.nodes.get(usize::from(at)) else { return NONE };
        let known = match step {
            Step::Key(key) => node.key(key_word(key.as_bytes()), key.as_bytes(), 0, key.len()),
            Step::Index(index) => node.element(*index),
        };
        let fresh = u16::try_from(self.nodes.len()).unwrap_or(NONE);
        if known != NONE || fresh == NONE {
            return known;
        }
        self.nodes.push(Node::new());
        if let Some(node) = self.nodes.get_mut(usize::from(at)) {
            match step {
                Step::Key(key) => node.keys.insert(key.as_bytes(), fresh),
                Step::Index(index) => node.elements.push((*index, fresh)),
            }
        }
        fresh
    }

    #[inline(always)] // speed
    pub(super) fn node(&self, at: u16) -> Option<&Node> {
        self.nodes.get(usize::from(at))
    }
}
