//! The predecessor's first forms, before `[datadog.<name>]`: read as what they are called now, which is told.
//!
//! | then | now |
//! |---|---|
//! | `[default]`, `pid_path`, `window_sec` | `[general]`, `pidfile_path`, `interval` |
//! | `[datadog]` with `query`, or with a query a line below `queries` | `[datadog.<metric>]` for each |
//! | `metric` beside a query | nothing: the query names it |
//! | `[changefinder]` with `r`, `k`, `T1`, `T2` | these keys in each `[datadog.*]` |
//! | `smooth` | `T1` and `T2` |

use super::ini::{IniEntry, IniSection};
use super::predecessor::source_metric;

/// Rewrites them, and says what was taken as what.
#[inline(never)] // stack
pub(super) fn renew(ini: &mut Vec<IniSection>) -> Vec<String> {
    let is_earlier = |section: &IniSection| {
        matches!(&section.name[..], "default" | "datadog" | "changefinder")
            || section.entries.iter().any(|entry| matches!(&entry.key[..], "window_sec" | "pid_path"))
    };
    if !ini.iter().any(is_earlier) {
        return Vec::new();
    }
    let mut told = Vec::new();
    let mut parameters: Vec<IniEntry> = Vec::new();
    let mut renewed: Vec<IniSection> = Vec::new();
    for mut section in std::mem::take(ini) {
        match &section.name[..] {
            "default" | "general" => {
                if section.name == "default" {
                    told.push(format!("line {}: [default] taken as [general], its name now", section.line));
                    section.name = "general".to_owned();
                }
                for entry in &mut section.entries {
                    let name = match &entry.key[..] {
                        "window_sec" => "interval",
                        "pid_path" => "pidfile_path",
                        _ => continue,
                    };
                    told.push(format!("line {}: {} taken as `{name}`, its name now", entry.line, entry.key));
                    entry.key = name.to_owned();
                }
                renewed.push(section);
            }
            "changefinder" => {
                told.push(format!(
                    "line {}: [changefinder] taken as keys of each [datadog.<name>], where they stand now",
                    section.line
                ));
                for entry in section.entries {
                    match &entry.key[..] {
                        "smooth" => parameters.extend(
                            ["t1", "t2"].map(|key| IniEntry { key: key.to_owned(), ..entry.clone() }),
                        ),
                        _ => parameters.push(entry),
                    }
                }
            }
            "datadog" => of_queries(section, &mut renewed, &mut told),
            _ => renewed.push(section),
        }
    }
    for section in renewed.iter_mut().filter(|section| section.name.starts_with("datadog.")) {
        for parameter in &parameters {
            if !section.entries.iter().any(|entry| entry.key == parameter.key) {
                section.entries.push(parameter.clone());
            }
        }
    }
    *ini = renewed;
    told
}

/// A section for each query of `[datadog]`.
fn of_queries(section: IniSection, renewed: &mut Vec<IniSection>, told: &mut Vec<String>) {
    let (queries, others): (Vec<IniEntry>, Vec<IniEntry>) =
        section.entries.into_iter().partition(|entry| matches!(&entry.key[..], "query" | "queries"));
    let lines =
        queries.iter().flat_map(|entry| entry.value.lines().map(move |query| (entry.line, query.trim())));
    for (line, query) in lines.filter(|(_, query)| !query.is_empty()) {
        let metric = source_metric(query).unwrap_or("query");
        let mut name = format!("datadog.{metric}");
        let mut number = 1;
        while renewed.iter().any(|other| other.name == name) {
            number += 1;
            name = format!("datadog.{metric}_{number}");
        }
        told.push(format!("line {line}: {query} of [datadog] taken as the query of [{name}], its form now"));
        let query = IniEntry { key: "query".to_owned(), value: query.to_owned(), line };
        // the query names its metric
        let entries =
            [query].into_iter().chain(others.iter().filter(|entry| entry.key != "metric").cloned()).collect();
        renewed.push(IniSection { name, line: section.line, entries });
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    fn read(text: &str) -> Config {
        Config::parse_for_companion("datadog.ini", text).unwrap()
    }

    #[test]
    fn each_earlier_form_is_read_as_what_it_is_called_now() {
        let now = "[general]\npidfile_path: /x.pid\ninterval: 600\n\
                   [datadog.system.cpu.idle]\nquery: system.cpu.idle{*}by{host}\nr: 0.01\nk: 1\nT1: 10\nT2: 10\n\
                   [datadog.system.disk.free]\nquery: avg:system.disk.free{*}.rollup(avg, 60)\nr: 0.01\nk: 1\nT1: 10\nT2: 10\n";
        let expected = Config { notices: Vec::new(), ..read(now) };
        for parameters in ["T1: 10\nT2: 10", "smooth: 10"] {
            let then = format!(
                "[default]\npid_path: /x.pid\nwindow_sec: 600\n\n[changefinder]\nr: 0.01\nk: 1\n{parameters}\n\n\
                 [datadog]\nqueries:\n  system.cpu.idle{{*}}by{{host}}\n  avg:system.disk.free{{*}}.rollup(avg, 60)\n"
            );
            let config = read(&then);
            assert_eq!(
                config.notices,
                [
                    "line 1: [default] taken as [general], its name now",
                    "line 2: pid_path taken as `pidfile_path`, its name now",
                    "line 3: window_sec taken as `interval`, its name now",
                    "line 5: [changefinder] taken as keys of each [datadog.<name>], where they stand now",
                ]
                .into_iter()
                .chain(config.notices.iter().skip(4).map(String::as_str))
                .collect::<Vec<_>>()
            );
            assert!(config.notices[5].ends_with(
                "avg:system.disk.free{*}.rollup(avg, 60) of [datadog] taken as the query of [datadog.system.disk.free], its form now"
            ));
            assert!(config.is_predecessors);
            assert_eq!(Config { notices: Vec::new(), ..config }, expected);
        }
    }

    #[test]
    fn one_query_with_or_without_its_metric_makes_one_section_and_names_stay_apart() {
        let one = read("[datadog]\nmetric: system.cpu.idle\nquery: system.cpu.idle{*}by{host}\n");
        assert_eq!(one.sections[0].title(), "datadog.system.cpu.idle");
        let two = read("[datadog]\nqueries:\n  avg:a.b{*}\n  max:a.b{*}\n  avg:a{*}/avg:b{*}\n");
        let titles: Vec<String> = two.sections.iter().map(|section| section.title()).collect();
        assert_eq!(titles, ["datadog.a.b", "datadog.a.b_2", "datadog.query"]);
        let own = read("[datadog.cpu]\nquery: avg:a{*}\nr: 0.2\n[changefinder]\nr: 0.01\nk: 3\n");
        assert_eq!(own.sections[0].change_finder.discounting_rate, 0.2);
    }

    #[test]
    fn a_mistake_in_an_earlier_form_is_told_with_its_line() {
        let text = "[general]\nwindow_sec: soon\n[changefinder]\nr: 7\n[datadog]\nquery: avg:a{*}\n";
        let told = Config::parse("f.ini", text).unwrap_err().to_string();
        assert!(told.contains("f.ini:2: [general] interval:"), "{told}");
        assert!(told.contains("f.ini:4: [datadog.a] r:"), "{told}");
        let told = Config::parse("f.ini", "[datadog]\n").unwrap_err().to_string();
        assert!(told.contains("nothing is watched"), "{told}");
    }
}
