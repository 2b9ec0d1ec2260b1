//! `report --serve` under test.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// As long as a loaded machine may take.
const HANG: Duration = Duration::from_secs(180);

/// Killed when dropped.
pub(crate) struct Serving {
    child: Child,
    /// As `127.0.0.1:40000`.
    pub(crate) address: String,
}

impl Serving {
    /// `report --serve` and these arguments, in a folder.
    pub(crate) fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_fluent-anomaly"))
            .current_dir(folder)
            .args(["report", "--serve"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address =
            line.strip_prefix("http://").and_then(|rest| rest.split('/').next()).unwrap_or_default();
        Self { child, address: address.to_owned() }
    }

    pub(crate) fn connect(&self, request: &str) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        BufReader::new(stream)
    }

    pub(crate) fn ask(&self, request: &str) -> String {
        let mut answer = String::new();
        self.connect(request).read_to_string(&mut answer).unwrap();
        answer
    }

    pub(crate) fn page(&self) -> String {
        self.ask("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    }

    /// The page once it is so.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + HANG;
        loop {
            let page = self.page();
            if is_so(&page) {
                return page;
            }
            assert!(Instant::now() < end, "{what}: {page:.500}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
