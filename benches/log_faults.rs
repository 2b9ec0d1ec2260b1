//! Are faults found in series made from log lines, and is the promise of alarms kept? Lines of services with a daily
//! season go through a pipeline, one a service: `cargo bench --bench log_faults -- [services=20] [lines=60]`.
//!
//! Each service runs clean for ten days. Then, a day each: errors at three times their share for 5 minutes, 60 % fewer
//! lines for 10, latencies 80 % longer for 10, silence for 5. A fault is found when its series alarms before two minutes
//! behind its end. All other alarms from the third day on are false.

#![allow(clippy::expect_used, reason = "a measuring tool stops where its input is wrong")]

use fluent_anomaly::{Config, Format, Pipeline, Time};

const CONFIG: &str = "[filter]\nstate: off\ntick: tick\nalarms: 1/week\n\
    [series.share]\nmatch: app\nmeasure: share $level == 'error'\nevery: 1m\nwindows: alarms\nk: 2\n\
    [series.volume]\nmatch: app\nmeasure: count\nevery: 1m\nwindows: alarms\nk: 2\n\
    [series.slow]\nmatch: app\nmeasure: p95 $ms\nevery: 1m\nwindows: alarms\nk: 2\n";
const DAY_S: i64 = 86_400;
const START_S: i64 = 1_790_000_000 / DAY_S * DAY_S;
const DAYS: i64 = 14;
/// Alarms before it belong to the warm-up.
const JUDGED_FROM_S: i64 = 2 * DAY_S;
const SERIES: [&str; 3] = ["share", "volume", "slow"];

/// What goes wrong, for how long, on which day, and which series shows it.
const FAULTS: [(&str, i64, i64, usize); 4] = [
    ("errors 3 times", 300, 10, 0),
    ("volume -60 %", 600, 11, 1),
    ("p95 +80 %", 600, 12, 2),
    ("silence", 300, 13, 1),
];

struct Random(u64);

impl Random {
    /// 0 < u < 1.
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ z >> 31) >> 11) as f64 / (1_u64 << 53) as f64 + f64::EPSILON / 2.0
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

#[derive(Default)]
struct Outcome {
    found: [u64; FAULTS.len()],
    false_alarms: [u64; SERIES.len()],
    lines: u64,
}

fn main() {
    let number = |name: &str, default: u64| {
        let given = std::env::args()
            .find_map(|argument| argument.strip_prefix(name)?.strip_prefix('=')?.parse().ok());
        given.unwrap_or(default)
    };
    let (services, per_minute) = (number("services", 20), number("lines", 60) as f64);
    let mut all = Outcome::default();
    for service in 0..services {
        let outcome = run(service, per_minute);
        for (sum, found) in all.found.iter_mut().zip(outcome.found) {
            *sum += found;
        }
        for (sum, alarms) in all.false_alarms.iter_mut().zip(outcome.false_alarms) {
            *sum += alarms;
        }
        all.lines += outcome.lines;
    }
    println!(
        "{services} services, {} lines, {per_minute} a minute at noon's mean; alarms: 1/week",
        all.lines
    );
    for ((name, ..), found) in FAULTS.iter().zip(all.found) {
        println!("{name:<16} found {found} of {services}");
    }
    let weeks = (DAYS * DAY_S - JUDGED_FROM_S) as f64 / (7 * DAY_S) as f64 * services as f64;
    for (name, alarms) in SERIES.iter().zip(all.false_alarms) {
        println!("{name:<16} {:.2} false alarms a series and week", alarms as f64 / weeks);
    }
}

/// One service.
fn run(service: u64, per_minute: f64) -> Outcome {
    let config = Config::parse("f.ini", CONFIG).expect("it is checked");
    let mut pipeline = Pipeline::new(&config, Format::Json, None);
    let mut random = Random(service + 1);
    let mut outcome = Outcome::default();
    let phase = random.uniform() * std::f64::consts::TAU;
    // somewhere in the middle of the day, for each fault another time
    let begins = FAULTS.map(|(_, _, day, _)| day * DAY_S + 3600 * (4 + (random.uniform() * 16.0) as i64));
    let mut found = [false; FAULTS.len()];
    let mut next_s = 0.0;
    for second in 0..DAYS * DAY_S {
        let active = |n: usize| (begins[n]..begins[n] + FAULTS[n].1).contains(&second);
        let season = 1.0 + 0.5 * (std::f64::consts::TAU * second as f64 / DAY_S as f64 + phase).sin();
        let mut rate = per_minute / 60.0 * season;
        if active(1) {
            rate *= 0.4;
        }
        while next_s < (second + 1) as f64 {
            next_s += -random.uniform().ln() / rate;
            let share = if active(0) { 0.15 } else { 0.05 };
            let level = if random.uniform() < share { "error" } else { "info" };
            let slow = if active(2) { 1.8 } else { 1.0 };
            let ms = slow * 40.0 * (0.5 * random.normal()).exp();
            if active(3) {
                continue;
            }
            outcome.lines += 1;
            let record = format!(r#"{{"level":"{level}","ms":{ms:.2}}}"#);
            pass(&mut pipeline, b"app", second, record, &begins, &mut found, &mut outcome);
        }
        if second % 10 == 0 {
            pass(&mut pipeline, b"tick", second, "{}".to_owned(), &begins, &mut found, &mut outcome);
        }
    }
    outcome.found = found.map(u64::from);
    outcome
}

fn pass(
    pipeline: &mut Pipeline,
    tag: &[u8],
    second: i64,
    record: String,
    begins: &[i64; FAULTS.len()],
    found: &mut [bool; FAULTS.len()],
    outcome: &mut Outcome,
) {
    let mut bytes = record.into_bytes();
    pipeline.process(tag, Time::from_seconds(START_S + second), &mut bytes);
    let text = String::from_utf8_lossy(&bytes);
    if !text.contains(r#""alarm":"start""#) || second < JUDGED_FROM_S {
        return;
    }
    let is_of = |name: &&str| text.contains(&format!(r#""series":"{name}""#));
    let Some(series) = SERIES.iter().position(is_of) else { return };
    let near = |n: usize| second >= begins[n] && second < begins[n] + FAULTS[n].1 + 3600;
    let fault = (0..FAULTS.len()).find(|n| near(*n));
    match fault {
        Some(n) if FAULTS[n].3 == series && second < begins[n] + FAULTS[n].1 + 120 => found[n] = true,
        // what a fault does to other series, and its end, is no false alarm
        Some(_) => {}
        None => outcome.false_alarms[series] += 1,
    }
}
