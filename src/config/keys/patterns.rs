//! `[series.*]` with `measure: patterns`: which lines are told to be new.

use super::KeyKind::{Choice, Integer, Text};
use super::{Key, key};

pub(super) const KEYS: &[Key] = &[
    key(
        "series.<name>",
        "new_patterns",
        Integer,
        "20",
        "0 to 1000000",
        "With `measure: patterns`: so many new templates a day are marked; further ones are counted",
        "100",
    ),
    key(
        "series.<name>",
        "learn_patterns",
        Text,
        "1h",
        "a time from `0s` to `7d`",
        "With `measure: patterns`: so long after the first line no template counts as new",
        "1d",
    ),
    key(
        "series.<name>",
        "mark_patterns",
        Choice,
        "new",
        "`new` or `all`",
        "With `measure: patterns`: whether the first line of a new template gets `anomaly_pattern`, or each line",
        "all",
    ),
];
