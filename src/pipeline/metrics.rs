//! The filter's own figures: as Prometheus text for `metrics.prom` in the state folder and `/metrics` of native hosts,
//! and as a map in records of a tag of their own.

use core::fmt::Write;

use super::Pipeline;
use crate::config::TagPattern;
use crate::record::{Extractor, Field, Format, Found, Output};

/// Before each name.
const PREFIX: &str = "fluent_anomaly_filter_";
/// Behind the name of what only grows.
const TOTAL: &str = "_total";
/// Where a record has the figures.
const FIELD: &str = "anomaly_metrics";

/// Name, whether it only grows, what it counts, and the reasons by which it is split.
type Family = (&'static str, bool, &'static str, &'static [&'static str]);

const FAMILIES: [Family; 18] = [
    ("records", true, "Records that came in.", &[]),
    ("matched", true, "Records whose tag matches a section.", &[]),
    ("scored", true, "Scores written, one a section and record.", &[]),
    ("warming_up", true, "Points learned by models that give no scores yet.", &[]),
    ("alarms", true, "Alarms that began.", &[]),
    ("repeated", true, "Points seen before, or too old to tell.", &[]),
    ("late", true, "Points too late for the monitors of their section, or for their window.", &[]),
    ("mended", true, "Records changed because the host could not have read them back.", &[]),
    ("errors", true, "Records that left with anomaly_error.", &[]),
    ("windows", true, "Windows closed.", &[]),
    ("windows_lost", true, "Windows not told because too many waited.", &[]),
    ("patterns_new", true, "Lines told as the first of a new template.", &[]),
    ("patterns_untold", true, "The same, beyond those that a day may tell.", &[]),
    ("series_evicted", true, "Series that went because there were too many.", &[]),
    (
        "refused",
        true,
        "Records not scored although their tag matches, by reason.",
        &["no_value", "null", "no_number", "no_record", "no_key", "no_time", "ahead"],
    ),
    ("series", false, "Series in memory.", &[]),
    ("unsaved_points", false, "Points whose models are in memory only, as saving failed.", &[]),
    ("journal_bytes", false, "Bytes of the journals behind the snapshot.", &[]),
];

/// What one pipeline or several have done so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures(Vec<u64>); // in the order of FAMILIES, a family with reasons once for each

impl Figures {
    /// Adds what another pipeline has done.
    #[cfg(feature = "companion")]
    pub(crate) fn add(&mut self, other: &Self) {
        self.0.resize(self.0.len().max(other.0.len()), 0);
        self.0.iter_mut().zip(&other.0).for_each(|(sum, value)| *sum += value);
    }

    /// Prometheus text, version 0.0.4. Names begin with `fluent_anomaly_filter_`; counters end in `_total`.
    #[must_use]
    #[inline(never)] // stack
    pub fn to_text(&self) -> String {
        let mut text = String::with_capacity(4096);
        let mut values = self.0.iter().copied();
        for (name, is_counter, help, reasons) in FAMILIES {
            let total = if is_counter { TOTAL } else { "" };
            for (word, said) in [("HELP", help), ("TYPE", if is_counter { "counter" } else { "gauge" })] {
                for part in ["# ", word, " ", PREFIX, name, total, " ", said, "\n"] {
                    text.push_str(part);
                }
            }
            let unsplit = [""];
            for reason in if reasons.is_empty() { &unsplit } else { reasons } {
                for part in [PREFIX, name, total] {
                    text.push_str(part);
                }
                if !reason.is_empty() {
                    for part in ["{reason=\"", reason, "\"}"] {
                        text.push_str(part);
                    }
                }
                // writing to a string cannot fail
                let _ = writeln!(text, " {}", values.next().unwrap_or(0));
            }
        }
        text
    }

    fn fields<'a>(
        &self,
        refused: &'a mut Vec<(&'static str, Field<'static>)>,
    ) -> Vec<(&'static str, Field<'a>)> {
        let mut values = self.0.iter().map(|&value| Field::Integer(value as i64));
        let mut fields = Vec::with_capacity(FAMILIES.len());
        let mut refused = Some(refused);
        for (name, _, _, reasons) in FAMILIES {
            let field = match refused.take_if(|_| !reasons.is_empty()) {
                Some(by_reason) => {
                    by_reason.extend(reasons.iter().copied().zip(values.by_ref()));
                    Field::Map(by_reason)
                }
                None => values.next().unwrap_or(Field::Integer(0)),
            };
            fields.push((name, field));
        }
        fields
    }
}

/// Records of a tag of their own, which carry the figures.
#[derive(Debug)]
pub(super) struct MetricsRecords {
    tags: TagPattern,
    extractor: Extractor,
    found: Found,
    /// How many there were.
    count: u64,
    /// Whether the record at hand is such a one.
    pub(super) is_one: bool,
}

impl MetricsRecords {
    pub(super) fn new(tags: Option<&TagPattern>, format: Format) -> Option<Box<Self>> {
        let output = Output { name: FIELD.to_owned(), constant: None };
        let extractor = Extractor::new(format, &[], &[output]);
        Some(Box::new(Self {
            tags: tags?.clone(),
            extractor,
            found: Found::default(),
            count: 0,
            is_one: false,
        }))
    }

    /// Called when the tag changes.
    pub(super) fn find_route(&mut self, tag: &[u8]) -> bool {
        self.is_one = self.tags.matches(tag);
        self.is_one
    }

    /// Writes the figures into a record; what is no record stays as it is.
    #[cold]
    #[inline(never)] // stack
    pub(super) fn write(&mut self, figures: &Figures, record: &mut Vec<u8>) {
        if self.extractor.scan(record, &mut self.found).is_ok() {
            let mut refused = Vec::new();
            let fields = figures.fields(&mut refused);
            self.extractor.annotate(record, &self.found, &[(0, Field::Map(&fields))]);
        }
    }
}

impl Pipeline {
    /// What was done so far, as others of the host's tools read it.
    #[must_use]
    #[inline(never)] // stack
    pub fn figures(&self) -> Figures {
        let counters = self.counters();
        let unmatched = self.unscored.unmatched_records();
        let carriers = self.metrics_records.as_ref().map_or(0, |records| records.count);
        let of_sections = self.unscored.by_reason();
        let no_key: u64 = self.sections.iter().map(|section| section.without_key.get()).sum();
        Figures(vec![
            counters.records,
            counters.records - unmatched - carriers,
            counters.scored,
            counters.warming_up,
            counters.alarms,
            counters.repeated,
            counters.late,
            counters.mended,
            self.errors.written,
            counters.windows,
            counters.lost_windows,
            counters.new_patterns,
            counters.untold_patterns,
            self.bank.evicted(),
            of_sections.missing,
            of_sections.null,
            counters.refused,
            counters.malformed,
            no_key,
            counters.unreadable_times,
            counters.ahead,
            self.bank.len() as u64,
            counters.unsaved,
            self.bank.journal_bytes(),
        ])
    }

    /// Whether the record at hand carries the figures and is for nothing else.
    #[inline]
    pub(super) fn is_metrics_record(&self) -> bool {
        self.metrics_records.as_ref().is_some_and(|records| records.is_one)
    }

    /// Writes the figures into the record at hand.
    #[cold]
    #[inline(never)] // stack
    pub(super) fn tell_metrics(&mut self, record: &mut Vec<u8>) {
        if let Some(records) = &mut self.metrics_records {
            records.count += 1;
        }
        let figures = self.figures();
        if let Some(records) = &mut self.metrics_records {
            records.write(&figures, record);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(pipeline: &mut Pipeline, tag: &[u8], record: &str) -> serde_json::Value {
        let mut record = record.as_bytes().to_vec();
        pipeline.process(tag, crate::time::Time::from_seconds(1_700_000_000), &mut record);
        serde_json::from_slice(&record).unwrap()
    }

    #[test]
    fn a_record_of_the_tag_for_it_carries_the_figures_and_is_scored_by_no_section() {
        let ini = "[filter]\nstate: off\nmetrics: anomaly.metrics\n[series.a]\nmatch: *\nvalue: $x\nk: 2\nwarm_up: off\n";
        let windows = "[series.n]\nmatch: *\nmeasure: count\nevery: 1m\nk: 2\nprefix: n_\n";
        for ini in [ini.to_owned(), format!("{ini}{windows}")] {
            let config = crate::config::Config::parse("f.ini", &ini).unwrap();
            let mut pipeline = Pipeline::new(&config, Format::Json, None);
            pass(&mut pipeline, b"app", r#"{"x":1}"#);
            pass(&mut pipeline, b"app", r#"{"x":"one"}"#);
            pass(&mut pipeline, b"app", r#"{"y":1}"#);
            let told = pass(&mut pipeline, b"anomaly.metrics", r#"{"dummy":"dummy","x":7}"#);
            assert_eq!((told["x"].as_i64(), told.get("score_outlier")), (Some(7), None), "{told}");
            let figures = &told["anomaly_metrics"];
            for (name, value) in [("records", 4), ("matched", 3), ("errors", 1)] {
                assert_eq!(figures[name], value, "{name} {ini}: {figures}");
            }
            let refused = &figures["refused"];
            assert_eq!((&refused["no_value"], &refused["no_number"]), (&1.into(), &1.into()), "{refused}");
            let again = pass(&mut pipeline, b"app", r#"{"x":2}"#);
            assert!(again["score_outlier"].is_number() && again.get("anomaly_metrics").is_none(), "{again}");
        }
    }

    #[test]
    fn each_value_has_a_name_and_each_name_a_value() {
        let samples: usize = FAMILIES.iter().map(|(_, _, _, reasons)| reasons.len().max(1)).sum();
        let config = crate::config::Config::parse("f.ini", "[series.a]\nmatch: *\nvalue: $x\n").unwrap();
        let figures = Pipeline::new(&config, Format::Json, None).figures();
        assert_eq!(figures.0.len(), samples);
        let numbered = Figures((0..samples as u64).collect());
        let text = numbered.to_text();
        assert!(text.contains("\nfluent_anomaly_filter_records_total 0\n"), "{text}");
        assert!(text.contains("\nfluent_anomaly_filter_refused_total{reason=\"ahead\"} 20\n"), "{text}");
        assert!(text.ends_with("\nfluent_anomaly_filter_journal_bytes 23\n"), "{text}");
        let mut refused = Vec::new();
        let fields = numbered.fields(&mut refused);
        assert_eq!(fields.last(), Some(&("journal_bytes", Field::Integer(23))));
        let Some((_, Field::Map(by_reason))) = fields.iter().find(|(name, _)| *name == "refused") else {
            panic!("{fields:?}")
        };
        assert_eq!(by_reason[6], ("ahead", Field::Integer(20)));
    }
}
