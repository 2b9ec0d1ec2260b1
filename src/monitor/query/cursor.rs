//! A position in the query and the tokens that can be taken from it.

use core::fmt;

use super::error::{QueryError, QueryPlace, QueryRule};
use crate::monitor::text::{quoted, shorten};

/// Reads a query from front to back. Positions are bytes and always on character boundaries.
#[derive(Debug, Clone)]
pub(super) struct QueryCursor<'a> {
    text: &'a str,
    at: usize,
}

/// A value that stands behind `name=` or alone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum ArgumentValue<'a> {
    /// `'agile'`, without its quotes.
    Quoted(&'a str),
    /// `60` or `2.5`, with its text.
    Number(f64, &'a str),
    /// A word without quotes.
    Bare(&'a str),
}

impl fmt::Display for ArgumentValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ArgumentValue::Quoted(text) => write!(f, "'{}'", shorten(text, 40)),
            ArgumentValue::Number(_, text) | ArgumentValue::Bare(text) => f.write_str(&shorten(text, 40)),
        }
    }
}

impl<'a> QueryCursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    pub(super) fn slice(&self, start: usize, end: usize) -> &'a str {
        self.text.get(start..end).unwrap_or("")
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.rest().bytes().next()
    }

    pub(super) fn space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    /// Takes `token` after optional space.
    pub(super) fn eat(&mut self, token: &str) -> bool {
        self.space();
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    /// Takes `token` or complains.
    pub(super) fn need(
        &mut self,
        token: &str,
        argument: &'static str,
        expected: &'static str,
    ) -> Result<(), QueryError> {
        if self.eat(token) { Ok(()) } else { Err(self.expected(argument, expected)) }
    }

    /// Passes over `bytes` that the caller has looked at.
    pub(super) fn skip(&mut self, bytes: usize) {
        self.at = self.text.floor_char_boundary(self.at.saturating_add(bytes));
    }

    /// Takes characters while they fit.
    pub(super) fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !fits(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or("")
    }

    /// A word of letters, digits, `_` and `.`, not starting with a digit; empty when there is none.
    pub(super) fn word(&mut self) -> &'a str {
        self.space();
        if self.peek().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_') {
            self.take_while(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.')
        } else {
            ""
        }
    }

    /// A finite decimal number with an optional sign and exponent.
    pub(super) fn number(&mut self) -> Option<(f64, &'a str)> {
        self.space();
        let start = self.at;
        let bytes = self.text.as_bytes();
        let digits = |mut at: usize| {
            while bytes.get(at).is_some_and(u8::is_ascii_digit) {
                at += 1;
            }
            at
        };
        let sign = usize::from(matches!(bytes.get(start), Some(b'-' | b'+')));
        let whole = digits(start + sign);
        let mut end = whole;
        if bytes.get(whole) == Some(&b'.') {
            end = digits(whole + 1);
        }
        if end == start + sign || (whole == start + sign && end == whole + 1) {
            return None;
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(end + 1), Some(b'-' | b'+')));
            let exponent = digits(end + 1 + sign);
            if exponent > end + 1 + sign {
                end = exponent;
            }
        }
        let text = self.slice(start, end);
        let number: f64 = text.parse().ok()?;
        self.at = end;
        number.is_finite().then_some((number, text))
    }

    /// `'...'` or `"..."`; `None` when no quote stands here or none closes it.
    pub(super) fn quoted(&mut self) -> Option<&'a str> {
        self.space();
        let quote = self.rest().chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let body = self.rest().get(1..)?;
        let end = body.find(quote)?;
        self.at += end + 2;
        body.get(..end)
    }

    /// A quoted text, a number or a bare word.
    pub(super) fn value(&mut self) -> Option<ArgumentValue<'a>> {
        self.space();
        if matches!(self.peek(), Some(b'\'' | b'"')) {
            return self.quoted().map(ArgumentValue::Quoted);
        }
        if let Some((number, text)) = self.number() {
            return Some(ArgumentValue::Number(number, text));
        }
        let word =
            self.take_while(|c| !c.is_whitespace() && !matches!(c, ',' | ')' | '(' | '=' | '\'' | '"'));
        (!word.is_empty()).then_some(ArgumentValue::Bare(word))
    }

    /// The error "expected .., found <what stands here>".
    #[cold]
    #[inline(never)] // stack
    pub(super) fn expected(&self, argument: &'static str, expected: &'static str) -> QueryError {
        let mut here = self.clone();
        here.space();
        let rest = here.rest();
        let (length, found) = match rest.chars().next() {
            None => (0, "the end of the query".to_owned()),
            Some(first) => {
                let run = rest.find(|c: char| c.is_whitespace() || ",()".contains(c)).unwrap_or(rest.len());
                let length = run.max(first.len_utf8());
                (length, quoted(rest.get(..length).unwrap_or(""), 40))
            }
        };
        QueryError {
            rule: QueryRule::Expected { argument, expected, found },
            place: QueryPlace::new(self.text, here.at, here.at + length),
        }
    }
}
