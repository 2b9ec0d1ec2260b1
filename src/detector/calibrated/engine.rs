//! The calibrated score of one series: channels -> ages -> ladder -> time -> alarm.

use super::super::numeric::Finite;
use super::age::{Measure, Moment, Side, WARM_UP};
use super::channels::{Channels, Observed};
use super::clock::Clock;
use super::finder::{Finder, Period};
use super::incident::{AlarmEvent, Incidents};
use super::ladder::Ladder;
use super::order::{larger, smaller};
use super::reason::{Evidence, Kind, Reason};
use super::season::{Place, Season};
use super::spec::{CalibratedSpec, Tuning};

use crate::codec::{CodecError, Reader, Writer};

/// How rare one point is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rarity {
    /// 0..1: `s / (s + 4)`, where `s` is the log10 of the geometric mean of the return time in points and in
    /// minutes; 0.5 is one in 10 000. A point that only repeats a running incident is not rare any more.
    pub score: f64,
    /// log10 of the points between two incidents as rare as this; 0 for an ordinary point.
    pub log10_points: f64,
    /// log10 of the seconds between two incidents as rare as this, from the series' own point spacing.
    pub log10_s: f64,
    /// The point is rarer than the budget allows for, or continues an alarm by being so.
    pub is_alarm: bool,
    /// An alarm begins or ends here.
    pub alarm: Option<AlarmEvent>,
    /// Why; present when `is_alarm`.
    pub reason: Option<Reason>,
}

impl Rarity {
    /// What nearly every point is.
    #[inline(always)]
    const fn ordinary(alarm: Option<AlarmEvent>) -> Self {
        Self { score: 0.0, log10_points: 0.0, log10_s: 0.0, is_alarm: false, alarm, reason: None }
    }
}

/// Two-sided channels: value, mean, activity, error.
const TWO_SIDED: usize = 4;
/// Sides that share the chance of a false alarm: those of the channels and of the run, and those of a season.
pub(super) const LOG10_SIDES: f64 = 0.954_242_509_439_324_9; // of 9
pub(super) const LOG10_SEASON_SIDES: f64 = 1.113_943_352_306_836_7; // of 13
/// Shortest longest-run that is told apart, points.
const RUN_FLOOR: f64 = 12.0;
/// Multiple of the points known beyond which no point is called rare.
const KNOWN_TIMES: f64 = 10.0;
/// Decades that score one half.
const HALF: f64 = 4.0;
/// Ratios closer to one than this are none.
const RATIO: f32 = 1e-4;
/// What remains of the rarity at which an echo begins.
const ECHO_REST: f64 = 0.9;
/// Bits of [`Tuning::channels`].
const RUN_BIT: u32 = 1 << TWO_SIDED;
const SEASON_BIT: u32 = 1 << (TWO_SIDED + 1);
/// Points from which on a moving mean is one, and an error one of a prediction. Before, a mean is as wild as a single
/// point: the extremes of the first minutes would stand over the channel for weeks.
const MEAN_FROM: u32 = WARM_UP;
const ERROR_FROM: u32 = 1;
/// The spread has a third of a side's weight, in decades: a series changes its spread for many a good reason.
const HANDICAP: f64 = 0.5;
/// Number of the run's side, behind high and low of each channel, and of none.
const RUN_SIDE: usize = 2 * TWO_SIDED;
const NONE_RARE: usize = RUN_SIDE + 1;
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
    clock: Clock,
    channels: Channels,
    /// High and low of each two-sided channel.
    sides: [[Side; 2]; TWO_SIDED],
    run: Side,
    finder: Finder,
    season: Option<Box<Season>>,
    ladder: Ladder,
    incidents: Incidents,
}

impl Calibrated {
    /// A series nothing is known about.
    #[must_use]
    pub fn new(_spec: &CalibratedSpec) -> Self {
        Self {
            t: 0,
            seen: 0,
            clock: Clock::new(0.0),
            channels: Channels::new(0.0),
            sides: [const { [const { Side::new() }; 2] }; TWO_SIDED],
            run: Side::new(),
            finder: Finder::new(),
            season: None,
            ladder: Ladder::new(),
            incidents: Incidents::new(),
        }
    }

    /// Scores the next point, then learns it. `None` for the first 30 points.
    ///
    /// `time_s` is the point's own time in seconds (UTC where seasons matter); it may stand still, and where it
    /// runs back the point counts without moving the clock.
    ///
    /// ```
    /// use fluent_anomaly::detector::Finite;
    /// use fluent_anomaly::detector::calibrated::{Calibrated, CalibratedSpec};
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
            self.clock = Clock::new(time_s);
            self.channels = Channels::new(value);
        } else {
            self.clock.tick(time_s);
        }
        let [fewest, most] = tuning.window_points;
        let window = smaller(larger(tuning.window_s / self.clock.spacing_s(), fewest), most);
        let o = if self.seen == 0 {
            Observed { value: 0.0, mean: 0.0, activity: 0.0, error: 0.0, run: 0 }
        } else {
            self.channels.observe(value, f64::from(self.seen), window, tuning)
        };
        let at = Moment {
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
        if tuning.channels & SEASON_BIT != 0 && self.finder.observe(time_s, self.clock.known_s(), o.value) {
            self.find(time_s, at.resolution);
        }
        let first = self.first_rare(&o, &at);
        self.t = self.t.wrapping_add(1);
        self.seen = self.seen.saturating_add(1);
        if first != NONE_RARE || self.season.is_some() {
            return self.judge(spec, time_s, first, o, at);
        }
        self.ladder.count();
        if at.seen < WARM_UP {
            return None;
        }
        let alarm = self.incidents.rest(self.clock.now_s(), spec.budget, tuning.hold_s);
        Some(Rarity::ordinary(alarm))
    }

    #[inline(never)]
    fn close_blocks(&mut self, block: u32) {
        let t = self.t;
        self.sides.iter_mut().flatten().for_each(|side| side.close_blocks(t, block));
        self.run.close_blocks(t, block);
        if let Some(season) = &mut self.season {
            season.close_blocks(t, block);
        }
    }

    /// Which period is known now.
    #[inline(never)]
    fn find(&mut self, time_s: f64, resolution: f32) {
        let known = self.season();
        let found = self.finder.best(self.clock.known_s(), resolution, known);
        if found != known {
            self.season = found.map(|period| Box::new(Season::new(period, time_s, self.season.as_deref())));
        }
    }

    /// Takes the point in on one side after the other, up to the first on which it may be rare: that side's number.
    #[inline(always)]
    fn first_rare(&mut self, o: &Observed, at: &Moment) -> usize {
        let [[value, below], [mean, mean_below], [activity, lull], [error, error_below]] = &mut self.sides;
        let y = o.value as f32;
        if !value.takes(y, at.resolution, at.seen) {
            return 0;
        }
        if !below.takes(-y, at.resolution, at.seen) {
            return 1;
        }
        if at.seen >= MEAN_FROM {
            let seen = at.seen - MEAN_FROM;
            let y = o.mean as f32;
            if !mean.takes(y, at.resolution, seen) {
                return 2;
            }
            if !mean_below.takes(-y, at.resolution, seen) {
                return 3;
            }
            let y = positive(o.activity);
            if !activity.takes(y, RATIO * y, seen) {
                return 4;
            }
            if !lull.takes(-y, RATIO * y, seen) {
                return 5;
            }
        }
        if at.seen >= ERROR_FROM {
            let y = single(o.error);
            if !error.takes(y, at.resolution, at.seen - ERROR_FROM) {
                return 6;
            }
            if !error_below.takes(-y, at.resolution, at.seen - ERROR_FROM) {
                return 7;
            }
        }
        if self.run.takes(o.run as f32, 0.0, at.seen) { NONE_RARE } else { RUN_SIDE }
    }

    /// Raw rarities from side `first` on; the sides before it have taken the point in.
    fn evidence(
        &mut self,
        first: usize,
        o: &Observed,
        place: Option<Place>,
        at: &Moment,
        tuning: &Tuning,
    ) -> Evidence {
        let channels = [
            (o.value as f32, Measure::Linear, 0),
            (o.mean as f32, Measure::Linear, MEAN_FROM),
            (positive(o.activity), Measure::Log, MEAN_FROM),
            (single(o.error), Measure::Linear, ERROR_FROM),
        ];
        let mut rarities = [[0.0f64; 2]; TWO_SIDED];
        for (bit, (((y, measure, from), [up, down]), rarity)) in
            channels.into_iter().zip(&mut self.sides).zip(&mut rarities).enumerate()
        {
            if first > 2 * bit + 1 || at.seen < from || tuning.channels & (1 << bit) == 0 {
                continue;
            }
            let seen = at.seen - from;
            let resolution = if measure == Measure::Log { RATIO * y } else { at.resolution };
            let at = &Moment { measure, resolution, seen, ..*at };
            if first <= 2 * bit {
                rarity[0] = up.rarity(y, Some(down), at, tuning);
            }
            rarity[1] = down.rarity(-y, Some(up), at, tuning);
        }
        let stuck = if first > RUN_SIDE || tuning.channels & RUN_BIT == 0 {
            0.0
        } else {
            let at = &Moment { resolution: 0.0, floor: RUN_FLOOR, ..*at };
            self.run.rarity(o.run as f32, None, at, tuning)
        };
        let [value, mean, activity, error] = rarities;
        Evidence {
            stuck,
            spike: larger(value[0], error[0]),
            drop: larger(value[1], error[1]),
            rhythm: place.map_or(0.0, |place| place.rarity),
            level: larger(mean[0], mean[1]),
            spread: larger(larger(activity[0], activity[1]) - HANDICAP, 0.0),
        }
    }

    /// Scores a point that may be rare, or has a place in a season; `at` is the moment before it. By value: an
    /// ordinary point then never stores what only this needs.
    #[inline(never)]
    fn judge(
        &mut self,
        spec: &CalibratedSpec,
        time_s: f64,
        first: usize,
        o: Observed,
        at: Moment,
    ) -> Option<Rarity> {
        let tuning = &spec.tuning;
        let place = self.season.as_mut().and_then(|season| season.judge(time_s, o.value, &at, tuning));
        let evidence = self.evidence(first, &o, place, &at, tuning);
        let strongest = evidence.strongest();
        let sides = if place.is_some() { LOG10_SEASON_SIDES } else { LOG10_SIDES };
        let raw = if strongest > 0.0 { strongest - sides } else { 0.0 };
        let now_s = self.clock.now_s();
        let log10_points = self.ladder.calibrate(now_s, raw, tuning.hold_s, tuning.window_s);
        if at.seen < WARM_UP {
            return None;
        }
        Some(self.verdict(spec, log10_points, &o, place, &evidence))
    }

    fn verdict(
        &mut self,
        spec: &CalibratedSpec,
        log10_points: f64,
        o: &Observed,
        place: Option<Place>,
        evidence: &Evidence,
    ) -> Rarity {
        let hold_s = spec.tuning.hold_s;
        let (now_s, known_s) = (self.clock.now_s(), self.clock.known_s());
        let mut rarity = Rarity::ordinary(None);
        if log10_points > 0.0 {
            rarity.log10_points = self.within_knowledge(log10_points);
            let spacing = self.clock.log10_spacing();
            rarity.log10_s = larger(rarity.log10_points + spacing, 0.0);
            // geometric mean of points and minutes: evidence comes in points, attention is paid in time
            let mut mean = larger(rarity.log10_points + 0.5 * (spacing - LOG10_MINUTE), 0.0);
            if mean >= spec.tuning.echo && self.incidents.echoes(now_s, mean, hold_s) {
                mean = spec.tuning.echo * ECHO_REST;
            }
            rarity.score = mean / (mean + HALF);
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

    fn reason(&self, kind: Kind, o: &Observed, place: Option<Place>) -> Reason {
        let units = |value| self.channels.in_units(value);
        let (observed, expected) = match kind {
            Kind::Spike | Kind::Drop => (units(o.value), units(o.value - o.error)),
            Kind::Level => (units(o.mean), units(self.channels.usual_level())),
            Kind::Spread => self.channels.activities(),
            Kind::Rhythm => (units(o.value), units(place.map_or(o.value, |place| place.expected))),
            Kind::Stuck => (f64::from(o.run) + 1.0, f64::from(self.run.before()) + 1.0),
        };
        Reason { kind, observed, expected }
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
        self.clock.save(w);
        self.channels.save(w);
        self.sides.iter().flatten().for_each(|side| side.save(w));
        self.run.save(w);
        self.finder.save(w);
        self.ladder.save(w);
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
        series.clock = Clock::restore(r)?;
        series.channels = Channels::restore(r)?;
        for side in series.sides.iter_mut().flatten() {
            *side = Side::restore(r)?;
        }
        series.run = Side::restore(r)?;
        series.finder = Finder::restore(r)?;
        series.ladder = Ladder::restore(r)?;
        series.incidents = Incidents::restore(r)?;
        series.season = match r.u8(WHAT)? {
            0 => None,
            1 => Some(Box::new(Season::restore(r)?)),
            _ => return Err(CodecError::Invalid { what: WHAT }),
        };
        Ok(series)
    }
}

/// log10 of a minute in seconds.
const LOG10_MINUTE: f64 = 1.778_151_250_383_643_6;

/// Single precision, without infinities.
fn single(value: f64) -> f32 {
    smaller(larger(value, f64::from(f32::MIN)), f64::from(f32::MAX)) as f32
}

/// The same of a positive number, which stays positive.
fn positive(value: f64) -> f32 {
    smaller(larger(value, f64::from(f32::MIN_POSITIVE)), f64::from(f32::MAX)) as f32
}
