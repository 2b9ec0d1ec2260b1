//! Whether a history repeats itself after a given time.
//!
//! Each season is forecast from those before it, up to six: the mean of their shapes, the level and the usual growth
//! taken out. What the forecast takes off the absolute deviations of the season is its skill; the noise
//! of a profile of n seasons, sqrt(1 + 1/n) of the series' own, is taken out of the account. White noise and
//! wandering levels have a skill around 0.

use super::season::Seasonality;
use crate::detector::sort_numbers;

/// Seasons that make a profile at most, and that a judgement needs at least.
const MOST_SEASONS: usize = 6;
const LEAST_SEASONS: usize = 3;
/// Share of the points of a usual season that a season has to hold.
const FILLED: f64 = 0.6;

/// What the past says about the next season.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Skill {
    /// Fewer than three seasons.
    TooShort,
    /// Share of the deviations explained out of sample, below 1; the median of the seasons. And how large it has to
    /// be: wandering levels look alike now and then, the more easily the fewer seasons were judged.
    Explains { share: f64, needed: f64 },
}

/// Judges `season` on a history in buckets of `interval` seconds.
pub(super) fn skill(history: &[(i64, f64)], interval: u32, season: Seasonality) -> Skill {
    let m = season.seconds().div_ceil(interval) as usize;
    let seasons = split(history, m);
    if seasons.len() < LEAST_SEASONS {
        return Skill::TooShort;
    }
    let growth = median(seasons.windows(2).map(|w| level(&w[1]) - level(&w[0])).collect());
    let shapes: Vec<Vec<Option<f64>>> = seasons.iter().map(|one| shape(one, growth)).collect();
    let shares: Vec<f64> = (2..shapes.len()).map(|j| explained(&shapes[..j], &shapes[j])).collect();
    let needed = 0.15 + 0.3 / shares.len() as f64;
    Skill::Explains { share: median(shares), needed }
}

/// Whole seasons from the first point on, those that are filled as well as usual: what comes in office hours only, or
/// every quarter of an hour, fills no season whole.
fn split(history: &[(i64, f64)], m: usize) -> Vec<Vec<Option<f64>>> {
    let Some(&(first, _)) = history.first() else { return Vec::new() };
    let of = |bucket: i64| (bucket - first) / m as i64;
    let last = history.last().map_or(0, |&(bucket, _)| bucket + 1);
    let whole: Vec<&[(i64, f64)]> =
        history.chunk_by(|a, b| of(a.0) == of(b.0)).filter(|same| of(last) > of(same[0].0)).collect();
    let usual = median(whole.iter().map(|same| same.len() as f64).collect());
    whole
        .into_iter()
        .filter(|same| same.len() as f64 >= FILLED * usual)
        .map(|same| {
            let mut buckets = vec![None; m];
            for &(bucket, y) in same {
                buckets[((bucket - first) % m as i64) as usize] = Some(y);
            }
            buckets
        })
        .collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    sort_numbers(&mut values);
    let n = values.len();
    if n == 0 { 0.0 } else { 0.5 * (values[(n - 1) / 2] + values[n / 2]) }
}

fn level(season: &[Option<f64>]) -> f64 {
    median(season.iter().flatten().copied().collect())
}

/// The season without its level and the growth within it.
fn shape(season: &[Option<f64>], growth: f64) -> Vec<Option<f64>> {
    let level = level(season);
    let m = season.len() as f64;
    let dust = 1e-9 * (level.abs() + growth.abs());
    let rest = |y: f64, i: i32| y - level - growth * ((f64::from(i) + 0.5) / m - 0.5);
    season
        .iter()
        .zip(0..)
        .map(|(y, i)| y.map(|y| rest(y, i)).map(|y| if y.abs() < dust { 0.0 } else { y }))
        .collect()
}

/// Skill of the mean shape of `past` (the last six of it) on `next`.
fn explained(past: &[Vec<Option<f64>>], next: &[Option<f64>]) -> f64 {
    let past = &past[past.len().saturating_sub(MOST_SEASONS)..];
    let mut errors = Vec::new();
    let mut deviations = Vec::new();
    for (k, y) in next.iter().enumerate() {
        let known: Vec<f64> = past.iter().filter_map(|season| season[k]).collect();
        if let Some(y) = *y
            && !known.is_empty()
        {
            let n = known.len() as f64;
            errors.push((y - known.iter().sum::<f64>() / n) / (1.0 + 1.0 / n).sqrt());
            deviations.push(y);
        }
    }
    // both about their medians: the level of the season is no matter of its shape
    let spread = |values: &[f64]| {
        let middle = median(values.to_vec());
        values.iter().map(|x| (x - middle).abs()).sum::<f64>()
    };
    let all = spread(&deviations);
    if all > 0.0 { 1.0 - spread(&errors) / all } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(n: i64, f: impl Fn(i64) -> f64) -> Vec<(i64, f64)> {
        (0..n).map(|t| (t, f(t))).collect()
    }

    fn explains(history: &[(i64, f64)]) -> f64 {
        match skill(history, 60, Seasonality::Hourly) {
            Skill::Explains { share, .. } => share,
            Skill::TooShort => panic!("too short"),
        }
    }

    #[test]
    fn a_shape_that_repeats_is_explained() {
        assert!(explains(&history(600, |t| (t % 60 - 30).abs() as f64)) > 0.99);
        // with growth and with a shift of level
        assert!(explains(&history(600, |t| (t % 60 - 30).abs() as f64 + 0.5 * t as f64)) > 0.99);
        let shifted = |t: i64| (t % 60 - 30).abs() as f64 + if t >= 300 { 500.0 } else { 0.0 };
        assert!(explains(&history(600, shifted)) > 0.99);
    }

    #[test]
    fn constants_lines_and_other_periods_are_not() {
        assert_eq!(explains(&history(600, |_| 7.0)), 0.0);
        assert!(explains(&history(600, |t| 3.0 * t as f64)) <= 0.01);
        assert!(explains(&history(600, |t| (t % 47 - 23).abs() as f64)) < 0.1);
    }

    #[test]
    fn three_whole_seasons_are_needed() {
        assert_eq!(skill(&history(179, |t| t as f64), 60, Seasonality::Hourly), Skill::TooShort);
        let three = skill(&history(180, |t| t as f64), 60, Seasonality::Hourly);
        assert!(matches!(three, Skill::Explains { needed, .. } if (needed - 0.45).abs() < 1e-9), "{three:?}");
        assert_eq!(skill(&[], 60, Seasonality::Hourly), Skill::TooShort);
    }
}
