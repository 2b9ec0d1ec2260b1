//! `start`, `stop`, `restart`, `status`: `pull` in the background.
//!
//! | file | what it knows |
//! |---|---|
//! | `start` | spawns this program again as `pull --detached`, and waits until it is ready or has failed |
//! | `stop` | SIGTERM, and waiting; `restart` |
//! | `status` | what the running daemon says of itself, for people and programs |
//! | `pidfile` | who runs: a lock on the pid file is the truth, the number in it is for people |
//! | `running` | the daemon's own side: session, log file, pid file, status file |
//! | `report` | the status file |

use std::path::{Path, PathBuf};

use fluent_anomaly::Config;

use crate::failure::Failure;
use crate::files;

mod pidfile;
mod report;
mod running;
pub(crate) mod start;
pub(crate) mod status;
pub(crate) mod stop;

pub(crate) use running::Running;

/// Which daemon is meant. The predecessor's spellings `--inifile_path`, `--pidfile_path` and `--logfile_path` are
/// taken, too.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct DaemonArgs {
    /// The configuration file
    #[arg(short, long, alias = "inifile_path", default_value_os_t = files::default_config())]
    pub(super) config: PathBuf,
    /// File for the number of the process, instead of `pidfile_path` in [general]
    #[arg(long, alias = "pidfile_path", value_name = "FILE")]
    pub(super) pidfile: Option<PathBuf>,
    /// File for the log, instead of `log_file` in [general]
    #[arg(long, alias = "logfile_path", value_name = "FILE")]
    pub(super) logfile: Option<PathBuf>,
}

impl DaemonArgs {
    fn read(&self) -> Result<(Config, Places), Failure> {
        let config = files::read_companion_config(&self.config)?;
        let absolute =
            |path: &Path| std::path::absolute(path).map_err(|error| Failure::of("the working folder", error));
        let mut places = Places::of(&absolute(&self.config)?, &config);
        if let Some(pid) = &self.pidfile {
            places = places.with_pidfile(absolute(pid)?);
        }
        if let Some(log) = &self.logfile {
            places.log = absolute(log)?;
        }
        Ok((config, places))
    }
}

/// In what form records leave, in a word for programs and a sentence for people.
pub(crate) fn form_of_records(config: &Config, scored: bool) -> (&'static str, &'static str) {
    match (scored, config.is_predecessors && config.detects()) {
        (true, true) => (
            "scored",
            "records leave scored, as the Datadog Anomaly Detector sends them: one model for a whole section, and a \
             null counts as 0; `detect: off` in [general] sends them raw",
        ),
        (true, false) => ("scored", "records leave scored"),
        (false, _) => (
            "raw",
            "records leave raw: they need a fluent-anomaly filter behind, or `detect: on` in [general]",
        ),
    }
}

/// Where a daemon keeps its files.
#[derive(Debug, Clone)]
struct Places {
    pid: PathBuf,
    status: PathBuf,
    log: PathBuf,
}

impl Places {
    /// `pidfile_path` and `log_file`, relative to the configuration file; both absent: beside it, under its name.
    fn of(config_path: &Path, config: &Config) -> Self {
        let folder = config_path.parent().unwrap_or(Path::new(""));
        let beside = |given: &Option<String>, extension: &str| match given {
            Some(path) => folder.join(path),
            None => config_path.with_extension(extension),
        };
        let pid = beside(&config.general.pidfile, "pid");
        Self { status: pid.with_extension("status"), log: beside(&config.general.log_file, "log"), pid }
    }

    /// With another pid file; the status file lies beside it.
    fn with_pidfile(self, pid: PathBuf) -> Self {
        Self { status: pid.with_extension("status"), pid, ..self }
    }
}
