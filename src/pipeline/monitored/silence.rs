//! The report of a series that fell silent.

use super::message::render_message;
use crate::monitor::message::Facts;
use crate::monitor::{AlertEvaluation, MonitorSpec};
use crate::pipeline::record_access::RecordAccess;
use crate::record::Field;

/// A monitor, by its place in the shared band, with its evaluation of a series that fell silent.
pub(in crate::pipeline) type SilenceReport = (usize, AlertEvaluation);

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
                share: evaluation.share,
                threshold: spec.critical,
                warn_threshold: spec.warning,
                observed: None,
                band: None,
                status: evaluation.status,
                transition: evaluation.transition,
                time_s: None,
                groups: &[],
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
