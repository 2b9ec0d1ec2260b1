//! `GET /api/v1/query`.

use super::http::Http;
use super::settings::{DatadogError, DatadogSettings};
use super::{QueryApi, QueryWindow, Reply, answer};

/// The first query endpoint: names metric, scope and interval of each series.
#[derive(Debug)]
pub struct QueryV1(Http);

impl QueryV1 {
    /// A client; connects at the first query.
    ///
    /// # Errors
    /// [`DatadogError`].
    pub fn new(settings: &DatadogSettings) -> Result<Self, DatadogError> {
        Http::new(settings).map(Self)
    }
}

impl QueryApi for QueryV1 {
    fn query(&self, query: &str, window: QueryWindow) -> Reply {
        let (from, to) = (window.from.to_string(), window.to.to_string());
        let parameters = [("from", from.as_str()), ("to", to.as_str()), ("query", query)];
        self.0.get("/api/v1/query", &parameters, |body| answer::v1(body, query))
    }
}
