//! `GET /metrics`, `/healthz` and `/readyz`, nothing else: a few threads over one listener, bounded in every direction.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use thiserror::Error;

use crate::companion::TimedSocket;

/// Longest head of a request; a scraper sends a few hundred bytes.
const MAX_HEAD: usize = 8 << 10;
/// How long a client may take for its request, and again for the answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// Connections that are served at once; further ones wait in the kernel's queue.
const THREADS: usize = 4;
/// Bytes of an unwanted body that are read away, so that the answer is not lost to a reset.
const MAX_DRAIN: usize = 64 << 10;

/// Why there is no endpoint.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MetricsError {
    /// The address is taken, not of this machine, or not allowed.
    #[error("metrics: cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// No thread.
    #[error("metrics: no thread: {0}")]
    Thread(io::Error),
}

/// Serves the text that `text` makes, for as long as the process lives. Gives the address that is listened on
/// (port 0 is replaced by the one that was found).
///
/// # Errors
/// [`MetricsError`].
pub fn serve(
    address: SocketAddr,
    text: impl Fn() -> String + Send + Sync + 'static,
) -> Result<SocketAddr, MetricsError> {
    serve_with_readiness(address, text, || true)
}

/// As [`serve`]; `/readyz` answers 503 while `is_ready` says no, for example while the process drains. `/healthz` answers
/// 200 as long as the process lives.
///
/// # Errors
/// [`MetricsError`].
pub fn serve_with_readiness(
    address: SocketAddr,
    text: impl Fn() -> String + Send + Sync + 'static,
    is_ready: impl Fn() -> bool + Send + Sync + 'static,
) -> Result<SocketAddr, MetricsError> {
    let failed = |source| MetricsError::Listen { address, source };
    let listener = TcpListener::bind(address).map_err(failed)?;
    let found = listener.local_addr().map_err(failed)?;
    let told = Arc::new((text, is_ready));
    for _ in 0..THREADS {
        let (listener, told) = (listener.try_clone().map_err(failed)?, told.clone());
        let work = move || {
            loop {
                match listener.accept() {
                    // a client that leaves or stalls is its own affair
                    Ok((socket, _)) => drop(answer(socket, &told.0, &told.1)),
                    // out of descriptors: no busy loop until some are free
                    Err(_) => thread::sleep(Duration::from_millis(100)),
                }
            }
        };
        thread::Builder::new().name("metrics".into()).spawn(work).map_err(MetricsError::Thread)?;
    }
    Ok(found)
}

fn answer(socket: TcpStream, text: &dyn Fn() -> String, is_ready: &dyn Fn() -> bool) -> io::Result<()> {
    let socket = Arc::new(socket);
    let mut stream = TimedSocket::new(socket.clone(), Instant::now() + PATIENCE);
    let (status, body) = match read_head(&mut stream)? {
        RequestHead::Line(line) => respond(&line, text, is_ready),
        RequestHead::TooLong => ("431 Request Header Fields Too Large", None),
        RequestHead::Gone => return Ok(()),
    };
    let (kind, body) = match body {
        Some(body) => ("application/openmetrics-text; version=1.0.0; charset=utf-8", body),
        None => ("text/plain; charset=utf-8", format!("{status}\n")),
    };
    let allow = if status.starts_with("405") { "Allow: GET\r\n" } else { "" };
    let head = format!(
        "HTTP/1.1 {status}\r\n{allow}Content-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.set_deadline(Instant::now() + PATIENCE);
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())?;
    socket.shutdown(Shutdown::Write)?;
    let mut rest = [0; 1024];
    let mut drained = 0;
    while drained < MAX_DRAIN {
        match stream.read(&mut rest)? {
            0 => break,
            count => drained += count,
        }
    }
    Ok(())
}

/// Status, and the body if there is one of its own.
fn respond(
    line: &str,
    text: &dyn Fn() -> String,
    is_ready: &dyn Fn() -> bool,
) -> (&'static str, Option<String>) {
    let words: Vec<&str> = line.split(' ').collect();
    match words[..] {
        [method, target, version] if version.starts_with("HTTP/1.") => {
            let path = target.split('?').next().unwrap_or_default();
            if !["/metrics", "/healthz", "/readyz"].contains(&path) {
                ("404 Not Found", None)
            } else if method != "GET" {
                ("405 Method Not Allowed", None)
            } else if path == "/metrics" {
                ("200 OK", Some(text()))
            } else if path == "/healthz" || is_ready() {
                ("200 OK", None)
            } else {
                ("503 Service Unavailable", None)
            }
        }
        _ => ("400 Bad Request", None),
    }
}

enum RequestHead {
    /// The request line.
    Line(String),
    TooLong,
    /// Closed before a whole head arrived.
    Gone,
}

fn read_head(stream: &mut TimedSocket) -> io::Result<RequestHead> {
    let mut head = Vec::new();
    let mut part = [0; 1024];
    loop {
        let count = stream.read(&mut part)?;
        if count == 0 {
            return Ok(RequestHead::Gone);
        }
        head.extend_from_slice(part.get(..count).unwrap_or_default());
        if head.windows(4).any(|end| end == b"\r\n\r\n") {
            let line = head.split(|&byte| byte == b'\r').next().unwrap_or_default();
            return Ok(RequestHead::Line(String::from_utf8_lossy(line).into_owned()));
        }
        if head.len() > MAX_HEAD {
            return Ok(RequestHead::TooLong);
        }
    }
}
