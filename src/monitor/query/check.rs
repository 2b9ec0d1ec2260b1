//! What each argument may be, and which arguments go together.

use super::cursor::ArgumentValue;
use super::error::{QueryError, QueryPlace, QueryRule};
use super::metric::MetricQuery;
use super::{Algorithm, AnomalyQuery, Direction, MOST_POINTS, Seasonality};
use crate::codec::FloatText;
use crate::monitor::timeframe::{LONGEST_ALERT_WINDOW_S, Timeframe};
use crate::monitor::zone::Zone;

/// Arguments of `anomalies()` behind the metric query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Argument {
    Algorithm,
    Deviations,
    Direction,
    AlertWindow,
    Interval,
    CountDefaultZero,
    Seasonality,
    Timezone,
}

impl Argument {
    pub(super) const COUNT: usize = 8;

    const NAMES: [(&'static str, Argument); Self::COUNT] = [
        ("algorithm", Argument::Algorithm),
        ("deviations", Argument::Deviations),
        ("direction", Argument::Direction),
        ("alert_window", Argument::AlertWindow),
        ("interval", Argument::Interval),
        ("count_default_zero", Argument::CountDefaultZero),
        ("seasonality", Argument::Seasonality),
        ("timezone", Argument::Timezone),
    ];

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(candidate, _)| *candidate == name).map(|(_, argument)| *argument)
    }

    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        Self::NAMES.iter().map(|(name, _)| *name)
    }

    pub(super) fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, argument)| *argument == self).map_or("anomalies", |(name, _)| name)
    }

    fn allowed(self) -> &'static str {
        match self {
            Argument::Algorithm => "'basic', 'agile' or 'robust'",
            Argument::Deviations => {
                "a number above 0, usually 2 or 3, without quotes, behind the algorithm; Datadog documents no default"
            }
            Argument::Direction => "'above', 'below' or 'both'",
            Argument::AlertWindow => "a timeframe in quotes, for example alert_window='last_15m'",
            Argument::Interval => "a whole number of seconds without quotes, for example interval=60",
            Argument::CountDefaultZero => "'true' or 'false'",
            Argument::Seasonality => "'hourly', 'daily' or 'weekly'",
            Argument::Timezone => "the name of an IANA zone in quotes, for example timezone='Europe/Vienna'",
        }
    }
}

/// A value and its place.
#[derive(Debug, Clone)]
pub(super) struct Given<'a> {
    pub(super) value: ArgumentValue<'a>,
    pub(super) place: QueryPlace,
}

/// What the grammar yields.
#[derive(Debug)]
pub(super) struct Arguments<'a> {
    pub(super) query_window: (&'a str, QueryPlace),
    pub(super) metric: MetricQuery,
    pub(super) metric_place: QueryPlace,
    pub(super) given: [Option<Given<'a>>; Argument::COUNT],
    pub(super) threshold: (f64, QueryPlace),
    pub(super) end: QueryPlace,
}

/// Reads values one by one and remembers what was wrong.
struct ArgumentChecker<'a> {
    arguments: Arguments<'a>,
    errors: Vec<QueryError>,
}

/// Checks every argument, then the rules between them; all errors at once.
#[inline(never)] // stack
pub(super) fn build(
    arguments: Arguments<'_>,
    errors: Vec<QueryError>,
) -> Result<AnomalyQuery, Vec<QueryError>> {
    let mut reading = ArgumentChecker { arguments, errors };
    let query_window = reading.query_window();
    let algorithm = reading.needed(Argument::Algorithm, |value| match value {
        ArgumentValue::Quoted(word) => Algorithm::from_word(word),
        _ => None,
    });
    let deviations = reading.needed(Argument::Deviations, |value| match value {
        ArgumentValue::Number(number, _) => Some(number).filter(|number| *number > 0.0),
        _ => None,
    });
    let direction = reading.optional(Argument::Direction, |value| match value {
        ArgumentValue::Quoted(word) => Direction::from_word(word),
        _ => None,
    });
    let alert_window = reading.needed(Argument::AlertWindow, |value| match value {
        ArgumentValue::Quoted(word) => word.parse::<Timeframe>().ok(),
        _ => None,
    });
    let interval_s = reading.needed(Argument::Interval, |value| match value {
        ArgumentValue::Number(_, text) => text.parse::<u32>().ok().filter(|seconds| *seconds >= 1),
        _ => None,
    });
    let count_default_zero = reading.optional(Argument::CountDefaultZero, |value| match value {
        ArgumentValue::Quoted("true") => Some(true),
        ArgumentValue::Quoted("false") => Some(false),
        _ => None,
    });
    let seasonality = reading.optional(Argument::Seasonality, |value| match value {
        ArgumentValue::Quoted(word) => Seasonality::from_word(word),
        _ => None,
    });
    let zone = reading.zone();
    reading.season(algorithm, seasonality, zone.as_ref());
    if let (Some(alert_window), Some(interval_s)) = (alert_window, interval_s) {
        reading.windows(query_window, alert_window, interval_s);
    }
    let threshold = reading.threshold();
    let timezone = match reading.arguments.given.get(Argument::Timezone as usize) {
        Some(Some(Given { value: ArgumentValue::Quoted(name), .. })) => Some((*name).to_owned()),
        _ => None,
    };
    let ArgumentChecker { arguments, errors } = reading;
    match (query_window, algorithm, deviations, alert_window, interval_s) {
        (Some(query_window), Some(algorithm), Some(deviations), Some(alert_window), Some(interval_s))
            if errors.is_empty() =>
        {
            Ok(AnomalyQuery {
                query_window,
                metric: arguments.metric,
                algorithm,
                deviations,
                direction,
                alert_window,
                interval_s,
                count_default_zero: count_default_zero.unwrap_or(true),
                seasonality,
                timezone,
                threshold,
            })
        }
        _ => Err(errors),
    }
}

impl ArgumentChecker<'_> {
    fn given(&self, argument: Argument) -> Option<&Given<'_>> {
        self.arguments.given.get(argument as usize).and_then(Option::as_ref)
    }

    fn refuse(&mut self, argument: Argument, allowed: String) {
        let (given, place) = match self.given(argument) {
            Some(given) => (given.value.to_string(), given.place.clone()),
            None => ("nothing".to_owned(), self.arguments.end.clone()),
        };
        let rule = QueryRule::NotAllowed { argument: argument.name(), given, allowed };
        self.errors.push(QueryError { rule, place });
    }

    /// The value of an argument when it is there and right.
    fn optional<T>(
        &mut self,
        argument: Argument,
        read: impl Fn(ArgumentValue<'_>) -> Option<T>,
    ) -> Option<T> {
        let value = read(self.given(argument)?.value);
        if value.is_none() {
            self.refuse(argument, argument.allowed().to_owned());
        }
        value
    }

    fn needed<T>(&mut self, argument: Argument, read: impl Fn(ArgumentValue<'_>) -> Option<T>) -> Option<T> {
        if self.given(argument).is_none() {
            let rule = QueryRule::Missing { argument: argument.name(), allowed: argument.allowed() };
            self.errors.push(QueryError { rule, place: self.arguments.end.clone() });
            return None;
        }
        self.optional(argument, read)
    }

    fn query_window(&mut self) -> Option<Timeframe> {
        let (text, place) = &self.arguments.query_window;
        match text.parse() {
            Ok(window) => Some(window),
            Err(_) => {
                let allowed = "a timeframe of up to 31 days, for example last_4h".to_owned();
                let rule =
                    QueryRule::NotAllowed { argument: "query_window", given: format!("'{text}'"), allowed };
                self.errors.push(QueryError { rule, place: place.clone() });
                None
            }
        }
    }

    fn threshold(&mut self) -> f64 {
        let (threshold, place) = &self.arguments.threshold;
        if !(*threshold > 0.0 && *threshold <= 1.0) {
            let allowed = "a share of points above 0, at most 1".to_owned();
            let rule = QueryRule::NotAllowed {
                argument: "threshold",
                given: FloatText(*threshold).to_string(),
                allowed,
            };
            self.errors.push(QueryError { rule, place: place.clone() });
        }
        *threshold
    }

    fn zone(&mut self) -> Option<Zone> {
        let read = |given: &Given<'_>| match given.value {
            ArgumentValue::Quoted(name) => Zone::named(name).map_err(|unknown| unknown.allowed()),
            _ => Err(Argument::Timezone.allowed().to_owned()),
        };
        match self.given(Argument::Timezone).map(read)? {
            Ok(zone) => Some(zone),
            Err(allowed) => {
                self.refuse(Argument::Timezone, allowed);
                None
            }
        }
    }

    /// A season goes with agile and robust only, a zone with a daily or weekly season only. UTC, which changes
    /// nothing, is let pass: exported monitors carry it everywhere.
    fn season(&mut self, algorithm: Option<Algorithm>, season: Option<Seasonality>, zone: Option<&Zone>) {
        let basic = algorithm == Some(Algorithm::Basic);
        if basic && season.is_some() {
            self.refuse(
                Argument::Seasonality,
                "no seasonality with 'basic'; agile and robust take one".to_owned(),
            );
        }
        if zone.is_some_and(|zone| !zone.is_utc()) && (basic || season == Some(Seasonality::Hourly)) {
            let allowed = "a timezone with 'agile' or 'robust' and a daily or weekly seasonality".to_owned();
            self.refuse(Argument::Timezone, allowed);
        }
    }

    fn windows(&mut self, query_window: Option<Timeframe>, alert_window: Timeframe, interval_s: u32) {
        let alert_s = alert_window.seconds();
        let longest_s = (alert_s / 5).max(1);
        let rollup_s = self.arguments.metric.rollup_s();
        if let Some(rollup_s) = rollup_s.filter(|rollup_s| *rollup_s > LONGEST_ALERT_WINDOW_S / 5) {
            self.rollup_too_long(rollup_s);
        } else if alert_s > LONGEST_ALERT_WINDOW_S {
            self.refuse(Argument::AlertWindow, "five intervals to two weeks (last_2w)".to_owned());
        } else if interval_s > longest_s {
            let allowed = format!("1 to {longest_s} seconds, a fifth of the alert window ({alert_window})");
            self.refuse(Argument::Interval, allowed);
        } else if let Some(rollup_s) = rollup_s.filter(|rollup_s| *rollup_s > longest_s) {
            let allowed = format!(
                "at least last_{}s: .rollup() makes buckets of {rollup_s} s, and the window holds five of them",
                u64::from(rollup_s) * 5
            );
            self.refuse(Argument::AlertWindow, allowed);
        } else if alert_s / rollup_s.unwrap_or(interval_s).max(1) > MOST_POINTS {
            let allowed = format!("at most {MOST_POINTS} intervals");
            self.refuse(Argument::AlertWindow, allowed);
        }
        if let Some(window) = query_window.filter(|window| window.seconds() < alert_s) {
            let rule = QueryRule::NotAllowed {
                argument: "query_window",
                given: window.to_string(),
                allowed: format!("at least the alert window ({alert_window}), about five times is usual"),
            };
            self.errors.push(QueryError { rule, place: self.arguments.query_window.1.clone() });
        }
    }

    /// Weeks, and what else does not fit five times into the longest alert window.
    #[inline(never)] // stack
    fn rollup_too_long(&mut self, rollup_s: u32) {
        let longest_s = LONGEST_ALERT_WINDOW_S / 5;
        let rule = QueryRule::NotAllowed {
            argument: "metric_query",
            given: format!(".rollup() by {rollup_s} s"),
            allowed: format!(
                "1 to {longest_s} seconds, hourly or daily: an alert window holds five of them, and is at most two weeks long"
            ),
        };
        self.errors.push(QueryError { rule, place: self.arguments.metric_place.clone() });
    }
}
