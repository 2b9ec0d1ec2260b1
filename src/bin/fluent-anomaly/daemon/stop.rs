//! `stop` and `restart`.

use std::io::{self, Write};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::pidfile::{self, Holder};
use super::{DaemonArgs, start};
use crate::failure::Failure;

/// A daemon ends within 5 s of the signal.
const STOP_WITHIN: Duration = Duration::from_secs(10);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);
/// Between two dots.
const DOT: Duration = Duration::from_millis(500);

/// Stop the daemon: it finishes what is on its way, and ends within 5 s.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit status: 0 it has ended or did not run, 1 it still runs after 10 s, 2 wrong configuration."
)]
pub(crate) struct Args {
    #[command(flatten)]
    daemon: DaemonArgs,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    stop(&args.daemon.read()?.1.pid)
}

/// Stops first; a configuration that is wrong leaves the running daemon alone.
pub(crate) fn restart(args: &start::Args) -> Result<(), Failure> {
    stop(&args.daemon.read()?.1.pid)?;
    start::run(args)
}

fn stop(pidfile: &Path) -> Result<(), Failure> {
    let look = || pidfile::look(pidfile).map_err(|error| Failure::of(pidfile.display(), error));
    let mut out = io::stdout();
    // whoever reads our output may leave, the daemon is to be stopped all the same
    let mut say = |text: &str| drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
    let started = Instant::now();
    let pid = loop {
        match look()? {
            Holder::Nobody => {
                say("not running\n");
                return Ok(());
            }
            Holder::Stale(_) => {
                let removed = pidfile::remove_stale(pidfile);
                let what = if removed { "removed" } else { "left in its place" };
                say(&format!("not running; stale pid file {} {what}\n", pidfile.display()));
                return Ok(());
            }
            Holder::Running(Some(pid)) if is_daemon(pid) => break pid,
            // it is about to write its number
            Holder::Running(_) if started.elapsed() < Duration::from_secs(1) => thread::sleep(LOOK),
            Holder::Running(_) => {
                return Err(Failure::Failed(format!("{} is held by another program", pidfile.display())));
            }
        }
    };
    say(&format!("stopping pid {pid} "));
    if let Some(process) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        match kill_process(process, Signal::TERM) {
            // it has ended by itself
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => {
                say("\n");
                return Err(Failure::of(format!("signal to pid {pid}"), error));
            }
        }
    }
    let asked = Instant::now();
    let mut dots = 0;
    while look()? == Holder::Running(Some(pid)) {
        if asked.elapsed() > STOP_WITHIN {
            say("\n");
            return Err(Failure::Failed(format!(
                "pid {pid} still runs after {} s; it was not killed",
                STOP_WITHIN.as_secs()
            )));
        }
        if asked.elapsed() > DOT * dots {
            dots += 1;
            say(".");
        }
        thread::sleep(LOOK);
    }
    say(&format!(" stopped after {:.1} s\n", asked.elapsed().as_secs_f64()));
    Ok(())
}

/// True when this process is a daemon of ours: its number is only text in a file.
fn is_daemon(pid: u32) -> bool {
    std::fs::read(format!("/proc/{pid}/cmdline"))
        .is_ok_and(|line| line.split(|&byte| byte == 0).any(|word| word == b"--detached"))
}
