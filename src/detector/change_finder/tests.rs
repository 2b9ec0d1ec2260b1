use proptest::prelude::*;

use super::sdar::{AnyOrder, WINDOW};
use super::stages::score_and_learn;
use super::*;

fn params(k: usize, estimator: ArEstimator, score_function: ScoreFunction) -> Params {
    Params::new(0.02, k, 10, 5, estimator, score_function).unwrap()
}

fn any_params() -> impl Strategy<Value = Params> {
    (0.0001f64..0.9999, 1usize..=14, 1usize..=20, 1usize..=9, any::<bool>(), any::<bool>()).prop_map(
        |(r, k, t1, t2, burg, hellinger)| {
            let estimator = if burg { ArEstimator::Burg } else { ArEstimator::Yule };
            let score_function = if hellinger { ScoreFunction::Hellinger } else { ScoreFunction::LogLoss };
            Params::new(r, k, t1, t2, estimator, score_function).unwrap()
        },
    )
}

/// Ordinary values, repeated values, and any that can be learned, from the smallest to the largest.
fn any_point() -> impl Strategy<Value = Finite> {
    prop_oneof![
        4 => -100.0f64..100.0,
        2 => prop::sample::select(vec![0.0, -0.0, 1.0, 37.3, 1e12, 1e100, -1e100, 1e-160, 5e-324, 1e50]),
        2 => any::<f64>(),
    ]
    .prop_filter_map("learnable", Finite::new)
}

fn points(most: usize) -> impl Strategy<Value = Vec<Finite>> {
    prop::collection::vec(any_point(), 0..most)
}

fn bits(scores: Result<Scores, Overflow>) -> Result<(u64, u64), Overflow> {
    scores.map(|s| (s.outlier.to_bits(), s.change.to_bits()))
}

fn saved(model: &ChangeFinder) -> Vec<u8> {
    let mut out = Vec::new();
    model.save(&mut Writer::new(&mut out));
    out
}

/// One point through the loops, whatever the order.
fn update_in_loops(model: &mut ChangeFinder, params: &Params, x: Finite) -> Result<Scores, Overflow> {
    let loops = AnyOrder::<{ MAX_ORDER + 1 }> { k: params.order(), estimator: params.estimator() };
    score_and_learn::<false, _>(&loops, &mut model.state, params, x.get())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_restored_model_scores_as_the_saved_one(params in any_params(), before in points(60), after in points(30)) {
        let mut model = ChangeFinder::new(&params);
        for &x in &before {
            let _ = model.update(&params, x);
        }
        let bytes = saved(&model);
        let mut reader = Reader::new(&bytes);
        let mut restored = ChangeFinder::restore(&params, &mut reader).unwrap();
        prop_assert!(reader.is_empty());
        for &x in &after {
            prop_assert_eq!(bits(restored.update(&params, x)), bits(model.update(&params, x)));
        }
        prop_assert_eq!(saved(&restored), saved(&model));
    }

    #[test]
    fn scores_and_state_stay_finite_whatever_comes(params in any_params(), xs in points(120)) {
        let mut model = ChangeFinder::new(&params);
        for &x in &xs {
            if let Ok(scores) = model.update(&params, x) {
                prop_assert!(scores.outlier.is_finite() && scores.change.is_finite(), "{:?} at {:?}", scores, x);
            }
            prop_assert!(model.is_sound(&params), "{:?} after {:?}", model, x);
        }
    }

    #[test]
    fn unrolled_orders_give_the_bits_of_the_loops(params in any_params(), xs in points(80)) {
        prop_assume!(params.order() <= unrolled::MAX_UNROLLED);
        let mut unrolled = ChangeFinder::new(&params);
        let mut looped = unrolled.clone();
        for &x in &xs {
            prop_assert_eq!(bits(unrolled.update(&params, x)), bits(update_in_loops(&mut looped, &params, x)));
        }
        prop_assert_eq!(saved(&unrolled), saved(&looped));
    }

    #[test]
    fn any_bytes_restore_to_an_error_or_to_a_sound_model(params in any_params(), bytes: Vec<u8>, fill: u64) {
        let mut long = bytes.clone();
        for _ in 0..len(&params) {
            long.extend(fill.to_le_bytes());
        }
        for bytes in [bytes, long] {
            if let Ok(mut model) = ChangeFinder::restore(&params, &mut Reader::new(&bytes)) {
                for x in [1.0, -1e100, 0.0].into_iter().filter_map(Finite::new) {
                    let _ = model.update(&params, x);
                    prop_assert!(model.is_sound(&params));
                }
            }
        }
    }

    #[test]
    fn parameters_of_another_model_do_no_harm(made in any_params(), used in any_params(), xs in points(20)) {
        let mut model = ChangeFinder::new(&made);
        for &x in &xs {
            let _ = model.update(&used, x);
        }
    }
}

/// What each degenerate series does to the scores, all four modes.
#[test]
fn degenerate_series_score_finite_and_as_described() {
    type Series = fn(usize) -> f64;
    let rows: [(&str, Series); 8] = [
        ("zeros", |_| 0.0),
        ("constant", |_| 37.3),
        ("mostly constant", |i| if i % 97 == 0 { 5.0 } else { 4.0 }),
        ("single spike", |i| if i == 500 { 1e6 } else { 0.0 }),
        ("step", |i| if i < 500 { 1.0 } else { 1000.0 }),
        ("huge offset", |i| 1e12 + (i % 7) as f64),
        ("largest alternating", |i| if i % 2 == 0 { 1e100 } else { -1e100 }),
        ("squares underflow", |i| if i % 3 == 0 { 1e-170 } else { -3e-170 }),
    ];
    for (name, series) in rows {
        for estimator in [ArEstimator::Yule, ArEstimator::Burg] {
            for score_function in [ScoreFunction::LogLoss, ScoreFunction::Hellinger] {
                let params = params(7, estimator, score_function);
                let mut model = ChangeFinder::new(&params);
                let scores: Vec<Scores> = (0..1000)
                    .map(|i| {
                        model
                            .update(&params, Finite::new(series(i)).unwrap())
                            .unwrap_or_else(|e| panic!("{name} {i}: {e}"))
                    })
                    .collect();
                assert!(scores.iter().all(|s| s.outlier.is_finite() && s.change.is_finite()), "{name}");
                let outlier = |i: usize| scores[i].outlier;
                match (name, score_function) {
                    // no variance at all: nothing score_functions log-loss, everything Hellinger
                    ("zeros" | "squares underflow", ScoreFunction::LogLoss) => {
                        assert!(scores.iter().all(|s| s.outlier == 0.0))
                    }
                    ("zeros" | "squares underflow", ScoreFunction::Hellinger) => {
                        assert!(scores.iter().all(|s| s.outlier == 100.0))
                    }
                    // the variance shrinks geometrically, and the loss with it
                    ("constant", ScoreFunction::LogLoss) => {
                        assert!(outlier(999) < outlier(500) && outlier(500) < outlier(100))
                    }
                    ("single spike" | "step", ScoreFunction::LogLoss) => {
                        assert!(outlier(500) > 10.0 + outlier(499), "{name}")
                    }
                    _ => {}
                }
            }
        }
    }
}

#[test]
fn a_point_that_overflows_leaves_no_trace_and_the_model_goes_on() {
    for estimator in [ArEstimator::Yule, ArEstimator::Burg] {
        for k in [2, 11] {
            let params = params(k, estimator, ScoreFunction::LogLoss);
            let mut model = ChangeFinder::new(&params);
            for i in 0..50 {
                model.update(&params, Finite::new(f64::from(i % 5)).unwrap()).unwrap();
            }
            let sound = model.clone();
            match estimator {
                // lag 1 without lag 0: the coefficient, and with it the prediction, overflows
                ArEstimator::Yule => {
                    model.state[0] = 4.0;
                    model.state[WINDOW + k - 1] = 1e50;
                    model.state[WINDOW + k..][..2].copy_from_slice(&[5e-324, 1e300]);
                }
                // no room left for the error of this point
                ArEstimator::Burg => model.state[1] = f64::INFINITY,
            }
            let before = saved(&model);
            assert_eq!(model.update(&params, Finite::new(4.0).unwrap()), Err(Overflow));
            assert_eq!(saved(&model), before);
            assert!(sound.clone().update(&params, Finite::new(1e100).unwrap()).is_ok());
        }
    }
}

/// Stage 2 leaves out what it cannot take; the outlier score stands and the change score keeps its last mean.
#[test]
fn an_overflow_of_the_second_stage_keeps_the_change_score() {
    let params = params(3, ArEstimator::Yule, ScoreFunction::LogLoss);
    let mut model = ChangeFinder::new(&params);
    let mut last = None;
    for i in 0..50 {
        last = model.update(&params, Finite::new(f64::from(i % 5)).unwrap()).ok();
    }
    let stage2 = words(3, ArEstimator::Yule) + params.outlier_window();
    model.state[stage2 + WINDOW + 3] = 5e-324;
    model.state[stage2 + WINDOW + 4] = 1e300;
    model.state[stage2 + WINDOW..][..3].fill(1e60);
    // mu exactly where y will be, so that the autocovariances stay as they were set
    let mut twin = model.clone();
    twin.update(&params, Finite::new(2.0).unwrap()).unwrap();
    let y = crate::detector::mean(twin.internals(&params).unwrap().outliers);
    model.state[stage2] = y;
    let before = model.clone();
    let scores = model.update(&params, Finite::new(2.0).unwrap()).unwrap();
    let (before, after) = (before.internals(&params).unwrap(), model.internals(&params).unwrap());
    assert_eq!(Some(scores.change), last.map(|s| s.change));
    assert_eq!((after.stage2, after.changes), (before.stage2, before.changes));
    assert_eq!(after.outliers.last(), Some(&scores.outlier));
    assert_ne!(after.stage1, before.stage1);
}

#[test]
fn state_that_no_model_can_have_is_refused() {
    let params = params(2, ArEstimator::Yule, ScoreFunction::LogLoss);
    let good = saved(&ChangeFinder::new(&params));
    let stage2 = words(2, ArEstimator::Yule) + params.outlier_window();
    let rows = [
        ("mu not a number", 0, f64::NAN),
        ("mu beyond all data", 0, 1e200),
        ("negative variance", 1, -1.0),
        ("infinite variance", 1, f64::INFINITY),
        ("point beyond the limit", WINDOW, 1e121),
        ("infinite autocovariance", WINDOW + 2, f64::NEG_INFINITY),
        ("outlier score beyond the limit", words(2, ArEstimator::Yule), 1e101),
        ("negative variance of stage 2", stage2 + 1, -5e-324),
        ("change score not a number", len(&params) - 1, f64::NAN),
    ];
    for (name, at, value) in rows {
        let mut bytes = good.clone();
        bytes[at * 8..at * 8 + 8].copy_from_slice(&value.to_le_bytes());
        let restored = ChangeFinder::restore(&params, &mut Reader::new(&bytes));
        assert_eq!(restored, Err(CodecError::Invalid { what: "change finder state" }), "{name}");
    }
    for cut in 0..good.len() {
        let restored = ChangeFinder::restore(&params, &mut Reader::new(&good[..cut]));
        assert!(matches!(restored, Err(CodecError::Truncated { .. })), "{cut}");
    }
}

#[test]
fn memory_is_what_the_state_takes() {
    for (estimator, bytes) in [(ArEstimator::Yule, 392), (ArEstimator::Burg, 264)] {
        let params = params(7, estimator, ScoreFunction::LogLoss);
        let model = ChangeFinder::new(&params);
        assert_eq!(size_of_val(&*model.state), bytes);
        assert_eq!(ChangeFinder::memory_bytes(&params), bytes + size_of::<ChangeFinder>());
    }
}
