//! `[slack]`: where the daemon's warnings go.

use super::KeyKind::Text;
use super::{Key, key};

pub(super) const KEYS: &[Key] = &[
    key(
        "slack",
        "url",
        Text,
        "(needed)",
        "the address of an incoming webhook",
        "Where the daemon's warnings go",
        "https://hooks.slack.com/services/T0/B0/x",
    ),
    key("slack", "channel", Text, "(the webhook's)", "a channel", "Where they are posted", "#ops"),
    key("slack", "username", Text, "(the webhook's)", "any text", "Shown as the sender", "anomalies"),
    key(
        "slack",
        "icon_emoji",
        Text,
        "(the webhook's)",
        "an emoji's name",
        "Shown beside the sender",
        ":warning:",
    ),
];
