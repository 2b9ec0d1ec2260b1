//! Addresses of servers: one rule for the check of a configuration and for the clients that connect.

/// Host, port and TLS of `tcp://host:port`, `tls://host:port`, `host:port` or `host`; port 24224 if absent.
///
/// ```
/// use fluent_anomaly::configuration::forward_address;
/// assert_eq!(forward_address("tls://[::1]:24225"), Some(("::1", 24225, true)));
/// assert_eq!(forward_address("http://localhost"), None);
/// ```
#[must_use]
pub fn forward_address(text: &str) -> Option<(&str, u16, bool)> {
    let (tls, rest) = match text.trim().split_once("://") {
        Some(("tcp", rest)) => (false, rest),
        Some(("tls", rest)) => (true, rest),
        Some(_) => return None,
        None => (false, text.trim()),
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (host, port) = if let Some(inner) = rest.strip_prefix('[') {
        let (host, after) = inner.split_once(']')?;
        (host, if after.is_empty() { None } else { Some(after.strip_prefix(':')?) })
    } else {
        match rest.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') => (host, Some(port)),
            Some(_) => return None,
            None => (rest, None),
        }
    };
    let port = port.map_or(Some(24224), |port| port.parse().ok().filter(|&port| port != 0))?;
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, '/' | '@' | '?' | '#');
    (!host.is_empty() && host.chars().all(plain)).then_some((host, port, tls))
}

/// What is wrong with an address of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiUrlProblem {
    /// In words.
    pub problem: &'static str,
    /// It may hold a password: not to be shown.
    pub secret: bool,
}

/// An address of the API without a slash at its end, and whether it is this machine. `https`, and `http` only to
/// this machine: keys do not travel unencrypted.
///
/// # Errors
/// [`ApiUrlProblem`].
pub fn api_url(given: &str) -> Result<(String, bool), ApiUrlProblem> {
    let wrong = |problem| ApiUrlProblem { problem, secret: false };
    let not_https = wrong("https://host is wanted");
    let (scheme, rest) = given.trim().split_once("://").ok_or(not_https)?;
    let authority = rest.split('/').next().unwrap_or_default();
    let clean = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    if authority.contains('@') {
        return Err(ApiUrlProblem { problem: "no user and password here", secret: true });
    }
    if authority.is_empty()
        || !authority.chars().all(clean)
        || authority.starts_with('.')
        || rest.contains(['?', '#'])
    {
        return Err(not_https);
    }
    let host = match authority.strip_prefix('[') {
        Some(inner) => inner.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let local = host.eq_ignore_ascii_case("localhost")
        || host.parse::<core::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    match scheme {
        "https" => {}
        "http" if local => {}
        "http" => {
            return Err(wrong(
                "the keys would travel unencrypted: https is wanted, http only to this machine",
            ));
        }
        _ => return Err(not_https),
    }
    Ok((format!("{scheme}://{}", rest.trim_end_matches('/')), local))
}
