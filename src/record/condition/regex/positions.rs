//! The positions of an expression, and which may follow which.

use super::{Assertion, Automaton, MAX_POSITIONS, RegexError, Set};

/// What stands at a position.
#[derive(Debug, Clone, Copy)]
pub(super) enum Symbol {
    /// One of these bytes; if `wide`, with the bytes of its character that follow.
    Bytes {
        set: Set,
        wide: bool,
    },
    Assertion(Assertion),
}

/// A part of an expression: the positions from `start` on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    start: usize,
    /// With which it may begin, and end.
    first: Set,
    last: Set,
    matches_empty: bool,
}

/// What stands at which positions.
struct Places {
    /// For each byte the positions that it may stand at.
    of_byte: Vec<Set>, // 256
    /// Positions that take a whole character.
    wide: Set,
    /// In the order of [`Assertion`].
    assertions: [Set; 4],
}

/// The positions of the parts read so far.
#[derive(Debug, Default)]
pub(super) struct Positions {
    symbols: Vec<Symbol>,
    follow: Vec<Set>,
}

impl Positions {
    pub(super) fn len(&self) -> usize {
        self.symbols.len()
    }

    /// The part that is the empty text.
    pub(super) fn empty(&self) -> Part {
        Part { start: self.len(), first: [0; 4], last: [0; 4], matches_empty: true }
    }

    pub(super) fn symbol(&mut self, symbol: Symbol) -> Result<Part, RegexError> {
        let start = self.len();
        if start == MAX_POSITIONS {
            return Err(RegexError::TooLarge);
        }
        self.symbols.push(symbol);
        self.follow.push([0; 4]);
        let mut only = [0; 4];
        insert(&mut only, start);
        Ok(Part { start, first: only, last: only, matches_empty: false })
    }

    /// One part behind the other.
    pub(super) fn sequence(&mut self, a: Part, b: Part) -> Part {
        self.connect(&a.last, &b.first);
        Part {
            start: a.start,
            first: if a.matches_empty { union(&a.first, &b.first) } else { a.first },
            last: if b.matches_empty { union(&a.last, &b.last) } else { b.last },
            matches_empty: a.matches_empty && b.matches_empty,
        }
    }

    /// One part or the other.
    pub(super) fn choice(&self, a: Part, b: Part) -> Part {
        Part {
            start: a.start,
            first: union(&a.first, &b.first),
            last: union(&a.last, &b.last),
            matches_empty: a.matches_empty || b.matches_empty,
        }
    }

    /// A part, which is the one read last, `least` to `most` times; `None`: any number of times.
    pub(super) fn repeated(
        &mut self,
        part: Part,
        least: usize,
        most: Option<usize>,
    ) -> Result<Part, RegexError> {
        if most == Some(0) {
            self.symbols.truncate(part.start);
            self.follow.truncate(part.start);
            return Ok(self.empty());
        }
        let symbols = self.symbols.get(part.start..).unwrap_or_default().to_vec();
        let follow = self.follow.get(part.start..).unwrap_or_default().to_vec();
        let copies = most.unwrap_or(least).max(1);
        let mut whole = None;
        for n in 0..copies {
            let mut copy = part;
            if n > 0 {
                let by = self.len() - part.start;
                if self.len() + symbols.len() > MAX_POSITIONS {
                    return Err(RegexError::TooLarge);
                }
                self.symbols.extend_from_slice(&symbols);
                self.follow.extend(follow.iter().map(|set| moved(set, by)));
                copy = Part {
                    start: part.start + by,
                    first: moved(&part.first, by),
                    last: moved(&part.last, by),
                    ..part
                };
            }
            if most.is_none() && n + 1 == copies {
                self.connect(&copy.last, &copy.first);
            }
            copy.matches_empty |= n >= least;
            whole = Some(match whole {
                None => copy,
                Some(whole) => self.sequence(whole, copy),
            });
        }
        Ok(whole.unwrap_or(part))
    }

    fn connect(&mut self, from: &Set, to: &Set) {
        for (position, follow) in self.follow.iter_mut().enumerate() {
            if contains(from, position) {
                *follow = union(follow, to);
            }
        }
    }

    /// The automaton of a part that is the whole expression; `W` words hold all positions.
    pub(super) fn automaton<const W: usize>(&self, whole: &Part) -> Automaton<W> {
        let narrow = |set: &Set| std::array::from_fn(|word| set.get(word).copied().unwrap_or(0));
        let Places { of_byte, wide, assertions } = self.places();
        Automaton {
            matches_empty: whole.matches_empty,
            first: narrow(&whole.first),
            last: narrow(&whole.last),
            follow: self.follow.iter().map(narrow).collect(),
            of_byte: of_byte.iter().map(narrow).collect(),
            wide: narrow(&wide),
            has_assertions: assertions != [[0; 4]; 4],
            assertions: assertions.map(|set| narrow(&set)),
        }
    }

    #[inline(never)] // stack
    fn places(&self) -> Places {
        let mut of_byte = vec![[0; 4]; 256];
        let mut wide = [0; 4];
        let mut assertions = [[0; 4]; 4];
        for (position, symbol) in self.symbols.iter().enumerate() {
            match symbol {
                Symbol::Bytes { set, wide: is_wide } => {
                    let bytes = of_byte.iter_mut().enumerate();
                    bytes.filter(|(byte, _)| contains(set, *byte)).for_each(|(_, at)| insert(at, position));
                    if *is_wide {
                        insert(&mut wide, position);
                    }
                }
                Symbol::Assertion(kind) => insert(&mut assertions[*kind as usize], position),
            }
        }
        Places { of_byte, wide, assertions }
    }
}

pub(super) fn insert(set: &mut Set, member: usize) {
    if let Some(word) = set.get_mut(member / 64) {
        *word |= 1 << (member % 64);
    }
}

pub(super) fn contains(set: &Set, member: usize) -> bool {
    set.get(member / 64).is_some_and(|word| word >> (member % 64) & 1 == 1)
}

pub(super) fn union(a: &Set, b: &Set) -> Set {
    super::either(a, b)
}

/// The set with `by` added to each member.
fn moved(set: &Set, by: usize) -> Set {
    let mut moved = [0; 4];
    (0..MAX_POSITIONS)
        .filter(|&member| contains(set, member))
        .for_each(|member| insert(&mut moved, member + by));
    moved
}
