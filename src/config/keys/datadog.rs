//! `[datadog.*]`: a query that is pulled.

use super::KeyKind::{Choice, Integer, Text};
use super::{Key, key};

pub(super) const KEYS: &[Key] = &[
    key(
        "datadog.<name>",
        "query",
        Text,
        "(needed)",
        "a metric query as Datadog's graphs take it",
        "What is pulled",
        "avg:system.cpu.idle{*} by {host}",
    ),
    key(
        "datadog.<name>",
        "per",
        Choice,
        "scope",
        "`scope` or `section`",
        "One model for each scope, or one for all of them as the predecessor has it",
        "section",
    ),
    key(
        "datadog.<name>",
        "evaluation_delay",
        Integer,
        "(of `[general]`)",
        "0 to 86400",
        "The same for a metric that settles later",
        "600",
    ),
];
