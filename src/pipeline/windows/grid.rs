//! Where windows begin and end.

use crate::monitor::Zone;

const DAY_S: i64 = 86_400;
/// 1970-01-05 was a Monday: windows of a week begin with it.
const MONDAY_S: i64 = 4 * DAY_S;

/// Windows without gaps, in UTC or by the local days of a zone.
#[derive(Debug, Clone)]
pub(in crate::pipeline) struct Grid {
    /// > 0; a part of a day, or whole days.
    every_s: i64,
    /// Windows of whole days: where midnight is.
    zone: Option<Zone>,
}

impl Grid {
    pub(in crate::pipeline) fn new(every_s: u32, zone: Option<Zone>) -> Self {
        Self { every_s: i64::from(every_s.max(1)), zone }
    }

    /// Begin and end of the window that holds an instant, s.
    #[inline(never)] // speed: rare
    pub(in crate::pipeline) fn bounds(&self, time_s: i64) -> (i64, i64) {
        let anchor_s = if self.every_s == 7 * DAY_S { MONDAY_S } else { 0 };
        let Some(zone) = &self.zone else {
            let from_s = time_s.saturating_sub(time_s.saturating_sub(anchor_s).rem_euclid(self.every_s));
            return (from_s, from_s.saturating_add(self.every_s));
        };
        let local_s = time_s.saturating_add(i64::from(zone.span(time_s).offset_s));
        let from_s = local_s.saturating_sub(local_s.saturating_sub(anchor_s).rem_euclid(self.every_s));
        (first_instant(zone, from_s), first_instant(zone, from_s.saturating_add(self.every_s)))
    }
}

/// The first instant at which a clock of the zone shows `local_s` or later. Where a night jumps over midnight, that is
/// the instant of the jump.
fn first_instant(zone: &Zone, local_s: i64) -> i64 {
    let before = zone.span(local_s.saturating_sub(2 * DAY_S));
    // at most one change lies within those days
    let change_s = before.until_s;
    let early_s = local_s.saturating_sub(i64::from(before.offset_s));
    if early_s < change_s {
        return early_s;
    }
    let after = zone.span(change_s);
    // a local time that the change skipped comes with the change
    local_s.saturating_sub(i64::from(after.offset_s)).max(change_s)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(zone: &str, every_s: u32) -> Grid {
        Grid::new(every_s, Some(Zone::named(zone).unwrap()))
    }

    #[test]
    fn windows_of_a_minute_begin_with_the_minute() {
        let grid = Grid::new(60, None);
        assert_eq!(grid.bounds(1_700_000_039), (1_700_000_020 - 40, 1_700_000_020 + 20));
        assert_eq!(grid.bounds(-1), (-60, 0));
    }

    #[test]
    fn a_week_begins_on_monday() {
        // 2026-11-23 was a Monday
        assert_eq!(Grid::new(7 * 86_400, None).bounds(1_795_800_000).0, 1_795_392_000);
    }

    #[test]
    fn days_over_daylight_saving_have_23_and_25_hours() {
        let grid = days("Europe/Vienna", 86_400);
        let hours = |time_s| {
            let (from_s, to_s) = grid.bounds(time_s);
            ((to_s - from_s) / 3600, from_s)
        };
        // 2026-03-29, 2026-10-25 and an ordinary day
        assert_eq!(hours(1_774_780_000), (23, 1_774_738_800));
        assert_eq!(hours(1_792_920_000), (25, 1_792_879_200));
        assert_eq!(hours(1_795_780_000).0, 24);
    }

    #[test]
    fn windows_follow_each_other_without_gaps_in_every_zone() {
        for zone in Zone::names() {
            for every_s in [86_400, 2 * 86_400, 7 * 86_400] {
                let grid = days(zone, every_s);
                let (mut from_s, mut to_s) = grid.bounds(1_767_225_600);
                while to_s < 1_800_000_000 {
                    for inside in [from_s, (from_s + to_s) / 2, to_s - 1] {
                        assert_eq!(grid.bounds(inside), (from_s, to_s), "{zone} {inside}");
                    }
                    assert!((to_s - from_s).abs_diff(i64::from(every_s)) <= 24 * 3600, "{zone}");
                    (from_s, to_s) = grid.bounds(to_s);
                }
            }
        }
    }
}
