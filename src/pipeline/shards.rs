//! Pipelines side by side, each with the models of its part of the series.

use super::Pipeline;
use super::router::{is_together, shard_of};
use crate::bank::StorageError;
use crate::config::Config;
use crate::record::Format;

impl Pipeline {
    /// As many pipelines as asked for, which go on from what [`save`](Pipeline::save) gave for each of those that were
    /// there before: none, as many, or fewer or more.
    ///
    /// # Errors
    /// When the bytes cannot be read.
    pub(crate) fn resume_shards(
        config: &Config,
        format: Format,
        saved: &[Vec<u8>],
        shards: usize,
    ) -> Result<Vec<Self>, StorageError> {
        let mut share = config.clone();
        share.filter.max_series = config.filter.max_series.div_ceil(shards.max(1));
        if saved.len() == shards {
            return saved.iter().map(|saved| Self::resume(&share, format, saved)).collect();
        }
        let mut fresh: Vec<Self> = (0..shards).map(|_| Self::new(&share, format, None)).collect();
        for (from, saved) in saved.iter().enumerate() {
            // all of it, however many series a part may have
            let mut old = Self::resume(config, format, saved)?;
            let together = old.sections_together(config);
            let is_at = |to: usize, section: u16, key: &[u8]| match together.get(usize::from(section)) {
                Some(false) => shard_of(key, shards) == to,
                _ => to == 0,
            };
            for (to, pipeline) in fresh.iter_mut().enumerate().filter(|(to, _)| (from, *to) != (0, 0)) {
                pipeline
                    .bank
                    .take_series(&old.bank, &|section, key| is_at(to, section, key))
                    .map_err(|error| StorageError::new("read", "checkpoint", error.to_string()))?;
            }
            if from == 0
                && let Some(first) = fresh.first_mut()
            {
                // groups, windows and whatever else stays together: the first pipeline goes on with it
                old.bank.keep_series(share.filter.max_series, &|section, key| is_at(0, section, key));
                *first = old;
            } else if let Some(first) = fresh.first_mut() {
                first.log.extend(old.take_log());
            }
        }
        Ok(fresh)
    }

    /// For each section of the bank up to those of groups, whether its series are in the first pipeline.
    fn sections_together(&self, config: &Config) -> Vec<bool> {
        let bands: usize = self.sections.iter().map(|section| section.monitors.bands.len()).sum();
        let mut together = vec![false; self.sections.len() + bands];
        for (n, section) in self.sections.iter().enumerate().filter(|(n, _)| is_together(config, *n)) {
            let of_section = section.monitors.bands.iter().map(|(band, _)| usize::from(*band));
            for at in of_section.chain([n]) {
                if let Some(slot) = together.get_mut(at) {
                    *slot = true;
                }
            }
        }
        together
    }
}
