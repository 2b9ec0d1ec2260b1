//! What the controls say, as texts, and the checked parameters they stand for.

use fluent_anomaly::configuration::{ChangeFinderSettings, alarm_budget};
use fluent_anomaly::detectors::{AlarmBudget, GroupSpec, GroupTest, PeerAlgorithm, PeerSpecError, PeerTest};
use fluent_anomaly::monitors::{MonitorProblem, MonitorSpec, RawMonitor};
use fluent_anomaly::series::ScoreSpec;

/// Arguments of the query that have a control of their own, with the value that holds when nothing is said.
const QUERY_KEYS: [(&str, &str); 10] = [
    ("query_window", ""), // five times the trigger window
    ("metric", "avg:value{*}"),
    ("algorithm", "basic"),
    ("deviations", "2"),
    ("direction", "both"),
    ("trigger_window", "last_15m"),
    ("interval", "60"),
    ("count_default_zero", "true"),
    ("seasonality", ""),
    ("critical", "1"),
];
/// ChangeFinder's keys, as a section of the configuration has them.
const SCORE_KEYS: [&str; 6] = ["r", "k", "T1", "T2", "ar", "score"];
/// A group of all series: by what it is judged, usual deviations, s; then what a configuration may say besides.
const GROUP_KEYS: [&str; 7] = [
    "group",
    "tolerance",
    "group_interval",
    "group_intervals",
    "group_delay",
    "group_percent",
    "group_members",
];
/// Behind a budget that is one for all series.
const FOR_ALL: &str = " for all";

/// Texts by key: those of `[monitor.*]` and `[series.*]`, and the arguments of the query one by one.
///
/// ```
/// use fluent_anomaly_engine::Settings;
/// let mut settings = Settings::default();
/// settings.set("algorithm", "robust");
/// settings.set("seasonality", "daily");
/// settings.set("deviations", "3");
/// assert_eq!(settings.query(), "avg(last_75m):anomalies(avg:value{*}, 'robust', 3, direction='both', \
///     alert_window='last_15m', interval=60, count_default_zero='true', seasonality='daily') >= 1");
/// settings.set("deviations", "-1");
/// let problems = settings.check().unwrap_err();
/// assert_eq!(problems[0].key, "deviations");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings(Vec<(String, String)>);

/// One thing to mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Key of the setting.
    pub key: String,
    /// What is wrong and what is allowed, in the words of `fluent-anomaly check`.
    pub message: String,
}

/// Parameters that fit together.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The monitor.
    pub monitor: MonitorSpec,
    /// ChangeFinder.
    pub scores: ScoreSpec,
    pub(crate) change_finder: ChangeFinderSettings,
    pub(crate) raw: RawMonitor,
    /// False alarms that the calibrated score may raise; none where `alarms` is `off`.
    pub(crate) budget: Option<AlarmBudget>,
    /// The budget is one for all series together.
    pub(crate) for_all: bool,
    /// By what the series are compared with each other; none where they are not.
    pub group: Option<GroupSpec>,
}

impl Settings {
    /// Reads `key=value` lines; lines without `=` say nothing.
    #[must_use]
    pub fn from_lines(text: &str) -> Self {
        let mut settings = Self::default();
        for (key, value) in text.lines().filter_map(|line| line.split_once('=')) {
            settings.set(key.trim(), value.trim());
        }
        settings
    }

    /// Sets a key; an empty text leaves it to its default.
    pub fn set(&mut self, key: &str, value: &str) {
        self.0.retain(|(other, _)| other != key);
        if !value.is_empty() {
            self.0.push((key.to_owned(), value.to_owned()));
        }
    }

    /// The text of a key, when it is set.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == key).map(|(_, value)| value.as_str())
    }

    fn or_default(&self, key: &str) -> &str {
        let default = QUERY_KEYS.iter().find(|(other, _)| *other == key).map_or("", |(_, value)| value);
        self.get(key).unwrap_or(default)
    }

    /// The query string that the settings make; `query` itself when that is set.
    #[must_use]
    pub fn query(&self) -> String {
        if let Some(query) = self.get("query") {
            return query.to_owned();
        }
        let trigger = self.or_default("trigger_window");
        let window = match self.get("query_window") {
            Some(window) => window.to_owned(),
            None => five_times(trigger),
        };
        let text = |key| self.or_default(key);
        let mut query = format!(
            "avg({window}):anomalies({}, '{}', {}, direction='{}', alert_window='{trigger}', interval={}, count_default_zero='{}'",
            text("metric"),
            text("algorithm"),
            text("deviations"),
            text("direction"),
            text("interval"),
            text("count_default_zero"),
        );
        // what has no effect on basic is greyed out on the page and must not be an error there
        if text("algorithm") != "basic" {
            if let Some(seasonality) = self.get("seasonality") {
                query += &format!(", seasonality='{seasonality}'");
            }
            if let Some(zone) = self.get("timezone").filter(|_| self.get("seasonality") != Some("hourly")) {
                query += &format!(", timezone='{zone}'");
            }
        }
        query + &format!(") >= {}", text("critical"))
    }

    fn raw(&self) -> RawMonitor {
        let mut raw = RawMonitor::default();
        for (key, value) in &self.0 {
            let is_in_query = key == "timezone" || QUERY_KEYS.iter().any(|(other, _)| other == key);
            if self.get("query").is_some() || !is_in_query {
                raw.set(key, value.as_str());
            }
        }
        raw.set("query", self.query());
        raw
    }

    /// Checks everything together.
    ///
    /// # Errors
    /// All problems; never an empty list.
    pub fn check(&self) -> Result<Checked, Vec<Problem>> {
        let mut problems = self.unknown();
        let change_finder = self.change_finder(&mut problems);
        let (alarms, for_all) = self.alarms();
        let budget = alarm_budget(alarms).map_err(|message| {
            problems.push(Problem { key: "alarms".to_owned(), message });
        });
        let group = self.group(&mut problems);
        let raw = self.raw();
        let monitor = MonitorSpec::check(&raw)
            .map_err(|found| problems.extend(found.iter().map(|problem| self.place(problem))));
        match (monitor, change_finder, budget) {
            (Ok(monitor), Some((change_finder, scores)), Ok(budget)) if problems.is_empty() => {
                Ok(Checked { monitor, scores, change_finder, raw, budget, for_all, group })
            }
            _ => Err(problems),
        }
    }

    /// The budget's text, and whether it is one for all series.
    fn alarms(&self) -> (&str, bool) {
        let text = self.get("alarms").unwrap_or("1/week");
        text.strip_suffix(FOR_ALL).map_or((text, false), |budget| (budget, true))
    }

    /// A group of all series, as `[group.*]` has it.
    fn group(&self, problems: &mut Vec<Problem>) -> Option<GroupSpec> {
        let word = self.get("group").filter(|word| *word != "off")?;
        let mut number = |key: &str, usual: f64| match self.get(key).map(str::parse) {
            None => usual,
            Some(Ok(number)) => number,
            Some(Err(_)) => {
                let message = format!("{:?} is no number", self.get(key).unwrap_or_default());
                problems.push(Problem { key: key.to_owned(), message });
                usual
            }
        };
        let (tolerance, interval) = (number("tolerance", 3.0), number("group_interval", 60.0));
        let interval_s = interval as u32; // what is no such number becomes 0, which is refused
        let delay_s = number("group_delay", f64::from((interval_s / 4).min(15))) as u32;
        let (percent, members) = (number("group_percent", 0.0), number("group_members", 3.0) as u32);
        let intervals = number("group_intervals", 1.0) as u32;
        let test = match peer_algorithm(word) {
            Some(algorithm) => {
                let percent = if algorithm.has_percent() { percent } else { 0.0 };
                Ok(GroupTest::Fixed(PeerTest { algorithm, tolerance, percent }))
            }
            None => alarm_budget(word)
                .map(|budget| budget.map(GroupTest::Budget))
                .and_then(|test| test.ok_or_else(|| format!("{word:?} is not allowed"))),
        };
        let mut refuse = |key: &str, message: String| {
            problems.push(Problem { key: key.to_owned(), message });
            None
        };
        let test = match test {
            Ok(test) => test,
            Err(message) => return refuse("group", message),
        };
        let intervals = if matches!(test, GroupTest::Budget(_)) { 1 } else { intervals };
        match GroupSpec::new(test, interval_s, intervals, delay_s.min(interval_s), members) {
            Ok(spec) => Some(spec),
            Err(error @ PeerSpecError::Tolerance(_)) => refuse("tolerance", error.to_string()),
            Err(error) => refuse("group_interval", error.to_string()),
        }
    }

    /// The section of a configuration that compares the series; empty where they are not compared.
    pub(crate) fn group_section(&self) -> String {
        let Some(word) = self.get("group").filter(|word| *word != "off") else { return String::new() };
        let algorithm = peer_algorithm(word);
        let is_fixed = algorithm.is_some();
        let key_of_test = if is_fixed { "algorithm" } else { "alarms" };
        let mut text = format!(
            "\n; across: the fields that tell the series apart, which `by` of [series.preview] needs as well\n\
             [group.preview]\non: preview\nacross: $host\n{key_of_test}: {}\n",
            one_line(word)
        );
        for (setting, key, has_meaning) in [
            ("tolerance", "tolerance", is_fixed),
            ("group_interval", "interval", true),
            ("group_intervals", "intervals", is_fixed),
            ("group_delay", "evaluation_delay", true),
            ("group_percent", "percent", algorithm.is_some_and(PeerAlgorithm::has_percent)),
            ("group_members", "min_members", true),
        ] {
            if let Some(value) = self.get(setting).filter(|_| has_meaning) {
                text += &format!("{key}: {}\n", one_line(value));
            }
        }
        text
    }

    fn unknown(&self) -> Vec<Problem> {
        let known = |key: &str| {
            key == "query"
                || key == "alarms"
                || RawMonitor::KEYS.contains(&key)
                || SCORE_KEYS.contains(&key)
                || GROUP_KEYS.contains(&key)
                || QUERY_KEYS.iter().any(|(other, _)| *other == key)
        };
        let unknown = self.0.iter().filter(|(key, _)| !known(key));
        unknown.map(|(key, _)| Problem { key: key.clone(), message: "unknown key".to_owned() }).collect()
    }

    /// The control whose value a problem speaks of.
    fn place(&self, problem: &MonitorProblem) -> Problem {
        let argument = match problem {
            MonitorProblem::Query(error) => error.rule.argument(),
            MonitorProblem::Band(_) => "interval",
            other => other.key(),
        };
        let key = match argument {
            "alert_window" => "trigger_window",
            "metric_query" => "metric",
            "threshold" => "critical",
            same => same,
        };
        let own_control = self.get("query").is_none() || problem.key() != "query";
        let message = match problem {
            // the place in the query says nothing where there is no query to be seen
            MonitorProblem::Query(error) if own_control => error.rule.to_string(),
            MonitorProblem::Query(error) => error.to_string(),
            other => other.message(),
        };
        let message = message.strip_prefix(argument).and_then(|rest| rest.strip_prefix(": "));
        let message = message.map_or_else(|| problem.message(), str::to_owned);
        Problem { key: if own_control { key } else { "query" }.to_owned(), message }
    }

    /// The section of a configuration that scores the series.
    pub(crate) fn section(&self) -> String {
        let mut text = "[series.preview]\nmatch: *\nvalue: $value\n".to_owned();
        for key in SCORE_KEYS.into_iter().chain(["alarms"]) {
            if let Some(value) = self.get(key).filter(|value| !value.trim().is_empty()) {
                text += &format!("{key}: {}\n", one_line(value));
            }
        }
        text
    }

    fn change_finder(&self, problems: &mut Vec<Problem>) -> Option<(ChangeFinderSettings, ScoreSpec)> {
        let texts = SCORE_KEYS.iter().filter_map(|key| Some((*key, self.get(key)?)));
        match ChangeFinderSettings::from_texts(texts.filter(|(_, text)| !text.trim().is_empty())) {
            Ok(settings) => Some((settings, ScoreSpec::new(&settings, true, 0, None).ok()?)),
            Err(found) => {
                problems.extend(found.iter().map(|problem| Problem {
                    key: problem.at_key().unwrap_or_default().to_owned(),
                    message: problem.message().to_owned(),
                }));
                None
            }
        }
    }
}

fn peer_algorithm(word: &str) -> Option<PeerAlgorithm> {
    PeerAlgorithm::WORDS.iter().find(|(known, ..)| *known == word).map(|(.., algorithm)| *algorithm)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Datadog recommends a query window of about five alert windows.
fn five_times(trigger: &str) -> String {
    use fluent_anomaly::monitors::{LONGEST_TIMEFRAME_S, Timeframe};

    let five = |window: Timeframe| {
        Timeframe::from_seconds((window.seconds().saturating_mul(5)).min(LONGEST_TIMEFRAME_S))
    };
    match trigger.parse::<Timeframe>().map(five) {
        Ok(Ok(window)) => window.to_string(),
        _ => "last_4h".to_owned(), // the trigger window's own problem is told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        let mut settings = Settings::default();
        pairs.iter().for_each(|(key, value)| settings.set(key, value));
        settings
    }

    fn problems(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let problems = settings(pairs).check().map(|_| ()).unwrap_err();
        problems.into_iter().map(|problem| (problem.key, problem.message)).collect()
    }

    #[test]
    fn nothing_set_is_a_basic_monitor() {
        let checked = Settings::default().check().unwrap();
        assert_eq!(checked.monitor.query.to_string(), Settings::default().query());
        assert_eq!(checked.change_finder.order, None);
    }

    #[test]
    fn what_is_wrong_is_told_at_the_control_that_says_it() {
        for (pairs, key, message) in [
            (&[("deviations", "-1")][..], "deviations", "allowed is"),
            (&[("deviations", "two")], "deviations", "missing"),
            (&[("trigger_window", "soon")], "trigger_window", "allowed"),
            (&[("trigger_window", "last_15m"), ("interval", "600")], "interval", "is not allowed"),
            (&[("critical", "1.5")], "critical", "1.5 is not allowed"),
            (&[("warning", "2")], "warning", "2 is not allowed"),
            (&[("recovery_window", "last_1d")], "recovery_window", "is not allowed"),
            (&[("algorithm", "agile"), ("seasonality", "yearly")], "seasonality", "is not allowed"),
            (
                &[("algorithm", "agile"), ("seasonality", "daily"), ("timezone", "Europe/Wien")],
                "timezone",
                "Vienna",
            ),
            (&[("r", "2")], "r", "a number above 0 and below 1"),
            (&[("k", "1000")], "k", "is not allowed"),
            (&[("ar", "levinson")], "ar", "yule"),
            (&[("alarms", "2/minute")], "alarms", "1/week"),
            (&[("colour", "red")], "colour", "unknown key"),
            (&[("alarms", "2/minute for all")], "alarms", "1/week"),
            (&[("group", "kmeans")], "group", "is not allowed"),
            (&[("group", "mad"), ("tolerance", "0")], "tolerance", "is not allowed"),
            (&[("group", "mad"), ("tolerance", "x")], "tolerance", "is no number"),
            (&[("group", "1/week"), ("group_interval", "0")], "group_interval", "is not allowed"),
        ] {
            let found = problems(pairs);
            assert!(
                found.iter().any(|(k, m)| k == key && m.contains(message)),
                "{pairs:?}: {found:?} should say {message:?} at {key}"
            );
        }
    }

    #[test]
    fn all_problems_come_at_once() {
        let found = problems(&[("r", "2"), ("T1", "x"), ("warning", "7"), ("deviations", "0")]);
        let keys: Vec<&str> = found.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["r", "T1", "deviations", "warning"]);
    }

    #[test]
    fn settings_that_basic_does_not_know_are_kept_for_the_others() {
        let mut settings = settings(&[("seasonality", "daily"), ("timezone", "Europe/Vienna")]);
        assert!(settings.check().is_ok());
        settings.set("algorithm", "robust");
        assert!(settings.query().contains("seasonality='daily', timezone='Europe/Vienna'"));
        settings.set("seasonality", "hourly");
        assert!(settings.check().is_ok());
    }

    #[test]
    fn lines_are_read_as_set() {
        let read = Settings::from_lines("deviations=3\nmetric=sum:a{b=c}\nnonsense\nr = 0.1\nk=\n");
        assert_eq!(read, settings(&[("deviations", "3"), ("metric", "sum:a{b=c}"), ("r", "0.1")]));
    }
}
