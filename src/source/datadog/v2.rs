//! `POST /api/v2/query/timeseries`.

use super::http::Http;
use super::settings::{DatadogError, DatadogSettings};
use super::{QueryApi, QueryWindow, Reply, answer};

/// The second query endpoint: an explicit interval, no limit of the query's length.
#[derive(Debug)]
pub struct QueryV2(Http);

impl QueryV2 {
    /// A client; connects at the first query.
    ///
    /// # Errors
    /// [`DatadogError`].
    pub fn new(settings: &DatadogSettings) -> Result<Self, DatadogError> {
        Http::new(settings).map(Self)
    }
}

impl QueryApi for QueryV2 {
    fn query(&self, query: &str, window: QueryWindow) -> Reply {
        let interval = self.0.settings.interval;
        let mut attributes = serde_json::json!({
            "from": window.from.saturating_mul(1000),
            "to": window.to.saturating_mul(1000),
            "queries": [{"data_source": "metrics", "name": "a", "query": query}],
            "formulas": [{"formula": "a"}],
        });
        if let (Some(interval), Some(fields)) = (interval, attributes.as_object_mut()) {
            fields.insert("interval".to_owned(), (u64::from(interval) * 1000).into());
        }
        let body =
            serde_json::json!({"data": {"type": "timeseries_request", "attributes": attributes}}).to_string();
        self.0.post("/api/v2/query/timeseries", &body, |body| answer::v2(body, query, interval))
    }
}
