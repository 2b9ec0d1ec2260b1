//! From texts to a [`MonitorSpec`]: each value, then what goes together.

use super::raw::unescape;
use super::{MOST_OPEN_BUCKETS, MonitorProblem, MonitorSpec, RawMonitor};
use crate::codec::FloatText;
use crate::detector::band::{self, Algorithm};
use crate::monitor::query::{self, AnomalyQuery, Direction, Seasonality};
use crate::monitor::text::shorten;
use crate::monitor::timeframe::{Timeframe, plain_duration, recovery_range};
use crate::monitor::zone::Zone;

/// Longest `evaluation_delay` and `no_data_timeframe`: a day, as in Datadog. s and min.
const DAY_S: u32 = 86_400;
const DAY_MIN: u32 = 1440;
/// Longest `new_group_delay`, s, and `renotify_interval`, min: a week.
const WEEK_S: u32 = 604_800;
const WEEK_MIN: u32 = 10_080;

struct KeyChecker<'a> {
    raw: &'a RawMonitor,
    problems: Vec<MonitorProblem>,
}

impl MonitorSpec {
    /// Checks a section and fills in what it leaves out.
    ///
    /// Left out: `critical` is the query's threshold, recovery thresholds are 0, `recovery_window` is the alert
    /// window, `no_data_timeframe` twice that (1 day at most), all else is off.
    ///
    /// ```
    /// use fluent_anomaly::monitors::{MonitorSpec, RawMonitor};
    /// let mut raw = RawMonitor::default();
    /// raw.set("query", "avg(last_1d):anomalies(avg:x{*}, 'basic', 3, alert_window='last_4h', interval=60) >= 0.5");
    /// raw.set("recovery_window", "last_2h");
    /// let problems = MonitorSpec::check(&raw).unwrap_err();
    /// assert_eq!(
    ///     problems[0].to_string(),
    ///     "recovery_window: last_2h is not allowed; allowed is 121 to 240 min \
    ///      (trigger window x (1 - critical) + 1 min to the trigger window)"
    /// );
    /// ```
    ///
    /// # Errors
    /// Every problem at once; never an empty list.
    pub fn check(raw: &RawMonitor) -> Result<Self, Vec<MonitorProblem>> {
        let mut reading = KeyChecker { raw, problems: Vec::new() };
        let query = reading.query();
        Self::check_around(query, reading)
    }

    /// All but the query itself. Apart, as the two together would need half of the interpreter's stack of 8 KiB.
    #[inline(never)] // speed: keeps the usual way small
    fn check_around(
        query: Option<AnomalyQuery>,
        mut reading: KeyChecker<'_>,
    ) -> Result<Self, Vec<MonitorProblem>> {
        let raw = reading.raw;
        let critical = reading.share("critical", false);
        let warning = reading.share("warning", false);
        let critical_recovery = reading.share("critical_recovery", true);
        let warning_recovery = reading.share("warning_recovery", true);
        let trigger_window = reading.window("trigger_window");
        let recovery_window = reading.window("recovery_window");
        let direction = reading.word("direction", "above, below or both", Direction::from_word);
        let require_full_window = reading.flag("require_full_window");
        let notify_no_data = reading.flag("notify_no_data");
        let new_group_delay_s = reading.number("new_group_delay", "s", 0, WEEK_S);
        let evaluation_delay_s = reading.number("evaluation_delay", "s", 0, DAY_S);
        let no_data_timeframe_min = reading.number("no_data_timeframe", "min", 1, DAY_MIN);
        let renotify_interval_min = reading.number("renotify_interval", "min", 0, WEEK_MIN);
        let timeout_h = reading.number("timeout_h", "h", 0, 24);
        let priority = reading.number("priority", "", 1, 5);
        let zone = reading.zone();
        let tags = list(raw.tags.as_deref());
        reading.warning(critical.or(query.as_ref().map(|query| query.threshold)), warning, warning_recovery);
        let Some((mut query, band)) = query.and_then(|query| reading.band(query)) else {
            return Err(reading.problems);
        };

        reading.critical(&query, critical, critical_recovery);
        reading.trigger(&query, trigger_window);
        reading.direction(&mut query, direction);
        let zone = reading.season_zone(&mut query, zone);
        let fallback = reading.fallback(&band);
        reading.delay(&query, evaluation_delay_s);
        reading.no_data(&query, no_data_timeframe_min);
        let critical_recovery = critical_recovery.unwrap_or(0.0);
        let recovery_window = reading.recovery(&query, recovery_window, critical_recovery);
        let alert_min = query.alert_window.seconds().div_ceil(60);
        let spec = MonitorSpec {
            name: raw.name.as_deref().map(unescape),
            band,
            critical: query.threshold,
            critical_recovery,
            warning,
            warning_recovery: warning_recovery.unwrap_or(0.0),
            recovery_window,
            require_full_window: require_full_window.unwrap_or(false),
            new_group_delay_s: new_group_delay_s.unwrap_or(0),
            evaluation_delay_s: evaluation_delay_s.unwrap_or(0),
            notify_no_data: notify_no_data.unwrap_or(false),
            no_data_timeframe_min: no_data_timeframe_min.unwrap_or((2 * alert_min).min(DAY_MIN)),
            renotify_interval_min: renotify_interval_min.filter(|minutes| *minutes > 0),
            timeout_h: timeout_h.filter(|hours| *hours > 0),
            fallback,
            message: unescape(raw.message.as_deref().unwrap_or("")),
            tags,
            priority: priority.and_then(|priority| u8::try_from(priority).ok()),
            zone,
            query,
        };
        if reading.problems.is_empty() { Ok(spec) } else { Err(reading.problems) }
    }
}

fn list(text: Option<&str>) -> Vec<String> {
    text.unwrap_or("").split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(unescape).collect()
}

/// KeyChecker single values.
impl KeyChecker<'_> {
    fn text(&self, key: &str) -> Option<&str> {
        self.raw.get(key).map(str::trim)
    }

    fn refuse(&mut self, key: &'static str, allowed: impl Into<String>) {
        let given = match self.text(key) {
            None => "nothing".to_owned(),
            Some("") => "an empty value".to_owned(),
            Some(text) => shorten(text, 60),
        };
        self.problems.push(MonitorProblem::NotAllowed { key, given, allowed: allowed.into() });
    }

    fn query(&mut self) -> Option<AnomalyQuery> {
        let Some(text) = self.text("query").filter(|text| !text.is_empty()) else {
            let allowed = "avg(<query_window>):anomalies(<metric query>, '<algorithm>', <deviations>, ...) >= <threshold>";
            self.problems.push(MonitorProblem::Missing { key: "query", allowed });
            return None;
        };
        // a section may break the line
        let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        match query::parse(&one_line) {
            Ok(query) => Some(query),
            Err(errors) => {
                self.problems.extend(errors.into_iter().map(MonitorProblem::Query));
                None
            }
        }
    }

    fn band(&mut self, query: AnomalyQuery) -> Option<(AnomalyQuery, band::BandSpec)> {
        match band::BandSpec::new(query.algorithm, query.season(), query.bucket_s(), query.trigger_points()) {
            Ok(band) => Some((query, band)),
            Err(error) => {
                self.problems.push(MonitorProblem::Band(error));
                None
            }
        }
    }

    fn word<T>(&mut self, key: &'static str, allowed: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let value = read(self.text(key)?);
        if value.is_none() {
            self.refuse(key, allowed);
        }
        value
    }

    fn flag(&mut self, key: &'static str) -> Option<bool> {
        self.word(key, "true or false", |text| match text {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        })
    }

    fn number(&mut self, key: &'static str, unit: &str, least: u32, most: u32) -> Option<u32> {
        let allowed =
            format!("a whole number from {least} to {most}{}{unit}", if unit.is_empty() { "" } else { " " });
        self.word(key, &allowed, |text| text.parse().ok().filter(|number| (least..=most).contains(number)))
    }

    /// A share of points: 0 < x <= 1, or 0 <= x < 1 for recovery.
    fn share(&mut self, key: &'static str, recovery: bool) -> Option<f64> {
        let allowed = if recovery {
            "a share of points from 0, below 1"
        } else {
            "a share of points above 0, at most 1"
        };
        self.word(key, allowed, |text| {
            // "inf", "nan" and "infinity" are floats to the standard library
            let digits = text.bytes().all(|b| b.is_ascii_digit() || b".eE+-".contains(&b));
            let share: f64 = text.parse().ok().filter(|_| digits)?;
            let allowed = if recovery { (0.0..1.0).contains(&share) } else { share > 0.0 && share <= 1.0 };
            allowed.then_some(share)
        })
    }

    fn window(&mut self, key: &'static str) -> Option<Timeframe> {
        self.word(key, "a timeframe, for example last_15m", |text| text.trim_matches('\'').parse().ok())
    }

    fn zone(&mut self) -> Option<Zone> {
        match Zone::named(self.text("timezone")?.trim_matches(['\'', '"'])) {
            Ok(zone) => Some(zone),
            Err(unknown) => {
                self.refuse("timezone", unknown.allowed());
                None
            }
        }
    }
}

/// What goes together.
impl KeyChecker<'_> {
    fn warning(&mut self, critical: Option<f64>, warning: Option<f64>, recovery: Option<f64>) {
        if let (Some(critical), Some(warning)) = (critical, warning)
            && warning >= critical
        {
            self.refuse("warning", format!("a share below critical ({})", FloatText(critical)));
        }
        match (warning, recovery) {
            (Some(warning), Some(recovery)) if recovery >= warning => {
                self.refuse("warning_recovery", format!("a share below warning ({})", FloatText(warning)));
            }
            (None, Some(_)) if self.raw.warning.is_none() => {
                self.refuse("warning_recovery", "none without warning");
            }
            _ => {}
        }
    }

    fn critical(&mut self, query: &AnomalyQuery, critical: Option<f64>, recovery: Option<f64>) {
        if critical.is_some_and(|critical| critical != query.threshold) {
            self.refuse("critical", format!("the threshold of the query ({})", FloatText(query.threshold)));
        }
        if recovery.is_some_and(|recovery| recovery >= query.threshold) {
            self.refuse(
                "critical_recovery",
                format!("a share below critical ({})", FloatText(query.threshold)),
            );
        }
    }

    fn trigger(&mut self, query: &AnomalyQuery, trigger: Option<Timeframe>) {
        if trigger.is_some_and(|trigger| trigger.seconds() != query.alert_window.seconds()) {
            self.refuse("trigger_window", format!("the alert_window of the query ({})", query.alert_window));
        }
    }

    fn direction(&mut self, query: &mut AnomalyQuery, direction: Option<Direction>) {
        match (query.direction, direction) {
            (Some(asked), Some(given)) if asked != given => {
                self.refuse("direction", format!("the direction of the query ({asked})"));
            }
            (asked, given) => query.direction = asked.or(given).or(Some(Direction::Both)),
        }
    }

    /// The zone of the key or of the query, which must be the same; it needs a daily or weekly season.
    fn season_zone(&mut self, query: &mut AnomalyQuery, key: Option<Zone>) -> Option<Zone> {
        let asked = query.timezone.as_deref().and_then(|name| Zone::named(name).ok());
        match (&asked, &key) {
            (Some(asked), Some(given)) if asked != given => {
                self.refuse("timezone", format!("the timezone of the query ({})", asked.name()));
            }
            (None, Some(zone)) => match query.season() {
                Some(Seasonality::Daily | Seasonality::Weekly) => {
                    query.timezone = Some(zone.name().to_owned());
                }
                _ if zone.is_utc() => {}
                _ => self.refuse(
                    "timezone",
                    "one with 'agile' or 'robust' and a daily or weekly seasonality only",
                ),
            },
            _ => {}
        }
        asked.or(key).filter(|zone| !zone.is_utc())
    }

    /// The band of a shorter season, or of none, with the interval and alert window of the one asked for.
    #[inline(never)] // stack
    fn fallback(&mut self, asked: &band::BandSpec) -> Option<band::BandSpec> {
        let season = match self.text("fallback")? {
            "daily" => Some(Seasonality::Daily),
            "hourly" => Some(Seasonality::Hourly),
            "basic" => None,
            _ => {
                self.refuse("fallback", "daily, hourly or basic");
                return None;
            }
        };
        let seconds = |season: Option<Seasonality>| season.map_or(0, Seasonality::seconds);
        if seconds(season) >= seconds(asked.seasonality()) {
            self.refuse("fallback", "a shorter season than that of the query, or basic where it has one");
            return None;
        }
        let algorithm = if season.is_some() { asked.algorithm() } else { Algorithm::Basic };
        let made = band::BandSpec::new(algorithm, season, asked.interval(), asked.alert_window_points());
        made.map_err(|error| self.problems.push(MonitorProblem::Band(error))).ok()
    }

    fn delay(&mut self, query: &AnomalyQuery, delay_s: Option<u32>) {
        let longest = (MOST_OPEN_BUCKETS - 1).saturating_mul(query.bucket_s());
        if delay_s.is_some_and(|delay| delay > longest) {
            let allowed =
                format!("at most {longest} s: {} intervals of {} s", MOST_OPEN_BUCKETS - 1, query.bucket_s());
            self.refuse("evaluation_delay", allowed);
        }
    }

    fn no_data(&mut self, query: &AnomalyQuery, timeframe_min: Option<u32>) {
        if timeframe_min.is_some_and(|minutes| minutes.saturating_mul(60) < query.bucket_s()) {
            let bucket = plain_duration(query.bucket_s().into());
            self.refuse(
                "no_data_timeframe",
                format!("at least the interval ({bucket}); twice the alert window is usual"),
            );
        }
    }

    fn recovery(&mut self, query: &AnomalyQuery, window: Option<Timeframe>, recovery: f64) -> Timeframe {
        let Some(window) = window else { return query.alert_window };
        let (shortest, longest) =
            recovery_range(query.alert_window.seconds(), query.threshold, recovery.min(0.999));
        if !(shortest..=longest).contains(&window.seconds()) && recovery < query.threshold {
            let range = if shortest.is_multiple_of(60) && longest.is_multiple_of(60) {
                format!("{} to {} min", shortest / 60, longest / 60)
            } else {
                format!("{shortest} to {longest} s")
            };
            let why = if recovery > 0.0 {
                "trigger window x (1 - critical) / (1 - critical_recovery) + 1 min to the trigger window"
            } else {
                "trigger window x (1 - critical) + 1 min to the trigger window"
            };
            self.refuse("recovery_window", format!("{range} ({why})"));
        }
        window
    }
}
