//! The text of an expression to its positions, from left to right; groups are held in a list, not on the stack.

use super::positions::{Part, Positions, Symbol, contains, insert, union};
use super::{Assertion, MAX_POSITIONS, RegexError, Set};

/// A group that is open, or the expression itself.
struct Group {
    /// Offset of its bracket.
    at: usize,
    /// The choices that are complete.
    choices: Option<Part>,
    /// The choice at hand, up to `atom`.
    before: Part,
    /// What a repetition would repeat.
    atom: Option<Part>,
}

struct Parser<'a> {
    pattern: &'a str,
    at: usize,
    any_case: bool,
    positions: Positions,
}

pub(super) fn parse(pattern: &str, any_case: bool) -> Result<(Positions, Part), (usize, RegexError)> {
    let mut parser = Parser { pattern, at: 0, any_case, positions: Positions::default() };
    parser.any_case |= parser.take("(?i)");
    let mut at = parser.at;
    parser.whole(&mut at).map_err(|error| (at, error)).map(|whole| (parser.positions, whole))
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        self.pattern.get(self.at..).unwrap_or("")
    }

    fn next(&mut self) -> Option<char> {
        let next = self.rest().chars().next()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn take(&mut self, sign: &str) -> bool {
        let taken = self.rest().starts_with(sign);
        if taken {
            self.at += sign.len();
        }
        taken
    }

    /// `at`: the offset of what is read.
    fn whole(&mut self, at: &mut usize) -> Result<Part, RegexError> {
        let mut outer = Vec::new();
        let mut group = self.open_group(0);
        loop {
            *at = self.at;
            let Some(c) = self.next() else { break };
            match c {
                '(' => {
                    self.group_head()?;
                    outer.push(std::mem::replace(&mut group, self.open_group(*at)));
                }
                ')' => {
                    let inner = self.close_group(group);
                    group = outer.pop().ok_or(RegexError::StrayGroup)?;
                    self.add(&mut group, inner);
                }
                '|' => {
                    let choice = self.flush(&mut group);
                    group.choices = Some(self.join(group.choices, choice));
                    group.before = self.positions.empty();
                }
                '*' => self.repeat(&mut group, 0, None)?,
                '+' => self.repeat(&mut group, 1, None)?,
                '?' => self.repeat(&mut group, 0, Some(1))?,
                '{' if self.rest().starts_with(|c: char| c.is_ascii_digit()) => {
                    let (least, most) = self.bounds()?;
                    self.repeat(&mut group, least, most)?;
                }
                _ => {
                    let atom = self.atom(c)?;
                    self.add(&mut group, atom);
                }
            }
        }
        if !outer.is_empty() {
            *at = group.at;
            return Err(RegexError::OpenGroup);
        }
        Ok(self.close_group(group))
    }

    fn open_group(&self, at: usize) -> Group {
        Group { at, choices: None, before: self.positions.empty(), atom: None }
    }

    fn close_group(&mut self, mut group: Group) -> Part {
        let choice = self.flush(&mut group);
        self.join(group.choices, choice)
    }

    fn join(&self, choices: Option<Part>, choice: Part) -> Part {
        choices.map_or(choice, |choices| self.positions.choice(choices, choice))
    }

    fn add(&mut self, group: &mut Group, atom: Part) {
        group.before = self.flush(group);
        group.atom = Some(atom);
    }

    /// The choice at hand with its last atom, which can be repeated no more.
    fn flush(&mut self, group: &mut Group) -> Part {
        match group.atom.take() {
            Some(atom) => self.positions.sequence(group.before, atom),
            None => group.before,
        }
    }

    /// Behind an opening bracket: names and `?:` change nothing.
    fn group_head(&mut self) -> Result<(), RegexError> {
        if !self.take("?") || self.take(":") {
            return Ok(());
        }
        self.take("P");
        let name = self.rest().strip_prefix('<').and_then(|rest| rest.split_once('>'));
        match name {
            Some((name, _)) if !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_') => {
                self.at += name.len() + 2;
                Ok(())
            }
            _ => Err(RegexError::Unsupported),
        }
    }

    fn repeat(&mut self, group: &mut Group, least: usize, most: Option<usize>) -> Result<(), RegexError> {
        let atom = group.atom.take().ok_or(RegexError::NothingToRepeat)?;
        self.take("?"); // lazy: which match is found, not whether
        let atom = self.positions.repeated(atom, least, most)?;
        group.before = self.positions.sequence(group.before, atom);
        Ok(())
    }

    /// `2}`, `2,}` or `2,5}`.
    fn bounds(&mut self) -> Result<(usize, Option<usize>), RegexError> {
        let (inside, _) = self.rest().split_once('}').ok_or(RegexError::BadRepetition)?;
        let (least, most) = inside.split_once(',').map_or((inside, Some(inside)), |(least, most)| {
            (least, Some(most).filter(|most| !most.is_empty()))
        });
        let number = |text: &str| {
            let number = text.parse::<usize>().ok().filter(|&number| number <= MAX_POSITIONS);
            number.filter(|_| text.bytes().all(|b| b.is_ascii_digit())).ok_or(RegexError::BadRepetition)
        };
        let (least, most) = (number(least)?, most.map(number).transpose()?);
        if most.is_some_and(|most| most < least) {
            return Err(RegexError::BadRepetition);
        }
        self.at += inside.len() + 1;
        Ok((least, most))
    }

    /// A character, a class or an assertion that begins with `c`.
    fn atom(&mut self, c: char) -> Result<Part, RegexError> {
        match c {
            '^' => self.assertion(Assertion::Begin),
            '$' => self.assertion(Assertion::End),
            '.' => {
                let mut newline = [0; 4];
                insert(&mut newline, usize::from(b'\n'));
                self.positions.symbol(Symbol::Bytes { set: others(&newline), wide: true })
            }
            '[' => self.class(),
            '\\' => {
                match self.rest().chars().next() {
                    Some('b') => return self.escaped_assertion(Assertion::WordEdge),
                    Some('B') => return self.escaped_assertion(Assertion::NoWordEdge),
                    Some('A') => return self.escaped_assertion(Assertion::Begin),
                    Some('z') => return self.escaped_assertion(Assertion::End),
                    _ => {}
                }
                let class = self.escape()?;
                self.bytes(class.set, class.wide)
            }
            _ => self.character(c),
        }
    }

    fn assertion(&mut self, assertion: Assertion) -> Result<Part, RegexError> {
        self.positions.symbol(Symbol::Assertion(assertion))
    }

    fn escaped_assertion(&mut self, assertion: Assertion) -> Result<Part, RegexError> {
        self.at += 1;
        self.assertion(assertion)
    }

    fn bytes(&mut self, set: Set, wide: bool) -> Result<Part, RegexError> {
        let set = if self.any_case { in_any_case(set) } else { set };
        self.positions.symbol(Symbol::Bytes { set, wide })
    }

    /// One character: a position for each of its bytes.
    fn character(&mut self, c: char) -> Result<Part, RegexError> {
        let mut part = self.positions.empty();
        for &byte in c.encode_utf8(&mut [0; 4]).as_bytes() {
            let mut set = [0; 4];
            insert(&mut set, usize::from(byte));
            let next = self.bytes(set, false)?;
            part = self.positions.sequence(part, next);
        }
        Ok(part)
    }

    /// What stands behind a backslash.
    fn escape(&mut self) -> Result<Class, RegexError> {
        let c = self.next().ok_or(RegexError::BadEscape)?;
        let byte = match c {
            'd' | 'D' => return Ok(Class::named(|b| b.is_ascii_digit(), c == 'D')),
            'w' | 'W' => return Ok(Class::named(super::is_word, c == 'W')),
            's' | 'S' => {
                return Ok(Class::named(|b| b.is_ascii_whitespace() || b == 0x0b, c == 'S'));
            }
            't' => b'\t',
            'n' => b'\n',
            'r' => b'\r',
            'f' => 0x0c,
            'v' => 0x0b,
            'x' => {
                let digits = self.rest().get(..2).filter(|two| two.bytes().all(|b| b.is_ascii_hexdigit()));
                let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                self.at += 2;
                byte.filter(u8::is_ascii).ok_or(RegexError::BadEscape)?
            }
            sign if sign.is_ascii() && !sign.is_ascii_alphanumeric() => sign as u8,
            _ => return Err(RegexError::BadEscape),
        };
        let mut class = Class::default();
        insert(&mut class.set, usize::from(byte));
        class.only = Some(byte);
        Ok(class)
    }

    /// A class whose opening bracket has been taken.
    fn class(&mut self) -> Result<Part, RegexError> {
        let negated = self.take("^");
        let mut class = Class::default();
        let mut others_than_ascii = Vec::new();
        let mut is_first = true;
        loop {
            let c = self.next().ok_or(RegexError::OpenClass)?;
            if c == ']' && !is_first {
                break;
            }
            is_first = false;
            let from = match c {
                '\\' => {
                    let escaped = self.escape()?;
                    class.set = union(&class.set, &escaped.set);
                    class.wide |= escaped.wide;
                    escaped.only
                }
                '[' if self.rest().starts_with(':') => return Err(RegexError::Unsupported),
                c if c.is_ascii() => Some(c as u8),
                c => {
                    others_than_ascii.push(c);
                    None
                }
            };
            let behind = self.rest().strip_prefix('-').and_then(|rest| rest.chars().next());
            let to = match behind {
                Some(end) if end != ']' => {
                    self.at += 1;
                    match self.next() {
                        Some('\\') => self.escape()?.only,
                        end => end.and_then(|end| u8::try_from(end).ok()).filter(u8::is_ascii),
                    }
                }
                _ => {
                    from.into_iter().for_each(|byte| insert(&mut class.set, usize::from(byte)));
                    continue;
                }
            };
            let (Some(from), Some(to)) = (from, to) else { return Err(RegexError::BadRange) };
            if to < from {
                return Err(RegexError::BadRange);
            }
            (from..=to).for_each(|byte| insert(&mut class.set, usize::from(byte)));
        }
        if negated && (class.wide || !others_than_ascii.is_empty()) {
            return Err(RegexError::NotAscii);
        }
        let set = if self.any_case { in_any_case(class.set) } else { class.set };
        let part = self.positions.symbol(Symbol::Bytes {
            set: if negated { others(&set) } else { set },
            wide: class.wide || negated,
        })?;
        others_than_ascii.into_iter().try_fold(part, |part, c| {
            let character = self.character(c)?;
            Ok(self.positions.choice(part, character))
        })
    }
}

/// Some characters.
#[derive(Default)]
struct Class {
    set: Set,
    /// Characters beyond ASCII, too.
    wide: bool,
    /// The byte, if it is one.
    only: Option<u8>,
}

impl Class {
    fn named(is_member: fn(u8) -> bool, negated: bool) -> Self {
        let mut set = [0; 4];
        (0..128u8).filter(|&b| is_member(b)).for_each(|b| insert(&mut set, usize::from(b)));
        Class { set: if negated { others(&set) } else { set }, wide: negated, only: None }
    }
}

/// All characters but these, by their first bytes.
fn others(set: &Set) -> Set {
    let [a, b, _, _] = *set;
    // the third word is that of bytes that continue a character
    [!a, !b, 0, u64::MAX]
}

/// The set with both cases of each letter in it.
fn in_any_case(mut set: Set) -> Set {
    for upper in b'A'..=b'Z' {
        let (upper, lower) = (usize::from(upper), usize::from(upper.to_ascii_lowercase()));
        if contains(&set, upper) || contains(&set, lower) {
            insert(&mut set, upper);
            insert(&mut set, lower);
        }
    }
    set
}
