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
    /// Message template.
    message,
}
