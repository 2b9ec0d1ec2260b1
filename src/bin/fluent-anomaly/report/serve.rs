//! `report --serve`: the page on 127.0.0.1, made anew when a file it comes from changes.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use fluent_anomaly::native::http::{self, Answer, Events, Request};
use fluent_anomaly_page::Report;

use super::followed::Followed;
use super::{Args, Input, chosen, no_page, read};
use crate::failure::Failure;
use crate::files;

/// How often files are looked at.
const LOOK: Duration = Duration::from_millis(300);
/// Looks for which the rest of a last line is waited for before it counts as wrong.
const LOOKS: u32 = 10;
/// How much longer than making a page took nothing is looked at: a busy pipeline takes a part of a core alone.
const REST: u32 = 4;
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
    let mut followed = args.follow.as_deref().map(Followed::new);
    let mut report = match &mut followed {
        None => Some(read(args, &Input::of_file(args.history.input())?)?),
        Some(followed) => {
            check_config(args)?;
            followed.look().map_err(|error| Failure::of(followed.path().display(), error))?;
            (!followed.text().is_empty()).then(|| read_followed(args, followed)).transpose()?
        }
    };
    let mut version = 1;
    let shared: Shared =
        Arc::new(Mutex::new(Served { html: page(args, report.as_mut(), version, "")?, version }));
    let answers = Arc::clone(&shared);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
    let address = http::serve("report", address, AT_ONCE, move |request| answer(request, &answers))
        .map_err(|error| Failure::Failed(error.to_string()))?;
    println!("http://{address}/ shows the report; it follows its files until Ctrl-C");
    let mut waits = 0;
    let mut pause = LOOK;
    let mut said = String::new();
    loop {
        thread::sleep(pause);
        let began = Instant::now();
        let now = stamps(args);
        let has_changed = now != seen;
        seen = now;
        let new = match &mut followed {
            Some(followed) => match followed.look() {
                Ok(has_more) if (has_changed || has_more) && !followed.text().is_empty() => {
                    read_followed(args, followed)
                }
                Ok(_) => continue,
                Err(error) => {
                    let failure = Failure::of(followed.path().display(), error);
                    // it is looked at again and again
                    if said == failure.text() {
                        continue;
                    }
                    Err(failure)
                }
            },
            None if has_changed || waits > 0 => {
                waits = if has_changed { LOOKS } else { waits };
                Input::of_file(args.history.input()).and_then(|input| read(args, &input))
            }
            None => continue,
        };
        match new {
            Ok(new) => {
                // a pipeline writes all the time
                if followed.is_none() {
                    tell!("changed: the page is made anew");
                }
                (waits, said) = (0, String::new());
                report = Some(new);
            }
            Err(_) if waits > 1 && ends_within_a_line(args.history.input()) => {
                waits -= 1;
                continue;
            }
            // the last good page stays, with the reason on it
            Err(failure) => {
                waits = 0;
                said = failure.text().to_owned();
                tell!("{said}");
                if let Some(report) = &mut report {
                    report.notes = vec![format!("The page shows what was before the last change: {said}")];
                }
            }
        }
        version += 1;
        let html = page(args, report.as_mut(), version, &said)?;
        *lock(&shared) = Served { html, version };
        pause = LOOK.max(began.elapsed() * REST);
    }
}

/// The page of a report, or one that waits for the first records.
fn page(args: &Args, report: Option<&mut Report>, version: u64, said: &str) -> Result<String, Failure> {
    let Some(report) = report else {
        let path = args.follow.as_deref().unwrap_or(Path::new("")).display().to_string();
        return Ok(fluent_anomaly_page::waiting(&path, said, version));
    };
    report.version = Some(version);
    report.html().map_err(no_page)
}

/// What is wrong with the configuration is told at once, however long the first record takes.
fn check_config(args: &Args) -> Result<(), Failure> {
    let Some(path) = args.config.as_deref() else { return Ok(()) };
    chosen(&files::read_config(path)?, path, args.monitor.as_deref()).map(|_| ())
}

fn read_followed(args: &Args, followed: &Followed) -> Result<Report, Failure> {
    let bytes = Cow::Borrowed(followed.text());
    let mut report = read(args, &Input { path: followed.path(), bytes, is_followed: true })?;
    if followed.is_partial() {
        report.notes.push("the oldest records are left out: more than 64 MB came".to_owned());
    }
    Ok(report)
}

/// When the files were last written, and how long they are.
fn stamps(args: &Args) -> Vec<Option<(SystemTime, u64)>> {
    let stamp = |path: &Path| {
        let data = std::fs::metadata(path).ok()?;
        Some((data.modified().ok()?, data.len()))
    };
    // what is followed is looked at by its bytes
    let input = args.follow.is_none().then(|| args.history.input());
    [args.config.as_deref(), input].into_iter().flatten().map(stamp).collect()
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
    // nor does a page of another origin that asks: a link to this page may be followed, nothing else
    let is_own = request.origin.is_empty() || request.origin.strip_prefix("http://") == Some(request.host);
    let (site, what_for) = request.fetch;
    let may_be_shown = ["", "none", "same-origin"].contains(&site) || what_for == "document";
    if !is_own || !may_be_shown || !["127.0.0.1", "localhost"].contains(&name) {
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
