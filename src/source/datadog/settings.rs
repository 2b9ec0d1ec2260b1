//! Site, keys, limits.

use crate::config::api_url;
use crate::config::secret::Secret;
use std::path::PathBuf;
use std::time::Duration;
use thiserror::Error;

/// Why the settings cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DatadogError {
    /// A key is missing or cannot be sent. The key itself is not shown.
    #[error("Datadog: {name} {problem}")]
    Key {
        /// The environment variable it usually comes from.
        name: &'static str,
        /// Cause.
        problem: &'static str,
    },
    /// Not an address of the API.
    #[error("Datadog: api_url `{given}`: {problem}")]
    Url {
        /// Value given.
        given: String,
        /// Cause.
        problem: &'static str,
    },
    /// The CA file cannot be used.
    #[error("Datadog: CA file {path}: {reason}")]
    CaFile {
        /// The file.
        path: String,
        /// Cause.
        reason: String,
    },
    /// The proxy's address cannot be used; it is not shown, as it may hold a password.
    #[error("Datadog: the proxy must be http://[user:password@]host:port")]
    Proxy,
}

/// The endpoint that is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ApiVersion {
    /// `GET /api/v1/query`: names metric, scope and interval of each series.
    #[default]
    V1,
    /// `POST /api/v2/query/timeseries`: formulas, an explicit interval, long queries.
    V2,
}

/// Everything the query client needs to know.
#[derive(Debug, Clone)]
pub struct DatadogSettings {
    /// `DD_API_KEY`.
    pub api_key: Secret,
    /// `DD_APP_KEY`; needs the scope `timeseries_query`.
    pub app_key: Secret,
    /// For example `datadoghq.com` or `datadoghq.eu`; any site is taken.
    pub site: String,
    /// Instead of the site's address: `https://host[:port]`; plain `http` only to this machine.
    pub api_url: Option<String>,
    /// The endpoint.
    pub version: ApiVersion,
    /// `interval` of v2 requests, seconds; the API may enlarge it.
    pub interval: Option<u32>,
    /// PEM file of root certificates that are trusted instead of the public ones (a company's proxy).
    pub ca_file: Option<PathBuf>,
    /// Address of a proxy; absent: `ALL_PROXY`, `HTTPS_PROXY`, `NO_PROXY` of the environment.
    pub proxy: Option<Secret>,
    /// Limit for name resolution and connect, each.
    pub connect_timeout: Duration,
    /// Limit for the whole exchange, body included.
    pub timeout: Duration,
    /// Longest answer, after decompression; memory for its points is about as large.
    pub max_answer_bytes: u64,
}

impl Default for DatadogSettings {
    fn default() -> Self {
        Self {
            api_key: Secret::default(),
            app_key: Secret::default(),
            site: "datadoghq.com".to_owned(),
            api_url: None,
            version: ApiVersion::V1,
            interval: None,
            ca_file: None,
            proxy: None,
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(60),
            max_answer_bytes: 32 << 20,
        }
    }
}

impl DatadogSettings {
    /// A digest of both keys, which tells them from others and gives nothing of them away.
    #[must_use]
    pub fn keys_digest(&self) -> u64 {
        use sha2::Digest;
        let mut hash = sha2::Sha512::new();
        for key in [&self.api_key, &self.app_key] {
            hash.update(key.expose().as_bytes());
            hash.update([0]);
        }
        let bytes = hash.finalize();
        bytes.iter().take(8).fold(0, |digest, &byte| digest << 8 | u64::from(byte))
    }

    /// The API's address without a slash at its end, and whether it is this machine.
    pub(super) fn base_url(&self) -> Result<(String, bool), DatadogError> {
        let given = self.api_url.clone().unwrap_or_else(|| format!("https://api.{}", self.site.trim()));
        api_url(&given).map_err(|wrong| DatadogError::Url {
            given: if wrong.secret { "...@...".to_owned() } else { given },
            problem: wrong.problem,
        })
    }

    pub(super) fn check_keys(&self) -> Result<(), DatadogError> {
        for (name, key) in [("DD_API_KEY", &self.api_key), ("DD_APP_KEY", &self.app_key)] {
            if key.is_empty() {
                return Err(DatadogError::Key { name, problem: "is missing" });
            }
            if !key.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(DatadogError::Key { name, problem: "holds characters that no key has" });
            }
        }
        Ok(())
    }

    /// `text` on one line, cut, without the keys: a server may echo what it was sent.
    pub(super) fn printable(&self, text: &str) -> String {
        let scrubbed = self.app_key.scrub(&self.api_key.scrub(text));
        let line = scrubbed.split_whitespace().collect::<Vec<_>>().join(" ");
        line.chars().filter(|c| !c.is_control()).take(300).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_and_urls_become_addresses_or_errors() {
        let base = |site: &str, api_url: Option<&str>| {
            DatadogSettings { site: site.into(), api_url: api_url.map(Into::into), ..Default::default() }
                .base_url()
        };
        assert_eq!(base("us3.datadoghq.com", None).unwrap().0, "https://api.us3.datadoghq.com");
        assert_eq!(base("", Some("http://127.0.0.1:8126/")).unwrap(), ("http://127.0.0.1:8126".into(), true));
        assert_eq!(base("", Some("http://[::1]:1")).unwrap(), ("http://[::1]:1".into(), true));
        assert_eq!(base("", Some("https://proxy.corp/dd")).unwrap(), ("https://proxy.corp/dd".into(), false));
        for (site, url) in [
            ("", Some("http://api.datadoghq.com")),
            ("", Some("http://127.0.0.1.evil.example")),
            ("", Some("ftp://x")),
            ("", Some("https://")),
            ("", Some("https://u:p@h")),
            ("a b", None),
            ("x/../y?z", None),
        ] {
            assert!(base(site, url).is_err(), "{site} {url:?}");
        }
    }

    #[test]
    fn an_error_about_a_key_does_not_show_it() {
        let settings = DatadogSettings {
            api_key: Secret::new("abcd\u{7f}efgh"),
            app_key: Secret::new("app"),
            ..Default::default()
        };
        let text = settings.check_keys().unwrap_err().to_string();
        assert!(text.contains("DD_API_KEY") && !text.contains("abcd"), "{text}");
    }
}
