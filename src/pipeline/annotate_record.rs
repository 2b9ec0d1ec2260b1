//! The steps behind the scores: asks the monitors of a section, and writes everything into the record.

use super::Pipeline;
use super::monitored::PlainVerdict;
use super::series_key::key_text;
use super::series_model::{AllMonitors, OnlyMonitor};
use crate::bank::Observation;
use crate::detector::Scores;
use crate::monitor::Status;

/// What a record still lacks once the only band of its section was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BandRest {
    /// It has all of it.
    Nothing,
    /// Word of series that fell silent.
    Silences,
    /// The scores and a verdict, perhaps one of the usual ones.
    Verdict,
    /// The scores and a verdict that the fast path does not write.
    VerdictApart,
    /// The scores alone.
    Scores,
}

impl Pipeline {
    /// Annotates the record of a point that was scored.
    #[inline(always)] // speed
    pub(super) fn annotate_scored(
        &mut self,
        at: u16,
        observation: Observation,
        scores: Scores,
        record: &mut Vec<u8>,
    ) {
        let Some(section) = self.sections.get_mut(usize::from(at)) else { return };
        match section.monitors.bands[..] {
            [] => {
                if !section.annotate_fast(record, scores, &self.anomaly, None) {
                    self.annotate(at, Some(scores), record);
                }
            }
            [(band, _)] if section.fast.is_some() => {
                match self.annotate_with_only_band(at, band, observation, scores, record) {
                    BandRest::Nothing => {}
                    rest => self.annotate_band_rest(at, rest, scores, record),
                }
            }
            _ => self.annotate_with_bands(at, observation, Some(scores), record),
        }
    }

    /// Annotates a record whose section has one band. Mostly one monitor uses it, and its verdict changes nothing.
    #[inline(never)] // stack
    fn annotate_with_only_band(
        &mut self,
        at: u16,
        band: u16,
        observation: Observation,
        scores: Scores,
        record: &mut Vec<u8>,
    ) -> BandRest {
        let Self { sections, bank, key, anomaly, verdicts, .. } = self;
        let Some(section) = sections.get_mut(usize::from(at)) else { return BandRest::Nothing };
        match bank.observe(band, key, observation, OnlyMonitor(verdicts)) {
            Some(Some(unchanged)) => {
                let verdict = PlainVerdict {
                    band: unchanged.band,
                    is_anomaly: unchanged.is_anomaly,
                    status: Status::Ok,
                };
                if !section.annotate_fast(record, scores, anomaly, Some(verdict)) {
                    verdicts.push((0, unchanged.into()));
                    return BandRest::VerdictApart;
                }
                if bank.has_silences() { BandRest::Silences } else { BandRest::Nothing }
            }
            Some(None) => BandRest::Verdict,
            None => BandRest::Scores,
        }
    }

    /// Goes on where [`annotate_with_only_band`](Pipeline::annotate_with_only_band) stopped, without its frame below.
    #[inline(never)] // stack
    fn annotate_band_rest(&mut self, at: u16, rest: BandRest, scores: Scores, record: &mut Vec<u8>) {
        match rest {
            BandRest::Nothing | BandRest::Silences => {}
            BandRest::Verdict => self.annotate_only_verdict(at, scores, record),
            BandRest::VerdictApart => self.annotate_only_band_apart(at, scores, record),
            BandRest::Scores => self.annotate(at, Some(scores), record),
        }
        if self.bank.has_silences() {
            self.annotate_silences(at, record);
        }
    }

    /// Writes the scores and the verdict of the one band's monitor, where that is not one of the usual ones.
    #[inline(never)] // stack
    fn annotate_only_verdict(&mut self, at: u16, scores: Scores, record: &mut Vec<u8>) {
        let Some(section) = self.sections.get_mut(usize::from(at)) else { return };
        if let [(_, verdict)] = self.verdicts[..]
            && let Some(verdict) = PlainVerdict::of(&verdict)
            && section.annotate_fast(record, scores, &self.anomaly, Some(verdict))
        {
            self.verdicts.clear();
        } else {
            self.annotate_only_band_apart(at, scores, record);
        }
    }

    #[cold]
    #[inline(never)] // stack
    fn annotate_only_band_apart(&mut self, at: u16, scores: Scores, record: &mut Vec<u8>) {
        if self.verdicts.is_empty() {
            self.tell_late(at);
        }
        self.render_verdicts(at, 0, record);
        self.annotate(at, Some(scores), record);
    }

    /// Counts a record that came too late for a band, and tells of it now and then.
    #[cold]
    #[inline(never)] // stack
    fn tell_late(&mut self, at: u16) {
        self.counters.late += 1;
        let Some(section) = self.sections.get_mut(usize::from(at)) else { return };
        if let Some(count) = section.late.count(self.time_bound.now()) {
            let message = section.explain_late(count);
            self.errors.add(&message);
            self.log.push(message);
        }
    }

    /// Asks all bands of a section, and writes what their monitors say together with the scores.
    #[inline(never)] // stack
    pub(super) fn annotate_with_bands(
        &mut self,
        at: u16,
        observation: Observation,
        scores: Option<Scores>,
        record: &mut Vec<u8>,
    ) {
        let mut n = 0;
        let mut is_late = false;
        while let Some(&(band, _)) =
            self.sections.get(usize::from(at)).and_then(|section| section.monitors.bands.get(n))
        {
            let observed = self.bank.observe(band, &self.key, observation, AllMonitors(&mut self.verdicts));
            is_late |= observed.is_some() && self.verdicts.is_empty();
            self.render_verdicts(at, n, record);
            n += 1;
        }
        if is_late {
            self.tell_late(at);
        }
        self.annotate(at, scores, record);
        if self.bank.has_silences() {
            self.annotate_silences(at, record);
        }
    }

    /// Adds the texts to the verdicts of one band's monitors.
    #[inline(never)] // stack
    fn render_verdicts(&mut self, at: u16, band: usize, record: &[u8]) {
        let Some(section) = self.sections.get(usize::from(at)) else { return };
        let Some((_, monitors)) = section.monitors.bands.get(band) else { return };
        for (place, verdict) in self.verdicts.drain(..) {
            let Some(&monitor) = monitors.get(place) else { continue };
            let groups = || section.groups_of_record(record);
            self.rendered.extend(section.monitors.render(monitor, verdict, groups));
        }
    }

    /// Writes scores, calibrated score and rendered verdicts by the general path.
    #[inline(never)] // stack
    pub(super) fn annotate(&mut self, at: u16, scores: Option<Scores>, record: &mut Vec<u8>) {
        let Self { sections, anomaly, rendered, encoded, .. } = self;
        let Some(section) = sections.get_mut(usize::from(at)) else { return };
        section.annotate(record, scores, anomaly.as_ref(), rendered, encoded);
        rendered.clear();
    }

    /// A silent series has no record of its own: the next record of its section carries the report.
    #[cold]
    #[inline(never)] // stack
    fn annotate_silences(&mut self, at: u16, record: &mut Vec<u8>) {
        let Some(section) = self.sections.get_mut(usize::from(at)) else { return };
        for n in 0..section.monitors.bands.len() {
            let Some((band, monitors)) = section.monitors.bands.get(n) else { continue };
            let Some(silent) = self.bank.take_silence(*band) else { continue };
            let series = key_text(&silent.key, section.has_several_keys());
            let groups = section.groups_of_key(&series);
            let Some(silence) = section.monitors.silence(monitors, silent.silence, &groups) else { continue };
            if section.access.scan(record) {
                silence.write(&series, record, &section.access);
            }
        }
    }
}
