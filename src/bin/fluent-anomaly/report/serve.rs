//! `report --serve`: the page on 127.0.0.1, made anew when a file it comes from changes.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

use fluent_anomaly::native::http::{self, Answer, Events, Request};
use fluent_anomaly_page::Report;

use super::{Args, no_page, read};
use crate::failure::Failure;

/// How often files are looked at.
const LOOK: Duration = Duration::from_millis(300);
/// Looks for which the rest of a last line is waited for before it counts as wrong.
const LOOKS: u32 = 10;
/// Pages that are open at once.
const AT_ONCE: usize = 32;

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
    let answers = Arc::clone(&shared);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
    let address = http::serve("report", address, AT_ONCE, move |request| answer(request, &answers))
        .map_err(|error| Failure::Failed(error.to_string()))?;
    println!("http://{address}/ shows the report; it follows its files until Ctrl-C");
    let mut waits = 0;
    loop {
        thread::sleep(LOOK);
        let now = stamps(args);
        if now != seen {
            waits = LOOKS;
        } else if waits == 0 {
            continue;
        }
        seen = now;
        match read(args) {
            Ok(new) => {
                tell!("changed: the page is made anew");
                waits = 0;
                report = Report { version: report.version, ..new };
            }
            Err(_) if waits > 1 && ends_within_a_line(args.history.input()) => {
                waits -= 1;
                continue;
            }
            // the last good page stays, with the reason on it
            Err(failure) => {
                waits = 0;
                let reason = failure.text();
                tell!("{reason}");
                report.notes = vec![format!("The page shows what was before the last change: {reason}")];
            }
        }
        let version = report.version.unwrap_or(0) + 1;
        report.version = Some(version);
        let html = report.html().map_err(no_page)?;
        *lock(&shared) = Served { html, version };
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

/// Whether somebody may be writing the last line.
fn ends_within_a_line(path: &Path) -> bool {
    let mut last = [0];
    let read = File::open(path).and_then(|mut file| {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)
    });
    read.is_ok() && last != *b"\n"
}

fn answer(request: &Request<'_>, shared: &Shared) -> Answer {
    // another site that resolves its own name to 127.0.0.1 gets nothing
    let name = request.host.rsplit_once(':').map_or(request.host, |(name, _)| name);
    if !["127.0.0.1", "localhost"].contains(&name) {
        return Answer::Status("403 Forbidden");
    }
    match request.path {
        "/" => Answer::Body("text/html; charset=utf-8", lock(shared).html.clone()),
        "/changes" => {
            let (shared, since) = (Arc::clone(shared), request.query.parse().ok());
            Answer::Events(Box::new(move |events| tell_changes(events, &shared, since)))
        }
        _ => Answer::Status("404 Not Found"),
    }
}

fn lock(shared: &Shared) -> std::sync::MutexGuard<'_, Served> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One event for each new page, until the browser goes. The page says which one it is, because another can be made
/// between its loading and its asking.
fn tell_changes(events: &mut Events<'_>, shared: &Shared, since: Option<u64>) -> io::Result<()> {
    let mut told = since.unwrap_or_else(|| lock(shared).version);
    events.send(": here")?;
    loop {
        thread::sleep(LOOK);
        let now = lock(shared).version;
        if now == told {
            events.send(": still here")?;
        } else {
            told = now;
            events.send(&format!("data: {told}"))?;
        }
    }
}
