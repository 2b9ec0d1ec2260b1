//! What is wrong with a query, where, and what is allowed there.

use core::fmt;

use thiserror::Error;

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
/// One broken rule and its place. Prints as the rule, the text, and carets under the place.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{rule}\n{place}")]
pub struct QueryError {
    /// What is wrong and what is allowed.
    pub rule: QueryRule,
    /// Where.
    pub place: QueryPlace,
}

/// The rule that a query breaks.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum QueryRule {
    /// The text does not follow the grammar.
    #[error("{argument}: expected {expected}, found {found}")]
    Expected {
        /// Argument or part of the query.
        argument: &'static str,
        /// What may stand here.
        expected: &'static str,
        /// What stands here.
        found: String,
    },
    /// An argument has a value outside what is allowed.
    #[error("{argument}: {given} is not allowed; allowed is {allowed}")]
    NotAllowed {
        /// Argument.
        argument: &'static str,
        /// Its value as written.
        given: String,
        /// What may be written instead.
        allowed: String,
    },
    /// An argument that `anomalies()` does not have.
    #[error("{given}: no such argument{}; allowed are direction, alert_window, interval, count_default_zero, seasonality and timezone", near.map(|near| format!(", is {near} meant?")).unwrap_or_default())]
    Unknown {
        /// Name as written.
        given: String,
        /// A known name that looks like it.
        near: Option<&'static str>,
    },
    /// An argument stands twice.
    #[error("{argument}: given twice; allowed is once")]
    Twice {
        /// Argument.
        argument: &'static str,
    },
    /// A needed argument is absent.
    #[error("{argument}: missing; allowed is {allowed}")]
    Missing {
        /// Argument.
        argument: &'static str,
        /// What may be written.
        allowed: &'static str,
    },
    /// A function whose values change with the time that is looked at, so that no band fits it.
    #[error(
        "{function}(): not allowed inside anomalies(), as its values depend on the window; not allowed are {}",
        REFUSED.join(", ")
    )]
    Refused {
        /// Function.
        function: &'static str,
    },
    /// Longer or more deeply nested than is read.
    #[error("{what} is limited to {limit}")]
    Limit {
        /// What is limited.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
}

impl QueryRule {
    /// The argument, or part of the query, that is wrong.
    #[must_use]
    pub fn argument(&self) -> &str {
        match self {
            QueryRule::Expected { argument, .. }
            | QueryRule::NotAllowed { argument, .. }
            | QueryRule::Twice { argument }
            | QueryRule::Missing { argument, .. } => argument,
            QueryRule::Unknown { given, .. } => given,
            QueryRule::Refused { .. } | QueryRule::Limit { .. } => "metric_query",
        }
    }
}

/// A stretch of the query, shown with carets under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryPlace {
    line: String,  // at most 2 * AROUND + WIDEST characters and two ellipses, one line
    before: usize, // characters in front of the carets
    width: usize,  // carets, >= 1
}

impl QueryPlace {
    /// Characters shown on either side.
    const AROUND: usize = 60;
    /// Most carets.
    const WIDEST: usize = 60;

    /// The bytes `start..end` of `text`.
    pub(crate) fn new(text: &str, start: usize, end: usize) -> Self {
        let start = text.floor_char_boundary(start);
        let (head, rest) = text.split_at_checked(start).unwrap_or((text, ""));
        let length = rest.floor_char_boundary(end.saturating_sub(start));
        let width = rest.get(..length).unwrap_or("").chars().count().clamp(1, Self::WIDEST);
        let hidden = head.chars().count().saturating_sub(Self::AROUND);
        let mut line = String::new();
        if hidden > 0 {
            line.push('…');
        }
        let one_line = |c: char| if c.is_control() { ' ' } else { c };
        line.extend(head.chars().skip(hidden).map(one_line));
        let before = line.chars().count();
        line.push_str(&shorten(rest, width + Self::AROUND));
        Self { line, before, width }
    }
}

impl fmt::Display for QueryPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  {}", self.line)?;
        write!(f, "  {}{}", " ".repeat(self.before), "^".repeat(self.width))
    }
}
