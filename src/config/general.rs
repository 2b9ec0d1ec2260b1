//! `[general]`, `[filter]` and `[slack]`.

use super::address::{api_url, forward_address};
use super::calibrated;
use super::problem::not_allowed;
use super::section_reader::SectionReader;
use super::tag::{TagPattern, tag_patterns};
use crate::config::secret::Secret;
use crate::detector::calibrated::AlarmBudget;

/// `[general]`: what the companion needs.
#[derive(Debug, Clone, PartialEq)]
pub struct GeneralSection {
    /// Seconds between two pulls of a query, 1..=86400.
    pub interval_seconds: u32,
    /// API calls an hour that the companion may make, >= 1.
    pub limit: u32,
    /// Seconds that metrics need to settle at Datadog; newer points are left for the next pull.
    pub evaluation_delay_seconds: u32,
    /// Seconds behind the cursor that are asked again, for points that came late.
    pub overlap_seconds: u32,
    /// Site of the account, e.g. `datadoghq.eu`; `None`: what the environment says, or `datadoghq.com`.
    pub site: Option<String>,
    /// Instead of `https://api.<site>`, for proxies and tests.
    pub api_url: Option<String>,
    /// Which API answers queries: 1 or 2.
    pub api_version: u8,
    /// Where records go: `tcp://host:port` or `tls://host:port`, several for failover.
    pub forward: Vec<String>,
    /// Seconds that a connection must live on behind an ack before the records count as safe, 0..=60.
    pub forward_settle_seconds: u32,
    /// What keeps the records safe on their way.
    pub forward_security: ForwardSecurity,
    /// Records are tagged `<tag_prefix>.<section>`.
    pub tag_prefix: String,
    /// Where `start` writes the number of its process; beside the configuration file when absent.
    pub pidfile: Option<String>,
    /// Where the daemon logs; beside the configuration file when absent.
    pub log_file: Option<String>,
    /// Whether the companion scores the records itself; `None`: where the file is the predecessor's.
    pub detect: Option<bool>,
    /// What the scores of a pulled metric are named by.
    pub metric_names: MetricNames,
}

/// `metric_names:` of `[general]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricNames {
    /// `changefinder.outlier.<section>`: the predecessor since August 2016. Sections of one metric stay apart.
    Section,
    /// `changefinder.outlier.<source metric>`: the predecessor before that.
    Metric,
}

/// Keys of `[general]` that begin with `forward_`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ForwardSecurity {
    /// The shared key of Fluentd's `<security>` or Fluent Bit's `shared_key`.
    pub shared_key: Option<Secret>,
    /// User of the server's user list.
    pub username: Option<String>,
    /// Password of that user.
    pub password: Option<Secret>,
    /// File of certificates that are trusted besides the public ones.
    pub ca_file: Option<String>,
    /// Compress what is sent.
    pub gzip: bool,
}

impl Default for GeneralSection {
    fn default() -> Self {
        Self {
            interval_seconds: 600,
            limit: 200,
            evaluation_delay_seconds: 60,
            overlap_seconds: 300,
            site: None,
            api_url: None,
            api_version: 1,
            forward: vec!["tcp://127.0.0.1:24224".to_owned()],
            forward_settle_seconds: 4,
            forward_security: ForwardSecurity::default(),
            tag_prefix: "changefinder".to_owned(),
            pidfile: None,
            log_file: None,
            detect: None,
            metric_names: MetricNames::Section,
        }
    }
}

impl GeneralSection {
    pub(super) fn read(keys: &mut SectionReader<'_>) -> Self {
        let default = Self::default();
        let forward = keys.parsed("forward", |text| {
            let servers: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
            match servers.iter().find(|server| forward_address(server).is_none()) {
                None if !servers.is_empty() => Ok(servers),
                bad => Err(format!(
                    "{:?} is not allowed: tcp://host:port or tls://host:port, several with blanks between",
                    bad.map_or(text, |bad| bad)
                )),
            }
        });
        Self {
            interval_seconds: keys
                .integer("interval", 1..=86_400)
                .map_or(default.interval_seconds, |n| n as u32),
            limit: keys.integer("limit", 1..=1_000_000).map_or(default.limit, |n| n as u32),
            evaluation_delay_seconds: keys
                .integer("evaluation_delay", 0..=86_400)
                .map_or(default.evaluation_delay_seconds, |n| n as u32),
            overlap_seconds: keys
                .integer("overlap", 0..=86_400)
                .map_or(default.overlap_seconds, |n| n as u32),
            site: keys.parsed("site", read_site),
            api_url: keys.parsed("api_url", read_api_url),
            api_version: keys.choice("api", &[("v1", 1), ("v2", 2)]).unwrap_or(default.api_version),
            forward: forward.unwrap_or(default.forward),
            forward_settle_seconds: keys
                .integer("forward_settle", 0..=60)
                .map_or(default.forward_settle_seconds, |n| n as u32),
            forward_security: ForwardSecurity {
                shared_key: keys
                    .text("forward_shared_key")
                    .or_else(|| keys.text("shared_key"))
                    .map(Secret::new),
                username: keys.text("forward_username").or_else(|| keys.text("username")).map(str::to_owned),
                password: keys.text("forward_password").or_else(|| keys.text("password")).map(Secret::new),
                ca_file: keys.unquoted("forward_ca_file").map(str::to_owned),
                gzip: keys.choice("forward_gzip", &[("on", true), ("off", false)]).unwrap_or(false),
            },
            tag_prefix: keys
                .parsed("tag_prefix", |prefix| {
                    if prefix.is_empty()
                        || prefix.contains(|c: char| c.is_whitespace() || matches!(c, '*' | '"' | '\''))
                    {
                        Err(not_allowed(prefix, "a tag without `*`, quotes and white space"))
                    } else {
                        Ok(prefix.trim_end_matches('.').to_owned())
                    }
                })
                .unwrap_or(default.tag_prefix),
            pidfile: keys.text("pidfile_path").map(str::to_owned),
            log_file: keys.unquoted("log_file").map(str::to_owned),
            detect: keys.choice("detect", &[("on", true), ("off", false)]),
            metric_names: keys
                .choice("metric_names", &[("section", MetricNames::Section), ("metric", MetricNames::Metric)])
                .unwrap_or(default.metric_names),
        }
    }
}

/// Whether a name has two parts or more, the last of letters: `datadoghq.eu`, but neither `eu` nor `1.5`.
fn ends_as_domain(site: &str) -> bool {
    site.rsplit_once('.').is_some_and(|(head, end)| {
        !head.is_empty() && end.len() > 1 && end.bytes().all(|byte| byte.is_ascii_alphabetic())
    })
}

/// A site without its `api.`, by the rule for its address.
fn read_site(site: &str) -> Result<String, String> {
    match api_url(&format!("https://api.{site}")) {
        Ok(_) if !site.contains('/') && ends_as_domain(site) => Ok(site.to_owned()),
        _ => Err(not_allowed(site, "the name of a site, for example datadoghq.eu")),
    }
}

fn read_api_url(url: &str) -> Result<String, String> {
    api_url(url).map(|(url, _)| url).map_err(|wrong| {
        let shown = if wrong.secret { "...@..." } else { url };
        format!("{shown:?} is not allowed: {}", wrong.problem)
    })
}

/// `[filter]`: what the bank needs.
#[derive(Debug, Clone, PartialEq)]
pub struct FilterSection {
    /// Models in memory, 1..=10 million; beyond it the least recently seen series is evicted.
    pub max_series: usize,
    /// Folder of the saved state, relative to the configuration file; `None` keeps it in memory only.
    pub state: Option<String>,
    /// How soon a model update is on disk.
    pub journal: Journal,
    /// Whether records get the calibrated score, where a section does not say.
    pub anomaly_score: bool,
    /// False alarms that a series may raise, where a section does not say; `None`: no alarms.
    pub alarms: Option<AlarmBudget>,
    /// Records of these tags come at a steady pace and carry closed windows.
    pub tick: Option<TagPattern>,
    /// Records of these tags carry the filter's own figures, and nothing else is done with them.
    pub metrics: Option<TagPattern>,
}

/// `journal:` of `[filter]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Journal {
    /// `record`: before the record leaves.
    Record,
    /// `interval:<seconds>`: once that much event time has passed.
    Interval {
        /// 1..=86400.
        seconds: u32,
    },
}

impl Default for FilterSection {
    fn default() -> Self {
        Self {
            max_series: 100_000,
            state: Some("state".to_owned()),
            journal: Journal::Record,
            anomaly_score: false,
            alarms: None,
            tick: None,
            metrics: None,
        }
    }
}

impl FilterSection {
    pub(super) fn read(keys: &mut SectionReader<'_>) -> Self {
        let default = Self::default();
        let alarms = calibrated::alarms(keys).unwrap_or(default.alarms);
        Self {
            // whoever asks for alarms gets the score that they are made from
            anomaly_score: calibrated::anomaly_score(keys).unwrap_or(alarms.is_some()),
            alarms,
            max_series: keys.integer("max_series", 1..=10_000_000).map_or(default.max_series, |n| n as usize),
            state: match keys.unquoted("state") {
                None => default.state,
                Some("off") => None,
                Some(folder) => Some(folder.to_owned()),
            },
            journal: keys
                .parsed("journal", |text| {
                    if text == "record" {
                        return Ok(Journal::Record);
                    }
                    text.strip_prefix("interval:")
                        .and_then(|seconds| seconds.trim().parse().ok())
                        .filter(|seconds| (1..=86_400).contains(seconds))
                        .map(|seconds| Journal::Interval { seconds })
                        .ok_or_else(|| not_allowed(text, "`record`, or `interval:<seconds>` with 1 to 86400"))
                })
                .unwrap_or(default.journal),
            tick: keys.parsed("tick", |text| tag_patterns("tick", text)),
            metrics: keys.parsed("metrics", |text| tag_patterns("metrics", text)),
        }
    }
}

/// `[slack]`: where the daemon's warnings go.
#[derive(Debug, Clone, PartialEq)]
pub struct SlackSection {
    /// Address of the incoming webhook; whoever knows it can post.
    pub url: Secret,
    /// Channel, when not the webhook's own.
    pub channel: Option<String>,
    /// Shown as the sender.
    pub username: Option<String>,
    /// Shown beside the sender, e.g. `:warning:`.
    pub icon_emoji: Option<String>,
}

impl SlackSection {
    pub(super) fn read(keys: &mut SectionReader<'_>) -> Option<Self> {
        let url = keys.required("url", "https://hooks.slack.com/services/...").map(Secret::new);
        let channel = keys.text("channel").map(str::to_owned);
        let username = keys.text("username").map(str::to_owned);
        let icon_emoji = keys.text("icon_emoji").map(str::to_owned);
        Some(Self { url: url?, channel, username, icon_emoji })
    }
}
