//! A section whose series share one budget of alarms: which of their rare points alarm, and the incident they make.

use super::Pipeline;
use super::annotate::INCIDENT;
use super::rating::AlarmEdge;
use super::series_key::key_text;
use super::series_model::{AskFleet, COUNT, SeriesModel, pack};
use crate::bank::{Observation, SeriesKey};
use crate::detector::fleet::{IncidentEvent, IncidentReport};
use crate::record::Field;
use crate::time::Time;

/// A series that had no record for so long is not there any more, s.
const GONE_S: i64 = 3 * 3600;

/// The fleet of a section.
#[derive(Debug)]
pub(super) struct SectionFleet {
    /// Its section of the bank.
    bank: u16,
    /// When it wants to know how many series there are, s; `None` before the first record since the start.
    due_s: Option<i64>,
    /// How many series had made room for others then.
    evicted: u64,
    key: SeriesKey,
}

impl SectionFleet {
    pub(super) fn new(bank: u16) -> Self {
        Self { bank, due_s: None, evicted: 0, key: SeriesKey::default() }
    }
}

impl Pipeline {
    /// Lets the fleet of a section, if it has one, say whether a point alarms; keeps what it tells of its incident.
    /// `is_new`: the point did not come before.
    #[inline(never)] // stack
    pub(super) fn ask_fleet(&mut self, at: u16, observation: Observation, is_new: bool) {
        let Self { sections, bank, key, anomaly, incident, .. } = self;
        let Some(fleet) = sections.get_mut(usize::from(at)).and_then(|section| section.fleet.as_mut()) else {
            return;
        };
        let mut candidate = None;
        if let Some(anomaly) = anomaly {
            candidate = anomaly.values.filter(|_| anomaly.rating.is_alarm && is_new);
            (anomaly.rating.is_alarm, anomaly.rating.edge) = (false, None);
        }
        // its model may have made room for a series
        if fleet.evicted != bank.evicted() {
            (fleet.evicted, fleet.due_s) = (bank.evicted(), None);
        }
        let due_s = *fleet.due_s.get_or_insert_with(|| match bank.model(fleet.bank, &fleet.key) {
            Some(SeriesModel::Fleet(fleet)) => fleet.next_tick_s(),
            _ => i64::MIN,
        });
        if is_new && observation.time.seconds() >= due_s {
            let since = Time::from_seconds(observation.time.seconds().saturating_sub(GONE_S));
            let value = bank.count_seen(at, since) as f64;
            let counted = Observation { value, source: COUNT, ..observation };
            if let Some((answer, next_s)) = bank.observe(fleet.bank, &fleet.key, counted, AskFleet).flatten()
            {
                fleet.due_s = Some(next_s);
                *incident = answer.report;
            }
        }
        if let Some(numbers) = candidate
            && let Some(source) = bank.name(at, key)
        {
            let value = pack(numbers.log10_s, numbers.size);
            let rare = Observation { value, source, ..observation };
            if let Some((answer, next_s)) = bank.observe(fleet.bank, &fleet.key, rare, AskFleet).flatten() {
                fleet.due_s = Some(next_s);
                *incident = answer.report.or(incident.take());
                if let Some(anomaly) = anomaly {
                    anomaly.rating.is_alarm = answer.is_alarm;
                    anomaly.rating.edge = answer.joins.then_some(AlarmEdge::Start);
                }
            }
        }
        if let Some(anomaly) = anomaly
            && !anomaly.rating.is_alarm
        {
            (anomaly.rating.reason, anomaly.values) = (None, None);
        }
    }

    /// Writes what is to be told of an incident into a record that has its scores.
    #[cold]
    #[inline(never)] // stack
    pub(super) fn annotate_incident(&mut self, at: u16, report: &IncidentReport, record: &mut Vec<u8>) {
        let Self { sections, bank, .. } = self;
        let Some(section) = sections.get_mut(usize::from(at)) else { return };
        let name_of = |id: u32| {
            let key = bank.key_of(id);
            key.map_or_else(|| "-".to_owned(), |key| key_text(key, section.has_several_keys()))
        };
        // the same after a restart: a section has one incident at a time
        let id = format!("{}-{}", section.plain_name(), report.started_s);
        let first = name_of(report.first);
        let names: Vec<(String, f64)> =
            report.members.iter().map(|member| (name_of(member.id), f64::from(member.size))).collect();
        let members: Vec<(&str, Field<'_>)> =
            names.iter().map(|(name, size)| (name.as_str(), Field::Number(*size))).collect();
        let event = match report.event {
            IncidentEvent::Start => "start",
            IncidentEvent::Update => "update",
            IncidentEvent::End => "end",
        };
        let map = [
            ("id", Field::Text(&id)),
            ("event", Field::Text(event)),
            ("started", Field::Integer(report.started_s)),
            ("series", Field::Integer(i64::from(report.series))),
            ("first", Field::Text(&first)),
            ("size", Field::Number(f64::from(report.size))),
            ("members", Field::Map(&members)),
        ];
        if section.access.scan(record) {
            const MAP: usize = 512; // names of members, numbers
            let texts =
                MAP + id.len() + first.len() + names.iter().map(|(name, _)| name.len() + 8).sum::<usize>();
            section.access.write(record, &[(INCIDENT, Field::Map(&map))], texts);
        }
    }
}
