//! Scores -> alarms, by a threshold that each series learns from its first day. No label is looked at here.

use super::incidents::DAY;

/// In words, for the report.
pub(super) const RULE: &str =
    "median + 3 x (99 % quantile - median) of the same score and host, day 1 from 12:00; then fixed";

/// The scores of the first half day are not used: a model that begins with nothing is surprised by everything.
const SETTLED: u32 = DAY / 2;
const FACTOR: f64 = 3.0;

/// The two scores of ChangeFinder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Score {
    Outlier,
    Change,
}

impl Score {
    pub(super) const ALL: [Self; 2] = [Self::Outlier, Self::Change];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Outlier => "outlier",
            Self::Change => "change",
        }
    }
}

/// The thresholds of all hosts.
#[derive(Debug)]
pub(super) struct Alarms {
    hosts: Vec<[Level; 2]>,
}

#[derive(Debug)]
enum Level {
    Learning(Vec<f64>),
    Known { median: f64, reach: f64 },
}

impl Alarms {
    pub(super) fn new(hosts: u32) -> Self {
        Self { hosts: (0..hosts).map(|_| Score::ALL.map(|_| Level::Learning(Vec::new()))).collect() }
    }

    /// How far each score is from its median: 1 is the threshold. `None` until a threshold is known, or without
    /// a score.
    pub(super) fn strengths(
        &mut self,
        host: usize,
        minute: u32,
        scores: [Option<f64>; 2],
    ) -> [Option<f64>; 2] {
        let mut strengths = [None; 2];
        let Some(levels) = self.hosts.get_mut(host) else { return strengths };
        for ((level, score), strength) in levels.iter_mut().zip(scores).zip(&mut strengths) {
            if minute >= DAY
                && let Level::Learning(values) = level
            {
                *level = Level::learned(values);
            }
            let Some(score) = score else { continue };
            match level {
                Level::Learning(values) if minute >= SETTLED => values.push(score),
                Level::Learning(_) => {}
                Level::Known { median, reach } => *strength = Some((score - *median) / *reach),
            }
        }
        strengths
    }
}

impl Level {
    fn learned(values: &mut [f64]) -> Self {
        values.sort_by(f64::total_cmp);
        let median = quantile(values, 0.5);
        // a score that never moves: any move is an alarm
        let reach = (FACTOR * (quantile(values, 0.99) - median)).max(f64::MIN_POSITIVE);
        Self::Known { median, reach }
    }
}

/// The smallest value that at least this part of all does not exceed; 0 without any.
fn quantile(sorted: &[f64], part: f64) -> f64 {
    let rank = (part * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_threshold_comes_from_the_second_half_of_the_first_day() {
        let mut alarms = Alarms::new(1);
        for minute in 0..DAY {
            // 1..=100 in turn; before noon something wild
            let score = if minute < SETTLED { 1e9 } else { f64::from(minute % 100 + 1) };
            assert_eq!(alarms.strengths(0, minute, [Some(score), None]), [None, None]);
        }
        // 720 values, 21..=40 once more than the others: 363 are at most 49, 713 at most 99
        let [Some(at), None] = alarms.strengths(0, DAY, [Some(199.0), None]) else { panic!() };
        assert!((at - 1.0).abs() < 1e-12, "{at}");
        let [Some(median), _] = alarms.strengths(0, DAY + 1, [Some(49.0), None]) else { panic!() };
        assert!(median.abs() < 1e-12, "{median}");
    }

    #[test]
    fn quantiles_are_values_that_occur() {
        let values = [1.0, 2.0, 3.0, 4.0];
        assert_eq!(
            [0.0, 0.25, 0.5, 0.51, 1.0].map(|part| quantile(&values, part)),
            [1.0, 1.0, 2.0, 3.0, 4.0]
        );
        assert_eq!(quantile(&[], 0.5), 0.0);
    }
}
