//! A host of one's own: everything that a program around the pipeline has to do.
//!
//! The filter for Fluent Bit and the command `filter` do the same three things: they give each record with its tag
//! and time to the pipeline, they pass its log on, and they flush before a stop. Saved models live behind the trait
//! `Storage`; the models go on where they were, bit for bit.
//!
//! ```sh
//! cargo run --example own_host
//! ```
//!
//! ```text
//! after a restart  {"waiting":60,"metric_outlier":"changefinder.outlier.queue","score_outlier":27.223715841791947,"metric_change":"changefinder.change.queue","score_change":5.811824045916545}
//! without a stop   {"waiting":60,"metric_outlier":"changefinder.outlier.queue","score_outlier":27.223715841791947,"metric_change":"changefinder.change.queue","score_change":5.811824045916545}
//! ```
use fluent_anomaly::state::{MemoryStorage, Storage};
use fluent_anomaly::{Config, Format, Pipeline, Time};

const CONFIG: &str = "
[series.queue]
match: jobs
value: $waiting
k: 3
";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::parse("fluent-anomaly.ini", CONFIG)?;

    // a real host opens `bank::folder_storage::Folder`, or writes a `Storage` of its own: seven file operations
    let disk = MemoryStorage::new();
    let mut first = Host::start(&config, Box::new(disk.clone()));
    for t in 0..200 {
        first.record("jobs", t, format!(r#"{{"waiting":{}}}"#, 5 + t % 4))?;
    }
    first.stop();

    // the next process finds the models of the last one
    let mut second = Host::start(&config, Box::new(disk));
    let record = second.record("jobs", 200, r#"{"waiting":60}"#.to_owned())?;
    println!("after a restart  {record}");
    second.stop();

    let mut without = Pipeline::new(&config, Format::Json, None);
    let mut record = Vec::new();
    for t in 0..=200 {
        let waiting = if t == 200 { 60 } else { 5 + t % 4 };
        record = format!(r#"{{"waiting":{waiting}}}"#).into_bytes();
        without.process(b"jobs", Time::from_seconds(1_700_000_000 + t), &mut record);
    }
    println!("without a stop   {}", String::from_utf8(record)?);
    Ok(())
}

struct Host {
    pipeline: Pipeline,
}

impl Host {
    fn start(config: &Config, storage: Box<dyn Storage>) -> Self {
        Self { pipeline: Pipeline::new(config, Format::Json, Some(storage)) }
    }

    /// A record in, the same record with its scores out. This cannot fail, and no record gets lost.
    fn record(&mut self, tag: &str, t: i64, text: String) -> Result<String, std::string::FromUtf8Error> {
        let mut record = text.into_bytes();
        self.pipeline.process(tag.as_bytes(), Time::from_seconds(1_700_000_000 + t), &mut record);
        self.pass_log_on();
        String::from_utf8(record)
    }

    /// State that was set aside, a full disk: the pipeline tells, the host decides where.
    fn pass_log_on(&mut self) {
        for line in self.pipeline.take_log() {
            eprintln!("own_host: {line}");
        }
    }

    fn stop(mut self) {
        self.pipeline.flush();
        self.pass_log_on();
    }
}
