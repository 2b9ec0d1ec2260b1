//! One request to the intake, and what its answer asks for.

use super::settings::{Compression, ShipperSettings};
use crate::config::secret::Secret;
use crate::time::retry_after_s;
use std::io::Read;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Longest wait that is read, s; the gate honours an hour.
const LONGEST_WAIT_S: f64 = 86_400.0;

/// Result of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum IntakeAnswer {
    /// 2xx; with what the body complains about, if it does.
    Accepted(Option<String>),
    /// 413: fewer points are to be sent.
    TooLarge,
    /// 400: the intake will never take this body.
    Refused(String),
    /// Everything else: the same points are to be sent again.
    Later {
        cause: IntakeFailure,
        /// The wait that the intake asks for.
        wait: Option<Duration>,
        text: String,
    },
}

/// Why points have to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IntakeFailure {
    /// 429.
    RateLimit,
    /// 401 or 403: a wrong key, or a key of another site.
    Key,
    /// 408 or 5xx.
    Server,
    /// No answer in time.
    Timeout,
    /// No connection, or one that broke.
    Network,
    /// A status that an intake never gives: probably something else answers at this address.
    Elsewhere,
}

impl IntakeFailure {
    pub(super) const COUNT: usize = 6;

    /// Whether another body might get through at the same moment.
    pub(super) fn can_be_the_body(self) -> bool {
        !matches!(self, Self::RateLimit | Self::Key)
    }
}

/// Bytes of an answer that are looked at.
const ANSWER_LIMIT: u64 = 4096;
/// No intake finds a body of so few bytes too large.
const FEW_BYTES: usize = 4096;
/// Characters of an answer that go into a log line.
const EXCERPT_LIMIT: usize = 200;

/// A connection pool for one intake.
#[derive(Debug)]
pub(super) struct Client {
    agent: ureq::Agent,
    endpoint: String,
    events_endpoint: String,
    key: Secret,
    encoding: Option<&'static str>,
}

impl Client {
    pub(super) fn new(settings: &ShipperSettings) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            // a redirect would carry the key elsewhere
            .max_redirects(0)
            .user_agent(concat!("fluent-anomaly/", env!("CARGO_PKG_VERSION")));
        let config = if settings.local { config.proxy(None) } else { config };
        Self {
            agent: config.build().new_agent(),
            endpoint: settings.endpoint(),
            events_endpoint: settings.events_endpoint(),
            key: settings.key.clone(),
            encoding: match settings.compression {
                Compression::Deflate => Some("deflate"),
                Compression::Gzip => Some("gzip"),
                Compression::Off => None,
            },
        }
    }

    /// Posts a body; everything, name look-up and answer included, takes at most `timeout`.
    pub(super) fn post(&self, body: &[u8], timeout: Duration) -> IntakeAnswer {
        self.send(&self.endpoint, self.encoding, body, timeout)
    }

    /// Posts an event, uncompressed; likewise.
    pub(super) fn post_event(&self, body: &[u8], timeout: Duration) -> IntakeAnswer {
        self.send(&self.events_endpoint, None, body, timeout)
    }

    fn send(&self, endpoint: &str, encoding: Option<&str>, body: &[u8], timeout: Duration) -> IntakeAnswer {
        let mut request = self
            .agent
            .post(endpoint)
            .config()
            .timeout_global(Some(timeout))
            .build()
            .header("Content-Type", "application/json")
            .header("DD-API-KEY", self.key.expose());
        if let Some(encoding) = encoding {
            request = request.header("Content-Encoding", encoding);
        }
        match request.send(body) {
            Ok(response) => self.read(response, body.len()),
            Err(error) => {
                let cause = match &error {
                    ureq::Error::Timeout(_) => IntakeFailure::Timeout,
                    ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::TimedOut => {
                        IntakeFailure::Timeout
                    }
                    _ => IntakeFailure::Network,
                };
                IntakeAnswer::Later { cause, wait: None, text: self.redact(&error.to_string()) }
            }
        }
    }

    fn read(&self, response: ureq::http::Response<ureq::Body>, sent: usize) -> IntakeAnswer {
        let (head, body) = response.into_parts();
        let mut text = Vec::new();
        // the status already says what matters: a body that is cut, slow or no text changes nothing
        let _ = body.into_reader().take(ANSWER_LIMIT).read_to_end(&mut text);
        let text = self.redact(&String::from_utf8_lossy(&text));
        let status = head.status.as_u16();
        let seconds = |name: &str| {
            let value = head.headers.get(name)?.to_str().ok()?.trim();
            value
                .parse::<f64>()
                .ok()
                .filter(|s| (0.0..=LONGEST_WAIT_S).contains(s))
                .map(Duration::from_secs_f64)
        };
        let text_of = |name: &str| head.headers.get(name)?.to_str().ok();
        let retry_after = || {
            let now_s =
                SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
            let wait_s = retry_after_s(text_of("retry-after")?, text_of("date"), now_s)?;
            Duration::try_from_secs_f64(wait_s.min(LONGEST_WAIT_S)).ok()
        };
        let later = |cause, wait| {
            let line = if text.is_empty() { status.to_string() } else { format!("{status} {text}") };
            IntakeAnswer::Later { cause, wait, text: line }
        };
        match status {
            200..=299 if is_intakes(status, &text) => IntakeAnswer::Accepted(complaint(&text)),
            400 if !is_page(&text) => IntakeAnswer::Refused(text),
            401 | 403 => later(IntakeFailure::Key, None),
            413 if !is_page(&text) || sent > FEW_BYTES => IntakeAnswer::TooLarge,
            429 => {
                let reset = seconds("x-ratelimit-reset").or_else(retry_after);
                later(IntakeFailure::RateLimit, reset.or_else(|| seconds("x-ratelimit-period")))
            }
            408 | 500..=599 => later(IntakeFailure::Server, retry_after()),
            _ => later(IntakeFailure::Elsewhere, None),
        }
    }

    /// A short single line without the key.
    fn redact(&self, text: &str) -> String {
        let text = self.key.scrub(text);
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        words.chars().filter(|c| !c.is_control()).take(EXCERPT_LIMIT).collect()
    }
}

/// Whether a successful answer can be an intake's: a page (of a captive portal, of a proxy) says 200, too.
fn is_intakes(status: u16, text: &str) -> bool {
    // the intake says 202; its body may be cut, and an emulator's may be empty
    text.starts_with('{') || (status == 202 && !is_page(text))
}

/// Whether the answer is a page, which an intake never gives: it is that of a proxy, and says nothing of the points.
fn is_page(text: &str) -> bool {
    text.starts_with('<')
}

/// A 202 with a list of errors that is not empty.
fn complaint(text: &str) -> Option<String> {
    let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    compact.contains("\"errors\":[\"").then(|| text.to_owned())
}
