//! The wanted names as a tree: what to look for inside the container that is being read.

use super::accessor::{Accessor, Step};
use super::output::Output;
use super::words::equal;

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
    /// The inputs below: gone when the value comes a second time.
    pub(super) below: Vec<u16>,
}

/// A hash table of 64 chains over (first eight bytes, length): nearly every unwanted key is told apart by one
/// multiplication and one load.
#[derive(Debug, Clone)]
struct Keys {
    chains: [u16; 64], // -> first entry
    entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    word: u64, // the key's first eight bytes, the missing ones 0
    len: usize,
    rest: Box<[u8]>, // the key behind its first eight bytes
    child: u16,
    next: u16, // entry
}

#[inline(always)]
fn chain(word: u64, len: usize) -> usize {
    // Fibonacci hashing; the upper bits depend on all bytes of the word
    (word.wrapping_add(len as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58) as usize
}

fn word_of(key: &[u8]) -> u64 {
    key.iter().take(8).rev().fold(0, |word, &byte| word << 8 | u64::from(byte))
}

impl Node {
    fn new() -> Self {
        let keys = Keys { chains: [NONE; 64], entries: Vec::new() };
        Self { keys, elements: Vec::new(), input: NONE, output: NONE, below: Vec::new() }
    }

    /// The child under a key, given as its first eight bytes (the missing ones 0) and all of it.
    #[inline(always)]
    pub(super) fn key(&self, word: u64, key: &[u8]) -> u16 {
        let Some(&first) = self.keys.chains.get(chain(word, key.len())) else { return NONE };
        let mut at = first;
        while let Some(entry) = self.keys.entries.get(usize::from(at)) {
            if entry.word == word && entry.len == key.len() {
                let rest = key.get(8..).unwrap_or_default();
                if equal(&entry.rest, rest) {
                    return entry.child;
                }
            }
            at = entry.next;
        }
        NONE
    }

    /// The child under the key for which `is` holds of (first eight bytes, the bytes behind them).
    #[cold]
    pub(super) fn key_where(&self, is: impl Fn(&[u8], &[u8]) -> bool) -> u16 {
        let found = self.keys.entries.iter().find(|entry| {
            let first = entry.word.to_le_bytes();
            is(first.get(..entry.len.min(8)).unwrap_or_default(), &entry.rest)
        });
        found.map_or(NONE, |entry| entry.child)
    }

    /// The child at an index.
    pub(super) fn element(&self, index: u32) -> u16 {
        self.elements.iter().find(|(wanted, _)| *wanted == index).map_or(NONE, |&(_, child)| child)
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
        tree
    }

    /// The child of a node, made if it is not there. NONE when all numbers are taken.
    fn child(&mut self, at: u16, step: &Step) -> u16 {
        let Some(node) = self.nodes.get(usize::from(at)) else { return NONE };
        let known = match step {
            Step::Key(key) => node.key(word_of(key.as_bytes()), key.as_bytes()),
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

    #[inline(always)]
    pub(super) fn node(&self, at: u16) -> Option<&Node> {
        self.nodes.get(usize::from(at))
    }
}

impl Keys {
    fn insert(&mut self, key: &[u8], child: u16) {
        let word = word_of(key);
        let Some(first) = self.chains.get_mut(chain(word, key.len())) else { return };
        let fresh = u16::try_from(self.entries.len()).unwrap_or(NONE);
        let rest = key.get(8..).unwrap_or_default().into();
        self.entries.push(Entry { word, len: key.len(), rest, child, next: *first });
        *first = fresh;
    }
}
