//! The parts put together for one series: roll-up -> band -> verdict -> alert states.
//!
//! Monitors that watch the same series through the same points and the same band differ only in what is cheap:
//! deviations, direction, thresholds, windows of recovery. They share one roll-up and one engine, as what an
//! engine learns does not depend on the deviations: a second monitor costs its alert state (about 130 bytes)
//! instead of another 1 to 12 kB and another update of the band. [`Plan::group`] finds them.

mod alerting;
mod plan;
#[cfg(test)]
mod tests;

pub use plan::Plan;

use alerting::{Alerting, News, Turn, verdict};

use super::alert::{AlertState, Evaluation, Status, Transition};
use super::rollup::{Closed, Rollup, Taken};
use super::zone::Span;
use crate::codec::{CodecError, Reader, Writer};
use crate::detector::Finite;
use crate::detector::band::{Band, Engine, Prediction};

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

/// What a monitor says of a record where the state is OK and stays so, and no point of the trigger window is anomalous.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Calm {
    /// Value of the record's bucket so far.
    pub value: f64,
    /// What was expected of that bucket; `None` while there is no band yet.
    pub band: Option<Band>,
    /// Whether the bucket lies outside the band, on the monitor's side; as in [`Observation`].
    pub is_anomaly: bool,
}

impl From<Calm> for Observation {
    fn from(Calm { value, band, is_anomaly }: Calm) -> Self {
        Self { value, band, is_anomaly, status: Status::Ok, transition: None, renotify: false, share: 0.0 }
    }
}

/// State of one series under the monitors of a [`Plan`].
#[derive(Debug, Clone)]
pub struct Watch {
    rollup: Rollup,
    course: Course,
    alerts: Box<[Alerting]>,
}

/// Of which bucket the band is asked.
#[derive(Debug, Clone)]
struct Course {
    engine: Engine,
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

impl Watch {
    /// A series that has not been seen.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        let band = Band { expected: 0.0, lower: 0.0, upper: 0.0 };
        let alerting = |monitor| Alerting { state: AlertState::new(monitor), news: News::default(), band };
        Self {
            rollup: Rollup::new(&plan.rollup),
            course: Course { engine: Engine::new(&plan.band), zone: NO_SPAN, asked: Asked::NONE },
            alerts: plan.monitors.iter().map(alerting).collect(),
        }
    }

    /// Takes a record and reports what each monitor says, by its place in [`Plan::monitors`].
    ///
    /// `time_s`: event time, whole seconds of UTC. False when the record came too late to count; then nothing is
    /// reported.
    pub fn observe(
        &mut self,
        plan: &Plan,
        time_s: i64,
        x: Finite,
        mut report: impl FnMut(usize, Observation),
    ) -> bool {
        if self.course.asked.bucket == self.rollup.open() {
            if let Some((closed, value)) = self.rollup.turn(&plan.rollup, time_s, x.get()) {
                let Asked { bucket, banded, .. } = self.course.asked;
                self.course.turn(plan, closed);
                self.turn_each(plan, bucket, banded, closed, value, &mut report);
                return true;
            }
            if let Some(value) = self.rollup.join(&plan.rollup, time_s, x.get()) {
                self.say(plan, value, |_| News::default(), report);
                return true;
            }
        }
        self.observe_apart(plan, time_s, x, report)
    }

    /// [`observe`](Watch::observe) where there is one monitor, the usual number, and it has nothing to tell, as usual.
    /// Whatever is said otherwise is added to `rest`.
    #[inline(always)]
    pub fn observe_one(
        &mut self,
        plan: &Plan,
        time_s: i64,
        x: Finite,
        rest: &mut Vec<(usize, Observation)>,
    ) -> Option<Calm> {
        let Self { rollup, course, alerts } = self;
        if let ([monitor], [alerting]) = (&plan.monitors[..], &mut alerts[..])
            && course.asked.bucket == rollup.open()
        {
            if let Some((closed, value)) = rollup.turn(&plan.rollup, time_s, x.get()) {
                let Asked { bucket, banded, .. } = course.asked;
                if let Some(forecast) = course.turn(plan, closed)
                    && alerting.stay(bucket, banded, closed)
                {
                    alerting.band = forecast.bounds(monitor.query.deviations);
                    let below = !plan.rollup.adds_up() && value < alerting.band.lower;
                    let is_anomaly = monitor.query.side().covers(value > alerting.band.upper, below);
                    return Some(Calm { value, band: Some(alerting.band), is_anomaly });
                }
                self.turn_each(plan, bucket, banded, closed, value, &mut |place, said| {
                    rest.push((place, said))
                });
                return None;
            }
            if alerting.state.is_calm()
                && let Some(value) = rollup.join(&plan.rollup, time_s, x.get())
            {
                let band = course.asked.banded.then_some(alerting.band);
                let said = alerting.observation(plan, monitor, band, value, News::default());
                return Some(Calm { value, band, is_anomaly: said.is_anomaly });
            }
        }
        self.observe(plan, time_s, x, |place, said| rest.push((place, said)));
        None
    }

    /// What any number of monitors say behind a [`turn`](Watch::turn), whatever the forecast. Numbers one by one: what is
    /// handed over whole stands in memory from the beginning.
    #[inline(never)]
    fn turn_each(
        &mut self,
        plan: &Plan,
        bucket: i64,
        banded: bool,
        closed: f64,
        value: f64,
        report: &mut dyn FnMut(usize, Observation),
    ) {
        let turn = Turn { bucket, banded, closed, value };
        let offset = plan.offset(&mut self.course.zone, self.course.asked.bucket);
        let forecast = self.course.engine.predict(&plan.band, self.course.asked.bucket, offset);
        self.course.asked.banded = forecast.is_some();
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
            let band = self.course.asked.banded.then_some(alerting.band);
            report(0, alerting.observation(plan, monitor, band, value, news(alerting)));
            return;
        }
        for (at, (monitor, alerting)) in plan.monitors.iter().zip(&self.alerts).enumerate() {
            let band = self.course.asked.banded.then_some(alerting.band);
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
            let band = self.course.asked.banded.then_some(alerting.band);
            let verdict = closed.value.map(|value| verdict(band, value));
            let evaluation = alerting.state.feed(monitor, closed.bucket, verdict);
            alerting.news.add(verdict, evaluation);
            each(at, evaluation);
        }
        if let Some(value) = closed.value {
            let offset = plan.offset(&mut self.course.zone, closed.bucket);
            self.course.engine.update(&plan.band, closed.bucket, offset, value);
            self.course.asked = Asked::NONE;
        }
    }

    /// Makes `bucket` the one asked about: its band for each monitor, if there is one.
    fn ask(&mut self, plan: &Plan, bucket: i64) {
        if self.course.asked.bucket == bucket {
            return;
        }
        let offset = plan.offset(&mut self.course.zone, bucket);
        let forecast = self.course.engine.predict(&plan.band, bucket, offset);
        self.course.asked =
            Asked { bucket, place: plan.band.place(bucket, offset), banded: forecast.is_some() };
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
        self.course.engine.save(w);
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
        watch.course.engine = Engine::restore(&plan.band, r)?;
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

impl Course {
    /// The bucket asked about is closed with its value, and the one behind it is asked about: the forecast, where it
    /// is one of the usual.
    #[inline(always)]
    fn turn(&mut self, plan: &Plan, closed: f64) -> Option<Prediction> {
        let Asked { bucket, place, .. } = self.asked;
        let next = bucket + 1;
        let next_place =
            if place + 1 < plan.countable { place + 1 } else { plan.look_up_place(&mut self.zone, next) };
        let forecast = self.engine.advance(&plan.band, bucket, place, closed, next_place);
        self.asked = Asked { bucket: next, place: next_place, banded: true };
        forecast
    }
}

/// Holds at no instant.
const NO_SPAN: Span = Span { offset_s: 0, from_s: 0, until_s: 0 };
