//! A monitor for a series, proved on the history of the series.
//!
//! [`crate::detector::band::suggest`] finds interval, season and algorithm. What is left, deviations, alert window and
//! threshold, decides how often the monitor alerts: candidates are run over the history, as the filter would run
//! them, and the one is taken that does best there.

use crate::detector::band::{self, Algorithm, Parameter, SuggestError, Suggestion, SuggestionReason};
use crate::detector::sort_points;
use crate::monitor::alert::Status;
use crate::monitor::backtest::{Backtest, BacktestEvent};
use crate::monitor::evaluate::SharedBand;
use crate::monitor::spec::{MonitorSpec, RawMonitor};
use crate::monitor::timeframe::{Timeframe, plain_duration};

/// Alerts a week that people bear from one series; so many may come from a shorter history, too.
const BEARABLE_A_WEEK: f64 = 2.0;
/// Seconds of a week.
const WEEK_S: f64 = 604_800.0;
/// Points that the candidates run over at most: the newest.
const MOST_POINTS: usize = 200_000;
/// Alert windows in points with their thresholds, from the one that alerts on least to the one that alerts on most.
const WINDOWS: [(u32, f64); 6] = [(5, 0.4), (5, 0.6), (15, 0.4), (5, 1.0), (15, 0.8), (15, 1.0)];
/// Deviations beside those that the noise asks for.
const WIDER_THAN_NOISE: f64 = 1.0;
const WIDEST: f64 = 3.0;
const WIDER: [f64; 3] = [0.0, WIDER_THAN_NOISE, WIDEST];
/// Alerts of the widest band that may all be right.
const CLEAR_A_WEEK: f64 = 7.0;

/// A time in which something was wrong, both ends in it, s, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownIncident {
    /// First second.
    pub from_s: i64,
    /// Last second.
    pub to_s: i64,
}

/// A candidate and what it made of the history.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// How the band is made.
    pub algorithm: Algorithm,
    /// Half-width of the band.
    pub deviations: f64,
    /// Alert window, s.
    pub alert_window_s: u32,
    /// Share of anomalous points in it that alerts.
    pub threshold: f64,
    /// Times that it went to ALERT.
    pub alerts: u32,
    /// Of these, the ones in no known incident.
    pub false_alerts: u32,
    /// Places of the known incidents that it hit.
    pub hits: Vec<usize>,
}

/// A monitor, why, and what else was tried.
#[derive(Debug, Clone, PartialEq)]
pub struct MonitorSuggestion {
    /// The band; deviations and algorithm as chosen. The reasons tell of the windows, too.
    pub band: Suggestion,
    /// The candidates; those that alert sooner first.
    pub candidates: Vec<Candidate>,
    /// The place of the chosen one.
    pub chosen: usize,
    /// Time of the history for which there was a band, s.
    pub judged_s: i64,
    /// Known incidents that lie where there was one.
    pub judged_incidents: usize,
}

impl MonitorSuggestion {
    /// The chosen candidate.
    #[must_use]
    pub fn choice(&self) -> &Candidate {
        // there is one: `suggest_monitor` tries at least a dozen
        &self.candidates[self.chosen]
    }

    /// The query of the monitor for a metric query.
    #[must_use]
    pub fn query(&self, metric: &str, direction: &str) -> String {
        query(&self.band, self.choice(), metric, direction)
    }

    /// Alerts of a candidate a week.
    #[must_use]
    pub fn alerts_a_week(&self, candidate: &Candidate) -> f64 {
        f64::from(candidate.alerts) * WEEK_S / (self.judged_s as f64).max(WEEK_S / 7.0)
    }
}

/// Suggests a monitor from `values` (not finite: missing) at `times` (s, UTC, in any order), and from what is known to
/// have been wrong.
///
/// # Errors
/// As [`band::suggest`].
///
/// ```
/// use fluent_anomaly::monitors::suggest_monitor;
/// let times: Vec<i64> = (0..2_000).map(|i| i * 60).collect();
/// let values: Vec<f64> = (0..2_000).map(|i| if i == 900 { 90.0 } else { 20.0 + ((i * 7919) % 13) as f64 }).collect();
/// let suggestion = suggest_monitor(&times, &values, &[], "both")?;
/// assert!(suggestion.query("avg:x{*}", "both").starts_with("avg(last_4h):anomalies(avg:x{*}, 'basic', "));
/// # Ok::<(), fluent_anomaly::detectors::SuggestError>(())
/// ```
pub fn suggest_monitor(
    times: &[i64],
    values: &[f64],
    known: &[KnownIncident],
    direction: &str,
) -> Result<MonitorSuggestion, SuggestError> {
    let band = band::suggest(times, values)?;
    let mut points: Vec<(i64, f64)> = times.iter().copied().zip(values.iter().copied()).collect();
    sort_points(&mut points);
    let points = points.split_off(points.len().saturating_sub(MOST_POINTS));

    let mut algorithms = vec![band.algorithm];
    if !known.is_empty() && band.algorithm != Algorithm::Basic {
        algorithms.extend(
            [Algorithm::Agile, Algorithm::Robust].into_iter().filter(|&other| other != band.algorithm),
        );
    }
    let mut candidates = candidates(&band, &algorithms);
    let tried = try_out(&band, &mut candidates, &points, known, direction);
    let mut suggestion = MonitorSuggestion {
        band,
        candidates,
        chosen: 0,
        judged_s: tried.judged_s,
        judged_incidents: tried.judged_incidents,
    };
    suggestion.chosen = choose(&suggestion);
    explain(&mut suggestion, !known.is_empty());
    Ok(suggestion)
}

fn candidates(band: &Suggestion, algorithms: &[Algorithm]) -> Vec<Candidate> {
    let mut all = Vec::new();
    for &algorithm in algorithms {
        for (points, threshold) in WINDOWS {
            let alert_window_s = band.interval_s.saturating_mul(points);
            for wider in WIDER {
                all.push(Candidate {
                    algorithm,
                    deviations: band.deviations + wider,
                    alert_window_s,
                    threshold,
                    alerts: 0,
                    false_alerts: 0,
                    hits: Vec::new(),
                });
            }
        }
    }
    all
}

fn query(band: &Suggestion, candidate: &Candidate, metric: &str, direction: &str) -> String {
    let alert_s = candidate.alert_window_s;
    let window = |seconds: u32| {
        Timeframe::from_seconds(seconds.max(1)).map_or("last_31d".to_owned(), |w| w.to_string())
    };
    let shown_s = alert_s.saturating_mul(5).max(4 * 3600);
    let season = match band.seasonality {
        Some(season) if candidate.algorithm != Algorithm::Basic => {
            format!(", seasonality='{}'", season.name())
        }
        _ => String::new(),
    };
    format!(
        "avg({}):anomalies({metric}, '{}', {}, direction='{direction}', alert_window='{}', interval={}, count_default_zero='true'{season}) >= {}",
        window(shown_s),
        candidate.algorithm.name(),
        candidate.deviations,
        window(alert_s),
        band.interval_s,
        candidate.threshold
    )
}

/// What all candidates have in common.
#[derive(Debug, Clone, Copy, Default)]
struct TriedOut {
    judged_s: i64,
    judged_incidents: usize,
}

fn try_out(
    band: &Suggestion,
    candidates: &mut [Candidate],
    points: &[(i64, f64)],
    known: &[KnownIncident],
    direction: &str,
) -> TriedOut {
    let checked: Vec<(usize, MonitorSpec)> = candidates
        .iter()
        .enumerate()
        .filter_map(|(at, candidate)| {
            let mut raw = RawMonitor::default();
            raw.set("query", query(band, candidate, "avg:metric{*}", direction));
            Some((at, MonitorSpec::check(&raw).ok()?))
        })
        .collect();
    let mut tried = TriedOut::default();
    let places: Vec<usize> = checked.iter().map(|&(at, _)| at).collect();
    for (shared, members) in SharedBand::group(checked.into_iter().map(|(_, spec)| spec)) {
        let mut episodes: Vec<Episodes> = vec![Episodes::default(); members.len()];
        let mut first_band_s = None;
        let mut backtest = Backtest::new(&shared);
        for &(time_s, value) in points {
            backtest.point(time_s, value, |time_s, place, event| {
                let status = match event {
                    BacktestEvent::Point(said) => {
                        if said.band.is_some() {
                            first_band_s.get_or_insert(time_s);
                        }
                        said.status
                    }
                    BacktestEvent::Silence(said) => said.status,
                };
                if let Some(episodes) = episodes.get_mut(place) {
                    episodes.add(time_s, status);
                }
            });
        }
        let (Some(first_s), Some(&(last_s, _))) = (first_band_s, points.last()) else { continue };
        tried.judged_s = tried.judged_s.max(last_s.saturating_sub(first_s));
        tried.judged_incidents =
            tried.judged_incidents.max(known.iter().filter(|incident| incident.to_s >= first_s).count());
        for (episodes, member) in episodes.into_iter().zip(members) {
            if let Some(candidate) = places.get(member).and_then(|&at| candidates.get_mut(at)) {
                candidate.judge(&episodes, known, band.interval_s);
            }
        }
    }
    tried
}

/// Stretches of ALERT.
#[derive(Debug, Clone, Default)]
struct Episodes {
    stretches: Vec<(i64, i64)>,
    is_open: bool,
}

impl Episodes {
    fn add(&mut self, time_s: i64, status: Status) {
        if status != Status::Alert {
            self.is_open = false;
            return;
        }
        match self.stretches.last_mut() {
            Some((_, to_s)) if self.is_open => *to_s = time_s,
            _ => self.stretches.push((time_s, time_s)),
        }
        self.is_open = true;
    }
}

impl Candidate {
    /// An alert belongs to an incident until its window has left it.
    fn judge(&mut self, episodes: &Episodes, known: &[KnownIncident], interval_s: u32) {
        let tail_s = i64::from(self.alert_window_s) + i64::from(interval_s);
        let meets = |&(from_s, to_s): &(i64, i64), incident: &KnownIncident| {
            from_s <= incident.to_s.saturating_add(tail_s) && to_s >= incident.from_s
        };
        self.alerts = u32::try_from(episodes.stretches.len()).unwrap_or(u32::MAX);
        self.hits = (0..known.len())
            .filter(|&at| episodes.stretches.iter().any(|stretch| meets(stretch, &known[at])))
            .collect();
        let missed = episodes.stretches.iter().filter(|stretch| !known.iter().any(|one| meets(stretch, one)));
        self.false_alerts = u32::try_from(missed.count()).unwrap_or(u32::MAX);
    }
}

/// With known incidents the best F1 of incidents hit and alerts that were right.
///
/// Without, the history itself has to tell: what leaves a far wider band is no noise. So the first choice is the widest
/// band with alerts, unless they come more than once a day; the next is the band one deviation wider than the noise asks
/// for, with alerts that people can bear, or quiet. Where all alert too often it is the one with the fewest alerts.
fn choose(suggestion: &MonitorSuggestion) -> usize {
    let candidates = &suggestion.candidates;
    if suggestion.judged_incidents > 0 {
        let f1 = |candidate: &Candidate| {
            let hits = candidate.hits.len() as f64;
            2.0 * hits / (hits + suggestion.judged_incidents as f64 + f64::from(candidate.false_alerts))
        };
        let own = |candidate: &Candidate| candidate.algorithm == suggestion.band.algorithm;
        // of equals the algorithm that the noise asks for, and the widest band
        return (0..candidates.len())
            .max_by(|&a, &b| {
                let (a, b) = (&candidates[a], &candidates[b]);
                f1(a).total_cmp(&f1(b)).then(own(a).cmp(&own(b))).then(a.deviations.total_cmp(&b.deviations))
            })
            .unwrap_or(0);
    }
    let weeks = (suggestion.judged_s as f64 / WEEK_S).max(1.0);
    let with = |wider: f64, most: f64, least: u32| {
        candidates.iter().position(|candidate| {
            candidate.deviations == suggestion.band.deviations + wider
                && candidate.alerts >= least
                && f64::from(candidate.alerts) <= most
        })
    };
    let bearable = BEARABLE_A_WEEK * weeks;
    with(WIDEST, CLEAR_A_WEEK * weeks, 1)
        .or_else(|| with(WIDER_THAN_NOISE, bearable, 1))
        .or_else(|| with(WIDER_THAN_NOISE, bearable, 0))
        .or_else(|| (0..candidates.len()).min_by_key(|&at| candidates[at].alerts))
        .unwrap_or(0)
}

fn explain(suggestion: &mut MonitorSuggestion, with_incidents: bool) {
    let choice = suggestion.choice().clone();
    let week = suggestion.alerts_a_week(&choice);
    let judged = plain_duration((suggestion.judged_s.max(0) as u64).div_ceil(3600) * 3600);
    let alerts = match choice.alerts {
        0 => format!("it would not have alerted in the {judged} with a band"),
        1 => format!("it would have alerted once in the {judged} with a band"),
        n => format!("it would have alerted {n} times in the {judged} with a band, {week:.1} a week"),
    };
    let hits = if with_incidents {
        format!(
            "; {} of {} known incidents hit, {} false alerts",
            choice.hits.len(),
            suggestion.judged_incidents,
            choice.false_alerts
        )
    } else {
        String::new()
    };
    let mut because = |about, text| suggestion.band.reasons.push(SuggestionReason { about, text });
    if choice.algorithm != suggestion.band.algorithm {
        because(
            Parameter::Algorithm,
            format!("{} does better on the known incidents", choice.algorithm.name()),
        );
        suggestion.band.algorithm = choice.algorithm;
    }
    if choice.deviations != suggestion.band.deviations {
        because(
            Parameter::Deviations,
            format!("{} rather than {}: tried on the history", choice.deviations, suggestion.band.deviations),
        );
        suggestion.band.deviations = choice.deviations;
    }
    let window = plain_duration(choice.alert_window_s.into());
    because(Parameter::AlertWindow, format!("{window}: {alerts}{hits}"));
    because(
        Parameter::Threshold,
        format!("{:.0} % of the points of {window} have to be outside", 100.0 * choice.threshold),
    );
}
