//! One series under changing parameters.
//!
//! Monitors run through [`Backtest`], which is what `fluent-anomaly monitor eval` runs: the numbers are the same. Scores
//! do not depend on the monitor and are kept as long as ChangeFinder's parameters stay.

use fluent_anomaly::Time;
use fluent_anomaly::configuration::ChangeFinderSettings;
use fluent_anomaly::detectors::SuggestError;
use fluent_anomaly::monitors::{
    Backtest, BacktestEvent, KnownIncident, MonitorSuggestion, SharedBand, Status, Transition,
    suggest_monitor,
};
use fluent_anomaly::series::Observation;
use fluent_anomaly::series::{ScoreOutcome, ScoredSeries};
use thiserror::Error;

use crate::alarms::Alarms;
use crate::evaluation::{Columns, Evaluation, NOT_JUDGED, Summary, status_number};
use crate::settings::Checked;

/// Latest and earliest time, s.
const FARTHEST_S: f64 = 9_007_199_254_740_992.0;

/// Why points make no series.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum SeriesError {
    /// Times and values come in pairs.
    #[error("{times} times and {values} values: one value for each time")]
    Unequal {
        /// Length of the one.
        times: usize,
        /// Length of the other.
        values: usize,
    },
    /// A time is no number of seconds.
    #[error("time of point {at}: {given} is not allowed; allowed are whole seconds since 1970 within +-2^53")]
    Time {
        /// Place, from 0.
        at: usize,
        /// As given.
        given: f64,
    },
}

/// A series that is evaluated again and again.
#[derive(Debug, Clone)]
pub struct Preview {
    times: Vec<i64>, // s, UTC
    values: Vec<f64>,
    until_s: i64, // time passes until here; at least the last of `times`
    scores: Option<Scores>,
}

#[derive(Debug, Clone)]
struct Scores {
    settings: ChangeFinderSettings,
    outlier: Vec<f64>,
    change: Vec<f64>,
}

impl Preview {
    /// Takes the points of a series: whole seconds since 1970, and values. A value that is not finite is missing.
    ///
    /// # Errors
    /// [`SeriesError`] when the lengths differ or a time is no whole number of seconds.
    pub fn new(times: &[f64], values: &[f64]) -> Result<Self, SeriesError> {
        if times.len() != values.len() {
            return Err(SeriesError::Unequal { times: times.len(), values: values.len() });
        }
        let whole = |(at, &given): (usize, &f64)| {
            let allowed = given.abs() <= FARTHEST_S && given == given.trunc();
            if allowed { Ok(given as i64) } else { Err(SeriesError::Time { at, given }) }
        };
        let times: Vec<i64> = times.iter().enumerate().map(whole).collect::<Result<_, _>>()?;
        let until_s = times.iter().max().copied().unwrap_or(i64::MIN);
        Ok(Self { times, values: values.to_vec(), until_s, scores: None })
    }

    /// Lets time pass behind the last point: silence until `until_s` (s, UTC), the end of other series for example.
    #[must_use]
    pub fn until(mut self, until_s: f64) -> Self {
        self.until_s = self.until_s.max(until_s.clamp(-FARTHEST_S, FARTHEST_S) as i64);
        self
    }

    /// Runs a monitor and ChangeFinder over all points.
    #[must_use]
    pub fn evaluate(&mut self, checked: &Checked) -> Evaluation {
        let Rows { mut columns, summary } = self.judge(checked);
        let scores = self.scores(checked);
        columns.outlier = scores.outlier.clone();
        columns.change = scores.change.clone();
        Evaluation { columns, summary }
    }

    /// Runs a monitor alone over all points, and counts.
    #[must_use]
    pub fn summary(&self, checked: &Checked) -> Summary {
        self.judge(checked).summary
    }

    fn judge(&self, checked: &Checked) -> Rows {
        let plan = SharedBand::new(checked.monitor.clone());
        let mut backtest = Backtest::new(&plan);
        let mut rows =
            Rows { columns: Columns::with_capacity(self.times.len()), summary: Summary::default() };
        for (&time, &value) in self.times.iter().zip(&self.values) {
            let in_time = backtest.point(time, value, |time, _, event| rows.add(time, event));
            rows.summary.late += u32::from(!in_time && value.is_finite());
        }
        if !self.times.is_empty() {
            backtest.pass(self.until_s, |time, _, event| rows.add(time, event));
        }
        rows
    }

    /// Scores all points under a budget of alarms; without a budget there is nothing to say.
    #[must_use]
    pub fn alarms(&self, checked: &Checked) -> Alarms {
        match checked.budget {
            None => Alarms::default(),
            Some(_) if checked.for_all => Alarms::candidates(&self.times, &self.values),
            Some(budget) => Alarms::of(&self.times, &self.values, budget),
        }
    }

    /// Suggests a monitor from the whole series and what is known to have been wrong, each parameter with its reasons:
    /// what `fluent-anomaly monitor suggest` says.
    ///
    /// # Errors
    /// [`SuggestError`] when there are too few points.
    pub fn suggest(&self, known: &[KnownIncident]) -> Result<MonitorSuggestion, SuggestError> {
        suggest_monitor(&self.times, &self.values, known, "both")
    }

    /// Times (s, UTC) and values.
    pub(crate) fn points(&self) -> (&[i64], &[f64]) {
        (&self.times, &self.values)
    }

    fn scores(&mut self, checked: &Checked) -> &Scores {
        let kept = self.scores.take().filter(|kept| kept.settings == checked.change_finder);
        let scores = kept.unwrap_or_else(|| self.score(checked));
        self.scores.insert(scores)
    }

    fn score(&self, checked: &Checked) -> Scores {
        let mut track = ScoredSeries::new(&checked.scores);
        let points = self.times.iter().zip(&self.values);
        let (outlier, change) = points
            .map(|(&time, &value)| {
                let observation = Observation { time: Time::from_seconds(time), value, source: 0 };
                match track.update(&checked.scores, observation, &mut None) {
                    ScoreOutcome::Scored(scores) => (scores.outlier, scores.change),
                    _ => (f64::NAN, f64::NAN),
                }
            })
            .unzip();
        Scores { settings: checked.change_finder, outlier, change }
    }
}

/// An evaluation in the making.
struct Rows {
    columns: Columns,
    summary: Summary,
}

impl Rows {
    fn add(&mut self, time_s: i64, event: BacktestEvent) {
        let Self { columns, summary } = self;
        let (value, band, anomalous, status, share, transition) = match event {
            BacktestEvent::Point(said) => {
                summary.points += 1;
                (said.value, said.band, said.is_anomaly, said.status, said.share, said.transition)
            }
            BacktestEvent::Silence(said) => (f64::NAN, None, false, said.status, said.share, said.transition),
        };
        summary.judged += u32::from(band.is_some());
        summary.anomalous += u32::from(anomalous);
        if let Some(Transition { to, .. }) = transition {
            summary.alerts += u32::from(to == Status::Alert);
            summary.warnings += u32::from(to == Status::Warn);
        }
        let [expected, lower, upper] =
            band.map_or([f64::NAN; 3], |band| [band.expected, band.lower, band.upper]);
        columns.time.push(time_s as f64);
        columns.value.push(value);
        columns.expected.push(expected);
        columns.lower.push(lower);
        columns.upper.push(upper);
        columns.share.push(share);
        columns.anomalous.push(u8::from(anomalous));
        let is_unjudged = band.is_none() && !value.is_nan() && status == Status::Ok;
        columns.status.push(if is_unjudged { NOT_JUDGED } else { status_number(status) });
    }
}

impl Columns {
    fn with_capacity(points: usize) -> Self {
        let numbers = || Vec::with_capacity(points);
        Self {
            time: numbers(),
            value: numbers(),
            expected: numbers(),
            lower: numbers(),
            upper: numbers(),
            share: numbers(),
            anomalous: Vec::with_capacity(points),
            status: Vec::with_capacity(points),
            outlier: Vec::new(),
            change: Vec::new(),
        }
    }
}
