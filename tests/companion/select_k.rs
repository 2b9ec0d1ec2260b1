//! `fluent-anomaly select-k` as a user runs it: from a fake API, and from files.

use crate::common::api::{folder, points, run, value};
use crate::common::http_server::{Answer, Server};
use fluent_anomaly::detectors::{order_fits, select_order};
use std::fs;

/// 2026-01-10 12:00 UTC.
const START: i64 = 1_768_046_400;

fn wave() -> Vec<f64> {
    (0..300).map(|minute| value(0, START / 60 + minute)).collect()
}

fn line(values: &[f64], max_k: usize) -> String {
    let best = select_order(values, max_k);
    format!("k = {} (AIC = {})\n", best.order, best.aic)
}

#[test]
fn a_file_of_any_form_gives_the_line_of_the_seed() {
    let values = wave();
    let forms = [
        values.iter().map(|value| format!("{value}\n")).collect::<String>(),
        values
            .iter()
            .enumerate()
            .fold("time,value\n".to_owned(), |all, (at, value)| format!("{all}{},{value}\n", at * 60)),
        values.iter().enumerate().fold(String::new(), |all, (at, value)| {
            format!("{all}{{\"time\":{},\"raw_value\":{value}}}\n", at * 60)
        }),
    ];
    let place = folder("");
    for form in forms {
        fs::write(place.path().join("values"), &form).unwrap();
        for max_k in [7, 50] {
            let (status, out, error) =
                run(&place, &["select-k", "--input", "values", "--max-k", &max_k.to_string()]);
            assert_eq!((status, out), (0, line(&values, max_k)), "{error}{form:.100}");
        }
    }
}

#[test]
fn json_holds_the_aic_of_every_order() {
    let (place, values) = (folder(""), wave());
    let text: String = values.iter().map(|value| format!("{value}\n")).collect();
    fs::write(place.path().join("values"), text).unwrap();
    let (_, out, _) = run(&place, &["select-k", "--input", "values", "--max-k", "9", "--format", "json"]);
    let out: serde_json::Value = serde_json::from_str(&out).unwrap();
    let fits = order_fits(&values, 9);
    let series = &out["series"][0];
    assert_eq!(series["k"], select_order(&values, 9).order);
    assert_eq!(series["orders"].as_array().unwrap().len(), 9);
    for (fit, order) in fits.iter().zip(series["orders"].as_array().unwrap()) {
        assert_eq!((order["k"].as_u64(), order["aic"].as_f64()), (Some(fit.order as u64), Some(fit.aic)));
    }
}

#[test]
fn a_section_with_two_scopes_gives_a_line_for_each_and_one_for_both() {
    let datadog = Server::start(|request, _| points(request, 2));
    let text =
        format!("[general]\napi_url: {}\n[datadog.cpu]\nquery: avg:cpu{{*}} by {{host}}\n", datadog.url);
    let range = ["--start", "2026-01-10 12:00", "--end", "2026-01-10 17:00", "--max-k", "8"];
    let hosts: Vec<Vec<f64>> =
        (0..2).map(|host| (0..=300).map(|minute| value(host, START / 60 + minute)).collect()).collect();
    let (status, out, error) = run(&folder(&text), &[&["select-k", "cpu"], &range[..]].concat());
    assert_eq!(status, 0, "{error}");
    let sums: Vec<f64> =
        order_fits(&hosts[0], 8).iter().zip(order_fits(&hosts[1], 8)).map(|(a, b)| a.aic + b.aic).collect();
    let least = sums.iter().copied().fold(f64::INFINITY, f64::min);
    let both = sums.iter().position(|sum| *sum == least).unwrap() + 1;
    assert_eq!(
        out,
        format!(
            "datadog.cpu host:h0: {}datadog.cpu host:h1: {}datadog.cpu: k = {both} (AIC = {least})\n",
            line(&hosts[0], 8),
            line(&hosts[1], 8)
        )
    );
    // one model for all scopes learns them minute by minute
    let (_, out, _) = run(&folder(&format!("{text}per: section\n")), &[&["select-k"], &range[..]].concat());
    let woven: Vec<f64> = hosts[0].iter().zip(&hosts[1]).flat_map(|(a, b)| [*a, *b]).collect();
    assert_eq!(out, line(&woven, 8));
}

#[test]
fn what_gives_no_order_is_said() {
    let datadog = Server::start(|_, _| Answer::json(r#"{"status":"ok","series":[]}"#));
    let text = format!("[general]\napi_url: {}\n[datadog.cpu]\nquery: avg:cpu{{*}}\n", datadog.url);
    let place = folder(&text);
    for (name, content) in [
        ("one", "1\n"),
        ("word", "1\n2\nfast\n"),
        ("nan", "1\nNaN\n"),
        ("empty", ""),
        ("table", "a,b\n1,2\n"),
    ] {
        fs::write(place.path().join(name), content).unwrap();
    }
    for (args, status, said) in [
        (&["--input", "one"][..], 1, "two or more finite values"),
        (&["--input", "word"], 2, "line 3: \"fast\" is not allowed: a finite number"),
        (&["--input", "nan"], 2, "line 2: \"NaN\" is not allowed"),
        (&["--input", "empty"], 2, "the file is empty"),
        (&["--input", "table"], 2, "no time among"),
        (&["--input", "missing"], 2, "missing: cannot be read"),
        (&["--input", "one", "--start", "0"], 2, "cannot be used with"),
        (&["--max-k", "0"], 2, "a whole number is wanted, 1 to 100"),
        (&["disk"], 2, "no section [datadog.disk]; there are: cpu"),
        (&["--start", "2026-01-01", "--end", "2026-01-01 02:00"], 1, "no points in that range"),
    ] {
        let (got, out, error) = run(&place, &[&["select-k"], args].concat());
        assert!(got == status && error.contains(said) && out.is_empty(), "{args:?}: {got} {out}{error}");
    }
}
