use super::stage::{CHOOSING_FROM_POINTS, Stage};
use super::*;
use crate::bank::Observation;
use crate::codec::{Reader, Writer};
use crate::config::ChangeFinderSettings;
use crate::detector::calibrated::CalibratedSpec;
use crate::detector::{ChangeFinder, Finite, select_order};
use crate::time::Time;

fn spec(keys: &[(&str, &str)], warm_up: bool) -> ScoreSpec {
    let settings = ChangeFinderSettings::from_texts(keys.iter().copied()).unwrap();
    ScoreSpec::new(&settings, warm_up, 0, None).unwrap()
}

fn points(n: usize) -> Vec<f64> {
    (0..n).map(|n| (n * 7919 % 101) as f64 / 7.0).collect()
}

#[test]
fn points_that_an_older_version_saved_for_the_choice_are_added_up() {
    let spec = spec(&[], false);
    let points = points(1499);
    let mut bytes = Vec::new();
    let mut w = Writer::new(&mut bytes);
    w.u8(CHOOSING_FROM_POINTS);
    w.i64(0);
    w.varint(1499);
    w.f64s(&points);
    let mut restored = ScoredSeries::restore(&spec, &mut Reader::new(&bytes)).unwrap();
    let last = Observation { time: Time::from_seconds(60), value: 3.0, source: 0 };
    assert_eq!(restored.update(&spec, last, &mut None), ScoreOutcome::WarmingUp);
    let Stage::Scoring { params, .. } = restored.stage else { panic!("{restored:?}") };
    let all = [&points[..], &[3.0]].concat();
    assert_eq!(usize::from(params) + 1, select_order(&all, 50).order);
}

#[test]
fn an_anomaly_score_of_an_older_version_begins_anew_beside_a_model_that_goes_on() {
    let settings = ChangeFinderSettings::from_texts([("k", "2")]).unwrap();
    let plain = ScoreSpec::new(&settings, false, 0, None).unwrap();
    let both = ScoreSpec::new(&settings, false, 0, Some(CalibratedSpec::default())).unwrap();
    let (mut model, mut calibrated) = (ScoredSeries::new(&plain), ScoredSeries::new(&both));
    let point = |n: usize| Observation {
        time: Time::from_seconds(60 * n as i64),
        value: (n * 7919 % 101) as f64,
        source: 0,
    };
    for n in 0..500 {
        model.update(&plain, point(n), &mut None);
        calibrated.update(&both, point(n), &mut None);
    }
    let saved = |series: &ScoredSeries| {
        let mut bytes = Vec::new();
        series.save(&mut Writer::new(&mut bytes));
        bytes
    };
    let (without, whole) = (saved(&model), saved(&calibrated));
    assert!(whole.starts_with(&without), "the anomaly score stands last");
    let current = whole[without.len()];
    // versions 3 and 4 are read: they are shorter, so that the bytes of this one are none
    for version in (0..=current + 1).filter(|version| ![3, 4].contains(version)) {
        let mut bytes = whole.clone();
        bytes[without.len()] = version;
        let mut r = Reader::new(&bytes);
        match ScoredSeries::restore(&both, &mut r) {
            Ok(mut back) if version != current => {
                assert!((1..3).contains(&version) && r.is_empty() && r.is_outdated());
                let mut anomaly = None;
                let scores = model.clone().update(&plain, point(500), &mut None);
                assert_eq!(back.update(&both, point(500), &mut anomaly), scores, "version {version}");
                assert!(anomaly.is_none(), "the anomaly score begins anew");
            }
            Ok(_) => assert!(!r.is_outdated()),
            // neither is one that this program has ever written
            Err(_) => assert!(version == 0 || version > current, "version {version}"),
        }
    }
}

#[test]
fn a_model_that_an_older_version_saved_scores_on() {
    let spec = spec(&[("k", "7")], true);
    let params = &spec.params[0];
    let mut model = ChangeFinder::new(params);
    let x = Finite::new(2.0).unwrap();
    let _ = model.update(params, x);
    let mut bytes = Vec::new();
    let mut w = Writer::new(&mut bytes);
    w.u8(1);
    w.varint(0);
    model.save(&mut w);
    let mut restored = ScoredSeries::restore(&spec, &mut Reader::new(&bytes)).unwrap();
    let next = Observation { time: Time::from_seconds(60), value: 2.0, source: 0 };
    let expected = ScoreOutcome::Scored(model.update(params, x).unwrap());
    assert_eq!(restored.update(&spec, next, &mut None), expected);
}

#[test]
fn a_series_that_chooses_its_order_costs_no_more_than_a_model_of_the_highest_order() {
    let chosen = ScoredSeries::memory_bytes(&spec(&[], true));
    assert_eq!(chosen, ScoredSeries::memory_bytes(&spec(&[("k", "50")], true)));
    assert!(chosen < 2000, "{chosen}");
}
