//! Text to [`Condition`]: E. W. Dijkstra's shunting yard, so that brackets cost no stack.
//!
//! A part of a condition is a run of steps. Each step leads to a later one of its part, or out of it: to [`HOLDS`] or
//! [`FAILS`]. `a and b` lets those of `a` that lead to HOLDS lead to the beginning of `b`; `or` does the same with FAILS;
//! `not` exchanges the two.

use std::cmp::Ordering;

use super::cursor::Cursor;
use super::error::{ConditionError, Problem};
use super::regex::Regex;
use super::test::{Literal, Test};
use super::{Condition, FAILS, HOLDS, MAX_LEN, MAX_TESTS, Step};
use crate::record::accessor::Accessor;

/// An operator whose right side is still to come.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Pending {
    /// An open bracket, with its place.
    Bracket(usize),
    Or,
    And,
    Not,
}

/// What has been read so far.
#[derive(Default)]
struct Parts {
    fields: Vec<Accessor>,
    steps: Vec<Step>,
    /// Where the parts begin that no operator has joined yet; each ends where the next one begins.
    starts: Vec<usize>,
    pending: Vec<Pending>,
}

pub(super) fn parse(text: &str) -> Result<Condition, ConditionError> {
    let mut cursor = Cursor { text, at: 0 };
    cursor.skip_blanks();
    if text.len() > MAX_LEN {
        let shown: String = text.chars().take(40).collect();
        return Err(ConditionError::new(&shown, 0, Problem::TooLong(text.len())));
    }
    if cursor.rest().is_empty() {
        return Err(cursor.error(Problem::Empty));
    }
    let mut parts = Parts::default();
    loop {
        operand(&mut cursor, &mut parts)?;
        while cursor.rest().starts_with(')') {
            if !parts.close_bracket() {
                return Err(cursor.error(Problem::StrayBracket));
            }
            cursor.take(")");
        }
        if cursor.rest().is_empty() {
            break;
        }
        if cursor.take_word("and") {
            parts.open(Pending::And);
        } else if cursor.take_word("or") {
            parts.open(Pending::Or);
        } else {
            return Err(cursor.error(Problem::NoJoin(cursor.found())));
        }
    }
    parts.join_down_to(Pending::Or);
    if let Some(&Pending::Bracket(at)) = parts.pending.last() {
        return Err(cursor.error_at(at, Problem::OpenBracket));
    }
    Ok(Condition { text: text.trim().to_owned(), fields: parts.fields, steps: parts.steps.into() })
}

/// Any number of `not` and `(`, then one test.
fn operand(cursor: &mut Cursor<'_>, parts: &mut Parts) -> Result<(), ConditionError> {
    loop {
        let at = cursor.at;
        if cursor.take("(") {
            parts.pending.push(Pending::Bracket(at));
        } else if cursor.take_word("not") {
            parts.pending.push(Pending::Not);
        } else {
            break;
        }
    }
    if !cursor.rest().starts_with('$') {
        return Err(cursor.error(Problem::NoTest(cursor.found())));
    }
    let start = cursor.at;
    let accessor = cursor.accessor()?;
    let (test, is_negated) = test(cursor)?;
    if parts.steps.len() == MAX_TESTS {
        return Err(cursor.error_at(start, Problem::TooManyTests));
    }
    parts.add(accessor, test, is_negated);
    Ok(())
}

/// What stands behind a field: the test, and whether it is the opposite that is meant.
#[inline(never)] // stack
fn test(cursor: &mut Cursor<'_>) -> Result<(Test, bool), ConditionError> {
    for (sign, order, or_equal) in [
        ("<=", Ordering::Less, true),
        (">=", Ordering::Greater, true),
        ("<", Ordering::Less, false),
        (">", Ordering::Greater, false),
    ] {
        if cursor.rest().starts_with("<>") {
            break;
        }
        if cursor.take(sign) {
            return Ok((Test::Compares { order, or_equal, with: literal(cursor)? }, false));
        }
    }
    if cursor.take("==") {
        return Ok((Test::Equals(literal(cursor)?), false));
    }
    if cursor.take("!=") {
        return Ok((Test::Equals(literal(cursor)?), true));
    }
    let is_negated = cursor.take_word("not");
    let test = if cursor.take_word("contains") {
        Test::Contains(quoted(cursor)?)
    } else if cursor.take_word("starts") {
        if !cursor.take_word("with") {
            return Err(cursor.error(Problem::NoWith(cursor.found())));
        }
        Test::StartsWith(quoted(cursor)?)
    } else if cursor.take_word("matches") {
        let (pattern, start, any_case) = cursor.regex()?;
        let compiled = Regex::new(&pattern, any_case);
        Test::Matches(compiled.map_err(|(at, error)| cursor.error_at(start + at, Problem::Regex(error)))?)
    } else if cursor.take_word("exists") {
        Test::Exists
    } else if cursor.take_word("in") {
        Test::IsIn(list(cursor)?)
    } else {
        return Err(cursor.error(Problem::NoOperator(cursor.found())));
    };
    Ok((test, is_negated))
}

fn quoted(cursor: &mut Cursor<'_>) -> Result<Vec<u8>, ConditionError> {
    match cursor.quoted()? {
        Some(text) => Ok(text),
        None => Err(cursor.error(Problem::NoText(cursor.found()))),
    }
}

fn literal(cursor: &mut Cursor<'_>) -> Result<Literal, ConditionError> {
    if let Some(text) = cursor.quoted()? {
        return Ok(Literal::Text(text));
    }
    for (word, truth) in [("true", true), ("false", false)] {
        if cursor.take_word(word) {
            return Ok(Literal::Bool(truth));
        }
    }
    match cursor.number() {
        Some(number) => Ok(Literal::Number(number)),
        None => Err(cursor.error(Problem::NoValue(cursor.found()))),
    }
}

fn list(cursor: &mut Cursor<'_>) -> Result<Vec<Literal>, ConditionError> {
    if !cursor.take("(") {
        return Err(cursor.error(Problem::NoList(cursor.found())));
    }
    let mut literals = vec![literal(cursor)?];
    while !cursor.take(")") {
        if !cursor.take(",") {
            return Err(cursor.error(Problem::OpenList(cursor.found())));
        }
        literals.push(literal(cursor)?);
    }
    Ok(literals)
}

impl Parts {
    fn add(&mut self, accessor: Accessor, test: Test, is_negated: bool) {
        let known = self.fields.iter().position(|field| *field == accessor);
        let field = known.unwrap_or(self.fields.len()) as u16;
        if known.is_none() {
            self.fields.push(accessor);
        }
        self.starts.push(self.steps.len());
        let (if_true, if_false) = if is_negated { (FAILS, HOLDS) } else { (HOLDS, FAILS) };
        self.steps.push(Step { field, test, if_true, if_false });
    }

    /// An operator whose left side is complete.
    fn open(&mut self, operator: Pending) {
        self.join_down_to(operator);
        self.pending.push(operator);
    }

    /// Applies the pending operators that bind at least as tightly as `weakest`, up to the last open bracket.
    fn join_down_to(&mut self, weakest: Pending) {
        while let Some(operator) = self.pending.pop_if(|pending| *pending >= weakest) {
            self.apply(operator);
        }
    }

    /// False if no bracket is open.
    fn close_bracket(&mut self) -> bool {
        self.join_down_to(Pending::Or);
        self.pending.pop().is_some()
    }

    fn apply(&mut self, operator: Pending) {
        let Some(&last) = self.starts.last() else { return };
        if operator == Pending::Not {
            for step in self.steps.iter_mut().skip(last) {
                for exit in [&mut step.if_true, &mut step.if_false] {
                    *exit = match *exit {
                        HOLDS => FAILS,
                        FAILS => HOLDS,
                        inside => inside,
                    };
                }
            }
            return;
        }
        self.starts.pop();
        let first = self.starts.last().copied().unwrap_or(0);
        let goes_on = if operator == Pending::And { HOLDS } else { FAILS };
        for step in self.steps.iter_mut().take(last).skip(first) {
            for exit in [&mut step.if_true, &mut step.if_false] {
                if *exit == goes_on {
                    *exit = last as u16;
                }
            }
        }
    }
}
