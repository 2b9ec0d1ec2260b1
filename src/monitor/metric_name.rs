//! Metric names as Datadog stores them.

/// Longest metric name, in characters (all ASCII).
pub const METRIC_NAME_LIMIT: usize = 200;
/// A metric name as Datadog shows it: it begins with a letter and holds ASCII letters, digits, `_` and `.`;
/// anything else becomes `_`, runs of `_` collapse, no `_` stands beside a `.` or at the end, and
/// [`METRIC_NAME_LIMIT`] characters are kept. `None` when nothing is left.
///
/// ```
/// use fluent_anomaly::sinks::datadog::metric_name;
/// assert_eq!(metric_name("changefinder.outlier.cpu idle%").as_deref(), Some("changefinder.outlier.cpu_idle"));
/// assert_eq!(metric_name("42"), None);
/// ```
pub fn metric_name(text: &str) -> Option<String> {
    let mut name = String::with_capacity(text.len().min(METRIC_NAME_LIMIT));
    for c in text.chars().skip_while(|c| !c.is_ascii_alphabetic()) {
        let last = name.as_bytes().last().copied();
        if c.is_ascii_alphanumeric() {
            name.push(c);
        } else if c == '.' {
            if last == Some(b'_') {
                name.pop();
            }
            name.push('.');
        } else if !matches!(last, Some(b'_' | b'.')) {
            name.push('_');
        }
        if name.len() == METRIC_NAME_LIMIT {
            break;
        }
    }
    if name.ends_with('_') {
        name.pop();
    }
    (!name.is_empty()).then_some(name)
}
