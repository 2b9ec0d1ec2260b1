//! Parameters of a band from the history of a series, each with its reason.
//!
//! Three fixed seasons are tried, and each is judged by how well the profile of its past seasons forecasts the shape
//! of the next one; no period is searched for. What is left to choose is decided by running the bands over
//! the history.

use thiserror::Error;

use super::rollup::{buckets, interval_that_fills};
use super::season::Seasonality;
use super::seasonality::{Skill, skill};
use super::spec::{Algorithm, BandSpec};
use super::{BandEngine, BandSpecError};
use crate::detector::{sort_numbers, sort_points};

/// Fewest points that say anything.
const LEAST_POINTS: usize = 60;
/// How much of what a season leaves unexplained may be left by a longer one.
const LONGER_IS_BETTER: f64 = 0.85;
/// Shares outside two deviations: usual at most, and too much.
const USUAL: f64 = 0.06;
const TOO_MUCH: f64 = 0.09;
/// Errors of robust, in those of agile, from which the level counts as drifting.
const DRIFT: f64 = 1.2;
/// Points of the alert window that the trial runs assume.
const WINDOW: u32 = 15;

/// Why nothing can be suggested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SuggestError {
    /// Times and values come in pairs.
    #[error("history of {times} times and {values} values: one value for each time")]
    Unequal {
        /// Length of the one.
        times: usize,
        /// Length of the other.
        values: usize,
    },
    /// Too few finite values at different times.
    #[error("history of {0} points with a finite value at a time of its own: at least 60")]
    TooShort(usize),
    /// The points are too far apart for any band.
    #[error("no band for the interval that the history allows: {0}")]
    BandSpec(#[from] BandSpecError),
}

/// What a [`SuggestionReason`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parameter {
    /// Seconds of a bucket.
    Interval,
    /// Season, or none.
    Seasonality,
    /// Basic, agile or robust.
    Algorithm,
    /// Half-width of the band.
    Deviations,
    /// Points in which anomalies are counted.
    AlertWindow,
    /// Share of them that alerts.
    Threshold,
}

impl Parameter {
    /// Its name in configurations and queries.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Interval => "interval",
            Self::Seasonality => "seasonality",
            Self::Algorithm => "algorithm",
            Self::Deviations => "deviations",
            Self::AlertWindow => "alert_window",
            Self::Threshold => "threshold",
        }
    }
}

/// Why a parameter was chosen, in plain words with the figures behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuggestionReason {
    /// The parameter.
    pub about: Parameter,
    /// One sentence.
    pub text: String,
}

/// Parameters for a series.
#[derive(Debug, Clone, PartialEq)]
pub struct Suggestion {
    /// Seconds of a bucket.
    pub interval_s: u32,
    /// None goes with basic.
    pub seasonality: Option<Seasonality>,
    /// The algorithm.
    pub algorithm: Algorithm,
    /// 2 or 3.
    pub deviations: f64,
    /// One or more for each parameter, in the order of the fields.
    pub reasons: Vec<SuggestionReason>,
}

/// Suggests parameters from `values` (not finite: left out) at `times` (s, UTC, in any order).
///
/// A season is considered from three of its length on; that much a band needs, too.
///
/// # Errors
/// Slices of different length, fewer than 60 usable points.
///
/// ```
/// use fluent_anomaly::detectors::{Algorithm, suggest};
/// let times: Vec<i64> = (0..600).map(|i| i * 60).collect();
/// let values: Vec<f64> = (0..600).map(|i| 20.0 + ((i * 7919) % 13) as f64).collect();
/// let suggestion = suggest(&times, &values)?;
/// assert_eq!((suggestion.algorithm, suggestion.interval_s), (Algorithm::Basic, 60));
/// # Ok::<(), fluent_anomaly::detectors::SuggestError>(())
/// ```
pub fn suggest(times: &[i64], values: &[f64]) -> Result<Suggestion, SuggestError> {
    if times.len() != values.len() {
        return Err(SuggestError::Unequal { times: times.len(), values: values.len() });
    }
    let mut points: Vec<(i64, f64)> = times
        .iter()
        .zip(values)
        .filter(|(_, y)| y.is_finite())
        .map(|(&time, &y)| (time, y.clamp(-super::LARGEST, super::LARGEST)))
        .collect();
    sort_points(&mut points);
    let distinct = points.chunk_by(|a, b| a.0 == b.0).count();
    if distinct < LEAST_POINTS {
        return Err(SuggestError::TooShort(distinct));
    }

    let mut reasons = Vec::new();
    let mut because = |about, text| reasons.push(SuggestionReason { about, text });

    let (mut interval, spacing) = interval_that_fills(&points);
    because(
        Parameter::Interval,
        if i64::from(interval) < spacing {
            format!("points come every {spacing} s or so; buckets of {interval} s are the longest")
        } else {
            format!("points come every {spacing} s or so; buckets of {interval} s hold one nearly always")
        },
    );
    let seasonality = choose_season(&points, interval, &mut because);
    let coarsest = match seasonality {
        Some(Seasonality::Weekly) => 300,
        _ => 60,
    };
    if seasonality.is_some() && interval < coarsest {
        interval = coarsest;
        because(
            Parameter::Interval,
            format!("{interval} s is fine enough for the season, and costs less memory"),
        );
    }

    let history = buckets(&points, interval);
    let algorithm = choose_algorithm(seasonality, interval, &history, &mut because)?;
    let trial = trial(&BandSpec::new(algorithm, seasonality, interval, WINDOW)?, &history);
    let deviations = if trial.middle_outside <= USUAL { 2.0 } else { 3.0 };
    because(
        Parameter::Deviations,
        format!(
            "{:.1} % of the points lie outside 2 deviations in half of the seasons ({:.1} % in all), {:.1} % outside 3; {}",
            100.0 * trial.middle_outside,
            100.0 * trial.outside.0,
            100.0 * trial.outside.1,
            if deviations < 3.0 {
                "chance alone makes 4.6 % and 0.3 %"
            } else {
                "2 would alarm at what is usual"
            }
        ),
    );
    Ok(Suggestion { interval_s: interval, seasonality, algorithm, deviations, reasons })
}

fn choose_season(
    points: &[(i64, f64)],
    interval: u32,
    because: &mut impl FnMut(Parameter, String),
) -> Option<Seasonality> {
    let mut best: Option<(Seasonality, f64)> = None;
    for season in [Seasonality::Hourly, Seasonality::Daily, Seasonality::Weekly] {
        let name = season.name();
        if season.seconds() / interval < BandSpec::LEAST_BUCKETS {
            because(
                Parameter::Seasonality,
                format!("not {name}: buckets of {interval} s are too long for it"),
            );
            continue;
        }
        // a minute is fine enough to see the shape of a day, five of a week
        let grid = interval.max(season.seconds() / 2_016).max(60.min(season.seconds() / 60));
        match skill(&buckets(points, grid), grid, season) {
            Skill::TooShort => because(
                Parameter::Seasonality,
                format!("not {name}: the history has no three seasons of {} s", season.seconds()),
            ),
            Skill::Explains { share, needed } if share < needed => because(
                Parameter::Seasonality,
                format!(
                    "not {name}: past seasons explain {:.0} % of the next one's shape",
                    100.0 * share.max(0.0)
                ),
            ),
            Skill::Explains { share, .. } => {
                // like with like: coarse buckets have less noise, and leave less unexplained
                let shorter = best.map(|(shorter, _)| {
                    let on_this_grid = match skill(&buckets(points, grid), grid, shorter) {
                        Skill::Explains { share, .. } => share,
                        Skill::TooShort => 0.0,
                    };
                    (shorter, on_this_grid)
                });
                if shorter.is_none_or(|(_, s)| 1.0 - share < LONGER_IS_BETTER * (1.0 - s)) {
                    best = Some((season, share));
                    because(
                        Parameter::Seasonality,
                        format!(
                            "{name}: past seasons explain {:.0} % of the next one's shape",
                            100.0 * share
                        ),
                    );
                } else if let Some((shorter, _)) = shorter {
                    because(
                        Parameter::Seasonality,
                        format!("not {name}: it explains little more than {} does", shorter.name()),
                    );
                }
            }
        }
    }
    best.map(|(season, _)| season)
}

fn choose_algorithm(
    seasonality: Option<Seasonality>,
    interval: u32,
    history: &[(i64, f64)],
    because: &mut impl FnMut(Parameter, String),
) -> Result<Algorithm, BandSpecError> {
    let Some(season) = seasonality else {
        because(Parameter::Algorithm, "basic: no season was found, and basic needs none".to_owned());
        return Ok(Algorithm::Basic);
    };
    let run = |algorithm| Ok(trial(&BandSpec::new(algorithm, Some(season), interval, WINDOW)?, history));
    let (agile, robust) = (run(Algorithm::Agile)?, run(Algorithm::Robust)?);
    if robust.error.is_none() {
        let text = "robust: nothing is left of the history behind warm-up to see whether the level drifts";
        because(Parameter::Algorithm, text.to_owned());
        return Ok(Algorithm::Robust);
    }
    let (agile_error, robust_error) = (agile.error.unwrap_or(0.0), robust.error.unwrap_or(0.0));
    let drifts =
        robust_error > DRIFT * agile_error || robust.usual_outside > TOO_MUCH.max(1.5 * agile.usual_outside);
    let (name, why) = if drifts { ("agile", "the level drifts") } else { ("robust", "the level is stable") };
    because(
        Parameter::Algorithm,
        format!(
            "{name}: {why}; in most seasons robust is off by up to {robust_error:.3} on average and leaves up to {:.1} % outside 2 deviations, agile {agile_error:.3} and {:.1} %",
            100.0 * robust.usual_outside,
            100.0 * agile.usual_outside
        ),
    );
    Ok(if drifts { Algorithm::Agile } else { Algorithm::Robust })
}

/// How a band does on the history.
#[derive(Debug, Clone, Copy)]
struct Trial {
    /// Shares outside two and three deviations, 0..=1.
    outside: (f64, f64),
    /// Share outside two deviations that half of the seasons stay below.
    middle_outside: f64,
    /// Share outside two deviations and mean absolute error that two thirds of the seasons stay below: one shift
    /// of the level is no drift. No error where the history ends with warm-up.
    usual_outside: f64,
    error: Option<f64>,
}

fn trial(spec: &BandSpec, history: &[(i64, f64)]) -> Trial {
    let mut engine = BandEngine::new(spec);
    let season = spec.buckets().max(60) as usize;
    let (mut points, mut outside) = (0.0f64, (0.0, 0.0));
    let (mut shares, mut errors) = (Vec::new(), Vec::new());
    for chunk in history.chunks(season) {
        let (mut n, mut two, mut three, mut error) = (0.0f64, 0.0, 0.0, 0.0);
        for &(bucket, y) in chunk {
            if let Some(prediction) = engine.predict(spec, bucket, 0) {
                n += 1.0;
                two += f64::from(u8::from(!prediction.bounds(2.0).contains(y)));
                three += f64::from(u8::from(!prediction.bounds(3.0).contains(y)));
                error += (y - prediction.expected).abs();
            }
            engine.update(spec, bucket, 0, y);
        }
        if n > 0.0 {
            shares.push(two / n);
            errors.push(error / n);
        }
        points += n;
        outside = (outside.0 + two, outside.1 + three);
    }
    let all = points.max(1.0);
    Trial {
        outside: (outside.0 / all, outside.1 / all),
        middle_outside: quantile(&mut shares, 1, 2).unwrap_or(0.0),
        usual_outside: quantile(&mut shares, 2, 3).unwrap_or(0.0),
        error: quantile(&mut errors, 2, 3),
    }
}

/// The value that `part` of each `of` others stay below.
fn quantile(values: &mut [f64], part: usize, of: usize) -> Option<f64> {
    sort_numbers(values);
    values.get(values.len().saturating_sub(1) * part / of).copied()
}
