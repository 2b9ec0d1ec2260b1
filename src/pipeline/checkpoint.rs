//! The state of a pipeline as bytes, for hosts that keep it where their records come from.
//!
//! ```text
//! bank:bytes sections:varint (name:bytes late:reminder)*
//! ```

use super::Pipeline;
use super::reminder::Reminder;
use crate::bank::{Bank, StorageError};
use crate::codec::{CodecError, Reader, Writer};
use crate::config::Config;
use crate::record::Format;

impl Pipeline {
    /// All models at this moment, between two records.
    ///
    /// ```
    /// use fluent_anomaly::{Config, Format, Pipeline, Time};
    ///
    /// let config = Config::parse("f.ini", "[series.latency]\nmatch: app.*\nvalue: $ms\nk: 2\nwarm_up: off\n")?;
    /// let score = |pipeline: &mut Pipeline, n: i64| {
    ///     let mut record = format!("{{\"ms\":{}}}", n * n % 7).into_bytes();
    ///     pipeline.process(b"app.web", Time::from_seconds(1_700_000_000 + n), &mut record);
    ///     record
    /// };
    /// let mut undisturbed = Pipeline::new(&config, Format::Json, None);
    /// (0..50).for_each(|n| drop(score(&mut undisturbed, n)));
    ///
    /// let mut resumed = Pipeline::resume(&config, Format::Json, &undisturbed.save()?)?;
    /// assert_eq!(score(&mut resumed, 50), score(&mut undisturbed, 50));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn save(&self) -> Result<Vec<u8>, StorageError> {
        let bank = self.bank.save()?;
        let mut out = Vec::with_capacity(bank.len() + 16 * self.sections.len() + 16);
        let mut w = Writer::new(&mut out);
        w.bytes(&bank);
        w.varint(self.sections.len() as u64);
        for section in &self.sections {
            w.bytes(section.name.as_bytes());
            section.late.save(&mut w);
        }
        Ok(out)
    }

    /// A pipeline that goes on from what [`save`](Pipeline::save) gave. It keeps its models in memory. Models of sections
    /// that have changed since are dropped, which goes to the log.
    ///
    /// # Errors
    /// When the bytes cannot be read.
    pub fn resume(config: &Config, format: Format, saved: &[u8]) -> Result<Self, StorageError> {
        let impossible = |error: CodecError| StorageError::new("read", "checkpoint", error.to_string());
        let mut r = Reader::new(saved);
        let bank = r.bytes("models").map_err(impossible)?;
        let mut error = None;
        let max_series = config.filter.max_series;
        let mut pipeline =
            Self::with_bank(config, format, |models| match Bank::resume(models, max_series, bank) {
                Ok(bank) => bank,
                Err(why) => {
                    error = Some(why);
                    Bank::in_memory(Vec::new(), 1)
                }
            });
        if let Some(error) = error {
            return Err(error);
        }
        pipeline.resume_reminders(&mut r).map_err(impossible)?;
        pipeline.log.extend(pipeline.bank.take_notices().iter().map(ToString::to_string));
        Ok(pipeline)
    }

    fn resume_reminders(&mut self, r: &mut Reader<'_>) -> Result<(), CodecError> {
        for _ in 0..r.varint("number of sections")? {
            let name = r.bytes("name of a section")?;
            let late = Reminder::restore(r)?;
            if let Some(section) = self.sections.iter_mut().find(|section| section.name.as_bytes() == name) {
                section.late = late;
            }
        }
        if r.is_empty() { Ok(()) } else { Err(CodecError::Invalid { what: "length" }) }
    }
}
