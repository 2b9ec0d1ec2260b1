//! A small HTTP/1.1 server for pages and probes of this process: `GET` alone, one answer a connection, a few threads over
//! one listener, bounded in every direction. A server from a registry that has all these bounds was not found; the head is
//! read by `httparse`, which the HTTP client brings anyway.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use thiserror::Error;

use super::TimedSocket;

/// Longest head of a request; a scraper or a browser sends some hundred bytes.
const MAX_HEAD: usize = 8 << 10;
/// Most header lines.
const MAX_HEADERS: usize = 64;
/// How long a client may take for its request, and again for the answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// Bytes of an unwanted body that are read away, so that the answer is not lost to a reset.
const MAX_DRAIN: usize = 64 << 10;

/// Why there is no server.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The address is taken, not of this machine, or not allowed.
    #[error("{what}: cannot listen on {address}: {source}")]
    Listen {
        /// What would have been served.
        what: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// No thread.
    #[error("{what}: no thread: {source}")]
    Thread {
        /// What would have been served.
        what: &'static str,
        /// What the system says.
        source: io::Error,
    },
}

/// What a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    /// The path, as it came.
    pub path: &'a str,
    /// What stands behind `?`, or nothing.
    pub query: &'a str,
    /// The header `Host`, or nothing.
    pub host: &'a str,
    /// The header `Origin`, or nothing: whose page asks, where that is not a plain visit.
    pub origin: &'a str,
    /// The headers `Sec-Fetch-Site` and `Sec-Fetch-Dest`, or nothing: what a browser says of who asks, and what for.
    pub fetch: (&'a str, &'a str),
}

/// Tells events until the client goes, or there are no more.
pub type Teller = Box<dyn FnOnce(&mut Events<'_>) -> io::Result<()>>;

/// What it gets.
pub enum Answer {
    /// A body of this type.
    Body(&'static str, String),
    /// A status alone, as `404 Not Found`.
    Status(&'static str),
    /// Server-sent events, until the client goes or the function returns.
    Events(Teller),
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body(kind, body) => write!(f, "Body({kind:?}, {} bytes)", body.len()),
            Self::Status(status) => write!(f, "Status({status:?})"),
            Self::Events(_) => f.write_str("Events"),
        }
    }
}

/// A client that listens.
#[derive(Debug)]
pub struct Events<'a>(&'a mut TimedSocket);

impl Events<'_> {
    /// Sends an event, or a comment where the text begins with a colon.
    ///
    /// # Errors
    /// When the client has gone, or takes nothing any more.
    pub fn send(&mut self, line: &str) -> io::Result<()> {
        self.0.set_deadline(Instant::now() + PATIENCE);
        self.0.write_all(format!("{line}\n\n").as_bytes())
    }
}

/// Serves what `answer` gives for each path that is known, for as long as the process lives: at most `at_once` clients,
/// others wait in the kernel's queue. Gives the address that is listened on (port 0 is replaced by the one that was
/// found). `what` names it in errors and the threads.
///
/// # Errors
/// [`HttpError`].
pub fn serve(
    what: &'static str,
    address: SocketAddr,
    at_once: usize,
    answer: impl Fn(&Request<'_>) -> Answer + Send + Sync + 'static,
) -> Result<SocketAddr, HttpError> {
    let failed = |source| HttpError::Listen { what, address, source };
    let listener = TcpListener::bind(address).map_err(failed)?;
    let found = listener.local_addr().map_err(failed)?;
    let answer = Arc::new(answer);
    for _ in 0..at_once {
        let (listener, answer) = (listener.try_clone().map_err(failed)?, answer.clone());
        let work = move || {
            loop {
                match listener.accept() {
                    // a client that leaves or stalls is its own affair; an answer that fails, which standard error has
                    // told, must not take the thread from those that come next
                    Ok((socket, _)) => {
                        drop(catch_unwind(AssertUnwindSafe(|| converse(socket, &*answer))));
                    }
                    // out of descriptors: no busy loop until some are free
                    Err(_) => thread::sleep(Duration::from_millis(100)),
                }
            }
        };
        let started = thread::Builder::new().name(what.into()).spawn(work);
        started.map_err(|source| HttpError::Thread { what, source })?;
    }
    Ok(found)
}

fn converse(socket: TcpStream, answer: &dyn Fn(&Request<'_>) -> Answer) -> io::Result<()> {
    let socket = Arc::new(socket);
    let mut stream = TimedSocket::new(socket.clone(), Instant::now() + PATIENCE);
    let Some(answer) = read(&mut stream, answer)? else { return Ok(()) };
    stream.set_deadline(Instant::now() + PATIENCE);
    let (status, kind, body) = match answer {
        Answer::Body(kind, body) => ("200 OK", kind, body),
        Answer::Status(status) => (status, "text/plain; charset=utf-8", format!("{status}\n")),
        Answer::Events(tell) => {
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n";
            stream.write_all(head.as_bytes())?;
            return tell(&mut Events(&mut stream));
        }
    };
    let allow = if status == NOT_ALLOWED { "Allow: GET\r\n" } else { "" };
    let head = format!(
        "HTTP/1.1 {status}\r\n{allow}Content-Type: {kind}\r\nContent-Length: {}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n",
        body.len()
    );
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

const NOT_ALLOWED: &str = "405 Method Not Allowed";

/// Reads the head and asks for the answer; `None`: closed before a whole head arrived.
fn read(stream: &mut TimedSocket, answer: &dyn Fn(&Request<'_>) -> Answer) -> io::Result<Option<Answer>> {
    let mut head = Vec::new();
    let mut part = [0; 1024];
    loop {
        let count = stream.read(&mut part)?;
        if count == 0 {
            return Ok(None);
        }
        head.extend_from_slice(part.get(..count).unwrap_or_default());
        if let Some(answer) = parse(&head, answer) {
            return Ok(Some(answer));
        }
        if head.len() > MAX_HEAD {
            return Ok(Some(Answer::Status("431 Request Header Fields Too Large")));
        }
    }
}

/// `None`: the head is not whole yet.
fn parse(head: &[u8], answer: &dyn Fn(&Request<'_>) -> Answer) -> Option<Answer> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(head) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return None,
        Err(httparse::Error::TooManyHeaders) => {
            return Some(Answer::Status("431 Request Header Fields Too Large"));
        }
        Err(_) => return Some(Answer::Status("400 Bad Request")),
    }
    let (path, query) = request.path.unwrap_or_default().split_once('?').unwrap_or((request.path?, ""));
    let header = |name: &str| {
        let header = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        header.map_or("", |header| std::str::from_utf8(header.value).unwrap_or("?"))
    };
    let (host, origin) = (header("host"), header("origin"));
    let fetch = (header("sec-fetch-site"), header("sec-fetch-dest"));
    let answer = answer(&Request { path, query, host, origin, fetch });
    // what is not there is not there for other methods either
    let is_get = request.method == Some("GET");
    Some(if is_get || matches!(answer, Answer::Status("404 Not Found")) {
        answer
    } else {
        Answer::Status(NOT_ALLOWED)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_fails_leaves_the_threads_for_the_next_clients() {
        let answer = |request: &Request<'_>| match request.path {
            "/bad" => panic!("a fault of the test"),
            _ => Answer::Status("200 OK"),
        };
        let address = serve("test", SocketAddr::from(([127, 0, 0, 1], 0)), 2, answer).unwrap();
        let ask = |path: &str| {
            let mut socket = TcpStream::connect(address).unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            socket.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).unwrap();
            let mut answer = String::new();
            let _ = socket.read_to_string(&mut answer);
            answer
        };
        for _ in 0..5 {
            assert_eq!(ask("/bad"), "");
        }
        assert!(ask("/good").starts_with("HTTP/1.1 200 OK"));
    }
}
