//! From the text of a metric query to its parts: balanced brackets, scopes, groups, functions.

use super::cursor::{ArgumentValue, QueryCursor};
use super::error::{QueryError, QueryPlace, QueryRule, REFUSED};
use super::metric::{CountSuffix, Method, MetricPart, MetricQuery};
use crate::monitor::calendar::{Calendar, interval_s};
use crate::monitor::text::{quoted, shorten};

/// Deepest nesting of brackets and functions.
const DEEPEST: usize = 32;
/// Name of the argument in errors.
const METRIC: &str = "metric_query";

impl MetricQuery {
    /// Scans a metric query that stands alone.
    ///
    /// # Errors
    /// A [`QueryError`] with its place.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        let mut cursor = QueryCursor::new(text);
        let query = scan(&mut cursor)?;
        cursor.space();
        if cursor.rest().is_empty() {
            Ok(query)
        } else {
            Err(cursor.expected(METRIC, "an operator or the end"))
        }
    }
}

/// Scans an expression up to a `,` or `)` that is not its own.
#[inline(never)] // stack
pub(super) fn scan(cursor: &mut QueryCursor<'_>) -> Result<MetricQuery, QueryError> {
    cursor.space();
    let start = cursor.at();
    let mut query =
        MetricQuery { text: String::new(), parts: Vec::new(), default_zero: false, scaled: false };
    Scan { cursor: &mut *cursor, query: &mut query, open: Vec::new() }.run()?;
    query.text = cursor.slice(start, cursor.at()).trim_end().to_owned();
    if query.parts.is_empty() {
        let rule = QueryRule::NotAllowed {
            argument: METRIC,
            given: quoted(&query.text, 40),
            allowed: "a query that reads a metric, for example avg:system.cpu.idle{*} by {host}".to_owned(),
        };
        return Err(QueryError { rule, place: QueryPlace::new(cursor.text(), start, cursor.at()) });
    }
    Ok(query)
}

/// A bracket that is open.
#[derive(Debug)]
struct Open<'a> {
    kind: OpenKind<'a>,
    /// Brackets and signs around it.
    depth: usize,
}

#[derive(Debug)]
enum OpenKind<'a> {
    /// `(` around an expression.
    Group,
    /// `(` behind the name of a function.
    Function,
    /// `(` behind the name of a suffix of a metric, or of another bracket.
    Suffix { part: Option<Box<MetricPart>>, word: &'a str, start: usize },
}

/// What comes next in a metric query.
#[derive(Debug)]
enum Next {
    Term,
    Operator,
    Arguments,
    Argument,
    ArgumentEnd,
    Suffix { part: Option<Box<MetricPart>>, depth: usize },
}

/// Reads a metric query. It keeps the open brackets in a list and does not call itself: the stack of the filter's host
/// has no room for deep calls.
#[derive(Debug)]
struct Scan<'s, 'a> {
    cursor: &'s mut QueryCursor<'a>,
    query: &'s mut MetricQuery,
    open: Vec<Open<'a>>,
}

impl<'a> Scan<'_, 'a> {
    fn run(&mut self) -> Result<(), QueryError> {
        let mut next = Next::Term;
        loop {
            next = match next {
                Next::Term => self.term()?,
                Next::Operator => match self.operator()? {
                    Some(next) => next,
                    None => return Ok(()),
                },
                Next::Arguments if self.cursor.eat(")") => self.close()?,
                Next::Arguments => Next::Argument,
                Next::Argument => self.argument(),
                Next::ArgumentEnd if self.cursor.eat(")") => self.close()?,
                Next::ArgumentEnd => {
                    self.cursor.need(",", METRIC, "',' or ')'")?;
                    Next::Argument
                }
                Next::Suffix { part, depth } => self.suffix(part, depth)?,
            }
        }
    }

    /// What stands within the brackets of a suffix does not count: metrics inside a suffix do not exist.
    fn counts(&self) -> bool {
        !self.open.iter().any(|open| matches!(open.kind, OpenKind::Suffix { .. }))
    }

    fn term(&mut self) -> Result<Next, QueryError> {
        let mut depth = self.open.last().map_or(0, |open| open.depth + 1);
        loop {
            let cursor = &mut *self.cursor;
            if depth > DEEPEST {
                let rule = QueryRule::Limit { what: "nesting of a metric query", limit: DEEPEST };
                let place = QueryPlace::new(cursor.text(), cursor.at(), cursor.at() + 1);
                return Err(QueryError { rule, place });
            }
            if cursor.number().is_some() {
                return Ok(Next::Operator);
            }
            if !cursor.eat("-") {
                break;
            }
            depth += 1;
        }
        if self.cursor.eat("(") {
            self.open.push(Open { kind: OpenKind::Group, depth });
            return Ok(Next::Term);
        }
        let start = self.cursor.at();
        let word = self.cursor.word();
        if word.is_empty() {
            let expected = "a metric such as avg:system.cpu.idle{*}, a function, a number or '('";
            return Err(self.cursor.expected(METRIC, expected));
        }
        if self.cursor.eat("(") {
            refuse(self.cursor, word)?;
            self.query.default_zero |= word == "default_zero" && self.counts();
            self.open.push(Open { kind: OpenKind::Function, depth });
            return Ok(Next::Arguments);
        }
        let part = metric(self.cursor, start, word)?;
        Ok(Next::Suffix { part: Some(Box::new(part)), depth })
    }

    /// What follows a term: an operator and the next term, or the end of the expression. `None`: of the whole query.
    fn operator(&mut self) -> Result<Option<Next>, QueryError> {
        let end = self.cursor.clone();
        self.cursor.space();
        match self.cursor.peek() {
            Some(b'+' | b'-') => {}
            Some(b'*' | b'/') => self.query.scaled |= self.counts(),
            _ => {
                *self.cursor = end;
                return match self.open.last() {
                    None => Ok(None),
                    Some(Open { kind: OpenKind::Group, .. }) => {
                        self.cursor.need(")", METRIC, "an operator or ')'")?;
                        self.close().map(Some)
                    }
                    Some(_) => Ok(Some(Next::ArgumentEnd)),
                };
            }
        }
        self.cursor.skip(1);
        Ok(Some(Next::Term))
    }

    /// An argument of a function: a quoted text, a bare word, or an expression.
    fn argument(&mut self) -> Next {
        let cursor = &mut *self.cursor;
        cursor.space();
        let before = cursor.clone();
        let simple = match cursor.value() {
            Some(ArgumentValue::Quoted(_)) => true,
            Some(ArgumentValue::Number(..)) => {
                // an hour, as in `.rollup(sum, daily, 12am)`
                let _ = cursor.eat("am") || cursor.eat("pm");
                true
            }
            Some(ArgumentValue::Bare(word)) => word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'),
            None => false,
        };
        cursor.space();
        if simple && matches!(cursor.peek(), Some(b',' | b')')) {
            return Next::ArgumentEnd;
        }
        *cursor = before;
        Next::Term
    }

    /// Behind the `)` of the last bracket.
    fn close(&mut self) -> Result<Next, QueryError> {
        let Some(Open { kind, depth }) = self.open.pop() else { return Ok(Next::Operator) };
        let OpenKind::Suffix { part, word, start } = kind else {
            return Ok(Next::Suffix { part: None, depth });
        };
        let Some(mut part) = part else { return Ok(Next::Suffix { part: None, depth }) };
        let end = self.cursor.at() - 1;
        let inner = self.cursor.slice(start, end);
        match word {
            "as_count" => part.counted = Some(CountSuffix::AsCount),
            "as_rate" => part.counted = Some(CountSuffix::AsRate),
            "fill" => part.fill_zero |= first_argument(inner) == "zero",
            "rollup" => rollup(&mut part, inner).map_err(|rule| QueryError {
                rule,
                place: QueryPlace::new(self.cursor.text(), start, end),
            })?,
            _ => {}
        }
        Ok(Next::Suffix { part: Some(part), depth })
    }

    /// `.rollup(avg, 60)`, `.as_count()`, `.fill(zero)` and others behind a metric or a bracket.
    fn suffix(&mut self, part: Option<Box<MetricPart>>, depth: usize) -> Result<Next, QueryError> {
        let before = self.cursor.clone();
        if !self.cursor.eat(".") {
            *self.cursor = before;
            if let Some(part) = part
                && self.counts()
            {
                self.query.parts.push(*part);
            }
            return Ok(Next::Operator);
        }
        let word = self.cursor.word();
        if word.is_empty() {
            return Err(self.cursor.expected(METRIC, "a function such as rollup, as_count or fill"));
        }
        self.cursor.need("(", METRIC, "'(' behind the name of a function")?;
        refuse(self.cursor, word)?;
        let start = self.cursor.at();
        self.open.push(Open { kind: OpenKind::Suffix { part, word, start }, depth });
        Ok(Next::Arguments)
    }
}

/// A metric behind its first word, which is the aggregator or the metric itself: `avg:system.cpu.idle{*} by {host}`.
#[inline(never)] // stack
fn metric(cursor: &mut QueryCursor<'_>, start: usize, word: &str) -> Result<MetricPart, QueryError> {
    let (aggregator, metric) = if cursor.eat(":") { (Some(word), cursor.word()) } else { (None, word) };
    if let Some(aggregator) =
        aggregator.filter(|word| Method::from_word(word).is_none() && !is_percentile(word))
    {
        let rule = QueryRule::NotAllowed {
            argument: METRIC,
            given: "the aggregator ".to_owned() + &quoted(aggregator, 40),
            allowed: "avg, sum, min, max, count, last or a percentile such as p95".to_owned(),
        };
        let from = start + cursor.slice(start, cursor.at()).find(aggregator).unwrap_or(0);
        return Err(QueryError {
            rule,
            place: QueryPlace::new(cursor.text(), from, from + aggregator.len()),
        });
    }
    if metric.is_empty() {
        return Err(cursor.expected(METRIC, "the name of a metric behind the aggregator"));
    }
    let scope = braces(cursor)?;
    let mut part = MetricPart {
        aggregator: aggregator.map(str::to_owned),
        metric: metric.to_owned(),
        scope: scope.trim().to_owned(),
        by: Vec::new(),
        rollup: None,
        rollup_s: None,
        counted: None,
        fill_zero: false,
    };
    let before = cursor.clone();
    if cursor.word() == "by" {
        let groups = braces(cursor)?;
        part.by = groups.split(',').map(|group| group.trim().to_owned()).collect();
        if part.by.iter().any(String::is_empty) {
            let end = cursor.at();
            let rule = QueryRule::NotAllowed {
                argument: METRIC,
                given: ["by {", &shorten(groups, 40), "}"].concat(),
                allowed: "a list of tag keys, for example by {host,device}".to_owned(),
            };
            return Err(QueryError {
                rule,
                place: QueryPlace::new(cursor.text(), end - groups.len() - 2, end),
            });
        }
    } else {
        *cursor = before;
    }
    Ok(part)
}

/// `p50`, `p99.9`, `percentile`.
fn is_percentile(word: &str) -> bool {
    if word == "percentile" {
        return true;
    }
    word.strip_prefix('p').and_then(|digits| digits.parse::<f64>().ok()).is_some_and(|p| p > 0.0 && p < 100.0)
}

fn refuse(cursor: &QueryCursor<'_>, word: &str) -> Result<(), QueryError> {
    match REFUSED.into_iter().find(|refused| *refused == word) {
        None => Ok(()),
        Some(function) => {
            let end = cursor.at() - 1;
            let rule = QueryRule::Refused { function };
            Err(QueryError {
                rule,
                place: QueryPlace::new(cursor.text(), end.saturating_sub(function.len()), end),
            })
        }
    }
}

/// The text between `{` and its `}`; quotes and inner brackets are skipped.
fn braces<'a>(cursor: &mut QueryCursor<'a>) -> Result<&'a str, QueryError> {
    let missing = "'{' with a scope, for example {*} or {env:prod,host:web1}";
    cursor.need("{", METRIC, missing)?;
    let start = cursor.at();
    let mut depth = 0usize;
    let mut quote = None;
    for (offset, c) in cursor.rest().char_indices() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '{' | '(') => depth += 1,
            (None, '}') if depth == 0 => {
                let scope = cursor.slice(start, start + offset);
                if scope.trim().is_empty() {
                    return Err(cursor.expected(METRIC, "a scope between the braces, * for everything"));
                }
                cursor.skip(offset + 1);
                return Ok(scope);
            }
            (None, '}' | ')') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    let rule = QueryRule::Expected {
        argument: METRIC,
        expected: "a '}' that closes this brace",
        found: "none".to_owned(),
    };
    Err(QueryError { rule, place: QueryPlace::new(cursor.text(), start - 1, start) })
}

fn first_argument(inner: &str) -> &str {
    inner.split(',').next().unwrap_or("").trim().trim_matches(['\'', '"'])
}

/// `method`, `method, seconds` or `seconds`.
fn rollup(part: &mut MetricPart, inner: &str) -> Result<(), QueryRule> {
    let not_allowed = || {
        QueryRule::NotAllowed {
        argument: METRIC,
        given: format!("rollup({})", shorten(inner, 40)),
        allowed: ".rollup(<avg|sum|min|max|count|last>[, <seconds>]) with 1 to 604800 seconds, hourly, daily or weekly; months and years differ in length".to_owned(),
    }
    };
    let mut words = inner.split(',').map(|word| word.trim().trim_matches(['\'', '"']));
    let mut next = words.next().unwrap_or("");
    if let Some(method) = Method::from_word(next) {
        part.rollup = Some(method);
        match words.next() {
            None => return Ok(()),
            Some(word) => next = word,
        }
    }
    if let Some(seconds) = interval_s(next) {
        part.rollup_s = Some(seconds);
        // where it begins, and its zone
        return Calendar::parse(seconds, words).map(drop).map_err(|allowed| QueryRule::NotAllowed {
            argument: METRIC,
            given: format!("rollup({})", shorten(inner, 40)),
            allowed,
        });
    }
    let seconds =
        next.parse().ok().filter(|seconds| (1..=604_800).contains(seconds)).ok_or_else(not_allowed)?;
    part.rollup_s = Some(seconds);
    if words.next().is_some() { Err(not_allowed()) } else { Ok(()) }
}
