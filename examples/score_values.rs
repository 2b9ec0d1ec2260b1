//! Scores plain numbers: how unexpected is each point, and has the series changed?
//!
//! ```sh
//! cargo run --example score_values
//! ```
//!
//! ```text
//! point  value  outlier  change
//!   298   20.4     0.77   -1.17
//!   299   20.8     1.19   -1.16
//!   300   60.0    27.30    7.70
//!   301   19.5     2.65    7.91
//!   302   19.6     2.62    8.24
//!   398   19.1     1.79   -0.49
//!   399   20.4     1.69   -0.50
//!   400   35.8    14.74    1.77
//!   401   35.5     5.80    2.04
//!   402   34.5     3.34    2.14
//!   403   34.6     3.23    2.23
//!   404   34.0     2.68    2.31
//!   405   34.6     2.73    0.12
//!   406   34.5     2.35   -0.06
//!   407   35.5     3.18   -0.01
//!   408   35.8     2.74    0.02
//!   409   35.4     2.37    0.05
//!   410   34.1     2.16    1.43
//!   411   34.1     2.23    1.39
//! ```
use fluent_anomaly::detectors::{ArEstimator, ChangeFinder, Finite, Params, ScoreFunction};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // the discounting rate r, the AR order k, and the windows T1 and T2 over which the two scores are smoothed
    let params = Params::new(0.02, 7, 10, 5, ArEstimator::Yule, ScoreFunction::LogLoss)?;
    let mut model = ChangeFinder::new(&params);

    println!("point  value  outlier  change");
    for t in 0..600 {
        let x = value(t);
        // a model never sees NaN or infinity: `Finite` is the type of what it can learn
        let scores = model.update(&params, Finite::try_from(x)?)?;
        // the first 5/r points mean little: the model is surprised by everything
        if (298..303).contains(&t) || (398..412).contains(&t) {
            println!("{t:5} {x:6.1} {:8.2} {:7.2}", scores.outlier, scores.change);
        }
    }
    Ok(())
}

/// Around 20 with noise; one spike at 300, a new level from 400 on.
fn value(t: u32) -> f64 {
    let noise = f64::from(t * t * 31 % 101) / 50.0 - 1.0;
    match t {
        300 => 60.0,
        400.. => 35.0 + noise,
        _ => 20.0 + noise,
    }
}
