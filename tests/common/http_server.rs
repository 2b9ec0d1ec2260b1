//! A small HTTP server that answers by script.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    /// Path and query, as sent.
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// A decoded parameter of the query.
    pub fn parameter(&self, name: &str) -> String {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        let raw = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).unwrap_or("");
        let (mut out, mut bytes) = (Vec::new(), raw.bytes());
        while let Some(byte) = bytes.next() {
            match byte {
                b'%' => {
                    let hex = [bytes.next().unwrap(), bytes.next().unwrap()];
                    out.push(u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap());
                }
                b'+' => out.push(b' '),
                byte => out.push(byte),
            }
        }
        String::from_utf8(out).unwrap()
    }

    pub fn number(&self, name: &str) -> i64 {
        self.parameter(name).parse().unwrap()
    }
}

pub enum Answer {
    /// Status, further headers, body.
    Full(u16, Vec<(&'static str, String)>, String),
    /// Says nothing for that long, then closes.
    Hang(Duration),
    /// Promises a whole body and closes after this part of it.
    Cut(String, usize),
    /// Sends the body in pieces of so many bytes with a pause behind each.
    Slow(String, usize, Duration),
    /// Head, then filler until so many bytes are sent or the client leaves; then the tail.
    Flood(String, String, usize),
    /// Bytes instead of HTTP.
    Raw(&'static [u8]),
}

impl Answer {
    pub fn json(body: impl Into<String>) -> Self {
        Self::Full(200, vec![("Content-Type", "application/json".into())], body.into())
    }
    pub fn status(status: u16, body: &str) -> Self {
        Self::Full(status, vec![], body.into())
    }
}

type Handler = dyn Fn(&Request, usize) -> Answer + Send + Sync;

pub struct Server {
    pub url: String,
    pub requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// `handler` gets the request and how many came before it.
    pub fn start(handler: impl Fn(&Request, usize) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (handler, log): (Arc<Handler>, _) = (Arc::new(handler), requests.clone());
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let (handler, log) = (handler.clone(), log.clone());
                thread::spawn(move || while serve(&socket, &*handler, &log).unwrap_or(false) {});
            }
        });
        Self { url, requests }
    }

    pub fn count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

/// One request; true when the connection may be kept.
fn serve(mut socket: &TcpStream, handler: &Handler, log: &Mutex<Vec<Request>>) -> std::io::Result<bool> {
    let mut reader = BufReader::new(socket);
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(false);
    }
    let mut words = line.split_whitespace();
    let mut request = Request {
        method: words.next().unwrap_or("").into(),
        target: words.next().unwrap_or("").into(),
        headers: vec![],
        body: String::new(),
    };
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim().split_once(':') {
            Some((key, value)) => request.headers.push((key.trim().into(), value.trim().into())),
            None => break,
        }
    }
    let length = request.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    request.body = String::from_utf8_lossy(&body).into_owned();
    let before = {
        let mut log = log.lock().unwrap();
        log.push(request.clone());
        log.len() - 1
    };
    match handler(&request, before) {
        Answer::Full(status, headers, body) => {
            let extra: String = headers.iter().map(|(key, value)| format!("{key}: {value}\r\n")).collect();
            let head = format!("HTTP/1.1 {status} X\r\n{extra}Content-Length: {}\r\n\r\n", body.len());
            socket.write_all(format!("{head}{body}").as_bytes())?;
            return Ok(true);
        }
        Answer::Hang(time) => thread::sleep(time),
        Answer::Cut(body, part) => {
            socket
                .write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes())?;
            socket.write_all(&body.as_bytes()[..part])?;
        }
        Answer::Slow(body, piece, pause) => {
            socket
                .write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes())?;
            for piece in body.as_bytes().chunks(piece) {
                socket.write_all(piece)?;
                thread::sleep(pause);
            }
        }
        Answer::Flood(head, filler, total) => {
            socket.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
            socket.write_all(head.as_bytes())?;
            let block = filler.repeat((64 << 10) / filler.len() + 1);
            let mut sent = 0;
            while sent < total {
                socket.write_all(block.as_bytes())?;
                sent += block.len();
            }
        }
        Answer::Raw(bytes) => socket.write_all(bytes)?,
    }
    let _ = socket.shutdown(std::net::Shutdown::Both);
    Ok(false)
}
