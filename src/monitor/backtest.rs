//! History of one series under its monitors, as if its points came now: what the filter would have said.
//!
//! In a pipeline the records of other series tell that one fell silent; here time itself passes in its gaps.

use super::alert::AlertEvaluation;
use super::evaluate::{MonitorVerdict, SeriesEvaluator, SharedBand};
use crate::detector::Finite;

/// Most looks into one gap.
const MOST_LOOKS: i64 = 10_000;

/// What happened, at a time, to the monitor at a place of the plan.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum BacktestEvent {
    /// A point was judged.
    Point(MonitorVerdict),
    /// Nothing came: a change of state, or a reminder.
    Silence(AlertEvaluation),
}

/// One series.
///
/// ```
/// use fluent_anomaly::monitors::{Backtest, BacktestEvent, MonitorSpec, RawMonitor, SharedBand, Status};
/// let mut raw = RawMonitor::default();
/// raw.set("query", "avg(last_1h):anomalies(avg:x{*}, 'basic', 3, alert_window='last_5m', interval=60) >= 1");
/// let plan = SharedBand::new(MonitorSpec::check(&raw).map_err(|problems| problems[0].to_string())?);
/// let mut backtest = Backtest::new(&plan);
/// let mut alerts = Vec::new();
/// for n in 0..120 {
///     let value = if n < 100 { f64::from(n * 7 % 5) } else { 50.0 };
///     backtest.point(i64::from(n) * 60, value, |time_s, _, event| {
///         if let BacktestEvent::Point(said) = event && said.transition.is_some_and(|t| t.to == Status::Alert) {
///             alerts.push(time_s / 60);
///         }
///     });
/// }
/// assert_eq!(alerts, [105]);
/// # Ok::<(), String>(())
/// ```
#[derive(Debug)]
pub struct Backtest<'a> {
    plan: &'a SharedBand,
    watch: SeriesEvaluator,
    newest_s: Option<i64>,
}

impl<'a> Backtest<'a> {
    /// Nothing has come yet.
    #[must_use]
    pub fn new(plan: &'a SharedBand) -> Self {
        Self { plan, watch: SeriesEvaluator::new(plan), newest_s: None }
    }

    /// Takes the next point, in the order of time (s, UTC). A value that is not finite only lets time pass. False
    /// when the point came too late to count.
    pub fn point(
        &mut self,
        time_s: i64,
        value: f64,
        mut report: impl FnMut(i64, usize, BacktestEvent),
    ) -> bool {
        self.pass(time_s, &mut report);
        let Some(x) = Finite::new(value) else { return false };
        self.watch
            .observe(self.plan, time_s, x, |place, said| report(time_s, place, BacktestEvent::Point(said)))
    }

    /// Lets time pass until `until_s`, which no point came at.
    pub fn pass(&mut self, until_s: i64, mut report: impl FnMut(i64, usize, BacktestEvent)) {
        let newest_s = self.newest_s.replace(self.newest_s.map_or(until_s, |newest| newest.max(until_s)));
        let bucket_s = self.plan.monitors().first().map_or(60, |monitor| i64::from(monitor.bucket_s()));
        let Some(newest_s) = newest_s else { return };
        let gap_s = until_s.saturating_sub(newest_s);
        let step_s = bucket_s.max(gap_s / MOST_LOOKS).max(1);
        // the bucket of the newest point closes with the next point; what follows it may be silence
        let mut now_s = newest_s.saturating_add(bucket_s);
        while gap_s > bucket_s && now_s < until_s {
            now_s = now_s.saturating_add(step_s).min(until_s);
            self.watch
                .tick(self.plan, now_s, |place, said| report(now_s, place, BacktestEvent::Silence(said)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::{MonitorSpec, RawMonitor};

    fn plan(keys: &[(&str, &str)]) -> SharedBand {
        let mut raw = RawMonitor::default();
        raw.set(
            "query",
            "avg(last_1h):anomalies(avg:x{*}, 'basic', 3, alert_window='last_5m', interval=60) >= 1",
        );
        for (key, value) in keys {
            raw.set(key, *value);
        }
        SharedBand::new(MonitorSpec::check(&raw).unwrap())
    }

    fn transitions(keys: &[(&str, &str)], points: &[(i64, f64)], until_s: i64) -> Vec<(i64, String)> {
        let plan = plan(keys);
        let mut backtest = Backtest::new(&plan);
        let mut told = Vec::new();
        let mut tell = |time_s: i64, _: usize, event: BacktestEvent| {
            let transition = match event {
                BacktestEvent::Point(said) => said.transition,
                BacktestEvent::Silence(said) => said.transition,
            };
            told.extend(transition.map(|transition| (time_s / 60, transition.to_string())));
        };
        for &(time_s, value) in points {
            backtest.point(time_s, value, &mut tell);
        }
        backtest.pass(until_s, &mut tell);
        told
    }

    #[test]
    fn a_gap_becomes_no_data_when_its_time_has_come_and_ends_with_the_next_point() {
        let points: Vec<(i64, f64)> =
            (0..200).filter(|n| !(100..150).contains(n)).map(|n| (n * 60, (n % 5) as f64)).collect();
        let keys = [("notify_no_data", "true"), ("no_data_timeframe", "15")];
        let told = transitions(&keys, &points, 200 * 60);
        assert_eq!(told, [(115, "OK->NO DATA".to_owned()), (151, "NO DATA->OK".to_owned())]);
        assert_eq!(transitions(&[], &points, 200 * 60), []);
    }

    #[test]
    fn silence_at_the_end_is_told() {
        let points: Vec<(i64, f64)> = (0..50).map(|n| (n * 60, (n % 5) as f64)).collect();
        let keys = [("notify_no_data", "true"), ("no_data_timeframe", "15")];
        assert_eq!(transitions(&keys, &points, 80 * 60), [(65, "OK->NO DATA".to_owned())]);
    }

    #[test]
    fn a_gap_of_centuries_costs_little() {
        let keys = [("notify_no_data", "true")];
        let told = transitions(&keys, &[(0, 1.0), (9_000_000_000, 2.0), (9_000_000_060, 2.0)], 9_000_000_060);
        assert_eq!(told.len(), 2, "{told:?}");
    }
}
