//! Cursor -> the next window to ask for; answer -> the next cursor. All times in seconds since 1970.

use super::acknowledged::REACH;
use crate::source::datadog::{QuerySeries, QueryWindow};

/// Longest window of one request; the agent limits itself to it too.
const MAX_SLICE: i64 = 86_400;
/// Longest bucket that is believed, seconds: a month.
const MAX_STEP: u32 = 31 * 86_400;
/// Points a series and request where the query fixes the grid: under the lowest known cap (350).
const POINTS: i64 = 300;

/// Progress of a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PullCursor {
    /// Every bucket that ends here or before was asked for, and acknowledged.
    pub(super) at: i64,
    /// Nothing before this moment is ever asked for.
    pub(super) start: i64,
    /// Length of a bucket as the last answer had it; 0 before the first.
    pub(super) step: u32,
}

/// Width of a window, and how far back it reaches.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reach {
    pub(super) overlap: i64,
    pub(super) slice: i64,
    /// The N of `.rollup(avg, N)`, if the query names one.
    pub(super) rollup: Option<u32>,
    /// The past does not change any more: an empty answer says that nothing was there.
    pub(super) settled: bool,
    /// Halvings after answers that were too large.
    pub(super) halvings: u32,
}

impl Reach {
    /// Whether the API widened the buckets of a range beyond its query's `.rollup`, and a shorter window could keep
    /// them.
    pub(super) fn is_widened(&self, series: &[QuerySeries], window: QueryWindow) -> bool {
        let Some(rollup) = self.rollup.filter(|_| self.settled) else { return false };
        let filled = series.iter().filter(|series| !series.points.is_empty());
        let longest = filled.filter_map(|series| series.interval).max();
        longest > Some(rollup) && window.to - window.from > i64::from(rollup) * POINTS
    }
}

impl PullCursor {
    /// The beginning of a section that has never been pulled: one interval back, as in the original.
    pub(super) fn first(target: i64, interval: i64) -> Self {
        let at = align(target - interval.max(60), 60);
        Self { at, start: at, step: 0 }
    }

    fn grid(&self, reach: &Reach) -> i64 {
        i64::from(if self.step > 0 { self.step } else { reach.rollup.unwrap_or(60) }).max(1)
    }

    /// The next window towards `target`; `None` when no further bucket can be complete.
    pub(super) fn next(&self, target: i64, reach: &Reach) -> Option<QueryWindow> {
        let grid = self.grid(reach);
        if target - self.at < if self.step > 0 { grid } else { 1 } {
            return None;
        }
        let overlap = reach.overlap.clamp(0, (REACH - 1) * grid);
        let from = align(self.at - overlap, grid).max(self.start);
        let fixed = reach.rollup.filter(|_| !reach.settled);
        let fixed = fixed.map(|rollup| (i64::from(rollup) * POINTS).min(MAX_SLICE));
        let slice = (fixed.unwrap_or(reach.slice) >> reach.halvings.min(30)).min(MAX_SLICE);
        // at least one bucket of progress, however long the buckets
        let to = (from + slice).max(self.at + 2 * grid).min(target);
        Some(QueryWindow { from, to })
    }

    /// The window is down to its smallest: halving would not help.
    pub(super) fn is_smallest(&self, window: QueryWindow, reach: &Reach) -> bool {
        window.to <= self.at + 2 * self.grid(reach)
    }

    /// `window` was answered with buckets of `step` seconds (`None`: no points at all) and acknowledged.
    pub(super) fn advance(&mut self, window: QueryWindow, step: Option<u32>, reach: &Reach) {
        match step {
            Some(step) => {
                self.step = step.clamp(1, MAX_STEP);
                let at = align(window.to, i64::from(self.step));
                // buckets longer than the window: the next one must be wider, so the cursor waits
                self.at = self.at.max(at);
            }
            None if reach.settled => self.at = self.at.max(align(window.to, self.grid(reach))),
            // an empty answer proves little: half a slice of it is asked again
            None => self.at = self.at.max(align(window.to - reach.slice / 2, self.grid(reach))),
        }
    }
}

fn align(time: i64, grid: i64) -> i64 {
    time - time.rem_euclid(grid)
}

/// The number of the first `.rollup(method, N)` in a query.
pub(super) fn rollup(query: &str) -> Option<u32> {
    let (_, rest) = query.split_once(".rollup(")?;
    let (inner, _) = rest.split_once(')')?;
    inner.split(',').nth(1)?.trim().parse().ok().filter(|&seconds| seconds > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REACH_1H: Reach = Reach { overlap: 300, slice: 3600, rollup: None, settled: false, halvings: 0 };

    #[test]
    fn a_gap_is_walked_in_slices_without_a_hole() {
        let mut cursor = PullCursor { at: 1_000_000, start: 900_000, step: 20 };
        let target = 1_000_000 + 86_400 * 3 + 7;
        let mut covered = cursor.at;
        let mut requests = 0;
        while let Some(window) = cursor.next(target, &REACH_1H) {
            assert!(window.from <= covered && window.to - window.from <= 3600, "{window:?}");
            covered = window.to;
            cursor.advance(window, Some(20), &REACH_1H);
            requests += 1;
        }
        assert_eq!(cursor.at, align(target, 20));
        assert!(requests < 90, "{requests}");
    }

    #[test]
    fn a_window_wide_enough_for_a_bucket_is_always_found() {
        for step in [1, 20, 60, 300, 3600, 86_400] {
            let mut cursor = PullCursor { at: align(1_000_000, i64::from(step)), start: 0, step };
            let target = cursor.at + i64::from(step) * 5;
            let mut requests = 0;
            while let Some(window) = cursor.next(target, &REACH_1H) {
                cursor.advance(window, Some(step), &REACH_1H);
                requests += 1;
                assert!(requests < 20, "no progress with buckets of {step} s");
            }
            assert_eq!(cursor.at, target);
        }
    }

    #[test]
    fn nothing_before_the_start_and_nothing_for_less_than_a_bucket() {
        let cursor = PullCursor::first(1_000_000, 600);
        let window = cursor.next(1_000_000, &REACH_1H).unwrap();
        assert_eq!(window, QueryWindow { from: 999_360, to: 1_000_000 });
        assert_eq!(PullCursor { at: 1000, start: 0, step: 60 }.next(1059, &REACH_1H), None);
    }

    #[test]
    fn an_empty_answer_lets_the_cursor_trail_half_a_slice_behind() {
        let mut cursor = PullCursor { at: 100_000, start: 0, step: 20 };
        for target in (100_600..200_000).step_by(600) {
            while let Some(window) = cursor.next(target, &REACH_1H) {
                let before = cursor.at;
                cursor.advance(window, None, &REACH_1H);
                if window.to == target || cursor.at == before {
                    break;
                }
            }
            assert!(target - cursor.at <= 1820, "{target} {cursor:?}");
        }
    }

    #[test]
    fn the_rollup_of_a_query() {
        assert_eq!(rollup("avg:m{*} by {host}.rollup(avg, 60)"), Some(60));
        assert_eq!(rollup("avg:m{*}.rollup(sum,3600).fill(null)"), Some(3600));
        for query in
            ["avg:m{*}", "m{*}.rollup(avg)", "m{*}.rollup(avg, x)", "m{*}.rollup(avg, 0)", "m{*}.rollup("]
        {
            assert_eq!(rollup(query), None, "{query}");
        }
    }
}
