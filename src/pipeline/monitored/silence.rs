//! The report of a series that fell silent.

use super::message::render_message;
#[cfg(feature = "companion")]
use crate::codec::{CodecError, Reader, Writer};
use crate::monitor::message::Facts;
use crate::monitor::{AlertEvaluation, MonitorSpec};
#[cfg(feature = "companion")]
use crate::monitor::{Status, Transition, Triggered};
use crate::pipeline::record_access::RecordAccess;
use crate::record::Field;

/// A monitor, by its place in the shared band, with its evaluation of a series that fell silent.
pub(in crate::pipeline) type SilenceReport = (usize, AlertEvaluation);

#[cfg(feature = "companion")]
pub(in crate::pipeline) fn save_report((monitor, evaluation): &SilenceReport, w: &mut Writer<'_>) {
    w.varint(*monitor as u64);
    w.u8(status_code(evaluation.status));
    w.u8(evaluation
        .transition
        .map_or(u8::MAX, |transition| status_code(transition.from) << 2 | status_code(transition.to)));
    w.u8(u8::from(evaluation.renotify) | u8::from(evaluation.triggered.is_some()) << 1);
    w.f64(evaluation.share);
    evaluation.triggered.iter().for_each(|triggered| triggered.save(w));
}

#[cfg(feature = "companion")]
pub(in crate::pipeline) fn restore_report(r: &mut Reader<'_>) -> Result<SilenceReport, CodecError> {
    const WHAT: &str = "report of a silent series";
    let monitor = r.varint(WHAT)? as usize;
    let status = status_of(r.u8(WHAT)?);
    let transition = match r.u8(WHAT)? {
        u8::MAX => None,
        code => Some(Transition { from: status_of(code >> 2), to: status_of(code) }),
    };
    let flags = r.u8(WHAT)?;
    let share = r.f64(WHAT)?;
    let triggered = if flags & 2 == 0 { None } else { Some(Triggered::restore(r)?) };
    Ok((monitor, AlertEvaluation { status, transition, renotify: flags & 1 != 0, share, triggered }))
}

#[cfg(feature = "companion")]
fn status_code(status: Status) -> u8 {
    match status {
        Status::Ok => 0,
        Status::Warn => 1,
        Status::Alert => 2,
        Status::NoData => 3,
    }
}

/// Of the two low bits.
#[cfg(feature = "companion")]
fn status_of(code: u8) -> Status {
    match code & 3 {
        0 => Status::Ok,
        1 => Status::Warn,
        2 => Status::Alert,
        _ => Status::NoData,
    }
}

/// The report as it is written into a record of another series.
#[derive(Debug)]
pub(in crate::pipeline) struct SilenceText {
    output: usize,
    monitor: String,
    status: &'static str,
    transition: Option<&'static str>,
    message: Option<String>,
}

impl SilenceText {
    pub(super) fn new(
        output: usize,
        monitor: &str,
        spec: &MonitorSpec,
        evaluation: AlertEvaluation,
        groups: &[(String, String)],
    ) -> Self {
        let message = (!spec.message.is_empty()).then(|| {
            let facts = Facts {
                transition: evaluation.transition,
                triggered: evaluation.triggered,
                ..Facts::of(spec, evaluation.status, evaluation.share)
            };
            render_message(spec, &facts, groups)
        });
        Self {
            output,
            monitor: monitor.to_owned(),
            status: evaluation.status.text(),
            transition: evaluation.transition.map(|transition| transition.text()),
            message,
        }
    }

    /// Writes the report into the record that was scanned; `series`: the silent one.
    pub(in crate::pipeline) fn write(&self, series: &str, record: &mut Vec<u8>, access: &RecordAccess) {
        let mut members = vec![
            ("monitor", Field::Text(&self.monitor)),
            ("series", Field::Text(series)),
            ("status", Field::Text(self.status)),
        ];
        let optional = [("transition", self.transition), ("message", self.message.as_deref())];
        members.extend(optional.into_iter().filter_map(|(name, text)| Some((name, Field::Text(text?)))));
        let texts = series.len() + self.message.as_ref().map_or(0, String::len);
        access.write(record, &[(self.output, Field::Map(&members))], texts);
    }
}
