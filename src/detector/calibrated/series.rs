//! The calibrated score of one series: channels -> extremes -> calibration -> time -> alarm.

use super::super::numeric::Finite;
use super::age::{Measure, PointContext, WARM_UP};
use super::calibration::{ALARM, Calibration, CalibrationRule, SCORE};
use super::channels::{ChannelValues, Channels};
use super::extremes::{Extremes, NONE_RARE, RUN_BIT};
use super::incident::Incidents;
use super::period::Period;
use super::season::Season;
use super::season_detector::{SOONEST_S, SeasonDetector};
use super::spacing::PointSpacing;
use super::spec::CalibratedSpec;
use super::stay::Stay;
use super::verdict::{Judged, Rarity};
use crate::codec::{CodecError, Reader, Writer};
use crate::detector::min_max::{larger, smaller};

/// Bit of the season in `Tuning::channels`.
const SEASON_BIT: u32 = RUN_BIT << 1;
/// First byte of a saved state.
const VERSION: u8 = 5;
/// Oldest version that is read: it knew nothing of stays, which begin anew.
const OLDEST: u8 = 3;
/// First version that knows how much a spread varies, and the lowest knots.
const WHOLE: u8 = 5;

/// Streaming state of one series: everything that is known about it, in about 2 kB, and 1 kB more where a
/// season is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibrated {
    /// Point number, wrapping: only differences and blocks count.
    t: u32,
    /// Points seen, saturating.
    pub(super) seen: u32,
    pub(super) spacing: PointSpacing,
    pub(super) channels: Channels,
    detector: SeasonDetector,
    pub(super) season: Option<Box<Season>>,
    /// What the score is read from: each record counts whole.
    pub(super) score: Memory,
    /// What alarms are read from: records are learned winsorised and weighed by their size.
    pub(super) alarm: Memory,
    /// Of alarms as well.
    pub(super) stay: Stay,
    pub(super) incidents: Incidents,
}

/// Extremes, and how often incidents were that rare.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Memory {
    pub(super) extremes: Extremes,
    pub(super) calibration: Calibration,
}

impl Memory {
    const fn new() -> Self {
        Self { extremes: Extremes::new(), calibration: Calibration::new() }
    }

    fn save(&self, w: &mut Writer<'_>) {
        self.extremes.save(w);
        self.calibration.save(w);
    }

    fn restore(r: &mut Reader<'_>, whole: bool, rule: &CalibrationRule) -> Result<Self, CodecError> {
        Ok(Self { extremes: Extremes::restore(r)?, calibration: Calibration::restore(r, whole, rule)? })
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
        match self.judge_next(spec, time_s, value, true) {
            Judged::TooYoung => None,
            Judged::Ordinary => Some(Rarity::ordinary(None)),
            Judged::Rare(rarity) => Some(rarity),
        }
    }

    /// The same, with less to write for an ordinary point. How rare a point is, besides its score, is told only where it
    /// alarms.
    #[inline(always)] // speed
    pub(crate) fn observe(&mut self, spec: &CalibratedSpec, time_s: Finite, value: Finite) -> Judged {
        self.judge_next(spec, time_s, value, false)
    }

    #[inline(never)] // stack
    fn judge_next(&mut self, spec: &CalibratedSpec, time_s: Finite, value: Finite, is_whole: bool) -> Judged {
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
        let known_s = self.spacing.known_s();
        if tuning.channels & SEASON_BIT != 0
            && self.detector.observe(time_s, known_s, o.value)
            && (known_s > SOONEST_S || self.season.is_some())
        {
            self.find(time_s, at.resolution);
        }
        let first = Extremes::first_rare(&mut self.alarm.extremes, &mut self.score.extremes, &o, &at);
        let stays = self.stay.observe(o.value, self.channels.usual_level(), tuning);
        self.t = self.t.wrapping_add(1);
        self.seen = self.seen.saturating_add(1);
        if first != NONE_RARE || stays || self.season.is_some() {
            return self.judge(spec, time_s, first, stays, o, at, is_whole);
        }
        self.score.calibration.count(&SCORE);
        self.alarm.calibration.count(&ALARM);
        if at.seen < WARM_UP {
            return Judged::TooYoung;
        }
        match self.incidents.rest(self.spacing.now_s(), spec.hold_s()) {
            None => Judged::Ordinary,
            ended => Judged::Rare(Rarity::ordinary(ended)),
        }
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
        series.channels = Channels::restore(r, version >= WHOLE)?;
        series.detector = SeasonDetector::restore(r)?;
        series.score = Memory::restore(r, version >= WHOLE, &SCORE)?;
        series.alarm = Memory::restore(r, version >= WHOLE, &ALARM)?;
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
