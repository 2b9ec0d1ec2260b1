//! The calibrated score of one series: channels -> extremes -> calibration -> time -> alarm.

use super::super::numeric::Finite;
use super::age::{Measure, PointContext, Record, WARM_UP};
use super::calibration::{ALARM, Calibration, CalibrationContext, SCORE};
use super::channels::{ChannelValues, Channels};
use super::extremes::{Extremes, NONE_RARE, RUN_BIT};
use super::incident::{AlarmContext, Incidents};
use super::period::Period;
use super::reason::{AlarmReason, ReasonKind, Sizes};
use super::season::{Season, SeasonalRarity};
use super::season_detector::SeasonDetector;
use super::spacing::PointSpacing;
use super::spec::{CalibratedSpec, Tuning};
use super::stay::Stay;
use super::verdict::{self, Rarity};
use crate::codec::{CodecError, Reader, Writer};
use crate::detector::min_max::{larger, smaller};

/// Extremes that share the chance of a false alarm: those of the channels and of the run, and those of a season.
pub(super) const LOG10_SIDES: f64 = 0.954_242_509_439_324_9; // of 9
pub(super) const LOG10_SEASON_SIDES: f64 = 1.113_943_352_306_836_7; // of 13
/// Multiple of the points known beyond which no point is called rare, by the score and by alarms.
const SCORE_KNOWN_TIMES: f64 = 10.0;
const ALARM_KNOWN_TIMES: f64 = 5.0;
/// Smallest distance from the prediction that says how large an incident is, usual deviations: below, a step is one of
/// many.
const LEAST_ERROR: f64 = 4.0;
/// Windows after which what climbs is a trend.
const TREND_AFTER: f64 = 2.0;
/// Share of the way that the mean has gone when a value is part of a drift.
const DRIFTED: f64 = 0.5;
/// Age from which on rarity may be told without the bound of what is known, s.
const OLD_S: f64 = 2.0 * 86_400.0;
/// Longest stay on one side of the centre that is told, s.
const LONGEST_STAY_S: f64 = 86_400.0;
/// log10 of a minute in seconds.
const LOG10_MINUTE: f64 = 1.778_151_250_383_643_6;
/// What remains of the rarity at which an echo begins.
const ECHO_REST: f64 = 0.9;
/// Bit of the season in `Tuning::channels`.
const SEASON_BIT: u32 = RUN_BIT << 1;
/// First byte of a saved state.
const VERSION: u8 = 4;
/// Oldest version that is read: it knew nothing of stays, which begin anew.
const OLDEST: u8 = 3;

/// What a value is compared with, measured from the first value, and how far it is from that, usual deviations.
#[derive(Debug, Clone, Copy)]
struct Usual {
    value: f64,
    size: f64,
    /// What the moving mean is compared with.
    level: f64,
}

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
    detector: SeasonDetector,
    season: Option<Box<Season>>,
    /// What the score is read from: each record counts whole.
    score: Memory,
    /// What alarms are read from: records are learned winsorised and weighed by their size.
    alarm: Memory,
    /// Of alarms as well.
    stay: Stay,
    incidents: Incidents,
}

/// Extremes, and how often incidents were that rare.
#[derive(Debug, Clone, PartialEq)]
struct Memory {
    extremes: Extremes,
    calibration: Calibration,
}

impl Memory {
    const fn new() -> Self {
        Self { extremes: Extremes::new(), calibration: Calibration::new() }
    }

    fn save(&self, w: &mut Writer<'_>) {
        self.extremes.save(w);
        self.calibration.save(w);
    }

    fn restore(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self { extremes: Extremes::restore(r)?, calibration: Calibration::restore(r)? })
    }
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
            detector: SeasonDetector::new(),
            season: None,
            score: Memory::new(),
            alarm: Memory::new(),
            stay: Stay::new(),
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
            quantum: self.channels.smallest_step(),
            winsorised: false,
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
        // written out: as a map over both it is three calls
        let first = [self.score.extremes.first_rare(&o, &at), self.alarm.extremes.first_rare(&o, &at)];
        let stays = self.stay.observe(o.value, self.channels.usual_level(), tuning);
        self.t = self.t.wrapping_add(1);
        self.seen = self.seen.saturating_add(1);
        if first != [NONE_RARE; 2] || stays || self.season.is_some() {
            return self.judge(spec, time_s, first, stays, o, at);
        }
        self.score.calibration.count(&SCORE);
        self.alarm.calibration.count(&ALARM);
        if at.seen < WARM_UP {
            return None;
        }
        let alarm = self.incidents.rest(self.spacing.now_s(), spec.hold_s());
        Some(Rarity::ordinary(alarm))
    }

    #[inline(never)] // speed: rarely needed
    fn close_blocks(&mut self, block: u32) {
        let t = self.t;
        self.score.extremes.close_blocks(t, block);
        self.alarm.extremes.close_blocks(t, block);
        self.stay.close_blocks(t, block);
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
            let known = self.season.take();
            self.season = found.map(|period| {
                let shorter = known.filter(|known| known.period() < period);
                let guess = |at_s: f64| {
                    shorter
                        .as_ref()
                        .map_or_else(|| self.detector.mean_at(period, at_s), |known| known.mean_at(at_s))
                };
                Box::new(Season::new(period, time_s, guess))
            });
        }
    }

    /// Scores a point that may be rare, or has a place in a season; `first`: the first side that may be rare in each
    /// memory; `stays`: its stay may be; `at` is the moment before the point. By value: an ordinary point then never stores what only this needs.
    #[inline(never)] // stack
    fn judge(
        &mut self,
        spec: &CalibratedSpec,
        time_s: f64,
        first: [usize; 2],
        stays: bool,
        o: ChannelValues,
        at: PointContext,
    ) -> Option<Rarity> {
        let tuning = &spec.tuning;
        let spacing_s = self.spacing.spacing_s();
        let moment = CalibrationContext {
            now_s: self.spacing.now_s(),
            hold_s: tuning.score_hold_s,
            climb_s: tuning.window_s,
            advance: f64::INFINITY,
        };
        let [first_score, first_alarm] = first;
        let rarities = self.score.extremes.evidence(first_score, &o, &at, tuning);
        let raw = if rarities.strongest() > LOG10_SIDES { rarities.strongest() - LOG10_SIDES } else { 0.0 };
        let score_points = self.score.calibration.calibrate(raw, &moment, &SCORE);

        let at = PointContext { winsorised: true, ..at };
        let place =
            self.season.as_mut().and_then(|season| season.judge(time_s, o.value, spacing_s, &at, tuning));
        let predicted = o.value - o.error;
        // a step towards the place in the season is the way back from something, not something new
        let is_way_back =
            place.is_some_and(|place| (o.value - place.expected).abs() < (predicted - place.expected).abs());
        let mut rarities = self.alarm.extremes.evidence(first_alarm, &o, &at, tuning);
        if is_way_back {
            rarities.spike = rarities.high;
            rarities.drop = rarities.low;
        }
        rarities.rhythm = place.map_or(Record::NONE, |place| place.record);
        let mut usual = self.usual(&o, place, is_way_back, tuning);
        rarities.weigh(&self.sizes(&o, usual.size, place, &at, tuning), tuning);
        // a series that has never moved stays nowhere, and what has lasted for a day is no news
        if stays {
            let (stay, times) = self.stay.judge(&at, tuning);
            let is_told =
                self.channels.smallest_step() > 0.0 && self.stay.points() * spacing_s <= LONGEST_STAY_S;
            if is_told && rarities.weigh_stay(stay, times, tuning) {
                usual.level = self.stay.centre();
            }
        }
        let sides = if place.is_some() { LOG10_SEASON_SIDES } else { LOG10_SIDES };
        let moment =
            CalibrationContext { hold_s: spec.hold_s(), advance: spec.advance_s() / spacing_s, ..moment };
        let alarm_points = self.alarm.calibration.calibrate(rarities.strongest() - sides, &moment, &ALARM);
        if at.seen < WARM_UP {
            return None;
        }
        let mut rarity = Rarity::ordinary(None);
        if alarm_points > 0.0 {
            rarity.log10_points = self.within_knowledge(alarm_points, ALARM_KNOWN_TIMES);
            rarity.log10_s = larger(rarity.log10_points + self.spacing.log10_spacing(), 0.0);
            let is_old = self.spacing.known_s() >= OLD_S;
            let points = if is_old { alarm_points } else { rarity.log10_points };
            rarity.unbounded_log10_s = larger(points + self.spacing.log10_spacing(), 0.0);
        }
        let (kind, lasts) = rarities.kind();
        let is_slow = lasts > TREND_AFTER * at.window
            || self.has_drifted(&o, kind)
            || kind == ReasonKind::Rhythm && place.is_some_and(|place| place.drifts);
        self.alarm(spec, &mut rarity, &o, usual, place, kind, is_slow);
        let score_points = self.within_knowledge(score_points, SCORE_KNOWN_TIMES);
        rarity.score = self.score(score_points, tuning);
        Some(rarity)
    }

    /// What the value is compared with: the one of the usual level, the prediction and the season that it is farthest
    /// from, in usual deviations.
    fn usual(
        &self,
        o: &ChannelValues,
        place: Option<SeasonalRarity>,
        is_way_back: bool,
        tuning: &Tuning,
    ) -> Usual {
        let step = tuning.resolution_share * self.channels.smallest_step();
        let level = self.channels.usual_level();
        let mut usual = Usual { value: level, size: self.channels.size(o, step), level };
        if let Some(place) = place
            && place.size > usual.size
        {
            usual = Usual { value: place.expected, size: place.size, level };
        }
        let error_size = self.channels.error_size(o, step);
        if !is_way_back && error_size > larger(usual.size, LEAST_ERROR) {
            usual = Usual { value: o.value - o.error, size: error_size, level };
        }
        usual
    }

    /// Whether the mean has already gone most of the way to a value that lies high or low.
    fn has_drifted(&self, o: &ChannelValues, kind: ReasonKind) -> bool {
        let way = (o.value - self.channels.usual_level(), o.mean - self.channels.usual_level());
        matches!(kind, ReasonKind::Spike | ReasonKind::Drop)
            && way.0 * way.1 > 0.0
            && way.1.abs() >= DRIFTED * way.0.abs()
    }

    fn sizes(
        &self,
        o: &ChannelValues,
        value: f64,
        place: Option<SeasonalRarity>,
        at: &PointContext,
        tuning: &Tuning,
    ) -> Sizes {
        let step = tuning.resolution_share * self.channels.smallest_step();
        // what has never moved has no run to compare with
        let moves = self.channels.smallest_step() > 0.0;
        Sizes {
            value,
            season: place.map_or(0.0, |place| place.size),
            mean: self.channels.mean_size(o, step, at.window),
            spread: self.channels.spread_ratio(self.channels.smallest_step(), at.window),
            run: if moves {
                (f64::from(o.run) + 1.0) / (self.alarm.extremes.longest_run() + 1.0)
            } else {
                0.0
            },
        }
    }

    /// Whether the point alarms, and why.
    #[expect(clippy::too_many_arguments, reason = "all that is known of a point comes together here")]
    fn alarm(
        &mut self,
        spec: &CalibratedSpec,
        rarity: &mut Rarity,
        o: &ChannelValues,
        usual: Usual,
        place: Option<SeasonalRarity>,
        kind: ReasonKind,
        is_slow: bool,
    ) {
        let of_value = !matches!(kind, ReasonKind::Spread | ReasonKind::Stuck);
        let context = AlarmContext {
            now_s: self.spacing.now_s(),
            known_s: self.spacing.known_s(),
            log10_s: rarity.log10_s,
            hold_s: spec.hold_s(),
            advance_s: spec.advance_s(),
            value: if of_value { o.value } else { f64::NAN },
            usual: if of_value { usual.value } else { f64::NAN },
            size: usual.size,
            predicted: o.value - o.error,
        };
        (rarity.is_alarm, rarity.alarm) = self.incidents.alarm(&context, spec.budget);
        if rarity.is_alarm {
            rarity.size = usual.size;
            // what began with a jump has not drifted away
            let is_slow = self.incidents.drifts(is_slow, rarity.alarm.is_some());
            rarity.reason = Some(self.reason(kind, is_slow, o, usual, place));
        }
    }

    /// The score of a return time, log10 of points.
    fn score(&mut self, log10_points: f64, tuning: &Tuning) -> f64 {
        if log10_points <= 0.0 {
            return 0.0;
        }
        // geometric mean of points and minutes: evidence comes in points, attention is paid in time
        let spacing = self.spacing.log10_spacing();
        let mut mean = larger(log10_points + 0.5 * (spacing - LOG10_MINUTE), 0.0);
        if mean >= tuning.echo && self.incidents.echoes(self.spacing.now_s(), mean, tuning.score_hold_s) {
            mean = tuning.echo * ECHO_REST;
        }
        verdict::score(mean)
    }

    /// No point is called rarer than `times` the points known.
    fn within_knowledge(&self, log10_points: f64, times: f64) -> f64 {
        // log10(n) is at least 0.301 floor(log2 n): mostly no logarithm is needed to know which is smaller
        let doublings = 31 - (self.seen | 1).leading_zeros();
        if log10_points <= 0.301 * f64::from(doublings) {
            return log10_points;
        }
        smaller(log10_points, libm::log10(times * f64::from(self.seen)))
    }

    fn reason(
        &self,
        kind: ReasonKind,
        is_slow: bool,
        o: &ChannelValues,
        usual: Usual,
        place: Option<SeasonalRarity>,
    ) -> AlarmReason {
        let units = |value| self.channels.in_units(value);
        let is_seasonal = kind == ReasonKind::Rhythm;
        let place_or_usual = place.map_or(usual.value, |place| place.expected);
        let kind = match kind {
            ReasonKind::Spike | ReasonKind::Drop | ReasonKind::Rhythm | ReasonKind::Level if is_slow => {
                ReasonKind::Trend
            }
            ReasonKind::Spike | ReasonKind::Drop if o.value > usual.value => ReasonKind::Spike,
            ReasonKind::Spike | ReasonKind::Drop => ReasonKind::Drop,
            ReasonKind::Rhythm if place.is_some_and(|place| place.of_mean) => ReasonKind::Level,
            kind => kind,
        };
        let (observed, expected) = match kind {
            ReasonKind::Spike | ReasonKind::Drop | ReasonKind::Trend => (units(o.value), units(usual.value)),
            // away from the season for as long as its mean has moved
            ReasonKind::Level if is_seasonal => (units(o.value), units(place_or_usual)),
            ReasonKind::Level => (units(o.mean), units(usual.level)),
            ReasonKind::Spread => self.channels.activities(),
            ReasonKind::Rhythm => (units(o.value), units(place_or_usual)),
            ReasonKind::Stuck => (f64::from(o.run) + 1.0, self.alarm.extremes.longest_run() + 1.0),
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
        self.score.calibration.rewind(time_s);
        self.alarm.calibration.rewind(time_s);
        if let Some(season) = &mut self.season {
            season.rewind(time_s);
        }
    }

    #[cfg(test)]
    pub(super) fn stay(&self) -> &Stay {
        &self.stay
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
        self.detector.save(w);
        self.score.save(w);
        self.alarm.save(w);
        self.stay.save(w);
        self.incidents.save(w);
        w.u8(u8::from(self.season.is_some()));
        if let Some(season) = &self.season {
            season.save(w);
        }
    }

    /// Whether a saved state with this first byte is of a version that learned other things and is not read any more.
    #[must_use]
    pub fn is_outdated(first: u8) -> bool {
        (1..OLDEST).contains(&first)
    }

    /// Reads a saved state.
    ///
    /// # Errors
    /// [`CodecError`] when the bytes are cut, of another version, or hold what `save` cannot have written.
    pub fn restore(_spec: &CalibratedSpec, r: &mut Reader<'_>) -> Result<Self, CodecError> {
        const WHAT: &str = "calibrated score";
        let version = r.u8(WHAT)?;
        if !(OLDEST..=VERSION).contains(&version) {
            return Err(CodecError::Invalid { what: WHAT });
        }
        let mut series = Self::new(_spec);
        series.t = r.u32(WHAT)?;
        series.seen = r.u32(WHAT)?;
        series.spacing = PointSpacing::restore(r)?;
        series.channels = Channels::restore(r)?;
        series.detector = SeasonDetector::restore(r)?;
        series.score = Memory::restore(r)?;
        series.alarm = Memory::restore(r)?;
        if version > 3 {
            series.stay = Stay::restore(r)?;
        }
        series.incidents = Incidents::restore(r)?;
        series.season = match r.u8(WHAT)? {
            0 => None,
            1 => Some(Box::new(Season::restore(r)?)),
            _ => return Err(CodecError::Invalid { what: WHAT }),
        };
        Ok(series)
    }
}
