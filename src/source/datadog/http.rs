//! One request: headers, time-outs, a bounded body, what a status code means.

use super::answer::{self, AnswerBody};
use super::settings::{DatadogError, DatadogSettings};
use super::{QueryOutcome, RateHeaders, Reply};
use crate::time::retry_after_s;
use std::io::{self, Read};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use ureq::config::RedirectAuthHeaders;
use ureq::http::{HeaderMap, Response};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Proxy, RequestBuilder};

/// Most bytes of an error's body that are read.
const MAX_ERROR_BYTES: u64 = 8 << 10;

/// Most bytes of an answer about one monitor that are read.
const MAX_ANSWER_BYTES: u64 = 1 << 20;

/// Bytes of a malformed body that are kept for the message; shown are fewer, so that no key is cut before it is
/// recognised and taken out.
const HEAD_BYTES: usize = 4 << 10;

/// Ten years are as good as for ever, s.
const LONGEST_WAIT_S: f64 = 3.2e8;

/// A client with its keys.
#[derive(Debug)]
pub(super) struct Http {
    agent: Agent,
    pub(super) base: String,
    pub(super) settings: DatadogSettings,
}

impl Http {
    pub(super) fn new(settings: &DatadogSettings) -> Result<Self, DatadogError> {
        settings.check_keys()?;
        let (base, local) = settings.base_url()?;
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            // a redirect would carry the keys to another host
            .max_redirects(0)
            .max_redirects_will_error(false)
            .redirect_auth_headers(RedirectAuthHeaders::Never)
            .https_only(!local)
            .user_agent(concat!("fluent-anomaly/", env!("CARGO_PKG_VERSION")))
            .timeout_global(Some(settings.timeout))
            .timeout_resolve(Some(settings.connect_timeout))
            .timeout_connect(Some(settings.connect_timeout));
        if local {
            config = config.proxy(None);
        } else if let Some(proxy) = &settings.proxy {
            config = config.proxy(Some(Proxy::new(proxy.expose()).map_err(|_| DatadogError::Proxy)?));
        }
        if let Some(path) = &settings.ca_file {
            let wrong = |reason: String| DatadogError::CaFile { path: path.display().to_string(), reason };
            let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
            let roots = certificates(&pem).map_err(wrong)?;
            let tls = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&roots)).build();
            config = config.tls_config(tls);
        }
        Ok(Self { agent: config.build().new_agent(), base, settings: settings.clone() })
    }

    /// Asks with GET; `read` turns the body of a 200 into series.
    pub(super) fn get(
        &self,
        path: &str,
        parameters: &[(&str, &str)],
        read: impl FnOnce(&mut dyn Read) -> Result<AnswerBody, serde_json::Error>,
    ) -> Reply {
        let request = self.agent.get(format!("{}{path}", self.base)).query_pairs(parameters.iter().copied());
        self.reply(self.with_keys(request).call(), read)
    }

    /// Asks with a POST of JSON.
    pub(super) fn post(
        &self,
        path: &str,
        body: &str,
        read: impl FnOnce(&mut dyn Read) -> Result<AnswerBody, serde_json::Error>,
    ) -> Reply {
        let request =
            self.agent.post(format!("{}{path}", self.base)).header("content-type", "application/json");
        self.reply(self.with_keys(request).send(body), read)
    }

    /// POST of JSON whose answer is small: the body of a 200, or what became of the call.
    pub(super) fn post_once(&self, path: &str, body: &str) -> Result<Vec<u8>, QueryOutcome> {
        let request =
            self.agent.post(format!("{}{path}", self.base)).header("content-type", "application/json");
        let unavailable = |error: &str| QueryOutcome::Unavailable { reason: self.settings.printable(error) };
        let mut response =
            self.with_keys(request).send(body).map_err(|error| unavailable(&error.to_string()))?;
        let rate = rate_headers(response.headers());
        let status = response.status().as_u16();
        if status != 200 {
            return Err(self.failure(status, &mut response, &rate));
        }
        let mut answer = Vec::new();
        let reader = response.body_mut().with_config().limit(u64::MAX).reader();
        reader
            .take(MAX_ANSWER_BYTES)
            .read_to_end(&mut answer)
            .map_err(|error| unavailable(&error.to_string()))?;
        Ok(answer)
    }

    fn with_keys<S>(&self, request: RequestBuilder<S>) -> RequestBuilder<S> {
        request
            .header("dd-api-key", self.settings.api_key.expose())
            .header("dd-application-key", self.settings.app_key.expose())
            .header("accept", "application/json")
    }

    fn reply(
        &self,
        result: Result<Response<ureq::Body>, ureq::Error>,
        read: impl FnOnce(&mut dyn Read) -> Result<AnswerBody, serde_json::Error>,
    ) -> Reply {
        let mut response = match result {
            Ok(response) => response,
            Err(error) => {
                let reason = self.settings.printable(&error.to_string());
                return Reply { outcome: QueryOutcome::Unavailable { reason }, rate: RateHeaders::default() };
            }
        };
        let rate = rate_headers(response.headers());
        let status = response.status().as_u16();
        let outcome = if status == 200 {
            self.series(response.body_mut(), read)
        } else {
            self.failure(status, &mut response, &rate)
        };
        Reply { outcome, rate }
    }

    fn series(
        &self,
        body: &mut ureq::Body,
        read: impl FnOnce(&mut dyn Read) -> Result<AnswerBody, serde_json::Error>,
    ) -> QueryOutcome {
        let limit = self.settings.max_answer_bytes;
        let reader = body.with_config().limit(u64::MAX).reader();
        // serde_json reads byte by byte
        let mut counted = CountingReader {
            inner: io::BufReader::with_capacity(64 << 10, reader),
            left: limit,
            over: false,
            head: Vec::new(),
        };
        match read(&mut io::BufReader::with_capacity(8 << 10, &mut counted)) {
            Ok(AnswerBody::Series(series)) => QueryOutcome::Series(series),
            Ok(AnswerBody::Refused(reason)) => {
                QueryOutcome::Refused { reason: self.settings.printable(&reason) }
            }
            Err(_) if counted.over => QueryOutcome::TooLarge { limit },
            Err(error) if error.is_io() => {
                QueryOutcome::Unavailable { reason: self.settings.printable(&error.to_string()) }
            }
            Err(error) => {
                let head = String::from_utf8_lossy(&counted.head).into_owned();
                let head: String = self.settings.printable(&head).chars().take(60).collect();
                let reason = self.settings.printable(&format!("{error}; it starts with `{head}`"));
                QueryOutcome::Malformed { reason }
            }
        }
    }

    fn failure(&self, status: u16, response: &mut Response<ureq::Body>, rate: &RateHeaders) -> QueryOutcome {
        let retry_after = retry_after(response.headers());
        let mut body = Vec::new();
        // a part of the body is enough: the status decides
        let _ = response
            .body_mut()
            .with_config()
            .limit(u64::MAX)
            .reader()
            .take(MAX_ERROR_BYTES)
            .read_to_end(&mut body);
        let text = self.settings.printable(&answer::error_text(&body));
        let reason =
            if text.is_empty() { format!("status {status}") } else { format!("status {status}: {text}") };
        match status {
            429 => QueryOutcome::RateLimited { reset: rate.reset.or(retry_after).map(Duration::from_secs) },
            401 | 403 => QueryOutcome::Unauthorized { reason },
            413 => QueryOutcome::TooLarge { limit: self.settings.max_answer_bytes },
            400 | 405..=407 | 409..=428 | 430..=499 => QueryOutcome::Refused { reason },
            // 404 is what a proxy or the wrong site says; 3xx, 408 and 5xx pass
            _ => QueryOutcome::Unavailable { reason },
        }
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<Certificate<'static>>, String> {
    let mut roots = Vec::new();
    for item in parse_pem(pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| error.to_string())? {
            roots.push(certificate);
        }
    }
    if roots.is_empty() { Err("no certificate in it".to_owned()) } else { Ok(roots) }
}

fn seconds(headers: &HeaderMap, name: &str) -> Option<u64> {
    let number: f64 = headers.get(name)?.to_str().ok()?.trim().parse().ok()?;
    (number >= 0.0).then(|| number.min(LONGEST_WAIT_S) as u64) // NaN fails
}

/// Seconds that a proxy or the API asks to wait, as a number or as a date.
fn retry_after(headers: &HeaderMap) -> Option<u64> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
    let seconds = retry_after_s(text("retry-after")?, text("date"), now_s)?;
    Some(seconds.min(LONGEST_WAIT_S) as u64)
}

fn rate_headers(headers: &HeaderMap) -> RateHeaders {
    RateHeaders {
        limit: seconds(headers, "x-ratelimit-limit"),
        period: seconds(headers, "x-ratelimit-period"),
        remaining: seconds(headers, "x-ratelimit-remaining"),
        reset: seconds(headers, "x-ratelimit-reset"),
    }
}

/// Reads at most `left` bytes, then fails and remembers why.
struct CountingReader<R> {
    inner: R,
    left: u64,
    over: bool,
    /// The first bytes, for an error.
    head: Vec<u8>,
}

impl<R: Read> Read for CountingReader<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buf)?;
        let read = buf.get(..count).unwrap_or_default();
        let wanted = HEAD_BYTES.saturating_sub(self.head.len());
        self.head.extend_from_slice(read.get(..wanted).unwrap_or(read));
        match self.left.checked_sub(count as u64) {
            Some(left) => self.left = left,
            None => {
                self.over = true;
                return Err(io::Error::other("answer over the limit"));
            }
        }
        Ok(count)
    }
}
