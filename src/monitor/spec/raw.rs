//! The keys of a `[monitor.*]` section as text.

/// Declares the fields of [`RawMonitor`] and its access by key.
macro_rules! raw_monitor {
    ($($(#[$doc:meta])+ $key:ident),+ $(,)?) => {
        /// What a configuration, or an imported monitor, says: texts, unchecked. `on` belongs to the configuration.
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        pub struct RawMonitor {
            $($(#[$doc])+ pub $key: Option<String>),+
        }

        impl RawMonitor {
            /// All keys, in the order in which a section is written.
            pub const KEYS: &'static [&'static str] = &[$(stringify!($key)),+];

            /// Sets a key; false when there is none of that name.
            pub fn set(&mut self, key: &str, value: impl Into<String>) -> bool {
                match key {
                    $(stringify!($key) => self.$key = Some(value.into()),)+
                    _ => return false,
                }
                true
            }

            /// The value of a key; `None` when it is not set or there is none of that name.
            #[must_use]
            pub fn get(&self, key: &str) -> Option<&str> {
                match key {
                    $(stringify!($key) => self.$key.as_deref(),)+
                    _ => None,
                }
            }
        }
    };
}

raw_monitor! {
    /// Title.
    name,
    /// The query string.
    query,
    /// Share of anomalous points for ALERT; the query's threshold when absent.
    critical,
    /// Share at which ALERT ends; 0 when absent.
    critical_recovery,
    /// Share for WARN; no warnings when absent.
    warning,
    /// Share at which WARN ends; 0 when absent.
    warning_recovery,
    /// The query's `alert_window`, when it is given at all.
    trigger_window,
    /// Timeframe that recovery looks at; the alert window when absent.
    recovery_window,
    /// above, below or both, when the query does not say.
    direction,
    /// true or false; false when absent.
    require_full_window,
    /// s; 0 when absent.
    new_group_delay,
    /// s; 0 when absent.
    evaluation_delay,
    /// true or false; false when absent.
    notify_no_data,
    /// min; twice the alert window when absent.
    no_data_timeframe,
    /// min; 0 or absent: no reminders.
    renotify_interval,
    /// h; 0 or absent: never.
    timeout_h,
    /// IANA zone, when the query does not say.
    timezone,
    /// Tags of the monitor, separated by commas.
    tags,
    /// 1 to 5.
    priority,
    /// daily, hourly or basic: what judges a series until its season is known; nothing does when absent.
    fallback,
    /// Message template; `\n`, `\\` and `\xHH` stand for characters that a configuration cannot hold.
    message,
}

/// `\n` -> line break, `\xHH` -> ASCII character, `\\` -> backslash; other backslashes stay.
pub(crate) fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let hex = || u8::from_str_radix(after.strip_prefix('x')?.get(..2)?, 16).ok().filter(u8::is_ascii);
        let (meant, length) = match after.bytes().next() {
            Some(b'n') => ('\n', 1),
            Some(b'\\') => ('\\', 1),
            _ => hex().map_or(('\\', 0), |byte| (char::from(byte), 3)),
        };
        out.push(meant);
        rest = after.get(length..).unwrap_or("");
    }
    out.push_str(rest);
    out
}

/// A text on one line that a configuration reads back as it was; [`unescape`] undoes it.
#[cfg(any(test, feature = "companion"))]
pub(in crate::monitor) fn escape(text: &str) -> String {
    use std::fmt::Write as _;

    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        let at_edge = at == 0 || at + c.len_utf8() == text.len();
        match c {
            '\n' => out.push_str("\\n"),
            '\\' => out.push_str("\\\\"),
            // `;` begins a comment behind white space, and white space around a value is not part of it
            c if c == ';' || c.is_ascii_control() || (at_edge && c == ' ') => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes_stand_for_what_a_configuration_cannot_hold() {
        assert_eq!(
            unescape(r"a\n\nb \x3b c \\n \q \x \xzz \xff \x"),
            "a\n\nb ; c \\n \\q \\x \\xzz \\xff \\x"
        );
        assert_eq!(escape(" a\n; \tb\\ "), r"\x20a\n\x3b \x09b\\\x20");
    }

    proptest! {
        #[test]
        fn what_is_escaped_comes_back_on_one_line(text: String) {
            let escaped = escape(&text);
            prop_assert!(!escaped.contains(['\n', '\r', ';']));
            prop_assert_eq!(unescape(&escaped), text);
        }
    }
}
