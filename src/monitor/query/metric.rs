//! The metric query inside `anomalies()`: kept verbatim, scanned for what decides how records are rolled up.
//!
//! Datadog evaluates the functions and the arithmetic; here only the shape matters: balanced brackets, metric
//! names, scopes, groups, `.rollup()`, `.as_count()`, and functions that Datadog refuses.

use core::fmt;

use super::cursor::{ArgumentValue, QueryCursor};
use super::error::{QueryError, QueryPlace, QueryRule};
use super::words;
use crate::monitor::text::shorten;

/// Functions that Datadog refuses inside `anomalies()` (its anomaly monitor guide), and the two that give bands themselves.
pub(super) const REFUSED: [&str; 8] = [
    "cumsum",
    "integral",
    "outliers",
    "piecewise_constant",
    "robust_trend",
    "trend_line",
    "anomalies",
    "forecast",
];
/// Deepest nesting of brackets and functions: the scanner recurses once a level.
const DEEPEST: usize = 32;
/// Name of the argument in errors.
const METRIC: &str = "metric_query";

/// How points of a bucket become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Mean.
    Avg,
    /// Sum.
    Sum,
    /// Smallest.
    Min,
    /// Largest.
    Max,
    /// Number of points.
    Count,
    /// The one with the latest time.
    Last,
}

words!(Method { Avg = "avg", Sum = "sum", Min = "min", Max = "max", Count = "count", Last = "last" });

/// `.as_count()` or `.as_rate()`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counted {
    AsCount,
    AsRate,
}

/// How records of a series become the value of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PointRollup {
    /// What is done with the points.
    pub method: Method,
    /// Whether the result is divided by the length of the bucket in seconds (`.as_rate()`).
    pub per_second: bool,
}

/// One `aggregator:metric{scope} by {groups}` of a metric query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricPart {
    /// Space aggregator as written (`avg`, `p95`), `None` when absent.
    pub aggregator: Option<String>,
    /// Metric name.
    pub metric: String,
    /// Text between the braces, `*` for everything.
    pub scope: String,
    /// Groups behind `by`.
    pub by: Vec<String>,
    rollup: Option<Method>,
    rollup_s: Option<u32>,
    counted: Option<Counted>,
    fill_zero: bool,
}

/// A metric query, verbatim and scanned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricQuery {
    text: String,
    parts: Vec<MetricPart>,
    default_zero: bool,
    scaled: bool, // something else than + and - joins the parts
}

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

    /// The query as written, without space around it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The metrics it reads, at least one.
    #[must_use]
    pub fn parts(&self) -> &[MetricPart] {
        &self.parts
    }

    /// The groups of its first part: one state a combination of their values.
    #[must_use]
    pub fn by(&self) -> &[String] {
        self.parts.first().map_or(&[], |part| &part.by)
    }

    /// The interval of `.rollup()`, s; the largest when several parts have one.
    #[must_use]
    pub fn rollup_s(&self) -> Option<u32> {
        self.parts.iter().filter_map(|part| part.rollup_s).max()
    }

    /// How records are rolled up: `.rollup()` before `.as_count()` and `.as_rate()` before the aggregator. Parts that
    /// disagree, and percentiles, are averaged.
    #[must_use]
    pub fn point_rollup(&self) -> PointRollup {
        let mut parts = self.parts.iter().map(MetricPart::point_rollup);
        let first = parts.next().unwrap_or(PointRollup { method: Method::Avg, per_second: false });
        if !self.scaled && parts.all(|other| other == first) {
            return first;
        }
        // a ratio or product of metrics arrives computed: its points are no counts any more
        let method = if self.parts.len() == 1 { first.method } else { Method::Avg };
        PointRollup { method, per_second: first.per_second && self.parts.len() == 1 }
    }

    /// True when an absent point means that nothing was counted: every part is a count, and only sums and
    /// differences of them are taken.
    #[must_use]
    pub fn is_count(&self) -> bool {
        (!self.scaled || self.parts.len() == 1) && self.parts.iter().all(MetricPart::is_count)
    }

    /// True with `default_zero()` or `.fill(zero)`.
    #[must_use]
    pub fn fills_zero(&self) -> bool {
        self.default_zero || self.parts.iter().any(|part| part.fill_zero)
    }
}

impl fmt::Display for MetricQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl MetricPart {
    fn point_rollup(&self) -> PointRollup {
        let by_aggregator = self.aggregator.as_deref().and_then(Method::from_word).unwrap_or(Method::Avg);
        match (self.rollup, self.counted) {
            (Some(method), counted) => PointRollup { method, per_second: counted == Some(Counted::AsRate) },
            (None, Some(Counted::AsCount)) => PointRollup { method: Method::Sum, per_second: false },
            (None, Some(Counted::AsRate)) => PointRollup { method: Method::Sum, per_second: true },
            (None, None) => PointRollup { method: by_aggregator, per_second: false },
        }
    }

    fn is_count(&self) -> bool {
        self.counted.is_some() || self.point_rollup().method == Method::Count
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
            "as_count" => part.counted = Some(Counted::AsCount),
            "as_rate" => part.counted = Some(Counted::AsRate),
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
