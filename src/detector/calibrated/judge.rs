//! The verdict on a point that may be rare, or that has a place in a season.

use super::age::{PointContext, Record, WARM_UP};
use super::calibration::{ALARM, CalibrationContext, SCORE};
use super::channels::ChannelValues;
use super::incident::AlarmContext;
use super::reason::{AlarmReason, ReasonKind, ReasonRarities, Sizes};
use super::season::SeasonalRarity;
use super::series::Calibrated;
use super::spec::{CalibratedSpec, Tuning};
use super::verdict::{self, Judged, Rarity};
use crate::detector::min_max::{larger, smaller};

/// Extremes that share the chance of a false alarm: those of the channels and of the run, and those of a season.
pub(super) const LOG10_SIDES: f64 = 0.954_242_509_439_324_9; // of 9
pub(super) const LOG10_SEASON_SIDES: f64 = 1.113_943_352_306_836_7; // of 13
/// Multiple of the points known beyond which no point is called rare.
const KNOWN_TIMES: f64 = 5.0;
/// Smallest distance from the prediction that says how large an incident is, usual deviations: below, a step is one of
/// many.
const LEAST_ERROR: f64 = 2.0;
/// Runs as long as the longest that a series must have lived through before another one can be too long: what has moved
/// once has no usual run.
const LEAST_RUNS: f64 = 4.0;
/// Fewest equal values in a row that may be a sensor that stands still: rounded noise has three or four.
const LEAST_RUN: u32 = 10;
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

/// What a value is compared with, measured from the first value, and how far it is from that, usual deviations.
#[derive(Debug, Clone, Copy)]
struct Usual {
    value: f64,
    size: f64,
    /// What the moving mean is compared with.
    level: f64,
}

/// A point and what it is compared with.
#[derive(Clone, Copy)]
struct PointAtHand<'a> {
    o: &'a ChannelValues,
    /// The moment before the point.
    at: &'a PointContext,
    place: Option<SeasonalRarity>,
    /// A step towards the place in the season is the way back from something, not something new.
    is_way_back: bool,
}

impl Calibrated {
    /// Scores a point that may be rare, or has a place in a season; `first`: the first side that may be rare; `stays`: its
    /// stay may be; `at` is the moment before the point. By value: an ordinary point then never stores what only this needs.
    /// `is_whole`: how rare a point is, is told even where it is far from an alarm.
    #[inline(never)] // stack
    #[expect(clippy::too_many_arguments, reason = "one by one: what is handed over whole stands in memory")]
    pub(super) fn judge(
        &mut self,
        spec: &CalibratedSpec,
        time_s: f64,
        first: usize,
        stays: bool,
        o: ChannelValues,
        mut at: PointContext,
        is_whole: bool,
    ) -> Judged {
        let tuning = &spec.tuning;
        let spacing_s = self.spacing.spacing_s();
        let moment = CalibrationContext {
            now_s: self.spacing.now_s(),
            hold_s: tuning.score_hold_s,
            climb_s: tuning.score_hold_s,
            advance: f64::INFINITY,
        };
        let raw = self.score.extremes.evidence(first, &o, &at, tuning).strongest();
        let raw = if raw > LOG10_SIDES { raw - LOG10_SIDES } else { 0.0 };
        let score_points = self.score.calibration.calibrate(raw, &moment, &SCORE);

        at.winsorised = true;
        let place =
            self.season.as_mut().and_then(|season| season.judge(time_s, o.value, spacing_s, &at, tuning));
        let predicted = o.value - o.error;
        let is_way_back =
            place.is_some_and(|place| (o.value - place.expected).abs() < (predicted - place.expected).abs());
        let point = PointAtHand { o: &o, at: &at, place, is_way_back };
        let mut rarities = self.alarm.extremes.evidence(first, &o, &at, tuning);
        if is_way_back {
            rarities.spike = rarities.high;
            rarities.drop = rarities.low;
        }
        rarities.rhythm = place.map_or(Record::NONE, |place| place.record);
        // mean, spread and stay only follow a value that stands still: that it does is all there is to say
        let stands_still = f64::from(o.run) > at.window;
        if stands_still {
            rarities.level = Record::NONE;
            rarities.spread = Record::NONE;
        }
        rarities.weigh(PointSizes { series: self, point, tuning }, tuning);
        // what has lasted for a day is no news
        let mut stays_longer = false;
        if stays {
            let (stay, times) = self.stay.judge(&at, tuning);
            let is_told = !stands_still && self.stay.points() * spacing_s <= LONGEST_STAY_S;
            stays_longer = is_told && rarities.weigh_stay(stay, times, tuning);
        }
        let sides = if place.is_some() { LOG10_SEASON_SIDES } else { LOG10_SIDES };
        let moment = CalibrationContext {
            hold_s: spec.incident_s(),
            climb_s: tuning.window_s,
            advance: spec.advance_s() / spacing_s,
            ..moment
        };
        let raw = rarities.strongest() - sides;
        let needed = spec.budget.period_s() / spacing_s;
        let calibration = &mut self.alarm.calibration;
        let alarm_points = if !is_whole && calibration.is_common(raw, needed, &ALARM) {
            calibration.learn(raw, &moment, &ALARM);
            0.0
        } else {
            calibration.calibrate(raw, &moment, &ALARM)
        };
        if at.seen < WARM_UP {
            return Judged::TooYoung;
        }
        let mut rarity = Rarity::ordinary(None);
        if alarm_points > 0.0 {
            rarity.log10_points = self.within_knowledge(alarm_points);
            rarity.log10_s = larger(rarity.log10_points + self.spacing.log10_spacing(), 0.0);
            let is_old = self.spacing.known_s() >= OLD_S;
            let points = if is_old { alarm_points } else { rarity.log10_points };
            rarity.unbounded_log10_s = larger(points + self.spacing.log10_spacing(), 0.0);
        }
        if spec.budget.allows(rarity.log10_s) {
            self.alarm(spec, &mut rarity, rarities, point, stays_longer);
        } else {
            rarity.alarm = self.incidents.rest(self.spacing.now_s(), spec.hold_s());
        }
        let score_points = self.within_knowledge(score_points);
        rarity.score = self.score(score_points, tuning);
        Judged::Rare(rarity)
    }

    /// What the value is compared with: the one of the usual level, the prediction and the season that it is farthest
    /// from, in usual deviations.
    #[inline(never)] // speed: most points are not far from what is usual
    fn usual(&self, point: PointAtHand<'_>, tuning: &Tuning) -> Usual {
        let PointAtHand { o, place, is_way_back, .. } = point;
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

    /// Whether a point that is rare enough alarms, and why. `stays_longer`: its stay on one side of the centre is what is
    /// rare.
    #[inline(never)] // stack
    fn alarm(
        &mut self,
        spec: &CalibratedSpec,
        rarity: &mut Rarity,
        rarities: ReasonRarities,
        point: PointAtHand<'_>,
        stays_longer: bool,
    ) {
        let PointAtHand { o, at, place, .. } = point;
        let mut usual = self.usual(point, &spec.tuning);
        if stays_longer {
            usual.level = self.stay.centre();
        }
        let (kind, lasts) = rarities.kind();
        let is_slow = lasts > TREND_AFTER * at.window
            || self.has_drifted(o, kind)
            || kind == ReasonKind::Rhythm && place.is_some_and(|place| place.drifts);
        let of_value = !matches!(kind, ReasonKind::Spread | ReasonKind::Stuck);
        let context = AlarmContext {
            now_s: self.spacing.now_s(),
            known_s: self.spacing.known_s(),
            log10_s: rarity.log10_s,
            hold_s: spec.hold_s(),
            advance_s: spec.advance_s(),
            value: if of_value { o.value } else { f64::NAN },
            usual: if of_value { usual.value } else { f64::NAN },
            // a sensor that stands still is no trace of what its value did before
            size: if kind == ReasonKind::Stuck { self.run_ratio(o) } else { usual.size },
            // of a level it is the mean that comes back, behind the value
            predicted: if kind == ReasonKind::Level { o.mean } else { o.value - o.error },
        };
        (rarity.is_alarm, rarity.alarm) = self.incidents.alarm(&context, spec.budget);
        if rarity.is_alarm {
            rarity.size = larger(usual.size, self.own_size(kind, point, &spec.tuning));
            // what began with a jump has not drifted away
            let is_slow = self.incidents.drifts(is_slow, rarity.alarm.is_some());
            rarity.reason = Some(self.reason(kind, is_slow, o, usual, place));
        }
    }

    /// How large an incident is by its kind, where that is none of the value.
    fn own_size(&self, kind: ReasonKind, point: PointAtHand<'_>, tuning: &Tuning) -> f64 {
        let sizes = PointSizes { series: self, point, tuning };
        match kind {
            ReasonKind::Spread => sizes.of_spread(),
            ReasonKind::Level => sizes.of_mean(),
            ReasonKind::Stuck => self.run_ratio(point.o),
            _ => 0.0,
        }
    }

    /// The run in progress over the longest one before it.
    fn run_ratio(&self, o: &ChannelValues) -> f64 {
        (f64::from(o.run) + 1.0) / (self.alarm.extremes.longest_run() + 1.0)
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

    /// No point is called rarer than some times the points known.
    #[inline(always)] // speed
    fn within_knowledge(&self, log10_points: f64) -> f64 {
        // log10(n) is at least 0.301 floor(log2 n): mostly no logarithm is needed to know which is smaller
        let doublings = 31 - (self.seen | 1).leading_zeros();
        if log10_points <= 0.301 * f64::from(doublings) {
            return log10_points;
        }
        smaller(log10_points, libm::log10(KNOWN_TIMES * f64::from(self.seen)))
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
}

/// How large the deviation of a point is, asked where it counts.
#[derive(Clone, Copy)]
struct PointSizes<'a> {
    series: &'a Calibrated,
    point: PointAtHand<'a>,
    tuning: &'a Tuning,
}

impl PointSizes<'_> {
    fn step(&self) -> f64 {
        self.tuning.resolution_share * self.series.channels.smallest_step()
    }
}

impl Sizes for PointSizes<'_> {
    fn of_value(&self) -> f64 {
        self.series.usual(self.point, self.tuning).size
    }

    #[inline(always)] // speed
    fn of_season(&self) -> f64 {
        self.point.place.map_or(0.0, |place| place.size)
    }

    #[inline(always)] // speed
    fn of_mean(&self) -> f64 {
        self.series.channels.mean_size(self.point.o, self.step(), self.point.at.window)
    }

    #[inline(always)] // speed
    fn of_spread(&self) -> f64 {
        self.series.channels.spread_size(self.step(), self.point.at.window)
    }

    #[inline(always)] // speed
    fn of_run(&self) -> f64 {
        // a few equal values say nothing of a sensor
        let run = self.point.o.run;
        let before = f64::from(self.series.seen.wrapping_sub(run));
        let longest = self.series.alarm.extremes.longest_run();
        if run + 1 >= LEAST_RUN && before >= LEAST_RUNS * (longest + 1.0) {
            self.series.run_ratio(self.point.o)
        } else {
            0.0
        }
    }
}
