//! Are faults found? Faults put into series that have run clean for a fortnight, at one alarm a week.

use crate::families::{Family, Series};
use crate::{DAY_S, finite, in_parallel};
use fluent_anomaly::{
    detectors::{Calibrated, CalibratedSpec},
    internals::Tuning,
};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// One point, 8 standard deviations up.
    Spike,
    /// 4 standard deviations up, for good; to be found within 60 points.
    Shift,
    /// Twice the spread for an hour; to be found within an hour and a half.
    Spread,
    /// One value for an hour.
    Stuck,
    /// The season is missing for a day.
    NoSeason,
}

const FAULTS: [Fault; 5] = [Fault::Spike, Fault::Shift, Fault::Spread, Fault::Stuck, Fault::NoSeason];
const FAMILIES: [Family; 7] = [
    Family::Gaussian,
    Family::Ar,
    Family::Poisson,
    Family::Quantised,
    Family::Daily,
    Family::RandomWalk,
    Family::T3,
];

/// `only`: spacings, families and faults to leave it at; none for all of them.
pub(crate) fn run(tuning: Tuning, trials: u64, only: &[&str]) {
    let wanted = |name: String, all: &[String]| {
        only.contains(&name.as_str()) || !all.iter().any(|other| only.contains(&other.as_str()))
    };
    let spacings = [60.0, 300.0, 3600.0];
    let (all_spacings, all_families, all_faults) = (
        spacings.map(|s| s.to_string()),
        FAMILIES.map(|f| format!("{f:?}")),
        FAULTS.map(|f| format!("{f:?}")),
    );
    let spec = CalibratedSpec { tuning, ..CalibratedSpec::default() };
    for spacing_s in spacings {
        if !wanted(spacing_s.to_string(), &all_spacings) {
            continue;
        }
        println!("\npoints every {spacing_s} s, {trials} trials: found, %, (median delay, points)");
        println!("{:12} {}", "", FAULTS.map(|f| format!("{:>13}", format!("{f:?}"))).join(" "));
        for family in FAMILIES {
            if !wanted(format!("{family:?}"), &all_families) {
                continue;
            }
            let mut line = format!("{:12}", format!("{family:?}"));
            for fault in FAULTS {
                let possible = fault != Fault::NoSeason || family == Family::Daily;
                if !possible || !wanted(format!("{fault:?}"), &all_faults) {
                    continue;
                }
                let mut delays: Vec<u64> = in_parallel(trials, |i| trial(family, fault, i, spacing_s, &spec))
                    .into_iter()
                    .flatten()
                    .collect();
                delays.sort_unstable();
                let found = 100.0 * delays.len() as f64 / trials as f64;
                let median = delays.get(delays.len() / 2).map_or("-".to_string(), |d| d.to_string());
                line += &format!(" {:>13}", format!("{found:.1} ({median})"));
            }
            println!("{line}");
        }
    }
}

/// Points from the fault's begin to the first alarming point, if it is found.
fn trial(family: Family, fault: Fault, seed: u64, spacing_s: f64, spec: &CalibratedSpec) -> Option<u64> {
    let mut series = Series::new(family, 7000 + 13 * seed + fault as u64, spacing_s);
    let mut score = Calibrated::new(spec);
    let begin = ((14.0 + (seed as f64 * 0.37) % 1.0) * DAY_S / spacing_s) as u64;
    let hour = (3600.0 / spacing_s) as u64;
    let within = match fault {
        Fault::Spike => 1,
        Fault::Shift => 60,
        Fault::Spread => (hour * 3 / 2).max(2),
        Fault::Stuck => hour + 1,
        Fault::NoSeason => (DAY_S / spacing_s) as u64,
    };
    let sd = if family == Family::Poisson { 2f64.sqrt() } else { 1.0 };
    let mut stuck = 0.0;
    for i in 0..begin + within {
        let time_s = 1.4e9 + i as f64 * spacing_s;
        let season = if family == Family::Daily { Series::season(time_s) } else { 0.0 };
        let centre = if family == Family::Poisson { 2.0 } else { season };
        let mut x = series.next(time_s);
        if i >= begin {
            let since = i - begin;
            match fault {
                Fault::Spike => x += 8.0 * sd,
                Fault::Shift => x += 4.0 * sd,
                Fault::Spread if since < hour => x = centre + 2.0 * (x - centre),
                Fault::Stuck if since == 0 => stuck = x,
                Fault::Stuck if since < hour => x = stuck,
                Fault::NoSeason => x -= season,
                _ => {}
            }
        }
        let rarity = score.update(spec, finite(time_s), finite(x));
        if i >= begin && rarity.is_some_and(|r| r.is_alarm) {
            return Some(i - begin);
        }
    }
    None
}
