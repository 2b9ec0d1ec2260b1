//! The calibrated score of one series: channels -> extremes -> calibration -> time -> alarm.

use super::super::numeric::Finite;
use super::age::{Measure, PointContext, WARM_UP};
use super::calibration::Calibration;
use super::channels::{ChannelValues, Channels};
use super::extremes::{Extremes, NONE_RARE, RUN_BIT};
use super::incident::Incidents;
use super::period::Period;
use super::reason::{AlarmReason, ReasonKind, ReasonRarities};
use super::season::{Season, SeasonalRarity};
use super::season_detector::SeasonDetector;
use super::spacing::PointSpacing;
use super::spec::CalibratedSpec;
use super::verdict::{self, Rarity};
use crate::codec::{CodecError, Reader, Writer};
use crate::detector::min_max::{larger, smaller};

/// Extremes that share the chance of a false alarm: those of the channels and of the run, and those of a season.
pub(super) const LOG10_SIDES: f64 = 0.954_242_509_439_324_9; // of 9
pub(super) const LOG10_SEASON_SIDES: f64 = 1.113_943_352_306_836_7; // of 13
/// Multiple of the points known beyond which no point is called rare.
const KNOWN_TIMES: f64 = 10.0;
/// log10 of a minute in seconds.
const LOG10_MINUTE: f64 = 1.778_151_250_383_643_6;
/// What remains of the rarity at which an echo begins.
const ECHO_REST: f64 = 0.9;
/// Bit of the season in `Tuning::channels`.
const SEASON_BIT: u32 = RUN_BIT << 1;
/// First byte of a saved state.
const VERSION: u8 = 2;

/// Streaming state of one series: everything that is known about it, in about 2 kB, and 1 kB more where a
/// season is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibrated {
    /// Point number, wrapping: only differences and blocks count.
    t: u32,
    /// Points seen, saturating.
    seen: u32,
    spacing: PointSpacing,
    channels: Channels,
    extremes: Extremes,
    detector: SeasonDetector,
    season: Option<Box<Season>>,
    calibration: Calibration,
    incidents: Incidents,
}

impl Calibrated {
    /// A series nothing is known about.
    #[must_use]
    pub fn new(_spec: &CalibratedSpec) -> Self {
        Self {
            t: 0,
            seen: 0,
            spacing: PointSpacing::new(0.0),
            channels: Channels::new(0.0),
            extremes: Extremes::new(),
            detector: SeasonDetector::new(),
            season: None,
            calibration: Calibration::new(),
            incidents: Incidents::new(),
        }
    }

    /// Scores the next point, then learns it. `None` for the first 30 points.
    ///
    /// `time_s` is the point's own time in seconds (UTC where seasons matter); it may stand still, and where it
    /// runs back the point counts without moving the clock.
    ///
    /// ```
    /// use fluent_anomaly::detectors::Finite;
    /// use fluent_anomaly::detectors::{Calibrated, CalibratedSpec};
    /// let spec = CalibratedSpec::default(); // one false alarm a week
    /// let mut series = Calibrated::new(&spec);
    /// let minute = |i: u32| Finite::new(60.0 * f64::from(i)).unwrap();
    /// for i in 0..10_000 {
    ///     series.update(&spec, minute(i), Finite::new(f64::from(i * 7919 % 101)).unwrap());
    /// }
    /// let rarity = series.update(&spec, minute(10_000), Finite::new(1e4).unwrap()).unwrap();
    /// assert!(rarity.is_alarm && rarity.score > 0.5);
    /// assert_eq!(rarity.reason.unwrap().kind.as_str(), "spike");
    /// ```
    #[inline]
    pub fn update(&mut self, spec: &CalibratedSpec, time_s: Finite, value: Finite) -> Option<Rarity> {
        let tuning = &spec.tuning;
        let (time_s, value) = (time_s.get(), value.get());
        if self.seen == 0 {
            self.spacing = PointSpacing::new(time_s);
            self.channels = Channels::new(value);
        } else {
            self.spacing.tick(time_s);
        }
        let [fewest, most] = tuning.window_points;
        let window = smaller(larger(tuning.window_s / self.spacing.spacing_s(), fewest), most);
        let o = if self.seen == 0 {
            ChannelValues { value: 0.0, mean: 0.0, activity: 0.0, error: 0.0, run: 0 }
        } else {
            self.channels.observe(value, f64::from(self.seen), window, tuning)
        };
        let at = PointContext {
            measure: Measure::Linear,
            resolution: self.channels.resolution(),
            floor: 0.0,
            window,
            t: self.t,
            seen: self.seen,
        };
        if at.t & (tuning.block - 1) == 0 && at.seen > 0 {
            self.close_blocks(tuning.block);
        }
        if tuning.channels & SEASON_BIT != 0 && self.detector.observe(time_s, self.spacing.known_s(), o.value)
        {
            self.find(time_s, at.resolution);
        }
        let first = self.extremes.first_rare(&o, &at);
        self.t = self.t.wrapping_add(1);
        self.seen = self.seen.saturating_add(1);
        if first != NONE_RARE || self.season.is_some() {
            return self.judge(spec, time_s, first, o, at);
        }
        self.calibration.count();
        if at.seen < WARM_UP {
            return None;
        }
        let alarm = self.incidents.rest(self.spacing.now_s(), spec.budget, tuning.hold_s);
        Some(Rarity::ordinary(alarm))
    }

    #[inline(never)] // speed: rarely needed
    fn close_blocks(&mut self, block: u32) {
        let t = self.t;
        self.extremes.close_blocks(t, block);
        if let Some(season) = &mut self.season {
            season.close_blocks(t, block);
        }
    }

    /// Which period is known now.
    #[inline(never)] // speed: rarely needed
    fn find(&mut self, time_s: f64, resolution: f32) {
        let known = self.season();
        let found = self.detector.best(self.spacing.known_s(), resolution, known);
        if found != known {
            self.season = found.map(|period| Box::new(Season::new(period, time_s, self.season.as_deref())));
        }
    }

    /// Scores a point that may be rare, or has a place in a season; `at` is the moment before it. By value: an
    /// ordinary point then never stores what only this needs.
    #[inline(never)] // stack
    fn judge(
        &mut self,
        spec: &CalibratedSpec,
        time_s: f64,
        first: usize,
        o: ChannelValues,
        at: PointContext,
    ) -> Option<Rarity> {
        let tuning = &spec.tuning;
        let place = self.season.as_mut().and_then(|season| season.judge(time_s, o.value, &at, tuning));
        let evidence = self.extremes.evidence(first, &o, place, &at, tuning);
        let strongest = evidence.strongest();
        let sides = if place.is_some() { LOG10_SEASON_SIDES } else { LOG10_SIDES };
        let raw = if strongest > 0.0 { strongest - sides } else { 0.0 };
        let now_s = self.spacing.now_s();
        let log10_points = self.calibration.calibrate(now_s, raw, tuning.hold_s, tuning.window_s);
        if at.seen < WARM_UP {
            return None;
        }
        Some(self.verdict(spec, log10_points, &o, place, &evidence))
    }

    fn verdict(
        &mut self,
        spec: &CalibratedSpec,
        log10_points: f64,
        o: &ChannelValues,
        place: Option<SeasonalRarity>,
        evidence: &ReasonRarities,
    ) -> Rarity {
        let hold_s = spec.tuning.hold_s;
        let (now_s, known_s) = (self.spacing.now_s(), self.spacing.known_s());
        let mut rarity = Rarity::ordinary(None);
        if log10_points > 0.0 {
            rarity.log10_points = self.within_knowledge(log10_points);
            let spacing = self.spacing.log10_spacing();
            rarity.log10_s = larger(rarity.log10_points + spacing, 0.0);
            // geometric mean of points and minutes: evidence comes in points, attention is paid in time
            let mut mean = larger(rarity.log10_points + 0.5 * (spacing - LOG10_MINUTE), 0.0);
            if mean >= spec.tuning.echo && self.incidents.echoes(now_s, mean, hold_s) {
                mean = spec.tuning.echo * ECHO_REST;
            }
            rarity.score = verdict::score(mean);
        }
        (rarity.is_alarm, rarity.alarm) =
            self.incidents.alarm(now_s, known_s, rarity.log10_s, spec.budget, hold_s);
        rarity.reason = rarity.is_alarm.then(|| self.reason(evidence.kind(), o, place));
        rarity
    }

    /// No point is called rarer than ten times the points known.
    fn within_knowledge(&self, log10_points: f64) -> f64 {
        // log10(10 n) is at least 1 + 0.301 floor(log2 n): mostly no logarithm is needed to know which is smaller
        let doublings = 31 - (self.seen | 1).leading_zeros();
        if log10_points <= 1.0 + 0.301 * f64::from(doublings) {
            return log10_points;
        }
        smaller(log10_points, libm::log10(KNOWN_TIMES * f64::from(self.seen)))
    }

    fn reason(&self, kind: ReasonKind, o: &ChannelValues, place: Option<SeasonalRarity>) -> AlarmReason {
        let units = |value| self.channels.in_units(value);
        let (observed, expected) = match kind {
            ReasonKind::Spike | ReasonKind::Drop => (units(o.value), units(o.value - o.error)),
            ReasonKind::Level => (units(o.mean), units(self.channels.usual_level())),
            ReasonKind::Spread => self.channels.activities(),
            ReasonKind::Rhythm => (units(o.value), units(place.map_or(o.value, |place| place.expected))),
            ReasonKind::Stuck => (f64::from(o.run) + 1.0, self.extremes.longest_run() + 1.0),
        };
        AlarmReason { kind, observed, expected }
    }

    /// Latest time of its points, s; before the first, a time before all others.
    #[inline(always)] // speed
    #[must_use]
    pub fn latest_s(&self) -> f64 {
        if self.seen > 0 { self.spacing.now_s() } else { f64::NEG_INFINITY }
    }

    /// Goes on from `time_s` although later points came: the clock of the series was wrong. What was learned stays.
    #[cold]
    pub fn rewind(&mut self, time_s: Finite) {
        let time_s = time_s.get();
        self.spacing.rewind(time_s);
        self.incidents.rewind(time_s);
        self.calibration.rewind(time_s);
        if let Some(season) = &mut self.season {
            season.rewind(time_s);
        }
    }

    /// The season known now.
    #[must_use]
    pub fn season(&self) -> Option<Period> {
        self.season.as_ref().map(|season| season.period())
    }

    /// Bytes that a series occupies at most: with a season of a week.
    #[must_use]
    pub const fn most_bytes() -> usize {
        size_of::<Self>() + Season::most_bytes()
    }

    /// Bytes this series occupies, heap included.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.season.as_ref().map_or(0, |season| season.memory_bytes())
    }

    /// Appends the state: a restored series scores exactly as this one would.
    pub fn save(&self, w: &mut Writer<'_>) {
        w.u8(VERSION);
        w.u32(self.t);
        w.u32(self.seen);
        self.spacing.save(w);
        self.channels.save(w);
        self.extremes.save(w);
        self.detector.save(w);
        self.calibration.save(w);
        self.incidents.save(w);
        w.u8(u8::from(self.season.is_some()));
        if let Some(season) = &self.season {
            season.save(w);
        }
    }

    /// Reads a saved state.
    ///
    /// # Errors
    /// [`CodecError`] when the bytes are cut, of another version, or hold what `save` cannot have written.
    pub fn restore(_spec: &CalibratedSpec, r: &mut Reader<'_>) -> Result<Self, CodecError> {
        const WHAT: &str = "calibrated score";
        if r.u8(WHAT)? != VERSION {
            return Err(CodecError::Invalid { what: WHAT });
        }
        let mut series = Self::new(_spec);
        series.t = r.u32(WHAT)?;
        series.seen = r.u32(WHAT)?;
        series.spacing = PointSpacing::restore(r)?;
        series.channels = Channels::restore(r)?;
        series.extremes = Extremes::restore(r)?;
        series.detector = SeasonDetector::restore(r)?;
        series.calibration = Calibration::restore(r)?;
        series.incidents = Incidents::restore(r)?;
        series.season = match r.u8(WHAT)? {
            0 => None,
            1 => Some(Box::new(Season::restore(r)?)),
            _ => return Err(CodecError::Invalid { what: WHAT }),
        };
        Ok(series)
    }
}
