//! `[group.*]`: series of another section that should behave alike, compared with each other.

use super::field::accessor;
use super::ini::IniSection;
use super::problem::{ConfigProblem, not_allowed};
use super::section::{Section, SectionKind, read_prefix, section_named};
use super::section_reader::SectionReader;
use super::windows::WindowsTold;
use crate::detector::peers::{GroupSpec, GroupTest, PeerAlgorithm, PeerTest};
use crate::monitor::query::OutlierQuery;
use crate::monitor::spec::unescape;
use crate::record::Accessor;

/// One group section.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupSection {
    /// The name behind `group.`.
    pub name: String,
    /// Index of the section whose records it compares.
    pub on: usize,
    /// What tells members apart; at least one.
    pub across: Vec<GroupKey>,
    /// What tells groups apart; none: all members are one group.
    pub within: Vec<GroupKey>,
    /// Goes before the name of its annotation.
    pub prefix: String,
    /// Algorithm, windows, least members.
    pub spec: GroupSpec,
    /// The query, where the section has one.
    pub query: Option<OutlierQuery>,
    /// For Datadog, when it is exported: title, message, tags, priority.
    pub title: Option<String>,
    /// Its text.
    pub message: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// 1 to 5.
    pub priority: Option<u32>,
}

/// What a member or a group is named by.
#[derive(Debug, Clone, PartialEq)]
pub enum GroupKey {
    /// A field of the record.
    Field(Accessor),
    /// A tag of a pulled record's scope, by its key.
    Tag(String),
}

impl std::fmt::Display for GroupKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            GroupKey::Field(accessor) => write!(f, "{accessor}"),
            GroupKey::Tag(tag) => f.write_str(tag),
        }
    }
}

/// Seconds of an interval, unless the section says otherwise, and most of them.
const INTERVAL_S: u64 = 60;
const LONGEST_S: u32 = 86_400;
/// Most intervals that are compared at once.
const MOST_INTERVALS: u32 = 60;
/// Seconds that an interval waits for late records at most, unless the section says otherwise.
const DELAY_S: u64 = 15;

impl GroupSection {
    /// Reads `[group.<name>]`.
    #[inline(never)] // stack
    pub(super) fn read(name: &str, keys: &mut SectionReader<'_>, sections: &[&Section]) -> Option<Self> {
        let on = section_of(keys, sections);
        let kind = on.and_then(|on| sections.get(on)).map(|section| &section.kind);
        let tags_are_keys = matches!(kind, Some(SectionKind::Datadog { .. }));
        let query = keys.parsed("query", OutlierQuery::parse);
        let has_query = keys.text("query").is_some();
        let by = query.as_ref().map_or(&[][..], |query| query.metric.by());
        if by.is_empty() {
            keys.required("across", "$host");
        }
        let mut read_keys = |key: &'static str| keys.parsed(key, |text| group_keys(text, tags_are_keys));
        let across = read_keys("across").or_else(|| keys_of_query(by, tags_are_keys));
        let within = read_keys("within").unwrap_or_default();
        let every_s = on.and_then(|on| sections.get(on)).and_then(|section| {
            let windows = section.windows.as_ref()?;
            check_keys_of_windows(keys, section, "across", across.as_deref().unwrap_or_default());
            check_keys_of_windows(keys, section, "within", &within);
            Some(windows.every_s)
        });
        let prefix = read_prefix(keys);
        let spec = read_spec(keys, query.as_ref(), has_query, every_s);
        let title = keys.text("name").map(unescape);
        let message = unescape(keys.text("message").unwrap_or_default());
        let tags = unescape(keys.text("tags").unwrap_or_default());
        let tags = tags.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect();
        let priority = keys.integer("priority", 1..=5).map(|priority| priority as u32);
        let on = on?;
        let prefix = prefix
            .unwrap_or_else(|| sections.get(on).map(|section| section.prefix.clone()).unwrap_or_default());
        let (name, spec) = (name.to_owned(), spec?);
        Some(Self { name, on, across: across?, within, prefix, spec, query, title, message, tags, priority })
    }

    /// The name of the field that tells of a record's own member.
    #[must_use]
    pub fn annotation_name(&self) -> String {
        format!("{}anomaly_group", self.prefix)
    }

    /// That name, and the one of the field that tells of an outlier that is gone.
    pub(crate) fn annotation_names(&self) -> [String; 2] {
        let own = self.annotation_name();
        let silent = format!("{own}_silent");
        [own, silent]
    }
}

/// The section that is compared.
fn section_of(keys: &mut SectionReader<'_>, sections: &[&Section]) -> Option<usize> {
    let on = keys.required("on", "cpu")?;
    let found = section_named(on, keys, sections)?;
    let windows = sections.get(found).and_then(|section| section.windows.as_ref());
    let unfit = match windows {
        Some(windows) if windows.told == WindowsTold::Alarms => {
            "tells alarms only (`windows: alarms`): groups compare the windows that are told, so leave that out"
        }
        Some(windows) if windows.every_s > LONGEST_S => {
            "has windows of more than a day: groups compare those of a day at most"
        }
        _ => return Some(found),
    };
    keys.complain_about("on", format!("{on:?} {unfit}"));
    None
}

/// Of a section with windows only the fields of `by` are known when a window closes.
fn check_keys_of_windows(keys: &mut SectionReader<'_>, section: &Section, which: &str, given: &[GroupKey]) {
    for key in given {
        let GroupKey::Field(accessor) = key else { continue };
        if !section.by.contains(accessor) {
            let by = section.by.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let allowed = if by.is_empty() { "which it lacks".to_owned() } else { by };
            keys.complain_about(
                which,
                format!("{accessor} is not in `by` of [{}]: {allowed}", section.title()),
            );
        }
    }
}

/// `$role, $host`; in pulled records a word without `$` is a tag of the scope.
fn group_keys(text: &str, tags_are_keys: bool) -> Result<Vec<GroupKey>, String> {
    let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
    let keys: Vec<GroupKey> = words
        .map(|word| match word.starts_with('$') || !tags_are_keys {
            true => accessor(word).map(GroupKey::Field),
            false => Ok(GroupKey::Tag(word.to_owned())),
        })
        .collect::<Result<_, _>>()?;
    if keys.is_empty() {
        Err(not_allowed(text, "fields such as `$host`, separated by commas"))
    } else {
        Ok(keys)
    }
}

/// Members are what the query groups by.
fn keys_of_query(by: &[String], tags_are_keys: bool) -> Option<Vec<GroupKey>> {
    let key = |by: &String| match tags_are_keys {
        true => Some(GroupKey::Tag(by.clone())),
        false => Accessor::parse(by).ok().map(GroupKey::Field),
    };
    let keys: Vec<GroupKey> = by.iter().map(key).collect::<Option<_>>()?;
    if keys.is_empty() { None } else { Some(keys) }
}

/// `every_s`: of a section with windows their length, s.
fn read_spec(
    keys: &mut SectionReader<'_>,
    query: Option<&OutlierQuery>,
    has_query: bool,
    every_s: Option<u32>,
) -> Option<GroupSpec> {
    let test = read_fixed_test(keys, has_query)?;
    let (interval_s, intervals) = read_intervals(keys, query, every_s);
    // the windows of one time close together
    let default_delay_s = if every_s.is_some() { 0 } else { DELAY_S.min(u64::from(interval_s) / 4) };
    let delay_s = keys.integer("evaluation_delay", 0..=u64::from(interval_s)).unwrap_or(default_delay_s);
    let least = keys.integer("min_members", 3..=10_000).unwrap_or(3) as u32;
    let test = read_budget(keys, query.map_or(test, |query| query.test));
    let intervals = if matches!(test, GroupTest::Budget(_)) { 1 } else { intervals };
    match GroupSpec::new(test, interval_s, intervals, delay_s as u32, least) {
        Ok(spec) => Some(spec),
        Err(error) => {
            keys.complain(error.to_string());
            None
        }
    }
}

/// The test that the keys ask for, which a query has in itself.
fn read_fixed_test(keys: &mut SectionReader<'_>, has_query: bool) -> Option<PeerTest> {
    let words = PeerAlgorithm::WORDS.map(|(word, _, algorithm)| (word, algorithm));
    for key in ["algorithm", "tolerance", "percent"] {
        if keys.text(key).is_some() && has_query {
            keys.complain_about(key, "stands in the query: leave one of them out");
        }
    }
    let algorithm = match keys.given("algorithm") {
        Some(_) => keys.choice("algorithm", &words)?,
        None => PeerAlgorithm::Dbscan,
    };
    let tolerance =
        keys.number("tolerance", "a number above 0, at most 1000; 3 is usual", |t| t > 0.0 && t <= 1000.0);
    let percent = keys.number("percent", "a number from 0 to below 100", |p| (0.0..100.0).contains(&p));
    if percent.is_some() && !algorithm.has_percent() {
        keys.complain_about("percent", "has a meaning with `algorithm: mad` and `scaled_mad` only");
    }
    Some(PeerTest { algorithm, tolerance: tolerance.unwrap_or(3.0), percent: percent.unwrap_or(0.0) })
}

/// Length of an interval, s, and how many are compared at once.
fn read_intervals(
    keys: &mut SectionReader<'_>,
    query: Option<&OutlierQuery>,
    every_s: Option<u32>,
) -> (u32, u32) {
    let window_s = query.and_then(|query| query.window).map(|window| window.seconds());
    // a long window is cut into as many intervals as are compared at once
    let shortest_s = every_s.map_or(INTERVAL_S, u64::from);
    let usual_s = window_s.map_or(shortest_s, |s| u64::from(s.div_ceil(MOST_INTERVALS)).max(shortest_s));
    let interval_s = keys.integer("interval", 1..=u64::from(LONGEST_S)).unwrap_or(usual_s) as u32;
    if let Some(every_s) = every_s.filter(|&every_s| interval_s < every_s) {
        keys.complain_about(
            "interval",
            format!("{interval_s} s are less than a window of {every_s} s (`every`)"),
        );
    }
    let intervals =
        keys.integer("intervals", 1..=u64::from(MOST_INTERVALS)).map(|intervals| intervals as u32);
    let intervals = match (window_s, intervals) {
        (Some(_), Some(_)) => {
            keys.complain_about("intervals", "follows from the window of the query: leave it out");
            1
        }
        (Some(window_s), None) => {
            let intervals = (window_s / interval_s.max(1)).max(1);
            if intervals > MOST_INTERVALS {
                keys.complain_about(
                    "interval",
                    format!("at most {MOST_INTERVALS} intervals are compared at once: the window of the query has {intervals} of {interval_s} s"),
                );
            }
            intervals.min(MOST_INTERVALS)
        }
        (None, intervals) => intervals.unwrap_or(1),
    };
    (interval_s, intervals)
}

/// The budget of alarms, where there is one; else the fixed test.
fn read_budget(keys: &mut SectionReader<'_>, fixed: PeerTest) -> GroupTest {
    match super::calibrated::alarms(keys) {
        None => GroupTest::Fixed(fixed),
        Some(None) => {
            keys.complain_about("alarms", "`off` means nothing here: leave it out, or say `1/week`");
            GroupTest::Fixed(fixed)
        }
        Some(Some(budget)) => {
            for key in ["algorithm", "tolerance", "percent", "query", "intervals"] {
                if keys.text(key).is_some() {
                    keys.complain_about(key, "goes with no `alarms`: a budget of alarms takes its place");
                }
            }
            GroupTest::Budget(budget)
        }
    }
}

/// Two groups may compare the same records only when they write to different fields.
pub(super) fn check_groups(
    file: &str,
    sections: &[(Section, &IniSection)],
    groups: &[(GroupSection, &IniSection)],
    problems: &mut Vec<ConfigProblem>,
) {
    for (n, (group, ini)) in groups.iter().enumerate() {
        for (other, other_ini) in groups.get(..n).unwrap_or_default() {
            let (Some((a, _)), Some((b, _))) = (sections.get(group.on), sections.get(other.on)) else {
                continue;
            };
            // a window's map stands by itself
            let meet = match (&a.windows, &b.windows) {
                (None, None) => a.tags.overlaps(&b.tags),
                _ => group.on == other.on,
            };
            if group.prefix == other.prefix && meet {
                problems.push(ConfigProblem::at(file, ini.line).section(&ini.name).say(format!(
                    "writes the same field `{}` into the same records as [{}]: give one of them another `prefix`",
                    group.annotation_name(),
                    other_ini.name
                )));
            }
        }
    }
}
