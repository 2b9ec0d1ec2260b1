//! Options of the `dd` output, checked; all problems are reported in one go.
//!
//! The names are the same in a Fluent Bit section and on the command line. None of them is a name that Fluent
//! Bit's core keeps for itself (`host`, `port`, `tls.*`, `workers`, ...).

use super::names;
use crate::secret::Secret;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;
use thiserror::Error;

/// Which form of the intake's API is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// `POST /api/v1/series`: for proxies and emulators that know nothing newer.
    V1,
    /// `POST /api/v2/series`.
    V2,
}

/// How bodies are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// `Content-Encoding: deflate`, in the zlib wrapper.
    Deflate,
    /// `Content-Encoding: gzip`.
    Gzip,
    /// As they are.
    Off,
}

/// Bounds of one request body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes as sent.
    pub compressed: usize,
    /// Bytes before compression.
    pub raw: usize,
    /// Points.
    pub points: u64,
}

impl Default for Limits {
    /// Below what the intake takes (512 000, 5 242 880) and what Datadog's agent sends (10 000).
    fn default() -> Self {
        Self { compressed: 400_000, raw: 4_000_000, points: 10_000 }
    }
}

/// Checked settings of a shipper.
#[derive(Debug, Clone)]
pub struct Settings {
    pub(super) key: Secret,
    /// Scheme, host, port and path before `/api/...`.
    pub(super) base: String,
    /// The base is on this machine: no proxy stands between.
    pub(super) local: bool,
    pub(super) host: Option<String>,
    pub(super) device: Option<String>,
    pub(super) tags: Vec<String>,
    /// A record without `tag` and `tags` gets the event's tag as its tag.
    pub(super) use_tag: bool,
    /// Transitions of monitors become events.
    pub(super) events: bool,
    pub(super) api: Api,
    pub(super) compression: Compression,
    /// For one request. 0 < it.
    pub(super) timeout: Duration,
    /// For one shipment, all its requests and waits; afterwards it is to be given again.
    pub(super) budget: Duration,
    /// How long a shipment may wait for an intake that says "later", within the budget; 0: not at all.
    pub(super) patience: Duration,
    pub(super) limits: Limits,
    /// Chunks of a tag arrive in their order; `None`: as the host gives them.
    pub(super) order: Option<Ordering>,
}

/// How the order of chunks is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ordering {
    /// For so long after the first chunk nothing is shipped: the host finds its backlog.
    pub(super) start: Duration,
    /// How long a chunk that fails keeps those behind it waiting.
    pub(super) patience: Duration,
}

/// Longest key, in bytes. Datadog's have 32.
const KEY_LIMIT: usize = 256;
/// Longest host or device name, in bytes (Datadog's own limit).
pub(super) const HOST_LIMIT: usize = 255;
/// Seconds a request, and in Fluent Bit a flush, may take.
const TIMEOUT_RANGE: std::ops::RangeInclusive<f64> = 0.1..=60.0;
/// Stays below Fluent Bit's default Grace of 5 s with room for the work around the request.
const DEFAULT_TIMEOUT: Duration = Duration::from_millis(3500);
/// Seconds that chunks can be collected after a start.
const START_RANGE: std::ops::RangeInclusive<f64> = 0.0..=60.0;
/// Fluent Bit gives its backlog from the second after its first flush on, 128 chunks with each tick.
const DEFAULT_START: Duration = Duration::from_secs(3);
/// An intake seldom fails for longer; it costs a healthy chunk no more than being late.
const ORDER_PATIENCE: Duration = Duration::from_secs(300);

/// Names that people try first, and the option that is meant.
const NEAR_MISSES: &[(&str, &str)] = &[
    ("api_key", "dd_api_key"),
    ("apikey", "dd_api_key"),
    ("dd_apikey", "dd_api_key"),
    ("dd_key", "dd_api_key"),
    ("api_key_file", "dd_api_key_file"),
    ("site", "dd_site"),
    ("api_url", "dd_url"),
    ("url", "dd_url"),
    ("device", "dd_device"),
    ("tags", "dd_tags"),
    ("dd_tag", "dd_tags"),
    ("compress", "dd_compress"),
    ("dd_compression", "dd_compress"),
    ("timeout", "dd_timeout"),
    ("order", "dd_order"),
];

/// Everything that is wrong with the options.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct SettingsError {
    /// One line a problem: the option, the value given (never a key), what is allowed.
    pub problems: Vec<String>,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problems.join("; "))
    }
}

impl Settings {
    /// Every option, with its default and meaning.
    pub const OPTIONS: &'static [(&'static str, &'static str, &'static str)] = &[
        ("dd_api_key", "DD_API_KEY from the environment", "the API key"),
        ("dd_api_key_file", "none", "a file whose only content is the API key"),
        ("dd_site", "DD_SITE, or datadoghq.com", "the Datadog site; the intake is https://api.<site>"),
        ("dd_url", "https://api.<dd_site>", "the intake's address; http only on this machine"),
        ("dd_host", "none", "host of records that name none"),
        ("dd_device", "none", "device of records that name none"),
        ("dd_tags", "none", "tags of every series, separated by commas"),
        ("use_fluentd_tag_for_datadog_tag", "off", "a record without tags gets the event's tag"),
        ("dd_events", "off", "transitions of monitors are posted as events"),
        ("dd_api", "v2", "v2 | v1"),
        ("dd_compress", "deflate", "deflate | gzip | off"),
        ("dd_timeout", "3.5", "seconds, 0.1 to 60, that a request (in Fluent Bit a whole flush) may take"),
        ("dd_order", "off", "points of a tag arrive in their order, later ones wait for earlier ones"),
        ("dd_order_start", "3", "seconds, 0 to 60, after a start in which chunks are only collected"),
    ];

    /// Reads all options through `get`, which knows the host's section or command line, and `env`, which knows
    /// the environment. Empty values count as absent. The key file is read here.
    ///
    /// # Errors
    /// All problems together.
    pub fn read(
        get: impl Fn(&str) -> Option<String>,
        env: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, SettingsError> {
        let filled = |text: Option<String>| text.map(|t| t.trim().to_owned()).filter(|t| !t.is_empty());
        let get = |name: &str| filled(get(name));
        let env = |name: &str| filled(env(name));
        let mut problems = Vec::new();
        for (given, meant) in NEAR_MISSES {
            if get(given).is_some() {
                problems.push(format!("{given}: there is no such option; {meant} is meant"));
            }
        }
        let key = read_key(get("dd_api_key"), get("dd_api_key_file"), env("DD_API_KEY"))
            .map_err(|problem| problems.push(problem));
        let base = read_base(get("dd_url"), get("dd_site"), env("DD_SITE"));
        let base = base.map_err(|problem| problems.push(problem));
        let mut name = |option: &str| {
            let text = get(option)?;
            if text.len() > HOST_LIMIT || text.chars().any(char::is_control) {
                problems.push(format!(
                    "{option}: {} bytes given; at most {HOST_LIMIT}, no control characters",
                    text.len()
                ));
            }
            Some(text)
        };
        let (host, device) = (name("dd_host"), name("dd_device"));
        let mut tags = Vec::new();
        for given in get("dd_tags").iter().flat_map(|text| text.split(',')).filter(|t| !t.trim().is_empty()) {
            match names::tag(given) {
                Some(tag) => tags.push(tag),
                None => problems.push(format!("dd_tags: {given:?} holds no letter; a tag begins with one")),
            }
        }
        let mut choice = |option: &str, allowed: &[&str]| {
            let given = get(option)?;
            let place = allowed.iter().position(|a| a.eq_ignore_ascii_case(&given));
            if place.is_none() {
                problems.push(format!("{option}: {given:?} given; allowed are {}", allowed.join(", ")));
            }
            place
        };
        let use_tag = choice("use_fluentd_tag_for_datadog_tag", &["off", "on", "false", "true", "no", "yes"]);
        let events = choice("dd_events", &["off", "on", "false", "true", "no", "yes"]);
        let api = choice("dd_api", &["v2", "v1"]);
        let compression = choice("dd_compress", &["deflate", "gzip", "off"]);
        let order = choice("dd_order", &["off", "on", "false", "true", "no", "yes"]);
        let mut seconds = |option: &str, range: std::ops::RangeInclusive<f64>, default: Duration| {
            let Some(text) = get(option) else { return default };
            let seconds = text.strip_suffix('s').unwrap_or(&text).parse::<f64>().ok();
            let allowed = seconds.filter(|seconds| range.contains(seconds)).map(Duration::from_secs_f64);
            allowed.unwrap_or_else(|| {
                let (least, most) = range.into_inner();
                problems.push(format!("{option}: {text:?} given; allowed are {least} to {most} seconds"));
                default
            })
        };
        let timeout = seconds("dd_timeout", TIMEOUT_RANGE, DEFAULT_TIMEOUT);
        let start = seconds("dd_order_start", START_RANGE, DEFAULT_START);
        let (Ok(key), Ok((base, local)), true) = (key, base, problems.is_empty()) else {
            return Err(SettingsError { problems });
        };
        Ok(Self {
            key,
            base,
            local,
            host,
            device,
            tags,
            use_tag: use_tag.is_some_and(|place| place % 2 == 1),
            events: events.is_some_and(|place| place % 2 == 1),
            api: if api == Some(1) { Api::V1 } else { Api::V2 },
            compression: match compression {
                Some(1) => Compression::Gzip,
                Some(2) => Compression::Off,
                _ => Compression::Deflate,
            },
            timeout,
            budget: timeout,
            patience: Duration::ZERO,
            limits: Limits::default(),
            order: order
                .is_some_and(|place| place % 2 == 1)
                .then_some(Ordering { start, patience: ORDER_PATIENCE }),
        })
    }

    /// Lets a shipment take `budget` in all, and wait up to `patience` of it for an intake that says "later".
    #[must_use]
    pub fn with_patience(mut self, budget: Duration, patience: Duration) -> Self {
        self.budget = budget;
        self.patience = patience;
        self
    }

    /// Other bounds of a request body: for proxies that take less.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = Limits { points: limits.points.max(1), ..limits };
        self
    }

    /// With `dd_order on`: how long a chunk that fails keeps the later ones of its tag waiting.
    #[must_use]
    pub fn with_order_patience(mut self, patience: Duration) -> Self {
        self.order = self.order.map(|order| Ordering { patience, ..order });
        self
    }

    /// The longest time that a shipment takes, apart from its own computing.
    pub fn longest(&self) -> Duration {
        self.budget
    }

    /// Where bodies are posted.
    pub fn endpoint(&self) -> String {
        let version = match self.api {
            Api::V1 => "v1",
            Api::V2 => "v2",
        };
        format!("{}/api/{version}/series", self.base)
    }

    /// Where events are posted.
    pub(super) fn events_endpoint(&self) -> String {
        format!("{}/api/v1/events", self.base)
    }
}

fn read_key(given: Option<String>, file: Option<String>, env: Option<String>) -> Result<Secret, String> {
    let (source, key) = match (given, file) {
        (Some(_), Some(_)) => {
            return Err("dd_api_key and dd_api_key_file are both given; one is enough".into());
        }
        (Some(key), None) => ("dd_api_key", key),
        (None, Some(path)) => match std::fs::read_to_string(&path) {
            Ok(text) => ("dd_api_key_file", text.trim().to_owned()),
            Err(cause) => return Err(format!("dd_api_key_file: {path:?} cannot be read: {cause}")),
        },
        (None, None) => match env {
            Some(key) => ("DD_API_KEY", key),
            None => return Err("dd_api_key: missing; give it, dd_api_key_file or DD_API_KEY".into()),
        },
    };
    if key.is_empty() || key.len() > KEY_LIMIT || !key.bytes().all(|b| b.is_ascii_graphic()) {
        // the value stays out of the message on purpose
        return Err(format!(
            "{source}: {} bytes; a key is 1 to {KEY_LIMIT} visible ASCII characters",
            key.len()
        ));
    }
    Ok(Secret::new(&key))
}

/// The intake's base address, and whether it is on this machine.
fn read_base(
    url: Option<String>,
    site: Option<String>,
    env: Option<String>,
) -> Result<(String, bool), String> {
    if let Some(url) = url {
        let bad = |why: &str| Err(format!("dd_url: {why}; https://host[:port][/path] is allowed"));
        let Ok(uri) = url.parse::<ureq::http::Uri>() else { return bad("not an address") };
        let Some(authority) = uri.authority() else { return bad("no host in it") };
        if authority.as_str().contains('@') || uri.query().is_some() {
            return bad("user names and queries are refused, they would end up in logs");
        }
        let host = authority.host();
        let inner = host.trim_start_matches('[').trim_end_matches(']');
        let local = host == "localhost" || inner.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        return match uri.scheme_str() {
            Some("https") => Ok((url.trim_end_matches('/').to_owned(), local)),
            Some("http") if local => Ok((url.trim_end_matches('/').to_owned(), local)),
            Some("http") => bad("http would show the key to the network, it is for this machine only"),
            _ => bad("the scheme is neither https nor http"),
        };
    }
    let (source, site) = match (site, env) {
        (Some(site), _) => ("dd_site", site),
        (None, Some(site)) => ("DD_SITE", site),
        (None, None) => ("dd_site", "datadoghq.com".to_owned()),
    };
    let label = |l: &str| !l.is_empty() && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if site.len() > 253 || !site.contains('.') || !site.split('.').all(label) || site.starts_with("api.") {
        return Err(format!(
            "{source}: {site:?} given; a site is a name such as datadoghq.eu, without https:// or api."
        ));
    }
    Ok((format!("https://api.{}", site.to_ascii_lowercase()), false))
}

#[cfg(test)]
mod tests;
