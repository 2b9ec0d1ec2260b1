//! Typed access to the keys of one section: each failure becomes a problem, and reading goes on.

use std::fmt::Display;
use std::ops::RangeInclusive;

use super::field::is_between;
use super::ini::{IniEntry, IniSection};
use super::problem::{ConfigProblem, not_allowed};
use crate::config::did_you_mean::nearest_ones;

/// The keys of one section while they are read.
pub(super) struct SectionReader<'a> {
    file: &'a str,
    section: &'a IniSection,
    problems: &'a mut Vec<ConfigProblem>,
    known: Vec<&'static str>,
    /// Keys that begin so are known too.
    prefix: Option<&'static str>,
}

impl<'a> SectionReader<'a> {
    pub(super) fn new(file: &'a str, section: &'a IniSection, problems: &'a mut Vec<ConfigProblem>) -> Self {
        Self { file, section, problems, known: Vec::new(), prefix: None }
    }

    /// A problem with the section itself.
    pub(super) fn complain(&mut self, message: impl Into<String>) {
        self.push(None, message.into());
    }

    /// A problem with one key; at the section's line when the key is absent.
    pub(super) fn complain_about(&mut self, key: &str, message: impl Into<String>) {
        self.push(Some(key), message.into());
    }

    /// A key that means something elsewhere; it is no unknown one, nor is it allowed here.
    #[inline(never)] // stack
    pub(super) fn refuse(&mut self, key: &'static str, why: &str) {
        if self.entry(key).is_some() {
            self.complain_about(key, why);
            self.known.push(key);
        }
    }

    // the readers of keys are generic and many: what does not depend on their types is a call of its own
    #[cold]
    #[inline(never)] // stack
    fn push(&mut self, key: Option<&str>, message: String) {
        let entry = key.and_then(|key| self.entry(key));
        let line = entry.map_or(self.section.line, |entry| entry.line);
        let mut problem = ConfigProblem::at(self.file, line).section(&self.section.name);
        if let Some(key) = key {
            problem = problem.key(key);
        }
        self.problems.push(problem.say(message));
    }

    fn entry(&self, key: &str) -> Option<&'a IniEntry> {
        let section = self.section;
        section.entries.iter().find(|entry| entry.key.eq_ignore_ascii_case(key))
    }

    /// The value as it stands; `None` when the key is absent or empty.
    #[inline(never)] // stack
    pub(super) fn text(&mut self, key: &'static str) -> Option<&'a str> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        self.entry(key).map(|entry| entry.value.as_str()).filter(|value| !value.is_empty())
    }

    /// The value as it stands, empty or not, so that an empty one is refused; `None` when the key is absent, or needed
    /// and told to be.
    #[inline(never)] // stack
    pub(super) fn given(&mut self, key: &'static str) -> Option<&'a str> {
        let filled = self.text(key);
        let is_told = |problem: &ConfigProblem| {
            problem.at_key() == Some(key) && problem.at_section() == Some(&self.section.name)
        };
        filled.or_else(|| self.entry(key).filter(|_| !self.problems.iter().any(is_told)).map(|_| ""))
    }

    /// A name or a path: quotes around it would belong to it.
    #[inline(never)] // stack
    pub(super) fn unquoted(&mut self, key: &'static str) -> Option<&'a str> {
        let value = self.given(key)?;
        if value.is_empty() || is_between(value, &['"', '\'']) {
            self.push(Some(key), not_allowed(value, "a name or a path, without quotes"));
            return None;
        }
        Some(value)
    }

    /// A value that must be there.
    #[inline(never)] // stack
    pub(super) fn required(&mut self, key: &'static str, example: &str) -> Option<&'a str> {
        let value = self.text(key);
        if value.is_none() {
            self.complain_about(key, format!("the key is needed, for example `{key}: {example}`"));
        }
        value
    }

    /// A value of any type with a fallible reading.
    pub(super) fn parsed<T, E: Display>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let value = self.given(key)?;
        match parse(value) {
            Ok(parsed) => Some(parsed),
            Err(error) => {
                self.explain(key, &error);
                None
            }
        }
    }

    #[cold]
    #[inline(never)] // stack
    fn explain(&mut self, key: &str, error: &dyn Display) {
        self.push(Some(key), error.to_string());
    }

    /// A whole number within a range.
    #[inline(never)] // stack
    pub(super) fn integer(&mut self, key: &'static str, allowed: RangeInclusive<u64>) -> Option<u64> {
        self.parsed(key, |value| match value.parse::<u64>() {
            Ok(number) if allowed.contains(&number) => Ok(number),
            _ => {
                let allowed = format!("a whole number from {} to {}", allowed.start(), allowed.end());
                Err(not_allowed(value, &allowed) + habit(value))
            }
        })
    }

    /// A number for which `accept` holds; `allowed` says in words which those are. NaN fails.
    #[inline(never)] // stack
    pub(super) fn number(
        &mut self,
        key: &'static str,
        allowed: &str,
        accept: fn(f64) -> bool,
    ) -> Option<f64> {
        self.parsed(key, |value| match value.parse::<f64>() {
            Ok(number) if accept(number) => Ok(number),
            _ => Err(not_allowed(value, allowed) + habit(value)),
        })
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        let place = self.word(key, &words.iter().map(|(word, _)| *word).collect::<Vec<_>>())?;
        words.get(place).map(|(_, choice)| *choice)
    }

    /// The place of the word that stands there.
    #[inline(never)] // stack
    fn word(&mut self, key: &'static str, words: &[&str]) -> Option<usize> {
        let value = self.given(key)?;
        let place = words.iter().position(|word| word.eq_ignore_ascii_case(value));
        if place.is_none() {
            self.push(Some(key), not_allowed(value, &words.join(" or ")) + habit(value));
        }
        place
    }

    /// All keys that begin with `prefix`, without it, and their values, which may be secrets.
    #[cfg(not(target_family = "wasm"))]
    pub(super) fn with_prefix(
        &mut self,
        prefix: &'static str,
    ) -> Vec<(String, crate::config::secret::Secret)> {
        self.prefix = Some(prefix);
        let entries = self.section.entries.iter();
        entries
            .filter_map(|entry| {
                let name = entry.key.strip_prefix(prefix).filter(|name| !name.is_empty())?;
                Some((name.to_owned(), crate::config::secret::Secret::new(&entry.value)))
            })
            .collect()
    }

    /// Reports the keys that nobody asked for.
    pub(super) fn finish(self) {
        for entry in &self.section.entries {
            if self.known.iter().any(|known| known.eq_ignore_ascii_case(&entry.key)) {
                continue;
            }
            if self.prefix.is_some_and(|prefix| entry.key.starts_with(prefix)) {
                continue;
            }
            let message = match &nearest_ones(&entry.key, &self.known)[..] {
                [] => format!("unknown key; allowed here: {}", self.known.join(", ")),
                near => format!("unknown key; did you mean `{}`?", near.join("` or `")),
            };
            self.problems.push(
                ConfigProblem::at(self.file, entry.line)
                    .section(&self.section.name)
                    .key(&entry.key)
                    .say(message),
            );
        }
    }
}

/// What a value that is no number and no word of a few owes to another format.
#[cold]
fn habit(value: &str) -> &'static str {
    if is_between(value, &['"', '\'']) {
        "; without quotes"
    } else if value.contains(" #") {
        "; a comment begins with `;`"
    } else if value.bytes().all(|byte| byte.is_ascii_digit() || byte == b',') && value.contains(',') {
        "; without commas, as in 1000 or 1.5"
    } else {
        ""
    }
}
