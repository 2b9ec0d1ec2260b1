//! Incidents in records that were scored here: told as a notice, so that the log and Slack have them.

use fluent_anomaly::native::{IncidentNotice, Notice};
use serde_json::Value;

/// What a scored record tells of an incident; nearly every one tells nothing.
pub(crate) fn notice(json: &[u8]) -> Option<Notice> {
    const MARK: &[u8] = b"\"incident\":{\"id\":\"";
    if !json.windows(MARK.len()).any(|window| window == MARK) {
        return None;
    }
    let record: Value = serde_json::from_slice(json).ok()?;
    let incident = record.get("incident")?;
    let text = |name: &str| incident.get(name).and_then(Value::as_str).map(str::to_owned);
    let event = match text("event")?.as_str() {
        "start" => IncidentNotice::Begins,
        "update" => IncidentNotice::Grows,
        "end" => IncidentNotice::IsOver,
        _ => return None,
    };
    Some(Notice::Incident {
        id: text("id")?,
        event,
        series: incident.get("series").and_then(Value::as_u64)?,
        first: text("first")?,
        size: incident.get("size").and_then(Value::as_f64)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incident_in_a_record_is_told_in_a_sentence() {
        let record = br#"{"x":1,"incident":{"id":"cpu-17","event":"start","started":17,"series":1,"first":"host:a","size":7.25,"members":{"host:a":7.25}}}"#;
        let text = "incident cpu-17 begins: 1 series alarmed, first host:a; the largest is 7.2 usual deviations away";
        assert_eq!(notice(record).unwrap().to_string(), text);
        assert_eq!(notice(br#"{"incident":"a text of somebody else"}"#), None);
        assert_eq!(notice(br#"{"incident":{"id":"x"}}"#), None);
    }
}
