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
//! | `utc` | a moment as text |

use std::path::{Path, PathBuf};

use fluent_anomaly::Config;

mod pidfile;
mod report;
mod running;
pub(crate) mod start;
pub(crate) mod status;
pub(crate) mod stop;
mod utc;

pub(crate) use running::Running;

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
}
