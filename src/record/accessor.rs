//! Record accessors: which value of a record is meant, in Fluent Bit's notation.

use std::fmt;

use thiserror::Error;

/// Steps an accessor may have.
pub(super) const MAX_STEPS: usize = 32;

/// The way to a value inside a record: `$a['b'][0]` is element 0 of `b` inside of `a`.
///
/// A plain name needs neither `$` nor brackets: `latency` and `$latency` are the same, `$['two words']` names a
/// key that is not plain. Inside brackets stands a quoted key (`'` or `"`, doubled where it belongs to the key)
/// or an index, counted from 0. `Display` prints the canonical form, which parses to the same accessor.
///
/// ```
/// use fluent_anomaly::records::Accessor;
/// let accessor = Accessor::parse("$kubernetes[\"labels\"]['app'][0]")?;
/// assert_eq!(accessor.to_string(), "$kubernetes['labels']['app'][0]");
/// assert_eq!(Accessor::parse("latency")?.to_string(), "$latency");
/// # Ok::<(), fluent_anomaly::records::AccessorError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Accessor {
    steps: Vec<Step>, // 1..=MAX_STEPS, the first one a key
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Step {
    Key(String),
    Index(u32),
}

/// Why a text is no record accessor. `column` counts characters from 1.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AccessorError {
    /// Nothing is named.
    #[error(
        "accessor {text:?}: no field is named; allowed: name, $name, $name['key'], $name[0], $['any key']"
    )]
    NoName {
        /// What was given.
        text: String,
    },
    /// A character that a plain name cannot hold.
    #[error(
        "accessor {text:?}: {found:?} at column {column} cannot stand in a plain name; put such a key into brackets and quotes: $['any key']"
    )]
    NotPlain {
        /// What was given.
        text: String,
        /// The character.
        found: char,
        /// Its place.
        column: usize,
    },
    /// Something else than an opening bracket behind a step.
    #[error(
        "accessor {text:?}: {found:?} at column {column} follows a step; allowed: ['key'], [\"key\"], [0] or the end"
    )]
    NoBracket {
        /// What was given.
        text: String,
        /// The character.
        found: char,
        /// Its place.
        column: usize,
    },
    /// Brackets that hold neither a quoted key nor an index, or are not closed.
    #[error(
        "accessor {text:?}: the bracket at column {column} must hold one quoted key or one index from 0 to 4294967295, and be closed: ['key'], [\"key\"], [0]"
    )]
    BadBracket {
        /// What was given.
        text: String,
        /// Place of the opening bracket.
        column: usize,
    },
    /// An index into the record itself, which is a map.
    #[error(
        "accessor {text:?}: a record has keys, not elements; allowed as first step: name, $name, $['key']"
    )]
    IndexFirst {
        /// What was given.
        text: String,
    },
    /// More steps than 32.
    #[error("accessor {text:?}: more than {MAX_STEPS} steps")]
    TooLong {
        /// What was given.
        text: String,
    },
}

/// Whether a character may stand in a name without quotes.
fn is_plain(c: char) -> bool {
    !c.is_control() && !c.is_whitespace() && !matches!(c, '[' | ']' | '\'' | '"' | '$' | ',')
}

impl Accessor {
    /// The member of the record in which the field stands.
    ///
    /// ```
    /// # use fluent_anomaly::records::Accessor;
    /// assert_eq!(Accessor::parse("$a['b']")?.root(), "a");
    /// # Ok::<(), fluent_anomaly::records::AccessorError>(())
    /// ```
    #[must_use]
    pub fn root(&self) -> &str {
        match self.steps.first() {
            Some(Step::Key(key)) => key,
            _ => "",
        }
    }

    /// The name of a member of the record itself; `None` where the field lies deeper.
    #[cfg(feature = "companion")]
    #[must_use]
    pub(crate) fn as_member(&self) -> Option<&str> {
        match &self.steps[..] {
            [Step::Key(key)] => Some(key),
            _ => None,
        }
    }

    /// What the field itself is called: the last of its keys.
    #[must_use]
    pub(crate) fn name(&self) -> &str {
        let keys = self.steps.iter().rev();
        keys.filter_map(|step| if let Step::Key(key) = step { Some(key.as_str()) } else { None })
            .next()
            .unwrap_or_default()
    }

    /// Reads an accessor; white space around it is no part of it.
    ///
    /// # Errors
    /// [`AccessorError`] names the place and what is allowed there.
    pub fn parse(text: &str) -> Result<Self, AccessorError> {
        let given = text;
        let text = text.trim();
        let own = || given.to_owned();
        let column_of = |rest: &str| {
            let before = given.find(text).unwrap_or(0) + text.len() - rest.len();
            given.get(..before).map_or(0, |head| head.chars().count()) + 1
        };
        let mut rest = text.strip_prefix('$').unwrap_or(text);
        let mut steps = Vec::new();

        let name_end = rest.find(|c| !is_plain(c)).unwrap_or(rest.len());
        let (name, behind) = rest.split_at(name_end);
        match behind.chars().next() {
            Some(found) if found != '[' => {
                return Err(AccessorError::NotPlain { text: own(), found, column: column_of(behind) });
            }
            None if name.is_empty() => return Err(AccessorError::NoName { text: own() }),
            _ => {}
        }
        if !name.is_empty() {
            steps.push(Step::Key(name.to_owned()));
        }
        rest = behind;

        while let Some(found) = rest.chars().next() {
            let column = column_of(rest);
            let Some(inner) = rest.strip_prefix('[') else {
                return Err(AccessorError::NoBracket { text: own(), found, column });
            };
            let Some((step, behind)) = bracket(inner) else {
                return Err(AccessorError::BadBracket { text: own(), column });
            };
            if steps.is_empty() && matches!(step, Step::Index(_)) {
                return Err(AccessorError::IndexFirst { text: own() });
            }
            if steps.len() == MAX_STEPS {
                return Err(AccessorError::TooLong { text: own() });
            }
            steps.push(step);
            rest = behind;
        }
        Ok(Self { steps })
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.steps
    }
}

/// What to write instead of `$a.b`, which means `b` inside of `a` to some and the key `a.b` to others; `None` for a text
/// without such dots.
pub(crate) fn hint_for_dots(text: &str) -> Option<String> {
    let path = text.trim().strip_prefix('$')?;
    let outside_of_quotes = path.split(['\'', '"']).step_by(2).any(|part| part.contains('.'));
    if !outside_of_quotes {
        return None;
    }
    let keys: Vec<&str> = path.split(['.', '[', ']', '\'', '"']).filter(|key| !key.is_empty()).collect();
    let (first, inner) = keys.split_first()?;
    let inner: String = inner.iter().map(|key| format!("['{key}']")).collect();
    let inside = format!("${first}{inner} for a map inside of the record");
    Some(match path.contains('[') {
        true => format!("write {inside}"),
        false => format!("write $['{path}'] for a key with a dot, or {inside}"),
    })
}

/// The step in a bracket whose opening has been taken, and what follows its end.
fn bracket(inner: &str) -> Option<(Step, &str)> {
    let quote = inner.chars().next().filter(|c| matches!(c, '\'' | '"'));
    let Some(quote) = quote else {
        let (digits, behind) = inner.split_once(']')?;
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        return plain.then(|| digits.parse().ok()).flatten().map(|index| (Step::Index(index), behind));
    };
    let mut key = String::new();
    let mut chars = inner.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c != quote {
            key.push(c);
        } else if chars.next_if(|&(_, next)| next == quote).is_some() {
            key.push(quote);
        } else {
            let behind = inner.get(at + 1..)?.strip_prefix(']')?;
            return Some((Step::Key(key), behind));
        }
    }
    None
}

impl fmt::Display for Accessor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        for (at, step) in self.steps.iter().enumerate() {
            match step {
                Step::Key(key) if at == 0 && !key.is_empty() && key.chars().all(is_plain) => {
                    f.write_str(key)?
                }
                Step::Key(key) if key.contains('\'') && !key.contains('"') => write!(f, "[\"{key}\"]")?,
                Step::Key(key) => write!(f, "['{}']", key.replace('\'', "''"))?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

impl std::str::FromStr for Accessor {
    type Err = AccessorError;

    fn from_str(text: &str) -> Result<Self, AccessorError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(name: &str) -> Step {
        Step::Key(name.to_owned())
    }

    #[test]
    fn each_notation_is_understood() {
        for (text, steps) in [
            ("latency", vec![key("latency")]),
            ("$latency", vec![key("latency")]),
            (" $latency ", vec![key("latency")]),
            ("metric.name", vec![key("metric.name")]),
            ("$a['b'][0]", vec![key("a"), key("b"), Step::Index(0)]),
            ("$a[\"b\"]['c']", vec![key("a"), key("b"), key("c")]),
            ("a['b']", vec![key("a"), key("b")]),
            ("$['two words']", vec![key("two words")]),
            ("$['it''s']", vec![key("it's")]),
            ("$[\"it's\"]", vec![key("it's")]),
            ("$a['']", vec![key("a"), key("")]),
            ("$a['b]']", vec![key("a"), key("b]")]),
            ("$température", vec![key("température")]),
            ("$a[4294967295]", vec![key("a"), Step::Index(u32::MAX)]),
        ] {
            assert_eq!(Accessor::parse(text).unwrap().steps, steps, "{text}");
        }
    }

    #[test]
    fn a_bad_accessor_is_refused_with_its_place() {
        let message = |text: &str| Accessor::parse(text).unwrap_err().to_string();
        assert_eq!(
            message("$"),
            "accessor \"$\": no field is named; allowed: name, $name, $name['key'], $name[0], $['any key']"
        );
        assert!(matches!(Accessor::parse(""), Err(AccessorError::NoName { .. })));
        assert!(matches!(
            Accessor::parse("$a b"),
            Err(AccessorError::NotPlain { found: ' ', column: 3, .. })
        ));
        assert!(matches!(
            Accessor::parse("$a, $b"),
            Err(AccessorError::NotPlain { found: ',', column: 3, .. })
        ));
        assert!(matches!(
            Accessor::parse("$a['b'].c"),
            Err(AccessorError::NoBracket { found: '.', column: 8, .. })
        ));
        for text in
            ["$a[", "$a[]", "$a[-1]", "$a[b]", "$a['b'", "$a['b]", "$a['b'x]", "$a[4294967296]", "$é[+1]"]
        {
            assert!(
                matches!(Accessor::parse(text), Err(AccessorError::BadBracket { column: 3, .. })),
                "{text}"
            );
        }
        assert!(matches!(Accessor::parse("$[0]"), Err(AccessorError::IndexFirst { .. })));
        let long = format!("$a{}", "[0]".repeat(MAX_STEPS));
        assert!(matches!(Accessor::parse(&long), Err(AccessorError::TooLong { .. })));
        assert!(message("$a[b]").contains("the bracket at column 3 must hold one quoted key or one index"));
    }

    proptest! {
        #[test]
        fn the_canonical_form_parses_to_the_same(
            first in "[a'\" $\\[é\n]{0,4}",
            more in prop::collection::vec(prop_oneof!["[a'\"\\]é]{0,4}".prop_map(Step::Key), any::<u32>().prop_map(Step::Index)], 0..5),
        ) {
            let mut steps = vec![Step::Key(first)];
            steps.extend(more);
            let accessor = Accessor { steps };
            prop_assert_eq!(Accessor::parse(&accessor.to_string()).unwrap(), accessor);
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,12}", odd in "[$a\\[\\]'\"0 ]{0,12}") {
            for text in [text, odd] {
                if let Ok(accessor) = Accessor::parse(&text) {
                    prop_assert_eq!(Accessor::parse(&accessor.to_string()).unwrap(), accessor);
                }
            }
        }
    }
}
