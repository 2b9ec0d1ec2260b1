//! Bodies of answers, read leniently: unknown fields ignored, numbers as int or float, every field optional.
//!
//! Costs what it keeps: 24 bytes a point. The number of bytes is bounded by the reader in `http`, the number of
//! series by [`MAX_SERIES`].

use super::{QueryPoint, QuerySeries};
use core::fmt;
use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::io::Read;

/// Most series of one answer.
const MAX_SERIES: usize = 50_000;

/// The content of a body.
#[derive(Debug, PartialEq)]
pub(super) enum AnswerBody {
    Series(Vec<QuerySeries>),
    /// `status: error`, or errors without series.
    Refused(String),
}

/// The text of an error: a string, the strings of an array, or nothing.
#[derive(Debug, Default)]
pub(super) struct ErrorText(pub(super) String);

impl<'de> Deserialize<'de> for ErrorText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Texts;
        impl<'de> Visitor<'de> for Texts {
            type Value = ErrorText;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an error text")
            }
            fn visit_unit<E>(self) -> Result<ErrorText, E> {
                Ok(ErrorText::default())
            }
            fn visit_bool<E>(self, _: bool) -> Result<ErrorText, E> {
                Ok(ErrorText::default())
            }
            fn visit_f64<E>(self, _: f64) -> Result<ErrorText, E> {
                Ok(ErrorText::default())
            }
            fn visit_u64<E>(self, _: u64) -> Result<ErrorText, E> {
                Ok(ErrorText::default())
            }
            fn visit_i64<E>(self, _: i64) -> Result<ErrorText, E> {
                Ok(ErrorText::default())
            }
            fn visit_str<E>(self, text: &str) -> Result<ErrorText, E> {
                Ok(ErrorText(text.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<ErrorText, A::Error> {
                let mut all = String::new();
                while let Some(ErrorText(text)) = items.next_element()? {
                    if all.len() < 1000 && !text.is_empty() {
                        all.push_str(if all.is_empty() { "" } else { "; " });
                        all.push_str(&text);
                    }
                }
                Ok(ErrorText(all))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<ErrorText, A::Error> {
                while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(ErrorText("(an object)".to_owned()))
            }
        }
        deserializer.deserialize_any(Texts)
    }
}

/// `Vec` of at most `MAX_SERIES`.
#[derive(Debug)]
struct Bounded<T>(Vec<T>);

impl<T> Default for Bounded<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Bounded<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T>(Vec<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
            type Value = Bounded<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }
            fn visit_unit<E>(self) -> Result<Bounded<T>, E> {
                Ok(Bounded(self.0))
            }
            fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Bounded<T>, A::Error> {
                while let Some(item) = items.next_element()? {
                    if self.0.len() >= MAX_SERIES {
                        return Err(de::Error::custom(format_args!("more than {MAX_SERIES} series")));
                    }
                    self.0.push(item);
                }
                Ok(Bounded(self.0))
            }
        }
        deserializer.deserialize_any(Items(Vec::new()))
    }
}

/// `[[ms, value or null], ...]`, both numbers as int or float.
#[derive(Debug, Default)]
struct Points(Vec<QueryPoint>);

#[derive(Debug)]
struct RawPoint(f64, Option<f64>);

impl<'de> Deserialize<'de> for RawPoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pair;
        impl<'de> Visitor<'de> for Pair {
            type Value = RawPoint;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a point [milliseconds, value]")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<RawPoint, A::Error> {
                let time = items.next_element()?.ok_or_else(|| de::Error::invalid_length(0, &self))?;
                let value = items.next_element()?.ok_or_else(|| de::Error::invalid_length(1, &self))?;
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(RawPoint(time, value))
            }
        }
        deserializer.deserialize_seq(Pair)
    }
}

impl<'de> Deserialize<'de> for Points {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Points;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of points")
            }
            fn visit_unit<E>(self) -> Result<Points, E> {
                Ok(Points::default())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Points, A::Error> {
                let mut points = Vec::new();
                while let Some(RawPoint(ms, value)) = items.next_element()? {
                    points.push(QueryPoint { time: seconds(ms), value });
                }
                Ok(Points(points))
            }
        }
        deserializer.deserialize_any(All)
    }
}

fn seconds(ms: f64) -> i64 {
    (ms / 1000.0).floor() as i64
}

#[derive(Debug, Deserialize)]
struct V1Series {
    metric: Option<String>,
    expression: Option<String>,
    scope: Option<String>,
    #[serde(default)]
    tag_set: Option<Vec<String>>,
    interval: Option<f64>,
    query_index: Option<f64>,
    #[serde(default)]
    pointlist: Points,
}

#[derive(Debug, Deserialize)]
struct V1 {
    status: Option<String>,
    #[serde(default)]
    error: ErrorText,
    #[serde(default)]
    errors: ErrorText,
    #[serde(default)]
    message: ErrorText,
    series: Option<Bounded<V1Series>>,
}

/// Reads an answer of `GET /api/v1/query`.
pub(super) fn v1(body: &mut dyn Read, query: &str) -> Result<AnswerBody, serde_json::Error> {
    let answer: V1 = serde_json::from_reader(body)?;
    let reason =
        [answer.error.0, answer.errors.0, answer.message.0].into_iter().find(|text| !text.is_empty());
    match (answer.status.as_deref(), answer.series) {
        (None | Some("ok"), Some(series)) => {
            Ok(AnswerBody::Series(series.0.into_iter().map(|series| v1_series(series, query)).collect()))
        }
        (None | Some("ok"), None) if reason.is_none() => Err(de::Error::missing_field("series")),
        (status, _) => {
            Ok(AnswerBody::Refused(reason.unwrap_or_else(|| format!("status: {}", status.unwrap_or("none")))))
        }
    }
}

fn v1_series(series: V1Series, query: &str) -> QuerySeries {
    let tags = series.tag_set.unwrap_or_default();
    let scope = series.scope.filter(|scope| !scope.is_empty()).unwrap_or_else(|| scope_of(&tags));
    let named = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    QuerySeries {
        metric: named(&series.metric)
            .unwrap_or_else(|| metric_of(series.expression.as_deref().unwrap_or(query))),
        host: host_of(tags.iter().map(String::as_str)).or_else(|| host_of(scope.split(','))),
        interval: series.interval.and_then(whole_seconds).or_else(|| step(&series.pointlist.0)),
        query_index: series.query_index.unwrap_or_default() as u32,
        points: series.pointlist.0,
        scope,
    }
}

fn whole_seconds(interval: f64) -> Option<u32> {
    (interval >= 1.0 && interval <= f64::from(u32::MAX)).then_some(interval as u32)
}

/// The smallest distance of two points.
fn step(points: &[QueryPoint]) -> Option<u32> {
    let pairs = points.iter().zip(points.iter().skip(1));
    pairs.filter_map(|(a, b)| u32::try_from(b.time.checked_sub(a.time)?).ok().filter(|&step| step > 0)).min()
}

fn scope_of(tags: &[String]) -> String {
    if tags.is_empty() { "*".to_owned() } else { tags.join(",") }
}

fn host_of<'a>(mut tags: impl Iterator<Item = &'a str>) -> Option<String> {
    tags.find_map(|tag| tag.trim().strip_prefix("host:")).filter(|host| !host.is_empty()).map(str::to_owned)
}

/// `system.cpu.idle` of `avg:system.cpu.idle{*} by {host}`; of anything that is no such text, the text itself.
fn metric_of(query: &str) -> String {
    let head = query.split('{').next().unwrap_or(query);
    let name = head.rsplit([':', '(', ' ', ',']).next().unwrap_or(head).trim();
    if name.is_empty() { query.to_owned() } else { name.to_owned() }
}

#[derive(Debug, Deserialize)]
struct V2Head {
    #[serde(default)]
    group_tags: Option<Vec<String>>,
    query_index: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
struct V2Attributes {
    #[serde(default)]
    series: Bounded<V2Head>,
    #[serde(default)]
    times: Vec<f64>,
    #[serde(default)]
    values: Vec<Vec<Option<f64>>>,
}

#[derive(Debug, Deserialize)]
struct V2Data {
    attributes: V2Attributes,
}

#[derive(Debug, Deserialize)]
struct V2 {
    data: Option<V2Data>,
    #[serde(default)]
    errors: ErrorText,
}

/// Reads an answer of `POST /api/v2/query/timeseries`; metric and interval are not in it.
pub(super) fn v2(
    body: &mut dyn Read,
    query: &str,
    interval: Option<u32>,
) -> Result<AnswerBody, serde_json::Error> {
    let answer: V2 = serde_json::from_reader(body)?;
    if !answer.errors.0.is_empty() {
        return Ok(AnswerBody::Refused(answer.errors.0));
    }
    let V2Attributes { series, times, values } =
        answer.data.ok_or_else(|| de::Error::missing_field("data"))?.attributes;
    if values.len() != series.0.len() {
        return Err(de::Error::custom(format_args!(
            "{} series with {} columns",
            series.0.len(),
            values.len()
        )));
    }
    let times: Vec<i64> = times.into_iter().map(seconds).collect();
    if let Some(column) = values.iter().find(|column| column.len() != times.len()) {
        return Err(de::Error::custom(format_args!("{} values for {} times", column.len(), times.len())));
    }
    let metric = metric_of(query);
    let grid: Vec<QueryPoint> = times.iter().map(|&time| QueryPoint { time, value: None }).collect();
    // the API may have enlarged the interval that was asked for: the times show it
    let interval = step(&grid).or(interval);
    let build = |(head, column): (V2Head, Vec<Option<f64>>)| {
        let tags = head.group_tags.unwrap_or_default();
        QuerySeries {
            metric: metric.clone(),
            scope: scope_of(&tags),
            host: host_of(tags.iter().map(String::as_str)),
            query_index: head.query_index.unwrap_or_default() as u32,
            interval,
            points: times.iter().zip(column).map(|(&time, value)| QueryPoint { time, value }).collect(),
        }
    };
    Ok(AnswerBody::Series(series.0.into_iter().zip(values).map(build).collect()))
}

/// The error text in the body of a refused request: JSON of either shape, else the text itself.
pub(super) fn error_text(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Errors {
        #[serde(default)]
        errors: ErrorText,
        #[serde(default)]
        error: ErrorText,
    }
    match serde_json::from_slice::<Errors>(body) {
        Ok(Errors { errors, error }) if !errors.0.is_empty() || !error.0.is_empty() => {
            if errors.0.is_empty() { error.0 } else { errors.0 }
        }
        _ => String::from_utf8_lossy(body).into_owned(),
    }
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
