//! Records for tests, from a seed, with every awkward number among them.

use fluent_anomaly::Config;
use fluent_anomaly::Format;
use fluent_anomaly::Pipeline;
use fluent_anomaly::Time;

/// All modes of the detector at once: each section scores every record under its own names.
pub(crate) const ALL_MODES: &str = "\
[filter]
max_series: 1000
state: state
alarms: 1/day
[series.yule]
match: app.*
value: $ms
by: $host
k: 7
warm_up: off
[series.helly]
match: app.*
value: $ms
by: $host, $nested['zone']
prefix: h_
score: hellinger
k: 2
warm_up: off
T1: 3
T2: 4
[series.burg]
match: app.*
value: $ms
prefix: b_
ar: burg
k: 5
r: 0.05
warm_up: off
[series.burghelly]
match: app.w*
value: $ms
prefix: bh_
ar: burg
score: hellinger
k: 3
warm_up: off
[series.auto]
match: app.*
value: $ms
by: $host
prefix: a_
[series.nulls]
match: app.*
value: $nested['load']
prefix: n_
nulls: zero
k: 4
warm_up: off
";

/// A small generator; its numbers are the same everywhere.
#[derive(Debug, Clone)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 11) % limit
    }

    /// 0..1
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// One event.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) tag: &'static str,
    pub(crate) time: (u32, u32),
    pub(crate) record: String,
}

const AWKWARD: [&str; 30] = [
    "0",
    "-0",
    "-0.0",
    "1.0",
    "1e2",
    "1E+2",
    "5e-324",
    "-2.2250738585072014e-308",
    "1e-300",
    "123456.789e-3",
    "18446744073709551615",
    "9007199254740993",
    "-9223372036854775808",
    "1e200",
    "-1e200",
    "1e150",
    "-1e150",
    "1e-400",
    "0.1000000000000000055511151231257827",
    "null",
    "true",
    "\"12\"",
    "{}",
    "[1]",
    "\"\"",
    "false",
    "3.0000000000000004",
    "2.9999999999999996",
    "1e15",
    "1e16",
];

/// A fleet of four hosts at one record a minute and host; one number in twenty is awkward.
pub(crate) fn fleet(count: usize) -> Vec<Event> {
    let mut random = Random(0x2545_F491_4F6C_DD1D);
    let mut level = [50.0f64, 20.0, 7.5, 1000.0];
    (0..count)
        .map(|n| {
            let host = n % level.len();
            level[host] += random.unit() - 0.5;
            let noise = random.unit() * 3.0;
            let spike = if random.below(200) == 0 { 500.0 } else { 0.0 };
            let ms = match random.below(20) {
                0 => AWKWARD[random.below(AWKWARD.len() as u64) as usize].to_owned(),
                1 => format!("{:.0}", level[host]),
                _ => format!("{}", level[host] + noise + spike),
            };
            let load = match random.below(5) {
                0 => "null".to_owned(),
                _ => format!("{:.3}", random.unit()),
            };
            let zone = ["a", "b\\u00e9", "ü"][random.below(3) as usize];
            let seconds = 1_700_000_000 + (n / level.len()) as u32 * 60;
            Event {
                tag: if random.below(10) == 0 { "app.db" } else { "app.web" },
                time: (seconds, random.below(1_000_000_000) as u32),
                record: format!(
                    "{{\"id\":{},\"host\":\"h{host}\",\"text\":\"\\\"q\\\\ \\u0000 é\",\"ms\":{ms},\
                     \"nested\":{{\"load\":{load},\"zone\":\"{zone}\"}},\"big\":18446744073709551615}}",
                    n as u64 + (1 << 60)
                ),
            }
        })
        .collect()
}

/// The same records through the library itself, in memory.
pub(crate) fn native(config: &str, events: &[Event]) -> Vec<String> {
    let config = Config::parse("test.ini", config).expect("the test's configuration is right");
    let mut pipeline = Pipeline::new(&config, Format::Json, None);
    events
        .iter()
        .map(|event| {
            let mut record = event.record.clone().into_bytes();
            pipeline.process(event.tag.as_bytes(), Time::from_parts(event.time.0, event.time.1), &mut record);
            String::from_utf8(record).expect("records are UTF-8")
        })
        .collect()
}
