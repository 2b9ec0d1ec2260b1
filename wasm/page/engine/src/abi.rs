//! Plain exports for the page: one series, texts and columns by address. Every `unsafe` of this crate is here, and
//! all of it is the attribute that keeps a name.
//!
//! The page writes points or text where it is told, calls, and reads the reply before the next call. Settings are
//! `key=value` lines; replies are JSON.

use std::cell::RefCell;

use fluent_anomaly::monitors::KnownIncident;

use crate::alarms::Alarms;
use crate::copy::{Copies, summary_json};
use crate::evaluation::{Columns, Evaluation};
use crate::fleet::{FleetAlarms, RarePoint, outliers, outliers_json};
use crate::json::Json;
use crate::replies::{problems_json, suggestion_json};
use crate::series::Preview;
use crate::settings::{Checked, Settings};

#[derive(Default)]
struct Page {
    points: Vec<f64>, // all times, then all values
    text: Vec<u8>,
    preview: Option<Preview>,
    evaluation: Evaluation,
    alarms: Alarms,
    members: Vec<Preview>,
    reply: String,
}

thread_local! {
    static PAGE: RefCell<Page> = RefCell::default();
}

/// Room for the times of `n` points and, behind them, their values.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn points(n: usize) -> *mut f64 {
    PAGE.with_borrow_mut(|page| {
        page.points.clear();
        page.points.resize(2 * n, 0.0);
        page.points.as_mut_ptr()
    })
}

/// Room for the settings, in bytes.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn text(n: usize) -> *mut u8 {
    PAGE.with_borrow_mut(|page| {
        page.text.clear();
        page.text.resize(n, 0);
        page.text.as_mut_ptr()
    })
}

/// Takes the points as the series to be evaluated, with silence until a time behind them (s); 0 when they are none,
/// with a reply that says why.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn load(until_s: f64) -> u32 {
    PAGE.with_borrow_mut(|page| {
        let points = std::mem::take(&mut page.points);
        let (times, values) = points.split_at(points.len() / 2);
        let loaded = Preview::new(times, values);
        page.answer(loaded.map(|preview| (Some(preview.until(until_s)), String::new())), |page, preview| {
            page.preview = preview;
        })
    })
}

/// Evaluates the series under the settings; 0 when they have problems, with a reply that lists them.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn evaluate() -> u32 {
    with_preview(&mut |page, preview, settings, checked| {
        page.evaluation = preview.evaluate(checked);
        Copies::new(settings, checked).to_json(&page.evaluation.summary, &checked.monitor)
    })
}

/// Counts what the monitor of the settings says of the series; 0 as in `evaluate`. The columns stay as they are.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn summary() -> u32 {
    with_preview(&mut |_, preview, _, checked| summary_json(&preview.summary(checked)))
}

/// Scores the series under the budget of the settings; 0 as in `evaluate`.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn alarms() -> u32 {
    with_preview(&mut |page, preview, _, checked| {
        page.alarms = preview.alarms(checked);
        page.alarms.to_json()
    })
}

/// Judges rare points of all series under one budget; 0 as in `evaluate`. Of `count` points the buffer holds times, series,
/// log10 s and sizes; behind them the first and last second of each series.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn fleet(count: usize) -> u32 {
    with_settings(&mut |page, _, checked| {
        let points = std::mem::take(&mut page.points);
        let column = |n: usize| points.get(n * count..(n + 1) * count).unwrap_or_default().iter();
        let rare: Vec<RarePoint> = column(0)
            .zip(column(1))
            .zip(column(2).zip(column(3)))
            .map(|((&time_s, &series), (&log10_s, &size))| RarePoint {
                time_s: time_s as i64,
                series: series as u32,
                log10_s,
                size: size as f32,
            })
            .collect();
        let (lives, _) = points.get(4 * count..).unwrap_or_default().as_chunks::<2>();
        let lives: Vec<(i64, i64)> = lives.iter().map(|&[from, to]| (from as i64, to as i64)).collect();
        let found = checked.budget.map(|budget| FleetAlarms::of(budget, &rare, &lives));
        found.unwrap_or_default().to_json()
    })
}

/// Takes the points as one more member of the group; 0 as in `load`.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn member() -> u32 {
    PAGE.with_borrow_mut(|page| {
        let points = std::mem::take(&mut page.points);
        let (times, values) = points.split_at(points.len() / 2);
        let loaded = Preview::new(times, values);
        page.answer(loaded.map(|member| (member, String::new())), |page, member| page.members.push(member))
    })
}

/// Compares the members with each other, and forgets them; 0 as in `evaluate`.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn compare() -> u32 {
    with_settings(&mut |page, _, checked| {
        let members = std::mem::take(&mut page.members);
        let found = checked.group.map_or_else(Vec::new, |spec| outliers(&spec, &members));
        outliers_json(&found)
    })
}

/// Checks the settings in the text; their problems are the reply, or what `work` makes of them.
fn with_settings(work: &mut dyn FnMut(&mut Page, &Settings, &Checked) -> String) -> u32 {
    PAGE.with_borrow_mut(|page| {
        let settings = Settings::from_lines(&String::from_utf8_lossy(&page.text));
        let checked = settings.check();
        let (reply, is_fine) = match &checked {
            Ok(checked) => (work(page, &settings, checked), 1),
            Err(problems) => (problems_json(problems), 0),
        };
        page.reply = reply;
        is_fine
    })
}

/// The same for the series that is loaded; 0 without a reply where none is.
fn with_preview(work: &mut dyn FnMut(&mut Page, &mut Preview, &Settings, &Checked) -> String) -> u32 {
    if PAGE.with_borrow(|page| page.preview.is_none()) {
        return 0;
    }
    with_settings(&mut |page, settings, checked| {
        let Some(mut preview) = page.preview.take() else { return String::new() };
        let reply = work(page, &mut preview, settings, checked);
        page.preview = Some(preview);
        reply
    })
}

/// Suggests settings; 0 when there is nothing to suggest, with a reply that says why. The text holds the known
/// incidents, one a line: first and last second.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn suggest() -> u32 {
    PAGE.with_borrow_mut(|page| {
        let Some(preview) = &page.preview else { return 0 };
        let known = known_incidents(&String::from_utf8_lossy(&page.text));
        let suggested = preview.suggest(&known).map(|suggestion| ((), suggestion_json(&suggestion)));
        page.answer(suggested, |_, ()| {})
    })
}

/// Lines that are no two numbers are left out.
fn known_incidents(text: &str) -> Vec<KnownIncident> {
    let incident = |line: &str| {
        let (from, to) = line.split_once(' ')?;
        let second = |text: &str| text.parse::<f64>().ok().filter(|second| second.is_finite());
        Some(KnownIncident { from_s: second(from)?.floor() as i64, to_s: second(to)?.ceil() as i64 })
    };
    text.lines().filter_map(incident).collect()
}

impl Page {
    fn answer<T, E: std::fmt::Display>(
        &mut self,
        outcome: Result<(T, String), E>,
        keep: impl FnOnce(&mut Self, T),
    ) -> u32 {
        match outcome {
            Ok((value, reply)) => {
                keep(self, value);
                self.reply = reply;
                1
            }
            Err(error) => {
                self.reply = Json::string(&error.to_string());
                0
            }
        }
    }
}

/// Address of the reply, UTF-8.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn reply() -> *const u8 {
    PAGE.with_borrow(|page| page.reply.as_ptr())
}

/// Its length, bytes.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn reply_len() -> usize {
    PAGE.with_borrow(|page| page.reply.len())
}

/// Address of a column: 0 time, 1 value, 2 expected, 3 lower, 4 upper, 5 share, 6 outlier, 7 change, 10
/// anomaly score (numbers), 8 anomalous, 9 status (bytes).
#[unsafe(no_mangle)]
pub(crate) extern "C" fn column(number: u32) -> *const u8 {
    PAGE.with_borrow(|page| {
        let columns = &page.evaluation.columns;
        match number {
            8 => columns.anomalous.as_ptr(),
            9 => columns.status.as_ptr(),
            10 => page.alarms.scores.as_ptr().cast(),
            _ => numbers(columns, number).as_ptr().cast(),
        }
    })
}

/// Its length, numbers or bytes.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn column_len(number: u32) -> usize {
    PAGE.with_borrow(|page| {
        let columns = &page.evaluation.columns;
        match number {
            8 => columns.anomalous.len(),
            9 => columns.status.len(),
            10 => page.alarms.scores.len(),
            _ => numbers(columns, number).len(),
        }
    })
}

fn numbers(columns: &Columns, number: u32) -> &[f64] {
    match number {
        0 => &columns.time,
        1 => &columns.value,
        2 => &columns.expected,
        3 => &columns.lower,
        4 => &columns.upper,
        5 => &columns.share,
        6 => &columns.outlier,
        _ => &columns.change,
    }
}
