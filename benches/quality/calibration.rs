//! Is the promised alarm rate kept? Observed over promised on clean series, per family, spacing and budget.

use crate::families::{ALL, Family, Series};
use crate::{BUDGETS, DAY_S, finite, in_parallel};
use fluent_anomaly::{
    detectors::{AlarmBudget, AlarmEvent, Calibrated, CalibratedSpec},
    internals::Tuning,
};

const YOUNG_DAYS: f64 = 2.0;

/// Spacing, s; long series and their days; short (two-day) series. As many that a ratio of 0.6 is told from 0.5: with
/// four series of a year the standard error of an alarm a month is 0.1 to 0.25.
const CELLS: [(f64, f64, f64, f64); 3] =
    [(60.0, 24.0, 364.0, 100.0), (300.0, 40.0, 364.0, 300.0), (3600.0, 200.0, 364.0, 1000.0)];

pub(crate) fn run(tuning: Tuning, scale: f64) {
    for (spacing_s, long, days, short) in CELLS {
        let (long, short) = ((long * scale).ceil() as u64, (short * scale).ceil() as u64);
        println!(
            "\npoints every {spacing_s} s, {long} series of {days} days; first two days: {short} series"
        );
        println!(
            "observed / promised from day 3     | alarms a series in the first two days minus the promise"
        );
        println!("{:12} 1/day 1/week 1/month      | 1/day  1/week 1/month", "");
        let mut worst = [0.0f64; BUDGETS.len()];
        for family in ALL {
            let mut line = format!("{family:12?}", family = format!("{family:?}"));
            line = line.replace('"', "");
            let mut young = String::new();
            for ((_, period_s), worst) in BUDGETS.into_iter().zip(&mut worst) {
                let spec =
                    CalibratedSpec { budget: AlarmBudget::new(1.0, period_s).expect("in range"), tuning };
                let late = in_parallel(long, |i| alarms(family, i + 1, spacing_s, days, &spec).1);
                let promised = (days - YOUNG_DAYS) * DAY_S / period_s;
                let (ratio, error) = mean_and_error(&late, promised);
                *worst = worst.max(error);
                line += &mark(ratio, 0.5, 2.0);
                let early = in_parallel(short, |i| alarms(family, 1000 + i, spacing_s, YOUNG_DAYS, &spec).0);
                let over = early.iter().sum::<f64>() / short as f64 - YOUNG_DAYS * DAY_S / period_s;
                young += &mark(over, f64::NEG_INFINITY, 0.1);
            }
            println!("{line}   |{young}");
        }
        let [day, week, month] = worst;
        println!("standard error at most {day:.2}, {week:.2}, {month:.2}");
    }
}

/// Mean of the series' ratios to the promise, and its standard error.
fn mean_and_error(alarms: &[f64], promised: f64) -> (f64, f64) {
    let n = alarms.len() as f64;
    let mean = alarms.iter().sum::<f64>() / n;
    let squares: f64 = alarms.iter().map(|a| (a - mean) * (a - mean)).sum();
    (mean / promised, (squares / (n - 1.0) / n).sqrt() / promised)
}

fn mark(value: f64, low: f64, high: f64) -> String {
    format!(" {value:6.2}{}", if value < low || value > high { '!' } else { ' ' })
}

/// Alarms in the first two days and after.
fn alarms(family: Family, seed: u64, spacing_s: f64, days: f64, spec: &CalibratedSpec) -> (f64, f64) {
    let mut series = Series::new(family, seed, spacing_s);
    let mut score = Calibrated::new(spec);
    let (mut early, mut late) = (0.0, 0.0);
    for i in 0..(days * DAY_S / spacing_s) as u64 {
        let passed_s = i as f64 * spacing_s;
        let time_s = 1.4e9 + passed_s;
        let rarity = score.update(spec, finite(time_s), finite(series.next(time_s)));
        if let Some(AlarmEvent::Started { .. }) = rarity.and_then(|r| r.alarm) {
            if passed_s < YOUNG_DAYS * DAY_S { early += 1.0 } else { late += 1.0 }
        }
    }
    (early, late)
}
