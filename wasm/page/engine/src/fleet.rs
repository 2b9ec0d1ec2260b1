//! All series together: one budget for all of them, and each beside the others.

use fluent_anomaly::detectors::{
    AlarmBudget, Finite, Fleet, GroupSpec, IncidentEvent, IncidentReport, PeerGroup,
};

use crate::json::Json;
use crate::series::Preview;

/// A series that had no point for so long is not there any more, s: as in the filter.
const GONE_S: i64 = 3 * 3600;

/// A point that is rare in its own series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RarePoint {
    /// s, UTC.
    pub time_s: i64,
    /// Number of its series.
    pub series: u32,
    /// How rare: log10 of the seconds between two such points.
    pub log10_s: f64,
    /// Usual deviations.
    pub size: f32,
}

/// Alarms of several series that belong together.
#[derive(Debug, Clone, PartialEq)]
pub struct FleetIncident {
    /// First and last alarming point, s, UTC.
    pub from_s: i64,
    /// The last one.
    pub to_s: i64,
    /// As it was told last.
    pub report: IncidentReport,
}

/// What one budget for all series makes of their rare points.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FleetAlarms {
    /// Of each point the place of its incident; none where it does not alarm.
    pub incident_of: Vec<Option<usize>>,
    /// In the order of time.
    pub incidents: Vec<FleetIncident>,
}

impl FleetAlarms {
    /// Judges points in the order of time; `lives`: first and last second of each series.
    #[must_use]
    pub fn of(budget: AlarmBudget, points: &[RarePoint], lives: &[(i64, i64)]) -> Self {
        // asked once in five minutes: to sort the series for it would cost more of the page
        let is_there = |life: &&(i64, i64), at: i64| life.0 <= at && at <= life.1.saturating_add(GONE_S);
        let there = |at: i64| lives.iter().filter(|life| is_there(life, at)).count();
        let first_s = lives.iter().map(|life| life.0).min();
        let (Some(first_s), Some(last_s)) = (first_s, lives.iter().map(|life| life.1).max()) else {
            return Self::default();
        };
        let mut all = Self::default();
        let mut fleet = Fleet::new();
        let tick_until = |fleet: &mut Fleet, all: &mut Self, time_s: i64| {
            while fleet.next_tick_s() <= time_s {
                let tick_s = fleet.next_tick_s().max(first_s);
                all.told(fleet.tick(budget, tick_s, there(tick_s) as f64).report);
            }
        };
        for point in points {
            tick_until(&mut fleet, &mut all, point.time_s);
            let answer = fleet.observe(budget, point.time_s, point.series, point.log10_s, point.size);
            all.told(answer.report);
            let incident = all.incidents.len().checked_sub(1).filter(|_| answer.is_alarm);
            if let Some(incident) = incident.and_then(|at| all.incidents.get_mut(at)) {
                incident.to_s = incident.to_s.max(point.time_s);
            }
            all.incident_of.push(incident);
        }
        tick_until(&mut fleet, &mut all, last_s);
        all
    }

    fn told(&mut self, report: Option<IncidentReport>) {
        let Some(report) = report else { return };
        if report.event == IncidentEvent::Start {
            self.incidents.push(FleetIncident { from_s: report.started_s, to_s: report.started_s, report });
        } else if let Some(incident) = self.incidents.last_mut() {
            incident.report = report;
        }
    }

    /// `{"incident_of": [0, -1, ..], "incidents": [{"from", "to", "series", "size", "first"}, ..]}`.
    #[must_use]
    pub fn to_json(&self) -> String {
        let of = |incident: &Option<usize>| incident.map_or_else(|| "-1".to_owned(), |at| at.to_string());
        let incidents = Json::array(self.incidents.iter().map(|incident| {
            Json::object(|members| {
                members.number("from", incident.from_s as f64).number("to", incident.to_s as f64);
                members.number("series", f64::from(incident.report.series));
                members.number("size", f64::from(incident.report.size));
                members.number("first", f64::from(incident.report.first));
            })
        }));
        Json::object(|all| {
            all.raw("incident_of", &Json::array(self.incident_of.iter().map(of)));
            all.raw("incidents", &incidents);
        })
    }
}

/// A time for which a member is an outlier among the others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outlier {
    /// First and last point that is told so, s, UTC.
    pub from_s: i64,
    /// The last one.
    pub to_s: i64,
    /// The largest distance, usual deviations of the group.
    pub distance: f64,
}

/// Compares series with each other: the outliers of each, in the order of time.
#[must_use]
pub fn outliers(spec: &GroupSpec, series: &[Preview]) -> Vec<Vec<Outlier>> {
    let mut found: Vec<Vec<Outlier>> = vec![Vec::new(); series.len()];
    let mut group = PeerGroup::new(spec);
    let mut next = vec![0_usize; series.len()];
    let interval_s = i64::from(spec.interval_s());
    let all_times = || series.iter().flat_map(|one| one.points().0.iter().copied());
    let Some(mut start_s) = all_times().min().map(|first| first.div_euclid(interval_s) * interval_s) else {
        return found;
    };
    // interval by interval: which of the members comes first in one says nothing
    loop {
        let end_s = start_s.saturating_add(interval_s);
        let mut following: Option<i64> = None;
        for (id, ((one, next), found)) in series.iter().zip(&mut next).zip(&mut found).enumerate() {
            let (times, values) = one.points();
            while let Some((&time_s, &value)) = times.get(*next).zip(values.get(*next)) {
                if time_s >= end_s {
                    following = Some(following.map_or(time_s, |other| other.min(time_s)));
                    break;
                }
                *next += 1;
                let Some(x) = Finite::new(value) else { continue };
                let Some(told) = group.update(spec, id as u32, time_s, x) else { continue };
                let Some(verdict) = told.verdict.filter(|verdict| verdict.is_outlier) else { continue };
                match found.last_mut().filter(|_| !told.has_changed) {
                    Some(last) => {
                        last.to_s = time_s;
                        last.distance = last.distance.max(verdict.distance);
                    }
                    None => found.push(Outlier { from_s: time_s, to_s: time_s, distance: verdict.distance }),
                }
            }
        }
        let Some(following) = following else { return found };
        start_s = following.div_euclid(interval_s) * interval_s;
    }
}

/// `[[{"from", "to", "distance"}, ..], ..]`, one list a series.
#[must_use]
pub fn outliers_json(outliers: &[Vec<Outlier>]) -> String {
    let one = |outlier: &Outlier| {
        Json::object(|members| {
            members.number("from", outlier.from_s as f64).number("to", outlier.to_s as f64);
            members.number("distance", outlier.distance);
        })
    };
    Json::array(outliers.iter().map(|all| Json::array(all.iter().map(one))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use fluent_anomaly::detectors::{GroupTest, PeerAlgorithm, PeerTest};

    #[test]
    fn a_member_apart_from_the_others_is_an_outlier_for_as_long_as_that_lasts() {
        let times: Vec<f64> = (0..100).map(|minute| f64::from(minute) * 60.0).collect();
        let series: Vec<Preview> = (0..10)
            .map(|id| {
                let value = |at: i32| {
                    f64::from((id * 37 + at * 11) % 10)
                        + if id == 3 && (40..60).contains(&at) { 90.0 } else { 0.0 }
                };
                Preview::new(&times, &(0..100).map(value).collect::<Vec<_>>()).unwrap()
            })
            .collect();
        let test = PeerTest { algorithm: PeerAlgorithm::Dbscan, tolerance: 3.0, percent: 0.0 };
        let spec = GroupSpec::new(GroupTest::Fixed(test), 60, 1, 15, 3).unwrap();
        let found = outliers(&spec, &series);
        for (id, found) in found.iter().enumerate() {
            match (id, &found[..]) {
                // the points of minutes 40 to 59 are judged by the first record 15 s after their interval's end
                (3, [outlier]) => assert_eq!((outlier.from_s, outlier.to_s), (42 * 60, 61 * 60)),
                (_, []) if id != 3 => {}
                _ => panic!("{id}: {found:?}"),
            }
        }
    }

    #[test]
    fn points_that_are_rare_at_once_are_one_incident() {
        let lives = [(0, 30 * 86_400); 20];
        let mut points: Vec<RarePoint> = (0..700)
            .map(|hour| RarePoint {
                time_s: hour * 3600 + 7,
                series: hour as u32 % 20,
                log10_s: 3.6,
                size: 3.0,
            })
            .collect();
        let at = 20 * 86_400;
        let storm =
            (0..20).map(|n| RarePoint { time_s: at + i64::from(n), series: n, log10_s: 7.5, size: 9.0 });
        points.extend(storm);
        points.sort_by_key(|point| point.time_s);
        let found = FleetAlarms::of(AlarmBudget::new(1.0, 86_400.0).unwrap(), &points, &lives);
        let large: Vec<_> = found.incidents.iter().filter(|incident| incident.report.series == 20).collect();
        let [incident] = large[..] else { panic!("{:?}", found.incidents) };
        assert_eq!((incident.from_s, incident.to_s), (at, at + 19));
        assert_eq!(found.incident_of.len(), points.len());
    }
}
