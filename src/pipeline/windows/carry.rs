//! From closed windows into a record, or into records of their own.

use super::WindowedSections;
use super::report::WindowReport;
use crate::bank::ClosedWindow;
use crate::config::{Section, WindowsTold};
use crate::pipeline::Pipeline;
use crate::pipeline::grouped::encoded_verdicts;
use crate::pipeline::rating::Anomaly;
use crate::pipeline::scoring::ScoreOutcome;
use crate::pipeline::section::PreparedSection;
use crate::pipeline::series_key::key_text;
use crate::record::{Field, Format, encode};
use crate::time::Time;

/// Goes before the name of a section in the tag of a window's own record.
const TAG_PREFIX: &str = "anomaly.window.";
/// Bytes around a window's map in a record.
const ROOM: usize = 256;

/// A closed window as a record of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowRecord {
    /// `anomaly.window.<section>`.
    pub tag: String,
    /// The values of its series' `by` fields, separated by commas; `*` for a section without `by`.
    pub series: String,
    /// The end of the window.
    pub time: Time,
    /// A record in the pipeline's format.
    pub record: Vec<u8>,
}

/// Whether the windows of a section become records where the host takes them.
pub(super) fn makes_records(section: &Section) -> bool {
    section.windows.as_ref().is_some_and(|windows| windows.told == WindowsTold::Records)
}

impl Pipeline {
    /// Lets sections with `windows: records` make records: the host takes them by
    /// [`take_window_record`](Pipeline::take_window_record) after each record.
    pub fn make_window_records(&mut self) {
        if let Some(windows) = &mut self.windows {
            windows.takes_records = true;
        }
    }

    /// The next closed window of a section with `windows: records`.
    pub fn take_window_record(&mut self) -> Option<WindowRecord> {
        let windows = self.windows.as_ref().filter(|windows| windows.takes_records)?;
        if !self.bank.has_windows() {
            return None;
        }
        let makes_records = |section: u16| windows.makes_records.get(usize::from(section)) == Some(&true);
        let window = self.bank.take_window(&makes_records)?;
        let record = self.record_of_window(&window);
        self.bank.commit();
        record
    }

    fn record_of_window(&mut self, window: &ClosedWindow) -> Option<WindowRecord> {
        let report = WindowReport::from_bytes(&window.report).ok()?;
        let section = self.sections.get(usize::from(window.section))?;
        let tag = [TAG_PREFIX, section.plain_name()].concat();
        let series = key_text(&window.key, section.has_several_keys());
        let mut record = empty_record(section.access.extractor.format());
        self.write_window(window, &report, &mut record);
        Some(WindowRecord { tag, series, time: Time::from_seconds(report.to_s), record })
    }

    /// Writes the next closed window into a record, if it can carry one.
    #[cold]
    #[inline(never)] // stack
    pub(super) fn carry_window(&mut self, record: &mut Vec<u8>) {
        let Some(windows) = &mut self.windows else { return };
        let WindowedSections { may_carry, carrier: (extractor, found), .. } = &mut **windows;
        let may_carry = |section: u16| may_carry.get(usize::from(section)) == Some(&true);
        // a window is taken only for a record that can carry it
        if !self.bank.has_windows_of(&may_carry) || extractor.scan(record, found).is_err() {
            return;
        }
        let Some(window) = self.bank.take_window(&may_carry) else { return };
        if let Ok(report) = WindowReport::from_bytes(&window.report) {
            self.write_window(&window, &report, record);
        }
    }

    #[inline(never)] // stack
    fn write_window(&mut self, window: &ClosedWindow, report: &WindowReport, record: &mut Vec<u8>) {
        let template = self.template_of_closed(window);
        self.ask_groups_of_window(window, report.from_s, report.value);
        let Some(section) = self.sections.get_mut(usize::from(window.section)) else { return };
        let format = section.access.extractor.format();
        let peers = encoded_verdicts(&section.groups, format, &self.group_verdicts);
        self.group_verdicts.clear();
        encode_window(section, window, report, template.as_deref(), &peers, &mut self.encoded);
        if section.access.scan(record) {
            section.access.write(record, &[(0, Field::Encoded(&self.encoded))], ROOM + self.encoded.len());
        }
    }
}

fn empty_record(format: Format) -> Vec<u8> {
    let mut record = Vec::new();
    encode(format, &Field::Map(&[]), &mut record);
    record
}

/// Puts the map that tells of a window into `out`, in the format of the section's records.
#[inline(never)] // stack
fn encode_window(
    section: &PreparedSection,
    window: &ClosedWindow,
    report: &WindowReport,
    template: Option<&str>,
    peers: &[(String, Vec<u8>)],
    out: &mut Vec<u8>,
) {
    let WindowReport { from_s, to_s, value, records, outcome, anomaly, verdicts } = report;
    let series = key_text(&window.key, section.has_several_keys());
    let groups = section.groups_of_key(&series);
    let by: Vec<_> = groups.iter().map(|(name, value)| (name.as_str(), Field::Text(value))).collect();
    let mut members = vec![("series", Field::Text(section.plain_name()))];
    if !section.key_names.is_empty() {
        members.push(("by", Field::Map(&by)));
    }
    members.extend(template.map(|template| ("template", Field::Text(template))));
    members.extend([
        ("measure", Field::Text(&section.measure)),
        ("from", Field::Integer(*from_s)),
        ("to", Field::Integer(*to_s)),
        ("value", Field::Number(*value)),
        ("records", Field::Integer(*records as i64)),
    ]);
    let metrics = section.metric_names();
    match outcome {
        ScoreOutcome::Scored(scores) => members.extend([
            ("metric_outlier", Field::Text(&metrics[0])),
            ("score_outlier", Field::Number(scores.outlier)),
            ("metric_change", Field::Text(&metrics[1])),
            ("score_change", Field::Number(scores.change)),
        ]),
        ScoreOutcome::WarmingUp => members.push(("warming_up", Field::Bool(true))),
        _ => {}
    }
    let mut reason = Vec::new();
    if let Some(Anomaly { rating, values }) = anomaly {
        members.push(("anomaly_score", Field::Number(rating.score)));
        if section.has_budget {
            members.push(("is_alarm", Field::Bool(rating.is_alarm)));
            members.extend(rating.edge.map(|edge| ("alarm", Field::Text(edge.as_str()))));
        }
        reason.extend(rating.reason.map(|kind| ("kind", Field::Text(kind.as_str()))));
        if let (Some(numbers), false) = (values, reason.is_empty()) {
            reason.push(("observed", Field::Number(numbers.observed)));
            reason.push(("expected", Field::Number(numbers.expected)));
        }
    }
    if section.has_budget && !reason.is_empty() {
        members.push(("anomaly_reason", Field::Map(&reason)));
        if let Some(numbers) = anomaly.and_then(|anomaly| anomaly.values) {
            members.push(("anomaly_size", Field::Number(numbers.size)));
        }
    }
    let rendered = section.monitors.render_window(verdicts, &groups);
    let maps = rendered.iter().chain(peers);
    members.extend(maps.map(|(name, text)| (name.as_str(), Field::Encoded(text))));
    out.clear();
    encode(section.access.extractor.format(), &Field::Map(&members), out);
}
