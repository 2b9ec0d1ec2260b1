//! The query string of an outlier monitor.
//!
//! ```text
//! [avg(<window>):]outliers(<metric_query>, '<algorithm>', <tolerance> [, <percent>]) [> 0]
//! ```
//!
//! In an alert the window and `> 0` stand around it, in a graph they do not. Datadog's words for the algorithms are read in
//! any case, as its own examples write `'dbscan'` and `'DBSCAN'`.

use core::fmt;

use super::LONGEST_QUERY;
use super::cursor::{ArgumentValue, QueryCursor};
use super::error::{QueryError, QueryPlace, QueryRule};
use super::metric::MetricQuery;
use super::metric_scan;
use crate::detector::peers::{PeerAlgorithm, PeerTest};
use crate::monitor::timeframe::Timeframe;

/// A checked query.
#[derive(Debug, Clone, PartialEq)]
pub struct OutlierQuery {
    /// Time whose values are compared; `None` where the query is that of a graph.
    pub window: Option<Timeframe>,
    /// What is measured, verbatim and scanned.
    pub metric: MetricQuery,
    /// Algorithm, tolerance, percent.
    pub test: PeerTest,
}

/// Percentage with MAD where a query has none.
const PERCENT: f64 = 20.0;

impl OutlierQuery {
    /// Reads a query.
    ///
    /// ```
    /// use fluent_anomaly::monitors::query::OutlierQuery;
    /// let text = "avg(last_30m):outliers(avg:system.load.1{*} by {host}, 'MAD', 3, 20) > 0";
    /// let query = OutlierQuery::parse(text).unwrap();
    /// assert_eq!((query.test.tolerance, query.test.percent), (3.0, 20.0));
    /// assert_eq!(query.to_string(), text);
    /// ```
    ///
    /// # Errors
    /// The first thing that is wrong, with its place and what is allowed.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        if text.len() > LONGEST_QUERY {
            let rule = QueryRule::Limit { what: "the length of a query in bytes", limit: LONGEST_QUERY };
            return Err(QueryError { rule, place: QueryPlace::new(text, LONGEST_QUERY, LONGEST_QUERY + 1) });
        }
        let mut cursor = QueryCursor::new(text);
        let window = window(&mut cursor)?;
        cursor.need("outliers", "query", "outliers(<metric query>, '<algorithm>', <tolerance>)")?;
        cursor.need("(", "query", "'(' and the metric query")?;
        let metric = metric_scan::scan(&mut cursor)?;
        let algorithm = algorithm(&mut cursor)?;
        let tolerance =
            number(&mut cursor, "tolerance", "a number above 0, at most 1000; 3 is usual", |t| {
                t > 0.0 && t <= 1000.0
            })?;
        let mut percent = if algorithm.has_percent() { PERCENT } else { 0.0 };
        if !cursor.eat(")") {
            percent = number(&mut cursor, "percent", "a number from 0 to below 100", |p| {
                (0.0..100.0).contains(&p)
            })?;
            if !algorithm.has_percent() {
                percent = 0.0; // Datadog takes and ignores it
            }
            cursor.need(")", "query", "')' behind the arguments")?;
        }
        if cursor.eat(">") && cursor.number().is_none_or(|(threshold, _)| threshold != 0.0) {
            return Err(cursor.expected("threshold", "> 0: a member is an outlier or is none"));
        }
        cursor.space();
        if !cursor.rest().is_empty() {
            return Err(cursor.expected("query", "the end of the query"));
        }
        Ok(Self { window, metric, test: PeerTest { algorithm, tolerance, percent } })
    }
}

fn window(cursor: &mut QueryCursor<'_>) -> Result<Option<Timeframe>, QueryError> {
    let mut ahead = cursor.clone();
    let aggregator = ahead.word();
    if aggregator == "outliers" {
        return Ok(None);
    }
    if !matches!(aggregator, "avg" | "sum" | "min" | "max") {
        return Err(cursor.expected("query", "outliers(...), or avg(<window>):outliers(...) > 0"));
    }
    *cursor = ahead;
    cursor.need("(", "query", "'(' and the window, for example avg(last_30m)")?;
    cursor.space();
    let start = cursor.at();
    let given = cursor.take_while(|c| c != ')').trim();
    let window = given.parse().map_err(|_| QueryError {
        rule: QueryRule::NotAllowed {
            argument: "window",
            given: format!("'{given}'"),
            allowed: "a timeframe of up to 31 days, for example last_30m".to_owned(),
        },
        place: QueryPlace::new(cursor.text(), start, cursor.at()),
    })?;
    cursor.need(")", "window", "')' behind the window")?;
    cursor.need(":", "query", "':' and outliers(...)")?;
    Ok(Some(window))
}

fn algorithm(cursor: &mut QueryCursor<'_>) -> Result<PeerAlgorithm, QueryError> {
    const ALLOWED: &str = "'DBSCAN', 'MAD', 'scaledDBSCAN' or 'scaledMAD'";
    cursor.need(",", "algorithm", "',' and the algorithm in quotes")?;
    cursor.space();
    let start = cursor.at();
    match cursor.value() {
        Some(ArgumentValue::Quoted(given)) => {
            let same = |word: &str| word.eq_ignore_ascii_case(given);
            let found = PeerAlgorithm::WORDS.iter().find(|(_, word, _)| same(word));
            found.map(|(.., algorithm)| *algorithm).ok_or_else(|| QueryError {
                rule: QueryRule::NotAllowed {
                    argument: "algorithm",
                    given: format!("'{given}'"),
                    allowed: ALLOWED.to_owned(),
                },
                place: QueryPlace::new(cursor.text(), start, cursor.at()),
            })
        }
        _ => Err(QueryError {
            rule: QueryRule::Missing { argument: "algorithm", allowed: ALLOWED },
            place: QueryPlace::new(cursor.text(), start, cursor.at()),
        }),
    }
}

fn number(
    cursor: &mut QueryCursor<'_>,
    argument: &'static str,
    allowed: &'static str,
    accept: impl Fn(f64) -> bool,
) -> Result<f64, QueryError> {
    cursor.need(",", argument, "',' and a number")?;
    cursor.space();
    let start = cursor.at();
    // `pct=20` and `tolerance=3` are written, too
    let mut ahead = cursor.clone();
    if matches!(ahead.word(), "tolerance" | "pct" | "percent") && ahead.eat("=") {
        *cursor = ahead;
    }
    let Some((number, text)) = cursor.number() else { return Err(cursor.expected(argument, allowed)) };
    if accept(number) {
        return Ok(number);
    }
    let rule = QueryRule::NotAllowed { argument, given: text.to_owned(), allowed: allowed.to_owned() };
    Err(QueryError { rule, place: QueryPlace::new(cursor.text(), start, cursor.at()) })
}

impl fmt::Display for OutlierQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PeerTest { algorithm, tolerance, percent } = self.test;
        if let Some(window) = self.window {
            write!(f, "avg({window}):")?;
        }
        write!(f, "outliers({}, '{}', {tolerance}", self.metric, algorithm.query_word())?;
        if algorithm.has_percent() {
            write!(f, ", {percent}")?;
        }
        f.write_str(if self.window.is_some() { ") > 0" } else { ")" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_datadog_documents_is_read_and_printed() {
        for (text, printed) in [
            ("outliers(avg:system.load{*} by {host}, 'DBSCAN', 2)", None),
            (
                "avg(last_30m):outliers(avg:system.cpu.user{role:es-events-data} by {host}, 'dbscan', 7) > 0",
                Some(
                    "avg(last_30m):outliers(avg:system.cpu.user{role:es-events-data} by {host}, 'DBSCAN', 7) > 0",
                ),
            ),
            (
                "avg(last_5m):outliers(avg:cf.gorouter.total_routes{job:router} by {ip}, 'scaledDBSCAN', 3.0) > 0",
                Some(
                    "avg(last_5m):outliers(avg:cf.gorouter.total_routes{job:router} by {ip}, 'scaledDBSCAN', 3) > 0",
                ),
            ),
            ("avg(last_1h):outliers(avg:m{a:b} by {host}, 'MAD', 3, 20) > 0", None),
            (
                "outliers(avg:m{*} by {host},'scaledMAD',0.33)",
                Some("outliers(avg:m{*} by {host}, 'scaledMAD', 0.33, 20)"),
            ),
        ] {
            let query = OutlierQuery::parse(text).unwrap();
            assert_eq!(query.to_string(), printed.unwrap_or(text));
            assert_eq!(OutlierQuery::parse(&query.to_string()), Ok(query));
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (text, message) in [
            (
                "outliers(avg:m{*} by {host}, 'kmeans', 2)",
                "algorithm: 'kmeans' is not allowed; allowed is 'DBSCAN', 'MAD', 'scaledDBSCAN' or 'scaledMAD'",
            ),
            (
                "outliers(avg:m{*} by {host}, 'MAD', 0)",
                "tolerance: 0 is not allowed; allowed is a number above 0, at most 1000; 3 is usual",
            ),
            (
                "outliers(avg:m{*} by {host}, 'MAD', 2, 100)",
                "percent: 100 is not allowed; allowed is a number from 0 to below 100",
            ),
            (
                "avg(last_5x):outliers(avg:m{*} by {host}, 'MAD', 2) > 0",
                "window: 'last_5x' is not allowed; allowed is a timeframe of up to 31 days, for example last_30m",
            ),
            (
                "anomalies(avg:m{*}, 'basic', 2)",
                "query: expected outliers(...), or avg(<window>):outliers(...) > 0, found 'anomalies'",
            ),
            (
                "outliers(avg:m{*} by {host}, 'MAD', 2) > 1",
                "threshold: expected > 0: a member is an outlier or is none, found the end of the query",
            ),
        ] {
            let error = OutlierQuery::parse(text).unwrap_err().to_string();
            assert_eq!(error.lines().next(), Some(message), "{error}");
        }
    }
}
