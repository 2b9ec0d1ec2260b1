//! Quality of the calibrated score, measured rather than asserted: alarm rates kept, faults found, series scored.
//!
//!     cargo bench --bench quality -- calibration [scale=1] [name=value ...]
//!     cargo bench --bench quality -- power [SPACING,FAMILY,FAULT ...] [trials=100] [name=value ...]
//!     cargo bench --bench quality -- bound
//!     cargo bench --bench quality -- scores DATA OUT [name=value ...]
//!     cargo bench --bench quality -- digest [name=value ...]
//!     LABELLED_SERIES=DIR cargo bench --bench quality -- labelled [1/day|1/week|1/month] [each] [name=value ...]
//!     LABELLED_SERIES=DIR cargo bench --bench quality -- masking|cases [name=value ...]
//!     NUMENTA_BENCHMARK=DIR cargo bench --bench quality -- numenta|crossed [name=value ...]
//!
//! `scores` streams every `<folder>/<file>.csv` (header `timestamp,value`) below DATA and writes
//! `timestamp,value,anomaly_score` under the same relative path below OUT. `name=value` changes a constant of the
//! method (`window_s`, `fewest`, `most`, `block`, `shape`, `excess`, `ar_rate`, `hold_s`, `echo`, `channels`,
//! `winsor`, `growth`, `full_size`, `size_weight`, `resolution_share`, `advance_s`).

#![allow(clippy::expect_used, reason = "a measuring tool stops where its input is wrong")]

mod alarms;
mod baseline;
mod bound;
mod calibration;
mod digest;
mod families;
mod generated;
mod labelled;
mod numenta;
mod power;
mod recorded;
mod scores;

use fluent_anomaly::detectors::Finite;
use fluent_anomaly::{detectors::CalibratedSpec, internals::Tuning};

pub(crate) const DAY_S: f64 = 86_400.0;
/// Budgets that are checked: name and period, s.
pub(crate) const BUDGETS: [(&str, f64); 3] =
    [("1/day", DAY_S), ("1/week", 7.0 * DAY_S), ("1/month", 30.4375 * DAY_S)];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let mut tuning = Tuning::default();
    let mut words = Vec::new();
    let mut amount = None;
    for argument in &arguments {
        match argument.split_once('=') {
            Some(("scale" | "trials", number)) => amount = Some(number.parse().expect("a number")),
            Some((name, number)) => set(&mut tuning, name, number.parse().expect("a number")),
            None => words.push(argument.as_str()),
        }
    }
    match words[..] {
        ["calibration"] => calibration::run(tuning, amount.unwrap_or(1.0)),
        ["power", ref only @ ..] => power::run(tuning, amount.unwrap_or(100.0) as u64, only),
        ["bound"] => bound::run(),
        ["digest"] => digest::run(tuning),
        ["scores", data, out] => {
            scores::run(&CalibratedSpec { tuning, ..CalibratedSpec::default() }, data, out)
        }
        ["labelled", ref rest @ ..] => {
            let budget = rest.iter().copied().find(|word| *word != "each");
            labelled::run(tuning, budget, rest.contains(&"each"));
        }
        ["masking"] => generated::masking(tuning),
        ["cases"] => generated::cases(tuning),
        ["numenta"] => numenta::run(tuning),
        ["crossed"] => numenta::crossed(tuning),
        _ => println!(
            "quality: calibration | power | bound | scores DATA OUT | digest | labelled | masking | cases | numenta | crossed"
        ),
    }
}

fn set(tuning: &mut Tuning, name: &str, number: f64) {
    match name {
        "window_s" => tuning.window_s = number,
        "fewest" => tuning.window_points[0] = number,
        "most" => tuning.window_points[1] = number,
        "block" => tuning.block = number as u32,
        "shape" => tuning.shape = number,
        "excess" => tuning.excess = number,
        "ar_rate" => tuning.ar_rate = number,
        "hold_s" => tuning.hold_s = number,
        "echo" => tuning.echo = number,
        "channels" => tuning.channels = number as u32,
        "winsor" => tuning.winsor = number,
        "growth" => tuning.growth = number,
        "full_size" => tuning.full_size = number,
        "size_weight" => tuning.size_weight = number,
        "resolution_share" => tuning.resolution_share = number,
        "advance_s" => tuning.advance_s = number,
        _ => panic!("no constant is called {name}"),
    }
}

/// Checked numbers of a generated or recorded series.
pub(crate) fn finite(value: f64) -> Finite {
    Finite::new(value).expect("finite")
}

/// Runs `job` for each number below `jobs` on two threads; results in order.
pub(crate) fn in_parallel<T: Send>(jobs: u64, job: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let next = std::sync::atomic::AtomicU64::new(0);
    let mut results: Vec<(u64, T)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut mine = Vec::new();
                    loop {
                        let i = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        if i >= jobs {
                            return mine;
                        }
                        mine.push((i, job(i)));
                    }
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no panic")).collect()
    });
    results.sort_by_key(|(i, _)| *i);
    results.into_iter().map(|(_, result)| result).collect()
}
