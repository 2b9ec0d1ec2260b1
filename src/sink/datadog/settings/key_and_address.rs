//! Source of the API key, and the address of the intake.

use crate::config::secret::Secret;
use std::net::IpAddr;

/// Longest key, in bytes. Datadog's have 32.
const KEY_LIMIT: usize = 256;
/// The API key: given, from a file, or from the environment.
pub(super) fn read_key(
    given: Option<String>,
    file: Option<String>,
    env: Option<String>,
) -> Result<Secret, String> {
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
pub(super) fn read_base(
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
