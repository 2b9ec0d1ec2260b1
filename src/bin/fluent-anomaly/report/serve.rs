//! `report --serve`: the page on 127.0.0.1, made anew when a file it comes from changes.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

use fluent_anomaly_page::Report;

use super::{Args, no_page, read};
use crate::failure::Failure;

/// How often files are looked at.
const LOOK: Duration = Duration::from_millis(300);
/// Longest line of a request that is read, bytes.
const LONGEST_LINE: u64 = 8192;

/// The page, and how often it was made.
#[derive(Debug, Default)]
struct Served {
    html: String,
    version: u64,
}

type Shared = Arc<Mutex<Served>>;

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let mut seen = stamps(args); // before they are read: what changes meanwhile is read again
    let mut report = read(args)?;
    report.version = Some(1);
    let shared: Shared = Arc::new(Mutex::new(Served { html: report.html().map_err(no_page)?, version: 1 }));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port))
        .map_err(|error| Failure::of(format_args!("127.0.0.1:{}", args.port), error))?;
    let address = listener.local_addr().map_err(|error| Failure::of("127.0.0.1", error))?;
    println!("http://{address}/ shows the report; it follows its files until Ctrl-C");
    let answers = Arc::clone(&shared);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let shared = Arc::clone(&answers);
            // a browser that has gone is nobody's concern
            thread::spawn(move || drop(answer(stream, &shared, address.port())));
        }
    });
    loop {
        thread::sleep(LOOK);
        let now = stamps(args);
        if now == seen {
            continue;
        }
        seen = now;
        match read(args) {
            Ok(new) => {
                eprintln!("changed: the page is made anew");
                report = Report { version: report.version, ..new };
            }
            // the last good page stays, with the reason on it
            Err(failure) => {
                let reason = failure.text();
                eprintln!("{reason}");
                report.notes = vec![format!("The page shows what was before the last change: {reason}")];
            }
        }
        let version = report.version.unwrap_or(0) + 1;
        report.version = Some(version);
        let html = report.html().map_err(no_page)?;
        *shared.lock().unwrap_or_else(PoisonError::into_inner) = Served { html, version };
    }
}

/// When the files were last written, and how long they are.
fn stamps(args: &Args) -> Vec<Option<(SystemTime, u64)>> {
    let stamp = |path: &Path| {
        let data = std::fs::metadata(path).ok()?;
        Some((data.modified().ok()?, data.len()))
    };
    [args.config.as_deref(), Some(args.history.input())].into_iter().flatten().map(stamp).collect()
}

fn answer(mut stream: TcpStream, shared: &Shared, port: u16) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let (mut path, mut host) = (String::new(), String::new());
    for (number, line) in BufReader::new(io::Read::take(&stream, 16 * LONGEST_LINE)).lines().enumerate() {
        let line = line?;
        if line.is_empty() {
            break;
        }
        if number == 0 {
            path = line.split(' ').nth(1).unwrap_or("").to_owned();
        } else if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("host")
        {
            host = value.trim().to_owned();
        }
    }
    // another site that resolves its own name to 127.0.0.1 gets nothing
    if ![format!("127.0.0.1:{port}"), format!("localhost:{port}")].contains(&host) {
        return stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
    let (path, query) = path.split_once('?').unwrap_or((&path, ""));
    match path {
        "/" => {
            let html = shared.lock().unwrap_or_else(PoisonError::into_inner).html.clone();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                html.len()
            );
            stream.write_all(head.as_bytes())?;
            stream.write_all(html.as_bytes())
        }
        "/changes" => tell_changes(stream, shared, query.parse().ok()),
        _ => stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
    }
}

/// Server-sent events: one for each new page, until the browser goes. The page says which one it is, because another
/// can be made between its loading and its asking.
fn tell_changes(mut stream: TcpStream, shared: &Shared, since: Option<u64>) -> io::Result<()> {
    let version = || shared.lock().unwrap_or_else(PoisonError::into_inner).version;
    let mut told = since.unwrap_or_else(version);
    stream.write_all(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n: here\n\n",
    )?;
    loop {
        thread::sleep(LOOK);
        let now = version();
        if now == told {
            stream.write_all(b": still here\n\n")?;
        } else {
            told = now;
            stream.write_all(format!("data: {told}\n\n").as_bytes())?;
        }
    }
}
