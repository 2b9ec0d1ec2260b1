//! Typed access to the options of one output: each failure becomes a problem, and reading goes on.

use super::super::names;
use super::key_and_address::{read_base, read_key};
use super::slips::slips;
use super::{HOST_LIMIT, NEAR_MISSES, ShipperSettings};
use crate::config::secret::Secret;
use std::ops::RangeInclusive;
use std::time::Duration;

/// The words of a switch; those in odd places mean "on".
const SWITCH: [&str; 6] = ["off", "on", "false", "true", "no", "yes"];

/// Options while they are read. Empty values count as absent.
pub(super) struct OptionReader<Get, Env> {
    pub(super) get: Get,
    pub(super) env: Env,
    pub(super) problems: Vec<String>,
}

fn filled(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

impl<Get: Fn(&str) -> Option<String>, Env: Fn(&str) -> Option<String>> OptionReader<Get, Env> {
    fn text(&self, option: &str) -> Option<String> {
        filled((self.get)(option))
    }

    fn kept<T>(&mut self, read: Result<T, String>) -> Option<T> {
        read.map_err(|problem| self.problems.push(problem)).ok()
    }

    pub(super) fn refuse_near_misses(&mut self) {
        for (given, meant) in NEAR_MISSES {
            if self.text(given).is_some() {
                self.problems.push(format!("{given}: there is no such option; {meant} is meant"));
            }
        }
        // Fluent Bit takes any name, and tells the output those that it asks for
        let is_known = |name: &str| {
            ShipperSettings::OPTIONS.iter().any(|(option, ..)| *option == name)
                || NEAR_MISSES.iter().any(|(given, _)| *given == name)
        };
        for (meant, ..) in ShipperSettings::OPTIONS {
            for given in slips(meant) {
                if !is_known(&given) && self.text(&given).is_some() {
                    self.problems.push(format!("{given}: there is no such option; {meant} is meant"));
                }
            }
        }
    }

    pub(super) fn key(&mut self) -> Option<Secret> {
        let from_env = filled((self.env)("DD_API_KEY"));
        self.kept(read_key(self.text("dd_api_key"), self.text("dd_api_key_file"), from_env))
    }

    /// The intake's address, and whether it is on this machine.
    pub(super) fn base(&mut self) -> Option<(String, bool)> {
        let from_env = filled((self.env)("DD_SITE"));
        self.kept(read_base(self.text("dd_url"), self.text("dd_site"), from_env))
    }

    /// A host or device name.
    pub(super) fn name(&mut self, option: &str) -> Option<String> {
        let text = self.text(option)?;
        if text.len() > HOST_LIMIT || text.chars().any(char::is_control) {
            self.problems.push(format!(
                "{option}: {} bytes given; at most {HOST_LIMIT}, no control characters",
                text.len()
            ));
        }
        Some(text)
    }

    /// `dd_tags`, cleaned.
    pub(super) fn tags(&mut self) -> Vec<String> {
        let mut tags = Vec::new();
        let given = self.text("dd_tags").unwrap_or_default();
        for given in given.split(',').filter(|text| !text.trim().is_empty()) {
            match names::tag(given) {
                Some(tag) => tags.push(tag),
                None => {
                    self.problems.push(format!("dd_tags: {given:?} holds no letter; a tag begins with one"))
                }
            }
        }
        tags
    }

    /// The place of the given word among those that are allowed.
    pub(super) fn choice(&mut self, option: &str, allowed: &[&str]) -> Option<usize> {
        let given = self.text(option)?;
        let place = allowed.iter().position(|word| word.eq_ignore_ascii_case(&given));
        if place.is_none() {
            self.problems.push(format!("{option}: {given:?} given; allowed are {}", allowed.join(", ")));
        }
        place
    }

    /// An option that is on or off.
    pub(super) fn switch(&mut self, option: &str) -> bool {
        self.choice(option, &SWITCH).is_some_and(|place| place % 2 == 1)
    }

    pub(super) fn seconds(
        &mut self,
        option: &str,
        range: RangeInclusive<f64>,
        default: Duration,
    ) -> Duration {
        let Some(text) = self.text(option) else { return default };
        let seconds = text.strip_suffix('s').unwrap_or(&text).parse::<f64>().ok();
        let allowed = seconds.filter(|seconds| range.contains(seconds)).map(Duration::from_secs_f64);
        allowed.unwrap_or_else(|| {
            let (least, most) = range.into_inner();
            self.problems.push(format!("{option}: {text:?} given; allowed are {least} to {most} seconds"));
            default
        })
    }
}
