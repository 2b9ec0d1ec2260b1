//! Groups of a section with windows: the closed windows of its series are compared when they are told.

use super::{GroupVerdict, SectionGroups, keys};
use crate::bank::{ClosedWindow, Observation};
use crate::pipeline::Pipeline;
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
        let observation = Observation { time: Time::from_seconds(from_s), value, source: 0 };
        let Some(section) = self.sections.get(usize::from(window.section)) else { return };
        let has_several_keys = section.has_several_keys();
        self.ask_each_group(window.section, observation, |_, inputs, key| {
            keys::fill_of_series(inputs, &window.key, has_several_keys, key)
        });
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
