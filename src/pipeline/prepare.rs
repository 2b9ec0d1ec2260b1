//! The sections of a configuration, ready for records, and the models that the bank keeps for them.

use super::annotate;
use super::fleet::SectionFleet;
use super::grouped::BankSections;
use super::monitored::{MonitoredSpec, SectionMonitors};
use super::scoring::ScoreSpec;
use super::section::PreparedSection;
use super::section_id;
use super::series_model::{SeriesModel, SeriesModelSpec};
use super::windows::{PatternSection, PatternSpec, WindowedSpec};
use crate::bank::BankSection;
use crate::config::{Config, Section, WindowSettings};
use crate::monitor::SharedBand;
use crate::record::Format;

/// The sections, ready for records, and the models that the bank keeps for them. A call of its own: what it needs would
/// add up on the interpreter's stack with what the bank needs to read its state.
#[inline(never)] // stack
pub(super) fn prepare(
    config: &Config,
    format: Format,
) -> (Vec<PreparedSection>, Vec<BankSection<SeriesModel>>) {
    let mut prepared = Vec::new();
    let mut models = Vec::new();
    for (n, section) in config.sections.iter().enumerate() {
        let monitors = config.monitors.iter().filter(|monitor| monitor.on == n);
        let monitors = SectionMonitors::new(monitors, annotate::outputs(section).len(), format);
        // a checked configuration has no other
        if let Ok(spec) = section_id::score_spec(section) {
            let groups = config.groups.iter().filter(|group| group.on == n);
            let mut ready = PreparedSection::new(section, monitors, groups, format);
            models.push(match &section.windows {
                Some(windows) => windowed(section, windows, spec, &mut ready.monitors),
                None => {
                    BankSection { id: section_id::score_id(section), spec: SeriesModelSpec::Scored(spec) }
                }
            });
            prepared.push(ready);
        }
    }
    let of_records = |(_, section): &(&mut PreparedSection, &Section)| section.windows.is_none();
    for (prepared, section) in prepared.iter_mut().zip(&config.sections).filter(of_records) {
        for (band, monitors) in SharedBand::group(prepared.monitors.specs()) {
            prepared.monitors.bands.push((models.len() as u16, monitors));
            let id = section_id::band_id(section, band.signature());
            let spec = SeriesModelSpec::Monitored(Box::new(MonitoredSpec::new(band)));
            models.push(BankSection { id, spec });
        }
    }
    for (n, (prepared, section)) in prepared.iter_mut().zip(&config.sections).enumerate() {
        let groups = config.groups.iter().filter(|group| group.on == n);
        for (at, group) in groups.enumerate() {
            let first = models.len() as u16;
            prepared.groups.set_bank_sections(at, BankSections { groups: first, members: first + 1 });
            let specs = [SeriesModelSpec::Grouped(group.spec), SeriesModelSpec::Named];
            let ids = section_id::group_ids(group, section).into_iter();
            models.extend(ids.zip(specs).map(|(id, spec)| BankSection { id, spec }));
        }
    }
    for (prepared, section) in prepared.iter_mut().zip(&config.sections) {
        if let Some(budget) = section.alarms.filter(|_| section.alarms_for_all) {
            prepared.fleet = Some(SectionFleet::new(models.len() as u16));
            let id = section_id::fleet_id(section);
            models.push(BankSection { id, spec: SeriesModelSpec::Fleet(budget) });
        }
    }
    for (prepared, section) in prepared.iter_mut().zip(&config.sections) {
        if let Some(windows) = &section.windows
            && let Some(patterns) = &windows.patterns
        {
            prepared.patterns = Some(Box::new(PatternSection::new(models.len() as u16, patterns.marks_all)));
            let id = section_id::patterns_id(section, windows);
            models.push(BankSection { id, spec: SeriesModelSpec::Patterns(PatternSpec::new(patterns)) });
        }
    }
    (prepared, models)
}

/// The models of a section with windows: those of its monitors go along with each series.
fn windowed(
    section: &Section,
    windows: &WindowSettings,
    score: ScoreSpec,
    monitors: &mut SectionMonitors,
) -> BankSection<SeriesModel> {
    let mut bands = Vec::new();
    for (band, places) in SharedBand::group(monitors.specs()) {
        monitors.bands.push((0, places)); // no section of the bank: they are found by their place
        bands.push((band.signature(), MonitoredSpec::new(band)));
    }
    let id = section_id::windows_id(section, windows);
    let spec = WindowedSpec::new(windows, score, bands);
    BankSection { id, spec: SeriesModelSpec::Windowed(Box::new(spec)) }
}
