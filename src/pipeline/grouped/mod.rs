//! The groups of a section: the names of members and groups in a record, and what is written of a member.

use super::Pipeline;
use super::record_access::RecordAccess;
use super::series_key::{append_field, key_text};
use super::series_model::AskGroup;
use crate::bank::{Observation, SeriesKey};
use crate::config::{GroupKey, GroupSection};
use crate::detector::peers::MemberVerdict;
use crate::record::{Accessor, Field, Output, Value};

/// All groups of one section.
#[derive(Debug, Default)]
pub(super) struct SectionGroups {
    groups: Vec<PreparedGroup>,
    /// How many outputs of the section come before those of the groups.
    first_output: usize,
}

#[derive(Debug)]
struct PreparedGroup {
    name: String,
    output: String,
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

/// An input of the extractor, and the tag that is wanted of it.
#[derive(Debug)]
struct KeyInput {
    input: usize,
    tag: Option<String>,
}

/// What a group says of the record at hand.
#[derive(Debug, Clone)]
pub(super) struct GroupVerdict {
    /// Its place in the section.
    group: usize,
    /// The values of its `within` keys, for people; empty where there are none.
    within: String,
    verdict: MemberVerdict,
}

impl SectionGroups {
    /// Adds the fields that name members and groups to the `inputs` of the section's extractor.
    pub(super) fn new<'a>(
        groups: impl Iterator<Item = &'a GroupSection>,
        inputs: &mut Vec<Accessor>,
        first_output: usize,
    ) -> Self {
        let mut key_inputs = |keys: &[GroupKey]| -> Vec<KeyInput> {
            let input = |key: &GroupKey| {
                let (accessor, tag) = match key {
                    GroupKey::Field(accessor) => (Some(accessor.clone()), None),
                    GroupKey::Tag(tag) => (Accessor::parse("scope").ok(), Some(tag.clone())),
                };
                inputs.push(accessor?);
                Some(KeyInput { input: inputs.len() - 1, tag })
            };
            keys.iter().filter_map(input).collect()
        };
        let prepare = |group: &GroupSection| PreparedGroup {
            name: group.name.clone(),
            output: group.annotation_name(),
            across: key_inputs(&group.across),
            within: key_inputs(&group.within),
            bank_sections: BankSections::default(),
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

    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }

    /// Bytes that the verdicts of all groups take at most, texts of groups aside.
    pub(super) fn room(&self) -> usize {
        const MAP: usize = 256; // names of members, numbers, states
        self.groups.iter().map(|group| MAP + 6 * group.name.len()).sum()
    }

    pub(super) fn outputs(&self) -> impl Iterator<Item = Output> {
        self.groups.iter().map(|group| Output { name: group.output.clone(), constant: None })
    }

    /// Where a group's models stand, and the keys of the group and of the member that the scanned record belongs to.
    /// `None` where the record names no member.
    pub(super) fn keys(
        &self,
        at: usize,
        record: &[u8],
        access: &RecordAccess,
        group_key: &mut SeriesKey,
        member_key: &mut SeriesKey,
    ) -> Option<BankSections> {
        let group = self.groups.get(at)?;
        fill(&group.within, record, access, group_key);
        let is_member = fill(&group.across, record, access, member_key);
        is_member.then_some(group.bank_sections)
    }

    /// A verdict, with the name of its group.
    pub(super) fn verdict(&self, at: usize, verdict: MemberVerdict, group_key: &SeriesKey) -> GroupVerdict {
        let within = self.groups.get(at).map_or(0, |group| group.within.len());
        let within = if within == 0 { String::new() } else { key_text(group_key.bytes(), within > 1) };
        GroupVerdict { group: at, within, verdict }
    }

    /// Writes a verdict into the record that was scanned.
    #[inline(never)] // stack
    pub(super) fn write(&self, verdict: &GroupVerdict, record: &mut Vec<u8>, access: &RecordAccess) {
        let Some(group) = self.groups.get(verdict.group) else { return };
        let mut name = group.name.clone();
        if !verdict.within.is_empty() {
            name.push(':');
            name.push_str(&verdict.within);
        }
        let MemberVerdict { verdict: judged, members, has_changed } = verdict.verdict;
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
        let map = Field::Map(fields.get(..used).unwrap_or_default());
        access.write(record, &[(self.first_output + verdict.group, map)], name.len());
    }
}

impl Pipeline {
    /// Lets the groups of a section learn the value of the scanned record, and keeps what they say of its member.
    #[inline(never)] // stack
    pub(super) fn ask_groups(&mut self, at: u16, observation: Observation, record: &[u8]) {
        let Self { sections, bank, group_key, member_key, group_verdicts, .. } = self;
        let Some(section) = sections.get(usize::from(at)) else { return };
        for group in 0..section.groups.len() {
            let keys = section.groups.keys(group, record, &section.access, group_key, member_key);
            let Some(BankSections { groups, members }) = keys else { continue };
            let Some(source) = bank.name(members, member_key) else { continue };
            let observation = Observation { source, ..observation };
            if let Some(verdict) = bank.observe(groups, group_key, observation, AskGroup).flatten() {
                group_verdicts.push(section.groups.verdict(group, verdict, group_key));
            }
        }
    }

    /// Writes what the groups said into a record that has its scores.
    #[inline(never)] // stack
    pub(super) fn annotate_groups(&mut self, at: u16, record: &mut Vec<u8>) {
        let Self { sections, group_verdicts, .. } = self;
        let Some(section) = sections.get_mut(usize::from(at)) else { return group_verdicts.clear() };
        for verdict in group_verdicts.drain(..) {
            if section.access.scan(record) {
                section.groups.write(&verdict, record, &section.access);
            }
        }
    }
}

/// Makes the key of some inputs' values; false where one of them is missing or no scalar.
fn fill(inputs: &[KeyInput], record: &[u8], access: &RecordAccess, key: &mut SeriesKey) -> bool {
    if let [KeyInput { input, tag: None }] = inputs
        && let Some(text) = access.found.plain_text(record, *input)
    {
        key.set(b't', text);
        return true;
    }
    let mut is_whole = true;
    key.fill(|out| {
        for KeyInput { input, tag } in inputs {
            let value = access.found.value(record, *input);
            is_whole &= match tag {
                None => append_field(value, inputs.len() > 1, out),
                Some(tag) => append_tag(value, tag, inputs.len() > 1, out),
            };
        }
    });
    is_whole
}

/// Appends the value of a tag of a scope, as [`append_field`] appends a text; false where the scope has no such tag.
fn append_tag(scope: Option<Value<'_>>, tag: &str, several: bool, key: &mut Vec<u8>) -> bool {
    let mut text = Vec::new();
    if let Some(Value::Text(scope)) = scope {
        scope.append_to(&mut text);
    }
    let value = text.split(|&byte| byte == b',').find_map(|pair| {
        let behind = pair.strip_prefix(tag.as_bytes())?;
        behind.strip_prefix(b":")
    });
    if several {
        let len = value.map_or(0, <[u8]>::len) as u32 + 5;
        key.extend_from_slice(&len.to_le_bytes());
    }
    match value {
        Some(value) => {
            key.push(b't');
            key.extend_from_slice(value);
        }
        None => key.push(b'-'),
    }
    value.is_some()
}
