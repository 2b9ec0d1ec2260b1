//! From the text to its arguments; what they may be is decided in `check`.

use super::check::{Argument, Arguments, Given, build};
use super::cursor::{ArgumentValue, QueryCursor};
use super::error::{QueryError, QueryPlace, QueryRule};
use super::metric_scan;
use super::{AnomalyQuery, LONGEST_QUERY};
use crate::monitor::text::{nearest, quoted, shorten};

/// Reads a monitor's query.
///
/// ```
/// let query = fluent_anomaly::internals::query::parse(
///     "avg(last_1h):anomalies(avg:system.cpu.system{name:cassandra}, 'basic', 3, direction='above', \
///      alert_window='last_5m', interval=20, count_default_zero='true') >= 1",
/// );
/// assert_eq!(query.map(|query| query.deviations), Ok(3.0));
///
/// let errors = fluent_anomaly::internals::query::parse(
///     "avg(last_1h):anomalies(avg:x{*}, 'basic', 3, alert_window='last_5m', interval=90) >= 1",
/// ).unwrap_err();
/// let lines: Vec<String> = errors[0].to_string().lines().map(str::to_owned).collect();
/// assert_eq!(lines, [
///     "interval: 90 is not allowed; allowed is 1 to 60 seconds, a fifth of the alert window (last_5m)",
///     "  …lies(avg:x{*}, 'basic', 3, alert_window='last_5m', interval=90) >= 1",
///     "                                                               ^^",
/// ]);
/// ```
///
/// # Errors
/// The first place where the text leaves the grammar, or all rules that its arguments break.
pub fn parse(text: &str) -> Result<AnomalyQuery, Vec<QueryError>> {
    if text.len() > LONGEST_QUERY {
        let rule = QueryRule::Limit { what: "the length of a query in bytes", limit: LONGEST_QUERY };
        return Err(vec![QueryError {
            rule,
            place: QueryPlace::new(text, LONGEST_QUERY, LONGEST_QUERY + 1),
        }]);
    }
    let mut errors = Vec::new();
    match arguments(&mut QueryCursor::new(text), &mut errors) {
        Ok(arguments) => build(arguments, errors),
        Err(error) => {
            errors.push(error);
            Err(errors)
        }
    }
}

#[inline(never)] // stack
fn arguments<'a>(
    cursor: &mut QueryCursor<'a>,
    errors: &mut Vec<QueryError>,
) -> Result<Arguments<'a>, QueryError> {
    let text = cursor.text();
    cursor.need("avg", "query", "avg(<query_window>):anomalies(...) >= <threshold>")?;
    cursor.need("(", "query", "'(' and the query window, for example avg(last_4h)")?;
    cursor.space();
    let start = cursor.at();
    let window = cursor.take_while(|c| c != ')').trim_end();
    let query_window = (window, QueryPlace::new(text, start, start + window.len()));
    cursor.need(")", "query_window", "')' behind the query window")?;
    cursor.need(":", "query", "':' and anomalies(...)")?;
    cursor.need("anomalies", "query", "anomalies(...)")?;
    cursor.need("(", "query", "'(' and the metric query")?;
    cursor.space();
    let start = cursor.at();
    let metric = metric_scan::scan(cursor)?;
    let metric_place = QueryPlace::new(text, start, cursor.at());
    let mut given = [const { None }; Argument::COUNT];
    while !cursor.eat(")") {
        cursor.need(",", "anomalies", "',' and the next argument, or ')'")?;
        argument(cursor, &mut given, errors)?;
    }
    cursor.need(">=", "threshold", "'>=' and the share of anomalous points")?;
    cursor.space();
    let start = cursor.at();
    let Some((number, _)) = cursor.number() else {
        return Err(cursor.expected("threshold", "a number above 0, at most 1"));
    };
    let threshold = (number, QueryPlace::new(text, start, cursor.at()));
    cursor.space();
    if !cursor.rest().is_empty() {
        return Err(cursor.expected("query", "the end of the query behind the threshold"));
    }
    let end = QueryPlace::new(text, start, cursor.at());
    Ok(Arguments { query_window, metric, metric_place, given, threshold, end })
}

/// One argument behind the metric query: `name=value`, `'algorithm'` or a number of deviations.
#[inline(never)] // stack
fn argument<'a>(
    cursor: &mut QueryCursor<'a>,
    given: &mut [Option<Given<'a>>; Argument::COUNT],
    errors: &mut Vec<QueryError>,
) -> Result<(), QueryError> {
    let text = cursor.text();
    cursor.space();
    let start = cursor.at();
    let mut ahead = cursor.clone();
    let name = ahead.word();
    let named = !name.is_empty() && ahead.eat("=");
    if named {
        *cursor = ahead;
    }
    cursor.space();
    let from = cursor.at();
    let Some(value) = cursor.value() else {
        return Err(cursor.expected("anomalies", "an argument: '<text>', a number, or <name>=<value>"));
    };
    let place = QueryPlace::new(text, from, cursor.at());
    let argument = if named {
        Argument::named(name).ok_or_else(|| {
            let near = nearest(name, Argument::names());
            let rule = QueryRule::Unknown { given: shorten(name, 40), near };
            QueryError { rule, place: QueryPlace::new(text, start, start + name.len()) }
        })
    } else {
        match value {
            ArgumentValue::Quoted(_) => Ok(Argument::Algorithm),
            ArgumentValue::Number(..) => Ok(Argument::Deviations),
            ArgumentValue::Bare(word) => Err(QueryError {
                rule: QueryRule::Expected {
                    argument: "anomalies",
                    expected: "'<algorithm>' in quotes, a number of deviations, or <name>=<value>",
                    found: quoted(word, 40),
                },
                place: place.clone(),
            }),
        }
    };
    match argument {
        Err(error) => errors.push(error),
        Ok(argument) => {
            if let Some(slot) = given.get_mut(argument as usize) {
                if slot.is_some() {
                    errors.push(QueryError { rule: QueryRule::Twice { argument: argument.name() }, place });
                } else {
                    *slot = Some(Given { value, place });
                }
            }
        }
    }
    Ok(())
}
