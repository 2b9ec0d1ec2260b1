//! `replay`: a past range of metrics, pulled in slices.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, BufWriter};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use fluent_anomaly::Config;
use fluent_anomaly::native::{Counters, Native, Notice, Progress, StopAndReload};
use fluent_anomaly::sinks::forward::ForwardSink;
use fluent_anomaly::sinks::{RecordSink, StdoutSink};
use fluent_anomaly::sources::datadog::{self, QueryApi, QueryOutcome, QueryWindow, Reply};
use fluent_anomaly::sources::pull::{PullSection, PullSettings, Puller, RoundEnd};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::failure::Failure;
use crate::files;
use crate::orders::Orders;
use crate::pull::{self, To};
use crate::scoring_sink::{Outlet, ScoringSink};
use crate::time_range::RangeArgs;
use crate::utc;

/// The tags of a replay begin with this: the predecessor's `replay.changefinder.replay`, of which its Fluentd
/// configuration takes `replay.changefinder` away.
fn tag_prefix(config: &Config) -> String {
    format!("replay.{}.replay", config.general.tag_prefix)
}

/// Pull a past range of the metrics of [datadog.*] sections, of any length, and forward it.
///
/// Records are tagged replay.<tag_prefix>.replay.<section>. The cursors and models of `pull` are left alone. The bucket that begins
/// at the end belongs to the range. A section takes one API call for each 24 hours. `limit` holds for this run by itself; what the API's rate limit leaves is
/// waited for. Exit status 1 when some of the range could not be pulled.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    fluent-anomaly replay cpu --start \"2026-11-20 12:00\" --end \"2026-11-21 12:00\" --timezone Europe/Vienna\n  \
    fluent-anomaly replay --start 1795176000 --end 1795262400 --detect --to stdout > scored.jsonl")]
pub(crate) struct Args {
    /// Sections to replay, e.g. cpu for [datadog.cpu] [default: all]
    #[arg(value_name = "SECTION")]
    sections: Vec<String>,
    #[command(flatten)]
    range: RangeArgs,
    /// The configuration file
    #[arg(short, short_alias = 'f', long, default_value_os_t = files::default_config())]
    config: PathBuf,
    /// Where records go
    #[arg(long, value_enum, default_value_t = To::Forward)]
    to: To,
    /// Where records go, instead of `forward` in [general]; several for failover
    #[arg(long, value_name = "SERVER")]
    forward: Vec<String>,
    /// Score the records here with fresh models, which end with the run; `detect: on` does the same
    #[arg(long)]
    detect: bool,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let mut config = files::read_companion_config(&args.config)?;
    pull::forward_to(&mut config, "--forward", &args.forward)?;
    let scored = args.detect || config.detects();
    let orders = RefCell::new(Orders::apart(pull::cursors(&args.config, &config).as_deref()));
    orders.borrow().apply(&mut config);
    let sections = chosen(&args.config, &config, &args.sections, scored)?;
    let range = args.range.window(settled(&config), None)?;
    let usage = |error: &dyn std::fmt::Display| Failure::Usage(error.to_string());
    let api = datadog::connect(&pull::datadog_settings(&config)?).map_err(|error| usage(&error))?;
    let asked = Arc::new(StopAndReload::default());
    pull::listen(asked.clone(), None)?;
    let (env, counters, bar) = (Native::new(asked), Counters::default(), Bar::new(&sections, range));
    let log = |line: &str| bar.say(line);
    let forward = || {
        let mut settings = pull::forward_settings(&args.config, &config, false)?;
        // no cursor waits for it: a replay that something has broken is begun again
        settings.settle = Duration::ZERO;
        ForwardSink::new(settings, &env, &bar, &counters).map_err(|error| usage(&error))
    };
    let mut sink: Box<dyn RecordSink + '_> = match (scored, args.to) {
        (true, to) => {
            let outlet = match to {
                To::Forward => Outlet::Forward(Box::new(forward()?)),
                To::Stdout => Outlet::stdout(),
            };
            Box::new(ScoringSink::fresh(outlet, &config, &tag_prefix(&config), &orders, &log))
        }
        (false, To::Forward) => Box::new(forward()?),
        (false, To::Stdout) => Box::new(StdoutSink::new(BufWriter::new(io::stdout()))),
    };
    let watched = Watched { api: &*api, bar: &bar, at: RefCell::default(), from: range.from };
    let settings = pull_settings(&config, range);
    let done = pull_range(settings, sections, &watched, &mut *sink, &env, &bar, &counters);
    bar.clear();
    if matches!(done, Ok(()) | Err(Failure::Failed(_))) {
        tell!("fluent-anomaly: {} records", counters.acknowledged.load(Relaxed));
    }
    done
}

/// The sections of these names; all without one.
pub(crate) fn chosen(
    path: &std::path::Path,
    config: &Config,
    names: &[String],
    scored: bool,
) -> Result<Vec<PullSection>, Failure> {
    let all = pull::sections_of(config, scored);
    if all.is_empty() {
        return Err(Failure::Usage(format!("{}: there is no [datadog.*] section", path.display())));
    }
    for name in names {
        if !all.iter().any(|section| is_named(section, name)) {
            let known: Vec<&str> = all.iter().map(|section| section.name.as_str()).collect();
            return Err(Failure::Usage(format!(
                "{}: there is no section [datadog.{name}]; there are: {}",
                path.display(),
                known.join(", ")
            )));
        }
    }
    let wanted = |section: &PullSection| names.is_empty() || names.iter().any(|name| is_named(section, name));
    Ok(all.into_iter().filter(wanted).collect())
}

fn is_named(section: &PullSection, name: &str) -> bool {
    section.name == name || name.strip_prefix("datadog.") == Some(&section.name)
}

/// The moment behind which points still change.
pub(crate) fn settled(config: &Config) -> i64 {
    utc::now() - i64::from(config.general.evaluation_delay_seconds)
}

/// The settings of `pull` for a range.
pub(crate) fn pull_settings(config: &Config, range: QueryWindow) -> PullSettings {
    PullSettings {
        // a query that was refused is not asked again
        interval: Duration::from_secs(86_400),
        limit: config.general.limit,
        tag_prefix: tag_prefix(config),
        evaluation_delay: Duration::from_secs(config.general.evaluation_delay_seconds.into()),
        overlap: Duration::ZERO,
        slice: Duration::from_secs(86_400),
        range: Some(range),
        ..Default::default()
    }
}

/// Pulls a range to its end. Errors are waited out as `pull` does, as long as a round gets any further.
pub(crate) fn pull_range(
    settings: PullSettings,
    sections: Vec<PullSection>,
    api: &Watched<'_>,
    sink: &mut dyn RecordSink,
    env: &Native,
    progress: &Bar,
    counters: &Counters,
) -> Result<(), Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::Failed(error.to_string());
    let mut puller = Puller::open(settings, api, env, progress, counters).map_err(|error| failed(&error))?;
    puller.replace_sections(sections);
    loop {
        let before = api.answers();
        match puller.round(sink) {
            RoundEnd::Complete => return Ok(()),
            RoundEnd::Stopped => return Err(Failure::Failed("stopped before the end of the range".into())),
            // there is nothing to read again
            RoundEnd::Reload => drop(fluent_anomaly::native::Env::take_reload(env)),
            RoundEnd::Behind { .. } if api.answers() > before => {}
            RoundEnd::Behind { behind, reason } => {
                let of = puller.sections();
                return Err(Failure::Failed(format!("{behind} of {of} sections are not complete: {reason}")));
            }
        }
    }
}

/// Tells a bar how far queries have come.
pub(crate) struct Watched<'a> {
    pub(crate) api: &'a dyn QueryApi,
    pub(crate) bar: &'a Bar,
    /// Of each query: how far, and how often it was answered.
    pub(crate) at: RefCell<BTreeMap<String, (i64, u64)>>,
    pub(crate) from: i64,
}

impl Watched<'_> {
    fn answers(&self) -> u64 {
        self.at.borrow().values().map(|(_, answers)| answers).sum()
    }
}

impl QueryApi for Watched<'_> {
    fn query(&self, query: &str, window: QueryWindow) -> Reply {
        let reply = self.api.query(query, window);
        if matches!(reply.outcome, QueryOutcome::Series(_)) {
            let mut all = self.at.borrow_mut();
            let (at, answers) = all.entry(query.to_owned()).or_default();
            *at = (*at).max(window.to - self.from);
            *answers += 1;
            self.bar.set(all.values().map(|(at, _)| at).sum());
        }
        reply
    }
}

/// A bar on a terminal, and lines above it.
pub(crate) struct Bar {
    bar: ProgressBar,
}

impl Bar {
    pub(crate) fn new(sections: &[PullSection], range: QueryWindow) -> Self {
        let mut queries: Vec<&str> = sections.iter().map(|section| section.query.as_str()).collect();
        queries.sort_unstable();
        queries.dedup();
        let length = u64::try_from(range.to - range.from).unwrap_or(0) * queries.len() as u64;
        // standard error is drawn on only when it is a terminal
        let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {percent} %, {eta} left") {
            bar.set_style(style);
        }
        Self { bar }
    }

    fn set(&self, seconds: i64) {
        self.bar.set_position(u64::try_from(seconds).unwrap_or(0));
    }

    fn say(&self, line: &str) {
        self.bar.suspend(|| tell!("fluent-anomaly: {line}"));
    }

    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Bar {
    fn notice(&self, notice: &Notice) {
        if !matches!(notice, Notice::RoundDone { .. } | Notice::LimitTooLow { .. }) {
            self.say(&notice.to_string());
        }
    }
}
