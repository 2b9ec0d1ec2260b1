//! The Numenta benchmark's standard profile (v1): a window earns what its earliest detection is worth, a window without
//! one costs 1, a detection outside costs up to 0.11; one threshold for all files.

use crate::recorded::{Recorded, Spans, numenta_folder, rows, spans};
use crate::{finite, in_parallel};
use fluent_anomaly::{
    detectors::{Calibrated, CalibratedSpec, Finite},
    internals::Tuning,
};
use std::collections::BTreeSet;

const FALSE_POSITIVE: f64 = 0.11;
/// Share of a file that is not judged, of at most so many rows.
const PROBATION: f64 = 0.15;
const PROBATION_ROWS: f64 = 5000.0;

/// One row that is judged.
#[derive(Debug, Clone, Copy)]
struct Row {
    /// Worth of a detection here.
    worth: f64,
    /// Number of the window that holds it.
    window: Option<u32>,
}

/// A file with its labels.
struct Labelled {
    series: Recorded,
    /// First row that is judged, and the rows from there on.
    from: usize,
    rows: Vec<Row>,
}

impl Labelled {
    fn folder(&self) -> &str {
        self.series.name.split('/').next().unwrap_or_default()
    }
}

fn sigmoid(y: f64) -> f64 {
    if y > 3.0 { -1.0 } else { 2.0 / (1.0 + (5.0 * y).exp()) - 1.0 }
}

fn read() -> Vec<Labelled> {
    let folder = numenta_folder();
    let labels = spans(&folder.join("labels/combined_windows.json"));
    let mut windows = 0;
    let files = rows(&folder.join("data")).into_iter().filter(|series| labels.contains_key(&series.name));
    files.map(|series| label(series, &labels, &mut windows)).collect()
}

fn label(series: Recorded, labels: &Spans, windows: &mut u32) -> Labelled {
    let n = series.times_s.len();
    let mut all = vec![Row { worth: -1.0, window: None }; n];
    let row_of = |time: f64| series.times_s.iter().position(|other| *other == time).expect("a row");
    let spans: Vec<[usize; 2]> = labels[&series.name].iter().map(|span| span.map(row_of)).collect();
    for (k, [first, last]) in spans.iter().copied().enumerate() {
        let width = (last - first + 1) as f64;
        let end = spans.get(k + 1).map_or(n, |next| next[0]);
        for (row, slot) in all.iter_mut().enumerate().take(end).skip(first) {
            let past = row as f64 - last as f64;
            *slot = if row > last {
                Row { worth: sigmoid(past / (width - 1.0).max(1e-9)), window: None }
            } else {
                Row { worth: sigmoid((past - 1.0) / width) / sigmoid(-1.0), window: Some(*windows) }
            };
        }
        *windows += 1;
    }
    let from = (PROBATION * (n as f64).min(PROBATION_ROWS)).floor() as usize;
    Labelled { rows: all.split_off(from), series, from }
}

fn scores(tuning: Tuning, files: &[Labelled]) -> Vec<Vec<f64>> {
    let spec = CalibratedSpec { tuning, ..CalibratedSpec::default() };
    in_parallel(files.len() as u64, |i| {
        let file = &files[i as usize];
        let mut score = Calibrated::new(&spec);
        let points = file.series.times_s.iter().zip(&file.series.values);
        let all: Vec<f64> = points
            .map(|(time, value)| {
                let value = Finite::new(*value);
                value.and_then(|x| score.update(&spec, finite(*time), x)).map_or(0.0, |rarity| rarity.score)
            })
            .collect();
        all[file.from..].to_vec()
    })
}

/// Raw score at each threshold, from the highest down.
fn sweep<'a>(files: impl Iterator<Item = (&'a Labelled, &'a Vec<f64>)>) -> (f64, Vec<(f64, f64)>) {
    let mut rows: Vec<(f64, Row)> = Vec::new();
    let mut windows = BTreeSet::new();
    for (file, scores) in files {
        windows.extend(file.rows.iter().filter_map(|row| row.window));
        rows.extend(scores.iter().copied().zip(file.rows.iter().copied()));
    }
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut best = std::collections::BTreeMap::new();
    let mut raw = -(windows.len() as f64);
    let mut steps = vec![(f64::INFINITY, raw)];
    for (i, (score, row)) in rows.iter().enumerate() {
        match row.window {
            Some(window) => {
                let most = best.entry(window).or_insert(-1.0f64);
                raw += (row.worth - *most).max(0.0);
                *most = most.max(row.worth);
            }
            None => raw += FALSE_POSITIVE * row.worth,
        }
        if rows.get(i + 1).is_none_or(|next| next.0 != *score) {
            steps.push((*score, raw));
        }
    }
    (windows.len() as f64, steps)
}

fn best(steps: &[(f64, f64)]) -> (f64, f64) {
    steps.iter().copied().fold(
        (f64::INFINITY, f64::NEG_INFINITY),
        |best, step| {
            if step.1 > best.1 { step } else { best }
        },
    )
}

fn at(steps: &[(f64, f64)], threshold: f64) -> f64 {
    steps.iter().take_while(|(score, _)| *score >= threshold).last().map_or(0.0, |step| step.1)
}

fn normalised(raw: f64, windows: f64) -> f64 {
    100.0 * (raw + windows) / (2.0 * windows)
}

/// One setting, its threshold searched on all files.
pub(crate) fn run(tuning: Tuning) {
    let files = read();
    let scores = scores(tuning, &files);
    let (windows, steps) = sweep(files.iter().zip(&scores));
    let (threshold, raw) = best(&steps);
    let (mut found, mut runs, mut rows) = (BTreeSet::new(), 0u32, 0usize);
    for (file, scores) in files.iter().zip(&scores) {
        let mut was = false;
        rows += scores.len();
        for (score, row) in scores.iter().zip(&file.rows) {
            let hit = *score >= threshold;
            found.extend(row.window.filter(|_| hit));
            let is_false = hit && row.window.is_none();
            runs += u32::from(is_false && !was);
            was = is_false;
        }
    }
    println!(
        "{} files, {windows} windows: {:.1}, threshold {threshold:.3}, {} windows found, {:.2} false alarms per 1000 points",
        files.len(),
        normalised(raw, windows),
        found.len(),
        1000.0 * f64::from(runs) / rows as f64
    );
}

/// Tuned without a folder (a grid of settings and the threshold), measured on it.
pub(crate) fn crossed(tuning: Tuning) {
    let files = read();
    let mut grid = Vec::new();
    for window_s in [5400.0, 7200.0, 9720.0] {
        for excess in [0.8, 1.0, 1.25] {
            for shape in [4.0, 8.0, 16.0] {
                for echo in [-0.1, 0.0, 0.1] {
                    let echo = tuning.echo + echo;
                    grid.push(scores(Tuning { window_s, excess, shape, echo, ..tuning }, &files));
                }
            }
        }
    }
    let folders: BTreeSet<&str> = files.iter().map(Labelled::folder).collect();
    let (mut sum, mut judged, mut pooled, mut all) = (0.0, 0.0, 0.0, 0.0);
    for folder in folders {
        let part = |scores: &Vec<Vec<f64>>, inside: bool| {
            sweep(files.iter().zip(scores).filter(|(file, _)| (file.folder() == folder) == inside))
        };
        let mut chosen = (f64::NEG_INFINITY, 0.0, 0);
        for (setting, scores) in grid.iter().enumerate() {
            let (threshold, raw) = best(&part(scores, false).1);
            if raw > chosen.0 {
                chosen = (raw, threshold, setting);
            }
        }
        let (windows, steps) = part(&grid[chosen.2], true);
        let raw = at(&steps, chosen.1);
        pooled += raw;
        all += windows;
        if windows > 0.0 {
            println!("{folder:24} {:5.1} of {windows} windows", normalised(raw, windows));
            sum += normalised(raw, windows);
            judged += 1.0;
        }
    }
    println!("mean {:.1}, pooled {:.1}", sum / judged, normalised(pooled, all));
}
