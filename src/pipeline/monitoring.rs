//! The monitors of a section: which tracks they need, and what they write into a record.

use super::track::Silence;
use super::verdict::VerdictTexts;
use crate::config::Monitor;
use crate::monitor::message::{Facts, render};
use crate::monitor::{MonitorSpec, MonitorVerdict};
use crate::record::{Format, Output};

/// Most monitors whose verdicts are written in one go; more take a second pass over the record.
pub(super) const AT_ONCE: usize = 4;

/// All monitors of one section.
#[derive(Debug, Default)]
pub(super) struct Monitored {
    monitors: Vec<Named>,
    /// Sections of the bank that hold their bands, each with the monitors that share it.
    pub(super) plans: Vec<(u16, Vec<usize>)>,
    /// Outputs of the section ahead of those of the monitors.
    first_output: usize,
}

#[derive(Debug)]
struct Named {
    name: String,
    outputs: [String; 2],
    spec: MonitorSpec,
    texts: VerdictTexts,
}

/// One monitor's verdict on a record, with the texts it borrows.
#[derive(Debug)]
pub(super) struct Said {
    monitor: usize,
    observation: MonitorVerdict,
    message: Option<String>,
}

impl Said {
    /// Bytes of text that are not the same in every record.
    pub(super) fn text_len(&self) -> usize {
        self.message.as_ref().map_or(0, String::len)
    }
}

impl Monitored {
    /// `first_output`: how many outputs the section has without monitors.
    pub(super) fn new<'a>(
        monitors: impl Iterator<Item = &'a Monitor>,
        first_output: usize,
        format: Format,
    ) -> Self {
        let named = |monitor: &Monitor| Named {
            name: monitor.name.clone(),
            outputs: monitor.annotation_names(),
            spec: monitor.spec.clone(),
            texts: VerdictTexts::new(&monitor.name, &monitor.annotation_names()[0], format),
        };
        Self { monitors: monitors.map(named).collect(), plans: Vec::new(), first_output }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.monitors.is_empty()
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
    pub(super) fn output(&self, said: &Said) -> usize {
        self.first_output + 2 * said.monitor
    }

    /// What a monitor said, ready to be written. `groups` are asked for only when a message is due.
    pub(super) fn said(
        &self,
        monitor: usize,
        observation: MonitorVerdict,
        groups: impl FnOnce() -> Vec<(String, String)>,
    ) -> Option<Said> {
        let spec = &self.monitors.get(monitor)?.spec;
        let due = observation.transition.is_some() || observation.renotify;
        let message = (due && !spec.message.is_empty()).then(|| {
            let groups = groups();
            render_message(
                spec,
                &Facts {
                    share: observation.share,
                    threshold: spec.critical,
                    warn_threshold: spec.warning,
                    observed: Some(observation.value),
                    band: observation.band.map(|band| (band.expected, band.lower, band.upper)),
                    status: observation.status,
                    transition: observation.transition,
                    groups: &[],
                },
                &groups,
            )
        });
        Some(Said { monitor, observation, message })
    }

    /// The texts of the only monitor.
    #[inline(always)]
    pub(super) fn texts_of_one(&self) -> Option<&VerdictTexts> {
        let [monitor] = &self.monitors[..] else { return None };
        Some(&monitor.texts)
    }

    /// Appends a verdict as it stands in the record.
    pub(super) fn append(&self, said: &Said, out: &mut Vec<u8>) {
        if let Some(monitor) = self.monitors.get(said.monitor) {
            monitor.texts.append(&said.observation, said.message.as_deref(), out);
        }
    }

    /// What a series of this section says that fell silent: where it is written, and monitor, status, transition
    /// and message.
    pub(super) fn silence(
        &self,
        plan: &[usize],
        (place, evaluation): Silence,
        groups: &[(String, String)],
    ) -> Option<(usize, SilenceTexts)> {
        let at = *plan.get(place)?;
        let monitor = self.monitors.get(at)?;
        let spec = &monitor.spec;
        let message = (!spec.message.is_empty()).then(|| {
            let facts = Facts {
                share: evaluation.share,
                threshold: spec.critical,
                warn_threshold: spec.warning,
                observed: None,
                band: None,
                status: evaluation.status,
                transition: evaluation.transition,
                groups: &[],
            };
            render_message(spec, &facts, groups)
        });
        let texts = SilenceTexts {
            monitor: monitor.name.clone(),
            status: evaluation.status.text(),
            transition: evaluation.transition.map(|transition| transition.text()),
            message,
        };
        Some((self.first_output + 2 * at + 1, texts))
    }
}

/// What is written of a silent series.
#[derive(Debug)]
pub(super) struct SilenceTexts {
    pub(super) monitor: String,
    pub(super) status: &'static str,
    pub(super) transition: Option<&'static str>,
    pub(super) message: Option<String>,
}

/// Groups of a Datadog scope, `host:a,env:b`, count by their keys; any other group by its field.
fn render_message(spec: &MonitorSpec, facts: &Facts<'_>, groups: &[(String, String)]) -> String {
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    for (name, value) in groups {
        pairs.push((name, value));
        if name == "scope" {
            pairs.extend(value.split(',').filter_map(|tag| tag.split_once(':')));
        }
    }
    render(&spec.message, &Facts { groups: &pairs, ..*facts })
}
