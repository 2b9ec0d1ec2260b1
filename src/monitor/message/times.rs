//! `{{last_triggered_at}}`, `{{local_time ...}}`: moments as texts.

use super::Facts;
use crate::monitor::alert::Triggered;
use crate::monitor::zone::Zone;
use crate::time::{date_of, utc_text};

/// What `first_triggered_at` and `last_triggered_at` stand for; the outer `None`: the name is another one.
pub(super) fn moment_s(name: &str, facts: &Facts<'_>) -> Option<Option<i64>> {
    match name {
        "first_triggered_at" => Some(facts.triggered.map(Triggered::first_s)),
        "last_triggered_at" => Some(facts.triggered.map(Triggered::last_s)),
        _ => None,
    }
}

/// `local_time 'last_triggered_at' 'Europe/Vienna'`; without a zone, in UTC. The outer `None`: that is no such call.
#[inline(never)] // stack
pub(super) fn local_time(call: &str, facts: &Facts<'_>) -> Option<Option<String>> {
    let mut texts = call.split(['\'', '"']).skip(1).step_by(2);
    let moment_s = moment_s(texts.next()?.trim(), facts)?;
    let zone = Zone::named(texts.next().unwrap_or("UTC").trim()).ok()?;
    let Some(time_s) = moment_s else { return Some(None) };
    let offset_s = zone.span(time_s).offset_s;
    let local = time_s.saturating_add(offset_s.into());
    let ((year, month, day), of_day) = (date_of(local.div_euclid(86_400)), local.rem_euclid(86_400));
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    let (sign, offset) = if offset_s < 0 { ('-', -offset_s) } else { ('+', offset_s) };
    Some(Some(format!(
        "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}{sign}{:02}:{:02}",
        offset / 3600,
        offset / 60 % 60
    )))
}

/// A moment in UTC.
pub(super) fn utc(time_s: Option<i64>) -> Option<String> {
    time_s.map(utc_text)
}
