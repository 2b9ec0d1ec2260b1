//! What else crosses the border: problems of settings, and suggestions.

use fluent_anomaly::detectors::{Parameter, Suggestion};

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

/// The suggested settings by key, and the reasons.
#[must_use]
pub fn suggestion_json(suggestion: &Suggestion) -> String {
    let settings = Json::object(|settings| {
        settings
            .string("algorithm", suggestion.algorithm.name())
            .string("deviations", &Json::number(suggestion.deviations))
            .string("interval", &suggestion.interval_s.to_string())
            .string("seasonality", suggestion.seasonality.map_or("", |season| season.word()));
    });
    let reasons = Json::array(suggestion.reasons.iter().map(|reason| {
        let key = match reason.about {
            Parameter::Interval => "interval",
            Parameter::Seasonality => "seasonality",
            Parameter::Algorithm => "algorithm",
            Parameter::Deviations => "deviations",
        };
        Json::object(|members| {
            members.string("key", key).string("text", &reason.text);
        })
    }));
    Json::object(|all| {
        all.raw("settings", &settings).raw("reasons", &reasons);
    })
}
