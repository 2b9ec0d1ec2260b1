//! Any text as a condition, ahead of the first line feed; the rest is a record it is asked about.

use fluent_anomaly::{
    Format,
    records::{Condition, Extractor, Found},
};

pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (text, record) = text.split_once('\n').unwrap_or((text, r#"{"level":"error","code":503}"#));
    match Condition::parse(text) {
        Ok(condition) => {
            assert_eq!(condition.to_string(), text.trim());
            let extractor = Extractor::new(Format::Json, condition.fields(), &[]);
            let mut found = Found::default();
            if extractor.scan(record.as_bytes(), &mut found).is_ok() {
                let holds =
                    || condition.holds(&mut Vec::new(), |field| found.value(record.as_bytes(), field));
                assert_eq!(holds(), holds());
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
