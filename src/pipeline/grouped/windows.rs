//! Groups of a section with windows: the closed windows of its series are compared when they are told.

use super::{BankSections, GroupVerdict, SectionGroups};
use crate::bank::{ClosedWindow, Observation};
use crate::pipeline::Pipeline;
use crate::pipeline::series_model::AskGroup;
use crate::record::{Format, encode};
use crate::time::Time;

impl Pipeline {
    /// Lets the groups of a section learn a closed window, which began at `from_s`, and keeps what they say of its series.
    #[cold]
    #[inline(never)] // stack
    pub(in crate::pipeline) fn ask_groups_of_window(
        &mut self,
        window: &ClosedWindow,
        from_s: i64,
        value: f64,
    ) {
        let Self { sections, bank, group_key, member_key, group_verdicts, .. } = self;
        let Some(section) = sections.get(usize::from(window.section)) else { return };
        for group in 0..section.groups.len() {
            let several = section.has_several_keys();
            let keys = section.groups.keys_of_window(group, &window.key, several, group_key, member_key);
            let Some(BankSections { groups, members }) = keys else { continue };
            let Some(source) = bank.name(members, member_key) else { continue };
            let observation = Observation { time: Time::from_seconds(from_s), value, source };
            if let Some(verdict) = bank.observe(groups, group_key, observation, AskGroup).flatten() {
                let gone = verdict.gone.and_then(|id| bank.key_of(id));
                group_verdicts.push(section.groups.verdict(group, verdict, group_key, gone));
            }
        }
    }
}

/// What the groups said, encoded in the format of the section's records, with the names of their fields.
pub(in crate::pipeline) fn encoded(
    groups: &SectionGroups,
    format: Format,
    verdicts: &[GroupVerdict],
) -> Vec<(String, Vec<u8>)> {
    let mut texts = Vec::new();
    for verdict in verdicts {
        groups.each_map(verdict, &mut |_, name, map| {
            let mut text = Vec::new();
            encode(format, &map, &mut text);
            texts.push((name.to_owned(), text));
        });
    }
    texts
}
