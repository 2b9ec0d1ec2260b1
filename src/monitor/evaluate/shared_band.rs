//! Which monitors share a roll-up and a band.

use super::super::rollup::RollupSpec;
use super::super::spec::MonitorSpec;
use super::super::zone::{OffsetSpan, Zone};
use crate::codec::checksum;
use crate::detector::band;

/// Monitors that share their points and their band; the same for all series they watch.
#[derive(Debug, Clone, PartialEq)]
pub struct SharedBand {
    pub(super) rollup: RollupSpec,
    pub(super) band: band::BandSpec,
    /// Judges a series for as long as there is no band.
    pub(super) fallback: Option<band::BandSpec>,
    zone: Option<Zone>,
    /// Places in the season up to which each bucket has the one behind that of its predecessor; 0 where they have to
    /// be looked up.
    pub(super) countable: usize,
    pub(super) monitors: Vec<MonitorSpec>, // at least one
    pub(super) signatures: Vec<u64>, // of each monitor: everything that its alert state depends on, and a little more
}

impl SharedBand {
    /// For one monitor.
    #[must_use]
    pub fn new(monitor: MonitorSpec) -> Self {
        Self {
            rollup: RollupSpec::new(&monitor),
            band: monitor.band,
            fallback: monitor.fallback,
            countable: if monitor.zone.is_none() && monitor.band.places_count_up() {
                monitor.band.buckets() as usize
            } else {
                0
            },
            zone: monitor.zone.clone(),
            signatures: vec![signature(&monitor)],
            monitors: vec![monitor],
        }
    }

    /// Puts monitors of one series that can share an engine together. Each shared band comes with the places that its
    /// monitors had.
    #[must_use]
    pub fn group(monitors: impl IntoIterator<Item = MonitorSpec>) -> Vec<(Self, Vec<usize>)> {
        let mut bands: Vec<(Self, Vec<usize>)> = Vec::new();
        for (place, monitor) in monitors.into_iter().enumerate() {
            let shared = Self::new(monitor);
            match bands.iter_mut().find(|(other, _)| other.shares_engine_with(&shared)) {
                Some((other, places)) => {
                    other.monitors.extend(shared.monitors);
                    other.signatures.extend(shared.signatures);
                    places.push(place);
                }
                None => bands.push((shared, vec![place])),
            }
        }
        bands
    }

    fn shares_engine_with(&self, other: &Self) -> bool {
        other.rollup == self.rollup
            && other.band == self.band
            && other.fallback == self.fallback
            && other.zone == self.zone
    }

    /// Names what the roll-up and the engine depend on: with another signature what they learned is worthless.
    /// Deviations, thresholds and windows are no part of it.
    #[must_use]
    pub fn signature(&self) -> u64 {
        let mut text = format!("{:?} {:?} {:?}", self.rollup, self.band, self.zone);
        if let Some(fallback) = &self.fallback {
            text += &format!(" {fallback:?}");
        }
        checksum(0, as_saved(&text).as_bytes())
    }

    /// The monitors, in the order in which `SeriesEvaluator` reports them.
    #[must_use]
    pub fn monitors(&self) -> &[MonitorSpec] {
        &self.monitors
    }

    #[cold]
    #[inline(never)] // speed: keeps the usual way small
    pub(super) fn look_up_place(&self, cache: &mut OffsetSpan, bucket: i64) -> usize {
        self.band.place(bucket, self.offset(cache, bucket))
    }

    pub(super) fn offset(&self, cache: &mut OffsetSpan, bucket: i64) -> i32 {
        // buckets of local days are numbered by local time
        if let Some(start_s) = self.rollup.start_of_day_s() {
            return start_s;
        }
        let Some(zone) = &self.zone else { return 0 };
        let start_s = self.rollup.start_s(bucket);
        if !(cache.from_s..cache.until_s).contains(&start_s) {
            *cache = zone.span(start_s);
        }
        cache.offset_s
    }
}

/// Names everything that an alert state depends on. Browsers save no states, and do without the texts.
fn signature(monitor: &MonitorSpec) -> u64 {
    if crate::IS_COMPACT {
        return 0;
    }
    checksum(1, as_saved(&format!("{monitor:?}")).as_bytes())
}

/// State files know these types by the names and fields that they had first.
fn as_saved(text: &str) -> String {
    let text = text
        .replace("BandSpec {", "Spec {")
        .replace("Timeframe {", "Window {")
        .replace(" fallback: None,", "")
        .replace(", calendar: None", "");
    // those of the band that came later follow from others
    [" calm: ", " course: ", " lag_gain: "].into_iter().fold(text, |text, field| without(&text, field))
}

/// The text without a field, which ends with a comma, wherever it stands.
fn without(text: &str, field: &str) -> String {
    let mut parts = text.split(field);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |kept, part| kept + part.split_once(',').map_or("", |(_, rest)| rest))
}
