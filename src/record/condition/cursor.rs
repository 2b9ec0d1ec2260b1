//! The text of a condition, read from left to right.

use super::error::{ConditionError, Problem};
use crate::record::accessor::{Accessor, hint_for_dots};

/// The rest of a text, and the place where it begins.
pub(super) struct Cursor<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    pub(super) fn skip_blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    /// Takes a sign or anything else that needs no blank behind it.
    pub(super) fn take(&mut self, sign: &str) -> bool {
        let taken = self.rest().starts_with(sign);
        if taken {
            self.at += sign.len();
            self.skip_blanks();
        }
        taken
    }

    /// Takes a word in any case.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let found = self.word();
        let taken = found.eq_ignore_ascii_case(word);
        if taken {
            self.at += found.len();
            self.skip_blanks();
        }
        taken
    }

    /// The letters and digits here.
    fn word(&self) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        &rest[..end]
    }

    /// What stands here, for a message: a word, or signs up to the next blank, letter or quote.
    pub(super) fn found(&self) -> String {
        let word = self.word();
        if !word.is_empty() {
            return word.chars().take(40).collect();
        }
        let signs = self.rest().chars();
        let is_sign = |c: &char| !c.is_alphanumeric() && !c.is_whitespace() && !matches!(c, '\'' | '"' | '$');
        let found: String = signs.take_while(is_sign).take(2).collect();
        if found.is_empty() { self.rest().chars().take(1).collect() } else { found }
    }

    pub(super) fn error(&self, problem: Problem) -> ConditionError {
        self.error_at(self.at, problem)
    }

    pub(super) fn error_at(&self, at: usize, problem: Problem) -> ConditionError {
        ConditionError::new(self.text, at, problem)
    }

    /// Takes `$name['key'][0]`; the cursor is at the `$`.
    pub(super) fn accessor(&mut self) -> Result<Accessor, ConditionError> {
        let start = self.at;
        let rest = self.rest();
        let is_end = |c: char| {
            c.is_whitespace() || matches!(c, '=' | '!' | '<' | '>' | '~' | '(' | ')' | ',' | '\'' | '"' | '/')
        };
        let mut quote = None; // inside of brackets a quoted key may hold anything
        let mut depth = 0;
        let mut end = rest.len();
        for (at, c) in rest.char_indices() {
            match (quote, c) {
                (Some(open), _) if c == open => quote = None,
                (Some(_), _) => {}
                (None, '\'' | '"') if depth > 0 => quote = Some(c),
                (None, '[') => depth = 1,
                (None, ']') => depth = 0,
                (None, _) if is_end(c) => {
                    end = at;
                    break;
                }
                _ => {}
            }
        }
        let text = &rest[..end];
        let accessor =
            Accessor::parse(text).map_err(|error| self.error_at(start, Problem::Accessor(error)))?;
        if let Some(hint) = hint_for_dots(text) {
            return Err(self.error_at(start, Problem::Dotted(format!("{text:?} is not allowed: {hint}"))));
        }
        self.at += end;
        self.skip_blanks();
        Ok(accessor)
    }

    /// Takes a text in quotes, if one begins here.
    pub(super) fn quoted(&mut self) -> Result<Option<Vec<u8>>, ConditionError> {
        let Some(quote) = self.rest().chars().next().filter(|c| matches!(c, '\'' | '"')) else {
            return Ok(None);
        };
        let mut text = String::new();
        let mut chars = self.rest().char_indices().skip(1).peekable();
        while let Some((at, c)) = chars.next() {
            if c != quote {
                text.push(c);
            } else if chars.next_if(|&(_, next)| next == quote).is_some() {
                text.push(quote);
            } else {
                self.at += at + 1;
                self.skip_blanks();
                return Ok(Some(text.into_bytes()));
            }
        }
        Err(self.error(Problem::OpenText))
    }

    /// Takes a number, if one begins here: digits, a point, an exponent, a sign ahead.
    pub(super) fn number(&mut self) -> Option<f64> {
        let rest = self.rest();
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '+' | '_');
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let number = super::test::number_of_text(rest.get(..end)?.as_bytes())?;
        self.at += end;
        self.skip_blanks();
        Some(number)
    }

    /// Takes what stands between two slashes, and the letters behind; the place of the first character with it.
    pub(super) fn regex(&mut self) -> Result<(String, usize, bool), ConditionError> {
        if !self.rest().starts_with('/') {
            return Err(self.error(Problem::NoRegex(self.found())));
        }
        let start = self.at + 1;
        let inside = self.text.get(start..).unwrap_or("");
        let mut escaped = false;
        let end = inside.find(|c| {
            let closes = c == '/' && !escaped;
            escaped = c == '\\' && !escaped;
            closes
        });
        let Some(end) = end else { return Err(self.error(Problem::OpenRegex)) };
        self.at = start + end + 1;
        let flags = self.word();
        let any_case = match flags {
            "" => false,
            "i" => true,
            _ => return Err(self.error(Problem::RegexFlag(flags.to_owned()))),
        };
        self.at += flags.len();
        self.skip_blanks();
        Ok((inside[..end].to_owned(), start, any_case))
    }
}
