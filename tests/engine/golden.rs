//! The detector against the numbers of the reference implementation (`data/golden/README.md` describes files,
//! tolerances and exceptions).

use std::path::PathBuf;

use fluent_anomaly::{
    detectors::{ArEstimator, ChangeFinder, Finite, Params, ScoreFunction, Scores, order_fits, select_order},
    internals::{StageInternals, burg, levinson},
};
use serde_json::Value;

fn read(name: &str) -> Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/golden").join(name);
    serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap()
}

fn number(value: &Value) -> f64 {
    match value.as_str() {
        Some("nan") => f64::NAN,
        Some("inf") => f64::INFINITY,
        Some("-inf") => f64::NEG_INFINITY,
        Some(other) => panic!("no number: {other}"),
        None => value.as_f64().unwrap(),
    }
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn params(case: &Value) -> Params {
    let size = |name: &str| case[name].as_u64().unwrap() as usize;
    Params::new(
        number(&case["r"]),
        size("k"),
        size("T1"),
        size("T2"),
        case["coef"].as_str().unwrap().parse::<ArEstimator>().unwrap(),
        case["score"].as_str().unwrap().parse::<ScoreFunction>().unwrap(),
    )
    .unwrap()
}

const TOLERANCE: f64 = 1e-9;

/// The deviation that the tolerances speak of.
fn scaled(a: f64, b: f64) -> f64 {
    (a - b).abs() / b.abs().max(1.0)
}

/// Within the tolerance; NaN never is.
#[track_caller]
fn close(a: f64, b: f64, what: impl Fn() -> String) {
    assert!(scaled(a, b) <= TOLERANCE, "{}: {a} instead of {b}", what());
}

#[track_caller]
fn all_close(a: &[f64], b: &[f64], what: &str) {
    assert_eq!(a.len(), b.len(), "{what}");
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        close(*a, *b, || format!("{what}[{i}]"));
    }
}

#[track_caller]
fn stage_close(stage: &StageInternals<'_>, expected: &Value, what: &str) {
    close(stage.mu, number(&expected["mu"]), || format!("{what} mu"));
    close(stage.sigma, number(&expected["sigma"]), || format!("{what} sigma"));
    let c = numbers(&expected["c"]);
    if stage.c.is_empty() {
        assert!(c.iter().all(|&c| c == 0.0), "{what}: Burg has no autocovariances");
    } else {
        all_close(stage.c, &c, &format!("{what} c"));
    }
}

#[track_caller]
fn final_state_close(model: &ChangeFinder, params: &Params, expected: &Value, stage2: bool, what: &str) {
    let state = model.internals(params).unwrap();
    stage_close(&state.stage1, &expected["stage1"], &format!("{what} stage 1"));
    all_close(state.stage1.window, &numbers(&expected["xs"]), &format!("{what} xs"));
    all_close(state.outliers, &numbers(&expected["outliers"]), &format!("{what} outliers"));
    if stage2 {
        stage_close(&state.stage2, &expected["stage2"], &format!("{what} stage 2"));
        all_close(state.stage2.window, &numbers(&expected["ys"]), &format!("{what} ys"));
        all_close(state.changes, &numbers(&expected["changes"]), &format!("{what} changes"));
    }
}

fn update(model: &mut ChangeFinder, params: &Params, x: f64) -> Scores {
    model.update(params, Finite::new(x).unwrap()).unwrap()
}

#[test]
fn every_series_and_every_case_scores_as_the_reference_does() {
    let tolerances = read("tolerances.json");
    let index = read("inputs/index.json");
    let mut cases = 0;
    for input in index.as_object().unwrap().keys() {
        let xs = numbers(&read(&format!("inputs/{input}.json")));
        let file = read(&format!("changefinder/{input}.json"));
        for case in list(&file["cases"]) {
            let params = params(case);
            let key = ["r", "k", "T1", "T2", "coef", "score"];
            let tolerance = list(&tolerances)
                .iter()
                .find(|t| t["input"] == input.as_str() && key.iter().all(|key| t[key] == case[key]))
                .unwrap();
            assert_eq!(tolerance["tolerance"]["outlier"], TOLERANCE);
            // counter_zeros at (0.1,20,15,3): the one change score that only the reference's own blocked sums give
            let compare_change = !tolerance["tolerance"]["change"].is_null();
            let what = format!("{input} {params:?}");

            let mut model = ChangeFinder::new(&params);
            let (outliers, changes) = (numbers(&case["outlier"]), numbers(&case["change"]));
            assert_eq!((outliers.len(), changes.len()), (xs.len(), xs.len()));
            for (i, &x) in xs.iter().enumerate() {
                let scores = update(&mut model, &params, x);
                close(scores.outlier, outliers[i], || format!("{what} outlier {i}"));
                if compare_change {
                    close(scores.change, changes[i], || format!("{what} change {i}"));
                }
            }
            final_state_close(&model, &params, &case["final"], compare_change, &what);
            cases += 1;
        }
    }
    assert_eq!(cases, 81);
}

/// The seed's density underflows to 0 here and it scores 0.0; log space does not.
fn seed_loses(name: &str, i: usize, outlier: f64) -> bool {
    name == "tiny_r_underflow" && outlier == 0.0 && i > 0
}

#[test]
fn edge_cases_score_as_the_reference_does_up_to_what_it_cannot_recover_from() {
    let edges = read("changefinder_edge.json");
    let mut refused = 0;
    for edge in list(&edges) {
        let name = edge["name"].as_str().unwrap();
        let xs = numbers(&edge["input"]);
        for case in list(&edge["cases"]) {
            let params = params(case);
            let what = format!("{name} {params:?}");
            let (outliers, changes) = (numbers(&case["outlier"]), numbers(&case["change"]));
            let mut model = ChangeFinder::new(&params);
            let mut as_seed = true;
            for (i, &x) in xs.iter().enumerate() {
                let Some(x) = Finite::new(x) else {
                    // the reference raises, or gives NaN for ever; here the point is refused and life goes on
                    assert!(outliers.get(i).is_none_or(|o| o.is_nan()), "{what} {i}");
                    assert!(outliers.iter().skip(i).all(|o| o.is_nan()), "{what}");
                    (as_seed, refused) = (false, refused + 1);
                    continue;
                };
                let scores = model.update(&params, x).unwrap();
                assert!(scores.outlier.is_finite() && scores.change.is_finite(), "{what} {i}");
                if as_seed
                    && params.score_function() == ScoreFunction::LogLoss
                    && seed_loses(name, i, outliers[i])
                {
                    let sigma = model.internals(&params).unwrap().stage1.sigma;
                    if sigma > 0.0 {
                        as_seed = false;
                    }
                }
                if as_seed {
                    close(scores.outlier, outliers[i], || format!("{what} outlier {i}"));
                    close(scores.change, changes[i], || format!("{what} change {i}"));
                }
            }
            if as_seed {
                final_state_close(&model, &params, &case["final"], true, &what);
            }
        }
    }
    // nan, inf and 1e200, four modes each
    assert_eq!(refused, 12);
}

#[test]
fn a_density_that_underflows_scores_highest_instead_of_zero() {
    let edges = read("changefinder_edge.json");
    let edge = list(&edges).iter().find(|edge| edge["name"] == "tiny_r_underflow").unwrap();
    let case = list(&edge["cases"]).iter().find(|case| case["score"] == "logloss").unwrap();
    let params = params(case);
    let seed = numbers(&case["outlier"]);
    let xs = numbers(&edge["input"]);
    let (spike, _) = xs.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap();
    assert_eq!(seed[spike], 0.0);

    let mut model = ChangeFinder::new(&params);
    let scores: Vec<f64> = xs.iter().map(|&x| update(&mut model, &params, x).outlier).collect();
    assert!(scores[spike] > 4000.0, "{}", scores[spike]);
    assert!(scores.iter().enumerate().all(|(i, &s)| i == spike || s < scores[spike]));
    // where the density does not underflow the two agree
    for (i, (&ours, &theirs)) in scores.iter().zip(&seed).enumerate() {
        if theirs != 0.0 {
            close(ours, theirs, || format!("outlier {i}"));
        }
    }
}

/// Mean, autocovariances and variance after each step, and, from them, the coefficients and the prediction.
#[test]
fn the_steps_inside_are_those_of_the_reference() {
    let traces = read("changefinder_trace.json");
    for trace in list(&traces) {
        let params = params(trace);
        let mut model = ChangeFinder::new(&params);
        for (i, step) in list(&trace["steps"]).iter().enumerate() {
            let what = format!("{} {} step {i}", trace["input"], params.estimator());
            let x = number(&step["x"]);
            let before = model.clone();
            let before = before.internals(&params).unwrap();
            let scores = update(&mut model, &params, x);
            let after = model.internals(&params).unwrap();
            let y = *after.stage2.window.last().unwrap();
            close(scores.outlier, number(&step["outlier"]), || format!("{what} outlier"));
            close(y, number(&step["y"]), || format!("{what} y"));
            close(scores.change, number(&step["change"]), || format!("{what} change"));

            for (name, x, before, after) in
                [("stage1", x, before.stage1, after.stage1), ("stage2", y, before.stage2, after.stage2)]
            {
                let expected = &step[name];
                let what = format!("{what} {name}");
                stage_close(&after, expected, &what);
                let past: Vec<f64> = before.window.iter().rev().copied().collect();
                let a = match params.estimator() {
                    ArEstimator::Yule => levinson(after.c, params.order()),
                    ArEstimator::Burg => burg(&[&[x], &past[..]].concat(), params.order()),
                };
                coefficients_close(&a, &numbers(&expected["a"]), &what);
                let x_hat: f64 = a.iter().zip(&past).map(|(a, p)| a * (p - after.mu)).sum::<f64>() + after.mu;
                close(x_hat, number(&expected["x_hat"]), || format!("{what} x_hat"));
            }
        }
    }
}

/// Within 1e-9 of the largest coefficient; NaN and infinities in the same places.
#[track_caller]
fn coefficients_close(a: &[f64], expected: &[f64], what: &str) {
    assert_eq!(a.len(), expected.len(), "{what}");
    let largest = expected.iter().filter(|a| a.is_finite()).fold(0.0f64, |m, a| m.max(a.abs()));
    for (i, (&a, &b)) in a.iter().zip(expected).enumerate() {
        let same = if b.is_finite() {
            (a - b).abs() <= TOLERANCE * largest
        } else {
            a == b || (a.is_nan() && b.is_nan())
        };
        assert!(same, "{what}[{i}]: {a} instead of {b}");
    }
}

#[test]
fn levinson_solves_every_case() {
    let cases = read("levinson.json");
    assert_eq!(list(&cases).len(), 35);
    for case in list(&cases) {
        let a = levinson(&numbers(&case["c"]), case["k"].as_u64().unwrap() as usize);
        coefficients_close(&a, &numbers(&case["a"]), case["name"].as_str().unwrap());
    }
}

#[test]
fn burg_solves_every_case() {
    let cases = read("burg.json");
    assert_eq!(list(&cases).len(), 34);
    for case in list(&cases) {
        let a = burg(&numbers(&case["x"]), case["k"].as_u64().unwrap() as usize);
        coefficients_close(&a, &numbers(&case["a"]), case["name"].as_str().unwrap());
    }
}

#[test]
fn order_selection_fits_and_chooses_as_the_reference_does() {
    let cases = read("model_selection.json");
    assert_eq!(list(&cases).len(), 13);
    for case in list(&cases) {
        let (what, values) = match case.get("input").and_then(Value::as_str) {
            Some(input) if case.get("values").is_none() => {
                (input.to_owned(), numbers(&read(&format!("inputs/{input}.json"))))
            }
            _ => (case["n"].to_string(), numbers(&case["values"])),
        };
        let fits = order_fits(&values, 50);
        let (aic, sigma) = (numbers(&case["aic"]), numbers(&case["sigma"]));
        assert_eq!(fits.len(), aic.len(), "{what}");
        for (i, fit) in fits.iter().enumerate() {
            assert_eq!(fit.order, i + 1);
            for (name, ours, theirs) in [("aic", fit.aic, aic[i]), ("sigma", fit.sigma, sigma[i])] {
                let same = ours == theirs
                    || (ours.is_nan() && theirs.is_nan())
                    || (ours - theirs).abs() <= 1e-13 * theirs.abs();
                assert!(same, "{what} {name} of order {}: {ours} instead of {theirs}", fit.order);
            }
        }
        for result in list(&case["results"]) {
            let selection = select_order(&values, result["max_k"].as_u64().unwrap() as usize);
            assert_eq!(selection.order as u64, result["selected_k"].as_u64().unwrap(), "{what}");
            let min_aic = number(&result["min_aic"]);
            assert!(selection.aic == min_aic || scaled(selection.aic, min_aic) < 1e-13, "{what}");
        }
    }
}
