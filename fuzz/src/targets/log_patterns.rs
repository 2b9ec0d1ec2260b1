//! Log lines of any bytes into templates: memory is bounded, ids are never 0, and saved templates go on alike.

use fluent_anomaly::detectors::LogPatterns;
use fluent_anomaly::internals::{Reader, Writer};

/// Templates, and bytes of one's text, at most.
const MOST: (usize, usize) = (1000, 400);

/// The first byte says after how many lines the templates are saved and restored.
pub fn run(data: &[u8]) {
    let Some((&cut, lines)) = data.split_first() else { return };
    let mut steady = LogPatterns::default();
    let mut restored = LogPatterns::default();
    for (n, line) in lines.split(|&byte| byte == b'\n').enumerate() {
        if n == usize::from(cut) {
            let mut saved = Vec::new();
            restored.save(&mut Writer::new(&mut saved));
            restored = LogPatterns::restore(&mut Reader::new(&saved)).expect("what was just saved");
        }
        let found = steady.observe(line);
        assert_eq!(found, restored.observe(line));
        assert_ne!(found.id, 0);
        assert_eq!(steady.template(found.place), restored.template(found.place));
        assert!(steady.template(found.place).len() <= MOST.1);
        assert!(steady.len() <= MOST.0);
        assert!(!steady.observe(line).is_new, "the line that began a template follows it");
        restored.observe(line);
    }
    let any = LogPatterns::restore(&mut Reader::new(data));
    if let Ok(mut any) = any {
        any.observe(lines);
    }
}
