//! What a person would write in a few lines: the distance from the median of the same time on the last seven days, over
//! the usual distance of the last three days. A causal score; its threshold is chosen in hindsight.

use crate::DAY_S;
use crate::recorded::{Recorded, median_of_sorted};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Standard deviation of a Gaussian over the median of its absolute values.
const SD_PER_MEDIAN: f64 = 1.4826;
/// Points whose distances are needed before there is a usual one.
const FEWEST: usize = 48;

/// The score of each point, 0 while nothing is known.
pub(crate) fn seasonal_mad(series: &Recorded) -> Vec<f64> {
    let spacing_s = series.spacing_s();
    let day = ((DAY_S / spacing_s).round_ties_even() as usize).max(2);
    let places: Vec<usize> = (series.times_s.iter())
        .map(|time| ((time - series.times_s[0]) / spacing_s).round_ties_even() as usize)
        .collect();
    let mut grid = vec![f64::NAN; places.last().map_or(0, |last| last + 1)];
    places.iter().zip(&series.values).for_each(|(place, value)| grid[*place] = *value);
    let offsets: &[isize] = if spacing_s <= 300.0 { &[-2, 0, 2] } else { &[0] };
    let mut residuals = Window::new(3 * day);
    let mut sizes = Growing::default();
    let mut scores = vec![0.0; grid.len()];
    let mut past = Vec::with_capacity(21);
    for (i, value) in grid.iter().enumerate() {
        let scale = residuals.median(day.min(FEWEST));
        let least = 1e-3 * sizes.median() + 1e-9;
        past.clear();
        for days in 1..=7 {
            for offset in offsets {
                let back = (days * day).wrapping_add_signed(*offset);
                past.extend(i.checked_sub(back).map(|i| grid[i]).filter(|past| !past.is_nan()));
            }
        }
        past.sort_unstable_by(f64::total_cmp);
        let residual = (value - median_of_sorted(&past)).abs();
        let score = residual / (SD_PER_MEDIAN * scale + least);
        scores[i] = if score.is_nan() { 0.0 } else { score };
        residuals.push(residual);
        sizes.push(value.abs());
    }
    places.iter().map(|place| scores[*place]).collect()
}

/// The last values, in order of time and of size; NaN takes a place in time only.
struct Window {
    longest: usize,
    in_time: std::collections::VecDeque<f64>,
    sorted: Vec<f64>,
}

impl Window {
    fn new(longest: usize) -> Self {
        Self { longest, in_time: std::collections::VecDeque::new(), sorted: Vec::new() }
    }

    fn push(&mut self, value: f64) {
        if self.in_time.len() == self.longest
            && let Some(oldest) = self.in_time.pop_front()
            && let Ok(i) = self.sorted.binary_search_by(|other| other.total_cmp(&oldest))
        {
            self.sorted.remove(i);
        }
        self.in_time.push_back(value);
        if !value.is_nan() {
            let i = self.sorted.partition_point(|other| *other < value);
            self.sorted.insert(i, value);
        }
    }

    fn median(&self, fewest: usize) -> f64 {
        if self.sorted.len() < fewest { f64::NAN } else { median_of_sorted(&self.sorted) }
    }
}

/// All values so far, in two halves; their bits order them, for they are not negative.
#[derive(Default)]
struct Growing {
    lower: BinaryHeap<u64>,
    upper: BinaryHeap<Reverse<u64>>,
}

impl Growing {
    fn push(&mut self, value: f64) {
        if value.is_nan() {
            return;
        }
        self.lower.push(value.to_bits());
        let largest = self.lower.pop().expect("just pushed");
        self.upper.push(Reverse(largest));
        if self.upper.len() > self.lower.len() {
            let smallest = self.upper.pop().expect("just pushed").0;
            self.lower.push(smallest);
        }
    }

    fn median(&self) -> f64 {
        let below = self.lower.peek().map_or(f64::NAN, |bits| f64::from_bits(*bits));
        match self.upper.peek() {
            Some(Reverse(above)) if self.upper.len() == self.lower.len() => {
                0.5 * (below + f64::from_bits(*above))
            }
            _ => below,
        }
    }
}

/// Times at which the score reaches the lowest threshold with at most `most` alarms, a long one counted once each three
/// holds; as alarms.
pub(crate) fn at_load(
    times_s: &[f64],
    scores: &[f64],
    most: usize,
    hold_s: f64,
    from_s: f64,
) -> Vec<Vec<f64>> {
    let judged = || times_s.iter().zip(scores).filter(|(time, _)| **time >= from_s);
    let mut thresholds: Vec<f64> = judged().map(|(_, score)| *score).collect();
    thresholds.sort_by(|a, b| b.total_cmp(a));
    thresholds.dedup();
    let (mut low, mut high) = (0, thresholds.len());
    let mut best = Vec::new();
    while low < high {
        let middle = (low + high - 1) / 2;
        let least = thresholds[middle];
        let alarms = grouped(judged().filter(|(_, score)| **score >= least).map(|(time, _)| *time), hold_s);
        let load: usize = alarms
            .iter()
            .map(|alarm| 1 + ((alarm[alarm.len() - 1] - alarm[0]) / (3.0 * hold_s)).floor() as usize)
            .sum();
        if load <= most {
            best = alarms;
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    best
}

fn grouped(times_s: impl Iterator<Item = f64>, hold_s: f64) -> Vec<Vec<f64>> {
    let mut alarms: Vec<Vec<f64>> = Vec::new();
    for time in times_s {
        match alarms.last_mut() {
            Some(alarm) if alarm.last().is_some_and(|last| time - last <= hold_s) => alarm.push(time),
            _ => alarms.push(vec![time]),
        }
    }
    alarms
}
