//! The groups of a section: the names of members and groups in a record, and what is written of a member.
//!
//! | file | |
//! |---|---|
//! | `keys` | the keys of members and groups |
//! | `windows` | groups that compare the closed windows of series |

mod keys;
mod windows;

pub(super) use windows::encoded as encoded_verdicts;

use super::Pipeline;
use super::record_access::RecordAccess;
use super::series_key::key_text;
use super::series_model::AskGroup;
use crate::bank::{Observation, SeriesKey};
use crate::config::{GroupSection, Section};
use crate::detector::peers::MemberVerdict;
use crate::record::{Accessor, Field, Output};
use keys::KeyInput;

/// All groups of one section.
#[derive(Debug, Default)]
pub(super) struct SectionGroups {
    groups: Vec<PreparedGroup>,
    /// How many outputs of the section come before those of the groups, which have [`OUTPUTS`] each.
    first_output: usize,
}

/// Fields of a group in a record: of the member at hand, and of one that is gone.
const OUTPUTS: usize = 2;

#[derive(Debug)]
struct PreparedGroup {
    name: String,
    outputs: [String; OUTPUTS],
    across: Vec<KeyInput>,
    within: Vec<KeyInput>,
    /// Sections of the bank that hold the groups and the names of their members.
    bank_sections: BankSections,
}

/// Where a group's models stand in the bank.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct BankSections {
    pub(super) groups: u16,
    pub(super) members: u16,
}

/// What a group says of the record at hand.
#[derive(Debug, Clone)]
pub(super) struct GroupVerdict {
    /// Its place in the section.
    group: usize,
    /// The values of its `within` keys, for people; empty where there are none.
    within: String,
    verdict: MemberVerdict,
    /// An outlier that is gone.
    gone: Option<String>,
}

impl SectionGroups {
    /// Adds the fields that name members and groups to the `inputs` of the section's extractor.
    pub(super) fn new<'a>(
        section: &Section,
        groups: impl Iterator<Item = &'a GroupSection>,
        inputs: &mut Vec<Accessor>,
        first_output: usize,
    ) -> Self {
        let prepare = |group: &GroupSection| {
            let (across, within) = match &section.windows {
                None => {
                    let across = KeyInput::of_records(&group.across, inputs);
                    (across, KeyInput::of_records(&group.within, inputs))
                }
                Some(windows) => {
                    let mut within = KeyInput::of_windows(&group.within, section);
                    // the windows of one template are compared with each other
                    within.extend(windows.patterns.as_ref().map(|_| KeyInput::template(section)));
                    (KeyInput::of_windows(&group.across, section), within)
                }
            };
            PreparedGroup {
                name: group.name.clone(),
                outputs: group.annotation_names(),
                across,
                within,
                bank_sections: BankSections::default(),
            }
        };
        Self { groups: groups.map(prepare).collect(), first_output }
    }

    pub(super) fn set_bank_sections(&mut self, at: usize, bank_sections: BankSections) {
        if let Some(group) = self.groups.get_mut(at) {
            group.bank_sections = bank_sections;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Bytes that the verdicts of all groups take at most, texts of groups aside.
    pub(super) fn room(&self) -> usize {
        const MAPS: usize = 384; // names of members, numbers, states
        self.groups.iter().map(|group| MAPS + 12 * group.name.len()).sum()
    }

    pub(super) fn outputs(&self) -> impl Iterator<Item = Output> {
        let names = self.groups.iter().flat_map(|group| &group.outputs);
        names.map(|name| Output { name: name.clone(), constant: None })
    }

    /// Hands the fields of a verdict over, one by one: its place among the group's, its name, its map.
    #[inline(never)] // stack
    fn each_map(&self, verdict: &GroupVerdict, each: &mut dyn FnMut(usize, &str, Field<'_>)) {
        let Some(group) = self.groups.get(verdict.group) else { return };
        let [own, silent] = &group.outputs;
        let mut name = group.name.clone();
        if !verdict.within.is_empty() {
            name.push(':');
            name.push_str(&verdict.within);
        }
        let MemberVerdict { verdict: judged, members, has_changed, .. } = verdict.verdict;
        let members = ("members", Field::Integer(i64::from(members)));
        let mut fields = [("group", Field::Text(&name)), members, members, members, members, members];
        let mut used = 2;
        if let Some(judged) = judged {
            let (status, transition) = match judged.is_outlier {
                true => ("ALERT", "OK->ALERT"),
                false => ("OK", "ALERT->OK"),
            };
            fields = [
                fields[0],
                ("is_outlier", Field::Bool(judged.is_outlier)),
                ("distance", Field::Number(judged.distance)),
                members,
                ("status", Field::Text(status)),
                ("transition", Field::Text(transition)),
            ];
            used = if has_changed { 6 } else { 5 };
        }
        each(0, own, Field::Map(fields.get(..used).unwrap_or_default()));
        if let Some(series) = &verdict.gone {
            let fields = [
                fields[0],
                ("series", Field::Text(series)),
                ("status", Field::Text("NO DATA")),
                ("transition", Field::Text("ALERT->NO DATA")),
            ];
            each(1, silent, Field::Map(&fields));
        }
    }

    /// Writes a verdict into a record.
    #[inline(never)] // stack
    fn write(&self, verdict: &GroupVerdict, record: &mut Vec<u8>, access: &mut RecordAccess) {
        let first = self.first_output + OUTPUTS * verdict.group;
        let texts = 2 * verdict.within.len() + verdict.gone.as_ref().map_or(0, String::len);
        self.each_map(verdict, &mut |output, _, map| {
            if access.scan(record) {
                access.write(record, &[(first + output, map)], texts);
            }
        });
    }
}

impl PreparedGroup {
    /// A verdict, with the name of its group; `at`: the place of this one among the groups of its section, `gone`: the key of
    /// an outlier that is gone.
    fn verdict(
        &self,
        at: usize,
        verdict: MemberVerdict,
        group_key: &SeriesKey,
        gone: Option<&[u8]>,
    ) -> GroupVerdict {
        let within = match self.within.len() {
            0 => String::new(),
            keys => key_text(group_key.bytes(), keys > 1),
        };
        let gone = gone.map(|key| keys::member_text(&self.across, key));
        GroupVerdict { group: at, within, verdict, gone }
    }
}

impl Pipeline {
    /// Lets the groups of a section learn the value of the scanned record, and keeps what they say of its member.
    #[inline(never)] // stack
    pub(super) fn ask_groups(&mut self, at: u16, observation: Observation, record: &[u8]) {
        self.ask_each_group(at, observation, |access, inputs, key| keys::fill(inputs, record, access, key));
    }

    /// The same of any value. `fill` makes the key of some fields; false where one of them is missing.
    #[inline(always)] // stack
    fn ask_each_group(
        &mut self,
        at: u16,
        observation: Observation,
        fill: impl Fn(&RecordAccess, &[KeyInput], &mut SeriesKey) -> bool,
    ) {
        let Self { sections, bank, group_key, member_key, group_verdicts, .. } = self;
        let Some(section) = sections.get(usize::from(at)) else { return };
        for (at, group) in section.groups.groups.iter().enumerate() {
            fill(&section.access, &group.within, group_key);
            if !fill(&section.access, &group.across, member_key) {
                continue;
            }
            let BankSections { groups, members } = group.bank_sections;
            let Some(source) = bank.name(members, member_key) else { continue };
            let observation = Observation { source, ..observation };
            if let Some(verdict) = bank.observe(groups, group_key, observation, AskGroup).flatten() {
                let gone = verdict.gone.and_then(|id| bank.key_of(id));
                group_verdicts.push(group.verdict(at, verdict, group_key, gone));
            }
        }
    }

    /// Writes what the groups said into a record that has its scores.
    #[inline(never)] // stack
    pub(super) fn annotate_groups(&mut self, at: u16, record: &mut Vec<u8>) {
        let Self { sections, group_verdicts, .. } = self;
        let Some(section) = sections.get_mut(usize::from(at)) else { return group_verdicts.clear() };
        let (groups, access) = (&section.groups, &mut section.access);
        for verdict in group_verdicts.drain(..) {
            groups.write(&verdict, record, access);
        }
    }
}
