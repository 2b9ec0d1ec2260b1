//! Queries as Datadog takes them -> queries that follow the rules of its editor, which this program evaluates.
//!
//! Datadog's API takes more than its editor writes: monitors from the years before `alert_window`, `>` for `>=`, line
//! breaks. Each change is told. What is not understood stays as it is, and the check of the query says why.

use crate::monitor::calendar::interval_s;
use crate::monitor::metric_name::metric_name;
use crate::monitor::query;
use crate::monitor::timeframe::Timeframe;

/// Seconds of an interval by the length of the query window, as Datadog's graphs have them: up to so long -> so much.
const INTERVALS: [(u32, u32); 5] =
    [(3600, 20), (14_400, 60), (172_800, 300), (604_800, 3600), (u32::MAX, 14_400)];
/// The longest alert window, s.
const LONGEST_ALERT_S: u32 = 1_209_600;
/// Points that an alert window holds at least.
const FEWEST_POINTS: u32 = 5;

/// The query as it can be evaluated, and what was changed, one sentence each. `trigger_window` is that of the options.
pub(super) fn adapt(text: &str, trigger_window: Option<&str>) -> (String, Vec<String>) {
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut notes = Vec::new();
    let Some(mut parts) = Parts::of(&one_line) else { return (one_line, notes) };
    parts.metric_names(&mut notes);
    parts.head(&mut notes);
    parts.comparison(&mut notes);
    parts.algorithm(&mut notes);
    parts.unquote_numbers();
    parts.windows(trigger_window, &mut notes);
    parts.any_point(&mut notes);
    parts.season(&mut notes);
    let adapted = parts.to_string();
    // a query that was fine stays as it was written
    if notes.is_empty() && query::parse(&one_line).is_ok() { (one_line, notes) } else { (adapted, notes) }
}

/// `<aggregator>(<window>):anomalies(<arguments>) <comparator> <threshold>`
struct Parts {
    aggregator: String,
    window: String,
    /// The metric query first.
    arguments: Vec<String>,
    comparator: String,
    threshold: String,
}

impl Parts {
    fn of(text: &str) -> Option<Self> {
        let (aggregator, rest) = text.split_once('(')?;
        let (window, rest) = rest.split_once(')')?;
        let rest = rest.trim_start().strip_prefix(':')?.trim_start().strip_prefix("anomalies")?;
        let inside = rest.trim_start().strip_prefix('(')?;
        let mut arguments = vec![String::new()];
        let mut open = 0_usize;
        let mut quote = None;
        for (at, c) in inside.char_indices() {
            match (quote, c) {
                (Some(mark), _) if c == mark => quote = None,
                (Some(_), _) => {}
                (None, '\'' | '"') => quote = Some(c),
                (None, '(' | '{' | '[') => open += 1,
                (None, ')') if open == 0 => {
                    let behind = inside.get(at + 1..)?.trim();
                    let end = behind.find(|c: char| !"<>=!".contains(c))?;
                    let (comparator, threshold) = behind.split_at_checked(end)?;
                    return Some(Self {
                        aggregator: aggregator.trim().to_owned(),
                        window: window.trim().trim_matches(['\'', '"']).to_owned(),
                        arguments: arguments.iter().map(|argument| argument.trim().to_owned()).collect(),
                        comparator: comparator.to_owned(),
                        threshold: threshold.trim().to_owned(),
                    });
                }
                (None, ')' | '}' | ']') => open = open.saturating_sub(1),
                (None, ',') if open == 0 => {
                    arguments.push(String::new());
                    continue;
                }
                _ => {}
            }
            if let Some(argument) = arguments.last_mut() {
                argument.push(c);
            }
        }
        None
    }

    /// Datadog's intake rewrites what its names cannot hold, and a query finds the name that is stored.
    fn metric_names(&mut self, notes: &mut Vec<String>) {
        let Some(metric) = self.arguments.first_mut() else { return };
        let mut rest = metric.as_str();
        let mut adapted = String::new();
        while let Some((before, scope)) = rest.split_once('{') {
            let end = scope.find('}').map_or(scope.len(), |end| end + 1);
            let (scope, behind) = scope.split_at_checked(end).unwrap_or((scope, ""));
            let start =
                before.rfind(|c: char| c.is_whitespace() || "(+*/,".contains(c)).map_or(0, |at| at + 1);
            let (ahead, token) = before.split_at_checked(start).unwrap_or((before, ""));
            let (aggregator, name) = match token.split_once(':') {
                Some((aggregator, name)) => (format!("{aggregator}:"), name),
                None => (String::new(), token),
            };
            // `by {host}`, `-a.b{*}`
            let is_name = !name.is_empty() && name != "by" && !name.starts_with(['-', '.', ')']);
            let stored = metric_name(name).filter(|stored| is_name && stored != name);
            if let Some(stored) = &stored {
                notes.push(format!(
                    "query: the metric {name} taken as {stored}, the name that Datadog stores"
                ));
            }
            adapted += &format!("{ahead}{aggregator}{}{{{scope}", stored.as_deref().unwrap_or(name));
            rest = behind;
        }
        adapted += rest;
        *metric = adapted;
    }

    fn head(&mut self, notes: &mut Vec<String>) {
        if ["sum", "min", "max"].contains(&self.aggregator.as_str()) {
            notes.push(format!(
                "query: `{}(...)` taken as `avg(...)`: shares of anomalous points are not added up",
                self.aggregator
            ));
            self.aggregator = "avg".to_owned();
        }
    }

    fn comparison(&mut self, notes: &mut Vec<String>) {
        // any anomalous point: known once the windows are
        if self.comparator == ">" && self.threshold.parse() != Ok(0.0) {
            notes.push(format!(
                "query: `> {0}` taken as `>= {0}`: it alerts at that very share of anomalous points, too",
                self.threshold
            ));
            self.comparator = ">=".to_owned();
        }
    }

    fn algorithm(&mut self, notes: &mut Vec<String>) {
        for argument in self.arguments.iter_mut().skip(1) {
            let value = argument.trim_start_matches("algorithm=").trim_matches(['\'', '"']);
            if value == "adaptive" {
                notes.push("query: 'adaptive', which Datadog has retired, taken as 'agile'".to_owned());
                *argument = "'agile'".to_owned();
            }
        }
    }

    /// `interval='60'` and `'2'` are numbers, `direction=both` is a text.
    fn unquote_numbers(&mut self) {
        for argument in self.arguments.iter_mut().skip(1) {
            let (name, value) = match argument.split_once('=') {
                Some((name, value)) => (format!("{}=", name.trim()), value.trim()),
                None => (String::new(), argument.as_str()),
            };
            let plain = value.trim_matches(['\'', '"']);
            let is_number = plain.parse::<f64>().is_ok() && (name.is_empty() || name == "interval=");
            let is_quoted = plain.len() + 2 == value.len();
            if is_number && is_quoted {
                *argument = format!("{name}{plain}");
            } else if !is_number && !is_quoted && !name.is_empty() && name != "interval=" {
                *argument = format!("{name}'{plain}'");
            }
        }
    }

    fn named(&self, name: &str) -> Option<&str> {
        let named = self.arguments.iter().skip(1).filter_map(|argument| argument.split_once('='));
        named
            .filter(|(given, _)| given.trim() == name)
            .map(|(_, value)| value.trim().trim_matches(['\'', '"']))
            .next()
    }

    fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.arguments.push(format!("{name}={value}"));
    }

    fn remove(&mut self, name: &str) {
        let is_it =
            |argument: &String| argument.split_once('=').is_some_and(|(given, _)| given.trim() == name);
        let mut at = 0;
        self.arguments.retain(|argument| {
            at += 1;
            at == 1 || !is_it(argument)
        });
    }

    fn windows(&mut self, trigger_window: Option<&str>, notes: &mut Vec<String>) {
        if self.window == "last_1mo" {
            notes.push("query: last_1mo taken as last_30d".to_owned());
            self.window = "last_30d".to_owned();
        }
        let Ok(window) = self.window.parse::<Timeframe>() else { return };
        if self.named("alert_window").is_none() {
            let (alert, from) = match trigger_window {
                Some(trigger) => (trigger.to_owned(), "from threshold_windows"),
                None if window.seconds() > LONGEST_ALERT_S => {
                    ("last_2w".to_owned(), "the longest, as the window of the query is longer")
                }
                None => {
                    (self.window.clone(), "the window of the query, which is what Datadog checks without one")
                }
            };
            notes.push(format!("query: alert_window='{alert}' added: {from}"));
            self.set("alert_window", &format!("'{alert}'"));
        }
        let Some(Ok(alert)) = self.named("alert_window").map(str::parse::<Timeframe>) else { return };
        let longest = (alert.seconds() / FEWEST_POINTS).max(1);
        match self.named("interval").map(str::parse::<u32>) {
            None => {
                let usual =
                    INTERVALS.iter().find(|(up_to, _)| window.seconds() <= *up_to).map_or(60, |(_, s)| *s);
                let interval = usual.min(longest);
                notes.push(format!("query: interval={interval} added: the usual one for {}", self.window));
                self.set("interval", &interval.to_string());
            }
            Some(Ok(interval)) if interval > longest => {
                notes.push(format!(
                    "query: interval={interval} taken as {longest}: the alert window ({alert}) holds five of them"
                ));
                self.set("interval", &longest.to_string());
            }
            Some(_) => {}
        }
        let mut alert = alert;
        // what is too long for any window is refused by the check of the query
        if let Some(rollup) =
            self.rollup_s().filter(|rollup| (longest + 1..=LONGEST_ALERT_S / FEWEST_POINTS).contains(rollup))
            && let Ok(longer) = Timeframe::from_seconds(rollup.saturating_mul(FEWEST_POINTS))
        {
            notes.push(format!(
                "query: alert_window='{alert}' taken as '{longer}': .rollup() makes buckets of {rollup} s, and the window holds five of them"
            ));
            self.set("alert_window", &format!("'{longer}'"));
            alert = longer;
        }
        if window.seconds() < alert.seconds() {
            notes.push(format!("query: the window {window} taken as {alert}: it holds the alert window"));
            self.window = alert.to_string();
        }
    }

    /// `> 0` is the share of one point.
    fn any_point(&mut self, notes: &mut Vec<String>) {
        let alert = self.named("alert_window").and_then(|window| window.parse::<Timeframe>().ok());
        let interval = self.named("interval").and_then(|interval| interval.parse::<u32>().ok());
        if self.comparator != ">" || self.threshold.parse() != Ok(0.0) {
            return;
        }
        let Some((alert, interval)) = alert.zip(self.rollup_s().or(interval)) else { return };
        let points = alert.seconds().checked_div(interval).unwrap_or(0).max(1);
        // rounded down: one point reaches it
        let share = (10_000 / points).max(1);
        self.comparator = ">=".to_owned();
        self.threshold = format!("{}", f64::from(share) / 10_000.0);
        notes.push(format!(
            "query: `> 0` taken as `>= {}`: the share of one point among {points}",
            self.threshold
        ));
    }

    /// The interval of the metric query's `.rollup()`, s.
    fn rollup_s(&self) -> Option<u32> {
        let metric = self.arguments.first()?;
        let inside = metric.rsplit_once(".rollup(")?.1.split_once(')')?.0;
        let word = |argument: &str| argument.trim().trim_matches(['\'', '"']).to_owned();
        inside.split(',').map(word).find_map(|word| word.parse().ok().or_else(|| interval_s(&word)))
    }

    fn season(&mut self, notes: &mut Vec<String>) {
        let is_basic =
            self.arguments.iter().skip(1).any(|argument| {
                argument.trim_start_matches("algorithm=").trim_matches(['\'', '"']) == "basic"
            });
        if is_basic && self.named("seasonality").is_some() {
            notes.push("query: seasonality left out: 'basic' has none".to_owned());
            self.remove("seasonality");
        }
        let no_zone = is_basic || self.named("seasonality") == Some("hourly");
        if no_zone && self.named("timezone").is_some_and(|zone| !zone.eq_ignore_ascii_case("utc")) {
            notes.push(
                "timezone: left out of the query, as it has no effect without a daily or weekly season"
                    .to_owned(),
            );
            self.remove("timezone");
        }
    }
}

impl std::fmt::Display for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { aggregator, window, arguments, comparator, threshold } = self;
        write!(f, "{aggregator}({window}):anomalies({}) {comparator} {threshold}", arguments.join(", "))
    }
}
