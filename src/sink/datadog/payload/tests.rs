use super::super::batch::Batch;
use super::super::json_lines;
use super::super::settings::{Compression, IntakeApi, Limits, ShipperSettings};
use super::{Payload, build};
use proptest::prelude::*;

const NOW: i64 = 1_000_000;

fn batch(text: &str) -> Batch {
    let key = |name: &str| (name == "dd_api_key").then(|| "k".to_owned());
    let mut batch = Batch::new(&ShipperSettings::read(key, |_| None).unwrap());
    for line in text.lines() {
        json_lines::line(line.as_bytes(), "", NOW as f64, &mut batch);
    }
    batch
}

fn plain(batch: &Batch, from: u64, limits: &Limits, api: IntakeApi) -> Payload {
    build(batch, from, NOW, limits, api, Compression::Off)
}

fn text(payload: &Payload) -> &str {
    std::str::from_utf8(&payload.body).unwrap()
}

const TWO_SERIES: &str = r#"{"metric":"a","value":0.5,"time":999990,"host":"web\"1","device":"sda","tags":"x:1,y"}
{"metric":"b","value":-1e300,"type":"rate","interval":60}
{"metric":"a","value":2,"time":1000000,"host":"web\"1","device":"sda","tags":"y,x:1"}"#;

#[test]
fn v2_bodies_are_literally_this() {
    let payload = plain(&batch(TWO_SERIES), 0, &Limits::default(), IntakeApi::V2);
    assert_eq!(
        text(&payload),
        concat!(
            r#"{"series":[{"metric":"a","type":3,"points":[{"timestamp":999990,"value":0.5},"#,
            r#"{"timestamp":1000000,"value":2.0}],"#,
            r#""resources":[{"name":"web\"1","type":"host"},{"name":"sda","type":"device"}],"#,
            r#""tags":["x:1","y"]},"#,
            r#"{"metric":"b","type":2,"points":[{"timestamp":1000000,"value":-1e+300}],"interval":60}]}"#
        )
    );
    assert_eq!((payload.points, payload.end), (3, 3));
}

#[test]
fn v1_bodies_are_literally_this() {
    let payload = plain(&batch(TWO_SERIES), 0, &Limits::default(), IntakeApi::V1);
    assert_eq!(
        text(&payload),
        concat!(
            r#"{"series":[{"metric":"a","type":"gauge","points":[[999990,0.5],[1000000,2.0]],"#,
            r#""host":"web\"1","tags":["x:1","y","device:sda"]},"#,
            r#"{"metric":"b","type":"rate","points":[[1000000,-1e+300]],"interval":60}]}"#
        )
    );
}

#[test]
fn points_outside_the_window_are_counted_and_left_out() {
    let lines: Vec<_> = [-3601, -3600, 0, 600, 601]
        .iter()
        .map(|d| format!(r#"{{"metric":"m","value":1,"time":{}}}"#, NOW + d))
        .collect();
    let payload = plain(&batch(&lines.join("\n")), 0, &Limits::default(), IntakeApi::V1);
    assert_eq!(
        text(&payload),
        r#"{"series":[{"metric":"m","type":"gauge","points":[[996400,1.0],[1000000,1.0],[1000600,1.0]]}]}"#
    );
    assert_eq!(payload.dropped.to_string(), "1 more than 1 h old, 1 more than 10 min ahead");
    assert_eq!((payload.points, payload.end), (3, 5));
}

#[test]
fn a_point_limit_cuts_inside_and_between_series() {
    let batch = batch(TWO_SERIES);
    let limits = Limits { points: 1, ..Limits::default() };
    let ends: Vec<_> = (0..4).map(|from| plain(&batch, from, &limits, IntakeApi::V1)).collect();
    assert_eq!(ends.iter().map(|p| (p.points, p.end)).collect::<Vec<_>>(), [(1, 1), (1, 2), (1, 3), (0, 3)]);
    assert_eq!(
        text(&ends[1]),
        r#"{"series":[{"metric":"a","type":"gauge","points":[[1000000,2.0]],"host":"web\"1","tags":["x:1","y","device:sda"]}]}"#
    );
    assert_eq!(text(&ends[3]), r#"{"series":[]}"#);
}

#[test]
fn noise_that_hardly_compresses_is_split_below_the_compressed_limit() {
    let mut bits = 1_u64;
    let mut noise = || {
        bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from_bits(bits >> 12 | 0x3ff0_0000_0000_0000)
    };
    let lines: Vec<_> = (0..5000).map(|_| format!(r#"{{"metric":"m","value":{}}}"#, noise())).collect();
    let batch = batch(&lines.join("\n"));
    let limits = Limits { compressed: 10_000, ..Limits::default() };
    let (mut at, mut bodies) = (0, 0);
    while at < batch.len() {
        let payload = build(&batch, at, NOW, &limits, IntakeApi::V2, Compression::Deflate);
        assert!(payload.body.len() <= 10_000 && payload.points > 100, "{} points", payload.points);
        (at, bodies) = (payload.end, bodies + 1);
    }
    assert!(bodies > 1);
}

proptest! {
    /// Whatever the limits, the bodies are valid JSON, hold every point once and in order, and keep the bounds.
    #[test]
    fn splitting_loses_and_doubles_nothing(
        series in proptest::collection::vec((0_u8..5, "[ -~]{0,12}"), 0..60),
        points in 1_u64..20,
        raw in 50_usize..2000,
        v1: bool,
    ) {
        let mut batch = batch("");
        for (place, (metric, tags)) in series.iter().enumerate() {
            let line = serde_json::json!({"metric": format!("m{metric}"), "value": place, "tags": tags});
            json_lines::line(line.to_string().as_bytes(), "", NOW as f64, &mut batch);
        }
        let wanted: Vec<f64> = batch.series().iter().flat_map(|s| &s.points).map(|p| p.value).collect();
        let limits = Limits { points, raw, ..Limits::default() };
        let (mut at, mut seen) = (0, Vec::new());
        while at < batch.len() {
            let payload = plain(&batch, at, &limits, if v1 { IntakeApi::V1 } else { IntakeApi::V2 });
            prop_assert!(payload.points == 1 || payload.body.len() <= raw);
            prop_assert!(payload.points <= points && payload.end > at);
            let json: serde_json::Value = serde_json::from_slice(&payload.body).unwrap();
            for series in json["series"].as_array().unwrap() {
                for point in series["points"].as_array().unwrap() {
                    seen.push(if v1 { &point[1] } else { &point["value"] }.as_f64().unwrap());
                }
            }
            at = payload.end;
        }
        prop_assert_eq!(seen, wanted);
    }
}
