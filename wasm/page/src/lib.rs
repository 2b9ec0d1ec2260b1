//! The page of `fluent-anomaly report`: one HTML text that needs nothing else, neither files nor network.
//!
//! The engine is built by `build.rs`; the page's own files lie in `wasm/page/site` and are put together here.

mod template;

use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::json;

/// The engine: `wasm/page/engine` with plain exports. Empty where it could not be built.
const ENGINE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/engine.wasm"));

/// This program was built where the target of the engine was not installed, and has no page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoPage;

impl std::fmt::Display for NoPage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(concat!(
            "this program was built without the page: the target wasm32-unknown-unknown was not installed. Run `",
            env!("SET_UP"),
            "` and build again"
        ))
    }
}

impl std::error::Error for NoPage {}

/// The engine of the page.
///
/// # Errors
///
/// When there is none in this build.
pub fn engine() -> Result<&'static [u8], NoPage> {
    if ENGINE.is_empty() { Err(NoPage) } else { Ok(ENGINE) }
}

/// Joins files of the page.
macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        concat!($(include_str!(concat!("../site/", $name)), "\n"),+)
    };
}

const PAGE: &str = files!("page.html");
const LIGHT: &str = files!("vendor/uPlot.min.css", "page.css");
const DARK: &str = files!("dark.css");
const LAYOUT: &str = files!("layout.css");
const UPLOT: &str = files!("vendor/uPlot.iife.min.js");
const WORKER: &str = files!("unpack.js", "engine.js", "bins.js", "worker.js");
const SCRIPT: &str = files!(
    "host.js",
    "controls.js",
    "charts.js",
    "judge.js",
    "alarms.js",
    "trail.js",
    "together.js",
    "overview.js",
    "picker.js",
    "view.js",
    "touch.js",
    "main.js",
    "extras.js",
    "start.js",
);

const WAITING: &str = files!("waiting.html");

/// The page that a served report has before the first records: it asks for `changes` since `version`, and loads itself
/// anew. `path` is waited for; `problem` says why what came makes no page, or nothing.
#[must_use]
pub fn waiting(path: &str, problem: &str, version: u64) -> String {
    let (path, problem) = (template::escaped(path), template::escaped(problem));
    let parts = [("path", path.as_str()), ("problem", &problem), ("version", &version.to_string())];
    template::fill(WAITING, &parts)
}

/// What a page shows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// What the data is, for the heading.
    pub title: String,
    /// The series, each with at least one point.
    pub series: Vec<Series>,
    /// Where the controls stand at first, by key; without them each report begins with what the history suggests.
    pub settings: Option<Vec<(String, String)>>,
    /// Known incidents.
    pub incidents: Vec<Incident>,
    /// What the reader has to know, such as lines left out.
    pub notes: Vec<String>,
    /// Of a page that is served: which one it is. It asks for `changes` since then.
    pub version: Option<u64>,
}

/// Points of one series.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series {
    /// What it is called.
    pub name: String,
    /// Series with the same text here are compared with each other, where they are compared.
    pub group: String,
    /// Seconds since 1970, in the order in which the points came.
    pub times: Vec<i64>,
    /// One for each time.
    pub values: Vec<f64>,
}

/// Something that was wrong for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// Index of its series.
    pub series: usize,
    /// First second.
    pub from_s: i64,
    /// Last second.
    pub to_s: i64,
    /// In a few words.
    pub label: String,
}

impl Report {
    /// The page.
    ///
    /// # Errors
    ///
    /// When this build has no engine for it.
    pub fn html(&self) -> Result<String, NoPage> {
        let wasm = engine()?;
        let mut data = String::new();
        let mut listed = Vec::new();
        for (index, series) in self.series.iter().enumerate() {
            let step = even_step(&series.times);
            let mut bytes: Vec<u8> = series.values.iter().flat_map(|value| value.to_le_bytes()).collect();
            if step.is_none() {
                bytes.extend(series.times.iter().flat_map(|&time| (time as f64).to_le_bytes()));
            }
            data += &format!("<script type=\"text/plain\" data-series=\"{index}\">");
            BASE64_STANDARD.encode_string(&bytes, &mut data);
            data += "</script>\n";
            listed.push(json!({
                "name": series.name,
                "group": series.group,
                "points": series.times.len(),
                "start": series.times.first(),
                "end": series.times.last(),
                "step": step.unwrap_or(0),
            }));
        }
        let incident = |incident: &Incident| json!({"series": incident.series, "from": incident.from_s, "to": incident.to_s, "label": incident.label});
        let settings = self.settings.as_ref().map(|settings| {
            let pairs = settings.iter().map(|(key, value)| (key.clone(), json!(value)));
            serde_json::Value::Object(pairs.collect())
        });
        let meta = json!({
            "title": self.title,
            "until": self.series.iter().filter_map(|series| series.times.iter().max()).max(),
            "series": listed,
            "settings": settings,
            "incidents": self.incidents.iter().map(incident).collect::<Vec<_>>(),
            "notes": self.notes,
            "version": self.version,
        });
        // nothing in the data can end the element it stands in
        let meta = meta.to_string().replace('<', "\\u003c");
        let mut engine = String::with_capacity(wasm.len() * 4 / 3 + 4);
        BASE64_STANDARD.encode_string(wasm, &mut engine);
        Ok(template::fill(
            PAGE,
            &[
                ("title", &template::escaped(&self.title)),
                ("style", &style()),
                ("meta", &meta),
                ("series", &data),
                ("engine", &engine),
                ("worker", WORKER),
                ("uplot", UPLOT),
                ("script", &format!("(() => {{\n\"use strict\";\n{SCRIPT}}})();")),
            ],
        ))
    }
}

/// Dark where the system or the reader says so.
fn style() -> String {
    format!(
        "{LIGHT}@media (prefers-color-scheme: dark) {{ :root:not([data-theme=\"light\"]) {{\n{DARK}}} }}\n\
         :root[data-theme=\"dark\"] {{\n{DARK}}}\n{LAYOUT}"
    )
}

/// The distance of all times, if there is one.
fn even_step(times: &[i64]) -> Option<i64> {
    let [first, second, ..] = times else { return None };
    let step = second.checked_sub(*first).filter(|step| *step > 0)?;
    times.windows(2).all(|pair| matches!(pair, [a, b] if b.checked_sub(*a) == Some(step))).then_some(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(name: &str, times: &[i64]) -> String {
        let values = vec![1.5; times.len()];
        let series = Series { name: name.to_owned(), times: times.to_vec(), values, ..Series::default() };
        let report = Report { title: "a <b> & c".to_owned(), series: vec![series], ..Report::default() };
        report.html().unwrap_or_else(|missing| panic!("{missing}"))
    }

    #[test]
    fn names_cannot_end_the_element_they_stand_in() {
        let html = html("</script><script>alert(1)</script>{{worker}}", &[0, 60]);
        assert!(!html.contains("<script>alert"));
        assert!(html.contains("<title>a &lt;b&gt; &amp; c</title>"));
        assert!(html.contains("\\u003c/script>\\u003cscript>alert(1)\\u003c/script>{{worker}}"));
    }

    /// `cargo build --profile page` makes it; the bound is that of a page that people send each other.
    #[test]
    fn the_engine_has_at_most_420_000_bytes() {
        let size = engine().map_or(0, <[u8]>::len);
        assert!(size <= 420_000, "{size} bytes");
    }

    #[test]
    fn nothing_is_fetched() {
        let html = html("x", &[0, 60]);
        let own = html.replace("https://github.com/leeoniya/uPlot", "");
        for outside in ["src=\"", "href=\"http", "https://", "http://", "import(", "@import", "url("] {
            assert!(!own.contains(outside), "{outside}");
        }
        assert!(html.contains("default-src 'none'"));
    }

    #[test]
    fn even_times_cost_nothing() {
        assert_eq!(even_step(&[0, 60, 120]), Some(60));
        for times in [&[][..], &[5], &[0, 60, 121], &[60, 0], &[0, 0], &[i64::MIN, i64::MAX]] {
            assert_eq!(even_step(times), None, "{times:?}");
        }
        let even = html("x", &(0..1000).map(|n| n * 60).collect::<Vec<_>>()).len();
        let odd = html("x", &(0..1000).map(|n| n * n).collect::<Vec<_>>()).len();
        assert!(odd > even + 10_000);
    }
}
