//! What monitors say of a record, written into it beside its scores.

use super::Pipeline;
use super::monitoring::{AT_ONCE, Said};
use super::track::{Watched, WatchedByOne};
use super::watcher::key_text;
use crate::annotation::{self, Anomaly};
use crate::bank::Observation;
use crate::detector::Scores;
use crate::monitor::Status;
use crate::record::Field;

impl Pipeline {
    /// Asks the one band that monitors of a section need, and writes a verdict that changes nothing behind the scores.
    #[inline(never)]
    pub(super) fn watch_one(
        &mut self,
        section: u16,
        track: u16,
        observation: Observation,
        scores: Scores,
        record: &mut Vec<u8>,
    ) {
        let Self { watchers, bank, key, heard, .. } = self;
        let Some(watcher) = watchers.get_mut(usize::from(section)) else { return };
        match bank.observe(track, key, observation, WatchedByOne(heard)).flatten() {
            Some(calm) => {
                if !watcher.append_verdict(record, scores, calm.band, calm.is_anomaly, Status::Ok) {
                    self.heard.push((0, calm.into()));
                    self.tell_apart(section, scores, record);
                }
            }
            None => self.tell_one(section, scores, record),
        }
        if self.bank.has_silences() {
            self.tell_silence(section, record);
        }
    }

    /// Writes the scores and what the one band's monitors said: mostly one verdict that is no news.
    #[inline(never)]
    fn tell_one(&mut self, section: u16, scores: Scores, record: &mut Vec<u8>) {
        let Some(watcher) = self.watchers.get_mut(usize::from(section)) else { return };
        match self.heard[..] {
            [(_, said)]
                if said.transition.is_none()
                    && !said.renotify
                    && watcher.append_verdict(record, scores, said.band, said.is_anomaly, said.status) =>
            {
                self.heard.clear();
            }
            _ => self.tell_apart(section, scores, record),
        }
    }

    #[cold]
    #[inline(never)]
    fn tell_apart(&mut self, section: u16, scores: Scores, record: &mut Vec<u8>) {
        self.said.clear();
        self.hear(section, 0, record);
        self.write_said(section, Some(scores), None, record);
    }

    /// Asks the monitors of a section, and writes their verdicts together with the scores.
    #[inline(never)]
    pub(super) fn watch(
        &mut self,
        section: u16,
        observation: Observation,
        scores: Option<Scores>,
        record: &mut Vec<u8>,
    ) {
        let anomaly = self.anomaly;
        self.said.clear();
        let mut plan = 0;
        while let Some(&(track, _)) =
            self.watchers.get(usize::from(section)).and_then(|watcher| watcher.monitored.plans.get(plan))
        {
            self.bank.observe(track, &self.key, observation, Watched(&mut self.heard));
            self.hear(section, plan, record);
            plan += 1;
        }
        self.write_said(section, scores, anomaly, record);
        if self.bank.has_silences() {
            self.tell_silence(section, record);
        }
    }

    /// Takes down what the monitors of a plan have just said.
    #[inline(never)]
    fn hear(&mut self, section: u16, plan: usize, record: &[u8]) {
        let Some(watcher) = self.watchers.get(usize::from(section)) else { return };
        let Some((_, monitors)) = watcher.monitored.plans.get(plan) else { return };
        for (place, said) in self.heard.drain(..) {
            let Some(&monitor) = monitors.get(place) else { continue };
            let groups = || watcher.groups(record);
            self.said.extend(watcher.monitored.said(monitor, said, groups));
        }
    }

    /// Writes verdicts that change something, or of several bands.
    #[inline(never)]
    fn write_said(
        &mut self,
        section: u16,
        scores: Option<Scores>,
        anomaly: Option<Anomaly>,
        record: &mut Vec<u8>,
    ) {
        let Some(watcher) = self.watchers.get_mut(usize::from(section)) else { return };
        let mut rest = &self.said[..];
        let reason = annotation::reason(anomaly.as_ref());
        let (scored, count) = annotation::fields(scores, anomaly.as_ref(), reason.as_ref(), watcher.alarms);
        let mut scored = scored.get(..count).unwrap_or_default();
        while let Some((now, later)) = rest.split_at_checked(rest.len().min(AT_ONCE)) {
            // encoded here, one behind the other, so that the way into the record is one copy
            self.encoded.clear();
            let mut ends = [0; AT_ONCE];
            for (end, said) in ends.iter_mut().zip(now) {
                watcher.monitored.append(said, &mut self.encoded);
                *end = self.encoded.len();
            }
            let mut fields = [(0, Field::Constant); annotation::MOST_FIELDS + AT_ONCE];
            let mut used = 0;
            for (slot, field) in fields.iter_mut().zip(std::mem::take(&mut scored)) {
                *slot = *field;
                used += 1;
            }
            let mut start = 0;
            for (said, &end) in now.iter().zip(&ends) {
                if let (Some(slot), Some(bytes)) = (fields.get_mut(used), self.encoded.get(start..end)) {
                    *slot = (watcher.monitored.output(said), Field::Encoded(bytes));
                    used += 1;
                }
                start = end;
            }
            let texts = now.iter().map(Said::text_len).sum();
            watcher.annotate(record, &fields[..used], texts);
            rest = later;
            if rest.is_empty() || !watcher.scan(record) {
                break;
            }
        }
    }

    /// A series that fell silent has no record of its own: the next record of its section tells.
    fn tell_silence(&mut self, section: u16, record: &mut Vec<u8>) {
        let Some(watcher) = self.watchers.get_mut(usize::from(section)) else { return };
        for plan in 0..watcher.monitored.plans.len() {
            let Some((track, monitors)) = watcher.monitored.plans.get(plan) else { continue };
            let Some(silent) = self.bank.take_silence(*track) else { continue };
            let series = key_text(&silent.key, watcher.several_keys());
            let groups = watcher.key_groups(&series);
            let Some((output, texts)) = watcher.monitored.silence(monitors, silent.silence, &groups) else {
                continue;
            };
            let optional = [("transition", texts.transition), ("message", texts.message.as_deref())];
            let mut members = vec![
                ("monitor", Field::Text(&texts.monitor)),
                ("series", Field::Text(&series)),
                ("status", Field::Text(texts.status)),
            ];
            members.extend(optional.into_iter().filter_map(|(name, text)| Some((name, Field::Text(text?)))));
            if watcher.scan(record) {
                let texts = series.len() + texts.message.as_ref().map_or(0, String::len);
                watcher.annotate(record, &[(output, Field::Map(&members))], texts);
            }
        }
    }
}
