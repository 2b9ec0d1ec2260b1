//! Metric names and tags as Datadog keeps them.
//!
//! The intake rewrites names silently; doing the same here first makes what is sent equal to what is shown,
//! and lets records that differ only in refused characters share one series.

pub use crate::monitor::metric_name::{METRIC_NAME_LIMIT, metric_name};

/// Longest tag, in characters.
pub const TAG_LIMIT: usize = 200;

/// A tag as Datadog keeps it: lower case, beginning with a letter of any script, then letters, digits and
/// `_ - : . /`; anything else becomes `_`, runs of `_` collapse, `_` and `:` at the end go, and [`TAG_LIMIT`]
/// characters are kept. `None` when nothing is left.
///
/// ```
/// use fluent_anomaly::sinks::datadog::tag;
/// assert_eq!(tag(" Host:Web 1 ").as_deref(), Some("host:web_1"));
/// assert_eq!(tag("*"), None);
/// ```
pub fn tag(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len().min(TAG_LIMIT));
    let mut kept = 0;
    'text: for c in text.chars().skip_while(|c| !c.is_alphabetic()) {
        // one upper-case letter can become several lower-case ones
        for c in c.to_lowercase() {
            // a combining mark that lower-casing splits off (the dot of a Turkish I) is no letter
            let allowed = c.is_alphanumeric() || matches!(c, '-' | ':' | '.' | '/');
            if allowed {
                out.push(c);
            } else if !out.ends_with('_') {
                out.push('_');
            } else {
                continue;
            }
            kept += 1;
            if kept == TAG_LIMIT {
                break 'text;
            }
        }
    }
    out.truncate(out.trim_end_matches(['_', ':']).len());
    (!out.is_empty()).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::{METRIC_NAME_LIMIT, TAG_LIMIT, metric_name, tag};

    #[test]
    fn metric_names_become_what_datadog_shows() {
        let table: &[(&str, Option<&str>)] = &[
            ("changefinder.outlier.cpu", Some("changefinder.outlier.cpu")),
            ("Case.Is.Kept", Some("Case.Is.Kept")),
            ("a b", Some("a_b")),
            ("a  --  b", Some("a_b")),
            ("a__b", Some("a_b")),
            ("a_.b", Some("a.b")),
            ("a._b", Some("a.b")),
            ("a..b", Some("a..b")),
            ("1st.metric", Some("st.metric")),
            ("_private", Some("private")),
            ("trailing_", Some("trailing")),
            ("trailing%", Some("trailing")),
            ("température", Some("temp_rature")),
            ("日本", None),
            ("", None),
            ("123", None),
            ("...", None),
        ];
        for (given, wanted) in table {
            assert_eq!(metric_name(given).as_deref(), *wanted, "{given:?}");
        }
        assert_eq!(metric_name(&"x".repeat(500)).map(|n| n.len()), Some(METRIC_NAME_LIMIT));
    }

    #[test]
    fn tags_become_what_datadog_keeps() {
        let table: &[(&str, Option<&str>)] = &[
            ("env:prod", Some("env:prod")),
            ("Env:PROD", Some("env:prod")),
            ("  padded ", Some("padded")),
            ("path:/var/log-1.2", Some("path:/var/log-1.2")),
            ("a##b", Some("a_b")),
            ("a__b", Some("a_b")),
            ("ends:", Some("ends")),
            ("ends_:_", Some("ends")),
            ("1:x", Some("x")),
            ("stadt:Köln", Some("stadt:köln")),
            ("日本:東京", Some("日本:東京")),
            ("*", None),
            ("", None),
            ("::", None),
        ];
        for (given, wanted) in table {
            assert_eq!(tag(given).as_deref(), *wanted, "{given:?}");
        }
        assert_eq!(tag(&"ö".repeat(500)).map(|t| t.chars().count()), Some(TAG_LIMIT));
    }

    #[test]
    fn cleaning_twice_changes_nothing() {
        for text in ["a_.b c", "x: y: ", "Ⅻ:İstanbul", "a__:__b", "ǅ"] {
            if let Some(once) = tag(text) {
                assert_eq!(tag(&once), Some(once.clone()), "{text:?}");
            }
            if let Some(once) = metric_name(text) {
                assert_eq!(metric_name(&once), Some(once.clone()), "{text:?}");
            }
        }
    }
}
