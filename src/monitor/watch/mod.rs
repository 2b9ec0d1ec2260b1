//! The parts put together for one series: roll-up -> band -> verdict -> alert states.
//!
//! Monitors that watch the same series through the same points and the same band differ only in what is cheap:
//! deviations, direction, thresholds, windows of recovery. They share one roll-up and one engine, as what an
//! engine learns does not depend on the deviations: a second monitor costs its alert state (about 130 bytes)
//! instead of another 1 to 12 kB and another update of the band. [`Plan::group`] finds them.

#[cfg(test)]
mod tests;

use super::alert::{AlertState, Evaluation, Status, Transition, Verdict};
use super::query::Direction;
use super::rollup::{Closed, Rollup, RollupSpec, Taken};
use super::spec::MonitorSpec;
use super::zone::{Span, Zone};
use crate::codec::{CodecError, Reader, Writer, checksum};
use crate::detector::Finite;
use crate::detector::band::{self, Band, Engine, Prediction};

/// Monitors that share their points and their band; the same for all series they watch.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    rollup: RollupSpec,
    band: band::Spec,
    zone: Option<Zone>,
    /// Places in the season up to which each bucket has the one behind that of its predecessor; 0 where they have to
    /// be looked up.
    countable: usize,
    monitors: Vec<MonitorSpec>, // at least one
    signatures: Vec<u64>, // of each monitor: everything that its alert state depends on, and a little more
}

impl Plan {
    /// For one monitor.
    #[must_use]
    pub fn new(monitor: MonitorSpec) -> Self {
        Self {
            rollup: RollupSpec::new(&monitor),
            band: monitor.band,
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

    /// Puts monitors of one series that can share an engine together. Each plan comes with the places that its
    /// monitors had.
    #[must_use]
    pub fn group(monitors: impl IntoIterator<Item = MonitorSpec>) -> Vec<(Self, Vec<usize>)> {
        let mut plans: Vec<(Self, Vec<usize>)> = Vec::new();
        for (place, monitor) in monitors.into_iter().enumerate() {
            let plan = Self::new(monitor);
            match plans.iter_mut().find(|(other, _)| other.shares_engine_with(&plan)) {
                Some((other, places)) => {
                    other.monitors.extend(plan.monitors);
                    other.signatures.extend(plan.signatures);
                    places.push(place);
                }
                None => plans.push((plan, vec![place])),
            }
        }
        plans
    }

    fn shares_engine_with(&self, other: &Self) -> bool {
        other.rollup == self.rollup && other.band == self.band && other.zone == self.zone
    }

    /// Names what the roll-up and the engine depend on: with another signature what they learned is worthless.
    /// Deviations, thresholds and windows are no part of it.
    #[must_use]
    pub fn signature(&self) -> u64 {
        checksum(0, format!("{:?} {:?} {:?}", self.rollup, self.band, self.zone).as_bytes())
    }

    /// The monitors, in the order in which [`Watch`] reports them.
    #[must_use]
    pub fn monitors(&self) -> &[MonitorSpec] {
        &self.monitors
    }

    #[cold]
    #[inline(never)]
    fn look_up_place(&self, cache: &mut Span, bucket: i64) -> usize {
        self.band.place(bucket, self.offset(cache, bucket))
    }

    fn offset(&self, cache: &mut Span, bucket: i64) -> i32 {
        let Some(zone) = &self.zone else { return 0 };
        let start_s = self.rollup.start_s(bucket);
        if !(cache.from_s..cache.until_s).contains(&start_s) {
            *cache = zone.span(start_s);
        }
        cache.offset_s
    }
}

/// What one monitor says of a record.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observation {
    /// Value of the record's bucket so far.
    pub value: f64,
    /// What was expected of that bucket; `None` while there is no band yet.
    pub band: Option<Band>,
    /// Whether the bucket lies outside the band, on the monitor's side. For sums and counts, which grow while
    /// their bucket is open, *below* is said of the bucket that this record closed.
    pub is_anomaly: bool,
    /// State as of the closed buckets.
    pub status: Status,
    /// The change that the buckets closed by this record made, over all of them.
    pub transition: Option<Transition>,
    /// Whether it is time for a reminder.
    pub renotify: bool,
    /// Share of anomalous points in the trigger window, 0..=1.
    pub share: f64,
}

/// State of one series under the monitors of a [`Plan`].
#[derive(Debug, Clone)]
pub struct Watch {
    rollup: Rollup,
    engine: Engine,
    alerts: Box<[Alerting]>,
    // both follow from the rest and are not saved
    zone: Span,
    asked: Asked,
}

/// The newest bucket asked about.
#[derive(Debug, Clone, Copy)]
struct Asked {
    bucket: i64, // `NONE` before the first and after a bucket was learned
    place: usize,
    banded: bool, // whether there is a band, in each monitor's `Alerting`
}

impl Asked {
    const NONE: Asked = Asked { bucket: i64::MIN, place: 0, banded: false };
}

#[derive(Debug, Clone)]
struct Alerting {
    state: AlertState,
    news: News,
    band: Band, // of the bucket asked about, if it has one
}

/// What the buckets that one record closed have brought; not part of the state.
#[derive(Debug, Clone, Copy, Default)]
struct News {
    change: Option<Transition>, // over all of them
    renotify: bool,
    below: bool, // the last of them lay below the band
}

impl News {
    fn add(&mut self, verdict: Option<Verdict>, evaluation: Evaluation) {
        self.below = verdict == Some(Verdict::Below);
        self.renotify |= evaluation.renotify;
        if let Some(Transition { from, to }) = evaluation.transition {
            let from = self.change.map_or(from, |change| change.from);
            self.change = Some(Transition { from, to });
        }
    }

    /// Without a change to and fro.
    fn in_sum(self) -> News {
        let change = self.change.filter(|change| change.from != change.to);
        News { change, renotify: self.renotify && change.is_none(), below: self.below }
    }
}

impl Alerting {
    /// A bucket is closed, and the one behind it has begun.
    #[inline(always)]
    fn turn(
        &mut self,
        plan: &Plan,
        monitor: &MonitorSpec,
        turn: Turn,
        forecast: Option<Prediction>,
    ) -> Observation {
        let inside = !turn.banded || (turn.closed <= self.band.upper && turn.closed >= self.band.lower);
        let news = if inside && self.state.stay(turn.bucket) {
            News::default()
        } else {
            self.feed(monitor, turn.bucket, verdict(turn.banded.then_some(self.band), turn.closed))
        };
        let band = forecast.map(|forecast| forecast.bounds(monitor.query.deviations));
        if let Some(band) = band {
            self.band = band;
        }
        self.observation(plan, monitor, band, turn.value, news)
    }

    #[cold]
    #[inline(never)]
    fn feed(&mut self, monitor: &MonitorSpec, bucket: i64, verdict: Verdict) -> News {
        let mut news = News::default();
        news.add(Some(verdict), self.state.feed(monitor, bucket, Some(verdict)));
        news
    }

    /// What is said of a bucket that has `value` so far, after the `news` that the record brought.
    #[inline(always)]
    fn observation(
        &self,
        plan: &Plan,
        monitor: &MonitorSpec,
        band: Option<Band>,
        value: f64,
        news: News,
    ) -> Observation {
        let (mut above, mut below) = (false, false);
        if let Some(band) = band {
            above = value > band.upper;
            below = value < band.lower;
        }
        // what grows while its bucket is open is below only once that is closed
        if plan.rollup.adds_up() {
            below = news.below;
        }
        let is_anomaly = match monitor.query.side() {
            Direction::Both => above || below,
            Direction::Above => above,
            Direction::Below => below && !above,
        };
        Observation {
            value,
            band,
            is_anomaly,
            status: self.state.status(),
            transition: news.change,
            renotify: news.renotify,
            share: self.state.share(),
        }
    }
}

/// What happens when a bucket is closed by a record of the next one.
#[derive(Clone, Copy)]
struct Turn {
    bucket: i64,
    banded: bool, // whether there was a band for it
    closed: f64,
    value: f64, // of the next one, so far
}

impl Watch {
    /// A series that has not been seen.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        let band = Band { expected: 0.0, lower: 0.0, upper: 0.0 };
        let alerting = |monitor| Alerting { state: AlertState::new(monitor), news: News::default(), band };
        Self {
            rollup: Rollup::new(&plan.rollup),
            engine: Engine::new(&plan.band),
            alerts: plan.monitors.iter().map(alerting).collect(),
            zone: NO_SPAN,
            asked: Asked::NONE,
        }
    }

    /// Takes a record and reports what each monitor says, by its place in [`Plan::monitors`].
    ///
    /// `time_s`: event time, whole seconds of UTC. False when the record came too late to count; then nothing is
    /// reported.
    #[inline]
    pub fn observe(
        &mut self,
        plan: &Plan,
        time_s: i64,
        x: Finite,
        report: impl FnMut(usize, Observation),
    ) -> bool {
        if self.asked.bucket == self.rollup.open() {
            // the usual records: of the bucket behind the open one, and of the open one itself
            if let Some((closed, value)) = self.rollup.turn(&plan.rollup, time_s, x.get()) {
                self.turn(plan, closed, value, report);
                return true;
            }
            if let Some(value) = self.rollup.join(&plan.rollup, time_s, x.get()) {
                self.say(plan, value, |_| News::default(), report);
                return true;
            }
        }
        self.observe_apart(plan, time_s, x, report)
    }

    /// The bucket asked about is closed with its value, and `value` opens the one behind it.
    #[inline]
    fn turn(&mut self, plan: &Plan, closed: f64, value: f64, mut report: impl FnMut(usize, Observation)) {
        let Asked { bucket, place, banded } = self.asked;
        let next = bucket + 1;
        let next_place =
            if place + 1 < plan.countable { place + 1 } else { plan.look_up_place(&mut self.zone, next) };
        let forecast = self.engine.advance(&plan.band, bucket, place, closed, next_place);
        self.asked = Asked { bucket: next, place: next_place, banded: true };
        // one monitor is the usual number; a loop over them keeps an interpreter from reading a field in one step
        if let Some(forecast) = forecast
            && let ([monitor], [alerting]) = (&plan.monitors[..], &mut self.alerts[..])
        {
            let turn = Turn { bucket, banded, closed, value };
            report(0, alerting.turn(plan, monitor, turn, Some(forecast)));
        } else {
            self.turn_apart(plan, bucket, banded, closed, value, report);
        }
    }

    /// The rest of it, for several monitors or where the forecast is none of the usual.
    #[cold]
    #[inline(never)]
    fn turn_apart(
        &mut self,
        plan: &Plan,
        bucket: i64,
        banded: bool,
        closed: f64,
        value: f64,
        mut report: impl FnMut(usize, Observation),
    ) {
        let next = bucket + 1;
        let turn = Turn { bucket, banded, closed, value };
        let offset = plan.offset(&mut self.zone, next);
        let forecast = self.engine.predict(&plan.band, next, offset);
        self.asked.banded = forecast.is_some();
        for (at, (monitor, alerting)) in plan.monitors.iter().zip(&mut self.alerts).enumerate() {
            report(at, alerting.turn(plan, monitor, turn, forecast));
        }
    }

    /// Any other record.
    #[cold]
    #[inline(never)]
    fn observe_apart(
        &mut self,
        plan: &Plan,
        time_s: i64,
        x: Finite,
        report: impl FnMut(usize, Observation),
    ) -> bool {
        for alerting in &mut self.alerts {
            alerting.news = News::default();
        }
        while let Some(closed) = self.rollup.close_until(&plan.rollup, time_s).next() {
            // a series that has just come back is not told that it was silent: its next closed bucket knows
            if closed.value.is_some() {
                self.judge(plan, closed, &mut |_, _| {});
            }
        }
        if self.rollup.add(&plan.rollup, time_s, x.get()) == Taken::Late {
            return false;
        }
        self.ask(plan, plan.rollup.bucket(time_s));
        let value = self.rollup.so_far(&plan.rollup, time_s).unwrap_or(x.get());
        self.say(plan, value, |alerting| alerting.news.in_sum(), report);
        true
    }

    /// Reports on the bucket asked about.
    fn say(
        &self,
        plan: &Plan,
        value: f64,
        news: impl Fn(&Alerting) -> News,
        mut report: impl FnMut(usize, Observation),
    ) {
        if let ([monitor], [alerting]) = (&plan.monitors[..], &self.alerts[..]) {
            let band = self.asked.banded.then_some(alerting.band);
            report(0, alerting.observation(plan, monitor, band, value, news(alerting)));
            return;
        }
        for (at, (monitor, alerting)) in plan.monitors.iter().zip(&self.alerts).enumerate() {
            let band = self.asked.banded.then_some(alerting.band);
            report(at, alerting.observation(plan, monitor, band, value, news(alerting)));
        }
    }

    /// Closes the buckets of a series that may have fallen silent; reports changes and reminders only.
    pub fn tick(&mut self, plan: &Plan, watermark_s: i64, mut report: impl FnMut(usize, Evaluation)) {
        while let Some(closed) = self.rollup.close_until(&plan.rollup, watermark_s).next() {
            self.judge(plan, closed, &mut |at, evaluation| {
                if evaluation.transition.is_some() || evaluation.renotify {
                    report(at, evaluation);
                }
            });
        }
    }

    #[inline(never)]
    fn judge(&mut self, plan: &Plan, closed: Closed, each: &mut dyn FnMut(usize, Evaluation)) {
        if closed.value.is_some() {
            self.ask(plan, closed.bucket);
        }
        for (at, (monitor, alerting)) in plan.monitors.iter().zip(&mut self.alerts).enumerate() {
            let band = self.asked.banded.then_some(alerting.band);
            let verdict = closed.value.map(|value| verdict(band, value));
            let evaluation = alerting.state.feed(monitor, closed.bucket, verdict);
            alerting.news.add(verdict, evaluation);
            each(at, evaluation);
        }
        if let Some(value) = closed.value {
            let offset = plan.offset(&mut self.zone, closed.bucket);
            self.engine.update(&plan.band, closed.bucket, offset, value);
            self.asked = Asked::NONE;
        }
    }

    /// Makes `bucket` the one asked about: its band for each monitor, if there is one.
    fn ask(&mut self, plan: &Plan, bucket: i64) {
        if self.asked.bucket == bucket {
            return;
        }
        let offset = plan.offset(&mut self.zone, bucket);
        let forecast = self.engine.predict(&plan.band, bucket, offset);
        self.asked = Asked { bucket, place: plan.band.place(bucket, offset), banded: forecast.is_some() };
        if let Some(forecast) = forecast {
            for (monitor, alerting) in plan.monitors.iter().zip(&mut self.alerts) {
                alerting.band = forecast.bounds(monitor.query.deviations);
            }
        }
    }

    /// Records that came too late to count.
    #[must_use]
    pub fn late(&self) -> u64 {
        self.rollup.late()
    }

    /// Bytes of one series, on the heap and off it.
    #[must_use]
    pub fn memory_bytes(plan: &Plan) -> usize {
        let alerts = plan.monitors.iter().map(|monitor| {
            AlertState::memory_bytes(monitor) + size_of::<Alerting>() - size_of::<AlertState>()
        });
        size_of::<Self>() - size_of::<Rollup>() - size_of::<Engine>()
            + Rollup::memory_bytes(&plan.rollup)
            + Engine::memory_bytes(&plan.band)
            + alerts.sum::<usize>()
    }

    /// Appends the exact state.
    pub fn save(&self, plan: &Plan, w: &mut Writer<'_>) {
        self.rollup.save(w);
        self.engine.save(w);
        w.varint(self.alerts.len() as u64);
        let mut bytes = Vec::new();
        for (signature, alerting) in plan.signatures.iter().zip(&self.alerts) {
            bytes.clear();
            alerting.state.save(&mut Writer::new(&mut bytes));
            w.u64(*signature);
            w.bytes(&bytes);
        }
    }

    /// Reads what [`Watch::save`] wrote for a plan with the same [`signature`](Plan::signature). The state of a
    /// monitor that was changed since, or that is new, begins anew; the band it uses does not.
    ///
    /// # Errors
    /// [`CodecError`] when the bytes end early or hold what cannot be.
    pub fn restore(plan: &Plan, r: &mut Reader<'_>) -> Result<Self, CodecError> {
        let mut watch = Self::new(plan);
        watch.rollup = Rollup::restore(&plan.rollup, r)?;
        watch.engine = Engine::restore(&plan.band, r)?;
        for _ in 0..r.varint("number of monitors")? {
            let signature = r.u64("monitor signature")?;
            let bytes = r.bytes("alert state")?;
            let unchanged = plan.signatures.iter().position(|&ours| ours == signature);
            if let Some(at) = unchanged
                && let (Some(monitor), Some(alerting)) = (plan.monitors.get(at), watch.alerts.get_mut(at))
            {
                let mut inner = Reader::new(bytes);
                alerting.state = AlertState::restore(monitor, &mut inner)?;
                if !inner.is_empty() {
                    return Err(CodecError::Invalid { what: "length of an alert state" });
                }
            }
        }
        Ok(watch)
    }
}

/// Names everything that an alert state depends on. Browsers save no states, and do without the texts.
fn signature(monitor: &MonitorSpec) -> u64 {
    if cfg!(all(feature = "compact", target_family = "wasm")) {
        return 0;
    }
    checksum(1, format!("{monitor:?}").as_bytes())
}

/// Holds at no instant.
const NO_SPAN: Span = Span { offset_s: 0, from_s: 0, until_s: 0 };

fn verdict(band: Option<Band>, value: f64) -> Verdict {
    match band {
        None => Verdict::NoBand,
        Some(band) if value > band.upper => Verdict::Above,
        Some(band) if value < band.lower => Verdict::Below,
        Some(_) => Verdict::Inside,
    }
}
