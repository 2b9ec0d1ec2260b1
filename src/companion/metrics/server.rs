//! `GET /metrics`, `/healthz` and `/readyz`, nothing else.

use std::net::SocketAddr;

use crate::companion::http::{self, Answer, HttpError};

/// Connections that are served at once; further ones wait in the kernel's queue.
const THREADS: usize = 4;
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Serves the text that `text` makes, for as long as the process lives. Gives the address that is listened on
/// (port 0 is replaced by the one that was found).
///
/// # Errors
/// [`HttpError`].
pub fn serve(
    address: SocketAddr,
    text: impl Fn() -> String + Send + Sync + 'static,
) -> Result<SocketAddr, HttpError> {
    serve_with_readiness(address, text, || true)
}

/// As [`serve`]; `/readyz` answers 503 while `is_ready` says no, for example while the process drains. `/healthz` answers
/// 200 as long as the process lives.
///
/// # Errors
/// [`HttpError`].
pub fn serve_with_readiness(
    address: SocketAddr,
    text: impl Fn() -> String + Send + Sync + 'static,
    is_ready: impl Fn() -> bool + Send + Sync + 'static,
) -> Result<SocketAddr, HttpError> {
    http::serve("metrics", address, THREADS, move |request| match request.path {
        "/metrics" => Answer::Body(OPENMETRICS, text()),
        "/healthz" => Answer::Status("200 OK"),
        "/readyz" if is_ready() => Answer::Status("200 OK"),
        "/readyz" => Answer::Status("503 Service Unavailable"),
        _ => Answer::Status("404 Not Found"),
    })
}
