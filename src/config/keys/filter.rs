//! `[filter]`: what holds for all sections.

use super::KeyKind::{Choice, Integer, Path, Text};
use super::{BUDGET, Key, ON_OFF, key};

pub(super) const KEYS: &[Key] = &[
    key(
        "filter",
        "max_series",
        Integer,
        "100000",
        "1 to 10000000",
        "Models in memory; beyond it the series that was seen least recently goes",
        "20000",
    ),
    key(
        "filter",
        "state",
        Path,
        "state",
        "a folder, relative to this file, or `off`",
        "Where models are kept over a restart; `off`: in memory only",
        "/var/lib/fluent-anomaly",
    ),
    key(
        "filter",
        "journal",
        Choice,
        "record",
        "`record`, or `interval:<seconds>` with 1 to 86400",
        "How soon a change of a model is on disk: before the record leaves, or after so much event time",
        "interval:5",
    ),
    key(
        "filter",
        "anomaly_score",
        Choice,
        "off",
        ON_OFF,
        "Whether records get `anomaly_score`, where their section does not say",
        "on",
    ),
    key(
        "filter",
        "alarms",
        Text,
        "off",
        BUDGET,
        "False alarms that a series may raise, where its section does not say",
        "1/week",
    ),
    key(
        "filter",
        "tick",
        Text,
        "(none)",
        "tags with `*` for any run of characters",
        "Records of such a tag come at a steady pace and carry windows that have closed",
        "tick.*",
    ),
    key(
        "filter",
        "metrics",
        Text,
        "(none)",
        "tags with `*` for any run of characters",
        "Records of such a tag carry the filter's own figures, as `anomaly_metrics`, and are not scored",
        "anomaly.metrics",
    ),
];
