//! `start`: this program once more, in the background.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::pidfile::{self, Holder};
use super::running::READY;
use super::{DaemonArgs, form_of_records};
use crate::failure::Failure;

/// A daemon reports long before it talks to anybody; only a hanging disk takes longer.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// Pull in the background: what `pull` does, with a pid file and a log file.
///
/// Waits until the daemon is ready. If it cannot start, the reason is shown here. Without `log_file` in [general]
/// the log goes where standard error is redirected to, or beside the configuration file.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    DD_API_KEY=... DD_APP_KEY=... fluent-anomaly start -c fluent-config/fluent-anomaly.ini\n  \
    kill -HUP $(cat fluent-anomaly.pid)     (read the configuration again, open the log file anew)")]
pub(crate) struct Args {
    #[command(flatten)]
    pub(super) daemon: DaemonArgs,
    /// Where records go, instead of `forward` in [general]; several for failover
    #[arg(long, value_name = "SERVER")]
    forward: Vec<String>,
    /// Serve OpenMetrics about the daemon at http://ADDRESS/metrics
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = crate::address::parse)]
    metrics: Option<SocketAddr>,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let (config, places) = args.daemon.read()?;
    let path =
        std::path::absolute(&args.daemon.config).map_err(|error| Failure::of("the working folder", error))?;
    if let Ok(Holder::Running(Some(pid))) = pidfile::look(&places.pid) {
        return Err(Failure::Failed(format!("already running: pid {pid} ({})", places.pid.display())));
    }
    let redirected = redirected();
    let log = match &redirected {
        Some(file) if config.general.log_file.is_none() && args.daemon.logfile.is_none() => file.clone(),
        _ => places.log,
    };
    // the daemon's lines stand in it already: they are neither overwritten nor repeated
    let shared = redirected.is_some_and(|file| same_file(&file, &log));
    if shared {
        append_to_stderr();
    }
    let mut command =
        Command::new(std::env::current_exe().map_err(|error| Failure::of("this program", error))?);
    command
        .arg("pull")
        .arg("--config")
        .arg(&path)
        .arg("--detached")
        .arg(&log)
        .arg("--pidfile")
        .arg(&places.pid);
    if shared {
        command.arg("--log-is-shared");
    }
    for server in &args.forward {
        command.arg("--forward").arg(server);
    }
    if let Some(address) = args.metrics {
        command.arg("--metrics").arg(address.to_string());
    }
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| Failure::of("the daemon's process", error))?;
    let pid = child.id();
    await_ready(child)?;
    let (form, _) = form_of_records(&config, config.detects());
    let _ = writeln!(io::stdout(), "started: pid {pid}, log {}; records leave {form}", log.display());
    Ok(())
}

/// The file behind standard error, as in `start > out.log 2> error.log`.
fn redirected() -> Option<PathBuf> {
    let path = std::fs::read_link("/proc/self/fd/2").ok()?;
    std::fs::metadata(&path).is_ok_and(|data| data.is_file()).then_some(path)
}

fn same_file(a: &Path, b: &Path) -> bool {
    let number = |path: &Path| std::fs::metadata(path).map(|data| (data.dev(), data.ino())).ok();
    a == b || number(a).is_some_and(|known| number(b) == Some(known))
}

/// What is said on standard error from now on goes to the end of its file, behind the daemon's lines.
fn append_to_stderr() {
    use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
    let stderr = io::stderr();
    if let Ok(flags) = fcntl_getfl(&stderr) {
        // without it a line can be overwritten, which no start should fail for
        let _ = fcntl_setfl(&stderr, flags | OFlags::APPEND);
    }
}

/// Waits for the child's word; passes on what it says.
fn await_ready(mut child: Child) -> Result<(), Failure> {
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let (sender, said) = mpsc::channel();
    // both streams end when the daemon turns them to its log, or ends
    thread::spawn(move || {
        let errors = thread::spawn(move || all(err));
        let word = all(out);
        // nobody waits any more once the time is over
        let _ = sender.send((word, errors.join().unwrap_or_default()));
    });
    let Ok((word, errors)) = said.recv_timeout(READY_WITHIN) else {
        // it is still ours: not ready, and not left behind
        let _ = child.kill().and_then(|()| child.wait().map(drop));
        return Err(Failure::Failed(format!("the daemon was not ready within {} s", READY_WITHIN.as_secs())));
    };
    if word == READY {
        let _ = io::stderr().write_all(errors.as_bytes());
        return Ok(());
    }
    let status = child.wait().map_err(|error| Failure::of("the daemon's process", error))?;
    Err(failure(status, errors.trim_end()))
}

fn failure(status: ExitStatus, errors: &str) -> Failure {
    match status.code() {
        Some(2) => Failure::Usage(errors.to_owned()),
        Some(_) if !errors.is_empty() => {
            Failure::Failed(errors.strip_prefix("fluent-anomaly: ").unwrap_or(errors).to_owned())
        }
        _ => Failure::Failed(format!("the daemon ended at its start ({status})")),
    }
}

fn all(stream: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        // what arrived is shown
        let _ = stream.read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
