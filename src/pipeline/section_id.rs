//! The models of a section, and the settings that their saved states depend on.

use super::scoring::ScoreSpec;
use crate::bank::SectionId;
use crate::codec::{Writer, checksum};
use crate::config::{GroupSection, Nulls, Section, SectionKind, WindowSettings};
use crate::detector::ParamsError;
use crate::detector::calibrated::{AlarmBudget, CalibratedSpec};

/// What is learned, of which series: part of what every model of a section depends on.
fn put_inputs(section: &Section, w: &mut Writer<'_>) {
    w.u8(u8::from(section.nulls == Nulls::Zero));
    w.bytes(section.value.to_string().as_bytes());
    for accessor in &section.by {
        w.bytes(accessor.to_string().as_bytes());
    }
    if let Some(condition) = &section.condition {
        w.bytes(b"where");
        w.bytes(condition.to_string().as_bytes());
    }
}

/// Everything that a saved ChangeFinder of this section depends on.
pub(super) fn score_id(section: &Section) -> SectionId {
    let settings = &section.change_finder;
    let mut bytes = Vec::new();
    let mut w = Writer::new(&mut bytes);
    w.f64(settings.discounting_rate);
    for number in [settings.order.unwrap_or(0), settings.outlier_window, settings.change_window] {
        w.varint(number as u64);
    }
    w.bytes(settings.ar.to_string().as_bytes());
    w.bytes(settings.score_function.to_string().as_bytes());
    put_inputs(section, &mut w);
    SectionId { name: section.title(), signature: checksum(1, &bytes) }
}

/// Everything that a saved band of this section depends on.
pub(super) fn band_id(section: &Section, band_signature: u64) -> SectionId {
    let mut bytes = Vec::new();
    let mut w = Writer::new(&mut bytes);
    w.u64(band_signature);
    put_inputs(section, &mut w);
    SectionId { name: format!("{}, bands", section.title()), signature: checksum(2, &bytes) }
}

/// Everything that the saved groups of a group section depend on, and the names of their members.
pub(super) fn group_ids(group: &GroupSection, section: &Section) -> [SectionId; 2] {
    let mut bytes = Vec::new();
    let mut w = Writer::new(&mut bytes);
    put_inputs(section, &mut w);
    for key in group.within.iter().chain(&group.across) {
        w.bytes(key.to_string().as_bytes());
    }
    w.varint(group.within.len() as u64);
    let members = checksum(3, &bytes);
    let mut w = Writer::new(&mut bytes);
    group.spec.put_signature(&mut w);
    let name = format!("group.{}", group.name);
    [
        SectionId { name: name.clone(), signature: checksum(3, &bytes) },
        SectionId { name: format!("{name}, members"), signature: members },
    ]
}

/// Everything that a saved series with windows of this section depends on, its bands aside.
pub(super) fn windows_id(section: &Section, windows: &WindowSettings) -> SectionId {
    let mut bytes = Vec::new();
    let mut w = Writer::new(&mut bytes);
    w.u64(score_id(section).signature);
    w.bytes(windows.measure.text.as_bytes());
    for seconds in [windows.every_s, windows.late_s, windows.forget_s] {
        w.u32(seconds);
    }
    w.u8(u8::from(windows.empty_is_zero));
    w.bytes(windows.zone.as_ref().map_or("", |zone| zone.name()).as_bytes());
    SectionId { name: section.title(), signature: checksum(4, &bytes) }
}

/// Everything that the saved templates of a section's lines depend on.
pub(super) fn patterns_id(section: &Section, windows: &WindowSettings) -> SectionId {
    let mut bytes = Vec::new();
    let mut w = Writer::new(&mut bytes);
    w.bytes(windows.measure.text.as_bytes());
    if let Some(condition) = &section.condition {
        w.bytes(condition.to_string().as_bytes());
    }
    // 5 until templates knew how many lines follow them
    SectionId { name: format!("{}, patterns", section.title()), signature: checksum(6, &bytes) }
}

/// Everything that a saved fleet of this section depends on.
pub(super) fn fleet_id(section: &Section) -> SectionId {
    let mut bytes = Vec::new();
    put_inputs(section, &mut Writer::new(&mut bytes));
    // 4 until its threshold had a correction
    SectionId { name: format!("{}, fleet", section.title()), signature: checksum(5, &bytes) }
}

/// A pulled point may come again together with everything that was under way with it. The companion keeps no more
/// points of a series unacknowledged.
const REMEMBERED: usize = 64;

/// The spec of a section's scores.
pub(super) fn score_spec(section: &Section) -> Result<ScoreSpec, ParamsError> {
    let remembered = match section.kind {
        SectionKind::Datadog { .. } => REMEMBERED,
        SectionKind::Series => 0,
    };
    // what is learned does not depend on the budget; where series share one, the fleet says what alarms, and wants to hear
    // of whatever may
    let own = if section.alarms_for_all { AlarmBudget::new(1.0, 3600.0).ok() } else { section.alarms };
    let budget = own.unwrap_or(AlarmBudget::WEEKLY);
    let calibrated = section.anomaly_score.then(|| CalibratedSpec::new(budget));
    ScoreSpec::new(&section.change_finder, section.warm_up, remembered, calibrated)
}
