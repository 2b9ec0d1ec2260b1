//! Where windows begin and end.

use crate::monitor::Zone;

const DAY_S: i64 = 86_400;
/// 1970-01-05 was a Monday: windows of a week begin with it.
const MONDAY_S: i64 = 4 * DAY_S;

const HOUR_S: i64 = 3600;

/// Windows without gaps, in UTC or by the local clock of a zone.
#[derive(Debug, Clone)]
pub(in crate::pipeline) struct Grid {
    /// > 0; a part of a day, or whole days.
    every_s: i64,
    /// Whose clock they follow.
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
        let begin = |at_s: i64| at_s.saturating_sub(at_s.saturating_sub(anchor_s).rem_euclid(self.every_s));
        let Some(zone) = &self.zone else {
            let from_s = begin(time_s);
            return (from_s, from_s.saturating_add(self.every_s));
        };
        let span = zone.span(time_s);
        let offset_s = i64::from(span.offset_s);
        let local_s = begin(time_s.saturating_add(offset_s));
        let next_s = local_s.saturating_add(self.every_s);
        if self.is_shorter_than_changes() {
            // a window ends where clocks are set, unless it would end there anyway
            let from_s = local_s.saturating_sub(offset_s).max(span.from_s);
            return (from_s, next_s.saturating_sub(offset_s).min(span.until_s));
        }
        (first_instant(zone, local_s), first_instant(zone, next_s))
    }

    /// Whether a window may begin within an hour that a clock shows twice, so that its local time names two instants.
    /// Windows of 3 h and more begin at full hours that no zone has twice.
    fn is_shorter_than_changes(&self) -> bool {
        self.every_s < 3 * HOUR_S || self.every_s % HOUR_S != 0
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
    fn an_hour_is_that_of_the_zone_and_lasts_an_hour_where_clocks_change_by_one() {
        // 2026-11-23 00:00 UTC is 05:30 in Kolkata and 05:45 in Kathmandu
        assert_eq!(days("Asia/Kolkata", 3600).bounds(1_795_392_000), (1_795_390_200, 1_795_393_800));
        assert_eq!(days("Asia/Kathmandu", 3600).bounds(1_795_392_000), (1_795_389_300, 1_795_392_900));
        assert_eq!(days("Asia/Kathmandu", 1800).bounds(1_795_392_000), (1_795_391_100, 1_795_392_900));
        // both changes of 2026 in Vienna, each at 01:00 UTC
        for change_s in [1_774_746_000, 1_792_890_000] {
            let grid = days("Europe/Vienna", 3600);
            assert_eq!(grid.bounds(change_s - 1), (change_s - 3600, change_s));
            assert_eq!(grid.bounds(change_s), (change_s, change_s + 3600));
            assert_eq!(grid.bounds(change_s + 3600).0, change_s + 3600);
        }
        // 00:00 to 06:00 has 5 hours in spring and 7 in autumn
        let six = days("Europe/Vienna", 6 * 3600);
        assert_eq!(six.bounds(1_774_746_000), (1_774_738_800, 1_774_738_800 + 5 * 3600));
        assert_eq!(six.bounds(1_792_890_000), (1_792_879_200, 1_792_879_200 + 7 * 3600));
        // Lord Howe Island sets its clocks by half an hour, at 15:00 UTC: the hour of the change has two halves
        let howe = days("Australia/Lord_Howe", 3600);
        let lengths: Vec<i64> = {
            let (mut lengths, mut at_s) = (Vec::new(), 1_775_314_800 - 7200);
            while at_s < 1_775_314_800 + 7200 {
                let (from_s, to_s) = howe.bounds(at_s);
                lengths.push(to_s - from_s);
                at_s = to_s;
            }
            lengths
        };
        assert!(lengths.iter().all(|&s| s == 3600 || s == 1800), "{lengths:?}");
        assert!(lengths.contains(&1800), "{lengths:?}");
    }

    #[test]
    fn windows_follow_each_other_without_gaps_in_every_zone() {
        for zone in Zone::names() {
            for every_s in [1800, 3600, 5400, 7200, 3 * 3600, 12 * 3600, 86_400, 2 * 86_400, 7 * 86_400] {
                let grid = days(zone, every_s);
                // the short ones over the weeks in which most clocks change
                let times: &[(i64, i64)] = if every_s < 86_400 {
                    &[(1_774_600_000, 1_775_500_000), (1_792_700_000, 1_793_700_000)]
                } else {
                    &[(1_767_225_600, 1_800_000_000)]
                };
                for &(first_s, until_s) in times {
                    let (mut from_s, mut to_s) = grid.bounds(first_s);
                    while to_s < until_s {
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
}
