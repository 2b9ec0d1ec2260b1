//! The monitors of a section: the bands they need, and their fields in a record.

mod message;
mod series;
mod silence;
mod verdict_texts;

pub(super) use series::{MonitoredSeries, MonitoredSpec};
pub(super) use silence::SilenceReport;
#[cfg(feature = "companion")]
pub(super) use silence::{restore_report, save_report};
pub(super) use verdict_texts::{PlainVerdict, VerdictTexts};

use crate::config::MonitorSection;
use crate::monitor::message::Facts;
use crate::monitor::{MonitorSpec, MonitorVerdict};
use crate::record::{Format, Output};
use message::render_message;
use silence::SilenceText;

/// All monitors of one section.
#[derive(Debug, Default)]
pub(super) struct SectionMonitors {
    monitors: Vec<PreparedMonitor>,
    /// Sections of the bank that hold the bands, each with the monitors that share it.
    pub(super) bands: Vec<(u16, Vec<usize>)>,
    /// How many outputs of the section come before those of the monitors.
    first_output: usize,
}

#[derive(Debug)]
struct PreparedMonitor {
    name: String,
    outputs: [String; 2],
    spec: MonitorSpec,
    texts: VerdictTexts,
}

/// One monitor's verdict on a record, with the message that is due.
#[derive(Debug)]
pub(super) struct RenderedVerdict {
    monitor: usize,
    verdict: MonitorVerdict,
    message: Option<String>,
}

impl RenderedVerdict {
    /// Bytes of text that are not the same in every record.
    pub(super) fn text_len(&self) -> usize {
        self.message.as_ref().map_or(0, String::len)
    }
}

impl SectionMonitors {
    /// `first_output`: how many outputs the section has without monitors.
    pub(super) fn new<'a>(
        monitors: impl Iterator<Item = &'a MonitorSection>,
        first_output: usize,
        format: Format,
    ) -> Self {
        let prepare = |monitor: &MonitorSection| PreparedMonitor {
            name: monitor.name.clone(),
            outputs: monitor.annotation_names(),
            spec: monitor.spec.clone(),
            texts: VerdictTexts::new(&monitor.name, &monitor.annotation_names()[0], format),
        };
        Self { monitors: monitors.map(prepare).collect(), bands: Vec::new(), first_output }
    }

    pub(super) fn specs(&self) -> impl Iterator<Item = MonitorSpec> {
        self.monitors.iter().map(|monitor| monitor.spec.clone())
    }

    /// Bytes that the verdicts of all monitors take at most, texts of messages and series aside.
    pub(super) fn room(&self) -> usize {
        const MAP: usize = 512; // names of members, numbers, states
        self.monitors.iter().map(|monitor| 2 * MAP + 12 * monitor.name.len()).sum()
    }

    pub(super) fn outputs(&self) -> impl Iterator<Item = Output> {
        self.monitors
            .iter()
            .flat_map(|monitor| &monitor.outputs)
            .map(|name| Output { name: name.clone(), constant: None })
    }

    /// The output of a monitor's verdict; that of a silent series follows it.
    pub(super) fn output(&self, verdict: &RenderedVerdict) -> usize {
        self.first_output + 2 * verdict.monitor
    }

    /// Adds the message to a verdict, if one is due: only then `groups` is called.
    pub(super) fn render(
        &self,
        monitor: usize,
        verdict: MonitorVerdict,
        groups: impl FnOnce() -> Vec<(String, String)>,
    ) -> Option<RenderedVerdict> {
        let spec = &self.monitors.get(monitor)?.spec;
        let is_due = verdict.transition.is_some() || verdict.renotify;
        let message = (is_due && !spec.message.is_empty()).then(|| {
            let facts = Facts {
                observed: Some(verdict.value),
                band: verdict.band.map(|band| (band.expected, band.lower, band.upper)),
                transition: verdict.transition,
                triggered: verdict.triggered,
                ..Facts::of(spec, verdict.status, verdict.share)
            };
            render_message(spec, &facts, &groups())
        });
        Some(RenderedVerdict { monitor, verdict, message })
    }

    /// The verdicts on a closed window, encoded, with the names of their members.
    pub(super) fn render_window(
        &self,
        verdicts: &[(usize, usize, MonitorVerdict)],
        groups: &[(String, String)],
    ) -> Vec<(String, Vec<u8>)> {
        let mut rendered = Vec::new();
        for (band, place, verdict) in verdicts {
            let monitor = self.bands.get(*band).and_then(|(_, monitors)| monitors.get(*place));
            let Some(verdict) = monitor.and_then(|n| self.render(*n, *verdict, || groups.to_vec())) else {
                continue;
            };
            let mut text = Vec::new();
            self.append(&verdict, &mut text);
            let name = self.monitors.get(verdict.monitor).map(|monitor| monitor.outputs[0].clone());
            rendered.extend(name.map(|name| (name, text)));
        }
        rendered
    }

    /// The texts of the only monitor.
    #[inline(always)] // speed
    pub(super) fn texts_of_only(&self) -> Option<&VerdictTexts> {
        let [monitor] = &self.monitors[..] else { return None };
        Some(&monitor.texts)
    }

    /// Appends a verdict as it stands in the record.
    pub(super) fn append(&self, verdict: &RenderedVerdict, out: &mut Vec<u8>) {
        if let Some(monitor) = self.monitors.get(verdict.monitor) {
            monitor.texts.append(&verdict.verdict, verdict.message.as_deref(), out);
        }
    }

    /// The report of a silent series, ready to be written. `monitors`: those that share the band.
    pub(super) fn silence(
        &self,
        monitors: &[usize],
        (place, evaluation): SilenceReport,
        groups: &[(String, String)],
    ) -> Option<SilenceText> {
        let at = *monitors.get(place)?;
        let monitor = self.monitors.get(at)?;
        let output = self.first_output + 2 * at + 1;
        Some(SilenceText::new(output, &monitor.name, &monitor.spec, evaluation, groups))
    }
}
