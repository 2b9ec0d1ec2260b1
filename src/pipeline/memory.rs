//! The memory that series of a section take, for those who plan it.

use super::monitored::MonitoredSpec;
use super::scoring::most_calibrated_bytes;
use super::section_id::score_spec;
use super::series_model::{SeriesModel, SeriesModelSpec};
use super::windows::{PatternSpec, WindowedSpec};
use crate::bank::Bank;
use crate::config::{GroupSection, MonitorSection, Section};
use crate::detector::peers::PeerGroup;
use crate::monitor::SharedBand;

/// Bytes that one series of a section takes at most, besides its key.
#[must_use]
pub fn series_bytes(section: &Section) -> usize {
    let bytes = |score| {
        let spec = match &section.windows {
            Some(windows) => {
                SeriesModelSpec::Windowed(Box::new(WindowedSpec::new(windows, score, Vec::new())))
            }
            None => SeriesModelSpec::Scored(score),
        };
        Bank::<SeriesModel>::series_bytes(&spec)
    };
    score_spec(section).map_or(0, bytes)
}

/// Bytes that the templates of a section's lines take at most; 0 for a section that counts none.
#[must_use]
pub fn patterns_bytes(section: &Section) -> usize {
    let patterns = section.windows.as_ref().and_then(|windows| windows.patterns.as_ref());
    patterns.map_or(0, |patterns| {
        Bank::<SeriesModel>::series_bytes(&SeriesModelSpec::Patterns(PatternSpec::new(patterns)))
    })
}

/// Of [`series_bytes`], those of the calibrated score: at most, with a season of a week.
#[must_use]
pub fn calibrated_bytes(section: &Section) -> usize {
    if section.anomaly_score { most_calibrated_bytes() } else { 0 }
}

/// Bytes that monitors of one section add to each of its series, besides its key.
#[must_use]
pub fn monitor_bytes<'a>(monitors: impl IntoIterator<Item = &'a MonitorSection>) -> usize {
    let bands = SharedBand::group(monitors.into_iter().map(|monitor| monitor.spec.clone()));
    let bytes = |band| {
        let spec = SeriesModelSpec::Monitored(Box::new(MonitoredSpec::new(band)));
        Bank::<SeriesModel>::series_bytes(&spec)
    };
    bands.into_iter().map(|(band, _)| bytes(band)).sum()
}

/// Bytes that a group section takes for each member of a group, besides the key that names the member.
#[must_use]
pub fn group_member_bytes(group: &GroupSection) -> usize {
    Bank::<SeriesModel>::series_bytes(&SeriesModelSpec::Named) + PeerGroup::member_bytes(&group.spec)
}
