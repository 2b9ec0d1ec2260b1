//! `[datadog.*]` and `[series.*]`: what is watched, and with which parameters.

use super::calibrated;
use super::field::accessor;
use super::ini::{IniEntry, IniSection};
use super::problem::ConfigProblem;
use super::section_reader::SectionReader;
use super::tag::{TagPattern, tag_patterns};
use super::windows::{WINDOW_KEYS, WindowSettings};
use super::{FilterSection, MetricNames, predecessor};
use crate::config::did_you_mean::nearest;
use crate::detector::calibrated::AlarmBudget;
use crate::detector::measure::MeasureKind;
use crate::detector::{ArEstimator, MAX_ORDER, MAX_WINDOW, Params, ParamsError, ScoreFunction};
use crate::record::{Accessor, Condition, Unit};

/// One watched metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// The name behind `datadog.` or `series.`.
    pub name: String,
    /// Where the records come from.
    pub kind: SectionKind,
    /// Records with such a tag are scored.
    pub tags: TagPattern,
    /// The field that holds the number.
    pub value: Accessor,
    /// In which unit texts such as `12ms` are read as the value; `None`: those are no values.
    pub unit: Option<Unit>,
    /// The fields whose combination names a series; none: one model for all records of the section.
    pub by: Vec<Accessor>,
    /// Whether records that lack one of the `by` fields share one model; otherwise they are counted and not scored.
    pub shares_without_by: bool,
    /// Where several sources feed one model: the field that tells them apart.
    pub source: Option<Accessor>,
    /// Which records count; all if there is none.
    pub condition: Option<Condition>,
    /// The field that holds the time in seconds; the event's own time when absent.
    pub time: Option<Accessor>,
    /// Goes before the names of the annotations.
    pub prefix: String,
    /// With `metric_names: metric`: the metric of the query, by which the scores are named.
    pub source_metric: Option<String>,
    /// What a null value means.
    pub nulls: Nulls,
    /// Instead of `evaluation_delay` of `[general]`, for metrics that settle later; seconds.
    pub evaluation_delay_seconds: Option<u32>,
    /// Whether the scores of a model that warms up are kept back.
    pub warm_up: bool,
    /// Parameters of ChangeFinder.
    pub change_finder: ChangeFinderSettings,
    /// Whether records get the calibrated score.
    pub anomaly_score: bool,
    /// False alarms that each series may raise; `None`: rare points are scored, and nothing alarms.
    pub alarms: Option<AlarmBudget>,
    /// The value is that of the records of a window, not of one record.
    pub windows: Option<Box<WindowSettings>>,
    /// The budget is one for all series of the section together.
    pub alarms_for_all: bool,
}

/// Where the records of a section come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SectionKind {
    /// Pulled from Datadog by the companion with this query.
    Datadog {
        /// As Datadog's own graphs take it, on one line.
        query: String,
    },
    /// Any records of the pipeline.
    Series,
}

/// `nulls:` of a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nulls {
    /// A null is no point.
    Skip,
    /// A null is learned as 0, which is the seed's way.
    Zero,
}

/// ChangeFinder's parameters before the order is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChangeFinderSettings {
    /// `r`, 0 < r < 1.
    pub discounting_rate: f64,
    /// `k`; `None`: chosen by AIC over the first day of each series.
    pub order: Option<usize>,
    /// `T1`.
    pub outlier_window: usize,
    /// `T2`.
    pub change_window: usize,
    /// `ar`.
    pub ar: ArEstimator,
    /// `score`.
    pub score_function: ScoreFunction,
}

impl ChangeFinderSettings {
    /// Reads `r`, `k`, `T1`, `T2`, `ar` and `score` from texts alone, without a file around them; other keys are
    /// unknown.
    ///
    /// # Errors
    /// Each problem with its key, in the words that a configuration file would get.
    ///
    /// ```
    /// use fluent_anomaly::configuration::ChangeFinderSettings;
    /// let settings = ChangeFinderSettings::from_texts([("k", "7")]).unwrap();
    /// assert_eq!((settings.order, settings.discounting_rate), (Some(7), 0.02));
    /// let problems = ChangeFinderSettings::from_texts([("r", "2")]).unwrap_err();
    /// assert_eq!(problems[0].at_key(), Some("r"));
    /// assert!(problems[0].message().starts_with("\"2\" is not allowed"));
    /// ```
    pub fn from_texts<'a>(
        texts: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, Vec<ConfigProblem>> {
        let entry =
            |(key, value): (&str, &str)| IniEntry { key: key.to_owned(), value: value.to_owned(), line: 0 };
        let section =
            IniSection { name: String::new(), line: 0, entries: texts.into_iter().map(entry).collect() };
        let mut problems = Vec::new();
        let mut keys = SectionReader::new("", &section, &mut problems);
        let settings = read_change_finder(&mut keys);
        keys.finish();
        if problems.is_empty() { Ok(settings) } else { Err(problems) }
    }

    /// The detector's parameters with this order.
    ///
    /// # Errors
    /// When the order is not 1..=[`MAX_ORDER`].
    pub fn params(&self, order: usize) -> Result<Params, ParamsError> {
        Params::new(
            self.discounting_rate,
            order,
            self.outlier_window,
            self.change_window,
            self.ar,
            self.score_function,
        )
    }
}

/// What `[datadog.*]` sections take from elsewhere.
#[derive(Debug, Clone, Copy)]
pub(super) struct DatadogDefaults<'a> {
    pub(super) tag_prefix: &'a str,
    pub(super) metric_names: MetricNames,
    /// `per: section` and `nulls: zero` where a section says nothing.
    pub(super) as_predecessor: bool,
}

impl Section {
    /// Reads `[datadog.<name>]`.
    pub(super) fn read_datadog(
        name: &str,
        keys: &mut SectionReader<'_>,
        defaults: DatadogDefaults<'_>,
        filter: &FilterSection,
    ) -> Option<Self> {
        let (anomaly_score, alarms, alarms_for_all) = read_calibrated(keys, filter);
        let query = keys
            .required("query", "avg:system.cpu.idle{*} by {host}")
            .map(|query| query.split_whitespace().collect::<Vec<_>>().join(" "));
        let per_scope =
            keys.choice("per", &[("scope", true), ("section", false)]).unwrap_or(!defaults.as_predecessor);
        let source_metric = match (defaults.metric_names, &query) {
            (MetricNames::Metric, Some(query)) => {
                let metric = predecessor::source_metric(query).map(str::to_owned);
                if metric.is_none() {
                    keys.complain_about(
                        "query",
                        "`metric_names: metric` needs a query with one metric: \
                         write `metric_names: section`, or one section for each metric",
                    );
                }
                metric
            }
            _ => None,
        };
        let field = |name: &str| Accessor::parse(name).ok();
        let section = Self {
            name: name.to_owned(),
            kind: SectionKind::Datadog { query: query.clone().unwrap_or_default() },
            tags: TagPattern::exactly(&format!("{}.{name}", defaults.tag_prefix)),
            value: field("raw_value")?,
            unit: None,
            by: if per_scope { vec![field("scope")?] } else { Vec::new() },
            shares_without_by: true,
            source: if per_scope { None } else { Some(field("scope")?) },
            condition: None,
            time: Some(field("time")?),
            prefix: String::new(),
            source_metric,
            nulls: read_nulls(keys, if defaults.as_predecessor { Nulls::Zero } else { Nulls::Skip }),
            evaluation_delay_seconds: keys.integer("evaluation_delay", 0..=86_400).map(|n| n as u32),
            warm_up: read_warm_up(keys).unwrap_or(false),
            change_finder: read_change_finder(keys),
            anomaly_score,
            alarms,
            windows: None,
            alarms_for_all,
        };
        query.map(|_| section)
    }

    /// Reads `[series.<name>]`.
    pub(super) fn read_series(
        name: &str,
        keys: &mut SectionReader<'_>,
        filter: &FilterSection,
    ) -> Option<Self> {
        let (anomaly_score, alarms, alarms_for_all) = read_calibrated(keys, filter);
        keys.required("match", "app.*");
        let tags = keys.parsed("match", |text| tag_patterns("match", text));
        let has_windows = keys.given("measure").is_some();
        let windows = has_windows.then(|| WindowSettings::read(keys));
        if has_windows && alarms_for_all {
            keys.complain_about(
                "alarms",
                "`for all` goes with no `measure`: its windows are judged one by one",
            );
        }
        if !has_windows {
            for key in WINDOW_KEYS {
                keys.refuse(key, "goes with `measure`, which this section does not have");
            }
        }
        let value = read_value(keys, has_windows);
        let by = keys.parsed("by", |text| {
            text.split(',').map(str::trim).filter(|one| !one.is_empty()).map(accessor).collect()
        });
        let condition = keys.parsed("where", Condition::parse);
        let shares_without_by =
            keys.choice("without_by", &[("skip", false), ("share", true)]).unwrap_or(false);
        let time = keys.parsed("time", accessor);
        let measure = windows.as_ref().and_then(|windows| Some(windows.as_ref()?.measure.kind));
        let unit = read_unit(keys, measure);
        let prefix = read_prefix(keys).unwrap_or_default();
        let nulls = read_nulls(keys, Nulls::Skip);
        if has_windows && keys.text("nulls").is_some() {
            keys.complain_about(
                "nulls",
                "goes with `value`: a `measure` counts no record whose field is null",
            );
        }
        let warm_up = read_warm_up(keys).unwrap_or(true);
        let change_finder = read_change_finder(keys);
        Some(Self {
            name: name.to_owned(),
            kind: SectionKind::Series,
            tags: tags?,
            value: value?,
            unit,
            by: by.unwrap_or_default(),
            shares_without_by,
            source: None,
            condition,
            time,
            prefix,
            source_metric: None,
            nulls,
            evaluation_delay_seconds: None,
            warm_up,
            change_finder,
            anomaly_score,
            alarms,
            windows: match windows {
                Some(windows) => Some(Box::new(windows?)),
                None => None,
            },
            alarms_for_all,
        })
    }

    /// The fields that are read from a record.
    pub(super) fn inputs(&self) -> impl Iterator<Item = &Accessor> {
        let measured = match &self.windows {
            Some(windows) => windows.measure.field.as_ref(),
            None => Some(&self.value),
        };
        let conditions =
            self.condition.iter().chain(self.windows.iter().flat_map(|windows| &windows.measure.condition));
        self.by.iter().chain(measured).chain(&self.time).chain(conditions.flat_map(Condition::fields))
    }

    /// The section as the file heads it: `datadog.cpu`.
    #[must_use]
    pub fn title(&self) -> String {
        match self.kind {
            SectionKind::Datadog { .. } => format!("datadog.{}", self.name),
            SectionKind::Series => format!("series.{}", self.name),
        }
    }

    /// The names of the fields that are written into a record: ChangeFinder's four, `warming_up`, then `anomaly_score`,
    /// then what a budget of alarms adds. A section with windows writes one map, with `measure: patterns` a second one.
    #[must_use]
    pub fn annotation_names(&self) -> Vec<String> {
        if let Some(windows) = &self.windows {
            let names = ["anomaly_window", "anomaly_pattern"]
                .iter()
                .take(1 + usize::from(windows.patterns.is_some()));
            return names.map(|name| format!("{}{name}", self.prefix)).collect();
        }
        let calibrated: &[&str] = match (self.anomaly_score, self.alarms) {
            (false, _) => &[],
            (true, None) => &["anomaly_score"],
            (true, Some(_)) if self.alarms_for_all => {
                &["anomaly_score", "is_alarm", "alarm", "anomaly_reason", "anomaly_size", "incident"]
            }
            (true, Some(_)) => &["anomaly_score", "is_alarm", "alarm", "anomaly_reason", "anomaly_size"],
        };
        ["metric_outlier", "score_outlier", "metric_change", "score_change", "warming_up"]
            .iter()
            .chain(calibrated)
            .map(|name| format!("{}{name}", self.prefix))
            .collect()
    }

    /// The metric names under which the scores are known: the seed's `changefinder.outlier.<section>`, or with
    /// `metric_names: metric` the source metric in place of the section.
    #[must_use]
    pub fn metric_names(&self) -> [String; 2] {
        let name = self.source_metric.as_deref().unwrap_or(&self.name);
        ["outlier", "change"].map(|stage| format!("changefinder.{stage}.{name}"))
    }
}

/// Sections that a message names.
const MOST_NAMED: usize = 10;

#[inline(never)] // stack
fn there_are(sections: &[&Section]) -> String {
    let mut text = String::new();
    for section in sections.iter().take(MOST_NAMED) {
        text += if text.is_empty() { "; allowed: [" } else { ", [" };
        text += &section.title();
        text += "]";
    }
    text += if sections.len() > MOST_NAMED { " and more" } else { "" };
    text
}

/// The place of the section that a monitor or a group is `on`.
#[inline(never)] // stack
pub(super) fn section_named(on: &str, keys: &mut SectionReader<'_>, sections: &[&Section]) -> Option<usize> {
    let found = sections.iter().position(|section| section.name == on || section.title() == on);
    if found.is_none() {
        let names = sections.iter().map(|section| section.name.as_str());
        let hint = match nearest(on, names) {
            Some(near) => format!("; did you mean `{near}`?"),
            None => there_are(sections),
        };
        keys.complain_about("on", format!("there is no [datadog.{on}] and no [series.{on}]{hint}"));
    }
    found
}

/// Where a series with windows has its value: in the map that tells of a window.
const WINDOW_VALUE: &str = "$anomaly_window['value']";

fn read_value(keys: &mut SectionReader<'_>, has_windows: bool) -> Option<Accessor> {
    if !has_windows {
        keys.required("value", "$latency_ms");
        return keys.parsed("value", accessor);
    }
    if keys.text("value").is_some() {
        keys.complain_about("value", "a section has `value` or `measure`: leave one of them out");
    }
    Accessor::parse(WINDOW_VALUE).ok()
}

/// `prefix:`, which may be empty.
#[inline(never)] // stack
pub(super) fn read_prefix(keys: &mut SectionReader<'_>) -> Option<String> {
    keys.text("prefix").and_then(|_| keys.unquoted("prefix")).map(str::to_owned)
}

/// `unit:`, which goes with `value` and with what is measured of numbers.
fn read_unit(keys: &mut SectionReader<'_>, measure: Option<MeasureKind>) -> Option<Unit> {
    let unit = keys.parsed("unit", |text| {
        text.parse::<Unit>().map_err(|allowed| format!("{text:?} is not allowed; allowed is {allowed}"))
    })?;
    if measure.is_some_and(|kind| !kind.takes_numbers()) {
        keys.complain_about(
            "unit",
            "goes with `value`, or with a `measure` of numbers such as `p95 $latency`",
        );
    }
    Some(unit)
}

/// `anomaly_score` and `alarms` of a section, which go before those of `[filter]`; whether the budget is one for all series.
fn read_calibrated(
    keys: &mut SectionReader<'_>,
    filter: &FilterSection,
) -> (bool, Option<AlarmBudget>, bool) {
    let score = calibrated::anomaly_score(keys);
    let (alarms, for_all) = calibrated::alarms_of_series(keys);
    if score == Some(false) && matches!(alarms, Some(Some(_))) {
        keys.complain_about(
            "alarms",
            "a section with `anomaly_score: off` has no alarms: leave one of them out",
        );
    }
    let score = score.unwrap_or(filter.anomaly_score || matches!(alarms, Some(Some(_))));
    (score, alarms.unwrap_or(filter.alarms).filter(|_| score), for_all)
}

fn read_nulls(keys: &mut SectionReader<'_>, default: Nulls) -> Nulls {
    keys.choice("nulls", &[("skip", Nulls::Skip), ("zero", Nulls::Zero)]).unwrap_or(default)
}

/// A `[datadog.*]` section scores from its first point on, as the seed does, unless told otherwise.
fn read_warm_up(keys: &mut SectionReader<'_>) -> Option<bool> {
    keys.choice("warm_up", &[("on", true), ("off", false)])
}

/// The seed takes 0 for "not given"; so do we, for r, k, T1 and T2.
fn read_change_finder(keys: &mut SectionReader<'_>) -> ChangeFinderSettings {
    let r =
        keys.number("r", "a number above 0 and below 1 (0: the default, 0.02)", |r| (0.0..1.0).contains(&r));
    let k = keys.integer("k", 0..=MAX_ORDER as u64);
    let mut window = |key, default| {
        let given = keys.integer(key, 0..=MAX_WINDOW as u64).unwrap_or(0);
        if given == 0 { default } else { given as usize }
    };
    let outlier_window = window("T1", 10);
    let change_window = window("T2", 5);
    ChangeFinderSettings {
        discounting_rate: r.filter(|&r| r > 0.0).unwrap_or(0.02),
        order: k.filter(|&k| k > 0).map(|k| k as usize),
        outlier_window,
        change_window,
        ar: keys
            .choice("ar", &[("yule", ArEstimator::Yule), ("burg", ArEstimator::Burg)])
            .unwrap_or(ArEstimator::Yule),
        score_function: keys
            .choice("score", &[("logloss", ScoreFunction::LogLoss), ("hellinger", ScoreFunction::Hellinger)])
            .unwrap_or(ScoreFunction::LogLoss),
    }
}
