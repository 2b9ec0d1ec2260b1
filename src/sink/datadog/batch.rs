//! Points of a whole chunk, grouped by series.
//!
//! Series stand in the order of their first point, points in the order they came; that order gives every
//! point a *position*, from 0. The same bytes always give the same positions, so a shipment that was cut
//! short goes on where it stopped when the host gives the chunk again.

use super::event::{self, MonitorEvent};
use super::names;
use super::outcome::{UnsentCounts, UnsentReason};
use super::point::{LAST_SECOND, MetricKind, MetricPoint, SeriesIdentity, interval, outside, resource};
use super::record_fields::{FieldValue, RecordFields};
use super::settings::ShipperSettings;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// A series and its points.
#[derive(Debug)]
pub(super) struct PointSeries {
    pub(super) name: Arc<SeriesIdentity>,
    pub(super) points: Vec<MetricPoint>,
}

/// Bytes of one series' tags; Datadog's agent cuts there too.
const TAG_SET_LIMIT: usize = 100 * 1024;

/// Settings that apply to every record of a batch.
#[derive(Debug, Clone, Default)]
struct Defaults {
    host: Option<String>,
    device: Option<String>,
    tags: Vec<String>,
    use_tag: bool,
    events: bool,
    as_plugin: bool,
}

/// Points by series, and the count of what gave none.
#[derive(Debug, Default)]
pub(super) struct Batch {
    defaults: Defaults,
    series: Vec<PointSeries>,
    /// As it stands in the records -> place in `series`; `None`: a name of which nothing is left.
    raw: HashMap<Box<[u8]>, Option<usize>>,
    /// Cleaned -> place in `series`.
    clean: HashMap<Arc<SeriesIdentity>, usize>,
    scratch: Vec<u8>,
    points: u64,
    events: Vec<MonitorEvent>,
    dropped: UnsentCounts,
}

/// Events of one batch, at most; further ones are counted.
const EVENT_LIMIT: usize = 1000;

impl Batch {
    pub(super) fn new(settings: &ShipperSettings) -> Self {
        let defaults = Defaults {
            host: settings.host.clone(),
            device: settings.device.clone(),
            tags: settings.tags.clone(),
            use_tag: settings.use_tag,
            events: settings.events,
            as_plugin: settings.as_plugin,
        };
        Self { defaults, ..Self::default() }
    }

    pub(super) fn series(&self) -> &[PointSeries] {
        &self.series
    }

    /// Points in all series.
    pub(super) fn len(&self) -> u64 {
        self.points
    }

    /// Events, in the order they came; their positions follow those of the points.
    pub(super) fn events(&self) -> &[MonitorEvent] {
        &self.events
    }

    /// Whether there is neither a point to be shipped nor a drop to be told.
    pub(super) fn is_empty(&self) -> bool {
        self.points == 0 && self.events.is_empty() && self.dropped == UnsentCounts::default()
    }

    /// Earliest and latest time of the points that the intake would take `now`, of all points if it takes none,
    /// of the events if there are no points. `None`: there is nothing to be sent.
    pub(super) fn span(&self, now: i64) -> Option<(i64, i64)> {
        let points = || self.series.iter().flat_map(|series| &series.points);
        let span = |times: &mut dyn Iterator<Item = i64>| {
            let first = times.next()?;
            Some(times.fold((first, first), |(min, max), time| (min.min(time), max.max(time))))
        };
        span(&mut points().filter(|point| outside(point, now).is_none()).map(|point| point.time))
            .or_else(|| span(&mut points().map(|point| point.time)))
            .or_else(|| span(&mut self.events.iter().map(|event| event.time)))
    }

    /// Records without a point, by reason.
    pub(super) fn dropped(&self) -> &UnsentCounts {
        &self.dropped
    }

    /// Counts a record that gives no point.
    pub(super) fn drop_record(&mut self, reason: UnsentReason) {
        self.dropped.add(reason, 1);
    }

    /// Takes the points of a record: its `metric` with its `value`, and every annotation. `event` is the
    /// event's time in seconds; the record's own `time` goes before it.
    pub(super) fn add(&mut self, fields: &RecordFields<'_>, event: Option<f64>, tag: &str) {
        let mut named = !fields.metric.is_absent();
        let mut scored = false;
        let as_plugin = self.defaults.as_plugin && fields.annotations.is_empty();
        if named && (as_plugin || !fields.value.is_absent()) {
            scored = true;
            self.point(fields, &fields.metric, &fields.value, event, tag);
        }
        for annotation in &fields.annotations {
            named |= !annotation.metric.is_absent();
            if !annotation.metric.is_absent() && !annotation.score.is_absent() {
                scored = true;
                self.point(fields, &annotation.metric, &annotation.score, event, tag);
            }
        }
        if self.defaults.events && !fields.monitors.is_empty() {
            named = true;
            scored = true;
            self.add_events(fields, event);
        }
        if !scored {
            self.drop_record(if !named {
                UnsentReason::NoMetric
            } else if fields.raw_value.is_absent() {
                UnsentReason::NotANumber
            } else {
                UnsentReason::Unscored
            });
        }
    }

    fn add_events(&mut self, fields: &RecordFields<'_>, event: Option<f64>) {
        let time = if fields.time.is_absent() { event } else { fields.time.as_number() };
        let Some(time) = time.filter(|t| (0.0..=LAST_SECOND).contains(t)) else {
            return self.drop_record(UnsentReason::BadTime);
        };
        for map in &fields.monitors {
            if self.events.len() == EVENT_LIMIT {
                self.drop_record(UnsentReason::EventTooOld);
                continue;
            }
            let Defaults { host, tags, .. } = &self.defaults;
            // within 0 ..= 1e11, so the cast only cuts the fraction
            self.events.push(event::event(map, fields, time as i64, host.as_deref(), tags));
        }
    }

    fn point(
        &mut self,
        fields: &RecordFields<'_>,
        metric: &FieldValue<'_>,
        value: &FieldValue<'_>,
        event: Option<f64>,
        tag: &str,
    ) {
        match self.checked(fields, metric, value, event, tag) {
            Ok((place, point)) => {
                if let Some(series) = self.series.get_mut(place) {
                    series.points.push(point);
                    self.points += 1;
                }
            }
            Err(reason) => self.drop_record(reason),
        }
    }

    fn checked(
        &mut self,
        fields: &RecordFields<'_>,
        metric: &FieldValue<'_>,
        value: &FieldValue<'_>,
        event: Option<f64>,
        tag: &str,
    ) -> Result<(usize, MetricPoint), UnsentReason> {
        let value = if self.defaults.as_plugin { value.to_f() } else { value.as_number() };
        let value = value.ok_or(UnsentReason::NotANumber)?;
        if !value.is_finite() {
            return Err(UnsentReason::NotFinite);
        }
        let time = if fields.time.is_absent() { event } else { fields.time.as_number() };
        let time = time.filter(|t| (0.0..=LAST_SECOND).contains(t)).ok_or(UnsentReason::BadTime)?;
        // within 0 ..= 1e11, so the cast only cuts the fraction
        let time = time as i64;
        let metric = metric.as_text().ok_or(UnsentReason::BadName)?;
        let kind = MetricKind::of(&fields.kind).ok_or(UnsentReason::BadType)?;
        let place = self.place(fields, metric, kind, tag).ok_or(UnsentReason::BadName)?;
        Ok((place, MetricPoint { time, value }))
    }

    /// The place of the series in `series`, made at its first point.
    fn place(
        &mut self,
        fields: &RecordFields<'_>,
        metric: &str,
        kind: MetricKind,
        tag: &str,
    ) -> Option<usize> {
        // cleaning costs far more than finding, so the names as they stand are looked up first
        let interval = interval(&fields.interval);
        let mut raw = std::mem::take(&mut self.scratch);
        raw.clear();
        raw.push(kind as u8);
        raw.extend_from_slice(&interval.unwrap_or(0).to_le_bytes());
        let part = |raw: &mut Vec<u8>, text: &str| {
            raw.extend_from_slice(&(text.len() as u64).to_le_bytes());
            raw.extend_from_slice(text.as_bytes());
        };
        part(&mut raw, metric);
        part(&mut raw, fields.host.as_text().unwrap_or_default());
        part(&mut raw, fields.device.as_text().unwrap_or_default());
        for value in [&fields.tag, &fields.tags, &fields.scope] {
            value.tags().for_each(|item| part(&mut raw, item));
            // no text is that long: it ends the list
            raw.extend_from_slice(&u64::MAX.to_le_bytes());
        }
        if self.defaults.use_tag {
            part(&mut raw, tag);
        }
        let place = match self.raw.get(raw.as_slice()) {
            Some(&place) => place,
            None => {
                let place = self.clean(fields, metric, kind, interval, tag);
                self.raw.insert(raw.as_slice().into(), place);
                place
            }
        };
        self.scratch = raw;
        place
    }

    fn clean(
        &mut self,
        fields: &RecordFields<'_>,
        metric: &str,
        kind: MetricKind,
        interval: Option<u32>,
        tag: &str,
    ) -> Option<usize> {
        let metric = names::metric_name(metric)?;
        let mut scope_host = None;
        let mut tags = BTreeSet::new();
        for item in fields.scope.tags() {
            match item.strip_prefix("host:") {
                Some(host) => scope_host = Some(host),
                None => tags.extend(names::tag(item)),
            }
        }
        tags.extend(fields.tag.tags().chain(fields.tags.tags()).filter_map(names::tag));
        if self.defaults.use_tag && fields.tag.tags().chain(fields.tags.tags()).next().is_none() {
            tags.extend(names::tag(tag));
        }
        tags.extend(self.defaults.tags.iter().cloned());
        let mut room = TAG_SET_LIMIT;
        let tags = tags.into_iter().take_while(|tag| {
            let fits = tag.len() <= room;
            room = room.saturating_sub(tag.len());
            fits
        });
        let tags = tags.collect();
        // the seed writes `*` where a query has no host
        let own = |value: &FieldValue<'_>| value.as_text().filter(|t| *t != "*").and_then(resource);
        let host = own(&fields.host).or_else(|| resource(scope_host?)).or_else(|| self.defaults.host.clone());
        let device = own(&fields.device).or_else(|| self.defaults.device.clone());
        let name = Arc::new(SeriesIdentity { metric, kind, host, device, tags, interval });
        Some(*self.clean.entry(name.clone()).or_insert_with(|| {
            self.series.push(PointSeries { name, points: Vec::new() });
            self.series.len() - 1
        }))
    }
}

#[cfg(test)]
mod tests;
