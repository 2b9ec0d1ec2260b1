//! Every key of a configuration file, for people and programs: `config keys` and the page about the configuration are
//! made from these tables. A test compares them with what the readers take, and their defaults with theirs.

mod alert;
mod datadog;
mod filter;
mod general;
mod group;
mod kafka;
mod monitor;
mod patterns;
mod scored;
mod series;
mod serve;
mod slack;

/// One key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// `general`, `series.<name>`.
    pub section: &'static str,
    /// The key, lower case but for `T1` and `T2`.
    pub key: &'static str,
    /// What its value is.
    pub kind: KeyKind,
    /// What is taken where the key is absent: a value that may be written, or words in parentheses.
    pub default: &'static str,
    /// What may be written.
    pub allowed: &'static str,
    /// What it does, one sentence.
    pub meaning: &'static str,
    /// A value that may be written.
    pub example: &'static str,
}

impl Key {
    /// The default as it may be written; `None` where it comes from elsewhere, or the key is needed.
    #[must_use]
    pub fn default_value(&self) -> Option<&'static str> {
        (!self.default.starts_with('(')).then_some(self.default)
    }
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// One of a few words.
    Choice,
    /// A text.
    Text,
    /// A file or a folder.
    Path,
    /// Fields of a record.
    Field,
    /// A stretch of time as Datadog writes it: `last_15m`.
    Timeframe,
}

impl KeyKind {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Choice => "choice",
            Self::Text => "text",
            Self::Path => "path",
            Self::Field => "field",
            Self::Timeframe => "timeframe",
        }
    }
}

const fn key(
    section: &'static str,
    key: &'static str,
    kind: KeyKind,
    default: &'static str,
    allowed: &'static str,
    meaning: &'static str,
    example: &'static str,
) -> Key {
    Key { section, key, kind, default, allowed, meaning, example }
}

const ON_OFF: &str = "`on` or `off`";
const BUDGET: &str = "`off`, or a whole number an `hour`, `day`, `week` or `month`, at most one an hour; `for all` behind it shares it among all series";

/// All of them, section by section.
pub fn keys() -> impl Iterator<Item = &'static Key> {
    let tables = [
        general::KEYS,
        filter::KEYS,
        slack::KEYS,
        datadog::KEYS,
        series::KEYS,
        patterns::KEYS,
        scored::KEYS,
        monitor::KEYS,
        group::KEYS,
        kafka::KEYS,
        serve::KEYS,
    ];
    tables.into_iter().flatten()
}
