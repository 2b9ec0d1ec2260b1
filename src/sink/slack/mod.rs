//! Warnings to a Slack channel, by an incoming webhook.
//!
//! Each cause at most once an hour, incidents aside: they have a budget of their own. Messages go through a bounded queue to a thread of their own, so that whoever
//! warns never waits; what does not fit is told to the log. The webhook's URL is a secret: whoever knows it can
//! post.
//!
//! | answer | what follows |
//! |---|---|
//! | 2xx | the next message |
//! | 429 | the same message again after `Retry-After` (30 s when absent, an hour at most) |
//! | 408, 5xx, no answer | the same message again after a back-off |
//! | 400, 403, 404, 410 and all others | final: told to the log |

mod hourly;

use crate::companion::{Backoff, Env, Notice, Progress, Wake};
use crate::config::secret::{REDACTED, Secret};
use crate::time::retry_after_s;
use hourly::Hourly;
use std::fmt;
use std::io::Read;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use thiserror::Error;

/// Messages that wait to be sent.
const QUEUE: usize = 16;
/// Tries of one message.
const TRIES: u32 = 5;
/// Longest text of a message, characters; Slack cuts at 40 000.
const MAX_TEXT: usize = 2000;
/// Limit for one request, everything included.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Pause after a 429 that names none.
const PAUSE: Duration = Duration::from_secs(30);
/// Longest pause that is honoured.
const MAX_PAUSE: Duration = Duration::from_secs(3600);
/// Bytes of an answer that are looked at.
const ANSWER_LIMIT: u64 = 1024;

/// Where messages go and how they look.
#[derive(Debug, Clone, Default)]
pub struct SlackSettings {
    /// Address of the incoming webhook: `https`, or `http` to this machine.
    pub url: Secret,
    /// Channel, when not the webhook's own.
    pub channel: Option<String>,
    /// Shown as the sender.
    pub username: Option<String>,
    /// Shown beside the sender, e.g. `:warning:`.
    pub icon_emoji: Option<String>,
    /// Stands before each message, e.g. the name of the machine.
    pub from: String,
}

/// Why there are no messages. Shows nothing of the URL.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SlackError {
    /// The URL cannot be used.
    #[error(
        "[slack] url: {problem}; wanted is https://hooks.slack.com/services/..., or http to this machine (the value is not shown)"
    )]
    Url {
        /// Cause.
        problem: &'static str,
    },
    /// No thread.
    #[error("[slack] no thread: {0}")]
    Thread(std::io::Error),
}

/// Takes notices and posts the warnings among them.
pub struct SlackNotifier {
    queue: Mutex<Option<SyncSender<String>>>,
    hourly: Mutex<Hourly>,
    done: Mutex<Receiver<()>>,
    env: Arc<dyn Env + Send + Sync>,
    log: Arc<dyn Progress + Send + Sync>,
    from: String,
}

impl fmt::Debug for SlackNotifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlackNotifier").field("hourly", &self.hourly).finish_non_exhaustive()
    }
}

impl SlackNotifier {
    /// Starts the thread that posts. `log` is told what could not be delivered.
    ///
    /// # Errors
    /// [`SlackError`].
    pub fn start(
        settings: SlackSettings,
        env: Arc<dyn Env + Send + Sync>,
        log: Arc<dyn Progress + Send + Sync>,
    ) -> Result<Self, SlackError> {
        let from = settings.from.clone();
        let poster = Poster::new(settings, env.clone())?;
        let (queue, messages) = sync_channel::<String>(QUEUE);
        let (finished, done) = sync_channel(1);
        let failed = log.clone();
        let work = move || {
            for message in messages {
                if let Err(reason) = poster.deliver(&message) {
                    failed.notice(&Notice::SlackFailed { reason });
                }
            }
            // nobody may be waiting for it
            let _ = finished.send(());
        };
        thread::Builder::new().name("slack".into()).spawn(work).map_err(SlackError::Thread)?;
        Ok(Self {
            queue: Mutex::new(Some(queue)),
            hourly: Mutex::default(),
            done: Mutex::new(done),
            env,
            log,
            from,
        })
    }

    /// Takes no further messages and waits for those in the queue, `within` at most. False when it was not enough.
    pub fn finish(&self, within: Duration) -> bool {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let waited = self.done.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(within);
        !matches!(waited, Err(RecvTimeoutError::Timeout))
    }
}

impl Progress for SlackNotifier {
    fn notice(&self, notice: &Notice) {
        // what Slack does not take cannot be told to Slack
        if !notice.is_warning() || matches!(notice, Notice::SlackFailed { .. }) {
            return;
        }
        let now = self.env.monotonic();
        let admitted = match notice {
            Notice::Incident { .. } => Some(0),
            _ => self.hourly.lock().unwrap_or_else(PoisonError::into_inner).admit(notice.cause(), now),
        };
        let Some(held) = admitted else { return };
        let mut text: String = format!("{}: {notice}", self.from).chars().take(MAX_TEXT).collect();
        if held > 0 {
            text += &format!(" ({held} more of this kind since the last message)");
        }
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.as_ref().is_some_and(|queue| queue.try_send(text).is_err()) {
            self.log.notice(&Notice::SlackFailed { reason: format!("{QUEUE} messages are waiting already") });
        }
    }
}

/// What one request led to.
enum SlackAnswer {
    Taken,
    Final(String),
    Later { reason: String, wait: Option<Duration> },
}

struct Poster {
    agent: ureq::Agent,
    settings: SlackSettings,
    env: Arc<dyn Env + Send + Sync>,
}

impl Poster {
    fn new(settings: SlackSettings, env: Arc<dyn Env + Send + Sync>) -> Result<Self, SlackError> {
        let local = check_url(settings.url.expose()).map_err(|problem| SlackError::Url { problem })?;
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            // a redirect would carry the warnings elsewhere
            .max_redirects(0)
            .max_redirects_will_error(false)
            .https_only(!local)
            .user_agent(concat!("fluent-anomaly/", env!("CARGO_PKG_VERSION")))
            .timeout_global(Some(TIMEOUT));
        let config = if local { config.proxy(None) } else { config };
        Ok(Self { agent: config.build().new_agent(), settings, env })
    }

    /// Posts until it is taken, refused for good, or tried often enough.
    fn deliver(&self, text: &str) -> Result<(), String> {
        let body = body(&self.settings, text);
        let mut backoff = Backoff::new(Duration::from_secs(2), Duration::from_secs(60));
        loop {
            let (reason, wait) = match self.post(&body) {
                SlackAnswer::Taken => return Ok(()),
                SlackAnswer::Final(reason) => return Err(reason),
                SlackAnswer::Later { reason, wait } => (reason, wait),
            };
            let pause = backoff.fail(&*self.env);
            let wait = wait.map_or(pause, |wait| wait.min(MAX_PAUSE));
            if backoff.failures() >= TRIES || self.env.sleep(wait) == Wake::Stop {
                return Err(reason);
            }
        }
    }

    fn post(&self, body: &str) -> SlackAnswer {
        let request = self
            .agent
            .post(self.settings.url.expose())
            .header("Content-Type", "application/json; charset=utf-8");
        let response = match request.send(body) {
            Ok(response) => response,
            Err(error) => {
                return SlackAnswer::Later { reason: self.printable(&error.to_string()), wait: None };
            }
        };
        let status = response.status().as_u16();
        let text = |name: &str| response.headers().get(name)?.to_str().ok();
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
        let pause = text("retry-after").and_then(|wait| retry_after_s(wait, text("date"), now_s));
        let pause = pause.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let mut answer = Vec::new();
        // the status says what matters
        let _ = response.into_body().into_reader().take(ANSWER_LIMIT).read_to_end(&mut answer);
        let reason = self.printable(&format!("status {status} {}", String::from_utf8_lossy(&answer)));
        match status {
            200..=299 => SlackAnswer::Taken,
            429 => SlackAnswer::Later { reason, wait: Some(pause.unwrap_or(PAUSE)) },
            408 | 500..=599 => SlackAnswer::Later { reason, wait: pause },
            _ => SlackAnswer::Final(reason),
        }
    }

    /// One short line without the URL and without the parts of its path: errors and answers may echo either.
    fn printable(&self, text: &str) -> String {
        let url = self.settings.url.expose();
        let mut text = self.settings.url.scrub(text);
        let path =
            url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
        for part in path.split(['/', '?', '&', '=']).filter(|part| part.len() >= 4 && *part != "services") {
            text = text.replace(part, REDACTED);
        }
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        line.chars().filter(|c| !c.is_control()).take(200).collect()
    }
}

/// True for this machine; what is wrong otherwise.
fn check_url(url: &str) -> Result<bool, &'static str> {
    let (scheme, rest) = url.split_once("://").ok_or("it is no address")?;
    let authority = rest.split('/').next().unwrap_or_default();
    if authority.is_empty() || authority.contains('@') || !url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("it is no address of a webhook");
    }
    let host = match authority.strip_prefix('[') {
        Some(inner) => inner.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let local = host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    match scheme {
        "https" => Ok(local),
        "http" if local => Ok(true),
        "http" => Err("it would travel unencrypted"),
        _ => Err("it is no address of a webhook"),
    }
}

/// The message as Slack takes it: `& < >` are its own marks.
fn body(settings: &SlackSettings, text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let mut message = serde_json::Map::new();
    message.insert("text".to_owned(), text.into());
    let options = [
        ("channel", &settings.channel),
        ("username", &settings.username),
        ("icon_emoji", &settings.icon_emoji),
    ];
    for (key, value) in options {
        if let Some(value) = value {
            message.insert(key.to_owned(), value.as_str().into());
        }
    }
    serde_json::Value::Object(message).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_https_or_this_machine() {
        assert_eq!(check_url("https://hooks.slack.com/services/T0/B0/x"), Ok(false));
        assert_eq!(check_url("http://127.0.0.1:8080/hook"), Ok(true));
        assert_eq!(check_url("http://[::1]:1/hook"), Ok(true));
        for bad in
            ["hooks.slack.com", "http://hooks.slack.com/x", "ftp://localhost/", "https://u:p@h/", "https://"]
        {
            assert!(check_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_error_shows_neither_the_url_nor_a_part_of_its_path() {
        let settings = SlackSettings {
            url: Secret::new("https://hooks.slack.com/services/T012345/B0678/abcdefghij"),
            ..Default::default()
        };
        let poster = Poster::new(settings, Arc::new(crate::companion::Native::default())).unwrap();
        let shown = poster
            .printable("no https://hooks.slack.com/services/T012345/B0678/abcdefghij, B0678/abcdefghij");
        assert_eq!(shown, "no ***, ***/***");
    }
}
