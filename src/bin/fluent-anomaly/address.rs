//! Addresses on the command line.

use std::net::{SocketAddr, ToSocketAddrs};

/// `127.0.0.1:9127`, or with a name: `localhost:9127`.
pub(crate) fn parse(text: &str) -> Result<SocketAddr, String> {
    let wrong = || format!("{text:?} is no address: 127.0.0.1:9127 or localhost:9127 is wanted");
    text.to_socket_addrs().map_err(|_| wrong())?.next().ok_or_else(wrong)
}
