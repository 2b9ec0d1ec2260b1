//! What there is to say of a closed window. It is part of the saved state until a record carries it.

use crate::codec::{CodecError, Reader, Writer};
use crate::detector::Scores;
use crate::detector::band::Band;
use crate::monitor::{MonitorVerdict, Status, Transition, Triggered};
use crate::pipeline::codes::{code, decode};
use crate::pipeline::rating::{AlarmNumbers, Anomaly, Rating};
use crate::pipeline::scoring::ScoreOutcome;

/// A closed window with everything that a scored record gets.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::pipeline) struct WindowReport {
    pub(in crate::pipeline) from_s: i64,
    pub(in crate::pipeline) to_s: i64,
    pub(in crate::pipeline) value: f64,
    /// How many it is made of.
    pub(in crate::pipeline) records: u64,
    pub(in crate::pipeline) outcome: ScoreOutcome,
    pub(in crate::pipeline) anomaly: Option<Anomaly>,
    pub(in crate::pipeline) verdicts: Vec<BandVerdict>,
}

/// Number of the band, place of the monitor in it, verdict.
pub(in crate::pipeline) type BandVerdict = (usize, usize, MonitorVerdict);

const STATES: [Status; 4] = [Status::Ok, Status::Warn, Status::Alert, Status::NoData];
const WHAT: &str = "report of a window";
const SCORED: u8 = 1;
const WARMING_UP: u8 = 2;
const REFUSED: u8 = 3;

impl WindowReport {
    /// Of a window that is not scored yet.
    pub(super) fn new(from_s: i64, to_s: i64, value: f64, records: u64, verdicts: Vec<BandVerdict>) -> Self {
        let outcome = ScoreOutcome::WarmingUp;
        Self { from_s, to_s, value, records, outcome, anomaly: None, verdicts }
    }

    /// Whether it begins, continues or ends an alarm, or changes the state of a monitor.
    pub(in crate::pipeline) fn is_urgent(&self) -> bool {
        let alarms =
            self.anomaly.is_some_and(|anomaly| anomaly.rating.is_alarm || anomaly.rating.edge.is_some());
        alarms || self.verdicts.iter().any(|(_, _, verdict)| verdict.transition.is_some() || verdict.renotify)
    }

    #[inline(never)] // stack
    pub(in crate::pipeline) fn to_bytes(&self) -> Box<[u8]> {
        let mut bytes = Vec::new();
        let mut w = Writer::new(&mut bytes);
        w.i64(self.from_s);
        w.i64(self.to_s);
        w.f64(self.value);
        w.varint(self.records);
        match self.outcome {
            ScoreOutcome::Scored(scores) => {
                w.u8(SCORED);
                w.f64(scores.outlier);
                w.f64(scores.change);
            }
            ScoreOutcome::Refused(_) => w.u8(REFUSED),
            _ => w.u8(WARMING_UP),
        }
        w.u8(u8::from(self.anomaly.is_some()));
        if let Some(Anomaly { rating, values }) = self.anomaly {
            rating.save(&mut w);
            w.u8(u8::from(values.is_some()));
            if let Some(AlarmNumbers { observed, expected, size, .. }) = values {
                w.f64(observed);
                w.f64(expected);
                w.f64(size);
            }
        }
        w.varint(self.verdicts.len() as u64);
        for (band, place, verdict) in &self.verdicts {
            w.varint(*band as u64);
            w.varint(*place as u64);
            put_verdict(verdict, &mut w);
        }
        bytes.into()
    }

    pub(in crate::pipeline) fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut r = Reader::new(bytes);
        let (from_s, to_s) = (r.i64(WHAT)?, r.i64(WHAT)?);
        let (value, records) = (r.f64(WHAT)?, r.varint(WHAT)?);
        let outcome = match r.u8(WHAT)? {
            SCORED => ScoreOutcome::Scored(Scores { outlier: r.f64(WHAT)?, change: r.f64(WHAT)? }),
            WARMING_UP => ScoreOutcome::WarmingUp,
            // why it was refused does not matter any more
            _ => ScoreOutcome::TooLate,
        };
        let anomaly = if r.u8(WHAT)? == 0 { None } else { Some(take_anomaly(&mut r)?) };
        let mut verdicts = Vec::new();
        for _ in 0..r.varint(WHAT)? {
            let (band, place) = (r.varint(WHAT)? as usize, r.varint(WHAT)? as usize);
            verdicts.push((band, place, take_verdict(&mut r)?));
        }
        Ok(Self { from_s, to_s, value, records, outcome, anomaly, verdicts })
    }
}

fn take_anomaly(r: &mut Reader<'_>) -> Result<Anomaly, CodecError> {
    let rating = Rating::restore(WHAT, r)?;
    let values = if r.u8(WHAT)? == 0 {
        None
    } else {
        Some(AlarmNumbers {
            observed: r.f64(WHAT)?,
            expected: r.f64(WHAT)?,
            size: r.f64(WHAT)?,
            log10_s: 0.0,
        })
    };
    Ok(Anomaly { rating, values })
}

fn put_verdict(verdict: &MonitorVerdict, w: &mut Writer<'_>) {
    let MonitorVerdict { value, band, is_anomaly, status, transition, renotify, share, triggered } = *verdict;
    w.f64(value);
    w.f64(share);
    let flags = [is_anomaly, renotify, band.is_some(), triggered.is_some()];
    w.u8(flags.iter().rev().fold(0, |bits, flag| bits << 1 | u8::from(*flag)));
    w.u8(code(&STATES, Some(status)));
    w.u8(code(&STATES, transition.map(|transition| transition.from)));
    w.u8(code(&STATES, transition.map(|transition| transition.to)));
    if let Some(Band { expected, lower, upper }) = band {
        w.f64(expected);
        w.f64(lower);
        w.f64(upper);
    }
    triggered.iter().for_each(|triggered| triggered.save(w));
}

fn take_verdict(r: &mut Reader<'_>) -> Result<MonitorVerdict, CodecError> {
    let (value, share, flags) = (r.f64(WHAT)?, r.f64(WHAT)?, r.u8(WHAT)?);
    let status = decode(&STATES, r.u8(WHAT)?, WHAT)?.ok_or(CodecError::Invalid { what: WHAT })?;
    let (from, to) = (decode(&STATES, r.u8(WHAT)?, WHAT)?, decode(&STATES, r.u8(WHAT)?, WHAT)?);
    let transition = from.zip(to).map(|(from, to)| Transition { from, to });
    let band = if flags & 4 == 0 {
        None
    } else {
        Some(Band { expected: r.f64(WHAT)?, lower: r.f64(WHAT)?, upper: r.f64(WHAT)? })
    };
    let triggered = if flags & 8 == 0 { None } else { Some(Triggered::restore(r)?) };
    let (is_anomaly, renotify) = (flags & 1 != 0, flags & 2 != 0);
    Ok(MonitorVerdict { value, band, is_anomaly, status, transition, renotify, share, triggered })
}
