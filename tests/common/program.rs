//! Real programs under test, stopped whatever happens.

use std::fs::{self, File};
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::build;

/// When a program that a test waits for counts as one that hangs. No test that passes waits for it: it bounds what goes on
/// while a loaded machine starts twenty programs at a time.
pub(crate) const HANG: Duration = Duration::from_secs(180);

/// A folder with the shipped configuration and the built artefacts where the repository has them, without state.
pub(crate) fn site() -> TempDir {
    let site = tempfile::tempdir().expect("a temporary folder");
    let config = site.path().join("fluent-config");
    fs::create_dir(&config).expect("it can be made");
    for entry in fs::read_dir(build::root().join("fluent-config")).expect("it is shipped") {
        let entry = entry.expect("it can be read");
        if entry.path().is_file() {
            fs::copy(entry.path(), config.join(entry.file_name())).expect("it can be copied");
        }
    }
    site
}

/// Puts a file where the shipped configuration looks for it.
pub(crate) fn install(site: &TempDir, from: &Path, to: &str) {
    let to = site.path().join(to);
    fs::create_dir_all(to.parent().expect("a folder")).expect("it can be made");
    fs::copy(from, to).expect("it can be copied");
}

/// A port of this machine where nobody listens.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("it has one").port()
}

/// Runs a command to its end, with this as its standard input.
pub(crate) fn run_with_input(command: &mut Command, input: &[u8]) -> Output {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program is there");
    let mut stdin = child.stdin.take().expect("a pipe");
    std::thread::scope(|scope| {
        // it may end with a complaint before it has read everything
        scope.spawn(move || drop(stdin.write_all(input)));
        child.wait_with_output().expect("it ends")
    })
}

/// Runs this project's command in a folder to its end.
#[cfg(feature = "companion")]
pub(crate) fn run(folder: &TempDir, arguments: &[&str]) -> Output {
    run_on(folder, arguments, "")
}

/// The same with this as its standard input.
#[cfg(feature = "companion")]
pub(crate) fn run_on(folder: &TempDir, arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fluent-anomaly"));
    run_with_input(command.current_dir(folder.path()).args(arguments), input.as_bytes())
}

/// A program whose output goes to files; killed when dropped.
pub(crate) struct Running {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Running {
    /// Starts `program` in `folder`; `name` tells its output files apart.
    pub(crate) fn start(program: &Path, args: &[&str], folder: &Path, name: &str) -> Self {
        Self::start_with(program, args, &[], folder, name)
    }

    /// The same with variables of its environment.
    pub(crate) fn start_with(
        program: &Path,
        args: &[&str],
        variables: &[(&str, &str)],
        folder: &Path,
        name: &str,
    ) -> Self {
        let (stdout, stderr) = (folder.join(format!("{name}.stdout")), folder.join(format!("{name}.stderr")));
        let child = Command::new(program)
            .args(args)
            .envs(variables.iter().copied())
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(File::create(&stdout).expect("it can be made"))
            .stderr(File::create(&stderr).expect("it can be made"))
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        Self { child, stdout, stderr }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn stdout(&self) -> Vec<u8> {
        fs::read(&self.stdout).expect("it can be read")
    }

    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.stderr).expect("it can be read")).into_owned()
    }

    /// Waits until what it wrote is enough.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, what: &str, enough: impl Fn() -> bool) {
        let deadline = Instant::now() + HANG;
        while !enough() {
            let ended = self.ended();
            let late = Instant::now() > deadline;
            if (late || ended.is_some()) && !enough() {
                panic!(
                    "no {what} ({ended:?})\n--- stdout\n{:.2000}\n--- stderr\n{:.5000}",
                    String::from_utf8_lossy(&self.stdout()),
                    self.stderr()
                );
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// `signal` as `kill` takes it, without waiting.
    pub(crate) fn signal(&self, signal: &str) {
        kill(self.id(), signal);
    }

    /// `kill -9` of it and of its children: of Fluentd's supervisor those are the workers, not what they run.
    pub(crate) fn kill_with_workers(&mut self) {
        let workers = children(self.id());
        self.signal("KILL");
        for worker in workers {
            // it may have ended with its supervisor
            let _ = Command::new("kill").args(["-KILL", &worker.to_string()]).stderr(Stdio::null()).status();
        }
        self.wait();
    }

    /// Waits until it has ended by itself.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + HANG;
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end:\n{}", self.stderr());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// How it ended; `None` while it runs.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("its status can be asked")
    }

    /// Asks it to stop, and waits.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.wait()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn children(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").expect("Linux has it").flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let is_child = |process: &u32| {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        // "number (name) state parent ..."; the name may hold blanks
        let parent_of = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1));
        parent_of.and_then(|text| text.parse().ok()) == Some(parent)
    };
    numbers.filter(is_child).collect()
}

/// Sends a signal to one process.
pub(crate) fn kill(process: u32, signal: &str) {
    let status = Command::new("kill").args([format!("-{signal}"), process.to_string()]).status();
    assert!(status.expect("kill runs").success(), "kill -{signal} {process}");
}
