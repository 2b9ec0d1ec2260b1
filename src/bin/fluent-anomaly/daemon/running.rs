//! The daemon's own side: a session of its own, the pid file, the log file, the status file.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use fluent_anomaly::Config;
use fluent_anomaly::native::{Counters, Notice};

use super::Places;
use super::pidfile::PidFile;
use super::report::{Report, Warning};
use crate::failure::Failure;
use crate::utc;

/// What the starting process reads on our standard output.
pub(super) const READY: &str = "ready\n";

/// A daemon that has taken its pid file.
#[derive(Debug)]
pub(crate) struct Running {
    pidfile: PidFile,
    status: PathBuf,
    log: PathBuf,
    log_is_shared: bool,
    state: Mutex<DaemonState>,
}

#[derive(Debug)]
struct DaemonState {
    /// Until the starting process has been told; then standard error is the log.
    starting: Option<File>,
    report: Report,
}

impl Running {
    /// Leaves the terminal's session and takes the pid file. `log_is_shared`: whoever starts us shows the log itself.
    pub(crate) fn begin(
        config_path: &Path,
        config: &Config,
        log: &Path,
        pidfile: Option<&Path>,
        log_is_shared: bool,
    ) -> Result<Self, Failure> {
        // fails only for the leader of a group, which `start` does not make
        let _ = rustix::process::setsid();
        let mut places = Places::of(config_path, config);
        if let Some(pid) = pidfile {
            places = places.with_pidfile(pid.to_owned());
        }
        let file = open(log)?;
        let pidfile = PidFile::claim(&places.pid)?;
        let now = utc::now();
        let report = Report {
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            since: now,
            at: now,
            log: log.display().to_string(),
            metrics: None,
            records: None,
            records_told: None,
            budget_left: 0,
            acknowledged: 0,
            queries: Vec::new(),
            last_warning: None,
        };
        let state = Mutex::new(DaemonState { starting: Some(file), report });
        Ok(Self { pidfile, status: places.status, log: log.to_owned(), log_is_shared, state })
    }

    /// In what form records leave.
    pub(crate) fn records_leave(&self, (word, sentence): (&str, &str)) {
        let report = &mut self.lock().report;
        (report.records, report.records_told) = (Some(word.to_owned()), Some(sentence.to_owned()));
    }

    /// Where metrics are served.
    pub(crate) fn metrics_at(&self, address: String) {
        self.lock().report.metrics = Some(address);
    }

    /// Logs a line; the starting process sees it too until we are ready.
    pub(crate) fn log(&self, text: &str) {
        let line = format!("{} fluent-anomaly: {text}\n", utc::text(utc::now()));
        let mut state = self.lock();
        // a full disk is no reason to stop pulling
        if let Some(file) = &mut state.starting {
            let _ = file.write_all(line.as_bytes());
            if !self.log_is_shared {
                let _ = writeln!(io::stderr(), "fluent-anomaly: {text}");
            }
        } else {
            let _ = io::stderr().write_all(line.as_bytes());
        }
    }

    /// Keeps the status file up to date; the first notice of pulling means that we are ready.
    pub(crate) fn notice(&self, notice: &Notice, counters: &Counters) {
        let mut state = self.lock();
        if notice.is_warning() {
            let (cause, text) = (notice.cause().0.to_owned(), notice.to_string());
            state.report.last_warning = Some(Warning { at: utc::now(), cause, text });
        }
        state.report.update(&counters.snapshot());
        state.report.write(&self.status);
        if matches!(notice, Notice::Started { .. })
            && let Some(file) = state.starting.take()
        {
            let mut out = io::stdout();
            // nobody reads it when `start` was interrupted
            let _ = out.write_all(READY.as_bytes()).and_then(|()| out.flush());
            redirect(&file);
        }
    }

    /// Opens the log file anew, after it was rotated.
    pub(crate) fn reopen_log(&self) {
        match open(&self.log) {
            Ok(file) if self.lock().starting.is_none() => redirect(&file),
            Ok(_) => {}
            Err(_) => self.log("the log file cannot be opened again, the former one stays"),
        }
    }

    /// Takes pid file and status file away.
    pub(crate) fn leave(&self) {
        let _ = std::fs::remove_file(&self.status);
        self.pidfile.remove();
    }

    fn lock(&self) -> MutexGuard<'_, DaemonState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open(path: &Path) -> Result<File, Failure> {
    let failed = |error| Failure::of(format!("log file {}", path.display()), error);
    OpenOptions::new().create(true).append(true).open(path).map_err(failed)
}

/// Everything that is said from now on, by a panic too, goes to `file`.
fn redirect(file: &File) {
    // can fail only for want of a descriptor; the former streams then stay
    let _ = rustix::stdio::dup2_stdout(file);
    let _ = rustix::stdio::dup2_stderr(file);
}
