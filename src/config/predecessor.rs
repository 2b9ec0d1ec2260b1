//! Whether a file is one of the Datadog Anomaly Detector (the seed), and the source metric of a query, by which that
//! detector once named its scores.

use super::ini::IniSection;

/// Sections and keys that the detector knows, and the keys of ours that only say how far its way is kept.
const GENERAL: [&str; 5] = ["interval", "limit", "pidfile_path", "detect", "metric_names"];
const SLACK: [&str; 4] = ["url", "channel", "username", "icon_emoji"];
const DATADOG: [&str; 7] = ["query", "r", "k", "t1", "t2", "per", "nulls"];

/// True for a file that holds nothing else: whoever wrote it expects scores, and has no filter behind it.
pub(super) fn is_its_form(ini: &[IniSection]) -> bool {
    let known = |section: &IniSection| {
        let keys: &[&str] = match section.name.split_once('.') {
            Some(("datadog", _)) => &DATADOG,
            None if section.name == "general" => &GENERAL,
            None if section.name == "slack" => &SLACK,
            _ => return false,
        };
        section.entries.iter().all(|entry| keys.iter().any(|key| key.eq_ignore_ascii_case(&entry.key)))
    };
    ini.iter().all(known) && ini.iter().any(|section| section.name.starts_with("datadog."))
}

/// `system.load.norm.5` of `avg:system.load.norm.5{role:worker} by {host}`; `None` when the query does not hold exactly
/// one metric.
pub(super) fn source_metric(query: &str) -> Option<&str> {
    let mut heads =
        query.match_indices('{').map(|(at, _)| query[..at].trim_end()).filter(|head| !groups(head));
    let head = heads.next()?;
    if heads.next().is_some() {
        return None;
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    let name = head.rsplit(|c| !allowed(c)).next().unwrap_or(head);
    name.starts_with(|c: char| c.is_ascii_alphabetic()).then_some(name)
}

/// Whether what follows is `{host}` of `by {host}`.
fn groups(head: &str) -> bool {
    head.strip_suffix("by").is_some_and(|before| before.ends_with(['}', ' ']))
}

#[cfg(test)]
mod tests {
    use super::source_metric;

    #[test]
    fn the_source_metric_of_a_query() {
        for (query, metric) in [
            ("system.load.norm.5{env:production,role:worker} by {host}", Some("system.load.norm.5")),
            ("avg:queue.system.running{*}", Some("queue.system.running")),
            ("system.cpu.idle{*}by{host}", Some("system.cpu.idle")),
            ("ewma_5(avg:standby{*} by {host}.rollup(avg, 60))", Some("standby")),
            ("avg:a{*}/avg:b{*}", None),
            ("avg:a{*}, avg:b{*}", None),
            ("1", None),
            ("{*}", None),
        ] {
            assert_eq!(source_metric(query), metric, "{query}");
        }
    }
}
