//! What is looked at: the value, its mean, its activity, its one-step error, and how long it has stood still.

use super::spec::Tuning;
use crate::codec::{CodecError, Reader, Writer};
use crate::detector::min_max::{larger, smaller, within};

/// Largest distance from the first value that is told apart: the memory holds single-precision numbers.
const FARTHEST: f64 = 1e38;
/// Errors learned by the predictor are cut at this many mean absolute errors.
const WINSOR: f64 = 4.0;

/// Standard deviation of a Gaussian error, 1.25 times its mean absolute value, as a divisor.
const SD_PER_MEAN_ERROR: f64 = 0.8;

/// How much slower the usual deviations of the moving mean and of the moving spread are learned than those of values: what
/// moves with a window says as much as a few values, and an hour of unrest would pass for usual while it lasts.
const SLOWER: f64 = 0.25;

/// What the rounding of sums leaves, as a share of the value: some hundred units in the last place. No step is that small.
const DUST: f64 = 1e-13;

/// Largest size that is told apart.
const MOST: f64 = 1e6;

/// Share of the usual step that is told apart.
const RESOLUTION: f64 = 1e-4;

/// Numbers of [`Channels`].
const NUMBERS: usize = 14;
/// As many as states of before version 5 hold.
const NUMBERS_BEFORE: usize = 13;
/// Variance of a moving spread of a Gaussian series over the square of its mean, about: where a saved state knows none.
const SPREAD_VARIANCE: f64 = 0.02;

/// Running estimates behind the channels. Everything is measured from the first value, so that single precision
/// keeps its resolution and an offset of the whole series changes nothing. 136 bytes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Channels {
    /// First value.
    anchor: f64,
    /// Previous value.
    previous: f64,
    /// Moving mean.
    mean: f64,
    /// Moving mean of absolute winsorised errors, 0..: the spread now.
    activity: f64,
    /// Discounted mean of absolute steps, 0..
    usual_step: f64,
    /// Discounted centre and covariances (lag 0 and 1) of the AR(1) predictor (SDAR of order 1).
    mu: f64,
    c0: f64,
    c1: f64,
    /// Discounted mean of absolute winsorised errors, 0..: the usual spread.
    scale: f64,
    /// Discounted mean square of what the moving mean differs from the usual level, 0..
    mean_square: f64,
    /// Smallest step that is not 0: the data's own resolution; 0 before there is one.
    smallest_step: f64,
    /// Smallest and largest value.
    low: f64,
    high: f64,
    /// Discounted mean square of what the activity differs from the usual spread, 0..
    spread_square: f64,
    /// Points in a row equal to the one before.
    run: u32,
}

/// The channels' values at one point, measured from the first value of the series.
#[derive(Debug, Clone, Copy)]
pub(super) struct ChannelValues {
    pub(super) value: f64,
    pub(super) mean: f64,
    /// Activity with a floor of a thousandth of the mean error, so that its ratio to a lull stays finite.
    pub(super) activity: f64,
    pub(super) error: f64,
    pub(super) run: u32,
}

impl Channels {
    pub(super) const fn new(x: f64) -> Self {
        Self {
            anchor: x,
            previous: 0.0,
            mean: 0.0,
            activity: 0.0,
            usual_step: 0.0,
            mu: 0.0,
            c0: 0.0,
            c1: 0.0,
            scale: 0.0,
            mean_square: 0.0,
            smallest_step: 0.0,
            low: 0.0,
            high: 0.0,
            spread_square: 0.0,
            run: 0,
        }
    }

    /// Learns the next value; `n` is the number of values before it, at least 1.
    #[inline]
    pub(super) fn observe(&mut self, x: f64, n: f64, window: f64, tuning: &Tuning) -> ChannelValues {
        let mut value = within(x - self.anchor, FARTHEST);
        let mut step = (value - self.previous).abs();
        if step <= DUST * smaller(x.abs(), FARTHEST) {
            (value, step) = (self.previous, 0.0);
        }
        if step > 0.0 && (step < self.smallest_step || self.smallest_step == 0.0) {
            self.smallest_step = step;
        }
        let rate = 1.0 / window;
        let share = 1.0 / (n + 1.0);
        let slow = larger(tuning.ar_rate, share);
        let slower = larger(SLOWER * tuning.ar_rate, share);
        self.mean += larger(rate, share) * (value - self.mean);
        self.usual_step += slow * (step - self.usual_step);
        let (error, learned) = self.predict(value, n, slow);
        self.activity += larger(rate, 1.0 / n) * (learned.abs() - self.activity);
        learn_square(&mut self.mean_square, self.mean - self.mu, n, slower);
        learn_square(&mut self.spread_square, self.activity - self.scale, n, slower);
        self.run = if step == 0.0 { self.run.saturating_add(1) } else { 0 };
        self.previous = value;
        self.low = smaller(value, self.low);
        self.high = larger(value, self.high);
        let activity = self.activity + 1e-3 * self.scale;
        ChannelValues { value, mean: self.mean, activity, error, run: self.run }
    }

    /// One-step AR(1) error, scored before it is learned, and what is learned of it: winsorised, so that one spike
    /// neither spoils the predictor for hours nor passes for a change of spread. No prediction leaves the range that
    /// the series has shown: with next to no variance the coefficient says nothing.
    #[inline(always)] // speed
    fn predict(&mut self, value: f64, n: f64, r: f64) -> (f64, f64) {
        let phi = if self.c0 > 0.0 { (self.c1 / self.c0).clamp(-0.9, 0.999) } else { 0.0 };
        let predicted = self.mu + phi * (self.previous - self.mu);
        let predicted = larger(smaller(predicted, self.high), self.low);
        let error = value - predicted;
        let limit = WINSOR * self.scale;
        let learned = if n > 10.0 && limit > 0.0 { within(error, limit) } else { error };
        let w = predicted + learned;
        self.mu += r * (w - self.mu);
        let (now, before) = (w - self.mu, self.previous - self.mu);
        self.c0 += r * (now * now - self.c0);
        self.c1 += r * (now * before - self.c1);
        self.scale += r * (learned.abs() - self.scale);
        (error, learned)
    }

    /// How far the value is from the usual level, in usual deviations, of which one is at least `step`.
    pub(super) fn size(&self, o: &ChannelValues, step: f64) -> f64 {
        ratio((o.value - self.mu).abs(), (self.c0 + step * step).sqrt())
    }

    /// How far the value is from the prediction, in usual deviations.
    pub(super) fn error_size(&self, o: &ChannelValues, step: f64) -> f64 {
        ratio(SD_PER_MEAN_ERROR * o.error.abs(), self.scale + step)
    }

    /// How far the mean is from the usual level, in its own usual deviations.
    pub(super) fn mean_size(&self, o: &ChannelValues, step: f64, window: f64) -> f64 {
        ratio((o.mean - self.mu).abs(), (self.mean_square + step * step / window).sqrt())
    }

    /// How far the spread is from the usual one, in its own usual deviations.
    pub(super) fn spread_size(&self, step: f64, window: f64) -> f64 {
        ratio((self.activity - self.scale).abs(), (self.spread_square + step * step / window).sqrt())
    }

    /// A channel's number in the series' own units.
    pub(super) fn in_units(&self, value: f64) -> f64 {
        value + self.anchor
    }

    /// Centre of the predictor: the usual level.
    pub(super) fn usual_level(&self) -> f64 {
        self.mu
    }

    /// Differences that are nothing beside the series' usual step: rounding, mostly.
    pub(super) fn resolution(&self) -> f32 {
        (RESOLUTION * self.usual_step) as f32
    }

    /// Smallest step that the series has made; 0 while it has made none.
    pub(super) fn smallest_step(&self) -> f64 {
        self.smallest_step
    }

    /// Mean absolute error now and usually.
    pub(super) fn activities(&self) -> (f64, f64) {
        (self.activity, self.scale)
    }

    /// All fields but the run, in the order in which they are saved.
    fn numbers(&mut self) -> [&mut f64; NUMBERS] {
        [
            &mut self.anchor,
            &mut self.previous,
            &mut self.mean,
            &mut self.activity,
            &mut self.usual_step,
            &mut self.mu,
            &mut self.c0,
            &mut self.c1,
            &mut self.scale,
            &mut self.mean_square,
            &mut self.smallest_step,
            &mut self.low,
            &mut self.high,
            &mut self.spread_square,
        ]
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.f64s(&self.clone().numbers().map(|number| *number));
        w.u32(self.run);
    }

    /// `whole`: the state holds the usual deviation of the spread.
    pub(super) fn restore(r: &mut Reader<'_>, whole: bool) -> Result<Self, CodecError> {
        const WHAT: &str = "channels";
        let mut read = [0.0; NUMBERS];
        let held = if whole { NUMBERS } else { NUMBERS_BEFORE };
        r.f64s(read.get_mut(..held).unwrap_or_default(), WHAT)?;
        let mut channels = Self::new(0.0);
        channels.numbers().into_iter().zip(read).for_each(|(number, read)| *number = read);
        if !whole {
            channels.spread_square = SPREAD_VARIANCE * channels.scale * channels.scale;
        }
        channels.run = r.u32(WHAT)?;
        let c = &channels;
        let is_sound = read.iter().all(|v| v.is_finite())
            && [c.previous, c.mean].iter().all(|v| v.abs() <= 2.0 * FARTHEST)
            && c.mu.abs() <= 10.0 * FARTHEST
            && c.low <= c.high
            && [c.activity, c.usual_step, c.c0, c.scale, c.mean_square, c.smallest_step, c.spread_square]
                .iter()
                .all(|v| *v >= 0.0);
        if is_sound { Ok(channels) } else { Err(CodecError::Invalid { what: WHAT }) }
    }
}

/// Takes a distance into a discounted mean square, winsorised once the series is 30 points old.
#[inline(always)] // speed
fn learn_square(mean: &mut f64, far: f64, n: f64, rate: f64) {
    let most = WINSOR * WINSOR * *mean;
    let square = if n > 30.0 && most > 0.0 { smaller(far * far, most) } else { far * far };
    *mean += rate * (square - *mean);
}

/// `far` in units of `unit`; 0 where there is none.
fn ratio(far: f64, unit: f64) -> f64 {
    if unit > 0.0 { smaller(far / unit, MOST) } else { 0.0 }
}
