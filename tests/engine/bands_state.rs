//! Saved state comes back bit for bit, broken bytes are refused, memory is what was promised.

use crate::common::series;
use crate::common::series::{Rng, SIGMA, season};
use fluent_anomaly::detectors::Algorithm::{self, Agile, Basic, Robust};
use fluent_anomaly::detectors::Seasonality::{self, Daily, Hourly, Weekly};
use fluent_anomaly::detectors::{BandEngine, BandSpec, BandSpecError, Prediction};
use fluent_anomaly::internals::{CodecError, Reader, Writer, checksum};
use proptest::prelude::*;

fn saved(engine: &BandEngine) -> Vec<u8> {
    let mut out = Vec::new();
    engine.save(&mut Writer::new(&mut out));
    out
}

fn restored(spec: &BandSpec, bytes: &[u8]) -> BandEngine {
    let mut reader = Reader::new(bytes);
    let engine = BandEngine::restore(spec, &mut reader).expect("what was saved");
    assert!(reader.is_empty(), "all bytes are read");
    engine
}

/// The numbers of a band, as bits.
fn bits(prediction: Option<Prediction>) -> Option<[u64; 5]> {
    prediction.map(|p| {
        let (two, three) = (p.bounds(2.0), p.bounds(3.0));
        [p.expected, two.lower, two.upper, three.lower, three.upper].map(f64::to_bits)
    })
}

/// A series with everything in it: missing points, gaps, a shift, spikes, a constant stretch, a counter.
fn eventful(seed: u64, m: i64, n: i64) -> Vec<(i64, i32, f64)> {
    let mut rng = Rng::new(seed);
    let mut points = Vec::new();
    let (mut bucket, mut level, mut total) = (rng.below(100_000) as i64, 0.0, 0.0);
    let kind = rng.below(4);
    for i in 0..n {
        bucket += 1;
        if rng.uniform() < 0.05 {
            bucket += rng.below(4) as i64;
        }
        if rng.uniform() < 3.0 / n as f64 {
            bucket += rng.below(3 * m as usize) as i64;
        }
        if rng.uniform() < 2.0 / n as f64 {
            level += 20.0 * rng.normal();
        }
        let spike = if rng.uniform() < 0.01 { 30.0 } else { 0.0 };
        let offset = if bucket % 500 < 250 { 3_600 } else { 7_200 };
        total = if rng.uniform() < 0.003 { 0.0 } else { total } + 5.0 + rng.uniform();
        points.push((
            bucket,
            offset,
            match kind {
                0 if i > n / 2 => 4.0,
                1 => total,
                2 => (season(bucket, m) + level + SIGMA * rng.normal()).round(),
                _ => season(bucket, m) + level + spike + SIGMA * rng.normal(),
            },
        ));
    }
    points
}

fn specs() -> impl Strategy<Value = BandSpec> {
    prop_oneof![
        (1u32..80).prop_map(|window| BandSpec::new(Basic, None, 60, window).expect("a good spec")),
        (
            prop_oneof![Just(Agile), Just(Robust)],
            prop_oneof![Just((Hourly, 60)), Just((Hourly, 7)), Just((Daily, 900)), Just((Weekly, 7_200))],
            1u32..80
        )
            .prop_map(|(algorithm, (season, interval), window)| {
                BandSpec::new(algorithm, Some(season), interval, window).expect("a good spec")
            }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn a_restored_engine_predicts_bit_for_bit_as_the_saved_one(spec in specs(), seed: u64, part in 0.0f64..1.0) {
        let m = i64::from(spec.buckets().max(60));
        let points = eventful(seed, m, 6 * m);
        let cut = (part * points.len() as f64) as usize;
        let mut engine = BandEngine::new(&spec);
        for &(bucket, offset, y) in &points[..cut] {
            engine.update(&spec, bucket, offset, y);
        }
        let bytes = saved(&engine);
        let mut other = restored(&spec, &bytes);
        prop_assert_eq!(saved(&other), bytes);
        for &(bucket, offset, y) in &points[cut..] {
            let ours = bits(engine.predict(&spec, bucket, offset));
            prop_assert_eq!(bits(other.predict(&spec, bucket, offset)), ours, "at bucket {}", bucket);
            engine.update(&spec, bucket, offset, y);
            other.update(&spec, bucket, offset, y);
        }
        prop_assert_eq!(saved(&other), saved(&engine));
    }

    #[test]
    fn asking_for_a_band_changes_nothing_of_what_is_learned(spec in specs(), seed: u64) {
        let m = i64::from(spec.buckets().max(60));
        let (mut asked, mut unasked) = (BandEngine::new(&spec), BandEngine::new(&spec));
        for (bucket, offset, y) in eventful(seed, m, 5 * m) {
            let _ = asked.predict(&spec, bucket, offset);
            asked.update(&spec, bucket, offset, y);
            unasked.update(&spec, bucket, offset, y);
        }
        prop_assert_eq!(saved(&asked), saved(&unasked));
    }

    #[test]
    fn broken_bytes_are_refused_or_harmless(spec in specs(), seed: u64, part in 0.0f64..1.0, flips in prop::collection::vec((any::<usize>(), 0u8..8), 1..4)) {
        let m = i64::from(spec.buckets().max(60));
        let points = eventful(seed, m, 4 * m);
        let cut = (part * points.len() as f64) as usize;
        let mut engine = BandEngine::new(&spec);
        for &(bucket, offset, y) in &points[..cut] {
            engine.update(&spec, bucket, offset, y);
        }
        let mut bytes = saved(&engine);
        for (at, bit) in flips {
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
        }
        if let Ok(mut engine) = BandEngine::restore(&spec, &mut Reader::new(&bytes)) {
            for &(bucket, offset, y) in &points[cut..] {
                if let Some(prediction) = engine.predict(&spec, bucket, offset) {
                    let band = prediction.bounds(2.0);
                    prop_assert!(band.lower.is_finite() && band.upper.is_finite(), "{:?}", band);
                }
                engine.update(&spec, bucket, offset, y);
            }
        }
    }
}

#[test]
fn bands_are_the_same_bits_on_every_machine() {
    // also the guard against a change of numbers that nobody meant: saved states of older versions go on
    let rows = [
        (Basic, Hourly, 60, 0xf6d2_34d6_ddbb_d4bc),
        (Agile, Hourly, 60, 0x0863_0671_e39e_1a6c),
        (Robust, Hourly, 60, 0xd22c_dbc2_6487_e76a),
        (Agile, Daily, 900, 0x2b6f_f2c2_cada_edbc),
        (Robust, Weekly, 7_200, 0x92b1_10e4_f739_2878),
    ];
    let mut wrong = false;
    for (algorithm, season, interval, golden) in rows {
        let spec = series::spec(algorithm, season, interval);
        let m = i64::from(spec.buckets().max(60));
        let mut sum = 0;
        for seed in 0..8 {
            for judged in series::judge_points(&spec, eventful(seed, m, 8 * m)) {
                for word in bits(judged.prediction).unwrap_or_default() {
                    sum = checksum(sum, &word.to_le_bytes());
                }
            }
        }
        println!("{algorithm:?} {season:?}: {sum:#018x}");
        wrong |= sum != golden;
    }
    assert!(!wrong, "see the sums above");
}

#[test]
fn bands_of_an_older_version_go_on_as_they_were() {
    // saved by the version before repeated errors were looked at
    let agile = "041400000000000000010001000000000000244000000000000080234000ae538b113e2dc33f26ba1ad27aefc7bf000000000000f03f00db\
        3003b0084b344011c23b2474fa14400c00000060e4c8ec3f49e5b119be932740baaece55d1ee5840469959488a4bf63f0000000000002440\
        00000000000000000058ec6a426bfbc3bfbcd8d58482a1ba3f00000000000000000109000000000000000000130000000000000001000000\
        017eaedeeeddd918403df018f848c0ef3f000000000000f03f090642753b3f05464c2a4105388da54105383e2f41";
    let robust = "0414000000000000000100010000000000002440000000000000802340000000000000000000131500000000000024400000000000000000\
        009d6190fe5c85d03f181d59033039bb3f3c513062b8d180bf010900000000000000000013000000000000000100000001\
        7eaedeeeddd918403df018f848c0ef3f000000000000f03f0906b767363f050b732941058c6ca4410539a32c41";
    for (algorithm, hex, band) in [
        (Agile, agile, [8.418769096204029, 20.747648389273166, 33.0765276823423]),
        (Robust, robust, [8.359836222373639, 20.688715515442777, 33.017594808511916]),
    ] {
        let hex: String = hex.split_whitespace().collect();
        let bytes: Vec<u8> =
            (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).expect("hex")).collect();
        let spec = BandSpec::new(algorithm, Some(Hourly), 900, 15).expect("a good spec");
        let mut engine = restored(&spec, &bytes);
        let now = engine.predict(&spec, 21, 0).expect("a band").bounds(2.0);
        assert_eq!([now.lower, now.expected, now.upper], band, "{algorithm:?}");
        assert_eq!(saved(&restored(&spec, &saved(&engine))), saved(&engine), "{algorithm:?}");
    }
}

#[test]
fn a_spec_of_another_engine_does_no_harm() {
    let specs = [
        series::spec(Basic, Hourly, 60),
        series::spec_with_window(Basic, Hourly, 60, 57),
        series::spec(Agile, Hourly, 900),
        series::spec(Robust, Hourly, 7),
        series::spec(Agile, Weekly, 300),
    ];
    for own in &specs {
        for other in &specs {
            let mut engine = BandEngine::new(own);
            for (i, (bucket, offset, y)) in (0..).zip(eventful(1, 60, 1_000)) {
                let spec = if i % 3 == 0 { other } else { own };
                let _ = engine.predict(spec, bucket, offset);
                engine.update(spec, bucket, offset, y);
            }
            let bytes = saved(&engine);
            let _ = BandEngine::restore(other, &mut Reader::new(&bytes));
        }
    }
}

#[test]
fn cut_bytes_are_truncation() {
    for algorithm in [Basic, Agile, Robust] {
        let spec = series::spec(algorithm, Hourly, 60);
        for n in [0, 1, 30, 100, 250] {
            let mut engine = BandEngine::new(&spec);
            for (t, y) in (0..).zip(series::clean(4, 60, n)) {
                engine.update(&spec, t, 0, y);
            }
            let bytes = saved(&engine);
            for len in 0..bytes.len() {
                let error = BandEngine::restore(&spec, &mut Reader::new(&bytes[..len])).expect_err("cut");
                assert!(matches!(error, CodecError::Truncated { .. }), "{algorithm:?} {len}: {error}");
            }
        }
    }
}

#[test]
fn a_series_takes_the_memory_that_was_promised() {
    let of = |algorithm: Algorithm, season: Option<Seasonality>, interval, window| {
        BandEngine::memory_bytes(&BandSpec::new(algorithm, season, interval, window).expect("a good spec"))
    };
    for algorithm in [Agile, Robust] {
        let (hour, week) = (of(algorithm, Some(Hourly), 60, 15), of(algorithm, Some(Weekly), 300, 15));
        let day = of(algorithm, Some(Daily), 60, 15);
        println!("{algorithm:?}: hourly at 1 min {hour} B, daily at 1 min {day} B, weekly at 5 min {week} B");
        assert!(hour <= 1_000 && week <= 12_000 && day <= 8_000);
    }
    for (window, most) in [(5, 1_400), (15, 1_400), (57, 4_000), (1_000, 4_000)] {
        let bytes = of(Basic, None, 60, window);
        println!("Basic, window {window}: {bytes} B");
        assert!(bytes <= most);
    }
}

#[test]
fn parameters_that_make_no_band_are_refused_with_what_is_allowed() {
    let error = |algorithm, season, interval, window| {
        BandSpec::new(algorithm, season, interval, window).expect_err("refused").to_string()
    };
    let rows = [
        (
            error(Basic, Some(Daily), 60, 15),
            "seasonality 'daily' given to algorithm 'basic', which has none: leave it out",
        ),
        (error(Robust, None, 60, 15), "algorithm 'robust' needs a seasonality: hourly, daily or weekly"),
        (error(Agile, Some(Daily), 0, 15), "interval 0: at least 1 second"),
        (error(Agile, Some(Daily), 60, 0), "alert window of 0 points: at least 1"),
        (
            error(Agile, Some(Hourly), 1_800, 15),
            "interval 1800 s leaves 2 buckets in a season that is hourly, at least 4 are needed: at most 900 s",
        ),
        (
            error(Agile, Some(Weekly), 5, 15),
            "interval 5 s makes 120960 buckets of a season that is weekly, at most 60480 are kept: at least 10 s",
        ),
    ];
    for (message, wanted) in rows {
        assert_eq!(message, wanted);
    }
    for (season, longest, shortest) in [(Hourly, 900, 1), (Daily, 21_600, 2), (Weekly, 151_200, 10)] {
        for interval in [longest, shortest] {
            assert!(BandSpec::new(Agile, Some(season), interval, 15).is_ok(), "{season:?} {interval}");
        }
        assert!(matches!(
            BandSpec::new(Agile, Some(season), longest * 2, 15),
            Err(BandSpecError::IntervalTooLong { .. })
        ));
    }
}
