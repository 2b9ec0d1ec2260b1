//! Options of the `dd` output, checked; all problems are reported in one go.
//!
//! The names are the same in a Fluent Bit section and on the command line. None of them is a name that Fluent
//! Bit's core keeps for itself (`host`, `port`, `tls.*`, `workers`, ...).

mod key_and_address;
mod options;
mod slips;

use crate::config::secret::Secret;
use options::OptionReader;
use std::fmt;
use std::time::Duration;
use thiserror::Error;

/// Which form of the intake's API is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntakeApi {
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
pub struct ShipperSettings {
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
    /// What fluent-plugin-dd would send is sent: a value is what Ruby's `to_f` makes of it, a missing one 0.
    pub(super) as_plugin: bool,
    pub(super) api: IntakeApi,
    pub(super) compression: Compression,
    /// For one request. 0 < it.
    pub(super) timeout: Duration,
    /// For one shipment, all its requests and waits; afterwards it is to be given again.
    pub(super) budget: Duration,
    /// How long a shipment may wait for an intake that says "later", within the budget; 0: not at all.
    pub(super) patience: Duration,
    pub(super) limits: Limits,
    /// Chunks of a tag arrive in their order; `None`: as the host gives them.
    pub(super) order: Option<OrderSettings>,
}

/// How the order of chunks is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OrderSettings {
    /// For so long after the first chunk nothing is shipped: the host finds its backlog.
    pub(super) start: Duration,
    /// How long a chunk that fails keeps those behind it waiting.
    pub(super) patience: Duration,
}

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
    ("compat", "dd_compat"),
];

/// Everything that is wrong with the options.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct ShipperSettingsError {
    /// One line a problem: the option, the value given (never a key), what is allowed.
    pub problems: Vec<String>,
}

impl fmt::Display for ShipperSettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problems.join("; "))
    }
}

/// The name of this machine.
fn machine() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    let name: String = name.trim().chars().take(HOST_LIMIT).collect();
    (!name.is_empty()).then_some(name)
}

impl ShipperSettings {
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
        ("dd_events", "off", "transitions of monitors and groups, and incidents, are posted as events"),
        ("dd_api", "v2", "v2 | v1"),
        ("dd_compress", "deflate", "deflate | gzip | off"),
        ("dd_timeout", "3.5", "seconds, 0.1 to 60, that a request (in Fluent Bit a whole flush) may take"),
        (
            "dd_compat",
            "off",
            "off | fluent-plugin-dd: values as its `to_f` reads them, this machine as the host",
        ),
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
    ) -> Result<Self, ShipperSettingsError> {
        let mut options = OptionReader { get, env, problems: Vec::new() };
        options.refuse_near_misses();
        let key = options.key();
        let base = options.base();
        let (host, device) = (options.name("dd_host"), options.name("dd_device"));
        let tags = options.tags();
        let use_tag = options.switch("use_fluentd_tag_for_datadog_tag");
        let events = options.switch("dd_events");
        let api = options.choice("dd_api", &["v2", "v1"]);
        let compression = options.choice("dd_compress", &["deflate", "gzip", "off"]);
        let order = options.switch("dd_order");
        let as_plugin = options.choice("dd_compat", &["off", "fluent-plugin-dd"]) == Some(1);
        let timeout = options.seconds("dd_timeout", TIMEOUT_RANGE, DEFAULT_TIMEOUT);
        let start = options.seconds("dd_order_start", START_RANGE, DEFAULT_START);
        let (Some(key), Some((base, local)), true) = (key, base, options.problems.is_empty()) else {
            return Err(ShipperSettingsError { problems: options.problems });
        };
        Ok(Self {
            key,
            base,
            local,
            host: host.or_else(|| as_plugin.then(machine).flatten()),
            device,
            tags,
            use_tag,
            events,
            as_plugin,
            api: if api == Some(1) { IntakeApi::V1 } else { IntakeApi::V2 },
            compression: match compression {
                Some(1) => Compression::Gzip,
                Some(2) => Compression::Off,
                _ => Compression::Deflate,
            },
            timeout,
            budget: timeout,
            patience: Duration::ZERO,
            limits: Limits::default(),
            order: order.then_some(OrderSettings { start, patience: ORDER_PATIENCE }),
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
        self.order = self.order.map(|order| OrderSettings { patience, ..order });
        self
    }

    /// The longest time that a shipment takes, apart from its own computing.
    pub fn longest(&self) -> Duration {
        self.budget
    }

    /// Where bodies are posted.
    pub fn endpoint(&self) -> String {
        let version = match self.api {
            IntakeApi::V1 => "v1",
            IntakeApi::V2 => "v2",
        };
        format!("{}/api/{version}/series", self.base)
    }

    /// Where events are posted.
    pub(super) fn events_endpoint(&self) -> String {
        format!("{}/api/v1/events", self.base)
    }
}

#[cfg(test)]
mod tests;
