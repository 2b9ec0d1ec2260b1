//! From the text of a metric query to its parts: balanced brackets, scopes, groups, functions.

use super::cursor::{ArgumentValue, QueryCursor};
use super::error::{QueryError, QueryPlace, QueryRule, REFUSED};
use super::metric::{CountSuffix, Method, MetricPart, MetricQuery};
use crate::monitor::text::shorten;

/// Deepest nesting of brackets and functions: the scanner recurses once a level.
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
pub(super) fn scan(cursor: &mut QueryCursor<'_>) -> Result<MetricQuery, QueryError> {
    cursor.space();
    let start = cursor.at();
    let mut query =
        MetricQuery { text: String::new(), parts: Vec::new(), default_zero: false, scaled: false };
    expression(cursor, &mut query, 0)?;
    query.text = cursor.slice(start, cursor.at()).trim_end().to_owned();
    if query.parts.is_empty() {
        let rule = QueryRule::NotAllowed {
            argument: METRIC,
            given: format!("'{}'", shorten(&query.text, 40)),
            allowed: "a query that reads a metric, for example avg:system.cpu.idle{*} by {host}".to_owned(),
        };
        return Err(QueryError { rule, place: QueryPlace::new(cursor.text(), start, cursor.at()) });
    }
    Ok(query)
}

fn expression(cursor: &mut QueryCursor<'_>, query: &mut MetricQuery, depth: usize) -> Result<(), QueryError> {
    loop {
        term(cursor, query, depth)?;
        let end = cursor.clone();
        cursor.space();
        match cursor.peek() {
            Some(b'+' | b'-') => {}
            Some(b'*' | b'/') => query.scaled = true,
            _ => {
                *cursor = end;
                return Ok(());
            }
        }
        cursor.skip(1);
    }
}

fn term(cursor: &mut QueryCursor<'_>, query: &mut MetricQuery, depth: usize) -> Result<(), QueryError> {
    if depth > DEEPEST {
        let rule = QueryRule::Limit { what: "nesting of a metric query", limit: DEEPEST };
        return Err(QueryError { rule, place: QueryPlace::new(cursor.text(), cursor.at(), cursor.at() + 1) });
    }
    if cursor.number().is_some() {
        return Ok(());
    }
    if cursor.eat("-") {
        return term(cursor, query, depth + 1);
    }
    if cursor.eat("(") {
        expression(cursor, query, depth + 1)?;
        cursor.need(")", METRIC, "an operator or ')'")?;
        return suffixes(cursor, None, depth);
    }
    let start = cursor.at();
    let word = cursor.word();
    if word.is_empty() {
        return Err(
            cursor.expected(METRIC, "a metric such as avg:system.cpu.idle{*}, a function, a number or '('")
        );
    }
    if cursor.eat("(") {
        refuse(cursor, word)?;
        query.default_zero |= word == "default_zero";
        arguments(cursor, query, depth)?;
        return suffixes(cursor, None, depth);
    }
    let (aggregator, metric) = if cursor.eat(":") { (Some(word), cursor.word()) } else { (None, word) };
    if let Some(aggregator) =
        aggregator.filter(|word| Method::from_word(word).is_none() && !is_percentile(word))
    {
        let rule = QueryRule::NotAllowed {
            argument: METRIC,
            given: format!("the aggregator '{}'", shorten(aggregator, 40)),
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
                given: format!("by {{{}}}", shorten(groups, 40)),
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
    suffixes(cursor, Some(&mut part), depth)?;
    query.parts.push(part);
    Ok(())
}

/// `p50`, `p99.9`.
fn is_percentile(word: &str) -> bool {
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

/// Arguments of a function up to and with its `)`: expressions, quoted texts, bare words.
fn arguments(cursor: &mut QueryCursor<'_>, query: &mut MetricQuery, depth: usize) -> Result<(), QueryError> {
    if cursor.eat(")") {
        return Ok(());
    }
    loop {
        cursor.space();
        let before = cursor.clone();
        let simple = match cursor.value() {
            Some(ArgumentValue::Quoted(_) | ArgumentValue::Number(..)) => true,
            Some(ArgumentValue::Bare(word)) => word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'),
            None => false,
        };
        cursor.space();
        let simple = simple && matches!(cursor.peek(), Some(b',' | b')'));
        if !simple {
            *cursor = before;
            expression(cursor, query, depth + 1)?;
        }
        if cursor.eat(")") {
            return Ok(());
        }
        cursor.need(",", METRIC, "',' or ')'")?;
    }
}

/// `.rollup(avg, 60)`, `.as_count()`, `.fill(zero)` and others behind a metric or a bracket.
fn suffixes(
    cursor: &mut QueryCursor<'_>,
    mut part: Option<&mut MetricPart>,
    depth: usize,
) -> Result<(), QueryError> {
    loop {
        let before = cursor.clone();
        if !cursor.eat(".") {
            *cursor = before;
            return Ok(());
        }
        let word = cursor.word();
        if word.is_empty() {
            return Err(cursor.expected(METRIC, "a function such as rollup, as_count or fill"));
        }
        cursor.need("(", METRIC, "'(' behind the name of a function")?;
        refuse(cursor, word)?;
        let start = cursor.at();
        // metrics inside a suffix do not exist; the scratch only bounds the depth
        let mut scratch =
            MetricQuery { text: String::new(), parts: Vec::new(), default_zero: false, scaled: false };
        arguments(cursor, &mut scratch, depth)?;
        let inner = cursor.slice(start, cursor.at() - 1);
        let Some(part) = part.as_deref_mut() else { continue };
        match word {
            "as_count" => part.counted = Some(CountSuffix::AsCount),
            "as_rate" => part.counted = Some(CountSuffix::AsRate),
            "fill" => part.fill_zero |= first_argument(inner) == "zero",
            "rollup" => rollup(part, inner).map_err(|rule| QueryError {
                rule,
                place: QueryPlace::new(cursor.text(), start, cursor.at() - 1),
            })?,
            _ => {}
        }
    }
}

fn first_argument(inner: &str) -> &str {
    inner.split(',').next().unwrap_or("").trim().trim_matches(['\'', '"'])
}

/// `method`, `method, seconds` or `seconds`.
fn rollup(part: &mut MetricPart, inner: &str) -> Result<(), QueryRule> {
    let not_allowed = || QueryRule::NotAllowed {
        argument: METRIC,
        given: format!("rollup({})", shorten(inner, 40)),
        allowed: ".rollup(<avg|sum|min|max|count|last>[, <seconds>]) with 1 to 604800 seconds".to_owned(),
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
    let seconds =
        next.parse().ok().filter(|seconds| (1..=604_800).contains(seconds)).ok_or_else(not_allowed)?;
    part.rollup_s = Some(seconds);
    if words.next().is_some() { Err(not_allowed()) } else { Ok(()) }
}
