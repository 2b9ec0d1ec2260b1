//! Laws of bad input, for all detectors: series of no point and of few, equal values, denormals, numbers too large to square,
//! extremes in turn, gaps of weeks, points that come twice, late or out of order. Nothing panics, every number is finite, and
//! what the calibrated score expects leaves the range that the series has shown by at most its own size. (What a band expects can
//! leave it further, after a gap above all: its trend goes on.)

use fluent_anomaly::detectors::Algorithm::{Agile, Basic, Robust};
use fluent_anomaly::detectors::Seasonality::{Daily, Hourly, Weekly};
use fluent_anomaly::detectors::{
    AlarmBudget, ArEstimator, BandEngine, BandSpec, Calibrated, CalibratedSpec, ChangeFinder, Finite, Params,
    ReasonKind, ScoreFunction,
};
use proptest::prelude::*;

const WEEK_S: i64 = 604_800;

/// How the values of a stretch follow one another.
#[derive(Debug, Clone, Copy)]
enum Values {
    Equal(f64),
    InTurn(f64, f64),
    Steps(f64),
    Any(u64),
    Ordinary(u64, f64),
}

/// How its times do.
#[derive(Debug, Clone, Copy)]
enum Times {
    Every(i64),
    GapEach(i64),
    Twice,
    OutOfOrder,
    Backwards,
}

#[derive(Debug, Clone, Copy)]
struct Stretch {
    points: i64,
    values: Values,
    times: Times,
}

const EXTREMES: [f64; 12] =
    [0.0, -0.0, 5e-324, -1e-310, f64::MIN_POSITIVE, 1e-12, 0.1, 1e9, 1e15, 1e30, 1e100, 1e300];

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        prop::sample::select(&EXTREMES[..]),
        prop::sample::select(&EXTREMES[..]).prop_map(|x| -x),
        -1e3..1e3,
        prop::num::f64::ANY,
    ]
}

fn stretch() -> impl Strategy<Value = Stretch> {
    let values = prop_oneof![
        number().prop_map(Values::Equal),
        (number(), number()).prop_map(|(a, b)| Values::InTurn(a, b)),
        number().prop_map(Values::Steps),
        any::<u64>().prop_map(Values::Any),
        (any::<u64>(), number()).prop_map(|(seed, scale)| Values::Ordinary(seed, scale)),
    ];
    let times = prop_oneof![
        4 => prop::sample::select(vec![1_i64, 60, 300, 3600, 86_400]).prop_map(Times::Every),
        1 => (1_i64..5).prop_map(Times::GapEach),
        1 => Just(Times::Twice),
        1 => Just(Times::OutOfOrder),
        1 => Just(Times::Backwards),
    ];
    let points = prop_oneof![1 => 0_i64..4, 2 => 4_i64..60, 3 => 60_i64..700];
    (points, values, times).prop_map(|(points, values, times)| Stretch { points, values, times })
}

fn mixed(seed: u64, i: i64) -> u64 {
    let mut z = seed ^ (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Times, s, and values of the stretches one after the other.
fn series(stretches: &[Stretch]) -> Vec<(i64, f64)> {
    let (mut points, mut now) = (Vec::new(), 1_400_000_000_i64);
    for &Stretch { points: n, values, times } in stretches {
        for i in 0..n {
            now += match times {
                Times::Every(step) => step,
                Times::GapEach(weeks) if i % 40 == 39 => weeks * WEEK_S,
                Times::Twice if i % 2 == 1 => 0,
                Times::Backwards => -60,
                Times::GapEach(_) | Times::Twice | Times::OutOfOrder => 60,
            };
            let time = if matches!(times, Times::OutOfOrder) { now + 60 * (i % 7 - 3) } else { now };
            let value = match values {
                Values::Equal(x) => x,
                Values::InTurn(a, b) => {
                    if i % 2 == 0 {
                        a
                    } else {
                        b
                    }
                }
                Values::Steps(x) => x * (i / 50) as f64,
                Values::Any(seed) => f64::from_bits(mixed(seed, i)),
                Values::Ordinary(seed, scale) => {
                    scale * (3.0 + (mixed(seed, i) >> 11) as f64 / (1_u64 << 52) as f64)
                }
            };
            points.push((time, value));
        }
    }
    points
}

/// The range that a series has shown.
#[derive(Debug, Clone, Copy)]
struct Shown {
    low: f64,
    high: f64,
}

impl Shown {
    const NOTHING: Self = Self { low: f64::INFINITY, high: f64::NEG_INFINITY };

    fn show(&mut self, x: f64) {
        self.low = self.low.min(x);
        self.high = self.high.max(x);
    }

    /// Whether a number leaves the range by no more than its size, and by what single precision makes of that.
    fn allows(&self, x: f64) -> bool {
        let size = (self.high - self.low).max(self.high.abs()).max(self.low.abs()).max(f64::MIN_POSITIVE);
        let size = size * (1.0 + f64::from(f32::EPSILON));
        (self.low - size..=self.high + size).contains(&x)
    }
}

fn band_specs() -> [BandSpec; 7] {
    [
        (Basic, None, 60, 15),
        (Basic, None, 3600, 4),
        (Agile, Some(Hourly), 60, 15),
        (Robust, Some(Hourly), 300, 3),
        (Agile, Some(Daily), 3600, 4),
        (Robust, Some(Daily), 3600, 4),
        (Agile, Some(Weekly), 21_600, 4),
    ]
    .map(|(algorithm, season, interval, window)| {
        BandSpec::new(algorithm, season, interval, window).expect("a good spec")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(192) })]

    #[test]
    fn the_calibrated_score_of_bad_input_is_finite_and_expects_what_was_shown(
        stretches in prop::collection::vec(stretch(), 0..6),
        budget in prop::sample::select(vec![3600.0, 86_400.0, 604_800.0]),
    ) {
        let spec = CalibratedSpec::new(AlarmBudget::new(1.0, budget).expect("a good budget"));
        let mut detector = Calibrated::new(&spec);
        let mut shown = Shown::NOTHING;
        for (time, x) in series(&stretches) {
            let (Some(time), Some(x)) = (Finite::new(time as f64), Finite::new(x)) else { continue };
            shown.show(x.get());
            let Some(rarity) = detector.update(&spec, time, x) else { continue };
            let numbers = [rarity.log10_points, rarity.log10_s, rarity.unbounded_log10_s, rarity.size];
            prop_assert!(numbers.iter().all(|n| n.is_finite() && *n >= 0.0), "{:?}", rarity);
            prop_assert!((0.0..=1.0).contains(&rarity.score), "{:?}", rarity);
            prop_assert_eq!(rarity.reason.is_some(), rarity.is_alarm);
            let Some(reason) = rarity.reason else { continue };
            prop_assert!(reason.observed.is_finite() && reason.expected.is_finite(), "{:?}", reason);
            if !matches!(reason.kind, ReasonKind::Spread | ReasonKind::Stuck) {
                prop_assert!(shown.allows(reason.expected), "{:?} {:?}", reason, shown);
            }
        }
    }

    #[test]
    fn bands_of_bad_input_are_finite_and_hold_what_they_expect(
        stretches in prop::collection::vec(stretch(), 0..6),
        spec in prop::sample::select(band_specs().to_vec()),
    ) {
        let mut engine = BandEngine::new(&spec);
        for (time, y) in series(&stretches) {
            let bucket = time.div_euclid(i64::from(spec.interval()));
            if let Some(prediction) = engine.predict(&spec, bucket, 0) {
                for deviations in [0.5, 2.0, 3.0, 10.0] {
                    let band = prediction.bounds(deviations);
                    let numbers = [band.lower, band.expected, band.upper];
                    prop_assert!(numbers.iter().all(|n| n.is_finite()), "{:?}", band);
                    prop_assert!(band.lower <= band.expected && band.expected <= band.upper, "{:?}", band);
                }
            }
            engine.update(&spec, bucket, 0, y);
        }
    }

    #[test]
    fn change_finder_scores_of_bad_input_are_finite(
        stretches in prop::collection::vec(stretch(), 0..6),
    ) {
        let params = Params::new(0.02, 7, 10, 5, ArEstimator::Yule, ScoreFunction::LogLoss).expect("good parameters");
        let mut detector = ChangeFinder::new(&params);
        for (_, x) in series(&stretches) {
            let Some(x) = Finite::new(x) else { continue };
            // what overflows is refused, and the next point is scored again
            if let Ok(scores) = detector.update(&params, x) {
                prop_assert!(scores.outlier.is_finite() && scores.change.is_finite(), "{:?}", scores);
            }
        }
    }
}
