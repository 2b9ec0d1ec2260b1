//! `/metrics` of a program that runs until it is asked to stop.

use std::net::SocketAddr;

use fluent_anomaly::native::{Env, Native, metrics};

use crate::failure::Failure;

/// Serves what `text` makes; not ready any more once a stop is asked for. Gives the address that is listened on.
pub(crate) fn serve(
    address: SocketAddr,
    env: Native,
    text: impl Fn() -> String + Send + Sync + 'static,
) -> Result<SocketAddr, Failure> {
    metrics::serve_with_readiness(address, text, move || !env.stopping())
        .map_err(|error| Failure::Failed(error.to_string()))
}
