//! What the tests of windows begin with.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::bank::MemoryStorage;
use crate::config::Config;
use crate::pipeline::Pipeline;
use crate::record::Format;
use crate::time::{HostClock, Time};

pub(super) const TAG: &[u8] = b"app.web";
pub(super) const PLAIN: &str = "k: 2\nwarm_up: off\nanomaly_score: off\n";

pub(super) fn pipeline(ini: &str) -> Pipeline {
    Pipeline::new(&Config::parse("f.ini", ini).unwrap(), Format::Json, None)
}

/// One that goes on with the state of this disk.
pub(super) fn open(ini: &str, disk: &MemoryStorage) -> Pipeline {
    let config = Config::parse("f.ini", ini).unwrap();
    Pipeline::new(&config, Format::Json, Some(Box::new(disk.clone())))
}

/// What the log says, with what is told of records without a score.
pub(super) fn log(pipeline: &mut Pipeline) -> String {
    pipeline.tell_unscored();
    pipeline.take_log().join("\n")
}

#[derive(Clone)]
pub(super) struct Clock(Arc<AtomicI64>);

impl Clock {
    pub(super) fn at(seconds: i64) -> Self {
        Self(Arc::new(AtomicI64::new(seconds)))
    }

    pub(super) fn set(&self, seconds: i64) {
        self.0.store(seconds, Ordering::Relaxed);
    }
}

impl HostClock for Clock {
    fn now(&mut self) -> Option<Time> {
        Some(Time::from_seconds(self.0.load(Ordering::Relaxed)))
    }
}
