//! What is wrong with a configuration file: all of it, each with its place.

use std::fmt;

use crate::detector::sort_few;

/// One thing to mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigProblem {
    file: String,
    line: u32,
    section: Option<String>,
    key: Option<String>,
    message: String,
}

impl ConfigProblem {
    pub(super) fn at(file: &str, line: u32) -> Self {
        Self { file: file.to_owned(), line, section: None, key: None, message: String::new() }
    }

    pub(super) fn section(mut self, name: &str) -> Self {
        self.section = Some(name.to_owned());
        self
    }

    pub(super) fn key(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }

    pub(super) fn say(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    /// Line in the file, from 1; 0 when the problem is not in one line.
    #[must_use]
    pub fn line(&self) -> u32 {
        self.line
    }

    /// The section, as `monitor.cpu`, where the problem is in one.
    #[must_use]
    pub fn at_section(&self) -> Option<&str> {
        self.section.as_deref()
    }

    /// The key that is to be mended, where the problem is with one.
    #[must_use]
    pub fn at_key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// What is wrong and what is allowed.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        f.write_str(": ")?;
        if let Some(section) = &self.section {
            write!(f, "[{section}] ")?;
        }
        if let Some(key) = &self.key {
            write!(f, "{key}: ")?;
        }
        f.write_str(&self.message)
    }
}

/// Every problem of a configuration, in the order of the file; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<ConfigProblem>,
}

impl ConfigError {
    pub(super) fn new(mut problems: Vec<ConfigProblem>) -> Self {
        sort_few(&mut problems, |a, b| a.line > b.line);
        Self { problems }
    }

    /// All of them.
    #[must_use]
    pub fn problems(&self) -> &[ConfigProblem] {
        &self.problems
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, problem) in self.problems.iter().enumerate() {
            if n > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// `"fast" is not allowed: a whole number`. One piece of code for all, as the filter has little room.
#[cold]
#[inline(never)] // stack
pub(super) fn not_allowed(given: &str, allowed: &str) -> String {
    format!("{given:?} is not allowed: {allowed}")
}
