//! The Datadog Anomaly Detector as an oracle: its arithmetic written again from its source (takuti/datadog-anomaly-detector,
//! MIT), its document, and a query API that serves what it would be asked for.

use std::collections::BTreeMap;
use std::f64::consts::PI;

use super::http_server::{Answer, Request};

/// The document at the commit whose `datadog.ini` and td-agent.conf people have.
pub(crate) const DOCUMENT: &str = include_str!("../data/predecessor/README.md");

/// Its `config/datadog.ini`, to the letter.
pub(crate) fn ini() -> String {
    let (_, rest) = DOCUMENT.split_once("\t$ cat config/datadog.ini\n").expect("the document holds it");
    let (ini, _) = rest.split_once("\nYou can insert").expect("text follows it");
    ini.lines().map(|line| line.strip_prefix('\t').unwrap_or(line)).map(|line| format!("{line}\n")).collect()
}

/// Its td-agent.conf, to the letter.
pub(crate) fn td_agent() -> String {
    let (_, rest) = DOCUMENT.split_once("```apache\n").expect("the document holds it");
    rest.split_once("```").expect("the block ends").0.to_owned()
}

/// `SDAR_1D` of changefinder_1d.py, with Yule and Walker's equation.
struct Sdar {
    r: f64,
    mu: f64,
    sigma: f64,
    c: Vec<f64>,
}

impl Sdar {
    fn new(r: f64, k: usize) -> Self {
        Self { r, mu: 0.0, sigma: 0.0, c: vec![0.0; k + 1] }
    }

    /// The probability density of `x` behind `past`, the latest value last.
    fn update(&mut self, x: f64, past: &[f64]) -> f64 {
        let (r, k) = (self.r, self.c.len() - 1);
        self.mu = (1.0 - r) * self.mu + r * x;
        self.c[0] = (1.0 - r) * self.c[0] + r * (x - self.mu) * (x - self.mu);
        let back: Vec<f64> = past.iter().rev().take(k).map(|value| value - self.mu).collect();
        for (c, value) in self.c[1..].iter_mut().zip(&back) {
            *c = (1.0 - r) * *c + r * (x - self.mu) * value;
        }
        let a = levinson(&self.c, k);
        let x_hat = a.iter().zip(&back).map(|(a, value)| a * value).sum::<f64>() + self.mu;
        self.sigma = (1.0 - r) * self.sigma + r * (x - x_hat) * (x - x_hat);
        if self.sigma == 0.0 {
            return 0.0;
        }
        let numerator = (-0.5 * (x - x_hat) * (x - x_hat) / self.sigma).exp();
        numerator / ((2.0 * PI).sqrt() * self.sigma.sqrt())
    }
}

/// `aryule_levinson` of utils.py.
fn levinson(c: &[f64], k: usize) -> Vec<f64> {
    if c[0] == 0.0 {
        return vec![0.0; k];
    }
    let mut g = -c[1] / c[0];
    let mut a = vec![0.0; k];
    a[0] = g;
    let mut v = c[0] * (1.0 - g * g);
    for t in 1..k {
        if v == 0.0 {
            continue;
        }
        g = -c[t + 1];
        for j in 0..t {
            g -= a[j] * c[t - j];
        }
        g /= v;
        let turned: Vec<f64> = (0..t).map(|j| a[t - 1 - j]).collect();
        for (a, turned) in a.iter_mut().zip(turned) {
            *a += g * turned;
        }
        a[t] = g;
        v *= 1.0 - g * g;
    }
    a.iter().map(|a| -a).collect()
}

/// `ChangeFinder` of changefinder_1d.py, with the logarithmic loss.
pub(crate) struct ChangeFinder {
    xs: Vec<f64>,
    outliers: Vec<f64>,
    first: Sdar,
    ys: Vec<f64>,
    changes: Vec<f64>,
    second: Sdar,
}

fn append(window: &mut Vec<f64>, value: f64) {
    window.remove(0);
    window.push(value);
}

fn mean(window: &[f64]) -> f64 {
    window.iter().sum::<f64>() / window.len() as f64
}

fn log_loss(p: f64) -> f64 {
    if p == 0.0 { 0.0 } else { -p.ln() }
}

impl ChangeFinder {
    pub(crate) fn new(r: f64, k: usize, t1: usize, t2: usize) -> Self {
        Self {
            xs: vec![0.0; k],
            outliers: vec![0.0; t1],
            first: Sdar::new(r, k),
            ys: vec![0.0; k],
            changes: vec![0.0; t2],
            second: Sdar::new(r / 2.0, k),
        }
    }

    /// The outlier score and the change score.
    pub(crate) fn update(&mut self, x: f64) -> [f64; 2] {
        let outlier = log_loss(self.first.update(x, &self.xs));
        append(&mut self.outliers, outlier);
        append(&mut self.xs, x);
        let y = mean(&self.outliers);
        let change = log_loss(self.second.update(y, &self.ys));
        append(&mut self.changes, change);
        append(&mut self.ys, y);
        [outlier, mean(&self.changes)]
    }
}

/// `ModelSelection.select` of ar_1d.py: the order, and its AIC.
pub(crate) fn select(x: &[f64], max_k: usize) -> (usize, f64) {
    let (mut best, mut least) = (1, f64::INFINITY);
    for k in 1..x.len().min(max_k + 1) {
        let n = (x.len() - k) as f64;
        let mu = x[k..].iter().sum::<f64>() / n;
        let c: Vec<f64> =
            (0..=k).map(|j| (k..x.len()).map(|i| (x[i] - mu) * (x[i - j] - mu)).sum::<f64>() / n).collect();
        let a = levinson(&c, k);
        let sigma = a.iter().zip(&c[1..]).fold(c[0], |sigma, (a, c)| sigma - a * c);
        let v = (2.0 * PI * sigma).max(1e-100);
        let aic = x.len() as f64 * (v.ln() + 1.0) + 2.0 * (k as f64 + 1.0);
        if aic < least {
            (best, least) = (k, aic);
        }
    }
    (best, least)
}

/// What a section of the document's ini pulls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Source {
    pub(crate) section: &'static str,
    pub(crate) metric: &'static str,
    pub(crate) series: &'static [(&'static str, &'static str)],
}

/// `[datadog.cpu]`, by host; two series.
pub(crate) const CPU: Source = Source {
    section: "cpu",
    metric: "system.load.norm.5",
    series: &[
        ("chef_environment:production,chef_role:worker6-staticip,host:web1", "web1"),
        ("chef_environment:production,chef_role:worker6-staticip,host:web2", "web2"),
    ],
};

/// `[datadog.queue]`, one series without a host.
pub(crate) const QUEUE: Source =
    Source { section: "queue", metric: "queue.system.running", series: &[("*", "*")] };

impl Source {
    /// The value of a bucket; `None` is a null.
    pub(crate) fn value(&self, series: usize, time: i64) -> Option<f64> {
        let mut z = (time as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
            ^ (series as u64) << 32
            ^ (self.metric.len() as u64) << 40;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        if z.is_multiple_of(23) {
            return None;
        }
        let spike = if z.is_multiple_of(41) { 25.0 } else { 0.0 };
        Some((time as f64 / 3000.0).sin() * 4.0 + series as f64 + spike + (z >> 44) as f64 / 1e5)
    }

    /// The length of the buckets that the API gives for a window.
    pub(crate) fn interval(from: i64, to: i64) -> i64 {
        if to - from > 4 * 3600 { 300 } else { 20 }
    }

    /// The points of a window with both ends, in the order in which the original feeds them.
    pub(crate) fn points(&self, from: i64, to: i64, interval: i64) -> Vec<(i64, usize)> {
        let first = (from + interval - 1).div_euclid(interval) * interval;
        let times = (0..).map(|n| first + n * interval).take_while(|time| *time <= to);
        times.flat_map(|time| (0..self.series.len()).map(move |series| (time, series))).collect()
    }

    /// The API's answer, without the buckets that `hidden` holds back.
    fn answer(&self, from: i64, to: i64, hidden: &dyn Fn(usize, i64) -> bool) -> String {
        let interval = Self::interval(from, to);
        let series: Vec<String> = self
            .series
            .iter()
            .enumerate()
            .map(|(number, (scope, _))| {
                let tags: Vec<String> =
                    scope.split(',').filter(|tag| *tag != "*").map(|tag| format!("{tag:?}")).collect();
                let points: Vec<String> = self
                    .points(from, to, interval)
                    .into_iter()
                    .filter(|(time, series)| *series == number && !hidden(number, *time))
                    .map(|(time, _)| match self.value(number, time) {
                        Some(value) => format!("[{}.0,{value}]", time * 1000),
                        None => format!("[{}.0,null]", time * 1000),
                    })
                    .collect();
                format!(
                    r#"{{"metric":"{}","scope":"{scope}","tag_set":[{}],"interval":{interval},"pointlist":[{}]}}"#,
                    self.metric,
                    tags.join(","),
                    points.join(",")
                )
            })
            .collect();
        format!(r#"{{"status":"ok","series":[{}]}}"#, series.join(","))
    }
}

/// Which source a request is about.
pub(crate) fn source_of(request: &Request) -> Source {
    let query = request.parameter("query");
    [CPU, QUEUE].into_iter().find(|source| query.contains(source.metric)).expect("one of the two queries")
}

/// Serves both queries; `hidden` says which buckets of a series are not there yet.
pub(crate) fn serve(request: &Request, hidden: impl Fn(usize, i64) -> bool) -> Answer {
    let source = source_of(request);
    Answer::json(source.answer(request.number("from"), request.number("to"), &hidden))
}

/// What the original makes of points in this order: both scores of each (series, time).
pub(crate) fn scores(source: &Source, points: &[(i64, usize)], k: usize) -> BTreeMap<(usize, i64), [f64; 2]> {
    let mut finder = ChangeFinder::new(0.02, k, 10, 5);
    let feed = |&(time, series): &(i64, usize)| {
        ((series, time), finder.update(source.value(series, time).unwrap_or(0.0)))
    };
    points.iter().map(feed).collect()
}

/// Equal within 1e-12, relative to the larger one where that is above 1.
#[track_caller]
pub(crate) fn assert_close(got: f64, wanted: f64, what: &str) {
    let scale = got.abs().max(wanted.abs()).max(1.0);
    assert!((got - wanted).abs() <= 1e-12 * scale, "{what}: {got} instead of {wanted}");
}
