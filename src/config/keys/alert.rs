//! What `[monitor.*]` and `[group.*]` share: what an alert says, and where.

use super::KeyKind::{Integer, Text};
use super::{Key, key};

pub(super) const fn prefix(section: &'static str) -> Key {
    key(
        section,
        "prefix",
        Text,
        "(of the section it is on)",
        "any text",
        "Goes before the names of its annotations",
        "cpu_",
    )
}

pub(super) const fn name(section: &'static str, example: &'static str) -> Key {
    key(section, "name", Text, "(that of the section)", "any text", "Title at Datadog", example)
}

pub(super) const fn message(section: &'static str, example: &'static str) -> Key {
    key(
        section,
        "message",
        Text,
        "(none)",
        "any text, with Datadog's `{{variables}}`",
        "What an alert says",
        example,
    )
}

pub(super) const fn tags(section: &'static str) -> Key {
    key(
        section,
        "tags",
        Text,
        "(none)",
        "tags, separated by commas",
        "Tags of the monitor at Datadog",
        "team:web",
    )
}

pub(super) const fn priority(section: &'static str) -> Key {
    key(section, "priority", Integer, "(none)", "1 to 5", "Priority at Datadog, 1 is the highest", "2")
}
