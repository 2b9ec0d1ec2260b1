//! The commands that the pages of the book show run as they stand there.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::common::forward_server;
use crate::common::http_server::{Answer, Server};
use crate::common::program::{Running, free_port};
use crate::common::{api, records::Random};
use crate::readme::blocks;
use crate::sources::read;

/// Where the commands of a page are run.
struct Shell<'a> {
    folder: &'a Path,
    /// Text of a command, and what stands for it here.
    instead: Vec<(&'static str, String)>,
}

impl<'a> Shell<'a> {
    fn new(folder: &'a Path) -> Self {
        Self { folder, instead: Vec::new() }
    }

    /// Runs the lines for this command of a page's blocks for a shell, and counts them.
    fn run_page(&self, page: &str) -> usize {
        let lines = self.lines(page);
        lines.iter().for_each(|line| self.run(line));
        lines.len()
    }

    fn lines(&self, page: &str) -> Vec<String> {
        let text = read(page.as_ref());
        let all = blocks(&text, "sh").into_iter().flat_map(str::lines);
        let ours = all.filter(|line| line.starts_with("fluent-anomaly "));
        ours.map(|line| self.instead.iter().fold(line.to_owned(), |line, (from, to)| line.replace(from, to)))
            .collect()
    }

    fn run(&self, line: &str) {
        // a daemon would keep pipes open
        let said = self.folder.join("said");
        let file = fs::File::create(&said).unwrap();
        let programs = Path::new(env!("CARGO_BIN_EXE_fluent-anomaly")).parent().unwrap();
        let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default());
        let status = Command::new("sh")
            .args(["-c", line])
            .current_dir(self.folder)
            .env("PATH", path)
            .env("DD_API_KEY", "0123456789abcdef0123456789abcdef")
            .env("DD_APP_KEY", "fedcba9876543210fedcba9876543210fedcba98")
            .env_remove("DD_SITE")
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .status()
            .unwrap();
        assert!(status.success(), "{line}\n{}", fs::read_to_string(said).unwrap());
    }
}

#[test]
fn the_commands_of_the_quick_start_run_word_for_word() {
    let folder = tempfile::tempdir().unwrap();
    let log: String = (0..400_u32)
        .map(|n| {
            let ms = if (300..306).contains(&n) { 900 } else { 100 + n * n * 31 % 11 };
            let service = ["web", "api"][n as usize % 2];
            format!(
                "{{\"time\":{},\"service\":\"{service}\",\"duration_ms\":{ms}}}\n",
                1_700_000_000 + 10 * n
            )
        })
        .collect();
    fs::write(folder.path().join("app.log"), log).unwrap();
    assert_eq!(Shell::new(folder.path()).run_page("docs/start.md"), 5);
    for file in ["fluent-anomaly.ini", "fluent-bit.yaml", "fluentd.conf", "scored.jsonl", "report.html"] {
        assert!(folder.path().join(file).metadata().unwrap().len() > 0, "{file}");
    }
}

#[test]
fn the_commands_for_monitors_run_word_for_word() {
    let folder = tempfile::tempdir().unwrap();
    let page = read("docs/monitors.md".as_ref());
    fs::write(folder.path().join("fluent-anomaly.ini"), blocks(&page, "ini")[0]).unwrap();
    let history: String =
        (0..10_000_u32).map(|n| format!("{},{},a\n", 60 * n, 100 + n * n * 31 % 11)).collect();
    fs::write(folder.path().join("history.csv"), format!("time,cpu_p,host\n{history}")).unwrap();
    let query = "avg(last_4h):anomalies(avg:a.b{*}, 'agile', 2, alert_window='last_15m', interval=60) >= 0.8";
    let monitor = serde_json::json!({"name": "Other", "type": "query alert", "query": query, "message": ""});
    fs::write(folder.path().join("monitor.json"), monitor.to_string()).unwrap();
    assert_eq!(Shell::new(folder.path()).run_page("docs/monitors.md"), 6);
}

#[test]
fn the_commands_for_groups_run_word_for_word() {
    let folder = tempfile::tempdir().unwrap();
    let page = read("docs/groups.md".as_ref());
    // Datadog's grammar in place of the keys, as the page says: what is exported needs a query
    let query = page.split('`').find(|text| text.starts_with("query: ")).unwrap();
    let ini = blocks(&page, "ini")[0].replace("algorithm: dbscan\ntolerance: 3", query);
    assert!(ini.contains(query));
    fs::write(folder.path().join("fluent-anomaly.ini"), ini).unwrap();
    let query = "avg(last_30m):outliers(avg:a.b{role:db} by {host}, 'dbscan', 3) > 0";
    let monitor = json!({"name": "Other", "type": "query alert", "query": query, "message": ""});
    fs::write(folder.path().join("monitor.json"), monitor.to_string()).unwrap();
    assert_eq!(Shell::new(folder.path()).run_page("docs/groups.md"), 4);
}

#[test]
fn the_command_for_a_page_runs_word_for_word() {
    let folder = tempfile::tempdir().unwrap();
    let ini = "[series.cpu]\nmatch: *\nvalue: $cpu\nby: $host\n";
    fs::write(folder.path().join("fluent-anomaly.ini"), ini).unwrap();
    let history: String = (0..500_u32).map(|n| format!("{},{},a\n", 60 * n, n * n * 31 % 11)).collect();
    fs::write(folder.path().join("history.csv"), format!("time,cpu,host\n{history}")).unwrap();
    let records: String = (0..500_u32)
        .map(|n| format!("{{\"time\":{},\"cpu\":{},\"host\":\"a\"}}\n", 60 * n, n * n * 31 % 11))
        .collect();
    fs::write(folder.path().join("records.jsonl"), records).unwrap();
    let shell = Shell::new(folder.path());
    let lines = shell.lines("docs/report.md");
    let (follow, others): (Vec<_>, Vec<_>) = lines.iter().partition(|line| line.contains(" --follow "));
    assert_eq!((follow.len(), others.len()), (1, 2), "{lines:?}");
    others.iter().for_each(|line| shell.run(line));
    assert!(fs::read_to_string(folder.path().join("report.html")).unwrap().contains("</html>"));
    // it runs until it is stopped
    let words: Vec<&str> = follow[0].split_whitespace().skip(1).collect();
    let program = Path::new(env!("CARGO_BIN_EXE_fluent-anomaly"));
    let mut running = Running::start(program, &words, folder.path(), "report");
    running.wait_for("the page's address", || {
        fs::read_to_string(folder.path().join("report.stdout"))
            .unwrap_or_default()
            .contains("http://127.0.0.1:")
    });
    running.stop();
}

#[test]
fn the_commands_for_datadog_run_word_for_word() {
    let folder = tempfile::tempdir().unwrap();
    let datadog = Server::start(|request, _| match request.parameter("query").as_str() {
        "" => Answer::status(404, "{}"),
        _ => api::points(request, 2),
    });
    let receiver = forward_server::Server::start(vec![]);
    let ini = format!(
        "[general]\napi_url: {}\nforward: {}\npidfile_path: pull.pid\n[datadog.cpu]\nquery: avg:cpu{{*}} by {{host}}\n",
        datadog.url,
        receiver.url()
    );
    fs::write(folder.path().join("fluent-anomaly.ini"), ini).unwrap();
    let mut random = Random(1);
    let values: String = (0..300).map(|_| format!("{}\n", random.unit())).collect();
    fs::write(folder.path().join("values.txt"), values).unwrap();
    let mut shell = Shell::new(folder.path());
    // a port of its own
    shell.instead.push(("127.0.0.1:9127", format!("127.0.0.1:{}", free_port())));
    let lines = shell.lines("docs/datadog.md");
    let (pull, others): (Vec<_>, Vec<_>) = lines.iter().partition(|line| line.ends_with(" pull --detect"));
    assert_eq!((pull.len(), others.len()), (1, 7), "{lines:?}");
    // it runs until it is stopped; first, as it begins with the last hour
    let words: Vec<&str> = pull[0].split_whitespace().skip(1).collect();
    let keys = [
        ("DD_API_KEY", "0123456789abcdef0123456789abcdef"),
        ("DD_APP_KEY", "fedcba9876543210fedcba9876543210fedcba98"),
    ];
    let program = Path::new(env!("CARGO_BIN_EXE_fluent-anomaly"));
    let mut running = Running::start_with(program, &words, &keys, folder.path(), "pull");
    running.wait_for("pulled points", || !receiver.messages().is_empty());
    assert!(running.stop().success(), "{}", running.stderr());
    others.iter().for_each(|line| shell.run(line));
}
