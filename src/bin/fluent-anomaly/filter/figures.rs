//! The filter's own figures: `metrics.prom` in the state folder, and `--metrics`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use fluent_anomaly::Pipeline;
use fluent_anomaly::native::{atomic, metrics};

use crate::failure::Failure;

/// Between two writings of the file.
const MINUTE: Duration = Duration::from_secs(60);

/// Where figures go.
#[derive(Debug)]
pub(super) struct Figures {
    file: Option<PathBuf>,
    written: Option<Instant>,
    served: Option<Arc<Mutex<String>>>,
}

impl Figures {
    /// Begins to serve, where an address is given.
    pub(super) fn new(address: Option<SocketAddr>) -> Result<Self, Failure> {
        let served = address.map(|_| Arc::new(Mutex::new(String::new())));
        if let (Some(address), Some(text)) = (address, &served) {
            let text = text.clone();
            let render = move || metrics::openmetrics(&text.lock().unwrap_or_else(PoisonError::into_inner));
            let found =
                metrics::serve(address, render).map_err(|error| Failure::Failed(error.to_string()))?;
            tell!("fluent-anomaly: metrics at http://{found}/metrics");
        }
        Ok(Self { file: None, written: None, served })
    }

    /// Figures are written into the state folder from now on, where there is one.
    pub(super) fn write_into(&mut self, state: Option<PathBuf>) {
        self.file = state.map(|folder| folder.join("metrics.prom"));
    }

    /// The next update is the last one.
    pub(super) fn end(&mut self) {
        self.written = None;
    }

    /// Called whenever input pauses, and at the end. Says once what keeps the file from being written.
    pub(super) fn update(&mut self, pipeline: &Pipeline) -> Option<String> {
        if let Some(text) = &self.served {
            *text.lock().unwrap_or_else(PoisonError::into_inner) = pipeline.figures().to_text();
        }
        let path = self.file.as_ref()?;
        if self.written.is_some_and(|written| written.elapsed() < MINUTE) {
            return None;
        }
        self.written = Some(Instant::now());
        let error = atomic::write_text(path, &pipeline.figures().to_text()).err()?;
        let told = format!("{} is not written any more: {error}", path.display());
        self.file = None;
        Some(told)
    }
}
