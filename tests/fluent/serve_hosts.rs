//! `serve` between real programs, with the configurations that are shipped.
//!
//! `FLUENT_BIT=/path/of/fluent-bit[:/another] FLUENTD=/path/of/fluentd cargo test --test fluent serve_hosts::`

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::common::program::{Running, free_port};
use crate::common::{build, hosts};

/// The shipped configurations with ports of their own, and scores from the first points on.
struct Site {
    folder: TempDir,
    serve_port: u16,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (serve_port, next_port) = (free_port(), free_port());
        for entry in fs::read_dir(build::root().join("fluent-config/serve")).unwrap() {
            let path = entry.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            let text = text
                .replace("24225", &serve_port.to_string())
                .replace("24224", &next_port.to_string())
                .replace("k: 5", "k: 1\nwarm_up: off");
            fs::write(folder.path().join(path.file_name().unwrap()), text).unwrap();
        }
        Self { folder, serve_port }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn serve(&self, name: &str) -> Running {
        let listen = format!("tcp://127.0.0.1:{}", self.serve_port);
        let exe = Path::new(env!("CARGO_BIN_EXE_fluent-anomaly"));
        let mut serve = Running::start(exe, &["serve", "--listen", &listen], self.path(), name);
        let errors = self.path().join(format!("{name}.stderr"));
        serve.wait_for("listener", || fs::read_to_string(&errors).unwrap().contains("listening on"));
        serve
    }

    fn host(&self, program: &Path, config: &str, name: &str) -> Running {
        Running::start_with(program, &["-c", config], &[("HOSTNAME", "web-1")], self.path(), name)
    }
}

fn records(stdout: &[u8]) -> Vec<Value> {
    let text = String::from_utf8_lossy(stdout);
    let lines = text.lines().filter_map(|line| line.find('{').and_then(|at| line.get(at..)));
    lines.filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Agent -> serve -> next hop; the first scored record as it leaves the next hop.
fn chain(agent: (&Path, &str), next: (&Path, &str)) -> Value {
    let site = Site::new();
    let mut next = site.host(next.0, next.1, "next");
    let mut serve = site.serve("serve");
    let agent = site.host(agent.0, agent.1, "agent");
    let out = site.path().join("next.stdout");
    let scored = || {
        let all = records(&fs::read(&out).unwrap());
        all.into_iter().find(|record| record.get("score_outlier").is_some())
    };
    next.wait_for("scored record", || scored().is_some());
    let record = scored().unwrap();
    drop(agent);
    assert!(serve.stop().success(), "{}", serve.stderr());
    record
}

#[test]
fn the_shipped_configurations_work_in_fluent_bit_and_fluentd() {
    let mut agents: Vec<(PathBuf, &str)> = Vec::new();
    let mut nexts: Vec<(PathBuf, &str)> = Vec::new();
    for program in hosts::executables("FLUENT_BIT") {
        agents.push((program.clone(), "agent.yaml"));
        agents.push((program.clone(), "agent.conf"));
        nexts.push((program, "next-hop.yaml"));
    }
    for program in hosts::executables("FLUENTD") {
        agents.push((program.clone(), "fluentd-agent.conf"));
        nexts.push((program, "fluentd-next-hop.conf"));
    }
    for (n, agent) in agents.iter().enumerate() {
        let next = &nexts[n % nexts.len()];
        let record = chain((&agent.0, agent.1), (&next.0, next.1));
        eprintln!("{} {} -> serve -> {} {}: {record}", agent.0.display(), agent.1, next.0.display(), next.1);
        assert!(record["cpu_p"].is_number() && record["host"].is_string(), "{record}");
        assert_eq!(record["metric_outlier"], "changefinder.outlier.cpu");
    }
}

const SECTION: &str = "[series.cpu]\nmatch: cpu.*\nvalue: $v\nby: $host\nk: 2\nwarm_up: off\n";

#[test]
fn agents_lose_nothing_when_serve_is_killed() {
    for program in hosts::executables("FLUENT_BIT") {
        let site = Site::new();
        let ini = fs::read_to_string(site.path().join("fluent-anomaly.ini")).unwrap();
        let (before, _) = ini.split_once("[series.cpu]").unwrap();
        let ini = format!("{}{SECTION}", before.replace("threads: 1", "threads: 2"));
        fs::write(site.path().join("fluent-anomaly.ini"), &ini).unwrap();
        let input = site.path().join("input.jsonl");
        fs::write(&input, "").unwrap();
        // the agent's records come from a file here; the rest of it is as shipped
        let agent = fs::read_to_string(site.path().join("agent.conf")).unwrap();
        let (_, output) = agent.split_once("[OUTPUT]").unwrap();
        let parsers = "[PARSER]\n    Name json\n    Format json\n";
        fs::write(site.path().join("parsers.conf"), parsers).unwrap();
        let agent = format!(
            "[SERVICE]\n    Flush 0.2\n    Parsers_File parsers.conf\n    scheduler.base 1\n    scheduler.cap 1\n\
             [INPUT]\n    Name tail\n    Path {}\n    Tag cpu.local\n    Parser json\n    Refresh_Interval 1\n    \
             Read_from_Head on\n[OUTPUT]{output}",
            input.display()
        );
        fs::write(site.path().join("agent.conf"), agent).unwrap();
        let mut next = site.host(&program, "next-hop.yaml", "next");
        let mut serve = site.serve("serve-0");
        let _agent = site.host(&program, "agent.conf", "agent");
        let mut lines = Vec::new();
        let out = site.path().join("next.stdout");
        let numbers = || -> BTreeMap<u64, f64> {
            let all = records(&fs::read(&out).unwrap());
            all.iter()
                .filter_map(|record| Some((record["n"].as_u64()?, record["score_outlier"].as_f64()?)))
                .collect()
        };
        let mut kills = 0;
        for n in 0..600u64 {
            let value = (n * 7919 % 101) as f64 / 8.0;
            lines.push(format!("{{\"n\":{n},\"host\":\"h{}\",\"v\":{value}}}", n % 3));
            use std::io::Write;
            let mut file = fs::OpenOptions::new().append(true).open(&input).unwrap();
            writeln!(file, "{}", lines.last().unwrap()).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(10));
            if n % 100 == 50 {
                serve.kill_with_workers();
                kills += 1;
                serve = site.serve(&format!("serve-{kills}"));
            }
        }
        next.wait_for("last record", || numbers().len() == 600);
        // an agent that tries again lets later records go first: what one process makes of the same order
        let mut order: Vec<u64> = Vec::new();
        let all = records(&fs::read(&out).unwrap());
        for number in all.iter().filter_map(|record| record["n"].as_u64()) {
            if !order.contains(&number) {
                order.push(number);
            }
        }
        let text: String = order.iter().map(|&n| format!("{}\n", lines[n as usize])).collect();
        fs::write(&input, text).unwrap();
        let mut alone = Command::new(env!("CARGO_BIN_EXE_fluent-anomaly"));
        let alone_ini = site.path().join("alone.ini");
        fs::write(&alone_ini, format!("[filter]\nstate: off\n{SECTION}")).unwrap();
        let alone = alone
            .args(["filter", "--tag", "cpu.local", "-c", alone_ini.to_str().unwrap()])
            .stdin(Stdio::from(fs::File::open(&input).unwrap()))
            .output()
            .unwrap();
        let wanted = records(&alone.stdout);
        assert_eq!((wanted.len(), kills), (600, 6));
        let wanted: BTreeMap<u64, f64> = wanted
            .iter()
            .map(|record| (record["n"].as_u64().unwrap(), record["score_outlier"].as_f64().unwrap()))
            .collect();
        // those that came twice are the same
        for record in all.iter().filter(|record| record["n"].is_u64()) {
            let (n, found) = (record["n"].as_u64().unwrap(), record["score_outlier"].as_f64().unwrap());
            // the host prints fewer digits
            let near = (found - wanted[&n]).abs() <= 1e-6 * found.abs();
            assert!(near, "{n}: {found} instead of {} in {}", wanted[&n], program.display());
        }
        let jumps = order.windows(2).filter(|pair| pair[1] != pair[0] + 1).count();
        eprintln!("{}: {} records for 600, {jumps} jumps", program.display(), all.len());
    }
}
