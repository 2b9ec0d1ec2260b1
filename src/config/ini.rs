//! INI text as Python's `configparser` reads it, which the seed used: `key: value` or `key = value`, keys in any
//! case, full-line comments with `;` or `#`, and lines indented deeper than their key continue its value.
//!
//! One thing is added: a `;` behind white space begins a comment, so that values can be explained beside them. In a condition
//! it does not where it stands in quotes or in a regular expression.

use super::problem::ConfigProblem;

/// One `key: value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct IniEntry {
    /// Lower case.
    pub(super) key: String,
    pub(super) value: String,
    /// From 1.
    pub(super) line: u32,
}

/// One `[section]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct IniSection {
    pub(super) name: String,
    pub(super) line: u32,
    pub(super) entries: Vec<IniEntry>,
}

/// Splits the text; what is no INI goes to `problems`.
pub(super) fn read(file: &str, text: &str, problems: &mut Vec<ConfigProblem>) -> Vec<IniSection> {
    let mut sections: Vec<IniSection> = Vec::new();
    // how far the last key was indented; a deeper line continues its value
    let mut open_key: Option<usize> = None;
    for (number, raw) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = number as u32 + 1;
        let trimmed = raw.trim();
        if trimmed.is_empty() || trimmed.starts_with([';', '#']) {
            continue;
        }
        let indent = raw.len() - raw.trim_start().len();
        if let (Some(key_indent), Some(entry)) =
            (open_key, sections.last_mut().and_then(|section| section.entries.last_mut()))
            && indent > key_indent
        {
            let more = of_entry(&entry.key, trimmed);
            if !entry.value.is_empty() && !more.is_empty() {
                entry.value.push('\n');
            }
            entry.value.push_str(more);
            continue;
        }
        if let Some(rest) = trimmed.strip_prefix('[') {
            open_key = None;
            let Some(name) = rest.rfind(']').map(|end| rest[..end].trim()).filter(|name| !name.is_empty())
            else {
                problems.push(
                    ConfigProblem::at(file, line).say(format!("{trimmed:?} is no section: write [name]")),
                );
                continue;
            };
            if let Some(first) = sections.iter().find(|section| section.name == name) {
                problems.push(
                    ConfigProblem::at(file, line)
                        .section(name)
                        .say(format!("the section is there twice, first in line {}", first.line)),
                );
            }
            sections.push(IniSection { name: name.to_owned(), line, entries: Vec::new() });
            continue;
        }
        let Some(split) = trimmed.find([':', '=']).filter(|&at| at > 0) else {
            problems.push(
                ConfigProblem::at(file, line)
                    .say(format!("{:?} is neither [section] nor `key: value`", without_comment(trimmed))),
            );
            continue;
        };
        let Some(section) = sections.last_mut() else {
            problems.push(ConfigProblem::at(file, line).say("a key before the first [section]".to_owned()));
            continue;
        };
        let key = trimmed[..split].trim_end().to_ascii_lowercase();
        if let Some(first) = section.entries.iter().find(|entry| entry.key == key) {
            problems.push(
                ConfigProblem::at(file, line)
                    .section(&section.name)
                    .key(&key)
                    .say(format!("the key is there twice, first in line {}", first.line)),
            );
        }
        let value = of_entry(&key, trimmed[split + 1..].trim_start()).to_owned();
        section.entries.push(IniEntry { key, value, line });
        open_key = Some(indent);
    }
    sections
}

/// The value of a key, or a line of it, without the comment.
fn of_entry<'a>(key: &str, value: &'a str) -> &'a str {
    let quotes: &[char] = match key {
        "where" | "measure" => &['\'', '"', '/'],
        // names of fields: `$['a ;b']`
        "value" | "by" | "time" | "across" | "within" => &['\'', '"'],
        _ => &[],
    };
    comment_behind(value, quotes)
}

fn without_comment(value: &str) -> &str {
    comment_behind(value, &[])
}

/// What stands between two of the same `quotes` is no comment.
fn comment_behind<'a>(value: &'a str, quotes: &[char]) -> &'a str {
    let mut closing = None;
    let mut before = ' ';
    for (at, c) in value.char_indices() {
        let is_escaped = closing == Some('/') && before == '\\';
        if closing == Some(c) && !is_escaped {
            closing = None;
        } else if closing.is_none() {
            if c == ';' && before.is_whitespace() {
                return value[..at].trim_end();
            }
            closing = Some(c).filter(|c| quotes.contains(c) && value[at + 1..].contains(*c));
        }
        before = if is_escaped { ' ' } else { c };
    }
    value.trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(text: &str) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        let sections = read("x.ini", text, &mut problems);
        assert_eq!(problems, []);
        sections.into_iter().flat_map(|s| s.entries).map(|e| (e.key, e.value)).collect()
    }

    #[test]
    fn a_semicolon_within_the_name_of_a_field_begins_no_comment() {
        assert_eq!(
            entries("[a]\nvalue: $['a ;b'] ; c\nby: $x, $[\"y ;z\"]\nprefix: it's ;c'\n"),
            [("value", "$['a ;b']"), ("by", "$x, $[\"y ;z\"]"), ("prefix", "it's")]
                .map(|(k, v)| (k.into(), v.into()))
        );
    }

    #[test]
    fn both_separators_and_any_case_are_read() {
        assert_eq!(
            entries("[a]\nT1: 10\nt2=5\nurl = http://h:1/x\n"),
            [("t1", "10"), ("t2", "5"), ("url", "http://h:1/x")].map(|(k, v)| (k.into(), v.into()))
        );
    }

    #[test]
    fn a_semicolon_behind_white_space_begins_a_comment_and_nothing_else_does() {
        assert_eq!(
            entries("; x\n[a]\n# y\na: 1   ; why\nb: x;y\nchannel: #alerts # here\nc: ; none\n"),
            [("a", "1"), ("b", "x;y"), ("channel", "#alerts # here"), ("c", "")]
                .map(|(k, v)| (k.into(), v.into()))
        );
    }

    #[test]
    fn a_semicolon_in_the_quotes_of_a_condition_begins_no_comment() {
        for (line, value) in [
            ("where: $m contains ' ; drop' ; why", "$m contains ' ; drop'"),
            (
                "where: $m matches /a ;\\/ ; b/ and $x == \" ;'\" ; why",
                "$m matches /a ;\\/ ; b/ and $x == \" ;'\"",
            ),
            ("measure: share $m == ' ;' ; it's", "share $m == ' ;'"),
            ("where: $m == 'open ; text", "$m == 'open"),
            ("message: it's ; don't", "it's"),
        ] {
            assert_eq!(entries(&format!("[a]\n{line}\n"))[0].1, value, "{line}");
        }
    }

    #[test]
    fn deeper_lines_continue_a_value_and_equally_deep_ones_do_not() {
        assert_eq!(
            entries("[a]\n  query: avg:x{*}\n    by {host}\n  r: 0.02\n"),
            [("query", "avg:x{*}\nby {host}"), ("r", "0.02")].map(|(k, v)| (k.into(), v.into()))
        );
    }

    #[test]
    fn what_is_no_ini_is_told_with_its_line() {
        let mut problems = Vec::new();
        read("x.ini", "a: 1\n[s]\nnonsense\n[]\n[s]\nk: 1\nK: 2\n", &mut problems);
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "x.ini:1: a key before the first [section]",
                "x.ini:3: \"nonsense\" is neither [section] nor `key: value`",
                "x.ini:4: \"[]\" is no section: write [name]",
                "x.ini:5: [s] the section is there twice, first in line 2",
                "x.ini:7: [s] k: the key is there twice, first in line 6",
            ]
        );
    }
}
