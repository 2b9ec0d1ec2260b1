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
    let plain =
        |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, '/' | '@' | '?' | '#' | '"' | '\'');
    (!host.is_empty() && host.chars().all(plain)).then_some((host, port, tls))
}

/// Whether an IP address is one of this machine; a text of zeros and colons that ends with 1 is, or is none. `core` would
/// read any address, in 3.4 kB that the filter carries along.
fn is_loopback(host: &str) -> bool {
    let is_byte = |part: &str| part.parse::<u8>().is_ok();
    let is_v4 = host.starts_with("127.") && host.split('.').count() == 4 && host.split('.').all(is_byte);
    let is_zeros = |text: &str| text.contains(':') && text.bytes().all(|b| matches!(b, b'0' | b':'));
    is_v4 || host.strip_suffix('1').is_some_and(is_zeros)
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
    let local = host.eq_ignore_ascii_case("localhost") || is_loopback(host);
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

#[cfg(test)]
mod tests {
    use super::{api_url, is_loopback};
    use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
    use proptest::prelude::*;

    #[test]
    fn addresses_of_this_machine_are_told_from_others() {
        for host in ["127.0.0.1", "127.255.0.9", "::1", "0:0:0:0:0:0:0:1", "0000::0001"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in
            ["127.0.0", "127.0.0.256", "127.0.0.1.example.net", "128.0.0.1", "::2", "1::1", "1", "::11", "::"]
        {
            assert!(!is_loopback(host), "{host}");
        }
        assert_eq!(api_url("http://[::1]:8126/").map(|(_, local)| local), Ok(true));
        assert!(api_url("http://10.0.0.1").is_err());
    }

    proptest! {
        #[test]
        fn an_address_is_of_this_machine_where_core_says_so(v4: u32, v6: u128, near in 0u128..4, first in 126u32..129) {
            for v4 in [v4, first << 24 | v4 >> 8] {
                let address = Ipv4Addr::from_bits(v4);
                prop_assert_eq!(is_loopback(&address.to_string()), IpAddr::V4(address).is_loopback());
            }
            for v6 in [v6, near] {
                let address = Ipv6Addr::from_bits(v6);
                prop_assert_eq!(is_loopback(&address.to_string()), IpAddr::V6(address).is_loopback());
            }
        }
    }
}
