//! INI text -> checked [`Config`], all problems at once.
//!
//! One file serves the filter and the companion; each ignores what only the other needs, but both check all of
//! it. The seed's `datadog.ini` is accepted as it is.
//!
//! ```
//! use fluent_anomaly::Config;
//! let config = Config::parse("datadog.ini", "[datadog.cpu]\nquery: avg:system.cpu.idle{*}\nr: 0.02\nk: 7\n").unwrap();
//! assert_eq!(config.sections[0].name, "cpu");
//!
//! let error = Config::parse("datadog.ini", "[datadog.cpu]\nquerry: avg:system.cpu.idle{*}\nr: 2\n").unwrap_err();
//! assert_eq!(
//!     error.to_string(),
//!     "datadog.ini:1: [datadog.cpu] query: the key is needed, for example `query: avg:system.cpu.idle{*} by {host}`\n\
//!      datadog.ini:2: [datadog.cpu] querry: unknown key; did you mean `query`?\n\
//!      datadog.ini:3: [datadog.cpu] r: \"2\" is not allowed: a number above 0 and below 1 (0: the default, 0.02)"
//! );
//! ```

mod address;
mod calibrated;
pub(crate) mod did_you_mean;
mod earlier_forms;
mod field;
mod general;
mod group;
mod ini;
#[cfg(not(target_family = "wasm"))]
mod kafka;
#[cfg(feature = "companion")]
mod keys;
mod monitor;
mod predecessor;
mod problem;
pub(crate) mod secret;
mod section;
mod section_reader;
#[cfg(feature = "companion")]
mod serve;
mod tag;
#[cfg(test)]
mod tests;
mod windows;

pub use address::{ApiUrlProblem, api_url, forward_address};
pub use calibrated::alarm_budget;
#[cfg(feature = "companion")]
pub use calibrated::budget_text;
pub use field::accessor as field_accessor;
pub use general::{FilterSection, ForwardSecurity, GeneralSection, Journal, MetricNames, SlackSection};
pub use group::{GroupKey, GroupSection};
#[cfg(not(target_family = "wasm"))]
pub use kafka::{KafkaFormat, KafkaSection, MessageKey, topic_name};
#[cfg(feature = "companion")]
pub use keys::{Key, KeyKind, keys};
pub use monitor::{MonitorSection, raw_monitor};
pub use problem::{ConfigError, ConfigProblem};
pub use section::{ChangeFinderSettings, Nulls, Section, SectionKind};
#[cfg(feature = "companion")]
pub use serve::ServeSection;
pub use tag::TagPattern;
pub use windows::{Measure, PatternSettings, WindowSettings, WindowsTold};

use section::DatadogDefaults;
use section_reader::SectionReader;

/// More sections than this are refused: a record's section is held in 16 bits.
const MAX_SECTIONS: usize = 10_000;

/// A configuration in which everything fits together.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// `[general]`.
    pub general: GeneralSection,
    /// `[filter]`.
    pub filter: FilterSection,
    /// `[slack]`.
    pub slack: Option<SlackSection>,
    /// `[kafka]`.
    #[cfg(not(target_family = "wasm"))]
    pub kafka: Option<KafkaSection>,
    /// `[serve]`.
    #[cfg(feature = "companion")]
    pub serve: ServeSection,
    /// `[datadog.*]` and `[series.*]` in the order of the file; at least one.
    pub sections: Vec<Section>,
    /// `[monitor.*]` in the order of the file.
    pub monitors: Vec<MonitorSection>,
    /// `[group.*]` in the order of the file.
    pub groups: Vec<GroupSection>,
    /// The file holds only sections and keys of the Datadog Anomaly Detector (and `detect`, `metric_names`, `per`,
    /// `nulls`).
    pub is_predecessors: bool,
    /// Earlier forms of sections and keys that were read, and what they are called now.
    pub notices: Vec<String>,
}

impl Config {
    /// Reads the text of a configuration file; `file` is its name, for messages.
    ///
    /// # Errors
    /// Everything that is wrong, with its line.
    pub fn parse(file: &str, text: &str) -> Result<Self, ConfigError> {
        Self::parse_with(file, text, false)
    }

    /// Reads it as the companion does, which scores records itself with `detect: on`. That is the default for a file
    /// of the Datadog Anomaly Detector; its sections then have `per: section` and `nulls: zero` where they say
    /// nothing, as that detector works.
    ///
    /// ```
    /// use fluent_anomaly::{Config, configuration::Nulls};
    /// let text = "[datadog.queue]\nquery: avg:queue.system.running{*}\nk: 7\n";
    /// let config = Config::parse_for_companion("datadog.ini", text).unwrap();
    /// assert!(config.is_predecessors && config.detects());
    /// assert_eq!(config.sections[0].nulls, Nulls::Zero);
    /// assert_eq!(Config::parse("datadog.ini", text).unwrap().sections[0].nulls, Nulls::Skip);
    ///
    /// let text = format!("{text}[filter]\nstate: off\n");
    /// assert!(!Config::parse_for_companion("fluent-anomaly.ini", &text).unwrap().detects());
    /// ```
    ///
    /// # Errors
    /// Everything that is wrong, with its line.
    pub fn parse_for_companion(file: &str, text: &str) -> Result<Self, ConfigError> {
        Self::parse_with(file, text, true)
    }

    /// Whether the companion scores records itself: as `detect` says, by default where the file is the
    /// predecessor's.
    #[must_use]
    pub fn detects(&self) -> bool {
        self.general.detect.unwrap_or(self.is_predecessors)
    }

    fn parse_with(file: &str, text: &str, for_companion: bool) -> Result<Self, ConfigError> {
        let mut problems = Vec::new();
        let mut ini = ini::read(file, text, &mut problems);
        let notices = earlier_forms::renew(&mut ini);

        let (general, filter) = read_basics(file, &ini, &mut problems);
        let is_predecessors = predecessor::is_its_form(&ini);
        let way = DatadogDefaults {
            tag_prefix: &general.tag_prefix,
            metric_names: general.metric_names,
            as_predecessor: for_companion && is_predecessors && general.detect != Some(false),
        };
        let (sections, slack) = read_sections(file, &ini, way, &filter, &mut problems);
        let monitors = read_named(file, &ini, "monitor.", &sections, &mut problems, MonitorSection::read);
        let groups = read_named(file, &ini, "group.", &sections, &mut problems, GroupSection::read);
        #[cfg(not(target_family = "wasm"))]
        let kafka = read_kafka(file, &ini, &mut problems);
        #[cfg(feature = "companion")]
        let serve = ServeSection::find(file, &ini, &mut problems);
        check_together(file, &sections, &mut problems);
        group::check_groups(file, &sections, &groups, &mut problems);
        check_monitors(file, &sections, &monitors, &mut problems);
        if sections.is_empty() && problems.is_empty() {
            problems.push(ConfigProblem::at(file, 0).say(
                "nothing is watched: add a [series.<name>] with `match` and `value`, or a [datadog.<name>] with `query`",
            ));
        }
        if sections.len() > MAX_SECTIONS {
            problems.push(
                ConfigProblem::at(file, 0)
                    .say(format!("{} sections are not allowed: at most {MAX_SECTIONS}", sections.len())),
            );
        }
        if problems.is_empty() {
            let sections = sections.into_iter().map(|(section, _)| section).collect();
            let monitors = monitors.into_iter().map(|(monitor, _)| monitor).collect();
            let groups = groups.into_iter().map(|(group, _)| group).collect();
            Ok(Self {
                general,
                filter,
                slack,
                #[cfg(not(target_family = "wasm"))]
                kafka,
                #[cfg(feature = "companion")]
                serve,
                sections,
                monitors,
                groups,
                is_predecessors,
                notices,
            })
        } else {
            Err(ConfigError::new(problems))
        }
    }
}

// Each of these is a call of its own: in one function, what they need would add up on the interpreter's stack,
// which has 8 KiB.

/// The tag prefix and the defaults of [filter] are needed to read the others.
#[inline(never)] // stack
fn read_basics(
    file: &str,
    ini: &[ini::IniSection],
    problems: &mut Vec<ConfigProblem>,
) -> (GeneralSection, FilterSection) {
    let mut general = GeneralSection::default();
    let mut filter = FilterSection::default();
    for section in ini.iter().filter(|section| matches!(&section.name[..], "general" | "filter")) {
        let mut keys = SectionReader::new(file, section, problems);
        match &section.name[..] {
            "general" => general = GeneralSection::read(&mut keys),
            _ => filter = FilterSection::read(&mut keys),
        }
        keys.finish();
    }
    (general, filter)
}

/// What is watched, with where it stands, and [slack].
#[inline(never)] // stack
fn read_sections<'a>(
    file: &str,
    ini: &'a [ini::IniSection],
    defaults: DatadogDefaults<'_>,
    filter: &FilterSection,
    problems: &mut Vec<ConfigProblem>,
) -> (Vec<(Section, &'a ini::IniSection)>, Option<SlackSection>) {
    let mut sections = Vec::new();
    let mut slack = None;
    for section in ini {
        let mut keys = SectionReader::new(file, section, problems);
        let read = match section.name.split_once('.') {
            Some(("datadog", name)) if is_name(name) => {
                Section::read_datadog(name, &mut keys, defaults, filter)
            }
            Some(("series", name)) if is_name(name) => Section::read_series(name, &mut keys, filter),
            Some(("monitor" | "group", name)) if is_name(name) => continue, // once all sections are known
            Some(("datadog" | "series" | "monitor" | "group", name)) => {
                keys.complain(format!(
                    "{name:?} is no name for a section: letters, digits, `_`, `-` and `.` without blanks"
                ));
                continue;
            }
            // the filter has no use for [kafka] and [serve]; programs of the companion read them apart
            None if matches!(&section.name[..], "general" | "filter" | "kafka" | "serve") => continue,
            None if section.name == "slack" => {
                slack = SlackSection::read(&mut keys);
                None
            }
            _ => {
                keys.complain(
                    "unknown section; allowed: [general], [filter], [slack], [kafka], [serve], [datadog.<name>], \
                     [series.<name>], [monitor.<name>], [group.<name>]",
                );
                continue;
            }
        };
        keys.finish();
        sections.extend(read.map(|read| (read, section)));
    }
    (sections, slack)
}

#[cfg(not(target_family = "wasm"))]
fn read_kafka(
    file: &str,
    ini: &[ini::IniSection],
    problems: &mut Vec<ConfigProblem>,
) -> Option<KafkaSection> {
    let section = ini.iter().find(|section| section.name == "kafka")?;
    let mut keys = SectionReader::new(file, section, problems);
    let read = KafkaSection::read(&mut keys);
    keys.finish();
    Some(read)
}

/// The monitors or the groups, with where they stand.
#[inline(never)] // stack
fn read_named<'a, T>(
    file: &str,
    ini: &'a [ini::IniSection],
    prefix: &str,
    sections: &[(Section, &ini::IniSection)],
    problems: &mut Vec<ConfigProblem>,
    read: fn(&str, &mut SectionReader<'_>, &[&Section]) -> Option<T>,
) -> Vec<(T, &'a ini::IniSection)> {
    let known: Vec<&Section> = sections.iter().map(|(section, _)| section).collect();
    let mut found = Vec::new();
    for section in ini {
        let Some(name) = section.name.strip_prefix(prefix).filter(|name| is_name(name)) else { continue };
        let before = problems.len();
        let mut keys = SectionReader::new(file, section, problems);
        let read = read(name, &mut keys, &known);
        keys.finish();
        found.extend(read.map(|read| (read, section)));
        // what it watches is there, and has mistakes of its own, which are told
        let on = section.entries.iter().find(|entry| entry.key == "on").map(|entry| &entry.value[..]);
        let is_there = |of: &ini::IniSection| {
            let (_, name) =
                of.name.split_once('.').filter(|(kind, _)| ["datadog", "series"].contains(kind))?;
            (Some(name) == on).then_some(())
        };
        if ini.iter().any(|of| is_there(of).is_some() && known.iter().all(|known| known.title() != of.name)) {
            let mut at = 0;
            problems.retain(|problem| {
                at += 1;
                at <= before || problem.at_key() != Some("on")
            });
        }
    }
    found
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

/// No record may be written to by two sections at the same field, nor lose its value to an annotation.
fn check_together(file: &str, sections: &[(Section, &ini::IniSection)], problems: &mut Vec<ConfigProblem>) {
    for (n, (section, ini)) in sections.iter().enumerate() {
        let here = |message: String| ConfigProblem::at(file, ini.line).section(&ini.name).say(message);
        let names = section.annotation_names();
        for input in section.inputs() {
            if names.iter().any(|name| input.root() == name) {
                problems.push(here(format!(
                    "{input} is read, and written as an annotation: choose another `prefix`"
                )));
            }
        }
        for (other, other_ini) in &sections[..n] {
            // windows take turns: a record carries one
            let is_shared = section.windows.is_some() && other.windows.is_some();
            let own = other.annotation_names().into_iter().skip(usize::from(is_shared));
            let same = own.into_iter().any(|name| names.contains(&name));
            if same && other.tags.overlaps(&section.tags) {
                problems.push(here(format!(
                    "writes the same fields as [{}] into records tagged `{}`: give one of them another `prefix` or `match`",
                    other_ini.name, section.tags
                )));
            }
        }
    }
}

/// Two monitors may watch the same records only when they write to different fields.
fn check_monitors(
    file: &str,
    sections: &[(Section, &ini::IniSection)],
    monitors: &[(MonitorSection, &ini::IniSection)],
    problems: &mut Vec<ConfigProblem>,
) {
    for (n, (monitor, ini)) in monitors.iter().enumerate() {
        for (other, other_ini) in &monitors[..n] {
            let (Some((a, _)), Some((b, _))) = (sections.get(monitor.on), sections.get(other.on)) else {
                continue;
            };
            // a window carries the verdicts on its own series alone
            let is_apart = monitor.on != other.on && (a.windows.is_some() || b.windows.is_some());
            if monitor.prefix == other.prefix && a.tags.overlaps(&b.tags) && !is_apart {
                problems.push(ConfigProblem::at(file, ini.line).section(&ini.name).say(format!(
                    "writes the same field `{}` into the same records as [{}]: give one of them another `prefix`",
                    monitor.annotation_names()[0],
                    other_ini.name
                )));
            }
        }
    }
}
