//! The incident that is open.

use crate::codec::{CodecError, Reader, Writer};
use crate::detector::min_max::larger;

/// Members that are told.
const TOLD: usize = 5;
/// Most members that are remembered; more are counted.
const MOST: usize = 100_000;

/// What happens to an incident with a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IncidentEvent {
    /// It begins.
    Start,
    /// It has twice as many series as when it was told last.
    Update,
    /// No series has alarmed for the hold.
    End,
}

/// One series of an incident.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IncidentMember {
    /// As the caller names the series.
    pub id: u32,
    /// The largest size of its points, usual deviations.
    pub size: f32,
}

/// An incident as it is told.
#[derive(Debug, Clone, PartialEq)]
pub struct IncidentReport {
    /// What happens to it.
    pub event: IncidentEvent,
    /// Time of its first point, s.
    pub started_s: i64,
    /// Series so far.
    pub series: u32,
    /// The first of them.
    pub first: u32,
    /// The largest size of all, usual deviations.
    pub size: f32,
    /// The five largest, the largest first.
    pub members: Vec<IncidentMember>,
}

/// An open incident.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Incident {
    started_s: i64,
    /// Time of its latest alarming point, s.
    pub(super) last_s: i64,
    first: u32,
    /// By id.
    members: Vec<IncidentMember>,
    /// Series beyond [`MOST`].
    others: u32,
    /// Series when it was told last.
    told: u32,
}

impl Incident {
    pub(super) fn new(time_s: i64, id: u32, size: f32) -> Self {
        let members = vec![IncidentMember { id, size }];
        Self { started_s: time_s, last_s: time_s, first: id, members, others: 0, told: 1 }
    }

    /// Takes in an alarming point: whether its series is new to the incident, and what is to be told.
    pub(super) fn add(&mut self, time_s: i64, id: u32, size: f32) -> (bool, Option<IncidentReport>) {
        self.last_s = self.last_s.max(time_s);
        match self.members.binary_search_by_key(&id, |member| member.id) {
            Ok(at) => {
                if let Some(member) = self.members.get_mut(at) {
                    member.size = member.size.max(size);
                }
                return (false, None);
            }
            Err(at) if self.members.len() < MOST && self.members.try_reserve(1).is_ok() => {
                self.members.insert(at, IncidentMember { id, size });
            }
            Err(_) => self.others = self.others.saturating_add(1),
        }
        let is_due = self.series() >= self.told.saturating_mul(2);
        (true, is_due.then(|| self.report(IncidentEvent::Update)))
    }

    fn series(&self) -> u32 {
        self.others.saturating_add(self.members.len() as u32)
    }

    /// Tells it.
    pub(super) fn report(&mut self, event: IncidentEvent) -> IncidentReport {
        self.told = self.series();
        let mut largest: Vec<IncidentMember> = Vec::with_capacity(TOLD + 1);
        for member in &self.members {
            let at = largest.iter().position(|other| other.size < member.size).unwrap_or(largest.len());
            if at < TOLD {
                largest.insert(at, *member);
                largest.truncate(TOLD);
            }
        }
        let size = largest.first().map_or(0.0, |member| member.size);
        IncidentReport {
            event,
            started_s: self.started_s,
            series: self.told,
            first: self.first,
            size: larger(f64::from(size), 0.0) as f32,
            members: largest,
        }
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.i64(self.started_s);
        w.i64(self.last_s);
        w.u32(self.first);
        w.u32(self.others);
        w.u32(self.told);
        w.varint(self.members.len() as u64);
        for member in &self.members {
            w.u32(member.id);
            w.f32(member.size);
        }
    }

    pub(super) fn restore(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        const WHAT: &str = "incident of a fleet";
        let (started_s, last_s) = (r.i64(WHAT)?, r.i64(WHAT)?);
        let (first, others, told) = (r.u32(WHAT)?, r.u32(WHAT)?, r.u32(WHAT)?);
        let count = r.varint(WHAT)?;
        if count > MOST as u64 {
            return Err(CodecError::Invalid { what: WHAT });
        }
        let mut members = Vec::new();
        for _ in 0..count {
            members.push(IncidentMember { id: r.u32(WHAT)?, size: r.f32(WHAT)? });
        }
        let is_sound = members.is_sorted_by(|a, b| a.id < b.id) && members.iter().all(|m| m.size.is_finite());
        if is_sound {
            Ok(Self { started_s, last_s, first, members, others, told })
        } else {
            Err(CodecError::Invalid { what: WHAT })
        }
    }
}
