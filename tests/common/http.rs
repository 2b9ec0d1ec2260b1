//! A scripted HTTP server on a port of its own: answers as told, and keeps what it was asked.
//! The tests of `output-dd` have it as a module of their own.

#![allow(dead_code, reason = "each test program uses its part")]
#![allow(clippy::expect_used, reason = "a server that cannot work fails the test")]

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// What the server does with one request.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// Status, headers (`Name: value`), body.
    Status(u16, Vec<String>, String),
    /// Reads the request and closes the connection without an answer.
    Cut,
    /// Keeps silent, then closes.
    Hang(Duration),
    /// Answers 202 at once, and stops in the middle of the body.
    HalfBody(Duration),
}

impl Reply {
    pub(crate) fn accept() -> Self {
        Self::Status(202, vec!["Content-Type: application/json".into()], r#"{"errors":[]}"#.into())
    }

    pub(crate) fn status(status: u16) -> Self {
        Self::Status(status, Vec::new(), format!(r#"{{"errors":["status {status}"]}}"#))
    }
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) line: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) at: Instant,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The body, decompressed as its header says.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        match self.header("content-encoding") {
            Some("deflate") => flate2::read::ZlibDecoder::new(&self.body[..]).read_to_string(&mut text),
            Some("gzip") => flate2::read::GzDecoder::new(&self.body[..]).read_to_string(&mut text),
            None => (&self.body[..]).read_to_string(&mut text),
            other => panic!("encoding {other:?}"),
        }
        .expect("a body that decompresses to UTF-8");
        text
    }
}

#[derive(Debug, Default)]
struct Shared {
    script: Mutex<VecDeque<Reply>>,
    seen: Mutex<Vec<Request>>,
    news: Condvar,
}

/// The server; it lives as long as the process.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub(crate) url: String,
    shared: Arc<Shared>,
}

impl Server {
    /// Follows the script request by request, then accepts everything.
    pub(crate) fn start(script: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let shared =
            Arc::new(Shared { script: Mutex::new(script.into_iter().collect()), ..Default::default() });
        let server = Self { url, shared: shared.clone() };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = shared.clone();
                std::thread::spawn(move || serve(&stream, &shared));
            }
        });
        server
    }

    /// Requests so far.
    pub(crate) fn seen(&self) -> Vec<Request> {
        self.shared.seen.lock().expect("no panic under the lock").clone()
    }

    /// Decompressed bodies so far.
    pub(crate) fn texts(&self) -> Vec<String> {
        self.seen().iter().map(Request::text).collect()
    }

    /// Waits until `enough` holds for the requests so far; panics with them after `limit`.
    pub(crate) fn wait(&self, limit: Duration, enough: impl Fn(&[Request]) -> bool) -> Vec<Request> {
        let seen = self.shared.seen.lock().expect("no panic under the lock");
        let (seen, waited) = self
            .shared
            .news
            .wait_timeout_while(seen, limit, |seen| !enough(seen))
            .expect("no panic under the lock");
        assert!(!waited.timed_out(), "after {limit:?} only these requests: {seen:?}");
        seen.clone()
    }
}

fn serve(stream: &TcpStream, shared: &Shared) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(&mut reader) {
        let reply = shared.script.lock().expect("no panic under the lock").pop_front();
        shared.seen.lock().expect("no panic under the lock").push(request);
        shared.news.notify_all();
        match reply.unwrap_or_else(Reply::accept) {
            Reply::Status(status, headers, body) => {
                let mut head = format!("HTTP/1.1 {status} Scripted\r\nContent-Length: {}\r\n", body.len());
                for header in headers {
                    head += &header;
                    head += "\r\n";
                }
                let mut stream = stream;
                if stream.write_all(format!("{head}\r\n{body}").as_bytes()).is_err() {
                    return;
                }
            }
            Reply::Cut => return,
            Reply::Hang(time) => {
                std::thread::sleep(time);
                return;
            }
            Reply::HalfBody(time) => {
                let mut stream = stream;
                let _ = stream.write_all(b"HTTP/1.1 202 Scripted\r\nContent-Length: 13\r\n\r\n{\"err");
                std::thread::sleep(time);
                return;
            }
        }
    }
}

fn read_request(reader: &mut BufReader<&TcpStream>) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|&n| n > 0)?;
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok().filter(|&n| n > 0)?;
        match header.trim_end().split_once(':') {
            Some((name, value)) => headers.push((name.to_ascii_lowercase(), value.trim().to_owned())),
            None => break,
        }
    }
    let length = headers.iter().find(|(name, _)| name == "content-length")?.1.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request { line: line.trim_end().to_owned(), headers, body, at: Instant::now() })
}
