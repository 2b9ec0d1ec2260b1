//! Classes for JavaScript: convert, call, convert back. Off WASM the crate is empty.
#![cfg(target_arch = "wasm32")]

use js_sys::{Array, Object};
use wasm_bindgen::prelude::{JsError, JsValue, wasm_bindgen};

use fluent_anomaly_engine::{Copies, Evaluation, Preview, Settings, problems_json, suggestion_json};

#[cfg(feature = "talc")]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

#[cfg(all(feature = "wee_alloc", not(feature = "talc")))]
#[global_allocator]
static ALLOCATOR: wee_alloc::WeeAlloc<'static> = wee_alloc::WeeAlloc::INIT;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = include_str!("types.d.ts");

#[wasm_bindgen]
extern "C" {
    /// Settings by key.
    #[wasm_bindgen(typescript_type = "SeriesSettings")]
    pub type JsSettings;
    /// Problems of settings.
    #[wasm_bindgen(typescript_type = "SettingsProblem[]")]
    pub type JsProblems;
    /// Suggested settings.
    #[wasm_bindgen(typescript_type = "SettingsSuggestion")]
    pub type JsSuggestion;
    /// Texts and counts.
    #[wasm_bindgen(typescript_type = "EvaluationReport")]
    pub type JsReport;
}

/// One series, to be evaluated again and again.
#[wasm_bindgen(js_name = Series)]
#[derive(Debug)]
pub struct JsSeries(Preview);

#[wasm_bindgen(js_class = Series)]
impl JsSeries {
    /// Takes the points of a series: whole seconds since 1970, and values. Values that are not finite are no points.
    ///
    /// # Errors
    /// When the lengths differ or a time is no whole number of seconds.
    #[wasm_bindgen(constructor)]
    pub fn new(times: &[f64], values: &[f64]) -> Result<Self, JsError> {
        Ok(Self(Preview::new(times, values)?))
    }

    /// Runs the monitor and ChangeFinder over all points.
    ///
    /// # Errors
    /// When the settings have problems; `check` tells them one by one.
    pub fn evaluate(&mut self, settings: &JsSettings) -> Result<JsEvaluation, JsError> {
        let settings = read(settings);
        let checked = settings.check().map_err(|problems| {
            let lines = problems.iter().map(|problem| format!("{}: {}", problem.key, problem.message));
            JsError::new(&lines.collect::<Vec<_>>().join("\n"))
        })?;
        let evaluation = self.0.evaluate(&checked);
        let report = Copies::new(&settings, &checked).to_json(&evaluation.summary, &checked.monitor);
        Ok(JsEvaluation { evaluation, report })
    }

    /// Suggests settings for this series, each with its reason. Candidates are run over the series.
    ///
    /// # Errors
    /// When there are too few points.
    pub fn suggest(&self) -> Result<JsSuggestion, JsError> {
        let suggestion = self.0.suggest(&[])?;
        Ok(parsed(&suggestion_json(&suggestion)).into())
    }
}

/// What is wrong with settings, in the words of `fluent-anomaly check`; an empty array when nothing is.
#[wasm_bindgen]
#[must_use]
pub fn check(settings: &JsSettings) -> JsProblems {
    let problems = read(settings).check().map_or_else(|problems| problems, |_| Vec::new());
    parsed(&problems_json(&problems)).into()
}

/// What an evaluation says, as typed arrays: a value a point, NaN where there is none.
#[wasm_bindgen(js_name = Evaluation)]
#[derive(Debug)]
pub struct JsEvaluation {
    evaluation: Evaluation,
    report: String,
}

/// Getters that copy a column.
macro_rules! columns {
    ($($(#[$doc:meta])+ $name:ident: $kind:ty),+ $(,)?) => {
        #[wasm_bindgen(js_class = Evaluation)]
        impl JsEvaluation {
            $($(#[$doc])+
            #[wasm_bindgen(getter)]
            #[must_use]
            pub fn $name(&self) -> Vec<$kind> {
                self.evaluation.columns.$name.clone()
            })+

            /// Query, INI, JSON, plain words and counts.
            #[wasm_bindgen(getter)]
            #[must_use]
            pub fn report(&self) -> JsReport {
                parsed(&self.report).into()
            }
        }
    };
}

columns! {
    /// Time of each row, s: points that count, and changes in a silence.
    time: f64,
    /// Value of the point's bucket so far.
    value: f64,
    /// Most likely value.
    expected: f64,
    /// Least value that is no anomaly.
    lower: f64,
    /// Largest value that is no anomaly.
    upper: f64,
    /// Share of anomalous points in the trigger window, 0 to 1.
    share: f64,
    /// 1 where the value is anomalous.
    anomalous: u8,
    /// 0 OK, 1 WARN, 2 ALERT, 3 NO DATA, 4 not judged yet: there is no band.
    status: u8,
    /// Outlier score of each point of the series.
    outlier: f64,
    /// Change score of each point of the series.
    change: f64,
}

fn parsed(json: &str) -> JsValue {
    js_sys::JSON::parse(json).unwrap_or(JsValue::NULL)
}

fn read(settings: &JsSettings) -> Settings {
    let mut read = Settings::default();
    let object: &JsValue = settings.as_ref();
    let Some(object) = object.dyn_ref_object() else { return read };
    for entry in Object::entries(object).iter() {
        let entry = Array::from(&entry);
        let value = entry.get(1);
        if let Some(key) = entry.get(0).as_string()
            && !value.is_null()
            && !value.is_undefined()
        {
            read.set(&key, &String::from(Object::from(value).to_string()));
        }
    }
    read
}

/// `dyn_ref` for the one type that is asked for.
trait ObjectRef {
    fn dyn_ref_object(&self) -> Option<&Object>;
}

impl ObjectRef for JsValue {
    fn dyn_ref_object(&self) -> Option<&Object> {
        wasm_bindgen::JsCast::dyn_ref(self)
    }
}
