//! What else crosses the border: problems of settings, and suggestions.

use fluent_anomaly::detectors::Parameter;
use fluent_anomaly::monitors::{MonitorSuggestion, Timeframe};

use crate::json::Json;
use crate::settings::Problem;

/// `[{"key": .., "message": ..}, ..]`.
#[must_use]
pub fn problems_json(problems: &[Problem]) -> String {
    Json::array(problems.iter().map(|problem| {
        Json::object(|members| {
            members.string("key", &problem.key).string("message", &problem.message);
        })
    }))
}

/// The suggested settings by key, the reasons, and the back-test of all candidates.
#[must_use]
pub fn suggestion_json(suggestion: &MonitorSuggestion) -> String {
    let (band, choice) = (&suggestion.band, suggestion.choice());
    let window =
        Timeframe::from_seconds(choice.alert_window_s).map_or(String::new(), |window| window.to_string());
    let settings = Json::object(|settings| {
        settings
            .string("algorithm", band.algorithm.name())
            .string("deviations", &Json::number(band.deviations))
            .string("interval", &band.interval_s.to_string())
            .string("seasonality", band.seasonality.map_or("", |season| season.word()))
            .string("trigger_window", &window)
            .string("critical", &Json::number(choice.threshold));
    });
    let reasons = Json::array(band.reasons.iter().map(|reason| {
        let key = match reason.about {
            Parameter::Interval => "interval",
            Parameter::Seasonality => "seasonality",
            Parameter::Algorithm => "algorithm",
            Parameter::Deviations => "deviations",
            Parameter::AlertWindow => "trigger_window",
            Parameter::Threshold => "critical",
        };
        Json::object(|members| {
            members.string("key", key).string("text", &reason.text);
        })
    }));
    let candidates = Json::array(suggestion.candidates.iter().map(|candidate| {
        let window = Timeframe::from_seconds(candidate.alert_window_s);
        Json::object(|members| {
            members.string("algorithm", candidate.algorithm.name());
            members.number("deviations", candidate.deviations).number("share", candidate.threshold);
            members.string("window", &window.map_or(String::new(), |window| window.to_string()));
            members.number("alerts", f64::from(candidate.alerts));
            members.number("false_alerts", f64::from(candidate.false_alerts));
            members.number("hits", candidate.hits.len() as f64);
        })
    }));
    Json::object(|all| {
        all.raw("settings", &settings).raw("reasons", &reasons).raw("candidates", &candidates);
        all.number("chosen", suggestion.chosen as f64).number("judged_s", suggestion.judged_s as f64);
        all.number("incidents", suggestion.judged_incidents as f64);
    })
}
